/*
 * session_check.c
 *		See session_check.h.
 *
 * Each put writes its value once. So a session goes back if it sees a value again after something else, or sees
 * a value of which an operation ended before one of a value that it saw earlier began (the consistent gets of a
 * value count as its operations, as in linear_check.c), or sees no item although all deletes came before what it
 * saw.
 */
#include "tools/session_check.h"

#include <stdlib.h>

#include "tools/linear_zones.h"

/* A delete that did not fail; latest_end_us is the end of it and of all that started before it. */
typedef struct Delete
{
	int64_t start_us;
	int64_t latest_end_us;
} Delete;

/* What is known of the key, and what the session under examination has seen. */
typedef struct SessionCheck
{
	ZoneTable table;
	size_t *seen_by; /* for each zone: number of the last session that saw it; 0: none */
	Delete *deletes; /* by start */
	size_t delete_count;
	size_t session;
	const HistoryOp *previous; /* the session's last get; NULL at its beginning */
	const Zone *newest;        /* of the zones that it saw the one that started last */
	const HistoryOp *newest_get;
	LinearResult result;
} SessionCheck;

static int
compare_deletes(const void *left, const void *right)
{
	const Delete *a = left;
	const Delete *b = right;

	return a->start_us < b->start_us ? -1 : a->start_us > b->start_us;
}

static void
collect_deletes(SessionCheck *check, const HistoryOp *ops, size_t count)
{
	check->deletes = linear_allocate(count, sizeof(Delete));
	for (size_t i = 0; i < count; i++)
	{
		if (ops[i].operation != HISTORY_DELETE || ops[i].outcome == HISTORY_FAIL)
			continue;
		check->deletes[check->delete_count++] = (Delete){
			.start_us = ops[i].start_us,
			.latest_end_us = ops[i].outcome == HISTORY_OK ? ops[i].end_us : INT64_MAX};
	}
	qsort(check->deletes, check->delete_count, sizeof(Delete), compare_deletes);
	for (size_t i = 1; i < check->delete_count; i++)
		if (check->deletes[i].latest_end_us < check->deletes[i - 1].latest_end_us)
			check->deletes[i].latest_end_us = check->deletes[i - 1].latest_end_us;
}

/* May a delete have taken effect after after_us that began by until_us? */
static bool
delete_explains(const SessionCheck *check, int64_t after_us, int64_t until_us)
{
	size_t low = 0;
	size_t high = check->delete_count;

	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (check->deletes[middle].start_us <= until_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && check->deletes[low - 1].latest_end_us >= after_us;
}

static void
see_absent(SessionCheck *check, const HistoryOp *get)
{
	if (check->newest && !delete_explains(check, check->newest->last_start_us, get->end_us))
		linear_reject(&check->result,
					  "a session found no item after a value that no delete can have removed", get,
					  check->newest_get);
}

static void
see_zone(SessionCheck *check, const Zone *zone, const HistoryOp *get)
{
	size_t *seen_by = &check->seen_by[zone - check->table.zones];

	if (get->end_us < zone->put->start_us)
		linear_reject(&check->result, "a get returned a value before its put began", get,
					  zone->put);
	else if (*seen_by == check->session)
	{
		if (check->previous->value != get->value)
			linear_reject(&check->result, "a session saw a value again after something else", get,
						  check->previous);
	}
	else if (check->newest && zone->first_end_us < check->newest->last_start_us)
		linear_reject(&check->result, "a session saw an older value after a newer one", get,
					  check->newest_get);
	*seen_by = check->session;
	if (!check->newest || zone->last_start_us > check->newest->last_start_us)
	{
		check->newest = zone;
		check->newest_get = get;
	}
}

static void
see(SessionCheck *check, const HistoryOp *ops, size_t count, const HistoryOp *get)
{
	const Zone *zone = linear_find_zone(&check->table, get->value);

	if (get->value == HISTORY_ABSENT)
		see_absent(check, get);
	else if (!zone)
		linear_reject_unwritten(ops, count, get, &check->result);
	else if (!linear_is_shared(&check->table, zone))
		see_zone(check, zone, get);
	check->previous = get;
}

/* By session, then by start. */
static int
compare_gets(const void *left, const void *right)
{
	const HistoryOp *a = *(const HistoryOp *const *) left;
	const HistoryOp *b = *(const HistoryOp *const *) right;

	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	if (a->connection != b->connection)
		return a->connection < b->connection ? -1 : 1;
	return a->start_us < b->start_us ? -1 : a->start_us > b->start_us;
}

static void
check_sessions(SessionCheck *check, const HistoryOp *ops, size_t count, const HistoryOp **gets,
			   size_t get_count)
{
	check->table = linear_build_table(ops, count);
	check->seen_by = linear_allocate(check->table.count, sizeof(size_t));
	collect_deletes(check, ops, count);
	/* What is wrong with a consistent get, linear_check_key() tells. */
	linear_add_gets(&check->table, ops, count, &(LinearResult){.verdict = LINEAR_YES});
	for (size_t i = 0; i < get_count && check->result.verdict == LINEAR_YES; i++)
	{
		if (i == 0 || gets[i]->process != gets[i - 1]->process ||
			gets[i]->connection != gets[i - 1]->connection)
		{
			check->session++;
			check->previous = NULL;
			check->newest = NULL;
		}
		see(check, ops, count, gets[i]);
	}
	free(check->table.zones);
	free(check->seen_by);
	free(check->deletes);
}

LinearResult
session_check_key(const HistoryOp *ops, size_t count)
{
	SessionCheck check = {.result = {.verdict = LINEAR_YES}};
	const HistoryOp **gets = linear_allocate(count, sizeof(*gets));
	size_t get_count = 0;

	for (size_t i = 0; i < count; i++)
		if (ops[i].operation == HISTORY_EVENTUAL_GET && ops[i].outcome == HISTORY_OK)
			gets[get_count++] = &ops[i];
	if (get_count > 0)
	{
		qsort(gets, get_count, sizeof(*gets), compare_gets);
		check_sessions(&check, ops, count, gets, get_count);
	}
	free(gets);
	return check.result;
}

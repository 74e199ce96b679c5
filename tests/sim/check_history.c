/*
 * check_history.c
 *		See check_history.h.
 */
#include "sim/check_history.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/sim_util.h"
#include "tools/linear_check.h"

/* No two writes of a history write the same value, so the checker never needs a search. */
#define NO_SEARCH 0

/* An operation and where the log has it: a write at its LSN, a read after the write whose value it returned. */
typedef struct Item
{
	const CheckOperation *operation;
	uint64_t number;
	uint64_t place;
} Item;

typedef struct Items
{
	Item *items;
	size_t capacity;
	size_t count;
} Items;

uint64_t
check_history_begin(CheckHistory *history, bool is_read, uint32_t group, uint32_t key,
					int64_t begun_us)
{
	uint64_t number = ++history->top;

	history->operations = sim_grow(history->operations, &history->capacity, number + 1,
								   sizeof(CheckOperation));
	history->operations[number] = (CheckOperation){
		.is_read = is_read,
		.group = group,
		.key = key,
		.begun_us = begun_us,
		.ended_us = CHECK_NEVER,
	};
	return number;
}

void
check_history_free(CheckHistory *history)
{
	free(history->operations);
}

/* ---------------------------------------------------------------- what the clients saw */

/* What its client knows of an operation; but a write without an answer that is in no log has failed. */
static HistoryOutcome
outcome_of(const CheckOperation *operation)
{
	if (operation->ended_us != CHECK_NEVER)
		return HISTORY_OK;
	return operation->is_read || operation->lsn == 0 ? HISTORY_FAIL : HISTORY_UNKNOWN;
}

static void
add_operation(History *clients, const CheckOperation *operation, uint64_t number)
{
	HistoryOp op = {
		.operation = operation->is_read ? HISTORY_GET : HISTORY_PUT,
		.outcome = outcome_of(operation),
		.value = (int64_t) (operation->is_read ? operation->value_read : number),
		.start_us = operation->begun_us,
		.end_us = operation->ended_us,
	};

	snprintf(op.key, sizeof(op.key), "%u.%u", operation->group, operation->key);
	if (operation->is_read && operation->value_read == 0)
		op.value = HISTORY_ABSENT;
	history_append(clients, &op);
}

static void
format_op(const HistoryOp *op, char *text, size_t text_bytes)
{
	snprintf(text, text_bytes, "%s of %" PRId64 " (%" PRId64 "..%" PRId64 " us)",
			 op->operation == HISTORY_GET ? "read" : "write",
			 op->value == HISTORY_ABSENT ? 0 : op->value, op->start_us, op->end_us);
}

static void
report_key(const HistoryOp *ops, const LinearResult *result, CheckReport *report)
{
	char stuck[100];
	char against[100] = "nothing";

	format_op(&result->stuck, stuck, sizeof(stuck));
	if (result->has_against)
		format_op(&result->against, against, sizeof(against));
	check_fail(report, "linearizability", "key %s (group.key): %s: %s, against %s", ops->key,
			   result->why, stuck, against);
}

static void
check_clients(const CheckHistory *history, CheckReport *report)
{
	History clients = {0};

	for (uint64_t number = 1; number <= history->top; number++)
		add_operation(&clients, &history->operations[number], number);
	history_sort(&clients);
	for (size_t first = 0; first < clients.count;)
	{
		size_t count = history_key_run(&clients, first);
		LinearResult result = linear_check_key(&clients.ops[first], count, NO_SEARCH);

		if (result.verdict != LINEAR_YES)
			report_key(&clients.ops[first], &result, report);
		first += count;
	}
	history_free(&clients);
}

/* ---------------------------------------------------------------- the order of the log */

static bool
same_register(const Item *a, const Item *b)
{
	return a->operation->group == b->operation->group && a->operation->key == b->operation->key;
}

/* By register, then as the log has them, a write before the reads of its value and these as they began. */
static int
compare_places(const void *left, const void *right)
{
	const Item *a = left;
	const Item *b = right;

	if (a->operation->group != b->operation->group)
		return a->operation->group < b->operation->group ? -1 : 1;
	if (a->operation->key != b->operation->key)
		return a->operation->key < b->operation->key ? -1 : 1;
	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	if (a->operation->is_read != b->operation->is_read)
		return a->operation->is_read ? 1 : -1;
	if (a->operation->begun_us != b->operation->begun_us)
		return a->operation->begun_us < b->operation->begun_us ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* Writes that were committed, answered or not, and reads that were answered. */
static bool
has_place(const CheckOperation *operation)
{
	return operation->is_read ? operation->ended_us != CHECK_NEVER : operation->lsn != 0;
}

static Items
collect_items(const CheckHistory *history)
{
	Items all = {0};

	for (uint64_t number = 1; number <= history->top; number++)
	{
		const CheckOperation *operation = &history->operations[number];
		uint64_t place = operation->lsn;

		if (!has_place(operation))
			continue;
		if (operation->is_read)
			place = operation->value_read == 0 ? 0 : history->operations[operation->value_read].lsn;
		all.items = sim_grow(all.items, &all.capacity, all.count + 1, sizeof(Item));
		all.items[all.count++] = (Item){.operation = operation, .number = number, .place = place};
	}
	if (all.count > 0)
		qsort(all.items, all.count, sizeof(Item), compare_places);
	return all;
}

static void
report_order(const Item *earlier, const Item *later, CheckReport *report)
{
	check_fail(report, "log order",
			   "key %u in group %u: %s %" PRIu64 " began (%" PRId64 " us) after %s %" PRIu64
			   " ended (%" PRId64 " us) but the log has it before (%" PRIu64 ", %" PRIu64 ")",
			   earlier->operation->key, earlier->operation->group,
			   earlier->operation->is_read ? "read" : "write", earlier->number,
			   earlier->operation->begun_us, later->operation->is_read ? "read" : "write",
			   later->number, later->operation->ended_us, earlier->place, later->place);
}

/* Nothing may have ended before something began that the log has earlier. */
static void
check_log_order(const CheckHistory *history, CheckReport *report)
{
	Items all = collect_items(history);
	const Item *latest = NULL; /* of the register's operations so far, the one that began last */

	for (const Item *item = all.items; item < all.items + all.count; item++)
	{
		if (latest && !same_register(latest, item))
			latest = NULL;
		if (latest && item->operation->ended_us < latest->operation->begun_us)
			report_order(latest, item, report);
		if (!latest || item->operation->begun_us > latest->operation->begun_us)
			latest = item;
	}
	free(all.items);
}

void
check_history_run(const CheckHistory *history, CheckReport *report)
{
	check_clients(history, report);
	/* Each read is known by now to have returned the value of a write of its key. */
	if (!report->failed)
		check_log_order(history, report);
}

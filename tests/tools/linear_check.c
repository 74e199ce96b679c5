/*
 * linear_check.c
 *		Decides linearizability of one key by the times at which its values must be there.
 *
 * Deciding it is hard in general, but not when every value that was read was written by one put: then it is
 * known which put a get read, and nothing has to be searched (Gibbons and Korach, "Testing shared memories",
 * 1997). A put and the gets of its value form a zone (linear_zones.h). The history is linearizable if and only if
 * no get ended before its put began, held zones do not overlap, no brief zone lies inside of a held one, and
 * deletes and gets of no item find moments outside of the held zones (linear_absent.c).
 *
 * A put of unknown outcome has no end of its own; if somebody read it, the first end of its zone is that of a
 * get, by which it took effect. If nobody did, its zone has no end and stands in nobody's way: the put may take
 * effect after all others, or never.
 *
 * Two moments may be equal: an operation that starts in the microsecond in which another one ends counts as
 * concurrent with it.
 *
 * The histories of our clients never write a value twice. For one that does, linear_search.c searches.
 */
#include "tools/linear_zones.h"

#include <stdlib.h>

#include "tools/linear_search.h"

void *
linear_allocate(size_t count, size_t bytes)
{
	void *memory = calloc(count ? count : 1, bytes);

	if (!memory)
	{
		perror("linear_check");
		abort();
	}
	return memory;
}

void
linear_reject(LinearResult *result, const char *why, const HistoryOp *stuck,
			  const HistoryOp *against)
{
	result->verdict = LINEAR_NO;
	result->why = why;
	result->stuck = *stuck;
	result->has_against = against != NULL;
	if (against)
		result->against = *against;
}

/* ---------------------------------------------------------------- held zones */

const Zone *
linear_last_held(const Zones *zones, int64_t at_us)
{
	size_t low = 0;
	size_t high = zones->held_count;

	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (zones->held[middle].first_end_us < at_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? &zones->held[low - 1] : NULL;
}

const Zone *
linear_fit(const Zones *zones, int64_t *from_us, int64_t *until_us)
{
	const Zone *at_start = linear_last_held(zones, *from_us);
	const Zone *at_end = linear_last_held(zones, *until_us);

	if (at_start && *from_us < at_start->last_start_us)
		*from_us = at_start->last_start_us;
	if (at_end && *until_us < at_end->last_start_us)
		*until_us = at_end->first_end_us;
	return *from_us > *until_us ? at_end : NULL;
}

/* ---------------------------------------------------------------- which get read which put */

static int
compare_values(const void *left, const void *right)
{
	const Zone *a = left;
	const Zone *b = right;

	return a->put->value < b->put->value ? -1 : a->put->value > b->put->value;
}

ZoneTable
linear_build_table(const HistoryOp *ops, size_t count)
{
	ZoneTable table = {.zones = linear_allocate(count, sizeof(Zone))};

	for (size_t i = 0; i < count; i++)
	{
		bool has_end = ops[i].outcome == HISTORY_OK;

		if (ops[i].operation != HISTORY_PUT || ops[i].outcome == HISTORY_FAIL)
			continue;
		table.zones[table.count++] = (Zone){.put = &ops[i],
											.first_end = has_end ? &ops[i] : NULL,
											.last_start = &ops[i],
											.first_end_us = has_end ? ops[i].end_us : INT64_MAX,
											.last_start_us = ops[i].start_us};
	}
	qsort(table.zones, table.count, sizeof(Zone), compare_values);
	return table;
}

Zone *
linear_find_zone(const ZoneTable *table, int64_t value)
{
	size_t low = 0;
	size_t high = table->count;

	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (table->zones[middle].put->value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < table->count && table->zones[low].put->value == value ? &table->zones[low] : NULL;
}

bool
linear_is_shared(const ZoneTable *table, const Zone *zone)
{
	const Zone *next = zone + 1;

	return next < table->zones + table->count && next->put->value == zone->put->value;
}

void
linear_reject_unwritten(const HistoryOp *ops, size_t count, const HistoryOp *get,
						LinearResult *result)
{
	for (size_t i = 0; i < count; i++)
	{
		if (ops[i].operation == HISTORY_PUT && ops[i].value == get->value)
		{
			linear_reject(result, "a get returned the value of a put that failed", get, &ops[i]);
			return;
		}
	}
	linear_reject(result, "a get returned a value that nobody wrote", get, NULL);
}

static void
add_get(Zone *zone, const HistoryOp *get)
{
	if (get->end_us < zone->first_end_us)
	{
		zone->first_end_us = get->end_us;
		zone->first_end = get;
	}
	if (get->start_us > zone->last_start_us)
	{
		zone->last_start_us = get->start_us;
		zone->last_start = get;
	}
}

bool
linear_add_gets(ZoneTable *table, const HistoryOp *ops, size_t count, LinearResult *result)
{
	for (const HistoryOp *op = ops; op < ops + count; op++)
	{
		Zone *zone;

		if (op->operation != HISTORY_GET || op->outcome != HISTORY_OK ||
			op->value == HISTORY_ABSENT)
			continue;
		zone = linear_find_zone(table, op->value);
		if (!zone)
			linear_reject_unwritten(ops, count, op, result);
		else if (linear_is_shared(table, zone))
			return false;
		else if (op->end_us < zone->put->start_us)
			linear_reject(result, "a get returned a value before its put began", op, zone->put);
		else
			add_get(zone, op);
		if (result->verdict != LINEAR_YES)
			return true;
	}
	return true;
}

/* ---------------------------------------------------------------- do the zones fit? */

static int
compare_first_ends(const void *left, const void *right)
{
	const Zone *a = left;
	const Zone *b = right;

	return a->first_end_us < b->first_end_us ? -1 : a->first_end_us > b->first_end_us;
}

static Zones
divide_zones(const ZoneTable *table)
{
	Zones zones = {.held = linear_allocate(table->count, sizeof(Zone)),
				   .brief = linear_allocate(table->count, sizeof(Zone))};

	for (const Zone *zone = table->zones; zone < table->zones + table->count; zone++)
	{
		if (zone->first_end_us < zone->last_start_us)
			zones.held[zones.held_count++] = *zone;
		else
			zones.brief[zones.brief_count++] = *zone;
	}
	qsort(zones.held, zones.held_count, sizeof(Zone), compare_first_ends);
	qsort(zones.brief, zones.brief_count, sizeof(Zone), compare_first_ends);
	return zones;
}

static void
check_puts(const Zones *zones, LinearResult *result)
{
	static const char why[] = "a value is there before and after another one";

	for (size_t i = 1; i < zones->held_count; i++)
	{
		const Zone *earlier = &zones->held[i - 1];
		const Zone *later = &zones->held[i];

		if (later->first_end_us < earlier->last_start_us)
		{
			linear_reject(result, why, earlier->last_start, later->first_end);
			return;
		}
	}
	for (const Zone *zone = zones->brief; zone < zones->brief + zones->brief_count; zone++)
	{
		int64_t from_us = zone->last_start_us;
		int64_t until_us = zone->first_end_us;
		const Zone *around = linear_fit(zones, &from_us, &until_us);

		if (around)
		{
			linear_reject(result, why, around->last_start, zone->first_end);
			return;
		}
	}
}

static void
check_zones(const ZoneTable *table, const HistoryOp *ops, size_t count, LinearResult *result)
{
	Zones zones = divide_zones(table);

	check_puts(&zones, result);
	if (result->verdict == LINEAR_YES)
		linear_check_absent(&zones, ops, count, result);
	free(zones.held);
	free(zones.brief);
}

LinearResult
linear_check_key(const HistoryOp *ops, size_t count, uint64_t max_steps)
{
	LinearResult result = {.verdict = LINEAR_YES};
	ZoneTable table = linear_build_table(ops, count);
	bool values_tell = linear_add_gets(&table, ops, count, &result);

	if (values_tell && result.verdict == LINEAR_YES)
		check_zones(&table, ops, count, &result);
	free(table.zones);
	return values_tell ? result : linear_search_key(ops, count, max_steps);
}

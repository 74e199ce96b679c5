/*
 * check_history.c
 *		See check_history.h.
 */
#include "sim/check_history.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/sim_util.h"

/* One operation of the register under examination. */
typedef struct Item
{
	const CheckOperation *operation;
	uint64_t number;
	uint64_t lowest;  /* lowest place in the log that explains it so far */
	uint64_t highest; /* highest one */
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

/* Orders by register, then by beginning. */
static int
compare_beginnings(const void *left, const void *right)
{
	const Item *a = left;
	const Item *b = right;

	if (a->operation->group != b->operation->group)
		return a->operation->group < b->operation->group ? -1 : 1;
	if (a->operation->key != b->operation->key)
		return a->operation->key < b->operation->key ? -1 : 1;
	if (a->operation->begun_us != b->operation->begun_us)
		return a->operation->begun_us < b->operation->begun_us ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static int
compare_lsns(const void *left, const void *right)
{
	const Item *a = *(Item *const *) left;
	const Item *b = *(Item *const *) right;

	return a->operation->lsn < b->operation->lsn ? -1 : a->operation->lsn > b->operation->lsn;
}

static int
compare_ends(const void *left, const void *right)
{
	const Item *a = *(Item *const *) left;
	const Item *b = *(Item *const *) right;

	return a->operation->ended_us < b->operation->ended_us
			   ? -1
			   : a->operation->ended_us > b->operation->ended_us;
}

/* The LSN of the write that follows the one at `lsn`; writes are in order of LSN. */
static uint64_t
next_write_lsn(Item *const *writes, size_t count, uint64_t lsn)
{
	size_t low = 0;
	size_t high = count;

	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (writes[middle]->operation->lsn <= lsn)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count ? writes[low]->operation->lsn : UINT64_MAX;
}

/* Where in the log a read may lie, seen alone. */
static void
place_read(const CheckHistory *history, Item *read, Item *const *writes, size_t write_count,
		   CheckReport *report)
{
	uint64_t value = read->operation->value_read;
	const CheckOperation *write = value <= history->top ? &history->operations[value] : NULL;

	if (value == 0)
		read->lowest = 0;
	else if (!write || write->is_read || write->lsn == 0 || write->key != read->operation->key ||
			 write->group != read->operation->group)
		check_fail(report, "linearizability",
				   "read %" PRIu64 " of key %u in group %u returned %" PRIu64
				   ", which was never committed there",
				   read->number, read->operation->key, read->operation->group, value);
	else if (write->begun_us > read->operation->ended_us)
		check_fail(report, "linearizability",
				   "read %" PRIu64 " returned %" PRIu64 ", which was written later", read->number,
				   value);
	else
		read->lowest = write->lsn;
	read->highest = next_write_lsn(writes, write_count, read->lowest) - 1;
}

/* Where the clients' order and the log's order contradict each other. */
static void
report_order(const Item *item, const Item *cause, uint64_t floor, CheckReport *report)
{
	check_fail(report, "linearizability",
			   "%s %" PRIu64 " of key %u in group %u (%" PRId64 "..%" PRId64 " us, place %" PRIu64
			   "..%" PRIu64 ") began after %s %" PRIu64 " ended (%" PRId64
			   " us) but lies before it (place %" PRIu64 ")",
			   item->operation->is_read ? "read" : "write", item->number, item->operation->key,
			   item->operation->group, item->operation->begun_us, item->operation->ended_us,
			   item->lowest, item->highest, cause->operation->is_read ? "read" : "write",
			   cause->number, cause->operation->ended_us, floor);
}

/* Goes over the operations in the order of their beginnings; `ended` has them in that of their ends. */
static void
sweep(Item *items, size_t count, Item *const *ended, CheckReport *report)
{
	const Item *cause = NULL; /* of the floor */
	uint64_t floor = 0;       /* nothing that begins now may lie below */
	size_t next_end = 0;

	for (Item *item = items; item < items + count; item++)
	{
		bool is_read = item->operation->is_read;

		while (next_end < count && ended[next_end]->operation->ended_us < item->operation->begun_us)
		{
			const Item *end = ended[next_end++];

			if (end->lowest > floor)
			{
				floor = end->lowest;
				cause = end;
			}
		}
		if (is_read ? item->highest < floor : item->lowest <= floor)
			report_order(item, cause, floor, report);
		if (is_read && item->lowest < floor)
			item->lowest = floor;
	}
}

static void
check_register(const CheckHistory *history, Item *items, size_t count, CheckReport *report)
{
	Item **ended = sim_allocate(count * sizeof(Item *));
	Item **writes = sim_allocate(count * sizeof(Item *));
	size_t write_count = 0;

	for (size_t i = 0; i < count; i++)
	{
		ended[i] = &items[i];
		items[i].lowest = items[i].highest = items[i].operation->lsn;
		if (!items[i].operation->is_read)
			writes[write_count++] = &items[i];
	}
	qsort(writes, write_count, sizeof(Item *), compare_lsns);
	qsort(ended, count, sizeof(Item *), compare_ends);
	for (size_t i = 0; i < count; i++)
	{
		if (items[i].operation->is_read)
			place_read(history, &items[i], writes, write_count, report);
	}
	sweep(items, count, ended, report);
	free(ended);
	free(writes);
}

/* Writes that were committed, answered or not, and reads that were answered. */
static bool
counts(const CheckOperation *operation)
{
	return operation->is_read ? operation->ended_us != CHECK_NEVER : operation->lsn != 0;
}

static bool
same_register(const Item *a, const Item *b)
{
	return a->operation->group == b->operation->group && a->operation->key == b->operation->key;
}

void
check_history_run(const CheckHistory *history, CheckReport *report)
{
	Items all = {0};
	size_t end;

	for (uint64_t number = 1; number <= history->top; number++)
	{
		if (!counts(&history->operations[number]))
			continue;
		all.items = sim_grow(all.items, &all.capacity, all.count + 1, sizeof(Item));
		all.items[all.count++] = (Item){.operation = &history->operations[number],
										.number = number};
	}
	if (all.count > 0)
		qsort(all.items, all.count, sizeof(Item), compare_beginnings);
	for (size_t begin = 0; begin < all.count; begin = end)
	{
		end = begin + 1;
		while (end < all.count && same_register(&all.items[begin], &all.items[end]))
			end++;
		check_register(history, &all.items[begin], end - begin, report);
	}
	free(all.items);
}

/*
 * linear_absent.c
 *		Moments for deletes and for gets that found no item, between the held zones.
 *
 * "No item" does not tell which delete it comes from, and a delete of unknown outcome may have taken effect at
 * any time. Still nothing has to be searched. A delete harms nobody outside of the held zones. At its moment
 * every brief zone that can take effect then may do so just before it, to be gone at once. After it no item is
 * there until a put has to take effect that began later. So each get that found no item asks for a delete in a
 * window that ends with the get and begins
 *
 *		- where the last held zone before it ends, or
 *		- at the latest start of a brief zone that ended before the get began, if that is later;
 *
 * if neither is there, nothing has to have been written before and no delete is needed. A window that reaches
 * over a held zone goes on behind it, because deletes find no moment inside.
 *
 * What is left is to give each delete one moment of its own times such that every window has one of them.
 * Windows are taken by their ends. The first one without a delete gets, of those that can lie in it, the one whose
 * own time ends first, as late as possible. That choice is never a mistake: a solution that has another delete
 * there stays one when the two change places, since all windows that end earlier have what they ask for.
 */
#include "tools/linear_zones.h"

#include <stdlib.h>

/* The times at which a delete may take effect, or should have. */
typedef struct Window
{
	const HistoryOp *op;    /* the delete, or the get that asks for one */
	const HistoryOp *cause; /* of a get: because of this operation an item was there */
	int64_t from_us;        /* INT64_MIN: before all operations */
	int64_t until_us;
} Window;

typedef struct Windows
{
	Window *windows;
	size_t count;
} Windows;

/* Deletes that have started, as a heap: the one whose time ends first is at the top. */
typedef struct Heap
{
	const Window **entries;
	size_t count;
} Heap;

static bool
ends_before(const Window *a, const Window *b)
{
	return a->until_us < b->until_us;
}

static void
heap_add(Heap *heap, const Window *window)
{
	size_t at = heap->count++;

	while (at > 0 && ends_before(window, heap->entries[(at - 1) / 2]))
	{
		heap->entries[at] = heap->entries[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->entries[at] = window;
}

static void
heap_remove_top(Heap *heap)
{
	const Window *last = heap->entries[--heap->count];
	size_t at = 0;

	for (;;)
	{
		size_t child = 2 * at + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && ends_before(heap->entries[child + 1], heap->entries[child]))
			child++;
		if (!ends_before(heap->entries[child], last))
			break;
		heap->entries[at] = heap->entries[child];
		at = child;
	}
	heap->entries[at] = last;
}

/* ---------------------------------------------------------------- when deletes may take effect */

static Windows
collect_deletes(const Zones *zones, const HistoryOp *ops, size_t count, LinearResult *result)
{
	Windows deletes = {.windows = linear_allocate(count, sizeof(Window))};

	for (const HistoryOp *op = ops; op < ops + count && result->verdict == LINEAR_YES; op++)
	{
		Window window = {.op = op, .from_us = op->start_us, .until_us = op->end_us};
		const Zone *around;

		if (op->operation != HISTORY_DELETE || op->outcome == HISTORY_FAIL)
			continue;
		if (op->outcome == HISTORY_UNKNOWN)
			window.until_us = INT64_MAX;
		around = linear_fit(zones, &window.from_us, &window.until_us);
		if (around)
			linear_reject(result, "a value is there before and after a delete", around->last_start,
						  op);
		deletes.windows[deletes.count++] = window;
	}
	return deletes;
}

/* ---------------------------------------------------------------- when gets need one */

/* Of each brief zone and those that end before it, the one that started last. */
static const Zone **
collect_latest_starts(const Zones *zones)
{
	const Zone **starts = linear_allocate(zones->brief_count, sizeof(Zone *));
	const Zone *latest = NULL;

	for (size_t i = 0; i < zones->brief_count; i++)
	{
		if (!latest || zones->brief[i].last_start_us > latest->last_start_us)
			latest = &zones->brief[i];
		starts[i] = latest;
	}
	return starts;
}

/* Of the brief zones that end before at_us the one that started last, or NULL. */
static const Zone *
latest_start_before(const Zones *zones, const Zone *const *starts, int64_t at_us)
{
	size_t low = 0;
	size_t high = zones->brief_count;

	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (zones->brief[middle].first_end_us < at_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? starts[low - 1] : NULL;
}

/* Sets where the window of a get begins; the get may take effect at from_us at the earliest. */
static void
begin_window(const Zones *zones, const Zone *const *starts, int64_t from_us, Window *window)
{
	const Zone *held = linear_last_held(zones, from_us);
	const Zone *brief = latest_start_before(zones, starts, from_us);

	window->from_us = INT64_MIN;
	if (held)
	{
		window->from_us = held->last_start_us;
		window->cause = held->last_start;
	}
	if (brief && brief->last_start_us > window->from_us)
	{
		window->from_us = brief->last_start_us;
		window->cause = brief->last_start;
	}
}

static Windows
collect_gets(const Zones *zones, const HistoryOp *ops, size_t count, LinearResult *result)
{
	Windows gets = {.windows = linear_allocate(count, sizeof(Window))};
	const Zone **starts = collect_latest_starts(zones);

	for (const HistoryOp *op = ops; op < ops + count && result->verdict == LINEAR_YES; op++)
	{
		Window window = {.op = op, .until_us = op->end_us};
		int64_t from_us = op->start_us;
		const Zone *around;

		if (op->operation != HISTORY_GET || op->outcome != HISTORY_OK ||
			op->value != HISTORY_ABSENT)
			continue;
		around = linear_fit(zones, &from_us, &window.until_us);
		if (around)
			linear_reject(result, "a get found no item, but a value is there before and after it",
						  op, around->last_start);
		begin_window(zones, starts, from_us, &window);
		gets.windows[gets.count++] = window;
	}
	free(starts);
	return gets;
}

/* ---------------------------------------------------------------- a delete for each get */

static int
compare_starts(const void *left, const void *right)
{
	const Window *a = left;
	const Window *b = right;

	return a->from_us < b->from_us ? -1 : a->from_us > b->from_us;
}

static int
compare_ends(const void *left, const void *right)
{
	const Window *a = left;
	const Window *b = right;

	return a->until_us < b->until_us ? -1 : a->until_us > b->until_us;
}

/* The delete of the heap that is to lie in the window, or NULL; those that the window is too late for are dropped. */
static const Window *
choose_delete(Heap *heap, const Window *window)
{
	const Window *chosen;

	while (heap->count > 0 && heap->entries[0]->until_us < window->from_us)
		heap_remove_top(heap);
	if (heap->count == 0)
		return NULL;
	chosen = heap->entries[0];
	heap_remove_top(heap);
	return chosen;
}

static void
assign_deletes(const Windows *gets, const Windows *deletes, LinearResult *result)
{
	Heap heap = {.entries = linear_allocate(deletes->count, sizeof(Window *))};
	int64_t last_delete_us = INT64_MIN; /* in the beginning there is no item */
	size_t next = 0;

	qsort(gets->windows, gets->count, sizeof(Window), compare_ends);
	qsort(deletes->windows, deletes->count, sizeof(Window), compare_starts);
	for (const Window *get = gets->windows; get < gets->windows + gets->count; get++)
	{
		const Window *chosen;

		while (next < deletes->count && deletes->windows[next].from_us <= get->until_us)
			heap_add(&heap, &deletes->windows[next++]);
		if (last_delete_us >= get->from_us)
			continue;
		chosen = choose_delete(&heap, get);
		if (!chosen)
		{
			linear_reject(result, "a get found no item, and no delete is left to explain it",
						  get->op, get->cause);
			break;
		}
		last_delete_us = chosen->until_us < get->until_us ? chosen->until_us : get->until_us;
	}
	free(heap.entries);
}

void
linear_check_absent(const Zones *zones, const HistoryOp *ops, size_t count, LinearResult *result)
{
	Windows deletes = collect_deletes(zones, ops, count, result);
	Windows gets = collect_gets(zones, ops, count, result);

	if (result->verdict == LINEAR_YES)
		assign_deletes(&gets, &deletes, result);
	free(deletes.windows);
	free(gets.windows);
}

/*
 * linear_search.c
 *		The search of Wing and Gong with Lowe's memory of configurations that were already tried.
 *
 * Starts and ends of the operations form one list in the order of time. An operation may be the next to take
 * effect if its start comes before the first end that is still in the list. The search places operations one
 * by one, taking their start and end out of the list, and goes back when nothing fits. A configuration is
 * the set of placed operations with the register's value; trying one a second time cannot help, so it is
 * remembered. Sets are remembered by a 128-bit hash (the exclusive or of a random number per operation): two
 * different sets of a search have the same hash with a probability below 2^-70, and the result would be a false
 * alarm, never a history wrongly accepted.
 *
 * A get that may be next and returns the register's value is placed at once: that can only help.
 *
 * Writes of unknown outcome multiply the configurations. Some of them are settled first: a put whose value nobody
 * read needs no moment at all (if it took effect, the history without it is explained as well), and one whose value no
 * other put wrote but somebody read took effect before the first such get ended.
 */
#include "tools/linear_search.h"

#include <stdlib.h>

#include "tools/linear_zones.h"

/* A start or an end in the list. */
typedef struct Event
{
	const HistoryOp *op;
	struct Event *previous;
	struct Event *next;
	struct Event *end; /* of a start: its end, NULL for an unknown outcome; NULL in an end */
	int64_t at_us;
	uint64_t hash[2];
	bool is_start;
} Event;

typedef struct Configuration
{
	uint64_t hash[2];
	int64_t value;
	bool used;
} Configuration;

/* The remembered configurations: open addressing, doubled when half full. */
typedef struct Memory
{
	Configuration *slots;
	size_t capacity;
	size_t count;
} Memory;

typedef struct Placement
{
	Event *start;
	int64_t value_before;
} Placement;

typedef struct Search
{
	Event head; /* of the list; holds no operation */
	Event *events;
	size_t event_count;
	HistoryOp *ops; /* the operations that take part, copied */
	size_t op_count;
	size_t to_place; /* acknowledged operations that have no place yet */
	Placement *placed;
	size_t placed_count;
	Memory memory;
	uint64_t hash[2];
	int64_t value;
	LinearResult result;
	size_t most_placed;
} Search;

/* SplitMix64: a fixed sequence, so that a run can be repeated. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* ---------------------------------------------------------------- memory */

static Configuration *
memory_slot(Configuration *slots, size_t capacity, const uint64_t hash[2], int64_t value)
{
	size_t at = (hash[0] ^ (uint64_t) value * UINT64_C(0x9E3779B97F4A7C15)) & (capacity - 1);

	while (slots[at].used && (slots[at].hash[0] != hash[0] || slots[at].hash[1] != hash[1] ||
							  slots[at].value != value))
		at = (at + 1) & (capacity - 1);
	return &slots[at];
}

static void
memory_grow(Memory *memory)
{
	size_t capacity = memory->capacity ? memory->capacity * 2 : 64;
	Configuration *slots = linear_allocate(capacity, sizeof(Configuration));

	for (size_t i = 0; i < memory->capacity; i++)
	{
		const Configuration *old = &memory->slots[i];

		if (old->used)
			*memory_slot(slots, capacity, old->hash, old->value) = *old;
	}
	free(memory->slots);
	memory->slots = slots;
	memory->capacity = capacity;
}

/* Remembers the configuration; returns false if it was there already. */
static bool
memory_add(Memory *memory, const uint64_t hash[2], int64_t value)
{
	Configuration *slot;

	if (memory->count * 2 >= memory->capacity)
		memory_grow(memory);
	slot = memory_slot(memory->slots, memory->capacity, hash, value);
	if (slot->used)
		return false;
	*slot = (Configuration){.hash = {hash[0], hash[1]}, .value = value, .used = true};
	memory->count++;
	return true;
}

/* ---------------------------------------------------------------- what takes part */

typedef struct Selection
{
	const HistoryOp **ops;
	size_t count;
} Selection;

static int
compare_values(const void *left, const void *right)
{
	const HistoryOp *a = *(const HistoryOp *const *) left;
	const HistoryOp *b = *(const HistoryOp *const *) right;

	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return a->end_us < b->end_us ? -1 : a->end_us > b->end_us;
}

/* Where the operations of value begin in ops, which is sorted by compare_values; count if there are none. */
static size_t
find_value(const HistoryOp *const *ops, size_t count, int64_t value)
{
	size_t low = 0;
	size_t high = count;

	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (ops[middle]->value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && ops[low]->value == value ? low : count;
}

/* The operations of a kind that count, in the order of their values, then of their ends. */
static Selection
select_kind(const HistoryOp *ops, size_t count, HistoryOperation kind)
{
	Selection selection = {.ops = linear_allocate(count, sizeof(HistoryOp *))};

	for (size_t i = 0; i < count; i++)
		if (ops[i].operation == kind && ops[i].outcome != HISTORY_FAIL)
			selection.ops[selection.count++] = &ops[i];
	qsort(selection.ops, selection.count, sizeof(*selection.ops), compare_values);
	return selection;
}

/*
 * Settles a put of unknown outcome as the head of this file says; returns false if it can be left out. Deletes of
 * unknown outcome are never settled, because "no item" tells nothing.
 */
static bool
settle_put(const Selection *puts, const Selection *gets, HistoryOp *put)
{
	size_t reader = find_value(gets->ops, gets->count, put->value);
	size_t writer = find_value(puts->ops, puts->count, put->value);

	if (reader == gets->count)
		return false;
	if (writer + 1 < puts->count && puts->ops[writer + 1]->value == put->value)
		return true;
	put->outcome = HISTORY_OK;
	put->end_us = gets->ops[reader]->end_us;
	if (put->end_us < put->start_us)
		put->end_us = put->start_us;
	return true;
}

/* Copies the operations that take part to search->ops. */
static void
select_operations(Search *search, const HistoryOp *ops, size_t count)
{
	Selection puts = select_kind(ops, count, HISTORY_PUT);
	Selection gets = select_kind(ops, count, HISTORY_GET);

	search->ops = linear_allocate(count, sizeof(HistoryOp));
	for (size_t i = 0; i < count; i++)
	{
		HistoryOp op = ops[i];

		if (op.outcome == HISTORY_FAIL || op.operation == HISTORY_EVENTUAL_GET)
			continue;
		if (op.operation == HISTORY_PUT && op.outcome == HISTORY_UNKNOWN &&
			!settle_put(&puts, &gets, &op))
			continue;
		search->ops[search->op_count++] = op;
	}
	free(puts.ops);
	free(gets.ops);
}

/* ---------------------------------------------------------------- the list */

/* By time; at the same microsecond starts come first, so that the two operations count as concurrent. */
static int
compare_events(const void *left, const void *right)
{
	const Event *a = *(Event *const *) left;
	const Event *b = *(Event *const *) right;

	if (a->at_us != b->at_us)
		return a->at_us < b->at_us ? -1 : 1;
	if (a->is_start != b->is_start)
		return a->is_start ? -1 : 1;
	return a < b ? -1 : a > b;
}

static Event *
add_event(Search *search, const HistoryOp *op, bool is_start)
{
	Event *event = &search->events[search->event_count++];

	event->op = op;
	event->is_start = is_start;
	event->at_us = is_start ? op->start_us : op->end_us;
	return event;
}

static void
build_list(Search *search)
{
	Event **order = linear_allocate(search->op_count * 2, sizeof(Event *));
	Event *last = &search->head;
	uint64_t seed = 1;

	search->events = linear_allocate(search->op_count * 2, sizeof(Event));
	for (size_t i = 0; i < search->op_count; i++)
	{
		Event *start = add_event(search, &search->ops[i], true);

		start->hash[0] = next_random(&seed);
		start->hash[1] = next_random(&seed);
		if (search->ops[i].outcome == HISTORY_OK)
		{
			start->end = add_event(search, &search->ops[i], false);
			search->to_place++;
		}
	}
	for (size_t i = 0; i < search->event_count; i++)
		order[i] = &search->events[i];
	qsort(order, search->event_count, sizeof(Event *), compare_events);
	for (size_t i = 0; i < search->event_count; i++)
	{
		last->next = order[i];
		order[i]->previous = last;
		last = order[i];
	}
	free(order);
}

static void
take_out(Event *event)
{
	event->previous->next = event->next;
	if (event->next)
		event->next->previous = event->previous;
}

/* Undoes take_out; calls are undone in the reverse order. */
static void
put_back(Event *event)
{
	event->previous->next = event;
	if (event->next)
		event->next->previous = event;
}

/* ---------------------------------------------------------------- the search */

static void
toggle_hash(Search *search, const Event *start)
{
	search->hash[0] ^= start->hash[0];
	search->hash[1] ^= start->hash[1];
}

/* Gives the operation of start its place after those placed so far. */
static void
place(Search *search, Event *start)
{
	search->placed[search->placed_count++] = (Placement){start, search->value};
	if (start->op->operation != HISTORY_GET)
		search->value = start->op->value;
	take_out(start);
	if (start->end)
	{
		take_out(start->end);
		search->to_place--;
	}
}

/*
 * Places every get that may be next and returns the register's value. Whatever explains the rest with such a
 * get placed later explains it with the get placed now, so there is no alternative to come back to.
 */
static void
place_matching_gets(Search *search)
{
	Event *event = search->head.next;

	while (event && event->is_start)
	{
		Event *next = event->next;

		if (event->op->operation == HISTORY_GET && event->op->value == search->value)
		{
			toggle_hash(search, event);
			place(search, event);
			next = search->head.next;
		}
		event = next;
	}
}

/*
 * Is there no point in letting the write of start take effect now? Deletes of unknown outcome are alike once they have
 * started, so only the first one of them is tried; and one that finds no item had better never take effect.
 */
static bool
is_pointless(const Search *search, const Event *start)
{
	if (start->end || start->op->operation != HISTORY_DELETE)
		return false;
	if (search->value == HISTORY_ABSENT)
		return true;
	for (const Event *event = search->head.next; event != start; event = event->next)
		if (event->is_start && !event->end && event->op->operation == HISTORY_DELETE)
			return true;
	return false;
}

/* Lets a write take effect now; false if that was tried before or is pointless. */
static bool
try_write(Search *search, Event *start)
{
	search->result.steps++;
	if (is_pointless(search, start))
		return false;
	toggle_hash(search, start);
	if (!memory_add(&search->memory, search->hash, start->op->value))
	{
		toggle_hash(search, start);
		return false;
	}
	place(search, start);
	place_matching_gets(search);
	return true;
}

/* Takes the last write back, with the gets placed after it; returns its start, or NULL if there is none. */
static Event *
take_back(Search *search)
{
	while (search->placed_count > 0)
	{
		Placement *last = &search->placed[--search->placed_count];

		if (last->start->end)
		{
			put_back(last->start->end);
			search->to_place++;
		}
		put_back(last->start);
		toggle_hash(search, last->start);
		search->value = last->value_before;
		if (last->start->op->operation != HISTORY_GET)
			return last->start;
	}
	return NULL;
}

/* Called when the search is stuck: remembers what the longest attempt could not place. */
static void
note_progress(Search *search)
{
	if (search->placed_count < search->most_placed)
		return;
	search->most_placed = search->placed_count;
	for (Event *event = search->head.next; event; event = event->next)
	{
		if (!event->is_start)
		{
			linear_reject(&search->result, "no order explains this operation with those before it",
						  event->op, NULL);
			break;
		}
	}
}

static LinearVerdict
run_search(Search *search, uint64_t max_steps)
{
	Event *event;

	place_matching_gets(search);
	event = search->head.next;
	while (search->to_place > 0)
	{
		if (search->result.steps > max_steps)
			return LINEAR_UNDECIDED;
		if (event && event->is_start)
		{
			bool placed = event->op->operation != HISTORY_GET && try_write(search, event);

			event = placed ? search->head.next : event->next;
			continue;
		}
		note_progress(search);
		event = take_back(search);
		if (!event)
			return LINEAR_NO;
		event = event->next;
	}
	return LINEAR_YES;
}

LinearResult
linear_search_key(const HistoryOp *ops, size_t count, uint64_t max_steps)
{
	Search search = {.value = HISTORY_ABSENT};

	select_operations(&search, ops, count);
	build_list(&search);
	search.placed = linear_allocate(search.op_count, sizeof(Placement));
	search.result.verdict = run_search(&search, max_steps);
	free(search.placed);
	free(search.events);
	free(search.ops);
	free(search.memory.slots);
	return search.result;
}

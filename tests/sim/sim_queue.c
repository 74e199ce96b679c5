/*
 * sim_queue.c
 *		A heap of events, each node of which has four children, and a row of those that came in order.
 *
 * Time-outs are most of what waits, and their order is that in which they were set: in a row of their own they cost
 * the others nothing.  Heap and row hold only what the order depends on, so that moving along the heap touches few
 * cache lines; the events lie still beside them until they are taken.
 */
#include "sim/sim_queue.h"

#include <stdlib.h>
#include <string.h>

#include "sim/sim_util.h"

#define CHILDREN 4

static bool
earlier(const SimQueueKey *a, const SimQueueKey *b)
{
	if (a->at_us != b->at_us)
		return a->at_us < b->at_us;
	return a->sequence < b->sequence;
}

/* A place for an event: one that was left, or a new one. */
static uint32_t
take_place(SimQueue *queue)
{
	if (queue->free_count > 0)
		return queue->free_places[--queue->free_count];
	queue->events = sim_grow(queue->events, &queue->event_capacity, queue->event_count + 1,
							 sizeof(SimEvent));
	queue->free_places = sim_grow(queue->free_places, &queue->free_capacity, queue->event_count + 1,
								  sizeof(uint32_t));
	return queue->event_count++;
}

void
sim_queue_add(SimQueue *queue, SimEvent event)
{
	SimQueueKey key = {event.at_us, queue->sequence++, take_place(queue)};
	size_t at = queue->count++;

	queue->heap = sim_grow(queue->heap, &queue->capacity, queue->count, sizeof(SimQueueKey));
	queue->events[key.place] = event;
	while (at > 0 && earlier(&key, &queue->heap[(at - 1) / CHILDREN]))
	{
		queue->heap[at] = queue->heap[(at - 1) / CHILDREN];
		at = (at - 1) / CHILDREN;
	}
	queue->heap[at] = key;
}

/* Moves the keys of the row to its beginning when more than half of it is spent. */
static void
make_room_in_row(SimQueue *queue)
{
	if (queue->row_head <= queue->row_count / 2)
		return;
	queue->row_count -= queue->row_head;
	memmove(queue->row, queue->row + queue->row_head, queue->row_count * sizeof(SimQueueKey));
	queue->row_head = 0;
}

void
sim_queue_add_last(SimQueue *queue, SimEvent event)
{
	SimQueueKey key = {event.at_us, queue->sequence++, take_place(queue)};

	make_room_in_row(queue);
	queue->row = sim_grow(queue->row, &queue->row_capacity, queue->row_count + 1,
						  sizeof(SimQueueKey));
	queue->events[key.place] = event;
	queue->row[queue->row_count++] = key;
}

/* The earliest child of an element; `count` if it has none. */
static size_t
earliest_child(const SimQueue *queue, size_t at)
{
	size_t first = CHILDREN * at + 1;
	size_t end = first + CHILDREN < queue->count ? first + CHILDREN : queue->count;
	size_t least = first;

	if (first >= queue->count)
		return queue->count;
	for (size_t child = first + 1; child < end; child++)
	{
		if (earlier(&queue->heap[child], &queue->heap[least]))
			least = child;
	}
	return least;
}

/* Finds the place in the heap of the key that was its last one, after the first was taken. */
static void
sink(SimQueue *queue, SimQueueKey key)
{
	size_t at = 0;
	size_t child;

	while ((child = earliest_child(queue, at)) < queue->count && earlier(&queue->heap[child], &key))
	{
		queue->heap[at] = queue->heap[child];
		at = child;
	}
	queue->heap[at] = key;
}

/* Takes the earliest key of the heap. */
static SimQueueKey
take_from_heap(SimQueue *queue)
{
	SimQueueKey first = queue->heap[0];

	if (--queue->count > 0)
		sink(queue, queue->heap[queue->count]);
	return first;
}

bool
sim_queue_take(SimQueue *queue, SimEvent *event)
{
	const SimQueueKey *in_row = queue->row_head < queue->row_count ? &queue->row[queue->row_head]
																   : NULL;
	SimQueueKey key;

	if (queue->count == 0 && !in_row)
		return false;
	if (queue->count == 0 || (in_row && earlier(in_row, &queue->heap[0])))
		key = queue->row[queue->row_head++];
	else
		key = take_from_heap(queue);
	*event = queue->events[key.place];
	queue->events[key.place] = (SimEvent){0};
	queue->free_places[queue->free_count++] = key.place;
	return true;
}

void
sim_queue_free(SimQueue *queue)
{
	for (uint32_t i = 0; i < queue->event_count; i++)
		free(queue->events[i].object);
	free(queue->events);
	free(queue->free_places);
	free(queue->row);
	free(queue->heap);
}

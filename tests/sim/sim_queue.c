/*
 * sim_queue.c
 *		A heap of events, each node of which has four children.
 *
 * The heap itself holds only what the order depends on, so that moving along it touches few cache lines; the events
 * lie still beside it until they are taken.
 */
#include "sim/sim_queue.h"

#include <stdlib.h>

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

bool
sim_queue_take(SimQueue *queue, SimEvent *event)
{
	uint32_t place;

	if (queue->count == 0)
		return false;
	place = queue->heap[0].place;
	*event = queue->events[place];
	queue->events[place] = (SimEvent){0};
	queue->free_places[queue->free_count++] = place;
	if (--queue->count > 0)
		sink(queue, queue->heap[queue->count]);
	return true;
}

void
sim_queue_free(SimQueue *queue)
{
	for (uint32_t i = 0; i < queue->event_count; i++)
		free(queue->events[i].object);
	free(queue->events);
	free(queue->free_places);
	free(queue->heap);
}

/*
 * sim_queue.c
 *		A binary heap of events.
 */
#include "sim/sim_queue.h"

#include <stdlib.h>

#include "sim/sim_util.h"

static bool
earlier(const SimEvent *a, const SimEvent *b)
{
	if (a->at_us != b->at_us)
		return a->at_us < b->at_us;
	return a->sequence < b->sequence;
}

static void
swap(SimEvent *a, SimEvent *b)
{
	SimEvent kept = *a;

	*a = *b;
	*b = kept;
}

void
sim_queue_add(SimQueue *queue, SimEvent event)
{
	size_t at = queue->count++;

	queue->heap = sim_grow(queue->heap, &queue->capacity, queue->count, sizeof(SimEvent));
	event.sequence = queue->sequence++;
	queue->heap[at] = event;
	while (at > 0 && earlier(&queue->heap[at], &queue->heap[(at - 1) / 2]))
	{
		swap(&queue->heap[at], &queue->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

bool
sim_queue_take(SimQueue *queue, SimEvent *event)
{
	size_t at = 0;

	if (queue->count == 0)
		return false;
	*event = queue->heap[0];
	queue->heap[0] = queue->heap[--queue->count];
	for (;;)
	{
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
		{
			if (child < queue->count && earlier(&queue->heap[child], &queue->heap[least]))
				least = child;
		}
		if (least == at)
			return true;
		swap(&queue->heap[at], &queue->heap[least]);
		at = least;
	}
}

void
sim_queue_free(SimQueue *queue)
{
	for (size_t i = 0; i < queue->count; i++)
		free(queue->heap[i].object);
	free(queue->heap);
}

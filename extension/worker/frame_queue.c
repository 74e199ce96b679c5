/*
 * frame_queue.c
 *		The bounded queue of frames on their way out; see frame_queue.h.
 */
#include "postgres.h"

#include "worker/frame_queue.h"

typedef struct QueuedFrame
{
	dlist_node node;
	Size length;
	char bytes[FLEXIBLE_ARRAY_MEMBER];
} QueuedFrame;

void
frame_queue_init(FrameQueue *queue, Size bytes_max, MemoryContext context)
{
	dlist_init(&queue->frames);
	queue->bytes = 0;
	queue->bytes_max = bytes_max;
	queue->context = context;
}

bool
frame_queue_push(FrameQueue *queue, const void *bytes, Size length)
{
	QueuedFrame *frame;

	if (length > queue->bytes_max - queue->bytes)
		return false;

	frame = MemoryContextAllocHuge(queue->context, offsetof(QueuedFrame, bytes) + length);
	frame->length = length;
	memcpy(frame->bytes, bytes, length);
	dlist_push_tail(&queue->frames, &frame->node);
	queue->bytes += length;
	return true;
}

const char *
frame_queue_peek(const FrameQueue *queue, Size *length)
{
	const QueuedFrame *frame;

	if (dlist_is_empty(unconstify(dlist_head *, &queue->frames)))
		return NULL;

	frame = dlist_container(QueuedFrame, node, queue->frames.head.next);
	*length = frame->length;
	return frame->bytes;
}

void
frame_queue_pop(FrameQueue *queue)
{
	QueuedFrame *frame = dlist_container(QueuedFrame, node, dlist_pop_head_node(&queue->frames));

	queue->bytes -= frame->length;
	pfree(frame);
}

void
frame_queue_clear(FrameQueue *queue)
{
	Size length;

	while (frame_queue_peek(queue, &length) != NULL)
		frame_queue_pop(queue);
}

/*
 * frame_queue.h
 *		Frames that wait until their connection takes them: a bounded first-in first-out queue.
 *
 * Private memory of one process.  libpq and the backend's own output buffer grow without limit when the
 * other side does not read; so both ends of a stream hand over one frame at a time and keep the rest here,
 * where the bytes are counted.
 */
#ifndef QUORATE_WORKER_FRAME_QUEUE_H
#define QUORATE_WORKER_FRAME_QUEUE_H

#include "postgres.h"

#include "lib/ilist.h"

typedef struct FrameQueue
{
	dlist_head frames;
	Size bytes; /* of all frames waiting */
	Size bytes_max;
	MemoryContext context;
} FrameQueue;

/* `bytes_max` bounds what may wait; frames are allocated in `context`. */
extern void frame_queue_init(FrameQueue *queue, Size bytes_max, MemoryContext context);

/* Copies a frame to the end; false, and nothing done, if that would exceed bytes_max. */
extern bool frame_queue_push(FrameQueue *queue, const void *bytes, Size length);

/* The oldest frame, or NULL; valid until frame_queue_pop. */
extern const char *frame_queue_peek(const FrameQueue *queue, Size *length);
extern void frame_queue_pop(FrameQueue *queue);
extern void frame_queue_clear(FrameQueue *queue);

#endif /* QUORATE_WORKER_FRAME_QUEUE_H */

/*
 * copy_both.h
 *		Server half of a stream: a backend whose connection carries frames in both directions.
 *
 * A procedure that was called at top level (CALL) leaves its transaction and turns the connection into a
 * COPY BOTH stream; each CopyData message is one frame.  While it streams the backend has no transaction,
 * no snapshot and no statement timeout, so it holds back neither VACUUM nor CREATE INDEX CONCURRENTLY, and
 * it may start and end transactions of its own for what it executes.  One stream a backend.
 *
 * Nothing here blocks but copy_both_wait and the reading of a frame whose first bytes are there already;
 * both process interrupts.  An ERROR during the stream ends it: the client gets the ErrorResponse.
 *
 * Use:
 *		copy_both_begin(fcinfo, frame_bytes_max, queue_bytes_max);
 *		for (;;)
 *		{
 *			while ((result = copy_both_receive(&frame, &length)) == COPY_BOTH_FRAME)
 *				... copy_both_send(reply, reply_length) ...
 *			if (result == COPY_BOTH_ENDED)
 *				break;
 *			copy_both_flush();
 *			copy_both_wait(timeout_ms, true);
 *			... what else MyLatch may be set for ...
 *		}
 *		copy_both_end();
 *
 * copy_both_wait resets MyLatch before it returns; look at whatever the latch stands for after it, and not
 * only before.
 */
#ifndef QUORATE_WORKER_COPY_BOTH_H
#define QUORATE_WORKER_COPY_BOTH_H

#include "postgres.h"

#include "fmgr.h"

typedef enum CopyBothResult
{
	COPY_BOTH_FRAME = 1, /* a frame was received */
	COPY_BOTH_NONE,      /* none there now */
	COPY_BOTH_ENDED /* the client ended the stream or went away: call copy_both_end and return */
} CopyBothResult;

/*
 * Leaves the transaction and starts the stream.  Frames of more than frame_bytes_max bytes are refused
 * (FATAL: the connection's framing is lost); at most queue_bytes_max bytes wait for a slow client.
 * ERROR 2D000 (invalid_transaction_termination) unless called by CALL outside of a transaction block.
 */
extern void copy_both_begin(FunctionCallInfo fcinfo, Size frame_bytes_max, Size queue_bytes_max);

/* The next frame, if there is one now; its bytes are valid until the next call. */
extern CopyBothResult copy_both_receive(const uint8_t **frame, Size *length);

/* Queues a frame; false, and nothing queued, if queue_bytes_max would be exceeded. */
extern bool copy_both_send(const void *bytes, Size length);

/* Gives the operating system what it takes now, without blocking. */
extern void copy_both_flush(void);

/* Bytes that copy_both_send accepted and that are still here. */
extern Size copy_both_queued_bytes(void);

/*
 * Sleeps until the client sent something, or can take more of what is queued, or MyLatch is set, or
 * timeout_ms have passed (-1 for ever); flushes; processes interrupts.  Returns at once if a frame is
 * waiting in the input buffer.  `listen` false: does not wake for input (the caller has no room for it).
 */
extern void copy_both_wait(long timeout_ms, bool listen);

/* Ends the stream on this side, and starts a transaction for the procedure to return in. */
extern void copy_both_end(void);

#endif /* QUORATE_WORKER_COPY_BOTH_H */

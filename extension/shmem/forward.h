/*
 * forward.h
 *		Shared memory between routers and the forwarder process.
 *
 * A client backend whose request must be executed by another node writes it into one ring that the forwarder
 * reads; the forwarder owns the connections (request streams) to the other nodes, so their number does not
 * grow with the clients.  Replies come back through a ring per backend, cut into chunks.
 *
 * An id is never used twice as long as this memory lives, by no backend: the forwarder finds the asker of a
 * reply by it, and a reply to a request that nobody waits for any more is recognised and skipped.  Each request
 * ends in one of three ways: a reply, FORWARD_UNREACHABLE (it was not sent: not applied), FORWARD_LOST (it was
 * sent and the stream broke: a write's outcome is unknown).  When the forwarder dies, its life number changes and
 * everything it had taken counts as lost.
 */
#ifndef QUORATE_SHMEM_FORWARD_H
#define QUORATE_SHMEM_FORWARD_H

#include "postgres.h"

#include "shmem/ring.h"
#include "wire/request.h"

#define FORWARD_CHUNK_BYTES (24 * 1024) /* payload of one chunk of a reply */
#define FORWARD_REPLY_RING_BYTES (64 * 1024)
#define FORWARD_REQUEST_RING_BYTES (16 * 1024 * 1024)

typedef enum ForwardStatus
{
	FORWARD_REPLY = 1,   /* bytes of a reply follow */
	FORWARD_UNREACHABLE, /* no stream to that node: not sent */
	FORWARD_LOST         /* the stream broke before the reply came */
} ForwardStatus;

/* Header of a message in the request ring; the packed request follows. */
typedef struct ForwardRequest
{
	uint64_t id;
	uint32_t slot; /* the asking backend's */
	NodeId target;
	bool is_range; /* long reads and copies have streams of their own */
} ForwardRequest;

/* Header of a message in a reply ring; up to FORWARD_CHUNK_BYTES of the packed reply follow. */
typedef struct ForwardChunk
{
	uint64_t id;
	ForwardStatus status;
	bool last;
} ForwardChunk;

typedef struct ForwardShared
{
	LWLock *conditional_lock; /* executor.c: conditional writes of this node, one at a time */
	Ring requests;
	pg_atomic_uint64 life; /* of the forwarder; 0 while none has run */
	pg_atomic_uint64 last_id;
	uint32_t slot_count;
	Ring *replies; /* one per backend slot */
} ForwardShared;

extern ForwardShared *forward_shared;

/* An answer as the router gets it. */
typedef struct ForwardAnswer
{
	uint64_t id;
	ForwardStatus status;
	const uint8_t *bytes; /* the packed reply; valid until the next call */
	Size length;
} ForwardAnswer;

/*
 * Router side.  forward_send returns the id, or 0 if the ring is full now; `life` receives the forwarder's life
 * at that time.  forward_receive returns false if no answer is complete yet.
 */
extern uint64_t forward_send(NodeId target, Request *request, uint64_t *life);
extern bool forward_receive(ForwardAnswer *answer);
extern uint64_t forward_life(void);

/* Forwarder side. */
extern void forward_begin_life(void);
extern const ForwardRequest *forward_next_request(const uint8_t **bytes, Size *length);
extern void forward_consume_request(void);

/*
 * Hands bytes from *sent on to a backend; advances *sent; true when all are handed over, false if its ring is
 * full (try again later).
 */
extern bool forward_answer(uint32_t slot, uint64_t id, ForwardStatus status, const uint8_t *bytes,
						   Size length, Size *sent);

#endif /* QUORATE_SHMEM_FORWARD_H */

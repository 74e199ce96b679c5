/*
 * ring.h
 *		Byte rings in shared memory: messages from one process to another without a copy in between.
 *
 * One reader; one writer, or several that hold the ring's lock while they write.  Each message is a header
 * of the writer's choice and bytes; a message is visible to the reader once ring_write has returned.  The
 * ring never blocks: a full one says so and the writer decides (wait, drop, push back).
 */
#ifndef QUORATE_SHMEM_RING_H
#define QUORATE_SHMEM_RING_H

#include "postgres.h"

#include "port/atomics.h"
#include "storage/lwlock.h"

typedef struct Ring
{
	LWLock *lock;          /* for several writers; NULL for one */
	uint64_t size;         /* bytes of data, a power of two */
	pg_atomic_uint64 head; /* bytes ever read */
	pg_atomic_uint64 tail; /* bytes ever written */
	char *data;
} Ring;

extern Size ring_shmem_size(Size data_size);
extern void ring_init(Ring *ring, Size data_size, LWLock *lock, char *data);

/* Bytes of the longest message that the ring can take: about half of its size. */
extern Size ring_message_max(const Ring *ring);

/* Writes one message of up to two parts; false if there is no room now, or never (ring_message_max). */
extern bool
ring_write(Ring *ring, const void *part1, Size length1, const void *part2, Size length2);

/*
 * The oldest message, contiguous, or NULL; valid until ring_consume.  (A message that would wrap around the
 * end of the buffer is written at its start instead.)
 */
extern const char *ring_peek(Ring *ring, Size *length);
extern void ring_consume(Ring *ring);

/* Bytes written and not yet consumed, headers included. */
extern uint64_t ring_used(Ring *ring);

/* Reader side: throws everything away (a process that served the ring has died). */
extern void ring_reset(Ring *ring);

#endif /* QUORATE_SHMEM_RING_H */

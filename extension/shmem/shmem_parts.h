/*
 * shmem_parts.h
 *		The parts that quorate's shared memory is made of; for shared_state.c, which puts them together.
 *
 * Each part says how much it needs and initialises it.  Both run in the postmaster: size with the settings
 * read, init with zeroed memory of that size.  Locks come from one named tranche.
 */
#ifndef QUORATE_SHMEM_SHMEM_PARTS_H
#define QUORATE_SHMEM_SHMEM_PARTS_H

#include "postgres.h"

#include "storage/lwlock.h"

/* Places in the tranche "quorate"; inbound rings take one lock each from LOCK_INBOUND_FIRST on. */
typedef enum SharedLock
{
	LOCK_STATE = 0,
	LOCK_PROPOSALS,
	LOCK_COMMANDS,
	LOCK_FORWARD,     /* the ring of requests for other nodes */
	LOCK_CONDITIONAL, /* conditional writes of this node, one at a time */
	LOCK_ROWS,        /* replicas that have gone, what the copier does, what failed */
	LOCK_INBOUND_FIRST
} SharedLock;

extern LWLock *shmem_lock(int place);

/* The largest power of two that is at most `kilobytes` KB, in bytes: rings need one. */
extern Size shmem_ring_bytes(int kilobytes);

/* Slots of SharedState.groups, from the settings. */
extern uint32_t shared_group_slot_count(void);

extern Size proposal_shmem_size(void);
extern void proposal_shmem_init(void *memory, bool found);

extern Size pending_mark_shmem_size(void);
extern void pending_mark_shmem_init(void *memory, bool found);

extern Size key_writes_shmem_size(void);
extern void key_writes_shmem_init(void *memory, bool found);

extern Size apply_feed_shmem_size(void);
extern void apply_feed_shmem_init(void *memory, bool found);

extern Size command_shmem_size(void);
extern void command_shmem_init(void *memory, bool found);

extern Size applied_wait_shmem_size(void);
extern void applied_wait_shmem_init(void *memory, bool found);

extern Size rows_shmem_size(void);
extern void rows_shmem_init(void *memory, bool found);

extern Size forward_shmem_size(void);
extern void forward_shmem_init(void *memory, bool found);

extern Size inbound_shmem_size(void);
extern void inbound_shmem_init(void *memory, bool found);

#endif /* QUORATE_SHMEM_SHMEM_PARTS_H */

/*
 * key_writes.h
 *		How many writes of a key were ever handed in at this node, and how many of them were answered.
 *
 * A write that is evaluated on the present row of its key must not miss another write of that key that is on
 * its way.  So every proposal is counted at the place of its key under the lock under which it is handed in, and
 * counted as answered when its fate is known.  Between two looks at the same count of a key no write of it was handed
 * in.  Keys of all groups share the places by hash, and an entry that changes several keys counts for all: a
 * count may tell of another key's write, which makes an evaluation wait or start again, never miss one.
 *
 * docs/decisions/0013-evaluated-writes.md has the argument.
 */
#ifndef QUORATE_SHMEM_KEY_WRITES_H
#define QUORATE_SHMEM_KEY_WRITES_H

#include "postgres.h"

#define KEY_WRITES_ALL UINT32_MAX /* instead of a hash: an entry that changes several keys */

/* How many writes of the key with this hash (pending_mark_hash) were ever handed in. */
extern uint64_t key_writes_count(uint32_t hash);

/*
 * True if all writes of that count are answered, provided that the count has not changed since; what a reader
 * needs to see of them is visible then.
 */
extern bool key_writes_are_answered(uint32_t hash, uint64_t count);

/* A write of that key was handed in.  Called under the lock of the proposals. */
extern void key_writes_add(uint32_t hash);

/* Replicator: one was answered. */
extern void key_writes_answer(uint32_t hash);

/* Replicator, at its start, under the lock of the proposals: nobody will answer what is left. */
extern void key_writes_forget(void);

#endif /* QUORATE_SHMEM_KEY_WRITES_H */

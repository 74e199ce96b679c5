/*
 * pending_mark.h
 *		Which keys have writes on their way from the log to their row.
 *
 * A consistent read at the leader must show every committed write of its key, and rows are written some
 * time after the commit.  So the replicator marks the key's place in a table of marks when it appends an
 * entry, and a reader learns from the mark up to which LSN it must wait for the applier; for most keys
 * there is nothing to wait for.  Keys and groups share the places by hash: a mark may tell of another key,
 * which makes a reader wait longer than needed, never shorter.
 *
 * The replicator writes, everybody reads, without locks.
 */
#ifndef QUORATE_SHMEM_PENDING_MARK_H
#define QUORATE_SHMEM_PENDING_MARK_H

#include "postgres.h"

#include "core/core_types.h"
#include "shmem/shared_state.h"

/* The place of a key. */
extern uint32_t pending_mark_hash(GroupId group, const uint8_t *position, Size length);

/*
 * Reads of a key at the leader: returns the LSN that must be applied before the key's row shows the newest
 * committed state; at most commit_lsn, and 0 if no write of the key is pending.  commit_lsn must have been
 * read before the call.
 */
extern Lsn
pending_mark_needed(GroupShared *group, const uint8_t *position, Size length, Lsn commit_lsn);

/* Replicator: entry `lsn` of the group, just appended, changes the key at `hash`, or several keys. */
extern void pending_mark_set(GroupShared *group, uint32_t hash, Lsn lsn);
extern void pending_mark_set_all(GroupShared *group, Lsn lsn);

/* Replicator: once in a while; finds out which shared places are free again. */
extern void pending_mark_clean(void);

#endif /* QUORATE_SHMEM_PENDING_MARK_H */

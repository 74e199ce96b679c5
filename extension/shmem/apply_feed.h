/*
 * apply_feed.h
 *		How committed entries get from the replicator to the applier, and the applied LSN back.
 *
 * The replicator writes each committed entry of a group, in LSN order, into the feed ring once it is
 * committed; when the ring is full it goes on later, reading the entries from its log.  The applier keeps
 * GroupShared.applied_lsn and applied_durable_lsn.  A group's feed starts when the applier has published
 * the group's applied LSN from its table: apply_feed_start(); an applier that starts anew raises the feed's
 * generation, upon which the replicator empties the ring and feeds from applied + 1 again.
 */
#ifndef QUORATE_SHMEM_APPLY_FEED_H
#define QUORATE_SHMEM_APPLY_FEED_H

#include "postgres.h"

#include "core/core_types.h"
#include "shmem/shared_state.h"

typedef struct ApplyItem
{
	GroupId group;
	Lsn lsn;
	uint32_t length; /* bytes of payload; 0 for the start entry of a leader */
	uint64_t feed_generation;
	const uint8_t *payload; /* packed entry (wire/entry.h), valid until apply_feed_consume */
} ApplyItem;

/* Applier: a new life begins; nothing fed before is valid any more. */
extern void apply_feed_restart(void);

/* Applier: feed this group from `applied_lsn` + 1 on. */
extern void apply_feed_start(GroupId group, Lsn applied_lsn);

/* Applier: has the replicator begun to feed this group to the present applier? */
extern bool apply_feed_is_started(GroupShared *group);

/*
 * Applier: sleeps on the process latch until there is something to apply, for at most timeout_ms.  Returns the
 * events of WaitLatch; MyLatch is reset.
 */
extern int apply_feed_wait(long timeout_ms);

/*
 * Applier: lets entries gather for at most timeout_ms, because a large batch costs less per entry; returns at
 * once when somebody is in a hurry or much has gathered.
 */
extern void apply_feed_gather(long timeout_ms);

/* Anybody: somebody waits for what has been committed; the applier shall not let entries gather now. */
extern void apply_feed_hurry(void);

/* Applier: the next item, or false; consume it when its effects are applied (or copied). */
extern bool apply_feed_peek(ApplyItem *item);
extern void apply_feed_consume(void);

/* Reconciler, in the applier: group_command_open and group_command_close are in command.h. */
#include "shmem/command.h"

/* ---- replicator's side ---- */

/* Writes an item; false if the ring has no room now. */
extern bool apply_feed_write(const ApplyItem *item);

/* Tells the applier that items were written: wakes it if it has nothing to do, or enough. */
extern void apply_feed_announce(void);

/* Bytes of payload that certainly fit now. */
extern Size apply_feed_room(void);

#endif /* QUORATE_SHMEM_APPLY_FEED_H */

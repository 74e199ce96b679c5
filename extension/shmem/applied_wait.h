/*
 * applied_wait.h
 *		Being woken when a replica's rows move on.
 *
 * Readers wait, the applier wakes them.  A reader waits on its latch, along with whatever else it
 * waits for:
 *
 *		applied_wait_begin(group);
 *		if (... the group's applied_lsn is still too low ...)
 *			WaitLatch(...);
 *		applied_wait_end();
 *
 * The queues are shared by groups (by hash), so a reader may be woken for nothing and looks again.
 */
#ifndef QUORATE_SHMEM_APPLIED_WAIT_H
#define QUORATE_SHMEM_APPLIED_WAIT_H

#include "postgres.h"

#include "shmem/shared_state.h"

/*
 * From now on this process's latch is set whenever the applied LSN of the group is raised.  For one
 * group at a time; it ends with applied_wait_end, or with the transaction if an error comes in
 * between.
 */
extern void applied_wait_begin(GroupShared *group);
extern void applied_wait_end(void);

/* Applier: the applied LSN of this group was raised. */
extern void applied_wait_wake(GroupId group);

#endif /* QUORATE_SHMEM_APPLIED_WAIT_H */

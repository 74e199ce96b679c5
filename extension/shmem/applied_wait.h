/*
 * applied_wait.h
 *		Waiting until a replica's rows have come to an LSN.
 *
 * Readers wait, the applier wakes them.  The condition variables are shared by groups (by hash), so a waiter
 * may be woken for nothing; it looks at the group's applied LSN again.
 */
#ifndef QUORATE_SHMEM_APPLIED_WAIT_H
#define QUORATE_SHMEM_APPLIED_WAIT_H

#include "postgres.h"

#include "shmem/shared_state.h"

/*
 * Waits until the rows of a group on this node are applied up to `lsn` or `timeout_ms` are over; true in the
 * first case.  Interruptible by a cancel or termination of the backend.
 */
extern bool applied_wait(GroupShared *group, Lsn lsn, long timeout_ms);

/* Applier: the applied LSN of this group was raised. */
extern void applied_wait_wake(GroupId group);

#endif /* QUORATE_SHMEM_APPLIED_WAIT_H */

/*
 * applied_wait.c
 *		Being woken when a replica's rows move on; see applied_wait.h.
 *
 * Readers in any backend, the waker in the applier.  Nothing here is durable.
 */
#include "postgres.h"

#include "storage/condition_variable.h"

#include "shmem/applied_wait.h"
#include "shmem/apply_feed.h"
#include "shmem/shmem_parts.h"

#define APPLIED_WAIT_QUEUES 64

typedef struct AppliedWaitShared
{
	ConditionVariable queues[APPLIED_WAIT_QUEUES];
} AppliedWaitShared;

static AppliedWaitShared *applied_wait_shared;

Size
applied_wait_shmem_size(void)
{
	return sizeof(AppliedWaitShared);
}

void
applied_wait_shmem_init(void *memory, bool found)
{
	applied_wait_shared = memory;
	if (found)
		return;
	for (int i = 0; i < APPLIED_WAIT_QUEUES; i++)
		ConditionVariableInit(&applied_wait_shared->queues[i]);
}

static ConditionVariable *
queue_of(GroupId group)
{
	return &applied_wait_shared->queues[group % APPLIED_WAIT_QUEUES];
}

void
applied_wait_begin(GroupShared *group)
{
	ConditionVariablePrepareToSleep(queue_of(pg_atomic_read_u64(&group->group)));
	apply_feed_hurry();
}

void
applied_wait_end(void)
{
	ConditionVariableCancelSleep();
}

void
applied_wait_wake(GroupId group)
{
	ConditionVariableBroadcast(queue_of(group));
}

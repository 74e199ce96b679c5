/*
 * applied_wait.c
 *		Waiting until a replica's rows have come to an LSN.
 *
 * Readers in any backend, the waker in the applier.  Nothing here is durable.
 */
#include "postgres.h"

#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/condition_variable.h"
#include "utils/wait_event.h"

#include "shmem/applied_wait.h"
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

static bool
is_applied(GroupShared *group, Lsn lsn)
{
	return pg_atomic_read_u64(&group->applied_lsn) >= lsn;
}

bool
applied_wait(GroupShared *group, Lsn lsn, long timeout_ms)
{
	ConditionVariable *queue = queue_of(pg_atomic_read_u64(&group->group));
	instr_time start;
	bool applied;

	INSTR_TIME_SET_CURRENT(start);
	while (!(applied = is_applied(group, lsn)))
	{
		instr_time waited;
		long left_ms;

		INSTR_TIME_SET_CURRENT(waited);
		INSTR_TIME_SUBTRACT(waited, start);
		left_ms = timeout_ms - (long) INSTR_TIME_GET_MILLISEC(waited);
		if (left_ms <= 0)
			break;
		ConditionVariableTimedSleep(queue, left_ms, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	return applied;
}

void
applied_wait_wake(GroupId group)
{
	ConditionVariableBroadcast(queue_of(group));
}

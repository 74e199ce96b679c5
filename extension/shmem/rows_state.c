/*
 * rows_state.c
 *		What the rows of this node's replicas are good for; see rows_state.h.
 *
 * The state of each group's rows is in GroupShared; what is of the whole node is a part of shared memory of
 * its own, under one lock that nobody holds for long.
 */
#include "postgres.h"

#include "settings.h"
#include "shmem/rows_state.h"
#include "shmem/shmem_parts.h"

typedef struct RowsShared
{
	LWLock *lock; /* gone[], activity, failures[] */
	pg_atomic_uint64 gone_generation;
	pg_atomic_uint64 handovers;
	CopyActivity activity;
	RowsFailure failures[ROWS_WRITERS];
	uint32_t gone_slots;
	GroupId gone[FLEXIBLE_ARRAY_MEMBER]; /* 0: slot not used */
} RowsShared;

static RowsShared *rows_shared;

Size
rows_shmem_size(void)
{
	return add_size(offsetof(RowsShared, gone), mul_size(quorate_max_groups, sizeof(GroupId)));
}

void
rows_shmem_init(void *memory, bool found)
{
	rows_shared = memory;
	if (found)
		return;
	memset(memory, 0, rows_shmem_size());
	rows_shared->lock = shmem_lock(LOCK_ROWS);
	rows_shared->gone_slots = (uint32_t) quorate_max_groups;
	pg_atomic_init_u64(&rows_shared->gone_generation, 0);
	pg_atomic_init_u64(&rows_shared->handovers, 0);
}

/* ---- one group's rows ---- */

const char *
rows_state_name(RowsState state)
{
	switch (state)
	{
		case ROWS_UNKNOWN:
			return NULL;
		case ROWS_READY:
			return "ready";
		case ROWS_COPYING:
			return "copying";
		case ROWS_REPLAYING:
			return "replaying";
		case ROWS_NONE:
			return "none";
	}
	return NULL;
}

static uint64_t
next_mark(uint64_t mark, RowsState state)
{
	return (((mark >> ROWS_STATE_BITS) + 1) << ROWS_STATE_BITS) | state;
}

bool
rows_may_be_read(GroupShared *group, uint64_t *mark)
{
	*mark = pg_atomic_read_u64(&group->rows);
	pg_read_barrier();
	return rows_state_of(*mark) == ROWS_READY;
}

bool
rows_could_be_read(GroupShared *group, uint64_t mark)
{
	pg_memory_barrier(); /* whatever was read was read before this */
	return pg_atomic_read_u64(&group->rows) == mark;
}

void
rows_state_void(GroupShared *group, RowsState state)
{
	uint64_t mark = pg_atomic_read_u64(&group->rows);

	while (!pg_atomic_compare_exchange_u64(&group->rows, &mark, next_mark(mark, state)))
		;
}

bool
rows_state_set(GroupShared *group, uint64_t mark, RowsState state)
{
	if (rows_state_of(mark) == state)
		return pg_atomic_read_u64(&group->rows) == mark;
	return pg_atomic_compare_exchange_u64(&group->rows, &mark, next_mark(mark, state));
}

Lsn
rows_base_lsn(GroupShared *group)
{
	return Max(pg_atomic_read_u64(&group->base_lsn), pg_atomic_read_u64(&group->copy_from_lsn));
}

/* ---- replicas that have gone ---- */

/* The slot of a group, or a free one for group 0; NULL if there is none.  Under the lock. */
static GroupId *
find_gone(GroupId group)
{
	for (uint32_t i = 0; i < rows_shared->gone_slots; i++)
	{
		if (rows_shared->gone[i] == group)
			return &rows_shared->gone[i];
	}
	return NULL;
}

void
rows_note_gone(GroupId group)
{
	GroupId *slot;

	LWLockAcquire(rows_shared->lock, LW_EXCLUSIVE);
	slot = find_gone(group);
	if (slot == NULL)
		slot = find_gone(0);
	if (slot != NULL)
		*slot = group;
	LWLockRelease(rows_shared->lock);
	pg_atomic_fetch_add_u64(&rows_shared->gone_generation, 1);
	shared_wake_applier();
	shared_wake_copier();
}

bool
rows_are_noted_gone(GroupId group)
{
	bool noted;

	LWLockAcquire(rows_shared->lock, LW_SHARED);
	noted = find_gone(group) != NULL;
	LWLockRelease(rows_shared->lock);
	return noted;
}

void
rows_forget_gone(GroupId group)
{
	GroupId *slot;

	LWLockAcquire(rows_shared->lock, LW_EXCLUSIVE);
	slot = find_gone(group);
	if (slot != NULL)
		*slot = 0;
	LWLockRelease(rows_shared->lock);
}

uint64_t
rows_gone_generation(void)
{
	return pg_atomic_read_u64(&rows_shared->gone_generation);
}

/* ---- the copier ---- */

void
copy_activity_set(const CopyActivity *activity)
{
	LWLockAcquire(rows_shared->lock, LW_EXCLUSIVE);
	rows_shared->activity = *activity;
	LWLockRelease(rows_shared->lock);
}

void
copy_activity_get(CopyActivity *activity)
{
	LWLockAcquire(rows_shared->lock, LW_SHARED);
	*activity = rows_shared->activity;
	LWLockRelease(rows_shared->lock);
}

/* ---- failures ---- */

void
rows_failure_set(RowsWriter writer, GroupId group, const char *message)
{
	RowsFailure *failure = &rows_shared->failures[writer];

	LWLockAcquire(rows_shared->lock, LW_EXCLUSIVE);
	failure->when_us = shared_now_us();
	failure->group = group;
	strlcpy(failure->message, message, sizeof(failure->message));
	LWLockRelease(rows_shared->lock);
}

void
rows_failure_get(RowsWriter writer, RowsFailure *failure)
{
	LWLockAcquire(rows_shared->lock, LW_SHARED);
	*failure = rows_shared->failures[writer];
	LWLockRelease(rows_shared->lock);
}

/* ---- handing over ---- */

void
copy_handed_over(void)
{
	pg_atomic_fetch_add_u64(&rows_shared->handovers, 1);
	shared_groups_changed();
}

uint64_t
copy_handovers(void)
{
	return pg_atomic_read_u64(&rows_shared->handovers);
}

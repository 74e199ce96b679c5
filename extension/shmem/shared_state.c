/*
 * shared_state.c
 *		The root of quorate's shared memory, and the published state of the replicas; see shared_state.h.
 *
 * Made by the postmaster, used by all processes.  Nothing here is durable.
 *
 * Order of publication: what a reader may conclude from a value must be visible before the value.  A lease
 * is published after the leadership that it belongs to; the end of a leadership first voids the lease.
 */
#include "postgres.h"

#include <time.h>

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "settings.h"
#include "shmem/rows_state.h"
#include "shmem/shared_state.h"
#include "shmem/shmem_parts.h"

/* A slot whose group was removed: searches go on behind it. */
#define GROUP_REMOVED UINT64_MAX

SharedState *quorate_shared;

static shmem_request_hook_type previous_request_hook;
static shmem_startup_hook_type previous_startup_hook;

/* The parts, in the order in which they are made. */
static const struct
{
	const char *name;
	Size (*size)(void);
	void (*init)(void *memory, bool found);
} parts[] = {{"quorate proposals", proposal_shmem_size, proposal_shmem_init},
			 {"quorate pending marks", pending_mark_shmem_size, pending_mark_shmem_init},
			 {"quorate apply feed", apply_feed_shmem_size, apply_feed_shmem_init},
			 {"quorate applied waits", applied_wait_shmem_size, applied_wait_shmem_init},
			 {"quorate rows", rows_shmem_size, rows_shmem_init},
			 {"quorate commands", command_shmem_size, command_shmem_init},
			 {"quorate forward", forward_shmem_size, forward_shmem_init},
			 {"quorate inbound", inbound_shmem_size, inbound_shmem_init}};

LWLock *
shmem_lock(int place)
{
	return &GetNamedLWLockTranche("quorate")[place].lock;
}

Size
shmem_ring_bytes(int kilobytes)
{
	return (Size) pg_prevpower2_32(kilobytes) * 1024;
}

/* Half of the slots stay free, so that searches are short. */
uint32_t
shared_group_slot_count(void)
{
	return pg_nextpower2_32((uint32) quorate_max_groups * 2);
}

static Size
root_size(void)
{
	return add_size(MAXALIGN(sizeof(SharedState)),
					mul_size(shared_group_slot_count(), sizeof(GroupShared)));
}

static void
request_shared_memory(void)
{
	if (previous_request_hook)
		previous_request_hook();

	RequestAddinShmemSpace(root_size());
	for (int i = 0; i < lengthof(parts); i++)
		RequestAddinShmemSpace(parts[i].size());
	RequestNamedLWLockTranche("quorate", LOCK_INBOUND_FIRST + quorate_max_nodes);
}

static void
init_group_slot(GroupShared *group)
{
	memset(group, 0, sizeof(*group));
	pg_atomic_init_u64(&group->group, 0);
	pg_atomic_init_u64(&group->lead_sequence, 0);
	pg_atomic_init_u64(&group->lease_until_us, 0);
	pg_atomic_init_u64(&group->start_lsn, 0);
	pg_atomic_init_u64(&group->append_lsn, 0);
	pg_atomic_init_u64(&group->durable_lsn, 0);
	pg_atomic_init_u64(&group->commit_lsn, 0);
	pg_atomic_init_u64(&group->applied_lsn, 0);
	pg_atomic_init_u64(&group->applied_durable_lsn, 0);
	pg_atomic_init_u64(&group->leader, 0);
	pg_atomic_init_u64(&group->pending_writes, 0);
	pg_atomic_init_u64(&group->mark_all_lsn, 0);
	pg_atomic_init_u32(&group->kind, 0);
	pg_atomic_init_u32(&group->fresh, 0);
	pg_atomic_init_u64(&group->rows, 0);
	pg_atomic_init_u64(&group->base_lsn, 0);
	pg_atomic_init_u64(&group->copy_from_lsn, 0);
	pg_atomic_init_u64(&group->feed_generation, 0);
	pg_atomic_init_u64(&group->fed_lsn, 0);
	SpinLockInit(&group->mutex);
}

static void
init_root(SharedState *shared)
{
	memset(shared, 0, sizeof(*shared));
	shared->lock = shmem_lock(LOCK_STATE);
	pg_atomic_init_u32(&shared->node_state, NODE_STARTING);
	strlcpy(shared->state_reason,
			"the replicator has not started: the server recovers or is a standby",
			sizeof(shared->state_reason));
	pg_atomic_init_u64(&shared->log_bytes, 0);
	pg_atomic_init_u64(&shared->metadata_generation, 1);
	pg_atomic_init_u64(&shared->groups_generation, 1);
	pg_atomic_init_u64(&shared->counters_since, GetCurrentTimestamp());
	for (int i = 0; i < lengthof(shared->peer_heard_us); i++)
		pg_atomic_init_u64(&shared->peer_heard_us[i], 0);
	for (int i = 0; i < NODE_COUNTERS; i++)
		pg_atomic_init_u64(&shared->counters[i], 0);

	shared->group_slots = shared_group_slot_count();
	shared->groups = (GroupShared *) ((char *) shared + MAXALIGN(sizeof(SharedState)));
	for (uint32_t i = 0; i < shared->group_slots; i++)
		init_group_slot(&shared->groups[i]);
}

static void
start_shared_memory(void)
{
	bool found;

	if (previous_startup_hook)
		previous_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	quorate_shared = ShmemInitStruct("quorate state", root_size(), &found);
	if (!found)
		init_root(quorate_shared);
	for (int i = 0; i < lengthof(parts); i++)
	{
		void *memory = ShmemInitStruct(parts[i].name, parts[i].size(), &found);

		parts[i].init(memory, found);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
shared_state_install(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;
}

void
shared_state_require(void)
{
	if (quorate_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("quorate is not loaded by this server"),
				 errhint("Add quorate to shared_preload_libraries and restart the server.")));
}

/* ---- groups ---- */

/* Where the search for a group starts: group ids are small and dense, so spread them. */
static uint32_t
home_slot(GroupId group)
{
	return (uint32_t) ((group * UINT64CONST(0x9E3779B97F4A7C15)) >> 32) &
		   (quorate_shared->group_slots - 1);
}

GroupShared *
shared_group_find(GroupId group)
{
	uint32_t slot = home_slot(group);

	for (uint32_t i = 0; i < quorate_shared->group_slots && group != 0; i++)
	{
		GroupShared *candidate = &quorate_shared->groups[slot];
		uint64_t occupant = pg_atomic_read_u64(&candidate->group);

		if (occupant == group)
			return candidate;
		if (occupant == 0)
			return NULL;
		slot = (slot + 1) & (quorate_shared->group_slots - 1);
	}
	return NULL;
}

uint32_t
shared_group_slot(const GroupShared *group)
{
	return (uint32_t) (group - quorate_shared->groups);
}

/* Number of slots in use. */
static uint32_t
count_groups(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < quorate_shared->group_slots; i++)
	{
		uint64_t occupant = pg_atomic_read_u64(&quorate_shared->groups[i].group);

		if (occupant != 0 && occupant != GROUP_REMOVED)
			count++;
	}
	return count;
}

GroupShared *
shared_group_add(GroupId group)
{
	uint32_t slot = home_slot(group);
	uint64_t lead_sequence;
	uint64_t rows;

	if (count_groups() >= (uint32_t) quorate_max_groups)
		return NULL;
	for (;;)
	{
		uint64_t occupant = pg_atomic_read_u64(&quorate_shared->groups[slot].group);

		if (occupant == 0 || occupant == GROUP_REMOVED)
			break;
		slot = (slot + 1) & (quorate_shared->group_slots - 1);
	}

	/* The sequences go on, so that a reader of the slot's former group notices. */
	lead_sequence = pg_atomic_read_u64(&quorate_shared->groups[slot].lead_sequence);
	rows = pg_atomic_read_u64(&quorate_shared->groups[slot].rows);
	init_group_slot(&quorate_shared->groups[slot]);
	pg_atomic_write_u64(&quorate_shared->groups[slot].lead_sequence, lead_sequence);
	pg_atomic_write_u64(&quorate_shared->groups[slot].rows, rows);
	rows_state_void(&quorate_shared->groups[slot], ROWS_UNKNOWN);
	pg_write_barrier();
	pg_atomic_write_u64(&quorate_shared->groups[slot].group, group);
	shared_groups_changed();
	return &quorate_shared->groups[slot];
}

void
shared_group_remove(GroupId group)
{
	GroupShared *removed = shared_group_find(group);

	if (removed == NULL)
		return;
	shared_group_step_down(removed);
	rows_state_void(removed, ROWS_UNKNOWN);
	pg_atomic_write_u64(&removed->group, GROUP_REMOVED);
}

/* ---- leadership ---- */

void
shared_group_lead(GroupShared *group, Ballot ballot, Lsn start_lsn)
{
	uint64_t sequence = pg_atomic_read_u64(&group->lead_sequence);

	pg_atomic_write_u64(&group->start_lsn, start_lsn);
	SpinLockAcquire(&group->mutex);
	group->ballot = ballot;
	SpinLockRelease(&group->mutex);
	pg_write_barrier();
	pg_atomic_write_u64(&group->lead_sequence, sequence % 2 == 0 ? sequence + 1 : sequence + 2);
}

void
shared_group_step_down(GroupShared *group)
{
	uint64_t sequence = pg_atomic_read_u64(&group->lead_sequence);

	pg_atomic_write_u64(&group->lease_until_us, 0);
	if (sequence % 2 == 1)
		pg_atomic_write_u64(&group->lead_sequence, sequence + 1);
	pg_memory_barrier();
}

void
shared_group_commit(GroupShared *group, Lsn commit_lsn)
{
	/* Pending marks of everything that is committed are visible before the commit LSN. */
	pg_write_barrier();
	pg_atomic_write_u64(&group->commit_lsn, commit_lsn);
	pg_write_barrier(); /* and the commit LSN before any completion that follows from it */
}

void
shared_group_publish(GroupShared *group, const GroupStatus *status)
{
	bool leads = pg_atomic_read_u64(&group->lead_sequence) % 2 == 1;

	SpinLockAcquire(&group->mutex);
	group->status = *status;
	SpinLockRelease(&group->mutex);

	pg_atomic_write_u64(&group->append_lsn, status->append_lsn);
	pg_atomic_write_u64(&group->durable_lsn, status->durable_lsn);
	pg_atomic_write_u64(&group->leader, status->leader);
	pg_atomic_write_u64(&group->base_lsn, status->base_lsn);

	shared_group_commit(group, status->commit_lsn);
	pg_atomic_write_u64(&group->lease_until_us, leads ? (uint64_t) status->lease_until_us : 0);
}

static bool
lease_is_valid(GroupShared *group)
{
	return (TimeUs) pg_atomic_read_u64(&group->lease_until_us) > shared_now_us();
}

bool
shared_group_serves(GroupShared *group, uint64_t *lead_sequence)
{
	Lsn start_lsn;

	*lead_sequence = pg_atomic_read_u64(&group->lead_sequence);
	if (*lead_sequence % 2 == 0)
		return false;
	pg_read_barrier();
	start_lsn = pg_atomic_read_u64(&group->start_lsn);
	return pg_atomic_read_u64(&group->commit_lsn) >= start_lsn &&
		   pg_atomic_read_u64(&group->applied_lsn) >= start_lsn &&
		   rows_state(group) == ROWS_READY && lease_is_valid(group);
}

bool
shared_group_still_serves(GroupShared *group, uint64_t lead_sequence)
{
	pg_memory_barrier(); /* whatever was read was read before this */
	return lease_is_valid(group) && rows_state(group) == ROWS_READY &&
		   pg_atomic_read_u64(&group->lead_sequence) == lead_sequence;
}

bool
shared_group_ballot(GroupShared *group, Ballot *ballot)
{
	SpinLockAcquire(&group->mutex);
	*ballot = group->ballot;
	SpinLockRelease(&group->mutex);
	return pg_atomic_read_u64(&group->lead_sequence) % 2 == 1;
}

/* ---- clock, state, latches ---- */

TimeUs
shared_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (TimeUs) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
shared_set_node_state(NodeState state, const char *reason)
{
	LWLockAcquire(quorate_shared->lock, LW_EXCLUSIVE);
	strlcpy(quorate_shared->state_reason, reason, sizeof(quorate_shared->state_reason));
	pg_atomic_write_u32(&quorate_shared->node_state, state);
	LWLockRelease(quorate_shared->lock);
}

bool
shared_explain_unconfigured(const char *reason)
{
	bool unconfigured;

	LWLockAcquire(quorate_shared->lock, LW_EXCLUSIVE);
	unconfigured = pg_atomic_read_u32(&quorate_shared->node_state) == NODE_UNCONFIGURED;
	if (unconfigured)
		strlcpy(quorate_shared->state_reason, reason, sizeof(quorate_shared->state_reason));
	LWLockRelease(quorate_shared->lock);
	return unconfigured;
}

static void
unregister_latch(int code, Datum latch)
{
	Latch **registered = (Latch **) DatumGetPointer(latch);

	if (*registered == MyLatch)
		*registered = NULL;
}

void
shared_register_latch(Latch **latch)
{
	*latch = MyLatch;
	before_shmem_exit(unregister_latch, PointerGetDatum(latch));
}

/* The latch may belong to a process that has just ended: its memory stays, waking it does no harm. */
static void
wake(Latch *const *registered)
{
	Latch *latch = *(Latch *const volatile *) registered;

	if (latch != NULL)
		SetLatch(latch);
}

void
shared_wake_launcher(void)
{
	wake(&quorate_shared->launcher_latch);
}

void
shared_wake_replicator(void)
{
	wake(&quorate_shared->replicator_latch);
}

void
shared_wake_applier(void)
{
	wake(&quorate_shared->applier_latch);
}

void
shared_wake_forwarder(void)
{
	wake(&quorate_shared->forwarder_latch);
}

void
shared_wake_copier(void)
{
	wake(&quorate_shared->copier_latch);
}

void
shared_groups_changed(void)
{
	pg_atomic_fetch_add_u64(&quorate_shared->groups_generation, 1);
	shared_wake_applier();
}

/* ---- nodes ---- */

bool
shared_node_by_id(NodeId node, NodeInfo *info)
{
	bool found = false;

	LWLockAcquire(quorate_shared->lock, LW_SHARED);
	for (int i = 0; i < CORE_NODES_MAX && !found; i++)
	{
		found = node != 0 && quorate_shared->nodes[i].node == node;
		if (found)
			*info = quorate_shared->nodes[i];
	}
	LWLockRelease(quorate_shared->lock);
	return found;
}

bool
shared_node_by_name(const char *name, NodeInfo *info)
{
	bool found = false;

	LWLockAcquire(quorate_shared->lock, LW_SHARED);
	for (int i = 0; i < CORE_NODES_MAX && !found; i++)
	{
		found = quorate_shared->nodes[i].node != 0 &&
				strcmp(quorate_shared->nodes[i].name, name) == 0;
		if (found)
			*info = quorate_shared->nodes[i];
	}
	LWLockRelease(quorate_shared->lock);
	return found;
}

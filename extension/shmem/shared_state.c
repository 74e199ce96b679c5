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

/* What a slot of the index holds besides a place + 1; searches go on behind one whose group was removed. */
#define INDEX_FREE 0
#define INDEX_REMOVED UINT32_MAX

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
			 {"quorate key writes", key_writes_shmem_size, key_writes_shmem_init},
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

/* The state of a group is large, so it has no free slots beside it; those are in the index. */
uint32_t
shared_group_slot_count(void)
{
	return (uint32_t) quorate_max_groups;
}

/* Half of the index stays free, so that searches are short. */
static uint32_t
index_slot_count(void)
{
	return pg_nextpower2_32((uint32) quorate_max_groups * 2);
}

static Size
root_size(void)
{
	Size index_size = mul_size(index_slot_count(), sizeof(pg_atomic_uint32));

	return add_size(
		MAXALIGN(sizeof(SharedState)),
		add_size(MAXALIGN(index_size), mul_size(shared_group_slot_count(), sizeof(GroupShared))));
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
	pg_atomic_init_u64(&group->stopped_lsn, 0);
	pg_atomic_init_u64(&group->base_lsn, 0);
	pg_atomic_init_u64(&group->copy_from_lsn, 0);
	pg_atomic_init_u64(&group->plan, 0);
	pg_atomic_init_u64(&group->plan_since_us, 0);
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
	pg_atomic_init_u64(&shared->set_back_nodes, 0);
	pg_atomic_init_u32(&shared->unread_version, 0);
	pg_atomic_init_u64(&shared->turn_us, 0);
	pg_atomic_init_u64(&shared->sync_began_us, 0);
	pg_atomic_init_u64(&shared->synced_us, 0);
	pg_atomic_init_u64(&shared->log_full_us, 0);
	pg_atomic_init_u64(&shared->metadata_generation, 1);
	pg_atomic_init_u64(&shared->groups_generation, 1);
	pg_atomic_init_u64(&shared->nodes_generation, 1);
	pg_atomic_init_u64(&shared->counters_since, GetCurrentTimestamp());
	for (int i = 0; i < lengthof(shared->peer_heard_us); i++)
	{
		pg_atomic_init_u64(&shared->peer_heard_us[i], 0);
		pg_atomic_init_u64(&shared->peer_reaches[i], 0);
	}
	for (int i = 0; i < NODE_COUNTERS; i++)
		pg_atomic_init_u64(&shared->counters[i], 0);

	shared->index_slots = index_slot_count();
	shared->group_index = (pg_atomic_uint32 *) ((char *) shared + MAXALIGN(sizeof(SharedState)));
	for (uint32_t i = 0; i < shared->index_slots; i++)
		pg_atomic_init_u32(&shared->group_index[i], INDEX_FREE);

	shared->group_slots = shared_group_slot_count();
	shared->groups = (GroupShared *) ((char *) shared->group_index +
									  MAXALIGN(shared->index_slots * sizeof(pg_atomic_uint32)));
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
		   (quorate_shared->index_slots - 1);
}

/* The place that a slot of the index names, if this group is there now; else NULL. */
static GroupShared *
group_at(uint32_t entry, GroupId group)
{
	GroupShared *place;

	if (entry == INDEX_FREE || entry == INDEX_REMOVED)
		return NULL;
	place = &quorate_shared->groups[entry - 1];
	return pg_atomic_read_u64(&place->group) == group ? place : NULL;
}

/* The slot of the index that names the group, or the free one at which a search for it ends. */
static uint32_t
search_index(GroupId group)
{
	uint32_t slot = home_slot(group);

	/* Others search while a slot is being taken or given up, so no chain is ever moved. */
	for (uint32_t i = 0; i < quorate_shared->index_slots; i++)
	{
		uint32_t entry = pg_atomic_read_u32(&quorate_shared->group_index[slot]);

		if (entry == INDEX_FREE || group_at(entry, group) != NULL)
			break;
		slot = (slot + 1) & (quorate_shared->index_slots - 1);
	}
	return slot;
}

GroupShared *
shared_group_find(GroupId group)
{
	if (group == 0)
		return NULL;
	return group_at(pg_atomic_read_u32(&quorate_shared->group_index[search_index(group)]), group);
}

uint32_t
shared_group_slot(const GroupShared *group)
{
	return (uint32_t) (group - quorate_shared->groups);
}

/* A place without a group, or NULL; begins where the last search ended, so that many in a row are cheap. */
static GroupShared *
find_free_place(void)
{
	static uint32_t next = 0;

	for (uint32_t i = 0; i < quorate_shared->group_slots; i++)
	{
		GroupShared *place = &quorate_shared->groups[next];

		next = (next + 1) % quorate_shared->group_slots;
		if (pg_atomic_read_u64(&place->group) == 0)
			return place;
	}
	return NULL;
}

/* Names a place in the first slot of the index that is not in use. */
static void
put_in_index(GroupId group, const GroupShared *place)
{
	uint32_t slot = home_slot(group);

	for (;;)
	{
		uint32_t entry = pg_atomic_read_u32(&quorate_shared->group_index[slot]);

		if (entry == INDEX_FREE || entry == INDEX_REMOVED)
			break;
		slot = (slot + 1) & (quorate_shared->index_slots - 1);
	}
	pg_atomic_write_u32(&quorate_shared->group_index[slot], shared_group_slot(place) + 1);
}

GroupShared *
shared_group_add(GroupId group)
{
	GroupShared *place = find_free_place();
	uint64_t lead_sequence;

	if (place == NULL)
		return NULL;

	/* The sequence goes on, so that a reader of the slot's former group notices. */
	lead_sequence = pg_atomic_read_u64(&place->lead_sequence);
	init_group_slot(place);
	pg_atomic_write_u64(&place->lead_sequence, lead_sequence);
	pg_write_barrier();
	pg_atomic_write_u64(&place->group, group);
	pg_write_barrier();
	put_in_index(group, place);
	pg_atomic_fetch_add_u64(&quorate_shared->groups_generation, 1);
	shared_wake_applier();
	return place;
}

/*
 * Takes a slot out of the index.  At the end of a chain nothing has to be marked as removed, and the marks before
 * it are not needed any more: else searches for groups that are not there would get longer for ever.
 */
static void
take_from_index(uint32_t slot)
{
	uint32_t mask = quorate_shared->index_slots - 1;
	pg_atomic_uint32 *index = quorate_shared->group_index;

	pg_atomic_write_u32(&index[slot], INDEX_REMOVED);
	if (pg_atomic_read_u32(&index[(slot + 1) & mask]) != INDEX_FREE)
		return;
	for (; pg_atomic_read_u32(&index[slot]) == INDEX_REMOVED; slot = (slot - 1) & mask)
		pg_atomic_write_u32(&index[slot], INDEX_FREE);
}

void
shared_group_remove(GroupId group)
{
	GroupShared *removed = shared_group_find(group);

	if (removed == NULL)
		return;
	shared_group_step_down(removed);
	take_from_index(search_index(group));
	pg_atomic_write_u64(&removed->group, 0);
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

bool
shared_node_was_removed(NodeId node)
{
	bool removed;

	LWLockAcquire(quorate_shared->lock, LW_SHARED);
	removed = (quorate_shared->removed_nodes & node_id_bit(node)) != 0;
	LWLockRelease(quorate_shared->lock);
	return removed;
}

/* ---- versions and releases ---- */

ClusterVersion
shared_cluster_version(void)
{
	ClusterVersion version;

	LWLockAcquire(quorate_shared->lock, LW_SHARED);
	version = quorate_shared->cluster_version;
	LWLockRelease(quorate_shared->lock);
	return version;
}

void
shared_note_release(NodeId node, const PeerRelease *release)
{
	LWLockAcquire(quorate_shared->lock, LW_EXCLUSIVE);
	quorate_shared->peer_releases[node] = *release;
	LWLockRelease(quorate_shared->lock);
}

PeerRelease
shared_release_of(NodeId node)
{
	PeerRelease release = {.reads = version_range_own(), .release = QUORATE_RELEASE};

	LWLockAcquire(quorate_shared->lock, LW_SHARED);
	if (node != quorate_shared->self)
		release = quorate_shared->peer_releases[node];
	LWLockRelease(quorate_shared->lock);
	return release;
}

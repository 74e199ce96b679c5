/*
 * replicator_groups.c
 *		What the replicator keeps for each group besides its consensus state: executors that wait for the
 *		commit of their entries, and the state published in shared memory.
 *
 * Order, within a turn: a pending mark before the commit LSN that covers it, the commit LSN before the
 * completions of its entries, the completions before the latches.  The end of a leadership is published at
 * once, when the engine says so, because messages that free others to lead leave in the same turn (I8).
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "shmem/pending_mark.h"
#include "shmem/rows_state.h"
#include "worker/replicator.h"

/* How long all groups are looked at often after something happened, and how seldom while nothing does. */
#define HOUSEKEEPING_REST_US (1000 * 1000)

/* So many changes of leaders in one second are logged one by one. */
#define LEADERS_LOGGED_MAX 20

/* A write that was handed to the engine; its address is the engine's tag. */
typedef struct Waiter
{
	slist_node node; /* of Replica.waiters, or of the free list */
	ProposalOrigin origin;
	Lsn lsn;
} Waiter;

static HTAB *replicas;
static uint64_t waiter_count; /* writes appended and not yet answered, of all groups */
static slist_head free_waiters = SLIST_STATIC_INIT(free_waiters);

/* ---- opening and closing ---- */

void
groups_init(void)
{
	HASHCTL control = {0};

	control.keysize = sizeof(GroupId);
	control.entrysize = sizeof(Replica);
	control.hcxt = TopMemoryContext;
	replicas = hash_create("quorate replicas", 1024, &control,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	groups_step_down_all();
}

void
groups_step_down_all(void)
{
	for (uint32_t i = 0; i < quorate_shared->group_slots; i++)
	{
		shared_group_step_down(&quorate_shared->groups[i]);
		pg_atomic_write_u64(&quorate_shared->groups[i].leader, 0);
	}
}

Replica *
groups_find(GroupId group)
{
	return hash_search(replicas, &group, HASH_FIND, NULL);
}

/* Copies the engine's status of a replica to shared memory. */
void
groups_publish(Replica *replica)
{
	GroupStatus status;

	if (!engine_group_status(replicator_engine, replica->group, &status))
		return;
	shared_group_publish(replica->shared, &status);
	rows_note_status(replica, &status);
	if (status.commit_lsn > pg_atomic_read_u64(&replica->shared->fed_lsn))
		feed_want(replica);
}

bool
groups_attach_one(GroupId group)
{
	GroupShared *shared = shared_group_find(group);
	Replica *replica;
	bool found;

	if (shared == NULL)
		shared = shared_group_add(group);
	if (shared == NULL)
		return false;

	replica = hash_search(replicas, &group, HASH_ENTER, &found);
	if (!found)
	{
		replica->shared = shared;
		rows_forget_gone(group); /* it is back */
		slist_init(&replica->waiters);
		replica->last_waiter = NULL;
		replica->in_feed_list = false;
		replica->feed_broken = false;
		replica->rows_untold = false;
	}
	return true;
}

bool
groups_attach(void)
{
	uint32_t count = engine_list_groups(replicator_engine, NULL, 0);
	GroupId *groups = palloc((count + 1) * sizeof(GroupId));

	engine_list_groups(replicator_engine, groups, count);
	for (uint32_t i = 0; i < count; i++)
	{
		if (!groups_attach_one(groups[i]))
			return false;
		rows_attach(groups_find(groups[i]));
		groups_publish(groups_find(groups[i]));
	}
	pfree(groups);

	/* What a predecessor of this process published and is not open any more. */
	for (uint32_t i = 0; i < quorate_shared->group_slots; i++)
	{
		GroupId group = pg_atomic_read_u64(&quorate_shared->groups[i].group);

		if (group != 0 && groups_find(group) == NULL)
			shared_group_remove(group);
	}
	return true;
}

/* Answers a write and frees its waiter. */
static void
answer(Replica *replica, Waiter *waiter, CompletionStatus status)
{
	proposal_queue_complete(&waiter->origin, replica->shared, waiter->lsn, status);
	if (waiter->lsn != 0)
		waiter_count--;
	slist_push_head(&free_waiters, &waiter->node);
}

/* Answers the waiters up to an LSN. */
static void
answer_up_to(Replica *replica, Lsn lsn, CompletionStatus status)
{
	while (!slist_is_empty(&replica->waiters))
	{
		Waiter *waiter = slist_head_element(Waiter, node, &replica->waiters);

		if (waiter->lsn > lsn)
			return;
		slist_pop_head_node(&replica->waiters);
		answer(replica, waiter, status);
	}
	replica->last_waiter = NULL;
}

void
groups_detach(Replica *replica)
{
	GroupId group = replica->group;

	answer_up_to(replica, UINT64_MAX, COMPLETION_UNKNOWN);
	feed_forget(replica);
	shared_group_remove(group);
	hash_search(replicas, &group, HASH_REMOVE, NULL);
}

void
groups_detach_all(void)
{
	HASH_SEQ_STATUS scan;
	Replica *replica;

	hash_seq_init(&scan, replicas);
	while ((replica = hash_seq_search(&scan)) != NULL)
		groups_detach(replica);
}

void
groups_open(const NodeCommand *command)
{
	if (replicator_engine == NULL || groups_find(command->group) != NULL)
		return;
	if (!groups_attach_one(command->group))
	{
		ereport(LOG, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					  errmsg("cannot open replication group " UINT64_FORMAT ": there are too many",
							 command->group),
					  errhint("Increase quorate.max_groups and restart the server.")));
		return;
	}
	if (engine_create_group(replicator_engine, command->group, &command->membership,
							command->first_leader))
		groups_publish(groups_find(command->group));
	else
		groups_detach(groups_find(command->group)); /* the reconciler asks again */
}

void
groups_close(GroupId group)
{
	Replica *replica = groups_find(group);

	if (replicator_engine == NULL)
		return;
	engine_bury_group(replicator_engine, group);
	if (replica != NULL)
		groups_detach(replica);
}

void
groups_recover(const NodeCommand *command, CommandResult *result)
{
	const char *obstacle = replicator_engine == NULL
							   ? "this node does not take part in its cluster"
							   : engine_recover_group(replicator_engine, command->group,
													  command->lost_nodes);

	if (obstacle == NULL)
	{
		ereport(LOG, (errmsg("replication group " UINT64_FORMAT
							 " goes on with this node alone, as an operator demands",
							 command->group)));
		return;
	}
	result->sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
	snprintf(result->message, sizeof(result->message),
			 "cannot recover replication group " UINT64_FORMAT ": %s", command->group, obstacle);
}

/* ---- writes ---- */

uint64_t
groups_writes_under_way(void)
{
	return waiter_count;
}

static Waiter *
allocate_waiter(void)
{
	if (slist_is_empty(&free_waiters))
		return MemoryContextAlloc(TopMemoryContext, sizeof(Waiter));
	return slist_container(Waiter, node, slist_pop_head_node(&free_waiters));
}

void
groups_propose(const ProposalHeader *header, const void *payload, Size length)
{
	Waiter *waiter;

	if (replicator_engine == NULL || groups_find(header->group) == NULL)
	{
		proposal_queue_complete(&header->origin, shared_group_find(header->group), 0,
								COMPLETION_REFUSED);
		return;
	}
	waiter = allocate_waiter();
	waiter->origin = header->origin;
	waiter->lsn = 0;
	engine_propose(replicator_engine, header->group, header->ballot, payload, (uint32_t) length,
				   (uint64_t) (uintptr_t) waiter);
}

/* ---- the engine's callbacks ---- */

static void
on_appended(void *context, uint64_t tag, GroupId group, Lsn lsn)
{
	Replica *replica = groups_find(group);
	Waiter *waiter = (Waiter *) (uintptr_t) tag;

	waiter->lsn = lsn;
	waiter_count++;
	if (waiter->origin.key_hash == KEY_WRITES_ALL)
		pending_mark_set_all(replica->shared, lsn);
	else
		pending_mark_set(replica->shared, waiter->origin.key_hash, lsn);

	if (replica->last_waiter == NULL)
		slist_push_head(&replica->waiters, &waiter->node);
	else
		slist_insert_after(replica->last_waiter, &waiter->node);
	replica->last_waiter = &waiter->node;
	shared_count(COUNTER_ENTRIES_APPENDED, 1);
}

static void
on_refused(void *context, uint64_t tag, GroupId group, EngineRefusal why)
{
	if (why == ENGINE_LOG_FULL)
		pg_atomic_write_u64(&quorate_shared->log_full_us, (uint64_t) shared_now_us());
	answer(groups_find(group), (Waiter *) (uintptr_t) tag,
		   why == ENGINE_LOG_FULL ? COMPLETION_LOG_FULL : COMPLETION_REFUSED);
}

/* A new leader serves when it has applied its own first entry. */
static bool
waits_to_serve(GroupShared *shared)
{
	return pg_atomic_read_u64(&shared->lead_sequence) % 2 == 1 &&
		   pg_atomic_read_u64(&shared->applied_lsn) < pg_atomic_read_u64(&shared->start_lsn);
}

static void
on_committed(void *context, GroupId group, Lsn commit_lsn)
{
	Replica *replica = groups_find(group);
	Lsn before;

	if (replica == NULL)
		return;
	before = pg_atomic_read_u64(&replica->shared->commit_lsn);
	if (commit_lsn > before)
		shared_count(COUNTER_ENTRIES_COMMITTED, commit_lsn - before);
	shared_group_commit(replica->shared, commit_lsn);
	answer_up_to(replica, commit_lsn, COMPLETION_COMMITTED);
	feed_want(replica);
	if (group == GROUP_METADATA || waits_to_serve(replica->shared))
		feed_hurry();
}

/*
 * When a node fails, thousands of groups change their leaders within a second; a line for each would cost more
 * than the elections.  So the first ones of a second are logged, the others counted.
 */
typedef struct LeaderChanges
{
	uint32_t logged;
	uint32_t unlogged;
} LeaderChanges;

static LeaderChanges leaders_gained;
static LeaderChanges leaders_lost;

static bool
may_log_leader(LeaderChanges *changes)
{
	if (changes->logged < LEADERS_LOGGED_MAX)
	{
		changes->logged++;
		return true;
	}
	changes->unlogged++;
	return false;
}

void
groups_log_leaders(void)
{
	static TimeUs due_us;
	TimeUs now = shared_now_us();

	if (now < due_us)
		return;
	due_us = now + 1000 * 1000;
	if (leaders_gained.unlogged > 0 || leaders_lost.unlogged > 0)
		ereport(LOG, (errmsg("%u more replication groups are led by this node, %u more no longer",
							 leaders_gained.unlogged, leaders_lost.unlogged),
					  errhint("The view quorate.partitions shows who leads which.")));
	memset(&leaders_gained, 0, sizeof(leaders_gained));
	memset(&leaders_lost, 0, sizeof(leaders_lost));
}

static void
on_leading(void *context, GroupId group, Ballot ballot, Lsn start_lsn)
{
	Replica *replica = groups_find(group);

	if (replica == NULL)
		return;
	shared_group_lead(replica->shared, ballot, start_lsn);
	shared_count(COUNTER_LEADERSHIPS_GAINED, 1);
	if (may_log_leader(&leaders_gained))
		ereport(LOG, (errmsg("replication group " UINT64_FORMAT
							 " is led by this node from LSN " UINT64_FORMAT
							 " on, under ballot (" UINT64_FORMAT ", %u)",
							 group, start_lsn, ballot.round, ballot.node)));
}

static void
on_stepped_down(void *context, GroupId group, Ballot ballot)
{
	Replica *replica = groups_find(group);

	if (replica == NULL)
		return;
	shared_group_step_down(replica->shared);
	answer_up_to(replica, UINT64_MAX, COMPLETION_UNKNOWN);
	shared_count(COUNTER_LEADERSHIPS_LOST, 1);
	if (may_log_leader(&leaders_lost))
		ereport(LOG, (errmsg("replication group " UINT64_FORMAT
							 " is no longer led by this node under ballot (" UINT64_FORMAT ", %u)",
							 group, ballot.round, ballot.node)));
}

/* A leader asked for a replica here; the engine opens no more groups than there are slots for. */
void
groups_fill_callbacks(EngineCallbacks *callbacks)
{
	callbacks->appended = on_appended;
	callbacks->refused = on_refused;
	callbacks->committed = on_committed;
	callbacks->leading = on_leading;
	callbacks->stepped_down = on_stepped_down;
	rows_fill_callbacks(callbacks);
}

void
groups_feed_restart(void)
{
	HASH_SEQ_STATUS scan;
	Replica *replica;

	hash_seq_init(&scan, replicas);
	while ((replica = hash_seq_search(&scan)) != NULL)
		feed_stop(replica);
}

/* ---- the end of a turn ---- */

void
groups_finish_turn(void)
{
	const GroupId *changed;
	uint32_t count = engine_changed_groups(replicator_engine, &changed);

	for (uint32_t i = 0; i < count; i++)
	{
		Replica *replica = groups_find(changed[i]);

		if (replica != NULL)
			groups_publish(replica);
	}
	feed_applier_now();
}

/* The applier raises the applied LSN first, so it is read last: then it is not below the durable one. */
static void
tell_applied(Replica *replica)
{
	Lsn durable_lsn = pg_atomic_read_u64(&replica->shared->applied_durable_lsn);
	Lsn applied_lsn;

	pg_read_barrier();
	applied_lsn = pg_atomic_read_u64(&replica->shared->applied_lsn);
	engine_applied(replicator_engine, replica->group, applied_lsn, Min(durable_lsn, applied_lsn));
}

/*
 * Is it worth looking at all groups?  For a while after anything was committed or applied here, in which the
 * applier flushes it; else now and then.  An idle node with many groups has little else to do.
 */
static bool
housekeeping_is_due(void)
{
	static uint64_t seen;
	static TimeUs busy_until_us;
	static TimeUs due_us;
	TimeUs now = shared_now_us();
	uint64_t entries = pg_atomic_read_u64(&quorate_shared->counters[COUNTER_ENTRIES_COMMITTED]) +
					   pg_atomic_read_u64(&quorate_shared->counters[COUNTER_ENTRIES_APPLIED]);

	if (entries != seen)
		busy_until_us = now + HOUSEKEEPING_REST_US;
	seen = entries;
	if (now >= busy_until_us && now < due_us)
		return false;
	due_us = now + HOUSEKEEPING_REST_US;
	return true;
}

void
groups_housekeep(void)
{
	HASH_SEQ_STATUS scan;
	Replica *replica;

	if (!housekeeping_is_due())
		return;
	hash_seq_init(&scan, replicas);
	while ((replica = hash_seq_search(&scan)) != NULL)
	{
		tell_applied(replica);
		rows_housekeep(replica);
		if (replica->feed_broken)
			feed_want(replica);
	}
}

/*
 * engine_truncate.c
 *		What every member has applied, and giving up log that nobody needs.
 *
 * Run by the replicator, once a lease length while anything happens.  A log entry may go when this node's
 * rows and those of every other member are durable beyond it; a log replica, or a member that has to copy its
 * rows, keeps what it needs in its own log.  The members tell each other with APPLIED messages, each repeated
 * until the other side has shown that it knows; settled groups send nothing.  Above log_bytes_max, members on
 * nodes that are silent no longer count: they will be rebased.  A member that lives but is slow still counts;
 * the log's hard limit then slows the writers.  A node that has no room left, and has not been told what a
 * member has since it started, does not wait for it: it would for ever.  What a group without a quorum cannot
 * commit is needed for ever: above log_bytes_max it is moved to the end of the log, lest it keep what all other
 * groups appended after it.
 *
 * Nothing is assumed to be applied that its owner did not call durable: an entry given up too early would
 * be lost with a crash of this node's PostgreSQL.
 */
#include "replication/engine_private.h"

/* Oldest segments that are looked at, one after the other, at a time. */
#define MOVE_ROUNDS_MAX 4

void
engine_applied(Engine *engine, GroupId id, Lsn applied_lsn, Lsn durable_lsn)
{
	EngineGroup *group = engine_find_group(engine, id);

	if (!group)
		return;
	CORE_ASSERT(durable_lsn <= applied_lsn);
	if (applied_lsn > group->applied_lsn)
		group->applied_lsn = applied_lsn;
	if (durable_lsn <= group->applied_durable_lsn)
		return;
	group->applied_durable_lsn = durable_lsn;
	engine_stir(engine);
}

/* What is committed and durable here. */
static Lsn
safe_lsn(const Engine *engine, const EngineGroup *group)
{
	GroupStatus status;

	if (!core_group_status(engine->core, group->group, &status, engine->now))
		return 0;
	return status.commit_lsn < status.durable_lsn ? status.commit_lsn : status.durable_lsn;
}

/* Up to where the rows are durable.  After a restart that may lie beyond what is known as committed here. */
static Lsn
rows_lsn(const EngineGroup *group)
{
	return group->applied_durable_lsn < group->committed_lsn ? group->applied_durable_lsn
															 : group->committed_lsn;
}

/*
 * Up to where this node needs no log of others.  A log replica has no rows, and rows that are missing will be
 * made from this node's own log: what is committed and durable here need not be kept elsewhere.
 */
static Lsn
settled_lsn(const Engine *engine, const EngineGroup *group)
{
	if (engine_is_log_replica(group) || group->rows_missing)
		return safe_lsn(engine, group);
	return rows_lsn(group);
}

bool
engine_node_is_heard(const Engine *engine, NodeId node)
{
	TimeUs heard_us = core_peer_heard_us(engine->core, node);

	return heard_us != 0 && engine->now - heard_us <= engine->config.lease_us;
}

/* ---- telling each other ---- */

uint64_t
engine_own_since(const EngineGroup *group)
{
	return group->self_index == MEMBER_NONE ? 0
											: group->membership.members[group->self_index].since;
}

void
engine_receive_applied(Engine *engine, EngineGroup *group, const Message *message)
{
	uint32_t index = membership_find(&group->membership, message->from);
	MemberApplied *member;

	/* What a former replica of that node had, or knew of one of this node, says nothing (I10). */
	if (index == MEMBER_NONE || group->membership.members[index].since != message->from_since ||
		engine_own_since(group) == 0 || message->to_since != engine_own_since(group))
		return;
	member = &group->members[index];
	/* Not the highest ever: a member that was made anew starts from nothing. */
	if (member->applied_lsn != message->lsn || member->has_rows != message->ok)
		member->owes_answer = true;
	if (member->has_rows != message->ok || member->applied_lsn != message->lsn)
		engine_mark_changed(engine, group);
	engine_stir(engine);
	member->applied_lsn = message->lsn;
	member->has_rows = message->ok;
	member->lacks_rows = !message->ok;
	member->told_lsn = message->commit_lsn;
	member->told_rows = message->target != 0;
}

/* Are this node's rows those of its log? */
static bool
has_rows(const EngineGroup *group)
{
	return !group->rows_missing && !engine_is_log_replica(group);
}

static void
tell_member(Engine *engine, const EngineGroup *group, uint32_t index, Lsn settled)
{
	Message message = engine_message_to(engine, group, index, MESSAGE_APPLIED);

	message.ok = has_rows(group);
	message.target = group->members[index].has_rows;
	message.lsn = settled;
	message.commit_lsn = group->members[index].applied_lsn;
	engine_queue_message(engine, &message, true);
}

/* True if every member knows all that there is to know. */
static bool
tell_group(Engine *engine, EngineGroup *group)
{
	Lsn settled = settled_lsn(engine, group);
	bool all_known = true;

	if (group->self_index == MEMBER_NONE)
		return true;
	for (uint32_t i = 0; i < group->membership.member_count; i++)
	{
		MemberApplied *member = &group->members[i];

		if (i == group->self_index || (!member->owes_answer && member->told_lsn >= settled &&
									   member->told_rows == has_rows(group)))
			continue;
		all_known = false;
		if (!engine_node_is_heard(engine, group->membership.members[i].node))
			continue;
		member->owes_answer = false;
		tell_member(engine, group, i, settled);
	}
	return all_known;
}

bool
engine_exchange_applied(Engine *engine)
{
	bool all_known = true;

	for (uint32_t i = 0; i < engine->groups.count; i++)
		all_known &= tell_group(engine, engine->groups.items[i]);
	return all_known;
}

void
engine_exchange_soon(Engine *engine)
{
	TimeUs due_us = engine->now + engine->config.heartbeat_us;

	engine_stir(engine);
	if (engine->exchange_due_us > due_us)
		engine->exchange_due_us = due_us;
}

/*
 * Can a member take over now, as far as this node knows?  One that has no rows would decline, and one that is silent
 * would not answer; the leader would have refused writes for half a lease or a whole one before it leads on.
 */
bool
engine_can_take_over(const Engine *engine, GroupId id, NodeId target)
{
	const EngineGroup *group = engine_find_group(engine, id);
	uint32_t index = group ? membership_find(&group->membership, target) : MEMBER_NONE;

	return index != MEMBER_NONE && !group->members[index].lacks_rows &&
		   engine_node_is_heard(engine, target);
}

/* ---- truncation ---- */

typedef struct Truncation
{
	Engine *engine;
	bool log_is_long; /* above its size: silent members and missing rows do not count */
} Truncation;

/*
 * Up to where this node needs its own log no more for itself: with rows missing it will apply all of it.  Unless
 * the log is above its size: the copying begins anew then, rather than that one group stops all others.
 */
static Lsn
own_settled_lsn(const Truncation *truncation, const EngineGroup *group)
{
	if (group->rows_missing && !engine_is_log_replica(group) && !truncation->log_is_long)
		return group->base_lsn;
	return settled_lsn(truncation->engine, group);
}

/*
 * Does truncation wait for the member?  For a silent learner too: it may be a storage replica that made room for a
 * log replica and comes back soon.  Not for one that leaves: it may not be served any more, and would never be done.
 * A node that can do nothing for want of room says nothing, so nobody tells it anything: what it has not been told
 * by then it will not be.
 */
static bool
is_waited_for(const Truncation *truncation, const EngineGroup *group, uint32_t index)
{
	const Member *member = &group->membership.members[index];

	if (member->half == HALF_OUTGOING && member->kind != MEMBER_LEARNER)
		return false;
	if (truncation->engine->starved && truncation->log_is_long &&
		group->members[index].applied_lsn == 0)
		return false;
	return engine_node_is_heard(truncation->engine, member->node) || !truncation->log_is_long;
}

static Lsn
needed_from(void *context, GroupId id)
{
	const Truncation *truncation = context;
	const Engine *engine = truncation->engine;
	const EngineGroup *group = engine_find_group(engine, id);
	Lsn settled;

	CORE_ASSERT(group != NULL);
	if (group->record_is_stale)
		return group->base_lsn + 1;
	settled = own_settled_lsn(truncation, group);
	for (uint32_t i = 0; i < group->membership.member_count; i++)
	{
		if (i == group->self_index || !is_waited_for(truncation, group, i))
			continue;
		if (group->members[i].applied_lsn < settled)
			settled = group->members[i].applied_lsn;
	}
	return settled + 1;
}

void
engine_take_over_base(Engine *engine, EngineGroup *group)
{
	LogGroupState state;

	CORE_ASSERT(log_group_state(engine->log, group->group, &state));
	if (state.base_lsn == group->base_lsn)
		return;
	CORE_INVARIANT("I6", state.base_lsn <= group->committed_lsn);
	group->base_lsn = state.base_lsn;
	core_node_truncated(engine->core, group->group, state.base_lsn, state.base_ballot);
	engine_mark_changed(engine, group);
	engine_rows_out_of_reach(engine, group);
}

/* The lowest entry that is not known as committed: nothing but a quorum can make it needless. */
static Lsn
uncommitted_from(void *context, GroupId id)
{
	const Engine *engine = ((const Truncation *) context)->engine;

	return safe_lsn(engine, engine_find_group(engine, id)) + 1;
}

/*
 * Is it worth while to move what is needed in the oldest segment?  If it is little, or if it waits for a quorum.  Much
 * else is needed only for a while, by members that live and are behind, or by rows.
 */
static bool
moving_pays(Truncation *truncation)
{
	const Log *log = truncation->engine->log;
	uint64_t needed = log_oldest_needed_bytes(log, needed_from, truncation);

	return needed > 0 && (needed <= log_payload_max_bytes(log) ||
						  needed == log_oldest_needed_bytes(log, uncommitted_from, truncation));
}

static bool
log_is_long(const Engine *engine)
{
	uint64_t limit = engine->config.log_bytes_max;

	return limit != 0 && log_size_bytes(engine->log) > limit;
}

/* Gives up what nobody needs.  The bases move up even if no file could be recycled then. */
static void
give_up(Truncation *truncation)
{
	Engine *engine = truncation->engine;

	log_truncate(engine->log, needed_from, truncation);
	for (uint32_t i = 0; i < engine->groups.count; i++)
		engine_take_over_base(engine, engine->groups.items[i]);
}

/*
 * Above the log's size: moves what alone keeps the oldest segments, a bounded number of bytes at a time, for each of
 * them is written and synced in this turn.
 */
static void
move_stragglers(Truncation *truncation)
{
	Log *log = truncation->engine->log;
	uint64_t bytes_max = log_payload_max_bytes(log) / 2;

#ifdef MUTANT_NOTHING_MOVED
	return;
#endif
	if (engine_cluster_version(truncation->engine) < VERSION_LOG_REPAIR)
		return;
	for (int round = 0;
		 round < MOVE_ROUNDS_MAX && log_is_long(truncation->engine) && moving_pays(truncation);
		 round++)
	{
		if (log_move_oldest(log, needed_from, truncation, bytes_max / MOVE_ROUNDS_MAX) <= 0)
			return;
		give_up(truncation);
	}
}

void
engine_truncate(Engine *engine)
{
	Truncation truncation = {.engine = engine, .log_is_long = log_is_long(engine)};

	/* A long log is looked at again and again: nothing but time makes a silent member a lost one. */
	engine->untruncated = truncation.log_is_long;
	for (uint32_t i = 0; i < engine->groups.count; i++)
		engine->untruncated |= !engine_mend_record(engine, engine->groups.items[i]);
	give_up(&truncation);
	move_stragglers(&truncation);
}

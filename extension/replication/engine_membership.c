/*
 * engine_membership.c
 *		The members of the groups that are open here, and replicas that come, begin anew and go.
 *
 * Run by the replicator.  The core decides who is a member; the engine records it before anything that rests
 * on it, and tells its owner when the record is durable.  A group is taken away only when the step in which
 * the core gave it up has ended.
 */
#include "replication/engine_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- the membership in use ---- */

/* What is known of a member stays with it; a node that was removed and came again is another member. */
static void
carry_over_members(EngineGroup *group, const Membership *next)
{
	MemberApplied members[CORE_MEMBERS_MAX] = {0};

	for (uint32_t i = 0; i < next->member_count; i++)
	{
		uint32_t before = membership_find(&group->membership, next->members[i].node);

		if (before != MEMBER_NONE &&
			group->membership.members[before].since == next->members[i].since)
			members[i] = group->members[before];
	}
	memcpy(group->members, members, sizeof(members));
}

bool
engine_is_log_replica(const EngineGroup *group)
{
	return group->self_index != MEMBER_NONE &&
		   group->membership.members[group->self_index].kind == MEMBER_LOG;
}

void
engine_set_membership(Engine *engine, EngineGroup *group, const Membership *next)
{
	bool was_log_replica = engine_is_log_replica(group);

	carry_over_members(group, next);
	engine->joint_groups -= membership_is_joint(&group->membership);
	engine->joint_groups += membership_is_joint(next);
	group->membership = *next;
	group->self_index = membership_find(next, engine->config.self);
	/* Several memberships may come in one step: what the first of them made due is not forgotten. */
	group->rows_are_due = !engine_is_log_replica(group) && (group->rows_are_due || was_log_replica);
}

/* The memberships that the core uses; returns their number. */
static uint32_t
memberships_in_core(const Engine *engine, GroupId id, MembershipAt memberships[MEMBERSHIPS_MAX])
{
	uint32_t count = core_group_memberships(engine->core, id, memberships, MEMBERSHIPS_MAX);

	CORE_INVARIANT("I10", count > 0 && count <= MEMBERSHIPS_MAX);
	return count;
}

/*
 * The core went through all memberships of the step, the engine sees the newest: if one between made this a log
 * replica, the rows are missing although it is none now and was none before.
 */
static bool
core_misses_rows(const Engine *engine, const EngineGroup *group)
{
	GroupStatus status;

	return !engine_is_log_replica(group) && !group->rows_missing &&
		   core_group_status(engine->core, group->group, &status, engine->now) &&
		   status.rows_missing;
}

/*
 * A log replica that keeps rows from now on has none yet, whatever its log holds.  Recorded before the membership
 * that says so: a torn tail must not leave a replica that takes its rows for complete.
 */
static int
record_missing_rows(Engine *engine, EngineGroup *group)
{
	if (!group->rows_are_due || group->rows_missing)
		return 0;
	group->rows_missing = true;
	return log_append_rows(engine->log, group->group, false);
}

int
engine_record_memberships(Engine *engine, EngineGroup *group)
{
	MembershipAt memberships[MEMBERSHIPS_MAX];
	uint8_t record[MEMBERSHIPS_BYTES_MAX];
	uint32_t count = memberships_in_core(engine, group->group, memberships);
	size_t length = memberships_encode(memberships, count, record);
	int error;

	engine_set_membership(engine, group, &memberships[count - 1].membership);
	group->rows_are_due = group->rows_are_due || core_misses_rows(engine, group);
	error = record_missing_rows(engine, group);
	return error != 0 ? error
					  : log_append_group(engine->log, group->group, record, (uint32_t) length);
}

/*
 * A membership whose entry was lost with a torn tail must leave the record before the log is truncated beyond
 * that place: afterwards nobody could tell that the entry was never there.
 */
bool
engine_mend_record(Engine *engine, EngineGroup *group)
{
	if (group->record_is_stale && engine_record_memberships(engine, group) == 0)
		group->record_is_stale = false;
	return !group->record_is_stale;
}

/* ---- news for the owner ---- */

static void
add_news(Engine *engine, NewsKind kind, GroupId group, Lsn lsn)
{
	NewsList *news = &engine->news;

	if (news->count == news->capacity)
	{
		news->capacity = news->capacity ? news->capacity * 2 : 16;
		news->items = engine_reallocate(news->items, news->capacity * sizeof(News));
	}
	news->items[news->count++] = (News){kind, group, lsn, log_append_position(engine->log)};
}

static void
tell(const Engine *engine, const News *news)
{
	const EngineCallbacks *callbacks = &engine->callbacks;

	switch (news->kind)
	{
		case NEWS_OPENED:
			callbacks->opened(callbacks->context, news->group);
			break;
		case NEWS_REBASED:
			callbacks->rebased(callbacks->context, news->group, news->lsn);
			break;
		case NEWS_REMOVED:
			callbacks->removed(callbacks->context, news->group);
			break;
	}
}

void
engine_tell_news(Engine *engine)
{
	NewsList *news = &engine->news;
	uint32_t told = 0;

	while (told < news->count && news->items[told].position <= log_synced_position(engine->log))
		tell(engine, &news->items[told++]);
	news->count -= told;
	if (told > 0)
		memmove(news->items, news->items + told, news->count * sizeof(News));
}

void
engine_rows_out_of_reach(Engine *engine, const EngineGroup *group)
{
#ifdef MUTANT_OUT_OF_REACH_UNTOLD
	return;
#endif
	if (group->rows_missing && !engine_is_log_replica(group))
		add_news(engine, NEWS_REBASED, group->group, group->base_lsn);
}

void
engine_forget_news(Engine *engine, GroupId group)
{
	NewsList *news = &engine->news;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < news->count; i++)
		if (news->items[i].group != group)
			news->items[kept++] = news->items[i];
	news->count = kept;
}

/* ---- recovery ---- */

void
engine_take_recovered_membership(Engine *engine, EngineGroup *group, uint32_t recorded)
{
	MembershipAt memberships[MEMBERSHIPS_MAX];
	uint32_t count = memberships_in_core(engine, group->group, memberships);

	engine_set_membership(engine, group, &memberships[count - 1].membership);
	group->rows_are_due = false;
	group->record_is_stale = count != recorded;
	/* The record may tell of a time when this was a log replica; the owner knows about the rows of today. */
	if (engine_is_log_replica(group))
		return;
	core_node_rows(engine->core, group->group, !group->rows_missing);
	if (group->rows_missing)
		add_news(engine, NEWS_REBASED, group->group, group->base_lsn);
}

/* ---- effects ---- */

void
engine_carry_out_open(Engine *engine, GroupId id)
{
	EngineGroup *group = engine_add_group(engine, id);

	engine_recorded(engine, engine_record_memberships(engine, group));
	add_news(engine, NEWS_OPENED, id, 0);
	engine_mark_changed(engine, group);
}

void
engine_carry_out_rebase(Engine *engine, EngineGroup *group, const Effect *effect)
{
	CORE_INVARIANT("I6", effect->lsn > group->committed_lsn);
	engine_drop_queued_entries(engine, group->group, 0);
	engine_recorded(engine,
					log_append_rebase(engine->log, group->group, effect->lsn, effect->ballot));
	group->turn_count = 0;
	group->base_lsn = effect->lsn;
	group->applied_lsn = effect->lsn;
	group->applied_durable_lsn = effect->lsn;
	group->committed_lsn = effect->lsn;
	group->rows_missing = true;
	group->rows_are_due = false;
	add_news(engine, NEWS_REBASED, group->group, effect->lsn);
}

static void
demand_rows(Engine *engine, EngineGroup *group)
{
	group->rows_are_due = false;
	core_node_rows(engine->core, group->group, false);
	add_news(engine, NEWS_REBASED, group->group, group->base_lsn);
}

static void
remove_group(Engine *engine, GroupId id)
{
	engine_recorded(engine, log_append_group_drop(engine->log, id));
	engine_close_group(engine, id);
	if (!engine_list_has(&engine->left, id))
		engine_list_add(&engine->left, id);
	add_news(engine, NEWS_REMOVED, id, 0);
}

void
engine_finish_step(Engine *engine)
{
	for (uint32_t i = 0; i < engine->removed.count && !engine->failed; i++)
		remove_group(engine, engine->removed.items[i]);
	engine->removed.count = 0;
	for (uint32_t i = 0; i < engine->converted.count && !engine->failed; i++)
	{
		EngineGroup *group = engine_find_group(engine, engine->converted.items[i]);

		if (group && group->rows_are_due)
			demand_rows(engine, group);
	}
	engine->converted.count = 0;
}

void
engine_carry_out_membership(Engine *engine, EngineGroup *group)
{
	engine_recorded(engine, engine_record_memberships(engine, group));
	group->record_is_stale = false;
	if (group->rows_are_due)
		engine_list_add(&engine->converted, group->group);
}

/* ---- what the owner asks for ---- */

bool
engine_may_open_group(const Engine *engine)
{
	uint32_t max = engine->config.groups_max;

	return (max == 0 || engine->groups.count < max) &&
		   log_takes_group(engine->log, MEMBERSHIPS_BYTES_MAX);
}

void
engine_change(Engine *engine, GroupId group, const Membership *wanted)
{
	Event event = {.kind = EVENT_CHANGE, .group = group, .change = wanted};

	engine_order(engine, &event);
}

void
engine_inquire(Engine *engine, GroupId group, NodeId member)
{
	Event event = {.kind = EVENT_INQUIRE, .group = group, .target = member};

	engine_order(engine, &event);
}

const char *
engine_recover_group(Engine *engine, GroupId group, uint64_t lost_nodes)
{
	Event event = {.kind = EVENT_RECOVER, .group = group, .lost_nodes = lost_nodes};
	const char *obstacle;

	engine_start(engine);
	engine_read_clock(engine);
	if (!engine_find_group(engine, group))
		return "this node has no replica of it";
	if (!engine_has_control_room(engine))
		return "the log of this node has no room";
	/* The core judges by the time of its last step. */
	engine_step(engine, &(Event){.kind = EVENT_TICK});
	obstacle = core_recover_obstacle(engine->core, group, lost_nodes);
	if (obstacle == NULL)
		engine_step(engine, &event);
	return obstacle;
}

bool
engine_rows(Engine *engine, GroupId id, bool present)
{
	EngineGroup *group = engine_find_group(engine, id);

	if (!group || group->rows_missing == !present)
		return true;
	if (log_append_rows(engine->log, id, present) != 0)
		return false;
	group->rows_missing = !present;
	/* Before the first turn the core does not know the group; it will be told when it does. */
	if (engine->started)
		core_node_rows(engine->core, id, present);
	engine_mark_changed(engine, group);
	engine_exchange_soon(engine);
	return true;
}

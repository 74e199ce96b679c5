/*
 * engine_groups.c
 *		The groups that are open on this node: finding, making, dropping, and noting what changed.
 *
 * Run by the replicator (engine.h).  A group's membership is recorded before the core hears of the group;
 * the group's own log is the authority on it (I10).
 */
#include "replication/engine_private.h"

#include <stdlib.h>
#include <string.h>

#include "core/ballot.h"

#define SLOTS_MIN 64

/* ---- the map ---- */

/* Spreads group ids, which are small and dense, over the slots. */
static uint32_t
slot_of(const GroupMap *map, GroupId group)
{
	return (uint32_t) ((group * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (map->slot_count - 1);
}

static void
map_place(GroupMap *map, uint32_t index)
{
	uint32_t slot = slot_of(map, map->items[index]->group);

	while (map->slots[slot] != 0)
		slot = (slot + 1) & (map->slot_count - 1);
	map->slots[slot] = index + 1;
}

/* Makes the hash again, at most half full. */
static void
map_rehash(GroupMap *map)
{
	uint32_t slot_count = map->slot_count ? map->slot_count : SLOTS_MIN;

	while (slot_count < 2 * (map->count + 1))
		slot_count *= 2;
	map->slots = engine_reallocate(map->slots, slot_count * sizeof(uint32_t));
	map->slot_count = slot_count;
	memset(map->slots, 0, slot_count * sizeof(uint32_t));
	for (uint32_t i = 0; i < map->count; i++)
		map_place(map, i);
}

static void
map_add(GroupMap *map, EngineGroup *group)
{
	if (map->count == map->capacity)
	{
		map->capacity = map->capacity ? map->capacity * 2 : 16;
		map->items = engine_reallocate(map->items, map->capacity * sizeof(EngineGroup *));
	}
	map->items[map->count++] = group;
	if (2 * (map->count + 1) > map->slot_count)
		map_rehash(map);
	else
		map_place(map, map->count - 1);
}

EngineGroup *
engine_find_group(const Engine *engine, GroupId group)
{
	const GroupMap *map = &engine->groups;
	uint32_t slot;

	if (map->slot_count == 0)
		return NULL;
	for (slot = slot_of(map, group); map->slots[slot] != 0;
		 slot = (slot + 1) & (map->slot_count - 1))
	{
		EngineGroup *found = map->items[map->slots[slot] - 1];

		if (found->group == group)
			return found;
	}
	return NULL;
}

/* ---- making and dropping ---- */

EngineGroup *
engine_add_group(Engine *engine, GroupId id)
{
	EngineGroup *group = engine_reallocate(NULL, sizeof(EngineGroup));

	memset(group, 0, sizeof(*group));
	group->group = id;
	group->self_index = MEMBER_NONE;
	map_add(&engine->groups, group);
	return group;
}

/* Does the log hold the entry, or did it before it was truncated? */
static bool
holds_entry(const LogGroupState *state, Lsn lsn, Ballot ballot)
{
	uint32_t run = state->run_count;

	if (lsn <= state->base_lsn)
		return true;
	while (run > 0 && state->runs[run - 1].first_lsn > lsn)
		run--;
	return lsn <= state->append_lsn && run > 0 && ballot_equal(state->runs[run - 1].ballot, ballot);
}

/* The newest recorded membership whose entry was not lost: what the core will use. */
static const Membership *
newest_held(const MembershipAt *memberships, uint32_t count, const LogGroupState *state)
{
	while (count > 1 &&
		   !holds_entry(state, memberships[count - 1].lsn, memberships[count - 1].ballot))
		count--;
	return &memberships[count - 1].membership;
}

bool
engine_adopt_group(Engine *engine, const LogGroupState *state)
{
	MembershipAt memberships[MEMBERSHIPS_MAX];
	uint32_t count = memberships_decode(state->membership, state->membership_length, memberships);
	EngineGroup *group;

	if (count == 0)
		return false;
	group = engine_add_group(engine, state->group);
	engine_set_membership(engine, group, newest_held(memberships, count, state));
	group->rows_missing = state->rows_missing;
	group->base_lsn = state->base_lsn;
	group->committed_lsn = state->commit_hint > state->base_lsn ? state->commit_hint
																: state->base_lsn;
	/* A log replica has no rows; those of others are there unless the owner says that they are not. */
	if (engine_is_log_replica(group))
		return true;
	group->applied_lsn = state->base_lsn;
	group->applied_durable_lsn = state->base_lsn;
	return true;
}

void
engine_open_in_core(Engine *engine, EngineGroup *group)
{
	LogGroupState state;
	MembershipAt memberships[MEMBERSHIPS_MAX];
	GroupRecovered recovered = {.group = group->group,
								.memberships = memberships,
								.commit_lsn = group->committed_lsn,
								.first_leader = group->first_leader};

	CORE_ASSERT(log_group_state(engine->log, group->group, &state));
	recovered.membership_count = memberships_decode(state.membership, state.membership_length,
													memberships);
	recovered.promised = state.promised;
	recovered.base_lsn = state.base_lsn;
	recovered.base_ballot = state.base_ballot;
	recovered.append_lsn = state.append_lsn;
	recovered.run_count = state.run_count;
	recovered.runs = state.runs;
	if (recovered.commit_lsn < group->applied_lsn)
		recovered.commit_lsn = group->applied_lsn;
	if (recovered.commit_lsn > state.append_lsn)
		recovered.commit_lsn = state.append_lsn;
	group->committed_lsn = recovered.commit_lsn;
	core_node_open_group(engine->core, &recovered, engine->now);
	engine_take_recovered_membership(engine, group, recovered.membership_count);
}

/* Records a new group's membership; false without room. */
static bool
record_new_group(Engine *engine, GroupId id, const Membership *membership)
{
	MembershipAt first = {.membership = *membership};
	uint8_t record[MEMBERSHIPS_BYTES_MAX];

	/* All members of a group that is made come with its first generation. */
	for (uint32_t i = 0; i < membership->member_count; i++)
		if (first.membership.members[i].since == 0)
			first.membership.members[i].since = membership->generation;
	return log_append_group(engine->log, id, record,
							(uint32_t) memberships_encode(&first, 1, record)) == 0;
}

bool
engine_create_group(Engine *engine, GroupId id, const Membership *membership, NodeId first_leader)
{
	EngineGroup *group;

	CORE_ASSERT(id != 0);
	CORE_INVARIANT("I10", membership_find(membership, engine->config.self) != MEMBER_NONE);
	engine_start(engine);
	if (engine_find_group(engine, id))
		return true;
	/* It would be the same member again, without the memory of what it promised (I10). */
	if (engine_list_has(&engine->left, id) || !record_new_group(engine, id, membership))
		return false;
	group = engine_add_group(engine, id);
	group->first_leader = first_leader;
	engine_read_clock(engine);
	engine_open_in_core(engine, group);
	engine_mark_changed(engine, group);
	return true;
}

static void
remove_from_list(GroupList *list, GroupId group)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (list->items[i] == group)
		{
			list->items[i] = list->items[--list->count];
			return;
		}
}

static void
free_group(EngineGroup *group)
{
	free(group->turn_entries);
	free(group);
}

void
engine_close_group(Engine *engine, GroupId id)
{
	EngineGroup *group = engine_find_group(engine, id);
	GroupMap *map = &engine->groups;

	core_node_close_group(engine->core, id);
	engine->joint_groups -= membership_is_joint(&group->membership);
	engine_drop_queued_entries(engine, id, 0);
	remove_from_list(&engine->changed, id);
	remove_from_list(&engine->changed_last, id);
	remove_from_list(&engine->committed, id);
	for (uint32_t i = 0; i < map->count; i++)
		if (map->items[i] == group)
		{
			map->items[i] = map->items[--map->count];
			break;
		}
	map_rehash(map);
	free_group(group);
}

bool
engine_drop_group(Engine *engine, GroupId id)
{
	engine_start(engine);
	if (!engine_find_group(engine, id))
		return true;
	if (log_append_group_drop(engine->log, id) != 0)
		return false;
	engine_forget_news(engine, id);
	engine_close_group(engine, id);
	return true;
}

bool
engine_bury_group(Engine *engine, GroupId id)
{
	if (!engine_list_has(&engine->buried, id))
		engine_list_add(&engine->buried, id);
	return engine_drop_group(engine, id);
}

void
engine_free_groups(Engine *engine)
{
	for (uint32_t i = 0; i < engine->groups.count; i++)
		free_group(engine->groups.items[i]);
	free(engine->groups.items);
	free(engine->groups.slots);
	free(engine->changed.items);
	free(engine->changed_last.items);
	free(engine->committed.items);
	free(engine->removed.items);
	free(engine->buried.items);
	free(engine->left.items);
	free(engine->converted.items);
	free(engine->news.items);
}

/* ---- what the owner asks ---- */

uint32_t
engine_list_groups(const Engine *engine, GroupId *groups, uint32_t max)
{
	for (uint32_t i = 0; i < engine->groups.count && i < max; i++)
		groups[i] = engine->groups.items[i]->group;
	return engine->groups.count;
}

bool
engine_group_membership(const Engine *engine, GroupId id, Membership *membership)
{
	const EngineGroup *group = engine_find_group(engine, id);

	if (group)
		*membership = group->membership;
	return group != NULL;
}

bool
engine_group_status(const Engine *engine, GroupId group, GroupStatus *status)
{
	const EngineGroup *known = engine_find_group(engine, group);
	LogGroupState state;

	if (!known || !core_group_status(engine->core, group, status, engine->now))
		return false;
	for (uint32_t i = 0; i < status->member_count; i++)
	{
		status->members[i].has_rows = known->members[i].has_rows;
		status->members[i].settled_lsn = known->members[i].applied_lsn;
	}
	if (log_is_damaged(engine->log) && log_group_state(engine->log, group, &state))
		status->missing_entries = state.holes;
	if (engine->clock_went_back)
		status->lease_until_us = 0;
	return true;
}

uint32_t
engine_changed_groups(const Engine *engine, const GroupId **groups)
{
	*groups = engine->changed_last.items;
	return engine->changed_last.count;
}

/* ---- noting changes ---- */

void
engine_list_add(GroupList *list, GroupId group)
{
	if (list->count == list->capacity)
	{
		list->capacity = list->capacity ? list->capacity * 2 : 64;
		list->items = engine_reallocate(list->items, list->capacity * sizeof(GroupId));
	}
	list->items[list->count++] = group;
}

bool
engine_list_has(const GroupList *list, GroupId group)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (list->items[i] == group)
			return true;
	return false;
}

void
engine_stir(Engine *engine)
{
	engine->untold = true;
	engine->untruncated = true;
}

static void
list_changed(Engine *engine, EngineGroup *group)
{
	if (group->changed)
		return;
	group->changed = true;
	engine_list_add(&engine->changed, group->group);
}

void
engine_mark_changed(Engine *engine, EngineGroup *group)
{
	engine_stir(engine);
	list_changed(engine, group);
}

void
engine_mark_led_changed(Engine *engine)
{
	for (uint32_t i = 0; i < engine->groups.count; i++)
		if (engine->groups.items[i]->leads)
			list_changed(engine, engine->groups.items[i]);
}

void
engine_note_commit(Engine *engine, EngineGroup *group, Lsn commit_lsn)
{
	CORE_INVARIANT("I6", commit_lsn >= group->committed_lsn);
	group->committed_lsn = commit_lsn;
	log_set_commit_hint(engine->log, group->group, commit_lsn);
	if (group->committed_is_news)
		return;
	group->committed_is_news = true;
	engine_list_add(&engine->committed, group->group);
}

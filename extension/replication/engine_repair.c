/*
 * engine_repair.c
 *		Getting entries whose records in the log are damaged from other members; see docs/decisions/0009-log-rot.md.
 *
 * Run by the replicator, while the log knows of holes.  One member of the group after the other is asked, leader or
 * not: (LSN, ballot) names an entry wherever it is.  What comes is recorded like any entry, and durable with the next
 * sync; nothing is said to anybody because of it, so nothing waits for that.  What nobody has any more was applied
 * everywhere, or can be copied with the rows.
 *
 * It does not assume that anybody answers, nor that an answer is to the latest question.
 */
#include "replication/engine_private.h"

#include "core/ballot.h"

/* Questions that are on their way at a time, of all groups together: each may bring a full message. */
#define REPAIRS_MAX 8

/*
 * Holes that the rows cover are not urgent: they wait so many lease lengths, until members know what all have
 * applied.
 */
#define COVERED_LEASES 3

bool
engine_may_repair(const Engine *engine)
{
	return engine->started && engine->version >= VERSION_LOG_REPAIR;
}

/* ---- what is missing ---- */

/* Entries up to here are in the rows; those that a replica without rows will need begin above its base. */
static Lsn
covered_lsn(const EngineGroup *group)
{
	if (engine_is_log_replica(group) || group->rows_missing)
		return group->base_lsn;
	return group->applied_durable_lsn;
}

void
engine_tell_missing(Engine *engine, const EngineGroup *group)
{
	Lsn highest = log_highest_hole(engine->log, group->group);

	core_node_missing(engine->core, group->group, highest > covered_lsn(group) ? highest : 0);
}

/* The hole to be filled next: what the rows lack goes first. */
static bool
next_hole(const Engine *engine, const EngineGroup *group, LogHole *hole)
{
	if (log_next_hole(engine->log, group->group, covered_lsn(group) + 1, hole))
		return true;
	return engine->now >= engine->opened_us + COVERED_LEASES * engine->config.lease_us &&
		   log_next_hole(engine->log, group->group, group->base_lsn + 1, hole);
}

uint64_t
engine_missing_entries(const Engine *engine)
{
	uint64_t missing = 0;

	for (uint32_t i = 0; log_is_damaged(engine->log) && i < engine->groups.count; i++)
	{
		LogGroupState state;

		if (log_group_state(engine->log, engine->groups.items[i]->group, &state))
			missing += state.holes;
	}
	return missing;
}

bool
engine_next_missing(const Engine *engine, GroupId group, Lsn from_lsn, LogHole *hole)
{
	return log_next_hole(engine->log, group, from_lsn, hole);
}

uint64_t
engine_repaired_entries(const Engine *engine)
{
	return engine->repaired_entries;
}

const LogDamage *
engine_log_damage(const Engine *engine)
{
	return engine->damage.reason ? &engine->damage : NULL;
}

/* ---- giving up ---- */

/*
 * True if every other member that is heard says that it lacks the entry, and there is one, or no other member at all.
 * *base_lsn is the highest of their bases: what is below that was applied everywhere once.
 */
static bool
nobody_has(const Engine *engine, const EngineGroup *group, Lsn lsn, Lsn *base_lsn)
{
	bool heard = group->membership.member_count == 1;

	*base_lsn = 0;
	for (uint32_t i = 0; i < group->membership.member_count; i++)
	{
		const MemberApplied *member = &group->members[i];

		if (i == group->self_index ||
			!engine_node_is_heard(engine, group->membership.members[i].node))
			continue;
		if (member->lacks_lsn != lsn)
			return false;
		heard = true;
		if (member->base_lsn > *base_lsn)
			*base_lsn = member->base_lsn;
	}
	return heard;
}

/* The log begins above `lsn` from now on, and the rows do not reach up to there: they have to be copied. */
static void
begin_anew_without_rows(Engine *engine, EngineGroup *group, Lsn lsn)
{
	LogRoom room = {.records = 1};

	if (log_reserve(engine->log, &room) != 0)
		return;
	if (!group->rows_missing)
		engine_recorded(engine, log_append_rows(engine->log, group->group, false));
	group->rows_missing = true;
	core_node_rows(engine->core, group->group, false);
	log_give_up(engine->log, group->group, lsn);
	engine_take_over_base(engine, group);
}

/*
 * True if the hole, or the beginning of it, is given up.  What the own rows have may go as soon as nobody has it:
 * who needs it gets the rows.  What they lack may go only if it was applied elsewhere, and the rows are copied
 * then; a leader cannot do without its rows.
 */
static bool
give_up(Engine *engine, EngineGroup *group, const LogHole *hole)
{
	bool covered = !group->rows_missing && !engine_is_log_replica(group) &&
				   hole->first_lsn <= group->applied_durable_lsn;
	Lsn base_lsn;
	Lsn lsn;

	if (hole->first_lsn > group->committed_lsn ||
		!nobody_has(engine, group, hole->first_lsn, &base_lsn))
		return false;
	lsn = base_lsn < hole->last_lsn ? base_lsn : hole->last_lsn;
	if (lsn > group->committed_lsn)
		lsn = group->committed_lsn;
	if (covered && lsn > group->applied_durable_lsn)
		lsn = group->applied_durable_lsn;
	if (lsn < hole->first_lsn)
		lsn = covered ? hole->first_lsn : 0;
	if (lsn == 0 || (group->leads && !covered))
		return false;
	if (covered || engine_is_log_replica(group))
	{
		log_give_up(engine->log, group->group, lsn);
		engine_take_over_base(engine, group);
	}
	else
		begin_anew_without_rows(engine, group, lsn);
	return true;
}

/* ---- asking ---- */

/* The next member after the one asked last that is heard and has not said that it lacks the entry. */
static uint32_t
choose_member(const Engine *engine, const EngineGroup *group, Lsn lsn)
{
	uint32_t count = group->membership.member_count;

	for (uint32_t i = 1; i <= count; i++)
	{
		uint32_t index = (group->repair_index + i) % count;

		if (index != group->self_index && group->members[index].lacks_lsn != lsn &&
			engine_node_is_heard(engine, group->membership.members[index].node))
			return index;
	}
	return MEMBER_NONE;
}

static void
ask(Engine *engine, EngineGroup *group, uint32_t index, const LogHole *hole)
{
	Message message = engine_message_to(engine, group, index, MESSAGE_REPAIR_ASK);

	message.ballot = hole->ballot;
	message.prev_lsn = hole->first_lsn - 1;
	message.lsn = hole->last_lsn;
	group->repair_index = index;
	group->repair_asked_us = engine->now;
	engine_queue_message(engine, &message, false);
}

/* All have said that they lack it: they are asked again, for it may come to them. */
static void
forget_refusals(EngineGroup *group)
{
	for (uint32_t i = 0; i < group->membership.member_count; i++)
		group->members[i].lacks_lsn = 0;
}

static void
repair_group(Engine *engine, EngineGroup *group)
{
	LogHole hole;
	uint32_t index;

	engine_tell_missing(engine, group);
	while (next_hole(engine, group, &hole) && give_up(engine, group, &hole))
		engine_tell_missing(engine, group);
	if (!next_hole(engine, group, &hole))
		return;
	index = choose_member(engine, group, hole.first_lsn);
	if (index != MEMBER_NONE)
		ask(engine, group, index, &hole);
	else
		forget_refusals(group);
}

void
engine_repair(Engine *engine)
{
	TimeUs patience_us = engine->config.lease_us / 2;
	uint32_t asked = 0;

	if (!log_is_damaged(engine->log) || !engine_may_repair(engine) ||
		engine->now < engine->repair_due_us)
		return;
	engine->repair_due_us = engine->now + engine->config.lease_us / 8;
	for (uint32_t i = 0; i < engine->groups.count && asked < REPAIRS_MAX && !engine->failed; i++)
	{
		EngineGroup *group = engine->groups.items[i];

		if (group->repair_asked_us + patience_us < engine->now && group->self_index != MEMBER_NONE)
			repair_group(engine, group);
		asked += group->repair_asked_us + patience_us >= engine->now;
	}
}

/* ---- answering ---- */

/*
 * How many of the wanted entries this log holds under that ballot, from the first one on, as far as they can be
 * read.
 */
static uint32_t
held_entries(const Engine *engine, const Message *message)
{
	Lsn first = message->prev_lsn + 1;
	Lsn last = message->lsn;
	LogGroupState state;
	LogHole hole;
	uint32_t run;

	if (!log_group_state(engine->log, message->group, &state) || first <= state.base_lsn ||
		first > state.append_lsn)
		return 0;
	for (run = state.run_count; run > 0 && state.runs[run - 1].first_lsn > first; run--)
		;
	if (run == 0 || !ballot_equal(state.runs[run - 1].ballot, message->ballot))
		return 0;
	if (run < state.run_count && last >= state.runs[run].first_lsn)
		last = state.runs[run].first_lsn - 1;
	if (last > state.append_lsn)
		last = state.append_lsn;
	if (log_next_hole(engine->log, message->group, first, &hole) && last >= hole.first_lsn)
		last = hole.first_lsn - 1;
	if (last + 1 - first > MESSAGE_ENTRIES_MAX)
		last = first + MESSAGE_ENTRIES_MAX - 1;
	return (uint32_t) (last + 1 - first);
}

void
engine_receive_repair_ask(Engine *engine, const EngineGroup *group, const Message *asked)
{
	Message message = {.kind = MESSAGE_REPAIR,
					   .from = engine->config.self,
					   .to = asked->from,
					   .group = asked->group,
					   .generation = asked->generation,
					   .from_since = asked->to_since,
					   .to_since = asked->from_since,
					   .ballot = asked->ballot,
					   .prev_lsn = asked->prev_lsn,
					   .commit_lsn = group ? group->base_lsn : 0};

	if (asked->lsn <= asked->prev_lsn || !engine_may_repair(engine))
		return;
	/* Who is asked as a member but has no replica yet, or none any more, has nothing. */
	message.entry_count = group ? held_entries(engine, asked) : 0;
	message.ok = message.entry_count > 0;
	engine_queue_message(engine, &message, false);
}

/* ---- taking what comes ---- */

/* True if the entry fills a hole. */
static bool
fills_hole(const Engine *engine, GroupId group, Lsn lsn, const Entry *entry)
{
	LogHole hole;

	if (!log_next_hole(engine->log, group, lsn, &hole) || hole.first_lsn != lsn)
		return false;
	return ballot_equal(hole.ballot, entry->ballot);
}

/* False if the log has no room. */
static bool
fill_hole(Engine *engine, GroupId group, Lsn lsn, const Entry *entry)
{
	LogRoom room = {.records = 1, .payload_bytes = entry->length, .bulk = true};
	LogHole hole;

	if (!fills_hole(engine, group, lsn, entry))
		return true;
	if (entry->length > log_payload_max_bytes(engine->log) || !engine_has_control_room(engine) ||
		log_reserve(engine->log, &room) != 0)
		return false;
	log_next_hole(engine->log, group, lsn, &hole);
	engine_recorded(engine, log_append_entry_again(engine->log, group, lsn, hole.ballot,
												   entry->payload, entry->length));
	engine->repaired_entries++;
	return !engine->failed;
}

void
engine_receive_repair(Engine *engine, EngineGroup *group, const Message *message)
{
	uint32_t index = membership_find(&group->membership, message->from);
	bool room = true;

	if (index == MEMBER_NONE || group->membership.members[index].since != message->from_since)
		return;
	group->members[index].base_lsn = message->commit_lsn;
	if (!message->ok)
		group->members[index].lacks_lsn = message->prev_lsn + 1;
	for (uint32_t i = 0; i < message->entry_count && room; i++)
		room = fill_hole(engine, group->group, message->prev_lsn + 1 + i, &message->entries[i]);
	engine_mark_changed(engine, group);
	/* On with the next one at once, unless there is no room. */
	group->repair_asked_us = 0;
	if (room && !engine->failed)
		repair_group(engine, group);
}

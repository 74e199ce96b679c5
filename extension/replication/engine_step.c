/*
 * engine_step.c
 *		Stepping the core and carrying out its effects, in order.
 *
 * Run by the replicator.  Records go to the log's memory here; engine_finish_turn makes them durable.  The
 * core cannot take back what it decided, so nothing is stepped unless the log has room for whatever may
 * come of it: a node without room for its control records falls silent and its leases run out, while the
 * others go on.
 */
#include "replication/engine_private.h"

#include <string.h>

/*
 * Records that one event may make besides the entries that it carries.  A tick or a sync may concern every
 * group: a promise or a leader's start entry each, and the length of grants.
 */
#define STEP_RECORDS_PER_GROUP 2
#define STEP_RECORDS_BASE 16

/* Bytes of node values among them: the length of grants, or the lives of the peers. */
#define STEP_VALUE_BYTES ENGINE_PEER_LIVES_BYTES

/* Entries with memberships that are taken in one step. */
#define STEP_MEMBERSHIPS_MAX 8

void
engine_recorded(Engine *engine, int error)
{
	CORE_ASSERT(error != LOG_FULL);
	if (error == 0)
		return;
	engine->failed = true;
	engine->append_error = error;
}

/* ---- effects ---- */

/* Remembers an entry of our own, so that sending it does not read the log. */
static void
keep_turn_entry(EngineGroup *group, Lsn lsn, const Entry *entry)
{
	if (group->turn_count == 0 || group->turn_first_lsn + group->turn_count != lsn)
	{
		group->turn_first_lsn = lsn;
		group->turn_count = 0;
	}
	if (group->turn_count == group->turn_capacity)
	{
		group->turn_capacity = group->turn_capacity ? group->turn_capacity * 2 : 16;
		group->turn_entries = engine_reallocate(group->turn_entries,
												group->turn_capacity * sizeof(Entry));
	}
	group->turn_entries[group->turn_count++] = *entry;
}

static void
carry_out_append(Engine *engine, EngineGroup *group, const Effect *effect, EventKind cause)
{
	engine_recorded(engine,
					log_append_entry(engine->log, effect->group, effect->lsn, effect->entry.ballot,
									 effect->entry.payload, effect->entry.length));
	if (cause != EVENT_PROPOSE || engine->failed)
		return;
	keep_turn_entry(group, effect->lsn, &effect->entry);
	engine->callbacks.appended(engine->callbacks.context, engine->turn_tag, effect->group,
							   effect->lsn);
}

static void
carry_out_cut(Engine *engine, EngineGroup *group, const Effect *effect)
{
	CORE_INVARIANT("I6", effect->lsn >= group->committed_lsn);
	engine_drop_queued_entries(engine, effect->group, effect->lsn);
	group->turn_count = 0;
	engine_recorded(engine,
					log_append_cut(engine->log, effect->group, effect->lsn, effect->ballot));
}

static void
carry_out_grant_length(Engine *engine, TimeUs grant_us)
{
	uint8_t value[sizeof(uint64_t)];

	wire_put_u64(value, (uint64_t) grant_us);
	engine_recorded(engine,
					log_append_node(engine->log, ENGINE_KEY_GRANT_LENGTH, value, sizeof(value)));
}

static void
carry_out_lead(Engine *engine, EngineGroup *group, const Effect *effect)
{
	group->leads = true;
	engine->callbacks.leading(engine->callbacks.context, effect->group, effect->ballot,
							  effect->lsn);
}

/* The owner hears of it at once: messages of this turn have not left yet. */
static void
carry_out_step_down(Engine *engine, EngineGroup *group, const Effect *effect)
{
	group->leads = false;
	engine->callbacks.stepped_down(engine->callbacks.context, effect->group, effect->ballot);
}

static void
carry_out_refuse(Engine *engine, const Effect *effect, EventKind cause)
{
	if (cause == EVENT_PROPOSE)
		engine->callbacks.refused(engine->callbacks.context, engine->turn_tag, effect->group,
								  ENGINE_NOT_LEADER);
}

/* Effects of a group that is open here. */
static void
carry_out_for_group(Engine *engine, const Effect *effect, EventKind cause)
{
	EngineGroup *group = engine_find_group(engine, effect->group);

	CORE_ASSERT(group != NULL);
	engine_mark_changed(engine, group);
	switch (effect->kind)
	{
		case EFFECT_APPEND:
			carry_out_append(engine, group, effect, cause);
			break;
		case EFFECT_PROMISE:
			engine_recorded(engine, log_append_promise(engine->log, effect->group, effect->ballot));
			break;
		case EFFECT_CUT:
			carry_out_cut(engine, group, effect);
			break;
		case EFFECT_COMMIT:
			engine_note_commit(engine, group, effect->lsn);
			break;
		case EFFECT_LEAD:
			carry_out_lead(engine, group, effect);
			break;
		case EFFECT_STEP_DOWN:
			carry_out_step_down(engine, group, effect);
			break;
		case EFFECT_MEMBERSHIP:
			engine_carry_out_membership(engine, group);
			break;
		case EFFECT_REBASE:
			engine_carry_out_rebase(engine, group, effect);
			break;
		case EFFECT_REMOVED:
			engine_list_add(&engine->removed, effect->group);
			break;
		case EFFECT_GRANT_LENGTH:
		case EFFECT_SEND:
		case EFFECT_REFUSE:
		case EFFECT_OPEN:
			break;
	}
}

static void
carry_out(Engine *engine, const Effect *effect, EventKind cause)
{
	if (effect->kind == EFFECT_GRANT_LENGTH)
		carry_out_grant_length(engine, effect->grant_us);
	else if (effect->kind == EFFECT_SEND)
		engine_queue_message(engine, &effect->message, effect->after_sync);
	else if (effect->kind == EFFECT_REFUSE)
		carry_out_refuse(engine, effect, cause);
	else if (effect->kind == EFFECT_OPEN)
		engine_carry_out_open(engine, effect->group);
	else
		carry_out_for_group(engine, effect, cause);
}

/* Does the core void leases with this event although it says so of no group (I8)? */
static bool
puts_clock_in_doubt(const Engine *engine, const Event *event)
{
	return event->kind == EVENT_CLOCK_ANOMALY ||
		   engine->now - engine->stepped_us > engine->config.lease_us / 2;
}

void
engine_step(Engine *engine, const Event *event)
{
	bool in_doubt = puts_clock_in_doubt(engine, event);
	Effects effects = group_step(engine->core, event, engine->now);

	engine->stepped_us = engine->now;
	for (uint32_t i = 0; i < effects.count && !engine->failed; i++)
		carry_out(engine, &effects.items[i], event->kind);
	engine_finish_step(engine);
	if (in_doubt)
		engine_mark_led_changed(engine);
}

/* ---- room ---- */

/*
 * Adds what recording the memberships of so many groups may take, each with the entry that brings the newest,
 * and with the remark that a log replica has no rows.
 */
static void
add_memberships(LogRoom *room, uint32_t count)
{
	room->records += 3 * count;
	room->payload_bytes += (uint64_t) count * (MEMBERSHIPS_BYTES_MAX + MEMBERSHIP_BYTES_MAX);
	room->state_bytes += (uint64_t) count * MEMBERSHIPS_BYTES_MAX;
}

/* What an event without entries may record. */
static LogRoom
control_room(const Engine *engine)
{
	LogRoom room = {.records = STEP_RECORDS_BASE + STEP_RECORDS_PER_GROUP * engine->groups.count,
					.payload_bytes = STEP_VALUE_BYTES,
					.bulk = true};

	/* The group of the event; and any joint generation may be committed, which calls for the final one. */
	add_memberships(&room, 1 + engine->joint_groups);
	return room;
}

bool
engine_has_control_room(Engine *engine)
{
	LogRoom room = control_room(engine);

	return log_reserve(engine->log, &room) == 0;
}

/* Room for a proposal, and after it for the sync that makes it durable: what is refused is so before it is recorded. */
static bool
has_proposal_room(Engine *engine, uint64_t payload_bytes)
{
	LogRoom room = control_room(engine);

	room.records++;
	room.payload_bytes += payload_bytes;
	return log_reserve(engine->log, &room) == 0;
}

/* ---- events from outside ---- */

/* How many of the first entries, at most so many, one event may bring whatever room there is. */
static uint32_t
entries_of_event(const Engine *engine, const Message *message, uint32_t max, LogRoom *room)
{
	uint32_t memberships = 0;
	uint32_t count = 0;

	*room = (LogRoom){.records = STEP_RECORDS_BASE, .bulk = true};
	for (; count < max; count++)
	{
		const Entry *entry = &message->entries[count];
		bool is_membership = membership_is_encoded(entry->payload, entry->length);

		if (entry->length > log_payload_max_bytes(engine->log) ||
			(count > 0 &&
			 room->payload_bytes + entry->length > log_payload_max_bytes(engine->log)) ||
			(is_membership && memberships == STEP_MEMBERSHIPS_MAX))
			break;
		room->payload_bytes += entry->length;
		memberships += is_membership;
	}
	room->records += count;
	add_memberships(room, 1 + memberships);
	return count;
}

/*
 * The first entries that the log surely takes, as one event; fewer than the message carries if need be.  A
 * replica that was away for many changes takes only a few memberships at once: each is a record of its own.  What
 * does not fit even into an empty segment, as many small entries may not, is tried by halves.
 */
static uint32_t
entries_with_room(Engine *engine, const Message *message)
{
	LogRoom room;
	uint32_t count = entries_of_event(engine, message, message->entry_count, &room);

	if (!engine_has_control_room(engine))
		return 0;
	while (count > 0 && log_reserve(engine->log, &room) != 0)
		count = entries_of_event(engine, message, count / 2, &room);
	return count;
}

/*
 * Steps a message of a group, with fewer entries than it carries if the log has no room for all: the sender
 * learns from the acknowledgement what was taken.  Without room for any it is dropped; it will come again.
 */
static void
step_message(Engine *engine, const Message *received)
{
	Message message = *received;
	Event event = {.kind = EVENT_MESSAGE, .message = &message};

	message.entry_count = entries_with_room(engine, received);
	if (!engine_has_control_room(engine) || (message.entry_count == 0 && received->entry_count > 0))
		return;
	engine_step(engine, &event);
}

/* Messages that the core never sees; true if it is one. */
static bool
receive_for_engine(Engine *engine, EngineGroup *group, const Message *message)
{
	switch (message->kind)
	{
		case MESSAGE_APPLIED:
			if (group)
				engine_receive_applied(engine, group, message);
			return true;
		case MESSAGE_REPAIR_ASK:
			engine_receive_repair_ask(engine, group, message);
			return true;
		case MESSAGE_REPAIR:
			if (group)
				engine_receive_repair(engine, group, message);
			return true;
		default:
			return false;
	}
}

/* A message of a group that is not open here may ask for a replica of it. */
static void
receive_for_group(Engine *engine, const Message *message)
{
	EngineGroup *group = engine_find_group(engine, message->group);

	if (receive_for_engine(engine, group, message))
		return;
	if (!group &&
		(!engine_may_open_group(engine) || engine_list_has(&engine->buried, message->group)))
		return;
	step_message(engine, message);
	group = engine_find_group(engine, message->group);
	if (group)
		engine_mark_changed(engine, group);
}

static void
receive_message(Engine *engine, const Message *message)
{
	if (message->kind != MESSAGE_HEARTBEAT)
	{
		receive_for_group(engine, message);
		return;
	}
	step_message(engine, message);
	engine_note_heartbeat(engine, message);
	engine->leases_grew = true;
}

/* Is it a frame from this sender to this node of this cluster?  Explains itself if not. */
static bool
frame_is_ours(const Engine *engine, NodeId from, const Frame *frame)
{
	if (memcmp(frame->cluster_id, engine->config.cluster_id, sizeof(frame->cluster_id)) != 0)
		engine_set_error("it belongs to another cluster");
	else if (frame->from != from || frame->to != engine->config.self)
		engine_set_error("it is from node %u to node %u", frame->from, frame->to);
	else
		return true;
	return false;
}

bool
engine_receive(Engine *engine, NodeId from, const uint8_t *bytes, size_t length)
{
	Frame frame;
	FrameStatus status;

	wire_arena_reset(&engine->frame_arena);
	status = frame_decode(bytes, length, &engine->frame_arena, &frame);
	if (status != FRAME_OK)
	{
		engine_set_error("%s", frame_status_text(status));
		return false;
	}
	if (!frame_is_ours(engine, from, &frame))
		return false;
	engine_start(engine);
	engine_read_clock(engine);
	if (!engine_takes_life(engine, &frame) || engine->set_back_by != 0)
		return true;
	for (uint32_t i = 0; i < frame.message_count; i++)
		receive_message(engine, &frame.messages[i]);
	return true;
}

static EngineRefusal
objection_to_proposal(Engine *engine, GroupId group, uint32_t length)
{
	if (!engine_find_group(engine, group))
		return ENGINE_NO_GROUP;
	if (length > ENTRY_BYTES_MAX || length > log_payload_max_bytes(engine->log) ||
		length > engine->config.frame_bytes_max - ENGINE_FRAME_OVERHEAD_MAX)
		return ENGINE_TOO_LARGE;
	if (!has_proposal_room(engine, length))
		return ENGINE_LOG_FULL;
	return 0;
}

void
engine_propose(Engine *engine, GroupId group, Ballot ballot, const void *payload, uint32_t length,
			   uint64_t tag)
{
	Event event = {.kind = EVENT_PROPOSE, .group = group, .ballot = ballot};
	EngineRefusal why;
	void *copy;

	CORE_ASSERT(length > 0);
	engine_start(engine);
	engine_read_clock(engine);
	why = objection_to_proposal(engine, group, length);
	copy = why == 0 ? wire_arena_alloc(&engine->turn_arena, length) : NULL;
	if (!copy)
	{
		engine->callbacks.refused(engine->callbacks.context, tag, group,
								  why ? why : ENGINE_LOG_FULL);
		return;
	}
	memcpy(copy, payload, length);
	event.entry.payload = copy;
	event.entry.length = length;
	engine->turn_tag = tag;
	engine_step(engine, &event);
}

void
engine_order(Engine *engine, const Event *event)
{
	engine_start(engine);
	engine_read_clock(engine);
	if (engine_find_group(engine, event->group) && engine_has_control_room(engine))
		engine_step(engine, event);
}

void
engine_transfer(Engine *engine, GroupId group, NodeId target)
{
	Event event = {.kind = EVENT_TRANSFER, .group = group, .target = target};

	if (engine_can_take_over(engine, group, target))
		engine_order(engine, &event);
}

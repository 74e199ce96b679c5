/*
 * engine_send.c
 *		Messages that wait for their frames.
 *
 * Run by the replicator.  Each peer has two lists: what may leave before the sync of the turn, and what must
 * not (I2, I3).  A list becomes one frame, or several if it is long.  An ACCEPT, ENTRIES or REPAIR gets its entries
 * only then: from the proposals of this turn, which are still in memory, or from the log.  Entries that the
 * log no longer holds are never replaced by others: the message is dropped, which the protocol survives.
 */
#include "replication/engine_private.h"

#include <stdlib.h>
#include <string.h>

#include "core/ballot.h"

/* How far back a list is searched for an ACCEPT that a new one continues. */
#define MERGE_SEARCH_MAX 16

#define BYTES_UNKNOWN UINT32_MAX

/* ---- queueing ---- */

static bool
carries_entries(const Message *message)
{
	return (message->kind == MESSAGE_ACCEPT || message->kind == MESSAGE_ENTRIES ||
			message->kind == MESSAGE_REPAIR) &&
		   message->entry_count > 0;
}

/* The entry, if it was proposed here in this turn. */
static const Entry *
turn_entry(const EngineGroup *group, Lsn lsn)
{
	if (lsn < group->turn_first_lsn || lsn - group->turn_first_lsn >= group->turn_count)
		return NULL;
	return &group->turn_entries[lsn - group->turn_first_lsn];
}

/* Payload bytes of entries proposed in this turn; BYTES_UNKNOWN if one of them was not. */
static uint32_t
turn_payload_bytes(const Engine *engine, const Message *message)
{
	const EngineGroup *group = engine_find_group(engine, message->group);
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < message->entry_count; i++)
	{
		const Entry *entry = group ? turn_entry(group, message->prev_lsn + 1 + i) : NULL;

		if (!entry)
			return BYTES_UNKNOWN;
		bytes += entry->length;
	}
	return bytes < BYTES_UNKNOWN ? (uint32_t) bytes : BYTES_UNKNOWN;
}

/* May the entries of `next` travel in the waiting ACCEPT? */
static bool
continues(const Engine *engine, const Waiting *waiting, const Waiting *next)
{
	const Message *first = &waiting->message;
	const Message *second = &next->message;

	return !waiting->dropped && first->kind == MESSAGE_ACCEPT && first->entry_count > 0 &&
		   waiting->payload_bytes != BYTES_UNKNOWN && next->payload_bytes != BYTES_UNKNOWN &&
		   ballot_equal(first->ballot, second->ballot) && first->generation == second->generation &&
		   first->from_since == second->from_since && first->to_since == second->to_since &&
		   first->prev_lsn + first->entry_count == second->prev_lsn &&
		   first->entry_count + second->entry_count <= MESSAGE_ENTRIES_MAX &&
		   (uint64_t) waiting->payload_bytes + next->payload_bytes <=
			   engine->config.accept_bytes_max;
}

/*
 * Adds the entries of an ACCEPT to one of the same group that still waits, so that the proposals of a turn
 * travel as one message.  Only the newest message of the group is looked at: the order stays.
 */
static bool
merge_accept(const Engine *engine, WaitingList *list, const Waiting *next)
{
	uint32_t oldest = list->count > MERGE_SEARCH_MAX ? list->count - MERGE_SEARCH_MAX : 0;

	if (next->message.kind != MESSAGE_ACCEPT || next->message.entry_count == 0)
		return false;
	for (uint32_t i = list->count; i > oldest; i--)
	{
		Waiting *waiting = &list->items[i - 1];

		if (waiting->message.group != next->message.group)
			continue;
		if (!continues(engine, waiting, next))
			return false;
		waiting->message.entry_count += next->message.entry_count;
		waiting->message.commit_lsn = next->message.commit_lsn;
		waiting->payload_bytes += next->payload_bytes;
		return true;
	}
	return false;
}

static void
list_add(WaitingList *list, const Waiting *waiting)
{
	if (list->count == list->capacity)
	{
		list->capacity = list->capacity ? list->capacity * 2 : 64;
		list->items = engine_reallocate(list->items, list->capacity * sizeof(Waiting));
	}
	list->items[list->count++] = *waiting;
}

/* The core reuses its outlines with the next event. */
static bool
copy_outline(Engine *engine, Message *message)
{
	size_t bytes = message->outline.run_count * sizeof(BallotRun);
	BallotRun *runs;

	if (bytes == 0)
		return true;
	runs = wire_arena_alloc(&engine->turn_arena, bytes);
	if (!runs)
		return false;
	memcpy(runs, message->outline.runs, bytes);
	message->outline.runs = runs;
	return true;
}

/* The core's memory of the membership that a JOIN or REBASE says is good until the next step. */
static bool
copy_membership(Engine *engine, Message *message)
{
	const Entry *said = message->entries;
	Entry *copy;
	uint8_t *payload;

	if (message->kind != MESSAGE_JOIN && message->kind != MESSAGE_REBASE)
		return true;
	CORE_ASSERT(message->entry_count == 1 && said->length <= MEMBERSHIP_BYTES_MAX);
	copy = wire_arena_alloc(&engine->turn_arena, sizeof(Entry));
	payload = wire_arena_alloc(&engine->turn_arena, said->length);
	if (!copy || !payload)
		return false;
	memcpy(payload, said->payload, said->length);
	*copy = (Entry){said->ballot, said->length, payload};
	message->entries = copy;
	return true;
}

Message
engine_message_to(const Engine *engine, const EngineGroup *group, uint32_t member, MessageKind kind)
{
	return (Message){.kind = kind,
					 .from = engine->config.self,
					 .to = group->membership.members[member].node,
					 .group = group->group,
					 .generation = group->membership.generation,
					 .from_since = engine_own_since(group),
					 .to_since = group->membership.members[member].since};
}

void
engine_queue_message(Engine *engine, const Message *message, bool after_sync)
{
	EnginePeer *peer = &engine->peers[message->to];
	bool all_durable = log_append_position(engine->log) == log_synced_position(engine->log);
	WaitingList *list = after_sync && !all_durable ? &peer->after_sync : &peer->now;
	Waiting waiting = {.message = *message};

	CORE_ASSERT(message->to >= 1 && message->to <= CORE_NODES_MAX &&
				message->to != engine->config.self);
	CORE_INVARIANT("I14", version_of_message(message->kind) <= engine->version);
	if (!copy_outline(engine, &waiting.message) || !copy_membership(engine, &waiting.message))
		return;
	waiting.payload_bytes = carries_entries(message) ? turn_payload_bytes(engine, message) : 0;
	if (!merge_accept(engine, list, &waiting))
		list_add(list, &waiting);
	engine->waited_for |= node_id_bit(message->to);
}

static void
drop_entries(WaitingList *list, GroupId group, Lsn lsn)
{
	for (uint32_t i = 0; i < list->count; i++)
	{
		const Message *message = &list->items[i].message;

		if (message->group == group && carries_entries(message) &&
			message->prev_lsn + message->entry_count > lsn)
			list->items[i].dropped = true;
	}
}

void
engine_drop_queued_entries(Engine *engine, GroupId group, Lsn lsn)
{
	for (NodeId node = 1; node <= CORE_NODES_MAX; node++)
	{
		drop_entries(&engine->peers[node].now, group, lsn);
		drop_entries(&engine->peers[node].after_sync, group, lsn);
	}
}

bool
engine_has_queued(const Engine *engine)
{
	return engine->waited_for != 0;
}

void
engine_free_queues(Engine *engine)
{
	for (NodeId node = 1; node <= CORE_NODES_MAX; node++)
	{
		free(engine->peers[node].now.items);
		free(engine->peers[node].after_sync.items);
	}
}

/* ---- entries ---- */

typedef struct Filling
{
	Engine *engine;
	Entry *entries;
	uint32_t count;
	uint32_t wanted;
	uint64_t bytes;
} Filling;

/* True if another entry of `length` bytes may be carried: the first one always. */
static bool
filling_takes(const Filling *filling, uint32_t length)
{
	return filling->count < filling->wanted &&
		   (filling->count == 0 ||
			filling->bytes + length <= filling->engine->config.accept_bytes_max);
}

/* An entry from the log, copied: the log's pointer does not outlive the callback. */
static int
fill_from_log(void *context, const LogEntry *entry)
{
	Filling *filling = context;
	void *copy;

	if (!filling_takes(filling, entry->length))
		return 1;
	copy = wire_arena_alloc(&filling->engine->fill_arena, entry->length);
	if (!copy)
		return 1;
	if (entry->length > 0)
		memcpy(copy, entry->payload, entry->length);
	filling->entries[filling->count++] = (Entry){entry->ballot, entry->length, copy};
	filling->bytes += entry->length;
	return 0;
}

/* The part that was proposed in this turn; nothing is copied. */
static void
fill_from_turn(Filling *filling, const EngineGroup *group, Lsn first_lsn)
{
	const Entry *entry = turn_entry(group, first_lsn);

	while (entry && filling_takes(filling, entry->length))
	{
		filling->entries[filling->count++] = *entry;
		filling->bytes += entry->length;
		entry = turn_entry(group, first_lsn + filling->count);
	}
}

/* Gives the message its entries, fewer if they are large; false if it cannot have any. */
static bool
fill_entries(Engine *engine, Message *message)
{
	const EngineGroup *group = engine_find_group(engine, message->group);
	Filling filling = {.engine = engine, .wanted = message->entry_count};

	if (!group)
		return false;
	wire_arena_reset(&engine->fill_arena);
	filling.entries = wire_arena_alloc(&engine->fill_arena, message->entry_count * sizeof(Entry));
	if (!filling.entries)
		return false;
	fill_from_turn(&filling, group, message->prev_lsn + 1);
	if (filling.count == 0)
		log_read_entries(engine->log, message->group, message->prev_lsn + 1,
						 engine->config.accept_bytes_max, fill_from_log, &filling);
	message->entries = filling.entries;
	message->entry_count = filling.count;
	return filling.count > 0;
}

/* ---- frames ---- */

static void
begin_frame(Engine *engine, NodeId to)
{
	frame_begin(&engine->builder, engine->config.cluster_id, engine->config.self, to,
				log_identity(engine->log)->start_counter, engine->config.frame_bytes_max);
}

static void
send_frame(Engine *engine, NodeId to)
{
	const uint8_t *bytes;
	size_t length;

	if (engine->builder.message_count == 0)
		return;
	bytes = frame_finish(&engine->builder, &length);
	engine->callbacks.send(engine->callbacks.context, to, bytes, length);
}

/* Adds a message to the frame, or to a new one if it is full; without memory the message is lost. */
static void
put_in_frame(Engine *engine, NodeId to, Waiting *waiting)
{
	Message *message = &waiting->message;

	if (waiting->dropped || (carries_entries(message) && !fill_entries(engine, message)))
		return;
	if (message->kind == MESSAGE_HEARTBEAT)
	{
		engine_describe_lives(engine, message);
		engine_describe_peers(engine, message);
	}
	if (frame_add_message(&engine->builder, message))
		return;
	send_frame(engine, to);
	begin_frame(engine, to);
	frame_add_message(&engine->builder, message);
}

static void
send_list(Engine *engine, NodeId to, WaitingList *list)
{
	if (list->count == 0)
		return;
	begin_frame(engine, to);
	for (uint32_t i = 0; i < list->count; i++)
		put_in_frame(engine, to, &list->items[i]);
	send_frame(engine, to);
	list->count = 0;
}

/* Sends what waits in this or that list of each peer, in the order of their ids. */
static void
send_lists(Engine *engine, bool after_sync)
{
	uint64_t left = engine->waited_for;

	for (; left != 0; left &= left - 1)
	{
		NodeId node = (NodeId) (__builtin_ctzll(left) + 1);
		EnginePeer *peer = &engine->peers[node];

		send_list(engine, node, after_sync ? &peer->after_sync : &peer->now);
		if (peer->now.count == 0 && peer->after_sync.count == 0)
			engine->waited_for &= ~node_id_bit(node);
	}
}

void
engine_send_now(Engine *engine)
{
	send_lists(engine, false);
}

void
engine_send_after_sync(Engine *engine)
{
	send_lists(engine, true);
}

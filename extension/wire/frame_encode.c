/*
 * frame_encode.c
 *		Building frames; see frame.h.
 *
 * Run by the replicator.  The header's length, checksum and message count are written by frame_finish;
 * until then a builder's bytes are not a frame.
 */
#include "wire/frame.h"

#include <stdlib.h>

#include "core/core_assert.h"
#include "log/crc32c.h"
#include "wire/envelope.h"
#include "wire/frame_layout.h"
#include "wire/quorate.pb-c.h"

/* Room for the structure of a message that carries few entries; more comes from malloc. */
#define STRUCTURE_STACK_WORDS 256

/* Makes room for `extra` more bytes; false without memory. */
static bool
builder_reserve(FrameBuilder *builder, size_t extra)
{
	size_t wanted = builder->length + extra;
	size_t capacity = builder->capacity ? builder->capacity : 4096;
	uint8_t *bytes;

	if (wanted <= builder->capacity)
		return true;
	while (capacity < wanted)
		capacity *= 2;
	bytes = realloc(builder->bytes, capacity);
	if (!bytes)
		return false;
	builder->bytes = bytes;
	builder->capacity = capacity;
	return true;
}

void
frame_begin(FrameBuilder *builder, const uint8_t cluster_id[FRAME_CLUSTER_ID_BYTES], NodeId from,
			NodeId to, uint64_t start_counter, size_t bytes_max)
{
	builder->length = 0;
	builder->message_count = 0;
	builder->from = from;
	builder->to = to;
	builder->bytes_max = bytes_max;
	if (!builder_reserve(builder, FRAME_HEADER_BYTES))
		return; /* frame_add_message will find no room either */
	builder->length = FRAME_HEADER_BYTES;
	memset(builder->bytes, 0, FRAME_HEADER_BYTES);
	wire_put_u32(builder->bytes + FRAME_AT_MAGIC, FRAME_MAGIC);
	wire_put_u16(builder->bytes + FRAME_AT_VERSION, FRAME_VERSION);
	wire_put_u16(builder->bytes + FRAME_AT_FROM, from);
	wire_put_u16(builder->bytes + FRAME_AT_TO, to);
	wire_put_u64(builder->bytes + FRAME_AT_START_COUNTER, start_counter);
	memcpy(builder->bytes + FRAME_AT_CLUSTER_ID, cluster_id, FRAME_CLUSTER_ID_BYTES);
}

/*
 * The structures that a PeerMessage points to.  Whatever is zero is not sent: absent and zero mean the
 * same.
 */
typedef struct MessageParts
{
	Quorate__Wire__PeerMessage message;
	Quorate__Wire__Ballot ballot;
	Quorate__Wire__Ballot promised;
	Quorate__Wire__Ballot released;
	Quorate__Wire__Ballot prev_ballot;
	Quorate__Wire__LogOutline outline;
	Quorate__Wire__Ballot base_ballot;
	Quorate__Wire__Ballot last_ballot;
	Quorate__Wire__Heartbeat heartbeat;
	Quorate__Wire__LogLife lives[LOG_LIVES_MAX];
	Quorate__Wire__LogLife *life_pointers[LOG_LIVES_MAX];
	Quorate__Wire__LogLife heard;
} MessageParts;

static Quorate__Wire__Ballot *
put_ballot(Quorate__Wire__Ballot *part, Ballot ballot)
{
	if (ballot.round == 0 && ballot.node == 0)
		return NULL;
	quorate__wire__ballot__init(part);
	part->round = ballot.round;
	part->node = ballot.node;
	return part;
}

static void
put_life(Quorate__Wire__LogLife *part, const LogLife *life)
{
	quorate__wire__log_life__init(part);
	part->start_counter = life->start_counter;
	part->id = life->id;
	part->place = life->place;
}

/* What a heartbeat says of the logs of both ends. */
static void
put_lives(MessageParts *parts, const Heartbeat *heartbeat)
{
	Quorate__Wire__Heartbeat *part = &parts->heartbeat;

	CORE_ASSERT(heartbeat->life_count <= LOG_LIVES_MAX);
	part->n_lives = heartbeat->life_count;
	part->lives = parts->life_pointers;
	for (uint32_t i = 0; i < heartbeat->life_count; i++)
	{
		put_life(&parts->lives[i], &heartbeat->lives[i]);
		parts->life_pointers[i] = &parts->lives[i];
	}
	part->log_synced = heartbeat->log_synced;
	if (heartbeat->heard.start_counter == 0)
		return;
	put_life(&parts->heard, &heartbeat->heard);
	part->heard = &parts->heard;
}

static void
put_heartbeat(MessageParts *parts, const Heartbeat *heartbeat)
{
	Quorate__Wire__Heartbeat *part = &parts->heartbeat;

	quorate__wire__heartbeat__init(part);
	part->start_counter = heartbeat->start_counter;
	part->sent_us = heartbeat->sent_us;
	part->echo_us = heartbeat->echo_us;
	part->echo_start_counter = heartbeat->echo_start_counter;
	part->sync_age_us = heartbeat->sync_age_us;
	part->shares_groups = heartbeat->shares_groups;
	part->wants_grant = heartbeat->wants_grant;
	part->grant_number = heartbeat->grant_number;
	part->grant_echo_us = heartbeat->grant_echo_us;
	part->grant_us = heartbeat->grant_us;
	put_lives(parts, heartbeat);
	part->reaches = heartbeat->reaches;
	parts->message.heartbeat = part;
}

/* The runs of an outline; false without memory. */
static bool
put_runs(Quorate__Wire__LogOutline *part, const LogOutline *outline, WireArena *scratch)
{
	Quorate__Wire__BallotRun *runs;

	if (outline->run_count == 0)
		return true;
	runs = wire_arena_alloc(scratch, outline->run_count * sizeof(*runs));
	part->runs = wire_arena_alloc(scratch, outline->run_count * sizeof(*part->runs));
	if (!runs || !part->runs)
		return false;
	part->n_runs = outline->run_count;
	for (uint32_t i = 0; i < outline->run_count; i++)
	{
		quorate__wire__ballot_run__init(&runs[i]);
		runs[i].round = outline->runs[i].ballot.round;
		runs[i].node = outline->runs[i].ballot.node;
		runs[i].first_lsn = outline->runs[i].first_lsn;
		part->runs[i] = &runs[i];
	}
	return true;
}

/* The outline, if there is anything in it; false without memory. */
static bool
put_outline(MessageParts *parts, const LogOutline *outline, WireArena *scratch)
{
	Quorate__Wire__LogOutline *part = &parts->outline;

	quorate__wire__log_outline__init(part);
	part->base_lsn = outline->base_lsn;
	part->base_ballot = put_ballot(&parts->base_ballot, outline->base_ballot);
	part->last_lsn = outline->last_lsn;
	part->last_ballot = put_ballot(&parts->last_ballot, outline->last_ballot);
	if (part->base_lsn || part->base_ballot || part->last_lsn || part->last_ballot ||
		outline->run_count > 0)
		parts->message.outline = part;
	return put_runs(part, outline, scratch);
}

static bool
ballot_equal(Ballot a, Ballot b)
{
	return a.round == b.round && a.node == b.node;
}

/* How many runs of equal ballots the entries make. */
static uint32_t
entry_run_count(const Message *message)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < message->entry_count; i++)
		if (i == 0 || !ballot_equal(message->entries[i].ballot, message->entries[i - 1].ballot))
			count++;
	return count;
}

static void
put_entry_runs(Quorate__Wire__EntryRun **pointers, Quorate__Wire__EntryRun *run,
			   const Message *message)
{
	for (uint32_t i = 0; i < message->entry_count; i++)
	{
		Ballot ballot = message->entries[i].ballot;

		if (i == 0 || !ballot_equal(ballot, message->entries[i - 1].ballot))
		{
			run += i > 0;
			quorate__wire__entry_run__init(run);
			run->round = ballot.round;
			run->node = ballot.node;
			*pointers++ = run;
		}
		run->count++;
	}
}

/* Lengths and ballots of the entries; false without memory.  *payload_bytes is what they carry. */
static bool
put_entries(MessageParts *parts, const Message *message, WireArena *scratch, size_t *payload_bytes)
{
	Quorate__Wire__PeerMessage *part = &parts->message;
	uint32_t run_count = entry_run_count(message);
	Quorate__Wire__EntryRun *runs;

	*payload_bytes = 0;
	if (message->entry_count == 0)
		return true;
	part->entry_lengths = wire_arena_alloc(scratch, message->entry_count * sizeof(uint32_t));
	part->entry_runs = wire_arena_alloc(scratch, run_count * sizeof(*part->entry_runs));
	runs = wire_arena_alloc(scratch, run_count * sizeof(*runs));
	if (!part->entry_lengths || !part->entry_runs || !runs)
		return false;
	part->n_entry_lengths = message->entry_count;
	part->n_entry_runs = run_count;
	put_entry_runs(part->entry_runs, runs, message);
	for (uint32_t i = 0; i < message->entry_count; i++)
	{
		part->entry_lengths[i] = message->entries[i].length;
		*payload_bytes += message->entries[i].length;
	}
	return true;
}

/* Fills the protobuf structure of a message; false without memory. */
static bool
put_message(MessageParts *parts, const Message *message, WireArena *scratch, size_t *payload_bytes)
{
	Quorate__Wire__PeerMessage *part = &parts->message;

	quorate__wire__peer_message__init(part);
	part->kind = message->kind;
	part->group = message->group;
	part->generation = message->generation;
	part->from_since = message->from_since;
	part->to_since = message->to_since;
	part->ballot = put_ballot(&parts->ballot, message->ballot);
	part->ok = message->ok;
	part->promised = put_ballot(&parts->promised, message->promised);
	part->released = put_ballot(&parts->released, message->released);
	part->grant_number = message->grant_number;
	part->target = message->target;
	part->prev_lsn = message->prev_lsn;
	part->prev_ballot = put_ballot(&parts->prev_ballot, message->prev_ballot);
	part->commit_lsn = message->commit_lsn;
	part->lsn = message->lsn;
	if (message->kind == MESSAGE_HEARTBEAT)
		put_heartbeat(parts, &message->heartbeat);
	return put_outline(parts, &message->outline, scratch) &&
		   put_entries(parts, message, scratch, payload_bytes);
}

/* Does a message of `size` bytes go into the frame? */
static bool
builder_has_room(const FrameBuilder *builder, size_t size)
{
	size_t limit = builder->message_count == 0 ? FRAME_BYTES_MAX : builder->bytes_max;

	if (limit > FRAME_BYTES_MAX)
		limit = FRAME_BYTES_MAX;
	return builder->message_count < FRAME_MESSAGES_MAX && builder->length <= limit &&
		   size <= limit - builder->length;
}

static bool
builder_append(FrameBuilder *builder, const MessageParts *parts, const Message *message,
			   size_t payload_bytes)
{
	const ProtobufCMessage *structure = &parts->message.base;
	size_t size = ENVELOPE_HEAD_BYTES + protobuf_c_message_get_packed_size(structure) +
				  payload_bytes;
	uint8_t *out;

	if (!builder_has_room(builder, size) || !builder_reserve(builder, size))
		return false;
	out = envelope_put(builder->bytes + builder->length, structure);
	for (uint32_t i = 0; i < message->entry_count; i++)
		out = envelope_put_bytes(out, message->entries[i].payload, message->entries[i].length);
	builder->length += size;
	builder->message_count++;
	return true;
}

bool
frame_add_message(FrameBuilder *builder, const Message *message)
{
	uint64_t first[STRUCTURE_STACK_WORDS];
	WireArena scratch;
	MessageParts parts;
	size_t payload_bytes;
	bool added;

	CORE_ASSERT(message->from == builder->from && message->to == builder->to);
	CORE_ASSERT(message->entry_count <= MESSAGE_ENTRIES_MAX);
	CORE_ASSERT(message->outline.run_count <= MESSAGE_RUNS_MAX);
	if (builder->length < FRAME_HEADER_BYTES)
		return false;
	wire_arena_init(&scratch, first, sizeof(first), ENVELOPE_SCRATCH_LIMIT(ENVELOPE_STRUCTURE_MAX));
	added = put_message(&parts, message, &scratch, &payload_bytes) &&
			builder_append(builder, &parts, message, payload_bytes);
	wire_arena_free(&scratch);
	return added;
}

const uint8_t *
frame_finish(FrameBuilder *builder, size_t *length)
{
	CORE_ASSERT(builder->length >= FRAME_HEADER_BYTES);
	wire_put_u32(builder->bytes + FRAME_AT_LENGTH, (uint32_t) builder->length);
	wire_put_u32(builder->bytes + FRAME_AT_MESSAGE_COUNT, builder->message_count);
	wire_put_u32(builder->bytes + FRAME_AT_CRC, frame_checksum(builder->bytes, builder->length));
	*length = builder->length;
	return builder->bytes;
}

void
frame_builder_free(FrameBuilder *builder)
{
	free(builder->bytes);
	memset(builder, 0, sizeof(*builder));
}

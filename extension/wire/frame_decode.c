/*
 * frame_decode.c
 *		Reading frames; see frame.h.
 *
 * Run by the replicator on whatever a peer sent.  Nothing of a frame is believed before its checksum is
 * right, and nothing is used before it is bounded: a right checksum does not make a sender sane.
 */
#include "wire/frame.h"

#include "core/membership.h"
#include "core/version.h"
#include "wire/entry.h"
#include "wire/envelope.h"
#include "wire/frame_layout.h"
#include "wire/quorate.pb-c.h"

/* Memory on the stack for unpacking one structure; large ones use malloc. */
#define STRUCTURE_STACK_WORDS 512

/* No LSN comes near this; PostgreSQL's bigint ends there, and sums of LSN and count cannot overflow. */
#define LSN_MAX ((Lsn) INT64_MAX / 2)

/* An absent ballot is zero.  False if its node is no node. */
static bool
get_ballot(const Quorate__Wire__Ballot *part, Ballot *ballot)
{
	ballot->round = 0;
	ballot->node = 0;
	if (!part)
		return true;
	if (part->base.n_unknown_fields != 0 || part->node > CORE_NODES_MAX)
		return false;
	ballot->round = part->round;
	ballot->node = (NodeId) part->node;
	return true;
}

static bool
get_life(const Quorate__Wire__LogLife *part, LogLife *life)
{
	life->start_counter = part->start_counter;
	life->id = part->id;
	life->place = part->place;
	return envelope_known(&part->base) && part->start_counter > 0;
}

/* What a heartbeat says of the logs of both ends. */
static FrameStatus
get_lives(const Quorate__Wire__Heartbeat *part, Heartbeat *heartbeat, WireArena *arena)
{
	LogLife *lives;

	heartbeat->log_synced = part->log_synced;
	if (part->n_lives > LOG_LIVES_MAX || (part->heard && !get_life(part->heard, &heartbeat->heard)))
		return FRAME_MALFORMED;
	if (part->n_lives == 0)
		return FRAME_OK;
	lives = wire_arena_alloc(arena, part->n_lives * sizeof(LogLife));
	if (!lives)
		return FRAME_NO_MEMORY;
	for (size_t i = 0; i < part->n_lives; i++)
		if (!get_life(part->lives[i], &lives[i]))
			return FRAME_MALFORMED;
	heartbeat->life_count = (uint32_t) part->n_lives;
	heartbeat->lives = lives;
	return FRAME_OK;
}

static FrameStatus
get_heartbeat(const Quorate__Wire__Heartbeat *part, Heartbeat *heartbeat, WireArena *arena)
{
	if (!part || !envelope_known(&part->base))
		return FRAME_MALFORMED;
	heartbeat->start_counter = part->start_counter;
	heartbeat->sent_us = part->sent_us;
	heartbeat->echo_us = part->echo_us;
	heartbeat->echo_start_counter = part->echo_start_counter;
	heartbeat->sync_age_us = part->sync_age_us;
	heartbeat->shares_groups = part->shares_groups;
	heartbeat->wants_grant = part->wants_grant;
	heartbeat->grant_number = part->grant_number;
	heartbeat->grant_echo_us = part->grant_echo_us;
	heartbeat->grant_us = part->grant_us;
	heartbeat->reaches = part->reaches;
	if (heartbeat->sent_us < 0 || heartbeat->echo_us < 0 || heartbeat->sync_age_us < 0 ||
		heartbeat->grant_echo_us < 0 || heartbeat->grant_us < 0)
		return FRAME_MALFORMED;
	return get_lives(part, heartbeat, arena);
}

static FrameStatus
get_runs(const Quorate__Wire__LogOutline *part, LogOutline *outline, WireArena *arena)
{
	BallotRun *runs;

	if (part->n_runs > MESSAGE_RUNS_MAX)
		return FRAME_MALFORMED;
	if (part->n_runs == 0)
		return FRAME_OK;
	runs = wire_arena_alloc(arena, part->n_runs * sizeof(BallotRun));
	if (!runs)
		return FRAME_NO_MEMORY;
	for (size_t i = 0; i < part->n_runs; i++)
	{
		const Quorate__Wire__BallotRun *run = part->runs[i];

		if (!envelope_known(&run->base) || run->node > CORE_NODES_MAX || run->first_lsn > LSN_MAX)
			return FRAME_MALFORMED;
		runs[i].ballot.round = run->round;
		runs[i].ballot.node = (NodeId) run->node;
		runs[i].first_lsn = run->first_lsn;
	}
	outline->run_count = (uint32_t) part->n_runs;
	outline->runs = runs;
	return FRAME_OK;
}

static FrameStatus
get_outline(const Quorate__Wire__LogOutline *part, LogOutline *outline, WireArena *arena)
{
	if (!part)
		return FRAME_OK;
	if (!envelope_known(&part->base) || part->base_lsn > LSN_MAX || part->last_lsn > LSN_MAX ||
		!get_ballot(part->base_ballot, &outline->base_ballot) ||
		!get_ballot(part->last_ballot, &outline->last_ballot))
		return FRAME_MALFORMED;
	outline->base_lsn = part->base_lsn;
	outline->last_lsn = part->last_lsn;
	return get_runs(part, outline, arena);
}

/* Spreads the runs of ballots over the entries; false if they do not cover them exactly. */
static bool
get_entry_runs(const Quorate__Wire__PeerMessage *part, Entry *entries)
{
	size_t at = 0;

	for (size_t i = 0; i < part->n_entry_runs; i++)
	{
		const Quorate__Wire__EntryRun *run = part->entry_runs[i];

		if (!envelope_known(&run->base) || run->node > CORE_NODES_MAX ||
			run->count > part->n_entry_lengths - at)
			return false;
		for (uint32_t k = 0; k < run->count; k++, at++)
		{
			entries[at].ballot.round = run->round;
			entries[at].ballot.node = (NodeId) run->node;
		}
	}
	return at == part->n_entry_lengths;
}

static bool
carries_membership(const Message *message)
{
	return message->kind == MESSAGE_JOIN || message->kind == MESSAGE_REBASE;
}

/* May a message of this kind carry so many entries?  One that says a membership has it as its only entry. */
static bool
entry_count_fits_kind(const Message *message, size_t count)
{
	if (carries_membership(message))
		return count == 1;
	if (message->kind == MESSAGE_ACCEPT || message->kind == MESSAGE_ENTRIES ||
		message->kind == MESSAGE_REPAIR)
		return count <= MESSAGE_ENTRIES_MAX;
	return count == 0;
}

/* The entries, their payloads taken from the tail. */
static FrameStatus
get_entries(const Quorate__Wire__PeerMessage *part, Message *message, WireArena *arena,
			EnvelopeTail *tail)
{
	uint32_t length_max = carries_membership(message) ? MEMBERSHIP_BYTES_MAX : ENTRY_BYTES_MAX;
	Entry *entries;

	if (!entry_count_fits_kind(message, part->n_entry_lengths))
		return FRAME_MALFORMED;
	if (part->n_entry_lengths == 0)
		return part->n_entry_runs == 0 ? FRAME_OK : FRAME_MALFORMED;
	entries = wire_arena_alloc(arena, part->n_entry_lengths * sizeof(Entry));
	if (!entries)
		return FRAME_NO_MEMORY;
	for (size_t i = 0; i < part->n_entry_lengths; i++)
	{
		if (part->entry_lengths[i] > length_max || part->entry_lengths[i] > tail->left)
			return FRAME_MALFORMED;
		entries[i].length = part->entry_lengths[i];
		entries[i].payload = envelope_take(tail, part->entry_lengths[i]);
	}
	message->entry_count = (uint32_t) part->n_entry_lengths;
	message->entries = entries;
	return get_entry_runs(part, entries) ? FRAME_OK : FRAME_MALFORMED;
}

/* The fields without memory of their own; false if one is out of its bounds. */
static bool
get_scalars(const Quorate__Wire__PeerMessage *part, Message *message)
{
	message->kind = (MessageKind) part->kind;
	message->group = part->group;
	message->generation = part->generation;
	message->from_since = part->from_since;
	message->to_since = part->to_since;
	message->ok = part->ok;
	message->grant_number = part->grant_number;
	message->target = (NodeId) part->target;
	message->prev_lsn = part->prev_lsn;
	message->commit_lsn = part->commit_lsn;
	message->lsn = part->lsn;
	return part->target <= CORE_NODES_MAX && part->prev_lsn <= LSN_MAX &&
		   part->commit_lsn <= LSN_MAX && part->lsn <= LSN_MAX &&
		   (part->kind == MESSAGE_HEARTBEAT) == (part->group == 0) &&
		   get_ballot(part->ballot, &message->ballot) &&
		   get_ballot(part->promised, &message->promised) &&
		   get_ballot(part->released, &message->released) &&
		   get_ballot(part->prev_ballot, &message->prev_ballot);
}

static FrameStatus
get_message(const Quorate__Wire__PeerMessage *part, Message *message, WireArena *arena,
			EnvelopeTail *tail)
{
	FrameStatus status;

	if (part->kind < MESSAGE_HEARTBEAT || part->kind > MESSAGE_KIND_LAST ||
		version_of_message((MessageKind) part->kind) > VERSION_NEWEST)
		return FRAME_KIND_UNKNOWN;
	if (!get_scalars(part, message))
		return FRAME_MALFORMED;
	if (message->kind == MESSAGE_HEARTBEAT)
		status = get_heartbeat(part->heartbeat, &message->heartbeat, arena);
	else
		status = part->heartbeat ? FRAME_MALFORMED : FRAME_OK;
	if (status == FRAME_OK)
		status = get_outline(part->outline, &message->outline, arena);
	if (status != FRAME_OK)
		return status;
	return get_entries(part, message, arena, tail);
}

/* Takes the next message off the rest of the frame. */
static FrameStatus
take_message(EnvelopeTail *rest, Message *message, WireArena *arena)
{
	uint64_t first[STRUCTURE_STACK_WORDS];
	WireArena scratch;
	ProtobufCMessage *structure;
	FrameStatus status = FRAME_MALFORMED;

	wire_arena_init(&scratch, first, sizeof(first), ENVELOPE_SCRATCH_LIMIT(rest->left));
	structure = envelope_open(rest->next, rest->left, &quorate__wire__peer_message__descriptor,
							  &scratch, rest);
	if (structure)
		status = get_message((Quorate__Wire__PeerMessage *) structure, message, arena, rest);
	wire_arena_free(&scratch);
	return status;
}

/* Checks the header; the rest of the frame is not looked at except for its checksum. */
static FrameStatus
check_header(const uint8_t *bytes, size_t length)
{
	if (length < FRAME_HEADER_BYTES || length > FRAME_BYTES_MAX ||
		wire_get_u32(bytes + FRAME_AT_MAGIC) != FRAME_MAGIC)
		return FRAME_MALFORMED;
	if (wire_get_u16(bytes + FRAME_AT_VERSION) != FRAME_VERSION)
		return FRAME_VERSION_UNKNOWN;
	if (wire_get_u32(bytes + FRAME_AT_LENGTH) != length)
		return FRAME_MALFORMED;
	if (wire_get_u32(bytes + FRAME_AT_CRC) != frame_checksum(bytes, length))
		return FRAME_CHECKSUM;
	return FRAME_OK;
}

/* Node ids from 1 to CORE_NODES_MAX, two different ones. */
static bool
nodes_valid(NodeId from, NodeId to)
{
	return from >= 1 && from <= CORE_NODES_MAX && to >= 1 && to <= CORE_NODES_MAX && from != to;
}

static FrameStatus
get_header(const uint8_t *bytes, size_t length, Frame *frame)
{
	frame->from = wire_get_u16(bytes + FRAME_AT_FROM);
	frame->to = wire_get_u16(bytes + FRAME_AT_TO);
	frame->start_counter = wire_get_u64(bytes + FRAME_AT_START_COUNTER);
	frame->message_count = wire_get_u32(bytes + FRAME_AT_MESSAGE_COUNT);
	memcpy(frame->cluster_id, bytes + FRAME_AT_CLUSTER_ID, FRAME_CLUSTER_ID_BYTES);
	if (wire_get_u16(bytes + FRAME_AT_ZERO) != 0 || !nodes_valid(frame->from, frame->to) ||
		frame->message_count > FRAME_MESSAGES_MAX ||
		frame->message_count > length / ENVELOPE_HEAD_BYTES)
		return FRAME_MALFORMED;
	return FRAME_OK;
}

static FrameStatus
get_messages(EnvelopeTail *rest, Frame *frame, WireArena *arena)
{
	Message *messages = wire_arena_alloc(arena, frame->message_count * sizeof(Message));

	if (!messages)
		return FRAME_NO_MEMORY;
	frame->messages = messages;
	for (uint32_t i = 0; i < frame->message_count; i++)
	{
		FrameStatus status;

		memset(&messages[i], 0, sizeof(Message));
		messages[i].from = frame->from;
		messages[i].to = frame->to;
		status = take_message(rest, &messages[i], arena);
		if (status != FRAME_OK)
			return status;
	}
	return rest->left == 0 ? FRAME_OK : FRAME_MALFORMED;
}

FrameStatus
frame_decode(const uint8_t *bytes, size_t length, WireArena *arena, Frame *frame)
{
	EnvelopeTail rest;
	FrameStatus status = check_header(bytes, length);

	if (status == FRAME_OK)
		status = get_header(bytes, length, frame);
	if (status != FRAME_OK)
		return status;
	rest.next = bytes + FRAME_HEADER_BYTES;
	rest.left = length - FRAME_HEADER_BYTES;
	return get_messages(&rest, frame, arena);
}

const char *
frame_status_text(FrameStatus status)
{
	switch (status)
	{
		case FRAME_OK:
			return "valid";
		case FRAME_MALFORMED:
			return "malformed";
		case FRAME_CHECKSUM:
			return "wrong checksum";
		case FRAME_VERSION_UNKNOWN:
			return "unknown frame version";
		case FRAME_KIND_UNKNOWN:
			return "unknown message kind";
		case FRAME_NO_MEMORY:
			return "out of memory";
	}
	return "unknown status";
}

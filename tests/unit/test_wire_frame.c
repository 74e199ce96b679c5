/*
 * test_wire_frame.c
 *		Peer frames: what goes in comes out, in every kind; damage and excess are refused.
 */
#include "core/core_assert.h"
#include "core/membership.h"
#include "log/crc32c.h"
#include "wire/entry.h"
#include "wire/frame.h"

#include "unit/tap.h"

static const uint8_t cluster_id[FRAME_CLUSTER_ID_BYTES] = "cluster-of-test";
static uint64_t random_state = 88172645463325252u;

static uint64_t
random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Small and large numbers, zero included, all below 2^61. */
static uint64_t
random_number(void)
{
	return random_u64() >> (3 + random_u64() % 61);
}

static Ballot
random_ballot(void)
{
	Ballot ballot = {random_u64() % 3 ? random_number() : 0, (NodeId) (random_u64() % 4)};

	return ballot;
}

static uint8_t payload_bytes[4096];
static Entry random_entries[64];
static BallotRun random_runs[MESSAGE_RUNS_MAX];

static LogLife random_lives[LOG_LIVES_MAX];

static LogLife
random_life(void)
{
	return (LogLife){1 + random_number() / 2, random_u64(), random_number()};
}

static void
random_heartbeat(Heartbeat *heartbeat)
{
	heartbeat->life_count = (uint32_t) (random_u64() % (LOG_LIVES_MAX + 1));
	for (uint32_t i = 0; i < heartbeat->life_count; i++)
		random_lives[i] = random_life();
	heartbeat->lives = random_lives;
	heartbeat->log_synced = random_number();
	heartbeat->reaches = random_u64();
	if (random_u64() & 1)
		heartbeat->heard = random_life();
	heartbeat->start_counter = random_number();
	heartbeat->sent_us = (TimeUs) random_number();
	heartbeat->echo_us = (TimeUs) random_number();
	heartbeat->echo_start_counter = random_number();
	heartbeat->sync_age_us = (TimeUs) random_number();
	heartbeat->shares_groups = random_u64() & 1;
	heartbeat->wants_grant = random_u64() & 1;
	heartbeat->grant_number = random_number();
	heartbeat->grant_echo_us = (TimeUs) random_number();
	heartbeat->grant_us = (TimeUs) random_number();
}

static void
random_outline(LogOutline *outline)
{
	outline->base_lsn = random_number();
	outline->base_ballot = random_ballot();
	outline->last_lsn = random_number();
	outline->last_ballot = random_ballot();
	outline->run_count = random_u64() % (MESSAGE_RUNS_MAX + 1);
	outline->runs = random_runs;
	for (uint32_t i = 0; i < outline->run_count; i++)
	{
		random_runs[i].ballot = random_ballot();
		random_runs[i].first_lsn = random_number();
	}
}

static void
random_carried_entries(Message *message)
{
	bool membership = message->kind == MESSAGE_JOIN || message->kind == MESSAGE_REBASE;
	uint64_t length_max = membership ? MEMBERSHIP_BYTES_MAX + 1 : 300;

	message->entry_count = membership ? 1 : random_u64() % 64;
	message->entries = random_entries;
	for (uint32_t i = 0; i < message->entry_count; i++)
	{
		random_entries[i].ballot = i > 0 && random_u64() % 4 ? random_entries[i - 1].ballot
															 : random_ballot();
		random_entries[i].length = random_u64() % 4 ? random_u64() % length_max : 0;
		random_entries[i].payload = payload_bytes + random_u64() % 3000;
	}
}

/* A message of the kind with random contents in every field that the kind may carry. */
static void
random_message(Message *message, MessageKind kind)
{
	memset(message, 0, sizeof(*message));
	message->kind = kind;
	message->from = 1;
	message->to = 2;
	message->ok = random_u64() & 1;
	if (kind == MESSAGE_HEARTBEAT)
	{
		random_heartbeat(&message->heartbeat);
		return;
	}
	message->group = 1 + random_number();
	message->generation = random_number();
	message->from_since = random_number();
	message->to_since = random_number();
	message->ballot = random_ballot();
	message->promised = random_ballot();
	message->released = random_ballot();
	message->grant_number = random_number();
	message->target = random_u64() % (CORE_NODES_MAX + 1);
	message->prev_lsn = random_number();
	message->prev_ballot = random_ballot();
	message->commit_lsn = random_number();
	message->lsn = random_number();
	if (kind == MESSAGE_PROMISE || kind == MESSAGE_ACCEPTED)
		random_outline(&message->outline);
	if (kind == MESSAGE_ACCEPT || kind == MESSAGE_ENTRIES || kind == MESSAGE_JOIN ||
		kind == MESSAGE_REBASE)
		random_carried_entries(message);
}

static bool
ballots_equal(Ballot a, Ballot b)
{
	return a.round == b.round && a.node == b.node;
}

static bool
lives_equal(const LogLife *a, const LogLife *b)
{
	return a->start_counter == b->start_counter && a->id == b->id && a->place == b->place;
}

static bool
heartbeats_equal(const Heartbeat *a, const Heartbeat *b)
{
	if (a->life_count != b->life_count || a->reaches != b->reaches ||
		a->log_synced != b->log_synced || !lives_equal(&a->heard, &b->heard))
		return false;
	for (uint32_t i = 0; i < a->life_count; i++)
		if (!lives_equal(&a->lives[i], &b->lives[i]))
			return false;
	return a->start_counter == b->start_counter && a->sent_us == b->sent_us &&
		   a->echo_us == b->echo_us && a->echo_start_counter == b->echo_start_counter &&
		   a->sync_age_us == b->sync_age_us && a->wants_grant == b->wants_grant &&
		   a->shares_groups == b->shares_groups && a->grant_number == b->grant_number &&
		   a->grant_echo_us == b->grant_echo_us && a->grant_us == b->grant_us;
}

static bool
outlines_equal(const LogOutline *a, const LogOutline *b)
{
	if (a->base_lsn != b->base_lsn || !ballots_equal(a->base_ballot, b->base_ballot) ||
		a->last_lsn != b->last_lsn || !ballots_equal(a->last_ballot, b->last_ballot) ||
		a->run_count != b->run_count)
		return false;
	for (uint32_t i = 0; i < a->run_count; i++)
		if (!ballots_equal(a->runs[i].ballot, b->runs[i].ballot) ||
			a->runs[i].first_lsn != b->runs[i].first_lsn)
			return false;
	return true;
}

static bool
entries_equal(const Message *a, const Message *b)
{
	if (a->entry_count != b->entry_count)
		return false;
	for (uint32_t i = 0; i < a->entry_count; i++)
		if (!ballots_equal(a->entries[i].ballot, b->entries[i].ballot) ||
			a->entries[i].length != b->entries[i].length ||
			memcmp(a->entries[i].payload, b->entries[i].payload, a->entries[i].length) != 0)
			return false;
	return true;
}

static bool
messages_equal(const Message *a, const Message *b)
{
	return a->kind == b->kind && a->from == b->from && a->to == b->to && a->group == b->group &&
		   a->generation == b->generation && a->from_since == b->from_since &&
		   a->to_since == b->to_since && ballots_equal(a->ballot, b->ballot) && a->ok == b->ok &&
		   ballots_equal(a->promised, b->promised) && ballots_equal(a->released, b->released) &&
		   a->grant_number == b->grant_number && a->target == b->target &&
		   outlines_equal(&a->outline, &b->outline) && a->prev_lsn == b->prev_lsn &&
		   ballots_equal(a->prev_ballot, b->prev_ballot) && a->commit_lsn == b->commit_lsn &&
		   a->lsn == b->lsn && entries_equal(a, b) &&
		   heartbeats_equal(&a->heartbeat, &b->heartbeat);
}

/* A frame with one message; the builder's bytes. */
static const uint8_t *
frame_of(FrameBuilder *builder, const Message *message, size_t *length)
{
	frame_begin(builder, cluster_id, 1, 2, 77, 1 << 20);
	if (!frame_add_message(builder, message))
		return NULL;
	return frame_finish(builder, length);
}

/* The frame again, built from what was decoded of it. */
static const uint8_t *
encode_again(FrameBuilder *builder, const Frame *frame, size_t *length)
{
	frame_begin(builder, frame->cluster_id, frame->from, frame->to, frame->start_counter,
				FRAME_BYTES_MAX);
	for (uint32_t i = 0; i < frame->message_count; i++)
		if (!frame_add_message(builder, &frame->messages[i]))
			return NULL;
	return frame_finish(builder, length);
}

static bool
survives_round_trip(MessageKind kind, WireArena *arena)
{
	static FrameBuilder builder, again;
	Message message;
	Frame frame;
	size_t length, length_again;
	const uint8_t *bytes, *bytes_again;

	random_message(&message, kind);
	wire_arena_reset(arena);
	bytes = frame_of(&builder, &message, &length);
	if (!bytes || frame_decode(bytes, length, arena, &frame) != FRAME_OK ||
		frame.message_count != 1 || frame.start_counter != 77 ||
		memcmp(frame.cluster_id, cluster_id, sizeof(cluster_id)) != 0 ||
		!messages_equal(&message, &frame.messages[0]))
		return false;
	bytes_again = encode_again(&again, &frame, &length_again);
	return bytes_again && length == length_again && memcmp(bytes, bytes_again, length) == 0;
}

static void
test_round_trips(WireArena *arena)
{
	for (uint32_t kind = MESSAGE_HEARTBEAT; kind <= MESSAGE_KIND_LAST; kind++)
	{
		bool good = true;

		for (int i = 0; i < 500 && good; i++)
			good = survives_round_trip((MessageKind) kind, arena);
		TAP_OK(good, "500 random messages of kind %u survive and encode to the same bytes", kind);
	}
}

static void
test_zero_copy(WireArena *arena)
{
	FrameBuilder builder = {0};
	Message message;
	Frame frame;
	size_t length;
	const uint8_t *bytes;
	const uint8_t *payload;

	random_message(&message, MESSAGE_ACCEPT);
	message.entry_count = 1;
	random_entries[0].length = 100;
	random_entries[0].payload = payload_bytes;
	bytes = frame_of(&builder, &message, &length);
	wire_arena_reset(arena);
	TAP_IS_INT(frame_decode(bytes, length, arena, &frame), FRAME_OK, "the frame is decoded");
	payload = frame.messages[0].entries[0].payload;
	TAP_OK(payload > bytes && payload + 100 == bytes + length, "payloads stay in the frame");
	frame_builder_free(&builder);
}

/* Adds messages until the frame is full; returns how many went in. */
static uint32_t
fill_frame(FrameBuilder *builder, const Message *message, size_t bytes_max)
{
	uint32_t count = 0;

	frame_begin(builder, cluster_id, 1, 2, 77, bytes_max);
	while (frame_add_message(builder, message))
		count++;
	return count;
}

static void
test_bounds_of_building(WireArena *arena)
{
	FrameBuilder builder = {0};
	Message message;
	Entry entry = {{3, 1}, ENTRY_BYTES_MAX, NULL};
	void *payload = calloc(1, ENTRY_BYTES_MAX);
	Frame frame;
	const uint8_t *bytes;
	size_t length;
	uint32_t count;

	memset(&message, 0, sizeof(message));
	message.kind = MESSAGE_ACCEPT;
	message.from = 1;
	message.to = 2;
	message.group = 9;
	message.entry_count = 1;
	message.entries = &entry;
	entry.payload = payload;
	TAP_IS_INT(fill_frame(&builder, &message, 4096), 1, "one large entry goes into a small frame");
	bytes = frame_finish(&builder, &length);
	wire_arena_reset(arena);
	TAP_IS_INT(frame_decode(bytes, length, arena, &frame), FRAME_OK, "and is decoded");
	entry.length = 1000;
	count = fill_frame(&builder, &message, 4096);
	bytes = frame_finish(&builder, &length);
	wire_arena_reset(arena);
	TAP_OK(count == 3 && length <= 4096, "a frame keeps below its limit");
	TAP_OK(frame_decode(bytes, length, arena, &frame) == FRAME_OK && frame.message_count == count,
		   "all its messages are decoded");
	message.entry_count = 0;
	TAP_IS_INT(fill_frame(&builder, &message, FRAME_BYTES_MAX), FRAME_MESSAGES_MAX,
			   "the number of messages is bounded");
	bytes = frame_finish(&builder, &length);
	wire_arena_reset(arena);
	TAP_OK(frame_decode(bytes, length, arena, &frame) == FRAME_OK &&
			   frame.message_count == FRAME_MESSAGES_MAX,
		   "the fullest frame is decoded");
	frame_builder_free(&builder);
	free(payload);
}

/* Makes the checksum right again, so that a change reaches the code behind it. */
static void
seal(uint8_t *bytes, size_t length)
{
	uint32_t crc = crc32c_extend(crc32c_extend(0, bytes, 16), bytes + 20, length - 20);

	for (int i = 0; i < 4; i++)
		bytes[16 + i] = (uint8_t) (crc >> (8 * i));
}

static FrameStatus
decode_changed(const uint8_t *bytes, size_t length, size_t at, uint8_t value, bool sealed,
			   WireArena *arena)
{
	/* Exactly as long as the frame, so that the sanitizer sees a read beyond its end. */
	uint8_t *copy = malloc(length);
	Frame frame;
	FrameStatus status;

	memcpy(copy, bytes, length);
	copy[at] = value;
	if (sealed)
		seal(copy, length);
	wire_arena_reset(arena);
	status = frame_decode(copy, length, arena, &frame);
	free(copy);
	return status;
}

static void
test_header_refusals(WireArena *arena)
{
	FrameBuilder builder = {0};
	Message message;
	const uint8_t *bytes;
	size_t length;

	random_message(&message, MESSAGE_PREPARE);
	bytes = frame_of(&builder, &message, &length);
	TAP_IS_INT(decode_changed(bytes, length, 0, 'q', true, arena), FRAME_MALFORMED, "wrong magic");
	TAP_IS_INT(decode_changed(bytes, length, 4, 2, true, arena), FRAME_VERSION_UNKNOWN,
			   "unknown version");
	TAP_IS_INT(decode_changed(bytes, length, 6, 0, true, arena), FRAME_MALFORMED, "no sender");
	TAP_IS_INT(decode_changed(bytes, length, 8, 65, true, arena), FRAME_MALFORMED,
			   "receiver beyond the largest node id");
	TAP_IS_INT(decode_changed(bytes, length, 8, 1, true, arena), FRAME_MALFORMED,
			   "a frame to its sender");
	TAP_IS_INT(decode_changed(bytes, length, 10, 1, true, arena), FRAME_MALFORMED,
			   "the reserved bytes are not zero");
	TAP_IS_INT(decode_changed(bytes, length, 20, 2, true, arena), FRAME_MALFORMED,
			   "more messages announced than there are");
	TAP_IS_INT(decode_changed(bytes, length, 20, 0, true, arena), FRAME_MALFORMED,
			   "fewer messages announced than there are");
	TAP_IS_INT(decode_changed(bytes, length, length - 1, bytes[length - 1] ^ 1, false, arena),
			   FRAME_CHECKSUM, "a changed bit");
	TAP_OK(strcmp(frame_status_text(FRAME_CHECKSUM), "wrong checksum") == 0, "a status has a text");
	frame_builder_free(&builder);
}

static FrameStatus
status_of(const Message *message, WireArena *arena)
{
	static FrameBuilder builder;
	Frame frame;
	size_t length;
	const uint8_t *bytes = frame_of(&builder, message, &length);

	wire_arena_reset(arena);
	return frame_decode(bytes, length, arena, &frame);
}

static void
test_message_refusals(WireArena *arena)
{
	Message message;
	Message good;
	BallotRun run = {{1, CORE_NODES_MAX + 1}, 1};
	Entry entry = {{1, 1}, 1, "x"};

	random_message(&good, MESSAGE_PREPARE);
	TAP_IS_INT(status_of(&good, arena), FRAME_OK, "a good message");
	message = good;
	message.kind = MESSAGE_KIND_LAST + 1;
	TAP_IS_INT(status_of(&message, arena), FRAME_KIND_UNKNOWN, "an unknown kind");
	message = good;
	message.ballot.node = CORE_NODES_MAX + 1;
	TAP_IS_INT(status_of(&message, arena), FRAME_MALFORMED, "a ballot of an impossible node");
	message = good;
	message.group = 0;
	TAP_IS_INT(status_of(&message, arena), FRAME_MALFORMED, "no group");
	message = good;
	message.target = CORE_NODES_MAX + 1;
	TAP_IS_INT(status_of(&message, arena), FRAME_MALFORMED, "an impossible target");
	message = good;
	message.prev_lsn = UINT64_MAX;
	TAP_IS_INT(status_of(&message, arena), FRAME_MALFORMED, "an LSN without successors");
	message = good;
	message.outline.run_count = 1;
	message.outline.runs = &run;
	TAP_IS_INT(status_of(&message, arena), FRAME_MALFORMED, "a run of an impossible node");
	message = good;
	message.entry_count = 1;
	message.entries = &entry;
	TAP_IS_INT(status_of(&message, arena), FRAME_MALFORMED, "a PREPARE with entries");
	message = good;
	message.kind = MESSAGE_HEARTBEAT;
	TAP_IS_INT(status_of(&message, arena), FRAME_MALFORMED, "a heartbeat of a group");
	random_message(&message, MESSAGE_HEARTBEAT);
	message.heartbeat.grant_us = -1;
	TAP_IS_INT(status_of(&message, arena), FRAME_MALFORMED, "a grant of negative length");
}

/* A JOIN or REBASE carries one membership, no more and no other thing. */
static void
test_membership_refusals(WireArena *arena)
{
	static const MessageKind kinds[] = {MESSAGE_JOIN, MESSAGE_REBASE};
	Entry entries[2] = {{{1, 1}, MEMBERSHIP_BYTES_MAX, payload_bytes}, {{1, 1}, 1, "x"}};

	for (int i = 0; i < 2; i++)
	{
		Message message;

		random_message(&message, kinds[i]);
		message.entries = entries;
		message.entry_count = 1;
		entries[0].length = MEMBERSHIP_BYTES_MAX;
		TAP_IS_INT(status_of(&message, arena), FRAME_OK, "the longest membership");
		entries[0].length++;
		TAP_IS_INT(status_of(&message, arena), FRAME_MALFORMED, "one that is too long");
		entries[0].length = 10;
		message.entry_count = 2;
		TAP_IS_INT(status_of(&message, arena), FRAME_MALFORMED, "two memberships");
		message.entry_count = 0;
		TAP_IS_INT(status_of(&message, arena), FRAME_MALFORMED, "no membership");
	}
}

/* Every byte takes other values, once caught by the checksum and once past it. */
static void
test_mutations(WireArena *arena)
{
	FrameBuilder builder = {0};
	uint32_t caught = 0, tried = 0;

	for (uint32_t kind = MESSAGE_HEARTBEAT; kind <= MESSAGE_KIND_LAST; kind++)
	{
		Message message;
		size_t length;
		const uint8_t *bytes;

		random_message(&message, (MessageKind) kind);
		bytes = frame_of(&builder, &message, &length);
		for (size_t at = 0; at < length; at++)
		{
			uint8_t value = bytes[at] ^ (uint8_t) (1 + random_u64() % 255);

			tried++;
			caught += decode_changed(bytes, length, at, value, false, arena) != FRAME_OK;
			decode_changed(bytes, length, at, value, true, arena);
		}
	}
	TAP_IS_INT(caught, tried, "every changed byte is refused");
	frame_builder_free(&builder);
}

/* Frames that end early, in a buffer that ends there too. */
static void
test_truncations(WireArena *arena)
{
	FrameBuilder builder = {0};
	Message message;
	size_t length;
	const uint8_t *bytes;
	bool refused = true;

	random_message(&message, MESSAGE_ACCEPT);
	bytes = frame_of(&builder, &message, &length);
	for (size_t cut = 0; cut < length; cut++)
	{
		uint8_t *copy = malloc(cut + 1);
		Frame frame;

		memcpy(copy, bytes, cut);
		if (cut >= FRAME_HEADER_BYTES)
		{
			for (int i = 0; i < 4; i++)
				copy[12 + i] = (uint8_t) (cut >> (8 * i));
			seal(copy, cut);
		}
		wire_arena_reset(arena);
		refused = refused && frame_decode(copy, cut, arena, &frame) != FRAME_OK;
		free(copy);
	}
	TAP_OK(refused, "a frame that was cut anywhere is refused, even with a right checksum");
	frame_builder_free(&builder);
}

int
main(void)
{
	WireArena arena;

	for (size_t i = 0; i < sizeof(payload_bytes); i++)
		payload_bytes[i] = (uint8_t) random_u64();
	wire_arena_init(&arena, NULL, 0, FRAME_ARENA_BYTES_MAX);
	test_round_trips(&arena);
	test_zero_copy(&arena);
	test_bounds_of_building(&arena);
	test_header_refusals(&arena);
	test_message_refusals(&arena);
	test_membership_refusals(&arena);
	test_mutations(&arena);
	test_truncations(&arena);
	wire_arena_free(&arena);
	return tap_done();
}

/*
 * fuzz_frame.c
 *		The reader of peer frames under damaged frames.
 */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "core/core_assert.h"
#include "core/membership.h"
#include "log/crc32c.h"
#include "wire/entry.h"
#include "wire/frame.h"

#define ENTRIES 5
#define RUNS 3

static Ballot
random_ballot(void)
{
	return (Ballot){fuzz_random() >> (fuzz_random() % 64), (NodeId) (fuzz_random() % 4)};
}

static bool
carries_membership(const Message *message)
{
	return message->kind == MESSAGE_JOIN || message->kind == MESSAGE_REBASE;
}

static void
random_message(Message *message, Entry *entries, BallotRun *runs)
{
	static const uint8_t payload[64];

	*message = (Message){.kind = (MessageKind) (1 + fuzz_random() % MESSAGE_KIND_LAST),
						 .from = 1,
						 .to = 2,
						 .ok = true};
	message->heartbeat.sent_us = (TimeUs) (fuzz_random() >> 20);
	message->heartbeat.grant_us = 1000000;
	message->heartbeat.shares_groups = fuzz_random() & 1;
	message->heartbeat.heard = (LogLife){fuzz_random() % 3, fuzz_random(), fuzz_random()};
	if (message->kind == MESSAGE_HEARTBEAT)
		return;
	message->group = 1 + fuzz_random() % 100;
	message->from_since = fuzz_random() % 10;
	message->to_since = fuzz_random() % 10;
	message->ballot = random_ballot();
	message->prev_ballot = random_ballot();
	message->prev_lsn = fuzz_random() >> 20;
	message->commit_lsn = fuzz_random() >> 30;
	message->outline.run_count = (uint32_t) (fuzz_random() % (RUNS + 1));
	message->outline.runs = runs;
	for (int i = 0; i < RUNS; i++)
		runs[i] = (BallotRun){random_ballot(), (Lsn) i};
	if (message->kind != MESSAGE_ACCEPT && message->kind != MESSAGE_ENTRIES &&
		!carries_membership(message))
		return;
	message->entry_count = carries_membership(message) ? 1
													   : (uint32_t) (fuzz_random() % (ENTRIES + 1));
	message->entries = entries;
	for (int i = 0; i < ENTRIES; i++)
		entries[i] = (Entry){random_ballot(), (uint32_t) (fuzz_random() % sizeof(payload)),
							 payload};
}

size_t
fuzz_example(uint8_t *out)
{
	static FrameBuilder builder;
	const uint8_t *bytes;
	size_t length;

	frame_begin(&builder, (const uint8_t *) "0123456789abcdef", 1, 2, 3, FUZZ_BYTES_MAX);
	for (uint64_t count = fuzz_random() % 4; count > 0; count--)
	{
		Message message;
		Entry entries[ENTRIES];
		BallotRun runs[RUNS];

		random_message(&message, entries, runs);
		CORE_ASSERT(frame_add_message(&builder, &message));
	}
	bytes = frame_finish(&builder, &length);
	memcpy(out, bytes, length);
	return length;
}

/* The length and the checksum (docs/formats.md). */
void
fuzz_mend(uint8_t *bytes, size_t length)
{
	uint32_t crc;

	if (length < FRAME_HEADER_BYTES)
		return;
	for (int i = 0; i < 4; i++)
		bytes[12 + i] = (uint8_t) (length >> (8 * i));
	crc = crc32c_extend(crc32c_extend(0, bytes, 16), bytes + 20, length - 20);
	for (int i = 0; i < 4; i++)
		bytes[16 + i] = (uint8_t) (crc >> (8 * i));
}

/* What frame_decode promises about a message that it took. */
static void
check_message(const Message *message, const uint8_t *bytes, size_t length)
{
	CORE_ASSERT(message->kind >= MESSAGE_HEARTBEAT && message->kind <= MESSAGE_KIND_LAST);
	CORE_ASSERT(message->ballot.node <= CORE_NODES_MAX && message->target <= CORE_NODES_MAX);
	CORE_ASSERT(message->outline.run_count <= MESSAGE_RUNS_MAX);
	CORE_ASSERT(message->entry_count <= MESSAGE_ENTRIES_MAX);
	CORE_ASSERT(!carries_membership(message) || message->entry_count == 1);
	for (uint32_t i = 0; i < message->entry_count; i++)
	{
		const uint8_t *payload = message->entries[i].payload;

		CORE_ASSERT(message->entries[i].length <=
					(carries_membership(message) ? MEMBERSHIP_BYTES_MAX : ENTRY_BYTES_MAX));
		CORE_ASSERT(payload >= bytes && payload + message->entries[i].length <= bytes + length);
	}
}

int
fuzz_one(const uint8_t *bytes, size_t length)
{
	WireArena arena;
	Frame frame;
	FrameStatus status;

	wire_arena_init(&arena, NULL, 0, FRAME_ARENA_BYTES_MAX);
	status = frame_decode(bytes, length, &arena, &frame);
	if (status == FRAME_OK)
		for (uint32_t i = 0; i < frame.message_count; i++)
			check_message(&frame.messages[i], bytes, length);
	wire_arena_free(&arena);
	return status == FRAME_OK;
}

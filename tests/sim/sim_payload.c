/*
 * sim_payload.c
 *		See sim_payload.h.
 */
#include "sim/sim_payload.h"

#include <string.h>

#include "sim/check_members.h"
#include "sim/sim_random.h"

/* Words of the head, in this order; the padding after them is a function of the operation. */
typedef struct Head
{
	uint64_t marker;
	uint64_t operation;
	uint64_t place; /* group and key */
	uint64_t chain_before;
	uint64_t length;
	uint64_t digest; /* of the words before */
} Head;

_Static_assert(sizeof(Head) == SIM_PAYLOAD_HEAD_BYTES, "the head has no padding");

/* No other bytes of a log are likely to look like this. */
#define MARKER UINT64_C(0x51f6d1c3a9e8b742)

static bool
head_is_whole(const Head *head)
{
	return head->marker == MARKER &&
		   head->digest == sim_digest(head, sizeof(Head) - sizeof(uint64_t));
}

void
sim_payload_write(const SimPayload *payload, uint8_t *out, uint32_t length)
{
	Head head = {
		.marker = MARKER,
		.operation = payload->operation,
		.place = (uint64_t) payload->group << 32 | payload->key,
		.chain_before = payload->chain_before,
		.length = length,
	};

	head.digest = sim_digest(&head, sizeof(Head) - sizeof(uint64_t));
	memcpy(out, &head, sizeof(Head));
	memset(out + sizeof(Head), (int) (payload->operation % 251), length - sizeof(Head));
}

bool
sim_payload_read(const void *bytes, uint32_t length, SimPayload *payload)
{
	const uint8_t *padding = (const uint8_t *) bytes + sizeof(Head);
	Head head;

	if (length < sizeof(Head))
		return false;
	memcpy(&head, bytes, sizeof(Head));
	if (!head_is_whole(&head) || head.length != length)
		return false;
	/* The first byte of the padding is right, and each is equal to the one before it. */
	length -= sizeof(Head);
	if (length > 0 && (padding[0] != (uint8_t) (head.operation % 251) ||
					   memcmp(padding, padding + 1, length - 1) != 0))
		return false;
	*payload = (SimPayload){
		.operation = head.operation,
		.group = (uint32_t) (head.place >> 32),
		.key = (uint32_t) head.place,
		.chain_before = head.chain_before,
	};
	return true;
}

/* memmem, but faster where the needle is short and its first byte is not frequent. */
static const uint8_t *
find_bytes(const uint8_t *bytes, const uint8_t *end, const void *needle, size_t length)
{
	const uint8_t *last = end - length;

	while (bytes <= last)
	{
		bytes = memchr(bytes, *(const uint8_t *) needle, (size_t) (last - bytes) + 1);
		if (!bytes || memcmp(bytes, needle, length) == 0)
			return bytes;
		bytes++;
	}
	return NULL;
}

static void
search_operations(const uint8_t *bytes, const uint8_t *end, const SimPayloadFound *found)
{
	const uint64_t marker = MARKER;

	while ((bytes = find_bytes(bytes, end, &marker, sizeof(marker))) != NULL)
	{
		Head head;

		if ((size_t) (end - bytes) < sizeof(Head))
			return;
		memcpy(&head, bytes, sizeof(Head));
		if (head_is_whole(&head))
			found->operation(found->context, head.operation);
		bytes += sizeof(marker);
	}
}

/* Offsets of a record in a log file (docs/formats.md). */
#define RECORD_HEAD_BYTES 44
#define RECORD_LENGTH 4
#define RECORD_KIND 16
#define RECORD_GROUP 20
#define RECORD_KIND_ENTRY 1

/* A membership at `bytes` that is the payload of an entry: other records hold memberships, too. */
static void
find_membership(const uint8_t *bytes, size_t length, const SimPayloadFound *found)
{
	const uint8_t *record = bytes - RECORD_HEAD_BYTES;
	size_t taken = check_membership_length(bytes, length);
	uint32_t record_length;
	GroupId group;

	memcpy(&record_length, record + RECORD_LENGTH, sizeof(record_length));
	memcpy(&group, record + RECORD_GROUP, sizeof(group));
	if (taken > 0 && record_length == RECORD_HEAD_BYTES + taken &&
		record[RECORD_KIND] == RECORD_KIND_ENTRY)
		found->membership(found->context, group, bytes, taken);
}

static void
search_memberships(const uint8_t *bytes, const uint8_t *end, const SimPayloadFound *found)
{
	const uint8_t *next = bytes;

	while ((next = find_bytes(next, end, "QMBR", 4)) != NULL)
	{
		if (next - bytes >= RECORD_HEAD_BYTES)
			find_membership(next, (size_t) (end - next), found);
		next += 4;
	}
}

void
sim_payload_search(const uint8_t *bytes, size_t length, const SimPayloadFound *found)
{
	search_operations(bytes, bytes + length, found);
	search_memberships(bytes, bytes + length, found);
}

uint64_t
sim_chain(uint64_t chain, Ballot ballot, const void *payload, uint32_t length)
{
	uint64_t entry = sim_mix(sim_mix(ballot.round, ballot.node), sim_digest(payload, length));

	return sim_mix(chain, entry);
}

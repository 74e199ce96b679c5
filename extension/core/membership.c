/*
 * membership.c
 *		Who belongs to a group; see membership.h.  Pure.
 */
#include "core/membership.h"

#include <string.h>

#include "core/core_assert.h"

#define MEMBERSHIP_VERSION 1
#define MEMBERSHIP_HEADER_BYTES (MEMBERSHIP_MAGIC_BYTES + 10)
#define MEMBERSHIP_MEMBER_BYTES 12

#define MEMBERSHIPS_VERSION 1
#define MEMBERSHIPS_ITEM_BYTES 20

bool
member_counts(const Member *member)
{
	return member->kind == MEMBER_STORAGE || member->kind == MEMBER_LOG ||
		   member->half == HALF_OUTGOING;
}

bool
member_may_lead(const Member *member)
{
	return member->kind == MEMBER_STORAGE && member->half != HALF_OUTGOING;
}

uint32_t
membership_find(const Membership *membership, NodeId node)
{
	uint32_t i;

	CORE_ASSERT(membership->member_count <= CORE_MEMBERS_MAX);
	for (i = 0; i < membership->member_count; i++)
	{
		if (membership->members[i].node == node)
			return i;
	}
	return MEMBER_NONE;
}

uint64_t
membership_since(const Membership *membership, NodeId node)
{
	uint32_t index = membership_find(membership, node);

	return index == MEMBER_NONE ? 0 : membership->members[index].since;
}

bool
membership_is_joint(const Membership *membership)
{
	uint32_t i;

	for (i = 0; i < membership->member_count; i++)
	{
		if (membership->members[i].half != HALF_BOTH)
			return true;
	}
	return false;
}

static bool
member_is_valid(const Member *member)
{
	return member->node > 0 && member->node <= CORE_NODES_MAX && member->kind >= MEMBER_STORAGE &&
		   member->kind <= MEMBER_LEARNER && member->half >= HALF_BOTH &&
		   member->half <= HALF_INCOMING &&
		   (member->half != HALF_INCOMING || member->kind != MEMBER_LEARNER);
}

bool
membership_is_valid(const Membership *membership)
{
	bool someone_may_lead = false;
	uint32_t i;

	if (membership->member_count == 0 || membership->member_count > CORE_MEMBERS_MAX)
		return false;
	for (i = 0; i < membership->member_count; i++)
	{
		const Member *member = &membership->members[i];

		if (!member_is_valid(member) || membership_find(membership, member->node) != i)
			return false;
		someone_may_lead = someone_may_lead || member_may_lead(member);
	}
	return someone_may_lead;
}

/* ---- changes ---- */

/* The member that `wanted` makes of a node that is, or is not (NULL), a member at present. */
static Member
member_of_next(const Member *present, const Member *wanted, uint64_t generation)
{
	Member next = {.node = wanted->node, .kind = wanted->kind, .half = HALF_BOTH};

	next.since = present ? present->since : generation;
	if (member_counts(wanted) && (!present || !member_counts(present)))
		next.half = HALF_INCOMING;
	else if (!member_counts(wanted) && present && member_counts(present))
		next.half = HALF_OUTGOING; /* it goes on as a learner */
	return next;
}

bool
membership_begin_change(const Membership *present, const Membership *wanted, Membership *next)
{
	Membership made = {.generation = present->generation + 1};
	bool changes = false;
	uint32_t i;

	if (!membership_is_valid(present) || !membership_is_valid(wanted) ||
		membership_is_joint(present) || membership_is_joint(wanted))
		return false;
	for (i = 0; i < wanted->member_count; i++)
	{
		uint32_t at = membership_find(present, wanted->members[i].node);
		const Member *before = at == MEMBER_NONE ? NULL : &present->members[at];

		changes = changes || !before || before->kind != wanted->members[i].kind;
		made.members[made.member_count++] = member_of_next(before, &wanted->members[i],
														   made.generation);
	}
	for (i = 0; i < present->member_count; i++)
	{
		if (membership_find(wanted, present->members[i].node) != MEMBER_NONE)
			continue;
		changes = true;
		if (!member_counts(&present->members[i]))
			continue; /* a learner just goes */
		if (made.member_count == CORE_MEMBERS_MAX)
			return false;
		made.members[made.member_count] = present->members[i];
		made.members[made.member_count++].half = HALF_OUTGOING;
	}
	if (!changes)
		return false;
	*next = made;
	return true;
}

void
membership_end_change(const Membership *joint, Membership *final)
{
	uint32_t i;

	CORE_INVARIANT("I10", membership_is_joint(joint));
	memset(final, 0, sizeof(*final));
	final->generation = joint->generation + 1;
	for (i = 0; i < joint->member_count; i++)
	{
		if (joint->members[i].half == HALF_OUTGOING && joint->members[i].kind != MEMBER_LEARNER)
			continue;
		final->members[final->member_count] = joint->members[i];
		final->members[final->member_count++].half = HALF_BOTH;
	}
	CORE_INVARIANT("I10", membership_is_valid(final));
}

/* ---- bytes ---- */

static uint8_t *
put_number(uint8_t *bytes, uint64_t number, uint32_t width)
{
	uint32_t i;

	for (i = 0; i < width; i++)
		bytes[i] = (uint8_t) (number >> (8 * (width - 1 - i)));
	return bytes + width;
}

static uint64_t
get_number(const uint8_t *bytes, uint32_t width)
{
	uint64_t number = 0;
	uint32_t i;

	for (i = 0; i < width; i++)
		number = number << 8 | bytes[i];
	return number;
}

bool
membership_is_encoded(const void *bytes, size_t length)
{
	return length >= MEMBERSHIP_MAGIC_BYTES &&
		   memcmp(bytes, MEMBERSHIP_MAGIC, MEMBERSHIP_MAGIC_BYTES) == 0;
}

size_t
membership_encode(const Membership *membership, uint8_t *bytes)
{
	uint8_t *next = bytes + MEMBERSHIP_MAGIC_BYTES;
	uint32_t i;

	CORE_ASSERT(membership_is_valid(membership));
	memcpy(bytes, MEMBERSHIP_MAGIC, MEMBERSHIP_MAGIC_BYTES);
	next = put_number(next, MEMBERSHIP_VERSION, 1);
	next = put_number(next, membership->generation, 8);
	next = put_number(next, membership->member_count, 1);
	for (i = 0; i < membership->member_count; i++)
	{
		const Member *member = &membership->members[i];

		next = put_number(next, member->node, 2);
		next = put_number(next, member->kind, 1);
		next = put_number(next, member->half, 1);
		next = put_number(next, member->since, 8);
	}
	CORE_ASSERT((size_t) (next - bytes) <= MEMBERSHIP_BYTES_MAX);
	return (size_t) (next - bytes);
}

bool
membership_decode(const void *encoded, size_t length, Membership *membership)
{
	const uint8_t *bytes = encoded;
	const uint8_t *header = bytes + MEMBERSHIP_MAGIC_BYTES;
	uint32_t i;

	memset(membership, 0, sizeof(*membership));
	if (length < MEMBERSHIP_HEADER_BYTES || !membership_is_encoded(bytes, length) ||
		header[0] != MEMBERSHIP_VERSION || header[9] > CORE_MEMBERS_MAX ||
		length != MEMBERSHIP_HEADER_BYTES + (size_t) header[9] * MEMBERSHIP_MEMBER_BYTES)
		return false;
	membership->generation = get_number(header + 1, 8);
	membership->member_count = header[9];
	for (i = 0; i < membership->member_count; i++)
	{
		const uint8_t *member = bytes + MEMBERSHIP_HEADER_BYTES + i * MEMBERSHIP_MEMBER_BYTES;

		membership->members[i].node = (NodeId) get_number(member, 2);
		membership->members[i].kind = (MemberKind) member[2];
		membership->members[i].half = (MemberHalf) member[3];
		membership->members[i].since = get_number(member + 4, 8);
	}
	return membership_is_valid(membership);
}

size_t
memberships_encode(const MembershipAt *memberships, uint32_t count, uint8_t *bytes)
{
	uint8_t *next = bytes;
	uint32_t i;

	CORE_ASSERT(count > 0 && count <= MEMBERSHIPS_MAX);
	next = put_number(next, MEMBERSHIPS_VERSION, 1);
	next = put_number(next, count, 1);
	for (i = 0; i < count; i++)
	{
		size_t length = membership_encode(&memberships[i].membership,
										  next + MEMBERSHIPS_ITEM_BYTES);

		next = put_number(next, memberships[i].lsn, 8);
		next = put_number(next, memberships[i].ballot.round, 8);
		next = put_number(next, memberships[i].ballot.node, 2);
		next = put_number(next, length, 2) + length;
	}
	return (size_t) (next - bytes);
}

/* Reads one membership at `bytes`; the bytes that it takes, 0 if it is none. */
static size_t
membership_at_decode(const uint8_t *bytes, size_t length, MembershipAt *at)
{
	size_t encoded;

	if (length < MEMBERSHIPS_ITEM_BYTES)
		return 0;
	at->lsn = get_number(bytes, 8);
	at->ballot.round = get_number(bytes + 8, 8);
	at->ballot.node = (NodeId) get_number(bytes + 16, 2);
	encoded = get_number(bytes + 18, 2);
	if (encoded > length - MEMBERSHIPS_ITEM_BYTES ||
		!membership_decode(bytes + MEMBERSHIPS_ITEM_BYTES, encoded, &at->membership))
		return 0;
	return MEMBERSHIPS_ITEM_BYTES + encoded;
}

uint32_t
memberships_decode(const void *encoded, size_t length, MembershipAt memberships[MEMBERSHIPS_MAX])
{
	const uint8_t *bytes = encoded;
	uint32_t count;
	size_t at = 2;
	uint32_t i;

	if (length < 2 || bytes[0] != MEMBERSHIPS_VERSION)
		return 0;
	count = bytes[1];
	if (count == 0 || count > MEMBERSHIPS_MAX)
		return 0;
	for (i = 0; i < count; i++)
	{
		size_t used = membership_at_decode(bytes + at, length - at, &memberships[i]);

		if (used == 0)
			return 0;
		at += used;
	}
	return at == length ? count : 0;
}

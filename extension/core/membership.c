/*
 * membership.c
 *		Who belongs to a group; see membership.h.  Pure.
 */
#include "core/membership.h"

#include <string.h>

#include "core/core_assert.h"

#define MEMBERSHIP_VERSION 1
#define MEMBERSHIP_HEADER_BYTES 10
#define MEMBERSHIP_MEMBER_BYTES 3

bool
member_counts(const Member *member)
{
	return member->kind == MEMBER_STORAGE || member->kind == MEMBER_LOG;
}

bool
member_may_lead(const Member *member)
{
	return member->kind == MEMBER_STORAGE;
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

static bool
member_is_valid(const Member *member)
{
	return member->node > 0 && member->node <= CORE_NODES_MAX && member->kind >= MEMBER_STORAGE &&
		   member->kind <= MEMBER_LEARNER;
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

size_t
membership_encode(const Membership *membership, uint8_t *bytes)
{
	size_t length = 0;
	uint32_t i;

	CORE_ASSERT(membership_is_valid(membership));
	bytes[length++] = MEMBERSHIP_VERSION;
	for (i = 0; i < 8; i++)
		bytes[length++] = (uint8_t) (membership->generation >> (56 - 8 * i));
	bytes[length++] = (uint8_t) membership->member_count;
	for (i = 0; i < membership->member_count; i++)
	{
		bytes[length++] = (uint8_t) (membership->members[i].node >> 8);
		bytes[length++] = (uint8_t) membership->members[i].node;
		bytes[length++] = (uint8_t) membership->members[i].kind;
	}
	CORE_ASSERT(length <= MEMBERSHIP_BYTES_MAX);
	return length;
}

bool
membership_decode(const uint8_t *bytes, size_t length, Membership *membership)
{
	uint32_t i;

	memset(membership, 0, sizeof(*membership));
	if (length < MEMBERSHIP_HEADER_BYTES || bytes[0] != MEMBERSHIP_VERSION)
		return false;
	for (i = 0; i < 8; i++)
		membership->generation = membership->generation << 8 | bytes[1 + i];
	if (bytes[9] > CORE_MEMBERS_MAX ||
		length != MEMBERSHIP_HEADER_BYTES + (size_t) bytes[9] * MEMBERSHIP_MEMBER_BYTES)
		return false;
	membership->member_count = bytes[9];
	for (i = 0; i < membership->member_count; i++)
	{
		const uint8_t *member = bytes + MEMBERSHIP_HEADER_BYTES + i * MEMBERSHIP_MEMBER_BYTES;

		membership->members[i].node = (NodeId) (member[0] << 8 | member[1]);
		membership->members[i].kind = (MemberKind) member[2];
	}
	return membership_is_valid(membership);
}

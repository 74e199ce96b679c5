/*
 * check_membership.c
 *		One membership as the checkers read it; see check_members.h.
 *
 * The format is that of docs/formats.md: magic (4), version (1), generation (8), count (1), and for each member
 * node (2), kind (1), half (1) and since (8), numbers big-endian.
 */
#include "sim/check_members.h"

#include <string.h>

#define MAGIC "QMBR"
#define HEAD_BYTES 14
#define MEMBER_BYTES 12

static uint64_t
read_number(const uint8_t *bytes, uint32_t width)
{
	uint64_t number = 0;

	for (uint32_t i = 0; i < width; i++)
		number = number << 8 | bytes[i];
	return number;
}

bool
check_membership_is(const void *bytes, size_t length)
{
	return length >= 4 && memcmp(bytes, MAGIC, 4) == 0;
}

size_t
check_membership_length(const void *bytes, size_t length)
{
	const uint8_t *head = bytes;
	size_t wanted;

	if (length < HEAD_BYTES || !check_membership_is(bytes, length) || head[4] != 1 ||
		head[13] > CHECK_MEMBERS_MAX)
		return 0;
	wanted = HEAD_BYTES + (size_t) head[13] * MEMBER_BYTES;
	return wanted <= length ? wanted : 0;
}

bool
check_membership_read(const void *bytes, size_t length, CheckMembership *membership)
{
	const uint8_t *head = bytes;

	if (check_membership_length(bytes, length) != length || length == 0)
		return false;
	*membership = (CheckMembership){.generation = read_number(head + 5, 8), .count = head[13]};
	for (uint32_t i = 0; i < membership->count; i++)
	{
		const uint8_t *member = head + HEAD_BYTES + (size_t) i * MEMBER_BYTES;

		membership->members[i] = (CheckMember){
			.node = (uint32_t) read_number(member, 2),
			.kind = member[2],
			.half = member[3],
			.since = read_number(member + 4, 8),
		};
	}
	return true;
}

/* Does the member count in the half that stays when `other` is left out? */
static bool
counts_in(const CheckMember *member, uint32_t other)
{
	if (member->half == other)
		return false;
	return member->kind != CHECK_KIND_LEARNER || member->half == CHECK_HALF_OUTGOING;
}

static bool
is_half_reached(const CheckMembership *membership, uint32_t node_bits, uint32_t other)
{
	uint32_t counting = 0;
	uint32_t reached = 0;

	for (uint32_t i = 0; i < membership->count; i++)
	{
		const CheckMember *member = &membership->members[i];

		if (!counts_in(member, other))
			continue;
		counting++;
		reached += (node_bits >> (member->node - 1)) & 1;
	}
	return reached * 2 > counting;
}

bool
check_membership_quorum(const CheckMembership *membership, uint32_t node_bits)
{
	return is_half_reached(membership, node_bits, CHECK_HALF_INCOMING) &&
		   is_half_reached(membership, node_bits, CHECK_HALF_OUTGOING);
}

uint32_t
check_membership_counting(const CheckMembership *membership)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < membership->count; i++)
	{
		const CheckMember *member = &membership->members[i];

		if (counts_in(member, CHECK_HALF_INCOMING) || counts_in(member, CHECK_HALF_OUTGOING))
			bits |= 1u << (member->node - 1);
	}
	return bits;
}

bool
check_membership_is_joint(const CheckMembership *membership)
{
	for (uint32_t i = 0; i < membership->count; i++)
	{
		if (membership->members[i].half != CHECK_HALF_BOTH)
			return true;
	}
	return false;
}

const CheckMember *
check_membership_find(const CheckMembership *membership, uint32_t node)
{
	for (uint32_t i = 0; i < membership->count; i++)
	{
		if (membership->members[i].node == node)
			return &membership->members[i];
	}
	return NULL;
}

/* ---- one after the other ---- */

/* The joint generation is over: who counts is its new half. */
static const char *
breach_of_end(const CheckMembership *joint, const CheckMembership *final)
{
	uint32_t stayed = 0;

	if (check_membership_is_joint(final))
		return "a joint generation follows a joint one";
	for (uint32_t i = 0; i < joint->count; i++)
	{
		const CheckMember *before = &joint->members[i];
		const CheckMember *after = check_membership_find(final, before->node);
		bool leaves = before->half == CHECK_HALF_OUTGOING && before->kind != CHECK_KIND_LEARNER;

		if (leaves != (after == NULL))
			return "the final generation is not the joint one's new half";
		if (after && (after->kind != before->kind || after->since != before->since))
			return "a member changed as the joint generation ended";
		stayed += after != NULL;
	}
	return stayed == final->count ? NULL : "a member came as the joint generation ended";
}

/* What a member of the next generation does wrong. */
static const char *
breach_of_member(const CheckMembership *before, const CheckMembership *after,
				 const CheckMember *member)
{
	const CheckMember *was = check_membership_find(before, member->node);
	bool counted = was && was->kind != CHECK_KIND_LEARNER;
	bool counts = member->kind != CHECK_KIND_LEARNER;

	if (was ? member->since != was->since : member->since != after->generation)
		return "a member has the wrong beginning";
	if (member->half == CHECK_HALF_OUTGOING)
		return counted ? NULL : "a member leaves that did not count";
	if (member->half == CHECK_HALF_INCOMING)
		return !counted && counts ? NULL : "a member comes in that counted before";
	return counted == counts ? NULL : "a member counts or not without a joint generation";
}

/* A change begins. */
static const char *
breach_of_begin(const CheckMembership *before, const CheckMembership *after)
{
	for (uint32_t i = 0; i < after->count; i++)
	{
		const char *breach = breach_of_member(before, after, &after->members[i]);

		if (breach)
			return breach;
	}
	for (uint32_t i = 0; i < before->count; i++)
	{
		const CheckMember *member = &before->members[i];

		if (member->kind != CHECK_KIND_LEARNER && !check_membership_find(after, member->node))
			return "a counting member is gone without a joint generation";
	}
	return NULL;
}

const char *
check_membership_breach(const CheckMembership *before, const CheckMembership *after)
{
	if (after->generation != before->generation + 1)
		return "generations are skipped";
	return check_membership_is_joint(before) ? breach_of_end(before, after)
											 : breach_of_begin(before, after);
}

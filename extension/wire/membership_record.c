/*
 * membership_record.c
 *		Memberships as bytes; see membership_record.h.
 *
 * Fixed width, little-endian: version (2 bytes), number of members (2), generation (8), then node (2) and
 * kind (2) of each member.
 */
#include "wire/membership_record.h"

#include <string.h>

#include "core/core_assert.h"
#include "wire/bytes.h"

#define AT_VERSION 0
#define AT_COUNT 2
#define AT_GENERATION 4
#define AT_MEMBERS 12
#define MEMBER_BYTES 4

uint32_t
membership_record_pack(const Membership *membership, uint8_t *out)
{
	CORE_ASSERT(membership->member_count <= CORE_MEMBERS_MAX);
	wire_put_u16(out + AT_VERSION, MEMBERSHIP_RECORD_VERSION);
	wire_put_u16(out + AT_COUNT, (uint16_t) membership->member_count);
	wire_put_u64(out + AT_GENERATION, membership->generation);
	for (uint32_t i = 0; i < membership->member_count; i++)
	{
		uint8_t *member = out + AT_MEMBERS + i * MEMBER_BYTES;

		wire_put_u16(member, membership->members[i].node);
		wire_put_u16(member + 2, (uint16_t) membership->members[i].kind);
	}
	return AT_MEMBERS + membership->member_count * MEMBER_BYTES;
}

static bool
member_valid(const Member *member)
{
	return member->node >= 1 && member->node <= CORE_NODES_MAX && member->kind >= MEMBER_STORAGE &&
		   member->kind <= MEMBER_LEARNER;
}

bool
membership_record_unpack(const void *bytes, uint32_t length, Membership *membership)
{
	const uint8_t *record = bytes;

	if (length < AT_MEMBERS || wire_get_u16(record + AT_VERSION) != MEMBERSHIP_RECORD_VERSION)
		return false;
	memset(membership, 0, sizeof(*membership));
	membership->member_count = wire_get_u16(record + AT_COUNT);
	membership->generation = wire_get_u64(record + AT_GENERATION);
	if (membership->member_count > CORE_MEMBERS_MAX ||
		length != AT_MEMBERS + membership->member_count * MEMBER_BYTES)
		return false;
	for (uint32_t i = 0; i < membership->member_count; i++)
	{
		const uint8_t *member = record + AT_MEMBERS + i * MEMBER_BYTES;

		membership->members[i].node = wire_get_u16(member);
		membership->members[i].kind = (MemberKind) wire_get_u16(member + 2);
		if (!member_valid(&membership->members[i]))
			return false;
	}
	return true;
}

/*
 * quorum.c
 *		Majorities; see quorum.h.  Pure.
 */
#include "core/quorum.h"

#include "core/core_assert.h"
#include "core/membership.h"

/* Whether the set has a majority of the counting members that are not of the `other` half. */
static bool
half_reached(const Membership *membership, uint32_t members, MemberHalf other)
{
	uint32_t counting = 0;
	uint32_t reached = 0;
	uint32_t i;

	for (i = 0; i < membership->member_count; i++)
	{
		if (!member_counts(&membership->members[i]) || membership->members[i].half == other)
			continue;
		counting++;
		if (members & (1u << i))
			reached++;
	}
	CORE_ASSERT(counting > 0);
	return reached > counting / 2;
}

bool
quorum_reached(const Membership *membership, uint32_t members)
{
	CORE_ASSERT(membership->member_count > 0);
	CORE_ASSERT((members >> membership->member_count) == 0);
#ifdef MUTANT_QUORUM_OF_NEW_HALF
	return half_reached(membership, members, HALF_OUTGOING);
#endif
	return half_reached(membership, members, HALF_INCOMING) &&
		   half_reached(membership, members, HALF_OUTGOING);
}

uint64_t
quorum_highest(const Membership *membership, const uint64_t *reached)
{
	uint64_t highest = 0;
	uint32_t i;

	for (i = 0; i < membership->member_count; i++)
	{
		uint32_t members = 0;
		uint32_t k;

		for (k = 0; k < membership->member_count; k++)
		{
			if (reached[k] >= reached[i])
				members |= 1u << k;
		}
		if (reached[i] > highest && quorum_reached(membership, members))
			highest = reached[i];
	}
	return highest;
}

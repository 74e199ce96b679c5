/*
 * test_core_ballot.c
 *		Order of ballots, quorums, and memberships as bytes.
 */
#include "core/ballot.h"
#include "core/membership.h"
#include "core/quorum.h"
#include "tap.h"

static Membership
members(uint32_t storage, uint32_t logs, uint32_t learners)
{
	Membership membership = {.generation = 7};
	uint32_t i;

	membership.member_count = storage + logs + learners;
	for (i = 0; i < membership.member_count; i++)
	{
		membership.members[i].node = (NodeId) (i + 1);
		membership.members[i].kind = i < storage          ? MEMBER_STORAGE
									 : i < storage + logs ? MEMBER_LOG
														  : MEMBER_LEARNER;
	}
	return membership;
}

static void
test_order(void)
{
	static const Ballot rising[] = {{0, 0}, {1, 1}, {1, 2}, {1, 64}, {2, 1}, {UINT64_MAX, 1}};
	size_t i;
	size_t k;

	for (i = 0; i < 6; i++)
		for (k = 0; k < 6; k++)
		{
			int order = ballot_compare(rising[i], rising[k]);

			TAP_IS_INT((order > 0) - (order < 0), (i > k) - (i < k), "order of two ballots");
		}
	TAP_OK(ballot_is_zero(rising[0]) && !ballot_is_zero(rising[1]), "only 0.0 is none");
	TAP_OK(!ballot_equal(rising[1], rising[2]), "equal rounds of two nodes are two ballots");
}

static void
test_plausible(void)
{
	Ballot promised = {5, 1};

	TAP_OK(ballot_is_plausible((Ballot){4, 2}, promised), "a lower round may be late");
	TAP_OK(ballot_is_plausible((Ballot){5 + BALLOT_ROUND_JUMP_MAX, 2}, promised),
		   "the highest jump");
	TAP_OK(!ballot_is_plausible((Ballot){6 + BALLOT_ROUND_JUMP_MAX, 2}, promised), "one above it");
	TAP_OK(!ballot_is_plausible((Ballot){UINT64_MAX, 2}, promised), "the highest round");
	TAP_OK(!ballot_is_plausible((Ballot){6, 0}, promised), "no node");
	TAP_OK(!ballot_is_plausible((Ballot){6, CORE_NODES_MAX + 1}, promised), "no such node");
	TAP_OK(!ballot_is_plausible((Ballot){0, 1}, promised), "no round");
}

/* Every subset of one to seven members: a quorum is more than half of those that count. */
static void
test_quorum_is_majority(void)
{
	uint32_t count;
	bool right = true;

	for (count = 1; count <= CORE_MEMBERS_MAX; count++)
	{
		Membership membership = members(count, 0, 0);
		uint32_t subset;

		for (subset = 0; subset < (1u << count); subset++)
			right = right && quorum_reached(&membership, subset) ==
								 ((uint32_t) __builtin_popcount(subset) * 2 > count);
	}
	TAP_OK(right, "a quorum is a majority, for one to seven members");
}

static void
test_quorum_kinds(void)
{
	Membership membership = members(2, 1, 2);

	TAP_OK(quorum_reached(&membership, 1u << 0 | 1u << 2), "a log replica counts");
	TAP_OK(!quorum_reached(&membership, 1u << 0 | 1u << 3 | 1u << 4), "learners do not count");
}

static void
test_quorum_highest(void)
{
	Membership three = members(3, 0, 0);
	Membership one = members(1, 0, 0);
	Membership learner = members(2, 1, 1);

	TAP_IS_INT(quorum_highest(&three, (uint64_t[]){9, 5, 7}), 7, "two of three have 7");
	TAP_IS_INT(quorum_highest(&three, (uint64_t[]){9, 0, 0}), 0, "one of three is none");
	TAP_IS_INT(quorum_highest(&three, (uint64_t[]){4, 4, 4}), 4, "all equal");
	TAP_IS_INT(quorum_highest(&one, (uint64_t[]){3}), 3, "one of one");
	TAP_IS_INT(quorum_highest(&learner, (uint64_t[]){2, 1, 1, 99}), 1, "a learner lifts nothing");
}

static void
test_membership_bytes(void)
{
	Membership membership = members(2, 1, 1);
	Membership decoded;
	uint8_t bytes[MEMBERSHIP_BYTES_MAX];
	size_t length;
	size_t cut;

	membership.generation = 0x0102030405060708;
	length = membership_encode(&membership, bytes);
	TAP_OK(membership_decode(bytes, length, &decoded), "what was encoded decodes");
	TAP_IS_INT(decoded.generation, membership.generation, "the generation");
	TAP_IS_INT(decoded.member_count, 4, "the number of members");
	TAP_IS_INT(decoded.members[2].kind, MEMBER_LOG, "a kind");
	TAP_IS_INT(decoded.members[3].node, 4, "a node");
	for (cut = 0; cut < length; cut++)
		if (membership_decode(bytes, cut, &decoded))
			break;
	TAP_IS_INT(cut, length, "nothing shorter decodes");
	bytes[0]++;
	TAP_OK(!membership_decode(bytes, length, &decoded), "another version does not decode");
	bytes[0]--;
	bytes[MEMBERSHIP_MAGIC_BYTES + 11] = 2;
	TAP_OK(!membership_decode(bytes, length, &decoded), "a node that occurs twice does not decode");
}

static void
test_membership_validity(void)
{
	Membership none = {0};
	Membership logs = members(0, 3, 0);
	Membership three = members(3, 0, 0);

	TAP_OK(!membership_is_valid(&none), "nobody is no membership");
	TAP_OK(!membership_is_valid(&logs), "somebody must be able to lead");
	TAP_OK(membership_is_valid(&three), "three storage replicas are one");
	TAP_IS_INT(membership_find(&three, 3), 2, "a member is found");
	TAP_OK(membership_find(&three, 4) == MEMBER_NONE, "a stranger is not");
	TAP_OK(!member_may_lead(&logs.members[0]) && member_counts(&logs.members[0]),
		   "a log replica counts and never leads");
}

int
main(void)
{
	test_order();
	test_plausible();
	test_quorum_is_majority();
	test_quorum_kinds();
	test_quorum_highest();
	test_membership_bytes();
	test_membership_validity();
	return tap_done();
}

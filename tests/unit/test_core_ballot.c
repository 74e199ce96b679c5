/*
 * test_core_ballot.c
 *		Order of ballots, and quorums.
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

/* Every subset of one to sixteen members: a quorum is more than half of those that count. */
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
	TAP_OK(right, "a quorum is a majority, for one to sixteen members");
}

static void
test_quorum_kinds(void)
{
	Membership membership = members(2, 1, 2);

	TAP_OK(quorum_reached(&membership, 1u << 0 | 1u << 2), "a log replica counts");
	TAP_OK(!quorum_reached(&membership, 1u << 0 | 1u << 3 | 1u << 4), "learners do not count");
}

/* Three members of which 2 and 3 are replaced by 4 and 5, a learner besides. */
static Membership
joint_members(void)
{
	Membership membership = members(5, 0, 1);

	membership.members[1].half = HALF_OUTGOING;
	membership.members[2].half = HALF_OUTGOING;
	membership.members[3].half = HALF_INCOMING;
	membership.members[4].half = HALF_INCOMING;
	return membership;
}

/* Every subset: a quorum has two of {0, 1, 2} and two of {0, 3, 4}. */
static void
test_joint_quorum(void)
{
	Membership membership = joint_members();
	bool right = true;
	uint32_t subset;

	for (subset = 0; subset < (1u << 6); subset++)
	{
		bool old_half = __builtin_popcount(subset & 0x07) >= 2;
		bool new_half = __builtin_popcount(subset & 0x19) >= 2;

		right = right && quorum_reached(&membership, subset) == (old_half && new_half);
	}
	TAP_OK(right, "a joint quorum is a majority of both halves");
	membership.members[1].kind = MEMBER_LEARNER;
	TAP_OK(quorum_reached(&membership, 0x0b),
		   "a member that becomes a learner counts in its old half");
	TAP_OK(!quorum_reached(&membership, 0x29), "another learner counts in none");
}

/* Two quorums, of a membership and of the one that follows it, always meet. */
static void
check_neighbours_meet(const Membership *one, const Membership *other, const char *description)
{
	uint32_t a;
	uint32_t b;
	bool meet = true;

	for (a = 0; a < (1u << one->member_count); a++)
	{
		for (b = 0; quorum_reached(one, a) && b < (1u << other->member_count); b++)
		{
			bool common = false;
			uint32_t i;

			for (i = 0; i < one->member_count; i++)
			{
				uint32_t at = membership_find(other, one->members[i].node);

				common = common || ((a & (1u << i)) && at != MEMBER_NONE && (b & (1u << at)));
			}
			meet = meet && (common || !quorum_reached(other, b));
		}
	}
	TAP_OK(meet, "%s", description);
}

static void
test_neighbours_meet(void)
{
	Membership old = members(3, 0, 3);
	Membership wanted = {.member_count = 3,
						 .members = {{.node = 1, .kind = MEMBER_STORAGE},
									 {.node = 4, .kind = MEMBER_STORAGE},
									 {.node = 5, .kind = MEMBER_LOG}}};
	Membership joint;
	Membership final;

	TAP_OK(membership_begin_change(&old, &wanted, &joint), "two of three are replaced");
	membership_end_change(&joint, &final);
	check_neighbours_meet(&old, &joint, "quorums of the old and the joint generation meet");
	check_neighbours_meet(&joint, &joint, "quorums of the joint generation meet");
	check_neighbours_meet(&joint, &final, "quorums of the joint and the final generation meet");
}

static void
test_quorum_highest(void)
{
	Membership three = members(3, 0, 0);
	Membership one = members(1, 0, 0);
	Membership learner = members(2, 1, 1);
	Membership joint = joint_members();

	TAP_IS_INT(quorum_highest(&three, (uint64_t[]){9, 5, 7}), 7, "two of three have 7");
	TAP_IS_INT(quorum_highest(&three, (uint64_t[]){9, 0, 0}), 0, "one of three is none");
	TAP_IS_INT(quorum_highest(&three, (uint64_t[]){4, 4, 4}), 4, "all equal");
	TAP_IS_INT(quorum_highest(&one, (uint64_t[]){3}), 3, "one of one");
	TAP_IS_INT(quorum_highest(&learner, (uint64_t[]){2, 1, 1, 99}), 1, "a learner lifts nothing");
	TAP_IS_INT(quorum_highest(&joint, (uint64_t[]){9, 3, 4, 8, 7, 99}), 4,
			   "a joint generation has what its slower half has");
	TAP_IS_INT(quorum_highest(&joint, (uint64_t[]){9, 9, 9, 0, 0, 99}), 0,
			   "one half alone has nothing");
}

int
main(void)
{
	test_order();
	test_plausible();
	test_quorum_is_majority();
	test_quorum_kinds();
	test_joint_quorum();
	test_neighbours_meet();
	test_quorum_highest();
	return tap_done();
}

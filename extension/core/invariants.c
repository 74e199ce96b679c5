/*
 * invariants.c
 *		Rules checked after every change of a replica; see invariants.h and docs/invariants.md.
 */
#include "core/invariants.h"

#include "core/ballot.h"
#include "core/core_assert.h"
#include "core/membership.h"
#include "core/replica.h"

/* I6: base <= commit <= known commit, commit <= durable <= last. */
static void
invariants_check_positions(const Replica *replica)
{
	CORE_INVARIANT("I6", replica->history.base_lsn <= replica->commit_lsn);
	CORE_INVARIANT("I6", replica->commit_lsn <= replica->durable_lsn);
	CORE_INVARIANT("I6", replica->commit_lsn <= replica->commit_known_lsn);
	CORE_INVARIANT("I6", replica->commit_known_lsn <= replica->history.last_lsn);
	CORE_INVARIANT("I2", replica->durable_lsn <= replica->history.last_lsn);
	CORE_INVARIANT("I2", replica->unsynced || replica->durable_lsn == replica->history.last_lsn);
}

static void
invariants_check_ballots(const Replica *replica)
{
	Ballot last = ballot_history_last_ballot(&replica->history);

	CORE_INVARIANT("I4", ballot_compare(last, replica->promised) <= 0);
	CORE_INVARIANT("I3", ballot_compare(replica->leader_ballot, replica->promised) <= 0);
	CORE_INVARIANT("I3", replica->promised.round <= replica->seen_round);
}

/* A role other than follower is this node's own ballot at work, or the question before it. */
static void
invariants_check_role(const CoreNode *node, const Replica *replica)
{
	CORE_ASSERT((replica->role == ROLE_FOLLOWER) == (replica->proposer == NULL));
	if (replica->self_index != MEMBER_NONE)
		CORE_ASSERT(replica->membership.members[replica->self_index].node == node->config.self);
	if (replica->role == ROLE_FOLLOWER)
		return;
#ifndef MUTANT_LOG_REPLICA_LEADS
	if (replica_leads(replica))
		CORE_INVARIANT("I11", replica_may_lead(replica));
#endif
	if (replica->role != ROLE_ASKING)
		CORE_INVARIANT("I3", replica->promised.node == node->config.self);
	if (replica_leads(replica))
	{
		CORE_INVARIANT("I7", replica->proposer->start_lsn > 0);
		CORE_INVARIANT("I7", replica->proposer->start_lsn <= replica->history.last_lsn);
		CORE_INVARIANT("I8", !replica->released);
		CORE_INVARIANT(
			"I4", ballot_equal(ballot_history_last_ballot(&replica->history), replica->promised));
	}
}

/* I10: the membership in use follows the committed one, and may be taken back until it is committed itself. */
static void
invariants_check_memberships(const Replica *replica)
{
	const MembershipAt *earlier = replica->earlier;

	if (!earlier)
		return;
	CORE_INVARIANT("I10", replica->membership_lsn <= replica->history.last_lsn);
	CORE_INVARIANT("I10", replica->membership_lsn > replica->commit_lsn);
	CORE_INVARIANT("I10", earlier->lsn < replica->membership_lsn);
	CORE_INVARIANT("I10", earlier->membership.generation < replica->membership.generation);
}

void
invariants_check_replica(const CoreNode *node, const Replica *replica)
{
	invariants_check_positions(replica);
	invariants_check_ballots(replica);
	invariants_check_role(node, replica);
	invariants_check_memberships(replica);
}

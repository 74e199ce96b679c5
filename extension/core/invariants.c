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
		CORE_INVARIANT("I11", replica_may_stand(replica));
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

/* I10: memberships follow each other in the log; all but the first may still be taken back. */
static void
invariants_check_memberships(const Replica *replica)
{
	Lsn lsn = replica->membership_lsn;
	uint64_t generation = replica->membership.generation;
	uint32_t i;

	CORE_INVARIANT("I10", lsn <= replica->history.last_lsn || replica->earlier_count == 0);
	for (i = replica->earlier_count; i-- > 0;)
	{
		CORE_INVARIANT("I10", replica->earlier[i].lsn < lsn);
		CORE_INVARIANT("I10", replica->earlier[i].membership.generation < generation);
		lsn = replica->earlier[i].lsn;
		generation = replica->earlier[i].membership.generation;
	}
}

void
invariants_check_replica(const CoreNode *node, const Replica *replica)
{
	invariants_check_positions(replica);
	invariants_check_ballots(replica);
	invariants_check_role(node, replica);
	invariants_check_memberships(replica);
}

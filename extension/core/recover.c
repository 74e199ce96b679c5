/*
 * recover.c
 *		Going on without a quorum that is lost for good; see recover.h and docs/decisions/0010-recover-quorum.md.
 *
 * The one place where a membership comes to be without having been chosen.  The new one shares no member with the old
 * one, not even this replica, which gets another `since`: so nothing that lost members ever say counts here, and what
 * is said here proves to them that they were removed (I10).
 */
#include "core/recover.h"

#include "core/core_assert.h"
#include "core/election.h"
#include "core/membership.h"
#include "core/quorum.h"
#include "core/replica.h"
#include "core/replica_membership.h"

/* The ballot is above all that lost candidates can have reached by honest counting. */
#define RECOVER_ROUNDS ((uint64_t) 1 << 20)

/* Could those members that are not lost be a quorum of the membership? */
static bool
recover_has_quorum(const Membership *membership, uint64_t lost_nodes)
{
	uint32_t members = 0;
	uint32_t i;

	for (i = 0; i < membership->member_count; i++)
	{
		if (!(lost_nodes & node_id_bit(membership->members[i].node)))
			members |= 1u << i;
	}
	return quorum_reached(membership, members);
}

/* Was one of the nodes heard lately?  Then it lives. */
static bool
recover_hears_any(const CoreNode *node, uint64_t nodes)
{
	NodeId id;

	for (id = 1; id <= CORE_NODES_MAX; id++)
	{
		TimeUs heard_us = node->peers[id].heard_us;

		if ((nodes & node_id_bit(id)) && heard_us != 0 &&
			node->now - heard_us <= 2 * node->config.lease_us)
			return true;
	}
	return false;
}

const char *
recover_obstacle(const CoreNode *node, const Replica *replica, uint64_t lost_nodes)
{
	if (replica->removed || replica->self_index == MEMBER_NONE)
		return "this replica is no member any more";
	if (replica->membership.members[replica->self_index].kind == MEMBER_LOG)
		return "this replica is a log replica and has no rows";
	if (replica->rows_missing)
		return "the rows of this replica are not complete";
#ifndef MUTANT_RECOVER_WITH_HOLES
	/* What nobody can read cannot be applied, nor what follows it: the operator's word does not bring it back (I15). */
	if (!replica_may_adopt(replica))
		return "entries that its rows lack are damaged in its log";
#endif
	if (lost_nodes & node_id_bit(node->config.self))
		return "this node itself is declared lost";
#ifndef MUTANT_RECOVER_WITH_QUORUM
	if (recover_hears_any(node, lost_nodes))
		return "a node that is declared lost is alive";
	if (recover_has_quorum(&replica->membership, lost_nodes) ||
		recover_has_quorum(membership_newest_committed(replica), lost_nodes))
		return "a quorum of its members is not declared lost";
#endif
	if (replica_has_lease(node, replica) || replica_is_blocked(node, replica) ||
		replica_waits_out(node, replica))
		return "a lease of its last leader may still be in force";
	return NULL;
}

/* The membership in which this node is alone. */
static void
recover_membership(const CoreNode *node, const Replica *replica, Membership *alone)
{
	alone->generation = replica->membership.generation + RECOVER_GENERATIONS;
	alone->member_count = 1;
	alone->members[0].node = node->config.self;
	alone->members[0].kind = MEMBER_STORAGE;
	alone->members[0].half = HALF_BOTH;
	alone->members[0].since = alone->generation;
#ifdef MUTANT_RECOVER_KEEPS_MEMBERS
	*alone = replica->membership;
	alone->generation += RECOVER_GENERATIONS;
#endif
}

void
recover_begin(CoreNode *node, Replica *replica, const Event *event)
{
	MembershipAt at = {0};
	Ballot none = {0};

	if (recover_obstacle(node, replica, event->lost_nodes) != NULL)
	{
		effects_add(&node->effects, EFFECT_REFUSE, replica->group)->ballot = replica->promised;
		return;
	}
	replica_follow(node, replica, 0);
	recover_membership(node, replica, &at.membership);
	membership_reset(node, replica, &at);
	CORE_INVARIANT("I10", replica->earlier == NULL && replica->since == at.membership.generation);
	replica->seen_round += RECOVER_ROUNDS;
	election_stand(node, replica, none);
}

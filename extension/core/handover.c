/*
 * handover.c
 *		Planned handover; see handover.h.
 *
 * Order is everything: the leadership ends (STEP_DOWN comes before any message of the same step) before
 * anybody can learn that the ballot was given up.  The old leader never leads under that ballot again.  A
 * release concerns (group, ballot), not the grant between the two nodes, on which other groups rely.
 */
#include "core/handover.h"

#include "core/ballot.h"
#include "core/change.h"
#include "core/core_assert.h"
#include "core/election.h"
#include "core/marks.h"
#include "core/membership.h"
#include "core/replica.h"

void
handover_begin(CoreNode *node, Replica *replica, const Event *event)
{
	uint32_t target = membership_find(&replica->membership, event->target);

	if (replica->role != ROLE_LEADER || target == MEMBER_NONE || target == replica->self_index ||
		!member_may_lead(&replica->membership.members[target]))
	{
		effects_add(&node->effects, EFFECT_REFUSE, replica->group)->ballot = replica->promised;
		return;
	}
	replica_enter(replica, ROLE_HANDING_OVER);
	replica->proposer->target = event->target;
	replica->proposer->handover_deadline_us = node->now + node->config.lease_us;
	handover_advance(node, replica);
}

void
handover_pass_on(CoreNode *node, Replica *replica, NodeId target)
{
	Ballot ballot = replica->promised;
	uint32_t i;

	CORE_ASSERT(target != node->config.self);
#ifndef MUTANT_RELEASE_KEEPS_LEADING
	replica_follow(node, replica, node->config.lease_us);
	replica->released = true;
	CORE_INVARIANT("I8", !replica_leads(replica));
#endif
	for (i = 0; i < replica->membership.member_count; i++)
	{
		Message *message;

		if (i == replica->self_index)
			continue;
		message = node_send(node, replica, MESSAGE_RELEASE, replica->membership.members[i].node,
							false);
		message->ballot = ballot;
		message->target = target;
	}
}

static void
handover_release(CoreNode *node, Replica *replica, NodeId target)
{
	CORE_INVARIANT("I6", replica->commit_lsn == replica->history.last_lsn);
	CORE_MARK(handover_released);
	handover_pass_on(node, replica, target);
}

void
handover_advance(CoreNode *node, Replica *replica)
{
	Proposer *proposer = replica->proposer;
	uint32_t target;

	if (replica->role != ROLE_HANDING_OVER)
		return;
	target = membership_find(&replica->membership, proposer->target);
	CORE_ASSERT(target != MEMBER_NONE);
	if (proposer->members[target].match_lsn == replica->history.last_lsn &&
		replica->commit_lsn == replica->history.last_lsn)
		handover_release(node, replica, proposer->target);
}

void
handover_time_out(CoreNode *node, Replica *replica)
{
	CORE_ASSERT(replica->role == ROLE_HANDING_OVER);
	CORE_ASSERT(node->now >= replica->proposer->handover_deadline_us);
	CORE_MARK(handover_timed_out);
	replica_enter(replica, ROLE_LEADER);
	replica->proposer->target = 0;
	change_advance(node, replica);
}

void
handover_receive_release(CoreNode *node, Replica *replica, const Message *message)
{
	CORE_ASSERT(message->kind == MESSAGE_RELEASE);
	if (message->ballot.node != message->from || !ballot_equal(message->ballot, replica->promised))
		return;
	CORE_ASSERT(replica->role == ROLE_FOLLOWER || replica->role == ROLE_ASKING);
	replica->released = true;
	/* Everybody else leaves the target the time to be elected. */
	replica_follow(node, replica, node->config.lease_us / 2);
	if (message->target == node->config.self && replica_may_stand(replica))
		election_stand(node, replica, message->ballot);
}

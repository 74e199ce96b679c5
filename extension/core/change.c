/*
 * change.c
 *		Changing the members of a group; see change.h and docs/decisions/0006-membership.md.
 *
 * One change at a time: it begins when everything before it is committed, and through an entry of this leader's
 * own ballot.  A joint generation is ended by whoever leads when it is committed.
 */
#include "core/change.h"

#include "core/core_assert.h"
#include "core/join.h"
#include "core/marks.h"
#include "core/membership.h"
#include "core/proposer.h"
#include "core/quorum.h"
#include "core/replica.h"
#include "core/replica_membership.h"

/* Whether a member that is to count holds nearly all that is committed. */
static bool
change_is_caught_up(const CoreNode *node, const Replica *replica, const Member *member)
{
	uint32_t index = membership_find(&replica->membership, member->node);
	const Progress *progress;

	if (index == MEMBER_NONE || index == replica->self_index)
		return false;
	progress = &replica->proposer->members[index];
#ifdef MUTANT_COUNT_NEWCOMERS
	return true;
#endif
	return !progress->needs_snapshot && progress->match_lsn > 0 &&
		   progress->match_lsn + node->config.accept_entries_max >= replica->commit_lsn;
}

/*
 * Whether a quorum of the members to be lives.  Without one the change could be neither committed nor, because its
 * entry is in the log, undone: the group would wait for nodes that may never come back.
 */
static bool
change_has_quorum(const CoreNode *node, const Membership *next)
{
	uint32_t heard = 0;
	uint32_t i;

#ifdef MUTANT_CHANGE_TO_THE_DEAD
	return true;
#endif
	for (i = 0; i < next->member_count; i++)
	{
		if (node_hears(node, next->members[i].node))
			heard |= 1u << i;
	}
	return quorum_reached(next, heard);
}

/* Whether this leader may take the group to `next` now. */
static bool
change_is_possible(const CoreNode *node, const Replica *replica, const Membership *next)
{
	uint32_t self = membership_find(next, node->config.self);
	uint32_t i;

	if (self == MEMBER_NONE || !member_may_lead(&next->members[self]) ||
		next->members[self].half != HALF_BOTH)
		return false;
	for (i = 0; i < next->member_count; i++)
	{
		if (next->members[i].half == HALF_INCOMING &&
			!change_is_caught_up(node, replica, &next->members[i]))
			return false;
	}
	if (change_has_quorum(node, next))
		return true;
	CORE_MARK(change_without_quorum);
	return false;
}

/* Whether an earlier change, or what an earlier leader left, is still under way. */
static bool
change_is_under_way(const Replica *replica)
{
	if (membership_is_joint(&replica->membership))
		return true;
#ifdef MUTANT_CHANGE_BEFORE_COMMIT
	return false;
#endif
	return replica->earlier != NULL || replica->commit_lsn < replica->proposer->start_lsn;
}

void
change_begin(CoreNode *node, Replica *replica, const Event *event)
{
	Membership next;

	CORE_ASSERT(event->change != NULL);
	if (replica->role != ROLE_LEADER || change_is_under_way(replica) ||
		!membership_begin_change(&replica->membership, event->change, &next) ||
		!change_is_possible(node, replica, &next))
	{
		CORE_MARK(change_refused);
		effects_add(&node->effects, EFFECT_REFUSE, replica->group)->ballot = replica->promised;
		return;
	}
	CORE_MARK(change_begun);
	proposer_append_membership(node, replica, &next);
}

void
change_advance(CoreNode *node, Replica *replica)
{
	Membership before = replica->membership;
	Membership next;

	if (replica->role != ROLE_LEADER || !membership_is_joint(&before))
		return;
#ifndef MUTANT_LEAVE_JOINT_EARLY
	if (replica->earlier != NULL || replica->commit_lsn < replica->proposer->start_lsn)
		return;
#endif
	CORE_MARK(joint_generation_ended);
	membership_end_change(&before, &next);
	proposer_append_membership(node, replica, &next);
}

/*
 * replica_membership.c
 *		Which membership a replica uses; see replica_membership.h.
 *
 * The record of memberships is written before the entry that brings a new one and after the cut that takes one
 * away.  Each carries the LSN and ballot of its entry, so whatever a crash leaves of the two records, what the
 * recovered log does not hold is recognised and dropped.
 */
#include "core/replica_membership.h"

#include <stdlib.h>
#include <string.h>

#include "core/ballot.h"
#include "core/core_assert.h"
#include "core/marks.h"
#include "core/membership.h"
#include "core/progress.h"
#include "core/replica.h"

/* The membership in use becomes `at`; whoever counts or leads by it follows. */
static void
use_membership(CoreNode *node, Replica *replica, const MembershipAt *at)
{
	Membership before = replica->membership;
	MemberKind kind_before = MEMBER_STORAGE;

	if (before.member_count > 0)
	{
		node_share_groups(node, &before, -1);
		if (replica->self_index != MEMBER_NONE)
			kind_before = before.members[replica->self_index].kind;
	}
	replica->membership = at->membership;
	replica->membership_lsn = at->lsn;
	replica->membership_ballot = at->ballot;
	replica->self_index = membership_find(&replica->membership, node->config.self);
	node_share_groups(node, &replica->membership, 1);
	if (replica->self_index != MEMBER_NONE)
	{
		const Member *self = &replica->membership.members[replica->self_index];

		replica->since = self->since;
		/* A log replica keeps no rows: one that becomes a storage replica has to get them. */
		if (self->kind == MEMBER_LOG || (kind_before == MEMBER_LOG && self->kind != MEMBER_LOG))
			replica->rows_missing = true;
	}
	if (replica->proposer)
		progress_follow_membership(node, replica, &before);
}

static MembershipAt
membership_in_use(const Replica *replica)
{
	MembershipAt at = {.lsn = replica->membership_lsn,
					   .ballot = replica->membership_ballot,
					   .membership = replica->membership};

	return at;
}

static void
keep_earlier(Replica *replica, const MembershipAt *at)
{
	CORE_INVARIANT("I10", replica->earlier_count + 1 < MEMBERSHIPS_MAX);
	if (!replica->earlier)
	{
		replica->earlier = calloc(MEMBERSHIPS_MAX, sizeof(MembershipAt));
		CORE_ASSERT(replica->earlier != NULL);
	}
	replica->earlier[replica->earlier_count++] = *at;
}

static void
forget_earlier(Replica *replica)
{
	free(replica->earlier);
	replica->earlier = NULL;
	replica->earlier_count = 0;
}

void
membership_appended(CoreNode *node, Replica *replica, Lsn lsn, const Entry *entry)
{
	MembershipAt before = membership_in_use(replica);
	MembershipAt at = {.lsn = lsn, .ballot = entry->ballot};

	if (!membership_is_encoded(entry->payload, entry->length))
		return;
	/* Whoever takes entries in has looked whether they can be read. */
	CORE_ASSERT(membership_decode(entry->payload, entry->length, &at.membership));
	if (at.membership.generation <= before.membership.generation)
	{
		CORE_MARK(membership_of_the_past);
		return;
	}
	keep_earlier(replica, &before);
	use_membership(node, replica, &at);
	effects_add(&node->effects, EFFECT_MEMBERSHIP, replica->group);
}

void
membership_cut(CoreNode *node, Replica *replica, Lsn lsn)
{
	MembershipAt at;

	if (replica->membership_lsn <= lsn || replica->earlier_count == 0)
		return;
	CORE_MARK(membership_taken_back);
	do
		at = replica->earlier[--replica->earlier_count];
	while (at.lsn > lsn && replica->earlier_count > 0);
	use_membership(node, replica, &at);
	if (replica->earlier_count == 0)
		forget_earlier(replica);
	effects_add(&node->effects, EFFECT_MEMBERSHIP, replica->group);
}

void
membership_committed(CoreNode *node, Replica *replica)
{
	uint32_t gone = 0;

	if (replica->earlier_count == 0)
		return;
	while (gone + 1 < replica->earlier_count &&
		   replica->earlier[gone + 1].lsn <= replica->commit_lsn)
		gone++;
	if (replica->membership_lsn <= replica->commit_lsn)
		forget_earlier(replica);
	else if (gone > 0)
	{
		replica->earlier_count -= gone;
		memmove(replica->earlier, replica->earlier + gone,
				replica->earlier_count * sizeof(MembershipAt));
	}
	if (!replica->removed &&
		membership_find(membership_newest_committed(replica), node->config.self) == MEMBER_NONE)
	{
		CORE_MARK(removed_by_own_log);
		replica_remove(node, replica);
	}
}

void
membership_reset(CoreNode *node, Replica *replica, const MembershipAt *at)
{
	forget_earlier(replica);
	use_membership(node, replica, at);
	effects_add(&node->effects, EFFECT_MEMBERSHIP, replica->group);
}

/* Whether the recovered log holds the entry that brought a membership. */
static bool
log_holds(const Replica *replica, const MembershipAt *at)
{
	return at->lsn < replica->history.base_lsn ||
		   ballot_history_matches(&replica->history, at->lsn, at->ballot);
}

void
membership_recover(CoreNode *node, Replica *replica, const GroupRecovered *recovered)
{
	uint32_t i;

	CORE_ASSERT(recovered->membership_count > 0);
	CORE_ASSERT(recovered->membership_count <= MEMBERSHIPS_MAX);
	use_membership(node, replica, &recovered->memberships[0]);
	for (i = 1; i < recovered->membership_count; i++)
	{
		MembershipAt before = membership_in_use(replica);
		const MembershipAt *at = &recovered->memberships[i];

		CORE_INVARIANT("I10", at->membership.generation > before.membership.generation);
		if (!log_holds(replica, at))
		{
			CORE_MARK(membership_without_entry_dropped);
			break;
		}
		if (at->lsn > replica->commit_lsn)
			keep_earlier(replica, &before);
		use_membership(node, replica, at);
	}
	CORE_INVARIANT("I10", replica->since != 0);
}

const Membership *
membership_newest_committed(const Replica *replica)
{
	return replica->earlier_count > 0 ? &replica->earlier[0].membership : &replica->membership;
}

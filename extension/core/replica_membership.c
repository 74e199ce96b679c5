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

/* Remembers the membership that a new one follows: it is committed. */
static void
keep_earlier(Replica *replica, const MembershipAt *at)
{
	if (!replica->earlier)
		replica->earlier = malloc(sizeof(MembershipAt));
	CORE_ASSERT(replica->earlier != NULL);
	*replica->earlier = *at;
}

static void
forget_earlier(Replica *replica)
{
	free(replica->earlier);
	replica->earlier = NULL;
}

/* A committed membership that does not name this replica is the end of it. */
static void
check_own_place(CoreNode *node, Replica *replica)
{
	if (replica->removed ||
		membership_since(membership_newest_committed(replica), node->config.self) == replica->since)
		return;
	CORE_MARK(removed_by_own_log);
	replica_remove(node, replica);
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

	if (replica->membership_lsn <= lsn || !replica->earlier)
		return;
	CORE_MARK(membership_taken_back);
	at = *replica->earlier;
	CORE_INVARIANT("I6", at.lsn <= lsn || at.lsn == 0);
	forget_earlier(replica);
	use_membership(node, replica, &at);
	effects_add(&node->effects, EFFECT_MEMBERSHIP, replica->group);
}

void
membership_committed(CoreNode *node, Replica *replica)
{
	if (!replica->earlier)
		return;
	if (replica->membership_lsn <= replica->commit_lsn)
		forget_earlier(replica);
	check_own_place(node, replica);
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
		else
			forget_earlier(replica);
		use_membership(node, replica, at);
	}
	CORE_INVARIANT("I10", replica->since != 0);
}

const Membership *
membership_newest_committed(const Replica *replica)
{
	return replica->earlier ? &replica->earlier->membership : &replica->membership;
}

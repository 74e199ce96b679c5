/*
 * status.c
 *		What views and routers may know of a group: a copy, valid when taken.
 */
#include <stddef.h>
#include <string.h>

#include "core/core_assert.h"
#include "core/group.h"
#include "core/membership.h"
#include "core/replica.h"
#include "core/replica_membership.h"

static void
status_members(const Replica *replica, GroupStatus *status)
{
	uint32_t i;

	CORE_ASSERT(replica->membership.member_count <= CORE_MEMBERS_MAX);
	status->member_count = replica->membership.member_count;
	for (i = 0; i < replica->membership.member_count; i++)
	{
		MemberStatus *member = &status->members[i];

		memset(member, 0, sizeof(*member));
		member->node = replica->membership.members[i].node;
		member->kind = replica->membership.members[i].kind;
		member->half = replica->membership.members[i].half;
		member->since = replica->membership.members[i].since;
		if (i == replica->self_index)
			member->durable_lsn = replica->durable_lsn;
		else if (replica_leads(replica))
		{
			member->durable_lsn = replica->proposer->members[i].match_lsn;
			member->needs_snapshot = replica->proposer->members[i].needs_snapshot;
		}
	}
}

bool
core_group_status(const CoreNode *node, GroupId group, GroupStatus *status, TimeUs now)
{
	const Replica *replica = node_find(node, group);
	TimeUs lease_until_us;

	memset(status, 0, offsetof(GroupStatus, members));
	if (!replica)
		return false;
	CORE_ASSERT(now >= node->now);
	status->group = group;
	status->role = replica->role;
	status->generation = replica->membership.generation;
	status->committed_generation = membership_newest_committed(replica)->generation;
	status->rows_missing = replica->rows_missing;
	status->promised = replica->promised;
	status->leader = replica_leader(replica);
	status->base_lsn = replica->history.base_lsn;
	status->append_lsn = replica->history.last_lsn;
	status->last_ballot = ballot_history_last_ballot(&replica->history);
	status->durable_lsn = replica->durable_lsn;
	status->commit_lsn = replica->commit_lsn;
	if (replica_leads(replica))
		status->start_lsn = replica->proposer->start_lsn;
	lease_until_us = replica_lease_until(node, replica);
	status->lease_until_us = lease_until_us > now ? lease_until_us : 0;
	status_members(replica, status);
	return true;
}

uint32_t
core_group_memberships(const CoreNode *node, GroupId group, MembershipAt *memberships, uint32_t max)
{
	const Replica *replica = node_find(node, group);
	uint32_t count = 0;

	if (!replica)
		return 0;
	CORE_ASSERT(max >= MEMBERSHIPS_MAX);
	if (replica->earlier)
		memberships[count++] = *replica->earlier;
	memberships[count].lsn = replica->membership_lsn;
	memberships[count].ballot = replica->membership_ballot;
	memberships[count++].membership = replica->membership;
	return count;
}

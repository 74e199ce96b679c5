/*
 * autoadmin_place.c
 *		Who shall be the members of a group; see autoadmin.h.
 *
 * Of a partition the metadata says it.  The metadata's own group cannot rest on a row of itself that its leader
 * might not be able to write: its members are worked out from the nodes that there are.
 */
#include "postgres.h"

#include "settings.h"
#include "worker/autoadmin.h"

/* So many nodes accept the metadata where there are enough; all others learn it. */
#define METADATA_ACCEPTORS 3

bool
autoadmin_node_may_lead(const AutoadminNodes *nodes, NodeId node)
{
	return nodes->is_known[node] && nodes->info[node].state == NODE_ACTIVE;
}

void
autoadmin_want_partition(const PartitionInfo *partition, AutoadminWanted *wanted)
{
	memset(wanted, 0, sizeof(*wanted));
	wanted->count = partition->membership.member_count;
	memcpy(wanted->members, partition->membership.members, wanted->count * sizeof(Member));
	wanted->preferred = partition->first_leader;
	wanted->heals = true;
	wanted->balances = true;
}

/* A node that keeps its place among the acceptors: it is not leaving, and not silent for good. */
static bool
keeps_its_place(const AutoadminNodes *nodes, NodeId node)
{
	return nodes->is_known[node] && nodes->info[node].state != NODE_LEAVING &&
		   nodes->silent_us[node] < quorate_rebuild_after_ms * INT64CONST(1000);
}

static bool
zone_is_taken(const AutoadminNodes *nodes, const bool *accepts, NodeId node)
{
	for (NodeId other = 1; other <= CORE_NODES_MAX; other++)
	{
		if (accepts[other] && strcmp(nodes->info[other].zone, nodes->info[node].zone) == 0)
			return true;
	}
	return false;
}

/* Adds acceptors up to the number, in zones that have none if `new_zones`. */
static uint32_t
add_acceptors(const AutoadminNodes *nodes, bool *accepts, uint32_t count, uint32_t target,
			  bool new_zones)
{
	for (NodeId node = 1; node <= CORE_NODES_MAX && count < target; node++)
	{
		if (accepts[node] || !nodes->is_alive[node] || !keeps_its_place(nodes, node) ||
			(new_zones && zone_is_taken(nodes, accepts, node)))
			continue;
		accepts[node] = true;
		count++;
	}
	return count;
}

void
autoadmin_want_metadata(const AutoadminNodes *nodes, const GroupStatus *status,
						AutoadminWanted *wanted)
{
	bool accepts[CORE_NODES_MAX + 1] = {false};
	uint32_t count = 0;
	uint32_t usable = 0;
	uint32_t target;

	for (NodeId node = 1; node <= CORE_NODES_MAX; node++)
		usable += keeps_its_place(nodes, node);
	target = usable >= METADATA_ACCEPTORS ? METADATA_ACCEPTORS : 1;
	for (uint32_t i = 0; i < status->member_count && count < target; i++)
	{
		NodeId node = status->members[i].node;

		if (status->members[i].kind != MEMBER_STORAGE || !keeps_its_place(nodes, node))
			continue;
		accepts[node] = true;
		count++;
	}
	count = add_acceptors(nodes, accepts, count, target, true);
	add_acceptors(nodes, accepts, count, target, false);

	memset(wanted, 0, sizeof(*wanted));
	wanted->heals = true;
	for (NodeId node = 1; node <= CORE_NODES_MAX && wanted->count < CORE_MEMBERS_MAX; node++)
	{
		if (!nodes->is_known[node] || nodes->info[node].state == NODE_LEAVING)
			continue;
		wanted->members[wanted->count].node = node;
		wanted->members[wanted->count++].kind = accepts[node] ? MEMBER_STORAGE : MEMBER_LEARNER;
	}
}

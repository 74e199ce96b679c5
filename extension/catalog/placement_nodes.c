/*
 * placement_nodes.c
 *		The table of nodes that routing/placement.h chooses from, made from the metadata; see placement_nodes.h.
 *
 * Runs in backends that create tables and in workers that look after placements.
 */
#include "postgres.h"

#include "catalog/placement_nodes.h"

static PlacementUse
use_of_node(const NodeInfo *node)
{
	switch (node->state)
	{
		case NODE_ACTIVE:
			return PLACEMENT_ANY;
		case NODE_DRAINING:
			return PLACEMENT_KEEP;
		case NODE_JOINING:
		case NODE_LEAVING:
			break;
	}
	return PLACEMENT_NONE;
}

static PlacementNode *
find_node(PlacementNodes *nodes, NodeId id)
{
	for (uint32_t i = 0; i < nodes->count; i++)
	{
		if (nodes->nodes[i].node == id)
			return &nodes->nodes[i];
	}
	return NULL;
}

static void
count_partition(PlacementNodes *nodes, const PartitionInfo *partition)
{
	PlacementNode *leader = find_node(nodes, partition->first_leader);

	for (uint32_t i = 0; i < partition->membership.member_count; i++)
	{
		PlacementNode *node = find_node(nodes, partition->membership.members[i].node);

		if (node != NULL)
			node->replicas++;
	}
	if (leader != NULL)
		leader->leaders++;
}

void
placement_nodes_load(PlacementNodes *nodes)
{
	uint32_t table_count;
	const TableInfo *const *tables = metadata_tables(&table_count);
	const NodeInfo *infos = metadata_nodes(&nodes->count);

	for (uint32_t i = 0; i < nodes->count; i++)
		nodes->nodes[i] = (PlacementNode){
			.node = infos[i].node, .zone = infos[i].zone, .use = use_of_node(&infos[i])};
	for (uint32_t i = 0; i < table_count; i++)
	{
		for (uint32_t j = 0; j < tables[i]->partition_count; j++)
			count_partition(nodes, &tables[i]->partitions[j]);
	}
}

void
placement_nodes_exclude_silent(PlacementNodes *nodes, long silent_ms)
{
	TimeUs heard_since_us = shared_now_us() - silent_ms * INT64CONST(1000);

	for (uint32_t i = 0; i < nodes->count; i++)
	{
		PlacementNode *node = &nodes->nodes[i];
		TimeUs heard_us = (TimeUs) pg_atomic_read_u64(&quorate_shared->peer_heard_us[node->node]);

		if (node->node != quorate_shared->self && heard_us < heard_since_us)
			node->use = PLACEMENT_NONE;
	}
}

void
placement_to_wanted(const PlacementChoice *choice, WantedReplicas *wanted)
{
	memset(wanted, 0, sizeof(*wanted));
	wanted->count = choice->count;
	wanted->leader = choice->leader;
	for (uint32_t i = 0; i < choice->count; i++)
		wanted->replicas[i] = (WantedReplica){choice->members[i], MEMBER_STORAGE};
}

/*
 * autoadmin_place.c
 *		Who shall be the members of a group; see autoadmin.h.
 *
 * Of a partition the metadata says it, and autoadmin on the node that leads the metadata writes it: replicas
 * of a node that leaves, or has been silent for quorate.rebuild_after, are wanted elsewhere; partitions with
 * fewer copies than there could be get more; now and then a replica moves to a node that has fewer.  The
 * metadata's own group cannot rest on a row of itself that its leader might not be able to write: its members
 * are worked out from the nodes that there are.
 */
#include "postgres.h"

#include "catalog/metadata_items.h"
#include "request/router.h"
#include "routing/placement.h"
#include "settings.h"
#include "worker/autoadmin.h"

/* Placements are looked at this often, and so many changed at a time. */
#define PLACE_INTERVAL_US (1000 * 1000)
#define CHANGES_PER_ROUND 64

/* A replica is moved to a node that has fewer only this often, and only if the node has that many less. */
#define MOVE_INTERVAL_US (2 * 1000 * 1000)
#define MOVE_DIFFERENCE 2

/*
 * So many nodes accept the metadata where there are enough; all others learn it.  So does a node that is leaving, to
 * its end: what it still leads is taken elsewhere by it alone, and it has to know where.
 */
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
	wanted->heals = metadata_settings().healing;
	wanted->balances = metadata_settings().balancing;
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
	wanted->heals = metadata_settings().healing;
	for (NodeId node = 1; node <= CORE_NODES_MAX && wanted->count < CORE_MEMBERS_MAX; node++)
	{
		if (!nodes->is_known[node])
			continue;
		wanted->members[wanted->count].node = node;
		wanted->members[wanted->count++].kind = accepts[node] ? MEMBER_STORAGE : MEMBER_LEARNER;
	}
}

/* ---------------------------------------------------------------- placing replicas */

typedef struct PlaceTable
{
	uint32_t count;
	PlacementNode nodes[CORE_NODES_MAX];
	uint32_t usable; /* nodes that may get replicas */
} PlaceTable;

static PlacementUse
use_of(const AutoadminNodes *nodes, NodeId node)
{
	if (!keeps_its_place(nodes, node) || nodes->info[node].state == NODE_JOINING)
		return PLACEMENT_NONE;
	return nodes->info[node].state == NODE_ACTIVE && nodes->is_alive[node] ? PLACEMENT_ANY
																		   : PLACEMENT_KEEP;
}

static void
count_partition(PlaceTable *table, const PartitionInfo *partition, int weight)
{
	for (uint32_t i = 0; i < table->count; i++)
	{
		PlacementNode *node = &table->nodes[i];

		for (uint32_t k = 0; k < partition->membership.member_count; k++)
			node->replicas += partition->membership.members[k].node == node->node ? weight : 0;
		node->leaders += partition->first_leader == node->node ? weight : 0;
	}
}

/* All nodes with what is placed on them now. */
static void
fill_table(const AutoadminNodes *nodes, PlaceTable *table)
{
	uint32_t count;
	const TableInfo *const *tables = metadata_tables(&count);

	memset(table, 0, sizeof(*table));
	for (NodeId node = 1; node <= CORE_NODES_MAX; node++)
	{
		PlacementNode *place = &table->nodes[table->count];

		if (!nodes->is_known[node])
			continue;
		place->node = node;
		place->zone = nodes->info[node].zone;
		place->use = use_of(nodes, node);
		table->usable += place->use != PLACEMENT_NONE;
		table->count++;
	}
	for (uint32_t i = 0; i < count; i++)
	{
		for (uint32_t k = 0; k < tables[i]->partition_count; k++)
			count_partition(table, &tables[i]->partitions[k], 1);
	}
}

/* Records what is wanted for a partition; false if it was changed by somebody else, or there is no leader. */
static bool
record_placement(uint32_t table_id, const PartitionInfo *partition, const WantedReplicas *wanted)
{
	RouterCall *call = palloc0(sizeof(RouterCall));
	MetadataChange change;

	metadata_build_placement(table_id, partition, wanted, &change);
	call->request.kind = REQUEST_WRITE;
	call->request.group = GROUP_METADATA;
	call->request.table_id = METADATA_TABLE_ID;
	call->request.lsn = change.lsn;
	call->request.image_count = change.image_count;
	call->request.images = change.images;
	call->request.expectations = change.expectations;
	router_execute(call);
	return call->outcome == ROUTER_REPLIED && call->reply->status == REPLY_OK;
}

static void
want_choice(const PlacementChoice *choice, WantedReplicas *wanted)
{
	memset(wanted, 0, sizeof(*wanted));
	wanted->count = choice->count;
	wanted->leader = choice->leader;
	for (uint32_t i = 0; i < choice->count; i++)
	{
		wanted->replicas[i].node = choice->members[i];
		wanted->replicas[i].kind = MEMBER_STORAGE;
	}
}

/* Replaces members on nodes that are no good, and adds copies that are missing; true if something was to do. */
static bool
repair_placement(const AutoadminNodes *nodes, PlaceTable *table, uint32_t table_id,
				 const PartitionInfo *partition)
{
	NodeId present[CORE_MEMBERS_MAX];
	PlacementChoice choice;
	WantedReplicas wanted;
	uint32_t staying = 0;

	for (uint32_t i = 0; i < partition->membership.member_count; i++)
	{
		present[i] = partition->membership.members[i].node;
		staying += !nodes->is_known[present[i]] || nodes->info[present[i]].state != NODE_LEAVING;
	}
	placement_choose(table->nodes, table->count, present, partition->membership.member_count,
					 partition->first_leader,
					 table->usable >= PLACEMENT_COPIES ? PLACEMENT_COPIES : Max(staying, 1),
					 &choice);
	want_choice(&choice, &wanted);

	/*
	 * Too few nodes for as many copies as there are: better a copy on a node that may come back than none.  A node
	 * that is being removed does not come back: remove_node() has asked whether fewer copies will do.
	 */
	if (choice.count == 0 || choice.count < Min(staying, PLACEMENT_COPIES) ||
		metadata_wants(partition, &wanted))
		return false;
	if (!record_placement(table_id, partition, &wanted))
		return false;
	ereport(LOG, (errmsg("partition %u of item table %u is wanted on %u other nodes",
						 partition->number, table_id, choice.count - choice.kept)));
	count_partition(table, partition, -1);
	placement_count(table->nodes, table->count, &choice, 1);
	return true;
}

static PlacementNode *
find_extreme(PlaceTable *table, bool most)
{
	PlacementNode *found = NULL;

	for (uint32_t i = 0; i < table->count; i++)
	{
		PlacementNode *node = &table->nodes[i];

		if (node->use == PLACEMENT_ANY && (!found || (most ? node->replicas > found->replicas
														   : node->replicas < found->replicas)))
			found = node;
	}
	return found;
}

/* The members with `from` replaced by `to`; false if that puts two into one zone, or `to` is one already. */
static bool
want_moved(const AutoadminNodes *nodes, const PartitionInfo *partition, NodeId from, NodeId to,
		   WantedReplicas *wanted)
{
	bool has_from = false;

	memset(wanted, 0, sizeof(*wanted));
	wanted->count = partition->membership.member_count;
	wanted->leader = partition->first_leader == from ? to : partition->first_leader;
	for (uint32_t i = 0; i < wanted->count; i++)
	{
		NodeId node = partition->membership.members[i].node;

		has_from |= node == from;
		if (node == to || (node != from && nodes->is_known[node] &&
						   strcmp(nodes->info[node].zone, nodes->info[to].zone) == 0))
			return false;
		wanted->replicas[i].node = node == from ? to : node;
		wanted->replicas[i].kind = MEMBER_STORAGE;
	}
	return has_from;
}

/* Moves one replica from the node with most to the one with fewest. */
static void
move_one_replica(const AutoadminNodes *nodes, PlaceTable *table)
{
	PlacementNode *most = find_extreme(table, true);
	PlacementNode *fewest = find_extreme(table, false);
	uint32_t count;
	const TableInfo *const *tables = metadata_tables(&count);

	if (!most || table->usable < PLACEMENT_COPIES ||
		most->replicas < fewest->replicas + MOVE_DIFFERENCE)
		return;
	for (uint32_t i = 0; i < count; i++)
	{
		for (uint32_t k = 0; k < tables[i]->partition_count; k++)
		{
			WantedReplicas wanted;

			if (!want_moved(nodes, &tables[i]->partitions[k], most->node, fewest->node, &wanted))
				continue;
			(void) record_placement(tables[i]->table_id, &tables[i]->partitions[k], &wanted);
			return;
		}
	}
}

/* The metadata may be loaded anew after each write, and the tables with it: one write, then look again. */
static bool
repair_one(const AutoadminNodes *nodes, PlaceTable *table)
{
	uint32_t count;
	const TableInfo *const *tables = metadata_tables(&count);

	for (uint32_t i = 0; i < count; i++)
	{
		for (uint32_t k = 0; k < tables[i]->partition_count; k++)
		{
			if (repair_placement(nodes, table, tables[i]->table_id, &tables[i]->partitions[k]))
				return true;
		}
	}
	return false;
}

void
autoadmin_place(const AutoadminNodes *nodes)
{
	static TimeUs place_due_us;
	static TimeUs move_due_us;
	TimeUs now = shared_now_us();
	PlaceTable table;
	int changes = 0;

	if (now < place_due_us || !metadata_settings().healing)
		return;
	place_due_us = now + PLACE_INTERVAL_US;
	fill_table(nodes, &table);
	while (changes < CHANGES_PER_ROUND && repair_one(nodes, &table))
		changes++;
	if (changes > 0)
		move_due_us = shared_now_us() + MOVE_INTERVAL_US;
	else if (metadata_settings().balancing && now >= move_due_us)
	{
		move_due_us = now + MOVE_INTERVAL_US;
		move_one_replica(nodes, &table);
	}
}

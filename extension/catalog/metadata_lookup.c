/*
 * metadata_lookup.c
 *		Finding tables, partitions and nodes in a backend's copy of the metadata; see metadata.h.
 *
 * Runs in every backend that routes requests and in the workers that look at the metadata.
 */
#include "postgres.h"

#include "catalog/metadata_cache.h"

static int
compare_name(const void *name, const void *table)
{
	return strcmp(name, (*(const TableInfo *const *) table)->name);
}

const TableInfo *
metadata_table_by_name(const char *name)
{
	MetadataCache *current = metadata_cache();
	const TableInfo **found = NULL;

	if (current->table_count > 0)
		found = bsearch(name, current->tables, current->table_count, sizeof(TableInfo *),
						compare_name);
	return found == NULL ? NULL : *found;
}

static int
compare_id(const void *id, const void *table)
{
	uint32_t wanted = *(const uint32_t *) id;
	uint32_t table_id = (*(const TableInfo *const *) table)->table_id;

	return wanted < table_id ? -1 : wanted > table_id;
}

const TableInfo *
metadata_table_by_id(uint32_t table_id)
{
	MetadataCache *current = metadata_cache();
	const TableInfo **found = NULL;

	if (table_id == METADATA_TABLE_ID)
		return &current->metadata_table;
	if (current->table_count > 0)
		found = bsearch(&table_id, current->tables_by_id, current->table_count, sizeof(TableInfo *),
						compare_id);
	return found == NULL ? NULL : *found;
}

const PartitionInfo *
metadata_partition_of(const TableInfo *table, const uint8_t *position, uint32_t length)
{
	uint32_t low = 0;
	uint32_t high = table->partition_count;

	/* The first partition starts at the empty position, so there always is one at or below. */
	while (high - low > 1)
	{
		uint32_t middle = low + (high - low) / 2;
		const PartitionInfo *partition = &table->partitions[middle];

		if (item_compare_bytes(partition->lower, partition->lower_length, position, length) <= 0)
			low = middle;
		else
			high = middle;
	}
	return &table->partitions[low];
}

const TableInfo *const *
metadata_tables(uint32_t *count)
{
	MetadataCache *current = metadata_cache();

	*count = current->table_count;
	return current->tables;
}

const NodeInfo *
metadata_nodes(uint32_t *count)
{
	MetadataCache *current = metadata_cache();

	*count = current->node_count;
	return current->nodes;
}

const NodeInfo *
metadata_node_by_id(NodeId node)
{
	MetadataCache *current = metadata_cache();

	for (uint32_t i = 0; i < current->node_count; i++)
	{
		if (current->nodes[i].node == node)
			return &current->nodes[i];
	}
	return NULL;
}

const NodeInfo *
metadata_node_by_name(const char *name)
{
	MetadataCache *current = metadata_cache();

	for (uint32_t i = 0; i < current->node_count; i++)
	{
		if (strcmp(current->nodes[i].name, name) == 0)
			return &current->nodes[i];
	}
	return NULL;
}

uint64_t
metadata_removed_nodes(void)
{
	return metadata_cache()->removed_nodes;
}

NodeId
metadata_next_node_id(void)
{
	MetadataCache *current = metadata_cache();
	uint64_t used = current->removed_nodes;
	NodeId next = CORE_NODES_MAX;

	for (uint32_t i = 0; i < current->node_count; i++)
		used |= node_id_bit(current->nodes[i].node);
	while (next > 0 && !(used & node_id_bit(next)))
		next--;
	return (NodeId) (next + 1);
}

const Membership *
metadata_wanted_keepers(void)
{
	return &metadata_cache()->metadata_partition.membership;
}

MetadataSettings
metadata_settings(void)
{
	return metadata_cache()->settings;
}

ClusterVersion
metadata_cluster_version(void)
{
	return metadata_cache()->cluster_version;
}

Lsn
metadata_lsn(void)
{
	return metadata_cache()->lsn;
}

uint32_t
metadata_next_table_id(void)
{
	return metadata_cache()->greatest_table_id + 1;
}

const DroppedTable *
metadata_dropped_tables(uint32_t *count)
{
	MetadataCache *current = metadata_cache();

	*count = current->dropped_count;
	return current->dropped;
}

uint32_t
metadata_table_of_group(GroupId group)
{
	return group == GROUP_METADATA ? METADATA_TABLE_ID : metadata_group_table_id(group);
}

static int
compare_dropped_id(const void *id, const void *dropped)
{
	uint32_t wanted = *(const uint32_t *) id;
	uint32_t present = ((const DroppedTable *) dropped)->table_id;

	return wanted < present ? -1 : wanted > present;
}

bool
metadata_table_is_dropped(uint32_t table_id)
{
	MetadataCache *current = metadata_cache();

	return current->dropped_count > 0 &&
		   bsearch(&table_id, current->dropped, current->dropped_count, sizeof(DroppedTable),
				   compare_dropped_id) != NULL;
}

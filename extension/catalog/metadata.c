/*
 * metadata.c
 *		A backend's cache of the cluster's metadata: tables, partitions, nodes.
 *
 * Runs in every backend that routes requests and in the applier.  The cache is read as a whole from
 * this node's replica of the metadata table under one snapshot, so it is a state that the metadata
 * once had, though not always the latest.  It is read again when SharedState.metadata_generation
 * has moved; the applier moves that after the rows are visible, so a reader that sees the new
 * number finds the new rows.  While the rows of the metadata are being copied from another node they are
 * not read: what is cached stays valid, and a backend without a cache waits.
 *
 * Positions sort items of one kind by their sort key; so tables come in order of name and
 * partitions in order of table id and number, and look-ups are binary searches.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "catalog/metadata_cache.h"
#include "settings.h"
#include "shmem/rows_state.h"
#include "storage/applied_table.h"
#include "storage/item_table.h"

#define COMPLETE_POLL_MS 10

static MetadataCache *cache = NULL;

/* ---------------------------------------------------------------- reading */

/* Makes room for one more element of an array. */
static void *
grow_array(void *array, uint32_t count, uint32_t *capacity, Size element)
{
	if (count < *capacity)
		return array;
	*capacity = Max(64, 2 * *capacity);
	if (array == NULL)
		return palloc(*capacity * element);
	return repalloc_huge(array, *capacity * element);
}

static void
add_table(MetadataCache *loading, const TableInfo *table)
{
	TableInfo *copy = palloc(sizeof(TableInfo));

	*copy = *table;
	loading->tables = grow_array(loading->tables, loading->table_count, &loading->table_capacity,
								 sizeof(TableInfo *));
	loading->tables[loading->table_count++] = copy;
}

static void
add_partition(MetadataCache *loading, const MetadataItem *item)
{
	loading->partitions = grow_array(loading->partitions, loading->partition_count,
									 &loading->partition_capacity, sizeof(OwnedPartition));
	loading->partitions[loading->partition_count++] = (OwnedPartition){item->table_id,
																	   item->partition};
}

static void
add_table_id(MetadataCache *loading, const MetadataItem *item)
{
	loading->greatest_table_id = Max(loading->greatest_table_id, item->table_id);
	if (!item->dropped)
		return;
	loading->dropped = grow_array(loading->dropped, loading->dropped_count,
								  &loading->dropped_capacity, sizeof(DroppedTable));
	loading->dropped[loading->dropped_count++] = (DroppedTable){item->table_id,
																item->partition_count};
}

static void
add_node(MetadataCache *loading, const NodeInfo *node)
{
	if (loading->node_count == CORE_NODES_MAX)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("metadata lists more than %d nodes", CORE_NODES_MAX)));
	loading->nodes[loading->node_count++] = *node;
}

static bool
read_metadata_row(void *context, const ItemRow *row)
{
	MetadataCache *loading = context;
	MemoryContext caller = MemoryContextSwitchTo(loading->context);
	MetadataItem item;

	metadata_read_item(row->item, row->item_length, &item);
	switch (item.kind)
	{
		case METADATA_KIND_NODE:
			add_node(loading, &item.node);
			break;
		case METADATA_KIND_TABLE:
			add_table(loading, &item.table);
			break;
		case METADATA_KIND_PARTITION:
			add_partition(loading, &item);
			break;
		case METADATA_KIND_TABLE_ID:
			add_table_id(loading, &item);
			break;
		case METADATA_KIND_REMOVED_NODE:
			loading->removed_nodes |= node_id_bit(item.node.node);
			break;
		case METADATA_KIND_SETTINGS:
			loading->settings = item.settings;
			break;
		case METADATA_KIND_VERSION:
			loading->cluster_version = item.version;
			break;
	}
	MemoryContextSwitchTo(caller);
	return true;
}

/* ---------------------------------------------------------------- putting together */

static int
compare_table_ids(const void *left, const void *right)
{
	uint32_t left_id = (*(const TableInfo *const *) left)->table_id;
	uint32_t right_id = (*(const TableInfo *const *) right)->table_id;

	return left_id < right_id ? -1 : left_id > right_id;
}

/* The index of the first partition of a table, or where it would stand. */
static uint32_t
first_partition_of(const MetadataCache *loading, uint32_t table_id)
{
	uint32_t low = 0;
	uint32_t high = loading->partition_count;

	while (low < high)
	{
		uint32_t middle = low + (high - low) / 2;

		if (loading->partitions[middle].table_id < table_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Gives a table its partitions; they were made in the same entry, so all of them must be there. */
static void
link_partitions(const MetadataCache *loading, TableInfo *table)
{
	uint32_t first = first_partition_of(loading, table->table_id);

	table->partitions = palloc(table->partition_count * sizeof(PartitionInfo));
	for (uint32_t i = 0; i < table->partition_count; i++)
	{
		const OwnedPartition *owned = &loading->partitions[first + i];

		if (first + i >= loading->partition_count || owned->table_id != table->table_id ||
			owned->info.number != i)
			ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
							errmsg("metadata of table \"%s\" lacks partition %u", table->name, i)));
		table->partitions[i] = owned->info;
	}
}

static void
link_tables(MetadataCache *loading)
{
	loading->tables_by_id = palloc(Max(1, loading->table_count) * sizeof(TableInfo *));
	for (uint32_t i = 0; i < loading->table_count; i++)
	{
		link_partitions(loading, (TableInfo *) loading->tables[i]);
		loading->tables_by_id[i] = loading->tables[i];
	}
	if (loading->table_count > 1)
		qsort(loading->tables_by_id, loading->table_count, sizeof(TableInfo *), compare_table_ids);
}

/* The nodes that shall keep the metadata. */
static void
choose_keepers(const MetadataCache *loading, Membership *keepers)
{
	keepers->generation = 1;
	for (uint32_t i = 0; i < loading->node_count; i++)
	{
		const NodeInfo *node = &loading->nodes[i];

		if ((node->state == NODE_ACTIVE || node->state == NODE_DRAINING) &&
			keepers->member_count < CORE_MEMBERS_MAX)
			keepers->members[keepers->member_count++] = (Member){.node = node->node,
																 .kind = MEMBER_STORAGE};
	}
}

/* The metadata's own table: one partition on all nodes. */
static void
describe_metadata_table(MetadataCache *loading)
{
	TableInfo *table = &loading->metadata_table;
	PartitionInfo *partition = &loading->metadata_partition;

	partition->group = GROUP_METADATA;
	partition->placement = 1;
	choose_keepers(loading, &partition->membership);
	table->table_id = METADATA_TABLE_ID;
	table->key_schema = *metadata_key_schema();
	table->partition_count = 1;
	table->partitions = partition;
}

/* The LSN that this node's rows of the metadata show at least, from now on. */
static Lsn
applied_metadata_lsn(void)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	KeyedTable applied;
	AppliedRow row;

	applied_table_open(&applied, AccessShareLock);
	(void) applied_table_get(&applied, GROUP_METADATA, snapshot, &row);
	keyed_table_close(&applied, AccessShareLock);
	UnregisterSnapshot(snapshot);
	return row.applied_lsn;
}

/* Reads everything into a new cache; the old one stays as it is if that fails. */
static MetadataCache *
load_cache(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "quorate metadata",
												  ALLOCSET_DEFAULT_SIZES);
	MetadataCache *loading = MemoryContextAllocZero(context, sizeof(MetadataCache));
	MemoryContext caller;
	ItemTable table;

	loading->context = context;
	loading->generation = pg_atomic_read_u64(&quorate_shared->metadata_generation);
	loading->greatest_table_id = METADATA_FIRST_TABLE_ID - 1;
	loading->cluster_version = VERSION_FIRST;
	loading->settings = (MetadataSettings){.healing = true, .balancing = true};
	pg_memory_barrier();

	if (OidIsValid(item_table_relid(METADATA_TABLE_ID)))
	{
		loading->lsn = applied_metadata_lsn();
		item_table_open(&table, METADATA_TABLE_ID, AccessShareLock);
		item_table_range(&table, NULL, 0, NULL, 0, false, read_metadata_row, loading);
		item_table_close(&table, AccessShareLock);
	}
	caller = MemoryContextSwitchTo(context);
	link_tables(loading);
	describe_metadata_table(loading);
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, TopMemoryContext);
	return loading;
}

bool
metadata_is_complete(void)
{
	GroupShared *group = shared_group_find(GROUP_METADATA);

	return group == NULL || rows_state(group) == ROWS_READY;
}

bool
metadata_is_available(void)
{
	GroupShared *group = shared_group_find(GROUP_METADATA);

	if (cache != NULL || group == NULL)
		return true;
	return rows_state(group) == ROWS_READY || rows_state(group) == ROWS_UNKNOWN;
}

/* Waits until the rows are there; a worker, who might be the one to bring them, does not. */
static void
wait_until_complete(void)
{
	TimeUs deadline_us = shared_now_us() + quorate_request_timeout_ms * INT64CONST(1000);

	while (!metadata_is_complete())
	{
		if (MyBgworkerEntry != NULL || shared_now_us() >= deadline_us)
			ereport(ERROR,
					(errcode(ERRCODE_CANNOT_CONNECT_NOW),
					 errmsg("this node does not have the cluster's metadata yet"),
					 errdetail("Its rows are being copied from another node."), errhint("Retry.")));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, COMPLETE_POLL_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

MetadataCache *
metadata_cache(void)
{
	MetadataCache *fresh;

	shared_state_require();
	if (cache != NULL &&
		(cache->generation == pg_atomic_read_u64(&quorate_shared->metadata_generation) ||
		 !metadata_is_complete()))
		return cache;

	wait_until_complete();
	fresh = load_cache();
	if (cache != NULL)
		MemoryContextDelete(cache->context);
	cache = fresh;
	return cache;
}

/*
 * metadata.h
 *		The cluster's metadata: nodes, item tables and partitions as items of a system table.
 *
 * The metadata is itself an item table of one partition (table id 1, group GROUP_METADATA, relation
 * quorate_data.t1), so it is applied, read and checked like any other.  Its items, by partition key
 * (pk) and sort key (sk):
 *
 *	"node", node id of 5 digits:
 *		name, zone, conninfo
 *	"table", table name:
 *		table_id, partition_key, partition_key_type, sort_key, sort_key_type, partition_count
 *	"partition", table id of 10 digits, a full stop, the partition's number of 6 digits:
 *		group_id, lower (B; absent for the first), members (L of node ids), first_leader
 *	"table_id", table id of 10 digits; one for every table that ever was:
 *		table_name, partition_count, dropped (BOOL)
 *
 * Each node reads its own replica of it: eventually consistent, as routing may be.  A backend
 * caches what it has read and reloads when SharedState.metadata_generation has moved.
 */
#ifndef QUORATE_CATALOG_METADATA_H
#define QUORATE_CATALOG_METADATA_H

#include "postgres.h"

#include "core/core_types.h"
#include "item/key.h"
#include "shmem/shared_state.h"

#define METADATA_TABLE_ID 1
#define TABLE_NAME_MAX 255

typedef struct PartitionInfo
{
	uint32_t number; /* 0 .. partition_count - 1, in order of position */
	GroupId group;
	const uint8_t *lower; /* first position that belongs to it; length 0 for the first partition */
	uint32_t lower_length;
	NodeId first_leader;
	Membership membership; /* a hint: the group's own log is the authority */
} PartitionInfo;

typedef struct TableInfo
{
	uint32_t table_id;
	char name[TABLE_NAME_MAX + 1];
	KeySchema key_schema; /* item/key.h */
	uint32_t partition_count;
	PartitionInfo *partitions; /* by number */
} TableInfo;

/*
 * Looks an item table up in this backend's cache, reloading from the local metadata replica if that
 * has changed (ERROR 57P03 while it is incomplete and nothing is cached).  NULL if there is none.
 * Valid until the next call of any metadata function in this backend.
 */
extern const TableInfo *metadata_table_by_name(const char *name);
extern const TableInfo *metadata_table_by_id(uint32_t table_id);

/* The partition that a position belongs to (floor lookup). */
extern const PartitionInfo *
metadata_partition_of(const TableInfo *table, const uint8_t *position, uint32_t length);

/*
 * The metadata's own table, METADATA_TABLE_ID, is found by id only: it has one partition, of which
 * the lower bound is empty and all nodes are members.
 */

/* The nodes of the cluster, in order of id; none before the metadata has reached this node. */
extern const NodeInfo *metadata_nodes(uint32_t *count);

/*
 * False while this node's rows of the metadata are being copied from another node: then the functions here
 * tell what was known before, or raise an error.
 */
extern bool metadata_is_complete(void);

/* False if they would have nothing to tell but that error, and not only for a moment after the start. */
extern bool metadata_is_available(void);

/* The item table that a group's partition belongs to; from the group's id alone. */
extern uint32_t metadata_table_of_group(GroupId group);

/* An id that no table has or had, as far as this node knows. */
extern uint32_t metadata_next_table_id(void);

/*
 * A table that existed and was dropped; its groups were metadata_group_id(id, 0 .. partition_count
 * - 1).
 */
typedef struct DroppedTable
{
	uint32_t table_id;
	uint32_t partition_count;
} DroppedTable;

/* All of them, in order of id, for the reconciler. */
extern const DroppedTable *metadata_dropped_tables(uint32_t *count);

/* True if a table of this id existed and was dropped. */
extern bool metadata_table_is_dropped(uint32_t table_id);

/* All tables, in order of name, for the views and the reconciler. */
extern const TableInfo *const *metadata_tables(uint32_t *count);

#endif /* QUORATE_CATALOG_METADATA_H */

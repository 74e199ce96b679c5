/*
 * metadata.h
 *		The cluster's metadata: nodes, item tables and partitions as items of a system table.
 *
 * The metadata is itself an item table of one partition (table id 1, group GROUP_METADATA, relation
 * quorate_data.t1), so it is applied, read and checked like any other.  Its items, by partition key
 * (pk) and sort key (sk):
 *
 *	"node", node id of 5 digits:
 *		name, zone, conninfo, state (active, joining, draining, leaving; active if absent)
 *	"removed_node", node id of 5 digits; one for every node that was removed, so that no id is used twice:
 *		name
 *	"table", table name:
 *		table_id, partition_key, partition_key_type, sort_key, sort_key_type, partition_count
 *	"partition", table id of 10 digits, a full stop, the partition's number of 6 digits:
 *		group_id, lower (B; absent for the first), members (L of node ids; of maps {node, kind} for other kinds
 *		than storage replicas), first_leader, placement (1 if absent)
 *	"table_id", table id of 10 digits; one for every table that ever was:
 *		table_name, partition_count, dropped (BOOL)
 *	"settings", "cluster":
 *		healing, balancing (BOOL)
 *	"settings", "version":
 *		version (1 if the item is absent)
 *
 * members and first_leader are what is *wanted*: replicas and a leader that the groups are brought to, one step after
 * the other.  placement grows by one with each change of the members; a group is opened from the metadata only under
 * placement 1, with which it was created.
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

/* Names of item tables: 3 to 255 of these. */
#define TABLE_NAME_MIN 3
#define TABLE_NAME_MAX 255
#define TABLE_NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

typedef struct PartitionInfo
{
	uint32_t number; /* 0 .. partition_count - 1, in order of position */
	GroupId group;
	const uint8_t *lower; /* first position that belongs to it; length 0 for the first partition */
	uint32_t lower_length;
	NodeId first_leader;   /* who is preferred as leader */
	uint64_t placement;    /* 1 as created, one more with each change of the wanted members */
	Membership membership; /* who is wanted: who belongs to it now, the group's own log tells */
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
 * the lower bound is empty and which all nodes shall keep.
 */

/* The nodes of the cluster, in order of id; none before the metadata has reached this node. */
extern const NodeInfo *metadata_nodes(uint32_t *count);
extern const NodeInfo *metadata_node_by_id(NodeId node);
extern const NodeInfo *metadata_node_by_name(const char *name);

/* The ids of nodes that were removed, as a set (node_id_bit). */
extern uint64_t metadata_removed_nodes(void);

/* An id that no node has or had, as far as this node knows; above CORE_NODES_MAX if there is none left. */
extern NodeId metadata_next_node_id(void);

/*
 * Who shall keep the metadata: the active and draining nodes, at most CORE_MEMBERS_MAX, as storage replicas.  It is
 * also the membership of metadata_table_by_id(METADATA_TABLE_ID)'s only partition.
 */
extern const Membership *metadata_wanted_keepers(void);

/* Switches of the whole cluster. */
typedef struct MetadataSettings
{
	bool recorded;  /* false: nobody has set anything, all is as by default */
	bool healing;   /* replace replicas on nodes that have been away for long; on by default */
	bool balancing; /* move replicas and leaders to nodes that have fewer; on by default */
} MetadataSettings;

extern MetadataSettings metadata_settings(void);

/* The version of the cluster (core/version.h). */
extern ClusterVersion metadata_cluster_version(void);

/* What is read here is the metadata as of this LSN, or of a later one. */
extern Lsn metadata_lsn(void);

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

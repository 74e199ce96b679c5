/*
 * metadata_items.h
 *		The metadata's items (catalog/metadata.h lists their kinds): how they are made and read.
 *
 * A change of the metadata is one entry of the group GROUP_METADATA: a list of images, with an
 * expectation on the present row of each, which the leader checks before it proposes.  So two nodes
 * that change the metadata at the same time cannot both succeed on what only one of them saw.
 *
 * Identifiers are unique for ever without a counter: every table that ever existed keeps an item of
 * kind "table_id", created under EXPECT_ABSENT, and a partition's group id is made of its table's
 * id and a serial number.  After drop_table that item is the tombstone (status "dropped"); the
 * reconcilers of all nodes learn from it, at whatever later time they come by, which groups to
 * close and which relation to drop.
 */
#ifndef QUORATE_CATALOG_METADATA_ITEMS_H
#define QUORATE_CATALOG_METADATA_ITEMS_H

#include "catalog/metadata.h"
#include "shmem/shared_state.h"
#include "wire/request.h"

#define METADATA_FIRST_TABLE_ID 2    /* below it are system tables */
#define METADATA_PARTITIONS_MAX 4096 /* partitions that create_table can make */

/* A change of the metadata, ready for a WRITE request to the metadata's leader; palloc'd. */
typedef struct MetadataChange
{
	Lsn lsn; /* of the metadata that the change rests on: see EXPECT_UNCHANGED */
	uint32_t image_count;
	EntryImage *images;
	ImageExpectation *expectations; /* one an image */
} MetadataChange;

/* What create_table was asked for; checked by the caller (names, types, limits). */
typedef struct TableSpec
{
	const char *name;
	KeySchema key_schema;
	uint32_t partition_count; /* 1 to METADATA_PARTITIONS_MAX */
} TableSpec;

/* The group of a table's partition with this serial number (0 to 2^20 - 1). */
extern GroupId metadata_group_id(uint32_t table_id, uint32_t serial);

/* The other way round; not for the metadata's own group. */
extern uint32_t metadata_group_table_id(GroupId group);

/* Whom the metadata shall want for a partition: its replicas, and who is preferred as leader. */
typedef struct WantedReplica
{
	NodeId node;
	MemberKind kind; /* MEMBER_STORAGE; others are for later */
} WantedReplica;

typedef struct WantedReplicas
{
	uint32_t count; /* 1 to CORE_MEMBERS_MAX */
	WantedReplica replicas[CORE_MEMBERS_MAX];
	NodeId leader; /* one of them */
} WantedReplicas;

/* True if the metadata wants just these replicas, whoever is preferred as leader. */
extern bool metadata_wants(const PartitionInfo *partition, const WantedReplicas *wanted);

/* create_cluster: records the nodes and the version; fails on the leader if the cluster has nodes already. */
extern void metadata_build_nodes(const NodeInfo *nodes, uint32_t node_count, ClusterVersion version,
								 MetadataChange *change);

/* finalize_upgrade: the version, raised from the one that was read; fails if it was raised since. */
extern void metadata_build_version(ClusterVersion version, MetadataChange *change);

/* add_node: records a node under metadata_next_node_id(); fails if that id is or was in use. */
extern void metadata_build_add_node(const NodeInfo *node, MetadataChange *change);

/*
 * A node that was read from the metadata, with another state.  This and the next ones fail if the item was
 * changed since this backend's copy of the metadata: look again.
 */
extern void metadata_build_set_node(const NodeInfo *node, MetadataChange *change);

/* remove_node: the node goes, its tombstone stays. */
extern void metadata_build_remove_node(const NodeInfo *node, MetadataChange *change);

/* The switches, as they were read and then changed. */
extern void metadata_build_settings(const MetadataSettings *settings, MetadataChange *change);

/*
 * Other replicas or another preferred leader for a partition, as it was read from the metadata; its placement
 * grows if the replicas are others.
 */
extern void metadata_build_placement(uint32_t table_id, const PartitionInfo *partition,
									 const WantedReplicas *wanted, MetadataChange *change);

/*
 * create_table: the table under `table_id` (metadata_next_table_id), its partitions of equal shares
 * of the hash space, each with the replicas that `placement` (one a partition) wants.  Fails on the leader if
 * the name or the id is taken: look again whether the table exists, else try the next id.
 */
extern void metadata_build_create_table(const TableSpec *spec, uint32_t table_id,
										const WantedReplicas *placement, MetadataChange *change);

/*
 * drop_table: removes the table and its partitions and leaves the tombstone.  Fails on the leader
 * if this very table (not another one of the same name) is gone.
 */
extern void metadata_build_drop_table(const TableInfo *table, MetadataChange *change);

/* The partition keys of metadata items. */
#define METADATA_PK_NODE "node"
#define METADATA_PK_REMOVED_NODE "removed_node"
#define METADATA_PK_SETTINGS "settings"
#define METADATA_SETTINGS_KEY "cluster"
#define METADATA_VERSION_KEY "version"
#define METADATA_PK_TABLE "table"
#define METADATA_PK_PARTITION "partition"
#define METADATA_PK_TABLE_ID "table_id"

/* The key schema of metadata items: pk and sk, both strings. */
extern const KeySchema *metadata_key_schema(void);

/* How metadata and views name the standing of a node, and the kind of a replica. */
extern const char *metadata_standing_name(NodeStanding standing);
extern bool metadata_standing_from_name(const char *name, NodeStanding *standing);
extern const char *metadata_kind_name(MemberKind kind);
extern bool metadata_kind_from_name(const char *name, MemberKind *kind);

/* What one metadata item says.  Strings are palloc'd and end with a zero byte. */
typedef enum MetadataKind
{
	METADATA_KIND_NODE = 1,
	METADATA_KIND_TABLE,
	METADATA_KIND_PARTITION,
	METADATA_KIND_TABLE_ID,
	METADATA_KIND_REMOVED_NODE,
	METADATA_KIND_SETTINGS,
	METADATA_KIND_VERSION
} MetadataKind;

typedef struct MetadataItem
{
	MetadataKind kind;
	NodeInfo node;             /* NODE; REMOVED_NODE: id and name */
	MetadataSettings settings; /* SETTINGS */
	ClusterVersion version;    /* VERSION */
	TableInfo table;           /* TABLE: all but `partitions` */
	uint32_t table_id;         /* PARTITION, TABLE_ID */
	PartitionInfo partition;   /* PARTITION */
	uint32_t partition_count;  /* TABLE_ID: serial numbers 0 to partition_count - 1 are in use */
	bool dropped;              /* TABLE_ID: the table is gone */
} MetadataItem;

/* Reads a metadata item; ERROR XX001 if it is none. */
extern void metadata_read_item(const uint8_t *item, uint32_t length, MetadataItem *result);

#endif /* QUORATE_CATALOG_METADATA_ITEMS_H */

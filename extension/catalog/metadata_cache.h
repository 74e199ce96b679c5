/*
 * metadata_cache.h
 *		A backend's copy of the metadata, for metadata.c, which reads it, and metadata_lookup.c.
 */
#ifndef QUORATE_CATALOG_METADATA_CACHE_H
#define QUORATE_CATALOG_METADATA_CACHE_H

#include "catalog/metadata_items.h"

/* A partition before its table is known. */
typedef struct OwnedPartition
{
	uint32_t table_id;
	PartitionInfo info;
} OwnedPartition;

/* Growing arrays, in the cache's context. */
typedef struct MetadataCache
{
	MemoryContext context;
	uint64_t generation; /* as of before the rows were read */

	uint32_t table_count;
	uint32_t table_capacity;
	const TableInfo **tables; /* by name */
	const TableInfo **tables_by_id;

	uint32_t partition_count;
	uint32_t partition_capacity;
	OwnedPartition *partitions; /* by table id and number */

	uint32_t dropped_count;
	uint32_t dropped_capacity;
	DroppedTable *dropped; /* by id */

	Lsn lsn; /* of the metadata, as of before the rows were read */
	uint32_t node_count;
	NodeInfo nodes[CORE_NODES_MAX]; /* by id */
	uint64_t removed_nodes;         /* as a set */
	MetadataSettings settings;
	ClusterVersion cluster_version;

	uint32_t greatest_table_id;
	TableInfo metadata_table;
	PartitionInfo metadata_partition;
} MetadataCache;

/* The copy, read anew if the metadata has changed since; valid until the next call. */
extern MetadataCache *metadata_cache(void);

#endif /* QUORATE_CATALOG_METADATA_CACHE_H */

/*
 * placement_nodes.h
 *		The table of nodes that routing/placement.h chooses from, made from the metadata.
 */
#ifndef QUORATE_CATALOG_PLACEMENT_NODES_H
#define QUORATE_CATALOG_PLACEMENT_NODES_H

#include "postgres.h"

#include "catalog/metadata_items.h"
#include "routing/placement.h"

typedef struct PlacementNodes
{
	uint32_t count;
	PlacementNode nodes[CORE_NODES_MAX]; /* zones point into the metadata's cache */
} PlacementNodes;

/*
 * All nodes, by what the metadata says of them, with the replicas that it wants there and the leaders that it prefers
 * there, of all partitions.  Valid until the metadata is looked at the next time.
 */
extern void placement_nodes_load(PlacementNodes *nodes);

/* Those that this node has not heard for longer than this shall hold nothing; this node itself is always there. */
extern void placement_nodes_exclude_silent(PlacementNodes *nodes, long silent_ms);

/* A choice as the metadata records it: storage replicas. */
extern void placement_to_wanted(const PlacementChoice *choice, WantedReplicas *wanted);

#endif /* QUORATE_CATALOG_PLACEMENT_NODES_H */

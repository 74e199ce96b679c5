/*
 * placement.h
 *		Which nodes shall hold the replicas of a partition, and which of them shall lead it.
 *
 * A pure function of a table of nodes: create_table uses it for new partitions, and whoever heals or balances for
 * those that exist.  The caller counts replicas and leaders itself and counts on after each choice (placement_count),
 * so that many choices in a row spread.
 */
#ifndef QUORATE_ROUTING_PLACEMENT_H
#define QUORATE_ROUTING_PLACEMENT_H

#include "core/core_types.h"

#define PLACEMENT_COPIES 3 /* replicas that a partition shall have, in as many zones */

/* What a node is good for. */
typedef enum PlacementUse
{
	PLACEMENT_NONE = 0, /* away or leaving: shall hold nothing */
	PLACEMENT_KEEP, /* draining: keeps what it has, gets nothing new, leads nothing if another can */
	PLACEMENT_ANY   /* healthy and active */
} PlacementUse;

typedef struct PlacementNode
{
	NodeId node;
	const char *zone;
	PlacementUse use;
	uint32_t replicas; /* that are placed there now, of all partitions */
	uint32_t leaders;  /* partitions that shall be led there */
} PlacementNode;

typedef struct PlacementChoice
{
	uint32_t count; /* at most as many as were asked for; 0 if no node is any good */
	NodeId members
		[CORE_MEMBERS_MAX]; /* those that stay first, in the order in which they were present */
	NodeId leader;          /* one of them; 0 if there is none */
	uint32_t kept;          /* of the members, those that were present */
	uint32_t zones;         /* different zones among the members */

	/*
	 * Fewer zones than copies although another choice, without some member that was kept, would have more.
	 */
	bool could_spread;
} PlacementChoice;

/*
 * Chooses `copies` members for a partition, at most CORE_MEMBERS_MAX, of which `present` (count 0: none, a new
 * partition) are those so far, and present_leader (0: none) is preferred as leader so far.
 *
 * Members on nodes that are PLACEMENT_ANY or PLACEMENT_KEEP stay, unless there are more than `copies`: then those in
 * zones that others are in go first, then those on the nodes with most replicas.  Missing ones come from PLACEMENT_ANY
 * nodes: in a zone where no other member is if there is one, with the fewest replicas, the lowest id.  The leader
 * stays if it is a member on a PLACEMENT_ANY node, else it is the member with the fewest leaders.
 */
extern void placement_choose(const PlacementNode *nodes, uint32_t node_count, const NodeId *present,
							 uint32_t present_count, NodeId present_leader, uint32_t copies,
							 PlacementChoice *choice);

/*
 * The same, and members in the zone of another one give way to nodes in zones where none is, as far as there are such:
 * to be asked if placement_choose says could_spread.
 */
extern void placement_spread(const PlacementNode *nodes, uint32_t node_count, const NodeId *present,
							 uint32_t present_count, NodeId present_leader, uint32_t copies,
							 PlacementChoice *choice);

/* Counts the replicas and the leader of a choice in the table of nodes; `weight` is 1, or -1 to take them back. */
extern void placement_count(PlacementNode *nodes, uint32_t node_count,
							const PlacementChoice *choice, int weight);

#endif /* QUORATE_ROUTING_PLACEMENT_H */

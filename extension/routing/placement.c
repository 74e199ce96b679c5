/*
 * placement.c
 *		Which nodes shall hold the replicas of a partition, and which of them shall lead it; see placement.h.
 *
 * Tables of nodes are short, so everything is a plain search.
 */
#include "routing/placement.h"

#include <string.h>

typedef struct Placement
{
	const PlacementNode *nodes;
	uint32_t node_count;
	uint32_t copies;
	uint32_t count;
	const PlacementNode *members[CORE_MEMBERS_MAX];
	uint32_t kept;
} Placement;

static const PlacementNode *
find_node(const Placement *placement, NodeId node)
{
	for (uint32_t i = 0; i < placement->node_count; i++)
	{
		if (placement->nodes[i].node == node)
			return &placement->nodes[i];
	}
	return NULL;
}

static bool
is_member(const Placement *placement, const PlacementNode *node)
{
	for (uint32_t i = 0; i < placement->count; i++)
	{
		if (placement->members[i] == node)
			return true;
	}
	return false;
}

/* Members in a zone. */
static uint32_t
members_in_zone(const Placement *placement, const char *zone)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < placement->count; i++)
		count += strcmp(placement->members[i]->zone, zone) == 0;
	return count;
}

static uint32_t
count_zones(const Placement *placement)
{
	uint32_t zones = 0;

	for (uint32_t i = 0; i < placement->count; i++)
	{
		uint32_t earlier = 0;

		for (uint32_t j = 0; j < i; j++)
			earlier += strcmp(placement->members[i]->zone, placement->members[j]->zone) == 0;
		zones += earlier == 0;
	}
	return zones;
}

/* ---- who goes ---- */

static void
drop_member(Placement *placement, uint32_t index)
{
	placement->count--;
	memmove(&placement->members[index], &placement->members[index + 1],
			(placement->count - index) * sizeof(placement->members[0]));
}

/* True if the first is the one to go rather than the second. */
static bool
goes_before(const Placement *placement, const PlacementNode *first, const PlacementNode *second)
{
	uint32_t first_together = members_in_zone(placement, first->zone);
	uint32_t second_together = members_in_zone(placement, second->zone);

	if (first_together != second_together)
		return first_together > second_together;
	if (first->use != second->use)
		return first->use < second->use;
	return first->replicas > second->replicas;
}

/* The index of the member that can be missed most; the later one among equals. */
static uint32_t
member_to_drop(const Placement *placement)
{
	uint32_t worst = placement->count - 1;

	for (uint32_t i = placement->count - 1; i-- > 0;)
	{
		if (goes_before(placement, placement->members[i], placement->members[worst]))
			worst = i;
	}
	return worst;
}

/* Takes over the present members that can stay. */
static void
keep_present(Placement *placement, const NodeId *present, uint32_t present_count)
{
	for (uint32_t i = 0; i < present_count && placement->count < CORE_MEMBERS_MAX; i++)
	{
		const PlacementNode *node = find_node(placement, present[i]);

		if (node && node->use != PLACEMENT_NONE && !is_member(placement, node))
			placement->members[placement->count++] = node;
	}
	while (placement->count > placement->copies)
		drop_member(placement, member_to_drop(placement));
}

/* ---- who comes ---- */

static bool
comes_before(const Placement *placement, const PlacementNode *first, const PlacementNode *second)
{
	bool first_alone = members_in_zone(placement, first->zone) == 0;
	bool second_alone = members_in_zone(placement, second->zone) == 0;

	if (first_alone != second_alone)
		return first_alone;
	if (first->replicas != second->replicas)
		return first->replicas < second->replicas;
	if (first->leaders != second->leaders)
		return first->leaders < second->leaders;
	return first->node < second->node;
}

/* The best node that could be added, NULL if there is none. */
static const PlacementNode *
node_to_add(const Placement *placement)
{
	const PlacementNode *best = NULL;

	for (uint32_t i = 0; i < placement->node_count; i++)
	{
		const PlacementNode *node = &placement->nodes[i];

		if (node->use != PLACEMENT_ANY || is_member(placement, node))
			continue;
		if (!best || comes_before(placement, node, best))
			best = node;
	}
	return best;
}

static void
fill_up(Placement *placement)
{
	const PlacementNode *node;

	while (placement->count < placement->copies && (node = node_to_add(placement)) != NULL)
		placement->members[placement->count++] = node;
}

/* True if some zone without a member has a node that could be one. */
static bool
has_free_zone(const Placement *placement)
{
	const PlacementNode *node = node_to_add(placement);

	return node && members_in_zone(placement, node->zone) == 0;
}

/* True if a member that shares its zone could give way to a node in a zone without one. */
static bool
could_spread(const Placement *placement)
{
	return count_zones(placement) < placement->count && has_free_zone(placement);
}

/* ---- who leads ---- */

static bool
leads_before(const PlacementNode *first, const PlacementNode *second)
{
	if (first->use != second->use)
		return first->use > second->use;
	if (first->leaders != second->leaders)
		return first->leaders < second->leaders;
	return first->node < second->node;
}

static NodeId
choose_leader(const Placement *placement, NodeId present_leader)
{
	const PlacementNode *best = NULL;

	for (uint32_t i = 0; i < placement->count; i++)
	{
		const PlacementNode *node = placement->members[i];

		if (node->node == present_leader && node->use == PLACEMENT_ANY)
			return node->node;
		if (!best || leads_before(node, best))
			best = node;
	}
	return best ? best->node : 0;
}

/* ---- the doors ---- */

static void
report(Placement *placement, NodeId present_leader, PlacementChoice *choice)
{
	memset(choice, 0, sizeof(*choice));
	choice->kept = placement->kept;
	choice->count = placement->count;
	for (uint32_t i = 0; i < placement->count; i++)
		choice->members[i] = placement->members[i]->node;
	choice->zones = count_zones(placement);
	choice->could_spread = could_spread(placement);
	choice->leader = choose_leader(placement, present_leader);
}

static void
begin(Placement *placement, const PlacementNode *nodes, uint32_t node_count, const NodeId *present,
	  uint32_t present_count, uint32_t copies)
{
	memset(placement, 0, sizeof(*placement));
	placement->nodes = nodes;
	placement->node_count = node_count;
	placement->copies = copies < CORE_MEMBERS_MAX ? copies : CORE_MEMBERS_MAX;
	keep_present(placement, present, present_count);
	placement->kept = placement->count;
}

void
placement_choose(const PlacementNode *nodes, uint32_t node_count, const NodeId *present,
				 uint32_t present_count, NodeId present_leader, uint32_t copies,
				 PlacementChoice *choice)
{
	Placement placement;

	begin(&placement, nodes, node_count, present, present_count, copies);
	fill_up(&placement);
	report(&placement, present_leader, choice);
}

void
placement_spread(const PlacementNode *nodes, uint32_t node_count, const NodeId *present,
				 uint32_t present_count, NodeId present_leader, uint32_t copies,
				 PlacementChoice *choice)
{
	Placement placement;

	begin(&placement, nodes, node_count, present, present_count, copies);
	while (placement.kept > 0 && could_spread(&placement))
	{
		drop_member(&placement, member_to_drop(&placement));
		placement.kept--;
		placement.members[placement.count++] = node_to_add(&placement);
	}
	fill_up(&placement);
	report(&placement, present_leader, choice);
}

void
placement_count(PlacementNode *nodes, uint32_t node_count, const PlacementChoice *choice,
				int weight)
{
	for (uint32_t i = 0; i < node_count; i++)
	{
		for (uint32_t j = 0; j < choice->count; j++)
			nodes[i].replicas += nodes[i].node == choice->members[j] ? (uint32_t) weight : 0;
		nodes[i].leaders += nodes[i].node == choice->leader ? (uint32_t) weight : 0;
	}
}

/*
 * test_placement.c
 *		Choosing the nodes of a partition's replicas: zones, load, nodes that leave, leaders.
 */
#include "unit/tap.h"

#include "routing/placement.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Five healthy nodes in three zones. */
static const PlacementNode five[] = {{1, "a", PLACEMENT_ANY, 0, 0},
									 {2, "b", PLACEMENT_ANY, 0, 0},
									 {3, "c", PLACEMENT_ANY, 0, 0},
									 {4, "a", PLACEMENT_ANY, 0, 0},
									 {5, "b", PLACEMENT_ANY, 0, 0}};

static bool
has(const PlacementChoice *choice, NodeId node)
{
	for (uint32_t i = 0; i < choice->count; i++)
	{
		if (choice->members[i] == node)
			return true;
	}
	return false;
}

static PlacementChoice
choose(const PlacementNode *nodes, uint32_t count, const NodeId *present, uint32_t present_count,
	   NodeId leader)
{
	PlacementChoice choice;

	placement_choose(nodes, count, present, present_count, leader, PLACEMENT_COPIES, &choice);
	return choice;
}

static void
test_new_partition(void)
{
	PlacementNode nodes[COUNT(five)];
	PlacementChoice choice = choose(five, COUNT(five), NULL, 0, 0);

	TAP_IS_INT(choice.count, 3, "a new partition has three replicas");
	TAP_IS_INT(choice.zones, 3, "in three zones");
	TAP_OK(has(&choice, 1) && has(&choice, 2) && has(&choice, 3), "the lowest ids among equals");
	TAP_IS_INT(choice.leader, 1, "and the lowest leads");
	TAP_IS_INT(choice.kept, 0, "none was there before");

	memcpy(nodes, five, sizeof(nodes));
	nodes[0].replicas = nodes[1].replicas = 1;
	choice = choose(nodes, COUNT(nodes), NULL, 0, 0);
	TAP_OK(has(&choice, 4) && has(&choice, 5) && has(&choice, 3),
		   "nodes with fewer replicas are preferred");

	choice = choose(five, 2, NULL, 0, 0);
	TAP_IS_INT(choice.count, 2, "two nodes take two replicas");
	choice = choose(five, 0, NULL, 0, 0);
	TAP_OK(choice.count == 0 && choice.leader == 0, "no node takes none");
}

static void
test_one_zone(void)
{
	static const PlacementNode nodes[] = {{1, "a", PLACEMENT_ANY, 0, 0},
										  {2, "a", PLACEMENT_ANY, 0, 0},
										  {3, "b", PLACEMENT_ANY, 9, 0},
										  {4, "b", PLACEMENT_ANY, 9, 0}};
	PlacementChoice choice = choose(nodes, COUNT(nodes), NULL, 0, 0);

	TAP_OK(choice.count == 3 && choice.zones == 2, "zones that are missing are told");
	TAP_OK(has(&choice, 1) && has(&choice, 2) && has(&choice, 3), "the rest goes by load");
	TAP_OK(!choice.could_spread, "no other choice had more zones");
}

static void
test_healing(void)
{
	static const NodeId present[] = {3, 2, 1};
	PlacementNode nodes[COUNT(five)];
	PlacementChoice choice;

	memcpy(nodes, five, sizeof(nodes));
	nodes[2].leaders = 5;
	choice = choose(nodes, COUNT(nodes), present, COUNT(present), 3);
	TAP_OK(choice.count == 3 && choice.kept == 3 && choice.leader == 3,
		   "healthy members and the leader stay, whatever the load");
	TAP_OK(choice.members[0] == 3 && choice.members[1] == 2 && choice.members[2] == 1,
		   "in their order");

	nodes[0].use = PLACEMENT_NONE;
	choice = choose(nodes, COUNT(nodes), present, COUNT(present), 1);
	TAP_OK(choice.count == 3 && choice.kept == 2 && has(&choice, 4),
		   "one that is gone is replaced in its zone");
	TAP_IS_INT(choice.leader, 2, "another member leads, the one that leads least");

	nodes[0].use = PLACEMENT_KEEP;
	choice = choose(nodes, COUNT(nodes), present, COUNT(present), 1);
	TAP_OK(has(&choice, 1) && choice.leader == 2,
		   "a draining node keeps its replica and leads none");
	choice = choose(nodes, COUNT(nodes), NULL, 0, 0);
	TAP_OK(!has(&choice, 1), "and gets nothing new");

	nodes[0].use = nodes[3].use = PLACEMENT_NONE;
	choice = choose(nodes, COUNT(nodes), present, COUNT(present), 3);
	TAP_OK(has(&choice, 5) && choice.zones == 2, "without its zone, a second one elsewhere");
	nodes[4].use = PLACEMENT_NONE;
	choice = choose(nodes, COUNT(nodes), present, COUNT(present), 3);
	TAP_IS_INT(choice.count, 2, "and if there is nobody, fewer copies");

	for (uint32_t i = 0; i < COUNT(nodes); i++)
		nodes[i].use = PLACEMENT_KEEP;
	choice = choose(nodes, COUNT(nodes), present, COUNT(present), 3);
	TAP_OK(choice.count == 3 && choice.leader != 0,
		   "if all are draining, somebody leads all the same");
}

static void
test_more_members(void)
{
	static const NodeId present[] = {1, 2, 4, 3};
	static const NodeId unknown[] = {1, 9, 1, 2};
	PlacementChoice choice = choose(five, COUNT(five), present, COUNT(present), 1);

	TAP_OK(choice.count == 3 && choice.zones == 3, "of too many the one that shares its zone goes");
	choice = choose(five, COUNT(five), unknown, COUNT(unknown), 9);
	TAP_OK(choice.count == 3 && choice.kept == 2 && choice.leader == 1,
		   "nodes that are unknown or named twice do not count");
}

static void
test_spreading(void)
{
	static const NodeId present[] = {1, 4, 2};
	PlacementChoice choice = choose(five, COUNT(five), present, COUNT(present), 4);

	TAP_OK(choice.kept == 3 && choice.zones == 2 && choice.could_spread,
		   "two in one zone stay, and it is said that they need not");
	placement_spread(five, COUNT(five), present, COUNT(present), 4, PLACEMENT_COPIES, &choice);
	TAP_OK(choice.count == 3 && choice.zones == 3 && choice.kept == 2 && has(&choice, 3) &&
			   has(&choice, 2),
		   "on demand one of them gives way");
	placement_spread(five, 2, present, COUNT(present), 1, PLACEMENT_COPIES, &choice);
	TAP_OK(choice.count == 2 && choice.kept == 2, "but not without a zone to go to");
}

/* Many choices in a row spread over the nodes. */
static void
test_many(void)
{
	PlacementNode nodes[COUNT(five)];
	uint32_t most = 0;
	uint32_t least = UINT32_MAX;

	memcpy(nodes, five, sizeof(nodes));
	for (int i = 0; i < 300; i++)
	{
		PlacementChoice choice = choose(nodes, COUNT(nodes), NULL, 0, 0);

		if (choice.zones != 3)
			TAP_OK(false, "choice %d has %u zones", i, choice.zones);
		placement_count(nodes, COUNT(nodes), &choice, 1);
	}
	for (uint32_t i = 0; i < COUNT(nodes); i++)
	{
		most = nodes[i].leaders > most ? nodes[i].leaders : most;
		least = nodes[i].leaders < least ? nodes[i].leaders : least;
	}
	TAP_IS_INT(nodes[2].replicas, 300, "the only node of a zone gets them all");
	TAP_IS_INT(nodes[0].replicas, 150, "two nodes of a zone share");
	TAP_OK(most - least <= 2, "leaders spread over all nodes: %u to %u", least, most);
}

int
main(void)
{
	test_new_partition();
	test_one_zone();
	test_healing();
	test_more_members();
	test_spreading();
	test_many();
	return tap_done();
}

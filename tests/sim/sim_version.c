/*
 * sim_version.c
 *		The version of the cluster in the simulator: it begins old in half of the runs and is raised at some time.
 *
 * Nodes learn of it at different times, as from the applied metadata, and may crash before they have it on disk; what
 * a turn has brought to disk is never forgotten.  What they send is judged by what is true for the whole cluster (I14):
 * nothing newer may be under way before the upgrade was finalized.  A new node that replaces a lost one is told the
 * present version when it is laid out.
 */
#include "sim/sim_world.h"

/* Chance in a million that a node which does not know the version learns of it in a turn. */
#define LEARN_CHANCE 10000

/*
 * The upgrade is finalized after so many leases at the latest: groups whose replicas wait for entries that others
 * have commit nothing until then, because asking for them is a message of the new version.
 */
#define FINALIZE_LEASES 50

static bool
is_time_to_finalize(const SimWorld *world)
{
	return world->committed >= world->finalize_at ||
		   world->now_us >= FINALIZE_LEASES * (TimeUs) SIM_LEASE_US;
}

void
sim_version_begin(SimWorld *world)
{
	world->version = VERSION_NEWEST;
	if (!world->faults.enabled[SIM_FAULT_version_raised])
		return;
	world->version = VERSION_FIRST;
	world->finalize_at = sim_random_below(&world->random, (uint32_t) world->operations_wanted);
}

void
sim_version_learn(SimNode *node)
{
	SimWorld *world = node->world;

	if (engine_cluster_version(node->engine) < node->version)
		check_fail(&world->report, "I14", "node %u has forgotten version %u", node->index + 1,
				   node->version);
	if (world->version < VERSION_NEWEST && is_time_to_finalize(world))
		world->version = VERSION_NEWEST;
	if (engine_cluster_version(node->engine) >= world->version ||
		!sim_random_chance(&world->random, LEARN_CHANCE))
		return;
	if (engine_set_cluster_version(node->engine, world->version))
		sim_fault_applied(world, SIM_FAULT_version_raised);
}

void
sim_version_keep(SimNode *node)
{
	node->version = engine_cluster_version(node->engine);
}

void
sim_version_check_message(SimNode *node, const Message *message)
{
	if (version_of_message(message->kind) > node->world->version)
		check_fail(&node->world->report, "I14",
				   "node %u sends a message of kind %u under version %u", node->index + 1,
				   (unsigned) message->kind, node->world->version);
}

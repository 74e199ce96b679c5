/*
 * sim_phase.c
 *		The course of a run: first safety under faults, then liveness without them (I13).
 *
 * The faults stop when enough was committed.  From then on every group must be served, every replica must
 * catch up, an operator must be able to move every group, and in the end all replicas must be equal, each
 * within a fixed number of lease periods.
 */
#include "sim/sim_world.h"

#define SAFETY_LEASES_MIN 25
#define SAFETY_LEASES_MAX 4000
#define ELECT_LEASES 10
#define SETTLE_LEASES \
	4 /* until a clock that jumped back has caught up with what it showed before */
#define PROGRESS_LEASES 6
#define HANDOVER_LEASES 1
#define QUIET_LEASES 6
#define COMMITS_PER_GROUP 5 /* after the faults */

uint32_t
sim_serving_nodes(const SimWorld *world, uint32_t group)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (sim_client_lease_holds(&world->nodes[i], group))
			bits |= 1u << i;
	}
	return bits;
}

static void
enter(SimWorld *world, SimPhase phase, int64_t leases)
{
	world->phase = phase;
	world->phase_began_us = world->now_us;
	world->phase_deadline_us = world->now_us + leases * SIM_LEASE_US;
	sim_trace(world, "phase %d", (int) phase);
}

void
sim_phase_begin(SimWorld *world)
{
	enter(world, SIM_PHASE_SAFETY, SAFETY_LEASES_MAX);
}

static bool
every_group(const SimWorld *world, bool (*holds)(const SimWorld *world, uint32_t group))
{
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		if (!holds(world, group))
			return false;
	}
	return true;
}

static bool
is_served(const SimWorld *world, uint32_t group)
{
	return sim_serving_nodes(world, group) != 0;
}

/* Every replica applied what the phase wants, and the group is served. */
static bool
is_caught_up(const SimWorld *world, uint32_t group)
{
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (world->nodes[i].replicas[group].machine.lsn < world->phase_goal[group])
			return false;
	}
	return is_served(world, group);
}

static bool
is_handed_over(const SimWorld *world, uint32_t group)
{
	return sim_serving_nodes(world, group) == 1u << world->phase_goal[group];
}

/* All replicas have applied the same log, to its end. */
static bool
is_equal(const SimWorld *world, uint32_t group)
{
	const SimReplica *first = &world->nodes[0].replicas[group];

	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		const SimReplica *replica = &world->nodes[i].replicas[group];

		if (replica->machine.lsn != first->machine.lsn ||
			replica->machine.lsn != check_log_committed(world->log, group) ||
			replica->status.append_lsn != replica->machine.lsn)
			return false;
	}
	return true;
}

/* An operator moves each group to the node after its leader. */
static void
hand_over(SimWorld *world)
{
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		uint32_t bits = sim_serving_nodes(world, group);
		uint32_t leader = 0;

		while (leader < SIM_NODES - 1 && !(bits & (1u << leader)))
			leader++;
		world->phase_goal[group] = (leader + 1) % SIM_NODES;
		engine_transfer(world->nodes[leader].engine, sim_group_id(group),
						(NodeId) (world->phase_goal[group] + 1));
		sim_turn_request(&world->nodes[leader], 0);
	}
}

static void
check_equal(SimWorld *world)
{
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		for (uint32_t i = 1; i < SIM_NODES; i++)
		{
			if (world->nodes[i].replicas[group].machine.chain !=
				world->nodes[0].replicas[group].machine.chain)
				check_fail(&world->report, "equal", "nodes 1 and %u differ in group %u", i + 1,
						   group);
		}
	}
}

static void
step_safety(SimWorld *world)
{
	if (world->committed < world->operations_wanted ||
		world->now_us < SAFETY_LEASES_MIN * SIM_LEASE_US)
		return;
	enter(world, SIM_PHASE_ELECT, ELECT_LEASES);
	sim_nemesis_stop(world);
}

static void
step_elect(SimWorld *world)
{
	if (!every_group(world, is_served))
		return;
	if (world->elect_us == 0)
		world->elect_us = world->now_us - world->phase_began_us;
	if (world->now_us < world->phase_began_us + SETTLE_LEASES * SIM_LEASE_US)
		return;
	enter(world, SIM_PHASE_PROGRESS, PROGRESS_LEASES);
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
		world->phase_goal[group] = check_log_committed(world->log, group) + COMMITS_PER_GROUP;
}

static void
step_progress(SimWorld *world)
{
	if (!every_group(world, is_caught_up))
		return;
	enter(world, SIM_PHASE_HANDOVER, HANDOVER_LEASES);
	hand_over(world);
}

static void
step_handover(SimWorld *world)
{
	if (!every_group(world, is_handed_over))
		return;
	world->handover_us = world->now_us - world->phase_began_us;
	enter(world, SIM_PHASE_QUIET, QUIET_LEASES);
}

static void
step_quiet(SimWorld *world)
{
	if (!every_group(world, is_equal))
		return;
	check_equal(world);
	world->phase = SIM_PHASE_DONE;
}

static void
check_deadline(SimWorld *world)
{
	static const char *const WANTED[] = {"",
										 "enough committed operations",
										 "a leader of each group",
										 "every replica to catch up",
										 "planned handovers",
										 "equal replicas"};

	if (world->now_us > world->phase_deadline_us)
		check_fail(&world->report, "I13", "no %s within %ld lease periods", WANTED[world->phase],
				   (long) ((world->phase_deadline_us - world->phase_began_us) / SIM_LEASE_US));
}

void
sim_phase_step(SimWorld *world)
{
	switch (world->phase)
	{
		case SIM_PHASE_SAFETY:
			step_safety(world);
			break;
		case SIM_PHASE_ELECT:
			step_elect(world);
			break;
		case SIM_PHASE_PROGRESS:
			step_progress(world);
			break;
		case SIM_PHASE_HANDOVER:
			step_handover(world);
			break;
		case SIM_PHASE_QUIET:
			step_quiet(world);
			break;
		case SIM_PHASE_DONE:
			return;
	}
	check_deadline(world);
}

/*
 * sim_phase.c
 *		The course of a run: first safety under faults, then liveness without them (I13).
 *
 * The faults stop when enough was committed.  From then on every group must be served, every replica must
 * catch up, an operator must be able to move every group, and in the end all replicas must be equal, each
 * within a fixed number of lease periods.  First, whatever has become of the members, each group is brought to three
 * storage replicas on nodes that work.  In some runs a node then misses so much that its logs have to begin anew: it
 * must not lead when a leader fails, and gets its rows again.
 */
#include "sim/sim_nemesis.h"
#include "sim/sim_world.h"

#define SAFETY_LEASES_MIN 25
#define SAFETY_LEASES_MAX 4000
#define ELECT_LEASES 10
#define SETTLE_LEASES \
	4 /* until a clock that jumped back has caught up with what it showed before */
#define CONVERGE_LEASES 60
#define PROGRESS_LEASES 20 /* a replica that lacks a thousand entries gets a few a round trip */
#define HANDOVER_LEASES 1
#define QUIET_LEASES 6
#define AWAY_LEASES 400
#define BEHIND_LEASES 12
#define WITHOUT_LEASES 4
#define RETURNED_LEASES 20
#define AWAY_LOG_BYTES (200 * 1024) /* by which the others' logs may grow while one is away */
#define SHORT_LOG_BYTES (100 * 1024)
#define LAG_MAX 8           /* entries: a handover waits for the target's log */
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

bool
sim_phase_has_clients(const SimWorld *world)
{
	return world->phase != SIM_PHASE_QUIET && world->phase != SIM_PHASE_RETURNED &&
		   world->phase != SIM_PHASE_DONE;
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

static bool
is_member(const SimWorld *world, uint32_t node, uint32_t group)
{
	return sim_final_members(world, group) & (1u << node);
}

/* Every replica applied what the phase wants and lacks next to nothing, and the group is served. */
static bool
is_caught_up(const SimWorld *world, uint32_t group)
{
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		Lsn lsn = world->nodes[i].replicas[group].machine.lsn;

		if (is_member(world, i, group) && (lsn < world->phase_goal[group] ||
										   lsn + LAG_MAX < check_log_committed(world->log, group)))
			return false;
	}
	return is_served(world, group);
}

static bool
is_handed_over(const SimWorld *world, uint32_t group)
{
	return sim_serving_nodes(world, group) == 1u << world->phase_goal[group];
}

/* All members have applied the same log, to its end, and have all rows. */
static bool
is_equal(const SimWorld *world, uint32_t group)
{
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		const SimReplica *replica = &world->nodes[i].replicas[group];

		if (is_member(world, i, group) &&
			(replica->machine.lsn != check_log_committed(world->log, group) ||
			 replica->status.append_lsn != replica->machine.lsn || replica->machine.rows_missing ||
			 !replica->rows_said))
			return false;
	}
	return true;
}

static uint32_t
next_member(const SimWorld *world, uint32_t node, uint32_t group)
{
	do
		node = (node + 1) % SIM_NODES;
	while (!is_member(world, node, group));
	return node;
}

/* The node that serves the group; SIM_NODES if none does at this moment. */
static uint32_t
server_of(const SimWorld *world, uint32_t group)
{
	uint32_t bits = sim_serving_nodes(world, group);
	uint32_t node = 0;

	while (node < SIM_NODES && !(bits & (1u << node)))
		node++;
	return node;
}

/*
 * Asks the leaders to hand over to the goals: again and again, as transfer_leader does, for each may be refused.  Not
 * in the middle of a turn, whose end would show readers what was before.
 */
static void
ask_handovers(SimWorld *world)
{
	world->asked_us = world->now_us;
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		uint32_t leader = server_of(world, group);

		if (leader == SIM_NODES || leader == world->phase_goal[group] ||
			!sim_nemesis_is_idle(&world->nodes[leader]))
			continue;
		engine_transfer(world->nodes[leader].engine, sim_group_id(group),
						(NodeId) (world->phase_goal[group] + 1));
		sim_turn_request(&world->nodes[leader], 0);
	}
}

/* An operator moves each group to the member after its leader. */
static void
hand_over(SimWorld *world)
{
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
		world->phase_goal[group] = next_member(world, server_of(world, group), group);
	ask_handovers(world);
}

/* The logs of the node that was away have begun anew. */
static bool
is_rebased(const SimWorld *world, uint32_t group)
{
	return !is_member(world, world->away, group) ||
		   world->nodes[world->away].replicas[group].machine.rows_missing;
}

/* One member of the first group goes away; the others restart with little room for the log that it will lack. */
static void
send_away(SimWorld *world)
{
	world->weather.flush_ppm = 1000000;
	world->away = next_member(world, sim_random_below(&world->random, SIM_NODES), 0);
	world->copies_held = true;
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (!world->nodes[i].engine)
			continue;
		world->nodes[i].log_bytes_max = engine_log_bytes(world->nodes[i].engine) + AWAY_LOG_BYTES;
		sim_node_crash(&world->nodes[i], false, 1000);
		if (i == world->away)
			world->nodes[i].life++;
	}
	enter(world, SIM_PHASE_AWAY, AWAY_LEASES);
	for (uint32_t i = 0; i < SIM_CLIENTS; i++)
		sim_schedule(world, sim_random_between(&world->random, 0, SIM_LEASE_US),
					 (SimEvent){.kind = SIM_CLIENT, .value = i});
}

static void
check_equal(SimWorld *world)
{
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		uint32_t first = next_member(world, SIM_NODES - 1, group);

		for (uint32_t i = 0; i < SIM_NODES; i++)
		{
			const SimMachine *machine = &world->nodes[i].replicas[group].machine;
			const SimMachine *other = &world->nodes[first].replicas[group].machine;

			if (is_member(world, i, group) &&
				(machine->chain != other->chain ||
				 sim_machine_digest(machine) != sim_machine_digest(other)))
				check_fail(&world->report, "equal", "nodes %u and %u differ in group %u", first + 1,
						   i + 1, group);
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
	enter(world, SIM_PHASE_CONVERGE, CONVERGE_LEASES);
	sim_members_settle(world);
}

static void
step_converge(SimWorld *world)
{
	if (!every_group(world, sim_members_are_settled))
		return;
	world->converge_us = world->now_us - world->phase_began_us;
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
	if (world->now_us >= world->asked_us + SIM_HEARTBEAT_US / 4)
		ask_handovers(world);
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
	if (world->faults.enabled[SIM_FAULT_replica_left_behind])
		send_away(world);
	else
		enter(world, SIM_PHASE_DONE, 0);
}

/* The leader of the first group, or another member that is not away. */
static uint32_t
find_leader(const SimWorld *world)
{
	uint32_t leader = next_member(world, world->away, 0);

	if (world->nodes[leader].replicas[0].status.role != ROLE_LEADER)
		leader = next_member(world, leader, 0);
	return leader;
}

static void
step_away(SimWorld *world)
{
	SimNode *away = &world->nodes[world->away];

	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (i == world->away)
			continue;
		for (uint32_t group = 0; group < SIM_GROUPS; group++)
		{
			if (is_member(world, i, group) && is_member(world, world->away, group) &&
				world->nodes[i].replicas[group].status.base_lsn <=
					away->replicas[group].status.append_lsn)
				return;
		}
	}
	sim_fault_applied(world, SIM_FAULT_replica_left_behind);
	/* In half of the runs a leader fails just then: the node may stand before it knows how far behind it is. */
	if (sim_random_chance(&world->random, 500000))
		sim_node_crash(&world->nodes[find_leader(world)], false, WITHOUT_LEASES * SIM_LEASE_US);
	/* Its own log may grow too long while rows are missing: then the copying has to begin anew. */
	if (sim_random_chance(&world->random, 500000))
		away->log_bytes_max = SHORT_LOG_BYTES;
	enter(world, SIM_PHASE_BEHIND, BEHIND_LEASES);
	sim_schedule(world, 0, (SimEvent){.kind = SIM_START, .node = world->away, .life = away->life});
}

static void
step_behind(SimWorld *world)
{
	if (!every_group(world, is_rebased))
		return;
	sim_node_crash(&world->nodes[find_leader(world)], false, WITHOUT_LEASES * SIM_LEASE_US);
	enter(world, SIM_PHASE_WITHOUT, WITHOUT_LEASES + ELECT_LEASES);
}

static void
step_without(SimWorld *world)
{
	if (world->now_us < world->phase_began_us + WITHOUT_LEASES * SIM_LEASE_US ||
		!every_group(world, is_served))
		return;
	world->copies_held = false;
	enter(world, SIM_PHASE_RETURNED, RETURNED_LEASES);
}

static void
step_returned(SimWorld *world)
{
	if (!every_group(world, is_equal))
		return;
	check_equal(world);
	enter(world, SIM_PHASE_DONE, 0);
}

static void
check_deadline(SimWorld *world)
{
	static const char *const WANTED[] = {"",
										 "enough committed operations",
										 "a leader of each group",
										 "three members of each group, with rows",
										 "every replica to catch up",
										 "planned handovers",
										 "equal replicas",
										 "log given up while a node is away",
										 "new beginning of the log that was left behind",
										 "leader beside a replica left behind",
										 "rows of the replica that was left behind"};

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
		case SIM_PHASE_CONVERGE:
			step_converge(world);
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
		case SIM_PHASE_AWAY:
			step_away(world);
			break;
		case SIM_PHASE_BEHIND:
			step_behind(world);
			break;
		case SIM_PHASE_WITHOUT:
			step_without(world);
			break;
		case SIM_PHASE_RETURNED:
			step_returned(world);
			break;
		case SIM_PHASE_DONE:
			return;
	}
	if (world->phase != SIM_PHASE_DONE)
		check_deadline(world);
}

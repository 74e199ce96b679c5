/*
 * sim_nemesis.c
 *		Brings faults upon the nodes during the safety phase, of the kinds that the run uses.
 *
 * Faults of frames strike each frame by chance (sim_network.c); all others begin here, one after the other
 * at random intervals, and may overlap.  Safety has to hold whatever is struck, however many nodes at once.
 *
 * Two things are not done because no protocol could survive them: clocks stay within the drift that leases
 * are made for, and a clock jumps only as far as the node can notice by its gap between ticks (docs/testing.md).
 */
#include "sim/sim_nemesis.h"
#include "sim/sim_world.h"

#include <errno.h>

#define GAP_MIN_US 10000
#define REST_PPM 80000
#define LASTS_MIN_US 10000
#define LASTS_MAX_US (4 * SIM_LEASE_US)
#define DOWN_MIN_US 1000
#define DOWN_MAX_US (2 * SIM_LEASE_US)
#define SLOW_FACTOR 30
#define FULL_ROOM_BYTES (96 * 1024)
#define COPY_SHORT_US 2000
#define COPY_LONG_US 200000
#define DISTURB_RELAY_PPM 100000 /* most other faults wait until a relay of leaders is over */
#define THINK_AFTER_US 400000    /* after the faults, writers leave room for catching up */

/* Short times are as interesting as long ones, so they are as frequent. */
int64_t
sim_nemesis_lasts_us(SimWorld *world)
{
	int64_t most_us = sim_random_between(&world->random, LASTS_MIN_US, LASTS_MAX_US);

	return sim_random_between(&world->random, LASTS_MIN_US, most_us);
}

int64_t
sim_nemesis_down_us(SimWorld *world)
{
	return sim_random_between(&world->random, DOWN_MIN_US, DOWN_MAX_US);
}

void
sim_nemesis_end_later(SimWorld *world, const SimNode *node, SimFault fault, int64_t after_us)
{
	sim_schedule(world, after_us,
				 (SimEvent){.kind = SIM_NEMESIS_END, .node = node->index, .value = fault});
}

bool
sim_nemesis_is_idle(const SimNode *node)
{
	return node->engine && !node->paused && node->busy_until_us <= node->world->now_us;
}

/* ---- the network ---- */

/* A group of the node, one that it leads if it leads any; NULL if it has none. */
static const GroupStatus *
choose_group(SimWorld *world, const SimNode *node)
{
	uint32_t start = sim_random_below(&world->random, SIM_GROUPS);
	const GroupStatus *found = NULL;

	for (uint32_t i = 0; i < SIM_GROUPS; i++)
	{
		const SimReplica *replica = &node->replicas[(start + i) % SIM_GROUPS];

		if (replica->open && replica->status.member_count > 1 &&
			(!found || (replica->published.leads && found->role != ROLE_LEADER)))
			found = &replica->status;
	}
	return found;
}

uint32_t
sim_nemesis_companion(SimWorld *world, const SimNode *node)
{
	const GroupStatus *group = choose_group(world, node);
	uint32_t other = node->index;

	if (!group)
		return (node->index + 1 + sim_random_below(&world->random, SIM_NODES - 1)) % SIM_NODES;
	while (other == node->index)
		other = group->members[sim_random_below(&world->random, group->member_count)].node - 1u;
	return other;
}

static bool
strike_link(SimWorld *world, SimNode *node)
{
	uint32_t to = sim_nemesis_companion(world, node);

	world->links[node->index][to].cut_until_us = world->now_us + sim_nemesis_lasts_us(world);
	return true;
}

void
sim_nemesis_isolate(SimWorld *world, uint32_t node, int64_t until_us)
{
	for (uint32_t other = 0; other < SIM_NODES; other++)
	{
		world->links[node][other].cut_until_us = until_us;
		world->links[other][node].cut_until_us = until_us;
	}
}

static bool
strike_isolate(SimWorld *world, SimNode *node)
{
	sim_nemesis_isolate(world, node->index, world->now_us + sim_nemesis_lasts_us(world));
	return true;
}

/* ---- processes ---- */

static bool
strike_kill(SimWorld *world, SimNode *node)
{
	if (!node->engine)
		return false;
	sim_node_crash(node, false, sim_nemesis_down_us(world));
	return true;
}

static bool
strike_power(SimWorld *world, SimNode *node)
{
	if (!node->engine)
		return false;
	sim_node_crash(node, true, sim_nemesis_down_us(world));
	return true;
}

static bool
strike_power_everywhere(SimWorld *world, SimNode *node)
{
	(void) node;
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (world->nodes[i].engine)
			sim_node_crash(&world->nodes[i], true, sim_nemesis_down_us(world));
	}
	return true;
}

static bool
strike_pause(SimWorld *world, SimNode *node)
{
	if (!node->engine || node->paused)
		return false;
	sim_node_pause(node, sim_nemesis_lasts_us(world));
	return true;
}

/* ---- disks; what these do is counted when a call of the log meets it (sim_disk.c) ---- */

static bool
strike_crash_in_io(SimWorld *world, SimNode *node)
{
	memdisk_crash_at(node->disk.memory, 1 + sim_random_below(&world->random, 30));
	return false;
}

static bool
strike_write(SimWorld *world, SimNode *node)
{
	memdisk_fail_at(node->disk.memory, MEMDISK_WRITE, 1 + sim_random_below(&world->random, 5), EIO);
	return false;
}

static bool
strike_sync(SimWorld *world, SimNode *node)
{
	memdisk_fail_at(node->disk.memory, MEMDISK_SYNC_DATA, 1 + sim_random_below(&world->random, 5),
					EIO);
	return false;
}

static bool
strike_short(SimWorld *world, SimNode *node)
{
	memdisk_set_short_io(node->disk.memory, true);
	sim_nemesis_end_later(world, node, SIM_FAULT_write_short, sim_nemesis_lasts_us(world));
	return false;
}

static bool
strike_full(SimWorld *world, SimNode *node)
{
	uint64_t room;

	if (!node->engine)
		return false;
	/* No room at all, or a little, so that it ends in the middle of something. */
	room = sim_random_chance(&world->random, 500000)
			   ? 1
			   : engine_log_bytes(node->engine) + sim_random_below(&world->random, FULL_ROOM_BYTES);

	memdisk_set_capacity(node->disk.memory, room);
	sim_nemesis_end_later(world, node, SIM_FAULT_disk_full, sim_nemesis_lasts_us(world));
	return false;
}

static bool
strike_slow(SimWorld *world, SimNode *node)
{
	node->disk.sync_max_us = world->weather.sync_max_us * SLOW_FACTOR;
	sim_nemesis_end_later(world, node, SIM_FAULT_disk_slow, sim_nemesis_lasts_us(world));
	return true;
}

static bool
strike_hang(SimWorld *world, SimNode *node)
{
	node->disk.hang_us = sim_random_between(&world->random, SIM_LEASE_US / 2, LASTS_MAX_US);
	return false;
}

/* ---- clocks ---- */

static bool
strike_rate(SimWorld *world, SimNode *node)
{
	sim_clock_set_rate(
		&node->clock, world->now_us,
		sim_random_between(&world->random, SIM_CLOCK_SLOWEST_PPM, SIM_CLOCK_FASTEST_PPM));
	return true;
}

bool
sim_nemesis_jump(SimNode *node, int64_t jump_us)
{
	if (!sim_nemesis_is_idle(node))
		return false;
	sim_clock_jump(&node->clock, node->world->now_us, jump_us);
	sim_turn_request(node, 0);
	return true;
}

static bool
strike_jump_forward(SimWorld *world, SimNode *node)
{
	return sim_nemesis_jump(
		node, sim_random_between(&world->random, 6 * SIM_LEASE_US / 10, 8 * SIM_LEASE_US));
}

/* The node's time stands still until its clock has caught up (replication/engine.c): not for long. */
static bool
strike_jump_back(SimWorld *world, SimNode *node)
{
	int64_t back_us = sim_random_between(&world->random, SIM_LEASE_US, 3 * SIM_LEASE_US);

	if (world->now_us < node->stands_until_us || !sim_nemesis_jump(node, -back_us))
		return false;
	node->stands_until_us = world->now_us + back_us * 1000000 / SIM_CLOCK_SLOWEST_PPM;
	return true;
}

/* ---- the operator ---- */

static bool
strike_transfer(SimWorld *world, SimNode *node)
{
	uint32_t group = sim_random_below(&world->random, SIM_GROUPS);
	NodeId target = (NodeId) (1 + sim_random_below(&world->random, SIM_NODES));

	if (!sim_nemesis_is_idle(node) || !node->replicas[group].published.leads)
		return false;
	engine_transfer(node->engine, sim_group_id(group), target);
	sim_turn_request(node, 0);
	return target != node->index + 1;
}

/* ---- the choice ---- */

/* Returns whether the fault was applied here and now. */
typedef bool (*Strike)(SimWorld *world, SimNode *node);

static const struct
{
	SimFault fault;
	Strike strike;
} STRIKES[] = {
	{SIM_FAULT_link_cut_one_way, strike_link},
	{SIM_FAULT_node_isolated, strike_isolate},
	{SIM_FAULT_node_returned_to_one, sim_ambush_return_to_one},
	{SIM_FAULT_process_killed, strike_kill},
	{SIM_FAULT_power_lost, strike_power},
	{SIM_FAULT_power_lost_everywhere, strike_power_everywhere},
	{SIM_FAULT_leaders_relayed, sim_ambush_relay},
	{SIM_FAULT_majority_restarted, sim_ambush_restart_majority},
	{SIM_FAULT_majority_jumped, sim_ambush_jump_majority},
	{SIM_FAULT_leader_hears_late, sim_ambush_hear_late},
	{SIM_FAULT_crash_in_io, strike_crash_in_io},
	{SIM_FAULT_write_failed, strike_write},
	{SIM_FAULT_write_short, strike_short},
	{SIM_FAULT_sync_failed, strike_sync},
	{SIM_FAULT_sync_hung, strike_hang},
	{SIM_FAULT_disk_slow, strike_slow},
	{SIM_FAULT_disk_full, strike_full},
	{SIM_FAULT_clock_drifted, strike_rate},
	{SIM_FAULT_clock_jumped_forward, strike_jump_forward},
	{SIM_FAULT_clock_jumped_back, strike_jump_back},
	{SIM_FAULT_node_paused, strike_pause},
	{SIM_FAULT_leadership_transferred, strike_transfer},
	{SIM_FAULT_group_replaced, sim_ambush_replace_group},
	{SIM_FAULT_disk_lost, sim_decay_lose},
	{SIM_FAULT_log_rotten, sim_rot_one},
	{SIM_FAULT_log_rotten_everywhere, sim_rot_everywhere},
	{SIM_FAULT_disk_copied, sim_decay_copy},
};

#define STRIKE_COUNT (sizeof(STRIKES) / sizeof(STRIKES[0]))

/* Now and then the nemesis rests long enough for the groups to serve. */
static void
next_strike(SimWorld *world)
{
	int64_t gap_us = sim_random_between(&world->random, GAP_MIN_US,
										world->weather.fault_gap_max_us);

	if (sim_random_chance(&world->random, REST_PPM))
		gap_us += sim_random_between(&world->random, 3 * SIM_LEASE_US, 10 * SIM_LEASE_US);
	sim_schedule(world, gap_us, (SimEvent){.kind = SIM_NEMESIS});
}

static uint32_t
choose_usable(SimWorld *world)
{
	uint32_t index = sim_random_below(&world->random, SIM_NODES);

	while (!sim_node_is_usable(&world->nodes[index]))
		index = (index + 1) % SIM_NODES;
	return index;
}

/* Half of the faults strike a leader: it has most to lose. */
static SimNode *
choose_node(SimWorld *world)
{
	uint32_t start = choose_usable(world);
	uint32_t group = sim_random_below(&world->random, SIM_GROUPS);

	if (sim_random_chance(&world->random, 500000))
		return &world->nodes[start];
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (world->nodes[i].replicas[group].published.leads)
			return &world->nodes[i];
	}
	return &world->nodes[start];
}

void
sim_nemesis_strike(SimWorld *world)
{
	SimNode *node = choose_node(world);
	size_t choice = sim_random_below(&world->random, STRIKE_COUNT);

	if (world->phase != SIM_PHASE_SAFETY)
		return;
	next_strike(world);
	if (sim_ambush_relay_runs(world) && !sim_random_chance(&world->random, DISTURB_RELAY_PPM))
		return;
	while (!world->faults.enabled[STRIKES[choice].fault])
		choice = (choice + 1) % STRIKE_COUNT;
	sim_trace(world, "nemesis: %s at node %u", sim_fault_names[STRIKES[choice].fault],
			  node->index + 1);
	if (STRIKES[choice].strike(world, node))
		sim_fault_applied(world, STRIKES[choice].fault);
}

void
sim_nemesis_end(SimWorld *world, SimEvent event)
{
	SimDisk *disk = &world->nodes[event.node].disk;

	switch ((SimFault) event.value)
	{
		case SIM_FAULT_write_short:
			memdisk_set_short_io(disk->memory, false);
			break;
		case SIM_FAULT_disk_full:
			memdisk_set_capacity(disk->memory, 0);
			break;
		case SIM_FAULT_leader_hears_late:
			sim_ambush_mute(world, event.node);
			break;
		default:
			disk->sync_max_us = world->weather.sync_max_us;
			break;
	}
}

/* ---- beginning and end ---- */

/* A frame fault of this run strikes up to most_ppm of the frames. */
static uint32_t
frame_ppm(SimWorld *world, SimFault fault, int64_t most_ppm)
{
	int64_t ppm = sim_random_between(&world->random, 1000, most_ppm);

	return world->faults.enabled[fault] ? (uint32_t) ppm : 0;
}

void
sim_nemesis_begin(SimWorld *world)
{
	SimWeather *weather = &world->weather;
	SimRandom *random = &world->random;

	sim_faults_choose(&world->faults, random);
	weather->drop_ppm = frame_ppm(world, SIM_FAULT_frame_dropped, 100000);
	weather->duplicate_ppm = frame_ppm(world, SIM_FAULT_frame_duplicated, 100000);
	weather->reorder_ppm = frame_ppm(world, SIM_FAULT_frame_reordered, 200000);
	weather->delay_ppm = frame_ppm(world, SIM_FAULT_frame_delayed, 40000);
	weather->damage_ppm = frame_ppm(world, SIM_FAULT_frame_damaged, 20000);
	weather->forge_ppm = frame_ppm(world, SIM_FAULT_frame_forged, 5000);
	weather->latency_max_us = sim_random_between(random, 200, 4000);
	weather->sync_max_us = sim_random_between(random, 200, 4000);
	weather->apply_lag_max_us = sim_random_between(random, 0, 20000);
	weather->think_max_us = sim_random_between(random, 30000, 150000);
	weather->fault_gap_max_us = sim_random_between(random, SIM_LEASE_US / 2, 3 * SIM_LEASE_US);
	weather->payload_max_bytes = (uint32_t) sim_random_between(random, SIM_PAYLOAD_HEAD_BYTES,
															   SIM_PAYLOAD_BYTES_MAX);
	weather->flush_ppm = 20000u << sim_random_below(random, 5);
	weather->copy_max_us = sim_random_chance(random, 500000) ? COPY_SHORT_US : COPY_LONG_US;
	weather->members_gap_max_us = sim_random_between(random, SIM_LEASE_US / 8, 2 * SIM_LEASE_US);
	weather->accept_bytes_max = 256u << sim_random_below(random, 7);
	next_strike(world);
	if (world->faults.enabled[SIM_FAULT_operator_restless])
	{
		weather->flush_ppm = 0;
		sim_schedule(world, SIM_LEASE_US, (SimEvent){.kind = SIM_OPERATOR});
	}
}

static void
heal_node(SimWorld *world, SimNode *node)
{
	if (!sim_node_is_usable(node))
		return;
	memdisk_set_short_io(node->disk.memory, false);
	memdisk_set_capacity(node->disk.memory, 0);
	memdisk_fail_at(node->disk.memory, MEMDISK_ANY, 0, 0);
	memdisk_crash_at(node->disk.memory, 0);
	node->disk.hang_us = 0;
	node->disk.sync_max_us = world->weather.sync_max_us;
	node->paused_until_us = world->now_us;
	sim_node_resume(node);
	if (!node->engine)
		sim_schedule(world, DOWN_MIN_US,
					 (SimEvent){.kind = SIM_START, .node = node->index, .life = node->life});
}

void
sim_nemesis_stop(SimWorld *world)
{
	SimWeather *weather = &world->weather;

	weather->drop_ppm = 0;
	weather->duplicate_ppm = 0;
	weather->reorder_ppm = 0;
	weather->delay_ppm = 0;
	weather->damage_ppm = 0;
	weather->forge_ppm = 0;
	weather->think_max_us = THINK_AFTER_US;
	for (uint32_t from = 0; from < SIM_NODES; from++)
	{
		heal_node(world, &world->nodes[from]);
		for (uint32_t to = 0; to < SIM_NODES; to++)
			world->links[from][to] = (SimLink){0};
	}
}

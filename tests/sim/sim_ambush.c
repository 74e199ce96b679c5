/*
 * sim_ambush.c
 *		Faults that wait for their moment or come in a chosen order.
 *
 * Faults at random times hardly ever meet the few milliseconds in which they could do harm: between the
 * promises of a quorum and the first commit under them, or between the end of one lease and the return of its
 * holder.  These here are aimed at such moments.
 */
#include "sim/sim_nemesis.h"
#include "sim/sim_world.h"

#include <string.h>

#include "sim/sim_util.h"
#include "wire/frame.h"

#define AMBUSH_PPM 150000
#define CHANGE_PPM 300000
#define AMBUSH_WITHIN_US 15000
#define RELAY_LEGS 4
#define RELAY_SHORT_US 1000
#define RELAY_LONG_US 60000
#define RELAY_US (12 * SIM_LEASE_US)
#define RELAY_CUT_US (4 * SIM_LEASE_US)
#define QUICK_RESTART_US 120000
#define OPERATOR_PAUSE_US 40000
#define REPLACE_RETRY_US 5000
#define REPLACE_WITHIN_US 400000

/* ---- at the beginning of a leadership ---- */

/* Ends the leg that is running, unless it has ended by then. */
static void
end_leg(SimWorld *world, uint32_t node, int64_t within_us)
{
	sim_schedule(world, sim_random_between(&world->random, 0, within_us),
				 (SimEvent){.kind = SIM_RELAY, .node = node, .value = world->relay.legs});
}

/* Odd legs last until old entries are on their way to be settled, even ones end before anything was sent. */
static void
run_leg(SimNode *node, uint32_t group)
{
	SimRelay *relay = &node->world->relay;

	if (!sim_ambush_relay_runs(node->world) || relay->is_leg_running || group != relay->group)
		return;
	if (node->index == relay->cut)
	{
		/* It came back and leads before anybody else did. */
		relay->legs = 0;
		return;
	}
	relay->is_leg_running = true;
	relay->runner = node->index;
	end_leg(node->world, node->index, relay->legs % 2 == 0 ? RELAY_SHORT_US : RELAY_LONG_US);
}

void
sim_ambush_acknowledged(SimWorld *world, uint32_t node, uint32_t group, Lsn lsn)
{
	SimRelay *relay = &world->relay;
	const GroupStatus *status = &world->nodes[node].replicas[group].status;

	if (sim_ambush_relay_runs(world) && relay->is_leg_running && relay->legs % 2 == 1 &&
		relay->runner == node && relay->group == group && lsn > status->commit_lsn &&
		lsn < status->start_lsn)
		end_leg(world, node, world->weather.latency_max_us + RELAY_SHORT_US);
}

void
sim_ambush_lay(SimNode *node, uint32_t group, bool leads)
{
	SimWorld *world = node->world;

	if (world->phase != SIM_PHASE_SAFETY)
		return;
	if (leads)
		run_leg(node, group);
	if (world->faults.enabled[SIM_FAULT_leader_ambushed] &&
		sim_random_chance(&world->random, AMBUSH_PPM))
		sim_schedule(world, sim_random_between(&world->random, 0, AMBUSH_WITHIN_US),
					 (SimEvent){.kind = SIM_AMBUSH, .node = node->index, .life = node->life});
}

void
sim_ambush_spring(SimNode *node)
{
	SimWorld *world = node->world;

	if (world->phase != SIM_PHASE_SAFETY || !node->engine)
		return;
	sim_trace(world, "ambush at node %u", node->index + 1);
	sim_fault_applied(world, SIM_FAULT_leader_ambushed);
	if (sim_random_chance(&world->random, 600000))
		sim_nemesis_isolate(world, node->index, world->now_us + sim_nemesis_lasts_us(world));
	else
		sim_node_crash(node, sim_random_chance(&world->random, 500000), sim_nemesis_down_us(world));
}

/* ---- at a change of members ---- */

/* Somebody whom the change concerns: who leaves, else any other member; SIM_NODE_NONE if there is none. */
static uint32_t
choose_concerned(SimWorld *world, const SimNode *leader, const GroupStatus *status)
{
	uint32_t start = sim_random_below(&world->random, status->member_count);
	uint32_t found = SIM_NODE_NONE;

	for (uint32_t i = 0; i < status->member_count; i++)
	{
		const MemberStatus *member = &status->members[(start + i) % status->member_count];

		if (member->node != leader->index + 1 &&
			(found == SIM_NODE_NONE || member->half == HALF_OUTGOING))
			found = member->node - 1u;
	}
	return found;
}

/*
 * Who misses a change may stand when its leader is gone, by a membership that is over.  And a disk that tears the
 * write may keep the record of a membership without the entry that brings it.
 */
void
sim_ambush_change(SimNode *leader, const GroupStatus *status)
{
	SimWorld *world = leader->world;
	uint32_t concerned = choose_concerned(world, leader, status);

	if (world->phase != SIM_PHASE_SAFETY || !world->faults.enabled[SIM_FAULT_change_ambushed] ||
		!sim_random_chance(&world->random, CHANGE_PPM))
		return;
	sim_fault_applied(world, SIM_FAULT_change_ambushed);
	if (concerned == SIM_NODE_NONE || sim_random_chance(&world->random, 300000))
	{
		memdisk_crash_at(leader->disk.memory, 1 + sim_random_below(&world->random, 2));
		return;
	}
	world->links[leader->index][concerned].cut_until_us = world->now_us + 2 * SIM_LEASE_US;
	sim_schedule(world, sim_random_between(&world->random, 0, AMBUSH_WITHIN_US),
				 (SimEvent){.kind = SIM_AMBUSH, .node = leader->index, .life = leader->life});
}

/* ---- leaders cut off one after the other ---- */

/*
 * What a leader wrote that only it holds, or one other, survives its absence: entries of several ballots meet
 * when it returns, and the ones after it are cut off before they have settled that.
 */
bool
sim_ambush_relay_runs(const SimWorld *world)
{
	return world->relay.legs > 0 && world->now_us < world->relay.ends_us;
}

bool
sim_ambush_relay(SimWorld *world, SimNode *node)
{
	SimRelay *relay = &world->relay;

	uint32_t group = 0;

	while (group < SIM_GROUPS && !node->replicas[group].published.leads)
		group++;
	if (group == SIM_GROUPS || sim_ambush_relay_runs(world))
		return false;
	*relay = (SimRelay){.group = group,
						.cut = node->index,
						.legs = RELAY_LEGS,
						.ends_us = world->now_us + RELAY_US};
	sim_nemesis_isolate(world, node->index, world->now_us + RELAY_CUT_US);
	return true;
}

void
sim_ambush_relay_next(SimWorld *world, uint32_t node, uint64_t leg)
{
	SimRelay *relay = &world->relay;

	if (world->phase != SIM_PHASE_SAFETY || !sim_ambush_relay_runs(world) || relay->legs != leg)
		return;
	sim_trace(world, "relay: node %u is cut off, node %u returns", node + 1, relay->cut + 1);
	sim_nemesis_isolate(world, relay->cut, world->now_us);
	sim_nemesis_isolate(world, node, world->now_us + RELAY_CUT_US);
	relay->cut = node;
	relay->legs--;
	relay->is_leg_running = false;
}

/* ---- around the end of a lease ---- */

/* Away for about a lease, then back with one neighbour that may hold it for the leader still. */
bool
sim_ambush_return_to_one(SimWorld *world, SimNode *node)
{
	int64_t away_us = sim_random_between(&world->random, SIM_LEASE_US, 5 * SIM_LEASE_US / 2);
	int64_t alone_us = sim_random_between(&world->random, SIM_LEASE_US / 4, 2 * SIM_LEASE_US);
	uint32_t other = sim_nemesis_companion(world, node);
	int64_t until_us = world->now_us + away_us + alone_us;

	sim_nemesis_isolate(world, node->index, world->now_us + away_us);
	world->links[node->index][other].cut_until_us = until_us;
	world->links[other][node->index].cut_until_us = until_us;
	return true;
}

/* The others forget what they granted the leader, and cannot ask it. */
bool
sim_ambush_restart_majority(SimWorld *world, SimNode *node)
{
	sim_nemesis_isolate(world, node->index,
						world->now_us +
							sim_random_between(&world->random, SIM_LEASE_US, 3 * SIM_LEASE_US));
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (i != node->index && world->nodes[i].engine)
			sim_node_crash(&world->nodes[i], sim_random_chance(&world->random, 500000),
						   sim_random_between(&world->random, 1000, QUICK_RESTART_US));
	}
	return true;
}

/* The others' grants to the leader end early by their clocks; they have to notice the jump. */
bool
sim_ambush_jump_majority(SimWorld *world, SimNode *node)
{
	bool jumped = false;

	sim_nemesis_isolate(world, node->index, world->now_us + 2 * SIM_LEASE_US);
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (i != node->index)
			jumped |= sim_nemesis_jump(
				&world->nodes[i],
				sim_random_between(&world->random, 6 * SIM_LEASE_US / 10, 2 * SIM_LEASE_US));
	}
	return jumped;
}

/* What it hears last is older than it seems: a lease must not count from the arrival of a grant. */
bool
sim_ambush_hear_late(SimWorld *world, SimNode *node)
{
	int64_t late_us = sim_random_between(&world->random, SIM_LEASE_US / 4, 9 * SIM_LEASE_US / 10);
	int64_t until_us = world->now_us + 4 * SIM_LEASE_US;

	for (uint32_t from = 0; from < SIM_NODES; from++)
	{
		world->links[from][node->index].slow_us = late_us;
		world->links[from][node->index].slow_until_us = until_us;
	}
	sim_nemesis_end_later(world, node, SIM_FAULT_leader_hears_late,
						  sim_random_between(&world->random, SIM_LEASE_US / 2, 2 * SIM_LEASE_US));
	return true;
}

void
sim_ambush_mute(SimWorld *world, uint32_t node)
{
	if (world->phase != SIM_PHASE_SAFETY)
		return;
	for (uint32_t to = 0; to < SIM_NODES; to++)
		world->links[node][to].cut_until_us = world->now_us + 3 * SIM_LEASE_US;
}

/* ---- a restless operator ---- */

void
sim_ambush_operate(SimWorld *world)
{
	uint32_t group = sim_random_below(&world->random, SIM_GROUPS);

	if (world->phase != SIM_PHASE_SAFETY)
		return;
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		SimNode *node = &world->nodes[i];
		uint32_t target = (i + 1 + sim_random_below(&world->random, SIM_NODES - 1)) % SIM_NODES;

		if (!node->replicas[group].published.leads || !sim_nemesis_is_idle(node))
			continue;
		engine_transfer(node->engine, sim_group_id(group), (NodeId) (target + 1));
		sim_turn_request(node, 0);
		sim_fault_applied(world, SIM_FAULT_operator_restless);
	}
	sim_schedule(world, sim_random_between(&world->random, 0, OPERATOR_PAUSE_US),
				 (SimEvent){.kind = SIM_OPERATOR});
}

/* ---- a group that is made anew ---- */

bool
sim_ambush_replace_group(SimWorld *world, SimNode *node)
{
	(void) node;
	world->idle_generation++;
	for (uint32_t i = 0; i < SIM_NODES; i++)
		sim_schedule(world, sim_random_between(&world->random, 0, REPLACE_WITHIN_US),
					 (SimEvent){.kind = SIM_REPLACE, .node = i});
	return true;
}

void
sim_ambush_replace_at(SimNode *node)
{
	node->idle_generation = node->world->idle_generation;
	if (!node->engine || node->index >= SIM_IDLE_NODES)
		return;
	if (!sim_nemesis_is_idle(node))
	{
		sim_schedule(node->world, REPLACE_RETRY_US,
					 (SimEvent){.kind = SIM_REPLACE, .node = node->index});
		return;
	}
	sim_node_create_groups(node);
	sim_turn_request(node, 0);
}

/* ---- a ballot out of nowhere ---- */

/* True for messages that speak under a ballot of their sender's. */
static bool
names_ballot(const Message *message)
{
	return message->kind == MESSAGE_PREPARE || message->kind == MESSAGE_ACCEPT;
}

static SimFrame *
forge_message(const SimFrame *frame, const Frame *decoded, Message message)
{
	FrameBuilder builder = {0};
	const uint8_t *bytes;
	SimFrame *forged;
	size_t length;

	message.ballot.round = UINT64_MAX - message.ballot.round;
	frame_begin(&builder, decoded->cluster_id, decoded->from, decoded->to, decoded->start_counter,
				frame->length * 2);
	frame_add_message(&builder, &message);
	bytes = frame_finish(&builder, &length);
	forged = sim_allocate(sizeof(SimFrame) + length);
	*forged = (SimFrame){
		.from = frame->from, .to = frame->to, .sent_us = frame->sent_us, .length = length};
	memcpy(forged->bytes, bytes, length);
	frame_builder_free(&builder);
	return forged;
}

SimFrame *
sim_ambush_forge(const SimFrame *frame)
{
	SimFrame *forged = NULL;
	WireArena arena;
	Frame decoded;

	wire_arena_init(&arena, NULL, 0, FRAME_ARENA_BYTES_MAX);
	if (frame_decode(frame->bytes, frame->length, &arena, &decoded) == FRAME_OK)
	{
		for (uint32_t i = 0; i < decoded.message_count && !forged; i++)
		{
			if (names_ballot(&decoded.messages[i]))
				forged = forge_message(frame, &decoded, decoded.messages[i]);
		}
	}
	wire_arena_free(&arena);
	return forged;
}

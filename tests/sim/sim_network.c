/*
 * sim_network.c
 *		The network between the nodes: whole frames, each direction with faults of its own.
 *
 * A frame is lost, doubled, damaged, late or overtakes others as the run's weather and the nemesis want.
 * Without those faults a direction is what a TCP stream is: in order and complete while it lasts.
 */
#include "sim/sim_nemesis.h"
#include "sim/sim_world.h"

#include <stdlib.h>
#include <string.h>

#include "sim/sim_util.h"

#define LATENCY_MIN_US 60
#define JOIN_AGAIN_PPM 700000

/* True if the run uses the fault and it strikes now. */
static bool
strikes(SimWorld *world, SimFault fault, uint32_t ppm)
{
	if (!sim_random_chance(&world->random, ppm))
		return false;
	sim_fault_applied(world, fault);
	return true;
}

static SimFrame *
make_frame(uint32_t from, uint32_t to, const uint8_t *bytes, size_t length, int64_t sent_us)
{
	SimFrame *frame = sim_allocate(sizeof(SimFrame) + length);

	*frame = (SimFrame){.from = from, .to = to, .sent_us = sent_us, .length = length};
	memcpy(frame->bytes, bytes, length);
	return frame;
}

/* When the frame arrives, in global time. */
static int64_t
arrival_us(SimWorld *world, SimLink *link, int64_t sent_us)
{
	int64_t latency_us = sim_random_between(&world->random, LATENCY_MIN_US,
											world->weather.latency_max_us);
	int64_t at_us = sent_us + latency_us + (link->slow_until_us > sent_us ? link->slow_us : 0);

	if (strikes(world, SIM_FAULT_frame_delayed, world->weather.delay_ppm))
		at_us += sim_random_between(&world->random, 0, SIM_LEASE_US);
	if (strikes(world, SIM_FAULT_frame_reordered, world->weather.reorder_ppm))
		return at_us + sim_random_between(&world->random, 0, 20 * world->weather.latency_max_us);
	if (at_us <= link->last_arrival_us)
		at_us = link->last_arrival_us + 1;
	link->last_arrival_us = at_us;
	return at_us;
}

static void
send_copy(SimWorld *world, SimLink *link, SimFrame *frame)
{
	int64_t at_us = arrival_us(world, link, frame->sent_us);

	if (frame->length > 0 && strikes(world, SIM_FAULT_frame_damaged, world->weather.damage_ppm))
	{
		uint32_t bit = sim_random_below(&world->random, (uint32_t) frame->length * 8);

		frame->bytes[bit / 8] ^= (uint8_t) (1u << (bit % 8));
		frame->damaged = true;
	}
	sim_schedule(world, at_us - world->now_us,
				 (SimEvent){.kind = SIM_FRAME, .node = frame->to, .object = frame});
}

/* Takes the frame, whose copy is sent with an absurd ballot if it names any. */
static void
send_forged(SimWorld *world, SimLink *link, SimFrame *frame)
{
	SimFrame *forged = sim_ambush_forge(frame);

	free(frame);
	if (!forged)
		return;
	sim_fault_applied(world, SIM_FAULT_frame_forged);
	send_copy(world, link, forged);
}

/* The frame arrives again when the replica that it leads to may be gone. */
static void
send_again(SimWorld *world, SimFrame *frame)
{
	int64_t late_us = sim_random_between(&world->random, SIM_LEASE_US / 8, 6 * SIM_LEASE_US);

	sim_schedule(world, frame->sent_us + late_us - world->now_us,
				 (SimEvent){.kind = SIM_FRAME, .node = frame->to, .object = frame});
}

void
sim_network_send(SimWorld *world, uint32_t from, uint32_t to, const uint8_t *bytes, size_t length,
				 int64_t sent_us, bool joins)
{
	SimLink *link = &world->links[from][to];

	if (link->cut_until_us > sent_us)
		return;
	if (strikes(world, SIM_FAULT_frame_dropped, world->weather.drop_ppm))
		return;
	send_copy(world, link, make_frame(from, to, bytes, length, sent_us));
	if (joins && world->faults.enabled[SIM_FAULT_join_repeated] &&
		strikes(world, SIM_FAULT_join_repeated, JOIN_AGAIN_PPM))
		send_again(world, make_frame(from, to, bytes, length, sent_us));
	if (strikes(world, SIM_FAULT_frame_duplicated, world->weather.duplicate_ppm))
		send_copy(world, link, make_frame(from, to, bytes, length, sent_us));
	if (sim_random_chance(&world->random, world->weather.forge_ppm))
		send_forged(world, link, make_frame(from, to, bytes, length, sent_us));
}

void
sim_network_forget(SimWorld *world, uint32_t from)
{
	for (uint32_t i = 0; i < world->queue.event_count; i++)
	{
		SimEvent *event = &world->queue.events[i];
		SimFrame *frame = event->object;

		if (event->kind == SIM_FRAME && frame && frame->from == from &&
			frame->sent_us > world->now_us)
		{
			free(frame);
			event->object = NULL;
		}
	}
}

void
sim_network_arrive(SimWorld *world, SimFrame *frame)
{
	SimNode *node = &world->nodes[frame->to];

	if (!node->engine || world->links[frame->from][frame->to].cut_until_us > world->now_us)
	{
		free(frame);
		return;
	}
	node->inbox = sim_grow(node->inbox, &node->inbox_capacity, node->inbox_count + 1,
						   sizeof(SimFrame *));
	node->inbox[node->inbox_count++] = frame;
	sim_turn_request(node, sim_random_between(&world->random, 0, 30));
}

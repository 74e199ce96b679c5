/*
 * sim_world.c
 *		Makes the world of a seed and goes from event to event.
 */
#include "sim/sim_nemesis.h"
#include "sim/sim_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim_util.h"

#define LOG_BYTES_MAX (64 * 1024 * 1024) /* never reached: nobody is left behind by accident */

void
sim_schedule(SimWorld *world, int64_t after_us, SimEvent event)
{
	event.at_us = world->now_us + after_us;
	sim_queue_add(&world->queue, event);
}

void
sim_schedule_timeout(SimWorld *world, int64_t after_us, SimEvent event)
{
	event.at_us = world->now_us + after_us;
	sim_queue_add_last(&world->queue, event);
}

void
sim_trace(const SimWorld *world, const char *format, ...)
{
	va_list args;

	if (!world->trace)
		return;
	printf("# %10.3f ms  ", (double) world->now_us / 1000);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void
sim_fault_applied(SimWorld *world, SimFault fault)
{
	world->faults.applied[fault]++;
}

/* ---- hooks of the disks ---- */

static void
disk_spend(void *context, int64_t us)
{
	SimNode *node = context;

	if (node->in_turn)
		node->spent_us += us;
}

static void
disk_durable(void *context, uint64_t operation)
{
	SimNode *node = context;

	if (operation <= node->world->history.top)
		check_log_durable(node->world->log, node->index, operation);
}

static void
disk_durable_membership(void *context, GroupId group, const void *bytes, size_t length)
{
	SimNode *node = context;

	if (sim_is_checked(group))
		check_members_durable(node->world->check_members, node->index, sim_group_index(group),
							  bytes, length);
}

static void
disk_fault(void *context, SimFault fault)
{
	SimNode *node = context;

	sim_trace(node->world, "disk of node %u: %s", node->index + 1, sim_fault_names[fault]);
	sim_fault_applied(node->world, fault);
}

/* ---- making a world ---- */

static void
make_node(SimWorld *world, uint32_t index)
{
	SimNode *node = &world->nodes[index];
	SimDiskHooks hooks = {node, disk_spend, disk_durable, disk_durable_membership, disk_fault};
	int64_t rate_ppm = 1000000;

	node->turn_at_us = INT64_MAX;
	node->log_bytes_max = LOG_BYTES_MAX;
	node->idle_generation = world->idle_generation;
	if (world->faults.enabled[SIM_FAULT_clock_drifted])
		rate_ppm = sim_random_between(&world->random, SIM_CLOCK_SLOWEST_PPM, SIM_CLOCK_FASTEST_PPM);
	sim_clock_init(&node->clock, 0, sim_random_between(&world->random, 1, 1000000000), rate_ppm);
	sim_disk_init(&node->disk, &world->random, world->weather.sync_max_us, &hooks);
	if (node->exists)
		sim_node_bootstrap(node);
	if (node->exists)
		sim_schedule(world, sim_random_between(&world->random, 0, 10000),
					 (SimEvent){.kind = SIM_START, .node = index});
}

SimWorld *
sim_world_create(uint64_t seed, uint64_t operations_wanted, bool trace)
{
	SimWorld *world = sim_allocate(sizeof(SimWorld));

	world->seed = seed;
	world->operations_wanted = operations_wanted;
	world->trace = trace;
	sim_random_init(&world->random, seed);
	world->archive = sim_archive_create(SIM_GROUPS);
	world->log = check_log_create(SIM_NODES, SIM_GROUPS, &world->report);
	world->lead = check_lead_create(SIM_NODES, SIM_GROUPS, &world->report);
	world->check_members = check_members_create(SIM_NODES, SIM_GROUPS, &world->report);
	world->rows = check_rows_create(SIM_GROUPS, &world->report);
	check_log_set_members(world->log, world->check_members);
	world->idle_generation = 1;
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		world->nodes[i].world = world;
		world->nodes[i].index = i;
		world->nodes[i].exists = i < SIM_NODES_FIRST;
	}
	sim_nemesis_begin(world);
	sim_version_begin(world);
	sim_members_begin(world);
	for (uint32_t i = 0; i < SIM_NODES; i++)
		make_node(world, i);
	sim_schedule(world, SIM_LEASE_US, (SimEvent){.kind = SIM_MEMBERS});
	for (uint32_t i = 0; i < SIM_CLIENTS; i++)
	{
		world->clients[i].reads = i >= SIM_WRITERS;
		sim_schedule(world, sim_random_between(&world->random, 0, SIM_LEASE_US),
					 (SimEvent){.kind = SIM_CLIENT, .value = i});
	}
	sim_phase_begin(world);
	return world;
}

void
sim_world_free(SimWorld *world)
{
	for (uint32_t i = 0; i < SIM_NODES; i++)
		sim_node_free(&world->nodes[i]);
	sim_queue_free(&world->queue);
	sim_archive_free(world->archive);
	check_log_free(world->log);
	check_lead_free(world->lead);
	check_members_free(world->check_members);
	check_rows_free(world->rows);
	check_history_free(&world->history);
	free(world);
}

static void
describe_replica(const SimNode *node, uint32_t group)
{
	const SimReplica *replica = &node->replicas[group];
	const GroupStatus *status = &replica->status;

	if (!replica->open)
		return;
	printf("#   node %u%s group %u since %lu: kind %u, generation %lu (%lu), rows %s, role %d, "
		   "promised %lu.%u, leader %u, log %lu..%lu, commit %lu, rows %lu, lease for %ld us\n",
		   node->index + 1, node->engine ? "" : " (down)", group, (unsigned long) replica->since,
		   replica->kind, (unsigned long) status->generation,
		   (unsigned long) status->committed_generation,
		   replica->machine.rows_missing ? "missing"
		   : status->rows_missing        ? "unknown"
		   : replica->rows_said          ? "there"
										 : "unsaid",
		   (int) status->role, (unsigned long) status->promised.round, status->promised.node,
		   status->leader, (unsigned long) status->base_lsn, (unsigned long) status->append_lsn,
		   (unsigned long) status->commit_lsn, (unsigned long) replica->machine.lsn,
		   (long) (status->lease_until_us - sim_node_local_us(node)));
}

void
sim_world_describe(const SimWorld *world)
{
	printf("# at %.3f ms:\n", (double) world->now_us / 1000);
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		for (uint32_t i = 0; i < SIM_NODES; i++)
			describe_replica(&world->nodes[i], group);
	}
}

/* ---- running it ---- */

/* Events of the node's process itself: void if that process has ended. */
static void
dispatch_process(SimNode *node, const SimEvent *event)
{
	if (event->life != node->life)
		return;
	if (event->kind == SIM_START)
	{
		if (!node->engine)
			sim_node_start(node);
	}
	else if (event->kind == SIM_TURN)
		sim_turn(node);
	else if (event->kind == SIM_TURN_DONE)
		sim_turn_done(node);
	else if (event->kind == SIM_RESUME)
		sim_node_resume(node);
	else if (event->kind == SIM_APPLY)
		sim_apply(node);
	else if (event->kind == SIM_COPY)
		sim_copy_read(node, event->value);
	else if (event->kind == SIM_COPIED)
		sim_copy_arrived(node, event->value);
	else if (event->kind == SIM_AMBUSH)
		sim_ambush_spring(node);
	else
		sim_client_read_end(node->world, *event);
}

static void
dispatch(SimWorld *world, const SimEvent *event)
{
	switch (event->kind)
	{
		case SIM_FRAME:
			if (event->object)
				sim_network_arrive(world, event->object);
			break;
		case SIM_CLIENT:
			sim_client_begin(world, (uint32_t) event->value);
			break;
		case SIM_REQUEST:
			sim_client_request(world, (uint32_t) event->value, event->life, event->node);
			break;
		case SIM_CLIENT_TIMEOUT:
			sim_client_timeout(world, (uint32_t) event->value, event->life);
			break;
		case SIM_NEMESIS:
			sim_nemesis_strike(world);
			break;
		case SIM_OPERATOR:
			sim_ambush_operate(world);
			break;
		case SIM_MEMBERS:
			sim_members_step(world);
			break;
		case SIM_RELAY:
			sim_ambush_relay_next(world, event->node, event->value);
			break;
		case SIM_REPLACE:
			sim_ambush_replace_at(&world->nodes[event->node]);
			break;
		case SIM_NEMESIS_END:
			sim_nemesis_end(world, *event);
			break;
		default:
			dispatch_process(&world->nodes[event->node], event);
			break;
	}
}

static void
fold_fingerprint(SimWorld *world, const SimEvent *event)
{
	uint64_t what[] = {world->fingerprint, (uint64_t) event->at_us,
					   (uint64_t) event->kind << 8 | event->node, event->value, 0};

	if (event->kind == SIM_FRAME && event->object)
	{
		const SimFrame *frame = event->object;

		what[4] = sim_digest(frame->bytes, (uint32_t) frame->length);
	}
	world->fingerprint = sim_digest(what, sizeof(what));
}

static void
check_leases(SimWorld *world)
{
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
		check_lead_serving(world->lead, group, sim_serving_nodes(world, group), world->now_us);
}

static void
check_end(SimWorld *world)
{
	for (uint64_t number = 1; number <= world->history.top; number++)
		world->history.operations[number].lsn = check_log_operation_lsn(world->log, number);
	check_log_finish(world->log);
	check_history_run(&world->history, &world->report);
}

void
sim_world_run(SimWorld *world)
{
	SimEvent event;

	while (world->phase != SIM_PHASE_DONE && !world->report.failed &&
		   sim_queue_take(&world->queue, &event))
	{
		world->now_us = event.at_us;
		fold_fingerprint(world, &event);
		dispatch(world, &event);
		check_leases(world);
		sim_phase_step(world);
	}
	if (!world->report.failed)
		check_end(world);
}

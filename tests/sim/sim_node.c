/*
 * sim_node.c
 *		The life of a simulated node's process: start, stop, continue, end.
 */
#include "sim/sim_nemesis.h"
#include "sim/sim_world.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_BYTES (48 * 1024)
#define RETRY_START_US 100000

EngineConfig
sim_node_config(const SimNode *node)
{
	return (EngineConfig){
		.cluster_id = "simulated run",
		.self = (NodeId) (node->index + 1),
		.lease_us = SIM_LEASE_US,
		.heartbeat_us = SIM_HEARTBEAT_US,
		.clock_drift_ppm = SIM_DRIFT_PPM,
		.frame_bytes_max = 64 * 1024,
		.accept_bytes_max = node->world->weather.accept_bytes_max,
		.segment_bytes = SEGMENT_BYTES,
		.log_bytes_max = node->log_bytes_max,
		.seed = sim_mix(node->world->seed, sim_mix(node->index, node->life)),
		.cluster_version = node->world->version,
	};
}

TimeUs
sim_node_local_us(const SimNode *node)
{
	return sim_clock_local(&node->clock, node->world->now_us + node->spent_us);
}

void
sim_node_bootstrap(SimNode *node)
{
	EngineConfig config = sim_node_config(node);

	if (engine_bootstrap(&node->disk.io, &config) != ENGINE_OK)
		check_fail(&node->world->report, "start", "node %u could not be laid out: %s",
				   node->index + 1, engine_error());
}

static bool
create_group(SimNode *node, GroupId group, uint64_t generation, uint32_t member_bits)
{
	Membership membership = {.generation = generation};

	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (member_bits & (1u << i))
			membership.members[membership.member_count++] = (Member){
				.node = (NodeId) (i + 1), .kind = MEMBER_STORAGE, .since = generation};
	}
	return engine_create_group(node->engine, group, &membership,
							   membership.members[group % membership.member_count].node);
}

/* The idle group of an older generation is dropped. */
static void
renew_idle_group(SimNode *node)
{
	Membership recovered = {0};

	if (node->index >= SIM_IDLE_NODES)
		return;
	engine_group_membership(node->engine, SIM_GROUP_IDLE, &recovered);
	if (recovered.generation == node->idle_generation)
		return;
	if (recovered.generation != 0 && !engine_drop_group(node->engine, SIM_GROUP_IDLE))
		return;
	create_group(node, SIM_GROUP_IDLE, node->idle_generation, (1u << SIM_IDLE_NODES) - 1);
}

void
sim_node_create_groups(SimNode *node)
{
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		SimReplica *replica = &node->replicas[group];
		uint32_t members = node->world->members.first[group];
		Membership recovered;

		/* Lost before its record was durable, or not made yet. */
		if (!(members & (1u << node->index)) || replica->open || replica->gone_since > 0 ||
			engine_group_membership(node->engine, sim_group_id(group), &recovered))
			continue;
		if (create_group(node, sim_group_id(group), 1, members))
			sim_replica_open(node, group, 1);
	}
	renew_idle_group(node);
}

void
sim_node_tell_applied(SimNode *node)
{
	GroupStatus idle;

	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		const SimReplica *replica = &node->replicas[group];

		if (replica->open && replica->kind != MEMBER_LOG)
			engine_applied(node->engine, sim_group_id(group), replica->machine.lsn,
						   replica->flushed.lsn);
	}
	/* Nobody has rows of the idle group, and nobody misses them. */
	if (engine_group_status(node->engine, SIM_GROUP_IDLE, &idle))
		engine_applied(node->engine, SIM_GROUP_IDLE, idle.commit_lsn, idle.commit_lsn);
}

/* An open that failed: forgiven only if a fault was injected into it. */
static void
start_failed(SimNode *node, EngineStatus status)
{
	bool power = sim_disk_crashed(&node->disk);

	/* ENGINE_IO: what cannot be read may hold what it promised. */
	if (node->is_rotten &&
		(status == ENGINE_ROTTEN || (status == ENGINE_IO && !sim_disk_disturbed(&node->disk))))
	{
		sim_fault_applied(node->world, SIM_FAULT_log_refused);
		sim_decay_end(node);
		return;
	}
	if (!sim_disk_disturbed(&node->disk) || status != ENGINE_IO)
		check_fail(&node->world->report, "recovery", "node %u cannot start (status %d): %s",
				   node->index + 1, (int) status, engine_error());
	sim_trace(node->world, "node %u fails to start: %s", node->index + 1, engine_error());
	sim_node_crash(node, power, RETRY_START_US);
}

static void
note_damage(SimNode *node)
{
	const LogDamage *damage = engine_log_damage(node->engine);

	if (!damage)
		return;
	sim_fault_applied(node->world, SIM_FAULT_log_rotten);
	sim_trace(node->world, "node %u's log is damaged in segment %lu, %u to %u: %s", node->index + 1,
			  (unsigned long) damage->segment, damage->begin_offset, damage->end_offset,
			  damage->reason);
}

void
sim_node_start(SimNode *node)
{
	SimWorld *world = node->world;
	EngineConfig config = sim_node_config(node);
	EngineStatus status;

	if (node->lost)
		return;
	if (!node->exists)
	{
		node->exists = true;
		sim_node_bootstrap(node);
	}
	node->spent_us = 0;
	node->in_turn = true;
	sim_turn_set_callbacks(node);
	sim_disk_revive(&node->disk);
	status = engine_open(&node->engine, &node->disk.io, &config, &node->callbacks);
	node->in_turn = false;
	if (status != ENGINE_OK || sim_disk_crashed(&node->disk))
	{
		start_failed(node, status);
		return;
	}
	sim_trace(world, "node %u starts, life %lu", node->index + 1, (unsigned long) node->life);
	note_damage(node);
	node->is_rotten = false;
	sim_replica_recover(node);
	/* The owner may know how far its rows are before the first event, or only later. */
	if (sim_random_chance(&world->random, 500000))
		sim_node_tell_applied(node);
	sim_node_create_groups(node);
	node->is_fresh = true;
	node->busy_until_us = world->now_us + node->spent_us;
	node->spent_us = 0;
	sim_turn_request(node, node->busy_until_us - world->now_us);
}

/* Everything that was in the process's memory. */
static void
forget_process(SimNode *node, bool power)
{
	for (uint32_t i = 0; i < node->inbox_count; i++)
		free(node->inbox[i]);
	node->inbox_count = 0;
	for (uint32_t i = 0; i < node->request_count; i++)
		sim_client_outcome(node->world, node->requests[i].operation, false);
	node->request_count = 0;
	for (uint32_t i = 0; i < node->outcome_count; i++)
		sim_client_outcome(node->world, node->outcomes[i].operation, false);
	node->outcome_count = 0;
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		SimReplica *replica = &node->replicas[group];

		for (uint32_t i = 0; i < replica->pending_count; i++)
			sim_client_outcome(node->world, replica->pending[i].operation, false);
		replica->pending_count = 0;
		if (power && replica->machine.lsn > replica->flushed.lsn)
			sim_fault_applied(node->world, SIM_FAULT_applied_rows_lost);
		if (power)
			replica->machine = replica->flushed;
		memset(&replica->published, 0, sizeof(SimPublished));
		memset(&replica->tail, 0, sizeof(SimTail));
	}
}

void
sim_node_crash(SimNode *node, bool power, int64_t down_us)
{
	SimWorld *world = node->world;

	sim_trace(world, "node %u ends%s", node->index + 1, power ? " without power" : "");
	if (node->engine && engine_repaired_entries(node->engine) > 0)
		sim_fault_applied(world, SIM_FAULT_entries_repaired);
	if (node->engine)
		engine_close(node->engine);
	node->engine = NULL;
	node->life++;
	node->paused = false;
	node->in_turn = false;
	node->spent_us = 0;
	node->busy_until_us = 0;
	node->turn_at_us = INT64_MAX;
	sim_network_forget(world, node->index);
	if (sim_disk_crashed(&node->disk))
		sim_fault_applied(world, SIM_FAULT_crash_in_io);
	sim_disk_crash(&node->disk, power);
	forget_process(node, power);
	check_lead_restart(world->lead, node->index);
	sim_schedule(world, down_us,
				 (SimEvent){.kind = SIM_START, .node = node->index, .life = node->life});
}

void
sim_node_pause(SimNode *node, int64_t pause_us)
{
	SimWorld *world = node->world;

	node->paused = true;
	node->paused_until_us = world->now_us + pause_us;
	sim_schedule(world, pause_us,
				 (SimEvent){.kind = SIM_RESUME, .node = node->index, .life = node->life});
}

void
sim_node_resume(SimNode *node)
{
	if (!node->paused || node->world->now_us < node->paused_until_us)
		return;
	node->paused = false;
	sim_trace(node->world, "node %u goes on", node->index + 1);
	if (node->busy_until_us <= node->world->now_us)
		sim_turn_done(node);
}

void
sim_node_free(SimNode *node)
{
	if (node->engine)
		engine_close(node->engine);
	for (uint32_t i = 0; i < node->inbox_count; i++)
		free(node->inbox[i]);
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
		free(node->replicas[group].pending);
	free(node->inbox);
	free(node->requests);
	free(node->outcomes);
	sim_disk_free(&node->disk);
}

/*
 * sim_decay.c
 *		Disks that are lost or copied, and the operator who then acts as docs/operations.md says.
 *
 * A node whose disk is gone, or whose log refuses it because it does not say any more what was promised, never comes
 * back.  A new node, under an id that was never used, takes its place by a change of members.  This
 * strikes one node at a time, when every group that has it can do without; more is not promised.
 */
#include "sim/sim_nemesis.h"
#include "sim/sim_world.h"

#include <stdlib.h>
#include <string.h>

#define LAG_MAX 20
#define REBUILD_US 200000

/* ---- who can be spared ---- */

static uint32_t
spare_node(const SimWorld *world)
{
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (!world->nodes[i].exists)
			return i;
	}
	return SIM_NODE_NONE;
}

/* The member works and has all that is committed. */
static bool
is_sound(const SimWorld *world, uint32_t index, uint32_t group)
{
	const SimNode *node = &world->nodes[index];
	const SimReplica *replica = &node->replicas[group];

	return node->engine && !node->paused && !node->lost && replica->open &&
		   replica->status.missing_entries == 0 &&
		   replica->status.append_lsn + LAG_MAX >= check_log_committed(world->log, group);
}

/* No node uses, in memory or on disk, a membership beyond the committed one. */
static bool
is_calm(const SimWorld *world, uint32_t group, const CheckMembership *committed)
{
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		const SimNode *node = &world->nodes[i];
		GroupStatus status;

		if (node->engine && engine_group_status(node->engine, sim_group_id(group), &status) &&
			status.generation > committed->generation)
			return false;
	}
	return !check_membership_is_joint(committed);
}

static bool
group_spares(const SimWorld *world, uint32_t group, uint32_t index)
{
	const CheckMembership *committed = check_members_committed(world->check_members, group);
	uint32_t counting = 0;
	uint32_t with_rows = 0;

	if (!is_calm(world, group, committed))
		return false;
	if (!check_membership_find(committed, index + 1))
		return !check_members_need(world->check_members, group, ~(1u << index));
	for (uint32_t i = 0; i < committed->count; i++)
	{
		const CheckMember *member = &committed->members[i];

		if (member->kind == CHECK_KIND_LEARNER || member->node == index + 1)
			continue;
		if (!is_sound(world, member->node - 1, group))
			return false;
		counting++;
		with_rows += !world->nodes[member->node - 1].replicas[group].machine.rows_missing &&
					 member->kind == CHECK_KIND_STORAGE;
	}
	return counting >= 2 && with_rows >= 1 &&
		   !check_members_need(world->check_members, group, ~(1u << index));
}

bool
sim_decay_may_lose(const SimWorld *world, uint32_t index)
{
	if (world->members.lost != SIM_NODE_NONE || spare_node(world) == SIM_NODE_NONE)
		return false;
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (world->nodes[i].is_rotten)
			return false;
	}
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		if (!group_spares(world, group, index))
			return false;
	}
	return true;
}

/* ---- losing a node ---- */

void
sim_decay_end(SimNode *node)
{
	SimWorld *world = node->world;
	uint32_t spare = spare_node(world);

	sim_trace(world, "node %u is lost, node %u replaces it", node->index + 1, spare + 1);
	node->lost = true;
	node->is_rotten = false;
	node->life++;
	world->members.lost = node->index;
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
		sim_replica_lose(node, group);
	sim_schedule(world, REBUILD_US, (SimEvent){.kind = SIM_START, .node = spare});
}

bool
sim_decay_lose(SimWorld *world, SimNode *node)
{
	if (!node->engine || !sim_decay_may_lose(world, node->index))
		return false;
	sim_node_crash(node, true, REBUILD_US);
	sim_decay_end(node);
	return true;
}

void
sim_decay_look(SimWorld *world)
{
	SimMembers *members = &world->members;

	if (members->lost == SIM_NODE_NONE)
		return;
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		const CheckMembership *committed = check_members_committed(world->check_members, group);

		if (check_membership_find(committed, members->lost + 1) ||
			check_membership_is_joint(committed))
			return;
	}
	members->lost = SIM_NODE_NONE;
}

/* ---- copies ---- */

/* A copy of the disk of a node that is down; its log must know that it is one. */
bool
sim_decay_copy(SimWorld *world, SimNode *node)
{
	EngineConfig config;
	EngineStatus status;
	Memdisk *copy;
	Engine *engine;

	if (!node->engine)
		return false;
	sim_node_crash(node, false, sim_nemesis_down_us(world));
	config = sim_node_config(node);
	copy = memdisk_copy(node->disk.memory);
	status = engine_open(&engine, memdisk_io(copy), &config, &node->callbacks);
	if (status == ENGINE_OK)
		engine_close(engine);
	memdisk_free(copy);
	if (status != ENGINE_FOREIGN)
		check_fail(&world->report, "identity", "node %u starts on a copy of its disk (status %d)",
				   node->index + 1, (int) status);
	return true;
}

/*
 * sim_rows.c
 *		The owner's part in replicas that come, begin anew and go: their rows, and the copying of rows.
 *
 * A copier reads pages of rows from any replica whose rows are complete and not older than the base of its own log,
 * each at whatever LSN is applied there.  A crash of its own node loses what was not flushed, a crash of the source
 * the page that is on its way; the copying goes on where it was.
 */
#include "sim/sim_world.h"

#include <string.h>

#define RETRY_US 20000

/* ---- coming and going ---- */

static uint64_t
own_since(const SimNode *node, uint32_t group)
{
	Membership membership;

	if (!engine_group_membership(node->engine, sim_group_id(group), &membership))
		return 0;
	for (uint32_t i = 0; i < membership.member_count; i++)
	{
		if (membership.members[i].node == node->index + 1)
			return membership.members[i].since;
	}
	return 0;
}

void
sim_replica_open(SimNode *node, uint32_t group, uint64_t since)
{
	SimReplica *replica = &node->replicas[group];

	if (since <= replica->gone_since)
		check_fail(&node->world->report, "I10",
				   "node %u has a replica of group %u since generation %lu, which was removed",
				   node->index + 1, group, (unsigned long) since);
	memset(&replica->status, 0, sizeof(GroupStatus));
	memset(&replica->published, 0, sizeof(SimPublished));
	memset(&replica->tail, 0, sizeof(SimTail));
	sim_machine_init(&replica->machine);
	replica->flushed = replica->machine;
	replica->open = true;
	replica->created = false;
	replica->since = since;
	replica->kind = 0;
	replica->rows_said = true;
	replica->checked_lsn = 0;
}

void
sim_replica_lose(SimNode *node, uint32_t group)
{
	SimWorld *world = node->world;
	SimReplica *replica = &node->replicas[group];

	for (uint32_t i = 0; i < replica->pending_count; i++)
		sim_client_outcome(world, replica->pending[i].operation, false);
	replica->pending_count = 0;
	memset(&replica->published, 0, sizeof(SimPublished));
	memset(&replica->status, 0, sizeof(GroupStatus));
	replica->open = false;
	replica->copy.serial++;
}

void
sim_replica_close(SimNode *node, uint32_t group)
{
	SimWorld *world = node->world;

	sim_replica_lose(node, group);
	check_log_drop(world->log, node->index, group);
	check_lead_drop(world->lead, node->index, group);
	check_members_drop(world->check_members, node->index, group);
}

/* The replica is gone, durably. */
static void
end_replica(SimNode *node, uint32_t group)
{
	SimReplica *replica = &node->replicas[group];

	if (!check_members_is_gone(node->world->check_members, node->index, group, replica->since))
		check_fail(&node->world->report, "I10",
				   "node %u gave up its replica of group %u since generation %lu, but is a member",
				   node->index + 1, group, (unsigned long) replica->since);
	if (replica->since > replica->gone_since)
		replica->gone_since = replica->since;
	sim_fault_applied(node->world, SIM_FAULT_member_went);
	sim_replica_close(node, group);
}

void
sim_replica_opened(SimNode *node, uint32_t group)
{
	uint64_t since = own_since(node, group);

	/* It may be on its way out again already. */
	node->replicas[group].is_awaited = since == 0;
	if (since == 0)
		return;
	sim_trace(node->world, "node %u has a replica of group %u", node->index + 1, group);
	sim_fault_applied(node->world, SIM_FAULT_member_came);
	sim_replica_open(node, group, since);
	node->replicas[group].created = true;
}

void
sim_replica_removed(SimNode *node, uint32_t group)
{
	sim_trace(node->world, "node %u gave up its replica of group %u", node->index + 1, group);
	node->replicas[group].is_awaited = false;
	if (node->replicas[group].open)
		end_replica(node, group);
}

static void
recover_replica(SimNode *node, uint32_t group)
{
	SimReplica *replica = &node->replicas[group];
	Membership membership;
	bool has = engine_group_membership(node->engine, sim_group_id(group), &membership);
	uint64_t since = has ? own_since(node, group) : 0;

	replica->is_awaited = has && since == 0 && !replica->open;
	if (replica->open && (!has || (since != 0 && since != replica->since)))
	{
		/* It went, and its owner had not heard of it; or it was not durable yet. */
		if (replica->created)
			end_replica(node, group);
		else
			sim_replica_close(node, group);
	}
	if (has && !replica->open && since != 0)
	{
		sim_replica_open(node, group, since);
		replica->created = true;
	}
	/* Rows that are not there are said to be missing before the first turn. */
	replica->rows_said = true;
	if (replica->open && replica->machine.rows_missing &&
		engine_rows(node->engine, sim_group_id(group), false))
		replica->rows_said = false;
}

void
sim_replica_recover(SimNode *node)
{
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
		recover_replica(node, group);
}

/* ---- rows ---- */

static void
schedule_copy(SimNode *node, uint32_t group, SimEventKind kind, int64_t after_us)
{
	uint64_t value = (uint64_t) node->replicas[group].copy.serial << 8 | group;

	sim_schedule(node->world, after_us,
				 (SimEvent){.kind = kind, .node = node->index, .life = node->life, .value = value});
}

void
sim_replica_rebased(SimNode *node, uint32_t group, Lsn base_lsn)
{
	SimReplica *replica = &node->replicas[group];
	SimMachine *machine = &replica->machine;

	sim_trace(node->world, "node %u has no rows of group %u, whose log begins above LSN %lu",
			  node->index + 1, group, (unsigned long) base_lsn);
	replica->rows_said = false;
	replica->copy.serial++;
	if (machine->base_lsn != base_lsn || replica->kind == MEMBER_LOG)
	{
		sim_machine_clear(machine, base_lsn);
		machine->chain_known = check_log_chain(node->world->log, group, base_lsn, &machine->chain);
		replica->flushed = *machine;
		sim_fault_applied(node->world, SIM_FAULT_log_rebased);
	}
	schedule_copy(node, group, SIM_COPY, 0);
}

void
sim_replica_forget_rows(SimNode *node, uint32_t group)
{
	SimReplica *replica = &node->replicas[group];

	sim_machine_clear(&replica->machine, 0);
	replica->flushed = replica->machine;
	replica->copy.serial++;
}

void
sim_replica_finish_rows(SimNode *node, uint32_t group)
{
	SimReplica *replica = &node->replicas[group];
	SimMachine *machine = &replica->machine;

	if (!machine->rows_missing || !sim_machine_is_ready(machine))
		return;
	machine->rows_missing = false;
	replica->flushed = *machine;
	sim_trace(node->world, "node %u has the rows of group %u at LSN %lu", node->index + 1, group,
			  (unsigned long) machine->lsn);
	check_rows_applied(node->world->rows, node->index, group, machine->lsn,
					   sim_machine_digest(machine));
	sim_turn_request(node, 0);
}

void
sim_replica_tell_rows(SimNode *node)
{
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		SimReplica *replica = &node->replicas[group];

		if (replica->open && !replica->rows_said && !replica->machine.rows_missing)
			replica->rows_said = engine_rows(node->engine, sim_group_id(group), true);
	}
}

/* ---- copying ---- */

static bool
links_work(const SimWorld *world, uint32_t a, uint32_t b)
{
	return world->links[a][b].cut_until_us <= world->now_us &&
		   world->links[b][a].cut_until_us <= world->now_us;
}

/* Can the node give rows that are not older than base_lsn? */
static bool
is_source(const SimWorld *world, const SimNode *node, uint32_t source, uint32_t group, Lsn base_lsn)
{
	const SimNode *other = &world->nodes[source];
	const SimReplica *replica = &other->replicas[group];

	if (other == node || !other->engine || other->paused || !replica->open ||
		replica->machine.rows_missing || !links_work(world, node->index, source))
		return false;
#ifdef MUTANT_COPY_FROM_BELOW
	return true;
#endif
	return replica->machine.lsn >= base_lsn;
}

/* The copying that the event belongs to, if it goes on; returns its group, else SIM_GROUPS. */
static uint32_t
copying_of(const SimNode *node, uint64_t value)
{
	uint32_t group = value & 0xff;
	const SimReplica *replica = &node->replicas[group];

	if (replica->copy.serial != value >> 8 || !replica->open || !replica->machine.rows_missing ||
		replica->machine.copied == SIM_KEYS)
		return SIM_GROUPS;
	return group;
}

void
sim_copy_read(SimNode *node, uint64_t value)
{
	SimWorld *world = node->world;
	uint32_t group = copying_of(node, value);
	uint32_t source = sim_random_below(&world->random, SIM_NODES);
	SimCopy *copy;
	const SimMachine *from;

	if (group == SIM_GROUPS)
		return;
	if (node->paused || world->copies_held ||
		!is_source(world, node, source, group, node->replicas[group].machine.base_lsn))
	{
		schedule_copy(node, group, SIM_COPY, RETRY_US);
		return;
	}
	copy = &node->replicas[group].copy;
	from = &world->nodes[source].replicas[group].machine;
	copy->source = source;
	copy->source_life = world->nodes[source].life;
	copy->lsn = from->lsn;
	memcpy(copy->page, from->rows + node->replicas[group].machine.copied, sizeof(copy->page));
	schedule_copy(node, group, SIM_COPIED,
				  sim_random_between(&world->random, 0, world->weather.copy_max_us));
}

void
sim_copy_arrived(SimNode *node, uint64_t value)
{
	SimWorld *world = node->world;
	uint32_t group = copying_of(node, value);
	SimReplica *replica = &node->replicas[group];

	if (group == SIM_GROUPS)
		return;
	if (world->nodes[replica->copy.source].life != replica->copy.source_life)
		sim_fault_applied(world, SIM_FAULT_copy_interrupted);
	else
		sim_machine_take_page(&replica->machine, replica->copy.page, replica->copy.lsn);
	if (sim_random_chance(&world->random, world->weather.flush_ppm))
		replica->flushed = replica->machine;
	schedule_copy(node, group, SIM_COPY, 0);
	sim_replica_finish_rows(node, group);
}

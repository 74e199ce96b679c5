/*
 * sim_observe.c
 *		Shows the checkers what a node's engine says and what its log holds, and applies entries.
 */
#include "sim/sim_nemesis.h"
#include "sim/sim_world.h"

#include <stddef.h>
#include <string.h>

/* Where entries that are read go to. */
typedef struct Reading
{
	SimNode *node;
	uint32_t group;
	bool leads; /* for two turns at least: it counted itself what is committed */
} Reading;

static CheckEntry
check_entry(Lsn lsn, const Entry *entry)
{
	SimPayload payload = {0};
	bool is_membership = check_membership_is(entry->payload, entry->length);

	if (entry->length > 0 && !is_membership &&
		!sim_payload_read(entry->payload, entry->length, &payload))
		payload.operation = UINT32_MAX;
	return (CheckEntry){
		.lsn = lsn,
		.ballot = sim_check_ballot(entry->ballot),
		.digest = sim_digest(entry->payload, entry->length),
		.operation = payload.operation,
		.membership = is_membership ? entry->payload : NULL,
		.membership_length = entry->length,
	};
}

static void
show_entry(void *context, Lsn lsn, const Entry *entry)
{
	Reading *reading = context;
	SimWorld *world = reading->node->world;
	CheckEntry shown = check_entry(lsn, entry);

	sim_archive_put(world->archive, reading->group, lsn, entry);
	if (shown.operation > world->history.top)
	{
		check_fail(&world->report, "payload", "node %u's log of group %u holds garbage at %lu",
				   reading->node->index + 1, reading->group, (unsigned long) lsn);
		return;
	}
	check_log_entry(world->log, reading->node->index, reading->group, &shown);
	if (shown.membership)
		check_members_entry(world->check_members, reading->node->index, reading->group, lsn,
							shown.membership, shown.membership_length);
}

static void
show_commit(void *context, Lsn lsn, const Entry *entry)
{
	const Reading *reading = context;
	CheckEntry shown = check_entry(lsn, entry);

	shown.is_counted = reading->leads;
	check_log_commit(reading->node->world->log, reading->node->index, reading->group, &shown);
}

/* Entries of the log, those that are damaged from the archive; returns the last one that was visited. */
static Lsn
read_log(Reading *reading, Lsn from_lsn, Lsn to_lsn, EngineEntryVisitor visitor)
{
	SimNode *node = reading->node;
	GroupId id = sim_group_id(reading->group);

	while (from_lsn <= to_lsn)
	{
		const Entry *entry;
		LogHole hole;

		from_lsn += engine_read_entries(node->engine, id, from_lsn, to_lsn, SIZE_MAX, visitor,
										reading);
		if (from_lsn > to_lsn || !engine_next_missing(node->engine, id, from_lsn, &hole) ||
			hole.first_lsn != from_lsn)
			break;
		entry = sim_archive_get(node->world->archive, reading->group, from_lsn, hole.ballot);
		if (!entry)
			break;
		visitor(reading, from_lsn++, entry);
	}
	return from_lsn - 1;
}

/*
 * Shows entries from from_lsn to the log's end, then which are committed: perhaps by memberships further up.  False if
 * an entry is damaged that no log was seen to hold: what lies behind it is shown when that is repaired or cut off.
 */
static bool
show_log(SimNode *node, uint32_t group, Lsn from_lsn, bool leads)
{
	const GroupStatus *status = &node->replicas[group].status;
	Reading reading = {node, group, leads};
	Lsn last_lsn;

	check_members_log_from(node->world->check_members, node->index, group, from_lsn);
	last_lsn = read_log(&reading, from_lsn, status->append_lsn, show_entry);
	if (last_lsn < status->append_lsn && status->missing_entries > 0)
	{
		node->replicas[group].checked_lsn = last_lsn < status->commit_lsn ? last_lsn
																		  : status->commit_lsn;
		return false;
	}
	if (last_lsn < status->append_lsn)
		check_fail(&node->world->report, "I5",
				   "node %u's log of group %u ends at %lu but cannot be read above %lu",
				   node->index + 1, group, (unsigned long) status->append_lsn,
				   (unsigned long) last_lsn);
	else
		read_log(&reading, from_lsn, status->commit_lsn, show_commit);
	node->replicas[group].checked_lsn = status->commit_lsn;
	return true;
}

/* What tells the checkers that there is something to look at. */
typedef struct Seen
{
	Lsn base_lsn;
	Lsn append_lsn;
	Lsn commit_lsn;
	Ballot promised;
	GroupRole role;
	uint64_t generation;
	uint32_t missing_entries;
} Seen;

static Seen
see(const GroupStatus *status)
{
	return (Seen){
		.base_lsn = status->base_lsn,
		.append_lsn = status->append_lsn,
		.commit_lsn = status->commit_lsn,
		.promised = status->promised,
		.role = status->role,
		.generation = status->generation,
		.missing_entries = status->missing_entries,
	};
}

static bool
changed(const Seen *before, const GroupStatus *now)
{
	return before->append_lsn != now->append_lsn || before->commit_lsn != now->commit_lsn ||
		   !sim_ballot_equal(before->promised, now->promised) || before->role != now->role ||
		   before->base_lsn != now->base_lsn || before->generation != now->generation ||
		   before->missing_entries != now->missing_entries;
}

/* The first turn of a life: what the log holds is looked at from its beginning. */
static void
begin_life(SimNode *node, uint32_t group)
{
	SimReplica *replica = &node->replicas[group];

	check_log_restart(node->world->log, node->index, group, replica->status.append_lsn);
	replica->checked_lsn = replica->status.base_lsn;
}

/* This node as a member, by what it uses; NULL if that does not name it. */
static const MemberStatus *
find_self(const SimNode *node, const GroupStatus *status)
{
	for (uint32_t i = 0; i < status->member_count; i++)
	{
		if (status->members[i].node == node->index + 1)
			return &status->members[i];
	}
	return NULL;
}

/*
 * Reads the state of the replica that the owner knows.  One that comes or goes is known when that is durable; until
 * then there is nothing to look at.
 */
static bool
read_status(SimNode *node, uint32_t group)
{
	SimReplica *replica = &node->replicas[group];
	const MemberStatus *self;
	GroupStatus status;

	if (replica->is_awaited)
		sim_replica_opened(node, group);
	if (!replica->open || !engine_group_status(node->engine, sim_group_id(group), &status))
		return false;
	self = find_self(node, &status);
	if (self && self->since != replica->since)
		return false;
	memcpy(&replica->status, &status,
		   offsetof(GroupStatus, members) + status.member_count * sizeof(MemberStatus));
	replica->created = true;
	if (!self)
		return true;
	if (self->kind != replica->kind)
		sim_trace(node->world, "node %u is of kind %d in generation %lu of group %u",
				  node->index + 1, (int) self->kind, (unsigned long) status.generation, group);
	if (self->kind == MEMBER_LOG && replica->kind != MEMBER_LOG)
		sim_replica_forget_rows(node, group);
	replica->kind = self->kind;
	return true;
}

/* Only storage replicas that stay lead, and only with promises of a quorum of the membership that they use. */
static void
check_leader(SimNode *node, uint32_t group)
{
	SimWorld *world = node->world;
	SimReplica *replica = &node->replicas[group];
	const CheckMembership *used = check_members_in_use(world->check_members, node->index, group);
	const CheckMember *self = used ? check_membership_find(used, node->index + 1) : NULL;
	uint32_t promised;

	if (replica->status.role < ROLE_LEADER)
		return;
	if (!self || self->kind != CHECK_KIND_STORAGE || self->half == CHECK_HALF_OUTGOING)
		check_fail(&world->report, "I11", "node %u leads group %u, which it must not as a member",
				   node->index + 1, group);
	if (replica->led_from == 0)
		return;
	promised = check_lead_promisers(world->lead, group, sim_check_ballot(replica->status.promised));
	if (!check_members_may_lead(world->check_members, node->index, group, replica->led_from,
								promised | 1u << node->index))
		check_fail(&world->report, "I10",
				   "node %u leads group %u in generation %lu with promises of nodes %#x only",
				   node->index + 1, group, (unsigned long) replica->status.generation,
				   promised | 1u << node->index);
}

/*
 * Who is to count in a joint generation that this leader began has a replica already; or had one, until a leader that
 * this one has not heard of yet removed it.
 */
static void
check_newcomers(SimNode *node, uint32_t group)
{
	SimWorld *world = node->world;
	const CheckMembership *used = check_members_in_use(world->check_members, node->index, group);

	if (!used || node->replicas[group].status.role < ROLE_LEADER)
		return;
	for (uint32_t i = 0; i < used->count; i++)
	{
		const CheckMember *member = &used->members[i];
		const SimNode *other = &world->nodes[member->node - 1];
		const SimReplica *replica = &other->replicas[group];

		if (member->half == CHECK_HALF_INCOMING && !other->lost &&
			(!replica->open || replica->since != member->since) &&
			!check_members_is_gone(world->check_members, member->node - 1, group, member->since))
			check_fail(&world->report, "I10",
					   "node %u has node %u count in group %u, which has no replica yet",
					   node->index + 1, member->node, group);
	}
}

/*
 * What this life learned to be committed may be truncated in the same turn: the rows had it.  A log that began
 * anew holds no membership any more that was not committed.
 */
static void
check_base(SimNode *node, uint32_t group)
{
	SimWorld *world = node->world;
	SimReplica *replica = &node->replicas[group];
	Lsn base_lsn = replica->status.base_lsn;
	bool anew = check_log_base(world->log, node->index, group, base_lsn);

	if (anew)
		check_members_log_from(world->check_members, node->index, group, replica->checked_lsn + 1);
	if (anew || replica->checked_lsn < base_lsn)
		replica->checked_lsn = base_lsn;
}

static void
observe_replica(SimNode *node, uint32_t group)
{
	SimWorld *world = node->world;
	SimReplica *replica = &node->replicas[group];
	Seen before = see(&replica->status);

	if (!read_status(node, group))
		return;
	if (node->is_fresh)
		begin_life(node, group);
	else if (!changed(&before, &replica->status))
		return;
	check_lead_promised(world->lead, node->index, group,
						sim_check_ballot(replica->status.promised));
	check_log_commit_lsn(world->log, node->index, group, replica->status.commit_lsn,
						 replica->status.append_lsn);
	check_base(node, group);
	if (!show_log(node, group, replica->checked_lsn + 1,
				  before.role >= ROLE_LEADER && replica->status.role >= ROLE_LEADER))
		return;
	check_members_uses(world->check_members, node->index, group, replica->status.generation);
	check_leader(node, group);
	if (before.generation < replica->status.generation)
		check_newcomers(node, group);
	if (replica->status.role == ROLE_ADOPTING && before.role != ROLE_ADOPTING)
		sim_ambush_lay(node, group, false);
}

static bool
strives(const SimNode *node, uint32_t group)
{
	GroupRole role = node->replicas[group].status.role;

	return node->engine && role >= ROLE_CANDIDATE;
}

/* Counts moments at which two nodes hold or want the leadership of a group. */
static void
count_proposers(SimWorld *world)
{
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		uint32_t count = 0;

		for (uint32_t i = 0; i < SIM_NODES; i++)
			count += strives(&world->nodes[i], group);
		if (count > 1)
			sim_fault_applied(world, SIM_FAULT_proposers_competed);
	}
}

void
sim_observe(SimNode *node)
{
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		observe_replica(node, group);
		node->replicas[group].led_from = 0;
	}
	node->is_fresh = false;
	count_proposers(node->world);
}

/* ---- applying ---- */

static void
apply_entry(void *context, Lsn lsn, const Entry *entry)
{
	Reading *reading = context;
	const SimNode *node = reading->node;
	SimMachine *machine = &reading->node->replicas[reading->group].machine;

	if (lsn != machine->lsn + 1 || !sim_machine_apply(machine, reading->group, entry))
		check_fail(&reading->node->world->report, "chain",
				   "node %u: LSN %lu of group %u was proposed above another log than it lies on",
				   reading->node->index + 1, (unsigned long) lsn, reading->group);
	if (!machine->rows_missing)
		check_rows_applied(node->world->rows, node->index, reading->group, machine->lsn,
						   sim_machine_digest(machine));
}

void
sim_apply(SimNode *node)
{
	SimWorld *world = node->world;

	if (node->paused || world->report.failed)
		return;
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		SimReplica *replica = &node->replicas[group];
		Reading reading = {.node = node, .group = group};

		if (!replica->open || !sim_machine_applies(&replica->machine))
			continue;
		if (replica->published.commit_lsn > replica->machine.lsn)
			engine_read_entries(node->engine, sim_group_id(group), replica->machine.lsn + 1,
								replica->published.commit_lsn, SIZE_MAX, apply_entry, &reading);
		if (sim_random_chance(&world->random, world->weather.flush_ppm))
			replica->flushed = replica->machine;
		sim_replica_finish_rows(node, group);
	}
}

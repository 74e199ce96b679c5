/*
 * sim_members.c
 *		Whoever changes the groups' members: the planner of production, or somebody who asks for anything.
 *
 * A request goes to whatever node believes that it leads, also while members are down, cut off or have clocks
 * that jump, and the core may refuse it.  What is never asked for is a membership that cannot reach a quorum any
 * more because of a node that is lost for good: no protocol survives an operator who does that.
 */
#include "sim/sim_nemesis.h"
#include "sim/sim_plan.h"
#include "sim/sim_world.h"

#define WANT_OTHERS_PPM 150000
#define INQUIRE_PPM 200000
#define COUNTING_MAX 5
#define FINAL_GAP_US 60000

/* ---- choosing nodes ---- */

/* A random usable node that is not in the set; SIM_NODE_NONE if there is none. */
static uint32_t
choose_other(SimWorld *world, uint32_t bits)
{
	uint32_t start = sim_random_below(&world->random, SIM_NODES);

	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		uint32_t index = (start + i) % SIM_NODES;

		if (sim_node_is_usable(&world->nodes[index]) && !(bits & (1u << index)))
			return index;
	}
	return SIM_NODE_NONE;
}

/* So many usable nodes, or as many as there are. */
static uint32_t
choose_nodes(SimWorld *world, uint32_t count)
{
	uint32_t bits = 0;

	while (count-- > 0)
	{
		uint32_t index = choose_other(world, bits);

		if (index != SIM_NODE_NONE)
			bits |= 1u << index;
	}
	return bits;
}

static uint32_t
choose_count(SimWorld *world)
{
	static const uint32_t COUNTS[] = {1, 2, 3, 3, 3, 3, 4, 5};

	return COUNTS[sim_random_below(&world->random, sizeof(COUNTS) / sizeof(COUNTS[0]))];
}

void
sim_members_begin(SimWorld *world)
{
	SimMembers *members = &world->members;
	bool changes = world->faults.enabled[SIM_FAULT_members_changed];

	members->plans = sim_random_chance(&world->random, 500000);
	members->heals = sim_random_chance(&world->random, 700000);
	members->lost = SIM_NODE_NONE;
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		CheckMembership first = {.generation = 1};

		members->first[group] = choose_nodes(
			world, changes && sim_random_chance(&world->random, 300000) ? choose_count(world) : 3);
		members->wanted[group] = members->first[group];
		members->learner[group] = SIM_NODE_NONE;
		for (uint32_t i = 0; i < SIM_NODES; i++)
		{
			if (members->first[group] & (1u << i))
				first.members[first.count++] = (CheckMember){i + 1, CHECK_KIND_STORAGE, 0, 1};
		}
		check_members_first(world->check_members, group, &first);
	}
}

/* ---- the leader ---- */

/* A node that believes to lead the group and can be asked now; its state goes to *status. */
static SimNode *
find_leader(SimWorld *world, uint32_t group, GroupStatus *status)
{
	uint32_t start = sim_random_below(&world->random, SIM_NODES);

	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		SimNode *node = &world->nodes[(start + i) % SIM_NODES];

		if (sim_nemesis_is_idle(node) && node->replicas[group].published.leads &&
			engine_group_status(node->engine, sim_group_id(group), status) &&
			status->role == ROLE_LEADER)
			return node;
	}
	return NULL;
}

static void
ask_change(SimNode *leader, uint32_t group, const Membership *wanted)
{
	GroupStatus before = {0};
	GroupStatus after = {0};
	GroupId id = sim_group_id(group);

	engine_group_status(leader->engine, id, &before);
	engine_change(leader->engine, id, wanted);
	engine_group_status(leader->engine, id, &after);
	sim_turn_request(leader, 0);
	if (after.generation == before.generation)
		return;
	sim_trace(leader->world, "node %u changes the members of group %u, generation %lu",
			  leader->index + 1, group, (unsigned long) after.generation);
	sim_fault_applied(leader->world, SIM_FAULT_members_changed);
	sim_ambush_change(leader, &after);
}

/* Whoever has a replica that is not wanted any more asks a member, as production does by its metadata. */
static void
have_stranger_inquire(SimWorld *world, uint32_t group, uint32_t index)
{
	const CheckMembership *committed = check_members_committed(world->check_members, group);
	SimNode *node = &world->nodes[index];

	if (!node->replicas[group].open || !sim_nemesis_is_idle(node) ||
		check_membership_find(committed, index + 1))
		return;
	engine_inquire(
		node->engine, sim_group_id(group),
		(NodeId) committed->members[sim_random_below(&world->random, committed->count)].node);
	sim_turn_request(node, 0);
}

/* ---- by plan ---- */

static void
step_plan(SimWorld *world, uint32_t group)
{
	GroupStatus status;
	SimNode *leader = find_leader(world, group, &status);
	PlanInput input;
	PlanStep step;

	if (!leader)
		return;
	sim_plan_fill(leader, group, &status, &input);
	member_plan(&input, &step);
	sim_trace(world, "plan for group %u: %s, about node %u", group,
			  member_plan_state_name(step.state), step.about);
	if (step.action == PLAN_DO_CHANGE)
		ask_change(leader, group, &step.change);
	else if (step.action == PLAN_DO_TRANSFER)
	{
		engine_transfer(leader->engine, sim_group_id(group), step.target);
		sim_turn_request(leader, 0);
	}
}

/* Now and then other nodes are wanted; what is lost is replaced at once. */
static void
want_others(SimWorld *world, uint32_t group)
{
	SimMembers *members = &world->members;

	if (!sim_random_chance(&world->random, WANT_OTHERS_PPM))
		return;
	members->wanted[group] = choose_nodes(world, choose_count(world));
	members->learner[group] = SIM_NODE_NONE;
	if (sim_random_chance(&world->random, 200000))
		members->learner[group] = choose_other(world, members->wanted[group]);
}

/* ---- at random ---- */

/* Index of a random member of that kind other than `self`; the count if there is none. */
static uint32_t
choose_member(SimWorld *world, const Membership *membership, MemberKind kind, NodeId self)
{
	uint32_t count = membership->member_count;
	uint32_t start = count ? sim_random_below(&world->random, count) : 0;

	for (uint32_t i = 0; i < count; i++)
	{
		const Member *member = &membership->members[(start + i) % count];

		if (member->node != self && member->kind == kind)
			return (start + i) % count;
	}
	return count;
}

static void
remove_member(Membership *membership, uint32_t index)
{
	if (index < membership->member_count)
		membership->members[index] = membership->members[--membership->member_count];
}

static void
add_learner(SimWorld *world, Membership *membership)
{
	uint32_t bits = 0;
	uint32_t index;

	for (uint32_t i = 0; i < membership->member_count; i++)
		bits |= 1u << (membership->members[i].node - 1);
	index = choose_other(world, bits);
	if (index != SIM_NODE_NONE)
		membership->members[membership->member_count++] = (Member){.node = (NodeId) (index + 1),
																   .kind = MEMBER_LEARNER};
}

/* From one kind to another; nothing happens if nobody but the leader is of the first kind. */
static void
convert(SimWorld *world, Membership *membership, MemberKind from, MemberKind to, NodeId self)
{
	uint32_t index = choose_member(world, membership, from, self);

	if (index < membership->member_count)
		membership->members[index].kind = to;
}

static uint32_t
count_counting(const Membership *membership)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < membership->member_count; i++)
		count += membership->members[i].kind != MEMBER_LEARNER;
	return count;
}

/* Something is done to the membership; which members come and go is left to chance. */
static void
disturb(SimWorld *world, Membership *membership, NodeId self)
{
	switch (sim_random_below(&world->random, 12))
	{
		case 0:
		case 1:
		case 2:
			add_learner(world, membership);
			break;
		case 3:
			convert(world, membership, MEMBER_LEARNER, MEMBER_LOG, self);
			break;
		case 4:
		case 5:
			convert(world, membership, MEMBER_LEARNER, MEMBER_STORAGE, self);
			break;
		case 6:
			convert(world, membership, MEMBER_LOG, MEMBER_STORAGE, self);
			break;
		case 7:
			convert(world, membership, MEMBER_STORAGE, MEMBER_LEARNER, self);
			break;
		case 8:
			convert(world, membership, MEMBER_STORAGE, MEMBER_LOG, self);
			break;
		case 9:
			remove_member(membership, choose_member(world, membership, MEMBER_LEARNER, self));
			break;
		case 10:
			remove_member(membership, choose_member(world, membership, MEMBER_STORAGE, self));
			break;
		default:
			/* One for another, in one change. */
			convert(world, membership, MEMBER_LEARNER, MEMBER_STORAGE, self);
			remove_member(membership, choose_member(world, membership, MEMBER_STORAGE, self));
			break;
	}
}

static void
step_random(SimWorld *world, uint32_t group)
{
	GroupStatus status;
	SimNode *leader = find_leader(world, group, &status);
	Membership wanted = {0};

	if (!leader)
		return;
	for (uint32_t i = 0; i < status.member_count; i++)
	{
		const MemberStatus *member = &status.members[i];

		if (member->half != HALF_OUTGOING || member->kind == MEMBER_LEARNER)
			wanted.members[wanted.member_count++] = (Member){.node = member->node,
															 .kind = member->kind};
	}
	disturb(world, &wanted, (NodeId) (leader->index + 1));
	if (sim_random_chance(&world->random, 300000))
		disturb(world, &wanted, (NodeId) (leader->index + 1));
	if (count_counting(&wanted) <= COUNTING_MAX)
		ask_change(leader, group, &wanted);
}

/* ---- when ---- */

/* A group that still names a lost node gets a new one in its place. */
static bool
replace_lost(SimWorld *world, uint32_t group)
{
	SimMembers *members = &world->members;
	const CheckMembership *committed = check_members_committed(world->check_members, group);

	if (members->lost == SIM_NODE_NONE || !check_membership_find(committed, members->lost + 1))
		return false;
	members->wanted[group] = 0;
	for (uint32_t i = 0; i < committed->count; i++)
	{
		const CheckMember *member = &committed->members[i];

		if (member->kind != CHECK_KIND_LEARNER && !world->nodes[member->node - 1].lost)
			members->wanted[group] |= 1u << (member->node - 1);
	}
	for (uint32_t i = 0; i < SIM_NODES && (uint32_t) __builtin_popcount(members->wanted[group]) < 3;
		 i++)
	{
		/* Newest nodes first. */
		if (sim_node_is_usable(&world->nodes[SIM_NODES - 1 - i]))
			members->wanted[group] |= 1u << (SIM_NODES - 1 - i);
	}
	members->learner[group] = SIM_NODE_NONE;
	return true;
}

/* Nobody knows yet whether its log can be read: who takes other members away now may lose the group. */
static bool
somebody_is_rotten(const SimWorld *world)
{
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		if (world->nodes[i].is_rotten)
			return true;
	}
	return false;
}

void
sim_members_step(SimWorld *world)
{
	uint32_t group = sim_random_below(&world->random, SIM_GROUPS);
	bool is_final = world->phase != SIM_PHASE_SAFETY;

	if (world->phase > SIM_PHASE_CONVERGE)
		return;
	sim_schedule(world,
				 sim_random_between(&world->random, 0,
									is_final ? FINAL_GAP_US : world->weather.members_gap_max_us),
				 (SimEvent){.kind = SIM_MEMBERS});
	sim_decay_look(world);
	if (is_final || sim_random_chance(&world->random, INQUIRE_PPM))
		have_stranger_inquire(world, group, sim_random_below(&world->random, SIM_NODES));
	if (somebody_is_rotten(world))
		return;
	if (is_final || replace_lost(world, group))
		step_plan(world, group);
	else if (!world->faults.enabled[SIM_FAULT_members_changed])
		return;
	else if (world->members.plans)
	{
		want_others(world, group);
		step_plan(world, group);
	}
	else
		step_random(world, group);
}

void
sim_members_settle(SimWorld *world)
{
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
	{
		world->members.wanted[group] = choose_nodes(world, 3);
		world->members.learner[group] = SIM_NODE_NONE;
	}
}

bool
sim_members_are_settled(const SimWorld *world, uint32_t group)
{
	const CheckMembership *committed = check_members_committed(world->check_members, group);
	uint32_t members = 0;

	for (uint32_t i = 0; i < committed->count; i++)
	{
		if (committed->members[i].kind != CHECK_KIND_STORAGE ||
			committed->members[i].half != CHECK_HALF_BOTH)
			return false;
		members |= 1u << (committed->members[i].node - 1);
	}
	if (members != world->members.wanted[group])
		return false;
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		const SimReplica *replica = &world->nodes[i].replicas[group];
		bool is_member = members & (1u << i);

		if (sim_node_is_usable(&world->nodes[i]) &&
			(replica->open != is_member ||
			 (is_member && (!replica->rows_said || replica->machine.rows_missing))))
			return false;
	}
	return true;
}

uint32_t
sim_final_members(const SimWorld *world, uint32_t group)
{
	return world->members.wanted[group];
}

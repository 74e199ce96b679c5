/*
 * test_member_plan.c
 *		Unit tests of routing/member_plan: what is done in each situation, and that every plan comes to an end.
 */
#include "routing/member_plan.h"

#include "core/membership.h"
#include "tap.h"

#define NODES 6

/* A group as a test has it: members by kind, and how the nodes are. */
typedef struct World
{
	Membership members;
	bool up[NODES + 1];
	bool silent[NODES + 1]; /* not heard for a moment, too short a one to count as away */
	bool rows[NODES + 1];   /* has rows */
	bool behind[NODES + 1]; /* its log is not caught up */
	bool draining[NODES + 1];
	bool cut[NODES + 1][NODES + 1]; /* what the first one sends does not reach the second one */
	NodeId leader;
	bool changing; /* a change is under way */
	bool slow;     /* what replicas do takes a while */
	PlanInput input;
} World;

static uint32_t random_state = 12345;

static uint32_t
random_below(uint32_t bound)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % bound;
}

static void
world_begin(World *world, uint32_t members)
{
	memset(world, 0, sizeof(*world));
	world->members.generation = 1;
	for (NodeId node = 1; node <= NODES; node++)
	{
		world->up[node] = true;
		if (node > members)
			continue;
		world->rows[node] = true;
		world->members.members[world->members.member_count++] = (Member){
			.node = node, .kind = MEMBER_STORAGE, .since = 1};
	}
	world->leader = 1;
	world->input.heals = world->input.balances = true;
}

static void
want(World *world, uint32_t count, const NodeId *nodes)
{
	world->input.wanted_count = count;
	for (uint32_t i = 0; i < count; i++)
		world->input.wanted[i] = (Member){.node = nodes[i], .kind = MEMBER_STORAGE};
	world->input.preferred = nodes[0];
}

/* A node that is up and no member. */
static NodeId
spare_node(const World *world)
{
	for (NodeId node = 1; node <= NODES; node++)
	{
		if (world->up[node] && membership_find(&world->members, node) == MEMBER_NONE)
			return node;
	}
	return 0;
}

/* Whom a node reaches in both directions. */
static uint64_t
reaches(const World *world, NodeId node)
{
	uint64_t reached = 0;

	for (NodeId other = 1; other <= NODES; other++)
	{
		if (other != node && world->up[other] && !world->cut[other][node] &&
			!world->cut[node][other])
			reached |= node_id_bit(other);
	}
	return reached;
}

static PlanStep
plan(World *world)
{
	PlanInput *input = &world->input;
	PlanStep step;

	input->self = world->leader;
	input->is_settled = !world->changing;
	input->stand_in = spare_node(world);
	input->member_count = world->members.member_count;
	for (uint32_t i = 0; i < input->member_count; i++)
	{
		const Member *member = &world->members.members[i];

		input->members[i] = (PlanMember){
			.node = member->node,
			.kind = member->kind,
			.is_away = !world->up[member->node],
			.is_heard = world->up[member->node] && !world->silent[member->node],
			.is_caught_up = world->up[member->node] && !world->behind[member->node],
			.has_rows = world->rows[member->node],
			.may_lead = !world->draining[member->node]};
		if (member->node == world->leader ||
			(reaches(world, world->leader) & node_id_bit(member->node)))
			input->members[i].reaches = reaches(world, member->node);
	}
	for (NodeId node = 1; node <= NODES; node++)
		input->is_alive[node] = world->up[node];
	member_plan(input, &step);
	return step;
}

static uint32_t
counting_and_up(const World *world, const Membership *membership)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < membership->member_count; i++)
		count += member_counts(&membership->members[i]) && world->up[membership->members[i].node];
	return count;
}

/* Carries the step out as a group would, at once; false if the core would refuse it or it weakens the group. */
static bool
carry_out(World *world, const PlanStep *step)
{
	Membership next;

	if (step->action == PLAN_DO_TRANSFER)
		world->leader = step->target;
	if (step->action != PLAN_DO_CHANGE)
		return true;
	if (!membership_begin_change(&world->members, &step->change, &next))
		return false;
	if (membership_is_joint(&next))
	{
		Membership joint = next;

		membership_end_change(&joint, &next);
	}
	for (uint32_t i = 0; i < next.member_count; i++)
	{
		NodeId node = next.members[i].node;
		uint32_t before = membership_find(&world->members, node);

		/* New replicas and log replicas have no rows. */
		if (before == MEMBER_NONE || next.members[i].kind == MEMBER_LOG)
			world->rows[node] = false;
		world->behind[node] |= before == MEMBER_NONE;
	}
	if (membership_find(&next, world->leader) == MEMBER_NONE ||
		(counting_and_up(world, &next) < counting_and_up(world, &world->members) &&
		 counting_and_up(world, &next) < world->input.wanted_count))
		return false;
	world->members = next;
	return true;
}

/* What replicas do by themselves: logs and rows arrive on nodes that are up. */
static void
settle(World *world)
{
	for (NodeId node = 1; node <= NODES; node++)
	{
		uint32_t index = membership_find(&world->members, node);

		if (!world->up[node] || index == MEMBER_NONE || (world->slow && random_below(3) > 0))
			continue;
		if (world->behind[node])
			world->behind[node] = false;
		else if (world->members.members[index].kind != MEMBER_LOG)
			world->rows[node] = true;
	}
}

/* Steps until the plan is steady; the number of steps, -1 if it does not end or a step is wrong. */
static int
run(World *world, int steps_max)
{
	for (int i = 0; i < steps_max; i++)
	{
		PlanStep step = plan(world);

		if (step.state == PLAN_STEADY)
			return i;
		if (!carry_out(world, &step))
			return -1;
		settle(world);
	}
	return -1;
}

static bool
is_as_wanted(const World *world)
{
	if (world->members.member_count != world->input.wanted_count)
		return false;
	for (uint32_t i = 0; i < world->input.wanted_count; i++)
	{
		uint32_t index = membership_find(&world->members, world->input.wanted[i].node);

		if (index == MEMBER_NONE ||
			world->members.members[index].kind != world->input.wanted[i].kind)
			return false;
	}
	return true;
}

/* ---- one situation each ---- */

static void
test_growing(void)
{
	World world;

	world_begin(&world, 1);
	want(&world, 3, (NodeId[]){1, 2, 3});
	TAP_OK(plan(&world).state == PLAN_ADDING, "a group of one: the others become learners");
	TAP_OK(run(&world, 20) > 0 && is_as_wanted(&world), "one grows to three");
	want(&world, 5, (NodeId[]){1, 2, 3, 4, 5});
	TAP_OK(run(&world, 20) > 0 && is_as_wanted(&world), "three grow to five");
	want(&world, 3, (NodeId[]){1, 2, 3});
	TAP_OK(run(&world, 20) > 0 && is_as_wanted(&world), "five shrink to three");
}

static void
test_member_away(void)
{
	World world;

	world_begin(&world, 3);
	want(&world, 3, (NodeId[]){1, 2, 3});
	world.up[3] = false;
	TAP_OK(plan(&world).state == PLAN_ADDING_LOG, "a member is away: a log replica is prepared");
	for (int i = 0; i < 6; i++)
	{
		PlanStep step = plan(&world);

		carry_out(&world, &step);
		settle(&world);
	}
	TAP_OK(plan(&world).state == PLAN_STANDING_IN && world.members.member_count == 4 &&
			   counting_and_up(&world, &world.members) == 3,
		   "... and counts in its place, which is kept as a learner");
	world.up[3] = true;
	TAP_OK(run(&world, 20) > 0 && is_as_wanted(&world), "it comes back, and the log replica goes");
	for (NodeId node = 4; node <= NODES; node++)
		world.up[node] = false;
	world.up[2] = false;
	TAP_OK(plan(&world).state == PLAN_NO_PLACE && plan(&world).about == 2,
		   "no node for a log replica: it says so");
	world.input.heals = false;
	TAP_OK(plan(&world).action == PLAN_DO_NOTHING, "healing is switched off");
}

static void
test_replacing(void)
{
	World world;

	world_begin(&world, 3);
	want(&world, 3, (NodeId[]){1, 2, 4});
	TAP_OK(run(&world, 20) > 0 && is_as_wanted(&world), "a healthy member is replaced");
	world.up[2] = false;
	want(&world, 3, (NodeId[]){1, 5, 4});
	TAP_OK(run(&world, 20) > 0 && is_as_wanted(&world), "a dead member is replaced");
	want(&world, 3, (NodeId[]){3, 5, 4});
	TAP_OK(run(&world, 20) > 0 && is_as_wanted(&world) && world.leader != 1,
		   "the leader itself is replaced: it hands over first");
}

static void
test_lost_in_a_change(void)
{
	World world;

	world_begin(&world, 3);
	want(&world, 2, (NodeId[]){1, 2});
	world.silent[2] = true;
	TAP_OK(plan(&world).state == PLAN_NO_QUORUM && plan(&world).about == 2,
		   "nothing is begun that leaves two members of which one is not heard: it says so");
	world.silent[2] = false;
	TAP_OK(plan(&world).state == PLAN_REMOVING && run(&world, 20) > 0 && is_as_wanted(&world),
		   "... but when it is heard again");
}

static void
test_leaders(void)
{
	World world;

	world_begin(&world, 3);
	want(&world, 3, (NodeId[]){2, 1, 3});
	TAP_OK(plan(&world).state == PLAN_BALANCING && plan(&world).target == 2,
		   "the preferred leader takes over");
	world.behind[2] = true;
	TAP_OK(plan(&world).action == PLAN_DO_NOTHING, "... not before it has caught up");
	world.draining[1] = true;
	TAP_OK(plan(&world).state == PLAN_HANDING_OVER && plan(&world).target == 3,
		   "a draining node hands over to whoever can");
	world.changing = true;
	TAP_OK(plan(&world).state == PLAN_CHANGING, "one thing at a time");
}

static void
test_cut_links(void)
{
	World world;

	world_begin(&world, 3);
	want(&world, 3, (NodeId[]){1, 2, 3});
	world.cut[1][3] = world.cut[3][1] = true;
	TAP_OK(plan(&world).state == PLAN_HANDING_OVER && plan(&world).target == 2,
		   "a link of the leader is cut: who reaches both takes over");
	world.input.heals = false;
	TAP_OK(plan(&world).action == PLAN_DO_NOTHING, "... unless healing is switched off");
	world.input.heals = true;
	TAP_OK(run(&world, 5) >= 0 && world.leader == 2,
		   "... and keeps it, although the metadata prefers the other");
	world.cut[1][3] = world.cut[3][1] = false;
	TAP_OK(run(&world, 5) >= 0 && world.leader == 1,
		   "the link is back, and so is the preferred leader");
	world.cut[1][3] = true;
	TAP_OK(run(&world, 5) >= 0 && world.leader == 2,
		   "what the leader sends to one member is lost: the same");
	world.cut[1][3] = false;
	world.leader = 1;
	world.cut[3][1] = true;
	TAP_OK(run(&world, 5) >= 0 && world.leader == 2,
		   "what one member sends to the leader is lost: the same");
	world.cut[3][1] = false;
	world.leader = 1;
	world.cut[1][3] = world.cut[3][1] = world.cut[2][3] = world.cut[3][2] = true;
	TAP_OK(plan(&world).state == PLAN_STEADY, "nobody reaches a member: the leader stays");
	world.cut[2][3] = world.cut[3][2] = false;
	world.cut[2][1] = world.cut[1][2] = true;
	TAP_OK(plan(&world).state == PLAN_STEADY,
		   "the leader reaches nobody: it has nobody to hand over to");
}

/* ---- whatever happens ---- */

/* Wants three (or one) random nodes. */
static void
want_random(World *world)
{
	NodeId nodes[NODES];

	for (uint32_t i = 0; i < NODES; i++)
		nodes[i] = (NodeId) (i + 1);
	for (uint32_t i = 0; i < NODES; i++)
	{
		uint32_t other = random_below(NODES);
		NodeId node = nodes[i];

		nodes[i] = nodes[other];
		nodes[other] = node;
	}
	want(world, random_below(4) == 0 ? 1 : 3, nodes);
}

/* A node fails or comes back, or something else is wanted; never more than one counting member is down. */
static void
disturb(World *world)
{
	NodeId node = (NodeId) (1 + random_below(NODES));

	if (random_below(4) == 0)
		want_random(world);
	if (random_below(3) == 0)
		world->draining[node] = !world->draining[node];
	if (random_below(3) == 0)
		world->cut[node][1 + random_below(NODES)] ^= true;
	if (node == world->leader)
		return;
	world->silent[node] = random_below(3) == 0;
	world->up[node] = !world->up[node];
	if (counting_and_up(world, &world->members) * 2 <= world->members.member_count)
		world->up[node] = true;
}

/* All nodes are up and may lead; links may still be cut.  True if the leader comes to rest all the same. */
static bool
leader_comes_to_rest(World *world)
{
	NodeId leader = 0;

	for (NodeId node = 1; node <= NODES; node++)
	{
		world->up[node] = true;
		world->draining[node] = false;
		world->silent[node] = false;
	}
	for (int i = 0; i < 60; i++)
	{
		PlanStep step = plan(world);

		carry_out(world, &step);
		settle(world);
		if (i == 40)
			leader = world->leader;
	}
	return leader == world->leader;
}

static void
test_convergence(void)
{
	uint64_t entered[PLAN_STATE_LAST + 1] = {0};
	uint64_t left[PLAN_STATE_LAST + 1] = {0};
	int wrong = 0;
	int stuck = 0;
	int restless = 0;

	for (int round = 0; round < 3000; round++)
	{
		World world;
		PlanStage before = 0;

		world_begin(&world, random_below(2) ? 3 : 1);
		want_random(&world);
		world.slow = true;
		for (int i = 0; i < 60; i++)
		{
			PlanStep step = plan(&world);

			entered[step.state]++;
			if (before && before != step.state)
				left[before]++;
			before = step.state;
			wrong += !carry_out(&world, &step);
			settle(&world);
			if (random_below(3) == 0)
				disturb(&world);
		}
		restless += !leader_comes_to_rest(&world);
		memset(world.cut, 0, sizeof(world.cut));
		if (run(&world, 40) < 0 || !is_as_wanted(&world))
			stuck++;
	}
	TAP_IS_INT(wrong, 0,
			   "no step is refused by the core or takes a member before another one counts");
	TAP_IS_INT(restless, 0, "whatever links stay cut, no leader is moved to and fro");
	TAP_IS_INT(stuck, 0, "when all nodes are well, every group comes to what is wanted");
	for (int state = PLAN_STEADY; state <= PLAN_STATE_LAST; state++)
	{
		if (state != PLAN_CHANGING)
			TAP_OK(entered[state] > 0 && left[state] > 0, "state \"%s\" is reached and left",
				   member_plan_state_name((PlanStage) state));
	}
}

int
main(void)
{
	test_growing();
	test_member_away();
	test_replacing();
	test_lost_in_a_change();
	test_leaders();
	test_cut_links();
	test_convergence();
	return tap_done();
}

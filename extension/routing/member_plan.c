/*
 * member_plan.c
 *		The next step towards the wanted members; see member_plan.h.
 *
 * The rules are tried in the order of the table at the end; the first one that has something to do, or something to
 * wait for that forbids the later ones, decides.  No rule takes away a counting member before another one counts in its
 * place, unless fewer are wanted.
 */
#include "routing/member_plan.h"

#include <string.h>

/* ---- looking ---- */

static bool
counts(MemberKind kind)
{
	return kind == MEMBER_STORAGE || kind == MEMBER_LOG;
}

/* The kind that is wanted on a node, 0 for none. */
static MemberKind
wanted_kind(const PlanInput *input, NodeId node)
{
	for (uint32_t i = 0; i < input->wanted_count; i++)
	{
		if (input->wanted[i].node == node)
			return input->wanted[i].kind;
	}
	return 0;
}

static const PlanMember *
find_member(const PlanInput *input, NodeId node)
{
	for (uint32_t i = 0; i < input->member_count; i++)
	{
		if (input->members[i].node == node)
			return &input->members[i];
	}
	return NULL;
}

/* A member that can take the leadership over now. */
static bool
can_lead(const PlanInput *input, const PlanMember *member)
{
	return member && member->node != input->self && member->kind == MEMBER_STORAGE &&
		   member->may_lead && !member->is_away && member->is_caught_up && member->has_rows &&
		   wanted_kind(input, member->node) == MEMBER_STORAGE;
}

/* The members that one of them reaches, itself among them. */
static uint64_t
reach(const PlanInput *input, const PlanMember *from)
{
	uint64_t reached = 0;

	for (uint32_t i = 0; i < input->member_count; i++)
		reached |= node_id_bit(input->members[i].node);
	return (reached & from->reaches) | node_id_bit(from->node);
}

/* Does a member reach all that the leader reaches?  It is believed to if that is not known. */
static bool
reaches_as_many(const PlanInput *input, const PlanMember *member)
{
	uint64_t reached = reach(input, find_member(input, input->self));

	return member->reaches == 0 || (reached & ~reach(input, member)) == 0;
}

/* A counting member that is not wanted as one, other than this leader; one that is away comes first. */
static const PlanMember *
find_superfluous(const PlanInput *input, bool only_away)
{
	const PlanMember *found = NULL;

	for (uint32_t i = 0; i < input->member_count; i++)
	{
		const PlanMember *member = &input->members[i];

		if (member->node == input->self || !counts(member->kind) ||
			wanted_kind(input, member->node) == MEMBER_STORAGE || (only_away && !member->is_away))
			continue;
		if (!found || (member->is_away && !found->is_away))
			found = member;
	}
	return found;
}

/* ---- changing ---- */

/* Begins a change: the members as they are. */
static void
change_begin(const PlanInput *input, PlanStep *step, PlanStage state, NodeId about)
{
	memset(step, 0, sizeof(*step));
	step->state = state;
	step->action = PLAN_DO_CHANGE;
	step->about = about;
	step->change.member_count = input->member_count;
	for (uint32_t i = 0; i < input->member_count; i++)
	{
		step->change.members[i].node = input->members[i].node;
		step->change.members[i].kind = input->members[i].kind;
	}
}

static void
change_set_kind(PlanStep *step, NodeId node, MemberKind kind)
{
	for (uint32_t i = 0; i < step->change.member_count; i++)
	{
		if (step->change.members[i].node == node)
			step->change.members[i].kind = kind;
	}
}

static void
change_add(PlanStep *step, NodeId node)
{
	Member *member;

	if (step->change.member_count == CORE_MEMBERS_MAX)
		return;
	member = &step->change.members[step->change.member_count++];
	memset(member, 0, sizeof(*member));
	member->node = node;
	member->kind = MEMBER_LEARNER;
}

static void
change_remove(PlanStep *step, NodeId node)
{
	for (uint32_t i = 0; i < step->change.member_count; i++)
	{
		if (step->change.members[i].node != node)
			continue;
		step->change.members[i] = step->change.members[--step->change.member_count];
		return;
	}
}

static void
report(PlanStep *step, PlanStage state, NodeId about)
{
	memset(step, 0, sizeof(*step));
	step->state = state;
	step->about = about;
}

static void
transfer(PlanStep *step, PlanStage state, NodeId target)
{
	report(step, state, target);
	step->action = PLAN_DO_TRANSFER;
	step->target = target;
}

/* ---- the rules: each true if it decided ---- */

static bool
rule_one_at_a_time(const PlanInput *input, PlanStep *step)
{
	if (input->is_settled)
		return false;
	report(step, PLAN_CHANGING, 0);
	return true;
}

/* A leader that is not wanted, or whose node is to lead nothing, hands over as soon as somebody can take over. */
static bool
rule_leader_may_not_stay(const PlanInput *input, PlanStep *step)
{
	const PlanMember *self = find_member(input, input->self);

	if (self->may_lead && wanted_kind(input, input->self) == MEMBER_STORAGE)
		return false;
	if (can_lead(input, find_member(input, input->preferred)))
	{
		transfer(step, PLAN_HANDING_OVER, input->preferred);
		return true;
	}
	for (uint32_t i = 0; i < input->member_count; i++)
	{
		if (!can_lead(input, &input->members[i]))
			continue;
		transfer(step, PLAN_HANDING_OVER, input->members[i].node);
		return true;
	}
	return false;
}

/*
 * A member that this leader does not reach, but another one does that reaches the others as well: a link is cut.  The
 * other one leads then, so that nobody is away, and clients of all members' nodes reach the leader.
 */
static bool
rule_leader_is_cut_off(const PlanInput *input, PlanStep *step)
{
	uint64_t reached = reach(input, find_member(input, input->self));

	for (uint32_t i = 0; i < input->member_count && input->heals; i++)
	{
		const PlanMember *member = &input->members[i];

		if (!can_lead(input, member) || member->reaches == 0 || !reaches_as_many(input, member) ||
			(reach(input, member) & ~reached) == 0)
			continue;
		transfer(step, PLAN_HANDING_OVER, member->node);
		return true;
	}
	return false;
}

/*
 * The learner that can soonest count in the place of a member that is away: one that is to be a storage replica anyhow
 * first, one that is to stay a learner last.
 */
static int
stand_in_rank(const PlanInput *input, const PlanMember *learner)
{
	MemberKind wanted = wanted_kind(input, learner->node);

	return (learner->is_caught_up ? 4 : 0) + (wanted == MEMBER_STORAGE   ? 2
											  : wanted == MEMBER_LEARNER ? 0
																		 : 1);
}

static const PlanMember *
find_stand_in(const PlanInput *input)
{
	const PlanMember *found = NULL;

	for (uint32_t i = 0; i < input->member_count; i++)
	{
		const PlanMember *member = &input->members[i];

		if (member->kind != MEMBER_LEARNER || member->is_away)
			continue;
		if (!found || stand_in_rank(input, member) > stand_in_rank(input, found))
			found = member;
	}
	return found;
}

/* A wanted node that is no member and can be made one now; 0 if there is none. */
static NodeId
find_missing(const PlanInput *input)
{
	for (uint32_t i = 0; i < input->wanted_count; i++)
	{
		NodeId node = input->wanted[i].node;

		if (!find_member(input, node) && input->is_alive[node])
			return node;
	}
	return 0;
}

/* A counting member, other than this leader, that is away. */
static const PlanMember *
find_away(const PlanInput *input)
{
	for (uint32_t i = 0; i < input->member_count; i++)
	{
		const PlanMember *member = &input->members[i];

		if (member->node != input->self && counts(member->kind) && member->is_away)
			return member;
	}
	return NULL;
}

/* A counting member is away: a learner takes its place in the quorum, as a log replica. */
static bool
rule_member_away(const PlanInput *input, PlanStep *step)
{
	const PlanMember *stand_in = find_stand_in(input);
	const PlanMember *away = find_away(input);

	if (!away || !input->heals)
		return false;
	if (stand_in && stand_in->is_caught_up)
	{
		change_begin(input, step, PLAN_STANDING_IN, away->node);
		change_set_kind(step, stand_in->node, MEMBER_LOG);
		if (wanted_kind(input, away->node) != 0)
			change_set_kind(step, away->node, MEMBER_LEARNER);
		else
			change_remove(step, away->node);
		return true;
	}
	if (stand_in)
	{
		report(step, PLAN_CATCHING_UP, stand_in->node);
		return true;
	}
	if (input->stand_in == 0 || find_member(input, input->stand_in) || find_missing(input) != 0)
		return false;
	change_begin(input, step, PLAN_ADDING_LOG, away->node);
	change_add(step, input->stand_in);
	return true;
}

/* A learner that is wanted as a storage replica and has everything becomes one. */
static bool
rule_ready_learner_counts(const PlanInput *input, PlanStep *step)
{
	for (uint32_t i = 0; i < input->member_count; i++)
	{
		const PlanMember *member = &input->members[i];
		const PlanMember *superfluous = find_superfluous(input, false);

		if (member->kind != MEMBER_LEARNER || member->is_away || !member->is_caught_up ||
			!member->has_rows || wanted_kind(input, member->node) != MEMBER_STORAGE)
			continue;
		change_begin(input, step, PLAN_SWAPPING, member->node);
		change_set_kind(step, member->node, MEMBER_STORAGE);
		if (superfluous && wanted_kind(input, superfluous->node) == MEMBER_LEARNER)
			change_set_kind(step, superfluous->node, MEMBER_LEARNER);
		else if (superfluous)
			change_remove(step, superfluous->node);
		return true;
	}
	return false;
}

/* A log replica that is wanted as a storage replica becomes one; its rows are copied then. */
static bool
rule_log_replica_is_wanted(const PlanInput *input, PlanStep *step)
{
	for (uint32_t i = 0; i < input->member_count; i++)
	{
		const PlanMember *member = &input->members[i];

		if (member->kind != MEMBER_LOG || member->is_away ||
			wanted_kind(input, member->node) != MEMBER_STORAGE)
			continue;
		change_begin(input, step, PLAN_PROMOTING, member->node);
		change_set_kind(step, member->node, MEMBER_STORAGE);
		return true;
	}
	return false;
}

static bool
rule_wanted_are_added(const PlanInput *input, PlanStep *step)
{
	NodeId missing = find_missing(input);

	if (missing == 0)
		return false;
	change_begin(input, step, PLAN_ADDING, missing);
	for (uint32_t i = 0; i < input->wanted_count; i++)
	{
		NodeId node = input->wanted[i].node;

		if (!find_member(input, node) && input->is_alive[node])
			change_add(step, node);
	}
	return true;
}

/* Learners that are neither wanted nor needed go, and counting members that are too many. */
static bool
rule_unwanted_go(const PlanInput *input, PlanStep *step)
{
	bool all_count = true;
	NodeId gone = 0;

	for (uint32_t i = 0; i < input->wanted_count; i++)
	{
		const PlanMember *member = find_member(input, input->wanted[i].node);

		if (input->wanted[i].kind == MEMBER_STORAGE &&
			(!member || !counts(member->kind) || member->is_away))
			all_count = false;
	}
	for (uint32_t i = 0; i < input->member_count; i++)
	{
		const PlanMember *member = &input->members[i];
		MemberKind wanted = wanted_kind(input, member->node);

		if (member->node == input->self || wanted == member->kind || wanted == MEMBER_STORAGE)
			continue;
		if (counts(member->kind) ? !all_count : wanted != 0)
			continue;
		if (gone == 0)
			change_begin(input, step, PLAN_REMOVING, member->node);
		gone = member->node;
		if (wanted == MEMBER_LEARNER)
			change_set_kind(step, member->node, MEMBER_LEARNER);
		else
			change_remove(step, member->node);
	}
	return gone != 0;
}

/* What there is to wait for. */
static bool
rule_wait(const PlanInput *input, PlanStep *step)
{
	const PlanMember *away = find_away(input);

	if (away && input->heals)
	{
		report(step, PLAN_NO_PLACE, away->node);
		return true;
	}
	for (uint32_t i = 0; i < input->wanted_count; i++)
	{
		const PlanMember *member = find_member(input, input->wanted[i].node);

		if (input->wanted[i].node == input->self)
			continue;
		if (!member)
			report(step, PLAN_WAITING, input->wanted[i].node);
		else if (member->is_away && member->kind != input->wanted[i].kind)
			report(step, find_superfluous(input, false) ? PLAN_STANDING_IN : PLAN_WAITING,
				   member->node);
		else if (!member->is_away && !member->is_caught_up)
			report(step, PLAN_CATCHING_UP, member->node);
		else if (!member->is_away && !member->has_rows && member->kind != MEMBER_LOG)
			report(step, PLAN_COPYING, member->node);
		else
			continue;
		return true;
	}
	return false;
}

static bool
rule_preferred_leads(const PlanInput *input, PlanStep *step)
{
	if (!input->balances || input->preferred == 0 || input->preferred == input->self ||
		!can_lead(input, find_member(input, input->preferred)) ||
		!reaches_as_many(input, find_member(input, input->preferred)))
		return false;
	transfer(step, PLAN_BALANCING, input->preferred);
	return true;
}

/*
 * A change to members of whom no quorum is heard could be neither committed nor undone, and the core refuses it: the
 * plan waits, until the silent member is back, or has been silent for so long that another takes its place.
 */
static void
hold_without_quorum(const PlanInput *input, PlanStep *step)
{
	uint32_t counting = 0;
	uint32_t heard = 0;
	NodeId silent = 0;

	for (uint32_t i = 0; i < step->change.member_count; i++)
	{
		const PlanMember *member = find_member(input, step->change.members[i].node);

		if (!counts(step->change.members[i].kind))
			continue;
		counting++;
		if (member && member->is_heard)
			heard++;
		else
			silent = step->change.members[i].node;
	}
	if (heard <= counting / 2)
		report(step, PLAN_NO_QUORUM, silent);
}

/* What the rules say. */
static void
choose_step(const PlanInput *input, PlanStep *step)
{
	static bool (*const rules[])(const PlanInput *input, PlanStep *step) = {
		rule_one_at_a_time,    rule_leader_may_not_stay,  rule_leader_is_cut_off,
		rule_member_away,      rule_ready_learner_counts, rule_log_replica_is_wanted,
		rule_wanted_are_added, rule_unwanted_go,          rule_wait,
		rule_preferred_leads,
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
	{
		if (rules[i](input, step))
			return;
	}
	report(step, PLAN_STEADY, 0);
}

void
member_plan(const PlanInput *input, PlanStep *step)
{
	choose_step(input, step);
	if (step->action == PLAN_DO_CHANGE)
		hold_without_quorum(input, step);
}

const char *
member_plan_state_name(PlanStage state)
{
	static const char *const names[] = {
		[PLAN_STEADY] = "steady",
		[PLAN_CHANGING] = "changing members",
		[PLAN_HANDING_OVER] = "handing over",
		[PLAN_ADDING] = "adding a member",
		[PLAN_CATCHING_UP] = "catching up",
		[PLAN_COPYING] = "copying rows",
		[PLAN_SWAPPING] = "taking a member in",
		[PLAN_ADDING_LOG] = "adding a log replica",
		[PLAN_STANDING_IN] = "log replica stands in",
		[PLAN_NO_PLACE] = "no node for a log replica",
		[PLAN_PROMOTING] = "log replica becomes storage replica",
		[PLAN_REMOVING] = "removing a member",
		[PLAN_BALANCING] = "moving the leader",
		[PLAN_WAITING] = "waiting for a node",
		[PLAN_NO_QUORUM] = "waiting for a quorum of the members to be",
	};

	return state >= PLAN_STEADY && state <= PLAN_STATE_LAST ? names[state] : "unknown";
}

/*
 * sim_plan.c
 *		What a leader knows of its group's members, as the planner of production wants it.
 *
 * Logs and silence are seen as the leader sees them; whether rows are there the nodes tell each other in production,
 * and the simulator just looks.
 */
#include "sim/sim_plan.h"

#define AWAY_LEASES 3
#define NEAR_LSNS 100

static bool
is_away(const SimNode *leader, uint32_t index)
{
	const SimNode *node = &leader->world->nodes[index];
	TimeUs heard_us = engine_peer_heard_us(leader->engine, (NodeId) (index + 1));

	if (node == leader)
		return false;
	if (heard_us == 0)
		return !node->engine;
	return sim_node_local_us(leader) - heard_us > AWAY_LEASES * SIM_LEASE_US;
}

static bool
is_heard(const SimNode *leader, uint32_t index)
{
	TimeUs heard_us = engine_peer_heard_us(leader->engine, (NodeId) (index + 1));

	return leader->index == index ||
		   (heard_us != 0 && sim_node_local_us(leader) - heard_us <= SIM_LEASE_US);
}

static PlanMember
plan_member(const SimNode *leader, uint32_t group, const GroupStatus *status,
			const MemberStatus *member)
{
	const SimNode *node = &leader->world->nodes[member->node - 1];
	const SimReplica *replica = &node->replicas[group];

	return (PlanMember){
		.node = member->node,
		.kind = member->kind,
		.is_away = is_away(leader, node->index),
		.is_heard = is_heard(leader, node->index),
		.is_caught_up = node == leader || (!member->needs_snapshot && member->durable_lsn > 0 &&
										   member->durable_lsn + NEAR_LSNS >= status->commit_lsn),
		.has_rows = replica->open && replica->since == member->since &&
					!replica->machine.rows_missing && replica->rows_said,
		.may_lead = !node->lost,
	};
}

static bool
is_settled(const GroupStatus *status)
{
	for (uint32_t i = 0; i < status->member_count; i++)
	{
		if (status->members[i].half != HALF_BOTH)
			return false;
	}
	return status->generation == status->committed_generation &&
		   status->commit_lsn >= status->start_lsn;
}

void
sim_plan_fill(const SimNode *leader, uint32_t group, const GroupStatus *status, PlanInput *input)
{
	const SimWorld *world = leader->world;
	uint32_t members = 0;

	*input = (PlanInput){.self = (NodeId) (leader->index + 1),
						 .is_settled = is_settled(status),
						 .member_count = status->member_count,
						 .heals = world->members.heals};
	for (uint32_t i = 0; i < status->member_count; i++)
	{
		input->members[i] = plan_member(leader, group, status, &status->members[i]);
		members |= 1u << (status->members[i].node - 1);
	}
	for (uint32_t i = 0; i < SIM_NODES; i++)
	{
		bool wanted = world->members.wanted[group] & (1u << i);

		input->is_alive[i + 1] = world->nodes[i].engine != NULL;
		if (wanted || world->members.learner[group] == i)
			input->wanted[input->wanted_count++] = (Member){
				.node = (NodeId) (i + 1), .kind = wanted ? MEMBER_STORAGE : MEMBER_LEARNER};
		else if (input->is_alive[i + 1] && !(members & (1u << i)))
			input->stand_in = (NodeId) (i + 1);
	}
}

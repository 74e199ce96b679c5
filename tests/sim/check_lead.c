/*
 * check_lead.c
 *		See check_lead.h.
 */
#include "sim/check_lead.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/sim_util.h"

/* Everybody who ever led a group. */
typedef struct Leaders
{
	CheckBallot *ballots;
	size_t capacity;
	uint32_t count;
} Leaders;

/* What one replica promised. */
typedef struct Promises
{
	CheckBallot highest; /* as the replica said after a turn of its present life */
	CheckBallot sent;    /* highest that somebody else was told, in any life */
} Promises;

struct CheckLead
{
	CheckReport *report;
	uint32_t node_count;
	uint32_t group_count;
	Leaders *groups;
	Promises *replicas;
};

CheckLead *
check_lead_create(uint32_t node_count, uint32_t group_count, CheckReport *report)
{
	CheckLead *lead = sim_allocate(sizeof(CheckLead));

	lead->report = report;
	lead->node_count = node_count;
	lead->group_count = group_count;
	lead->groups = sim_allocate(group_count * sizeof(Leaders));
	lead->replicas = sim_allocate((size_t) node_count * group_count * sizeof(Promises));
	return lead;
}

void
check_lead_free(CheckLead *lead)
{
	for (uint32_t i = 0; i < lead->group_count; i++)
		free(lead->groups[i].ballots);
	free(lead->groups);
	free(lead->replicas);
	free(lead);
}

void
check_lead_took(CheckLead *lead, uint32_t node, uint32_t group, CheckBallot ballot)
{
	Leaders *leaders = &lead->groups[group];

	if (ballot.node != node + 1)
		check_fail(lead->report, "one leader",
				   "node %u leads group %u under ballot %" PRIu64 ".%u of another node", node + 1,
				   group, ballot.round, ballot.node);
	for (uint32_t i = 0; i < leaders->count; i++)
	{
		if (check_ballot_compare(leaders->ballots[i], ballot) == 0)
			check_fail(lead->report, "one leader",
					   "ballot %" PRIu64 ".%u of group %u leads for the second time", ballot.round,
					   ballot.node, group);
	}
	leaders->ballots = sim_grow(leaders->ballots, &leaders->capacity, leaders->count + 1,
								sizeof(CheckBallot));
	leaders->ballots[leaders->count++] = ballot;
}

static Promises *
promises_of(CheckLead *lead, uint32_t node, uint32_t group)
{
	return &lead->replicas[(size_t) node * lead->group_count + group];
}

void
check_lead_promised(CheckLead *lead, uint32_t node, uint32_t group, CheckBallot ballot)
{
	Promises *promises = promises_of(lead, node, group);

	if (check_ballot_compare(ballot, promises->highest) < 0)
		check_fail(lead->report, "I3",
				   "node %u's promise in group %u went back from %" PRIu64 ".%u to %" PRIu64 ".%u",
				   node + 1, group, promises->highest.round, promises->highest.node, ballot.round,
				   ballot.node);
	if (check_ballot_compare(ballot, promises->sent) < 0)
		check_fail(lead->report, "I3",
				   "node %u forgot in group %u that it promised %" PRIu64 ".%u: now %" PRIu64 ".%u",
				   node + 1, group, promises->sent.round, promises->sent.node, ballot.round,
				   ballot.node);
	promises->highest = ballot;
}

void
check_lead_promise_sent(CheckLead *lead, uint32_t node, uint32_t group, CheckBallot ballot)
{
	Promises *promises = promises_of(lead, node, group);

	if (check_ballot_compare(ballot, promises->sent) > 0)
		promises->sent = ballot;
}

void
check_lead_restart(CheckLead *lead, uint32_t node)
{
	for (uint32_t group = 0; group < lead->group_count; group++)
		promises_of(lead, node, group)->highest = (CheckBallot){0, 0};
}

void
check_lead_serving(CheckLead *lead, uint32_t group, uint32_t node_bits, int64_t global_us)
{
	if (node_bits & (node_bits - 1))
		check_fail(lead->report, "I8",
				   "nodes %#x (bits) hold the lease of group %u together at %" PRId64 " us",
				   node_bits, group, global_us);
}

uint32_t
check_lead_count(const CheckLead *lead, uint32_t group)
{
	return lead->groups[group].count;
}

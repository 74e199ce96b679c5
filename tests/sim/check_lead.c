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

/* Who promised a ballot. */
typedef struct Promisers
{
	CheckBallot ballot;
	uint32_t nodes; /* one bit a node */
} Promisers;

typedef struct PromisedBallots
{
	Promisers *ballots;
	size_t capacity;
	uint32_t count;
} PromisedBallots;

struct CheckLead
{
	CheckReport *report;
	uint32_t node_count;
	uint32_t group_count;
	Leaders *groups;
	PromisedBallots *promised; /* by group */
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
	lead->promised = sim_allocate(group_count * sizeof(PromisedBallots));
	lead->replicas = sim_allocate((size_t) node_count * group_count * sizeof(Promises));
	return lead;
}

void
check_lead_free(CheckLead *lead)
{
	for (uint32_t i = 0; i < lead->group_count; i++)
	{
		free(lead->groups[i].ballots);
		free(lead->promised[i].ballots);
	}
	free(lead->groups);
	free(lead->promised);
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

/* The ballot, newest first; NULL if nobody promised it. */
static Promisers *
promisers_of(const CheckLead *lead, uint32_t group, CheckBallot ballot)
{
	const PromisedBallots *promised = &lead->promised[group];

	for (uint32_t i = promised->count; i-- > 0;)
	{
		if (check_ballot_compare(promised->ballots[i].ballot, ballot) == 0)
			return &promised->ballots[i];
	}
	return NULL;
}

static void
add_promiser(CheckLead *lead, uint32_t node, uint32_t group, CheckBallot ballot)
{
	PromisedBallots *promised = &lead->promised[group];
	Promisers *promisers = promisers_of(lead, group, ballot);

	if (!promisers)
	{
		promised->ballots = sim_grow(promised->ballots, &promised->capacity, promised->count + 1,
									 sizeof(Promisers));
		promisers = &promised->ballots[promised->count++];
		promisers->ballot = ballot;
	}
	promisers->nodes |= 1u << node;
}

uint32_t
check_lead_promisers(const CheckLead *lead, uint32_t group, CheckBallot ballot)
{
	const Promisers *promisers = promisers_of(lead, group, ballot);

	return promisers ? promisers->nodes : 0;
}

void
check_lead_drop(CheckLead *lead, uint32_t node, uint32_t group)
{
	*promises_of(lead, node, group) = (Promises){0};
}

void
check_lead_promise_sent(CheckLead *lead, uint32_t node, uint32_t group, CheckBallot ballot)
{
	Promises *promises = promises_of(lead, node, group);

	add_promiser(lead, node, group, ballot);
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

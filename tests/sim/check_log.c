/*
 * check_log.c
 *		See check_log.h.
 */
#include "sim/check_log.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/sim_random.h"
#include "sim/sim_util.h"

/* An entry that some node called committed. */
typedef struct Committed
{
	CheckBallot ballot;
	uint64_t digest;
	uint64_t operation;
	bool known;
	bool is_membership;
	uint64_t chain;    /* digest up to here, for elements up to chained */
	uint64_t proposed; /* the same without memberships */
} Committed;

/* One group: the mirror of its log, elements 1 .. top. */
typedef struct GroupMirror
{
	Committed *entries;
	size_t capacity;
	uint64_t top;
	uint64_t chained; /* all entries up to here are known */
} GroupMirror;

/* One replica: digests over its log, chain[lsn] covering entries 1 .. lsn. */
typedef struct ReplicaChain
{
	uint64_t *chain;
	size_t capacity;
	uint64_t top;
	uint64_t commit_lsn; /* in the present life of the node */
	uint64_t base;
	bool is_loose; /* it began anew where the log below is not known: its digests say nothing */
} ReplicaChain;

/* What is known of an operation. */
typedef struct Operation
{
	uint64_t lsn; /* where it was committed; 0 not yet */
	uint32_t group;
	uint32_t durable_nodes; /* one bit a node */
	bool refused;
	bool acknowledged;
} Operation;

/* A log's digest up to an entry that (group, lsn, ballot) names. */
typedef struct Match
{
	uint64_t key;
	uint64_t chain;
} Match;

struct CheckLog
{
	CheckReport *report;
	CheckMembers *members; /* NULL: all nodes are members of all groups */
	uint32_t node_count;
	uint32_t group_count;
	GroupMirror *groups;
	ReplicaChain *replicas; /* node * group_count + group */
	Operation *operations;
	size_t operation_capacity;
	uint64_t operation_top;
	Match *matches; /* open hashing; key 0 is free */
	size_t match_capacity;
	size_t match_count;
};

CheckLog *
check_log_create(uint32_t node_count, uint32_t group_count, CheckReport *report)
{
	CheckLog *log = sim_allocate(sizeof(CheckLog));

	log->report = report;
	log->node_count = node_count;
	log->group_count = group_count;
	log->groups = sim_allocate(group_count * sizeof(GroupMirror));
	log->replicas = sim_allocate((size_t) node_count * group_count * sizeof(ReplicaChain));
	log->match_capacity = 4096;
	log->matches = sim_allocate(log->match_capacity * sizeof(Match));
	return log;
}

void
check_log_free(CheckLog *log)
{
	for (uint32_t i = 0; i < log->group_count; i++)
		free(log->groups[i].entries);
	for (uint32_t i = 0; i < log->node_count * log->group_count; i++)
		free(log->replicas[i].chain);
	free(log->groups);
	free(log->replicas);
	free(log->operations);
	free(log->matches);
	free(log);
}

void
check_log_set_members(CheckLog *log, CheckMembers *members)
{
	log->members = members;
}

static ReplicaChain *
replica_of(CheckLog *log, uint32_t node, uint32_t group)
{
	return &log->replicas[(size_t) node * log->group_count + group];
}

static Operation *
operation_of(CheckLog *log, uint64_t operation)
{
	log->operations = sim_grow(log->operations, &log->operation_capacity, operation + 1,
							   sizeof(Operation));
	if (operation > log->operation_top)
		log->operation_top = operation;
	return &log->operations[operation];
}

void
check_log_proposed(CheckLog *log, uint64_t operation, uint32_t group)
{
	operation_of(log, operation)->group = group;
}

/* The digest of a log that goes on with this entry. */
static uint64_t
chain_on(uint64_t chain, CheckBallot ballot, uint64_t digest)
{
	return sim_mix(chain, sim_mix(sim_mix(ballot.round, ballot.node), digest));
}

static Match *
match_slot(Match *matches, size_t capacity, uint64_t key)
{
	size_t at = key & (capacity - 1);

	while (matches[at].key != 0 && matches[at].key != key)
		at = (at + 1) & (capacity - 1);
	return &matches[at];
}

static void
match_make_room(CheckLog *log)
{
	size_t capacity = log->match_capacity * 2;
	Match *matches;

	if (log->match_count * 2 < log->match_capacity)
		return;
	matches = sim_allocate(capacity * sizeof(Match));
	for (size_t i = 0; i < log->match_capacity; i++)
	{
		if (log->matches[i].key != 0)
			*match_slot(matches, capacity, log->matches[i].key) = log->matches[i];
	}
	free(log->matches);
	log->matches = matches;
	log->match_capacity = capacity;
}

static uint64_t
match_key(uint32_t group, uint64_t lsn, CheckBallot ballot)
{
	return sim_mix(sim_mix(group + 1, lsn), sim_mix(ballot.round, ballot.node)) | 1;
}

/* Log matching: whoever holds this entry holds the same log up to it. */
static void
check_match(CheckLog *log, uint32_t node, uint32_t group, const CheckEntry *entry, uint64_t chain)
{
	uint64_t key = match_key(group, entry->lsn, entry->ballot);
	Match *slot;

	match_make_room(log);
	slot = match_slot(log->matches, log->match_capacity, key);
	if (slot->key == 0)
	{
		*slot = (Match){.key = key, .chain = chain};
		log->match_count++;
	}
	else if (slot->chain != chain)
		check_fail(log->report, "I5",
				   "node %u's log of group %u differs from another node's although both hold LSN "
				   "%" PRIu64 " under ballot %" PRIu64 ".%u",
				   node + 1, group, entry->lsn, entry->ballot.round, entry->ballot.node);
}

void
check_log_entry(CheckLog *log, uint32_t node, uint32_t group, const CheckEntry *entry)
{
	ReplicaChain *replica = replica_of(log, node, group);
	uint64_t before;

	if (entry->lsn == 0 || entry->lsn > replica->top + 1 || entry->lsn <= replica->base)
	{
		check_fail(log->report, "I5",
				   "node %u's log of group %u has a hole: LSN %" PRIu64 " after %" PRIu64, node + 1,
				   group, entry->lsn, replica->top);
		return;
	}
	replica->chain = sim_grow(replica->chain, &replica->capacity, entry->lsn + 1, sizeof(uint64_t));
	before = replica->chain[entry->lsn - 1];
	replica->chain[entry->lsn] = chain_on(before, entry->ballot, entry->digest);
	replica->top = entry->lsn;
	if (!replica->is_loose)
		check_match(log, node, group, entry, replica->chain[entry->lsn]);
}

void
check_log_restart(CheckLog *log, uint32_t node, uint32_t group, uint64_t append_lsn)
{
	ReplicaChain *replica = replica_of(log, node, group);

	if (append_lsn < replica->top)
		replica->top = append_lsn;
	replica->commit_lsn = 0;
}

bool
check_log_chain(const CheckLog *log, uint32_t group, uint64_t lsn, uint64_t *chain)
{
	const GroupMirror *mirror = &log->groups[group];

	*chain = 0;
	if (lsn > mirror->chained)
		return false;
	if (lsn > 0)
		*chain = mirror->entries[lsn].proposed;
	return true;
}

bool
check_log_base(CheckLog *log, uint32_t node, uint32_t group, uint64_t base_lsn)
{
	ReplicaChain *replica = replica_of(log, node, group);
	const GroupMirror *mirror = &log->groups[group];
	bool known = base_lsn <= mirror->chained;
	uint64_t chain = known && base_lsn > 0 ? mirror->entries[base_lsn].chain : 0;

	replica->base = base_lsn;
	if (replica->top >= base_lsn &&
		(!known || replica->is_loose || (base_lsn > 0 ? replica->chain[base_lsn] : 0) == chain))
		return false;
	replica->chain = sim_grow(replica->chain, &replica->capacity, base_lsn + 1, sizeof(uint64_t));
	replica->chain[base_lsn] = chain;
	replica->top = base_lsn;
	replica->is_loose = !known;
	return true;
}

/* What the node's disk holds of the group counts no more. */
static void
forget_durable(CheckLog *log, uint32_t node, uint32_t group)
{
	for (uint64_t i = 1; i <= log->operation_top; i++)
	{
		if (log->operations[i].group == group)
			log->operations[i].durable_nodes &= ~(1u << node);
	}
}

void
check_log_drop(CheckLog *log, uint32_t node, uint32_t group)
{
	ReplicaChain *replica = replica_of(log, node, group);

	replica->top = replica->commit_lsn = replica->base = 0;
	replica->is_loose = false;
	forget_durable(log, node, group);
}

void
check_log_commit_lsn(CheckLog *log, uint32_t node, uint32_t group, uint64_t lsn,
					 uint64_t append_lsn)
{
	ReplicaChain *replica = replica_of(log, node, group);

	if (lsn < replica->commit_lsn)
		check_fail(log->report, "I6",
				   "node %u's commit LSN of group %u went back from %" PRIu64 " to %" PRIu64,
				   node + 1, group, replica->commit_lsn, lsn);
	if (lsn > append_lsn)
		check_fail(log->report, "I6",
				   "node %u commits LSN %" PRIu64 " of group %u but its log ends at %" PRIu64,
				   node + 1, lsn, group, append_lsn);
	replica->commit_lsn = lsn;
}

static uint32_t
count_bits(uint32_t bits)
{
	uint32_t count = 0;

	for (; bits; bits &= bits - 1)
		count++;
	return count;
}

static bool
may_commit(const CheckLog *log, uint32_t node, uint32_t group, const CheckEntry *entry,
		   uint32_t node_bits)
{
	if (!log->members)
		return count_bits(node_bits) * 2 > log->node_count;
	return check_members_may_commit(log->members, node, group, entry->is_counted, entry->lsn,
									node_bits);
}

/* The entry is on the disks of a quorum of those by whom it was counted. */
static void
check_durable(CheckLog *log, uint32_t node, uint32_t group, const CheckEntry *entry,
			  uint32_t node_bits)
{
	if (!may_commit(log, node, group, entry, node_bits))
		check_fail(log->report, "I2",
				   "node %u commits LSN %" PRIu64 " of group %u (operation %" PRIu64
				   ") which is on the disks of nodes %#x only",
				   node + 1, entry->lsn, group, entry->operation, node_bits);
}

/* The first time that anybody calls the entry committed. */
static void
commit_first(CheckLog *log, uint32_t node, uint32_t group, const CheckEntry *entry)
{
	Operation *operation;

	if (entry->membership && log->members)
	{
		check_durable(log, node, group, entry,
					  check_members_durable_nodes(log->members, node, group, entry->membership,
												  entry->membership_length));
		check_members_commit(log->members, node, group, entry->lsn, entry->membership,
							 entry->membership_length);
	}
	if (entry->operation == 0)
		return;
	operation = operation_of(log, entry->operation);
	check_durable(log, node, group, entry, operation->durable_nodes);
	if (operation->refused)
		check_fail(log->report, "refused",
				   "operation %" PRIu64 " was refused but is LSN %" PRIu64 " of group %u",
				   entry->operation, entry->lsn, group);
	if (operation->lsn != 0)
		check_fail(log->report, "once",
				   "operation %" PRIu64 " is committed twice, at LSN %" PRIu64 " and %" PRIu64
				   " of group %u",
				   entry->operation, operation->lsn, entry->lsn, group);
	operation->lsn = entry->lsn;
	operation->group = group;
}

static void
extend_chain(GroupMirror *mirror)
{
	while (mirror->chained < mirror->top && mirror->entries[mirror->chained + 1].known)
	{
		Committed *before = &mirror->entries[mirror->chained++];
		Committed *next = before + 1;

		next->chain = chain_on(before->chain, next->ballot, next->digest);
		next->proposed = next->is_membership
							 ? before->proposed
							 : chain_on(before->proposed, next->ballot, next->digest);
	}
}

void
check_log_commit(CheckLog *log, uint32_t node, uint32_t group, const CheckEntry *entry)
{
	GroupMirror *mirror = &log->groups[group];
	Committed *known;

	mirror->entries = sim_grow(mirror->entries, &mirror->capacity, entry->lsn + 1,
							   sizeof(Committed));
	known = &mirror->entries[entry->lsn];
	if (!known->known)
	{
		*known = (Committed){.ballot = entry->ballot,
							 .digest = entry->digest,
							 .operation = entry->operation,
							 .known = true,
							 .is_membership = entry->membership != NULL};
		if (entry->lsn > mirror->top)
			mirror->top = entry->lsn;
		extend_chain(mirror);
		commit_first(log, node, group, entry);
	}
	else if (known->digest != entry->digest || known->operation != entry->operation ||
			 check_ballot_compare(known->ballot, entry->ballot) != 0)
		check_fail(log->report, "I1",
				   "node %u commits operation %" PRIu64 " under ballot %" PRIu64
				   ".%u at LSN %" PRIu64 " of group %u, where operation %" PRIu64
				   " under ballot %" PRIu64 ".%u was committed",
				   node + 1, entry->operation, entry->ballot.round, entry->ballot.node, entry->lsn,
				   group, known->operation, known->ballot.round, known->ballot.node);
}

void
check_log_durable(CheckLog *log, uint32_t node, uint64_t operation)
{
	operation_of(log, operation)->durable_nodes |= 1u << node;
}

void
check_log_refused(CheckLog *log, uint64_t operation)
{
	operation_of(log, operation)->refused = true;
}

void
check_log_acknowledged(CheckLog *log, uint64_t operation)
{
	Operation *known = operation_of(log, operation);

	known->acknowledged = true;
	if (known->lsn == 0)
		check_fail(log->report, "I2",
				   "operation %" PRIu64 " is acknowledged but no node calls it committed",
				   operation);
}

uint64_t
check_log_operation_lsn(const CheckLog *log, uint64_t operation)
{
	return operation <= log->operation_top ? log->operations[operation].lsn : 0;
}

uint64_t
check_log_committed(const CheckLog *log, uint32_t group)
{
	return log->groups[group].top;
}

/* The operation is where it was acknowledged, and all LSNs below are known. */
static void
finish_group(CheckLog *log, uint32_t group)
{
	const GroupMirror *mirror = &log->groups[group];

	for (uint64_t lsn = 1; lsn <= mirror->top; lsn++)
	{
		if (!mirror->entries[lsn].known)
			check_fail(log->report, "I5",
					   "LSN %" PRIu64 " of group %u is skipped below a committed one", lsn, group);
	}
}

void
check_log_finish(CheckLog *log)
{
	for (uint32_t group = 0; group < log->group_count; group++)
		finish_group(log, group);
	for (uint64_t i = 1; i <= log->operation_top; i++)
	{
		if (log->operations[i].acknowledged && log->operations[i].lsn == 0)
			check_fail(log->report, "lost", "acknowledged operation %" PRIu64 " is in no log", i);
	}
}

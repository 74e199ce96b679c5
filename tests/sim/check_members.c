/*
 * check_members.c
 *		See check_members.h.
 *
 * Every membership that was ever seen in a log of the group is kept, with the nodes on whose disks its entry is.
 * A replica is a list of those that its log holds.
 */
#include "sim/check_members.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/sim_random.h"
#include "sim/sim_util.h"

#define NONE UINT32_MAX

typedef struct Seen
{
	CheckMembership membership;
	uint64_t digest;
	uint64_t lsn; /* of its entry, as last seen; 0 for the first one */
	uint32_t durable_bits;
	bool committed;
	bool judged; /* was looked at as a successor */
} Seen;

typedef struct GroupMembers
{
	Seen *seen;
	size_t capacity;
	uint32_t count;
	uint32_t committed; /* the newest one that anybody called so */
} GroupMembers;

/* A membership entry in a log. */
typedef struct Held
{
	uint64_t lsn;
	uint32_t seen;
} Held;

typedef struct ReplicaMembers
{
	Held *held; /* in order of LSN */
	size_t capacity;
	uint32_t count;
	uint32_t in_use;     /* NONE if there is no replica */
	uint32_t turn_start; /* what was in use when the present turn began */
} ReplicaMembers;

struct CheckMembers
{
	CheckReport *report;
	uint32_t node_count;
	uint32_t group_count;
	GroupMembers *groups;
	ReplicaMembers *replicas;
};

CheckMembers *
check_members_create(uint32_t node_count, uint32_t group_count, CheckReport *report)
{
	CheckMembers *members = sim_allocate(sizeof(CheckMembers));

	members->report = report;
	members->node_count = node_count;
	members->group_count = group_count;
	members->groups = sim_allocate(group_count * sizeof(GroupMembers));
	members->replicas = sim_allocate((size_t) node_count * group_count * sizeof(ReplicaMembers));
	for (uint32_t i = 0; i < node_count * group_count; i++)
		members->replicas[i].in_use = members->replicas[i].turn_start = NONE;
	for (uint32_t i = 0; i < group_count; i++)
		members->groups[i].committed = NONE;
	return members;
}

void
check_members_free(CheckMembers *members)
{
	for (uint32_t i = 0; i < members->group_count; i++)
		free(members->groups[i].seen);
	for (uint32_t i = 0; i < members->node_count * members->group_count; i++)
		free(members->replicas[i].held);
	free(members->groups);
	free(members->replicas);
	free(members);
}

static ReplicaMembers *
replica_of(const CheckMembers *members, uint32_t node, uint32_t group)
{
	return &members->replicas[(size_t) node * members->group_count + group];
}

static uint32_t
add_seen(GroupMembers *group, const CheckMembership *membership, uint64_t digest)
{
	group->seen = sim_grow(group->seen, &group->capacity, group->count + 1, sizeof(Seen));
	group->seen[group->count] = (Seen){.membership = *membership, .digest = digest};
	return group->count++;
}

/* Finds or adds the membership; NONE, and a report, if the bytes are none. */
static uint32_t
see(CheckMembers *members, uint32_t node, uint32_t group, const void *bytes, size_t length)
{
	GroupMembers *all = &members->groups[group];
	uint64_t digest = sim_digest(bytes, (uint32_t) length);
	CheckMembership membership;

	for (uint32_t i = all->count; i-- > 0;)
	{
		if (all->seen[i].digest == digest)
			return i;
	}
	if (check_membership_read(bytes, length, &membership))
		return add_seen(all, &membership, digest);
	check_fail(members->report, "I10", "node %u's log of group %u has a membership of no meaning",
			   node + 1, group);
	return NONE;
}

void
check_members_first(CheckMembers *members, uint32_t group, const CheckMembership *membership)
{
	GroupMembers *all = &members->groups[group];

	all->committed = add_seen(all, membership, 0);
	all->seen[all->committed].committed = true;
}

void
check_members_durable(CheckMembers *members, uint32_t node, uint32_t group, const void *bytes,
					  size_t length)
{
	uint32_t at = see(members, node, group, bytes, length);

	if (at != NONE)
		members->groups[group].seen[at].durable_bits |= 1u << node;
}

uint32_t
check_members_durable_nodes(CheckMembers *members, uint32_t node, uint32_t group, const void *bytes,
							size_t length)
{
	uint32_t at = see(members, node, group, bytes, length);

	return at == NONE ? 0 : members->groups[group].seen[at].durable_bits;
}

/* ---- logs ---- */

void
check_members_turn(CheckMembers *members, uint32_t node, uint32_t group)
{
	ReplicaMembers *replica = replica_of(members, node, group);

	replica->turn_start = replica->in_use;
}

void
check_members_log_from(CheckMembers *members, uint32_t node, uint32_t group, uint64_t lsn)
{
	ReplicaMembers *replica = replica_of(members, node, group);

	while (replica->count > 0 && replica->held[replica->count - 1].lsn >= lsn)
		replica->count--;
}

/* Is it committed, or could a leader that nobody has looked at since know that it is? */
static bool
may_be_committed(const Seen *seen)
{
	return seen->committed || check_membership_quorum(&seen->membership, seen->durable_bits);
}

/* A membership that follows another one before that is committed, or that follows none, is a breach. */
static void
judge(CheckMembers *members, uint32_t node, uint32_t group, Seen *seen)
{
	const GroupMembers *all = &members->groups[group];
	const char *breach = "a change began before the one before it was committed";

	if (seen->judged || seen->committed)
		return;
	seen->judged = true;
	for (uint32_t i = 0; i < all->count && breach; i++)
	{
		const Seen *before = &all->seen[i];

		if (before->membership.generation + 1 == seen->membership.generation &&
			may_be_committed(before))
			breach = check_membership_breach(&before->membership, &seen->membership);
	}
	if (breach)
		check_fail(members->report, "I10", "node %u's log of group %u, generation %" PRIu64 ": %s",
				   node + 1, group, seen->membership.generation, breach);
}

void
check_members_entry(CheckMembers *members, uint32_t node, uint32_t group, uint64_t lsn,
					const void *bytes, size_t length)
{
	ReplicaMembers *replica = replica_of(members, node, group);
	uint32_t at = see(members, node, group, bytes, length);
	Seen *seen;

	if (at == NONE)
		return;
	seen = &members->groups[group].seen[at];
	seen->lsn = lsn;
	judge(members, node, group, seen);
	replica->held = sim_grow(replica->held, &replica->capacity, replica->count + 1, sizeof(Held));
	replica->held[replica->count++] = (Held){lsn, at};
}

void
check_members_commit(CheckMembers *members, uint32_t node, uint32_t group, uint64_t lsn,
					 const void *bytes, size_t length)
{
	GroupMembers *all = &members->groups[group];
	uint32_t at = see(members, node, group, bytes, length);
	const CheckMembership *before = &all->seen[all->committed].membership;
	const char *breach;

	if (at == NONE || all->seen[at].committed)
		return;
	breach = check_membership_breach(before, &all->seen[at].membership);
	if (breach)
		check_fail(members->report, "I10",
				   "generation %" PRIu64 " of group %u is committed after %" PRIu64 ": %s",
				   all->seen[at].membership.generation, group, before->generation, breach);
	all->seen[at].lsn = lsn;
	all->seen[at].committed = true;
	all->committed = at;
	(void) node;
}

/* The membership of that generation that is committed, else any. */
static uint32_t
find_generation(const GroupMembers *all, uint64_t generation)
{
	uint32_t found = NONE;

	for (uint32_t i = 0; i < all->count; i++)
	{
		if (all->seen[i].membership.generation == generation &&
			(found == NONE || all->seen[i].committed))
			found = i;
	}
	return found;
}

static uint64_t
generation_of(const GroupMembers *all, uint32_t seen)
{
	return all->seen[seen].membership.generation;
}

bool
check_members_uses(CheckMembers *members, uint32_t node, uint32_t group, uint64_t generation)
{
	const GroupMembers *all = &members->groups[group];
	ReplicaMembers *replica = replica_of(members, node, group);
	uint32_t newest = NONE;

	for (uint32_t i = 0; i < replica->count; i++)
	{
		if (newest == NONE ||
			generation_of(all, replica->held[i].seen) > generation_of(all, newest))
			newest = replica->held[i].seen;
	}
	if (newest == NONE || generation_of(all, newest) < generation)
		newest = find_generation(all, generation);
	if (newest != NONE && generation_of(all, newest) == generation)
		replica->in_use = newest;
	else
		check_fail(members->report, "I10",
				   "node %u uses generation %" PRIu64 " of group %u, but its log has %" PRIu64,
				   node + 1, generation, group, newest == NONE ? 0 : generation_of(all, newest));
	return newest != NONE;
}

bool
check_members_is_gone(const CheckMembers *members, uint32_t node, uint32_t group, uint64_t since)
{
	const GroupMembers *all = &members->groups[group];

	for (uint32_t i = 0; i < all->count; i++)
	{
		const CheckMember *member = check_membership_find(&all->seen[i].membership, node + 1);

		if (generation_of(all, i) >= since && may_be_committed(&all->seen[i]) &&
			(!member || member->since != since))
			return true;
	}
	return false;
}

void
check_members_drop(CheckMembers *members, uint32_t node, uint32_t group)
{
	ReplicaMembers *replica = replica_of(members, node, group);
	GroupMembers *all = &members->groups[group];

	replica->count = 0;
	replica->in_use = replica->turn_start = NONE;
	for (uint32_t i = 0; i < all->count; i++)
		all->seen[i].durable_bits &= ~(1u << node);
}

const CheckMembership *
check_members_in_use(const CheckMembers *members, uint32_t node, uint32_t group)
{
	const ReplicaMembers *replica = replica_of(members, node, group);

	return replica->in_use == NONE ? NULL
								   : &members->groups[group].seen[replica->in_use].membership;
}

const CheckMembership *
check_members_committed(const CheckMembers *members, uint32_t group)
{
	const GroupMembers *all = &members->groups[group];

	return all->committed == NONE ? NULL : &all->seen[all->committed].membership;
}

/* ---- quorums ---- */

static bool
is_quorum(const GroupMembers *all, uint32_t seen, uint32_t node_bits)
{
	return check_membership_quorum(&all->seen[seen].membership, node_bits);
}

/* Somebody else counted: any membership that may be in force will do. */
static bool
anybody_may_commit(const GroupMembers *all, uint32_t node_bits)
{
	for (uint32_t i = 0; i < all->count; i++)
	{
		if (generation_of(all, i) + 1 >= generation_of(all, all->committed) &&
			is_quorum(all, i, node_bits))
			return true;
	}
	return false;
}

/*
 * A leader counts by what it uses.  A membership that came within the turn counts only entries above the one before
 * it, for that had to be committed first.
 */
bool
check_members_may_commit(const CheckMembers *members, uint32_t node, uint32_t group, bool leads,
						 uint64_t lsn, uint32_t node_bits)
{
	const GroupMembers *all = &members->groups[group];
	const ReplicaMembers *replica = replica_of(members, node, group);
	uint32_t before = replica->turn_start;

	if (all->committed == NONE)
		return node_bits & (node_bits - 1);
	if (!leads || before == NONE)
		return anybody_may_commit(all, node_bits);
	if (is_quorum(all, before, node_bits))
		return true;
	for (uint32_t i = 0; i < replica->count; i++)
	{
		uint32_t next = replica->held[i].seen;

		if (generation_of(all, next) <= generation_of(all, before))
			continue;
		if (all->seen[before].lsn < lsn && is_quorum(all, next, node_bits))
			return true;
		before = next;
	}
	return false;
}

bool
check_members_may_lead(const CheckMembers *members, uint32_t node, uint32_t group, uint64_t lsn,
					   uint32_t node_bits)
{
	const GroupMembers *all = &members->groups[group];
	const ReplicaMembers *replica = replica_of(members, node, group);
	uint32_t used = replica->in_use;

	for (uint32_t i = 0; i < replica->count; i++)
	{
		if (replica->held[i].seen == used && replica->held[i].lsn > lsn)
			used = replica->turn_start;
	}
	return used == NONE || is_quorum(all, used, node_bits);
}

bool
check_members_need(const CheckMembers *members, uint32_t group, uint32_t node_bits)
{
	const GroupMembers *all = &members->groups[group];

	for (uint32_t i = 0; i < all->count; i++)
	{
		if (generation_of(all, i) >= generation_of(all, all->committed) &&
			!is_quorum(all, i, node_bits))
			return true;
	}
	return false;
}

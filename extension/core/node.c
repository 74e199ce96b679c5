/*
 * node.c
 *		One node's consensus state: making it, opening groups, finding replicas, keeping the agenda.
 *
 * Lives in the replicator process (or in the simulator) and nowhere else.  Nothing here is durable by
 * itself: a group is opened with what its log says.
 */
#include "core/node.h"

#include <stdlib.h>
#include <string.h>

#include "core/ballot.h"
#include "core/core_assert.h"
#include "core/membership.h"
#include "core/message.h"
#include "core/progress.h"
#include "core/replica.h"
#include "core/replica_membership.h"

#define BUCKETS_FIRST 64
#define AGENDA_FIRST 64

static void
config_check(const CoreConfig *config)
{
	CORE_ASSERT(config->self > 0 && config->self <= CORE_NODES_MAX);
	CORE_ASSERT(config->start_counter > 0 && config->start_counter <= UINT32_MAX);
	CORE_ASSERT(config->heartbeat_us >= 8 * CORE_MEMBERS_MAX);
	CORE_ASSERT(config->lease_us >= 2 * config->heartbeat_us);
	CORE_ASSERT(config->lease_us <= LEASE_GRANT_US_MAX);
	CORE_ASSERT(config->clock_drift_ppm <= 1000000);
	CORE_ASSERT(config->wait_out_us >= 0 && config->wait_out_us <= LEASE_GRANT_US_MAX);
	CORE_ASSERT(config->accept_entries_max > 0);
	CORE_ASSERT(config->accept_entries_max <= MESSAGE_ENTRIES_MAX);
	CORE_ASSERT(config->inflight_entries_max >= config->accept_entries_max);
}

CoreNode *
core_node_create(const CoreConfig *config, TimeUs now)
{
	CoreNode *node = calloc(1, sizeof(CoreNode));

	config_check(config);
	CORE_ASSERT(node != NULL);
	CORE_ASSERT(now > 0);
	node->config = *config;
	node->now = now;
	node->wait_out_until_us = config->wait_out_us == 0
								  ? 0
								  : now +
										lease_stretch(config->wait_out_us, config->clock_drift_ppm);
	node->grant_length_recorded_us = config->wait_out_us;
	node->heartbeat_due_us = now;
	node->random_state = config->seed ^ ((uint64_t) config->self << 48) ^ config->start_counter;
	node->bucket_count = BUCKETS_FIRST;
	node->buckets = calloc(node->bucket_count, sizeof(Replica *));
	CORE_ASSERT(node->buckets != NULL);
	return node;
}

static void
replica_free(Replica *replica)
{
	ballot_history_free(&replica->history);
	free(replica->earlier);
	if (replica->proposer)
		free(replica->proposer->best_runs);
	free(replica->proposer);
	free(replica);
}

void
core_node_free(CoreNode *node)
{
	uint32_t i;

	for (i = 0; i < node->bucket_count; i++)
	{
		while (node->buckets[i])
		{
			Replica *replica = node->buckets[i];

			node->buckets[i] = replica->hash_next;
			replica_free(replica);
		}
	}
	effects_free(&node->effects);
	free(node->agenda);
	free(node->buckets);
	free(node);
}

/* splitmix64: small, and good enough to stagger elections */
TimeUs
node_random(CoreNode *node, TimeUs bound)
{
	uint64_t mixed = node->random_state += 0x9E3779B97F4A7C15u;

	CORE_ASSERT(bound >= 0);
	if (bound == 0)
		return 0;
	mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
	mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
	mixed ^= mixed >> 31;
	return (TimeUs) (mixed % (uint64_t) bound);
}

static Replica **
node_bucket(const CoreNode *node, GroupId group)
{
	uint64_t mixed = group * 0x9E3779B97F4A7C15u;

	CORE_ASSERT((node->bucket_count & (node->bucket_count - 1)) == 0);
	return &node->buckets[(mixed >> 32) & (node->bucket_count - 1)];
}

Replica *
node_find(const CoreNode *node, GroupId group)
{
	Replica *replica = *node_bucket(node, group);

	while (replica && replica->group != group)
		replica = replica->hash_next;
	return replica;
}

/* Doubles the hash when it holds one replica a bucket on average. */
static void
node_grow_buckets(CoreNode *node)
{
	Replica **old = node->buckets;
	uint32_t old_count = node->bucket_count;
	uint32_t i;

	if (node->replica_count < node->bucket_count)
		return;
	node->bucket_count *= 2;
	node->buckets = calloc(node->bucket_count, sizeof(Replica *));
	CORE_ASSERT(node->buckets != NULL);
	for (i = 0; i < old_count; i++)
	{
		while (old[i])
		{
			Replica *replica = old[i];
			Replica **bucket = node_bucket(node, replica->group);

			old[i] = replica->hash_next;
			replica->hash_next = *bucket;
			*bucket = replica;
		}
	}
	free(old);
}

static void
replica_init_log(CoreNode *node, Replica *replica, const GroupRecovered *recovered)
{
	Ballot last;
	Ballot promised = recovered->promised;

	ballot_history_init(&replica->history, recovered->base_lsn, recovered->base_ballot,
						recovered->append_lsn, recovered->run_count, recovered->runs);
	replica->durable_lsn = recovered->append_lsn;
	replica->commit_lsn = recovered->commit_lsn > recovered->base_lsn ? recovered->commit_lsn
																	  : recovered->base_lsn;
	CORE_INVARIANT("I6", replica->commit_lsn <= recovered->append_lsn);
	replica->commit_known_lsn = replica->commit_lsn;
	/* Every promise is recorded before entries under it, so the log cannot be ahead of it. */
	last = ballot_history_last_ballot(&replica->history);
	CORE_INVARIANT("I3", ballot_compare(last, promised) <= 0);
	replica_set_promised(node, replica, promised);
	replica->seen_round = promised.round;
}

/* How long an opened replica waits before it asks who leads. */
static TimeUs
open_patience(const CoreNode *node, const Replica *replica, const GroupRecovered *recovered)
{
	bool alone = replica->membership.member_count == 1;

	if (alone || recovered->first_leader == node->config.self ||
		recovered->promised.node == node->config.self)
		return 0;
	if (ballot_is_zero(recovered->promised) && recovered->first_leader == 0)
		return 0;
	return node->config.lease_us;
}

Peer *
node_meet(CoreNode *node, NodeId other)
{
	CORE_ASSERT(other > 0 && other <= CORE_NODES_MAX);
	if (other > node->peer_last)
		node->peer_last = other;
	return &node->peers[other];
}

void
node_share_groups(CoreNode *node, const Membership *membership, int32_t change)
{
	uint32_t i;

	for (i = 0; i < membership->member_count; i++)
	{
		Peer *peer = node_meet(node, membership->members[i].node);

		if (membership->members[i].node == node->config.self)
			continue;
		CORE_ASSERT(change > 0 || peer->shared_groups > 0);
		peer->shared_groups += (uint32_t) change;
	}
}

static void
node_add_to_bucket(CoreNode *node, Replica *replica)
{
	Replica **bucket;

	node_grow_buckets(node);
	bucket = node_bucket(node, replica->group);
	replica->hash_next = *bucket;
	*bucket = replica;
	node->replica_count++;
}

Replica *
node_open(CoreNode *node, const GroupRecovered *recovered)
{
	Replica *replica = calloc(1, sizeof(Replica));

	CORE_ASSERT(recovered->group != 0);
	CORE_ASSERT(replica != NULL);
	replica->group = recovered->group;
	replica->role = ROLE_FOLLOWER;
	replica_init_log(node, replica, recovered);
	membership_recover(node, replica, recovered);
	node_add_to_bucket(node, replica);
	replica_await_election(node, replica, open_patience(node, replica, recovered));
	if (replica->membership.member_count == 1 || recovered->first_leader == node->config.self)
		replica->election_due_us = node->now;
	return replica;
}

void
core_node_open_group(CoreNode *node, const GroupRecovered *recovered, TimeUs now)
{
	Replica *replica;

	CORE_ASSERT(now >= node->now);
	if (node_find(node, recovered->group))
		return;
	replica = node_open(node, recovered);
	replica->election_due_us += now - node->now;
	replica_settle(node, replica);
}

void
core_node_meet(CoreNode *node, NodeId peer, bool known)
{
	Peer *met = node_meet(node, peer);

	if (peer == node->config.self || met->is_known == known)
		return;
	met->is_known = known;
	if (known)
		met->shared_groups++;
	else
		met->shared_groups--;
}

void
core_node_rows(CoreNode *node, GroupId group, bool present)
{
	Replica *replica = node_find(node, group);

	if (!replica || replica->rows_missing == !present)
		return;
	replica->rows_missing = !present;
	if (!present && replica->role != ROLE_FOLLOWER)
		replica_follow(node, replica, 0);
	replica_settle(node, replica);
}

void
core_node_missing(CoreNode *node, GroupId group, Lsn lsn)
{
	Replica *replica = node_find(node, group);

	if (!replica || replica->missing_lsn == lsn)
		return;
	replica->missing_lsn = lsn;
	/* One that leads has its newest entries in memory; it leads on. */
	if (lsn != 0 && replica->role != ROLE_FOLLOWER && !replica_leads(replica))
		replica_follow(node, replica, 0);
	replica_settle(node, replica);
}

static void
node_forget_unsynced(CoreNode *node, const Replica *replica)
{
	Replica **link = &node->unsynced;

	while (*link && *link != replica)
		link = &(*link)->unsynced_next;
	if (*link)
		*link = replica->unsynced_next;
}

void
core_node_close_group(CoreNode *node, GroupId group)
{
	Replica **link = node_bucket(node, group);
	Replica *replica;
	Ballot none = {0};

	while (*link && (*link)->group != group)
		link = &(*link)->hash_next;
	replica = *link;
	if (!replica)
		return;
	*link = replica->hash_next;
	node->replica_count--;
	node->groups_closed++;
	node_share_groups(node, &replica->membership, -1);
	node_schedule(node, replica, TIME_NEVER);
	node_forget_unsynced(node, replica);
	replica_rest(node, replica);
	replica_set_promised(node, replica, none);
	replica_free(replica);
}

void
core_node_truncated(CoreNode *node, GroupId group, Lsn base_lsn, Ballot base_ballot)
{
	Replica *replica = node_find(node, group);

	if (!replica || base_lsn <= replica->history.base_lsn)
		return;
	CORE_INVARIANT("I6", base_lsn <= replica->commit_lsn);
	CORE_INVARIANT("I5", ballot_history_matches(&replica->history, base_lsn, base_ballot));
	ballot_history_truncate(&replica->history, base_lsn);
	if (replica_leads(replica))
		progress_truncated(replica);
	replica_settle(node, replica);
}

static void
agenda_place(CoreNode *node, uint32_t index, Replica *replica)
{
	node->agenda[index - 1] = replica;
	replica->agenda_index = index;
}

/* Restores the order of the heap around `index` (1-based) after its replica's due time changed. */
static void
agenda_sift(CoreNode *node, uint32_t index)
{
	Replica *replica = node->agenda[index - 1];

	while (index > 1 && node->agenda[index / 2 - 1]->due_us > replica->due_us)
	{
		agenda_place(node, index, node->agenda[index / 2 - 1]);
		index /= 2;
	}
	for (;;)
	{
		uint32_t child = index * 2;

		if (child < node->agenda_count &&
			node->agenda[child]->due_us < node->agenda[child - 1]->due_us)
			child++;
		if (child > node->agenda_count || node->agenda[child - 1]->due_us >= replica->due_us)
			break;
		agenda_place(node, index, node->agenda[child - 1]);
		index = child;
	}
	agenda_place(node, index, replica);
}

static void
agenda_add(CoreNode *node, Replica *replica)
{
	if (node->agenda_count == node->agenda_capacity)
	{
		node->agenda_capacity = node->agenda_capacity ? node->agenda_capacity * 2 : AGENDA_FIRST;
		node->agenda = realloc(node->agenda, node->agenda_capacity * sizeof(Replica *));
		CORE_ASSERT(node->agenda != NULL);
	}
	node->agenda_count++;
	agenda_place(node, node->agenda_count, replica);
}

static void
agenda_remove(CoreNode *node, Replica *replica)
{
	uint32_t index = replica->agenda_index;
	Replica *last = node->agenda[node->agenda_count - 1];

	CORE_ASSERT(node->agenda[index - 1] == replica);
	node->agenda_count--;
	replica->agenda_index = 0;
	if (last == replica)
		return;
	agenda_place(node, index, last);
	agenda_sift(node, index);
}

void
node_schedule(CoreNode *node, Replica *replica, TimeUs due_us)
{
	CORE_ASSERT(replica->agenda_index <= node->agenda_count);
	if (replica->agenda_index != 0 && due_us == replica->due_us)
		return;
	replica->due_us = due_us;
	if (due_us == TIME_NEVER)
	{
		if (replica->agenda_index != 0)
			agenda_remove(node, replica);
		return;
	}
	if (replica->agenda_index == 0)
		agenda_add(node, replica);
	agenda_sift(node, replica->agenda_index);
}

Replica *
node_first_due(const CoreNode *node)
{
	return node->agenda_count > 0 ? node->agenda[0] : NULL;
}

bool
node_sync_is_fresh(const CoreNode *node)
{
#ifdef MUTANT_STALE_SYNC_COUNTS
	return node->synced_once;
#endif
	return node->synced_once && node->now - node->synced_us <= node->config.lease_us / 2;
}

bool
node_hears(const CoreNode *node, NodeId other)
{
	const Peer *peer = &node->peers[other];

	return other == node->config.self ||
		   (peer->heard_us != 0 && node->now - peer->heard_us <= node->config.lease_us);
}

Message *
node_send(CoreNode *node, const Replica *replica, MessageKind kind, NodeId to, bool after_sync)
{
	Effect *effect = effects_add(&node->effects, EFFECT_SEND, replica->group);

	CORE_ASSERT(to != node->config.self);
	CORE_ASSERT(to > 0 && to <= CORE_NODES_MAX);
	effect->after_sync = after_sync;
	effect->message.kind = kind;
	effect->message.from = node->config.self;
	effect->message.to = to;
	effect->message.group = replica->group;
	effect->message.generation = replica->membership.generation;
	effect->message.from_since = replica->since;
	effect->message.to_since = membership_since(&replica->membership, to);
	return &effect->message;
}

Message *
node_reply(CoreNode *node, const Replica *replica, MessageKind kind, const Message *message,
		   bool after_sync)
{
	Message *reply = node_send(node, replica, kind, message->from, after_sync);

	reply->to_since = message->from_since;
	return reply;
}

TimeUs
core_peer_heard_us(const CoreNode *node, NodeId peer)
{
	CORE_ASSERT(peer <= CORE_NODES_MAX);
	return node->peers[peer].heard_us;
}

/*
 * replica.c
 *		Recording, changing roles and keeping time for one replica; see replica.h.
 *
 * Durability: everything recorded here becomes durable with the next EVENT_SYNCED.  Until then the replica
 * is marked unsynced, and whatever tells another node about it is sent after_sync.
 */
#include "core/replica.h"

#include <stdlib.h>
#include <string.h>

#include "core/ballot.h"
#include "core/core_assert.h"
#include "core/election.h"
#include "core/invariants.h"
#include "core/marks.h"
#include "core/membership.h"
#include "core/proposer.h"
#include "core/quorum.h"
#include "core/replica_membership.h"

bool
replica_may_lead(const Replica *replica)
{
	if (replica->removed || replica->self_index == MEMBER_NONE)
		return false;
#ifdef MUTANT_LOG_REPLICA_LEADS
	return true;
#endif
	return !replica->rows_missing &&
		   member_may_lead(&replica->membership.members[replica->self_index]);
}

/* Does its log lack entries that its rows lack, too? */
static bool
replica_misses_entries(const Replica *replica)
{
#ifdef MUTANT_STAND_WITH_HOLES
	return false;
#endif
	return replica->missing_lsn != 0;
}

bool
replica_may_stand(const Replica *replica)
{
	return !replica_misses_entries(replica) && replica_may_lead(replica);
}

bool
replica_may_adopt(const Replica *replica)
{
	if (replica->removed || replica_misses_entries(replica))
		return false;
#ifdef MUTANT_LOG_REPLICA_LEADS
	return true;
#endif
	return !replica->rows_missing;
}

uint32_t
replica_self_bit(const Replica *replica)
{
	return replica->self_index == MEMBER_NONE ? 0 : 1u << replica->self_index;
}

bool
replica_leads(const Replica *replica)
{
	return replica->role == ROLE_LEADER || replica->role == ROLE_HANDING_OVER;
}

NodeId
replica_leader(const Replica *replica)
{
	if (replica_leads(replica))
		return replica->promised.node;
	if (!ballot_is_zero(replica->leader_ballot) && !replica->released &&
		ballot_equal(replica->leader_ballot, replica->promised))
		return replica->promised.node;
	return 0;
}

static void
replica_mark_unsynced(CoreNode *node, Replica *replica)
{
	if (replica->unsynced)
		return;
	replica->unsynced = true;
	replica->unsynced_next = node->unsynced;
	node->unsynced = replica;
}

/* Moves the replica between the peers' lists when its promised ballot changes owner. */
static void
replica_relink(CoreNode *node, Replica *replica, NodeId owner)
{
	Peer *peer = &node->peers[owner];

	if (replica->promised.node != 0)
	{
		if (replica->peer_prev)
			replica->peer_prev->peer_next = replica->peer_next;
		else
			node->peers[replica->promised.node].replicas = replica->peer_next;
		if (replica->peer_next)
			replica->peer_next->peer_prev = replica->peer_prev;
	}
	replica->peer_prev = NULL;
	replica->peer_next = owner ? peer->replicas : NULL;
	if (replica->peer_next)
		replica->peer_next->peer_prev = replica;
	if (owner)
		peer->replicas = replica;
}

void
replica_set_promised(CoreNode *node, Replica *replica, Ballot ballot)
{
	CORE_ASSERT(ballot.node <= CORE_NODES_MAX);
	replica_relink(node, replica, ballot.node);
	replica->promised = ballot;
}

void
replica_record_promise(CoreNode *node, Replica *replica, Ballot ballot, uint64_t acked_number)
{
	CORE_INVARIANT("I3", ballot_compare(ballot, replica->promised) > 0);
	CORE_INVARIANT("I8", !replica_leads(replica));
	replica_set_promised(node, replica, ballot);
	replica->acked_number = acked_number;
	replica->released = false;
	if (ballot.round > replica->seen_round)
		replica->seen_round = ballot.round;
#ifndef MUTANT_PROMISE_FORGETS
	effects_add(&node->effects, EFFECT_PROMISE, replica->group)->ballot = ballot;
#endif
	replica_mark_unsynced(node, replica);
}

bool
replica_note_round(Replica *replica, Ballot promised)
{
	if (ballot_is_zero(promised))
		return true;
	if (!ballot_is_plausible(promised, replica->promised))
		return false;
	if (promised.round > replica->seen_round)
		replica->seen_round = promised.round;
	return true;
}

void
replica_record_append(CoreNode *node, Replica *replica, const Entry *entry)
{
	Effect *effect;

	CORE_INVARIANT("I4", ballot_compare(entry->ballot, replica->promised) <= 0);
	CORE_ASSERT(entry->length == 0 || entry->payload != NULL);
#ifndef MUTANT_MEMBERSHIP_AFTER_ENTRY
	membership_appended(node, replica, replica->history.last_lsn + 1, entry);
#endif
	effect = effects_add(&node->effects, EFFECT_APPEND, replica->group);
	ballot_history_append(&replica->history, entry->ballot);
	effect->lsn = replica->history.last_lsn;
	effect->ballot = entry->ballot;
	effect->entry = *entry;
#ifdef MUTANT_MEMBERSHIP_AFTER_ENTRY
	membership_appended(node, replica, replica->history.last_lsn, entry);
#endif
	replica_mark_unsynced(node, replica);
}

void
replica_record_cut(CoreNode *node, Replica *replica, Lsn lsn)
{
	Effect *effect = effects_add(&node->effects, EFFECT_CUT, replica->group);

	CORE_INVARIANT("I6", lsn >= replica->commit_lsn);
	CORE_INVARIANT("I6", lsn >= replica->commit_known_lsn);
	CORE_ASSERT(lsn < replica->history.last_lsn);
	CORE_MARK(cut_conflicting_suffix);
	ballot_history_cut(&replica->history, lsn);
	if (replica->durable_lsn > lsn)
		replica->durable_lsn = lsn;
	effect->lsn = lsn;
	effect->ballot = replica->promised;
	membership_cut(node, replica, lsn);
	replica_mark_unsynced(node, replica);
}

void
replica_record_rebase(CoreNode *node, Replica *replica, Lsn lsn, Ballot ballot,
					  const Membership *membership)
{
	MembershipAt at = {.lsn = lsn, .ballot = ballot, .membership = *membership};
	Effect *effect;

	CORE_INVARIANT("I6", lsn > replica->commit_known_lsn);
	CORE_INVARIANT("I4", ballot_compare(ballot, replica->promised) <= 0);
	CORE_ASSERT(!replica_leads(replica));
	/* Recorded first: an uncommitted membership of the old log must not outlive it below the new base. */
	membership_reset(node, replica, &at);
	effect = effects_add(&node->effects, EFFECT_REBASE, replica->group);
	effect->lsn = lsn;
	effect->ballot = ballot;
	ballot_history_free(&replica->history);
	ballot_history_init(&replica->history, lsn, ballot, lsn, 0, NULL);
	replica->durable_lsn = lsn;
	replica->rows_missing = true;
	replica->missing_lsn = 0;
	replica_mark_unsynced(node, replica);
	replica_commit(node, replica, lsn);
}

void
replica_remove(CoreNode *node, Replica *replica)
{
	CORE_ASSERT(!replica->removed);
	replica_follow(node, replica, 0);
	replica->removed = true;
	effects_add(&node->effects, EFFECT_REMOVED, replica->group);
}

void
replica_commit(CoreNode *node, Replica *replica, Lsn lsn)
{
	Effect *effect;

	CORE_INVARIANT("I6", lsn <= replica->history.last_lsn);
	if (lsn > replica->commit_known_lsn)
		replica->commit_known_lsn = lsn;
	if (replica->commit_known_lsn > replica->durable_lsn)
		CORE_MARK(commit_waits_for_own_sync);
	lsn = replica->commit_known_lsn < replica->durable_lsn ? replica->commit_known_lsn
														   : replica->durable_lsn;
	if (lsn <= replica->commit_lsn)
		return;
	replica->commit_lsn = lsn;
	effect = effects_add(&node->effects, EFFECT_COMMIT, replica->group);
	effect->lsn = lsn;
	effect->ballot = replica->promised;
	membership_committed(node, replica);
}

void
replica_synced(CoreNode *node, Replica *replica)
{
	CORE_ASSERT(replica->unsynced);
	CORE_INVARIANT("I2", replica->durable_lsn <= replica->history.last_lsn);
	replica->unsynced = false;
	replica->unsynced_next = NULL;
	replica->durable_lsn = replica->history.last_lsn;
	if (replica_leads(replica))
	{
		proposer_advance_commit(node, replica);
		return;
	}
	replica_commit(node, replica, replica->commit_known_lsn);
	if (replica->role == ROLE_CANDIDATE)
	{
		replica->proposer->own_promise_durable = true;
		election_count_promises(node, replica);
	}
}

static void
replica_free_proposer(Replica *replica)
{
	if (replica->proposer)
	{
		free(replica->proposer->best_runs);
		free(replica->proposer);
	}
	replica->proposer = NULL;
}

void
replica_contend(CoreNode *node, Replica *replica)
{
	node->contenders += !replica->contends;
	replica->contends = true;
}

void
replica_rest(CoreNode *node, Replica *replica)
{
	CORE_ASSERT(!replica->contends || node->contenders > 0);
	node->contenders -= replica->contends;
	replica->contends = false;
}

void
replica_follow(CoreNode *node, Replica *replica, TimeUs patience_us)
{
	if (replica_leads(replica))
	{
		Effect *effect = effects_add(&node->effects, EFFECT_STEP_DOWN, replica->group);

		effect->ballot = replica->promised;
	}
	replica_free_proposer(replica);
	replica_rest(node, replica);
	replica->role = ROLE_FOLLOWER;
	replica_await_election(node, replica, patience_us);
}

void
replica_enter(Replica *replica, GroupRole role)
{
	CORE_ASSERT(role != ROLE_FOLLOWER);
#ifndef MUTANT_LOG_REPLICA_LEADS
	/* A candidate may stand to learn whether it may lead; while adopting it may learn that it may not. */
	CORE_INVARIANT("I11", replica_may_lead(replica) || role == ROLE_ADOPTING ||
							  (role == ROLE_CANDIDATE && replica_may_adopt(replica)));
#endif
	if (!replica->proposer)
	{
		replica->proposer = calloc(1, sizeof(Proposer));
		CORE_ASSERT(replica->proposer != NULL);
	}
	replica->role = role;
}

void
replica_await_election(CoreNode *node, Replica *replica, TimeUs patience_us)
{
	TimeUs heartbeat_us = node->config.heartbeat_us;
	TimeUs slot_us = heartbeat_us / (2 * (TimeUs) replica->membership.member_count);
	uint32_t slot = replica->self_index == MEMBER_NONE ? replica->membership.member_count
													   : replica->self_index;

	CORE_ASSERT(patience_us >= 0);
	/* Members wake one after the other, so that the first has asked before the second begins. */
	replica->election_due_us = node->now + patience_us + heartbeat_us / 2 +
							   slot_us * (TimeUs) slot + node_random(node, slot_us);
}

bool
replica_is_blocked(const CoreNode *node, const Replica *replica)
{
	NodeId owner = replica->promised.node;
	uint64_t number;

	if (owner == 0 || owner == node->config.self || replica->released)
		return false;
	number = grant_given_number(&node->peers[owner].given, node->now);
	return number != 0 && number == replica->acked_number;
}

bool
replica_waits_out(const CoreNode *node, const Replica *replica)
{
	NodeId owner = replica->promised.node;

	if (owner == 0 || owner == node->config.self || replica->released)
		return false;
#ifdef MUTANT_NO_WAIT_OUT
	return false;
#endif
	return node->now < node->wait_out_until_us;
}

/* The own clock's time until which one member holds this leader's lease up. */
static uint64_t
replica_member_holds_until(const CoreNode *node, const Replica *replica, uint32_t index)
{
	const Progress *progress = &replica->proposer->members[index];
	const GrantHeld *held;

	if (index == replica->self_index)
		return node_sync_is_fresh(node) ? (uint64_t) (node->synced_us + node->config.lease_us / 2)
										: 0;
	held = &node->peers[replica->membership.members[index].node].held;
#ifdef MUTANT_LEASE_UNCONFIRMED
	return (uint64_t) held->until_us;
#endif
	if (progress->acked_number == 0 || grant_held_number(held, node->now) != progress->acked_number)
		return 0;
	return (uint64_t) held->until_us;
}

TimeUs
replica_lease_until(const CoreNode *node, const Replica *replica)
{
	uint64_t until[CORE_MEMBERS_MAX] = {0};
	uint32_t i;

	if (!replica_leads(replica))
		return 0;
	CORE_INVARIANT("I8", replica->promised.node == node->config.self);
	for (i = 0; i < replica->membership.member_count; i++)
		until[i] = replica_member_holds_until(node, replica, i);
	return (TimeUs) quorum_highest(&replica->membership, until);
}

bool
replica_has_lease(const CoreNode *node, const Replica *replica)
{
	return replica_lease_until(node, replica) > node->now;
}

static TimeUs
replica_due(const CoreNode *node, const Replica *replica)
{
	if (replica_leads(replica))
		return proposer_due(node, replica);
	return election_due(node, replica);
}

void
replica_settle(CoreNode *node, Replica *replica)
{
	if (replica->removed)
	{
		node_schedule(node, replica, TIME_NEVER);
		return;
	}
	invariants_check_replica(node, replica);
	node_schedule(node, replica, replica_due(node, replica));
}

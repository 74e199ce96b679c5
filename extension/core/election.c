/*
 * election.c
 *		Electing a leader: who waits how long, who is asked, who stands; see election.h.
 *
 * A follower that no grant binds waits a staggered while and then asks the other members whether the leader
 * lives for them (gray failures: a node that is cut off from a healthy leader must not depose it).  Only
 * when a quorum, itself included, hears no leader does it stand.  A candidate's own promise is durable
 * before its PREPARE leaves, and counts only then.  Promised rounds heard of in refusals and answers are
 * remembered, so that a candidate left behind bids high enough the next time (B24).
 */
#include "core/election.h"

#include <stdlib.h>
#include <string.h>

#include "core/adoption.h"
#include "core/ballot.h"
#include "core/core_assert.h"
#include "core/handover.h"
#include "core/marks.h"
#include "core/membership.h"
#include "core/quorum.h"
#include "core/replica.h"

/* Patience doubles at most so often. */
#define ELECTION_DOUBLINGS_MAX 4

/* Who has asked in vain so often heeds who knows more than it does. */
#define ELECTION_ASKS_IN_VAIN 2

/* A random time that doubles with each failure, so that duels end. */
static TimeUs
election_backoff(CoreNode *node, uint32_t failures)
{
	uint32_t doublings = failures < ELECTION_DOUBLINGS_MAX ? failures : ELECTION_DOUBLINGS_MAX;

	return node_random(node, (node->config.heartbeat_us << doublings) / 2);
}

TimeUs
election_due(const CoreNode *node, const Replica *replica)
{
	TimeUs due = replica->election_due_us;

	CORE_ASSERT(!replica_leads(replica));
	if (replica->role != ROLE_FOLLOWER)
		return replica->proposer->resend_us < replica->proposer->deadline_us
				   ? replica->proposer->resend_us
				   : replica->proposer->deadline_us;
	if (replica_is_blocked(node, replica))
		return TIME_NEVER;
	if (replica_waits_out(node, replica) && due < node->wait_out_until_us)
		due = node->wait_out_until_us;
	return due;
}

/* Sends ASK or PREPARE to every other member that counts. */
static void
election_send_all(CoreNode *node, Replica *replica, MessageKind kind)
{
	bool after_sync = kind == MESSAGE_PREPARE && replica->unsynced;
	uint32_t i;

	CORE_INVARIANT("I3", kind == MESSAGE_ASK || replica->promised.node == node->config.self);
	CORE_ASSERT(kind == MESSAGE_ASK || kind == MESSAGE_PREPARE);
	for (i = 0; i < replica->membership.member_count; i++)
	{
		const Member *member = &replica->membership.members[i];
		Message *message;

		if (i == replica->self_index || !member_counts(member) ||
			replica->proposer->members[i].promised)
			continue;
		message = node_send(node, replica, kind, member->node, after_sync);
		message->ballot = replica->promised;
		message->released = replica->proposer->released;
		message->commit_lsn = replica->commit_lsn;
	}
}

/*
 * A replica that may not lead hears no leader: it asks all the same, now and then, for it may have been removed
 * (join.c answers).
 */
static void
election_inquire(CoreNode *node, Replica *replica)
{
	uint32_t doublings = replica->fruitless_asks < ELECTION_DOUBLINGS_MAX ? replica->fruitless_asks
																		  : ELECTION_DOUBLINGS_MAX;
	uint32_t i;

	CORE_MARK(inquired_without_standing);
	for (i = 0; i < replica->membership.member_count; i++)
	{
		NodeId to = replica->membership.members[i].node;

		if (to != node->config.self)
			node_send(node, replica, MESSAGE_ASK, to, false)->ballot = replica->promised;
	}
	replica->fruitless_asks++;
	replica_await_election(node, replica, node->config.lease_us << doublings);
}

/*
 * When a node fails, thousands of groups want a leader at once, and if all of them asked at once, one turn would
 * take so long that the heartbeats in it came too late: the grants that the new leaders need, and those of the old
 * ones, would lapse, and everything would begin anew.  So an election waits while there are many under way.  Who
 * asks in vain makes room for others before it asks again: groups without a quorum do not keep the rest waiting.
 */
static bool
election_has_to_wait(CoreNode *node, Replica *replica)
{
	TimeUs half_us = node->config.heartbeat_us / 2;
	uint32_t max = node->config.contenders_max;
	bool full = max != 0 && node->contenders >= max;
	TimeUs again_us;

	replica_rest(node, replica);
	if (!full)
		return false;
	again_us = node->now + half_us + node_random(node, half_us);
	if (replica->role == ROLE_FOLLOWER)
		replica->election_due_us = again_us;
	else
		replica->proposer->resend_us = again_us;
	return true;
}

static void
election_ask(CoreNode *node, Replica *replica)
{
	uint32_t i;

	replica_contend(node, replica);
	replica_enter(replica, ROLE_ASKING);
	for (i = 0; i < replica->membership.member_count; i++)
		replica->proposer->members[i].answered_no = false;
	election_send_all(node, replica, MESSAGE_ASK);
	replica->proposer->resend_us = node->now + node->config.heartbeat_us +
								   election_backoff(node, replica->fruitless_asks);
	replica->proposer->deadline_us = TIME_NEVER;
	replica->fruitless_asks++;
}

void
election_stand(CoreNode *node, Replica *replica, Ballot released)
{
	Ballot ballot = {.round = replica->seen_round + 1, .node = node->config.self};
	Proposer *proposer;

	CORE_ASSERT(!replica_leads(replica));
	CORE_INVARIANT("I8", !replica_is_blocked(node, replica));
	CORE_INVARIANT("I8", !replica_waits_out(node, replica));
	CORE_INVARIANT("I15", replica_may_adopt(replica));
	replica_contend(node, replica);
	replica_enter(replica, ROLE_CANDIDATE);
	proposer = replica->proposer;
	free(proposer->best_runs);
	memset(proposer, 0, sizeof(*proposer));
	proposer->released = released;
	replica_record_promise(node, replica, ballot, 0);
	election_ask_promises(node, replica);
}

/* Members whose answer lets this one stand: those that hear no leader, and itself. */
static bool
election_quorum_hears_nobody(const Replica *replica)
{
	uint32_t members = replica_self_bit(replica);
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		if (replica->proposer->members[i].answered_no)
			members |= 1u << i;
	}
	return quorum_reached(&replica->membership, members);
}

/*
 * Whether the members whom this replica asks may be those of the past: it has found no leader however often it asked,
 * and one that hears none either uses a newer membership.  Standing is how it learns that one (adoption.c), whether or
 * not a quorum of the one that it uses lives, and whether or not it may lead by that.
 */
static bool
election_is_left_behind(const Replica *replica)
{
	return replica->told_generation > replica->membership.generation &&
		   replica->fruitless_asks >= ELECTION_ASKS_IN_VAIN && replica_may_adopt(replica);
}

/* No leader binds this replica, and its patience is over. */
static void
election_seek_leader(CoreNode *node, Replica *replica)
{
	bool left_behind = election_is_left_behind(replica);
	Ballot none = {0};

	if (!replica_may_stand(replica) && !left_behind)
	{
		replica_follow(node, replica, 0);
		election_inquire(node, replica);
		return;
	}
	if (election_has_to_wait(node, replica))
		return;
	if (left_behind)
	{
		CORE_MARK(stood_left_behind);
		replica->told_generation = 0;
		election_stand(node, replica, none);
		return;
	}
	election_ask(node, replica);
#ifdef MUTANT_STAND_UNASKED
	election_stand(node, replica, none);
	return;
#endif
	if (election_quorum_hears_nobody(replica))
		election_stand(node, replica, none); /* the only member: nobody to ask */
}

void
election_tick(CoreNode *node, Replica *replica)
{
	CORE_ASSERT(!replica_leads(replica));
	if (replica->role == ROLE_FOLLOWER || replica->role == ROLE_ASKING)
	{
		if (replica_is_blocked(node, replica) || replica_waits_out(node, replica))
			replica_follow(node, replica, 0);
		else
			election_seek_leader(node, replica);
		return;
	}
	if (node->now >= replica->proposer->deadline_us)
	{
		election_give_up(node, replica, 0);
		return;
	}
	replica->proposer->resend_us = node->now + node->config.heartbeat_us;
	if (replica->role == ROLE_ADOPTING)
		adoption_fetch(node, replica);
	else if (adoption_needs_no_quorum(replica))
	{
		CORE_MARK(adopted_before_quorum);
		adoption_start(node, replica);
	}
	else
		election_send_all(node, replica, MESSAGE_PREPARE);
}

/*
 * Whoever promised the ballot is released, for one of them may be able to lead where this one, by what it knows of the
 * members, never will; bound to this one it would wait for as long as this node lives.
 */
void
election_give_up(CoreNode *node, Replica *replica, NodeId heir)
{
	TimeUs patience_us = node->config.lease_us;

	CORE_ASSERT(replica->role == ROLE_CANDIDATE || replica->role == ROLE_ADOPTING);
	CORE_MARK(candidate_gave_up);
	replica->failures++;
	if (heir == 0)
		patience_us = election_backoff(node, replica->failures);
#ifndef MUTANT_CANDIDACY_KEPT
	handover_pass_on(node, replica, heir);
#endif
	replica_follow(node, replica, patience_us);
}

/* Whether a leader of this group lives for this replica, as far as it matters to the asker. */
static bool
election_leader_lives(const CoreNode *node, const Replica *replica, const Message *ask)
{
#ifndef MUTANT_ANSWER_IGNORES_PROMISE
	/* The asker's promise is out of that leader's reach: it cannot follow it any more (B24). */
	if (ballot_compare(ask->ballot, replica->promised) > 0)
	{
		CORE_MARK(answer_overruled_by_higher_promise);
		return false;
	}
#endif
	if (replica_leads(replica))
		return replica_has_lease(node, replica) || replica->proposer->deadline_us != TIME_NEVER;
	return replica_leader(replica) != 0 && replica_leader(replica) != ask->from &&
		   replica_is_blocked(node, replica);
}

void
election_receive_ask(CoreNode *node, Replica *replica, const Message *message)
{
	Message *reply = node_reply(node, replica, MESSAGE_ANSWER, message, false);

	CORE_ASSERT(message->kind == MESSAGE_ASK);
	reply->ballot = message->ballot;
	reply->ok = election_leader_lives(node, replica, message);
	if (reply->ok)
		CORE_MARK(answer_leader_lives);
	reply->promised = replica->promised;
	reply->commit_lsn = replica->commit_lsn;
}

/* A member says that no leader lives for it. */
static void
election_take_no(CoreNode *node, Replica *replica, const Message *answer)
{
	uint32_t from = membership_find(&replica->membership, answer->from);
	Ballot none = {0};

	if (answer->generation > replica->told_generation)
		replica->told_generation = answer->generation;
	if (replica->role != ROLE_ASKING)
		return;
	replica->proposer->members[from].answered_no = true;
	if (replica_is_blocked(node, replica) || replica_waits_out(node, replica))
		replica_follow(node, replica, 0);
	else if (election_quorum_hears_nobody(replica))
		election_stand(node, replica, none);
}

/* A leader lives for a member: this replica leaves it in peace. */
static void
election_take_yes(CoreNode *node, Replica *replica)
{
	replica->told_generation = 0;
	if (replica->role != ROLE_ASKING)
		return;
	CORE_MARK(ask_found_leader_alive);
	replica->fruitless_asks = 0;
	replica_follow(node, replica, 2 * node->config.heartbeat_us);
}

void
election_receive_answer(CoreNode *node, Replica *replica, const Message *message)
{
	CORE_ASSERT(message->kind == MESSAGE_ANSWER);
	if (!ballot_equal(message->ballot, replica->promised))
		return;
	if (message->from == replica->promised.node &&
		ballot_compare(message->promised, replica->promised) > 0)
	{
		/* The owner of the ballot has promised a higher one: it will never lead under it again. */
		CORE_MARK(answer_proves_release);
		replica->released = true;
	}
	/* Who may not stand asks as a follower (election_inquire). */
	if (replica->role != ROLE_ASKING && replica->role != ROLE_FOLLOWER)
		return;
	replica_note_round(replica, message->promised);
	if (message->ok)
		election_take_yes(node, replica);
	else
		election_take_no(node, replica, message);
}

/* A refusal: if too many refuse, this ballot is hopeless. */
static void
election_take_refusal(CoreNode *node, Replica *replica, uint32_t from, const Message *message)
{
	uint32_t still_open = 0;
	uint32_t i;

	CORE_ASSERT(from != replica->self_index);
	replica_note_round(replica, message->promised);
	replica->proposer->members[from].refused = true;
	for (i = 0; i < replica->membership.member_count; i++)
	{
		if (!replica->proposer->members[i].refused)
			still_open |= 1u << i;
	}
	if (quorum_reached(&replica->membership, still_open))
		return;
	CORE_MARK(candidate_outbid);
	election_give_up(node, replica, 0);
}

void
election_receive_promise(CoreNode *node, Replica *replica, const Message *message)
{
	uint32_t from = membership_find(&replica->membership, message->from);
	Progress *progress;

	CORE_ASSERT(message->kind == MESSAGE_PROMISE);
	if (replica->role != ROLE_CANDIDATE || !ballot_equal(message->ballot, replica->promised))
		return;
	if (!message->ok)
	{
		election_take_refusal(node, replica, from, message);
		return;
	}
	progress = &replica->proposer->members[from];
	if (!log_outline_is_valid(&message->outline) || progress->promised)
		return;
	CORE_INVARIANT("I4", ballot_compare(message->outline.last_ballot, replica->promised) < 0);
	progress->promised = true;
	progress->acked_number = message->grant_number;
	adoption_consider(replica, message);
	election_count_promises(node, replica);
}

bool
election_has_promises(const Replica *replica)
{
	uint32_t members = replica_self_bit(replica);
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		if (replica->proposer->members[i].promised)
			members |= 1u << i;
	}
	return quorum_reached(&replica->membership, members);
}

void
election_ask_promises(CoreNode *node, Replica *replica)
{
	replica_enter(replica, ROLE_CANDIDATE);
	replica->proposer->resend_us = node->now + node->config.heartbeat_us;
	replica->proposer->deadline_us = node->now + node->config.lease_us;
	election_send_all(node, replica, MESSAGE_PREPARE);
}

void
election_count_promises(CoreNode *node, Replica *replica)
{
	CORE_INVARIANT("I4", replica->promised.node == node->config.self);
	CORE_ASSERT(replica->role == ROLE_CANDIDATE);
	if (replica->proposer->own_promise_durable && election_has_promises(replica))
		adoption_start(node, replica);
}

/*
 * acceptor.c
 *		The acceptor: what it promises, what it accepts, and what must be durable before each reply.
 *
 * PROMISE (ok) and ACCEPTED (ok) leave after the sync that makes them true (I2, I3).  Refusals promise
 * nothing and leave at once.  Nothing is assumed of the order or number of messages: a late or repeated
 * ACCEPT neither truncates matching entries nor acknowledges what it did not itself match.
 */
#include "core/acceptor.h"

#include "core/ballot.h"
#include "core/core_assert.h"
#include "core/election.h"
#include "core/handover.h"
#include "core/marks.h"
#include "core/membership.h"
#include "core/replica.h"
#include "core/replica_membership.h"

/* Whether a reply must wait for a sync: only if something of this replica is not durable yet. */
static bool
acceptor_reply_waits(const Replica *replica)
{
#ifdef MUTANT_REPLY_BEFORE_SYNC
	return false;
#endif
	return replica->unsynced;
}

static void
acceptor_refuse_prepare(CoreNode *node, Replica *replica, const Message *message)
{
	Message *reply = node_reply(node, replica, MESSAGE_PROMISE, message, false);

	CORE_INVARIANT("I3", ballot_compare(message->ballot, replica->promised) != 0);
	reply->ballot = message->ballot;
	reply->ok = false;
	reply->promised = replica->promised;
	reply->commit_lsn = replica->commit_lsn;
}

static void
acceptor_send_promise(CoreNode *node, Replica *replica, const Message *prepare)
{
	Message *reply = node_reply(node, replica, MESSAGE_PROMISE, prepare,
								acceptor_reply_waits(replica));

	CORE_INVARIANT("I8", !replica_leads(replica));
	CORE_ASSERT(replica->promised.node == prepare->from);
	reply->ballot = replica->promised;
	reply->ok = true;
	reply->promised = replica->promised;
	reply->grant_number = replica->acked_number;
	/* B6: all of this log is durable by the time the reply leaves, the unsynced part included. */
	reply->outline = ballot_history_outline(&replica->history);
	reply->commit_lsn = replica->commit_lsn;
}

/* The grant in force to the proposer that is being acknowledged: its lease may rest on this one (I8). */
static uint64_t
acceptor_grant_number(const CoreNode *node, NodeId proposer)
{
	return grant_given_number(&node->peers[proposer].given, node->now);
}

/* Whether I8 forbids to promise `ballot` now. */
static bool
acceptor_is_bound(CoreNode *node, Replica *replica, const Message *message)
{
	if (message->ballot.node == replica->promised.node)
		return false;
	if (!ballot_is_zero(message->released) && ballot_equal(message->released, replica->promised))
	{
		/* The RELEASE was lost or is late; the candidate could not know the ballot without it. */
		CORE_MARK(prepare_proves_release);
		replica->released = true;
	}
	if (replica_leads(replica) && replica_has_lease(node, replica))
	{
		CORE_MARK(leader_refuses_prepare);
		return true;
	}
	if (replica_is_blocked(node, replica))
	{
		CORE_MARK(refuse_blocked_by_grant);
		return true;
	}
	if (replica_waits_out(node, replica))
	{
		CORE_MARK(lease_wait_out_on_restart);
		return true;
	}
	return false;
}

/*
 * Another proposer is about to be promised.  Who promised this replica's own ballot waits for nothing: it will never
 * lead under it.  With four or more counting members they could otherwise bind each other for ever.
 */
static void
acceptor_give_way(CoreNode *node, Replica *replica)
{
#ifndef MUTANT_GIVES_WAY_SILENTLY
	if (replica->promised.node == node->config.self && !replica->released)
	{
		CORE_MARK(gave_way_to_another_proposer);
		handover_pass_on(node, replica, 0);
	}
#endif
	replica_follow(node, replica, node->config.lease_us / 2);
}

/* Asks the owner of the promised ballot, who never led under it here, whether it has given way to another. */
static void
acceptor_ask_owner(CoreNode *node, Replica *replica)
{
	if (replica->promised.node == node->config.self ||
		ballot_equal(replica->leader_ballot, replica->promised))
		return;
	node_send(node, replica, MESSAGE_ASK, replica->promised.node, false)->ballot =
		replica->promised;
}

/*
 * Whether the sender, by the membership in use here, may not lead.  What a newer membership says of it is not known
 * here; nor what another uncommitted one of the same generation says, which may be the one that is chosen.
 */
static bool
acceptor_knows_better(const Replica *replica, const Message *prepare)
{
	uint32_t from = membership_find(&replica->membership, prepare->from);

	return prepare->generation <= membership_newest_committed(replica)->generation &&
		   (from == MEMBER_NONE || !member_may_lead(&replica->membership.members[from]));
}

/*
 * An entry that may not be committed cannot be read here: a candidate that adopted this log could not have it.  If the
 * others are a quorum it can do without this promise, and need not adopt it (I15).
 */
static bool
acceptor_misses_its_end(const Replica *replica)
{
#ifdef MUTANT_PROMISE_WITH_HOLES
	return false;
#endif
	if (replica->missing_lsn <= replica->commit_known_lsn)
		return false;
	CORE_MARK(prepare_unanswered_by_damaged);
	return true;
}

void
acceptor_receive_prepare(CoreNode *node, Replica *replica, const Message *message)
{
	int order = ballot_compare(message->ballot, replica->promised);

	CORE_ASSERT(message->kind == MESSAGE_PREPARE);
	if (message->ballot.node != message->from || acceptor_misses_its_end(replica))
		return;
	if (acceptor_knows_better(replica, message))
	{
		CORE_MARK(refuse_who_may_not_lead);
		if (order != 0)
			acceptor_refuse_prepare(node, replica, message);
		return;
	}
	if (order < 0)
	{
		CORE_MARK(refuse_lower_ballot);
		acceptor_refuse_prepare(node, replica, message);
		return;
	}
	if (order == 0)
	{
		CORE_MARK(promise_repeated);
		acceptor_send_promise(node, replica, message);
		return;
	}
	if (acceptor_is_bound(node, replica, message))
	{
		acceptor_refuse_prepare(node, replica, message);
		acceptor_ask_owner(node, replica);
		return;
	}
	acceptor_give_way(node, replica);
	replica_record_promise(node, replica, message->ballot,
						   acceptor_grant_number(node, message->from));
	acceptor_send_promise(node, replica, message);
}

bool
acceptor_entries_are_valid(const Message *message, Ballot limit)
{
	Ballot last = message->prev_ballot;
	uint32_t i;

	if (message->entry_count > MESSAGE_ENTRIES_MAX)
		return false;
	for (i = 0; i < message->entry_count; i++)
	{
		const Entry *entry = &message->entries[i];
		Ballot ballot = entry->ballot;
		Membership membership;

		if (ballot_compare(ballot, last) < 0 || ballot_compare(ballot, limit) > 0)
			return false;
		if (membership_is_encoded(entry->payload, entry->length) &&
			!membership_decode(entry->payload, entry->length, &membership))
			return false;
		last = ballot;
	}
	return true;
}

/* True if the log holds the entry just before those of the message; what the base covers is committed. */
static bool
acceptor_log_matches(const Replica *replica, const Message *message)
{
	if (message->prev_lsn < replica->history.base_lsn)
		return true;
	return ballot_history_matches(&replica->history, message->prev_lsn, message->prev_ballot);
}

static void
acceptor_refuse_accept(CoreNode *node, Replica *replica, const Message *message, bool with_outline)
{
	Message *reply = node_reply(node, replica, MESSAGE_ACCEPTED, message, false);

	reply->ballot = message->ballot;
	reply->ok = false;
	reply->promised = replica->promised;
	reply->prev_lsn = message->prev_lsn;
	reply->commit_lsn = replica->commit_lsn;
	if (with_outline)
		reply->outline = ballot_history_outline(&replica->history);
}

/* The first carried entry that the log does not hold, as an index; a conflicting suffix is cut away. */
static uint32_t
acceptor_skip_held_entries(CoreNode *node, Replica *replica, const Message *message)
{
	uint32_t i;

	for (i = 0; i < message->entry_count; i++)
	{
		Lsn lsn = message->prev_lsn + 1 + i;

		if (lsn > replica->history.last_lsn)
			break;
		if (lsn < replica->history.base_lsn ||
			ballot_history_matches(&replica->history, lsn, message->entries[i].ballot))
			continue;
		replica_record_cut(node, replica, lsn - 1);
		break;
	}
	if (i > 0)
		CORE_MARK(duplicate_entries_skipped);
	return i;
}

/* Brings the log to what the message says; returns the last LSN that it matched. */
static Lsn
acceptor_take_entries(CoreNode *node, Replica *replica, const Message *message)
{
	Lsn matched = message->prev_lsn + message->entry_count;
	uint32_t i = acceptor_skip_held_entries(node, replica, message);

#ifdef MUTANT_CUT_WHEN_SHORTER
	if (i == message->entry_count && matched < replica->history.last_lsn &&
		matched >= replica->commit_known_lsn)
		replica_record_cut(node, replica, matched);
#endif
	for (; i < message->entry_count; i++)
		replica_record_append(node, replica, &message->entries[i]);
	CORE_INVARIANT("I5", matched <= replica->history.last_lsn);
	if (matched < replica->history.last_lsn)
		CORE_MARK(reordered_accept_ignored);
	return matched;
}

/* A leader spoke under `ballot`: promise it if it is news, and follow it. */
static void
acceptor_follow_leader(CoreNode *node, Replica *replica, Ballot ballot)
{
	bool news = ballot_compare(ballot, replica->promised) > 0;

	if (news || replica->role != ROLE_FOLLOWER)
		replica_follow(node, replica, node->config.lease_us);
#ifndef MUTANT_ACCEPT_PROMISES_NOTHING
	if (news)
		replica_record_promise(node, replica, ballot, 0);
#endif
	if (!ballot_equal(replica->leader_ballot, ballot))
	{
		/* Time for the first grants between the two nodes, once for each leader. */
		replica->leader_ballot = ballot;
		replica_await_election(node, replica, node->config.lease_us);
	}
	replica->failures = 0;
	replica->fruitless_asks = 0;
}

static void
acceptor_acknowledge(CoreNode *node, Replica *replica, const Message *message, Lsn matched)
{
	Message *reply = node_reply(node, replica, MESSAGE_ACCEPTED, message,
								acceptor_reply_waits(replica));

	CORE_INVARIANT("I5", matched <= replica->history.last_lsn);
	CORE_INVARIANT("I2", matched <= replica->durable_lsn || replica->unsynced);
	reply->ballot = message->ballot;
	reply->ok = true;
	reply->promised = replica->promised;
	reply->prev_lsn = message->prev_lsn;
	reply->lsn = matched;
#ifdef MUTANT_ACK_UNMATCHED
	reply->lsn = replica->history.last_lsn;
#endif
	reply->commit_lsn = replica->commit_lsn;
	reply->grant_number = replica->acked_number;
}

/* How far the message says that the log is committed: never beyond what it has itself matched. */
static Lsn
acceptor_commit_lsn(const Replica *replica, const Message *message, Lsn matched)
{
	CORE_INVARIANT("I5", matched <= replica->history.last_lsn);
#ifdef MUTANT_COMMIT_BEYOND_MATCH
	matched = replica->history.last_lsn;
#endif
	if (message->commit_lsn <= matched)
		return message->commit_lsn;
	CORE_MARK(follower_commit_held_to_match);
	return matched;
}

/* True, with a refusal, if the replica has promised a higher ballot than the leader's. */
static bool
acceptor_refuses_ballot(CoreNode *node, Replica *replica, const Message *message)
{
	if (ballot_compare(message->ballot, replica->promised) >= 0)
		return false;
	CORE_MARK(refuse_lower_ballot);
	acceptor_refuse_accept(node, replica, message, false);
	return true;
}

void
acceptor_receive_accept(CoreNode *node, Replica *replica, const Message *message)
{
	Lsn matched;

	CORE_ASSERT(message->kind == MESSAGE_ACCEPT);
	if (message->ballot.node != message->from ||
		!acceptor_entries_are_valid(message, message->ballot))
		return;
	if (acceptor_refuses_ballot(node, replica, message))
		return;
	acceptor_follow_leader(node, replica, message->ballot);
	CORE_INVARIANT("I4", ballot_equal(replica->promised, message->ballot));
	if (!acceptor_log_matches(replica, message))
	{
		CORE_MARK(refuse_log_mismatch);
		acceptor_refuse_accept(node, replica, message, true);
		return;
	}
	matched = acceptor_take_entries(node, replica, message);
	replica->acked_number = acceptor_grant_number(node, message->from);
	replica_commit(node, replica, acceptor_commit_lsn(replica, message, matched));
	acceptor_acknowledge(node, replica, message, matched);
}

void
acceptor_receive_rebase(CoreNode *node, Replica *replica, const Message *message)
{
	Membership membership;

	CORE_ASSERT(message->kind == MESSAGE_REBASE);
	if (message->ballot.node != message->from || message->entry_count != 1 ||
		ballot_compare(message->prev_ballot, message->ballot) > 0 ||
		!membership_decode(message->entries[0].payload, message->entries[0].length, &membership) ||
		membership_since(&membership, node->config.self) != replica->since)
		return;
	if (acceptor_refuses_ballot(node, replica, message))
		return;
	acceptor_follow_leader(node, replica, message->ballot);
	if (message->prev_lsn <= replica->commit_known_lsn ||
		ballot_history_matches(&replica->history, message->prev_lsn, message->prev_ballot))
		CORE_MARK(rebase_not_needed);
	else
	{
		/* The entry is committed and not here, so nothing above it here can be (I6). */
		CORE_MARK(rebased);
		replica_record_rebase(node, replica, message->prev_lsn, message->prev_ballot, &membership);
	}
	replica->acked_number = acceptor_grant_number(node, message->from);
	acceptor_acknowledge(node, replica, message, message->prev_lsn);
}

void
acceptor_receive_fetch(CoreNode *node, Replica *replica, const Message *message)
{
	Message *reply;
	Lsn last = message->lsn;

	CORE_ASSERT(message->kind == MESSAGE_FETCH);
	if (message->ballot.node != message->from ||
		!ballot_equal(message->ballot, replica->promised) ||
		message->prev_lsn < replica->history.base_lsn ||
		!ballot_history_matches(&replica->history, message->prev_lsn, message->prev_ballot))
		return;
	if (last > replica->history.last_lsn)
		last = replica->history.last_lsn;
	if (last <= message->prev_lsn)
		return;
	if (last > message->prev_lsn + node->config.accept_entries_max)
		last = message->prev_lsn + node->config.accept_entries_max;
	reply = node_reply(node, replica, MESSAGE_ENTRIES, message, acceptor_reply_waits(replica));
	reply->ballot = message->ballot;
	reply->prev_lsn = message->prev_lsn;
	reply->prev_ballot = message->prev_ballot;
	reply->entry_count = (uint32_t) (last - message->prev_lsn);
}

/*
 * proposer.c
 *		The leader: proposes, replicates by pipelined ACCEPTs, commits, keeps followers informed.
 *
 * An ACCEPT leaves before the leader's own sync; the leader's copy counts for the quorum only after it (I2).
 * What is known of each other member, and what it is sent, is progress.c.
 */
#include "core/proposer.h"

#include "core/ballot.h"
#include "core/change.h"
#include "core/core_assert.h"
#include "core/handover.h"
#include "core/join.h"
#include "core/marks.h"
#include "core/membership.h"
#include "core/progress.h"
#include "core/quorum.h"
#include "core/replica.h"
#include "core/replica_membership.h"

/* An idle follower learns the commit LSN this much later at most, unless a proposal carries it earlier. */
#define COMMIT_NOTICE_US_MAX 5000

void
proposer_lead(CoreNode *node, Replica *replica)
{
	Proposer *proposer = replica->proposer;
	Entry start = {.ballot = replica->promised};
	Effect *effect;

	CORE_INVARIANT("I4", replica->promised.node == node->config.self);
	CORE_INVARIANT(
		"I4", ballot_compare(ballot_history_last_ballot(&replica->history), replica->promised) < 0);
	replica_enter(replica, ROLE_LEADER);
	replica->failures = 0;
	replica->fruitless_asks = 0;
	replica_record_append(node, replica, &start);
	proposer->start_lsn = replica->history.last_lsn;
	proposer->deadline_us = node->now + 2 * node->config.lease_us;
	proposer->notice_us = TIME_NEVER;
	effect = effects_add(&node->effects, EFFECT_LEAD, replica->group);
	effect->lsn = proposer->start_lsn;
	effect->ballot = replica->promised;
	progress_init(replica);
	progress_pump_all(node, replica);
}

void
proposer_propose(CoreNode *node, Replica *replica, const Event *event)
{
	Entry entry = event->entry;

	if (replica->role != ROLE_LEADER || !ballot_equal(event->ballot, replica->promised) ||
		membership_is_encoded(entry.payload, entry.length))
	{
		effects_add(&node->effects, EFFECT_REFUSE, replica->group)->ballot = event->ballot;
		return;
	}
	CORE_ASSERT(entry.length > 0);
	entry.ballot = replica->promised;
	replica_record_append(node, replica, &entry);
#ifdef MUTANT_COUNT_UNSYNCED
	replica->durable_lsn = replica->history.last_lsn;
	proposer_advance_commit(node, replica);
#endif
	progress_pump_all(node, replica);
}

void
proposer_append_membership(CoreNode *node, Replica *replica, const Membership *membership)
{
	uint8_t *bytes = effects_alloc(&node->effects, MEMBERSHIP_BYTES_MAX);
	Entry entry = {.ballot = replica->promised, .payload = bytes};

	CORE_ASSERT(replica->role == ROLE_LEADER);
	entry.length = (uint32_t) membership_encode(membership, bytes);
	replica_record_append(node, replica, &entry);
	CORE_INVARIANT("I10", replica->membership.generation == membership->generation);
	progress_pump_all(node, replica);
}

/* The highest LSN that a quorum has durable; the own copy counts after the own sync (I2). */
static Lsn
proposer_quorum_durable(const Replica *replica)
{
	uint64_t durable[CORE_MEMBERS_MAX] = {0};
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
		durable[i] = replica->proposer->members[i].match_lsn;
	CORE_ASSERT(replica->self_index != MEMBER_NONE);
	durable[replica->self_index] = replica->durable_lsn;
	return quorum_highest(&replica->membership, durable);
}

/*
 * Whether a quorum that has the entry durable makes it chosen: only if the entry is of the own ballot.  An
 * older entry on a quorum may still be replaced by a leader whose log is higher; it commits through ours.
 */
static bool
proposer_may_commit(const Replica *replica, Lsn lsn)
{
	Ballot ballot;

#ifdef MUTANT_COMMIT_OLD_BALLOT
	return true;
#endif
	CORE_ASSERT(ballot_history_at(&replica->history, lsn, &ballot));
	if (!ballot_equal(ballot, replica->promised))
	{
		CORE_MARK(commit_waits_for_own_ballot);
		return false;
	}
	CORE_INVARIANT("I4", lsn >= replica->proposer->start_lsn);
	return true;
}

void
proposer_advance_commit(CoreNode *node, Replica *replica)
{
	Proposer *proposer = replica->proposer;
	Lsn lsn = proposer_quorum_durable(replica);
	Lsn before = replica->commit_lsn;
	Membership committed = *membership_newest_committed(replica);
	TimeUs notice_us = node->config.heartbeat_us / 4;

	if (lsn <= replica->commit_known_lsn || !proposer_may_commit(replica, lsn))
		lsn = replica->commit_known_lsn;
	replica_commit(node, replica, lsn);
	if (replica->commit_lsn == before)
		return;
	replica_rest(node, replica);
	if (notice_us > COMMIT_NOTICE_US_MAX)
		notice_us = COMMIT_NOTICE_US_MAX;
	if (proposer->notice_us == TIME_NEVER)
		proposer->notice_us = node->now + notice_us;
	if (membership_newest_committed(replica)->generation > committed.generation)
	{
		join_dismiss(node, replica, &committed);
		progress_greet(node, replica, 0);
	}
	change_advance(node, replica);
	handover_advance(node, replica);
}

/* Somebody was promised a higher ballot: this one can no longer get that acceptor. */
static void
proposer_outbid(CoreNode *node, Replica *replica, Ballot promised)
{
	bool had_lease = replica_has_lease(node, replica);

	if (!replica_note_round(replica, promised))
		return;
	CORE_MARK(leader_deposed_by_higher_ballot);
	replica_follow(node, replica, 0);
	/* With the quorum bound to this node nobody else can be elected now: stand again at once. */
	if (had_lease)
		replica->election_due_us = node->now;
}

void
proposer_receive_accepted(CoreNode *node, Replica *replica, const Message *message)
{
	uint32_t index = membership_find(&replica->membership, message->from);

	CORE_ASSERT(message->kind == MESSAGE_ACCEPTED);
	if (!replica_leads(replica) || !ballot_equal(message->ballot, replica->promised))
		return;
	if (!message->ok && ballot_compare(message->promised, replica->promised) > 0)
	{
		proposer_outbid(node, replica, message->promised);
		return;
	}
	if (message->ok)
	{
		CORE_INVARIANT("I5", message->lsn <= replica->history.last_lsn);
		progress_take_acknowledgement(node, replica, index, message);
		if (replica->proposer->deadline_us != TIME_NEVER && replica_has_lease(node, replica))
			replica->proposer->deadline_us = TIME_NEVER;
		proposer_advance_commit(node, replica);
	}
	else
		progress_take_mismatch(node, replica, index, message);
	/* A handover may just have ended this leadership, a change given the members other places. */
	index = membership_find(&replica->membership, message->from);
	if (replica_leads(replica) && index != MEMBER_NONE)
	{
		progress_pump(node, replica, index);
		handover_advance(node, replica);
	}
}

static TimeUs
proposer_notices_due(const CoreNode *node, const Replica *replica)
{
	TimeUs due = replica->proposer->notice_us;
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		TimeUs resend_us = replica->proposer->members[i].stirred_us +
						   progress_resend_interval(node);

		if (i != replica->self_index && resend_us < due && progress_is_unanswered(node, replica, i))
			due = resend_us;
	}
	return due;
}

TimeUs
proposer_due(const CoreNode *node, const Replica *replica)
{
	TimeUs due = proposer_notices_due(node, replica);

	CORE_ASSERT(replica_leads(replica));
	if (replica->proposer->deadline_us < due)
		due = replica->proposer->deadline_us;
	if (replica->role == ROLE_HANDING_OVER && replica->proposer->handover_deadline_us < due)
		due = replica->proposer->handover_deadline_us;
	return due;
}

/* Tells idle followers the commit LSN: those to whom no ACCEPT has told it meanwhile. */
static void
proposer_send_notices(CoreNode *node, Replica *replica)
{
	uint32_t i;

	replica->proposer->notice_us = TIME_NEVER;
	for (i = 0; i < replica->membership.member_count; i++)
	{
		Progress *progress = &replica->proposer->members[i];

		if (i == replica->self_index || progress->commit_told_lsn >= replica->commit_lsn ||
			progress->probing || progress->needs_snapshot)
			continue;
		CORE_MARK(commit_notice_sent);
		progress_send_empty(node, replica, i);
	}
}

/* The time to regain a quorum is over: a leader without one only keeps its writers waiting. */
static void
proposer_check_quorum(CoreNode *node, Replica *replica)
{
	CORE_ASSERT(node->now >= replica->proposer->deadline_us);
	if (replica_has_lease(node, replica) ||
		quorum_reached(&replica->membership, replica_self_bit(replica)))
	{
		replica->proposer->deadline_us = TIME_NEVER;
		return;
	}
	CORE_MARK(leader_without_quorum_steps_down);
	replica_follow(node, replica, 0);
}

void
proposer_tick(CoreNode *node, Replica *replica)
{
	Proposer *proposer = replica->proposer;

	CORE_ASSERT(replica_leads(replica));
	if (node->now >= proposer->deadline_us)
	{
		proposer_check_quorum(node, replica);
		if (!replica_leads(replica))
			return;
	}
	if (replica->role == ROLE_HANDING_OVER && node->now >= proposer->handover_deadline_us)
		handover_time_out(node, replica);
	if (node->now >= proposer->notice_us)
		proposer_send_notices(node, replica);
	progress_resend(node, replica);
}

void
proposer_lease_lapsed(CoreNode *node, Replica *replica)
{
	CORE_ASSERT(replica_leads(replica));
	if (!replica_has_lease(node, replica) && replica->proposer->deadline_us == TIME_NEVER)
		replica->proposer->deadline_us = node->now + node->config.lease_us;
}

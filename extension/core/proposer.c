/*
 * proposer.c
 *		The leader: proposes, replicates by pipelined ACCEPTs, commits, keeps followers informed.
 *
 * An ACCEPT leaves before the leader's own sync; the leader's copy counts for the quorum only after it (I2).
 * For each member the leader knows what it acknowledged (match), up to where the logs are believed equal
 * (guess) and what it has sent (next); match <= guess < next always.  Whatever a refusal or a time-out
 * brings, only an ACCEPTED (ok) under the own ballot moves match, and match never goes back (B25).
 */
#include "core/proposer.h"

#include <string.h>

#include "core/ballot.h"
#include "core/change.h"
#include "core/core_assert.h"
#include "core/handover.h"
#include "core/join.h"
#include "core/marks.h"
#include "core/membership.h"
#include "core/quorum.h"
#include "core/replica.h"
#include "core/replica_membership.h"

/* An idle follower learns the commit LSN this much later at most, unless a proposal carries it earlier. */
#define COMMIT_NOTICE_US_MAX 5000

static TimeUs
proposer_resend_interval(const CoreNode *node)
{
	return 2 * node->config.heartbeat_us;
}

static NodeId
member_node(const Replica *replica, uint32_t index)
{
	CORE_ASSERT(index < replica->membership.member_count);
	return replica->membership.members[index].node;
}

/* Sends entries guess or next onwards: `count` of them after `prev_lsn`, which the log still knows. */
static void
proposer_send_accept(CoreNode *node, Replica *replica, uint32_t index, Lsn prev_lsn, uint32_t count)
{
	Progress *progress = &replica->proposer->members[index];
	Message *message = node_send(node, replica, MESSAGE_ACCEPT, member_node(replica, index), false);
	Lsn last_lsn = prev_lsn + count;

	CORE_INVARIANT("I4", replica->promised.node == node->config.self);
	CORE_ASSERT(index != replica->self_index);
	CORE_INVARIANT("I5", last_lsn <= replica->history.last_lsn);
	message->ballot = replica->promised;
	message->prev_lsn = prev_lsn;
	CORE_ASSERT(ballot_history_at(&replica->history, prev_lsn, &message->prev_ballot));
	message->entry_count = count;
	message->commit_lsn = replica->commit_lsn;
	progress->stirred_us = node->now;
	if (count > 0)
		progress->newest_prev_lsn = prev_lsn;
	if (replica->commit_lsn < last_lsn)
		last_lsn = replica->commit_lsn;
	if (last_lsn > progress->commit_told_lsn)
		progress->commit_told_lsn = last_lsn;
}

/* Whether another member that has been heard lately holds back what a log replica may begin above. */
static bool
proposer_is_heard(const CoreNode *node, NodeId member)
{
	const Peer *peer = &node->peers[member];

	return peer->heard_us != 0 && node->now - peer->heard_us <= node->config.lease_us;
}

/*
 * Where a member's log may begin anew.  A log replica shall be able to bring up to date those that live, so it
 * begins below what they have.
 */
static Lsn
proposer_rebase_lsn(const CoreNode *node, const Replica *replica, uint32_t index)
{
	Lsn lsn = replica->commit_lsn;
	Lsn lowest = replica->earlier_count > 0 ? replica->earlier[0].lsn : replica->membership_lsn;
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		const Member *member = &replica->membership.members[i];
		Lsn match_lsn = replica->proposer->members[i].match_lsn;

		if (replica->membership.members[index].kind == MEMBER_LOG && i != index &&
			i != replica->self_index && member_counts(member) &&
			proposer_is_heard(node, member->node) && match_lsn < lsn)
			lsn = match_lsn;
	}
	if (lsn < replica->history.base_lsn)
		lsn = replica->history.base_lsn;
	return lsn < lowest ? lowest : lsn;
}

/* Has the member begin its log anew: what it lacks is gone here, or too much. */
static void
proposer_send_rebase(CoreNode *node, Replica *replica, uint32_t index)
{
	Lsn lsn = proposer_rebase_lsn(node, replica, index);
	Message *message;

	replica->proposer->members[index].stirred_us = node->now;
	if (lsn > replica->commit_lsn)
		return; /* the newest membership is not known as committed yet */
	message = node_send(node, replica, MESSAGE_REBASE, member_node(replica, index), false);
	message->ballot = replica->promised;
	message->prev_lsn = lsn;
	CORE_ASSERT(ballot_history_at(&replica->history, lsn, &message->prev_ballot));
	message->commit_lsn = replica->commit_lsn;
	join_put_membership(node, message, membership_newest_committed(replica));
}

static void
proposer_flag_snapshot(CoreNode *node, Replica *replica, uint32_t index)
{
	CORE_MARK(needs_snapshot_flagged);
	replica->proposer->members[index].needs_snapshot = true;
	proposer_send_rebase(node, replica, index);
}

/* True if the member's next entry is in the log; otherwise it is sent a REBASE. */
static bool
proposer_can_serve(CoreNode *node, Replica *replica, uint32_t index)
{
	Progress *progress = &replica->proposer->members[index];

	CORE_ASSERT(progress->match_lsn <= progress->guess_lsn);
	CORE_ASSERT(progress->guess_lsn < progress->next_lsn);
	if (!progress->needs_snapshot && progress->guess_lsn < replica->history.base_lsn)
		proposer_flag_snapshot(node, replica, index);
	return !progress->needs_snapshot;
}

/* Sends the member what it lacks, within the window; one ACCEPT at a time while in doubt. */
static void
proposer_pump(CoreNode *node, Replica *replica, uint32_t index)
{
	Progress *progress = &replica->proposer->members[index];

	if (!proposer_can_serve(node, replica, index))
		return;
	while (progress->next_lsn <= replica->history.last_lsn)
	{
		Lsn inflight = progress->next_lsn - 1 - progress->guess_lsn;
		Lsn count = replica->history.last_lsn - progress->next_lsn + 1;

		if (inflight >= node->config.inflight_entries_max ||
			(progress->probing && progress->probe_sent))
			return;
		if (count > node->config.inflight_entries_max - inflight)
			count = node->config.inflight_entries_max - inflight;
		if (count > node->config.accept_entries_max)
			count = node->config.accept_entries_max;
		if (progress->next_lsn <= replica->commit_lsn)
			CORE_MARK(catch_up_from_log);
		proposer_send_accept(node, replica, index, progress->next_lsn - 1, (uint32_t) count);
		progress->next_lsn += count;
		progress->probe_sent = true;
	}
}

/* Sends an ACCEPT without entries: asks where the member stands, tells the commit LSN. */
static void
proposer_probe(CoreNode *node, Replica *replica, uint32_t index)
{
	Progress *progress = &replica->proposer->members[index];

	if (!proposer_can_serve(node, replica, index))
		return;
	progress->next_lsn = progress->guess_lsn + 1;
	progress->probing = true;
	progress->probe_sent = true;
	proposer_send_accept(node, replica, index, progress->guess_lsn, 0);
}

/* Sends an ACCEPT without entries behind everything sent so far; the pipeline goes on. */
static void
proposer_send_empty(CoreNode *node, Replica *replica, uint32_t index)
{
	Progress *progress = &replica->proposer->members[index];

	if (proposer_can_serve(node, replica, index))
		proposer_send_accept(node, replica, index, progress->next_lsn - 1, 0);
}

static void
proposer_init_progress(Replica *replica)
{
	Proposer *proposer = replica->proposer;
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		Progress *progress = &proposer->members[i];

		/* acked_number stays: a promise is an acknowledgement of the ballot, too (I8). */
		progress->match_lsn = 0;
		progress->guess_lsn = proposer->start_lsn - 1;
		progress->next_lsn = proposer->start_lsn;
		progress->commit_told_lsn = 0;
		progress->commit_acked_lsn = 0;
		progress->probing = false;
	}
}

static void
proposer_pump_all(CoreNode *node, Replica *replica)
{
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		if (i != replica->self_index)
			proposer_pump(node, replica, i);
	}
}

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
	proposer_init_progress(replica);
	proposer_pump_all(node, replica);
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
	proposer_pump_all(node, replica);
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
	proposer_pump_all(node, replica);
}

/* Progress of a member that is new to a leader: where its log stands is not known. */
static Progress
proposer_new_progress(const CoreNode *node, const Replica *replica)
{
	Progress progress = {.stirred_us = node->now};

	if (replica_leads(replica))
	{
		progress.guess_lsn = replica->history.last_lsn;
		progress.next_lsn = progress.guess_lsn + 1;
		progress.probing = true;
	}
	return progress;
}

void
proposer_follow_membership(CoreNode *node, Replica *replica, const Membership *before)
{
	Progress kept[CORE_MEMBERS_MAX];
	uint32_t i;

	memcpy(kept, replica->proposer->members, sizeof(kept));
	memset(replica->proposer->members, 0, sizeof(kept));
	for (i = 0; i < replica->membership.member_count; i++)
	{
		const Member *member = &replica->membership.members[i];
		uint32_t at = membership_find(before, member->node);
		bool same = at != MEMBER_NONE && before->members[at].since == member->since;

		replica->proposer->members[i] = same ? kept[at] : proposer_new_progress(node, replica);
	}
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
proposer_greet(CoreNode *node, Replica *replica, NodeId only)
{
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		if (i != replica->self_index && replica->proposer->members[i].match_lsn == 0 &&
			(only == 0 || only == member_node(replica, i)))
			proposer_probe(node, replica, i);
	}
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
	if (notice_us > COMMIT_NOTICE_US_MAX)
		notice_us = COMMIT_NOTICE_US_MAX;
	if (proposer->notice_us == TIME_NEVER)
		proposer->notice_us = node->now + notice_us;
	if (membership_newest_committed(replica)->generation > committed.generation)
	{
		join_dismiss(node, replica, &committed);
		proposer_greet(node, replica, 0);
	}
	change_advance(node, replica);
	handover_advance(node, replica);
}

/* An ACCEPTED (ok) under the own ballot: the member has everything up to its LSN durable. */
static void
proposer_take_acknowledgement(CoreNode *node, Replica *replica, uint32_t index,
							  const Message *message)
{
	Progress *progress = &replica->proposer->members[index];

	CORE_ASSERT(message->ok);
	progress->stirred_us = node->now;
	progress->probing = false;
	if (message->grant_number > progress->acked_number)
		progress->acked_number = message->grant_number;
	if (message->commit_lsn > progress->commit_acked_lsn)
		progress->commit_acked_lsn = message->commit_lsn;
	if (message->lsn > progress->match_lsn)
		progress->match_lsn = message->lsn;
	if (progress->match_lsn > progress->guess_lsn)
		progress->guess_lsn = progress->match_lsn;
	if (progress->next_lsn <= progress->guess_lsn || progress->needs_snapshot)
		progress->next_lsn = progress->guess_lsn + 1;
	progress->needs_snapshot = false;
	if (message->prev_lsn == progress->newest_prev_lsn && message->lsn > message->prev_lsn &&
		message->lsn + 1 < progress->next_lsn && message->lsn >= progress->guess_lsn)
	{
		/* The newest ACCEPT was sent with fewer entries than asked: frames are bounded. */
		CORE_MARK(short_accept_noticed);
		progress->next_lsn = message->lsn + 1;
	}
}

/* An ACCEPTED (refused) under the own ballot: the logs part earlier than believed. */
static void
proposer_take_mismatch(CoreNode *node, Replica *replica, uint32_t index, const Message *message)
{
	Progress *progress = &replica->proposer->members[index];
	Lsn floor_lsn = message->commit_lsn;
	Lsn guess;

	CORE_ASSERT(!message->ok);
	if (!log_outline_is_valid(&message->outline))
		return;
	/* What the member knows as committed is in every leader's log (I6). */
	CORE_INVARIANT("I6", floor_lsn <= replica->history.last_lsn);
	guess = ballot_history_divergence(&replica->history, &message->outline, floor_lsn);
#ifndef MUTANT_GUESS_BELOW_MATCH
	if (guess < progress->match_lsn)
		guess = progress->match_lsn;
#endif
	if (progress->probing && progress->probe_sent && guess == progress->guess_lsn &&
		message->prev_lsn != guess)
		return; /* one of several refusals of a pipeline; the answer is under way */
	progress->guess_lsn = guess;
	progress->next_lsn = guess + 1;
	progress->probing = true;
	progress->probe_sent = false;
	/* An empty log: rows and a recent log come sooner than the whole history. */
	if (message->outline.last_lsn == 0 && !progress->needs_snapshot &&
		replica->commit_lsn > node->config.inflight_entries_max)
		proposer_flag_snapshot(node, replica, index);
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
		proposer_take_acknowledgement(node, replica, index, message);
		if (replica->proposer->deadline_us != TIME_NEVER && replica_has_lease(node, replica))
			replica->proposer->deadline_us = TIME_NEVER;
		proposer_advance_commit(node, replica);
	}
	else
		proposer_take_mismatch(node, replica, index, message);
	/* A handover may just have ended this leadership. */
	if (replica_leads(replica))
	{
		proposer_pump(node, replica, index);
		handover_advance(node, replica);
	}
}

/* True if the leader waits for something from the member that it would ask again for. */
static bool
proposer_is_unanswered(const CoreNode *node, const Replica *replica, uint32_t index)
{
	const Progress *progress = &replica->proposer->members[index];
	const Peer *peer = &node->peers[member_node(replica, index)];
	uint64_t held = grant_held_number(&peer->held, node->now);

	if (!proposer_is_heard(node, member_node(replica, index)))
		return false;
	if (progress->needs_snapshot)
		return true;
#ifndef MUTANT_PROBE_ONCE
	/* While in doubt nothing else is sent: a probe whose answer was lost has to be repeated. */
	if (progress->probing)
		return true;
#endif
	return progress->match_lsn < progress->next_lsn - 1 ||
		   progress->commit_acked_lsn < replica->commit_lsn ||
		   (held != 0 && held != progress->acked_number);
}

static TimeUs
proposer_notices_due(const CoreNode *node, const Replica *replica)
{
	TimeUs due = replica->proposer->notice_us;
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		TimeUs resend_us = replica->proposer->members[i].stirred_us +
						   proposer_resend_interval(node);

		if (i != replica->self_index && resend_us < due && proposer_is_unanswered(node, replica, i))
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
		proposer_send_empty(node, replica, i);
	}
}

void
proposer_truncated(Replica *replica)
{
	Lsn base_lsn = replica->history.base_lsn;
	uint32_t i;

#ifdef MUTANT_TRUNCATION_GIVES_UP
	return;
#endif
	for (i = 0; i < replica->membership.member_count; i++)
	{
		Progress *progress = &replica->proposer->members[i];

		if (i == replica->self_index || progress->needs_snapshot || progress->guess_lsn >= base_lsn)
			continue;
		CORE_MARK(truncated_beyond_acknowledged);
		progress->guess_lsn = base_lsn;
		if (progress->next_lsn <= base_lsn)
			progress->next_lsn = base_lsn + 1;
		progress->probing = true;
		progress->probe_sent = false;
	}
}

static void
proposer_resend(CoreNode *node, Replica *replica)
{
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		const Progress *progress = &replica->proposer->members[i];

		if (i == replica->self_index || !proposer_is_unanswered(node, replica, i) ||
			node->now < progress->stirred_us + proposer_resend_interval(node))
			continue;
		CORE_MARK(resend_after_timeout);
		if (progress->needs_snapshot)
			proposer_send_rebase(node, replica, i);
		else
			proposer_probe(node, replica, i);
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
	proposer_resend(node, replica);
}

void
proposer_reconfirm(CoreNode *node, Replica *replica, NodeId peer)
{
	uint32_t index = membership_find(&replica->membership, peer);

	CORE_ASSERT(replica_leads(replica));
	if (index == MEMBER_NONE || replica->proposer->members[index].needs_snapshot)
		return;
	CORE_MARK(reconfirm_new_grant_number);
	if (replica->proposer->members[index].probing)
		proposer_probe(node, replica, index);
	else
		proposer_send_empty(node, replica, index);
}

void
proposer_lease_lapsed(CoreNode *node, Replica *replica)
{
	CORE_ASSERT(replica_leads(replica));
	if (!replica_has_lease(node, replica) && replica->proposer->deadline_us == TIME_NEVER)
		replica->proposer->deadline_us = node->now + node->config.lease_us;
}

/*
 * progress.c
 *		The leader and one other member: what it lacks is sent, pipelined; what it acknowledges is noted.
 *
 * For each member the leader knows what it acknowledged (match), up to where the logs are believed equal
 * (guess) and what it has sent (next); match <= guess < next always.  Whatever a refusal or a time-out
 * brings, only an ACCEPTED (ok) under the own ballot raises match, and it does not go back within a life of the member
 * (B25).  One that has started anew may lack what it acknowledged: its log lost its last sync (docs/decisions/0009).
 * A member that lacks what the log no longer holds is sent a REBASE (docs/decisions/0006-membership.md).
 */
#include "core/progress.h"

#include <string.h>

#include "core/ballot.h"
#include "core/core_assert.h"
#include "core/join.h"
#include "core/marks.h"
#include "core/membership.h"
#include "core/replica.h"
#include "core/replica_membership.h"

TimeUs
progress_resend_interval(const CoreNode *node)
{
	return 2 * node->config.heartbeat_us;
}

static NodeId
progress_node(const Replica *replica, uint32_t index)
{
	CORE_ASSERT(index < replica->membership.member_count);
	return replica->membership.members[index].node;
}

/* Sends entries guess or next onwards: `count` of them after `prev_lsn`, which the log still knows. */
static void
progress_send_accept(CoreNode *node, Replica *replica, uint32_t index, Lsn prev_lsn, uint32_t count)
{
	Progress *progress = &replica->proposer->members[index];
	Message *message = node_send(node, replica, MESSAGE_ACCEPT, progress_node(replica, index),
								 false);
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

/*
 * Where a member's log may begin anew.  A log replica shall be able to bring up to date those that live, so it
 * begins below what they have.
 */
static Lsn
progress_rebase_lsn(const CoreNode *node, const Replica *replica, uint32_t index)
{
	Lsn lsn = replica->commit_lsn;
	Lsn lowest = replica->earlier ? replica->earlier->lsn : replica->membership_lsn;
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		const Member *member = &replica->membership.members[i];
		Lsn match_lsn = replica->proposer->members[i].match_lsn;

		if (replica->membership.members[index].kind == MEMBER_LOG && i != index &&
			i != replica->self_index && member_counts(member) && node_hears(node, member->node) &&
			match_lsn < lsn)
			lsn = match_lsn;
	}
	if (lsn < replica->history.base_lsn)
		lsn = replica->history.base_lsn;
	return lsn < lowest ? lowest : lsn;
}

/* Has the member begin its log anew: what it lacks is gone here, or too much. */
static void
progress_send_rebase(CoreNode *node, Replica *replica, uint32_t index)
{
	Lsn lsn = progress_rebase_lsn(node, replica, index);
	Message *message;

	replica->proposer->members[index].stirred_us = node->now;
	if (lsn > replica->commit_lsn)
		return; /* the newest membership is not known as committed yet */
	message = node_send(node, replica, MESSAGE_REBASE, progress_node(replica, index), false);
	message->ballot = replica->promised;
	message->prev_lsn = lsn;
	CORE_ASSERT(ballot_history_at(&replica->history, lsn, &message->prev_ballot));
	message->commit_lsn = replica->commit_lsn;
	join_put_membership(node, message, membership_newest_committed(replica));
}

static void
progress_flag_snapshot(CoreNode *node, Replica *replica, uint32_t index)
{
	CORE_MARK(needs_snapshot_flagged);
	replica->proposer->members[index].needs_snapshot = true;
	progress_send_rebase(node, replica, index);
}

/* True if the member's next entry is in the log; otherwise it is sent a REBASE. */
static bool
progress_can_serve(CoreNode *node, Replica *replica, uint32_t index)
{
	Progress *progress = &replica->proposer->members[index];

	CORE_ASSERT(progress->match_lsn <= progress->guess_lsn);
	CORE_ASSERT(progress->guess_lsn < progress->next_lsn);
	if (!progress->needs_snapshot && progress->guess_lsn < replica->history.base_lsn)
		progress_flag_snapshot(node, replica, index);
	return !progress->needs_snapshot;
}

/* Sends the member what it lacks, within the window; one ACCEPT at a time while in doubt. */
void
progress_pump(CoreNode *node, Replica *replica, uint32_t index)
{
	Progress *progress = &replica->proposer->members[index];

	if (!progress_can_serve(node, replica, index))
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
		progress_send_accept(node, replica, index, progress->next_lsn - 1, (uint32_t) count);
		progress->next_lsn += count;
		progress->probe_sent = true;
	}
}

/* Sends an ACCEPT without entries: asks where the member stands, tells the commit LSN. */
static void
progress_probe(CoreNode *node, Replica *replica, uint32_t index)
{
	Progress *progress = &replica->proposer->members[index];

	if (!progress_can_serve(node, replica, index))
		return;
	progress->next_lsn = progress->guess_lsn + 1;
	progress->probing = true;
	progress->probe_sent = true;
	progress_send_accept(node, replica, index, progress->guess_lsn, 0);
}

/* Sends an ACCEPT without entries behind everything sent so far; the pipeline goes on. */
void
progress_send_empty(CoreNode *node, Replica *replica, uint32_t index)
{
	Progress *progress = &replica->proposer->members[index];

	if (progress_can_serve(node, replica, index))
		progress_send_accept(node, replica, index, progress->next_lsn - 1, 0);
}

void
progress_init(Replica *replica)
{
	Proposer *proposer = replica->proposer;
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		Progress *progress = &proposer->members[i];

		/* acked_number stays: a promise is an acknowledgement of the ballot, too (I8). */
		progress->match_lsn = 0;
		progress->match_life_lsn = 0;
		progress->guess_lsn = proposer->start_lsn - 1;
		progress->next_lsn = proposer->start_lsn;
		progress->commit_told_lsn = 0;
		progress->commit_acked_lsn = 0;
		progress->probing = false;
	}
}

void
progress_pump_all(CoreNode *node, Replica *replica)
{
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		if (i != replica->self_index)
			progress_pump(node, replica, i);
	}
}

/* Progress of a member that is new to a leader: where its log stands is not known. */
static Progress
progress_of_newcomer(const CoreNode *node, const Replica *replica)
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
progress_follow_membership(CoreNode *node, Replica *replica, const Membership *before)
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

		replica->proposer->members[i] = same ? kept[at] : progress_of_newcomer(node, replica);
	}
}

void
progress_greet(CoreNode *node, Replica *replica, NodeId only)
{
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		if (i != replica->self_index && replica->proposer->members[i].match_lsn == 0 &&
			(only == 0 || only == progress_node(replica, i)))
			progress_probe(node, replica, i);
	}
}

/* An ACCEPTED (ok) under the own ballot: the member has everything up to its LSN durable. */
void
progress_take_acknowledgement(CoreNode *node, Replica *replica, uint32_t index,
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
	if (message->lsn > progress->match_life_lsn)
		progress->match_life_lsn = message->lsn;
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
void
progress_take_mismatch(CoreNode *node, Replica *replica, uint32_t index, const Message *message)
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
	if (guess < progress->match_life_lsn)
		guess = progress->match_life_lsn;
#endif
	CORE_INVARIANT("I6", guess >= progress->match_life_lsn);
	if (guess < progress->match_lsn)
	{
		CORE_MARK(acknowledged_and_forgotten);
		progress->match_lsn = guess;
	}
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
		progress_flag_snapshot(node, replica, index);
}

/* True if the leader waits for something from the member that it would ask again for. */
bool
progress_is_unanswered(const CoreNode *node, const Replica *replica, uint32_t index)
{
	const Progress *progress = &replica->proposer->members[index];
	const Peer *peer = &node->peers[progress_node(replica, index)];
	uint64_t held = grant_held_number(&peer->held, node->now);

	if (!node_hears(node, progress_node(replica, index)))
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

void
progress_truncated(Replica *replica)
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

void
progress_resend(CoreNode *node, Replica *replica)
{
	uint32_t i;

	for (i = 0; i < replica->membership.member_count; i++)
	{
		const Progress *progress = &replica->proposer->members[i];

		if (i == replica->self_index || !progress_is_unanswered(node, replica, i) ||
			node->now < progress->stirred_us + progress_resend_interval(node))
			continue;
		CORE_MARK(resend_after_timeout);
		if (progress->needs_snapshot)
			progress_send_rebase(node, replica, i);
		else
			progress_probe(node, replica, i);
	}
}

void
progress_new_life(Replica *replica, NodeId peer)
{
	uint32_t index = membership_find(&replica->membership, peer);

	CORE_ASSERT(replica_leads(replica));
#ifdef MUTANT_FORMER_LIFE_COUNTS
	return;
#endif
	if (index != MEMBER_NONE)
		replica->proposer->members[index].match_life_lsn = 0;
}

void
progress_reconfirm(CoreNode *node, Replica *replica, NodeId peer)
{
	uint32_t index = membership_find(&replica->membership, peer);

	CORE_ASSERT(replica_leads(replica));
	if (index == MEMBER_NONE || replica->proposer->members[index].needs_snapshot)
		return;
	CORE_MARK(reconfirm_new_grant_number);
	if (replica->proposer->members[index].probing)
		progress_probe(node, replica, index);
	else
		progress_send_empty(node, replica, index);
}

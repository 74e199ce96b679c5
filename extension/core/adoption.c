/*
 * adoption.c
 *		Taking over the best acceptor's log; see adoption.h.
 *
 * The best log is the one whose last entry is highest by (ballot, LSN) in the promise quorum.  It is adopted
 * whole: every entry was evaluated on its predecessors, so a mixture per LSN would be a history that nobody
 * proposed.  The own log is cut where the two part (nothing committed lies above, I6), the rest is fetched
 * and keeps its ballots.  Only then does the new proposer write its own first entry.
 */
#include "core/adoption.h"

#include <stdlib.h>
#include <string.h>

#include "core/acceptor.h"
#include "core/ballot.h"
#include "core/core_assert.h"
#include "core/election.h"
#include "core/marks.h"
#include "core/membership.h"
#include "core/proposer.h"
#include "core/replica.h"

static void
adoption_keep_outline(Proposer *proposer, const Message *promise)
{
	const LogOutline *outline = &promise->outline;
	size_t bytes = outline->run_count * sizeof(BallotRun);

	proposer->best = promise->from;
	proposer->best_generation = promise->generation;
	proposer->best_outline = *outline;
	free(proposer->best_runs);
	proposer->best_runs = NULL;
	if (bytes > 0)
	{
		proposer->best_runs = malloc(bytes);
		CORE_ASSERT(proposer->best_runs != NULL);
		memcpy(proposer->best_runs, outline->runs, bytes);
	}
	proposer->best_outline.runs = proposer->best_runs;
}

void
adoption_consider(Replica *replica, const Message *promise)
{
	Proposer *proposer = replica->proposer;
	LogOutline own = ballot_history_outline(&replica->history);
	const LogOutline *best = proposer->best ? &proposer->best_outline : &own;

	CORE_ASSERT(replica->role == ROLE_CANDIDATE);
	CORE_ASSERT(promise->ok);
	if (promise->commit_lsn > proposer->promised_commit_lsn)
		proposer->promised_commit_lsn = promise->commit_lsn;
	if (log_outline_is_better(&promise->outline, best))
		adoption_keep_outline(proposer, promise);
}

bool
adoption_needs_no_quorum(const Replica *replica)
{
	const Proposer *proposer = replica->proposer;

	CORE_ASSERT(replica->role == ROLE_CANDIDATE);
#ifdef MUTANT_LEFT_BEHIND_WAITS
	return false;
#endif
	/* If it parts from what is known as committed here, a third log will be better than both. */
	return proposer->own_promise_durable && proposer->best != 0 &&
		   proposer->best_generation > replica->membership.generation &&
		   ballot_history_divergence(&replica->history, &proposer->best_outline, 0) >=
			   replica->commit_known_lsn;
}

/* Who shall stand instead: a member that may lead, other than this node; 0 if there is none. */
static NodeId
adoption_heir(const CoreNode *node, const Replica *replica, NodeId preferred)
{
	uint32_t index = membership_find(&replica->membership, preferred);
	uint32_t i;

	if (index != MEMBER_NONE && member_may_lead(&replica->membership.members[index]))
		return preferred;
	for (i = 0; i < replica->membership.member_count; i++)
	{
		const Member *member = &replica->membership.members[i];

		if (member->node != node->config.self && member_may_lead(member))
			return member->node;
	}
	return 0;
}

/*
 * The log is adopted.  The promises have to come from a quorum of the membership that it says (I10): if it is a newer
 * one, the candidate goes on asking.  Nothing that a quorum knows as committed may be missing.
 */
static void
adoption_finish(CoreNode *node, Replica *replica)
{
	Proposer *proposer = replica->proposer;

	if (!replica_may_stand(replica))
	{
		CORE_MARK(adopted_own_removal);
		election_give_up(node, replica, adoption_heir(node, replica, 0));
		return;
	}
#ifndef MUTANT_ADOPTED_MEMBERSHIP_IGNORED
	if (!election_has_promises(replica))
	{
		CORE_MARK(adopted_newer_membership);
		proposer->best = 0;
		election_ask_promises(node, replica);
		return;
	}
#endif
	CORE_INVARIANT("I6", replica->history.last_lsn >= proposer->promised_commit_lsn);
	proposer_lead(node, replica);
}

void
adoption_start(CoreNode *node, Replica *replica)
{
	Proposer *proposer = replica->proposer;
	Lsn common;

	CORE_INVARIANT("I3", proposer->own_promise_durable);
#ifdef MUTANT_NO_ADOPTION
	proposer->best = 0;
	proposer->promised_commit_lsn = 0;
#endif
	if (proposer->best == 0)
	{
		adoption_finish(node, replica);
		return;
	}
	CORE_MARK(adopt_from_peer);
	common = ballot_history_divergence(&replica->history, &proposer->best_outline,
									   replica->commit_known_lsn);
	if (common < proposer->best_outline.base_lsn)
	{
		/*
		 * Its log no longer reaches down to ours: a snapshot is needed before this replica can lead.  Who
		 * has that log shall stand instead.
		 */
		CORE_MARK(adopt_gave_up);
		election_give_up(node, replica, adoption_heir(node, replica, proposer->best));
		return;
	}
#ifdef MUTANT_PER_LSN_ADOPTION
	if (common < replica->history.last_lsn)
		common = proposer->best_outline.last_lsn = replica->history.last_lsn;
#endif
	if (common < replica->history.last_lsn)
		replica_record_cut(node, replica, common);
	replica_enter(replica, ROLE_ADOPTING);
	proposer->resend_us = node->now + node->config.heartbeat_us;
	proposer->deadline_us = node->now + node->config.lease_us;
	adoption_fetch(node, replica);
}

void
adoption_fetch(CoreNode *node, Replica *replica)
{
	Proposer *proposer = replica->proposer;
	Message *message;

	CORE_ASSERT(replica->role == ROLE_ADOPTING);
	if (replica->history.last_lsn >= proposer->best_outline.last_lsn)
	{
		adoption_finish(node, replica);
		return;
	}
	message = node_send(node, replica, MESSAGE_FETCH, proposer->best, false);
	message->ballot = replica->promised;
	message->prev_lsn = replica->history.last_lsn;
	message->prev_ballot = ballot_history_last_ballot(&replica->history);
	message->lsn = proposer->best_outline.last_lsn;
}

void
adoption_receive_entries(CoreNode *node, Replica *replica, const Message *message)
{
	Proposer *proposer = replica->proposer;
	uint32_t i;

	CORE_ASSERT(message->kind == MESSAGE_ENTRIES);
	if (replica->role != ROLE_ADOPTING || message->from != proposer->best ||
		!ballot_equal(message->ballot, replica->promised) ||
		!acceptor_entries_are_valid(message, proposer->best_outline.last_ballot))
		return;
	if (message->prev_lsn != replica->history.last_lsn ||
		!ballot_equal(message->prev_ballot, ballot_history_last_ballot(&replica->history)))
	{
		CORE_MARK(entries_repeated);
		return;
	}
	CORE_INVARIANT("I4",
				   message->prev_lsn + message->entry_count <= proposer->best_outline.last_lsn);
	for (i = 0; i < message->entry_count; i++)
		replica_record_append(node, replica, &message->entries[i]);
	if (message->entry_count == 0)
		return;
	/* Progress: patience for the next piece counts anew. */
	proposer->resend_us = node->now + node->config.heartbeat_us;
	proposer->deadline_us = node->now + node->config.lease_us;
	adoption_fetch(node, replica);
}

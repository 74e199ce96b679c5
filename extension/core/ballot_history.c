/*
 * ballot_history.c
 *		Runs of ballots and the point where two logs part; see ballot_history.h.
 *
 * Pure bookkeeping: what is durable is the business of whoever calls.
 */
#include "core/ballot_history.h"

#include <stdlib.h>
#include <string.h>

#include "core/ballot.h"
#include "core/core_assert.h"
#include "core/marks.h"

static void
ballot_history_reserve(BallotHistory *history, uint32_t run_count)
{
	uint32_t capacity = history->run_capacity ? history->run_capacity : 2;
	BallotRun *runs;

	if (run_count <= history->run_capacity)
		return;
	while (capacity < run_count)
		capacity *= 2;
	runs = realloc(history->runs, capacity * sizeof(BallotRun));
	CORE_ASSERT(runs != NULL);
	history->runs = runs;
	history->run_capacity = capacity;
}

void
ballot_history_init(BallotHistory *history, Lsn base_lsn, Ballot base_ballot, Lsn last_lsn,
					uint32_t run_count, const BallotRun *runs)
{
	uint32_t i;

	CORE_ASSERT(last_lsn >= base_lsn);
	CORE_ASSERT((run_count == 0) == (last_lsn == base_lsn));
	memset(history, 0, sizeof(*history));
	history->base_lsn = base_lsn;
	history->base_ballot = base_ballot;
	history->last_lsn = last_lsn;
	if (run_count == 0)
		return;

	CORE_INVARIANT("I5", runs[0].first_lsn == base_lsn + 1);
	for (i = 1; i < run_count; i++)
	{
		CORE_INVARIANT("I5", runs[i].first_lsn > runs[i - 1].first_lsn);
		CORE_INVARIANT("I5", ballot_compare(runs[i].ballot, runs[i - 1].ballot) > 0);
	}
	CORE_INVARIANT("I5", runs[run_count - 1].first_lsn <= last_lsn);
	ballot_history_reserve(history, run_count);
	memcpy(history->runs, runs, run_count * sizeof(BallotRun));
	history->run_count = run_count;
}

void
ballot_history_free(BallotHistory *history)
{
	free(history->runs);
	memset(history, 0, sizeof(*history));
}

Ballot
ballot_history_last_ballot(const BallotHistory *history)
{
	if (history->run_count == 0)
		return history->base_ballot;
	return history->runs[history->run_count - 1].ballot;
}

void
ballot_history_append(BallotHistory *history, Ballot ballot)
{
	Ballot last = ballot_history_last_ballot(history);

	CORE_INVARIANT("I5", ballot_compare(ballot, last) >= 0);
	history->last_lsn++;
	if (history->run_count > 0 && ballot_equal(ballot, last))
		return;
	ballot_history_reserve(history, history->run_count + 1);
	history->runs[history->run_count].ballot = ballot;
	history->runs[history->run_count].first_lsn = history->last_lsn;
	history->run_count++;
}

void
ballot_history_cut(BallotHistory *history, Lsn lsn)
{
	CORE_ASSERT(lsn >= history->base_lsn);
	CORE_ASSERT(lsn <= history->last_lsn);
	while (history->run_count > 0 && history->runs[history->run_count - 1].first_lsn > lsn)
		history->run_count--;
	history->last_lsn = lsn;
}

void
ballot_history_truncate(BallotHistory *history, Lsn base_lsn)
{
	uint32_t gone = 0;

	CORE_ASSERT(base_lsn >= history->base_lsn);
	CORE_ASSERT(base_lsn <= history->last_lsn);
	if (base_lsn == history->base_lsn)
		return;
	CORE_ASSERT(ballot_history_at(history, base_lsn, &history->base_ballot));
	history->base_lsn = base_lsn;
	while (gone + 1 < history->run_count && history->runs[gone + 1].first_lsn <= base_lsn + 1)
		gone++;
	history->run_count -= gone;
	memmove(history->runs, history->runs + gone, history->run_count * sizeof(BallotRun));
	if (base_lsn == history->last_lsn)
		history->run_count = 0;
	else
		history->runs[0].first_lsn = base_lsn + 1;
}

bool
ballot_history_at(const BallotHistory *history, Lsn lsn, Ballot *ballot)
{
	uint32_t low = 0;
	uint32_t high = history->run_count;

	if (lsn < history->base_lsn || lsn > history->last_lsn)
		return false;
	if (lsn == history->base_lsn)
	{
		*ballot = history->base_ballot;
		return true;
	}
	/* the last run that starts at or below lsn */
	while (high - low > 1)
	{
		uint32_t middle = low + (high - low) / 2;

		if (history->runs[middle].first_lsn <= lsn)
			low = middle;
		else
			high = middle;
	}
	CORE_ASSERT(low < history->run_count);
	*ballot = history->runs[low].ballot;
	return true;
}

bool
ballot_history_matches(const BallotHistory *history, Lsn lsn, Ballot ballot)
{
	Ballot own;

	if (lsn == 0)
		return true;
	return ballot_history_at(history, lsn, &own) && ballot_equal(own, ballot);
}

LogOutline
ballot_history_outline(const BallotHistory *history)
{
	LogOutline outline;
	uint32_t skipped = 0;

	if (history->run_count > MESSAGE_RUNS_MAX)
	{
		CORE_MARK(outline_cut_short);
		skipped = history->run_count - MESSAGE_RUNS_MAX;
	}
	outline.base_lsn = history->base_lsn;
	outline.base_ballot = history->base_ballot;
	outline.last_lsn = history->last_lsn;
	outline.last_ballot = ballot_history_last_ballot(history);
	outline.run_count = history->run_count - skipped;
	outline.runs = outline.run_count ? history->runs + skipped : NULL;
	return outline;
}

/* True if the outline shows that its log holds the entry (lsn, ballot). */
static bool
log_outline_matches(const LogOutline *outline, Lsn lsn, Ballot ballot)
{
	uint32_t i = outline->run_count;

	if (lsn == 0)
		return true;
	if (lsn == outline->base_lsn)
		return ballot_equal(ballot, outline->base_ballot);
	if (lsn > outline->last_lsn)
		return false;
	while (i > 0 && outline->runs[i - 1].first_lsn > lsn)
		i--;
	return i > 0 && ballot_equal(outline->runs[i - 1].ballot, ballot);
}

/*
 * The end of the newest run of a ballot that both logs hold, 0 if they share none.  A ballot has one
 * proposer, which writes one entry per LSN: runs of one ballot are equal as far as both reach.
 */
static Lsn
ballot_history_shared_run_end(const BallotHistory *history, const LogOutline *outline)
{
	uint32_t own = history->run_count;
	uint32_t other = outline->run_count;
	Lsn own_end = history->last_lsn;
	Lsn other_end = outline->last_lsn;

#ifdef MUTANT_DIVERGENCE_BY_LENGTH
	return own_end < other_end ? own_end : other_end;
#endif
	while (own > 0 && other > 0)
	{
		const BallotRun *own_run = &history->runs[own - 1];
		const BallotRun *other_run = &outline->runs[other - 1];
		int order = ballot_compare(own_run->ballot, other_run->ballot);

		if (order == 0)
			return own_end < other_end ? own_end : other_end;
		if (order > 0)
		{
			own_end = own_run->first_lsn - 1;
			own--;
		}
		else
		{
			other_end = other_run->first_lsn - 1;
			other--;
		}
	}
	return 0;
}

Lsn
ballot_history_divergence(const BallotHistory *history, const LogOutline *outline, Lsn floor_lsn)
{
	Lsn common = ballot_history_shared_run_end(history, outline);

	CORE_ASSERT(floor_lsn <= history->last_lsn);
	/* A shared run may end below this log's base, where nothing is known any more. */
	if (common < history->base_lsn)
		common = 0;
	if (common < outline->base_lsn &&
		ballot_history_matches(history, outline->base_lsn, outline->base_ballot))
		common = outline->base_lsn;
	if (common < history->base_lsn &&
		log_outline_matches(outline, history->base_lsn, history->base_ballot))
		common = history->base_lsn;
	return common > floor_lsn ? common : floor_lsn;
}

bool
log_outline_is_better(const LogOutline *left, const LogOutline *right)
{
	int order = ballot_compare(left->last_ballot, right->last_ballot);

	return order != 0 ? order > 0 : left->last_lsn > right->last_lsn;
}

bool
log_outline_is_valid(const LogOutline *outline)
{
	uint32_t i;

	if (outline->run_count > MESSAGE_RUNS_MAX || outline->last_lsn < outline->base_lsn)
		return false;
	if ((outline->run_count == 0) != (outline->last_lsn == outline->base_lsn))
		return false;
	for (i = 0; i < outline->run_count; i++)
	{
		const BallotRun *run = &outline->runs[i];

		if (run->first_lsn <= outline->base_lsn || run->first_lsn > outline->last_lsn)
			return false;
		if (i > 0 && (run->first_lsn <= run[-1].first_lsn ||
					  ballot_compare(run->ballot, run[-1].ballot) <= 0))
			return false;
	}
	return outline->run_count == 0 ||
		   ballot_equal(outline->runs[outline->run_count - 1].ballot, outline->last_ballot);
}

/*
 * ballot_history.h
 *		Which ballot each entry of a group's log carries, kept as runs.
 *
 * The core never holds entries.  It needs to know where two logs part, and by log matching (I5) the ballots
 * tell: two logs that hold the same ballot at an LSN are equal up to it.  Remembering only the newest ballot
 * would not do: a log that mixes two histories could then win (anchors B9).
 *
 * The history covers the entries base_lsn + 1 .. last_lsn; base_ballot is the ballot at base_lsn.
 */
#ifndef QUORATE_BALLOT_HISTORY_H
#define QUORATE_BALLOT_HISTORY_H

#include "core/core_types.h"
#include "core/message.h"

typedef struct BallotHistory
{
	Lsn base_lsn;
	Ballot base_ballot;
	Lsn last_lsn;
	uint32_t run_count;
	uint32_t run_capacity;
	BallotRun *runs; /* ballots strictly rise from run to run */
} BallotHistory;

/* Makes the history of a log as recovered; `runs` are copied. */
extern void ballot_history_init(BallotHistory *history, Lsn base_lsn, Ballot base_ballot,
								Lsn last_lsn, uint32_t run_count, const BallotRun *runs);
extern void ballot_history_free(BallotHistory *history);

/* Notes the next entry, at last_lsn + 1.  Its ballot must not be below its predecessor's. */
extern void ballot_history_append(BallotHistory *history, Ballot ballot);

/* Forgets the entries above `lsn`, which must not be below the base. */
extern void ballot_history_cut(BallotHistory *history, Lsn lsn);

/* Moves the base up to `base_lsn`, which must not be above the last entry. */
extern void ballot_history_truncate(BallotHistory *history, Lsn base_lsn);

/* Ballot of the last entry; that of the base if there is none; zero for a log that never had an entry. */
extern Ballot ballot_history_last_ballot(const BallotHistory *history);

/* Sets *ballot to that of the entry at `lsn`; false if the history does not reach there. */
extern bool ballot_history_at(const BallotHistory *history, Lsn lsn, Ballot *ballot);

/* True if the history holds exactly this entry; the place before the first entry always matches. */
extern bool ballot_history_matches(const BallotHistory *history, Lsn lsn, Ballot ballot);

/* The history as a message carries it: its newest MESSAGE_RUNS_MAX runs, borrowed from the history. */
extern LogOutline ballot_history_outline(const BallotHistory *history);

/*
 * The last LSN up to which the log in `outline` is known to equal this one.  `floor_lsn` is an LSN up to
 * which they are equal anyhow (committed entries); it is returned if the outline, which may be cut short,
 * shows no higher common entry.
 */
extern Lsn
ballot_history_divergence(const BallotHistory *history, const LogOutline *outline, Lsn floor_lsn);

/* True if the log in `left` is a better one to adopt than that in `right`: by last ballot, then by LSN. */
extern bool log_outline_is_better(const LogOutline *left, const LogOutline *right);

/* True if an outline that arrived makes sense: rising runs within its bounds. */
extern bool log_outline_is_valid(const LogOutline *outline);

#endif /* QUORATE_BALLOT_HISTORY_H */

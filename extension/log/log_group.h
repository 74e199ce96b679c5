/*
 * log_group.h
 *		One group's part of the log in memory: its runs of ballots and the places of its entries.
 *
 * Only log_state.c changes groups, because it keeps account of what their checkpoint takes.
 */
#ifndef QUORATE_LOG_GROUP_H
#define QUORATE_LOG_GROUP_H

#include "log/log_state.h"

extern void log_group_free(LogGroup *group);

/* The entry append_lsn + 1. */
extern void log_group_append(LogGroup *group, Ballot ballot, LogLocation location);

/* The record of the entry `lsn`, which the group holds, lies there from now on. */
extern void log_group_place(LogGroup *group, Lsn lsn, LogLocation location);

/* The record of the entry turned out to be damaged. */
extern void log_group_lose(LogGroup *group, Lsn lsn);

/*
 * The places of all entries that `old` (NULL for none) holds under the same ballot; all others become holes of
 * `segment`.
 */
extern void log_group_take_places(LogGroup *group, const LogGroup *old, uint32_t segment);

/* Entries whose place is not known become holes of `segment`. */
extern void log_group_fill_holes(LogGroup *group, uint32_t segment);

/* The highest entry whose place was not met in the recovery; base_lsn if there is none. */
extern Lsn log_group_highest_unmet(const LogGroup *group);

extern uint32_t log_group_count_holes(const LogGroup *group);

/* Looks whether places are in order again. */
extern void log_group_review_order(LogGroup *group);

/* Entries above `lsn` are gone. */
extern void log_group_cut(LogGroup *group, Lsn lsn);

/* All entries are gone, and the log goes on above `lsn`, an entry of `ballot`. */
extern void log_group_rebase(LogGroup *group, Lsn lsn, Ballot ballot);

/* Entries up to `lsn` are gone. */
extern void log_group_drop_below(LogGroup *group, Lsn lsn);

extern void log_group_add_run(LogGroup *group, BallotRun run);
extern void log_group_set_membership(LogGroup *group, const void *membership, uint32_t length);

/* What the group's record in a checkpoint takes. */
extern uint32_t log_group_checkpoint_bytes(const LogGroup *group);

#endif /* QUORATE_LOG_GROUP_H */

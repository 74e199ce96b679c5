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

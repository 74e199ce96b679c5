/*
 * check_log.h
 *		Checker of the logs: one value per LSN (I1), reply implies durable (I2), log matching (I5), the
 *		commit LSN and committed entries (I6), and the fate of every operation.
 *
 * It keeps a mirror of each group's log: the first value that any node called committed at an LSN is
 * remembered for ever, and no node may ever call another one committed there.  For each node it keeps a
 * chain of digests over the node's log, so that two logs with an entry of equal LSN and ballot are known
 * to be equal up to there as soon as the second one is seen.
 *
 * Nodes and groups are numbers from 0; LSNs and operations start at 1 and 0 means none.
 */
#ifndef QUORATE_CHECK_LOG_H
#define QUORATE_CHECK_LOG_H

#include <stddef.h>

#include "sim/check_members.h"
#include "sim/check_report.h"

typedef struct CheckEntry
{
	uint64_t lsn;
	CheckBallot ballot;
	uint64_t digest;        /* of the payload */
	uint64_t operation;     /* that proposed it; 0 for an entry of the protocol itself */
	bool is_counted;        /* the node leads: it counted the copies itself */
	const void *membership; /* the bytes of a membership entry; NULL for others */
	size_t membership_length;
} CheckEntry;

typedef struct CheckLog CheckLog;

extern CheckLog *check_log_create(uint32_t node_count, uint32_t group_count, CheckReport *report);
extern void check_log_free(CheckLog *log);

/* Quorums are those of the memberships; without them a majority of all nodes is one. */
extern void check_log_set_members(CheckLog *log, CheckMembers *members);

/* An operation of the group begins. */
extern void check_log_proposed(CheckLog *log, uint64_t operation, uint32_t group);

/* The node's log holds the entry.  Entries come in order; one that came before begins the log anew there. */
extern void check_log_entry(CheckLog *log, uint32_t node, uint32_t group, const CheckEntry *entry);

/* The node's process started and found its log to end at append_lsn; its commit LSN starts anew. */
extern void check_log_restart(CheckLog *log, uint32_t node, uint32_t group, uint64_t append_lsn);

/*
 * The node's log begins above base_lsn: it was truncated, or it began anew there and what it held is gone.  Returns
 * true if it began anew.
 */
extern bool check_log_base(CheckLog *log, uint32_t node, uint32_t group, uint64_t base_lsn);

/* The node has no replica of the group any more: what its disk holds of it counts for nobody. */
extern void check_log_drop(CheckLog *log, uint32_t node, uint32_t group);

/* The digest of the committed log up to the LSN, memberships left out; false if not all of it is known. */
extern bool check_log_chain(const CheckLog *log, uint32_t group, uint64_t lsn, uint64_t *chain);

/* The node says that everything up to lsn is committed; its log ends at append_lsn. */
extern void check_log_commit_lsn(CheckLog *log, uint32_t node, uint32_t group, uint64_t lsn,
								 uint64_t append_lsn);

/* The node calls the entry committed. */
extern void check_log_commit(CheckLog *log, uint32_t node, uint32_t group, const CheckEntry *entry);

/* The bytes of the operation's entry are on the node's disk and survive a loss of power. */
extern void check_log_durable(CheckLog *log, uint32_t node, uint64_t operation);

/* The client was told that the operation is in no log and never will be. */
extern void check_log_refused(CheckLog *log, uint64_t operation);

/* The client was told that the operation is done. */
extern void check_log_acknowledged(CheckLog *log, uint64_t operation);

/* LSN at which the operation was committed; 0 if it never was. */
extern uint64_t check_log_operation_lsn(const CheckLog *log, uint64_t operation);

/* Highest LSN of the group that any node called committed. */
extern uint64_t check_log_committed(const CheckLog *log, uint32_t group);

/* At the end: every acknowledged operation is in the log. */
extern void check_log_finish(CheckLog *log);

#endif /* QUORATE_CHECK_LOG_H */

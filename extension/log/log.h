/*
 * log.h
 *		The write-ahead log of a node, shared by all its replication groups.
 *
 * Used by the replicator process alone (and by unit tests and the simulator): a Log is not shared
 * between processes or threads, and a lock file keeps a second process out.
 *
 * What is durable before what:
 *	- log_append_* only puts a record into memory.  Nothing of it may be said to anybody.
 *	- log_write hands what was appended to the operating system.
 *	- log_sync makes durable what was written.  When it returned 0, everything appended before
 *	  the last log_write survives a crash, in order, for all groups.  Only then may a promise or an
 *	  acknowledgement leave the node (I2, I3).
 *	- State queries and reads show what was appended, durable or not; the caller knows which LSN
 *	  is durable.
 *
 * Errors: functions return 0 or -errno unless they say otherwise.
 *	- LOG_FULL from an append: no room, nothing was recorded, the log is as before; later appends
 *	  may succeed.  A part of each segment is kept for records other than entries, so promises
 *	  still work when entries are refused.
 *	- A failed write or sync of the log poisons it: every later append, write and sync returns
 *	  the error, because nothing is known about the file any more.  The caller ends the process and
 *	  recovers from the quorum.
 *
 * Lack of memory ends the process (core_assert.h).
 *
 * What it refuses to assume: that unsynced sectors reach the disk in order, that a second sync
 * after a failed one means anything, that a recycled file is empty, that damage at the end of the
 * log is always a torn write, that a directory is still the one in which it was made, that what was written can be
 * read.  See docs/formats.md, section Log.
 *
 * Rot: damage that no crash explains takes payloads of entries, never more, if a checkpoint behind it says what all
 * groups had promised (docs/decisions/0009-log-rot.md).  An entry whose record is damaged is a hole: its ballot is
 * known, reading it fails, and log_append_entry_again fills it with what another member has.  What the disk cannot
 * read (-EIO) is damage of the same kind.  Where it may hide the newest records the log is not opened.
 */
#ifndef QUORATE_LOG_H
#define QUORATE_LOG_H

#include <errno.h>

#include "core/core_types.h"
#include "core/version.h"
#include "log/log_io.h"

/* An append found no room; see above. */
#define LOG_FULL (-ENOSPC)

#define LOG_CLUSTER_ID_BYTES 16

/* Largest NODE value and largest membership, in bytes. */
#define LOG_BLOB_MAX_BYTES 65535

typedef struct Log Log;

typedef struct LogOptions
{
	/* Size of segment files, a multiple of 4 KB; 0 for 16 MB.  Only log_create looks at it. */
	uint32_t segment_bytes;

	/* All segments together; beyond it entries get LOG_FULL.  0 for no limit. */
	uint64_t max_bytes;

	/* Memory for the newest records; 0 for 32 MB.  Two segments' worth is used at least. */
	uint32_t cache_bytes;

	/* Accept a directory with another device or inode than its identity says; make it ours. */
	bool adopt;
} LogOptions;

#define LOG_SEGMENT_DEFAULT_BYTES (16u * 1024 * 1024)
#define LOG_SEGMENT_MIN_BYTES (16u * 1024)
#define LOG_SEGMENT_MAX_BYTES (1024u * 1024 * 1024)
#define LOG_CACHE_DEFAULT_BYTES (32u * 1024 * 1024)

/* ---- opening ---- */

typedef enum LogOpenStatus
{
	LOG_OPEN_OK = 0,
	LOG_OPEN_MISSING, /* no identity: this directory never held a complete log; use log_create */
	LOG_OPEN_LOCKED,  /* another process has it open */
	LOG_OPEN_FOREIGN, /* copied or restored: another device or inode than the identity names */
	LOG_OPEN_VERSION, /* written by a newer version */
	LOG_OPEN_ROTTEN, /* damage after which no checkpoint says what was promised: see LogOpenResult.damage */
	LOG_OPEN_UNREADABLE, /* the same, and the disk cannot read a part of the log: it may be able to next time */
	LOG_OPEN_FAILED /* an I/O error: see LogOpenResult.error */
} LogOpenStatus;

/* A damaged range. */
typedef struct LogDamage
{
	const char *reason;    /* static text in message style */
	uint64_t segment;      /* number of the segment */
	uint32_t begin_offset; /* bytes of the segment file: damaged from here ... */
	uint32_t end_offset; /* ... to before here, where whole records begin again or the file ends */
} LogDamage;

typedef struct LogOpenResult
{
	LogOpenStatus status;
	int error; /* FAILED: -errno */

	/* ROTTEN, UNREADABLE: the first range that could not be settled.  OK: the first one that was, if there was any. */
	LogDamage damage;
	uint32_t
		damage_count; /* ranges that no crash explains, those that hold no record and cannot be read included */

	/* OK: whole records that a crash left behind a torn one and that were cut off. */
	uint32_t cut_records;
} LogOpenResult;

/*
 * Makes an empty log with its identity.  The identity is written last: a directory without one
 * holds nothing that was ever acknowledged, and whatever an interrupted log_create left there is
 * removed. -EEXIST if there is an identity.
 */
extern int log_create(const LogIo *io, const LogOptions *options,
					  const uint8_t cluster_id[LOG_CLUSTER_ID_BYTES], NodeId node);

/*
 * Opens and recovers the log: reads and verifies every retained segment, cuts a torn tail off
 * (durably, so that it can never come back), makes what it kept durable once more, and increments
 * the start counter durably.  *out is set only if the status is LOG_OPEN_OK.  `io` must outlive
 * the log.
 */
extern LogOpenResult log_open(Log **out, const LogIo *io, const LogOptions *options);

/* Frees everything; writes and syncs nothing. */
extern void log_close(Log *log);

/* Text of an open status for error messages. */
extern const char *log_open_status_text(LogOpenStatus status);

/* ---- identity (log_identity.c) ---- */

typedef struct LogIdentity
{
	uint8_t cluster_id[LOG_CLUSTER_ID_BYTES];
	NodeId node;
	uint64_t start_counter; /* how often the log was opened; durable before log_open returns */
	LogIoIdentity place;    /* the directory in which this identity is valid */
} LogIdentity;

/*
 * Reads the identity file.  -ENOENT if there is none, -EBADMSG if it is damaged, -EPROTO if it is
 * newer.
 */
extern int log_identity_read(const LogIo *io, LogIdentity *identity);
extern const LogIdentity *log_identity(const Log *log);

/*
 * Removes the identity file durably: what else is in the directory is nobody's log from then on,
 * and may be removed.  The log must not be open.  0 (also if there is none) or -errno.
 */
extern int log_remove_identity(const LogIo *io);

/* ---- appending ---- */

/* Kinds of records of a later version are not to be appended (I14); a log that was just opened takes all. */
extern void log_set_version(Log *log, ClusterVersion version);

/* What log_reserve is asked for. */
typedef struct LogRoom
{
	uint32_t records;
	uint64_t payload_bytes; /* of all of them together */
	uint64_t state_bytes;   /* memberships of groups may become longer by so much, all together */
	bool bulk; /* entries with payloads are among them; the others may use the part kept for them */
} LogRoom;

/*
 * Makes sure that so much can be appended now: whoever cannot take a decision back asks before
 * deciding.  0, LOG_FULL, or the error with which the next segment file could not be made.
 */
extern int log_reserve(Log *log, const LogRoom *room);

/* True if checkpoints leave room for another group with a membership of so many bytes. */
extern bool log_takes_group(const Log *log, uint32_t membership_length);

/*
 * Entry `lsn` of a group.  lsn must be the group's append LSN + 1 (I5); ballots never go down
 * (I4).
 */
extern int log_append_entry(Log *log, GroupId group, Lsn lsn, Ballot ballot, const void *payload,
							uint32_t length);

/*
 * Entry `lsn`, which the group holds under `ballot`, with the payload that it always had: it lies here from now on.
 */
extern int log_append_entry_again(Log *log, GroupId group, Lsn lsn, Ballot ballot,
								  const void *payload, uint32_t length);

/*
 * A delta checkpoint: the state of all groups, and of the node, that changed since the last checkpoint of either kind.
 * Damage before it takes no promise with it.  Nothing is recorded if nothing changed, or without room in this segment.
 */
extern int log_append_delta(Log *log);

/*
 * Is it time for one?  An idle log wants one after any change.  A busy one, after a while and after so many bytes, but
 * not so often that they become a burden: damage to what lies behind the last one may not be repairable.
 */
typedef enum LogPace
{
	LOG_IDLE,
	LOG_BUSY_FOR_LONG, /* since the last one */
	LOG_BUSY
} LogPace;

extern bool log_delta_is_due(const Log *log, LogPace pace);

/* The group's acceptor promised `ballot`, not lower than what it promised before (I3). */
extern int log_append_promise(Log *log, GroupId group, Ballot ballot);

/* Entries above `lsn` are gone; `ballot` is that of the leader whose log they contradict (I4). */
extern int log_append_cut(Log *log, GroupId group, Lsn lsn, Ballot ballot);

/*
 * The group's log begins above the entry `lsn`, which `ballot` wrote: a committed entry above all that this log
 * knows as committed.  Its entries are gone, whatever they were; promise and membership stay (I6).
 */
extern int log_append_rebase(Log *log, GroupId group, Lsn lsn, Ballot ballot);

/*
 * Whether the rows that belong to the group's log are there.  A new group's rows are; after a rebase they are
 * missing until this says otherwise.
 */
extern int log_append_rows(Log *log, GroupId group, bool present);

/*
 * Opens a group or changes its membership; `membership` is opaque here.  A new group is refused (LOG_FULL) when
 * checkpoints would become too large; a change finds the room that log_reserve promised.
 */
extern int log_append_group(Log *log, GroupId group, const void *membership, uint32_t length);

/* Forgets a group and all its entries. */
extern int log_append_group_drop(Log *log, GroupId group);

/* A value of the whole node under a small key; the last one counts.  Length 0 removes it. */
extern int log_append_node(Log *log, uint16_t key, const void *value, uint32_t length);

/* Nothing but a proof that the disk still works (I9), and that everything before it was synced. */
extern int log_append_tick(Log *log);

/*
 * Hands everything appended to the operating system: one write, or two where a buffer or segment
 * ends.
 */
extern int log_write(Log *log);

/* Makes durable what was written; no system call if nothing was.  Never retried after a failure. */
extern int log_sync(Log *log);

/*
 * Places in the stream of appended bytes, for callers that overlap work with a sync: what was
 * appended at or below log_synced_position is durable.  Both start anew when the log is opened.
 */
extern uint64_t log_append_position(const Log *log);
extern uint64_t log_synced_position(const Log *log);

/*
 * What log_synced_position stands for, as a number that means the same in all lives of this log and never goes
 * back: a crash loses nothing below it.
 */
extern uint64_t log_synced_place(const Log *log);

/* Bytes that a payload may have at most; a longer one gets -EMSGSIZE. */
extern uint32_t log_payload_max_bytes(const Log *log);

/*
 * Makes the next segment file ahead of its use, at most `max_bytes` of zeros at a call so that the
 * caller's turn stays short.  Returns 1 if there is more to do, 0 if not, -errno if it failed
 * (-ENOSPC: the disk or max_bytes; appends go on until the present segment is full).  Call it once
 * a turn.
 */
extern int log_prepare(Log *log, uint32_t max_bytes);

/* ---- what the log knows ---- */

/*
 * State of one group as of the last append.  Pointers are valid until the next call that changes
 * the log.
 */
typedef struct LogGroupState
{
	GroupId group;
	Ballot promised;      /* highest of all promises, and of the ballots of entries and cuts */
	Lsn base_lsn;         /* entries up to here are no longer in the log */
	Ballot base_ballot;   /* ballot of the entry base_lsn; zero if base_lsn is 0 */
	Lsn append_lsn;       /* last entry; equal to base_lsn if there is none */
	Ballot append_ballot; /* ballot of the entry append_lsn */
	bool rows_missing;    /* a rebase, or its owner, said so; see log_append_rows */
	Lsn commit_hint; /* last value given to log_set_commit_hint before the last segment began */
	uint32_t holes;  /* entries whose records are damaged */
	uint32_t run_count;
	const BallotRun *runs; /* ballots of the entries base_lsn + 1 .. append_lsn, oldest first */
	uint32_t membership_length;
	const void *membership;
} LogGroupState;

extern uint32_t log_group_count(const Log *log);

/* False if the group is not open here. */
extern bool log_group_state(const Log *log, GroupId group, LogGroupState *state);

/*
 * Groups in no particular order; the callback must not change the log.  Another value than 0 ends
 * it.
 */
typedef int (*LogGroupCallback)(void *ctx, const LogGroupState *state);
extern int log_foreach_group(const Log *log, LogGroupCallback callback, void *ctx);

/* NULL if there is no such value. */
extern const void *log_node_value(const Log *log, uint16_t key, uint32_t *length);

/*
 * Remembers how far a group is committed; becomes durable with the next segment's checkpoint only.
 */
extern void log_set_commit_hint(Log *log, GroupId group, Lsn commit_lsn);

/* ---- reading (log_read.c) ---- */

typedef struct LogEntry
{
	GroupId group;
	Lsn lsn;
	Ballot ballot;
	uint32_t length;
	const void *payload; /* valid until the callback returns, or the next use of the buffer */
} LogEntry;

/* Memory that grows as needed; zero it before its first use. */
typedef struct LogBuffer
{
	uint8_t *data;
	size_t capacity;
} LogBuffer;

extern void log_buffer_free(LogBuffer *buffer);

/*
 * Reads one entry, its CRC verified.  -ENOENT if the group has no such entry (dropped, cut,
 * truncated or not yet appended), -EBADMSG if its bytes on disk are damaged: it is a hole then.
 */
extern int log_read_entry(Log *log, GroupId group, Lsn lsn, LogBuffer *buffer, LogEntry *entry);

/*
 * Calls back for entries from_lsn, from_lsn + 1, ... until the payloads passed exceed max_bytes
 * (at least one entry is passed), the last entry is passed, or the callback returns another value
 * than 0. Returns the number of entries passed, or -errno as above; the callback must not change
 * the log.
 */
typedef int (*LogEntryCallback)(void *ctx, const LogEntry *entry);
extern int64_t log_read_entries(Log *log, GroupId group, Lsn from_lsn, uint64_t max_bytes,
								LogEntryCallback callback, void *ctx);

/* ---- holes (log_holes.c) ---- */

/* Entries first_lsn .. last_lsn, all of the same ballot, whose records are damaged. */
typedef struct LogHole
{
	Lsn first_lsn;
	Lsn last_lsn;
	Ballot ballot;
} LogHole;

/* The first hole at or above `from_lsn`; false if there is none. */
extern bool log_next_hole(const Log *log, GroupId group, Lsn from_lsn, LogHole *hole);

/* The highest entry of the group that is a hole; 0 if there is none. */
extern Lsn log_highest_hole(const Log *log, GroupId group);

/* False if no damage was met in this life: no group has a hole. */
extern bool log_is_damaged(const Log *log);

/* Entries up to `lsn` are given up: the base moves up to there, durably with the next checkpoint. */
extern void log_give_up(Log *log, GroupId group, Lsn lsn);

/* ---- truncation and size (log_truncate.c) ---- */

/* The lowest LSN of the group that must stay readable; append LSN + 1 or more if nothing must. */
typedef Lsn (*LogNeededCallback)(void *ctx, GroupId group);

/*
 * Recycles the oldest segments that hold no entry that any group needs.  Base LSNs move up with
 * it: look at log_group_state afterwards.  Writes and syncs first what is not yet durable.  Costs
 * work per group: call it once in a while.  Returns the number of segments given up, or -errno.
 */
extern int log_truncate(Log *log, LogNeededCallback needed_from, void *ctx);

/* ---- making room by moving entries (log_move.c) ---- */

/*
 * Bytes of the records in the oldest segment that are still needed: what keeps log_truncate from giving it up.  0 if
 * nothing does, or if it is the segment being filled.
 */
extern uint64_t log_oldest_needed_bytes(const Log *log, LogNeededCallback needed_from, void *ctx);

/*
 * Appends them again, at least one and then as many as have `max_bytes`, so that the segment can be given up when
 * all have moved.  Returns their number, or -errno if not even one could be moved.
 */
extern int log_move_oldest(Log *log, LogNeededCallback needed_from, void *ctx, uint64_t max_bytes);

/* Bytes of all segment files, those made ahead included. */
extern uint64_t log_size_bytes(const Log *log);

/* The error, as -errno, after which nothing more can be written; 0 for none. */
extern int log_failure(const Log *log);

/* ---- verification (log_verify.c) ---- */

/*
 * Reads closed segments again from disk and verifies every record.  0; -EBADMSG with *damage
 * filled if one is damaged that was not known to be, its entries being holes from then on; -errno if it cannot be
 * read.  `*cursor` (start with 0) is where to go
 * on: each call verifies one segment, and 0 comes back in it when the round is complete.
 */
extern int log_verify(Log *log, uint64_t *cursor, LogDamage *damage);

#endif /* QUORATE_LOG_H */

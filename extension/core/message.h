/*
 * message.h
 *		What the replicas of a group, and the nodes that hold them, say to each other.
 *
 * The core reads and writes these structs; wire/ turns them into bytes and back.  A message that arrives is
 * bounded and decoded before the core sees it.  The network may lose, repeat, reorder and delay messages,
 * but does not alter them (frames carry a CRC) and does not deliver them to somebody else.
 */
#ifndef QUORATE_CORE_MESSAGE_H
#define QUORATE_CORE_MESSAGE_H

#include "core/core_types.h"

typedef enum MessageKind
{
	MESSAGE_HEARTBEAT = 1, /* node to node: I live, my disk works; asks for and gives grants */
	MESSAGE_ASK = 2,       /* before candidacy: does the leader of this group still live for you? */
	MESSAGE_ANSWER = 3,    /* the reply to ASK */
	MESSAGE_PREPARE = 4,   /* phase 1a: promise me this ballot */
	MESSAGE_PROMISE = 5,   /* phase 1b: promised (ok), or refused with the reason's facts */
	MESSAGE_FETCH = 6,     /* adoption: the new proposer asks the best acceptor for its entries */
	MESSAGE_ENTRIES = 7,   /* the reply to FETCH */
	MESSAGE_ACCEPT = 8, /* phase 2a, pipelined; without entries it confirms ballot and commit LSN */
	MESSAGE_ACCEPTED = 9, /* phase 2b: durable up to lsn, or refused with what the acceptor has */
	MESSAGE_RELEASE = 10, /* planned handover: I give up this ballot; `target` shall lead */

	/*
	 * How far a member's rows are durable, so that all members know what no log needs to keep.  Sent and
	 * read by replication/ alone; never stepped into the core.
	 */
	MESSAGE_APPLIED = 11,

	MESSAGE_JOIN_ASK =
		12, /* I have no such group: am I to make a replica of it?  The nonce is in lsn */
	MESSAGE_JOIN = 13, /* you are: the membership is entry 0, the nonce comes back in lsn */
	MESSAGE_REBASE =
		14, /* what you lack is gone: begin your log above prev; membership is entry 0 */
	MESSAGE_REMOVED =
		15, /* your replica is no member any more, since this generation at the latest */

	/*
	 * Entries whose records were damaged, from any member that has them (docs/decisions/0009-log-rot.md).  Sent
	 * and read by replication/ alone; never stepped into the core.
	 */
	MESSAGE_REPAIR_ASK = 16, /* wanted: prev_lsn + 1 .. lsn, all of this ballot */
	MESSAGE_REPAIR = 17      /* the first of them; or none, and what the sender's base is */
} MessageKind;

#define MESSAGE_KIND_LAST MESSAGE_REPAIR

/*
 * A life of a node as its log shows it: which log it was, and a place in that log (log_place_synced).  The core
 * does not look at it: replication/engine_lives.c compares what a node says with what others remember.
 */
typedef struct LogLife
{
	uint64_t start_counter; /* 0: nothing is known */
	uint64_t id; /* random; two lives that call themselves by one start counter differ in it */
	uint64_t place;
} LogLife;

/* A heartbeat names so many lives of its sender at most. */
#define LOG_LIVES_MAX 8

/* Node-wide heartbeat: one for each pair of nodes and interval, however many groups they share (I8, I9). */
typedef struct Heartbeat
{
	uint64_t
		start_counter; /* the sender's life: a new one voids what its former life was granted */
	TimeUs sent_us;    /* sender's clock when it sent this; comes back as echo_us */
	TimeUs
		echo_us; /* sent_us of the newest heartbeat that the sender got from the receiver, else 0 */
	uint64_t echo_start_counter; /* the life of the receiver that echo_us belongs to */
	TimeUs sync_age_us; /* how long ago the sender's last completed sync began; large means hung */
	bool shares_groups; /* the sender has groups in common with the receiver: it wants to hear it */
	bool wants_grant; /* the sender asks the receiver for a grant (or to lengthen the one it has) */
	uint64_t grant_number; /* the grant that the sender gives the receiver; 0 for none */
	TimeUs
		grant_echo_us; /* receiver's sent_us of the request that this grant answers: it counts from there */
	TimeUs grant_us; /* length of the grant */

	/* Filled and read by replication/: is the sender's log still the one that was there before? */
	uint32_t life_count;
	const LogLife *lives; /* the sender's, newest first; place: where the log of that life began */
	uint64_t log_synced;  /* the place up to which the sender's log is durable */
	LogLife
		heard; /* the newest life of the receiver that the sender knows; place: how far its log was durable */
	uint64_t
		reaches; /* nodes with which the sender exchanged heartbeats both ways within a lease (node_id_bit) */
} Heartbeat;

/* A group's log in outline: enough to find where two logs part. */
typedef struct LogOutline
{
	Lsn base_lsn;       /* entries up to here are no longer in the log (0: it is whole) */
	Ballot base_ballot; /* ballot of the entry at base_lsn */
	Lsn last_lsn;       /* last durable entry */
	Ballot last_ballot;
	uint32_t run_count; /* runs of equal ballot, oldest first; only the newest ones if cut short */
	const BallotRun *runs;
} LogOutline;

/* At most this many runs travel in an outline: older history is settled by asking again lower down. */
#define MESSAGE_RUNS_MAX 64

/* At most this many entries travel in one ACCEPT or ENTRIES. */
#define MESSAGE_ENTRIES_MAX 4096

typedef struct Message
{
	MessageKind kind;
	NodeId from;
	NodeId to;
	GroupId group;       /* 0 for HEARTBEAT */
	uint64_t generation; /* the membership generation that the sender uses in the group (I10) */
	uint64_t from_since; /* `since` of the sender as a member; 0 if it is none */
	uint64_t to_since;   /* `since` of the receiver as the sender knows it; 0 if it knows none */
	Ballot ballot;       /* the ballot that the message speaks under, or answers */

	/*
	 * PROMISE, ACCEPTED: granted.  ANSWER: the leader lives for the sender.  APPLIED: its rows are there.  REPAIR: the
	 * sender has the entry.
	 */
	bool ok;
	Ballot promised; /* PROMISE, ACCEPTED, ANSWER: the sender's promised ballot */
	Ballot released; /* PREPARE: ballot given up in favour of the sender (handover), else zero */
	uint64_t
		grant_number; /* PROMISE, ACCEPTED: grant from sender to receiver in force then; 0 none (I8) */
	NodeId
		target; /* RELEASE: who shall lead.  APPLIED: 1 if the sender knows the receiver's rows to be there */

	LogOutline outline; /* PROMISE, ACCEPTED refused: the sender's durable log */

	/*
	 * ACCEPT, ENTRIES: the entry just before the first one carried.  FETCH: the entry before the first one
	 * wanted.  ACCEPTED: prev_lsn of the ACCEPT that it answers.  REPAIR_ASK, REPAIR: its LSN alone.
	 */
	Lsn prev_lsn;
	Ballot prev_ballot;
	Lsn commit_lsn; /* PROMISE, ACCEPT, ACCEPTED, ANSWER: what the sender knows as committed.
								 * APPLIED: what the sender has been told of the receiver's rows.
								 * REPAIR: the sender's base LSN */
	Lsn lsn; /* ACCEPTED: durable and matching up to here.  FETCH, REPAIR_ASK: last entry wanted.
								 * APPLIED: the sender's rows are durable up to here */

	uint32_t entry_count; /* ACCEPT, ENTRIES, REPAIR: entries prev_lsn + 1, prev_lsn + 2, ... */
	const Entry *entries;

	Heartbeat heartbeat; /* HEARTBEAT only */
} Message;

#endif /* QUORATE_CORE_MESSAGE_H */

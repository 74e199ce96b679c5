/*
 * core_types.h
 *		The words of the consensus core as C types.
 *
 * Everything here is plain data: no pointers into the caller's world except entry payloads, which the core
 * passes through without looking at them.  Time is a number that the caller gives; the core has no clock.
 * LSNs are positions in the log of one replication group; PostgreSQL's own WAL positions never appear here.
 */
#ifndef QUORATE_CORE_TYPES_H
#define QUORATE_CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Position in the log of one group: dense, starts at 1.  0 means "before the first entry". */
typedef uint64_t Lsn;

/* Replication group, unique in the cluster.  0 means "no group": a message or event of the whole node. */
typedef uint64_t GroupId;

/* The group whose log is the cluster's metadata table. */
#define GROUP_METADATA ((GroupId) 1)

/* A PostgreSQL instance that belongs to the cluster: 1 to CORE_NODES_MAX.  0 means "none". */
typedef uint16_t NodeId;

#define CORE_NODES_MAX 64  /* nodes of one cluster */
#define CORE_MEMBERS_MAX 7 /* members of one group, over both halves of a joint generation */

/* Microseconds of a clock that never stops and does not follow the wall clock (CLOCK_BOOTTIME). */
typedef int64_t TimeUs;

/*
 * A ballot is (round, proposer), everywhere it is stored, compared or sent: half a ballot lets two proposers
 * believe that they own the same one (anchors: pg_paxos).
 */
typedef struct Ballot
{
	uint64_t round;
	NodeId node;
} Ballot;

/* A stretch of a group's log whose entries carry the same ballot: from first_lsn up to the next run. */
typedef struct BallotRun
{
	Ballot ballot;
	Lsn first_lsn;
} BallotRun;

/* What a member of a group is for (design.md section 1). */
typedef enum MemberKind
{
	MEMBER_STORAGE = 1, /* log and rows: counts for the quorum, may lead */
	MEMBER_LOG = 2,     /* log only: counts for the quorum, never leads, never serves (I11) */
	MEMBER_LEARNER = 3  /* receives the log, does not count */
} MemberKind;

typedef struct Member
{
	NodeId node;
	MemberKind kind;
} Member;

/* Who belongs to a group.  Generations grow by one with each change; every message carries its sender's. */
typedef struct Membership
{
	uint64_t generation;
	uint32_t member_count;
	Member members[CORE_MEMBERS_MAX];
} Membership;

/* One log entry as it travels: its payload belongs to whoever built the event. */
typedef struct Entry
{
	Ballot ballot;   /* the ballot under which it was first proposed; adoption keeps it */
	uint32_t length; /* bytes of payload; 0 for the entry with which a leader starts */
	const void *payload;
} Entry;

#endif /* QUORATE_CORE_TYPES_H */

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

#define CORE_NODES_MAX 64   /* nodes of one cluster */
#define CORE_MEMBERS_MAX 16 /* members of one group, over both halves of a joint generation */

/* A node's place in a set of nodes, which is 64 bits; nothing for what is no node. */
static inline uint64_t
node_id_bit(NodeId node)
{
	return node >= 1 && node <= CORE_NODES_MAX ? UINT64_C(1) << (node - 1) : 0;
}

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

/* Which half of a joint generation a member counts in; all are in both if the generation is not joint. */
typedef enum MemberHalf
{
	HALF_BOTH = 0,
	HALF_OUTGOING =
		1, /* of the old half only: does not stand, and leaves with the final generation, or stays as a
						* learner if that is its kind */
	HALF_INCOMING = 2 /* of the new half only */
} MemberHalf;

/*
 * A replica's place in its group.  `since` is the generation with which it came: a node that was removed and
 * is added again is another member, with an empty memory (docs/decisions/0006-membership.md).
 */
typedef struct Member
{
	NodeId node;
	MemberKind kind;
	MemberHalf half;
	uint64_t since;
} Member;

/* Who belongs to a group.  Generations grow by one with each change; every message carries its sender's. */
typedef struct Membership
{
	uint64_t generation;
	uint32_t member_count;
	Member members[CORE_MEMBERS_MAX];
} Membership;

/* A membership and the entry that brought it; lsn 0 for that with which the group or the replica was made. */
typedef struct MembershipAt
{
	Lsn lsn;
	Ballot ballot;
	Membership membership;
} MembershipAt;

/* One log entry as it travels: its payload belongs to whoever built the event. */
typedef struct Entry
{
	Ballot ballot;   /* the ballot under which it was first proposed; adoption keeps it */
	uint32_t length; /* bytes of payload; 0 for the entry with which a leader starts; an encoded
					  * membership (core/membership.h) if it begins with MEMBERSHIP_MAGIC */
	const void *payload;
} Entry;

#endif /* QUORATE_CORE_TYPES_H */

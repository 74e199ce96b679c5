/*
 * check_members.h
 *		Checker of memberships (I10, I11): they follow each other one at a time, each replica uses the newest
 *		one of its log, and what is called committed is on a quorum of both halves of the one that counted it.
 *
 * It reads the membership entries of the logs with code of its own, after docs/formats.md, and derives from
 * them alone who belongs to a group.  What a node says about its members is compared with that.
 *
 * Nodes and groups are numbers from 0, also in sets of bits; a node's number in a membership is one higher.
 */
#ifndef QUORATE_CHECK_MEMBERS_H
#define QUORATE_CHECK_MEMBERS_H

#include <stddef.h>

#include "sim/check_report.h"

#define CHECK_MEMBERS_MAX 16

/* Numbers of the format. */
#define CHECK_KIND_STORAGE 1
#define CHECK_KIND_LOG 2
#define CHECK_KIND_LEARNER 3
#define CHECK_HALF_BOTH 0
#define CHECK_HALF_OUTGOING 1
#define CHECK_HALF_INCOMING 2

typedef struct CheckMember
{
	uint32_t node; /* from 1 */
	uint32_t kind;
	uint32_t half;
	uint64_t since;
} CheckMember;

typedef struct CheckMembership
{
	uint64_t generation;
	uint32_t count;
	CheckMember members[CHECK_MEMBERS_MAX];
} CheckMembership;

/* ---- a membership alone ---- */

/* True if the bytes begin like a membership entry. */
extern bool check_membership_is(const void *bytes, size_t length);

/* False if the bytes are none. */
extern bool check_membership_read(const void *bytes, size_t length, CheckMembership *membership);

/* How many bytes a membership takes that begins here; 0 if it is none. */
extern size_t check_membership_length(const void *bytes, size_t length);

/* True if the nodes are a majority of each half. */
extern bool check_membership_quorum(const CheckMembership *membership, uint32_t node_bits);

/* The nodes that count in at least one half. */
extern uint32_t check_membership_counting(const CheckMembership *membership);
extern bool check_membership_is_joint(const CheckMembership *membership);

/* NULL if the node is no member. */
extern const CheckMember *check_membership_find(const CheckMembership *membership, uint32_t node);

/* What `after` does wrong as the next generation after `before`; NULL if nothing. */
extern const char *
check_membership_breach(const CheckMembership *before, const CheckMembership *after);

/* ---- those of all groups ---- */

typedef struct CheckMembers CheckMembers;

extern CheckMembers *
check_members_create(uint32_t node_count, uint32_t group_count, CheckReport *report);
extern void check_members_free(CheckMembers *members);

/* The membership with which the group was made. */
extern void
check_members_first(CheckMembers *members, uint32_t group, const CheckMembership *membership);

/* Bytes of a membership entry of the group are safe on the node's disk. */
extern void check_members_durable(CheckMembers *members, uint32_t node, uint32_t group,
								  const void *bytes, size_t length);

/* The nodes on whose disks that entry is. */
extern uint32_t check_members_durable_nodes(CheckMembers *members, uint32_t node, uint32_t group,
											const void *bytes, size_t length);

/* A turn of the node begins: what it uses now may still be used within it. */
extern void check_members_turn(CheckMembers *members, uint32_t node, uint32_t group);

/* The node's log is about to be shown from `lsn` on: what was above is void. */
extern void
check_members_log_from(CheckMembers *members, uint32_t node, uint32_t group, uint64_t lsn);

/* The node's log holds a membership entry. */
extern void check_members_entry(CheckMembers *members, uint32_t node, uint32_t group, uint64_t lsn,
								const void *bytes, size_t length);

/* The node calls the membership entry at `lsn`, with these bytes, committed. */
extern void check_members_commit(CheckMembers *members, uint32_t node, uint32_t group, uint64_t lsn,
								 const void *bytes, size_t length);

/* The node says which generation it uses.  False if that cannot be. */
extern bool
check_members_uses(CheckMembers *members, uint32_t node, uint32_t group, uint64_t generation);

/* The node has no replica of the group any more. */
extern void check_members_drop(CheckMembers *members, uint32_t node, uint32_t group);

/* Does a membership that is committed leave out the node's replica of that beginning? */
extern bool
check_members_is_gone(const CheckMembers *members, uint32_t node, uint32_t group, uint64_t since);

/* What the node uses, after check_members_uses; NULL if it has no replica. */
extern const CheckMembership *
check_members_in_use(const CheckMembers *members, uint32_t node, uint32_t group);

/* The newest membership of the group that anybody called committed. */
extern const CheckMembership *check_members_committed(const CheckMembers *members, uint32_t group);

/*
 * Can the node have counted the entry at `lsn` as committed if it is on the disks of these nodes?  `leads`: it
 * leads; another one can only have been told.
 */
extern bool check_members_may_commit(const CheckMembers *members, uint32_t node, uint32_t group,
									 bool leads, uint64_t lsn, uint32_t node_bits);

/*
 * Can the nodes have elected the node, which leads with a first entry at `lsn`?
 */
extern bool check_members_may_lead(const CheckMembers *members, uint32_t node, uint32_t group,
								   uint64_t lsn, uint32_t node_bits);

/* Is there a membership of the group in any log, committed or not, in which the nodes are no quorum any more? */
extern bool check_members_need(const CheckMembers *members, uint32_t group, uint32_t node_bits);

#endif /* QUORATE_CHECK_MEMBERS_H */

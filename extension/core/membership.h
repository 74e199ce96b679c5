/*
 * membership.h
 *		Who belongs to a group: look-ups, checks, the steps of a change, and memberships as bytes.
 */
#ifndef QUORATE_MEMBERSHIP_H
#define QUORATE_MEMBERSHIP_H

#include "core/core_types.h"

/* membership_find()'s answer for a node that is no member. */
#define MEMBER_NONE UINT32_MAX

/* The first four bytes of an encoded membership: no other entry begins like that (docs/formats.md). */
#define MEMBERSHIP_MAGIC "QMBR"
#define MEMBERSHIP_MAGIC_BYTES 4

/* An encoded membership is never longer than this, in bytes. */
#define MEMBERSHIP_BYTES_MAX (MEMBERSHIP_MAGIC_BYTES + 10 + CORE_MEMBERS_MAX * 12)

/*
 * A log has at most so many memberships that matter: the one in use and, while that is not known as committed, the
 * one before, which is committed, because no leader appends a membership before that.
 */
#define MEMBERSHIPS_MAX 2
#define MEMBERSHIPS_BYTES_MAX (2 + MEMBERSHIPS_MAX * (20 + MEMBERSHIP_BYTES_MAX))

/* True if the member counts in a half at least: storage and log replicas do, learners only while they leave one. */
extern bool member_counts(const Member *member);

/* True if the member may lead: storage replicas that do not leave with this change (I10, I11). */
extern bool member_may_lead(const Member *member);

/* Index of the node among the members, MEMBER_NONE if it is not one. */
extern uint32_t membership_find(const Membership *membership, NodeId node);

/* `since` of the node as a member, 0 if it is not one. */
extern uint64_t membership_since(const Membership *membership, NodeId node);

/* True if the generation is joint: a quorum needs a majority of both halves. */
extern bool membership_is_joint(const Membership *membership);

/* True if there is at least one member that may lead, all are known kinds, and no node occurs twice. */
extern bool membership_is_valid(const Membership *membership);

/*
 * The first generation of a change from `present`, which is not joint, to the nodes and kinds in `wanted`:
 * joint if the counting members change.  False, and nothing is written, if either is no valid membership, nothing
 * changes, or there is no room for both halves.
 */
extern bool
membership_begin_change(const Membership *present, const Membership *wanted, Membership *next);

/* The generation that ends a joint one. */
extern void membership_end_change(const Membership *joint, Membership *final);

/* True if the bytes are an encoded membership, of whatever version. */
extern bool membership_is_encoded(const void *bytes, size_t length);

/*
 * Writes the membership as bytes: magic (4), version (1), generation (8, big-endian), count (1), then per member
 * node (2, big-endian), kind (1), half (1) and since (8, big-endian).  Returns how many; `bytes` has room for
 * MEMBERSHIP_BYTES_MAX.
 */
extern size_t membership_encode(const Membership *membership, uint8_t *bytes);

/* Reads what membership_encode() wrote; false if the bytes are no valid membership of a known version. */
extern bool membership_decode(const void *bytes, size_t length, Membership *membership);

/*
 * Memberships with the entries that brought them, as the log keeps them: version (1), count (1), then for each LSN
 * (8), round (8), node (2), length (2), all big-endian, and the encoded membership.  `bytes` has room for
 * MEMBERSHIPS_BYTES_MAX.
 */
extern size_t memberships_encode(const MembershipAt *memberships, uint32_t count, uint8_t *bytes);

/* The number of memberships read, 0 if the bytes are not what memberships_encode() wrote. */
extern uint32_t
memberships_decode(const void *bytes, size_t length, MembershipAt memberships[MEMBERSHIPS_MAX]);

#endif /* QUORATE_MEMBERSHIP_H */

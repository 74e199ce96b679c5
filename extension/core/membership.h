/*
 * membership.h
 *		Who belongs to a group: look-ups, checks, and the bytes of a log record.
 */
#ifndef QUORATE_MEMBERSHIP_H
#define QUORATE_MEMBERSHIP_H

#include "core/core_types.h"

/* membership_find()'s answer for a node that is no member. */
#define MEMBER_NONE UINT32_MAX

/* An encoded membership is never longer than this, in bytes. */
#define MEMBERSHIP_BYTES_MAX (2 + 8 + CORE_MEMBERS_MAX * 3)

/* True if the member counts for the quorum: storage and log replicas do, learners do not. */
extern bool member_counts(const Member *member);

/* True if the member may lead: storage replicas only (I11). */
extern bool member_may_lead(const Member *member);

/* Index of the node among the members, MEMBER_NONE if it is not one. */
extern uint32_t membership_find(const Membership *membership, NodeId node);

/* True if there is at least one member that may lead, all are known kinds, and no node occurs twice. */
extern bool membership_is_valid(const Membership *membership);

/*
 * Writes the membership as bytes: version (1), generation (8, big-endian), count (1), then per member node
 * (2, big-endian) and kind (1).  Returns how many; `bytes` has room for MEMBERSHIP_BYTES_MAX.
 */
extern size_t membership_encode(const Membership *membership, uint8_t *bytes);

/* Reads what membership_encode() wrote; false if the bytes are no valid membership of a known version. */
extern bool membership_decode(const uint8_t *bytes, size_t length, Membership *membership);

#endif /* QUORATE_MEMBERSHIP_H */

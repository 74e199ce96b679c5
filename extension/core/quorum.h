/*
 * quorum.h
 *		What a quorum of a membership is.  The only place that knows.
 *
 * A quorum is a majority of the members that count; in a joint generation (I10) a majority of its old half and
 * a majority of its new half.  Everybody else asks only "is this set a quorum" and "what do a quorum's members
 * all reach".
 */
#ifndef QUORATE_QUORUM_H
#define QUORATE_QUORUM_H

#include "core/core_types.h"

/* True if the members whose bits (1 << index) are set in `members` form a quorum. */
extern bool quorum_reached(const Membership *membership, uint32_t members);

/*
 * The highest number that a quorum of members all reach, given each member's own (index as in the
 * membership): with durable LSNs it is the LSN that a quorum has durable, with times the time until which
 * a quorum holds.
 */
extern uint64_t quorum_highest(const Membership *membership, const uint64_t *reached);

#endif /* QUORATE_QUORUM_H */

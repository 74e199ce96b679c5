/*
 * ballot.h
 *		Comparing ballots.  A ballot is (round, node id), always both: I4 and the story of pg_paxos.
 */
#ifndef QUORATE_BALLOT_H
#define QUORATE_BALLOT_H

#include "core/core_types.h"

/*
 * A round further than this above what a replica has promised cannot come from honest counting; such a
 * message is dropped, so that a damaged or hostile round cannot use up the space of all ballots.
 */
#define BALLOT_ROUND_JUMP_MAX ((uint64_t) 1 << 40)

/* Negative, zero or positive as `left` is below, equal to or above `right`. */
extern int ballot_compare(Ballot left, Ballot right);

extern bool ballot_equal(Ballot left, Ballot right);

/* True for the ballot that stands for "none". */
extern bool ballot_is_zero(Ballot ballot);

/* True if the ballot names a node and its round is no absurd jump above `promised`. */
extern bool ballot_is_plausible(Ballot ballot, Ballot promised);

#endif /* QUORATE_BALLOT_H */

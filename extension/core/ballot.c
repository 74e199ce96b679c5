/*
 * ballot.c
 *		Comparing ballots; see ballot.h.  Pure.
 */
#include "core/ballot.h"

int
ballot_compare(Ballot left, Ballot right)
{
	if (left.round != right.round)
		return left.round < right.round ? -1 : 1;
#ifdef MUTANT_HALF_BALLOT
	return 0;
#endif
	if (left.node != right.node)
		return left.node < right.node ? -1 : 1;
	return 0;
}

bool
ballot_equal(Ballot left, Ballot right)
{
	return ballot_compare(left, right) == 0;
}

bool
ballot_is_zero(Ballot ballot)
{
	return ballot.round == 0 && ballot.node == 0;
}

bool
ballot_is_plausible(Ballot ballot, Ballot promised)
{
	if (ballot.node == 0 || ballot.node > CORE_NODES_MAX || ballot.round == 0)
		return false;
	return ballot.round <= promised.round || ballot.round - promised.round <= BALLOT_ROUND_JUMP_MAX;
}

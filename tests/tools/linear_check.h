/*
 * linear_check.h
 *		Is the history of one key linearizable, the key being a register with put, get and delete?
 *
 * Linearizable: every acknowledged operation can be given one moment between its start and its end at which
 * it takes effect, such that every get returns what the last write before it wrote. A write of unknown
 * outcome may be given a moment at any time after its start, or none. Failed operations take no part, and
 * neither do eventually consistent gets (session_check.h).
 *
 * One library for the checker of the multi-node tests (linear_check_main.c) and for the simulator
 * (sim/check_history.c). It allocates, prints nothing and reads no clock.
 */
#ifndef QUORATE_TOOLS_LINEAR_CHECK_H
#define QUORATE_TOOLS_LINEAR_CHECK_H

#include "tools/history.h"

typedef enum LinearVerdict
{
	LINEAR_YES,
	LINEAR_NO,
	LINEAR_UNDECIDED /* the search was given up after max_steps */
} LinearVerdict;

typedef struct LinearResult
{
	LinearVerdict verdict;
	const char *why;   /* LINEAR_NO: what is wrong, in words */
	HistoryOp stuck;   /* LINEAR_NO: the operation that has no place */
	HistoryOp against; /* LINEAR_NO: one that stands in its way, if has_against */
	bool has_against;
	uint64_t steps; /* how many configurations a search tried; 0: none was needed */
} LinearResult;

/*
 * Checks ops[0..count), all of one key, which holds no item in the beginning. The operations need not be sorted.
 *
 * If no two puts write a value that a get returned, the answer is exact and costs O(count * log(count)) time and
 * O(count) memory, whatever the number of unknown outcomes. Else a search decides that takes at most max_steps
 * steps and remembers one configuration of 32 bytes a step.
 */
extern LinearResult linear_check_key(const HistoryOp *ops, size_t count, uint64_t max_steps);

#endif /* QUORATE_TOOLS_LINEAR_CHECK_H */

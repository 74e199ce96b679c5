/*
 * linear_check.h
 *		Is the history of one key linearizable, the key being a register with put, get and delete?
 *
 * Linearizable: every acknowledged operation can be given one moment between its start and its end at which
 * it takes effect, such that every get returns what the last write before it wrote. A write of unknown
 * outcome may be given a moment at any time after its start, or none. Failed operations take no part.
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
	uint64_t steps;   /* how many configurations were tried */
	size_t explained; /* the most operations that any attempt could place */
	HistoryOp
		stuck; /* LINEAR_NO: the earliest operation that the longest attempt could not place */
} LinearResult;

/*
 * Checks ops[0..count), all of one key, which holds no item in the beginning. max_steps bounds the search.
 * The operations need not be sorted.
 */
extern LinearResult linear_check_key(const HistoryOp *ops, size_t count, uint64_t max_steps);

#endif /* QUORATE_TOOLS_LINEAR_CHECK_H */

/*
 * linear_search.h
 *		linear_check_key() by search: for histories in which several puts wrote a value that was read.
 *
 * Needs nothing but the definition of a register, so the tests also use it to judge the faster way.
 */
#ifndef QUORATE_TOOLS_LINEAR_SEARCH_H
#define QUORATE_TOOLS_LINEAR_SEARCH_H

#include "tools/linear_check.h"

/* Bounded by max_steps in time and in memory; LINEAR_UNDECIDED beyond. */
extern LinearResult linear_search_key(const HistoryOp *ops, size_t count, uint64_t max_steps);

#endif /* QUORATE_TOOLS_LINEAR_SEARCH_H */

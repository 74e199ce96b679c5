/*
 * history_helper.h
 *		Histories for the tests of the history checkers: made by a simulated register, or at random; and a judge
 *		that knows nothing but the definition of linearizability.
 */
#ifndef QUORATE_UNIT_HISTORY_HELPER_H
#define QUORATE_UNIT_HISTORY_HELPER_H

#include "tools/history.h"

/* What clients of a register do; shares are in thousandths. */
typedef struct HistoryPlan
{
	size_t count;
	int clients; /* each has one operation at a time, in a session of its own */
	int keys;
	int put_share;
	int delete_share;   /* the rest are gets */
	int eventual_share; /* of the gets */
	int unknown_share;  /* of the writes; a third of them takes effect late, a third never */
	int fail_share;     /* of the writes */
} HistoryPlan;

/* No operation but a late write takes effect later than this after its start. */
#define HISTORY_DURATION_MAX_US 100
#define HISTORY_LATE_MAX_US 5000

extern void history_seed(uint64_t seed);
extern int history_random_below(int limit);

/* A history as linearizable registers make it, every put with a value of its own; sorted by key, then by start. */
extern History history_generate(const HistoryPlan *plan);

/* Operations of one key with random times, values and outcomes, linearizable or not; values are below count. */
extern void history_random(HistoryOp *ops, size_t count, int put_share, int delete_share);

/* Tries all orders, unknown writes left out at will; for a dozen operations at most. */
extern bool history_some_order_explains(const HistoryOp *ops, size_t count);

#endif /* QUORATE_UNIT_HISTORY_HELPER_H */

/*
 * test_linear_check.c
 *		The linearizability checker: histories that it must accept, histories that it must reject, agreement with
 *		a search of all orders on small random histories, and speed on a long one.
 */
#include "tools/linear_check.h"

#include "tap.h"

#define STEPS UINT64_C(50000000)

#define PUT(value, start, end, outcome)                 \
	{                                                   \
		"k", 1, HISTORY_PUT, outcome, value, start, end \
	}
#define GET(value, start, end)                             \
	{                                                      \
		"k", 2, HISTORY_GET, HISTORY_OK, value, start, end \
	}
#define DELETE(start, end, outcome)                                 \
	{                                                               \
		"k", 3, HISTORY_DELETE, outcome, HISTORY_ABSENT, start, end \
	}
#define OK HISTORY_OK
#define FAIL HISTORY_FAIL
#define UNKNOWN HISTORY_UNKNOWN
#define ABSENT HISTORY_ABSENT
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ACCEPTS(name, ...)                                                         \
	do                                                                             \
	{                                                                              \
		HistoryOp ops_[] = {__VA_ARGS__};                                          \
		TAP_IS_INT(linear_check_key(ops_, COUNT(ops_), STEPS).verdict, LINEAR_YES, \
				   "accepts: " name);                                              \
	} while (0)
#define REJECTS(name, ...)                                                        \
	do                                                                            \
	{                                                                             \
		HistoryOp ops_[] = {__VA_ARGS__};                                         \
		TAP_IS_INT(linear_check_key(ops_, COUNT(ops_), STEPS).verdict, LINEAR_NO, \
				   "rejects: " name);                                             \
	} while (0)

static void
test_sequential(void)
{
	ACCEPTS("nothing but a get of no item", GET(ABSENT, 1, 2));
	ACCEPTS("put, get, delete, get", PUT(7, 1, 2, OK), GET(7, 3, 4), DELETE(5, 6, OK),
			GET(ABSENT, 7, 8));
	ACCEPTS("a failed put is not seen", PUT(7, 1, 2, FAIL), GET(ABSENT, 3, 4));
	REJECTS("a value that nobody wrote", GET(7, 1, 2));
	REJECTS("a lost put", PUT(7, 1, 2, OK), GET(ABSENT, 3, 4));
	REJECTS("a stale get", PUT(1, 1, 2, OK), PUT(2, 3, 4, OK), GET(1, 5, 6));
	REJECTS("a failed put that is seen", PUT(7, 1, 2, FAIL), GET(7, 3, 4));
	REJECTS("a deleted item that comes back", PUT(7, 1, 2, OK), DELETE(3, 4, OK), GET(ABSENT, 5, 6),
			GET(7, 7, 8));
	REJECTS("a get from the future", GET(7, 1, 2), PUT(7, 3, 4, OK));
}

static void
test_concurrent(void)
{
	ACCEPTS("two puts at once, either order", PUT(1, 1, 10, OK), PUT(2, 2, 9, OK), GET(1, 11, 12));
	ACCEPTS("a get during a put, before it", PUT(1, 1, 10, OK), GET(ABSENT, 2, 3));
	ACCEPTS("a get during a put, after it", PUT(1, 1, 10, OK), GET(1, 2, 3));
	ACCEPTS("ends and starts at one moment are concurrent", PUT(1, 1, 5, OK), GET(ABSENT, 5, 6));
	REJECTS("two gets during a put, new then old", PUT(1, 1, 10, OK), GET(1, 2, 3),
			GET(ABSENT, 4, 5));
	REJECTS("two readers that disagree on the order of two puts", PUT(1, 1, 10, OK),
			PUT(2, 1, 10, OK), GET(1, 11, 12), GET(2, 13, 14));
	REJECTS("values that alternate without writes", PUT(1, 1, 20, OK), PUT(2, 1, 20, OK),
			GET(1, 2, 3), GET(2, 4, 5), GET(1, 6, 7));
}

static void
test_unknown(void)
{
	ACCEPTS("an unknown put that never took effect", PUT(1, 1, 2, UNKNOWN), GET(ABSENT, 3, 4),
			GET(ABSENT, 90, 91));
	ACCEPTS("an unknown put that took effect late", PUT(1, 1, 2, UNKNOWN), GET(ABSENT, 3, 4),
			GET(1, 50, 51));
	ACCEPTS("an unknown put that took effect and was overwritten", PUT(1, 1, 2, UNKNOWN),
			PUT(2, 3, 4, OK), GET(2, 5, 6));
	ACCEPTS("an unknown put after a later put", PUT(1, 1, 2, UNKNOWN), PUT(2, 3, 4, OK),
			GET(2, 5, 6), GET(1, 7, 8));
	ACCEPTS("an unknown delete that took effect late", PUT(1, 1, 2, OK), DELETE(3, 4, UNKNOWN),
			GET(1, 5, 6), GET(ABSENT, 7, 8));
	REJECTS("an unknown put that took effect and is gone", PUT(1, 1, 2, UNKNOWN), GET(1, 3, 4),
			GET(ABSENT, 5, 6));
	REJECTS("an unknown put that took effect twice", PUT(1, 1, 2, UNKNOWN), GET(1, 3, 4),
			PUT(2, 5, 6, OK), GET(2, 7, 8), GET(1, 9, 10));
	REJECTS("an unknown put that was read before it began", GET(1, 1, 2), PUT(1, 3, 4, UNKNOWN));
	REJECTS("one unknown delete for two disappearances", PUT(1, 1, 2, OK), DELETE(3, 4, UNKNOWN),
			GET(ABSENT, 5, 6), PUT(2, 7, 8, OK), GET(2, 9, 10), GET(ABSENT, 11, 12));
}

static uint64_t random_state = 42;

static int
random_below(int limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int) ((random_state >> 33) % (uint64_t) limit);
}

/* Does any order of the operations, unknown ones left out at will, explain them? Tries all orders. */
static bool
some_order_explains(const HistoryOp *ops, size_t count, unsigned placed, int64_t value)
{
	bool complete = true;

	for (size_t i = 0; i < count; i++)
		if (!(placed & (1U << i)) && ops[i].outcome == OK)
			complete = false;
	if (complete)
		return true;
	for (size_t i = 0; i < count; i++)
	{
		bool allowed = !(placed & (1U << i)) && ops[i].outcome != FAIL;

		for (size_t j = 0; allowed && j < count; j++)
			if (!(placed & (1U << j)) && j != i && ops[j].outcome == OK &&
				ops[j].end_us < ops[i].start_us)
				allowed = false;
		if (!allowed || (ops[i].operation == HISTORY_GET && ops[i].value != value))
			continue;
		if (some_order_explains(ops, count, placed | (1U << i),
								ops[i].operation == HISTORY_GET ? value : ops[i].value))
			return true;
	}
	return false;
}

/* Random operations on a few values; about as many of the histories are linearizable as are not. */
static void
random_history(HistoryOp *ops, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		HistoryOp op = {.key = "k", .process = (int) i};

		op.operation = (HistoryOperation) random_below(3);
		op.start_us = random_below(20);
		op.end_us = op.start_us + random_below(12);
		op.value = op.operation == HISTORY_PUT ? (int64_t) i : (int64_t) random_below((int) count);
		if (op.operation == HISTORY_DELETE || (op.operation == HISTORY_GET && random_below(3) == 0))
			op.value = ABSENT;
		if (op.operation != HISTORY_GET && random_below(3) == 0)
			op.outcome = random_below(2) ? UNKNOWN : FAIL;
		ops[i] = op;
	}
}

static void
test_against_all_orders(void)
{
	int disagreements = 0;
	int accepted = 0;
	const int rounds = 5000;

	for (int round = 0; round < rounds; round++)
	{
		HistoryOp ops[6];
		size_t count = 2 + (size_t) random_below(5);
		bool expected;

		random_history(ops, count);
		expected = some_order_explains(ops, count, 0, ABSENT);
		accepted += expected;
		disagreements += (linear_check_key(ops, count, STEPS).verdict == LINEAR_YES) != expected;
	}
	tap_note("%d of %d random histories are linearizable", accepted, rounds);
	TAP_OK(accepted > rounds / 20 && accepted < rounds - rounds / 20,
		   "random histories are of both kinds");
	TAP_IS_INT(disagreements, 0, "agrees with a search of all orders");
}

/*
 * A history of many clients at once as a real register would make it: each operation takes effect in the middle of
 * its time. Returns the operations written.
 */
static void
long_history(HistoryOp *ops, size_t count, int clients)
{
	int64_t value = ABSENT;

	for (size_t i = 0; i < count; i++)
	{
		int64_t effect_us = 1000 + (int64_t) i * 10;
		HistoryOp op = {.key = "k", .process = (int) i % clients};

		op.operation = (HistoryOperation) (random_below(20) < 9 ? HISTORY_PUT : HISTORY_GET);
		if (random_below(20) == 0)
			op.operation = HISTORY_DELETE;
		op.start_us = effect_us - random_below(10 * clients);
		op.end_us = effect_us + random_below(10 * clients);
		op.value = op.operation == HISTORY_PUT ? (int64_t) i : ABSENT;
		if (op.operation != HISTORY_GET && random_below(50) == 0)
			op.outcome = UNKNOWN;
		if (op.operation == HISTORY_GET)
			op.value = value;
		else if (op.outcome == OK || random_below(2))
			value = op.value;
		ops[i] = op;
	}
}

static void
test_long(void)
{
	enum
	{
		OPS = 5000
	};
	static HistoryOp ops[OPS];
	LinearResult result;
	size_t last_get = OPS - 1;

	long_history(ops, OPS, 8);
	result = linear_check_key(ops, OPS, STEPS);
	tap_note("%" PRIu64 " steps for %d operations of 8 clients", result.steps, OPS);
	TAP_IS_INT(result.verdict, LINEAR_YES, "accepts a long history");

	while (ops[last_get].operation != HISTORY_GET)
		last_get--;
	ops[last_get].value = OPS + 1;
	result = linear_check_key(ops, OPS, STEPS);
	TAP_IS_INT(result.verdict, LINEAR_NO, "rejects it with one wrong get near its end");
	TAP_OK(result.explained > OPS / 2, "explains most of it even then");

	result = linear_check_key(ops, OPS, 10);
	TAP_IS_INT(result.verdict, LINEAR_UNDECIDED, "gives up at its bound");
}

int
main(void)
{
	test_sequential();
	test_concurrent();
	test_unknown();
	test_against_all_orders();
	test_long();
	return tap_done();
}

/*
 * test_linear_check.c
 *		The linearizability checker: histories that it must accept and histories that it must reject. Each is judged by
 *		the search as well. Random and long ones: test_linear_random.c.
 */
#include "tools/linear_check.h"

#include <string.h>

#include "history_literals.h"
#include "tap.h"
#include "tools/linear_search.h"

#define STEPS UINT64_C(1000000)

static void
check(const HistoryOp *ops, size_t count, LinearVerdict expected, const char *name)
{
	const char *verb = expected == LINEAR_YES ? "accepts" : "rejects";
	LinearResult result = linear_check_key(ops, count, STEPS);

	TAP_OK(result.verdict == expected && result.steps == 0, "%s: %s", verb, name);
	TAP_OK(linear_search_key(ops, count, STEPS).verdict == expected, "the search %s it", verb);
}

#define CHECK(expected, name, ...)                \
	do                                            \
	{                                             \
		HistoryOp ops_[] = {__VA_ARGS__};         \
		check(ops_, COUNT(ops_), expected, name); \
	} while (0)
#define ACCEPTS(name, ...) CHECK(LINEAR_YES, name, __VA_ARGS__)
#define REJECTS(name, ...) CHECK(LINEAR_NO, name, __VA_ARGS__)

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

/* Which deletes explain which gets: where "no item" does not tell. */
static void
test_missing_items(void)
{
	ACCEPTS("an unknown delete that never took effect", PUT(1, 1, 2, OK), DELETE(3, 4, UNKNOWN),
			GET(1, 5, 6), GET(1, 90, 91));
	ACCEPTS("two unknown deletes for two disappearances", PUT(1, 1, 2, OK), DELETE(3, 4, UNKNOWN),
			DELETE(3, 4, UNKNOWN), GET(ABSENT, 5, 6), PUT(2, 7, 8, OK), GET(2, 9, 10),
			GET(ABSENT, 11, 12));
	ACCEPTS("a put and a delete at once, then nothing", PUT(1, 1, 10, OK), DELETE(2, 9, OK),
			GET(ABSENT, 11, 12));
	ACCEPTS("a delete that is under way for long and takes effect early", DELETE(3, 20, OK),
			PUT(1, 1, 2, OK), GET(ABSENT, 5, 6), PUT(2, 7, 8, OK), GET(2, 9, 10));
	ACCEPTS("the first of two deletes has to serve the first get", PUT(1, 1, 2, OK),
			DELETE(3, 5, OK), DELETE(3, 20, UNKNOWN), GET(ABSENT, 4, 6), PUT(2, 7, 8, OK),
			GET(ABSENT, 15, 16));
	ACCEPTS("nothing is there until an unknown put takes effect", PUT(1, 1, 2, OK),
			DELETE(3, 4, OK), GET(ABSENT, 5, 6), PUT(2, 5, 6, UNKNOWN), GET(ABSENT, 7, 8),
			GET(2, 9, 10));
	REJECTS("a delete that is undone", PUT(1, 1, 2, OK), DELETE(3, 4, OK), GET(1, 5, 6));
	REJECTS("a failed delete that took effect", PUT(1, 1, 2, OK), DELETE(3, 4, FAIL),
			GET(ABSENT, 5, 6));
	REJECTS("a delete that took effect before it began", PUT(1, 1, 2, OK), GET(ABSENT, 3, 4),
			DELETE(5, 6, UNKNOWN));
	REJECTS("one delete for two disappearances", PUT(1, 1, 20, OK), GET(1, 3, 4), DELETE(2, 9, OK),
			GET(ABSENT, 5, 6), PUT(2, 7, 8, OK), GET(ABSENT, 10, 11));
	REJECTS("an item that nobody read, gone without a delete", PUT(1, 1, 2, OK), PUT(2, 3, 4, OK),
			DELETE(1, 2, OK), GET(ABSENT, 5, 6));
	REJECTS("nothing between two gets of one value", PUT(1, 1, 2, OK), GET(1, 3, 4),
			DELETE(3, 12, UNKNOWN), GET(ABSENT, 5, 6), GET(1, 7, 8));
}

/* Values that two puts wrote are left to the search; the answers are the same. */
static void
test_shared_values(void)
{
	HistoryOp again[] = {PUT(1, 1, 2, OK), PUT(2, 3, 4, OK), PUT(1, 5, 6, OK), GET(1, 7, 8)};
	HistoryOp stale[] = {PUT(1, 1, 2, OK), PUT(1, 3, 4, UNKNOWN), PUT(2, 5, 6, OK), GET(1, 7, 8),
						 GET(2, 9, 10)};
	LinearResult result = linear_check_key(again, COUNT(again), STEPS);

	TAP_IS_INT(result.verdict, LINEAR_YES, "accepts: a value that is written again");
	TAP_OK(result.steps > 0, "by a search");
	result = linear_check_key(stale, COUNT(stale), STEPS);
	TAP_IS_INT(result.verdict, LINEAR_NO, "rejects: a value that was written twice, and goes");
	TAP_OK(result.why != NULL, "and says why");
}

static void
test_what_is_said(void)
{
	HistoryOp stale[] = {PUT(1, 1, 2, OK), PUT(2, 3, 4, OK), GET(1, 5, 6)};
	HistoryOp lost[] = {PUT(1, 1, 2, OK), GET(1, 3, 4), GET(ABSENT, 5, 6)};
	LinearResult result = linear_check_key(stale, COUNT(stale), STEPS);

	TAP_OK(result.stuck.operation == HISTORY_GET && result.has_against &&
			   result.against.operation == HISTORY_PUT && result.against.value == 2,
		   "a stale get is named with the put that it misses");
	result = linear_check_key(lost, COUNT(lost), STEPS);
	TAP_OK(result.stuck.start_us == 5 && result.has_against && result.against.start_us == 3,
		   "a get of nothing is named with the operation that shows the item");
	TAP_OK(strstr(result.why, "no delete") != NULL, "and the reason");
}

int
main(void)
{
	test_sequential();
	test_concurrent();
	test_unknown();
	test_missing_items();
	test_shared_values();
	test_what_is_said();
	return tap_done();
}

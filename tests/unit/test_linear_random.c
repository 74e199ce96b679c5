/*
 * test_linear_random.c
 *		The linearizability checker on histories of a simulated register and on damaged ones: agreement with all
 *		orders on small histories, with the search on longer ones, and 100,000 operations.
 */
#include <stdlib.h>
#include <time.h>

#include "history_helper.h"
#include "tap.h"
#include "tools/linear_check.h"
#include "tools/linear_search.h"
#include "tools/session_check.h"

#define STEPS UINT64_C(200000)

/* ---------------------------------------------------------------- small histories, all orders */

static void
compare_with_all_orders(const char *kind, int put_share, int delete_share)
{
	const int rounds = 10000;
	int accepted = 0;
	int disagreements = 0;
	int search_disagreements = 0;

	for (int round = 0; round < rounds; round++)
	{
		HistoryOp ops[7];
		size_t count = 2 + (size_t) history_random_below(6);
		bool expected;

		history_random(ops, count, put_share, delete_share);
		expected = history_some_order_explains(ops, count);
		accepted += expected;
		disagreements += (linear_check_key(ops, count, STEPS).verdict == LINEAR_YES) != expected;
		search_disagreements += (linear_search_key(ops, count, STEPS).verdict == LINEAR_YES) !=
								expected;
	}
	tap_note("%s: %d of %d random histories are linearizable", kind, accepted, rounds);
	TAP_OK(accepted > rounds / 20 && accepted < rounds - rounds / 20, "%s: of both kinds", kind);
	TAP_OK(disagreements == 0, "%s: agrees with a search of all orders", kind);
	TAP_OK(search_disagreements == 0, "%s: so does the search", kind);
}

static void
test_against_all_orders(void)
{
	history_seed(42);
	compare_with_all_orders("puts and gets", 400, 0);
	compare_with_all_orders("everything", 333, 333);
	compare_with_all_orders("many deletes", 250, 450);
	compare_with_all_orders("many gets", 200, 250);
}

/* ---------------------------------------------------------------- longer ones, the search */

/* Damages one operation: another value read, another outcome, or other times. */
static void
mutate(History *history)
{
	HistoryOp *op = &history->ops[history_random_below((int) history->count)];
	const HistoryOp *other = &history->ops[history_random_below((int) history->count)];

	if (op->operation == HISTORY_GET)
		op->value = history_random_below(3) == 0 ? HISTORY_ABSENT : other->value;
	else if (history_random_below(2))
		op->outcome = (HistoryOutcome) history_random_below(3);
	else
	{
		int64_t shift_us = history_random_below(400) - 200;

		op->start_us += shift_us;
		op->end_us += shift_us;
	}
}

static void
test_against_search(void)
{
	const int rounds = 3000;
	int verdicts[3] = {0};
	int disagreements = 0;

	history_seed(7);
	for (int round = 0; round < rounds; round++)
	{
		HistoryPlan plan = {.count = 10 + (size_t) history_random_below(50),
							.clients = 2 + history_random_below(6),
							.keys = 1,
							.put_share = 300,
							.delete_share = history_random_below(300),
							.unknown_share = history_random_below(300),
							.fail_share = 50};
		History history = history_generate(&plan);
		LinearVerdict expected;

		for (int damages = history_random_below(3); damages > 0; damages--)
			mutate(&history);
		expected = linear_search_key(history.ops, history.count, STEPS).verdict;
		verdicts[expected]++;
		disagreements += expected != LINEAR_UNDECIDED &&
						 linear_check_key(history.ops, history.count, STEPS).verdict != expected;
		history_free(&history);
	}
	tap_note("the search accepts %d of %d, rejects %d, and gives %d up", verdicts[LINEAR_YES],
			 rounds, verdicts[LINEAR_NO], verdicts[LINEAR_UNDECIDED]);
	TAP_OK(verdicts[LINEAR_YES] > rounds / 10 && verdicts[LINEAR_NO] > rounds / 10,
		   "damaged histories are of both kinds");
	TAP_IS_INT(disagreements, 0, "agrees with the search on damaged histories");
}

/* ---------------------------------------------------------------- 100,000 operations */

/* The number of keys that are wrong; the verdict of the last wrong one is left in *result. */
static int
count_wrong_keys(const History *history, LinearResult *result)
{
	int wrong = 0;

	for (size_t first = 0; first < history->count;)
	{
		size_t count = history_key_run(history, first);
		LinearResult of_key = linear_check_key(&history->ops[first], count, STEPS);

		if (of_key.verdict == LINEAR_YES)
			of_key = session_check_key(&history->ops[first], count);
		if (of_key.verdict != LINEAR_YES)
		{
			wrong++;
			*result = of_key;
		}
		first += count;
	}
	return wrong;
}

static void
check_large(const char *name, const HistoryPlan *plan, uint64_t seed)
{
	History history;
	LinearResult result;
	clock_t begun;
	int wrong;
	size_t unknown = 0;

	history_seed(seed);
	history = history_generate(plan);
	for (size_t i = 0; i < history.count; i++)
		unknown += history.ops[i].outcome == HISTORY_UNKNOWN;
	begun = clock();
	wrong = count_wrong_keys(&history, &result);
	tap_note("%s: %zu operations, %zu of unknown outcome, %d keys: %.0f ms", name, history.count,
			 unknown, plan->keys, 1000.0 * (double) (clock() - begun) / CLOCKS_PER_SEC);
	TAP_OK(wrong == 0, "accepts %s", name);
	history_free(&history);
}

static const HistoryPlan large = {.count = 100000,
								  .clients = 32,
								  .keys = 20,
								  .put_share = 400,
								  .delete_share = 100,
								  .eventual_share = 200,
								  .unknown_share = 50,
								  .fail_share = 20};

static void
test_large(void)
{
	HistoryPlan plan = large;

	check_large("20 keys", &plan, 1);
	plan.keys = 300;
	check_large("300 keys", &plan, 2);
	plan.keys = 1;
	check_large("one hot key", &plan, 3);
	plan.unknown_share = 1000;
	check_large("one hot key, all writes of unknown outcome", &plan, 4);
	plan.clients = 1000;
	check_large("one hot key, 1,000 clients", &plan, 5);
}

/* ---------------------------------------------------------------- damage that no checker may miss */

/* Long enough that any write with an outcome is over, and others have come since. */
#define LONG_AGO_US (4 * HISTORY_LATE_MAX_US)

/* The value of a put of the key in [from, to) that has the outcome and began before before_us; or ABSENT. */
static int64_t
find_put(const History *history, size_t from, size_t to, HistoryOutcome outcome, int64_t before_us)
{
	for (size_t i = from; i < to; i++)
		if (history->ops[i].operation == HISTORY_PUT && history->ops[i].outcome == outcome &&
			history->ops[i].start_us < before_us)
			return history->ops[i].value;
	return HISTORY_ABSENT;
}

static bool
is_read_before(const History *history, size_t from, size_t to, int64_t value, int64_t before_us)
{
	for (size_t i = from; i < to; i++)
		if (history->ops[i].operation == HISTORY_GET && history->ops[i].value == value &&
			history->ops[i].end_us < before_us)
			return true;
	return false;
}

/* Lets the last get of a kind on the history's first key return `value`; the history has to be rejected. */
static void
rejects_get(History *history, HistoryOperation kind, int64_t value, const char *name)
{
	size_t at = history_key_run(history, 0) - 1;
	LinearResult result = {0};
	int64_t old;

	while (history->ops[at].operation != kind)
		at--;
	old = history->ops[at].value;
	history->ops[at].value = value;
	TAP_OK(count_wrong_keys(history, &result) == 1 && result.verdict == LINEAR_NO,
		   "rejects, among 100,000: %s", name);
	tap_note("%s", result.why ? result.why : "");
	history->ops[at].value = old;
}

/* The value of an unknown put of the key that was read long before the key's last operation. */
static int64_t
find_read_unknown(const History *history, size_t count)
{
	int64_t before_us = history->ops[count - 1].start_us - LONG_AGO_US;

	for (size_t i = 0; i < count; i++)
		if (history->ops[i].operation == HISTORY_PUT &&
			history->ops[i].outcome == HISTORY_UNKNOWN &&
			is_read_before(history, 0, count, history->ops[i].value, before_us))
			return history->ops[i].value;
	return HISTORY_ABSENT;
}

static void
test_large_damage(void)
{
	HistoryPlan plan = large;
	History history;
	size_t count;
	int64_t long_ago_us;

	history_seed(11);
	history = history_generate(&plan);
	count = history_key_run(&history, 0);
	long_ago_us = history.ops[count - 1].start_us - LONG_AGO_US;
	rejects_get(&history, HISTORY_GET, find_put(&history, 0, count, HISTORY_OK, long_ago_us),
				"a value that was overwritten long ago");
	rejects_get(&history, HISTORY_GET, find_put(&history, 0, count, HISTORY_FAIL, INT64_MAX),
				"the value of a failed put");
	rejects_get(&history, HISTORY_GET, find_read_unknown(&history, count),
				"an unknown put that takes effect a second time");
	rejects_get(&history, HISTORY_GET, INT64_C(1000000000), "a value that nobody wrote");
	rejects_get(&history, HISTORY_EVENTUAL_GET,
				find_put(&history, 0, count, HISTORY_FAIL, INT64_MAX),
				"the value of a failed put in an eventually consistent get");
	history_free(&history);

	plan.delete_share = 0;
	history = history_generate(&plan);
	rejects_get(&history, HISTORY_GET, HISTORY_ABSENT, "an item that is gone without a delete");
	rejects_get(&history, HISTORY_EVENTUAL_GET, HISTORY_ABSENT,
				"the same in a session that has seen it");
	history_free(&history);
}

/* ---------------------------------------------------------------- values that are written twice */

static void
test_search_is_bounded(void)
{
	HistoryPlan plan = {.count = 20000,
						.clients = 64,
						.keys = 1,
						.put_share = 500,
						.delete_share = 100,
						.unknown_share = 200};
	History history;
	LinearResult result;

	history_seed(3);
	history = history_generate(&plan);
	for (size_t i = 0; i < history.count; i++)
		if (history.ops[i].value != HISTORY_ABSENT)
			history.ops[i].value %= 7;
	result = linear_check_key(history.ops, history.count, STEPS);
	TAP_OK(result.verdict != LINEAR_NO, "few values, written again and again, are not rejected");
	result = linear_check_key(history.ops, history.count, 1000);
	TAP_IS_INT(result.verdict, LINEAR_UNDECIDED, "a search that is given up says so");
	TAP_OK(result.steps <= 1001, "at its bound");
	history_free(&history);
}

int
main(void)
{
	test_against_all_orders();
	test_against_search();
	test_large();
	test_large_damage();
	test_search_is_bounded();
	return tap_done();
}

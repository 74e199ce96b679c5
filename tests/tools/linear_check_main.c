/*
 * linear_check_main.c
 *		linear_check HISTORY ...: checks the histories, taken together, key by key: are puts, consistent gets and
 *		deletes linearizable (linear_check.h), and do eventually consistent gets never go back (session_check.h)?
 *
 * Prints one line of figures. Exits
 *
 *		0  if every key is right
 *		1  if one is not; the operations around the one that has no place are printed
 *		2  if a file is malformed or there was nothing to check
 *		3  if no key was found wrong but a search was given up: the history is undecided, which is no success
 */
#include "tools/linear_check.h"

#include <inttypes.h>
#include <stdlib.h>

#include "tools/session_check.h"

/* A search remembers 32 bytes a step, in a table that is doubled when half full: 200 MB at most, while it grows. */
#define STEPS_MAX UINT64_C(2000000)
#define SHOWN_EACH_SIDE 12

enum
{
	EXIT_WRONG = 1,
	EXIT_NOTHING_CHECKED = 2,
	EXIT_UNDECIDED = 3
};

typedef struct Totals
{
	size_t keys;
	size_t unknown;
	size_t eventual;
	size_t wrong;
	size_t undecided;
	uint64_t steps;
} Totals;

/* Prints the operations of the key that lie around the one that could not be explained. */
static void
print_neighbours(const HistoryOp *ops, size_t count, const HistoryOp *stuck)
{
	size_t at = 0;

	while (at < count && ops[at].start_us < stuck->start_us)
		at++;
	for (size_t i = at > SHOWN_EACH_SIDE ? at - SHOWN_EACH_SIDE : 0;
		 i < count && i < at + SHOWN_EACH_SIDE; i++)
	{
		fputs(ops[i].start_us == stuck->start_us && ops[i].process == stuck->process ? "> " : "  ",
			  stdout);
		history_write_op(stdout, &ops[i]);
	}
}

static void
print_wrong(const HistoryOp *ops, size_t count, const LinearResult *result, const char *rule)
{
	printf("key %s is not %s: %s\n> ", ops->key, rule, result->why);
	history_write_op(stdout, &result->stuck);
	if (result->has_against)
	{
		fputs("against\n  ", stdout);
		history_write_op(stdout, &result->against);
	}
	printf("among\n");
	print_neighbours(ops, count, &result->stuck);
}

static void
check_key(const HistoryOp *ops, size_t count, Totals *totals)
{
	LinearResult linear = linear_check_key(ops, count, STEPS_MAX);
	LinearResult session = session_check_key(ops, count);

	totals->keys++;
	totals->steps += linear.steps;
	for (size_t i = 0; i < count; i++)
	{
		totals->unknown += ops[i].outcome == HISTORY_UNKNOWN;
		totals->eventual += ops[i].operation == HISTORY_EVENTUAL_GET;
	}
	if (linear.verdict == LINEAR_NO)
		print_wrong(ops, count, &linear, "linearizable");
	if (session.verdict == LINEAR_NO)
		print_wrong(ops, count, &session, "monotonic in a session");
	if (linear.verdict == LINEAR_NO || session.verdict == LINEAR_NO)
		totals->wrong++;
	else if (linear.verdict == LINEAR_UNDECIDED)
	{
		printf("key %s: given up after %" PRIu64 " steps\n", ops->key, linear.steps);
		totals->undecided++;
	}
}

static int
check_history(const History *history)
{
	Totals totals = {0};

	for (size_t first = 0; first < history->count;)
	{
		size_t count = history_key_run(history, first);

		check_key(&history->ops[first], count, &totals);
		first += count;
	}
	printf("%zu operations on %zu keys, %zu eventually consistent, %zu of unknown outcome, %" PRIu64
		   " steps: %s\n",
		   history->count, totals.keys, totals.eventual, totals.unknown, totals.steps,
		   totals.wrong > 0       ? "WRONG"
		   : totals.undecided > 0 ? "undecided"
								  : "linearizable, no session goes back");
	if (totals.wrong > 0)
		return EXIT_WRONG;
	return totals.undecided > 0 ? EXIT_UNDECIDED : EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	History history = {0};
	int status;

	if (argc < 2)
	{
		fprintf(stderr, "usage: %s HISTORY ...\n", argv[0]);
		return EXIT_NOTHING_CHECKED;
	}
	for (int i = 1; i < argc; i++)
		if (!history_read_file(&history, argv[i]))
			return EXIT_NOTHING_CHECKED;
	if (history.count == 0)
	{
		fprintf(stderr, "there is nothing to check\n");
		return EXIT_NOTHING_CHECKED;
	}
	history_sort(&history);
	status = check_history(&history);
	history_free(&history);
	return status;
}

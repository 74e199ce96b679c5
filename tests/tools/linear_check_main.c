/*
 * linear_check_main.c
 *		linear_check HISTORY ...: checks the histories, taken together, key by key.
 *
 * Prints one line of figures. Exits 0 if every key is linearizable, 1 if one is not (with the operations
 * around the place where no explanation was found), 2 if a file is malformed, a search was given up or
 * there was nothing to check.
 */
#include "tools/linear_check.h"

#include <inttypes.h>
#include <stdlib.h>

#define STEPS_MAX UINT64_C(200000000)
#define SHOWN_EACH_SIDE 12

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

static int
check_history(const History *history)
{
	size_t keys = 0;
	uint64_t steps = 0;
	int status = 0;

	for (size_t first = 0; first < history->count;)
	{
		size_t count = history_key_run(history, first);
		const HistoryOp *ops = &history->ops[first];
		LinearResult result = linear_check_key(ops, count, STEPS_MAX);

		keys++;
		steps += result.steps;
		if (result.verdict == LINEAR_NO)
		{
			printf("key %s is not linearizable; %zu operations could be explained, not:\n",
				   ops->key, result.explained);
			print_neighbours(ops, count, &result.stuck);
			status = 1;
		}
		else if (result.verdict == LINEAR_UNDECIDED)
		{
			printf("key %s: given up after %" PRIu64 " steps\n", ops->key, result.steps);
			status = status ? status : 2;
		}
		first += count;
	}
	printf("%zu operations on %zu keys, %" PRIu64 " steps: %s\n", history->count, keys, steps,
		   status == 0   ? "linearizable"
		   : status == 1 ? "NOT linearizable"
						 : "undecided");
	return status;
}

int
main(int argc, char **argv)
{
	History history = {0};
	int status;

	if (argc < 2)
	{
		fprintf(stderr, "usage: %s HISTORY ...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++)
		if (!history_read_file(&history, argv[i]))
			return 2;
	if (history.count == 0)
	{
		fprintf(stderr, "there is nothing to check\n");
		return 2;
	}
	history_sort(&history);
	status = check_history(&history);
	history_free(&history);
	return status;
}

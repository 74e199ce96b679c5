/*
 * client_probe.c
 *		Mode "probe": how long is the longest silence in acknowledged writes on each partition?
 *
 * One writer per given key, each at its own rate on a connection of its own; the caller gives one key
 * of each partition that it wants to watch. A gap is the time between two acknowledgements that follow
 * each other; the time from the start to the first one and from the last one to the end of the run count
 * too. With a sort key every write makes an item of its own, so that re-reading finds each of them.
 *
 * Prints "KEY ACKNOWLEDGED FAILED UNKNOWN LONGEST_GAP_MS GAP_START_US" per key and one last line with
 * the longest of all.
 */
#include "tools/client.h"

#include <inttypes.h>
#include <stdlib.h>

#define DEFAULT_RATE 200
#define PAUSE_AFTER_FAILURE_US 2000

typedef struct ProbeResult
{
	int64_t acknowledged;
	int64_t failed;
	int64_t unknown;
	int64_t gap_us; /* the longest one */
	int64_t gap_start_us;
	int64_t last_us; /* of the last acknowledgement, or the start */
	char error[256];
} ProbeResult;

typedef struct ProbeRun
{
	const ClientOptions *options;
	ProbeResult *results; /* one a key */
} ProbeRun;

static void
end_gap(ProbeResult *result, int64_t at_us)
{
	if (at_us - result->last_us > result->gap_us)
	{
		result->gap_us = at_us - result->last_us;
		result->gap_start_us = result->last_us;
	}
	result->last_us = at_us;
}

static void
count_write(ProbeResult *result, const HistoryOp *op, const ClientSession *session)
{
	if (op->outcome == HISTORY_OK)
	{
		result->acknowledged++;
		end_gap(result, op->end_us);
		return;
	}
	if (op->outcome == HISTORY_FAIL)
		result->failed++;
	else
		result->unknown++;
	snprintf(result->error, sizeof(result->error), "%s", client_last_error(session));
}

static void
run_probe(int index, void *run_pointer)
{
	ProbeRun *run = run_pointer;
	const ClientOptions *options = run->options;
	ProbeResult *result = &run->results[index];
	ClientSession *session = client_session_open(options, index);
	int64_t interval_us = 1000000 / (options->rate > 0 ? options->rate : DEFAULT_RATE);
	int64_t next_us = client_now_us();

	result->last_us = next_us;
	for (int64_t number = 1; !client_stopping(); number++)
	{
		HistoryOp op = {.process = options->process + index, .value = number};

		if (options->sort_key)
			snprintf(op.key, sizeof(op.key), "%s/%" PRId64, options->probe_keys[index], number);
		else
			snprintf(op.key, sizeof(op.key), "%s", options->probe_keys[index]);
		client_run_op(session, &op);
		client_history_add(&op);
		count_write(result, &op, session);
		next_us += interval_us;
		if (op.outcome != HISTORY_OK)
			next_us = client_now_us() + PAUSE_AFTER_FAILURE_US;
		else if (next_us < op.end_us)
			next_us = op.end_us;
		client_sleep_until(next_us);
	}
	end_gap(result, client_now_us());
	client_session_close(session);
}

static int
print_results(const ProbeRun *run)
{
	const ProbeResult *longest = &run->results[0];
	bool all_wrote = true;

	for (int i = 0; i < run->options->probe_key_count; i++)
	{
		const ProbeResult *result = &run->results[i];

		printf("%s %" PRId64 " %" PRId64 " %" PRId64 " %.1f %" PRId64 "\n",
			   run->options->probe_keys[i], result->acknowledged, result->failed, result->unknown,
			   (double) result->gap_us / 1000.0, result->gap_start_us);
		if (result->error[0])
			fprintf(stderr, "%s, last error: %s\n", run->options->probe_keys[i], result->error);
		if (result->gap_us > longest->gap_us)
			longest = result;
		all_wrote = all_wrote && result->acknowledged > 0;
	}
	printf("longest_gap_ms %.1f\n", (double) longest->gap_us / 1000.0);
	return all_wrote ? 0 : 1;
}

int
client_probe(const ClientOptions *options)
{
	ProbeRun run = {.options = options};
	int status;

	run.results = calloc((size_t) options->probe_key_count, sizeof(ProbeResult));
	if (!run.results || !client_history_open(options->history))
		return 2;
	client_run_threads(options->probe_key_count, run_probe, &run);
	status = print_results(&run);
	free(run.results);
	return client_history_close() ? status : 2;
}

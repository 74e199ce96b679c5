/*
 * client_load.c
 *		Mode "load": random puts, gets and deletes on a few keys, recorded for the checker.
 *
 * Few keys and many connections, so that operations on a key overlap. Every put writes a value that no other
 * put of the run writes.
 */
#include "tools/client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Puts of one connection in a run; the value of a put is process * this + its number. */
#define PUTS_MAX INT64_C(10000000)
#define PAUSE_AFTER_FAILURE_US 10000

#define STATES_MAX 16

/* Errors of one SQLSTATE. */
typedef struct StateCount
{
	char sqlstate[16];
	int64_t count;
} StateCount;

typedef struct LoadCounts
{
	int64_t ok;
	int64_t fail;
	int64_t unknown;
	char error[256]; /* the last one */
	StateCount states[STATES_MAX];
} LoadCounts;

typedef struct LoadRun
{
	const ClientOptions *options;
	LoadCounts *counts; /* one a connection */
} LoadRun;

static uint32_t
next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) (*state >> 33);
}

static void
choose_op(const ClientOptions *options, uint64_t *random, int process, int64_t put_number,
		  HistoryOp *op)
{
	int percent = (int) (next_random(random) % 100);

	*op = (HistoryOp){.process = process, .value = HISTORY_ABSENT};
	snprintf(op->key, sizeof(op->key), options->sort_key ? "%s%d/0" : "%s%d", options->key_prefix,
			 (int) (next_random(random) % (uint32_t) options->keys));
	if (percent < options->put_percent)
	{
		op->operation = HISTORY_PUT;
		op->value = process * PUTS_MAX + put_number;
	}
	else if (percent < options->put_percent + options->delete_percent)
		op->operation = HISTORY_DELETE;
	else if ((int) (next_random(random) % 100) < options->eventual_percent)
		op->operation = HISTORY_EVENTUAL_GET;
	else
		op->operation = HISTORY_GET;
}

/* Beyond STATES_MAX all go to the last one. */
static void
count_state(LoadCounts *counts, const char *sqlstate, int64_t count)
{
	int i = 0;

	while (i < STATES_MAX - 1 && counts->states[i].count > 0 &&
		   strcmp(counts->states[i].sqlstate, sqlstate) != 0)
		i++;
	snprintf(counts->states[i].sqlstate, sizeof(counts->states[i].sqlstate), "%s", sqlstate);
	counts->states[i].count += count;
}

static void
count_outcome(LoadCounts *counts, const HistoryOp *op, const ClientSession *session)
{
	if (op->outcome == HISTORY_OK)
	{
		counts->ok++;
		return;
	}
	if (counts->fail + counts->unknown == 0)
		fprintf(stderr, "process %d, first error: %s\n", op->process, client_last_error(session));
	if (op->outcome == HISTORY_FAIL)
		counts->fail++;
	else
		counts->unknown++;
	count_state(counts, client_last_sqlstate(session), 1);
	snprintf(counts->error, sizeof(counts->error), "%s", client_last_error(session));
}

static void
run_connection(int index, void *run_pointer)
{
	LoadRun *run = run_pointer;
	const ClientOptions *options = run->options;
	ClientSession *session = client_session_open(options, index);
	uint64_t random = options->seed * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t) index;
	int64_t next_us = client_now_us();
	int64_t put_number = 0;

	while (!client_stopping())
	{
		HistoryOp op;

		choose_op(options, &random, options->process + index, ++put_number, &op);
		client_run_op(session, &op);
		client_history_add(&op);
		count_outcome(&run->counts[index], &op, session);
		if (op.outcome != HISTORY_OK)
			client_sleep_until(client_now_us() + PAUSE_AFTER_FAILURE_US);
		if (options->rate > 0)
		{
			next_us += 1000000 / options->rate;
			client_sleep_until(next_us);
		}
	}
	client_session_close(session);
}

int
client_load(const ClientOptions *options)
{
	LoadRun run = {.options = options};
	LoadCounts total = {0};

	run.counts = calloc((size_t) options->connections, sizeof(LoadCounts));
	if (!run.counts || !client_history_open(options->history))
		return 2;
	client_run_threads(options->connections, run_connection, &run);
	for (int i = 0; i < options->connections; i++)
	{
		total.ok += run.counts[i].ok;
		total.fail += run.counts[i].fail;
		total.unknown += run.counts[i].unknown;
		for (int s = 0; s < STATES_MAX && run.counts[i].states[s].count > 0; s++)
			count_state(&total, run.counts[i].states[s].sqlstate, run.counts[i].states[s].count);
		if (run.counts[i].error[0])
			printf("connection %d, last error: %s\n", i, run.counts[i].error);
	}
	printf("%" PRId64 " acknowledged, %" PRId64 " failed, %" PRId64 " of unknown outcome\n",
		   total.ok, total.fail, total.unknown);
	for (int s = 0; s < STATES_MAX && total.states[s].count > 0; s++)
		printf("errors %s: %" PRId64 "\n", total.states[s].sqlstate, total.states[s].count);
	free(run.counts);
	if (!client_history_close())
		return 2;
	return total.ok > 0 ? 0 : 1;
}

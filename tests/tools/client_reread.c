/*
 * client_reread.c
 *		Mode "reread": is every acknowledged write of a history still there?
 *
 * Run when the writers have ended. For each key the item is read consistently and must be what an acknowledged write
 * left that no later acknowledged write (one that started after its end) replaced, or what a write of unknown outcome
 * may have left. A key of which no write was acknowledged may also hold nothing.
 */
#include "tools/client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A read that the servers refuse (no leader yet, say) is repeated for this long. */
#define READ_LIMIT_US 30000000
#define READ_PAUSE_US 20000

typedef struct RereadCounts
{
	int64_t keys;
	int64_t acknowledged;
	int64_t lost;
	int64_t unread;
} RereadCounts;

typedef struct RereadRun
{
	const ClientOptions *options;
	const History *history;
	RereadCounts *counts; /* one a connection */
} RereadRun;

/* May the key hold value (or nothing) after the writes in ops? */
static bool
value_is_explained(const HistoryOp *ops, size_t count, int64_t value)
{
	int64_t last_start_us = INT64_MIN;

	for (size_t i = 0; i < count; i++)
		if (history_may_have_written(&ops[i]) && ops[i].outcome == HISTORY_OK &&
			ops[i].start_us > last_start_us)
			last_start_us = ops[i].start_us;
	for (size_t i = 0; i < count; i++)
	{
		bool replaced = ops[i].outcome == HISTORY_OK && ops[i].end_us < last_start_us;

		if (history_may_have_written(&ops[i]) && !replaced && ops[i].value == value)
			return true;
	}
	return value == HISTORY_ABSENT && last_start_us == INT64_MIN;
}

static bool
read_key(ClientSession *session, const char *key, int64_t *value)
{
	int64_t limit_us = client_now_us() + READ_LIMIT_US;

	do
	{
		HistoryOp get = {.operation = HISTORY_GET};

		snprintf(get.key, sizeof(get.key), "%s", key);
		client_run_op(session, &get);
		if (get.outcome == HISTORY_OK)
		{
			*value = get.value;
			return true;
		}
		client_sleep_until(client_now_us() + READ_PAUSE_US);
	} while (client_now_us() < limit_us && !client_stopping());
	printf("key %s could not be read: %s\n", key, client_last_error(session));
	return false;
}

static void
check_key(ClientSession *session, const HistoryOp *ops, size_t count, RereadCounts *counts)
{
	int64_t value;

	counts->keys++;
	for (size_t i = 0; i < count; i++)
		counts->acknowledged += history_may_have_written(&ops[i]) && ops[i].outcome == HISTORY_OK;
	if (!read_key(session, ops->key, &value))
		counts->unread++;
	else if (!value_is_explained(ops, count, value))
	{
		counts->lost++;
		if (value == HISTORY_ABSENT)
			printf("key %s holds nothing, which no write explains\n", ops->key);
		else
			printf("key %s holds %" PRId64 ", which no write explains\n", ops->key, value);
	}
}

/* Each connection takes every n-th key. */
static void
run_reader(int index, void *run_pointer)
{
	RereadRun *run = run_pointer;
	ClientSession *session = client_session_open(run->options, index);
	int number = 0;

	for (size_t first = 0; first < run->history->count && !client_stopping();)
	{
		size_t count = history_key_run(run->history, first);

		if (number++ % run->options->connections == index)
			check_key(session, &run->history->ops[first], count, &run->counts[index]);
		first += count;
	}
	client_session_close(session);
}

int
client_reread(const ClientOptions *options)
{
	History history = {0};
	RereadRun run = {.options = options, .history = &history};
	RereadCounts total = {0};

	if (!history_read_file(&history, options->history))
		return 2;
	history_sort(&history);
	run.counts = calloc((size_t) options->connections, sizeof(RereadCounts));
	if (!run.counts)
		return 2;
	client_run_threads(options->connections, run_reader, &run);
	for (int i = 0; i < options->connections; i++)
	{
		total.keys += run.counts[i].keys;
		total.acknowledged += run.counts[i].acknowledged;
		total.lost += run.counts[i].lost;
		total.unread += run.counts[i].unread;
	}
	printf("%" PRId64 " acknowledged writes on %" PRId64 " keys re-read: %" PRId64
		   " keys lost, %" PRId64 " could not be read\n",
		   total.acknowledged, total.keys, total.lost, total.unread);
	free(run.counts);
	history_free(&history);
	if (total.lost > 0 || client_stopping())
		return 1;
	return total.unread > 0 || total.keys == 0 ? 2 : 0;
}

/*
 * history_client_main.c
 *		The load client's command line; client.h says what the options mean, usage() what there is.
 */
#include "tools/client.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static void
usage(void)
{
	fputs("usage: history_client load|probe|reread --table NAME --node CONNINFO ... [OPTION ...]\n"
		  "  load    puts, gets and deletes on a few keys, written to --history\n"
		  "  probe   one writer per --probe-key; reports the longest gap in acknowledged writes\n"
		  "  reread  reads what the writes in --history must have left\n"
		  "options: --history FILE --seconds N --connections N --keys N --key-prefix TEXT\n"
		  "  --probe-key KEY ... --rate N --put-percent N --delete-percent N --eventual-percent N\n"
		  "  --timeout-ms N --process N --seed N --partition-key NAME --sort-key NAME\n",
		  stderr);
}

/* Codes of the long options. */
enum
{
	OPTION_TABLE = 256,
	OPTION_NODE,
	OPTION_HISTORY,
	OPTION_SECONDS,
	OPTION_CONNECTIONS,
	OPTION_KEYS,
	OPTION_KEY_PREFIX,
	OPTION_PROBE_KEY,
	OPTION_RATE,
	OPTION_PUT_PERCENT,
	OPTION_DELETE_PERCENT,
	OPTION_EVENTUAL_PERCENT,
	OPTION_TIMEOUT_MS,
	OPTION_PROCESS,
	OPTION_SEED,
	OPTION_PARTITION_KEY,
	OPTION_SORT_KEY
};

static const struct option long_options[] = {
	{"table", required_argument, NULL, OPTION_TABLE},
	{"node", required_argument, NULL, OPTION_NODE},
	{"history", required_argument, NULL, OPTION_HISTORY},
	{"seconds", required_argument, NULL, OPTION_SECONDS},
	{"connections", required_argument, NULL, OPTION_CONNECTIONS},
	{"keys", required_argument, NULL, OPTION_KEYS},
	{"key-prefix", required_argument, NULL, OPTION_KEY_PREFIX},
	{"probe-key", required_argument, NULL, OPTION_PROBE_KEY},
	{"rate", required_argument, NULL, OPTION_RATE},
	{"put-percent", required_argument, NULL, OPTION_PUT_PERCENT},
	{"delete-percent", required_argument, NULL, OPTION_DELETE_PERCENT},
	{"eventual-percent", required_argument, NULL, OPTION_EVENTUAL_PERCENT},
	{"timeout-ms", required_argument, NULL, OPTION_TIMEOUT_MS},
	{"process", required_argument, NULL, OPTION_PROCESS},
	{"seed", required_argument, NULL, OPTION_SEED},
	{"partition-key", required_argument, NULL, OPTION_PARTITION_KEY},
	{"sort-key", required_argument, NULL, OPTION_SORT_KEY},
	{NULL, 0, NULL, 0}};

/* Options with a text; returns false if there are too many of a kind or the option is another. */
static bool
store_text_option(ClientOptions *options, int option, const char *text)
{
	switch (option)
	{
		case OPTION_TABLE:
			options->table = text;
			return true;
		case OPTION_HISTORY:
			options->history = text;
			return true;
		case OPTION_KEY_PREFIX:
			options->key_prefix = text;
			return true;
		case OPTION_PARTITION_KEY:
			options->partition_key = text;
			return true;
		case OPTION_SORT_KEY:
			options->sort_key = text;
			return true;
		case OPTION_NODE:
			if (options->node_count == CLIENT_NODES_MAX)
				return false;
			options->nodes[options->node_count++] = text;
			return true;
		case OPTION_PROBE_KEY:
			if (options->probe_key_count == CLIENT_PROBE_KEYS_MAX || strlen(text) > 40)
				return false;
			options->probe_keys[options->probe_key_count++] = text;
			return true;
		default:
			return false;
	}
}

/* Options with a number; returns false if it is none or the option is another. */
static bool
store_number_option(ClientOptions *options, int option, const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);
	struct
	{
		int option;
		int *target;
		long least;
	} targets[] = {{OPTION_SECONDS, &options->seconds, 0},
				   {OPTION_CONNECTIONS, &options->connections, 1},
				   {OPTION_KEYS, &options->keys, 1},
				   {OPTION_RATE, &options->rate, 0},
				   {OPTION_PUT_PERCENT, &options->put_percent, 0},
				   {OPTION_DELETE_PERCENT, &options->delete_percent, 0},
				   {OPTION_EVENTUAL_PERCENT, &options->eventual_percent, 0},
				   {OPTION_TIMEOUT_MS, &options->timeout_ms, 1},
				   {OPTION_PROCESS, &options->process, 0}};

	if (*end != '\0' || end == text)
		return false;
	if (option == OPTION_SEED)
	{
		options->seed = (uint64_t) number;
		return true;
	}
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
	{
		if (targets[i].option == option && number >= targets[i].least && number <= 1000000000)
		{
			*targets[i].target = (int) number;
			return true;
		}
	}
	return false;
}

static bool
parse_options(int argc, char **argv, ClientOptions *options)
{
	int option;

	*options = (ClientOptions){.partition_key = "pk",
							   .seconds = 10,
							   .connections = 4,
							   .keys = 20,
							   .key_prefix = "key",
							   .put_percent = 45,
							   .delete_percent = 10,
							   .timeout_ms = 10000,
							   .seed = 1};
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
	{
		if (option == '?' || (!store_text_option(options, option, optarg) &&
							  !store_number_option(options, option, optarg)))
			return false;
	}
	return optind == argc && options->table && options->node_count > 0 &&
		   strlen(options->key_prefix) <= 40;
}

int
main(int argc, char **argv)
{
	ClientOptions options;
	const char *mode = argc > 1 ? argv[1] : "";

	if (argc < 2 || !parse_options(argc - 1, argv + 1, &options))
	{
		usage();
		return 2;
	}
	if (strcmp(mode, "load") == 0)
	{
		client_start_clock(options.seconds);
		return client_load(&options);
	}
	if (strcmp(mode, "probe") == 0 && options.probe_key_count > 0)
	{
		client_start_clock(options.seconds);
		return client_probe(&options);
	}
	if (strcmp(mode, "reread") == 0 && options.history)
	{
		client_start_clock(0);
		return client_reread(&options);
	}
	usage();
	return 2;
}

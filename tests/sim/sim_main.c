/*
 * sim_main.c
 *		The command line of the simulator.
 *
 *	quorate_sim --seeds 200 [--from 1] [--jobs 2] [--ops 1000] [--until-failure] [--fingerprints]
 *		[--regression FILE]
 *	quorate_sim --seed 17 [--trace] [--ops 1000]
 *
 * Prints TAP; the exit code is 0 if all is well.  A full run (200 seeds or more) also has to meet every kind
 * of fault and every coverage mark.  The seeds of the regression file are run before all others.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/sim_runner.h"
#include "sim/sim_util.h"

#define FULL_RUN_SEEDS 200
#define OPERATIONS_DEFAULT 1000

typedef struct Arguments
{
	uint64_t seed; /* 0: many */
	uint64_t from;
	uint32_t count;
	uint64_t operations;
	uint32_t jobs;
	bool trace;
	bool until_failure;
	bool fingerprints;
	const char *regression;
} Arguments;

static const struct option OPTIONS[] = {
	{"seed", required_argument, NULL, 's'},   {"seeds", required_argument, NULL, 'n'},
	{"from", required_argument, NULL, 'f'},   {"jobs", required_argument, NULL, 'j'},
	{"ops", required_argument, NULL, 'o'},    {"regression", required_argument, NULL, 'r'},
	{"trace", no_argument, NULL, 't'},        {"until-failure", no_argument, NULL, 'u'},
	{"fingerprints", no_argument, NULL, 'p'}, {NULL, 0, NULL, 0},
};

static uint64_t
read_number(const char *text)
{
	char *end;
	uint64_t number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number == 0)
	{
		fprintf(stderr, "not a positive number: \"%s\"\n", text);
		exit(2);
	}
	return number;
}

static void
read_arguments(Arguments *arguments, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1)
	{
		switch (option)
		{
			case 's':
				arguments->seed = read_number(optarg);
				break;
			case 'n':
				arguments->count = (uint32_t) read_number(optarg);
				break;
			case 'f':
				arguments->from = read_number(optarg);
				break;
			case 'j':
				arguments->jobs = (uint32_t) read_number(optarg);
				break;
			case 'o':
				arguments->operations = read_number(optarg);
				break;
			case 'r':
				arguments->regression = optarg;
				break;
			case 't':
				arguments->trace = true;
				break;
			case 'u':
				arguments->until_failure = true;
				break;
			case 'p':
				arguments->fingerprints = true;
				break;
			default:
				exit(2);
		}
	}
	if (optind < argc)
	{
		fprintf(stderr, "unexpected argument \"%s\"\n", argv[optind]);
		exit(2);
	}
}

/* Lines are "SEED COMMIT STORY"; # begins a comment.  Returns how many seeds were read. */
static uint32_t
read_regression_seeds(const char *path, uint64_t **seeds, size_t *capacity)
{
	FILE *file = fopen(path, "r");
	char line[1024];
	uint32_t count = 0;

	if (!file)
	{
		fprintf(stderr, "could not open \"%s\": %s\n", path, strerror(errno));
		exit(2);
	}
	while (fgets(line, sizeof(line), file))
	{
		char *end = strpbrk(line, " \t\n");

		if (line[0] == '#' || end == line)
			continue;
		if (end)
			*end = '\0';
		*seeds = sim_grow(*seeds, capacity, count + 1, sizeof(uint64_t));
		(*seeds)[count++] = read_number(line);
	}
	fclose(file);
	return count;
}

int
main(int argc, char **argv)
{
	Arguments arguments = {
		.from = 1,
		.count = FULL_RUN_SEEDS,
		.operations = OPERATIONS_DEFAULT,
		.jobs = (uint32_t) sysconf(_SC_NPROCESSORS_ONLN),
	};
	SimOptions options = {0};
	size_t capacity = 0;
	int code;

	read_arguments(&arguments, argc, argv);
	if (arguments.seed)
		return sim_runner_run_one(arguments.seed, arguments.operations, arguments.trace);
	if (arguments.regression)
		options.seed_count = read_regression_seeds(arguments.regression, &options.seeds, &capacity);
	for (uint32_t i = 0; i < arguments.count; i++)
	{
		options.seeds = sim_grow(options.seeds, &capacity, options.seed_count + 1,
								 sizeof(uint64_t));
		options.seeds[options.seed_count++] = arguments.from + i;
	}
	options.operations = arguments.operations;
	options.jobs = arguments.jobs;
	options.until_failure = arguments.until_failure;
	options.fingerprints = arguments.fingerprints;
	options.need_coverage = arguments.count >= FULL_RUN_SEEDS && !arguments.until_failure;
	code = sim_runner_run_all(&options);
	free(options.seeds);
	return code;
}

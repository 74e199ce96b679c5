/*
 * sim_runner.h
 *		Runs many seeds, each in a process of its own, and sums up what they met.
 */
#ifndef QUORATE_SIM_RUNNER_H
#define QUORATE_SIM_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct SimOptions
{
	uint64_t *seeds; /* in the order in which they are run */
	uint32_t seed_count;
	uint64_t operations; /* that each seed has to commit at least */
	uint32_t jobs;       /* processes at a time */
	bool fingerprints;
	bool until_failure; /* stop at the first seed that fails */
	bool need_coverage; /* together they have to meet every fault and every coverage mark */
} SimOptions;

/* Runs one seed in this process, with a trace if wanted; prints TAP.  Returns the exit code. */
extern int sim_runner_run_one(uint64_t seed, uint64_t operations, bool trace);

/* Runs all; prints TAP.  Returns the exit code. */
extern int sim_runner_run_all(const SimOptions *options);

#endif /* QUORATE_SIM_RUNNER_H */

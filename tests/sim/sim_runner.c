/*
 * sim_runner.c
 *		See sim_runner.h.
 *
 * A seed that breaks an assertion, crashes or hangs takes only its own process with it; what it had to say
 * is in memory that the processes share.
 */
#include "sim/sim_runner.h"

#include <execinfo.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/core_assert.h"
#include "core/marks.h"
#include "sim/sim_util.h"
#include "sim/sim_world.h"

#define SEED_LIMIT_S 120
#define EXIT_ASSERTION 3
#define CALLERS_MAX 24

/* What one seed leaves behind. */
typedef struct Result
{
	uint64_t seed;
	bool ended; /* false if the process did not come to its end */
	CheckReport report;
	uint64_t committed;
	uint64_t reads;
	uint64_t leaders;
	uint64_t fingerprint;
	int64_t simulated_us;
	int64_t elect_us;
	int64_t converge_us;
	int64_t handover_us;
	uint64_t faults[SIM_FAULT_COUNT];
	uint64_t marks[CORE_MARK_COUNT];
} Result;

/* Where the seed that runs in this process leaves it. */
static Result *current_result;

/* A broken invariant of the code under test ends the seed, as it ends a real process. */
static void
assertion_failed(const char *condition, const char *invariant, const char *file, int line)
{
	void *callers[CALLERS_MAX];

	check_fail(&current_result->report, "assertion", "%s%s%s at %s:%d", invariant,
			   invariant[0] ? ": " : "", condition, file, line);
	fprintf(stderr, "# seed %" PRIu64 ": assertion %s\n", current_result->seed,
			current_result->report.text);
	backtrace_symbols_fd(callers, backtrace(callers, CALLERS_MAX), STDERR_FILENO);
	_exit(EXIT_ASSERTION);
}

static void
keep_result(Result *result, const SimWorld *world)
{
	result->report = world->report;
	result->committed = world->committed;
	result->reads = world->reads;
	result->fingerprint = world->fingerprint;
	result->simulated_us = world->now_us;
	result->elect_us = world->elect_us;
	result->converge_us = world->converge_us;
	result->handover_us = world->handover_us;
	for (uint32_t group = 0; group < SIM_GROUPS; group++)
		result->leaders += check_lead_count(world->lead, group);
	memcpy(result->faults, world->faults.applied, sizeof(result->faults));
	memcpy(result->marks, core_mark_hits, sizeof(result->marks));
	result->ended = true;
}

static void
run_seed(Result *result, uint64_t seed, uint64_t operations, bool trace)
{
	SimWorld *world;

	result->seed = seed;
	current_result = result;
	core_assert_handler = assertion_failed;
	memset(core_mark_hits, 0, sizeof(core_mark_hits));
	world = sim_world_create(seed, operations, trace);
	sim_world_run(world);
	keep_result(result, world);
	if (trace)
		sim_world_describe(world);
	sim_world_free(world);
}

/* `fingerprints`: with what tells this run from any other, so that two builds can be compared. */
static bool
print_result(const Result *result, uint32_t number, bool fingerprints)
{
	if (!result->report.failed)
	{
		printf("ok %u - seed %" PRIu64 ": %" PRIu64 " operations, %" PRIu64 " reads, %" PRIu64
			   " leaders",
			   number, result->seed, result->committed, result->reads, result->leaders);
		if (fingerprints)
			printf(", %" PRId64 " us, fingerprint %016" PRIx64, result->simulated_us,
				   result->fingerprint);
		putchar('\n');
		return true;
	}
	printf("not ok %u - seed %" PRIu64 ": [%s] %s\n", number, result->seed, result->report.rule,
		   result->report.text);
	fflush(stdout);
	return false;
}

int
sim_runner_run_one(uint64_t seed, uint64_t operations, bool trace)
{
	Result result = {0};
	bool passed;

	run_seed(&result, seed, operations, trace);
	passed = print_result(&result, 1, true);
	printf("1..1\n");
	return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- many seeds ---- */

static void
start_seed(const SimOptions *options, Result *result, uint64_t seed, pid_t *process)
{
	result->seed = seed;
	fflush(stdout);
	*process = fork();
	if (*process < 0)
	{
		perror("fork");
		exit(2);
	}
	if (*process == 0)
	{
		alarm(SEED_LIMIT_S);
		run_seed(result, seed, options->operations, false);
		_exit(EXIT_SUCCESS);
	}
}

/* A process that did not come to its end has failed, whatever it had found until then. */
static void
judge_end(Result *result, int status)
{
	if (WIFSIGNALED(status))
		check_fail(&result->report, "crash", "the process ended by signal %d%s", WTERMSIG(status),
				   WTERMSIG(status) == SIGALRM ? " (no end in sight)" : "");
	else if (WEXITSTATUS(status) != EXIT_SUCCESS)
		check_fail(&result->report, "crash", "the process ended with exit code %d",
				   WEXITSTATUS(status));
	else if (!result->ended)
		check_fail(&result->report, "crash", "the process left no result");
}

/* Waits for any child; returns the index of its seed. */
static uint32_t
wait_for_seed(Result *results, const pid_t *processes, uint32_t count)
{
	int status;
	pid_t process = waitpid(-1, &status, 0);

	for (uint32_t i = 0; i < count; i++)
	{
		if (processes[i] == process)
		{
			judge_end(&results[i], status);
			return i;
		}
	}
	fprintf(stderr, "an unknown process ended\n");
	exit(2);
}

/* Starts seeds and waits for them; returns how many were run, and counts those that failed. */
static uint32_t
run_seeds(const SimOptions *options, Result *results, uint32_t *failed_count)
{
	pid_t *processes = sim_allocate(options->seed_count * sizeof(pid_t));
	uint32_t started = 0;
	uint32_t ended = 0;

	while (ended < started ||
		   (started < options->seed_count && !(options->until_failure && *failed_count > 0)))
	{
		bool may_start = started < options->seed_count && started - ended < options->jobs &&
						 !(options->until_failure && *failed_count > 0);

		if (may_start)
		{
			start_seed(options, &results[started], options->seeds[started], &processes[started]);
			started++;
			continue;
		}
		if (!print_result(&results[wait_for_seed(results, processes, started)], ++ended,
						  options->fingerprints))
			++*failed_count;
	}
	free(processes);
	return ended;
}

/* ---- the summary ---- */

/*
 * Marks that random runs need not reach.  removed_by_own_log: leaders send a final membership to those alone whom it
 * names; who is left out gets it only by adopting the log of another one, and then learns first by a message that it
 * was removed.  adopted_own_removal: who knows that a member leaves does not promise it anything, unless two leaders
 * made different memberships of one generation.  acknowledged_and_forgotten: the simulator does not damage the last
 * sync of a log, for nobody can tell that from a torn write.
 */
static const char *const RARE_MARKS[] = {"acknowledged_and_forgotten", "adopted_own_removal",
										 "removed_by_own_log"};

static bool
is_rare(const char *name)
{
	for (size_t i = 0; i < sizeof(RARE_MARKS) / sizeof(RARE_MARKS[0]); i++)
	{
		if (strcmp(name, RARE_MARKS[i]) == 0)
			return true;
	}
	return false;
}

/* Prints "name count" for each; returns how many were never met. */
static uint32_t
print_counts(const char *title, const uint64_t *counts, const char *const *names, int count)
{
	uint32_t missing = 0;

	printf("# %s:\n", title);
	for (int i = 0; i < count; i++)
	{
		printf("#   %-36s %12" PRIu64 "%s\n", names[i], counts[i],
			   counts[i] > 0       ? ""
			   : is_rare(names[i]) ? "  never (rare)"
								   : "  never");
		missing += counts[i] == 0 && !is_rare(names[i]);
	}
	return missing;
}

static void
add_result(Result *sum, const Result *result)
{
	sum->committed += result->committed;
	sum->reads += result->reads;
	sum->leaders += result->leaders;
	sum->simulated_us += result->simulated_us;
	if (result->elect_us > sum->elect_us)
		sum->elect_us = result->elect_us;
	if (result->converge_us > sum->converge_us)
		sum->converge_us = result->converge_us;
	if (result->handover_us > sum->handover_us)
		sum->handover_us = result->handover_us;
	for (int i = 0; i < SIM_FAULT_COUNT; i++)
		sum->faults[i] += result->faults[i];
	for (int i = 0; i < CORE_MARK_COUNT; i++)
		sum->marks[i] += result->marks[i];
}

static bool
print_check(uint32_t *number, bool passed, const char *what)
{
	printf("%s %u - %s\n", passed ? "ok" : "not ok", ++*number, what);
	return passed;
}

/* The first seed once more: the same seed has to give the same run. */
static bool
repeats(const SimOptions *options, const Result *results, Result *spare)
{
	pid_t process;
	int status;

	start_seed(options, spare, results[0].seed, &process);
	return waitpid(process, &status, 0) == process && spare->fingerprint == results[0].fingerprint;
}

static bool
print_summary(const SimOptions *options, Result *results, uint32_t run_count, uint32_t *number)
{
	Result sum = {0};
	uint64_t committed_min = UINT64_MAX;
	uint32_t missing_faults;
	uint32_t missing_marks;
	bool passed = true;

	for (uint32_t i = 0; i < run_count; i++)
	{
		add_result(&sum, &results[i]);
		if (results[i].committed < committed_min)
			committed_min = results[i].committed;
	}
	missing_faults = print_counts("faults applied", sum.faults, sim_fault_names, SIM_FAULT_COUNT);
	missing_marks = print_counts("coverage marks", sum.marks, core_mark_names, CORE_MARK_COUNT);
	printf("# %u seeds, %" PRIu64 " operations (at least %" PRIu64 " a seed), %" PRIu64
		   " reads, %" PRIu64 " leaders, %" PRId64 " s simulated\n",
		   run_count, sum.committed, committed_min, sum.reads, sum.leaders,
		   sum.simulated_us / 1000000);
	printf("# after the faults: leaders within %" PRId64 " ms, members as wanted within %" PRId64
		   " ms, handovers within %" PRId64 " ms (lease %d ms)\n",
		   sum.elect_us / 1000, sum.converge_us / 1000, sum.handover_us / 1000,
		   SIM_LEASE_US / 1000);
	if (options->need_coverage)
	{
		passed &= print_check(number, missing_faults == 0, "every kind of fault was applied");
		passed &= print_check(number, missing_marks == 0,
							  "every coverage mark was reached, but for rare ones");
		passed &= print_check(number, repeats(options, results, &results[run_count]),
							  "a seed repeats its run exactly");
	}
	return passed;
}

int
sim_runner_run_all(const SimOptions *options)
{
	size_t size = (options->seed_count + 1) * sizeof(Result);
	Result *results = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t failed_count = 0;
	uint32_t number;
	bool passed;

	if (results == MAP_FAILED)
	{
		perror("mmap");
		return 2;
	}
	number = run_seeds(options, results, &failed_count);
	passed = print_summary(options, results, number, &number) && failed_count == 0;
	printf("1..%u\n", number);
	return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}

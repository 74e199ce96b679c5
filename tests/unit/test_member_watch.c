/*
 * test_member_watch.c
 *		Members that keep up, are slow, are stuck, and come back.
 */
#include "routing/member_watch.h"

#include "unit/tap.h"

#define SECOND_US INT64_C(1000000)
#define HALF_US (SECOND_US / 2)

static const WatchLimits limits = {.stuck_after_us = 30 * SECOND_US,
								   .well_after_us = 10 * SECOND_US,
								   .near_entries = 1000};

typedef struct Run
{
	MemberWatch watch;
	TimeUs now;
	Lsn reached_lsn;
	Lsn commit_lsn;
} Run;

/* Looks twice a second for so long, while both go on by so many entries each time; how often it was stuck. */
static int
run(Run *run, int seconds, Lsn reached_by, Lsn commit_by)
{
	int stuck = 0;

	for (int i = 0; i < 2 * seconds; i++)
	{
		run->now += HALF_US;
		run->commit_lsn += commit_by;
		run->reached_lsn += reached_by;
		if (run->reached_lsn > run->commit_lsn)
			run->reached_lsn = run->commit_lsn;
		stuck += member_watch_look(&run->watch, run->reached_lsn, run->commit_lsn, run->now,
								   &limits);
	}
	return stuck;
}

static void
test_load_is_no_reason(void)
{
	Run slow = {.now = 1, .reached_lsn = 5, .commit_lsn = 100000};
	Run idle = {.now = 1, .reached_lsn = 7, .commit_lsn = 7};
	Run rare = {.now = 1};
	int stuck = 0;

	TAP_IS_INT(run(&slow, 3600, 1, 5000), 0,
			   "a member that falls behind for an hour and gets on is not stuck");
	TAP_IS_INT(run(&idle, 3600, 0, 0), 0,
			   "nor is one that has everything while nothing is written");
	TAP_OK(member_watch_is_idle(&idle.watch), "of which nothing is remembered");
	/* Looks are a minute apart, each just before the acknowledgement of what was written then. */
	for (int i = 0; i < 100; i++)
	{
		stuck += run(&rare, 1, 0, i % 2);
		rare.reached_lsn = rare.commit_lsn;
		stuck += run(&rare, 1, 0, 0);
		rare.now += 60 * SECOND_US;
	}
	TAP_IS_INT(stuck, 0, "nor one that is seen just before it acknowledges, now and then");
}

static void
test_stuck_and_back(void)
{
	Run one = {.now = 1, .reached_lsn = 100, .commit_lsn = 100};

	run(&one, 10, 0, 0);
	TAP_IS_INT(run(&one, 29, 0, 100), 0, "no further for 29 s: not yet");
	TAP_OK(run(&one, 3, 0, 100) > 0, "for more than 30 s: stuck");
	TAP_OK(!member_watch_is_idle(&one.watch), "which is remembered");
	TAP_IS_INT(run(&one, 20, 1, 100), 40, "it gets on and is far behind: still");
	one.reached_lsn = one.commit_lsn;
	TAP_IS_INT(run(&one, 9, 10, 10), 18, "it keeps up: not yet trusted");
	one.commit_lsn += 5000;
	TAP_IS_INT(run(&one, 2, 0, 0), 4, "it falls behind again");
	one.reached_lsn = one.commit_lsn;
	TAP_IS_INT(run(&one, 9, 10, 10), 18, "and has to keep up anew");
	run(&one, 2, 10, 10);
	TAP_IS_INT(run(&one, 60, 10, 10), 0, "after 10 s it is well");
}

static void
test_new_leader(void)
{
	Run one = {.now = 1, .reached_lsn = 0, .commit_lsn = 1000};

	TAP_IS_INT(run(&one, 5, 0, 0), 0, "a new leader knows nothing of the member");
	one.reached_lsn = 1000;
	TAP_IS_INT(run(&one, 60, 0, 0), 0, "then it has everything");
	one.commit_lsn++;
	TAP_IS_INT(run(&one, 29, 0, 0), 0, "one entry is missing");
	TAP_OK(run(&one, 3, 0, 0) > 0, "for too long");
}

int
main(void)
{
	test_load_is_no_reason();
	test_stuck_and_back();
	test_new_leader();
	return tap_done();
}

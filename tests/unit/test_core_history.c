/*
 * test_core_history.c
 *		Ballot histories: appending, cutting, truncating, and where two logs part.
 *
 * Logs are written as strings, one letter an entry: 'a' is an entry of ballot 1.1, 'b' of 2.1 and so on.  The
 * divergence is compared with the plain definition, letter by letter, for every pair of small logs.
 */
#include "core/ballot_history.h"

#include "core/ballot.h"
#include "tap.h"

static Ballot
letter_ballot(char letter)
{
	return (Ballot){.round = (uint64_t) (letter - 'a' + 1), .node = 1};
}

static void
history_of(BallotHistory *history, const char *log)
{
	Ballot none = {0};

	ballot_history_init(history, 0, none, 0, 0, NULL);
	for (; *log; log++)
		ballot_history_append(history, letter_ballot(*log));
}

static bool
history_is(const BallotHistory *history, const char *log)
{
	size_t length = strlen(log);
	size_t i;

	if (history->last_lsn != history->base_lsn + length)
		return false;
	for (i = 0; i < length; i++)
	{
		if (!ballot_history_matches(history, history->base_lsn + 1 + i, letter_ballot(log[i])))
			return false;
	}
	return true;
}

static void
test_append_and_cut(void)
{
	BallotHistory history;
	Ballot ballot;

	history_of(&history, "aabbbd");
	TAP_IS_INT(history.run_count, 3, "entries of one ballot are one run");
	TAP_OK(history_is(&history, "aabbbd"), "each entry has its ballot");
	TAP_OK(!ballot_history_at(&history, 7, &ballot), "nothing above the last entry");
	ballot_history_cut(&history, 4);
	TAP_OK(history_is(&history, "aabb"), "cut inside a run");
	ballot_history_cut(&history, 2);
	TAP_IS_INT(history.run_count, 1, "cut between runs");
	ballot_history_append(&history, letter_ballot('c'));
	TAP_OK(history_is(&history, "aac"), "append after a cut");
	ballot_history_cut(&history, 0);
	TAP_OK(history_is(&history, ""), "cut to nothing");
	TAP_OK(ballot_is_zero(ballot_history_last_ballot(&history)), "an empty log has no ballot");
	ballot_history_free(&history);
}

static void
test_truncate(void)
{
	BallotHistory history;
	Ballot ballot;

	history_of(&history, "aabbbd");
	ballot_history_truncate(&history, 2);
	TAP_OK(history_is(&history, "bbbd"), "truncate between runs");
	ballot_history_truncate(&history, 3);
	TAP_OK(history_is(&history, "bbd"), "truncate inside a run");
	TAP_OK(ballot_history_matches(&history, 3, letter_ballot('b')), "the base keeps its ballot");
	TAP_OK(!ballot_history_at(&history, 2, &ballot), "nothing below the base");
	ballot_history_truncate(&history, 6);
	TAP_OK(history_is(&history, ""), "truncate everything");
	TAP_OK(ballot_equal(ballot_history_last_ballot(&history), letter_ballot('d')),
		   "the base's ballot is the last one");
	ballot_history_append(&history, letter_ballot('d'));
	TAP_IS_INT(history.runs[0].first_lsn, 7, "append after truncating everything");
	ballot_history_free(&history);
}

/* Log number `number` of up to five entries with ballots a to c that never fall; false if there is none. */
static bool
nth_log(uint32_t number, char *log)
{
	uint32_t length = number % 6;
	uint32_t i;

	number /= 6;
	for (i = 0; i < length; i++, number /= 3)
		log[i] = (char) ('a' + number % 3);
	log[length] = '\0';
	for (i = 1; i < length; i++)
		if (log[i] < log[i - 1])
			return false;
	return number == 0;
}

/* What proposers can write: entries of one ballot are the same wherever they stand. */
static bool
logs_can_coexist(const char *left, const char *right)
{
	char letter;

	for (letter = 'a'; letter <= 'c'; letter++)
	{
		const char *at_left = strchr(left, letter);
		const char *at_right = strchr(right, letter);

		/* a ballot's proposer has one log before its first entry */
		if (at_left && at_right &&
			(at_left - left != at_right - right ||
			 strncmp(left, right, (size_t) (at_left - left)) != 0))
			return false;
	}
	return true;
}

static Lsn
common_prefix(const char *left, const char *right)
{
	Lsn common = 0;

	while (left[common] && left[common] == right[common])
		common++;
	return common;
}

static void
test_divergence_of_all_small_logs(void)
{
	uint32_t pairs = 0;
	uint32_t wrong = 0;
	uint32_t i;
	uint32_t k;
	char left[8];
	char right[8];

	for (i = 0; i < 6 * 243; i++)
		for (k = 0; nth_log(i, left) && k < 6 * 243; k++)
		{
			BallotHistory own;
			BallotHistory other;
			LogOutline outline;

			if (!nth_log(k, right) || !logs_can_coexist(left, right))
				continue;
			history_of(&own, left);
			history_of(&other, right);
			outline = ballot_history_outline(&other);
			pairs++;
			if (ballot_history_divergence(&own, &outline, 0) != common_prefix(left, right))
				wrong++;
			ballot_history_free(&own);
			ballot_history_free(&other);
		}
	tap_note("%u pairs of logs", pairs);
	TAP_OK(pairs > 500, "many pairs were compared");
	TAP_IS_INT(wrong, 0, "the divergence is the end of the common prefix");
}

static void
test_divergence_with_bases(void)
{
	BallotHistory own;
	BallotHistory other;
	LogOutline outline;

	history_of(&own, "aaabb");
	history_of(&other, "aaac");
	ballot_history_truncate(&own, 3);
	outline = ballot_history_outline(&other);
	TAP_IS_INT(ballot_history_divergence(&own, &outline, 3), 3, "own base is in the other log");
	ballot_history_truncate(&other, 3);
	outline = ballot_history_outline(&other);
	TAP_IS_INT(ballot_history_divergence(&own, &outline, 3), 3, "equal bases");
	ballot_history_free(&own);
	history_of(&own, "aaabb");
	TAP_IS_INT(ballot_history_divergence(&own, &outline, 0), 3,
			   "the other's base is in the own log");
	ballot_history_cut(&own, 2);
	TAP_IS_INT(ballot_history_divergence(&own, &outline, 1), 1,
			   "a base above the own log: only the floor is sure");
	ballot_history_free(&own);
	ballot_history_free(&other);
}

/* More runs than an outline carries. */
static void
test_outline_cut_short(void)
{
	BallotHistory history;
	BallotHistory old;
	Ballot none = {0};
	LogOutline outline;
	uint64_t round;

	ballot_history_init(&history, 0, none, 0, 0, NULL);
	for (round = 1; round <= MESSAGE_RUNS_MAX + 10; round++)
		ballot_history_append(&history, (Ballot){.round = round, .node = 1});
	outline = ballot_history_outline(&history);
	TAP_IS_INT(outline.run_count, MESSAGE_RUNS_MAX, "an outline carries the newest runs");
	TAP_OK(log_outline_is_valid(&outline), "and is valid");
	history_of(&old, "ab");
	TAP_IS_INT(ballot_history_divergence(&old, &outline, 1), 1,
			   "below them the floor is the answer");
	ballot_history_free(&old);
	ballot_history_free(&history);
}

static void
test_outline_validity(void)
{
	BallotRun runs[2] = {{{1, 1}, 1}, {{2, 1}, 3}};
	LogOutline outline = {.last_lsn = 4, .last_ballot = {2, 1}, .run_count = 2, .runs = runs};
	LogOutline broken;

	TAP_OK(log_outline_is_valid(&outline), "a valid outline");
	broken = outline;
	broken.last_lsn = 2;
	TAP_OK(!log_outline_is_valid(&broken), "a run above the last entry");
	broken = outline;
	broken.base_lsn = 1;
	TAP_OK(!log_outline_is_valid(&broken), "a run at the base");
	broken = outline;
	broken.last_ballot.node = 2;
	TAP_OK(!log_outline_is_valid(&broken), "another last ballot than the last run's");
	broken = outline;
	broken.run_count = 0;
	TAP_OK(!log_outline_is_valid(&broken), "entries without runs");
	runs[1].ballot.round = 1;
	TAP_OK(!log_outline_is_valid(&outline), "ballots that do not rise");
}

static void
test_better_log(void)
{
	LogOutline longer = {.last_lsn = 9, .last_ballot = {1, 1}};
	LogOutline higher = {.last_lsn = 2, .last_ballot = {1, 2}};

	TAP_OK(log_outline_is_better(&higher, &longer), "the ballot comes before the length");
	TAP_OK(!log_outline_is_better(&longer, &higher), "in both directions");
	higher.last_ballot.node = 1;
	TAP_OK(log_outline_is_better(&longer, &higher), "equal ballots: the longer log");
	TAP_OK(!log_outline_is_better(&longer, &longer), "no log is better than itself");
}

int
main(void)
{
	test_append_and_cut();
	test_truncate();
	test_divergence_of_all_small_logs();
	test_divergence_with_bases();
	test_outline_cut_short();
	test_outline_validity();
	test_better_log();
	return tap_done();
}

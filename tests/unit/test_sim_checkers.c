/*
 * test_sim_checkers.c
 *		The simulator's checkers reject histories that are wrong by construction, and accept right ones.
 */
#include "unit/tap.h"

#include "sim/check_history.h"
#include "sim/check_lead.h"
#include "sim/check_log.h"
#include "sim/check_rows.h"

static const CheckBallot BALLOT_A = {1, 1};
static const CheckBallot BALLOT_B = {1, 2};

/* The run broke exactly the rule that the test planted. */
static bool
breaks(CheckReport report, const char *rule)
{
	return report.failed && strcmp(report.rule, rule) == 0;
}

#define TAP_BREAKS(report, expected, description) \
	TAP_OK(breaks((report), (expected)), "%s", (description))

static CheckEntry
entry(uint64_t lsn, CheckBallot ballot, uint64_t operation)
{
	return (CheckEntry){.lsn = lsn, .ballot = ballot, .digest = operation, .operation = operation};
}

/* Durable on nodes 0 and 1 and committed by node 0. */
static void
commit(CheckLog *log, CheckEntry one)
{
	check_log_durable(log, 0, one.operation);
	check_log_durable(log, 1, one.operation);
	check_log_commit(log, 0, 0, &one);
}

static void
test_one_value(void)
{
	CheckReport report = {0};
	CheckLog *log = check_log_create(3, 1, &report);
	CheckEntry first = entry(1, BALLOT_A, 1);
	CheckEntry other = entry(1, BALLOT_A, 2);

	commit(log, first);
	check_log_commit(log, 1, 0, &first);
	check_log_acknowledged(log, 1);
	check_log_finish(log);
	TAP_OK(!report.failed, "the same value twice is right");
	check_log_durable(log, 2, 2);
	check_log_commit(log, 2, 0, &other);
	TAP_BREAKS(report, "I1", "another value at a committed LSN");
	check_log_free(log);
}

static void
test_same_value_other_ballot(void)
{
	CheckReport report = {0};
	CheckLog *log = check_log_create(3, 1, &report);
	CheckEntry other = entry(1, BALLOT_B, 1);

	commit(log, entry(1, BALLOT_A, 1));
	check_log_commit(log, 1, 0, &other);
	TAP_BREAKS(report, "I1", "the same value under another ballot");
	check_log_free(log);
}

static void
test_durable(void)
{
	CheckReport report = {0};
	CheckLog *log = check_log_create(3, 1, &report);
	CheckEntry one = entry(1, BALLOT_A, 1);

	check_log_durable(log, 2, 1);
	check_log_commit(log, 0, 0, &one);
	TAP_BREAKS(report, "I2", "committed with one copy of three");
	check_log_free(log);
}

static void
test_acknowledged_early(void)
{
	CheckReport report = {0};
	CheckLog *log = check_log_create(3, 1, &report);

	check_log_acknowledged(log, 1);
	TAP_BREAKS(report, "I2", "acknowledged before it was committed");
	check_log_free(log);
}

static void
test_operations(void)
{
	CheckReport twice = {0};
	CheckReport refused = {0};
	CheckLog *log = check_log_create(3, 1, &twice);

	commit(log, entry(1, BALLOT_A, 1));
	commit(log, entry(2, BALLOT_A, 1));
	TAP_BREAKS(twice, "once", "an operation committed at two LSNs");
	check_log_free(log);
	log = check_log_create(3, 1, &refused);
	check_log_refused(log, 1);
	commit(log, entry(1, BALLOT_A, 1));
	TAP_BREAKS(refused, "refused", "a refused operation in the log");
	check_log_free(log);
}

static void
test_matching(void)
{
	CheckReport report = {0};
	CheckLog *log = check_log_create(3, 1, &report);
	CheckEntry entries[] = {entry(1, BALLOT_A, 1), entry(2, BALLOT_B, 2), entry(1, BALLOT_B, 3)};

	check_log_entry(log, 0, 0, &entries[0]);
	check_log_entry(log, 0, 0, &entries[1]);
	check_log_entry(log, 1, 0, &entries[0]);
	check_log_entry(log, 1, 0, &entries[1]);
	TAP_OK(!report.failed, "equal logs match");
	check_log_entry(log, 2, 0, &entries[2]);
	TAP_OK(!report.failed, "an uncommitted entry of another ballot is right");
	check_log_entry(log, 2, 0, &entries[1]);
	TAP_BREAKS(report, "I5", "equal LSN and ballot above different logs");
	check_log_free(log);
}

static void
test_hole(void)
{
	CheckReport hole = {0};
	CheckReport skipped = {0};
	CheckLog *log = check_log_create(3, 1, &hole);
	CheckEntry second = entry(2, BALLOT_A, 1);

	check_log_entry(log, 0, 0, &second);
	TAP_BREAKS(hole, "I5", "a log that begins at LSN 2");
	check_log_free(log);
	log = check_log_create(3, 1, &skipped);
	commit(log, second);
	check_log_finish(log);
	TAP_BREAKS(skipped, "I5", "a committed LSN above one that nobody knows");
	check_log_free(log);
}

static void
test_rebase(void)
{
	CheckReport report = {0};
	CheckLog *log = check_log_create(3, 1, &report);
	CheckEntry first = entry(1, BALLOT_A, 1);
	CheckEntry second = entry(2, BALLOT_A, 2);
	CheckEntry third = entry(3, BALLOT_A, 3);

	for (uint32_t node = 0; node < 2; node++)
	{
		check_log_entry(log, node, 0, &first);
		check_log_entry(log, node, 0, &second);
		check_log_entry(log, node, 0, &third);
	}
	commit(log, first);
	commit(log, second);
	TAP_OK(check_log_base(log, 2, 0, 2), "an empty log that begins above an entry began anew");
	check_log_entry(log, 2, 0, &third);
	TAP_OK(!report.failed, "a log may begin above a committed entry");
	TAP_OK(!check_log_base(log, 1, 0, 2), "a log that held the entry was truncated");
	check_log_entry(log, 2, 0, &second);
	TAP_BREAKS(report, "I5", "an entry below the log's beginning");
	check_log_free(log);
}

/* ---- memberships ---- */

static CheckMembership
membership(uint64_t generation, uint32_t count)
{
	CheckMembership made = {.generation = generation, .count = count};

	for (uint32_t i = 0; i < count; i++)
		made.members[i] = (CheckMember){i + 1, CHECK_KIND_STORAGE, CHECK_HALF_BOTH, 1};
	return made;
}

/* Nodes 1, 2, 3 with 3 going and 4, a learner since generation 2, coming in. */
static CheckMembership
joint_membership(void)
{
	CheckMembership joint = membership(3, 4);

	joint.members[2].half = CHECK_HALF_OUTGOING;
	joint.members[3] = (CheckMember){4, CHECK_KIND_STORAGE, CHECK_HALF_INCOMING, 2};
	return joint;
}

static void
test_membership_quorums(void)
{
	CheckMembership plain = membership(1, 3);
	CheckMembership joint = joint_membership();

	TAP_OK(check_membership_quorum(&plain, 0x5), "two of three are a quorum");
	TAP_OK(!check_membership_quorum(&plain, 0x9), "who is no member does not count");
	TAP_OK(check_membership_quorum(&joint, 0x3), "two that are in both halves");
	TAP_OK(!check_membership_quorum(&joint, 0x9), "a quorum of the new half alone");
	TAP_OK(!check_membership_quorum(&joint, 0x5), "a quorum of the old half alone");
	TAP_OK(check_membership_quorum(&joint, 0xd), "one of both halves and one of each");
	plain.members[2].kind = CHECK_KIND_LEARNER;
	TAP_OK(!check_membership_quorum(&plain, 0x5), "a learner does not count");
	plain.members[2].kind = CHECK_KIND_LOG;
	TAP_OK(check_membership_quorum(&plain, 0x5), "a log replica counts");
}

static void
test_membership_successors(void)
{
	CheckMembership before = membership(2, 4);
	CheckMembership joint = joint_membership();
	CheckMembership final = membership(4, 3);

	before.members[3] = (CheckMember){4, CHECK_KIND_LEARNER, CHECK_HALF_BOTH, 2};
	final.members[2] = (CheckMember){4, CHECK_KIND_STORAGE, CHECK_HALF_BOTH, 2};
	TAP_OK(!check_membership_breach(&before, &joint), "a change begins");
	TAP_OK(!check_membership_breach(&joint, &final), "a change ends");
	TAP_OK(check_membership_breach(&before, &final) != NULL, "a generation is skipped");
	final.generation = 3;
	TAP_OK(check_membership_breach(&before, &final) != NULL, "members change at one stroke");
	final.generation = 4;
	final.members[2].since = 4;
	TAP_OK(check_membership_breach(&joint, &final) != NULL, "a member begins anew in between");
}

static void
test_rows(void)
{
	CheckReport report = {0};
	CheckRows *rows = check_rows_create(1, &report);

	check_rows_applied(rows, 0, 0, 5, 17);
	check_rows_applied(rows, 1, 0, 5, 17);
	check_rows_applied(rows, 1, 0, 6, 18);
	TAP_OK(!report.failed, "equal rows at equal LSNs");
	check_rows_applied(rows, 0, 0, 6, 19);
	TAP_BREAKS(report, "rows", "rows that differ at one LSN");
	check_rows_free(rows);
}

static void
test_commit_lsn(void)
{
	CheckReport back = {0};
	CheckReport beyond = {0};
	CheckLog *log = check_log_create(3, 1, &back);

	check_log_commit_lsn(log, 0, 0, 5, 9);
	check_log_restart(log, 0, 0, 9);
	check_log_commit_lsn(log, 0, 0, 3, 9);
	TAP_OK(!back.failed, "a restarted node may know less");
	check_log_commit_lsn(log, 0, 0, 2, 9);
	TAP_BREAKS(back, "I6", "a commit LSN that goes back");
	check_log_free(log);
	log = check_log_create(3, 1, &beyond);
	check_log_commit_lsn(log, 0, 0, 5, 4);
	TAP_BREAKS(beyond, "I6", "a commit LSN beyond the log's end");
	check_log_free(log);
}

static void
test_leaders(void)
{
	CheckReport twice = {0};
	CheckReport foreign = {0};
	CheckLead *lead = check_lead_create(3, 1, &twice);

	check_lead_took(lead, 0, 0, BALLOT_A);
	check_lead_took(lead, 1, 0, BALLOT_B);
	TAP_OK(!twice.failed && check_lead_count(lead, 0) == 2, "two leaders under two ballots");
	check_lead_took(lead, 0, 0, BALLOT_A);
	TAP_BREAKS(twice, "one leader", "a ballot that leads again");
	check_lead_free(lead);
	lead = check_lead_create(3, 1, &foreign);
	check_lead_took(lead, 2, 0, BALLOT_A);
	TAP_BREAKS(foreign, "one leader", "leading under another node's ballot");
	check_lead_free(lead);
}

static void
test_promises(void)
{
	CheckReport back = {0};
	CheckReport forgotten = {0};
	CheckLead *lead = check_lead_create(3, 1, &back);

	check_lead_promised(lead, 0, 0, BALLOT_B);
	check_lead_promised(lead, 0, 0, BALLOT_A);
	TAP_BREAKS(back, "I3", "a promise that goes back, by half a ballot");
	check_lead_free(lead);
	lead = check_lead_create(3, 1, &forgotten);
	check_lead_promised(lead, 0, 0, BALLOT_B);
	check_lead_restart(lead, 0);
	check_lead_promised(lead, 0, 0, BALLOT_A);
	TAP_OK(!forgotten.failed, "a promise that nobody was told may be lost");
	check_lead_promise_sent(lead, 0, 0, BALLOT_B);
	check_lead_restart(lead, 0);
	check_lead_promised(lead, 0, 0, BALLOT_A);
	TAP_BREAKS(forgotten, "I3", "a promise that was told and then forgotten");
	check_lead_free(lead);
}

static void
test_leases(void)
{
	CheckReport report = {0};
	CheckLead *lead = check_lead_create(3, 1, &report);

	check_lead_serving(lead, 0, 0, 1);
	check_lead_serving(lead, 0, 4, 2);
	TAP_OK(!report.failed, "one holder of the lease, or none");
	check_lead_serving(lead, 0, 5, 3);
	TAP_BREAKS(report, "I8", "two holders of the lease");
	check_lead_free(lead);
}

/* One operation of a written-down history; all of group 0. */
static uint64_t
operation(CheckHistory *history, bool is_read, uint32_t key, int64_t begun_us, int64_t ended_us,
		  uint64_t lsn_or_value)
{
	uint64_t number = check_history_begin(history, is_read, 0, key, begun_us);

	history->operations[number].ended_us = ended_us;
	if (is_read)
		history->operations[number].value_read = lsn_or_value;
	else
		history->operations[number].lsn = lsn_or_value;
	return number;
}

static CheckReport
run(CheckHistory *history)
{
	CheckReport report = {0};

	check_history_run(history, &report);
	check_history_free(history);
	return report;
}

static void
test_history_right(void)
{
	CheckHistory history = {0};
	uint64_t first = operation(&history, false, 1, 0, 10, 1);
	uint64_t second = operation(&history, false, 1, 20, 60, 2);
	uint64_t third = operation(&history, false, 1, 70, CHECK_NEVER, 3);

	operation(&history, true, 1, 15, 18, first);
	operation(&history, true, 1, 30, 50, first);
	operation(&history, true, 1, 31, 49, second);
	operation(&history, true, 1, 61, 65, second);
	operation(&history, true, 1, 75, 76, second);
	operation(&history, true, 1, 77, 78, third);
	operation(&history, true, 2, 75, 76, 0);
	TAP_OK(!run(&history).failed, "concurrent operations in any order, an unanswered write late");
}

static void
test_history_stale(void)
{
	CheckHistory history = {0};
	uint64_t first = operation(&history, false, 1, 0, 10, 1);

	operation(&history, false, 1, 20, 30, 2);
	operation(&history, true, 1, 31, 40, first);
	TAP_BREAKS(run(&history), "linearizability", "a read that misses a finished write");
}

static void
test_history_back(void)
{
	CheckHistory history = {0};
	uint64_t first = operation(&history, false, 1, 0, 10, 1);
	uint64_t second = operation(&history, false, 1, 20, CHECK_NEVER, 2);

	operation(&history, true, 1, 30, 31, second);
	operation(&history, true, 1, 32, 33, first);
	TAP_BREAKS(run(&history), "linearizability", "a read older than a read before it");
}

static void
test_history_lost(void)
{
	CheckHistory history = {0};
	CheckHistory dirty = {0};
	uint64_t never;

	operation(&history, false, 1, 0, 10, 1);
	operation(&history, true, 1, 11, 12, 0);
	TAP_BREAKS(run(&history), "linearizability", "a read of nothing after a finished write");
	never = operation(&dirty, false, 1, 0, CHECK_NEVER, 0);
	operation(&dirty, true, 1, 11, 12, never);
	TAP_BREAKS(run(&dirty), "linearizability", "a read of a value that was never committed");
}

static void
test_history_order(void)
{
	CheckHistory history = {0};
	CheckHistory future = {0};
	CheckHistory seen = {0};
	uint64_t first;
	uint64_t second;

	operation(&history, false, 1, 0, 10, 2);
	operation(&history, false, 1, 20, 30, 1);
	TAP_BREAKS(run(&history), "log order", "writes in the log against their order in time");
	first = operation(&seen, false, 1, 0, 10, 1);
	second = operation(&seen, false, 1, 0, 10, 2);
	operation(&seen, true, 1, 1, 2, second);
	operation(&seen, true, 1, 3, 4, first);
	TAP_BREAKS(run(&seen), "log order", "writes in the log against the order that readers saw");
	operation(&future, true, 1, 0, 5, 2);
	operation(&future, false, 1, 10, 20, 1);
	TAP_BREAKS(run(&future), "linearizability", "a read of what is written later");
}

int
main(void)
{
	test_one_value();
	test_same_value_other_ballot();
	test_durable();
	test_acknowledged_early();
	test_operations();
	test_matching();
	test_hole();
	test_rebase();
	test_membership_quorums();
	test_membership_successors();
	test_rows();
	test_commit_lsn();
	test_leaders();
	test_promises();
	test_leases();
	test_history_right();
	test_history_stale();
	test_history_back();
	test_history_lost();
	test_history_order();
	return tap_done();
}

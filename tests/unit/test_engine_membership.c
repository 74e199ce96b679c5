/*
 * test_engine_membership.c
 *		Members that come and go: growing, replacing, log replicas, removed nodes, restarts in every phase.
 */
#include "core/core_assert.h"
#include "core/membership.h"
#include "wire/frame.h"

#include "unit/engine_cluster.h"
#include "unit/tap.h"

static TestCluster cluster;

/* ---- helpers ---- */

static TestNode *
node(NodeId id)
{
	return &cluster.nodes[id];
}

static bool
status_of(NodeId id, GroupStatus *status)
{
	memset(status, 0, sizeof(*status));
	return node(id)->engine && engine_group_status(node(id)->engine, CLUSTER_GROUP, status);
}

static bool
has_group(NodeId id)
{
	GroupStatus status;

	return status_of(id, &status);
}

/* Proposes tags first .. first + count - 1 at the leader of the moment and waits until they are committed. */
static bool
write_tags(uint64_t first, uint32_t count, uint32_t length)
{
	TestNode *leader = cluster_await_leader(&cluster);

	if (!leader)
		return false;
	for (uint64_t tag = first; tag < first + count; tag++)
	{
		cluster_propose(&cluster, leader, tag, length);
		if (leader->tags[tag] != TAG_APPENDED)
			return false;
	}
	return cluster_await_commit(&cluster, leader, leader->tag_lsns[first + count - 1]);
}

/* Does the node's log hold the tags where the writer put them? */
static bool
holds_tags(NodeId id, const TestNode *writer, uint64_t first, uint32_t count)
{
	for (uint64_t tag = first; tag < first + count; tag++)
	{
		if (!cluster_holds(node(id), writer->tag_lsns[tag], tag, 0))
			return false;
	}
	return true;
}

/* Runs until the leader's commit LSN is known at the node; false after 10 seconds. */
static bool
catches_up(NodeId id)
{
	TestNode *leader = cluster_await_leader(&cluster);
	GroupStatus status;

	return leader && status_of(leader->id, &status) &&
		   cluster_await_commit(&cluster, node(id), status.commit_lsn);
}

/* Rows of all replicas that have them are those of the commit LSN, durably. */
static void
apply_everywhere(void)
{
	for (NodeId id = 1; id <= cluster.node_count; id++)
	{
		GroupStatus status;

		if (status_of(id, &status) && !node(id)->rows_missing)
			engine_applied(node(id)->engine, CLUSTER_GROUP, status.commit_lsn, status.commit_lsn);
	}
}

/* Writes and applies so much that the leader's log no longer reaches down to its beginning. */
static bool
write_until_truncated(void)
{
	GroupStatus status = {0};

	for (int i = 0; i < 60 && status.base_lsn == 0; i++)
	{
		if (!write_tags(1000, 40, 1000))
			return false;
		apply_everywhere();
		cluster_run(&cluster, 1000000);
		status_of(cluster_await_leader(&cluster)->id, &status);
	}
	return status.base_lsn > 0;
}

/* The node's rows were copied from another replica: they are those of the commit LSN. */
static void
copy_rows(NodeId id)
{
	GroupStatus status;

	CORE_ASSERT(status_of(id, &status) && node(id)->rows_missing);
	CORE_ASSERT(status.commit_lsn >= node(id)->rebase_lsn);
	node(id)->rows_missing = false;
	engine_applied(node(id)->engine, CLUSTER_GROUP, status.commit_lsn, status.commit_lsn);
	CORE_ASSERT(engine_rows(node(id)->engine, CLUSTER_GROUP, true));
}

/* The leader, asked to hand over to the node, does not even try: it takes writes all the time. */
static bool
is_no_target(NodeId id)
{
	TestNode *leader = cluster_await_leader(&cluster);
	uint32_t step_downs = leader->step_downs;
	GroupStatus status;

	engine_transfer(leader->engine, CLUSTER_GROUP, id);
	return engine_group_status(leader->engine, CLUSTER_GROUP, &status) &&
		   status.role == ROLE_LEADER && write_tags(1, 10, 100) &&
		   leader->step_downs == step_downs && leader->leading;
}

/* Hands the lead to the node; true if it leads soon. */
static bool
can_lead(NodeId id)
{
	for (int i = 0; i < 20 && !node(id)->leading; i++)
	{
		engine_transfer(cluster_await_leader(&cluster)->engine, CLUSTER_GROUP, id);
		cluster_run(&cluster, 100000);
	}
	return node(id)->leading && cluster_await_leader(&cluster) == node(id);
}

/* ---- tests ---- */

static void
test_growing(void)
{
	TestNode *first;
	GroupStatus status;

	cluster_start_with(&cluster, 3, 1);
	first = cluster_await_leader(&cluster);
	TAP_OK(first && write_tags(1, 100, 1000), "a group of one writes");
	TAP_OK(cluster_change(&cluster, "1s 2n 3n"), "two learners come");
	TAP_OK(catches_up(2) && catches_up(3) && node(2)->opened == 1 && node(3)->opened == 1,
		   "their replicas are made and get the log");
	TAP_OK(status_of(1, &status) && status.generation == 2, "by one generation");
	TAP_OK(cluster_change(&cluster, "1s 2s 3s"), "they become storage replicas");
	TAP_OK(status_of(1, &status) && status.generation == 4,
		   "by a joint generation and a final one");
	TAP_OK(write_tags(101, 50, 1000) && catches_up(2) && catches_up(3), "writes go on");
	TAP_OK(holds_tags(2, first, 1, 150) && holds_tags(3, first, 1, 150), "all have everything");
	cluster_kill(&cluster, 1, MEMDISK_LOSE_ALL);
	TAP_OK(cluster_await_leader(&cluster) != NULL && write_tags(200, 20, 100),
		   "the group survives the loss of its first node");
	for (NodeId id = 2; id <= 3; id++)
	{
		cluster_kill(&cluster, id, MEMDISK_LOSE_ALL);
		TAP_OK(cluster_open(&cluster, id) == ENGINE_OK, "node %d starts again", id);
	}
	TAP_OK(write_tags(220, 20, 100) && status_of(2, &status) && status.generation == 4 &&
			   status.member_count == 3,
		   "and knows its members");
	cluster_stop(&cluster);
}

/* Runs for a while with proposals all the time; false if one was refused by a leader that stays. */
static bool
run_under_load(uint64_t *tag, int turns)
{
	for (int i = 0; i < turns; i++)
	{
		TestNode *leader = cluster_await_leader(&cluster);

		for (int k = 0; k < 5; k++, (*tag)++)
		{
			cluster_propose(&cluster, leader, *tag, 500);
			if (leader->tags[*tag] != TAG_APPENDED)
				return false;
		}
		cluster_run(&cluster, 2000);
	}
	return true;
}

static void
test_replacing_under_load(void)
{
	TestNode *leader;
	uint64_t tag = 1;
	bool good;

	cluster_start_with(&cluster, 4, 3);
	leader = cluster_await_leader(&cluster);
	good = run_under_load(&tag, 50);
	cluster_ask_change(leader, "1s 2s 3s 4n");
	good = good && run_under_load(&tag, 100);
	TAP_OK(good && has_group(4), "a learner comes under load");
	cluster_ask_change(leader, "1s 2s 4s");
	good = run_under_load(&tag, 100);
	TAP_OK(good && node(1)->leading, "it takes the place of another node under load");
	TAP_OK(cluster_change(&cluster, "1s 2s 4s"), "the change is done");
	cluster_run(&cluster, 100000);
	TAP_OK(!has_group(3) && node(3)->removed == 1, "that node drops its replica");
	TAP_OK(catches_up(2) && catches_up(4) && holds_tags(4, leader, 1, (uint32_t) tag - 1) &&
			   holds_tags(2, leader, 1, (uint32_t) tag - 1),
		   "nothing was lost: %d entries", (int) tag - 1);
	cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
	cluster_open(&cluster, 3);
	cluster_run(&cluster, 3000000);
	TAP_OK(!has_group(3) && node(3)->opened == 0, "what was dropped does not come back");
	TAP_OK(can_lead(4), "the new member can lead");
	cluster_stop(&cluster);
}

static void
test_removed_while_down(void)
{
	cluster_start_with(&cluster, 4, 3);
	cluster_await_leader(&cluster);
	write_tags(1, 10, 100);
	cluster_change(&cluster, "1s 2s 3s 4n");
	catches_up(4);
	cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
	TAP_OK(cluster_change(&cluster, "1s 2s 4s"), "a dead member is replaced");
	TAP_OK(write_tags(11, 20, 100), "the group writes");
	cluster_open(&cluster, 3);
	cluster_run(&cluster, 10000000);
	TAP_OK(!has_group(3) && node(3)->removed == 1, "when it comes back it drops its replica");
	TAP_OK(cluster_change(&cluster, "1s 2s 4s 3n") && catches_up(3) && node(3)->opened == 1,
		   "it can come again, as a new member");
	TAP_OK(cluster_change(&cluster, "1s 3s 4s") && write_tags(40, 10, 100), "and count again");
	cluster_stop(&cluster);
}

static void
test_log_replica(void)
{
	GroupStatus status;
	Lsn base;

	cluster_start_with(&cluster, 4, 2);
	cluster_await_leader(&cluster);
	TAP_OK(write_until_truncated(), "a group whose old log is gone");
	TAP_OK(cluster_change(&cluster, "1s 2s 3n"), "a learner comes");
	TAP_OK(catches_up(3) && node(3)->rebased == 1 && status_of(3, &status) && status.base_lsn > 0 &&
			   status.rows_missing,
		   "its log begins late, and its rows are missing");
	TAP_OK(cluster_change(&cluster, "1s 2s 3l"), "it becomes a log replica");
	base = status.base_lsn;
	for (int i = 0; i < 10; i++)
	{
		write_tags(1000, 40, 1000);
		apply_everywhere();
		cluster_run(&cluster, 2000000);
	}
	status_of(3, &status);
	TAP_OK(status.base_lsn > base, "a log replica gives up what is committed and needed by nobody");
	cluster_kill(&cluster, 2, MEMDISK_LOSE_ALL);
	TAP_OK(write_tags(1, 10, 100), "it counts");
	cluster_open(&cluster, 2);
	TAP_OK(catches_up(2) && !can_lead(3), "but does not lead");
	TAP_OK(cluster_change(&cluster, "1s 2s 3s"), "it becomes a storage replica");
	cluster_run(&cluster, 100000);
	TAP_OK(node(3)->rebased == 2 && node(3)->rows_missing, "which has to copy its rows");
	cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
	cluster_open(&cluster, 3);
	cluster_run(&cluster, 2000000);
	status_of(3, &status);
	base = status.base_lsn;
	TAP_OK(node(3)->rows_missing && status.rows_missing, "a restart does not let it forget that");
	for (int i = 0; i < 5; i++)
	{
		write_tags(1000, 40, 1000);
		apply_everywhere();
		cluster_run(&cluster, 2000000);
	}
	status_of(3, &status);
	TAP_OK(status.base_lsn == base, "meanwhile its log keeps what the rows will need");
	TAP_OK(!can_lead(3), "and it does not lead");
	TAP_OK(is_no_target(3), "nor is a handover to it tried, during which nobody could write");
	copy_rows(3);
	TAP_OK(can_lead(3), "with its rows it can");
	cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
	cluster_open(&cluster, 3);
	cluster_run(&cluster, 2000000);
	TAP_OK(status_of(3, &status) && !status.rows_missing && !node(3)->rows_missing,
		   "and knows that after a restart");
	TAP_OK(can_lead(1), "another one leads");
	cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
	cluster_run(&cluster, 2000000);
	TAP_OK(is_no_target(3), "a handover to a silent node is not tried either");
	cluster_stop(&cluster);
}

/* Whatever was said to the node while it joined is said again after it was removed. */
static void
test_old_joins(void)
{
	cluster_start_with(&cluster, 3, 2);
	cluster_await_leader(&cluster);
	write_tags(1, 10, 100);
	cluster.recorded_to = 3;
	TAP_OK(cluster_change(&cluster, "1s 2s 3n") && catches_up(3) && node(3)->opened == 1,
		   "a learner comes");
	TAP_OK(cluster_change(&cluster, "1s 2s"), "and goes");
	cluster_run(&cluster, 100000);
	TAP_OK(!has_group(3) && node(3)->removed == 1, "its replica is dropped");
	cluster_replay(&cluster);
	cluster_run(&cluster, 100000);
	TAP_OK(!has_group(3) && node(3)->opened == 1, "a repeated JOIN creates nothing");
	cluster.recorded_to = 3;
	TAP_OK(cluster_change(&cluster, "1s 2s 3n") && catches_up(3) && node(3)->opened == 2,
		   "it comes again");
	cluster_change(&cluster, "1s 2s");
	cluster_run(&cluster, 100000);
	cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
	cluster_open(&cluster, 3);
	cluster_replay(&cluster);
	cluster_run(&cluster, 100000);
	TAP_OK(!has_group(3) && node(3)->opened == 2, "nor does it after a restart");
	cluster_stop(&cluster);
}

/* The log's record names a membership whose entry was torn off. */
static void
test_torn_tail(void)
{
	LogOptions options = {0};
	MembershipAt memberships[2] = {{.membership = {.generation = 1, .member_count = 2}}};
	uint8_t record[MEMBERSHIPS_BYTES_MAX];
	Membership membership;
	GroupStatus status;
	Log *log = NULL;
	size_t length;

	cluster_start(&cluster, 2);
	cluster_await_leader(&cluster);
	write_tags(1, 10, 100);
	cluster_run(&cluster, 1000000);
	status_of(2, &status);
	cluster_kill(&cluster, 2, MEMDISK_LOSE_ALL);
	for (NodeId id = 1; id <= 2; id++)
		memberships[0].membership.members[id - 1] = (Member){id, MEMBER_STORAGE, HALF_BOTH, 1};
	memberships[1] = (MembershipAt){status.append_lsn + 1, status.promised,
									memberships[0].membership};
	memberships[1].membership.generation = 2;
	memberships[1].membership.members[2] = (Member){3, MEMBER_LEARNER, HALF_BOTH, 2};
	memberships[1].membership.member_count = 3;
	length = memberships_encode(memberships, 2, record);
	CORE_ASSERT(log_open(&log, memdisk_io(node(2)->disk), &options).status == LOG_OPEN_OK);
	CORE_ASSERT(log_append_group(log, CLUSTER_GROUP, record, (uint32_t) length) == 0);
	CORE_ASSERT(log_write(log) == 0 && log_sync(log) == 0);
	log_close(log);
	memdisk_restart(node(2)->disk, MEMDISK_LOSE_ALL);
	TAP_IS_INT(cluster_open(&cluster, 2), ENGINE_OK, "a record without its entry is recovered");
	TAP_OK(engine_group_membership(node(2)->engine, CLUSTER_GROUP, &membership) &&
			   membership.generation == 1 && membership.member_count == 2,
		   "the membership of the lost entry is not used");
	TAP_OK(write_until_truncated(), "the log goes on over that place and is truncated");
	cluster_kill(&cluster, 2, MEMDISK_LOSE_ALL);
	cluster_open(&cluster, 2);
	cluster_run(&cluster, 1000000);
	TAP_OK(status_of(2, &status) && status.base_lsn > memberships[1].lsn && status.generation == 1,
		   "nor is it when nobody can tell any more that the entry was lost");
	cluster_stop(&cluster);
}

static void
test_silent_member(void)
{
	GroupStatus status;

	cluster_default_config.log_bytes_max = 512 * 1024;
	cluster_start(&cluster, 3);
	cluster_default_config.log_bytes_max = 0;
	cluster_await_leader(&cluster);
	write_tags(1, 10, 100);
	cluster_run(&cluster, 1000000);
	cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
	TAP_OK(write_until_truncated(), "the log is truncated beyond a silent member");
	cluster_open(&cluster, 3);
	cluster_run(&cluster, 3000000);
	TAP_OK(node(3)->rebased == 1 && catches_up(3) && status_of(3, &status) && status.rows_missing,
		   "when it comes back its log begins anew");
	TAP_OK(!can_lead(3), "it does not lead");
	cluster_kill(&cluster, 2, MEMDISK_LOSE_ALL);
	TAP_OK(write_tags(20, 10, 100), "but counts");
	cluster_open(&cluster, 2);
	catches_up(2);
	copy_rows(3);
	TAP_OK(can_lead(3), "with its rows it leads");
	cluster_stop(&cluster);
}

/* Rows that nobody copies do not fill the log. */
static void
test_slow_copying(void)
{
	GroupStatus status;
	Lsn base;

	cluster_default_config.log_bytes_max = 512 * 1024;
	cluster_start_with(&cluster, 3, 2);
	cluster_default_config.log_bytes_max = 0;
	cluster_await_leader(&cluster);
	write_until_truncated();
	TAP_OK(cluster_change(&cluster, "1s 2s 3n") && catches_up(3) && node(3)->rebased == 1,
		   "a replica comes whose rows have to be copied");
	base = node(3)->rebase_lsn;
	for (int i = 0; i < 40; i++)
	{
		write_tags(1000, 40, 1000);
		apply_everywhere();
		cluster_run(&cluster, 1000000);
	}
	TAP_OK(engine_log_bytes(node(3)->engine) < 1024 * 1024 && catches_up(3),
		   "while nobody copies them its log stays within its limit");
	TAP_OK(node(3)->rebased > 1 && node(3)->rebase_lsn > base && status_of(3, &status) &&
			   status.base_lsn == node(3)->rebase_lsn,
		   "because the copying has to begin anew");
	copy_rows(3);
	TAP_OK(cluster_change(&cluster, "1s 2s 3s") && can_lead(3), "when it is done it can lead");
	cluster_stop(&cluster);
}

/* A member that was away for more changes than it can go back by. */
static void
test_many_changes(void)
{
	bool good = true;

	cluster_start_with(&cluster, 4, 3);
	cluster_await_leader(&cluster);
	write_tags(1, 10, 100);
	cluster_run(&cluster, 1000000);
	cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
	for (int i = 0; i < 20 && good; i++)
		good = cluster_change(&cluster, i % 2 ? "1s 2s 3s" : "1s 2s 3s 4n");
	TAP_OK(good, "twenty changes while a member is down");
	cluster_open(&cluster, 3);
	TAP_OK(catches_up(3), "it takes them all");
	TAP_OK(can_lead(3) && write_tags(20, 10, 100), "and leads");
	cluster_stop(&cluster);
}

/* A member that buries a group is not invited back, one that only drops it is. */
static void
test_buried(void)
{
	cluster_start_with(&cluster, 3, 3);
	cluster_await_leader(&cluster);
	TAP_OK(cluster_change(&cluster, "1s 2s 3n"), "a member becomes a learner");
	engine_drop_group(node(3)->engine, CLUSTER_GROUP);
	TAP_OK(write_tags(1, 10, 100), "it drops the group");
	cluster_run(&cluster, 1000000);
	TAP_OK(has_group(3), "and is invited back");
	engine_bury_group(node(3)->engine, CLUSTER_GROUP);
	TAP_OK(write_tags(20, 10, 100), "it buries the group");
	cluster_run(&cluster, 1000000);
	TAP_OK(!has_group(3), "and is not invited");
	cluster_stop(&cluster);
}

/* Metadata that tells late of the creation of a group must not make a member anew that was one already. */
static void
test_not_made_again(void)
{
	Membership first = {.generation = 1, .member_count = 3};

	for (NodeId id = 1; id <= 3; id++)
		first.members[id - 1] = (Member){.node = id, .kind = MEMBER_STORAGE, .since = 1};
	cluster_start_with(&cluster, 4, 3);
	cluster_await_leader(&cluster);
	TAP_OK(cluster_change(&cluster, "1s 2s 3s 4n") && catches_up(4) &&
			   cluster_change(&cluster, "1s 2s 4s"),
		   "a member is replaced");
	cluster_run(&cluster, 1000000);
	TAP_OK(!has_group(3), "it is gone");
	TAP_OK(!engine_create_group(node(3)->engine, CLUSTER_GROUP, &first, 1), "it is not made again");
	cluster_run(&cluster, 1000000);
	TAP_OK(!has_group(3), "so it promises nothing that it has forgotten");
	TAP_OK(cluster_change(&cluster, "1s 2s 4s 3n") && catches_up(3), "but it may be invited");
	cluster_stop(&cluster);
}

/* A node that is full of groups makes no replica; the log has no room for one either way. */
static void
test_groups_max(void)
{
	cluster_start_with(&cluster, 3, 2);
	cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
	node(3)->config.groups_max = 1;
	cluster_open(&cluster, 3);
	engine_create_group(node(3)->engine, CLUSTER_GROUP + 1,
						&(Membership){.generation = 1,
									  .member_count = 1,
									  .members = {{.node = 3, .kind = MEMBER_STORAGE}}},
						3);
	cluster_await_leader(&cluster);
	TAP_OK(cluster_change(&cluster, "1s 2s 3n"), "a learner is wanted on a full node");
	cluster_run(&cluster, 1000000);
	TAP_OK(!has_group(3) && node(3)->opened == 0, "which makes no replica");
	engine_drop_group(node(3)->engine, CLUSTER_GROUP + 1);
	TAP_OK(write_tags(1, 10, 100) && catches_up(3), "until there is room");
	cluster_stop(&cluster);
}

/* ---- restarts in every phase ---- */

static const char *const phases[] = {"1s 2s 3n 4n", "1s 3s 4s", "1s 3s 4s 5n", "1s 3s 4s 5l",
									 "1s 4s 5l"};

#define PHASES (sizeof(phases) / sizeof(phases[0]))

/* All members have all of the log, and the others have none of it. */
static bool
is_settled(const Membership *membership)
{
	for (NodeId id = 1; id <= cluster.node_count; id++)
	{
		bool is_member = membership_find(membership, id) != MEMBER_NONE;

		if (is_member ? !catches_up(id) : has_group(id))
			return false;
	}
	return true;
}

/* One node is killed at a moment of the change and comes back a while later. */
static bool
changes_through_restart(NodeId killed, TimeUs when, MemdiskCrash crash)
{
	Membership membership;
	bool good = true;

	cluster_start_with(&cluster, 5, 2);
	cluster_await_leader(&cluster);
	good = write_tags(1, 10, 300);
	for (uint32_t i = 0; i < PHASES && good; i++)
	{
		cluster_ask_change(cluster_await_leader(&cluster), phases[i]);
		cluster_run(&cluster, when);
		cluster_kill(&cluster, killed, crash);
		cluster_run(&cluster, when * 3);
		good = cluster_open(&cluster, killed) == ENGINE_OK && cluster_change(&cluster, phases[i]) &&
			   write_tags(20 + 10 * i, 10, 300);
		if (!good)
			tap_note("phase %d, node %d after %d us", (int) i, killed, (int) when);
	}
	cluster_run(&cluster, 12000000);
	good = good &&
		   engine_group_membership(cluster_await_leader(&cluster)->engine, CLUSTER_GROUP,
								   &membership) &&
		   is_settled(&membership);
	cluster_stop(&cluster);
	return good;
}

static void
test_restarts(NodeId killed)
{
	static const MemdiskCrash crashes[] = {MEMDISK_LOSE_ALL, MEMDISK_LOSE_SOME, MEMDISK_KEEP_ALL};
	bool good = true;

	for (int i = 0; i < 15 && good; i++)
		good = changes_through_restart(killed, 100 + i * 350, crashes[i % 3]);
	TAP_OK(good, "node %d starts again in every phase of changes", killed);
}

/*
 * A sync of the node that is removed fails, the nth from now.  If its owner was told that the replica is gone, and
 * removes rows, it must be gone after the crash as well.
 */
static bool
removal_is_told_when_durable(uint64_t nth, uint32_t *told)
{
	TestNode *removed;
	bool good;

	cluster_start_with(&cluster, 4, 4);
	cluster_await_leader(&cluster);
	removed = node(cluster_await_leader(&cluster)->id == 3 ? 2 : 3);
	memdisk_fail_at(removed->disk, MEMDISK_SYNC_DATA, nth, 5);
	cluster_ask_change(cluster_await_leader(&cluster), removed->id == 3 ? "1s 2s 4s" : "1s 3s 4s");
	cluster_run(&cluster, 3000000);
	*told += removed->removed;
	good = removed->removed == 0;
	memdisk_fail_at(removed->disk, MEMDISK_SYNC_DATA, 0, 0);
	cluster_kill(&cluster, removed->id, MEMDISK_LOSE_ALL);
	CORE_ASSERT(cluster_open(&cluster, removed->id) == ENGINE_OK);
	good = good || !has_group(removed->id);
	cluster_stop(&cluster);
	return good;
}

static void
test_news_after_sync(void)
{
	uint32_t told = 0;
	bool good = true;

	for (uint64_t nth = 1; nth <= 12; nth++)
		good = removal_is_told_when_durable(nth, &told) && good;
	TAP_OK(good, "no removal is told before it is durable");
	TAP_OK(told > 0 && told < 12, "the failing sync came before the removal and after it");
}

int
main(void)
{
	test_growing();
	test_replacing_under_load();
	test_removed_while_down();
	test_log_replica();
	test_old_joins();
	test_torn_tail();
	test_silent_member();
	test_slow_copying();
	test_many_changes();
	test_buried();
	test_not_made_again();
	test_groups_max();
	test_news_after_sync();
	for (NodeId id = 1; id <= 5; id++)
		test_restarts(id);
	return tap_done();
}

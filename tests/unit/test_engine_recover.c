/*
 * test_engine_recover.c
 *		A group that has lost its quorum for good goes on with the replica that is left (decision 0010), through crashes
 *		of it, and grows again; the lost ones are refused when they come back after all.
 */
#include <string.h>

#include "core/core_assert.h"
#include "core/recover.h"

#include "unit/engine_cluster.h"
#include "unit/tap.h"

#define SECOND_US INT64_C(1000000)
#define LOST (node_id_bit(2) | node_id_bit(3))

static TestCluster cluster;
static uint64_t next_tag;

static GroupStatus
status_of(NodeId node)
{
	GroupStatus status = {0};

	if (cluster.nodes[node].engine)
		engine_group_status(cluster.nodes[node].engine, CLUSTER_GROUP, &status);
	return status;
}

/* Commits some entries; false if nobody leads. */
static bool
write_some(void)
{
	TestNode *leader = cluster_await_leader(&cluster);
	uint64_t last = next_tag + 20;

	while (leader && next_tag < last)
		cluster_propose(&cluster, leader, next_tag++, 100);
	return leader && cluster_await_commit(&cluster, leader, leader->tag_lsns[last - 1]);
}

/* Five nodes, a group on the first three, of which 2 and 3 are gone. */
static void
begin(void)
{
	cluster_start_with(&cluster, 5, 3);
	next_tag = 1;
	CORE_ASSERT(write_some());
	cluster_run(&cluster, SECOND_US);
	cluster_kill(&cluster, 2, MEMDISK_KEEP_ALL);
	cluster_kill(&cluster, 3, MEMDISK_KEEP_ALL);
	cluster_run(&cluster, 5 * SECOND_US);
}

static const char *
recover(uint64_t lost_nodes)
{
	const char *obstacle = engine_recover_group(cluster.nodes[1].engine, CLUSTER_GROUP, lost_nodes);

	return obstacle ? obstacle : "";
}

static void
test_refusals(void)
{
	begin();
	TAP_OK(strstr(recover(node_id_bit(2)), "not declared lost") != NULL,
		   "a member that is not declared lost may come back");
	TAP_OK(strstr(recover(LOST | node_id_bit(1)), "itself") != NULL,
		   "the survivor cannot be lost itself");
	TAP_OK(strstr(engine_recover_group(cluster.nodes[4].engine, CLUSTER_GROUP, LOST),
				  "no replica") != NULL,
		   "a node without a replica has nothing to go on with");
	TAP_IS_INT(status_of(1).generation, 1, "nothing was changed");
	cluster_stop(&cluster);
}

/* Nodes that were heard a moment ago live, whatever an operator says. */
static void
test_heard_lately(void)
{
	cluster_start(&cluster, 3);
	next_tag = 1;
	CORE_ASSERT(write_some());
	cluster_kill(&cluster, 2, MEMDISK_KEEP_ALL);
	cluster_kill(&cluster, 3, MEMDISK_KEEP_ALL);
	cluster_run(&cluster, SECOND_US / 10);
	TAP_OK(strstr(recover(LOST), "is alive") != NULL,
		   "a node that was heard a moment ago is not lost");
	TAP_IS_INT(status_of(1).generation, 1, "nothing was changed");
	cluster_stop(&cluster);
}

static void
test_recovers_and_grows(void)
{
	Lsn last_lsn;

	begin();
	last_lsn = status_of(1).append_lsn;
	TAP_OK(recover(LOST)[0] == '\0', "the survivor goes on");
	TAP_OK(cluster_await_leader(&cluster) == &cluster.nodes[1], "and leads");
	cluster_run(&cluster, SECOND_US);
	TAP_OK(status_of(1).commit_lsn > last_lsn, "all that its log held is committed");
	TAP_IS_INT(status_of(1).generation, 1 + RECOVER_GENERATIONS, "the generation is far above");
	TAP_OK(write_some(), "it takes writes");
	TAP_OK(cluster_change(&cluster, "1s 4n 5n") && cluster_change(&cluster, "1s 4s 5s"),
		   "it grows to three");
	TAP_OK(write_some(), "which take writes");

	TAP_OK(cluster_open(&cluster, 2) == ENGINE_OK && cluster_open(&cluster, 3) == ENGINE_OK,
		   "the lost ones come back after all");
	cluster_run(&cluster, 5 * SECOND_US);
	TAP_OK(cluster.nodes[2].removed == 1 && cluster.nodes[3].removed == 1,
		   "and learn that they were removed");
	TAP_OK(cluster_await_leader(&cluster) == &cluster.nodes[1] && write_some(),
		   "nothing else comes of it");
	cluster_stop(&cluster);
}

/* The power fails in the turn of the recovery, with any part of it on disk, and is whole after another try at most. */
static void
test_crashes(void)
{
	static const MemdiskCrash crashes[] = {MEMDISK_LOSE_ALL, MEMDISK_KEEP_ALL};

	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
	{
		begin();
		TAP_OK(recover(LOST)[0] == '\0', "recovered, and the power fails at once");
		cluster_kill(&cluster, 1, crashes[i]);
		TAP_OK(cluster_open(&cluster, 1) == ENGINE_OK, "the log can be read");
		cluster_run(&cluster, 5 * SECOND_US);
		if (status_of(1).generation == 1)
			TAP_OK(recover(LOST)[0] == '\0', "nothing was left of it: recovered again");
		TAP_OK(write_some(), "it takes writes");
		cluster_kill(&cluster, 1, MEMDISK_LOSE_ALL);
		TAP_OK(cluster_open(&cluster, 1) == ENGINE_OK, "another crash");
		TAP_OK(write_some(), "changes nothing");
		TAP_IS_INT(status_of(1).generation, 1 + RECOVER_GENERATIONS,
				   "the membership is the new one");
		cluster_stop(&cluster);
	}
}

int
main(void)
{
	test_refusals();
	test_heard_lately();
	test_recovers_and_grows();
	test_crashes();
	return tap_done();
}

/*
 * test_engine_lives.c
 *		A log that was set back to an older state of itself: its node and its peers find out (decision 0012), and
 *		nothing else looks like it.
 */
#include "core/core_assert.h"

#include "unit/engine_cluster.h"
#include "unit/tap.h"

#define SECOND_US INT64_C(1000000)

static TestCluster cluster;
static uint64_t next_tag;

static void
begin(void)
{
	cluster_start(&cluster, 3);
	next_tag = 1;
}

/* Commits some entries. */
static void
write_some(void)
{
	TestNode *leader = cluster_await_leader(&cluster);

	CORE_ASSERT(leader != NULL);
	for (int i = 0; i < 20; i++)
	{
		cluster_propose(&cluster, leader, next_tag++, 100);
		cluster_run(&cluster, SECOND_US / 100);
	}
	cluster_run(&cluster, SECOND_US / 2);
}

/* What a backup of the node's disk would be, taken now. */
static Memdisk *
take_backup(NodeId node)
{
	return memdisk_copy(cluster.nodes[node].disk);
}

/* The backup in the place of the disk, with its device and inode: only the contents are older. */
static EngineStatus
set_back(NodeId node, Memdisk *backup)
{
	EngineStatus status;

	if (cluster.nodes[node].engine)
		cluster_kill(&cluster, node, MEMDISK_LOSE_ALL);
	memdisk_free(cluster.nodes[node].disk);
	cluster.nodes[node].disk = backup;
	memdisk_restart(backup, MEMDISK_KEEP_ALL);
	cluster.nodes[node].config.adopt = true;
	status = cluster_open(&cluster, node);
	cluster.nodes[node].config.adopt = false;
	return status;
}

static void
restart(NodeId node)
{
	cluster_kill(&cluster, node, MEMDISK_LOSE_ALL);
	CORE_ASSERT(cluster_open(&cluster, node) == ENGINE_OK);
	cluster_run(&cluster, 2 * SECOND_US);
}

/* The node has stopped, its peers hear nothing of it, and it stays so. */
static void
expect_found_out(NodeId node, const char *name)
{
	uint64_t bit = UINT64_C(1) << node;
	bool told = false;

	cluster_run(&cluster, 2 * SECOND_US);
	for (NodeId id = 1; id <= cluster.node_count; id++)
		told = told || (cluster.nodes[id].set_back & bit) != 0;
	TAP_OK(cluster.nodes[node].poisoned, "%s: the node finds out", name);
	TAP_OK(told, "%s: a peer refuses it", name);
	cluster_kill(&cluster, node, MEMDISK_LOSE_ALL);
	TAP_OK(cluster_open(&cluster, node) == ENGINE_SET_BACK, "%s: it never starts again", name);
	cluster.nodes[node].engine = NULL;
}

static void
expect_well(NodeId node, const char *name)
{
	bool told = false;

	cluster_run(&cluster, 2 * SECOND_US);
	for (NodeId id = 1; id <= cluster.node_count; id++)
		told = told || cluster.nodes[id].set_back != 0;
	TAP_OK(!cluster.nodes[node].poisoned && !told, "%s", name);
}

static void
test_within_a_life(void)
{
	Memdisk *backup;

	begin();
	write_some();
	backup = take_backup(3);
	write_some();
	TAP_IS_INT(set_back(3, backup), ENGINE_OK, "a backup in the old place opens");
	expect_found_out(3, "set back within its last life");
	TAP_OK(cluster_await_leader(&cluster) != NULL, "the others go on");
	write_some();
	cluster_stop(&cluster);
}

/* The start counter is the one that the peers know, and the log has grown beyond what they know: only the id tells. */
static void
test_same_start_counter(void)
{
	Memdisk *backup;

	begin();
	write_some();
	cluster_kill(&cluster, 2, MEMDISK_LOSE_ALL);
	backup = take_backup(2);
	CORE_ASSERT(cluster_open(&cluster, 2) == ENGINE_OK);
	cluster_run(&cluster, 2 * SECOND_US);
	write_some();
	cluster_kill(&cluster, 2, MEMDISK_LOSE_ALL);
	cluster.nodes[2].isolated = true;
	set_back(2, backup);
	cluster_run(&cluster, 60 * SECOND_US);
	cluster.nodes[2].isolated = false;
	expect_found_out(2, "a cold backup, started as often as the original");
	cluster_stop(&cluster);
}

static void
test_many_lives_ago(void)
{
	Memdisk *backup;

	begin();
	write_some();
	backup = take_backup(1);
	for (int i = 0; i < 3; i++)
	{
		restart(1);
		write_some();
	}
	/* Its life numbers are smaller than those that were heard: its frames are dropped as late ones. */
	set_back(1, backup);
	cluster_run(&cluster, 2 * SECOND_US);
	TAP_OK(cluster.nodes[1].poisoned, "set back by three lives: the node finds out");
	cluster_stop(&cluster);
}

/* Peers have restarted as well: what they know of the others' logs is in their own. */
static void
test_peers_restarted(void)
{
	Memdisk *backup;

	begin();
	write_some();
	backup = take_backup(3);
	for (int i = 0; i < 8; i++)
	{
		write_some();
		cluster_run(&cluster, 2 * SECOND_US);
	}
	cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
	restart(1);
	restart(2);
	set_back(3, backup);
	expect_found_out(3, "peers that have restarted since");
	cluster_stop(&cluster);
}

/* More lives than the log names: the place alone decides. */
static void
test_more_lives_than_named(void)
{
	Memdisk *backup;

	begin();
	write_some();
	backup = take_backup(3);
	write_some();
	cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
	cluster.nodes[3].isolated = true;
	set_back(3, backup);
	for (int i = 0; i < LOG_LIVES_MAX + 1; i++)
	{
		cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
		CORE_ASSERT(cluster_open(&cluster, 3) == ENGINE_OK);
	}
	cluster.nodes[3].isolated = false;
	expect_found_out(3, "set back, and started nine times alone");
	cluster_stop(&cluster);
}

/* Crashes that lose what was not synced, right after a start too, are none of this. */
static void
test_crashes(void)
{
	begin();
	for (int i = 0; i < 30; i++)
	{
		NodeId node = (NodeId) (1 + i % 3);

		cluster_kill(&cluster, node, i % 2 ? MEMDISK_LOSE_ALL : MEMDISK_LOSE_SOME);
		CORE_ASSERT(cluster_open(&cluster, node) == ENGINE_OK);
		if (i % 5 == 0)
			cluster_run(&cluster, SECOND_US);
		else
			cluster_run(&cluster, 300 + 400 * i);
	}
	expect_well(1, "thirty crashes at any time look like crashes");
	write_some();
	cluster_stop(&cluster);
}

int
main(void)
{
	test_within_a_life();
	test_same_start_counter();
	test_many_lives_ago();
	test_peers_restarted();
	test_more_lives_than_named();
	test_crashes();
	return tap_done();
}

/*
 * test_engine_lives.c
 *		A log that was set back to an older state of itself: its node and its peers find out (decision 0012), and
 *		nothing else looks like it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core_assert.h"
#include "log/log_format.h"

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

/* ---- two logs at once ---- */

/* How many of the entries tagged `first` .. `last` the node's log holds, where their writer was told. */
static uint32_t
held(TestNode *node, const TestNode *writer, uint64_t first, uint64_t last)
{
	uint32_t count = 0;

	for (uint64_t tag = first; tag <= last; tag++)
		count += cluster_holds(node, writer->tag_lsns[tag], tag, 100);
	return count;
}

/* Node 1 alone is left, and says so. */
static void
expect_recovery_of_first(const TestNode *writer, uint64_t last_tag)
{
	for (NodeId node = 2; node <= 3; node++)
		if (cluster.nodes[node].engine)
			cluster_kill(&cluster, node, MEMDISK_LOSE_ALL);
	cluster_run(&cluster, 5 * SECOND_US);
	TAP_OK(engine_recover_group(cluster.nodes[1].engine, CLUSTER_GROUP,
								node_id_bit(2) | node_id_bit(3)) == NULL &&
			   cluster_await_leader(&cluster) == &cluster.nodes[1],
		   "recovered without them it leads");
	TAP_IS_INT(held(&cluster.nodes[1], writer, 1, last_tag), (int64_t) last_tag,
			   "with all that was written");
}

/*
 * All three write twice; nodes 2 and 3 are to be set back to where they were in between.  Returns who wrote; *last is
 * the last tag.
 */
static TestNode *
write_and_back_up(Memdisk *backups[4], uint64_t *last)
{
	begin();
	write_some();
	backups[2] = take_backup(2);
	backups[3] = take_backup(3);
	write_some();
	*last = next_tag - 1;
	return cluster_await_leader(&cluster);
}

/* Nodes 2 and 3 come back together, with what they had then. */
static void
set_two_back(Memdisk *backups[4])
{
	cluster_kill(&cluster, 2, MEMDISK_LOSE_ALL);
	cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
	set_back(2, backups[2]);
	set_back(3, backups[3]);
}

/* The third one remembers: neither of them is believed, and nothing is decided without what they have forgotten. */
static void
test_two_at_once(void)
{
	Memdisk *backups[4];
	const TestNode *writer;
	uint64_t last;

	writer = write_and_back_up(backups, &last);
	set_two_back(backups);
	cluster_run(&cluster, 10 * SECOND_US);
	TAP_OK(cluster.nodes[2].poisoned && cluster.nodes[3].poisoned,
		   "two logs are set back at once: both nodes find out from the third");
	TAP_OK(!cluster.nodes[1].leading, "and no quorum is left");
	expect_recovery_of_first(writer, last);
	cluster_stop(&cluster);
}

/*
 * The one who remembers cannot be reached: the two go on as if what they have forgotten had never been, until it is
 * back.
 */
static void
test_two_at_once_unnoticed(void)
{
	Memdisk *backups[4];
	TestNode *writer;
	TestNode *leader;
	uint64_t last;

	writer = write_and_back_up(backups, &last);
	cluster.nodes[1].isolated = true;
	set_two_back(backups);
	leader = cluster_await_leader(&cluster);
	TAP_OK(leader && leader->id != 1 && held(leader, writer, 1, last) < last,
		   "two logs are set back at once while the third node is away: what they forgot is lost");
	cluster.nodes[1].isolated = false;
	cluster_run(&cluster, 10 * SECOND_US);
	TAP_OK(cluster.nodes[2].poisoned && cluster.nodes[3].poisoned, "both find out when it is back");
	expect_recovery_of_first(writer, last);
	cluster_stop(&cluster);
}

/* ---- damage to the last sync ---- */

/* The segment that a node is filling, and where its last record begins. */
typedef struct LastRecord
{
	char segment[32];
	uint32_t offset;
} LastRecord;

static LastRecord
find_last_record(TestNode *node)
{
	const LogIo *io = memdisk_io(node->disk);
	LastRecord last = {.offset = 0};

	for (uint32_t number = 1;; number++)
	{
		LogSegmentHeader header;
		LogRecord record;
		uint64_t size;
		uint8_t *image;
		int handle;
		char name[32];

		snprintf(name, sizeof(name), "%010u.segment", number);
		if (!memdisk_file_size(node->disk, name, &size))
			return last;
		image = malloc(size);
		handle = io->open(io->ctx, name, LOG_IO_READ);
		CORE_ASSERT(log_io_read_all(io, handle, image, size, 0) == 0 &&
					log_header_decode(image, &header) == 0);
		io->close(io->ctx, handle);
		for (uint32_t offset = LOG_RECORDS_OFFSET;
			 log_record_decode(image, (uint32_t) size, offset, header.crc, &record) == 0;
			 offset += log_record_bytes(record.payload_length))
		{
			last.offset = offset;
			memcpy(last.segment, name, sizeof(name));
		}
		free(image);
	}
}

/*
 * What a node wrote last looks torn, and is cut off: as if its log had been set back by that much.  Kills node 3 at
 * that time after a write was acknowledged and damages its last record.  True if it is found out.
 */
static bool
loses_last_record(TimeUs after_us, bool *whole)
{
	TestNode *node = &cluster.nodes[3];
	TestNode *writer;
	LastRecord last;
	bool found_out;

	begin();
	write_some();
	writer = cluster_await_leader(&cluster);
	cluster_propose(&cluster, writer, next_tag, 100);
	CORE_ASSERT(cluster_await_commit(&cluster, writer, writer->tag_lsns[next_tag]));
	cluster_run(&cluster, after_us);
	cluster_kill(&cluster, 3, MEMDISK_LOSE_ALL);
	last = find_last_record(node);
	CORE_ASSERT(memdisk_rot(node->disk, last.segment, last.offset + 20, 1));
	CORE_ASSERT(cluster_open(&cluster, 3) == ENGINE_OK && engine_log_damage(node->engine) == NULL);
	cluster_run(&cluster, 10 * SECOND_US);
	found_out = node->poisoned;
	for (NodeId id = 1; id <= (found_out ? 2 : 3); id++)
		*whole &= held(&cluster.nodes[id], writer, 1, next_tag) == next_tag;
	cluster_stop(&cluster);
	return found_out;
}

static void
test_last_sync(void)
{
	int found_out = 0;
	int trials = 0;
	bool whole = true;

	for (TimeUs after_us = 0; after_us < SECOND_US; after_us += SECOND_US / 40, trials++)
		found_out += loses_last_record(after_us, &whole);
	TAP_OK(whole, "damage to the last sync of a log: what was in it comes from the leader");
	TAP_OK(found_out > 0 && found_out < trials,
		   "it is found out %d times of %d: if a peer had heard of that sync", found_out, trials);
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
	test_two_at_once();
	test_two_at_once_unnoticed();
	test_last_sync();
	return tap_done();
}

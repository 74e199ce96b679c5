/*
 * test_engine.c
 *		The replication engine on disks in memory: one node, three nodes, failures, restarts, truncation.
 */
#include "wire/frame.h"

#include "unit/engine_cluster.h"
#include "unit/tap.h"

static TestCluster cluster;

/* ---- reading back ---- */

/* Proposes tags first .. first + count - 1 in one turn and waits until they are committed there. */
static bool
write_tags(TestNode *leader, uint64_t first, uint32_t count, uint32_t length)
{
	for (uint64_t tag = first; tag < first + count; tag++)
	{
		cluster_propose(&cluster, leader, tag, length);
		if (leader->tags[tag] != TAG_APPENDED)
			return false;
	}
	return cluster_await_commit(&cluster, leader, leader->tag_lsns[first + count - 1]);
}

static bool
holds_tags(TestNode *node, const TestNode *writer, uint64_t first, uint32_t count, uint32_t length)
{
	for (uint64_t tag = first; tag < first + count; tag++)
		if (!cluster_holds(node, writer->tag_lsns[tag], tag, length))
			return false;
	return true;
}

/* ---- tests ---- */

static void
test_single_node(void)
{
	TestNode *node;
	GroupStatus status;
	uint64_t start_counter;
	uint32_t length;

	cluster_start(&cluster, 1);
	node = cluster_await_leader(&cluster);
	TAP_OK(node != NULL, "a single node leads its group");
	start_counter = engine_start_counter(node->engine);
	TAP_OK(write_tags(node, 1, 20, 1000), "20 proposals are committed");
	TAP_OK(engine_set_blob(node->engine, 5, "nodes", 6), "a blob is kept");
	cluster_run(&cluster, 10000);
	engine_propose(node->engine, 99, node->ballot, "x", 1, 50);
	TAP_OK(node->tags[50] == TAG_REFUSED && node->refusals[50] == ENGINE_NO_GROUP,
		   "a proposal for an unknown group is refused");
	engine_propose(node->engine, CLUSTER_GROUP, (Ballot){node->ballot.round + 1, 1}, "x", 1, 51);
	TAP_OK(node->tags[51] == TAG_REFUSED && node->refusals[51] == ENGINE_NOT_LEADER,
		   "a proposal under another ballot is refused");
	engine_propose(node->engine, CLUSTER_GROUP, node->ballot, cluster_payload(1, 60000), 60000, 52);
	TAP_OK(node->tags[52] == TAG_REFUSED && node->refusals[52] == ENGINE_TOO_LARGE,
		   "a proposal larger than the log takes is refused");
	cluster_kill(&cluster, 1, MEMDISK_LOSE_ALL);
	TAP_IS_INT(cluster_open(&cluster, 1), ENGINE_OK, "the node starts again");
	node->committed = 0;
	node = cluster_await_leader(&cluster);
	TAP_OK(node && holds_tags(node, node, 1, 20, 1000), "everything committed is there");
	TAP_IS_INT(engine_start_counter(node->engine), start_counter + 1, "the start counter grew");
	TAP_OK(strcmp(engine_get_blob(node->engine, 5, &length), "nodes") == 0 && length == 6,
		   "and so is the blob");
	TAP_OK(engine_group_status(node->engine, CLUSTER_GROUP, &status) &&
			   status.commit_lsn == status.append_lsn,
		   "all of the log is committed");
	cluster_stop(&cluster);
}

static void
test_openings(void)
{
	Memdisk *disk = memdisk_create(9);
	Memdisk *copy;
	EngineConfig config = cluster_default_config;
	Engine *engine = NULL;
	EngineCallbacks callbacks;

	cluster_start(&cluster, 1);
	config.self = 1;
	memset(&callbacks, 0, sizeof(callbacks));
	TAP_IS_INT(engine_open(&engine, memdisk_io(disk), &config, &callbacks), ENGINE_NO_IDENTITY,
			   "an empty directory has no identity");
	TAP_OK(strlen(engine_error()) > 0, "the failure has a sentence");
	TAP_IS_INT(engine_bootstrap(memdisk_io(disk), &config), ENGINE_OK, "it is bootstrapped");
	TAP_IS_INT(engine_bootstrap(memdisk_io(disk), &config), ENGINE_IO, "but not twice");
	cluster_kill(&cluster, 1, MEMDISK_KEEP_ALL);
	copy = memdisk_copy(cluster.nodes[1].disk);
	TAP_IS_INT(engine_open(&engine, memdisk_io(copy), &config, &callbacks), ENGINE_FOREIGN,
			   "a copied directory is refused");
	cluster.nodes[1].config.self = 2;
	TAP_IS_INT(cluster_open(&cluster, 1), ENGINE_FOREIGN, "another node's directory is refused");
	cluster.nodes[1].config.self = 1;
	cluster.nodes[1].config.cluster_id[0] ^= 1;
	TAP_IS_INT(cluster_open(&cluster, 1), ENGINE_FOREIGN, "another cluster's is refused, too");
	TAP_OK(engine == NULL && cluster.nodes[1].engine == NULL, "no engine was made");
	memdisk_free(disk);
	memdisk_free(copy);
	cluster_stop(&cluster);
}

static TestNode *
another_node(const TestNode *node)
{
	return &cluster.nodes[node->id == 1 ? 2 : 1];
}

static void
test_failover(void)
{
	TestNode *first, *second;
	Lsn last;

	cluster_start(&cluster, 3);
	first = cluster_await_leader(&cluster);
	TAP_OK(first && write_tags(first, 1, 100, 1000), "three nodes elect a leader and commit");
	cluster_run(&cluster, 500000);
	for (NodeId id = 1; id <= 3; id++)
		TAP_OK(cluster.nodes[id].committed >= first->tag_lsns[100] &&
				   holds_tags(&cluster.nodes[id], first, 1, 100, 1000),
			   "node %d has it all and knows it as committed", id);
	cluster_kill(&cluster, first->id, MEMDISK_LOSE_ALL);
	second = cluster_await_leader(&cluster);
	TAP_OK(second && second != first, "after the leader died another one leads");
	TAP_OK(holds_tags(second, first, 1, 100, 1000), "nothing committed was lost");
	TAP_OK(write_tags(second, 101, 200, 1000), "writes go on with two nodes");
	last = second->tag_lsns[300];
	TAP_IS_INT(cluster_open(&cluster, first->id), ENGINE_OK, "the first leader comes back");
	TAP_OK(cluster_await_commit(&cluster, first, last) && holds_tags(first, second, 101, 200, 1000),
		   "and catches up");
	TAP_OK(!first->leading && second->leading, "without taking the lead away");
	cluster_stop(&cluster);
}

static void
test_isolated_leader(void)
{
	TestNode *old, *new;
	TagState outcome;

	cluster_start(&cluster, 3);
	old = cluster_await_leader(&cluster);
	TAP_OK(write_tags(old, 1, 10, 100), "a leader writes");
	old->isolated = true;
	cluster_propose(&cluster, old, 11, 100);
	outcome = old->tags[11];
	new = cluster_await_leader(&cluster);
	TAP_OK(new &&new != old, "a leader that is cut off is replaced");
	TAP_OK(write_tags(new, 12, 5, 100), "the new one writes");
	TAP_OK(outcome == TAG_APPENDED && old->committed < old->tag_lsns[11],
		   "what the old one appended did not commit");
	old->isolated = false;
	TAP_OK(cluster_await_commit(&cluster, old, new->tag_lsns[16]) && old->step_downs > 0 &&
			   holds_tags(old, new, 12, 5, 100),
		   "the old one steps down and takes over the new log");
	cluster_stop(&cluster);
}

static void
test_handover(void)
{
	TestNode *old, *new;
	TimeUs began;

	cluster_start(&cluster, 3);
	old = cluster_await_leader(&cluster);
	write_tags(old, 1, 10, 100);
	cluster_run(&cluster, 2000000);
	new = another_node(old);
	began = cluster.now;
	engine_transfer(old->engine, CLUSTER_GROUP, new->id);
	while (cluster_await_leader(&cluster) != new &&cluster.now < began + 1000000)
		cluster_run(&cluster, 1000);
	TAP_OK(new->leading && !old->leading, "a planned handover changes the leader");
	TAP_OK(cluster.now - began < 50000, "within 50 ms");
	TAP_OK(write_tags(new, 11, 10, 100), "the new leader writes");
	cluster_stop(&cluster);
}

static void
test_frames(void)
{
	TestNode *leader;
	uint8_t garbage[200];
	FrameBuilder builder = {0};
	Message message = {.kind = MESSAGE_PREPARE, .from = 2, .to = 1, .group = CLUSTER_GROUP};
	GroupStatus before, after;
	const uint8_t *frame;
	size_t length;

	cluster_start(&cluster, 3);
	leader = cluster_await_leader(&cluster);
	engine_group_status(cluster.nodes[1].engine, CLUSTER_GROUP, &before);
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (uint8_t) (i * 37);
	TAP_OK(!engine_receive(cluster.nodes[1].engine, 2, garbage, sizeof(garbage)),
		   "garbage is refused");
	message.ballot = (Ballot){before.promised.round + 1, 2};
	message.generation = 1;
	frame_begin(&builder, (const uint8_t *) "another cluster!", 2, 1, 1, 1 << 20);
	frame_add_message(&builder, &message);
	frame = frame_finish(&builder, &length);
	TAP_OK(!engine_receive(cluster.nodes[1].engine, 2, frame, length),
		   "a frame of another cluster is refused");
	frame_begin(&builder, cluster_default_config.cluster_id, 2, 1, 1, 1 << 20);
	frame_add_message(&builder, &message);
	frame = frame_finish(&builder, &length);
	TAP_OK(!engine_receive(cluster.nodes[1].engine, 3, frame, length),
		   "a frame of another sender than the stream's is refused");
	TAP_OK(!engine_receive(cluster.nodes[3].engine, 2, frame, length),
		   "a frame to another node is refused");
	message.group = 1234;
	frame_begin(&builder, cluster_default_config.cluster_id, 2, 1, 1, 1 << 20);
	frame_add_message(&builder, &message);
	frame = frame_finish(&builder, &length);
	TAP_OK(engine_receive(cluster.nodes[1].engine, 2, frame, length),
		   "a message of an unknown group is ignored");
	engine_group_status(cluster.nodes[1].engine, CLUSTER_GROUP, &after);
	TAP_OK(memcmp(&before.promised, &after.promised, sizeof(Ballot)) == 0,
		   "none of them changed anything");
	TAP_OK(leader && write_tags(leader, 1, 1, 10), "and the cluster works");
	frame_builder_free(&builder);
	cluster_stop(&cluster);
}

/* A PREPARE of node 2 to node 1 with a ballot above its promise, from the given life of node 2. */
static bool
receive_prepare(uint64_t start_counter, GroupStatus *after)
{
	static FrameBuilder builder;
	Message message = {.kind = MESSAGE_PREPARE,
					   .from = 2,
					   .to = 1,
					   .group = CLUSTER_GROUP,
					   .generation = 1,
					   .from_since = 1,
					   .to_since = 1};
	GroupStatus before;
	const uint8_t *frame;
	size_t length;
	bool valid;

	engine_group_status(cluster.nodes[1].engine, CLUSTER_GROUP, &before);
	message.ballot = (Ballot){before.promised.round + 1, 2};
	frame_begin(&builder, cluster_default_config.cluster_id, 2, 1, start_counter, 1 << 20);
	frame_add_message(&builder, &message);
	frame = frame_finish(&builder, &length);
	valid = engine_receive(cluster.nodes[1].engine, 2, frame, length);
	engine_group_status(cluster.nodes[1].engine, CLUSTER_GROUP, after);
	frame_builder_free(&builder);
	return valid && after->promised.round == before.promised.round + 1;
}

static void
test_former_lives(void)
{
	GroupStatus status;
	uint64_t life;

	cluster_start(&cluster, 3);
	cluster_await_leader(&cluster);
	cluster_kill(&cluster, 2, MEMDISK_KEEP_ALL);
	cluster_open(&cluster, 2);
	life = engine_start_counter(cluster.nodes[2].engine);
	cluster_run(&cluster, 1000000);
	cluster_kill(&cluster, 2, MEMDISK_KEEP_ALL);
	cluster_kill(&cluster, 3, MEMDISK_KEEP_ALL);
	cluster_run(&cluster, 5000000);
	TAP_OK(!receive_prepare(life - 1, &status), "a frame of a former life is dropped");
	cluster_kill(&cluster, 1, MEMDISK_LOSE_ALL);
	cluster_open(&cluster, 1);
	cluster_run(&cluster, 5000000);
	TAP_OK(!receive_prepare(life - 1, &status), "also after a restart of the receiver");
	TAP_OK(receive_prepare(life, &status), "one of the present life is not");
	cluster_stop(&cluster);
}

/* Tells all engines that what they know as committed is applied and durable. */
static void
apply_everywhere(void)
{
	for (NodeId id = 1; id <= cluster.node_count; id++)
		if (cluster.nodes[id].engine)
			engine_applied(cluster.nodes[id].engine, CLUSTER_GROUP, cluster.nodes[id].committed,
						   cluster.nodes[id].committed);
}

static void
write_much(TestNode *leader, uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++)
		if (!write_tags(leader, 1, 40, 1000))
			return;
}

static void
test_truncation(void)
{
	TestNode *leader;
	GroupStatus status;
	uint64_t full;

	cluster_start(&cluster, 3);
	leader = cluster_await_leader(&cluster);
	write_much(leader, 20);
	cluster_run(&cluster, 5000000);
	full = engine_log_bytes(leader->engine);
	engine_group_status(leader->engine, CLUSTER_GROUP, &status);
	TAP_OK(status.base_lsn == 0 && full > 800000, "nothing is given up before it is applied");
	engine_applied(leader->engine, CLUSTER_GROUP, leader->committed, leader->committed);
	cluster_run(&cluster, 5000000);
	engine_group_status(leader->engine, CLUSTER_GROUP, &status);
	TAP_OK(status.base_lsn == 0, "nor before the other members have applied it");
	apply_everywhere();
	cluster_run(&cluster, 10000000);
	for (NodeId id = 1; id <= 3; id++)
	{
		engine_group_status(cluster.nodes[id].engine, CLUSTER_GROUP, &status);
		TAP_OK(status.base_lsn > 500 && engine_log_bytes(cluster.nodes[id].engine) < full / 2,
			   "node %d gives its old log up then", id);
	}
	TAP_OK(write_tags(leader, 50, 10, 1000), "writes go on");
	cluster_run(&cluster, 1000000);
	cluster_kill(&cluster, 1, MEMDISK_LOSE_ALL);
	TAP_IS_INT(cluster_open(&cluster, 1), ENGINE_OK, "a truncated log is opened");
	TAP_OK(cluster_await_commit(&cluster, &cluster.nodes[1], leader->tag_lsns[59]),
		   "and goes on from its base");
	cluster_stop(&cluster);
}

static void
test_left_behind(void)
{
	TestNode *leader, *dead;
	GroupStatus status;

	cluster_default_config.log_bytes_max = 512 * 1024;
	cluster_start(&cluster, 3);
	cluster_default_config.log_bytes_max = 0;
	leader = cluster_await_leader(&cluster);
	write_much(leader, 1);
	dead = another_node(leader);
	cluster_kill(&cluster, dead->id, MEMDISK_LOSE_ALL);
	for (int i = 0; i < 30; i++)
	{
		write_much(leader, 1);
		apply_everywhere();
		cluster_run(&cluster, 1000000);
	}
	engine_group_status(leader->engine, CLUSTER_GROUP, &status);
	TAP_OK(status.base_lsn > 0 && engine_log_bytes(leader->engine) < 1024 * 1024,
		   "a silent replica holds the log back only up to its limit");
	cluster_open(&cluster, dead->id);
	cluster_run(&cluster, 3000000);
	engine_group_status(leader->engine, CLUSTER_GROUP, &status);
	TAP_OK(dead->rebased == 1 && dead->rows_missing, "then its log begins anew, without rows");
	TAP_OK(write_tags(leader, 100, 10, 1000), "the others go on");
	cluster_stop(&cluster);
}

#define OTHER_GROUP (CLUSTER_GROUP + 1)

/* Writes 2 MB on a group that only this node has; true if all of it is committed. */
static bool
write_on_other_group(TestNode *node)
{
	GroupStatus status;
	Lsn appended;

	for (int i = 0; i < 2000; i++)
	{
		if (!engine_group_status(node->engine, OTHER_GROUP, &status))
			return false;
		appended = status.append_lsn;
		engine_applied(node->engine, OTHER_GROUP, status.commit_lsn, status.commit_lsn);
		engine_propose(node->engine, OTHER_GROUP, status.promised, cluster_payload(1, 1000), 1000,
					   1);
		cluster_run(&cluster, 10000);
		engine_group_status(node->engine, OTHER_GROUP, &status);
		if (status.commit_lsn != appended + 1)
			return false;
	}
	return true;
}

/* What a group without a quorum cannot commit does not stop the other groups of its node. */
static void
test_lost_quorum(void)
{
	TestNode *leader;
	GroupStatus before, after;
	Membership alone = {.generation = 1, .member_count = 1};

	cluster_default_config.log_bytes_max = 512 * 1024;
	cluster_start(&cluster, 3);
	cluster_default_config.log_bytes_max = 0;
	leader = cluster_await_leader(&cluster);
	TAP_OK(write_tags(leader, 11, 10, 1000), "a group writes");
	apply_everywhere();
	for (NodeId id = 1; id <= 3; id++)
		if (id != leader->id)
			cluster_kill(&cluster, id, MEMDISK_LOSE_ALL);
	for (uint64_t tag = 21; tag <= 40; tag++)
		cluster_propose(&cluster, leader, tag, 1000);
	alone.members[0] = (Member){.node = leader->id, .kind = MEMBER_STORAGE, .since = 1};
	engine_create_group(leader->engine, OTHER_GROUP, &alone, leader->id);
	cluster_run(&cluster, 2000000);
	engine_group_status(leader->engine, CLUSTER_GROUP, &before);
	TAP_OK(before.append_lsn >= leader->tag_lsns[40] && before.commit_lsn < leader->tag_lsns[21],
		   "its quorum is lost, and some entries with it");
	TAP_OK(write_on_other_group(leader), "another group of that node goes on for ever");
	TAP_OK(engine_log_bytes(leader->engine) < 1024 * 1024, "and the log stays within its limit");
	cluster_kill(&cluster, leader->id, MEMDISK_LOSE_ALL);
	TAP_IS_INT(cluster_open(&cluster, leader->id), ENGINE_OK, "the log is opened again");
	cluster_run(&cluster, 100000);
	TAP_OK(engine_group_status(leader->engine, CLUSTER_GROUP, &after) &&
			   after.append_lsn == before.append_lsn && holds_tags(leader, leader, 21, 20, 1000),
		   "with what waits for a quorum");
	for (NodeId id = 1; id <= 3; id++)
		if (!cluster.nodes[id].engine)
			cluster_open(&cluster, id);
	TAP_OK(cluster_await_leader(&cluster) == leader &&
			   cluster_await_commit(&cluster, leader, leader->tag_lsns[40]),
		   "and when the others are back it is committed");
	cluster_stop(&cluster);
}

/* The entries of one ACCEPT need more room, record by record, than a segment has: they are taken piece by piece. */
static void
test_many_small_entries(void)
{
	uint32_t segment_bytes = cluster_default_config.segment_bytes;
	TestNode *leader, *away;
	bool written = true;

	cluster_default_config.segment_bytes = 32 * 1024;
	cluster_start(&cluster, 3);
	cluster_default_config.segment_bytes = segment_bytes;
	leader = cluster_await_leader(&cluster);
	away = another_node(leader);
	away->isolated = true;
	for (uint64_t tag = 1; tag <= 2000; tag += 100)
		written = written && write_tags(leader, tag, 100, 8);
	TAP_OK(written, "two nodes of three write many small entries");
	away->isolated = false;
	TAP_OK(cluster_await_commit(&cluster, away, leader->tag_lsns[2000]) &&
			   holds_tags(away, leader, 1, 2000, 8),
		   "the third catches up, though an ACCEPT of them is more than a segment holds");
	cluster_stop(&cluster);
}

/* The disk of a follower is full: it acknowledges nothing more, the other two go on, and it recovers. */
static void
test_full_follower(void)
{
	TestNode *leader, *full;

	cluster_start(&cluster, 3);
	leader = cluster_await_leader(&cluster);
	full = another_node(leader);
	memdisk_set_capacity(full->disk, 200 * 1024);
	for (uint64_t tag = 1; tag < 1000; tag += 40)
		write_tags(leader, tag, 40, 1000);
	TAP_OK(leader->committed >= leader->tag_lsns[1000], "a full follower stalls nobody");
	TAP_OK(!full->poisoned && full->committed < leader->tag_lsns[1000],
		   "it lives and does not acknowledge what it cannot keep");
	memdisk_set_capacity(full->disk, 0);
	TAP_OK(cluster_await_commit(&cluster, full, leader->tag_lsns[1000]) &&
			   holds_tags(full, leader, 1, 1000, 1000),
		   "with room again it catches up");
	cluster_stop(&cluster);
}

/*
 * A follower without room starts again: it knows nothing of the others any more, and can say nothing, so they tell it
 * nothing.  It gives up all the same what its rows have, and goes on.
 */
static void
test_full_and_restarted(void)
{
	TestNode *leader, *full;
	Lsn applied;

	cluster_start(&cluster, 3);
	leader = cluster_await_leader(&cluster);
	full = another_node(leader);
	cluster_kill(&cluster, full->id, MEMDISK_LOSE_ALL);
	full->config.log_bytes_max = 128 * 1024;
	cluster_open(&cluster, full->id);
	for (uint64_t tag = 1; tag < 1000; tag += 40)
		write_tags(leader, tag, 40, 1000);
	applied = full->committed;
	TAP_OK(!full->poisoned && applied < leader->tag_lsns[1000], "a follower's log is at its limit");
	cluster_kill(&cluster, full->id, MEMDISK_LOSE_ALL);
	TAP_IS_INT(cluster_open(&cluster, full->id), ENGINE_OK, "it starts again");
	engine_applied(full->engine, CLUSTER_GROUP, applied, applied);
	for (int i = 0; i < 10; i++)
	{
		cluster_run(&cluster, 1000000);
		apply_everywhere();
	}
	TAP_OK(full->committed >= leader->tag_lsns[1000],
		   "gives up what its rows have, and catches up without more room");
	cluster_stop(&cluster);
}

static void
test_full_leader(void)
{
	TestNode *node;
	uint64_t tag = 1;

	cluster_start(&cluster, 1);
	node = cluster_await_leader(&cluster);
	memdisk_set_capacity(node->disk, 200 * 1024);
	while (tag < 1000 && write_tags(node, tag, 1, 1000))
		tag++;
	TAP_OK(tag > 50 && tag < 1000 && node->tags[tag] == TAG_REFUSED &&
			   node->refusals[tag] == ENGINE_LOG_FULL,
		   "a full log refuses proposals");
	cluster_run(&cluster, 60000000);
	TAP_OK(!node->poisoned && node->leading, "a full node lives on");
	memdisk_set_capacity(node->disk, 0);
	cluster_run(&cluster, 1000000);
	TAP_OK(write_tags(node, tag, 100, 1000), "with room again it writes");
	TAP_OK(holds_tags(node, node, 1, (uint32_t) tag + 99, 1000), "nothing was lost");
	cluster_stop(&cluster);
}

static void
test_failed_sync(void)
{
	TestNode *leader, *broken;

	cluster_start(&cluster, 3);
	leader = cluster_await_leader(&cluster);
	broken = another_node(leader);
	memdisk_fail_at(broken->disk, MEMDISK_SYNC_DATA, 1, 5);
	write_tags(leader, 1, 20, 100);
	cluster_run(&cluster, 1000000);
	TAP_OK(broken->poisoned, "a failed sync ends the engine");
	TAP_OK(leader->committed >= leader->tag_lsns[20], "the others commit");
	memdisk_fail_at(broken->disk, MEMDISK_SYNC_DATA, 0, 0);
	cluster_kill(&cluster, broken->id, MEMDISK_LOSE_ALL);
	TAP_IS_INT(cluster_open(&cluster, broken->id), ENGINE_OK, "it starts again");
	TAP_OK(cluster_await_commit(&cluster, broken, leader->tag_lsns[20]) &&
			   holds_tags(broken, leader, 1, 20, 100),
		   "and recovers from the quorum");
	cluster_stop(&cluster);
}

static void
test_idle_and_drop(void)
{
	TestNode *leader;
	uint64_t syncs;
	GroupId groups[4];
	GroupStatus status;

	cluster_start(&cluster, 3);
	leader = cluster_await_leader(&cluster);
	cluster_run(&cluster, 2000000);
	syncs = memdisk_count(leader->disk, MEMDISK_SYNC_DATA);
	cluster_run(&cluster, 10000000);
	syncs = memdisk_count(leader->disk, MEMDISK_SYNC_DATA) - syncs;
	TAP_OK(syncs >= 40 && syncs <= 60, "an idle node syncs four times a lease length");
	TAP_IS_INT(engine_list_groups(leader->engine, groups, 4), 1, "one group is listed");
	TAP_OK(engine_drop_group(leader->engine, CLUSTER_GROUP), "a group is dropped");
	cluster_run(&cluster, 1000000);
	TAP_OK(!engine_group_status(leader->engine, CLUSTER_GROUP, &status) &&
			   engine_list_groups(leader->engine, groups, 4) == 0,
		   "it is gone");
	cluster_kill(&cluster, leader->id, MEMDISK_LOSE_ALL);
	cluster_open(&cluster, leader->id);
	TAP_IS_INT(engine_list_groups(leader->engine, groups, 4), 0, "also after a restart");
	cluster_stop(&cluster);
}

static bool
is_listed(const TestNode *node)
{
	const GroupId *groups;
	uint32_t count = engine_changed_groups(node->engine, &groups);

	for (uint32_t i = 0; i < count; i++)
		if (groups[i] == CLUSTER_GROUP)
			return true;
	return false;
}

/* A leader whose clock went back, or that slept, holds no lease, and the owner is told to look. */
static void
test_clock(void)
{
	TestNode *leader;
	GroupStatus status;

	cluster_start(&cluster, 3);
	leader = cluster_await_leader(&cluster);
	cluster_run(&cluster, 2000000);
	cluster.now -= 400000;
	engine_finish_turn(leader->engine);
	engine_group_status(leader->engine, CLUSTER_GROUP, &status);
	TAP_OK(is_listed(leader) && status.lease_until_us == 0, "a clock that goes back voids leases");
	cluster.now += 400000;
	leader = cluster_await_leader(&cluster);
	TAP_OK(leader != NULL, "there is a leader with a lease again");
	cluster.now += 600000;
	engine_finish_turn(leader->engine);
	engine_group_status(leader->engine, CLUSTER_GROUP, &status);
	TAP_OK(is_listed(leader) && status.lease_until_us == 0, "so does a long sleep");
	TAP_OK(cluster_await_leader(&cluster) != NULL, "and there is one again");
	cluster_stop(&cluster);
}

/* The same of a leader whose disk is full: the core cannot be told, for that may take records. */
static void
test_clock_without_room(void)
{
	TestNode *leader;
	GroupStatus status;
	uint64_t tag = 1;

	cluster_start(&cluster, 3);
	leader = cluster_await_leader(&cluster);
	memdisk_set_capacity(leader->disk, 200 * 1024);
	while (tag < 1000 && write_tags(leader, tag, 1, 1000))
		tag++;
	/* Its last records fill the log; then it says nothing more, and its lease runs out. */
	do
	{
		cluster_run(&cluster, 50000);
		engine_group_status(leader->engine, CLUSTER_GROUP, &status);
	} while (status.lease_until_us > cluster.now + cluster_default_config.lease_us / 2);
	TAP_OK(tag < 1000 && status.lease_until_us > cluster.now + cluster_default_config.lease_us / 4,
		   "a full leader has its lease for a while");
	cluster.now -= 100000;
	engine_finish_turn(leader->engine);
	TAP_OK(is_listed(leader), "its owner hears that its clock went back");
	cluster.now += 100000;
	engine_finish_turn(leader->engine);
	engine_group_status(leader->engine, CLUSTER_GROUP, &status);
	TAP_OK(status.lease_until_us == 0, "and it has none any more, though the clock has caught up");
	cluster_stop(&cluster);
}

int
main(void)
{
	test_openings();
	test_single_node();
	test_failover();
	test_isolated_leader();
	test_handover();
	test_frames();
	test_former_lives();
	test_truncation();
	test_left_behind();
	test_lost_quorum();
	test_many_small_entries();
	test_full_follower();
	test_full_and_restarted();
	test_full_leader();
	test_failed_sync();
	test_idle_and_drop();
	test_clock();
	test_clock_without_room();
	return tap_done();
}

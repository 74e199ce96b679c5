/*
 * test_engine_repair.c
 *		Engines whose logs are damaged: they get what they lack from each other, and promise nothing wrong meanwhile.
 */
#include <string.h>

#include "core/core_assert.h"
#include "wire/arena.h"
#include "wire/frame.h"

#include "unit/engine_cluster.h"
#include "unit/tap.h"

#define TAGS 600
#define TAG_BYTES 500

static TestCluster cluster;

/* How many of the tags the node's log holds, each where the writer was told. */
static uint32_t
count_tags(TestNode *node, const TestNode *writer)
{
	uint32_t count = 0;

	for (uint64_t tag = 1; tag <= TAGS; tag++)
		count += cluster_holds(node, writer->tag_lsns[tag], tag, TAG_BYTES);
	return count;
}

/* A cluster with all tags committed on all nodes, in some segments, and idle since. */
static TestNode *
start_with_entries(uint32_t node_count)
{
	TestNode *leader;

	cluster_start(&cluster, node_count);
	leader = cluster_await_leader(&cluster);
	for (uint64_t tag = 1; tag <= TAGS; tag++)
	{
		cluster_propose(&cluster, leader, tag, TAG_BYTES);
		if (tag % 20 == 0)
			cluster_run(&cluster, 5000);
	}
	if (!cluster_await_commit(&cluster, leader, leader->tag_lsns[TAGS]))
		abort();
	cluster_run(&cluster, 1000000);
	return leader;
}

static void
kill_all(void)
{
	for (NodeId node = 1; node <= cluster.node_count; node++)
		cluster_kill(&cluster, node, MEMDISK_LOSE_ALL);
}

static void
damage(NodeId node, const char *name, uint32_t from, uint32_t bytes)
{
	for (uint32_t offset = from; offset < from + bytes; offset++)
		if (!memdisk_rot(cluster.nodes[node].disk, name, offset, 0x55))
			abort();
}

static uint64_t
missing(NodeId node)
{
	return engine_missing_entries(cluster.nodes[node].engine);
}

static GroupStatus
status_of(NodeId node)
{
	GroupStatus status = {0};

	engine_group_status(cluster.nodes[node].engine, CLUSTER_GROUP, &status);
	return status;
}

static void
test_disjoint_damage(void)
{
	const TestNode *writer = start_with_entries(3);
	bool whole = true;

	kill_all();
	damage(1, "0000000001.segment", 20000, 4000);
	damage(2, "0000000001.segment", 40000, 4000);
	damage(3, "0000000003.segment", 20000, 20000);
	damage(3, "0000000002.segment", 0, 100);
	for (NodeId node = 1; node <= 3; node++)
	{
		EngineStatus status = cluster_open(&cluster, node);

		TAP_OK(status == ENGINE_OK && missing(node) > 4 &&
				   engine_log_damage(cluster.nodes[node].engine) != NULL,
			   "node %d starts without %d of its entries", node, (int) missing(node));
	}
	TAP_OK(cluster_await_leader(&cluster) != NULL, "they agree on a leader");
	cluster_run(&cluster, 2000000);
	for (NodeId node = 1; node <= 3; node++)
	{
		TestNode *it = &cluster.nodes[node];

		whole = whole && missing(node) == 0 && count_tags(it, writer) == TAGS;
		TAP_OK(engine_repaired_entries(it->engine) > 4 && status_of(node).missing_entries == 0,
			   "node %d got %d entries from the others", node,
			   (int) engine_repaired_entries(it->engine));
	}
	TAP_OK(whole, "all have all entries");
	kill_all();
	for (NodeId node = 1; node <= 3; node++)
		whole = whole && cluster_open(&cluster, node) == ENGINE_OK && missing(node) == 0;
	TAP_OK(whole, "and still do after a restart");
	cluster_stop(&cluster);
}

static void
spoil(NodeId node, const char *name, uint32_t from, uint32_t bytes)
{
	for (uint32_t offset = from; offset < from + bytes; offset += MEMDISK_BLOCK_BYTES)
		if (!memdisk_spoil(cluster.nodes[node].disk, name, offset))
			abort();
}

/* What the disks cannot read comes from the others, too: what is found at the start, and what is found later. */
static void
test_bad_blocks(void)
{
	const TestNode *writer = start_with_entries(3);
	bool whole = true;
	uint32_t read;

	kill_all();
	spoil(1, "0000000001.segment", 16384, 8192);
	spoil(2, "0000000001.segment", 40960, 8192);
	spoil(3, "0000000003.segment", 0, 65536);
	for (NodeId node = 1; node <= 3; node++)
	{
		EngineStatus status = cluster_open(&cluster, node);

		TAP_OK(status == ENGINE_OK && missing(node) > 4,
			   "node %d starts without %d entries that it cannot read", node, (int) missing(node));
	}
	TAP_OK(cluster_await_leader(&cluster) != NULL, "they agree on a leader");
	cluster_run(&cluster, 2000000);
	for (NodeId node = 1; node <= 3; node++)
		whole = whole && missing(node) == 0 && count_tags(&cluster.nodes[node], writer) == TAGS;
	TAP_OK(whole, "all have all entries");
	spoil(1, "0000000002.segment", 8192, 4096);
	read = count_tags(&cluster.nodes[1], writer);
	TAP_OK(read < TAGS && missing(1) == TAGS - read, "a running node cannot read %d entries",
		   (int) missing(1));
	cluster_run(&cluster, 2000000);
	TAP_OK(!cluster.nodes[1].poisoned && missing(1) == 0 &&
			   count_tags(&cluster.nodes[1], writer) == TAGS,
		   "it goes on, and gets them");
	cluster_stop(&cluster);
}

/* Its last entries may not be committed: it neither stands nor answers those who do. */
static void
test_silent_until_repaired(void)
{
	start_with_entries(3);
	kill_all();
	damage(1, "0000000005.segment", 4000, 20000);
	cluster_open(&cluster, 1);
	cluster_open(&cluster, 2);
	cluster.nodes[2].isolated = true;
	cluster_run(&cluster, 5000000);
	TAP_OK(missing(1) > 10 && status_of(1).role == ROLE_FOLLOWER,
		   "a node that lacks entries waits for somebody who has them");
	cluster.nodes[2].isolated = false;
	cluster_run(&cluster, 5000000);
	TAP_OK(missing(1) == 0, "which need not be a leader");
	TAP_OK(cluster_await_leader(&cluster) != NULL, "then both are a quorum");
	cluster_stop(&cluster);
}

/* What its rows have it need not read: it stands. */
static void
test_covered_by_rows(void)
{
	Lsn lsn = start_with_entries(1)->tag_lsns[TAGS];

	kill_all();
	damage(1, "0000000002.segment", 4000, 20000);
	cluster_open(&cluster, 1);
	cluster_run(&cluster, 3000000);
	TAP_OK(missing(1) > 10 && status_of(1).role == ROLE_FOLLOWER,
		   "a single node that lacks what its rows do not have does not stand");
	engine_applied(cluster.nodes[1].engine, CLUSTER_GROUP, lsn, lsn);
	TAP_OK(cluster_await_leader(&cluster) != NULL, "it does when the rows have it");
	cluster_run(&cluster, 5000000);
	TAP_OK(missing(1) == 0 && status_of(1).base_lsn > 1, "and gives up what nobody has");
	cluster_stop(&cluster);
}

/* The others have given up what is missing here, and the rows here do not have it. */
static void
test_rows_are_copied(void)
{
	Lsn lsn = start_with_entries(3)->tag_lsns[TAGS];

	/* Node 1 tells that it has applied all; the others do later, and truncate. */
	engine_applied(cluster.nodes[1].engine, CLUSTER_GROUP, lsn, lsn);
	cluster_run(&cluster, 3000000);
	cluster_kill(&cluster, 1, MEMDISK_LOSE_ALL);
	for (NodeId node = 2; node <= 3; node++)
		engine_applied(cluster.nodes[node].engine, CLUSTER_GROUP, lsn, lsn);
	cluster_run(&cluster, 5000000);
	damage(1, "0000000002.segment", 4000, 20000);
	TAP_OK(cluster_open(&cluster, 1) == ENGINE_OK, "a damaged node starts whose rows are gone");
	cluster_run(&cluster, 5000000);
	TAP_OK(cluster.nodes[1].rows_missing && status_of(1).rows_missing && missing(1) == 0 &&
			   cluster.nodes[1].rebase_lsn == status_of(1).base_lsn,
		   "its log begins anew, and its rows are to be copied");
	cluster_stop(&cluster);
}

/* Hands node 1 a frame of that life of node 2, with one message. */
static bool
hand_in(Message *message, uint64_t life)
{
	TestNode *node = &cluster.nodes[1];
	FrameBuilder builder = {0};
	const uint8_t *bytes;
	size_t length;
	bool taken;

	message->from = 2;
	message->to = 1;
	message->group = CLUSTER_GROUP;
	message->from_since = status_of(1).members[1].since;
	message->to_since = status_of(1).members[0].since;
	frame_begin(&builder, node->config.cluster_id, 2, 1, life, node->config.frame_bytes_max);
	taken = frame_add_message(&builder, message);
	bytes = frame_finish(&builder, &length);
	taken = taken && engine_receive(node->engine, 2, bytes, length);
	frame_builder_free(&builder);
	return taken;
}

/* The newest REPAIR that was sent to node 2, as far as it tells whether entries come with it. */
static bool
answer_has_entries(void)
{
	WireArena arena;
	bool has_entries = false;

	wire_arena_init(&arena, NULL, 0, FRAME_ARENA_BYTES_MAX);
	for (const TestFrame *sent = cluster.recorded; sent; sent = sent->next)
	{
		Frame frame;

		if (frame_decode(sent->bytes, sent->length, &arena, &frame) != FRAME_OK)
			abort();
		for (uint32_t i = 0; i < frame.message_count; i++)
			if (frame.messages[i].kind == MESSAGE_REPAIR)
				has_entries |= frame.messages[i].entry_count > 0;
	}
	wire_arena_free(&arena);
	return has_entries;
}

/* An entry of another ballot at the same LSN is another entry: it is neither taken nor given. */
static void
test_ballots_are_compared(void)
{
	Entry entry = {.length = 5, .payload = "other"};
	Message message = {.kind = MESSAGE_REPAIR, .ok = true, .entry_count = 1, .entries = &entry};
	Message question = {.kind = MESSAGE_REPAIR_ASK};
	LogHole hole;
	uint64_t before;
	uint64_t life;

	start_with_entries(3);
	life = engine_start_counter(cluster.nodes[2].engine);
	kill_all();
	damage(1, "0000000002.segment", 4000, 20000);
	cluster_open(&cluster, 1);
	cluster_run(&cluster, 100000);
	engine_next_missing(cluster.nodes[1].engine, CLUSTER_GROUP, 0, &hole);
	before = missing(1);
	message.prev_lsn = hole.first_lsn - 1;
	entry.ballot = (Ballot){hole.ballot.round + 1, 2};
	TAP_OK(hand_in(&message, life) && missing(1) == before,
		   "an entry of another ballot fills no hole");
	entry.ballot = hole.ballot;
	TAP_OK(hand_in(&message, life) && missing(1) == before - 1, "one of the same ballot does");
	cluster.recorded_to = 2;
	question.prev_lsn = hole.first_lsn - 1;
	question.lsn = hole.first_lsn;
	question.ballot = (Ballot){hole.ballot.round + 1, 2};
	hand_in(&question, life);
	cluster_run(&cluster, 1000);
	TAP_OK(!answer_has_entries(), "who asks for another ballot gets nothing");
	question.ballot = hole.ballot;
	hand_in(&question, life);
	cluster_run(&cluster, 1000);
	TAP_OK(answer_has_entries(), "who asks for the same one gets the entry");
	cluster_stop(&cluster);
}

static bool
anybody_leads(void)
{
	bool leads = false;

	for (NodeId node = 1; node <= 3; node++)
		leads |= cluster.nodes[node].engine && cluster.nodes[node].leading;
	return leads;
}

/*
 * The same entries are damaged in all logs, before any row has them.  Nobody can say what they were: the group waits,
 * and neither serves nor forgets.
 */
static void
test_damaged_everywhere(void)
{
	const TestNode *writer = start_with_entries(3);
	const char *obstacle;
	uint32_t left;

	kill_all();
	for (NodeId node = 1; node <= 3; node++)
		damage(node, "0000000002.segment", 20000, 4000);
	for (NodeId node = 1; node <= 3; node++)
		CORE_ASSERT(cluster_open(&cluster, node) == ENGINE_OK);
	cluster_run(&cluster, 60000000);
	left = count_tags(&cluster.nodes[1], writer);
	TAP_OK(!anybody_leads() && missing(1) > 4 && missing(1) == TAGS - left,
		   "%d entries are damaged in all logs: nobody leads", (int) missing(1));
	TAP_OK(missing(2) == missing(1) && missing(3) == missing(1), "all say so");
	for (NodeId node = 2; node <= 3; node++)
		cluster_kill(&cluster, node, MEMDISK_LOSE_ALL);
	cluster_run(&cluster, 5000000);
	obstacle = engine_recover_group(cluster.nodes[1].engine, CLUSTER_GROUP,
									node_id_bit(2) | node_id_bit(3));
	TAP_OK(obstacle && strstr(obstacle, "damaged"),
		   "one of them cannot be recovered alone either: it lacks them as well");
	cluster_run(&cluster, 5000000);
	TAP_OK(!anybody_leads() && count_tags(&cluster.nodes[1], writer) == left,
		   "it goes on to wait, with all that it can read");
	TAP_OK(engine_drop_group(cluster.nodes[1].engine, CLUSTER_GROUP) && missing(1) == 0,
		   "until the group is given up");
	cluster_stop(&cluster);
}

int
main(void)
{
	test_disjoint_damage();
	test_bad_blocks();
	test_silent_until_repaired();
	test_covered_by_rows();
	test_rows_are_copied();
	test_ballots_are_compared();
	test_damaged_everywhere();
	return tap_done();
}

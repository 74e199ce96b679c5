/*
 * engine_cluster.c
 *		A cluster of engines in one process; see engine_cluster.h.
 */
#include "unit/engine_cluster.h"

#include <stdlib.h>
#include <string.h>

#include "core/core_assert.h"
#include "core/membership.h"

#define NETWORK_US 200
#define SYNC_US 500

EngineConfig cluster_default_config = {.cluster_id = "engine-cluster",
									   .lease_us = 1000000,
									   .heartbeat_us = 100000,
									   .clock_drift_ppm = 250000,
									   .frame_bytes_max = 256 * 1024,
									   .accept_bytes_max = 64 * 1024,
									   .segment_bytes = 64 * 1024,
									   .seed = 1,
									   .cluster_version = VERSION_NEWEST};

/* The callbacks get the node; the cluster is one a program. */
static TestCluster *the_cluster;

static TimeUs
on_now(void *context)
{
	(void) context;
	return the_cluster->now;
}

/* Recorded frames are kept newest first. */
static void
record_frame(const TestFrame *frame)
{
	TestFrame *copy = malloc(sizeof(TestFrame));

	*copy = *frame;
	copy->bytes = malloc(frame->length);
	memcpy(copy->bytes, frame->bytes, frame->length);
	copy->next = the_cluster->recorded;
	the_cluster->recorded = copy;
}

static void
on_send(void *context, NodeId to, const uint8_t *frame, size_t length)
{
	TestNode *node = context;
	TestFrame *queued = malloc(sizeof(TestFrame));

	node->frames_sent++;
	node->frame_bytes_sent += length;
	*queued = (TestFrame){.due_us = the_cluster->now + NETWORK_US,
						  .from = node->id,
						  .to = to,
						  .length = length,
						  .bytes = malloc(length)};
	memcpy(queued->bytes, frame, length);
	if (the_cluster->last)
		the_cluster->last->next = queued;
	else
		the_cluster->first = queued;
	the_cluster->last = queued;
	if (to == the_cluster->recorded_to)
		record_frame(queued);
}

static void
on_appended(void *context, uint64_t tag, GroupId group, Lsn lsn)
{
	TestNode *node = context;

	if (group != CLUSTER_GROUP)
		return;
	CORE_ASSERT(tag < CLUSTER_TAGS_MAX);
	node->tags[tag] = TAG_APPENDED;
	node->tag_lsns[tag] = lsn;
}

static void
on_refused(void *context, uint64_t tag, GroupId group, EngineRefusal why)
{
	TestNode *node = context;

	(void) group;
	CORE_ASSERT(tag < CLUSTER_TAGS_MAX);
	node->tags[tag] = TAG_REFUSED;
	node->refusals[tag] = why;
}

static void
on_committed(void *context, GroupId group, Lsn commit_lsn)
{
	TestNode *node = context;

	if (group != CLUSTER_GROUP)
		return;
	CORE_ASSERT(commit_lsn > node->committed);
	node->committed = commit_lsn;
}

static void
on_leading(void *context, GroupId group, Ballot ballot, Lsn start_lsn)
{
	TestNode *node = context;

	(void) start_lsn;
	if (group != CLUSTER_GROUP)
		return;
	node->leading = true;
	node->ballot = ballot;
}

static void
on_stepped_down(void *context, GroupId group, Ballot ballot)
{
	TestNode *node = context;

	(void) ballot;
	if (group != CLUSTER_GROUP)
		return;
	node->leading = false;
	node->step_downs++;
}

static void
on_opened(void *context, GroupId group)
{
	TestNode *node = context;
	GroupStatus status;

	CORE_ASSERT(group == CLUSTER_GROUP);
	CORE_ASSERT(engine_group_status(node->engine, group, &status));
	node->opened++;
	node->committed = 0;
	node->rows_missing = false;
}

static void
on_rebased(void *context, GroupId group, Lsn base_lsn)
{
	TestNode *node = context;

	CORE_ASSERT(group == CLUSTER_GROUP);
	node->rebased++;
	node->rebase_lsn = base_lsn;
	node->rows_missing = true;
}

static void
on_removed(void *context, GroupId group)
{
	TestNode *node = context;
	GroupStatus status;

	CORE_ASSERT(group == CLUSTER_GROUP && !node->leading);
	CORE_ASSERT(!engine_group_status(node->engine, group, &status));
	node->removed++;
	node->committed = 0;
	node->rows_missing = false;
}

static void
on_set_back(void *context, NodeId peer, bool set_back)
{
	TestNode *node = context;

	if (set_back)
		node->set_back |= UINT64_C(1) << peer;
	else
		node->set_back &= ~(UINT64_C(1) << peer);
}

EngineStatus
cluster_open(TestCluster *cluster, NodeId id)
{
	TestNode *node = &cluster->nodes[id];
	EngineCallbacks callbacks = {.context = node,
								 .now = on_now,
								 .send = on_send,
								 .appended = on_appended,
								 .refused = on_refused,
								 .committed = on_committed,
								 .leading = on_leading,
								 .stepped_down = on_stepped_down,
								 .opened = on_opened,
								 .rebased = on_rebased,
								 .removed = on_removed,
								 .set_back = on_set_back};

	node->leading = false;
	node->committed = 0;
	node->poisoned = false;
	node->rows_missing = false;
	node->config.seed++; /* as the clock has it in the replicator: no two lives have the same */
	return engine_open(&node->engine, memdisk_io(node->disk), &node->config, &callbacks);
}

static void
start_node(TestCluster *cluster, NodeId id)
{
	TestNode *node = &cluster->nodes[id];

	node->id = id;
	node->disk = memdisk_create(id);
	node->config = cluster_default_config;
	node->config.self = id;
	CORE_ASSERT(engine_bootstrap(memdisk_io(node->disk), &node->config) == ENGINE_OK);
	CORE_ASSERT(cluster_open(cluster, id) == ENGINE_OK);
}

void
cluster_start_with(TestCluster *cluster, uint32_t node_count, uint32_t member_count)
{
	Membership membership = {.generation = 1, .member_count = member_count};

	memset(cluster, 0, sizeof(*cluster));
	the_cluster = cluster;
	cluster->now = 1000000000;
	cluster->sync_us = SYNC_US;
	cluster->node_count = node_count;
	for (NodeId id = 1; id <= member_count; id++)
		membership.members[id - 1] = (Member){.node = id, .kind = MEMBER_STORAGE};
	for (NodeId id = 1; id <= node_count; id++)
	{
		start_node(cluster, id);
		if (id <= member_count)
			CORE_ASSERT(
				engine_create_group(cluster->nodes[id].engine, CLUSTER_GROUP, &membership, 1));
	}
	/* The group is durable everywhere: a node that loses it could not know of it. */
	cluster_run(cluster, 2 * SYNC_US);
}

void
cluster_start(TestCluster *cluster, uint32_t node_count)
{
	cluster_start_with(cluster, node_count, node_count);
}

static void
drop_frames(TestFrame **list)
{
	while (*list)
	{
		TestFrame *frame = *list;

		*list = frame->next;
		free(frame->bytes);
		free(frame);
	}
}

void
cluster_stop(TestCluster *cluster)
{
	drop_frames(&cluster->first);
	drop_frames(&cluster->recorded);
	for (NodeId id = 1; id <= cluster->node_count; id++)
	{
		if (cluster->nodes[id].engine)
			engine_close(cluster->nodes[id].engine);
		memdisk_free(cluster->nodes[id].disk);
	}
}

void
cluster_kill(TestCluster *cluster, NodeId id, MemdiskCrash crash)
{
	TestNode *node = &cluster->nodes[id];

	engine_close(node->engine);
	node->engine = NULL;
	node->leading = false;
	memdisk_restart(node->disk, crash);
}

/* Delivers frames that are due; returns whether a node that is up got one. */
static void
deliver(TestCluster *cluster)
{
	while (cluster->first && cluster->first->due_us <= cluster->now)
	{
		TestFrame *frame = cluster->first;
		TestNode *from = &cluster->nodes[frame->from];
		TestNode *to = &cluster->nodes[frame->to];

		cluster->first = frame->next;
		if (!cluster->first)
			cluster->last = NULL;
		if (to->engine && !to->poisoned && !to->isolated && !from->isolated)
			CORE_ASSERT(engine_receive(to->engine, frame->from, frame->bytes, frame->length));
		free(frame->bytes);
		free(frame);
	}
}

void
cluster_replay(TestCluster *cluster)
{
	TestNode *to = &cluster->nodes[cluster->recorded_to];
	TestFrame *oldest_first = NULL;

	cluster->recorded_to = 0;
	while (cluster->recorded)
	{
		TestFrame *frame = cluster->recorded;

		cluster->recorded = frame->next;
		frame->next = oldest_first;
		oldest_first = frame;
	}
	for (TestFrame *frame = oldest_first; frame; frame = frame->next)
		CORE_ASSERT(engine_receive(to->engine, frame->from, frame->bytes, frame->length));
	drop_frames(&oldest_first);
}

/* The simulated sync takes its time once for all nodes: their disks work at the same time. */
static void
turn_all(TestCluster *cluster)
{
	uint64_t syncs = 0;

	for (NodeId id = 1; id <= cluster->node_count; id++)
	{
		TestNode *node = &cluster->nodes[id];
		uint64_t before = memdisk_count(node->disk, MEMDISK_SYNC_DATA);

		if (!node->engine || node->poisoned)
			continue;
		node->poisoned = !engine_finish_turn(node->engine) || engine_set_back_by(node->engine) != 0;
		syncs += memdisk_count(node->disk, MEMDISK_SYNC_DATA) - before;
	}
	cluster->now += syncs > 0 ? cluster->sync_us : 10;
}

/* When something happens next. */
static TimeUs
next_event_us(const TestCluster *cluster)
{
	TimeUs due = cluster->first ? cluster->first->due_us : INT64_MAX;

	for (NodeId id = 1; id <= cluster->node_count; id++)
	{
		const TestNode *node = &cluster->nodes[id];

		if (node->engine && !node->poisoned && engine_next_wake_us(node->engine) < due)
			due = engine_next_wake_us(node->engine);
	}
	return due;
}

void
cluster_run(TestCluster *cluster, TimeUs duration_us)
{
	TimeUs until = cluster->now + duration_us;

	while (cluster->now < until)
	{
		TimeUs due;

		deliver(cluster);
		turn_all(cluster);
		due = next_event_us(cluster);
		if (due > until)
			due = until;
		if (due > cluster->now)
			cluster->now = due;
	}
}

/* Leads, has committed its first entry and holds a lease: it may serve (I7). */
static bool
serves(const TestNode *node, TimeUs now)
{
	GroupStatus status;

	return node->engine && node->leading &&
		   engine_group_status(node->engine, CLUSTER_GROUP, &status) &&
		   status.role == ROLE_LEADER && status.commit_lsn >= status.start_lsn &&
		   status.lease_until_us > now;
}

TestNode *
cluster_await_leader(TestCluster *cluster)
{
	for (int i = 0; i < 20000; i++)
	{
		for (NodeId id = 1; id <= cluster->node_count; id++)
			if (serves(&cluster->nodes[id], cluster->now) && !cluster->nodes[id].isolated)
				return &cluster->nodes[id];
		cluster_run(cluster, 1000);
	}
	return NULL;
}

bool
cluster_await_commit(TestCluster *cluster, TestNode *node, Lsn lsn)
{
	GroupStatus status;

	for (int i = 0; i < 10000; i++)
	{
		if (engine_group_status(node->engine, CLUSTER_GROUP, &status) && status.commit_lsn >= lsn)
			return true;
		cluster_run(cluster, 1000);
	}
	return false;
}

const uint8_t *
cluster_payload(uint64_t tag, uint32_t length)
{
	static uint8_t bytes[1024 * 1024];

	CORE_ASSERT(length <= sizeof(bytes));
	for (uint32_t i = 0; i < length; i++)
		bytes[i] = (uint8_t) (tag * 31 + i * 7);
	return bytes;
}

void
cluster_propose(TestCluster *cluster, TestNode *leader, uint64_t tag, uint32_t length)
{
	(void) cluster;
	engine_propose(leader->engine, CLUSTER_GROUP, leader->ballot, cluster_payload(tag, length),
				   length, tag);
}

/* ---- changes ---- */

static Membership
parse_members(const char *text)
{
	Membership wanted = {0};

	for (; *text; text++)
	{
		Member *member = &wanted.members[wanted.member_count];

		if (*text == ' ')
			continue;
		CORE_ASSERT(*text >= '1' && *text <= '0' + CLUSTER_NODES_MAX);
		member->node = (NodeId) (*text++ - '0');
		CORE_ASSERT(*text == 's' || *text == 'l' || *text == 'n');
		member->kind = *text == 's' ? MEMBER_STORAGE : *text == 'l' ? MEMBER_LOG : MEMBER_LEARNER;
		wanted.member_count++;
	}
	return wanted;
}

void
cluster_ask_change(TestNode *leader, const char *text)
{
	Membership wanted = parse_members(text);

	engine_change(leader->engine, CLUSTER_GROUP, &wanted);
}

/* Are these the members, and is that committed? */
static bool
is_changed(const TestNode *leader, const Membership *wanted)
{
	Membership present;
	GroupStatus status;

	if (!engine_group_membership(leader->engine, CLUSTER_GROUP, &present) ||
		!engine_group_status(leader->engine, CLUSTER_GROUP, &status) ||
		status.committed_generation != status.generation ||
		present.member_count != wanted->member_count)
		return false;
	for (uint32_t i = 0; i < present.member_count; i++)
	{
		uint32_t at = membership_find(wanted, present.members[i].node);

		if (at == MEMBER_NONE || wanted->members[at].kind != present.members[i].kind ||
			present.members[i].half != HALF_BOTH)
			return false;
	}
	return true;
}

bool
cluster_change(TestCluster *cluster, const char *text)
{
	Membership wanted = parse_members(text);
	TimeUs until = cluster->now + 20000000;

	while (cluster->now < until)
	{
		TestNode *leader = cluster_await_leader(cluster);

		if (leader && is_changed(leader, &wanted))
			return true;
		if (leader)
			engine_change(leader->engine, CLUSTER_GROUP, &wanted);
		cluster_run(cluster, 5000);
	}
	return false;
}

typedef struct Expectation
{
	Lsn lsn;
	uint64_t tag;
	uint32_t length;
	bool found;
} Expectation;

static void
check_payload(void *context, Lsn lsn, const Entry *entry)
{
	Expectation *expected = context;

	expected->found = lsn == expected->lsn &&
					  (expected->length == 0 || entry->length == expected->length) &&
					  memcmp(entry->payload, cluster_payload(expected->tag, entry->length),
							 entry->length) == 0;
}

bool
cluster_holds(TestNode *node, Lsn lsn, uint64_t tag, uint32_t length)
{
	Expectation expected = {lsn, tag, length, false};

	return engine_read_entries(node->engine, CLUSTER_GROUP, lsn, lsn, 1 << 20, check_payload,
							   &expected) == 1 &&
		   expected.found;
}

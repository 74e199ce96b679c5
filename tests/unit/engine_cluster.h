/*
 * engine_cluster.h
 *		Engines on disks in memory, joined by a perfect network under one simulated clock: for unit tests.
 *
 * Frames take 200 us, syncs 500 us.  Each node remembers what its engine told it.
 */
#ifndef QUORATE_TESTS_ENGINE_CLUSTER_H
#define QUORATE_TESTS_ENGINE_CLUSTER_H

#include "replication/engine.h"
#include "support/memdisk.h"

#define CLUSTER_NODES_MAX 5
#define CLUSTER_GROUP ((GroupId) 7)
#define CLUSTER_TAGS_MAX 4096

typedef enum TagState
{
	TAG_UNUSED = 0,
	TAG_APPENDED,
	TAG_REFUSED
} TagState;

typedef struct TestNode
{
	NodeId id;
	Memdisk *disk;
	Engine *engine; /* NULL while it is down */
	EngineConfig config;
	bool isolated; /* nothing reaches it or comes from it */

	bool leading; /* of CLUSTER_GROUP */
	Ballot ballot;
	Lsn committed;
	uint32_t step_downs;
	uint32_t opened;   /* how often it was told so, in all lives */
	uint32_t rebased;  /* ... */
	uint32_t removed;  /* ... */
	Lsn rebase_lsn;    /* where the rows have to be copied from, if rows_missing */
	bool rows_missing; /* as it was told */
	uint32_t frames_sent;
	uint64_t frame_bytes_sent;
	bool poisoned;     /* the last turn failed, or showed that its log was set back */
	uint64_t set_back; /* peers of which it was told that their log was: a bit each */

	TagState tags[CLUSTER_TAGS_MAX];
	Lsn tag_lsns[CLUSTER_TAGS_MAX];
	EngineRefusal refusals[CLUSTER_TAGS_MAX];
} TestNode;

typedef struct TestFrame
{
	TimeUs due_us;
	NodeId from;
	NodeId to;
	size_t length;
	uint8_t *bytes;
	struct TestFrame *next;
} TestFrame;

typedef struct TestCluster
{
	TimeUs now;
	TimeUs sync_us;
	uint32_t node_count;
	TestNode nodes[CLUSTER_NODES_MAX + 1]; /* by id */
	TestFrame *first;
	TestFrame *last;
	NodeId recorded_to; /* frames to this node are kept to be delivered again; 0 for none */
	TestFrame *recorded;
} TestCluster;

/* The configuration that cluster_start gives to each node; a test may change it before. */
extern EngineConfig cluster_default_config;

/* Bootstraps and opens node_count nodes and makes CLUSTER_GROUP on them. */
extern void cluster_start(TestCluster *cluster, uint32_t node_count);

/* The same, with the group on the first `member_count` nodes alone. */
extern void cluster_start_with(TestCluster *cluster, uint32_t node_count, uint32_t member_count);
extern void cluster_stop(TestCluster *cluster);

/* Ends a node's process; its disk keeps what `crash` says.  cluster_open starts it again. */
extern void cluster_kill(TestCluster *cluster, NodeId node, MemdiskCrash crash);
extern EngineStatus cluster_open(TestCluster *cluster, NodeId node);

/* Runs for so long. */
extern void cluster_run(TestCluster *cluster, TimeUs duration_us);

/* Delivers once more what was recorded since recorded_to was set, oldest first, and stops recording. */
extern void cluster_replay(TestCluster *cluster);

/*
 * Asks the leader of the moment for the members in `wanted`, "1s 2l 3n": node ids, each with s for storage
 * replica, l for log replica or n for learner.  Asks until the change is done and committed, at most 20 seconds.
 */
extern bool cluster_change(TestCluster *cluster, const char *wanted);

/* Asks once, and does not wait. */
extern void cluster_ask_change(TestNode *leader, const char *wanted);

/* Runs until a node leads and serves; NULL after 20 seconds without one. */
extern TestNode *cluster_await_leader(TestCluster *cluster);

/* Runs until the node knows the LSN as committed; false after 10 seconds. */
extern bool cluster_await_commit(TestCluster *cluster, TestNode *node, Lsn lsn);

/* Proposes a payload that is made from the tag: cluster_payload. */
extern void cluster_propose(TestCluster *cluster, TestNode *leader, uint64_t tag, uint32_t length);
extern const uint8_t *cluster_payload(uint64_t tag, uint32_t length);

/* Does the node's log hold the payload of the tag at that LSN?  `length` 0: whatever its length. */
extern bool cluster_holds(TestNode *node, Lsn lsn, uint64_t tag, uint32_t length);

#endif /* QUORATE_TESTS_ENGINE_CLUSTER_H */

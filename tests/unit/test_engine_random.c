/*
 * test_engine_random.c
 *		Engines through random crashes, cuts of the network, proposals and changes of their members: what was
 *		once committed stays, is the same everywhere, and after the trouble there is progress.
 *
 * A small relative of the simulator, for quick runs: the network is perfect while it works, and all nodes
 * share one clock.
 */
#include <stdlib.h>

#include "core/core_assert.h"
#include "core/membership.h"

#include "unit/engine_cluster.h"
#include "unit/tap.h"

#define SEEDS 24          /* of three nodes */
#define CHANGING_SEEDS 40 /* of five nodes, whose members change */
#define STEPS 60
#define LSNS_MAX 20000

static TestCluster cluster;
static uint64_t random_state;

/* What was committed at each LSN when it was first seen; 0 for nothing yet. */
static uint64_t chosen[LSNS_MAX];
static Lsn chosen_last;
static bool same;
static bool changing; /* members come and go */

/* What happened to replicas, over all seeds. */
static uint32_t opened, rebased, removed;

static uint64_t
random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* A fingerprint of an entry; never 0. */
static uint64_t
fingerprint(const Entry *entry)
{
	const uint8_t *payload = entry->payload;
	uint64_t hash = entry->ballot.round * 64 + entry->ballot.node + 1;

	for (uint32_t i = 0; i < entry->length; i++)
		hash = (hash ^ payload[i]) * UINT64_C(0x100000001B3);
	return hash | 1;
}

/* Compares a committed entry with what another node, or this one in a former life, said it was. */
static void
compare_entry(void *context, Lsn lsn, const Entry *entry)
{
	(void) context;
	CORE_ASSERT(lsn < LSNS_MAX);
	if (chosen[lsn] == 0)
		chosen[lsn] = fingerprint(entry);
	same = same && chosen[lsn] == fingerprint(entry);
	if (lsn > chosen_last)
		chosen_last = lsn;
}

/* The rows are those of the commit LSN, after they were copied if they were missing. */
static void
apply(TestNode *node, const GroupStatus *status)
{
	if (node->rows_missing && status->commit_lsn < node->rebase_lsn)
		return;
	engine_applied(node->engine, CLUSTER_GROUP, status->commit_lsn, status->commit_lsn);
	if (node->rows_missing && engine_rows(node->engine, CLUSTER_GROUP, true))
		node->rows_missing = false;
}

/* Every node that is up holds what it calls committed, and it is what was chosen. */
static void
compare_all(void)
{
	for (NodeId id = 1; id <= cluster.node_count; id++)
	{
		TestNode *node = &cluster.nodes[id];
		GroupStatus status;

		if (!node->engine || node->poisoned ||
			!engine_group_status(node->engine, CLUSTER_GROUP, &status) ||
			status.commit_lsn == status.base_lsn)
			continue;
		same = same && engine_read_entries(node->engine, CLUSTER_GROUP, status.base_lsn + 1,
										   status.commit_lsn, SIZE_MAX, compare_entry,
										   NULL) == status.commit_lsn - status.base_lsn;
		if (random_u64() % 4 == 0)
			apply(node, &status);
	}
}

static void
propose_some(void)
{
	for (NodeId id = 1; id <= cluster.node_count; id++)
	{
		TestNode *node = &cluster.nodes[id];

		if (!node->engine || node->poisoned || !node->leading)
			continue;
		for (uint64_t count = random_u64() % 30; count > 0; count--)
			cluster_propose(&cluster, node, random_u64() % CLUSTER_TAGS_MAX,
							1 + random_u64() % 2000);
	}
}

static void
kill_or_start(NodeId id)
{
	static const MemdiskCrash crashes[] = {MEMDISK_LOSE_ALL, MEMDISK_KEEP_ALL, MEMDISK_LOSE_SOME};

	EngineStatus status;

	if (cluster.nodes[id].engine)
	{
		cluster_kill(&cluster, id, crashes[random_u64() % 3]);
		return;
	}
	/* A sync that is to fail may be one of opening; then the node stays down. */
	status = cluster_open(&cluster, id);
	CORE_ASSERT(status == ENGINE_OK || status == ENGINE_IO);
}

/* Asks every leader for other members: some nodes, of random kinds, the leader among them. */
static void
change_members(void)
{
	for (NodeId id = 1; id <= cluster.node_count; id++)
	{
		TestNode *node = &cluster.nodes[id];
		char wanted[4 * CLUSTER_NODES_MAX] = "";
		char *next = wanted;

		if (!node->engine || node->poisoned || !node->leading)
			continue;
		for (NodeId member = 1; member <= cluster.node_count; member++)
			if (member == id || random_u64() % 3 > 0)
				next += sprintf(next, "%d%c ", member,
								member == id ? 's' : "ssln"[random_u64() % 4]);
		cluster_ask_change(node, wanted);
	}
}

static void
take_step(void)
{
	TestNode *node = &cluster.nodes[1 + random_u64() % cluster.node_count];

	switch (random_u64() % (changing ? 16 : 8))
	{
		case 0:
			kill_or_start(node->id);
			break;
		case 1:
			node->isolated = !node->isolated;
			break;
		case 2:
			if (node->engine && !node->poisoned)
				engine_transfer(node->engine, CLUSTER_GROUP,
								(NodeId) (1 + random_u64() % cluster.node_count));
			break;
		case 3:
			memdisk_fail_at(node->disk, MEMDISK_SYNC_DATA, 1 + random_u64() % 50, 5);
			break;
		case 8:
		case 9:
		case 10:
		case 11:
			change_members();
			break;
		default:
			propose_some();
	}
	cluster_run(&cluster, (TimeUs) (random_u64() % (random_u64() % 4 == 0 ? 3000000 : 20000)));
	for (NodeId id = 1; id <= cluster.node_count; id++)
		if (cluster.nodes[id].engine && cluster.nodes[id].poisoned)
			cluster_kill(&cluster, id, MEMDISK_LOSE_SOME);
	compare_all();
}

/* Time passes, and the rows follow what is committed. */
static void
run_and_apply(int rounds)
{
	for (int i = 0; i < rounds; i++)
	{
		cluster_run(&cluster, 200000);
		for (NodeId id = 1; id <= cluster.node_count; id++)
		{
			GroupStatus status;

			if (cluster.nodes[id].engine && !cluster.nodes[id].poisoned &&
				engine_group_status(cluster.nodes[id].engine, CLUSTER_GROUP, &status))
				apply(&cluster.nodes[id], &status);
		}
	}
}

/* Ends all trouble; true if a leader then commits something new. */
static bool
recovers(void)
{
	TestNode *leader;

	for (NodeId id = 1; id <= cluster.node_count; id++)
	{
		memdisk_fail_at(cluster.nodes[id].disk, MEMDISK_SYNC_DATA, 0, 0);
		cluster.nodes[id].isolated = false;
		if (!cluster.nodes[id].engine && cluster_open(&cluster, id) != ENGINE_OK)
			return false;
	}
	run_and_apply(50);
	leader = cluster_await_leader(&cluster);
	if (!leader)
		return false;
	cluster_propose(&cluster, leader, 1, 100);
	return leader->tags[1] == TAG_APPENDED &&
		   cluster_await_commit(&cluster, leader, leader->tag_lsns[1]);
}

/* Waits until the members of the moment are final; false if they never are. */
static bool
members_settle(Membership *membership)
{
	for (int i = 0; i < 200; i++)
	{
		TestNode *leader = cluster_await_leader(&cluster);
		GroupStatus status;

		if (leader && engine_group_membership(leader->engine, CLUSTER_GROUP, membership) &&
			engine_group_status(leader->engine, CLUSTER_GROUP, &status) &&
			status.committed_generation == status.generation && !membership_is_joint(membership))
			return true;
		cluster_run(&cluster, 100000);
	}
	return false;
}

/* Who is no member and has not heard of it, because other groups would keep it quiet, is made to ask. */
static void
have_strangers_inquire(const Membership *membership)
{
	for (NodeId id = 1; id <= cluster.node_count; id++)
		if (membership_find(membership, id) == MEMBER_NONE)
			engine_inquire(cluster.nodes[id].engine, CLUSTER_GROUP, membership->members[0].node);
	cluster_run(&cluster, 1000000);
}

/* All members end with the same committed log, and nobody else has any of it. */
static bool
converge(void)
{
	GroupStatus status;
	Membership membership;
	Lsn last = chosen_last;

	/* Who was removed and never heard of it asks at growing intervals. */
	run_and_apply(changing ? 200 : 0);
	if (!members_settle(&membership))
		return false;
	have_strangers_inquire(&membership);
	for (uint32_t i = 0; i < membership.member_count; i++)
		if (!cluster_await_commit(&cluster, &cluster.nodes[membership.members[i].node], last))
			return false;
	for (NodeId id = 1; id <= cluster.node_count; id++)
		if (membership_find(&membership, id) == MEMBER_NONE &&
			engine_group_status(cluster.nodes[id].engine, CLUSTER_GROUP, &status))
			return false;
	compare_all();
	return true;
}

static void
run_seed(uint64_t seed, uint32_t node_count)
{
	bool recovered;

	random_state = seed * UINT64_C(0x9E3779B97F4A7C15);
	memset(chosen, 0, sizeof(chosen));
	chosen_last = 0;
	same = true;
	changing = node_count > 3;
	/* So little log that silent members are left behind. */
	cluster_default_config.log_bytes_max = changing ? 256 * 1024 : 0;
	cluster_start_with(&cluster, node_count, 3);
	for (int i = 0; i < STEPS; i++)
		take_step();
	recovered = recovers();
	compare_all();
	TAP_OK(recovered && converge() && same && chosen_last > 0,
		   "seed %d: %d committed entries are the same everywhere", (int) seed, (int) chosen_last);
	for (NodeId id = 1; id <= node_count; id++)
	{
		opened += cluster.nodes[id].opened;
		rebased += cluster.nodes[id].rebased;
		removed += cluster.nodes[id].removed;
	}
	cluster_stop(&cluster);
}

int
main(void)
{
	uint64_t factor = getenv("QUORATE_TEST_LONG") ? 50 : 1;

	for (uint64_t seed = 1; seed <= SEEDS * factor; seed++)
		run_seed(seed, 3);
	for (uint64_t seed = 1; seed <= CHANGING_SEEDS * factor; seed++)
		run_seed(100 + seed, 5);
	TAP_OK(opened > CHANGING_SEEDS / 2 && rebased > 0 && removed > CHANGING_SEEDS / 4,
		   "%d replicas were made, %d began anew, %d were removed", (int) opened, (int) rebased,
		   (int) removed);
	return tap_done();
}

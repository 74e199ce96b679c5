/*
 * cluster.h
 *		A cluster of consensus cores in one process, stepped by a script.
 *
 * Each node has a core, a disk that remembers what was recorded and what of it was synced, and a clock.
 * The network keeps every message until the script delivers, drops or repeats it.  A message sent
 * after_sync stays at its node until the script syncs that node.  Nothing here decides anything: who does
 * what when is up to the script, so that a transcript shows one schedule and no other.
 *
 * The cluster also watches: entries committed anywhere are compared, and so are the leases.  A breach is
 * written into the transcript as a line that begins with VIOLATION.
 */
#ifndef QUORATE_TESTS_CLUSTER_H
#define QUORATE_TESTS_CLUSTER_H

#include <stdio.h>

#include "core/core_types.h"
#include "core/group.h"
#include "core/membership.h"
#include "core/message.h"

#define CLUSTER_NODES_MAX 5
#define CLUSTER_GROUPS_MAX 4
#define CLUSTER_ENTRIES_MAX 512
#define CLUSTER_PAYLOAD_MAX 128 /* an encoded membership of all nodes fits */

typedef struct StoredEntry
{
	Ballot ballot;
	uint32_t length;
	char payload[CLUSTER_PAYLOAD_MAX];
} StoredEntry;

/* What a node's disk holds of a group; entries[lsn - 1] is the entry at lsn. */
typedef struct StoredGroup
{
	bool exists;
	GroupId group;
	NodeId first_leader;
	uint32_t membership_count;
	MembershipAt memberships[MEMBERSHIPS_MAX];
	bool rows_missing;
	Ballot promised;
	Lsn base_lsn;
	Ballot base_ballot;
	Lsn last_lsn;
	Lsn commit_lsn;
	StoredEntry entries[CLUSTER_ENTRIES_MAX];
} StoredGroup;

typedef struct Disk
{
	uint64_t start_counter;
	TimeUs grant_us;
	StoredGroup groups[CLUSTER_GROUPS_MAX];
} Disk;

/* Something that a node recorded and has not synced yet. */
typedef struct Record
{
	struct Record *next;
	EffectKind kind;
	GroupId group;
	Lsn lsn;
	Ballot ballot;
	TimeUs grant_us;
	StoredEntry entry;         /* APPEND */
	uint32_t membership_count; /* MEMBERSHIP, OPEN */
	MembershipAt *memberships;
} Record;

/* A message under way, with memory of its own. */
typedef struct Packet
{
	struct Packet *next;
	bool held;   /* waits at its sender for a sync */
	bool frozen; /* is late: travels when thawed */
	Message message;
	BallotRun runs[MESSAGE_RUNS_MAX];
	Entry *entries;
	StoredEntry *stored;
} Packet;

typedef struct SimNode
{
	CoreNode *core;         /* NULL while the node is down */
	TimeUs clock_offset_us; /* its clock = real time + this */
	Disk *recorded;
	Disk *durable;
	Record *records;          /* what `recorded` has and `durable` has not, oldest first */
	TimeUs last_auto_sync_us; /* real time */
} SimNode;

typedef struct Cluster
{
	TimeUs now_us; /* real time */
	TimeUs lease_us;
	TimeUs heartbeat_us;
	uint32_t accept_entries_max;
	uint32_t frame_entries_max; /* the network carries at most so many entries in an ACCEPT */
	uint64_t seed;
	uint32_t node_count;
	bool cut[CLUSTER_NODES_MAX + 1][CLUSTER_NODES_MAX + 1];     /* loses what is sent */
	bool stopped[CLUSTER_NODES_MAX + 1][CLUSTER_NODES_MAX + 1]; /* delays it until released */
	bool mute;                                                  /* only heartbeats travel */
	NodeId hung; /* the node whose syncs do not complete, 0 for none */
	SimNode nodes[CLUSTER_NODES_MAX + 1];
	Packet *packets; /* oldest first */
	FILE *out;       /* the transcript */
	bool silent;
	StoredEntry chosen[CLUSTER_GROUPS_MAX][CLUSTER_ENTRIES_MAX];
	Lsn chosen_lsn[CLUSTER_GROUPS_MAX];
	uint64_t lived_since[CLUSTER_GROUPS_MAX][CLUSTER_NODES_MAX + 1]; /* newest durable replica's */
	uint64_t violations;
} Cluster;

/* accept_entries_max is the core's setting of that name. */
extern Cluster *cluster_create(uint32_t node_count, uint32_t accept_entries_max, FILE *out);
extern void cluster_free(Cluster *cluster);

/* Opens a group of the first `member_count` nodes on all of them; first_leader 0 for anybody. */
extern void
cluster_open_group(Cluster *cluster, GroupId group, uint32_t member_count, NodeId first_leader);

/* Time passes for all; nobody is told. */
extern void cluster_advance(Cluster *cluster, TimeUs us);

extern void cluster_tick(Cluster *cluster, NodeId node);

/* Completes a sync of the node that began now; messages that waited for it leave. */
extern void cluster_sync(Cluster *cluster, NodeId node);

/* The payload is proposed under the ballot that the node leads under, or under `ballot` if not zero. */
extern void
cluster_propose(Cluster *cluster, NodeId node, GroupId group, const char *payload, Ballot ballot);
extern void cluster_transfer(Cluster *cluster, NodeId node, GroupId group, NodeId target);

/* Asks for other members; `members` such as "1s,2s,3l,4n": s for storage, l for log, n for learner. */
extern void cluster_change(Cluster *cluster, NodeId node, GroupId group, const char *members);

/*
 * Tells the node's core up to which entry, that its rows lack, its log is damaged; 0 for none.  A restart forgets
 * it.
 */
extern void cluster_damage(Cluster *cluster, NodeId node, GroupId group, Lsn lsn);

/* The log of a node that is down loses its entries above `lsn`, although they were synced. */
extern void cluster_forget(Cluster *cluster, NodeId node, GroupId group, Lsn lsn);

/* Tells the node's core whether it has the rows of the group. */
extern void cluster_rows(Cluster *cluster, NodeId node, GroupId group, bool present);
extern void cluster_clock_anomaly(Cluster *cluster, NodeId node);

/* Has the node ask the target whether its replica is still a member. */
extern void cluster_recover(Cluster *cluster, NodeId node, GroupId group, uint64_t lost_nodes);
extern void cluster_inquire(Cluster *cluster, NodeId node, GroupId group, NodeId target);

/*
 * What to do with messages under way from one node to another: the first one of the kind (0 for any), in
 * the order of sending; `skip` passes over so many.  They return false if there is none.
 */
extern bool cluster_deliver(Cluster *cluster, NodeId from, NodeId to, int kind, uint32_t skip);
extern bool cluster_drop(Cluster *cluster, NodeId from, NodeId to, int kind);
extern bool cluster_freeze(Cluster *cluster, NodeId from, NodeId to, int kind);
extern bool cluster_duplicate(Cluster *cluster, NodeId from, NodeId to, int kind);

/* What was frozen travels on. */
extern void cluster_thaw(Cluster *cluster);

/* Puts a message of the script's own making on its way. */
extern void cluster_inject(Cluster *cluster, const Message *message);

/* Ends the node's process; of what its disk had not synced, the first `keep` records remain. */
extern void cluster_crash(Cluster *cluster, NodeId node, uint32_t keep);
extern void cluster_start(Cluster *cluster, NodeId node);

/* Tells the node that its log now begins above lsn. */
extern void cluster_truncate(Cluster *cluster, NodeId node, GroupId group, Lsn lsn);

/* Delivers and syncs until nothing is under way; no time passes. */
extern void cluster_settle(Cluster *cluster);

/* Time passes in steps; every node ticks when it is due, syncs when idle, and messages travel. */
extern void cluster_run(Cluster *cluster, TimeUs us);

/* The node that leads the group and holds a lease, 0 for none. */
extern NodeId cluster_leader(const Cluster *cluster, GroupId group);

/* Prints how long the node's lease on the group lasts. */
extern void cluster_print_lease(const Cluster *cluster, NodeId node, GroupId group);
extern void cluster_print_status(const Cluster *cluster, GroupId group);
extern void cluster_print_log(const Cluster *cluster, NodeId node, GroupId group);
extern void cluster_print_messages(const Cluster *cluster);

/* Name of a message kind, and back; 0 for an unknown name. */
extern const char *message_kind_name(int kind);
extern int message_kind_parse(const char *name);

#endif /* QUORATE_TESTS_CLUSTER_H */

/*
 * shared_state.h
 *		What the processes of one node share: the root of quorate's shared memory.
 *
 * Fixed size, made once by the postmaster (shmem_request_hook, shmem_startup_hook) and made anew after a
 * crash restart.  Nothing that must survive lives here: promises and entries are in the log, rows and the
 * applied LSN in tables.  Consensus state is private to the replicator; what stands here is its published
 * copy.
 *
 * Writers and locks:
 *	- GroupShared: the replicator writes, but for applied_lsn, applied_durable_lsn and stopped_lsn, which the
 *	  applier writes, and `rows`, which both write (rows_state.h).  Fields read on the fast path are atomics;
 *	  the rest is under GroupShared.mutex.
 *	- nodes[], removed_nodes, peer_problems, cluster identity: replicator writes under SharedState.lock
 *	  (exclusive), others read shared.
 *	- rings: see ring.h; request slots: see proposal.h.
 */
#ifndef QUORATE_SHMEM_SHARED_STATE_H
#define QUORATE_SHMEM_SHARED_STATE_H

#include "postgres.h"

#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/spin.h"

#include "core/group.h"
#include "core/version.h"
#include "release.h"

#define NODE_NAME_MAX 64 /* bytes of a node's or zone's name, with the final NUL */
#define NODE_CONNINFO_MAX 1024
#define PEER_PROBLEM_MAX 160 /* bytes of the reason why a stream is down, with the final NUL */

/* How far this node has come; shown by the views and told to waiting clients. */
typedef enum NodeState
{
	NODE_UNCONFIGURED = 0, /* belongs to no cluster (no identity in the log directory) */
	NODE_STARTING,         /* the replicator recovers the log */
	NODE_RUNNING,
	NODE_REFUSED /* the log directory cannot be used; state_reason says why */
} NodeState;

/* What the cluster's metadata wants of a node; stored in the node list's blob, so never renumbered. */
typedef enum NodeStanding
{
	NODE_ACTIVE = 1, /* has replicas and leads */
	NODE_JOINING,    /* add_node has taken its id and has not ended */
	NODE_DRAINING,   /* keeps its replicas and shall lead nothing */
	NODE_LEAVING     /* shall have no replica: it is being removed */
} NodeStanding;

/* A node of the cluster, as the metadata has it and the log's blob NODE_LIST_BLOB keeps it. */
typedef struct NodeInfo
{
	NodeId node; /* 0: slot not used */
	NodeStanding state;
	char name[NODE_NAME_MAX];
	char zone[NODE_NAME_MAX];
	char conninfo[NODE_CONNINFO_MAX];
} NodeInfo;

#define RELEASE_MAX 32 /* bytes of the name of a release, with the final NUL */

/* What another node said of itself when it opened a stream; newest is 0 before that. */
typedef struct PeerRelease
{
	VersionRange reads; /* versions of the cluster */
	char release[RELEASE_MAX];
} PeerRelease;

/* Published state of one replica. */
typedef struct GroupShared
{
	pg_atomic_uint64 group; /* GroupId; 0: slot not used */

	/*
	 * Grows with every change of leadership at this replica, odd while it leads.  A reader takes it before
	 * its read and compares after it, together with the lease (I7).
	 */
	pg_atomic_uint64 lead_sequence;
	pg_atomic_uint64 lease_until_us; /* leader: CLOCK_BOOTTIME; 0 for no lease */
	pg_atomic_uint64 start_lsn;      /* leader: serves once commit and applied have reached it */
	pg_atomic_uint64 append_lsn;
	pg_atomic_uint64 durable_lsn;
	pg_atomic_uint64 commit_lsn;
	pg_atomic_uint64 applied_lsn;         /* rows visible to new snapshots; by the applier */
	pg_atomic_uint64 applied_durable_lsn; /* the same, flushed to disk; by the applier */
	pg_atomic_uint64 leader;              /* NodeId whom this replica believes to lead; 0 unknown */
	pg_atomic_uint64 pending_writes;      /* proposals handed in here and not yet answered */
	pg_atomic_uint64 mark_all_lsn;        /* newest entry of several images (pending_mark.h) */

	pg_atomic_uint32 kind; /* MemberKind of this replica; 0 while that is not known */
	pg_atomic_uint32
		fresh; /* it has come to a group that others have had: its rows are to be copied */

	/* What the rows are good for (rows_state.h), and from where the log can be applied to them. */
	pg_atomic_uint64 rows;
	pg_atomic_uint64
		stopped_lsn;           /* the applier does not understand this entry; 0 for none; by it */
	pg_atomic_uint64 base_lsn; /* entries up to here are no longer in the log of this replica */
	pg_atomic_uint64 copy_from_lsn; /* rows that are not at this LSN yet are to be copied anew */

	/* Autoadmin, on the leader: PlanStage, and in the upper half the node that it is about; since when. */
	pg_atomic_uint64 plan;
	pg_atomic_uint64 plan_since_us;

	/* Feed of committed entries to the applier (apply_feed.h); the replicator writes both. */
	pg_atomic_uint64 feed_generation; /* 0: the applier has not asked for this group */
	pg_atomic_uint64 fed_lsn;

	slock_t mutex;      /* protects the rest */
	Ballot ballot;      /* leader: the ballot under which proposals must be evaluated */
	GroupStatus status; /* as of the replicator's last turn that changed it */
} GroupShared;

/* Cumulative counters of this node since its start; all by atomic addition. */
typedef enum NodeCounter
{
	COUNTER_TURNS, /* turns of the replicator */
	COUNTER_SYNCS, /* fdatasync calls on the log */
	COUNTER_ENTRIES_APPENDED,
	COUNTER_ENTRIES_COMMITTED,
	COUNTER_ENTRIES_APPLIED,
	COUNTER_FRAMES_SENT,
	COUNTER_BYTES_SENT,
	COUNTER_FRAMES_RECEIVED,
	COUNTER_FRAMES_DROPPED, /* not sent: the peer is slow or away */
	COUNTER_FRAMES_REFUSED, /* received garbage: the stream was ended */
	COUNTER_LEADERSHIPS_GAINED,
	COUNTER_LEADERSHIPS_LOST,
	COUNTER_WRITES_LOCAL,     /* requests executed for clients of this node */
	COUNTER_WRITES_FORWARDED, /* requests sent to another node */
	COUNTER_WRITES_SERVED,    /* requests executed for other nodes */
	COUNTER_READS_LOCAL,
	COUNTER_READS_FORWARDED,
	COUNTER_READS_SERVED,
	COUNTER_CHECKSUM_FAILURES, /* rows whose stored checksum did not match */
	COUNTER_LOG_DAMAGES,       /* starts that found the log damaged */
	COUNTER_ENTRIES_REPAIRED,  /* damaged in the log, and got from other nodes */
	NODE_COUNTERS
} NodeCounter;

typedef struct SharedState
{
	LWLock *lock;                /* nodes[], identity, state_reason */
	pg_atomic_uint32 node_state; /* NodeState */
	char state_reason[256];
	uint8_t cluster_id[16];
	NodeId self;
	uint64_t start_counter;
	NodeInfo nodes[CORE_NODES_MAX];
	uint64_t removed_nodes; /* under `lock`, as nodes: ids that were removed, see node_id_bit() */
	uint64_t nodes_lsn;     /* of the metadata that `nodes` shows at least */
	ClusterVersion cluster_version; /* under `lock`, as nodes */
	PeerRelease
		peer_releases[CORE_NODES_MAX + 1]; /* by NodeId; under `lock`, by the streams' backends */
	pg_atomic_uint32
		unread_version; /* a version of the cluster that a peer told and this node does not read; 0 */
	pg_atomic_uint64 nodes_generation;                  /* grows whenever `nodes` changed */
	pg_atomic_uint64 peer_heard_us[CORE_NODES_MAX + 1]; /* by NodeId; CLOCK_BOOTTIME */
	pg_atomic_uint64
		peer_reaches[CORE_NODES_MAX + 1]; /* by NodeId: the set of nodes that it says it reaches */
	pg_atomic_uint64 log_bytes;
	pg_atomic_uint64 set_back_nodes; /* peers whose log was set back, see node_id_bit() */

	/* When the replicator did what (CLOCK_BOOTTIME; 0 for never): whether it and its disk work. */
	pg_atomic_uint64 turn_us;       /* began a turn */
	pg_atomic_uint64 sync_began_us; /* began a sync of the log that has not ended; 0 for none */
	pg_atomic_uint64 synced_us;     /* ended one */
	pg_atomic_uint64 log_full_us;   /* refused a write because the log had no room */

	/* Why the stream to a peer is down, by NodeId; "" if it is up, or nothing is known.  Under `lock`. */
	char peer_problems[CORE_NODES_MAX + 1][PEER_PROBLEM_MAX];

	/* Grows whenever applied metadata changed: backends then reload their routing (catalog/). */
	pg_atomic_uint64 metadata_generation;

	/* Grows whenever the applier shall look at the groups: there is a new one, or one has changed. */
	pg_atomic_uint64 groups_generation;

	/* Latches of the node's own processes; NULL while they do not run.  Set by shared_wake_*(). */
	Latch *launcher_latch;
	Latch *replicator_latch;
	Latch *applier_latch;
	Latch *forwarder_latch;
	Latch *copier_latch;
	Latch *autoadmin_latch;

	pg_atomic_uint64 counters[NODE_COUNTERS];
	pg_atomic_uint64 counters_since; /* TimestampTz of the start */

	uint32_t group_slots; /* quorate.max_groups */
	GroupShared *groups;
	uint32_t index_slots;          /* a power of two, at least twice quorate.max_groups */
	pg_atomic_uint32 *group_index; /* open addressing by group id: place in `groups` + 1 */
} SharedState;

extern SharedState *quorate_shared;

/* Called by _PG_init while the library is preloaded: installs the two shared memory hooks. */
extern void shared_state_install(void);

/* ERROR 55000 with a hint unless the library was preloaded. */
extern void shared_state_require(void);

/* The replica of a group on this node, or NULL. */
extern GroupShared *shared_group_find(GroupId group);

/* Replicator only: takes a free slot; NULL if quorate.max_groups is reached. */
extern GroupShared *shared_group_add(GroupId group);
extern void shared_group_remove(GroupId group);

/* Place of a group's state in SharedState.groups, below 65535. */
extern uint32_t shared_group_slot(const GroupShared *group);

/* The clock of leases, in microseconds (CLOCK_BOOTTIME). */
extern TimeUs shared_now_us(void);

/*
 * Replicator only: publish that this replica leads from now on, that it does not any more (at once: no
 * reader trusts its lease after the call), and what else is known of it.  shared_group_publish must not be
 * given the status of a leader before shared_group_lead.
 */
extern void shared_group_lead(GroupShared *group, Ballot ballot, Lsn start_lsn);
extern void shared_group_step_down(GroupShared *group);
extern void shared_group_commit(GroupShared *group, Lsn commit_lsn);
extern void shared_group_publish(GroupShared *group, const GroupStatus *status);

/*
 * Does this replica serve as leader at this moment?  True if it leads, has committed and applied its own
 * start entry, and its lease is valid now.  Stores the leadership to compare with afterwards.
 */
extern bool shared_group_serves(GroupShared *group, uint64_t *lead_sequence);

/* After a read and before its reply: still the same leadership, and the lease valid *now*? (I7) */
extern bool shared_group_still_serves(GroupShared *group, uint64_t lead_sequence);

/* The ballot to propose under; false if this replica does not lead. */
extern bool shared_group_ballot(GroupShared *group, Ballot *ballot);

/*
 * Replicator only: node_state and the sentence that explains it ("" for none); errors are shown by
 * quorate.nodes and told to clients.
 */
extern void shared_set_node_state(NodeState state, const char *reason);

/*
 * Says more about a node that belongs to no cluster ("" to say no more); false, and nothing is changed, if it
 * belongs to one by now.
 */
extern bool shared_explain_unconfigured(const char *reason);

/* This process serves as the one that `latch` (a field of SharedState) stands for, until it exits. */
extern void shared_register_latch(Latch **latch);

extern void shared_wake_launcher(void);
extern void shared_wake_replicator(void);
extern void shared_wake_applier(void);
extern void shared_wake_forwarder(void);
extern void shared_wake_copier(void);

/* The applier shall look at the groups: a replica has come, gone or changed. */
extern void shared_groups_changed(void);

/* Copies what is known of a node; false if there is none of that id (or name). */
extern bool shared_node_by_id(NodeId node, NodeInfo *info);
extern bool shared_node_by_name(const char *name, NodeInfo *info);

/* The version of the cluster, as this node knows it; 0 if it belongs to none. */
extern ClusterVersion shared_cluster_version(void);

/* A node has introduced itself; and what it said then (newest 0 if it has not). */
extern void shared_note_release(NodeId node, const PeerRelease *release);
extern PeerRelease shared_release_of(NodeId node);

/* True if a node of that id was removed from this node's cluster. */
extern bool shared_node_was_removed(NodeId node);

static inline void
shared_count(NodeCounter counter, uint64_t n)
{
	pg_atomic_fetch_add_u64(&quorate_shared->counters[counter], n);
}

#endif /* QUORATE_SHMEM_SHARED_STATE_H */

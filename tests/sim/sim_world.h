/*
 * sim_world.h
 *		Everything that exists in one simulated run: the nodes, their disks and clocks, the network
 *		between them, the clients, the faults and the checkers.
 *
 * The run is one thread.  Global time goes from event to event; no node sees it.  A node's turn calls the
 * real replication/engine.c with the real core, log and wire format below it.  A turn takes time, most of
 * it in the sync: what leaves the node carries the time at which it left, and what the turn did for readers
 * and clients becomes visible when the turn is done.
 *
 * Nodes and groups are indexes from 0 here; the engine's node id is index + 1 and its group id
 * SIM_GROUP_FIRST + index.
 */
#ifndef QUORATE_SIM_WORLD_H
#define QUORATE_SIM_WORLD_H

#include "replication/engine.h"
#include "sim/check_history.h"
#include "sim/check_lead.h"
#include "sim/check_log.h"
#include "sim/check_members.h"
#include "sim/check_rows.h"
#include "sim/sim_archive.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"
#include "sim/sim_fault.h"
#include "sim/sim_machine.h"
#include "sim/sim_payload.h"
#include "sim/sim_queue.h"
#include "sim/sim_random.h"

#define SIM_NODES 7       /* that there may ever be ... */
#define SIM_NODES_FIRST 5 /* ... and from the beginning; the others replace what is lost */
#define SIM_NODE_NONE UINT32_MAX
#define SIM_GROUPS 3
#define SIM_GROUP_FIRST 11
#define SIM_IDLE_NODES 3  /* have the idle group */
#define SIM_GROUP_IDLE 99 /* without clients and checkers: dropped and made anew now and then */
#define SIM_WRITERS 9
#define SIM_READERS 6
#define SIM_CLIENTS (SIM_WRITERS + SIM_READERS)

#define SIM_LEASE_US 600000
#define SIM_HEARTBEAT_US 80000
#define SIM_DRIFT_PPM 250000

/* Clocks run at these rates; the fastest is less than 25 % faster than the slowest. */
#define SIM_CLOCK_SLOWEST_PPM 900000
#define SIM_CLOCK_FASTEST_PPM 1120000

/* What routers and readers see of a group in their node's shared memory. */
typedef struct SimPublished
{
	bool leads;
	Ballot ballot;
	Lsn start_lsn;
	Lsn commit_lsn;
	TimeUs at_us;          /* when this was published; a clock that shows less has gone back */
	TimeUs lease_until_us; /* in the node's clock */
	NodeId leader;         /* hint for clients; 0 for unknown */
} SimPublished;

/* The digest of the log that the leader's next proposal goes on from. */
typedef struct SimTail
{
	Ballot ballot; /* of the leadership it belongs to; zero if it must be read from the log */
	uint64_t chain;
} SimTail;

/* A proposal that has an LSN and waits for its commit. */
typedef struct SimPending
{
	uint64_t operation;
	Lsn lsn;
} SimPending;

/* A page of rows on its way from another node. */
typedef struct SimCopy
{
	uint32_t serial; /* of the copying; events of a former one are void */
	uint32_t source;
	uint64_t source_life;
	Lsn lsn; /* applied there when the page was read */
	SimRow page[SIM_PAGE_ROWS];
} SimCopy;

/* One group at one node. */
typedef struct SimReplica
{
	bool open;           /* the engine has it, durably as far as this node's owner was told */
	bool created;        /* it is durable */
	bool is_awaited;     /* it is, but its log names a membership without this node just now */
	uint64_t since;      /* the generation with which it came */
	uint64_t gone_since; /* the newest one that was removed */
	uint32_t kind;       /* as the engine says */
	bool rows_said;      /* the engine takes the rows for complete */
	Lsn led_from;        /* leadership taken in this turn: its first entry; else 0 */
	SimCopy copy;
	GroupStatus status;     /* after the last turn */
	SimPublished published; /* what others of the node see of it */
	SimMachine machine;     /* rows as they are */
	SimMachine flushed;     /* rows as a loss of power leaves them */
	SimTail tail;
	Lsn checked_lsn; /* the checkers saw what this life calls committed up to here */
	SimPending *pending;
	size_t pending_capacity;
	uint32_t pending_count;
} SimReplica;

/* A write that waits for the node's next turn. */
typedef struct SimRequest
{
	uint64_t operation;
	uint32_t group;
	uint32_t key;
	Ballot ballot; /* that it was evaluated under */
} SimRequest;

/* A frame under way. */
typedef struct SimFrame
{
	uint32_t from;
	uint32_t to;
	int64_t sent_us; /* may lie ahead of the present: the sender is still in its turn */
	bool damaged;
	size_t length;
	uint8_t bytes[];
} SimFrame;

/* What the last turn owes to clients when it is done. */
typedef struct SimOutcome
{
	uint64_t operation;
	bool committed; /* else its outcome is unknown */
} SimOutcome;

typedef struct SimNode
{
	struct SimWorld *world;
	uint32_t index;
	bool exists;    /* its disk was laid out */
	bool lost;      /* for good: its disk is gone or damaged */
	bool is_rotten; /* its log was damaged and not opened since */
	Engine *engine; /* NULL while the process is not running */
	EngineCallbacks callbacks;
	SimDisk disk;
	SimClock clock;
	ClusterVersion version; /* of the cluster, that it has on disk */
	uint64_t life;          /* counts processes; events of former ones are void */
	bool is_fresh;          /* the checkers have not seen this life yet */
	bool paused;
	int64_t paused_until_us;
	bool in_turn;
	int64_t spent_us;        /* time that the present turn has taken so far */
	int64_t busy_until_us;   /* the last turn is done then */
	int64_t turn_at_us;      /* the next one is due then */
	int64_t stands_until_us; /* its clock went back and shows the past until then */
	SimFrame **inbox;
	size_t inbox_capacity;
	uint32_t inbox_count;
	SimRequest *requests;
	size_t request_capacity;
	uint32_t request_count;
	SimOutcome *outcomes;
	size_t outcome_capacity;
	uint32_t outcome_count;
	uint64_t log_bytes_max;   /* beyond it, who is away is left behind */
	uint64_t idle_generation; /* of the idle group here */
	SimReplica replicas[SIM_GROUPS];
} SimNode;

/* A client works on one operation at a time. */
typedef struct SimClient
{
	bool reads;
	uint32_t believed;  /* node that it asks next */
	uint64_t operation; /* 0 between operations */

	/* A read between its two halves. */
	uint64_t read_operation;
	Ballot read_ballot; /* that was published when the rows were read */
} SimClient;

/* One direction between two nodes. */
typedef struct SimLink
{
	int64_t cut_until_us;
	int64_t slow_until_us; /* frames take slow_us longer until then */
	int64_t slow_us;
	int64_t last_arrival_us; /* frames arrive in order unless the run reorders them */
} SimLink;

/* How hard the network and the disks are to live with in this run. */
typedef struct SimWeather
{
	uint32_t drop_ppm;
	uint32_t duplicate_ppm;
	uint32_t reorder_ppm;
	uint32_t delay_ppm;
	uint32_t damage_ppm;
	uint32_t forge_ppm;
	int64_t latency_max_us;
	int64_t sync_max_us;
	int64_t apply_lag_max_us;
	int64_t think_max_us;
	int64_t fault_gap_max_us; /* between the beginnings of two faults */
	uint32_t flush_ppm;       /* batches of rows after which all rows are flushed */
	uint32_t accept_bytes_max;
	uint32_t payload_max_bytes;
	int64_t copy_max_us;        /* a page of rows takes up to so long */
	int64_t members_gap_max_us; /* between two looks at a group's members */
} SimWeather;

/* Whoever changes the members. */
typedef struct SimMembers
{
	bool plans; /* as production does (routing/member_plan.h); else at random */
	bool heals;
	uint32_t first[SIM_GROUPS];   /* nodes that the groups are made on, as bits */
	uint32_t wanted[SIM_GROUPS];  /* storage replicas that the plan is to reach */
	uint32_t learner[SIM_GROUPS]; /* and a learner; SIM_NODE_NONE for none */
	uint32_t lost;                /* a node that is being replaced; SIM_NODE_NONE for none */
} SimMembers;

/* A relay of leaders that are cut off one after the other. */
typedef struct SimRelay
{
	uint32_t group;
	uint32_t cut;        /* the node that is cut off now */
	uint32_t legs;       /* leaders still to be cut off */
	int64_t ends_us;     /* at the latest */
	bool is_leg_running; /* the next one leads already and is about to be cut off */
	uint32_t runner;     /* that one */
} SimRelay;

typedef enum SimPhase
{
	SIM_PHASE_SAFETY = 1, /* faults; until enough was committed */
	SIM_PHASE_ELECT,      /* no faults from here on; until every group is served */
	SIM_PHASE_CONVERGE, /* until every group has the three members that are wanted, and nobody else has it */
	SIM_PHASE_PROGRESS, /* until every replica caught up and every group committed more */
	SIM_PHASE_HANDOVER, /* until an operator moved every group's leadership */
	SIM_PHASE_QUIET,    /* no clients; until all replicas are equal */
	SIM_PHASE_AWAY,     /* in some runs: one node is away until it has missed too much */
	SIM_PHASE_BEHIND,   /* it is back, until its logs have begun anew */
	SIM_PHASE_WITHOUT,  /* a leader is away, and the node without rows cannot replace it */
	SIM_PHASE_RETURNED, /* no clients; until the rows were copied and all replicas are equal again */
	SIM_PHASE_DONE
} SimPhase;

typedef struct SimWorld
{
	uint64_t seed;
	uint64_t operations_wanted;
	bool trace;
	SimRandom random;
	SimQueue queue;
	int64_t now_us;
	uint64_t fingerprint; /* of all that happened: equal for equal seeds */
	SimNode nodes[SIM_NODES];
	SimLink links[SIM_NODES][SIM_NODES];
	SimClient clients[SIM_CLIENTS];
	SimFaults faults;
	SimRelay relay;
	SimWeather weather;
	SimPhase phase;
	int64_t phase_began_us;
	int64_t phase_deadline_us;
	int64_t asked_us; /* when handovers were asked for last */
	uint64_t phase_goal[SIM_GROUPS];
	uint32_t away;            /* the node that is left behind */
	uint64_t idle_generation; /* newest one of the idle group */
	SimMembers members;
	ClusterVersion version; /* of the cluster; nodes learn of it one by one */
	uint64_t finalize_at;   /* committed operations before the upgrade is finalized */
	bool copies_held;       /* no page of rows is read for now */
	uint64_t committed;     /* operations that clients saw committed */
	uint64_t reads;         /* consistent reads that were answered */
	int64_t elect_us;       /* from the end of the faults until all groups were served */
	int64_t converge_us;    /* until the slowest group had its final members */
	int64_t handover_us;    /* until the slowest planned handover was done */
	CheckReport report;
	SimArchive *archive;
	CheckLog *log;
	CheckLead *lead;
	CheckMembers *check_members;
	CheckRows *rows;
	CheckHistory history;
} SimWorld;

static inline GroupId
sim_group_id(uint32_t group)
{
	return SIM_GROUP_FIRST + group;
}

static inline uint32_t
sim_group_index(GroupId group)
{
	return (uint32_t) (group - SIM_GROUP_FIRST);
}

/* False for the idle group. */
static inline bool
sim_is_checked(GroupId group)
{
	return group >= SIM_GROUP_FIRST && group < SIM_GROUP_FIRST + SIM_GROUPS;
}

static inline CheckBallot
sim_check_ballot(Ballot ballot)
{
	return (CheckBallot){ballot.round, ballot.node};
}

static inline bool
sim_ballot_equal(Ballot a, Ballot b)
{
	return a.round == b.round && a.node == b.node;
}

/* ---- sim_world.c: a whole run ---- */

/* Makes the world of a seed; runs it; both may be called once. */
extern SimWorld *sim_world_create(uint64_t seed, uint64_t operations_wanted, bool trace);
extern void sim_world_run(SimWorld *world);
extern void sim_world_free(SimWorld *world);

/* Prints the state of every replica, for whoever looks into a failed run. */
extern void sim_world_describe(const SimWorld *world);

/* Adds an event `after_us` from now. */
extern void sim_schedule(SimWorld *world, int64_t after_us, SimEvent event);

/* Adds a client's time-out; all of them are as long. */
extern void sim_schedule_timeout(SimWorld *world, int64_t after_us, SimEvent event);

/* A line of the trace, if it is wanted. */
extern void
sim_trace(const SimWorld *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A fault was really applied. */
extern void sim_fault_applied(SimWorld *world, SimFault fault);

/* ---- sim_phase.c: when faults end, and what must follow ---- */

extern void sim_phase_begin(SimWorld *world);

/* Called after every event. */
extern void sim_phase_step(SimWorld *world);

/* True while clients begin operations. */
extern bool sim_phase_has_clients(const SimWorld *world);

/* The members of the group that are wanted in the end, as bits. */
extern uint32_t sim_final_members(const SimWorld *world, uint32_t group);

/* The node that would serve a consistent read of the group now, as a set of bits. */
extern uint32_t sim_serving_nodes(const SimWorld *world, uint32_t group);

/* ---- sim_network.c ---- */

extern void sim_network_send(SimWorld *world, uint32_t from, uint32_t to, const uint8_t *bytes,
							 size_t length, int64_t sent_us, bool joins);

/* Frames that the node was to send later than now never leave. */
extern void sim_network_forget(SimWorld *world, uint32_t from);
extern void sim_network_arrive(SimWorld *world, SimFrame *frame);

/* ---- sim_node.c: the process ---- */

/* Lays out the node's log, once. */
extern void sim_node_bootstrap(SimNode *node);
extern EngineConfig sim_node_config(const SimNode *node);
extern void sim_node_start(SimNode *node);

/* The process could run: it exists and is not lost. */
static inline bool
sim_node_is_usable(const SimNode *node)
{
	return node->exists && !node->lost;
}

/*
 * Opens the groups that the node shall have from the beginning and does not have yet, and the idle one in its newest
 * generation.
 */
extern void sim_node_create_groups(SimNode *node);

/* Tells the engine how far the rows are. */
extern void sim_node_tell_applied(SimNode *node);

/* Ends the process without warning and starts it again later; `power` loses what was not synced. */
extern void sim_node_crash(SimNode *node, bool power, int64_t down_us);
extern void sim_node_pause(SimNode *node, int64_t pause_us);
extern void sim_node_resume(SimNode *node);
extern TimeUs sim_node_local_us(const SimNode *node);
extern void sim_node_free(SimNode *node);

/* ---- sim_turn.c: the replicator's turn ---- */

/* What the engine calls. */
extern void sim_turn_set_callbacks(SimNode *node);

/* The node shall take a turn `after_us` from now or earlier. */
extern void sim_turn_request(SimNode *node, int64_t after_us);

/* A write waits for the node's next turn. */
extern void sim_turn_add_request(SimNode *node, const SimRequest *request);
extern void sim_turn(SimNode *node);
extern void sim_turn_done(SimNode *node);

/* ---- sim_observe.c: what the checkers are told, and the applier ---- */

/* After a turn: shows the checkers every replica of the node. */
extern void sim_observe(SimNode *node);
extern void sim_apply(SimNode *node);

/* ---- sim_version.c ---- */

/*
 * Chooses the version that the cluster begins with; has a node learn that it was raised; notes what it knows at the end
 * of a turn, durably; judges what it sends.
 */
extern void sim_version_begin(SimWorld *world);
extern void sim_version_learn(SimNode *node);
extern void sim_version_keep(SimNode *node);
extern void sim_version_check_message(SimNode *node, const Message *message);

/* ---- sim_watch.c ---- */

/* A frame leaves the node.  True if it is the leave to make a replica. */
extern bool sim_watch_frame(SimNode *node, const uint8_t *bytes, size_t length);

/* ---- sim_rows.c: replicas that come and go, and their rows ---- */

/* The node has a replica of the group from now on; it is empty. */
extern void sim_replica_open(SimNode *node, uint32_t group, uint64_t since);

/* ... and none any more. */
extern void sim_replica_close(SimNode *node, uint32_t group);

/* It is lost with its node; what it had acknowledged may still be counted by who hears of it. */
extern void sim_replica_lose(SimNode *node, uint32_t group);

/* What the engine tells of its replicas. */
extern void sim_replica_opened(SimNode *node, uint32_t group);
extern void sim_replica_removed(SimNode *node, uint32_t group);
extern void sim_replica_rebased(SimNode *node, uint32_t group, Lsn base_lsn);

/* A new life of the node: what its engine has is compared with what its owner knows. */
extern void sim_replica_recover(SimNode *node);

/* The replica keeps no rows while it is a log replica. */
extern void sim_replica_forget_rows(SimNode *node, uint32_t group);

/* Tells the engine of rows that are complete now. */
extern void sim_replica_tell_rows(SimNode *node);

/* The next page is read from another node; it has arrived.  `value` is the group and the copying's number. */
extern void sim_copy_read(SimNode *node, uint64_t value);
extern void sim_copy_arrived(SimNode *node, uint64_t value);

/* Complete rows are made durable before the engine hears of it. */
extern void sim_replica_finish_rows(SimNode *node, uint32_t group);

/* ---- sim_client.c ---- */

extern void sim_client_begin(SimWorld *world, uint32_t client);
extern void
sim_client_request(SimWorld *world, uint32_t client, uint64_t operation, uint32_t at_node);
extern void sim_client_read_end(SimWorld *world, SimEvent event);
extern void sim_client_timeout(SimWorld *world, uint32_t client, uint64_t operation);

/* Does the node's shared memory say that it serves consistent reads of the group now? */
extern bool sim_client_lease_holds(const SimNode *node, uint32_t group);

/* A write has its answer. */
extern void sim_client_outcome(SimWorld *world, uint64_t operation, bool committed);
extern void sim_client_refused(SimWorld *world, uint64_t operation);

#endif /* QUORATE_SIM_WORLD_H */

/*
 * engine.h
 *		One node's replication: the turn of the replicator, without PostgreSQL.
 *
 * The engine joins the pure core, the log and the wire format.  The replicator process runs it on real
 * files and libpq streams, the simulator runs the very same code on a simulated disk, network and clock.
 *
 * A turn is: hand in everything that waits (engine_receive, engine_propose, engine_tick, ...), then
 * engine_finish_turn, which writes the log once, sends what may leave before the sync (one frame a peer),
 * syncs once, steps EVENT_SYNCED, and then releases what waited for it: the second frame to each peer, and
 * the callbacks that tell of commits.  Nothing that depends on durability happens before the sync (I2).
 *
 * Entry payloads are opaque here; wire/entry.h says what is in them.
 */
#ifndef QUORATE_REPLICATION_ENGINE_H
#define QUORATE_REPLICATION_ENGINE_H

#include "core/group.h"
#include "core/version.h"
#include "log/log.h"

typedef struct Engine Engine;

typedef struct EngineConfig
{
	uint8_t cluster_id[16];
	NodeId self;
	TimeUs lease_us;
	TimeUs heartbeat_us;
	uint32_t clock_drift_ppm;
	uint32_t frame_bytes_max;  /* no frame is larger; at least 64 KB */
	uint32_t accept_bytes_max; /* payload bytes in one ACCEPT or ENTRIES; at most half a frame */
	uint32_t segment_bytes;    /* size of the log's new segment files; 0 for its default */

	/*
	 * Above log_bytes_max, replicas on silent nodes no longer hold back truncation and are left behind; at
	 * twice that, entries are refused.  0 for no limit.
	 */
	uint64_t log_bytes_max;

	/* No leader's invitation opens a group beyond so many; 0 for no limit. */
	uint32_t groups_max;
	uint64_t seed;

	/* The log directory was moved on purpose: take it under its new device and inode. */
	bool adopt;

	/* The version of the cluster, for a log that does not tell it yet: a new one. */
	ClusterVersion cluster_version;
} EngineConfig;

/* Why a proposal has no LSN. */
typedef enum EngineRefusal
{
	ENGINE_NOT_LEADER =
		1,           /* not leading, or under another ballot than the proposal's: not applied */
	ENGINE_LOG_FULL, /* no space for the log on this node: not applied */
	ENGINE_NO_GROUP, /* the group is not open here: not applied */
	ENGINE_TOO_LARGE /* the payload is larger than the log takes: not applied */
} EngineRefusal;

/* What the engine tells its owner.  Called only from within the engine's own functions. */
typedef struct EngineCallbacks
{
	void *context;

	/* The clock (CLOCK_BOOTTIME, microseconds); read around the sync. */
	TimeUs (*now)(void *context);

	/* Queues a frame for a peer; a frame that cannot be queued is dropped (the protocol repeats it). */
	void (*send)(void *context, NodeId to, const uint8_t *frame, size_t length);

	/* The proposal `tag` became entry `lsn`; it is chosen once committed() reaches lsn under this ballot. */
	void (*appended)(void *context, uint64_t tag, GroupId group, Lsn lsn);

	/* The proposal `tag` was refused: it is in no log and never will be. */
	void (*refused)(void *context, uint64_t tag, GroupId group, EngineRefusal why);

	/* The commit LSN of a group moved up.  Called after the sync of the turn. */
	void (*committed)(void *context, GroupId group, Lsn commit_lsn);

	/* This replica leads from now on; entries of its own ballot start at start_lsn. */
	void (*leading)(void *context, GroupId group, Ballot ballot, Lsn start_lsn);

	/*
	 * This replica leads no longer.  Called before any message of the same turn leaves, so that no reader
	 * can trust a lease that has been given up.  Proposals above the commit LSN have an unknown outcome.
	 */
	void (*stepped_down)(void *context, GroupId group, Ballot ballot);

	/* A leader asked for a replica of a group here: it is open now, empty, and its rows are none. */
	void (*opened)(void *context, GroupId group);

	/*
	 * The log of this replica begins above base_lsn from now on: its rows are missing.  They are to be copied
	 * from another replica (docs/decisions/0006-membership.md), and engine_rows() told when they are there.
	 * Called again while they are missing: after a restart, and with a higher base_lsn if the log became longer
	 * than log_bytes_max; then what was copied so far may be too old, and the copying begins anew.
	 */
	void (*rebased)(void *context, GroupId group, Lsn base_lsn);

	/* This node is no member of the group any more: the group is closed; its rows may go. */
	void (*removed)(void *context, GroupId group);

	/* The log of `peer` was set back to an older state (decision 0012): what it says is dropped.  Or no longer. */
	void (*set_back)(void *context, NodeId peer, bool set_back);
} EngineCallbacks;

typedef enum EngineStatus
{
	ENGINE_OK = 0,
	ENGINE_NO_IDENTITY, /* the log directory holds no identity: not bootstrapped */
	ENGINE_FOREIGN,     /* the directory was copied or restored: its identity must not be used */
	ENGINE_ROTTEN,      /* damage after which it is not known what this node has promised */
	ENGINE_SET_BACK,    /* the log lacks what this node acknowledged: a peer remembered it */
	ENGINE_VERSION, /* written by, or for a cluster of, a version that this code does not read */
	ENGINE_IO       /* an I/O error; errno in engine_error() */
} EngineStatus;

/* Lays out an empty log with a fresh identity.  Fails with ENGINE_IO if one is there already (EEXIST). */
extern EngineStatus engine_bootstrap(const LogIo *io, const EngineConfig *config);

/* Opens the log, raises the start counter, recovers every group and starts the core. */
extern EngineStatus engine_open(Engine **engine, const LogIo *io, const EngineConfig *config,
								const EngineCallbacks *callbacks);
extern void engine_close(Engine *engine);

/* A phrase on the last failure of engine_open, engine_bootstrap, engine_receive or engine_finish_turn. */
extern const char *engine_error(void);

/*
 * Opens a new group: records its membership, syncs at the end of the turn.  No effect if it is open.  Both
 * return false, with nothing changed, if the log has no room; so does the first if a replica of it was removed from
 * here in this life, because then it is not new.
 */
extern bool engine_create_group(Engine *engine, GroupId group, const Membership *membership,
								NodeId first_leader);
extern bool engine_drop_group(Engine *engine, GroupId group);

/*
 * The group is gone for good, here and everywhere: drops it, if it is open, and takes no invitation to it for the
 * rest of this life.  Without that, members that close it one after the other would invite each other anew.
 */
extern bool engine_bury_group(Engine *engine, GroupId group);

/* All groups that are open here; returns their number, fills at most `max`. */
extern uint32_t engine_list_groups(const Engine *engine, GroupId *groups, uint32_t max);
extern bool engine_group_membership(const Engine *engine, GroupId group, Membership *membership);

/*
 * A frame that arrived from a peer.  False if it is not a valid frame of this cluster, with nothing changed:
 * end that stream.  A frame of a former life of the peer (or of a peer whose log was lost: its start counter
 * begins anew) is dropped, and so is all that a peer says whose log was set back.
 */
extern bool engine_receive(Engine *engine, NodeId from, const uint8_t *frame, size_t length);

/* A proposal, evaluated under `ballot`.  The payload is copied.  Answered by appended() or refused(). */
extern void engine_propose(Engine *engine, GroupId group, Ballot ballot, const void *payload,
						   uint32_t length, uint64_t tag);

/*
 * Planned handover.  Refused silently, with no harm to writes, if this replica does not lead, or the target is silent
 * or has said that its rows are missing; watch the status.
 */
extern void engine_transfer(Engine *engine, GroupId group, NodeId target);

/*
 * The group shall consist of the nodes and kinds in `wanted`.  Refused silently if this replica does not lead, if
 * a change is under way, or if a member that is to count is not up to date; watch the status.
 */
extern void engine_change(Engine *engine, GroupId group, const Membership *wanted);

/*
 * Asks node `member` whether this replica is still a member: for one that others do not want any more and that may have
 * missed its removal.  If it was removed, removed() tells.
 */
extern void engine_inquire(Engine *engine, GroupId group, NodeId member);

/*
 * An operator says that `lost_nodes` (a set, node_id_bit) will never come back, and with them the group's quorum: this
 * replica goes on alone, with all that its log holds (decisions/0010).  NULL if it does from the end of the turn on,
 * else a phrase that says why not, with nothing changed.
 */
extern const char *engine_recover_group(Engine *engine, GroupId group, uint64_t lost_nodes);

/*
 * Whether this node's rows of the group are those of its applied LSN (see rebased()), durably.  Until they
 * are, the replica neither stands nor serves.  The log remembers it: after engine_open, rebased() is called
 * again for each group whose rows are missing.  That they were lost is said before the first turn.  False, with
 * nothing changed, if the log has no room.
 */
extern bool engine_rows(Engine *engine, GroupId group, bool present);

/*
 * Rows of the group are applied up to applied_lsn, and flushed by PostgreSQL up to durable_lsn.  Told for
 * every group after engine_open and before the first turn, it also says what was committed in former lives;
 * until that turn engine_group_status knows no group.
 */
extern void engine_applied(Engine *engine, GroupId group, Lsn applied_lsn, Lsn durable_lsn);

/*
 * Ends the turn; see above.  Steps EVENT_TICK when due.  Returns false after a failed write or sync: the
 * log is poisoned and the process must end (PANIC), to recover from the quorum.
 */
extern bool engine_finish_turn(Engine *engine);

/* The errno of that failure; 0 if there was none. */
extern int engine_failure(const Engine *engine);

/* When the next turn is due although nothing arrives. */
extern TimeUs engine_next_wake_us(const Engine *engine);

/* Groups whose status changed in the last turn; valid until the next one. */
extern uint32_t engine_changed_groups(const Engine *engine, const GroupId **groups);
extern bool engine_group_status(const Engine *engine, GroupId group, GroupStatus *status);

/*
 * Reads entries of the log from from_lsn on, at most up to to_lsn and max_bytes of payload (at least one
 * entry), in order.  Returns how many were visited; fewer than asked if a record is damaged or gone.
 */
typedef void (*EngineEntryVisitor)(void *context, Lsn lsn, const Entry *entry);
extern uint32_t engine_read_entries(Engine *engine, GroupId group, Lsn from_lsn, Lsn to_lsn,
									size_t max_bytes, EngineEntryVisitor visitor, void *context);

/*
 * A node-wide blob kept in the log (who the nodes of the cluster are), under a key below 0xFF00; NULL if
 * never set.  Setting it returns false, with nothing changed, if the log has no room.
 */
extern bool engine_set_blob(Engine *engine, uint16_t key, const void *bytes, uint32_t length);
extern const void *engine_get_blob(const Engine *engine, uint16_t key, uint32_t *length);

/*
 * The version of the cluster: what is newer is neither sent nor recorded (I14).  The log keeps it from the call on;
 * a version that is not above the present one changes nothing.  The code must read it.  False, with nothing changed,
 * if the log has no room: say it again later.
 */
extern bool engine_set_cluster_version(Engine *engine, ClusterVersion version);
extern ClusterVersion engine_cluster_version(const Engine *engine);

/*
 * Damage that was found in the log when it was opened, NULL if there was none; how many entries are missing because of
 * damage, which ones, and how many were repaired in this life (docs/decisions/0009-log-rot.md).
 */
extern const LogDamage *engine_log_damage(const Engine *engine);
extern uint64_t engine_missing_entries(const Engine *engine);
extern bool engine_next_missing(const Engine *engine, GroupId group, Lsn from_lsn, LogHole *hole);
extern uint64_t engine_repaired_entries(const Engine *engine);

extern uint64_t engine_log_bytes(const Engine *engine);
extern uint64_t engine_start_counter(const Engine *engine);

/*
 * The peer that remembers more of this node's log than there is, or 0.  When it is set after a turn the node has to
 * stop: it has forgotten promises.  engine_open refuses with ENGINE_SET_BACK from then on.
 */
extern NodeId engine_set_back_by(const Engine *engine);

/* Whether `peer` is a node of the cluster: heartbeats go there although no group is shared. */
extern void engine_meet(Engine *engine, NodeId peer, bool known);
extern TimeUs engine_peer_heard_us(const Engine *engine, NodeId peer);

/* The nodes that `peer` reached in both directions within a lease, as it said last; see node_id_bit(). */
extern uint64_t engine_peer_reaches(const Engine *engine, NodeId peer);

#endif /* QUORATE_REPLICATION_ENGINE_H */

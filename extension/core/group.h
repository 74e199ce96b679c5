/*
 * group.h
 *		The one door to the consensus core: group_step(event, now) -> effects.
 *
 * A CoreNode is all consensus state of one node: the grants that it gave to and holds from other nodes, and
 * the replica of every group that lives here.  The caller (replication/engine.c, run by the replicator
 * process or by the simulator) turns what happens into events and carries out the effects.
 *
 * Contract:
 *	- The core does no I/O, reads no clock, and cannot fail.  Equal states and events give equal effects.
 *	- Effects must be carried out in order.  Records (APPEND, PROMISE, CUT, GROUP, GRANT_LENGTH) go to the
 *	  log; a SEND with after_sync must not leave before everything recorded so far is durable; other SENDs
 *	  may leave at once.
 *	- After a sync the caller steps EVENT_SYNCED before any other event.  Nothing is stepped between the
 *	  start of a sync and that event, so "appended" becomes "durable" in one stroke.
 *	- The caller owns the memory that an event points to and may reuse it when group_step returns.
 *	  Effects, and what they point to, live until the next call of group_step; payload pointers in APPEND
 *	  effects are those of the event.
 *	- A broken invariant ends the process (core_assert.h).
 */
#ifndef QUORATE_CORE_GROUP_H
#define QUORATE_CORE_GROUP_H

#include "core/core_types.h"
#include "core/message.h"

typedef struct CoreNode CoreNode;

/* Settings of a node's core; all nodes of a cluster should agree on the times. */
typedef struct CoreConfig
{
	NodeId self;
	uint64_t
		start_counter; /* counts the lives of this node, durable; grants of different lives never mix */
	TimeUs lease_us;          /* length of a grant */
	TimeUs heartbeat_us;      /* a heartbeat to every peer at this interval */
	uint32_t clock_drift_ppm; /* relative drift of two clocks that leases survive; 250000 = 25 % */
	TimeUs
		wait_out_us; /* longest grant that a former life may have given (recovered); 0 on a new node */
	uint32_t accept_entries_max;   /* entries in one ACCEPT; at most MESSAGE_ENTRIES_MAX */
	uint32_t inflight_entries_max; /* entries sent to a follower and not yet acknowledged */
	uint32_t
		contenders_max; /* elections that this node has under way at a time; 0 for any number */
	uint64_t seed;      /* the core's only randomness */
} CoreConfig;

/* What the log knows of a group when it is opened; a new group has zeros and one membership. */
typedef struct GroupRecovered
{
	GroupId group;

	/*
	 * The newest membership known as committed, then later ones, as core_group_memberships() gave them before
	 * the last change.  Later ones whose entry the log does not hold are dropped.
	 */
	uint32_t membership_count;
	const MembershipAt *memberships;
	Ballot promised;
	Lsn base_lsn; /* entries up to here are gone from the log */
	Ballot base_ballot;
	Lsn append_lsn; /* last entry in the log, durable */
	Lsn commit_lsn; /* known as committed: the rows' applied LSN */
	uint32_t run_count;
	const BallotRun *runs; /* ballots of the entries base_lsn + 1 .. append_lsn */
	NodeId
		first_leader; /* a new group: who should stand first, so that leaders spread; 0 for anybody */
} GroupRecovered;

typedef enum EventKind
{
	EVENT_TICK = 1, /* time passed; step it at core_next_tick_us() or earlier */
	EVENT_MESSAGE,  /* a message from a peer */
	EVENT_PROPOSE,  /* entries for a group that this node leads */
	EVENT_SYNCED,   /* everything recorded so far is durable */
	EVENT_TRANSFER, /* an operator wants `target` to lead the group */
	EVENT_CHANGE,   /* the group shall consist of the members in `change` */
	EVENT_INQUIRE,  /* ask node `target` whether this replica is still a member */
	EVENT_RECOVER,  /* an operator says that `lost_nodes`, and so the quorum, are gone for good */
	EVENT_CLOCK_ANOMALY /* the clock went back or the process slept: leases held are void (I8) */
} EventKind;

typedef struct Event
{
	EventKind kind;
	GroupId group;          /* PROPOSE, TRANSFER, CHANGE, INQUIRE, RECOVER */
	const Message *message; /* MESSAGE */
	Ballot
		ballot;  /* PROPOSE: the ballot that the proposal was evaluated under; another is refused */
	Entry entry; /* PROPOSE: payload and length; its ballot is set by the core */
	NodeId target; /* TRANSFER, INQUIRE */
	const Membership
		*change;         /* CHANGE: node and kind of each member to be; the rest is not looked at */
	uint64_t lost_nodes; /* RECOVER: a set, node_id_bit */
	TimeUs sync_started_us; /* SYNCED: when the sync that completed was begun (I9) */
} Event;

typedef enum EffectKind
{
	EFFECT_APPEND = 1,   /* record an entry: group, lsn, entry */
	EFFECT_PROMISE,      /* record the promised ballot: group, ballot (I3) */
	EFFECT_CUT,          /* record that entries above lsn are gone: group, lsn, ballot */
	EFFECT_GRANT_LENGTH, /* record grant_us, the longest grant that this node may have given */
	EFFECT_SEND,         /* send message; ACCEPT and ENTRIES: see Effect.message */
	EFFECT_COMMIT,       /* commit LSN moved up to lsn: release those who wait, apply */
	EFFECT_LEAD,         /* this replica now leads under ballot; its own first entry is at lsn */
	EFFECT_STEP_DOWN,    /* this replica no longer leads under ballot */
	EFFECT_REFUSE,       /* what was asked for was refused: nothing was recorded */

	/*
	 * Record the memberships that the replica now uses (core_group_memberships), before any later effect.
	 */
	EFFECT_MEMBERSHIP,

	/* Record that the log begins above lsn, which ballot wrote: all that it held is gone, and the rows with it. */
	EFFECT_REBASE,

	EFFECT_OPEN, /* a new, empty replica: record its membership; the core has opened it */
	EFFECT_REMOVED /* this replica is no member any more: close the group and record that it is gone */
} EffectKind;

typedef struct Effect
{
	EffectKind kind;
	GroupId group;
	Lsn lsn;
	Ballot ballot;
	Entry entry;     /* APPEND */
	bool after_sync; /* SEND */
	TimeUs grant_us; /* GRANT_LENGTH */

	/*
	 * SEND.  An outgoing ACCEPT or ENTRIES names its entries by prev_lsn and entry_count; message.entries is
	 * NULL and the caller fills them in from the log.  It may send fewer of them, never others (its frames
	 * are bounded); the core notices by the acknowledgement and sends the rest again.
	 */
	Message message;
} Effect;

typedef struct Effects
{
	uint32_t count;
	const Effect *items;
} Effects;

/* What the views and the routers want to know of a group; a copy, valid when taken. */
typedef enum GroupRole
{
	ROLE_FOLLOWER = 1, /* accepts; stands for leader when its leader's grant has lapsed */
	ROLE_ASKING,       /* asks the other members whether the leader lives for them */
	ROLE_CANDIDATE,    /* waits for promises of a quorum */
	ROLE_ADOPTING,     /* has promises; copies the best acceptor's log */
	ROLE_LEADER, /* proposes; serves once its start entry is committed and while its lease lasts */
	ROLE_HANDING_OVER /* leads no new proposals; waits until the target has everything */
} GroupRole;

typedef struct MemberStatus
{
	NodeId node;
	MemberKind kind;
	MemberHalf half;
	uint64_t since;
	Lsn durable_lsn; /* leader: acknowledged by this member; 0 if not known */
	bool has_rows;   /* its rows are those of its log, as it said last; filled in by replication/ */
	Lsn settled_lsn; /* it needs no entry up to here from others, as it said last; by replication/ */
	bool
		needs_snapshot; /* leader: what it needs is no longer in the leader's log; a REBASE is on its way */
} MemberStatus;

typedef struct GroupStatus
{
	GroupId group;
	GroupRole role;
	uint64_t generation;           /* of the membership in use ... */
	uint64_t committed_generation; /* ... and of the newest that is committed */
	bool rows_missing;             /* its rows have to be copied before it may stand or serve */
	uint32_t
		missing_entries; /* damaged in its log and not repaired yet; filled in by replication/ */
	Ballot promised;
	NodeId leader; /* whom this replica believes to lead; 0 unknown */
	Lsn base_lsn;
	Ballot last_ballot; /* of the entry at append_lsn */
	Lsn append_lsn;
	Lsn durable_lsn;
	Lsn commit_lsn;
	Lsn start_lsn;         /* leader: its own first entry (I7: serves once this is committed) */
	TimeUs lease_until_us; /* leader: its lease ends then; 0 for none (I8) */
	uint32_t member_count;
	MemberStatus members[CORE_MEMBERS_MAX]; /* nothing is said of those from member_count on */
} GroupStatus;

/* Makes the consensus state of one node.  `now` is the time of all that follows; never goes back. */
extern CoreNode *core_node_create(const CoreConfig *config, TimeUs now);
extern void core_node_free(CoreNode *node);

/*
 * Opens a group, recovered or new.  The caller has already recorded its membership.  An open group is
 * opened again without effect.
 */
extern void core_node_open_group(CoreNode *node, const GroupRecovered *recovered, TimeUs now);

/*
 * The newest committed membership of a group and all later ones, oldest first: what EFFECT_MEMBERSHIP and
 * EFFECT_OPEN ask to record.  Returns their number, 0 for a group that is not open; fills at most `max`.
 */
extern uint32_t core_group_memberships(const CoreNode *node, GroupId group,
									   MembershipAt *memberships, uint32_t max);

/*
 * Whether the rows of this node's replica are those of its applied LSN.  Until they are, it neither stands nor
 * serves.  Rows are taken to be there when a group is opened, and to be missing after EFFECT_REBASE.
 */
extern void core_node_rows(CoreNode *node, GroupId group, bool present);

/*
 * The highest entry above this node's rows whose record in the log is damaged, 0 for none.  Until it is repaired the
 * replica does not stand; while it is above the commit LSN, it does not promise either (I15).  All else goes on.
 */
extern void core_node_missing(CoreNode *node, GroupId group, Lsn lsn);

/*
 * Whether `peer` is a node of the cluster: then it is sent heartbeats although the two share no group, so that each
 * knows that the other lives before it is made a member of something.
 */
extern void core_node_meet(CoreNode *node, NodeId peer, bool known);

/* Forgets a group that was dropped. */
extern void core_node_close_group(CoreNode *node, GroupId group);

/* Tells that entries up to `lsn` are gone from the log. */
extern void core_node_truncated(CoreNode *node, GroupId group, Lsn base_lsn, Ballot base_ballot);

/* The door.  See the contract above. */
extern Effects group_step(CoreNode *node, const Event *event, TimeUs now);

/*
 * Why EVENT_RECOVER with these lost nodes would be refused: a phrase for an operator; NULL if it would not be, or the
 * group is not open.
 */
extern const char *core_recover_obstacle(const CoreNode *node, GroupId group, uint64_t lost_nodes);

/* When EVENT_TICK is due next. */
extern TimeUs core_next_tick_us(const CoreNode *node);

/* False if the group is not open here. */
extern bool core_group_status(const CoreNode *node, GroupId group, GroupStatus *status, TimeUs now);

/* When the node last heard a peer, in `now`'s clock; 0 for never in this life. */
extern TimeUs core_peer_heard_us(const CoreNode *node, NodeId peer);

#endif /* QUORATE_CORE_GROUP_H */

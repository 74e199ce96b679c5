/*
 * node.h
 *		Inside of the consensus core: the state of one node and of its replicas.
 *
 * Only files of core/ include this; everybody else uses group.h.
 *
 * A Replica is this node's member of one group.  What every replica has sits in it directly (a follower
 * costs a few hundred bytes); what only one that stands or leads needs is its Proposer, made and freed with
 * the role.  Replicas are found by a hash on the group, and by two kinds of order:
 *	- the agenda, a heap by due time, holds only replicas with something due, so that idle groups cost a
 *	  tick nothing;
 *	- each peer's list of the replicas whose promised ballot is that peer's, walked only when the grant
 *	  between the two nodes lapses or changes its number.
 */
#ifndef QUORATE_NODE_H
#define QUORATE_NODE_H

#include "core/ballot_history.h"
#include "core/effects.h"
#include "core/group.h"
#include "core/lease.h"

#define TIME_NEVER INT64_MAX

/* What a leader or candidate knows of one member (index as in the membership; its own entry is unused). */
typedef struct Progress
{
	/* candidate */
	bool promised; /* promised our ballot, durably */
	bool refused;
	/* asking */
	bool answered_no; /* says that no leader lives for it */
	/* leader */
	bool probing; /* where the logs part is in doubt: one ACCEPT at a time */
	bool probe_sent;
	bool needs_snapshot; /* what it needs next is no longer in our log: it is sent a REBASE */
	Lsn match_lsn;       /* durable there, acknowledged under our ballot */
	Lsn match_life_lsn; /* ... in the life of the member that was heard last: match goes not below it */
	Lsn guess_lsn;      /* the logs are believed equal up to here; never below match_lsn */
	Lsn next_lsn;       /* next entry to send; above guess_lsn */
	Lsn newest_prev_lsn;   /* prev_lsn of the newest ACCEPT that carried entries */
	Lsn commit_told_lsn;   /* highest commit LSN sent that its entries could carry there */
	Lsn commit_acked_lsn;  /* highest commit LSN that it says to know */
	uint64_t acked_number; /* grant number of its last acknowledgement of our ballot (I8) */
	TimeUs stirred_us;     /* last send to it or progress of it; resends count from here */
} Progress;

/* What a replica needs while it asks, stands, adopts or leads. */
typedef struct Proposer
{
	TimeUs resend_us;   /* asking, candidate, adopting: repeat the question then */
	TimeUs deadline_us; /* give up then; leader: step down then if no quorum was regained */
	TimeUs notice_us;   /* leader: tell the commit LSN to idle followers then */
	bool own_promise_durable;
	Ballot released;          /* candidate: the ballot that was given up in its favour, else zero */
	NodeId best;              /* candidate, adopting: whose log is best so far; 0 for its own */
	uint64_t best_generation; /* ... and the membership generation that its owner uses */
	LogOutline best_outline;  /* its runs point to best_runs */
	BallotRun *best_runs;
	Lsn promised_commit_lsn; /* highest commit LSN told in a promise */
	Lsn start_lsn;           /* leader: its first own entry */
	NodeId target;           /* handing over: to whom */
	TimeUs handover_deadline_us;
	Progress members[CORE_MEMBERS_MAX];
} Proposer;

typedef struct Replica
{
	GroupId group;
	struct Replica *hash_next;
	Membership membership;    /* in use: the newest one of the log, committed or not (I10) */
	Lsn membership_lsn;       /* of its entry */
	Ballot membership_ballot; /* ... and that entry's ballot */
	MembershipAt
		*earlier; /* the one before it, which is committed; NULL if the one in use is known to be */
	uint64_t since;      /* the generation with which this replica came */
	uint32_t self_index; /* MEMBER_NONE if the membership in use does not name this node */
	bool rows_missing;   /* its rows are not those of its log: it neither stands nor serves */
	Lsn missing_lsn; /* the highest entry above its rows that its log cannot be read at; 0 for none */
	bool removed;    /* no member any more: waits to be closed */
	GroupRole role;

	/* acceptor */
	Ballot promised; /* recorded; durable unless `unsynced` */
	Ballot
		leader_ballot; /* ballot of the newest ACCEPT taken; its node leads if it equals promised */
	uint64_t acked_number; /* grant to promised.node in force at the last acknowledgement (I8) */
	bool released;         /* promised was given up by its owner: it binds no longer */
	bool unsynced;         /* something was recorded since the last sync */
	BallotHistory history;
	Lsn durable_lsn;
	Lsn commit_lsn;
	Lsn commit_known_lsn; /* known as committed and matched, maybe not durable here yet */

	/* election */
	uint64_t seen_round; /* highest round heard of in a refusal or answer */
	TimeUs election_due_us;
	bool contends;           /* counts in CoreNode.contenders */
	uint32_t failures;       /* candidacies in a row that came to nothing */
	uint32_t fruitless_asks; /* rounds of asking in a row without a result */
	uint64_t
		told_generation; /* the newest that a member used which heard no leader; 0 once one did */
	Proposer *proposer;  /* NULL for a follower */

	/* the node's orders of replicas */
	TimeUs due_us;
	uint32_t agenda_index; /* 1-based place in the agenda; 0 for none */
	struct Replica *unsynced_next;
	struct Replica *peer_next;
	struct Replica *peer_prev;
} Replica;

/* What this node knows of another; entry `self` holds only its list of replicas. */
typedef struct Peer
{
	uint32_t shared_groups;   /* open groups with both as members, and 1 if it is a node of the
							   * cluster: heartbeats go out if not 0 */
	bool is_known;            /* the owner says that it is a node of the cluster */
	uint64_t start_counter;   /* the newest life of it that was heard */
	TimeUs heartbeat_sent_us; /* its clock: sent_us of its newest heartbeat */
	TimeUs heard_us;          /* own clock: when that arrived */
	GrantGiven given;
	GrantHeld held;
	Replica *replicas; /* those whose promised ballot is this node's */
} Peer;

struct CoreNode
{
	CoreConfig config;
	TimeUs now;
	TimeUs wait_out_until_us; /* grants of former lives may be in force until then */
	TimeUs synced_us;         /* when the last completed sync began */
	bool synced_once;         /* ... and whether there was one since the clock was last in doubt */
	TimeUs held_void_us;      /* requests sent up to then do not count for grants held */
	TimeUs heartbeat_due_us;
	TimeUs grant_length_recorded_us;
	bool grant_length_unsynced;
	uint32_t groups_closed; /* in this life; a part of JOIN's nonce */
	uint32_t grants_given;  /* in this life; makes grant numbers */
	uint64_t random_state;
	Peer peers[CORE_NODES_MAX + 1]; /* by node id */
	NodeId peer_last; /* nothing is known of nodes with higher ids, nor promised to them */
	Replica **buckets;
	uint32_t bucket_count;
	uint32_t replica_count;
	uint32_t
		contenders; /* replicas that ask, stand, or lead without having committed anything yet */
	Replica **agenda;
	uint32_t agenda_count;
	uint32_t agenda_capacity;
	Replica *unsynced; /* replicas with records since the last sync */
	EffectList effects;
};

/* A number from 0 to bound - 1; 0 if bound is 0. */
extern TimeUs node_random(CoreNode *node, TimeUs bound);

extern Replica *node_find(const CoreNode *node, GroupId group);

/* Puts the replica at its due time into the agenda; TIME_NEVER takes it out. */
extern void node_schedule(CoreNode *node, Replica *replica, TimeUs due_us);

/* The replica with the earliest due time, NULL if nothing is due at all. */
extern Replica *node_first_due(const CoreNode *node);

/* True while the last completed sync is young enough to ask for, give or count grants (I9). */
extern bool node_sync_is_fresh(const CoreNode *node);

/* True if the node has been heard within a lease, or is this one. */
extern bool node_hears(const CoreNode *node, NodeId other);

/* Sends a message of the replica's group to a node; the caller fills in what its kind carries. */
extern Message *
node_send(CoreNode *node, const Replica *replica, MessageKind kind, NodeId to, bool after_sync);

/* The same for the sender of a message: it may be a node that the membership in use does not name. */
extern Message *node_reply(CoreNode *node, const Replica *replica, MessageKind kind,
						   const Message *message, bool after_sync);

/* Counts the groups shared with each other member up or down, as the membership in use changes. */
extern void node_share_groups(CoreNode *node, const Membership *membership, int32_t change);

/* The other node, of which something will be known from now on. */
extern Peer *node_meet(CoreNode *node, NodeId other);

/* Opens a group: see core_node_open_group(). */
extern Replica *node_open(CoreNode *node, const GroupRecovered *recovered);

#endif /* QUORATE_NODE_H */

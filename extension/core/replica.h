/*
 * replica.h
 *		What acceptor, proposer and election all do to a replica: record, change roles, keep time.
 *
 * Inside of core/ only.  Recording means: change the state and emit the effect that makes it durable, in one
 * place, so that no state exists that a crash would forget.
 */
#ifndef QUORATE_REPLICA_H
#define QUORATE_REPLICA_H

#include "core/node.h"

/* True if this replica may lead: a storage replica that stays in the group and has its rows (I10, I11). */
extern bool replica_may_lead(const Replica *replica);

/* True if it may begin to: it can read all of its log that its rows lack, too (I15). */
extern bool replica_may_stand(const Replica *replica);

/*
 * True if this replica may ask for promises and adopt a log, by whose membership it may lead: its rows are those of
 * its log, of which it can read what they lack.  A learner may, but leads only if it finds that it is none any more.
 */
extern bool replica_may_adopt(const Replica *replica);

/* This replica's bit in a set of members; 0 if the membership in use does not name it. */
extern uint32_t replica_self_bit(const Replica *replica);

/* True in the roles that lead: LEADER and HANDING_OVER. */
extern bool replica_leads(const Replica *replica);

/* Whom this replica believes to lead; 0 for nobody. */
extern NodeId replica_leader(const Replica *replica);

/* Sets the promised ballot as recovered, without recording it. */
extern void replica_set_promised(CoreNode *node, Replica *replica, Ballot ballot);

/* Records a higher promise (I3).  `acked_number` is the grant to the ballot's node in force (I8), or 0. */
extern void
replica_record_promise(CoreNode *node, Replica *replica, Ballot ballot, uint64_t acked_number);

/* Remembers how high others have bid; false for an absurd round, which is not worth following. */
extern bool replica_note_round(Replica *replica, Ballot promised);

/* Records the next entry. */
extern void replica_record_append(CoreNode *node, Replica *replica, const Entry *entry);

/* Records that the entries above `lsn`, none of them committed, are gone. */
extern void replica_record_cut(CoreNode *node, Replica *replica, Lsn lsn);

/*
 * Records that the log begins above `lsn`, whose entry has `ballot` and is committed; `membership` is the one in
 * force there.  Everything that the log held is gone.
 */
extern void replica_record_rebase(CoreNode *node, Replica *replica, Lsn lsn, Ballot ballot,
								  const Membership *membership);

/* The replica is no member any more: it does nothing from now on, and its owner is told to close it. */
extern void replica_remove(CoreNode *node, Replica *replica);

/* Moves the commit LSN up to min(lsn, durable LSN); the rest follows when the entries are durable. */
extern void replica_commit(CoreNode *node, Replica *replica, Lsn lsn);

/* What was recorded is durable now. */
extern void replica_synced(CoreNode *node, Replica *replica);

/*
 * Makes the replica a follower, whatever it was; a leader's end is told first.  It stands at `patience_us`
 * from now, plus its stagger, unless a leader binds it by then.
 */
extern void replica_follow(CoreNode *node, Replica *replica, TimeUs patience_us);

/* Enters a role that has a Proposer, keeping the one it has. */
extern void replica_enter(Replica *replica, GroupRole role);

/* Sets when the follower stands: after `patience_us` and its stagger. */
extern void replica_await_election(CoreNode *node, Replica *replica, TimeUs patience_us);

/*
 * The replica begins to stand for leader, and has come to an end of it: it follows, or has committed its first entry.
 * A node has only so many elections under way at a time (election.c).
 */
extern void replica_contend(CoreNode *node, Replica *replica);
extern void replica_rest(CoreNode *node, Replica *replica);

/* True while I8 binds this acceptor to the owner of its promised ballot. */
extern bool replica_is_blocked(const CoreNode *node, const Replica *replica);

/* True while a former life of this node may have bound it to the owner of its promised ballot. */
extern bool replica_waits_out(const CoreNode *node, const Replica *replica);

/* Leader: own clock until which a quorum holds valid grants under acknowledged numbers (I8); 0 for none. */
extern TimeUs replica_lease_until(const CoreNode *node, const Replica *replica);

/* Leader: whether that time has not come yet. */
extern bool replica_has_lease(const CoreNode *node, const Replica *replica);

/* Puts the replica's next due time into the agenda and checks its invariants; after every change. */
extern void replica_settle(CoreNode *node, Replica *replica);

#endif /* QUORATE_REPLICA_H */

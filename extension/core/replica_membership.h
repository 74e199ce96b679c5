/*
 * replica_membership.h
 *		The memberships that a replica's log holds, and which of them it uses (I10).
 *
 * Inside of core/ only.  In use is the newest one, committed or not, from the moment its entry is appended.
 * The one before it is kept until that is committed, for a cut goes back to it.  It is committed itself: a leader
 * appends a membership only then.
 */
#ifndef QUORATE_REPLICA_MEMBERSHIP_H
#define QUORATE_REPLICA_MEMBERSHIP_H

#include "core/node.h"

/*
 * An entry is about to be appended at `lsn`: if it brings a newer membership, that one is in use from now on,
 * and recorded before the entry.  A payload that is no membership does nothing.
 */
extern void membership_appended(CoreNode *node, Replica *replica, Lsn lsn, const Entry *entry);

/* The entries above `lsn` were cut. */
extern void membership_cut(CoreNode *node, Replica *replica, Lsn lsn);

/*
 * The commit LSN rose: what a later committed membership replaces is forgotten.  A replica that the newest
 * committed membership does not name is removed.
 */
extern void membership_committed(CoreNode *node, Replica *replica);

/* Everything before is gone: this membership is in use, and committed. */
extern void membership_reset(CoreNode *node, Replica *replica, const MembershipAt *membership);

/* Sets what was recovered from the log. */
extern void membership_recover(CoreNode *node, Replica *replica, const GroupRecovered *recovered);

/* The newest membership that this replica knows as committed. */
extern const Membership *membership_newest_committed(const Replica *replica);

#endif /* QUORATE_REPLICA_MEMBERSHIP_H */

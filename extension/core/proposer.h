/*
 * proposer.h
 *		The leader's half of Paxos: proposing, replicating, committing, and keeping its followers informed.
 */
#ifndef QUORATE_PROPOSER_H
#define QUORATE_PROPOSER_H

#include "core/node.h"

/* Starts to lead under the promised ballot; the log has been adopted. */
extern void proposer_lead(CoreNode *node, Replica *replica);

/* EVENT_PROPOSE: appends and sends, or refuses. */
extern void proposer_propose(CoreNode *node, Replica *replica, const Event *event);

/* Appends a membership entry, which is in use from then on. */
extern void
proposer_append_membership(CoreNode *node, Replica *replica, const Membership *membership);

extern void proposer_receive_accepted(CoreNode *node, Replica *replica, const Message *message);

/* Moves the commit LSN to what a quorum has durable under the leader's own ballot. */
extern void proposer_advance_commit(CoreNode *node, Replica *replica);

/* Something is due: commit notices, resends, a lost quorum, a handover that takes too long. */
extern void proposer_tick(CoreNode *node, Replica *replica);

/* When proposer_tick() is due; TIME_NEVER for a leader with nothing under way. */
extern TimeUs proposer_due(const CoreNode *node, const Replica *replica);

/* The grant held from a peer lapsed: if that cost the quorum, the leader has a while to regain it. */
extern void proposer_lease_lapsed(CoreNode *node, Replica *replica);

#endif /* QUORATE_PROPOSER_H */

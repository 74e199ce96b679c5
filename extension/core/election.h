/*
 * election.h
 *		From a silent leader to a quorum of promises: waiting, asking the others, standing.
 */
#ifndef QUORATE_ELECTION_H
#define QUORATE_ELECTION_H

#include "core/node.h"

/* When the replica, which does not lead, has something to do next; TIME_NEVER for a bound follower. */
extern TimeUs election_due(const CoreNode *node, const Replica *replica);

/* Something is due: ask, ask again, give up. */
extern void election_tick(CoreNode *node, Replica *replica);

/* Stands at once.  `released` is the ballot that was given up in this node's favour, else zero. */
extern void election_stand(CoreNode *node, Replica *replica, Ballot released);

extern void election_receive_ask(CoreNode *node, Replica *replica, const Message *message);
extern void election_receive_answer(CoreNode *node, Replica *replica, const Message *message);
extern void election_receive_promise(CoreNode *node, Replica *replica, const Message *message);

/* Candidate: adopts and leads if a quorum has promised. */
extern void election_count_promises(CoreNode *node, Replica *replica);

/* Whether a quorum of the membership in use has promised this candidate's ballot. */
extern bool election_has_promises(const Replica *replica);

/* Asks (again) for the promises that are missing. */
extern void election_ask_promises(CoreNode *node, Replica *replica);

/*
 * The candidacy came to nothing: the ballot is released, and this is a follower again.  If another member shall stand
 * instead, `heir`, it gets a lease for that; if none (0), patience grows with each failure.
 */
extern void election_give_up(CoreNode *node, Replica *replica, NodeId heir);

#endif /* QUORATE_ELECTION_H */

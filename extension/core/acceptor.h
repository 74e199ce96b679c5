/*
 * acceptor.h
 *		The acceptor's half of Paxos: promise, accept, and hand out the log to who was promised.
 */
#ifndef QUORATE_ACCEPTOR_H
#define QUORATE_ACCEPTOR_H

#include "core/node.h"

extern void acceptor_receive_prepare(CoreNode *node, Replica *replica, const Message *message);
extern void acceptor_receive_accept(CoreNode *node, Replica *replica, const Message *message);

/* Begins the log anew above a committed entry that it does not hold (docs/decisions/0006-membership.md). */
extern void acceptor_receive_rebase(CoreNode *node, Replica *replica, const Message *message);
extern void acceptor_receive_fetch(CoreNode *node, Replica *replica, const Message *message);

/* False if the carried entries are malformed: their ballots fall, or rise above `limit`. */
extern bool acceptor_entries_are_valid(const Message *message, Ballot limit);

#endif /* QUORATE_ACCEPTOR_H */

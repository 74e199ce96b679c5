/*
 * join.h
 *		How a replica comes to be on a node, and how it learns that it is no member any more.
 */
#ifndef QUORATE_JOIN_H
#define QUORATE_JOIN_H

#include "core/node.h"

/* A message for a group that is not open here: asks its leader for leave to make a replica, or makes it. */
extern void join_receive_without_group(CoreNode *node, const Message *message);

/* Leader: a member asks whether it is to make its replica. */
extern void join_receive_ask(CoreNode *node, Replica *replica, const Message *message);

/* Tells a sender that is no member that it was removed, if that is committed. */
extern void join_refuse_stranger(CoreNode *node, const Replica *replica, const Message *message);

extern void join_receive_removed(CoreNode *node, Replica *replica, const Message *message);

/* EVENT_INQUIRE: asks any node whether this replica is still a member; if it was removed, the answer says so. */
extern void join_inquire(CoreNode *node, Replica *replica, NodeId target);

/* Leader: tells the members that `before` names and the newest committed membership does not. */
extern void join_dismiss(CoreNode *node, const Replica *replica, const Membership *before);

/* Puts an encoded membership into a message that is being sent, as its entry 0. */
extern void join_put_membership(CoreNode *node, Message *message, const Membership *membership);

#endif /* QUORATE_JOIN_H */

/*
 * progress.h
 *		The leader's dealings with each other member of its group.
 */
#ifndef QUORATE_PROGRESS_H
#define QUORATE_PROGRESS_H

#include "core/node.h"

/* After this much silence from a member of which something is awaited, it is asked again. */
extern TimeUs progress_resend_interval(const CoreNode *node);

/* A leader begins: nothing is known of the members but that their promises were acknowledgements. */
extern void progress_init(Replica *replica);

/* Sends the member what it lacks, within the window; one ACCEPT at a time while in doubt. */
extern void progress_pump(CoreNode *node, Replica *replica, uint32_t index);
extern void progress_pump_all(CoreNode *node, Replica *replica);

/* Sends an ACCEPT without entries behind everything sent so far; the pipeline goes on. */
extern void progress_send_empty(CoreNode *node, Replica *replica, uint32_t index);

/* ACCEPTED under the own ballot: granted, or refused because the logs part earlier than believed. */
extern void progress_take_acknowledgement(CoreNode *node, Replica *replica, uint32_t index,
										  const Message *message);
extern void
progress_take_mismatch(CoreNode *node, Replica *replica, uint32_t index, const Message *message);

/* True if the leader waits for something from the member that it would ask again for. */
extern bool progress_is_unanswered(const CoreNode *node, const Replica *replica, uint32_t index);

/* The member runs a new life: it has what it acknowledged in former ones, unless it says otherwise. */
extern void progress_new_life(Replica *replica, NodeId peer);

/* Asks again all members that have been silent for too long. */
extern void progress_resend(CoreNode *node, Replica *replica);

/* The membership in use changed from `before`: what is known of the members that stay is kept. */
extern void progress_follow_membership(CoreNode *node, Replica *replica, const Membership *before);

/*
 * Speaks to the members that have not acknowledged anything, or to that one of them on node `only` if that is not 0:
 * new ones have to make their replicas (join.c).
 */
extern void progress_greet(CoreNode *node, Replica *replica, NodeId only);

/* The grant held from `peer` has a new number: have it acknowledged for this ballot (I8). */
extern void progress_reconfirm(CoreNode *node, Replica *replica, NodeId peer);

/*
 * The log's base moved up.  A member's acknowledgements can lag behind what it has, and what it has may be why
 * the log could be truncated: a member that is not known to reach up to the base is asked, not given up.
 */
extern void progress_truncated(Replica *replica);

#endif /* QUORATE_PROGRESS_H */

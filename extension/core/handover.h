/*
 * handover.h
 *		Planned change of leaders: the old one gives its ballot up, the new one stands at once (I8).
 */
#ifndef QUORATE_HANDOVER_H
#define QUORATE_HANDOVER_H

#include "core/node.h"

/* EVENT_TRANSFER: begins to hand over to event->target, or refuses. */
extern void handover_begin(CoreNode *node, Replica *replica, const Event *event);

/* Steps down and releases the ballot if the target has everything and all of it is committed. */
extern void handover_advance(CoreNode *node, Replica *replica);

/*
 * Gives up the own ballot, under which this replica leads no more or never did, and asks `target` to stand.
 * Without that, everybody who promised the ballot stays bound to its owner as long as the owner lives.
 */
extern void handover_pass_on(CoreNode *node, Replica *replica, NodeId target);

/* The target did not catch up in time: leads on. */
extern void handover_time_out(CoreNode *node, Replica *replica);

extern void handover_receive_release(CoreNode *node, Replica *replica, const Message *message);

#endif /* QUORATE_HANDOVER_H */

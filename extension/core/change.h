/*
 * change.h
 *		Changing the members of a group: the leader's part (I10).
 */
#ifndef QUORATE_CHANGE_H
#define QUORATE_CHANGE_H

#include "core/node.h"

/* EVENT_CHANGE: begins a change, or refuses it. */
extern void change_begin(CoreNode *node, Replica *replica, const Event *event);

/* Leader: the commit LSN rose; a joint generation that is committed now is followed by the final one. */
extern void change_advance(CoreNode *node, Replica *replica);

#endif /* QUORATE_CHANGE_H */

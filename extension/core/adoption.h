/*
 * adoption.h
 *		A new proposer takes over the best log of its promise quorum, whole (I4).
 */
#ifndef QUORATE_ADOPTION_H
#define QUORATE_ADOPTION_H

#include "core/node.h"

/* Candidate: remembers the log outlined in a promise if it is the best so far. */
extern void adoption_consider(Replica *replica, const Message *promise);

/*
 * Candidate: whether the best log so far may be adopted before a quorum of the membership in use has promised: its
 * owner uses a newer membership, so that the one in use here may not be what counts any more (docs/decisions/0006,
 * left behind).
 */
extern bool adoption_needs_no_quorum(const Replica *replica);

/* A quorum has promised, or none is needed yet: fetches the best log, or leads at once if the own log is the best. */
extern void adoption_start(CoreNode *node, Replica *replica);

/* Asks (again) for the next entries. */
extern void adoption_fetch(CoreNode *node, Replica *replica);

extern void adoption_receive_entries(CoreNode *node, Replica *replica, const Message *message);

#endif /* QUORATE_ADOPTION_H */

/*
 * invariants.h
 *		The rules of docs/invariants.md that can be checked on one replica at any moment.
 */
#ifndef QUORATE_INVARIANTS_H
#define QUORATE_INVARIANTS_H

#include "core/node.h"

/* Ends the process if the replica breaks a rule.  Constant work: called after every change. */
extern void invariants_check_replica(const CoreNode *node, const Replica *replica);

#endif /* QUORATE_INVARIANTS_H */

/*
 * recover.h
 *		Going on without a quorum that is lost for good, because an operator says so
 *		(docs/decisions/0010-recover-quorum.md).
 */
#ifndef QUORATE_RECOVER_H
#define QUORATE_RECOVER_H

#include "core/node.h"

/* Generations of a recovered group begin so far above the old ones that lost members cannot have come there. */
#define RECOVER_GENERATIONS ((uint64_t) 1 << 32)

/*
 * Why the replica may not go on alone although `lost_nodes` (a set, node_id_bit) will never come back: a phrase for
 * an operator; NULL if it may.
 */
extern const char *
recover_obstacle(const CoreNode *node, const Replica *replica, uint64_t lost_nodes);

/* EVENT_RECOVER: makes this replica the only member of its group and has it stand, or refuses it. */
extern void recover_begin(CoreNode *node, Replica *replica, const Event *event);

#endif /* QUORATE_RECOVER_H */

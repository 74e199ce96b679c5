/*
 * leader_cache.h
 *		Who led a group when this backend asked last: for groups of which this node has no replica.
 *
 * Where there is a replica, it knows its leader (GroupShared.leader); a node without one learns it from answers alone.
 * A hint: the node that is asked checks that it leads.
 */
#ifndef QUORATE_REQUEST_LEADER_CACHE_H
#define QUORATE_REQUEST_LEADER_CACHE_H

#include "postgres.h"

#include "core/core_types.h"

/* 0 if it is not known. */
extern NodeId leader_cache_get(GroupId group);

/* Remembers a leader; 0 forgets it. */
extern void leader_cache_set(GroupId group, NodeId leader);

#endif /* QUORATE_REQUEST_LEADER_CACHE_H */

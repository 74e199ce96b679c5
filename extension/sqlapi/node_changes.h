/*
 * node_changes.h
 *		The steps of which add_node, remove_node, replace_node and drain_node are made.
 */
#ifndef QUORATE_SQLAPI_NODE_CHANGES_H
#define QUORATE_SQLAPI_NODE_CHANGES_H

#include "postgres.h"

#include "fmgr.h"

#include "catalog/metadata_items.h"
#include "sqlapi/peer_connection.h"

/* A set of standings. */
#define STANDING(standing) (1u << (standing))

/* The node of that name in this node's metadata; ERROR 42704 if there is none. */
extern NodeInfo node_require(const char *name);

/*
 * Records another standing of a node, which must have one of those in `from` or have the new one already; ERROR 55000
 * otherwise, 42704 if the node is gone.  Returns when this node's metadata shows it.
 */
extern void node_set_standing(NodeId node, const char *name, uint32_t from, NodeStanding to);

/* Removes a node from the metadata and leaves its tombstone; nothing happens if it is gone. */
extern void node_record_removed(NodeId node);

/*
 * add_node: looks at everything, lays the node out, records it.  `except` is a node that need not be reached, because
 * the new one replaces it; 0 for none.  `wait`: until the metadata has reached the new node.  `allow_shared_zone`: it
 * may be in the zone of another node although there are fewer than three zones.
 */
extern void node_add(const NodeInfo *node, NodeId except, bool wait, bool allow_shared_zone);

/* The arguments name, zone and conninfo, from number `first` on; ERROR 22004 or 22023. */
extern void node_take_arguments(FunctionCallInfo fcinfo, int first, NodeInfo *node);

/* remove_node: see there.  Waits for so long, or for ever if wait_ms is negative; a NOTICE if that was not enough. */
extern void node_remove(const char *name, bool force, long wait_ms);

/* Connects to a node and makes sure that it is that node of this cluster; NULL, with *problem set, otherwise. */
extern PeerConnection *node_connect(const NodeInfo *node, char **problem);

#endif /* QUORATE_SQLAPI_NODE_CHANGES_H */

/*
 * node_list.h
 *		The nodes of the cluster as bytes: what the log's blob NODE_LIST_BLOB holds.
 *
 * A byte with the format's version, a byte with the number of nodes, then for each node: its id (2 bytes,
 * low byte first), and name, zone and conninfo, each as its length (2 bytes) and its bytes.
 */
#ifndef QUORATE_WORKER_NODE_LIST_H
#define QUORATE_WORKER_NODE_LIST_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "shmem/shared_state.h"

/* Key of the blob in the log (engine_set_blob). */
#define NODE_LIST_BLOB 1

/* Appends the list to `out`. */
extern void node_list_pack(const NodeInfo *nodes, int count, StringInfo out);

/* Fills at most CORE_NODES_MAX nodes; returns their number, or -1 if the bytes are not a list. */
extern int node_list_unpack(const uint8_t *bytes, Size length, NodeInfo *nodes);

#endif /* QUORATE_WORKER_NODE_LIST_H */

/*
 * node_list.h
 *		The nodes of the cluster as bytes: what the log's blob NODE_LIST_BLOB holds.
 *
 * A byte with the format's version; the LSN of the metadata that the list shows (8 bytes); the set of ids that were
 * removed (8 bytes, bit 0 for node 1); the version of the cluster (4 bytes); a byte with the number of nodes; then for
 * each node: its id (2 bytes), its standing (1 byte), and name, zone and conninfo, each as its length (2 bytes) and its
 * bytes.  Numbers have their low byte first.
 *
 * The LSN orders lists: whoever applies the metadata's log from its beginning passes old lists, which must not
 * replace a newer one.
 */
#ifndef QUORATE_SHMEM_NODE_LIST_H
#define QUORATE_SHMEM_NODE_LIST_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "shmem/shared_state.h"

/* Key of the blob in the log (engine_set_blob). */
#define NODE_LIST_BLOB 1

typedef struct NodeList
{
	Lsn lsn;                /* it shows the metadata as of this LSN, or of a later one */
	uint64_t removed_nodes; /* node_id_bit() of every id that was removed */
	ClusterVersion cluster_version;
	uint32_t count;
	NodeInfo nodes[CORE_NODES_MAX];
} NodeList;

/* Appends the list to `out`; at most 75 KB. */
extern void node_list_pack(const NodeList *list, StringInfo out);

/* False if the bytes are not a list. */
extern bool node_list_unpack(const uint8_t *bytes, Size length, NodeList *list);

/* A list of the nodes as the replicator has published them; palloc'd. */
extern NodeList *node_list_published(void);

/* True if both have the same nodes in the same order, the same were removed, and the cluster's version is the same. */
extern bool node_list_equal(const NodeList *left, const NodeList *right);

#endif /* QUORATE_SHMEM_NODE_LIST_H */

/*
 * cluster_plan.h
 *		What create_cluster and add_node have in common: connections to all nodes, and looking at them before
 *		anything is changed.
 */
#ifndef QUORATE_SQLAPI_CLUSTER_PLAN_H
#define QUORATE_SQLAPI_CLUSTER_PLAN_H

#include "postgres.h"

#include "sqlapi/cluster_nodes.h"
#include "sqlapi/peer_connection.h"

#define READY_WAIT_MS 30000 /* for what follows by itself once the nodes have been laid out */
#define READY_POLL_MS 10

typedef struct ClusterPlan
{
	uint32_t count;
	NodeInfo nodes[CORE_NODES_MAX];
	NodeId
		joining; /* the last of the nodes, which joins the others; 0 if all of them make a new cluster */
	ClusterVersion cluster_version;        /* what all nodes must read */
	char *list_text;                       /* the nodes as a JSON array */
	char *version;                         /* of the extension, on the first node that has it */
	PeerConnection *peers[CORE_NODES_MAX]; /* NULL for those that cannot be reached */
} ClusterPlan;

/*
 * Connects to all nodes and adds to `problems` whatever keeps them from being a cluster together: what can be asked
 * by any role here, the rest by quorate._preflight on each of them.
 */
extern void plan_preflight(ClusterPlan *plan, ProblemList *problems);

/* The cluster's id as a bytea literal. */
extern char *cluster_id_literal(const uint8_t id[16]);

#endif /* QUORATE_SQLAPI_CLUSTER_PLAN_H */

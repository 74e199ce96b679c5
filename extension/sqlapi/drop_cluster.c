/*
 * drop_cluster.c
 *		drop_cluster, and what it makes every node do: _leave_cluster.
 *
 * drop_cluster runs in a client backend of one node and calls _leave_cluster on the others, through ordinary
 * connections, and at last on its own.  A node that has left has no log and no identity of the cluster any
 * more, and can become a member of a new one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "catalog/item_relation.h"
#include "catalog/metadata.h"
#include "shmem/command.h"
#include "sqlapi/api_call.h"
#include "sqlapi/cluster_nodes.h"
#include "sqlapi/peer_connection.h"

#define LEAVE_TIMEOUT_MS 30000 /* for the replicator to remove the log */

PG_FUNCTION_INFO_V1(quorate_drop_cluster);
PG_FUNCTION_INFO_V1(quorate_leave_cluster);

/* ---------------------------------------------------------------- one node leaves */

/*
 * First the replicator closes and removes the log, so that nothing is applied any more; then the rows go.
 */
static void
leave_cluster(void)
{
	NodeCommand command = {.kind = COMMAND_UNBOOTSTRAP};

	command_run(&command, NULL, 0, LEAVE_TIMEOUT_MS);
	item_relations_clear();
}

/* quorate._leave_cluster(): called on every node by drop_cluster. */
Datum
quorate_leave_cluster(PG_FUNCTION_ARGS)
{
	shared_state_require();
	leave_cluster();
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- all nodes */

/* The nodes as the replicator knows them; a cluster whose metadata has no leader can be dropped too. */
static uint32_t
drop_list_nodes(NodeInfo *nodes)
{
	uint32_t count = 0;

	for (NodeId id = 1; id <= CORE_NODES_MAX; id++)
	{
		if (shared_node_by_id(id, &nodes[count]))
			count++;
	}
	return count;
}

static void
drop_check_tables(bool force)
{
	uint32_t count;

	/* Of a node that was removed, only itself goes, and what it holds is of no use. */
	if (shared_node_was_removed(quorate_shared->self))
		return;

	(void) metadata_tables(&count);
	if (count > 0 && !force)
		ereport(
			ERROR, errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			errmsg("cannot drop the cluster: %u item %s", count,
				   count == 1 ? "table exists" : "tables exist"),
			errhint(
				"Drop them with quorate.drop_table(), or call quorate.drop_cluster(force => true)."));
}

/* Connects to all other nodes before the first of them leaves. */
static void
drop_connect(const NodeInfo *nodes, uint32_t count, PeerConnection **peers, bool force)
{
	for (uint32_t i = 0; i < count; i++)
	{
		char *problem;

		if (nodes[i].node == quorate_shared->self)
			continue;
		peers[i] = peer_connect(nodes[i].conninfo, false, &problem);
		if (peers[i] == NULL)
			ereport(force ? WARNING : ERROR, errcode(ERRCODE_CONNECTION_FAILURE),
					errmsg("cannot reach node \"%s\": %s", nodes[i].name, problem),
					errhint("Call quorate.drop_cluster(force => true) there when it is back."));
	}
}

/*
 * quorate.drop_cluster(force boolean): 2BP01 if item tables exist and 08006 if a node cannot be reached, unless
 * forced; 55000 without a cluster.
 */
Datum
quorate_drop_cluster(PG_FUNCTION_ARGS)
{
	bool force = api_flag_argument(fcinfo, 0, false);
	NodeInfo *nodes = palloc0(CORE_NODES_MAX * sizeof(NodeInfo));
	PeerConnection *peers[CORE_NODES_MAX] = {NULL};
	uint32_t count;

	shared_state_require();
	api_begin_change("drop_cluster()");
	if (pg_atomic_read_u32(&quorate_shared->node_state) == NODE_UNCONFIGURED)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("this node does not belong to a cluster"));
	drop_check_tables(force);
	count = drop_list_nodes(nodes);
	drop_connect(nodes, count, peers, force);
	for (uint32_t i = 0; i < count; i++)
	{
		char *problem;

		if (peers[i] &&
			peer_query(peers[i], "SELECT quorate._leave_cluster()", 0, NULL, &problem) < 0)
			ereport(WARNING,
					errmsg("node \"%s\" did not leave the cluster: %s", nodes[i].name, problem));
	}
	leave_cluster();
	PG_RETURN_VOID();
}

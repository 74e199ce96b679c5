/*
 * create_cluster.c
 *		create_cluster.
 *
 * Runs in a client backend of one node and works on all of them through ordinary connections:
 * first it only looks (pre-flight), and lists everything that is wrong at once; then every node lays out its
 * log and identity; then the metadata group elects a leader and takes the list of nodes.  If laying out
 * fails on one node, it is undone on those where it was done.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "catalog/metadata_items.h"
#include "request/sqlstate.h"
#include "sqlapi/api_call.h"
#include "sqlapi/cluster_plan.h"
#include "sqlapi/metadata_write.h"

PG_FUNCTION_INFO_V1(quorate_create_cluster);

/* ---------------------------------------------------------------- laying out */

static char *
choose_cluster_id(void)
{
	uint8_t id[16];

	if (!pg_strong_random(id, sizeof(id)))
		ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not make a random cluster id"));
	return cluster_id_literal(id);
}

static bool
plan_bootstrap_node(ClusterPlan *plan, const char *cluster_id, uint32_t index, char **problem)
{
	char *id = psprintf("%u", (unsigned) plan->nodes[index].node);
	const char *parameters[] = {cluster_id, id, plan->list_text,
								psprintf("%u", plan->cluster_version)};

	return peer_query(plan->peers[index], "SELECT quorate._bootstrap_node($1, $2, $3, $4)",
					  lengthof(parameters), parameters, problem) >= 0;
}

static void
plan_undo(ClusterPlan *plan, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
	{
		char *problem;

		if (peer_query(plan->peers[i], "SELECT quorate._unbootstrap_node()", 0, NULL, &problem) < 0)
			ereport(WARNING,
					errmsg("could not undo the change on node \"%s\": %s", plan->nodes[i].name,
						   problem),
					errhint("Call quorate.drop_cluster() there."));
	}
}

static void
plan_bootstrap(ClusterPlan *plan)
{
	const char *cluster_id = choose_cluster_id();

	for (uint32_t i = 0; i < plan->count; i++)
	{
		char *problem;

		if (plan_bootstrap_node(plan, cluster_id, i, &problem))
			continue;
		plan_undo(plan, i);
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("could not set up node \"%s\"", plan->nodes[i].name),
				errdetail_internal("%s", problem),
				errhint("The nodes that had been set up before it were set back."));
	}
}

/* ---------------------------------------------------------------- the first metadata */

/* Waits until this node knows that it belongs to the cluster, then records the nodes. */
static void
plan_record_nodes(ClusterPlan *plan)
{
	TimeUs deadline_us = shared_now_us() + READY_WAIT_MS * INT64CONST(1000);
	MetadataChange change;
	RouterCall call;

	metadata_build_nodes(plan->nodes, plan->count, plan->cluster_version, &change);
	do
	{
		wait_a_little(READY_POLL_MS);
		if (pg_atomic_read_u32(&quorate_shared->node_state) != NODE_RUNNING ||
			shared_group_find(GROUP_METADATA) == NULL)
			continue;
		memset(&call, 0, sizeof(call));
		call.request.kind = REQUEST_WRITE;
		call.request.group = GROUP_METADATA;
		call.request.table_id = METADATA_TABLE_ID;
		call.request.image_count = change.image_count;
		call.request.images = change.images;
		call.request.expectations = change.expectations;
		router_execute(&call);

		/* Nodes that are there already are ours: the cluster's id is new, nobody else writes. */
		if (call.outcome == ROUTER_REPLIED)
		{
			router_check(&call);
			return;
		}
	} while (shared_now_us() < deadline_us);
	ereport(
		ERROR, errcode(QUORATE_ERRCODE_UNAVAILABLE),
		errmsg("the cluster was set up, but its metadata has no leader yet"),
		errdetail("The nodes have not been recorded."),
		errhint(
			"See the servers' logs, call quorate.drop_cluster() on every node, and try again."));
}

/*
 * Every node must show the nodes before the call returns, so that the caller may go on at any of them.
 */
static void
plan_wait_for_nodes(ClusterPlan *plan)
{
	TimeUs deadline_us = shared_now_us() + READY_WAIT_MS * INT64CONST(1000);

	for (uint32_t i = 0; i < plan->count; i++)
	{
		char *problem;

		while (shared_now_us() < deadline_us)
		{
			if (peer_query(plan->peers[i], "SELECT pg_catalog.count(*) FROM quorate.nodes", 0, NULL,
						   &problem) == 1 &&
				atoi(peer_value(plan->peers[i], 0, 0)) == (int) plan->count)
				break;
			wait_a_little(READY_POLL_MS);
		}
	}
}

static void
check_count(uint32_t count)
{
	if (count != 1 && count != 3)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("a new cluster has one node or three, not %u", count),
				errhint("Others are added later, with quorate.add_node()."));
}

/*
 * quorate.create_cluster(nodes jsonb, allow_shared_zone boolean): 22023 for a list that is none, 55000 with
 * everything that is wrong, 25001 in a transaction block.
 */
Datum
quorate_create_cluster(PG_FUNCTION_ARGS)
{
	ClusterPlan *plan = palloc0(sizeof(ClusterPlan));
	ProblemList problems;
	Jsonb *list;

	shared_state_require();
	api_begin_change("create_cluster()");
	api_require_argument(fcinfo, 0, "nodes");
	problems_init(&problems);
	list = PG_GETARG_JSONB_P(0);
	check_count(cluster_nodes_count(list));
	plan->count = cluster_nodes_parse(list, plan->nodes, &problems);
	if (!api_flag_argument(fcinfo, 1, false))
		cluster_nodes_check_zones(plan->nodes, plan->count, &problems);
	plan->cluster_version = VERSION_NEWEST;
	plan_preflight(plan, &problems);
	problems_check(&problems, "create the cluster");
	plan_bootstrap(plan);
	plan_record_nodes(plan);
	plan_wait_for_nodes(plan);
	PG_RETURN_VOID();
}

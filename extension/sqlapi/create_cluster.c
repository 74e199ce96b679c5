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
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "catalog/metadata_items.h"
#include "request/conninfo.h"
#include "request/sqlstate.h"
#include "sqlapi/api_call.h"
#include "sqlapi/cluster_nodes.h"
#include "sqlapi/peer_connection.h"

#define READY_WAIT_MS 30000 /* for the metadata to be usable after all nodes have been laid out */
#define READY_POLL_MS 10

PG_FUNCTION_INFO_V1(quorate_create_cluster);

typedef struct ClusterPlan
{
	Jsonb *list; /* as given */
	char *list_text;
	uint32_t count;
	NodeInfo nodes[CORE_NODES_MAX];
	PeerConnection *peers[CORE_NODES_MAX];
	char cluster_id[2 * 16 + 3]; /* as a bytea literal */
} ClusterPlan;

/* ---------------------------------------------------------------- pre-flight */

/* Connects to every node that can be reached; the others are problems. */
static void
plan_connect(ClusterPlan *plan, ProblemList *problems)
{
	for (uint32_t i = 0; i < plan->count; i++)
	{
		char *problem;

		if (!conninfo_is_usable(plan->nodes[i].conninfo, &problem))
			continue; /* cluster_nodes_parse has said so */
		plan->peers[i] = peer_connect(plan->nodes[i].conninfo, false, &problem);
		if (plan->peers[i] == NULL)
			problems_add(problems, "cannot reach node \"%s\": %s", plan->nodes[i].name, problem);
	}
}

/*
 * What can be asked of any server by any role: the same major version of PostgreSQL, the extension, and that the
 * role of the conninfo may act as a peer.  False if the rest of the checks cannot be run there.
 */
static bool
plan_check_access(ClusterPlan *plan, uint32_t index, ProblemList *problems)
{
	static const char *const sql =
		"SELECT pg_catalog.current_setting('server_version_num')::int / 10000, "
		"(SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'quorate'), "
		"r.rolname, r.rolsuper OR r.rolreplication, "
		"EXISTS (SELECT FROM pg_catalog.pg_roles p WHERE p.rolname = 'quorate_peer' "
		"AND pg_catalog.pg_has_role(p.oid, 'USAGE')) "
		"FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";
	const char *name = plan->nodes[index].name;
	PeerConnection *peer = plan->peers[index];
	const char *role;
	char *problem;
	bool is_peer;

	if (peer_query(peer, sql, 0, NULL, &problem) != 1)
	{
		problems_add(problems, "node \"%s\": %s", name, problem);
		return false;
	}
	if (atoi(peer_value(peer, 0, 0)) != PG_VERSION_NUM / 10000)
		problems_add(problems, "node \"%s\" runs PostgreSQL %s, this node %d", name,
					 peer_value(peer, 0, 0), PG_VERSION_NUM / 10000);
	role = peer_value(peer, 0, 2);
	if (peer_value(peer, 0, 3)[0] != 't')
		problems_add(problems,
					 "node \"%s\": role \"%s\" must not replicate; ALTER ROLE \"%s\" REPLICATION",
					 name, role, role);
	if (peer_value(peer, 0, 1) == NULL)
	{
		problems_add(
			problems,
			"node \"%s\": the extension is missing in database \"%s\"; CREATE EXTENSION quorate there",
			name, GetConfigOption("quorate.database", false, false));
		return false;
	}
	is_peer = peer_value(peer, 0, 4)[0] == 't';
	if (!is_peer)
		problems_add(
			problems,
			"node \"%s\": role \"%s\" does not belong to quorate_peer; GRANT quorate_peer TO \"%s\"",
			name, role, role);
	return is_peer;
}

static void
plan_check_node(ClusterPlan *plan, uint32_t index, ProblemList *problems)
{
	const char *parameters[] = {plan->list_text, plan->nodes[index].name,
								timestamptz_to_str(GetCurrentTimestamp())};
	char *problem;

	if (!plan_check_access(plan, index, problems))
		return;
	if (peer_query(plan->peers[index], "SELECT quorate._preflight($1, $2, $3)",
				   lengthof(parameters), parameters, &problem) != 1)
		problems_add(problems, "node \"%s\": %s", plan->nodes[index].name, problem);
	else if (peer_value(plan->peers[index], 0, 0) != NULL)
		problems_add(problems, "%s", peer_value(plan->peers[index], 0, 0));
}

/*
 * What tells an instance from all others, its copies included, and may be asked by any role; NULL if it cannot be
 * asked now.
 */
static char *
plan_instance_of(ClusterPlan *plan, uint32_t index)
{
	static const char *const sql =
		"SELECT system_identifier || ' ' || pg_catalog.pg_postmaster_start_time() "
		"FROM pg_catalog.pg_control_system()";
	char *problem;

	if (plan->peers[index] == NULL || peer_query(plan->peers[index], sql, 0, NULL, &problem) != 1)
		return NULL;
	return pstrdup(peer_value(plan->peers[index], 0, 0));
}

/* Two conninfos that lead to the same instance would make one disk count twice. */
static void
plan_check_distinct(ClusterPlan *plan, ProblemList *problems)
{
	char *instances[CORE_NODES_MAX] = {NULL};

	for (uint32_t i = 0; i < plan->count; i++)
	{
		instances[i] = plan_instance_of(plan, i);
		for (uint32_t j = 0; j < i && instances[i] != NULL; j++)
		{
			if (instances[j] != NULL && strcmp(instances[i], instances[j]) == 0)
				problems_add(problems, "nodes \"%s\" and \"%s\" are the same instance",
							 plan->nodes[j].name, plan->nodes[i].name);
		}
	}
}

static void
plan_preflight(ClusterPlan *plan, ProblemList *problems)
{
	plan_connect(plan, problems);
	for (uint32_t i = 0; i < plan->count; i++)
	{
		if (plan->peers[i] != NULL)
			plan_check_node(plan, i, problems);
	}
	plan_check_distinct(plan, problems);
	problems_check(problems);
}

/* ---------------------------------------------------------------- laying out */

static void
plan_choose_id(ClusterPlan *plan)
{
	uint8_t id[16];
	char *out = plan->cluster_id;

	if (!pg_strong_random(id, sizeof(id)))
		ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not make a random cluster id"));
	*out++ = '\\';
	*out++ = 'x';
	hex_encode((const char *) id, sizeof(id), out);
	out[2 * sizeof(id)] = '\0';
}

static bool
plan_bootstrap_node(ClusterPlan *plan, uint32_t index, char **problem)
{
	char *id = psprintf("%u", (unsigned) plan->nodes[index].node);
	const char *parameters[] = {plan->cluster_id, id, plan->list_text};

	return peer_query(plan->peers[index], "SELECT quorate._bootstrap_node($1, $2, $3)",
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
	plan_choose_id(plan);
	for (uint32_t i = 0; i < plan->count; i++)
	{
		char *problem;

		if (plan_bootstrap_node(plan, i, &problem))
			continue;
		plan_undo(plan, i);
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("could not set up node \"%s\"", plan->nodes[i].name),
				errdetail_internal("%s", problem),
				errhint("The nodes that had been set up before it were set back."));
	}
}

/* ---------------------------------------------------------------- the first metadata */

static void
plan_wait(void)
{
	CHECK_FOR_INTERRUPTS();
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, READY_POLL_MS,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

/* Waits until this node knows that it belongs to the cluster, then records the nodes. */
static void
plan_record_nodes(ClusterPlan *plan)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), READY_WAIT_MS);
	MetadataChange change;
	RouterCall call;

	metadata_build_nodes(plan->nodes, plan->count, &change);
	do
	{
		plan_wait();
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
	} while (GetCurrentTimestamp() < deadline);
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
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), READY_WAIT_MS);

	for (uint32_t i = 0; i < plan->count; i++)
	{
		char *problem;

		while (GetCurrentTimestamp() < deadline)
		{
			if (peer_query(plan->peers[i], "SELECT pg_catalog.count(*) FROM quorate.nodes", 0, NULL,
						   &problem) == 1 &&
				atoi(peer_value(plan->peers[i], 0, 0)) == (int) plan->count)
				break;
			plan_wait();
		}
	}
}

/*
 * quorate.create_cluster(nodes jsonb): 22023 for a list that is none, 55000 with everything that is wrong,
 * 25001 in a transaction block.
 */
Datum
quorate_create_cluster(PG_FUNCTION_ARGS)
{
	ClusterPlan *plan = palloc0(sizeof(ClusterPlan));
	ProblemList problems;

	shared_state_require();
	api_begin_change("create_cluster()");
	api_require_argument(fcinfo, 0, "nodes");
	problems_init(&problems);
	plan->list = PG_GETARG_JSONB_P(0);
	plan->list_text = JsonbToCString(NULL, &plan->list->root, VARSIZE(plan->list));
	plan->count = cluster_nodes_parse(plan->list, plan->nodes, &problems);
	plan_preflight(plan, &problems);
	plan_bootstrap(plan);
	plan_record_nodes(plan);
	plan_wait_for_nodes(plan);
	PG_RETURN_VOID();
}

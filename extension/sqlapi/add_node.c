/*
 * add_node.c
 *		add_node.
 *
 * Runs in a client backend of any node and works on the new node, and for the pre-flight on all of them, through
 * ordinary connections.  The order makes every end a safe one:
 *	- Nothing is changed before everything is right.
 *	- The node's id is taken by a conditional write to the metadata, as a node that is joining, before the new
 *	  instance learns it: so no two instances can ever bear one id.
 *	- The instance is laid out and runs, then the node becomes active, and whoever leads groups may give it replicas,
 *	  the metadata's first: it joins them by their leaders' JOIN.
 * If a step fails, or the statement is cancelled, the instance is set back and the id is given up, which is never used
 * again.  Should this very backend die in between, the node stays "joining", and remove_node takes it away.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "request/conninfo.h"
#include "shmem/node_list.h"
#include "sqlapi/api_call.h"
#include "sqlapi/cluster_plan.h"
#include "sqlapi/metadata_write.h"
#include "sqlapi/node_changes.h"

#define ZONES_ENOUGH 3 /* with so many zones, two nodes may be in one */
#define REACH_POLL_MS 50

PG_FUNCTION_INFO_V1(quorate_add_node);

/* ---------------------------------------------------------------- what the metadata alone can tell */

/*
 * Does the node share a zone although that would leave copies of a partition in one zone?  A problem, unless the
 * caller said that it may.
 */
static void
add_check_zone(const NodeInfo *added, NodeId except, bool allow_shared_zone, ProblemList *problems)
{
	uint32_t count;
	const NodeInfo *nodes = metadata_nodes(&count);
	const char *shared_with = NULL;
	uint32_t zones = 0;

	for (uint32_t i = 0; i < count; i++)
	{
		bool seen = false;

		if (nodes[i].node == except || nodes[i].state == NODE_LEAVING)
			continue;
		for (uint32_t j = 0; j < i; j++)
			seen |= strcmp(nodes[i].zone, nodes[j].zone) == 0;
		zones += seen ? 0 : 1;
		if (strcmp(nodes[i].zone, added->zone) == 0 && shared_with == NULL)
			shared_with = nodes[i].name;
	}
	if (shared_with == NULL)
		return;
	if (zones < ZONES_ENOUGH && !allow_shared_zone)
		problems_add_shared_zone(problems, shared_with, added->name, added->zone);
	else
		ereport(NOTICE,
				errmsg("node \"%s\" is in the same zone as node \"%s\"", added->name, shared_with),
				errdetail("No partition has two replicas there as long as other zones have room."));
}

/* Names, connection strings and ids must be its own; there must be room. */
static void
add_check_list(const NodeInfo *added, ProblemList *problems)
{
	uint32_t count;
	const NodeInfo *nodes = metadata_nodes(&count);
	char *reason;

	if (!conninfo_is_usable(added->conninfo, &reason))
		problems_add(problems, "node \"%s\": %s", added->name, reason);
	for (uint32_t i = 0; i < count; i++)
	{
		if (strcmp(nodes[i].name, added->name) == 0)
			problems_add(problems, "node name \"%s\" is used by a node that is %s", added->name,
						 metadata_standing_name(nodes[i].state));
		if (strcmp(nodes[i].conninfo, added->conninfo) == 0)
			problems_add(problems, "nodes \"%s\" and \"%s\" have the same conninfo", nodes[i].name,
						 added->name);
	}
	if (count >= CORE_MEMBERS_MAX)
		problems_add(problems, "the cluster has %u nodes; more than %d cannot keep its metadata",
					 count, CORE_MEMBERS_MAX);
	if (metadata_next_node_id() > CORE_NODES_MAX)
		problems_add(problems, "all %d ids of nodes have been used: none is used twice",
					 CORE_NODES_MAX);
}

/* The nodes that must be reached, and behind them the new one. */
static void
add_plan_nodes(ClusterPlan *plan, const NodeInfo *added, NodeId except)
{
	uint32_t count;
	const NodeInfo *nodes = metadata_nodes(&count);

	for (uint32_t i = 0; i < count; i++)
	{
		if (nodes[i].node != except &&
			(nodes[i].state == NODE_ACTIVE || nodes[i].state == NODE_DRAINING))
			plan->nodes[plan->count++] = nodes[i];
	}
	plan->joining = metadata_next_node_id();
	plan->nodes[plan->count] = *added;
	plan->nodes[plan->count].node = plan->joining;
	plan->count++;
}

static void
add_preflight(ClusterPlan *plan, const NodeInfo *added, NodeId except, bool allow_shared_zone)
{
	ProblemList problems;

	problems_init(&problems);
	add_check_list(added, &problems);
	add_check_zone(added, except, allow_shared_zone, &problems);
	if (metadata_next_node_id() <= CORE_NODES_MAX && problems.count == 0)
	{
		add_plan_nodes(plan, added, except);
		plan->cluster_version = metadata_cluster_version();
		plan_preflight(plan, &problems);
	}
	problems_check(&problems, "add the node");
}

/* ---------------------------------------------------------------- doing it */

typedef struct Addition
{
	NodeInfo node;
	NodeId except;
} Addition;

static bool
build_addition(void *context, MetadataChange *change)
{
	Addition *addition = context;
	ProblemList problems;

	problems_init(&problems);
	add_check_list(&addition->node, &problems);
	problems_check(&problems, "add the node");
	addition->node.node = metadata_next_node_id();
	metadata_build_add_node(&addition->node, change);
	return true;
}

/* Takes an id for the node; it is joining from then on. */
static NodeInfo
add_take_id(const NodeInfo *added, NodeId except)
{
	Addition addition = {.node = *added, .except = except};

	addition.node.state = NODE_JOINING;
	metadata_change(build_addition, &addition, "take an id for the node");
	return addition.node;
}

/* The list of all nodes as a bytea literal, with the LSN of the metadata that it shows. */
static char *
add_packed_list(void)
{
	NodeList *list = palloc0(sizeof(NodeList));
	const NodeInfo *nodes = metadata_nodes(&list->count);
	StringInfoData packed;
	StringInfoData literal;

	memcpy(list->nodes, nodes, list->count * sizeof(NodeInfo));
	list->removed_nodes = metadata_removed_nodes();
	list->cluster_version = metadata_cluster_version();
	list->lsn = metadata_lsn();
	initStringInfo(&packed);
	node_list_pack(list, &packed);

	initStringInfo(&literal);
	appendStringInfoString(&literal, "\\x");
	enlargeStringInfo(&literal, 2 * packed.len);
	literal.len += (int) hex_encode(packed.data, packed.len, literal.data + literal.len);
	literal.data[literal.len] = '\0';
	return literal.data;
}

/* Waits until the new node runs. */
static void
add_wait_running(PeerConnection *peer, const NodeInfo *node)
{
	TimeUs deadline_us = shared_now_us() + READY_WAIT_MS * INT64CONST(1000);
	char *problem = "it does not run";

	do
	{
		if (peer_query(peer, "SELECT state FROM quorate._node_status()", 0, NULL, &problem) == 1 &&
			strcmp(peer_value(peer, 0, 0), "running") == 0)
			return;
		wait_a_little(READY_POLL_MS);
	} while (shared_now_us() < deadline_us);
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("node \"%s\" was set up, but does not run", node->name),
			errdetail_internal("%s", problem));
}

/* Lays the new node out and makes it active. */
static void
add_lay_out(PeerConnection *peer, const NodeInfo *node)
{
	const char *parameters[] = {cluster_id_literal(quorate_shared->cluster_id),
								psprintf("%u", node->node), add_packed_list()};
	char *problem;

	if (peer_query(peer, "SELECT quorate._join_node($1, $2, $3)", lengthof(parameters), parameters,
				   &problem) < 0)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("could not set up node \"%s\"", node->name),
				errdetail_internal("%s", problem));
	add_wait_running(peer, node);
	node_set_standing(node->node, node->name, STANDING(NODE_JOINING), NODE_ACTIVE);
}

/* Sets the instance back, if it has been laid out as this node, and gives the id up. */
static void
add_undo(const NodeInfo *node)
{
	char *problem = NULL;
	PeerConnection *peer = node_connect(node, &problem);

	if (peer != NULL &&
		peer_query(peer, "SELECT quorate._unbootstrap_node()", 0, NULL, &problem) < 0)
		ereport(WARNING, errmsg("could not set node \"%s\" back: %s", node->name, problem),
				errhint("Call quorate.drop_cluster(force => true) there."));
	if (peer != NULL)
		peer_disconnect(peer);
	node_record_removed(node->node);
}

/*
 * The part that is undone if it fails.  A subtransaction, so that what was under way when the error came is cleaned up
 * before anything else is tried.
 */
static void
add_lay_out_or_undo(PeerConnection *peer, const NodeInfo *node)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		add_lay_out(peer, node);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		add_undo(node);
		ReThrowError(error);
	}
	PG_END_TRY();
}

/* Waits until the new node's own metadata shows it as active. */
static void
add_wait_metadata(PeerConnection *peer, const NodeInfo *node)
{
	static const char *const sql = "SELECT FROM quorate._nodes() n, quorate._node_status() s "
								   "WHERE n.node_id = s.node_id AND n.standing = 'active'";
	TimeUs deadline_us = shared_now_us() + 2 * READY_WAIT_MS * INT64CONST(1000);
	char *problem;

	do
	{
		if (peer_query(peer, sql, 0, NULL, &problem) == 1)
			return;
		wait_a_little(REACH_POLL_MS);
	} while (shared_now_us() < deadline_us);
	ereport(WARNING,
			errmsg("node \"%s\" was added, but the cluster's metadata has not reached it yet",
				   node->name),
			errhint("The view quorate.nodes there shows when it has."));
}

void
node_add(const NodeInfo *added, NodeId except, bool wait, bool allow_shared_zone)
{
	ClusterPlan *plan = palloc0(sizeof(ClusterPlan));
	PeerConnection *peer;
	NodeInfo node;

	add_preflight(plan, added, except, allow_shared_zone);
	peer = plan->peers[plan->count - 1];
	node = add_take_id(added, except);
	add_lay_out_or_undo(peer, &node);
	if (wait)
		add_wait_metadata(peer, &node);
	for (uint32_t i = 0; i < plan->count; i++)
		peer_disconnect(plan->peers[i]);
}

/* ---------------------------------------------------------------- arguments */

static void
add_take_text(FunctionCallInfo fcinfo, int argument, const char *what, char *out, Size size)
{
	char *given;

	api_require_argument(fcinfo, argument, what);
	given = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	if (given[0] == '\0' || strlen(given) >= size)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s of a node must have 1 to %zu bytes", what, size - 1));
	strlcpy(out, given, size);
}

void
node_take_arguments(FunctionCallInfo fcinfo, int first, NodeInfo *node)
{
	memset(node, 0, sizeof(*node));
	add_take_text(fcinfo, first, "name", node->name, sizeof(node->name));
	add_take_text(fcinfo, first + 1, "zone", node->zone, sizeof(node->zone));
	add_take_text(fcinfo, first + 2, "conninfo", node->conninfo, sizeof(node->conninfo));
}

/*
 * quorate.add_node(name text, zone text, conninfo text, wait boolean, allow_shared_zone boolean): 22023 for illegal
 * names, 55000 with everything that is wrong, 25001 in a transaction block.
 */
Datum
quorate_add_node(PG_FUNCTION_ARGS)
{
	NodeInfo node;

	node_take_arguments(fcinfo, 0, &node);
	api_begin_write("add_node()");
	node_add(&node, 0, api_flag_argument(fcinfo, 3, true), api_flag_argument(fcinfo, 4, false));
	PG_RETURN_VOID();
}

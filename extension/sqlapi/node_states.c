/*
 * node_states.c
 *		What the metadata wants of a node: drain_node, resume_node, and the steps that other functions share; the
 *		switches of the whole cluster: set_autoadmin.
 *
 * Run by client backends.  All of it is conditional writes to the metadata; whoever leads groups, and the metadata
 * itself, acts on them (worker/autoadmin*.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "sqlapi/api_call.h"
#include "sqlapi/cluster_plan.h"
#include "sqlapi/metadata_write.h"
#include "sqlapi/node_changes.h"

#define DRAIN_POLL_MS 100

PG_FUNCTION_INFO_V1(quorate_drain_node);
PG_FUNCTION_INFO_V1(quorate_resume_node);
PG_FUNCTION_INFO_V1(quorate_set_autoadmin);
PG_FUNCTION_INFO_V1(quorate_autoadmin);

/* ---------------------------------------------------------------- steps */

static void
node_missing(const char *name)
{
	ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("node \"%s\" does not exist", name));
}

NodeInfo
node_require(const char *name)
{
	const NodeInfo *node = metadata_node_by_name(name);

	if (node == NULL)
		node_missing(name);
	return *node;
}

typedef struct StandingChange
{
	NodeId id;
	const char *name;
	uint32_t from; /* a set of standings */
	NodeStanding to;
} StandingChange;

static bool
build_standing(void *context, MetadataChange *change)
{
	const StandingChange *wanted = context;
	const NodeInfo *node = metadata_node_by_id(wanted->id);
	NodeInfo changed;

	if (node == NULL)
		node_missing(wanted->name);
	if (node->state == wanted->to)
		return false;
	if (!(wanted->from & STANDING(node->state)))
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("node \"%s\" is %s", wanted->name, metadata_standing_name(node->state)));
	changed = *node;
	changed.state = wanted->to;
	metadata_build_set_node(&changed, change);
	return true;
}

void
node_set_standing(NodeId id, const char *name, uint32_t from, NodeStanding to)
{
	StandingChange wanted = {.id = id, .name = name, .from = from, .to = to};

	metadata_change(build_standing, &wanted, "change the state of the node");
}

static bool
build_removal(void *context, MetadataChange *change)
{
	const NodeInfo *node = metadata_node_by_id(*(const NodeId *) context);

	if (node != NULL)
		metadata_build_remove_node(node, change);
	return node != NULL;
}

void
node_record_removed(NodeId id)
{
	metadata_change(build_removal, &id, "remove the node");
}

PeerConnection *
node_connect(const NodeInfo *node, char **problem)
{
	static const char *const sql =
		"SELECT cluster_id = $1::pg_catalog.bytea AND node_id = $2::pg_catalog.int4 "
		"FROM quorate._node_status()";
	const char *parameters[] = {cluster_id_literal(quorate_shared->cluster_id),
								psprintf("%u", node->node)};
	PeerConnection *peer = peer_connect(node->conninfo, false, problem);
	const char *same;

	if (peer == NULL)
		return NULL;
	if (peer_query(peer, sql, lengthof(parameters), parameters, problem) == 1)
	{
		same = peer_value(peer, 0, 0);
		if (same != NULL && same[0] == 't')
			return peer;
		*problem = "another instance answers, or it belongs to no cluster any more";
	}
	peer_disconnect(peer);
	return NULL;
}

/* ---------------------------------------------------------------- drain_node, resume_node */

/* Groups that the node leads and that another replica could lead; -1, with *problem set, if it cannot be asked. */
static int
drain_groups_left(PeerConnection *peer, char **problem)
{
	static const char *const sql =
		"SELECT pg_catalog.count(*) FROM quorate._group_status() "
		"WHERE role IN ('leader', 'handing over') AND pg_catalog.cardinality("
		"pg_catalog.array_positions(member_kinds, 'storage'::pg_catalog.text)) > 1";

	return peer_query(peer, sql, 0, NULL, problem) == 1 ? atoi(peer_value(peer, 0, 0)) : -1;
}

/* Waits until the node leads nothing; false, with a warning, if it does not answer. */
static void
drain_wait(const NodeInfo *node)
{
	char *problem = NULL;
	PeerConnection *peer = node_connect(node, &problem);
	int left = peer == NULL ? -1 : drain_groups_left(peer, &problem);

	while (left > 0)
	{
		if (metadata_node_by_id(node->node) == NULL ||
			metadata_node_by_id(node->node)->state != NODE_DRAINING)
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("node \"%s\" is no longer draining", node->name));
		wait_a_little(DRAIN_POLL_MS);
		left = drain_groups_left(peer, &problem);
	}
	if (left < 0)
		ereport(WARNING, errmsg("node \"%s\" was not asked what it leads: %s", node->name, problem),
				errdetail("It is draining all the same."));
	if (peer != NULL)
		peer_disconnect(peer);
}

static void
drain_check_others(const NodeInfo *drained)
{
	uint32_t count;
	const NodeInfo *nodes = metadata_nodes(&count);

	for (uint32_t i = 0; i < count; i++)
	{
		if (nodes[i].node != drained->node && nodes[i].state == NODE_ACTIVE)
			return;
	}
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("cannot drain node \"%s\": no other node is active", drained->name));
}

/*
 * quorate.drain_node(name text): 42704 if there is none, 55000 if nobody else could lead or the node is joining or
 * leaving.  May be cancelled and called again.
 */
Datum
quorate_drain_node(PG_FUNCTION_ARGS)
{
	NodeInfo node;

	api_require_argument(fcinfo, 0, "name");
	api_begin_write("drain_node()");
	node = node_require(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	drain_check_others(&node);
	node_set_standing(node.node, node.name, STANDING(NODE_ACTIVE), NODE_DRAINING);
	drain_wait(&node);
	PG_RETURN_VOID();
}

/* quorate.resume_node(name text): 42704 if there is none, 55000 if it is joining. */
Datum
quorate_resume_node(PG_FUNCTION_ARGS)
{
	NodeInfo node;

	api_require_argument(fcinfo, 0, "name");
	api_begin_write("resume_node()");
	node = node_require(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	node_set_standing(node.node, node.name, STANDING(NODE_DRAINING) | STANDING(NODE_LEAVING),
					  NODE_ACTIVE);
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- switches */

/* The context is the call of set_autoadmin(). */
static bool
build_switches(void *context, MetadataChange *change)
{
	FunctionCallInfo fcinfo = context;
	MetadataSettings settings = metadata_settings();

	settings.healing = PG_ARGISNULL(0) ? settings.healing : PG_GETARG_BOOL(0);
	settings.balancing = PG_ARGISNULL(1) ? settings.balancing : PG_GETARG_BOOL(1);
	metadata_build_settings(&settings, change);
	return true;
}

/* quorate.set_autoadmin(healing boolean, balancing boolean): null leaves a switch as it is. */
Datum
quorate_set_autoadmin(PG_FUNCTION_ARGS)
{
	api_begin_write("set_autoadmin()");
	metadata_change(build_switches, fcinfo, "set the switches");
	PG_RETURN_VOID();
}

/* quorate._autoadmin(): healing, balancing as this node knows them; nulls while it does not have the metadata. */
Datum
quorate_autoadmin(PG_FUNCTION_ARGS)
{
	TupleDesc descriptor;
	MetadataSettings settings;
	Datum values[2];
	bool nulls[2] = {true, true};

	api_require_cluster();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (metadata_is_available())
	{
		settings = metadata_settings();
		values[0] = BoolGetDatum(settings.healing);
		values[1] = BoolGetDatum(settings.balancing);
		nulls[0] = nulls[1] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

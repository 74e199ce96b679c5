/*
 * preflight.c
 *		What must be right on every node before a cluster is made or gets another node.
 *
 * quorate._preflight runs on each node (create_cluster and add_node call it there) and returns everything that is
 * wrong with that node, each with what to set; they collect the lists of all nodes, and look themselves at what must
 * be right before this function can be called (the extension, the role).  Nothing is changed.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "catalog/item_relation.h"
#include "request/conninfo.h"
#include "settings.h"
#include "sqlapi/cluster_nodes.h"
#include "sqlapi/peer_connection.h"

#define WORKERS_NEEDED 6 /* launcher, replicator, applier, forwarder, copier, autoadmin */
#define CLOCK_DIFFERENCE_MAX_US (5 * USECS_PER_SEC)

PG_FUNCTION_INFO_V1(quorate_preflight);

static int
setting_as_int(const char *name)
{
	return atoi(GetConfigOption(name, false, false));
}

static bool
setting_is(const char *name, const char *value)
{
	return strcmp(GetConfigOption(name, false, false), value) == 0;
}

/* Streams that a node's peers open to it. */
static int
preflight_streams(uint32_t node_count)
{
	return (int) (node_count - 1) * (quorate_request_streams + 2);
}

static void
preflight_settings(const char *node, uint32_t node_count, NodeId greatest_id, ProblemList *problems)
{
	int streams = preflight_streams(node_count);

	if (setting_is("wal_level", "minimal"))
		problems_add(problems, "node \"%s\": wal_level is \"minimal\"; set wal_level = replica",
					 node);
	if (setting_as_int("max_wal_senders") < streams)
		problems_add(problems, "node \"%s\": max_wal_senders is %d; set it to at least %d", node,
					 setting_as_int("max_wal_senders"), streams + 2);
	if (setting_as_int("max_worker_processes") < WORKERS_NEEDED + 1)
		problems_add(problems, "node \"%s\": max_worker_processes is %d; set it to at least %d",
					 node, setting_as_int("max_worker_processes"), WORKERS_NEEDED + 4);
	if (quorate_max_nodes < (int) greatest_id)
		problems_add(problems, "node \"%s\": quorate.max_nodes is %d; set it to at least %u", node,
					 quorate_max_nodes, greatest_id);
	if (GetDatabaseEncoding() != PG_UTF8)
		problems_add(problems, "node \"%s\": the database's encoding is %s; use a database in UTF8",
					 node, GetDatabaseEncodingName());
}

/* What the cluster's nodes write must be understood here. */
static void
preflight_version(const char *node, ClusterVersion version, ProblemList *problems)
{
	if (!version_is_read(version_range_own(), version))
		problems_add(
			problems,
			"node \"%s\": release %s of quorate there reads versions %d to %d of a cluster, but this one has version %u",
			node, QUORATE_RELEASE, VERSION_OLDEST, VERSION_NEWEST, version);
}

/*
 * Rows that were applied must survive a power loss, or log that they came from is truncated too early.  A
 * cluster of one node is for development, where fsync may be off on purpose.
 */
static void
preflight_durability(const char *node, uint32_t node_count, ProblemList *problems)
{
	if (node_count == 1)
		return;
	if (setting_is("fsync", "off"))
		problems_add(problems, "node \"%s\": fsync is off; set fsync = on", node);
	if (setting_is("full_page_writes", "off"))
		problems_add(problems, "node \"%s\": full_page_writes is off; set full_page_writes = on",
					 node);
}

/* Where an extension is installed and a node can be. */
static bool
preflight_place(const char *node, ProblemList *problems)
{
	char *database = get_database_name(MyDatabaseId);

	if (RecoveryInProgress())
		problems_add(problems, "node \"%s\" is a hot standby; promote it or use another instance",
					 node);
	if (quorate_shared == NULL)
	{
		problems_add(
			problems,
			"node \"%s\": quorate is not preloaded; add it to shared_preload_libraries and restart",
			node);
		return false;
	}
	if (strcmp(database, GetConfigOption("quorate.database", false, false)) != 0)
		problems_add(problems,
					 "node \"%s\": quorate.database is \"%s\", but this is database \"%s\"", node,
					 GetConfigOption("quorate.database", false, false), database);
	return true;
}

/* A node that is to be laid out must belong to nothing, and hold nothing. */
static void
preflight_new_state(const char *node, ProblemList *problems)
{
	if (pg_atomic_read_u32(&quorate_shared->node_state) == NODE_RUNNING)
		problems_add(
			problems,
			"node \"%s\" belongs to a cluster already; call quorate.drop_cluster() there first",
			node);
	else if (pg_atomic_read_u32(&quorate_shared->node_state) == NODE_REFUSED)
		problems_add(problems, "node \"%s\": %s", node, quorate_shared->state_reason);
	else if (item_relations_left())
		problems_add(
			problems,
			"node \"%s\" holds items of a former cluster; DROP EXTENSION quorate there and create it again",
			node);
}

/* A node of the cluster that gets another one must take part. */
static void
preflight_member_state(const char *node, ProblemList *problems)
{
	if (pg_atomic_read_u32(&quorate_shared->node_state) != NODE_RUNNING)
		problems_add(problems, "node \"%s\" does not run as a member of the cluster: %s", node,
					 quorate_shared->state_reason);
}

/* Tries to reach the other nodes, from number `first` on, in the way in which the streams will. */
static void
preflight_reach(const char *node, const NodeInfo *nodes, uint32_t first, uint32_t count,
				ProblemList *problems)
{
	for (uint32_t i = first; i < count; i++)
	{
		char *problem;
		PeerConnection *peer;

		if (strcmp(nodes[i].name, node) == 0 || !conninfo_is_usable(nodes[i].conninfo, &problem))
			continue;
		peer = peer_connect(nodes[i].conninfo, true, &problem);
		if (peer == NULL)
			problems_add(problems, "node \"%s\" cannot reach node \"%s\": %s", node, nodes[i].name,
						 problem);
		else
			peer_disconnect(peer);
	}
}

static void
preflight_clock(const char *node, TimestampTz asked_at, ProblemList *problems)
{
	int64 difference = GetCurrentTimestamp() - asked_at;

	if (difference > CLOCK_DIFFERENCE_MAX_US || difference < -CLOCK_DIFFERENCE_MAX_US)
		problems_add(problems, "node \"%s\": its clock differs by %.1f s; synchronise the clocks",
					 node, (double) difference / USECS_PER_SEC);
}

/*
 * quorate._preflight(nodes jsonb, node_name text, asked_at timestamptz, joining int, cluster_version int)
 * returns text: what is wrong
 * with this node, one problem a line; null if nothing.  asked_at is the asking node's clock.  joining: the id that the
 * last of the nodes gets, which joins the cluster of the others; 0 if all of them make a new one.
 */
Datum
quorate_preflight(PG_FUNCTION_ARGS)
{
	NodeInfo *nodes = palloc0(CORE_NODES_MAX * sizeof(NodeInfo));
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	NodeId joining = (NodeId) PG_GETARG_INT32(3);
	ProblemList unused;
	ProblemList problems;
	uint32_t count;
	bool is_new;

	problems_init(&unused);
	problems_init(&problems);
	count = cluster_nodes_parse(PG_GETARG_JSONB_P(0), nodes, &unused);
	is_new = joining == 0 || (count > 0 && strcmp(nodes[count - 1].name, name) == 0);
	preflight_clock(name, PG_GETARG_TIMESTAMPTZ(2), &problems);
	preflight_settings(name, count, joining == 0 ? (NodeId) count : joining, &problems);
	preflight_durability(name, count, &problems);
	preflight_version(name, (ClusterVersion) PG_GETARG_INT32(4), &problems);
	if (preflight_place(name, &problems) && is_new)
		preflight_new_state(name, &problems);
	else if (quorate_shared != NULL && !is_new)
		preflight_member_state(name, &problems);
	preflight_reach(name, nodes, is_new ? 0 : count - 1, count, &problems);
	if (problems.count == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problems.text.data));
}

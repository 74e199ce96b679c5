/*
 * cluster_plan.c
 *		Looking at all nodes before anything is changed; see cluster_plan.h.
 *
 * Runs in a client backend, which works on the nodes through ordinary connections.  Everything that is wrong is
 * listed at once.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "request/conninfo.h"
#include "sqlapi/cluster_plan.h"

char *
cluster_id_literal(const uint8_t id[16])
{
	char *literal = palloc(2 + 2 * 16 + 1);

	literal[0] = '\\';
	literal[1] = 'x';
	hex_encode((const char *) id, 16, literal + 2);
	literal[2 + 2 * 16] = '\0';
	return literal;
}

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
 * The nodes of a new cluster must have the same version of the extension; one that is being upgraded may get a node of
 * any release that reads its version.
 */
static void
plan_check_version(ClusterPlan *plan, const char *name, const char *version, ProblemList *problems)
{
	if (plan->joining != 0)
		return;
	if (plan->version == NULL)
		plan->version = pstrdup(version);
	else if (strcmp(plan->version, version) != 0)
		problems_add(
			problems,
			"node \"%s\" has version %s of the extension, others have %s; install the same", name,
			version, plan->version);
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
	plan_check_version(plan, name, peer_value(peer, 0, 1), problems);
	is_peer = peer_value(peer, 0, 4)[0] == 't';
	if (!is_peer)
		problems_add(
			problems,
			"node \"%s\": role \"%s\" does not belong to quorate_peer; GRANT quorate_peer TO \"%s\"",
			name, role, role);
	return is_peer;
}

/* A node that is not the joining one must be who the metadata says it is. */
static bool
plan_check_member(ClusterPlan *plan, uint32_t index, ProblemList *problems)
{
	static const char *const sql =
		"SELECT cluster_id = $1::pg_catalog.bytea AND node_id = $2::pg_catalog.int4 "
		"FROM quorate._node_status()";
	const NodeInfo *node = &plan->nodes[index];
	const char *parameters[] = {cluster_id_literal(quorate_shared->cluster_id),
								psprintf("%u", node->node)};
	const char *same;
	char *problem;

	if (plan->joining == 0 || node->node == plan->joining)
		return true;
	if (peer_query(plan->peers[index], sql, lengthof(parameters), parameters, &problem) != 1)
	{
		problems_add(problems, "node \"%s\": %s", node->name, problem);
		return false;
	}
	same = peer_value(plan->peers[index], 0, 0);
	if (same != NULL && same[0] == 't')
		return true;
	problems_add(problems, "node \"%s\" is not reached by its conninfo: another instance answers",
				 node->name);
	return false;
}

static void
plan_check_node(ClusterPlan *plan, uint32_t index, ProblemList *problems)
{
	const char *parameters[] = {
		plan->list_text, plan->nodes[index].name, timestamptz_to_str(GetCurrentTimestamp()),
		psprintf("%u", plan->joining), psprintf("%u", plan->cluster_version)};
	char *problem;

	if (!plan_check_access(plan, index, problems) || !plan_check_member(plan, index, problems))
		return;
	if (peer_query(plan->peers[index], "SELECT quorate._preflight($1, $2, $3, $4, $5)",
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

/* The nodes as create_cluster takes them. */
static char *
plan_list_text(const ClusterPlan *plan)
{
	StringInfoData text;

	initStringInfo(&text);
	for (uint32_t i = 0; i < plan->count; i++)
	{
		appendStringInfoString(&text, i == 0 ? "[{\"name\": " : ", {\"name\": ");
		escape_json(&text, plan->nodes[i].name);
		appendStringInfoString(&text, ", \"zone\": ");
		escape_json(&text, plan->nodes[i].zone);
		appendStringInfoString(&text, ", \"conninfo\": ");
		escape_json(&text, plan->nodes[i].conninfo);
		appendStringInfoChar(&text, '}');
	}
	appendStringInfoChar(&text, ']');
	return text.data;
}

void
plan_preflight(ClusterPlan *plan, ProblemList *problems)
{
	plan->list_text = plan_list_text(plan);
	plan_connect(plan, problems);
	for (uint32_t i = 0; i < plan->count; i++)
	{
		if (plan->peers[i] != NULL)
			plan_check_node(plan, i, problems);
	}
	plan_check_distinct(plan, problems);
}

/*
 * cluster_nodes.c
 *		The nodes that create_cluster was given; see cluster_nodes.h.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "sqlapi/cluster_nodes.h"
#include "request/conninfo.h"

void
problems_init(ProblemList *problems)
{
	problems->count = 0;
	initStringInfo(&problems->text);
}

void
problems_add(ProblemList *problems, const char *format, ...)
{
	va_list args;
	int needed;

	if (problems->count++ > 0)
		appendStringInfoChar(&problems->text, '\n');
	for (;;)
	{
		va_start(args, format);
		needed = appendStringInfoVA(&problems->text, format, args);
		va_end(args);
		if (needed == 0)
			return;
		enlargeStringInfo(&problems->text, needed);
	}
}

void
problems_check(const ProblemList *problems, const char *what)
{
	if (problems->count == 0)
		return;
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("cannot %s: %u %s found", what, problems->count,
				   problems->count == 1 ? "problem" : "problems"),
			errdetail_internal("%s", problems->text.data),
			errhint("Nothing has been changed.  Mend all of these, then try again."));
}

static void
nodes_invalid(void)
{
	ereport(
		ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		errmsg("nodes must be a JSON array of objects with name, zone and conninfo"),
		errhint(
			"For example: [{\"name\": \"north\", \"zone\": \"az1\", \"conninfo\": \"hostaddr=10.0.0.1 port=5432 user=quorate\"}]"));
}

/* A required string member of one node's object. */
static void
node_take_string(JsonbContainer *object, const char *key, char *out, Size size)
{
	JsonbValue value;

	if (getKeyJsonValueFromContainer(object, key, (int) strlen(key), &value) == NULL ||
		value.type != jbvString || value.val.string.len == 0)
		nodes_invalid();
	if ((Size) value.val.string.len >= size)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s of a node must be shorter than %zu bytes", key, size));
	memcpy(out, value.val.string.val, value.val.string.len);
	out[value.val.string.len] = '\0';
}

static void
node_parse(JsonbContainer *object, NodeId id, NodeInfo *node)
{
	if (!JsonContainerIsObject(object) || JsonContainerSize(object) != 3)
		nodes_invalid();
	memset(node, 0, sizeof(*node));
	node->node = id;
	node->state = NODE_ACTIVE;
	node_take_string(object, "name", node->name, sizeof(node->name));
	node_take_string(object, "zone", node->zone, sizeof(node->zone));
	node_take_string(object, "conninfo", node->conninfo, sizeof(node->conninfo));
}

/* Names must differ, and every conninfo must be usable by a process that cannot wait for DNS. */
static void
nodes_check(const NodeInfo *nodes, uint32_t count, ProblemList *problems)
{
	for (uint32_t i = 0; i < count; i++)
	{
		char *reason;

		if (!conninfo_is_usable(nodes[i].conninfo, &reason))
			problems_add(problems, "node \"%s\": %s", nodes[i].name, reason);
		for (uint32_t j = 0; j < i; j++)
		{
			if (strcmp(nodes[i].name, nodes[j].name) == 0)
				problems_add(problems, "node name \"%s\" is used twice", nodes[i].name);
			if (strcmp(nodes[i].conninfo, nodes[j].conninfo) == 0)
				problems_add(problems, "nodes \"%s\" and \"%s\" have the same conninfo",
							 nodes[j].name, nodes[i].name);
		}
	}
}

void
problems_add_shared_zone(ProblemList *problems, const char *name, const char *other_name,
						 const char *zone)
{
	problems_add(
		problems,
		"nodes \"%s\" and \"%s\" are in the same zone \"%s\"; allow_shared_zone => true accepts that",
		name, other_name, zone);
}

void
cluster_nodes_check_zones(const NodeInfo *nodes, uint32_t count, ProblemList *problems)
{
	for (uint32_t i = 0; i < count; i++)
	{
		for (uint32_t j = 0; j < i; j++)
		{
			if (strcmp(nodes[i].zone, nodes[j].zone) == 0)
				problems_add_shared_zone(problems, nodes[j].name, nodes[i].name, nodes[i].zone);
		}
	}
}

uint32_t
cluster_nodes_count(Jsonb *list)
{
	if (!JB_ROOT_IS_ARRAY(list) || JB_ROOT_IS_SCALAR(list))
		nodes_invalid();
	return JB_ROOT_COUNT(list);
}

uint32_t
cluster_nodes_parse(Jsonb *list, NodeInfo *nodes, ProblemList *problems)
{
	uint32_t count = cluster_nodes_count(list);

	if (count > CORE_NODES_MAX)
		nodes_invalid();
	for (uint32_t i = 0; i < count; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(&list->root, i);

		if (element->type != jbvBinary)
			nodes_invalid();
		node_parse(element->val.binary.data, (NodeId) (i + 1), &nodes[i]);
	}
	nodes_check(nodes, count, problems);
	return count;
}

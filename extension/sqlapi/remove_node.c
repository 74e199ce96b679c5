/*
 * remove_node.c
 *		remove_node, and replace_node, which is add_node and remove_node.
 *
 * Runs in a client backend of a node that stays.  It marks the node as leaving; whoever leads the metadata then wants
 * its replicas elsewhere, and the leaders of the groups follow (worker/autoadmin*.c).  When no partition wants the node
 * and no group has it as a member any more, but the metadata's as a learner, its item gives way to a tombstone, from
 * which all nodes learn to refuse it and the metadata's group to let it go, and the instance, if it lives, is taken out
 * of the cluster.
 *
 * The state is in the metadata, so a call that was cancelled is resumed by the next one.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "core/membership.h"
#include "sqlapi/api_call.h"
#include "sqlapi/metadata_write.h"
#include "sqlapi/node_changes.h"

#define REMOVE_POLL_MS 200
#define RECONNECT_ROUNDS \
	25 /* a node that could not be reached is tried again after so many polls */

PG_FUNCTION_INFO_V1(quorate_remove_node);
PG_FUNCTION_INFO_V1(quorate_replace_node);

/* ---------------------------------------------------------------- may it go? */

/* Nodes that can hold replicas, without one. */
static uint32_t
nodes_without(NodeId left_out)
{
	uint32_t count;
	const NodeInfo *nodes = metadata_nodes(&count);
	uint32_t able = 0;

	for (uint32_t i = 0; i < count; i++)
		able += nodes[i].node != left_out &&
				(nodes[i].state == NODE_ACTIVE || nodes[i].state == NODE_DRAINING);
	return able;
}

/* The most replicas that a partition has of those that want the node; 0 if none does. */
static uint32_t
copies_with(NodeId node)
{
	uint32_t count;
	const TableInfo *const *tables = metadata_tables(&count);
	uint32_t copies = 0;

	for (uint32_t i = 0; i < count; i++)
	{
		for (uint32_t j = 0; j < tables[i]->partition_count; j++)
		{
			const PartitionInfo *partition = &tables[i]->partitions[j];

			if (membership_find(&partition->membership, node) != MEMBER_NONE)
				copies = Max(copies, partition->membership.member_count);
		}
	}
	return copies;
}

static void
remove_check(const NodeInfo *node, bool force)
{
	uint32_t others = nodes_without(node->node);
	uint32_t copies = copies_with(node->node);

	if (others == 0)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("cannot remove node \"%s\": it is the last one", node->name),
				errhint("Call quorate.drop_cluster() to dissolve the cluster."));
	if (node->node == quorate_shared->self)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("node \"%s\" cannot remove itself", node->name),
				errhint("Call quorate.remove_node() on another node."));
	if (others < copies && !force)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("cannot remove node \"%s\": too few nodes would remain", node->name),
				errdetail("Partitions have up to %u replicas, and %u %s.", copies, others,
						  others == 1 ? "node would be left" : "nodes would be left"),
				errhint("Add a node first, or use quorate.replace_node(), or call "
						"quorate.remove_node(..., force => true) to go on with fewer replicas."));
}

/* ---------------------------------------------------------------- is it out? */

/* Connections to the nodes that stay, to ask what they lead. */
typedef struct RemoveWatch
{
	NodeInfo leaving;
	uint32_t count;
	NodeInfo nodes[CORE_NODES_MAX];
	PeerConnection *peers[CORE_NODES_MAX]; /* NULL if it cannot be reached now */
	HTAB *free_groups; /* GroupIds whose leaders say that the node is no member */
} RemoveWatch;

static void
watch_begin(RemoveWatch *watch, const NodeInfo *leaving)
{
	uint32_t count;
	const NodeInfo *nodes = metadata_nodes(&count);

	memset(watch, 0, sizeof(*watch));
	watch->leaving = *leaving;
	for (uint32_t i = 0; i < count; i++)
	{
		if (nodes[i].node != leaving->node && nodes[i].state != NODE_JOINING)
			watch->nodes[watch->count++] = nodes[i];
	}
}

static void
watch_connect(RemoveWatch *watch)
{
	char *problem;

	for (uint32_t i = 0; i < watch->count; i++)
	{
		if (watch->peers[i] == NULL)
			watch->peers[i] = node_connect(&watch->nodes[i], &problem);
	}
}

static void
watch_end(RemoveWatch *watch)
{
	for (uint32_t i = 0; i < watch->count; i++)
	{
		if (watch->peers[i] != NULL)
			peer_disconnect(watch->peers[i]);
	}
}

/*
 * Asks one node which of the groups that it leads do not have the leaving node as a member, for good.  It learns the
 * metadata to the end.
 */
static void
watch_ask(RemoveWatch *watch, uint32_t index)
{
	static const char *const sql =
		"SELECT group_id FROM quorate._group_status() WHERE role = 'leader' AND lease_remaining_ms > 0 "
		"AND generation = committed_generation AND NOT EXISTS (SELECT FROM "
		"ROWS FROM (pg_catalog.unnest(member_nodes), pg_catalog.unnest(member_kinds)) AS m (node, kind) "
		"WHERE m.node = $1::pg_catalog.int4 AND NOT (group_id = $2::pg_catalog.int8 AND m.kind = 'learner'))";
	const char *parameters[] = {psprintf("%u", watch->leaving.node),
								psprintf(UINT64_FORMAT, (uint64) GROUP_METADATA)};
	PeerConnection *peer = watch->peers[index];
	char *problem;
	int count = peer_query(peer, sql, lengthof(parameters), parameters, &problem);

	if (count < 0)
	{
		peer_disconnect(peer);
		watch->peers[index] = NULL;
	}
	for (int i = 0; i < count; i++)
	{
		GroupId group = strtou64(peer_value(peer, i, 0), NULL, 10);

		hash_search(watch->free_groups, &group, HASH_ENTER, NULL);
	}
}

static bool
group_is_free(const RemoveWatch *watch, GroupId group)
{
	return hash_search(watch->free_groups, &group, HASH_FIND, NULL) != NULL;
}

/* True if all groups were found to be free of the node. */
static bool
all_groups_are_free(const RemoveWatch *watch)
{
	uint32_t count;
	const TableInfo *const *tables = metadata_tables(&count);

	for (uint32_t i = 0; i < count; i++)
	{
		for (uint32_t j = 0; j < tables[i]->partition_count; j++)
		{
			if (!group_is_free(watch, tables[i]->partitions[j].group))
				return false;
		}
	}
	return group_is_free(watch, GROUP_METADATA);
}

/* True if no partition wants the node and none has it. */
static bool
watch_is_out(RemoveWatch *watch)
{
	HASHCTL control = {.keysize = sizeof(GroupId), .entrysize = sizeof(GroupId)};
	bool out;

	if (copies_with(watch->leaving.node) > 0)
		return false;
	control.hcxt = CurrentMemoryContext;
	watch->free_groups = hash_create("quorate groups without the node", 256, &control,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (uint32_t i = 0; i < watch->count; i++)
	{
		if (watch->peers[i] != NULL)
			watch_ask(watch, i);
	}
	out = all_groups_are_free(watch);
	hash_destroy(watch->free_groups);
	return out;
}

/* Somebody else may have resumed the node, or removed it, meanwhile; false in the latter case. */
static bool
still_leaving(const NodeInfo *leaving)
{
	const NodeInfo *node = metadata_node_by_id(leaving->node);

	if (node != NULL && node->state != NODE_LEAVING)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("node \"%s\" is no longer leaving: it was resumed", leaving->name));
	return node != NULL;
}

/* Waits until the node is out, for so long, or for ever if wait_ms is negative; false if it is not. */
static bool
wait_until_out(const NodeInfo *leaving, long wait_ms)
{
	TimeUs deadline_us = shared_now_us() + wait_ms * INT64CONST(1000);
	RemoveWatch *watch = palloc(sizeof(RemoveWatch));
	bool out = false;

	watch_begin(watch, leaving);
	for (uint32_t round = 0; !out; round++)
	{
		if (round % RECONNECT_ROUNDS == 0)
			watch_connect(watch);
		out = !still_leaving(leaving) || watch_is_out(watch);
		if (wait_ms >= 0 && shared_now_us() >= deadline_us)
			break;
		if (!out)
			wait_a_little(REMOVE_POLL_MS);
	}
	watch_end(watch);
	return out;
}

/* ---------------------------------------------------------------- doing it */

/* Takes the instance out of the cluster, if it answers. */
static void
release_instance(const NodeInfo *node)
{
	char *problem;
	PeerConnection *peer = node_connect(node, &problem);

	if (peer == NULL)
		ereport(NOTICE, errmsg("node \"%s\" was not reached: %s", node->name, problem),
				errdetail("Should it come back, it learns from its peers that it was removed."));
	else if (peer_query(peer, "SELECT quorate._leave_cluster()", 0, NULL, &problem) < 0)
		ereport(WARNING,
				errmsg("node \"%s\" was removed, but not set back: %s", node->name, problem),
				errhint("Call quorate.drop_cluster(force => true) there."));
	if (peer != NULL)
		peer_disconnect(peer);
}

void
node_remove(const char *name, bool force, long wait_ms)
{
	NodeInfo node = node_require(name);

	remove_check(&node, force || node.state == NODE_LEAVING);
	node_set_standing(node.node, node.name,
					  STANDING(NODE_ACTIVE) | STANDING(NODE_DRAINING) | STANDING(NODE_JOINING),
					  NODE_LEAVING);
	if (!wait_until_out(&node, wait_ms))
	{
		ereport(NOTICE, errmsg("node \"%s\" is leaving", node.name),
				errhint("Call quorate.remove_node() again to end it."));
		return;
	}
	node_record_removed(node.node);
	release_instance(&node);
}

/*
 * quorate.remove_node(name text, force boolean, wait boolean): 42704 if there is none, 55000 if it is the last one,
 * this one, or too few would remain.
 */
Datum
quorate_remove_node(PG_FUNCTION_ARGS)
{
	api_require_argument(fcinfo, 0, "name");
	api_begin_write("remove_node()");
	node_remove(text_to_cstring(PG_GETARG_TEXT_PP(0)), api_flag_argument(fcinfo, 1, false),
				api_flag_argument(fcinfo, 2, true) ? -1 : 0);
	PG_RETURN_VOID();
}

/*
 * quorate.replace_node(old_name text, name text, zone text, conninfo text, allow_shared_zone boolean): as add_node,
 * which need not reach the old node, and then remove_node.
 */
Datum
quorate_replace_node(PG_FUNCTION_ARGS)
{
	NodeInfo old;
	NodeInfo node;

	api_require_argument(fcinfo, 0, "old_name");
	node_take_arguments(fcinfo, 1, &node);
	api_begin_write("replace_node()");
	old = node_require(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (old.node == quorate_shared->self)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("node \"%s\" cannot replace itself", old.name),
				errhint("Call quorate.replace_node() on another node."));
	node_add(&node, old.node, true, api_flag_argument(fcinfo, 4, false));
	node_remove(old.name, false, -1);
	PG_RETURN_VOID();
}

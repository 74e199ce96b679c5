/*
 * table_functions.c
 *		create_table, drop_table, transfer_leader.
 *
 * Run by client backends.  Tables are made and dropped by a conditional write to the metadata; every node's
 * reconciler then makes the relation and the groups.  The functions wait until this node has learned of the
 * change, and create_table until every partition's leader serves.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "catalog/metadata_items.h"
#include "catalog/placement_nodes.h"
#include "core/membership.h"
#include "settings.h"
#include "request/sqlstate.h"
#include "sqlapi/api_call.h"
#include "sqlapi/metadata_write.h"
#include "sqlapi/table_partition.h"

#define SILENT_MS 2000 /* a node that was not heard for so long gets no replicas of new tables */

PG_FUNCTION_INFO_V1(quorate_create_table);
PG_FUNCTION_INFO_V1(quorate_drop_table);
PG_FUNCTION_INFO_V1(quorate_transfer_leader);

enum
{
	CREATE_PARTITION_KEY = 1,
	CREATE_PARTITION_KEY_TYPE,
	CREATE_SORT_KEY,
	CREATE_SORT_KEY_TYPE,
	CREATE_PARTITIONS
};

/* ---------------------------------------------------------------- waiting */

/* Waits until this node's replica of the metadata shows the table, or shows it no more. */
static bool
wait_until_learned(const char *name, uint32_t table_id, bool present)
{
	TimeUs deadline_us = wait_deadline_us();

	for (;;)
	{
		const TableInfo *table = metadata_table_by_name(name);

		if ((table != NULL && table->table_id == table_id) == present)
			return true;
		if (shared_now_us() >= deadline_us)
			return false;
		wait_a_little(LEARN_POLL_MS);
	}
}

/* ---------------------------------------------------------------- create_table: arguments */

static void
check_table_name(const char *name)
{
	Size length = strlen(name);

	if (length < TABLE_NAME_MIN || length > TABLE_NAME_MAX)
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("TableName must be at least 3 characters long and at most %d characters long",
				   TABLE_NAME_MAX));
	if (strspn(name, TABLE_NAME_CHARACTERS) != length)
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg(
				"1 validation error detected: Value '%s' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
				name));
}

/* Fills one key attribute from its two arguments; `what` names it for messages. */
static void
take_key_attribute(FunctionCallInfo fcinfo, int argument, const char *what, KeyAttribute *attribute)
{
	text *name = PG_GETARG_TEXT_PP(argument);
	char *type = PG_ARGISNULL(argument + 1) ? "S"
											: text_to_cstring(PG_GETARG_TEXT_PP(argument + 1));

	attribute->name = VARDATA_ANY(name);
	attribute->name_length = (uint32_t) VARSIZE_ANY_EXHDR(name);
	if (attribute->name_length < 1 || attribute->name_length > KEY_NAME_MAX)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("name of the %s must have 1 to %d bytes", what, KEY_NAME_MAX));
	if (!item_type_from_name(type, strlen(type), &attribute->type) ||
		!item_type_is_key(attribute->type))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("type of the %s must be S, N or B, not \"%s\"", what, type));
}

static void
take_table_spec(FunctionCallInfo fcinfo, TableSpec *spec)
{
	int32 partitions = PG_ARGISNULL(CREATE_PARTITIONS) ? 1 : PG_GETARG_INT32(CREATE_PARTITIONS);

	api_require_argument(fcinfo, 0, "table_name");
	api_require_argument(fcinfo, CREATE_PARTITION_KEY, "partition_key");
	spec->name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	check_table_name(spec->name);
	take_key_attribute(fcinfo, CREATE_PARTITION_KEY, "partition key", &spec->key_schema.partition);
	spec->key_schema.has_sort = !PG_ARGISNULL(CREATE_SORT_KEY);
	if (spec->key_schema.has_sort)
		take_key_attribute(fcinfo, CREATE_SORT_KEY, "sort key", &spec->key_schema.sort);
	else if (!PG_ARGISNULL(CREATE_SORT_KEY_TYPE))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("sort_key_type needs a sort_key"));
	if (spec->key_schema.has_sort &&
		spec->key_schema.sort.name_length == spec->key_schema.partition.name_length &&
		memcmp(spec->key_schema.sort.name, spec->key_schema.partition.name,
			   spec->key_schema.sort.name_length) == 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("partition key and sort key must be different attributes"));
	if (partitions < 1 || partitions > METADATA_PARTITIONS_MAX)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("partitions must be between 1 and %d", METADATA_PARTITIONS_MAX));
	spec->partition_count = (uint32_t) partitions;
}

/* ---------------------------------------------------------------- create_table: doing it */

/*
 * Chooses where the partitions go.  Nodes that are silent at the moment are passed over if there are enough others:
 * otherwise they get their replicas when they come back.
 */
static WantedReplicas *
place_partitions(uint32_t count)
{
	WantedReplicas *placement = palloc(count * sizeof(WantedReplicas));
	PlacementNodes all;
	PlacementNodes nodes;
	PlacementChoice choice;

	placement_nodes_load(&all);
	nodes = all;
	placement_nodes_exclude_silent(&nodes, SILENT_MS);
	placement_choose(nodes.nodes, nodes.count, NULL, 0, 0, PLACEMENT_COPIES, &choice);
	if (choice.count < PLACEMENT_COPIES)
		nodes = all;
	for (uint32_t i = 0; i < count; i++)
	{
		placement_choose(nodes.nodes, nodes.count, NULL, 0, 0, PLACEMENT_COPIES, &choice);
		if (choice.count == 0)
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("no node can take a replica"),
					errdetail(
						"All nodes are draining or leaving, or this one does not know them yet."));
		placement_count(nodes.nodes, nodes.count, &choice, 1);
		placement_to_wanted(&choice, &placement[i]);
	}
	return placement;
}

static void
refuse_existing(const char *name)
{
	if (metadata_table_by_name(name) != NULL)
		ereport(ERROR, errcode(ERRCODE_DUPLICATE_TABLE), errmsg("Table already exists: %s", name));
}

/*
 * Records the table; returns its id.  If the leader says that name or id is taken, this node's metadata is
 * behind: it waits for it to catch up and looks again.
 */
static uint32_t
record_table(const TableSpec *spec)
{
	WantedReplicas *placement = place_partitions(spec->partition_count);
	uint32_t table_id = 0;

	for (int i = 0; i < CHANGE_TRIES_MAX; i++)
	{
		MetadataChange change;

		refuse_existing(spec->name);
		table_id = Max(metadata_next_table_id(), table_id + (i > CHANGE_TRIES_MAX / 2));
		metadata_build_create_table(spec, table_id, placement, &change);
		if (metadata_write(&change) != 0)
			return table_id;
		wait_a_little(LEARN_POLL_MS);
	}
	ereport(ERROR, errcode(QUORATE_ERRCODE_UNAVAILABLE),
			errmsg("could not create table \"%s\": too many other tables are being created",
				   spec->name),
			errhint("Retry."));
}

/* Starts a probe of each group, a window of them at a time; returns how many did not answer in time. */
static uint32_t
probe_leaders(const GroupId *groups, uint32_t count)
{
	RouterCall *calls = palloc0(ROUTER_CALLS_MAX * sizeof(RouterCall));
	uint32_t failed = 0;

	for (uint32_t first = 0; first < count; first += ROUTER_CALLS_MAX)
	{
		uint32_t window = Min(count - first, ROUTER_CALLS_MAX);

		for (uint32_t i = 0; i < window; i++)
		{
			memset(&calls[i], 0, sizeof(RouterCall));
			calls[i].request.kind = REQUEST_PROBE;
			calls[i].request.group = groups[first + i];
			router_start(&calls[i]);
		}
		for (uint32_t i = 0; i < window; i++)
		{
			RouterCall *call = &calls[i];

			if (call->outcome == ROUTER_PENDING)
				router_wait_any(&call, 1);
			if (call->outcome != ROUTER_REPLIED)
				failed++;
		}
	}
	pfree(calls);
	return failed;
}

static void
wait_until_served(const char *name)
{
	const TableInfo *table = metadata_table_by_name(name);
	uint32_t count = table ? table->partition_count : 0;
	GroupId *groups = palloc((count + 1) * sizeof(GroupId));
	uint32_t failed;

	for (uint32_t i = 0; i < count; i++)
		groups[i] = table->partitions[i].group;
	failed = probe_leaders(groups, count);
	if (failed > 0)
		ereport(WARNING,
				errmsg("table \"%s\" was created, but %u of its %u partitions have no leader yet",
					   name, failed, count),
				errhint("The view quorate.partitions shows which."));
}

/*
 * quorate.create_table: 22023 for illegal names, types and numbers; 42P07 "Table already exists"; QR001
 * without a leader of the metadata.
 */
Datum
quorate_create_table(PG_FUNCTION_ARGS)
{
	TableSpec spec = {0};
	uint32_t table_id;

	take_table_spec(fcinfo, &spec);
	api_begin_write("create_table()");
	table_id = record_table(&spec);
	if (!wait_until_learned(spec.name, table_id, true))
		ereport(WARNING, errmsg("table \"%s\" was created, but this node has not learned of it yet",
								spec.name));
	else
		wait_until_served(spec.name);
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- drop_table */

/* quorate.drop_table: 42P01 if there is none. */
Datum
quorate_drop_table(PG_FUNCTION_ARGS)
{
	const TableInfo *table;
	MetadataChange change;
	uint32_t table_id;
	char *name;

	api_require_argument(fcinfo, 0, "table_name");
	api_begin_write("drop_table()");
	table = api_table(PG_GETARG_TEXT_PP(0));
	table_id = table->table_id;
	name = pstrdup(table->name);
	metadata_build_drop_table(table, &change);
	if (metadata_write(&change) == 0)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("Requested resource not found: Table: %s not found", name));
	wait_until_learned(name, table_id, false);
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- transfer_leader */

const PartitionInfo *
table_partition(const TableInfo *table, int32 number)
{
	if (number < 0 || (uint32_t) number >= table->partition_count)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("table \"%s\" has no partition %d", table->name, number),
				errdetail("Its partitions are numbered 0 to %u.", table->partition_count - 1));
	return &table->partitions[number];
}

static NodeId
transfer_find_target(const PartitionInfo *partition, const char *name)
{
	NodeInfo node;

	if (!shared_node_by_name(name, &node))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("node \"%s\" does not exist", name));
	if (membership_find(&partition->membership, node.node) == MEMBER_NONE)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("node \"%s\" has no replica of partition %u", name, partition->number));
	if (node.state != NODE_ACTIVE)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("node \"%s\" shall lead nothing: it is %s", name,
					   metadata_standing_name(node.state)),
				errhint("Call quorate.resume_node() first."));
	return node.node;
}

/*
 * Asks the leader to hand over, again and again until the target serves or time is up.  Who leads is asked each time:
 * a node without a replica of the group has nothing that tells it.
 */
static bool
transfer_until_done(GroupId group, NodeId target)
{
	TimeUs deadline_us = wait_deadline_us();

	while (shared_now_us() < deadline_us)
	{
		RouterCall probe = {.request = {.kind = REQUEST_PROBE, .group = group}};
		RouterCall call = {.request = {.kind = REQUEST_TRANSFER, .group = group, .target = target}};

		router_execute(&probe);
		router_check(&probe);
		if (probe.last_target == target)
			return true;
		router_execute(&call);
		router_check(&call);
		wait_a_little(1);
	}
	return false;
}

/*
 * Makes the target the preferred leader, lest autoadmin move the leadership back.  It is no error if that cannot be
 * recorded now.
 */
static void
transfer_prefer(const TableInfo *table, const PartitionInfo *partition, NodeId target)
{
	WantedReplicas *wanted = palloc0(sizeof(WantedReplicas));
	MetadataChange change;

	if (partition->first_leader == target)
		return;
	wanted->leader = target;
	wanted->count = partition->membership.member_count;
	for (uint32_t i = 0; i < wanted->count; i++)
	{
		wanted->replicas[i].node = partition->membership.members[i].node;
		wanted->replicas[i].kind = partition->membership.members[i].kind;
	}
	metadata_build_placement(table->table_id, partition, wanted, &change);
	if (metadata_write(&change) == 0)
		ereport(NOTICE,
				errmsg("the partition was being changed; the leadership may be moved back"));
}

/*
 * quorate.transfer_leader(table_name, partition, node): 42P01, 22023, 42704 for what does not exist; QR001 if
 * the node has not taken over within quorate.request_timeout.
 */
Datum
quorate_transfer_leader(PG_FUNCTION_ARGS)
{
	const TableInfo *table;
	const PartitionInfo *partition;
	GroupId group;
	char *node;
	NodeId target;

	api_require_argument(fcinfo, 0, "table_name");
	api_require_argument(fcinfo, 1, "partition");
	api_require_argument(fcinfo, 2, "node");
	api_begin_write("transfer_leader()");
	table = api_table(PG_GETARG_TEXT_PP(0));
	partition = table_partition(table, PG_GETARG_INT32(1));
	group = partition->group;
	node = text_to_cstring(PG_GETARG_TEXT_PP(2));
	target = transfer_find_target(partition, node);
	transfer_prefer(table, partition, target);
	if (!transfer_until_done(group, target))
		ereport(ERROR, errcode(QUORATE_ERRCODE_UNAVAILABLE),
				errmsg("node \"%s\" has not taken over in time", node),
				errhint("The view quorate.replicas shows whether its replica lags behind."));
	PG_RETURN_VOID();
}

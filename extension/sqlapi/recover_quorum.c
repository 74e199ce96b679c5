/*
 * recover_quorum.c
 *		recover_quorum and recover_metadata_quorum: going on with the replicas that are left when a quorum is lost for
 *		good (docs/decisions/0010-recover-quorum.md).
 *
 * Runs in a client backend of a node that is left.  It asks the other nodes that are left what they have, so that no
 * replica goes on while another one has more; the replicator then makes the replica here the only member of its group.
 * When all groups are recovered the lost nodes are removed, so that what comes back of them is refused.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/ballot.h"
#include "core/quorum.h"
#include "request/sqlstate.h"
#include "shmem/command.h"
#include "sqlapi/api_call.h"
#include "sqlapi/metadata_write.h"
#include "sqlapi/node_changes.h"
#include "sqlapi/table_partition.h"

#define COMMAND_TIMEOUT_MS (30 * 1000)
#define SERVE_TIMEOUT_US (60 * INT64CONST(1000) * 1000)
#define SERVE_POLL_MS 10
#define REMOVE_WAIT_MS (20 * 1000)
#define LIVES_US (2 * INT64CONST(1000) * 1000) /* a node that was heard so lately is not lost */

PG_FUNCTION_INFO_V1(quorate_recover_all);
PG_FUNCTION_INFO_V1(quorate_recover_partition);
PG_FUNCTION_INFO_V1(quorate_recover_metadata);

/* How much a replica elsewhere has of a group: by group, the best one with rows and the best one of all. */
typedef struct Survey
{
	GroupId group; /* hash key */
	NodeId with_rows;
	Ballot with_rows_ballot;
	Lsn with_rows_lsn;
	NodeId any;
	Ballot any_ballot;
	Lsn any_lsn;
} Survey;

/* One call. */
typedef struct Recovery
{
	uint64_t lost_nodes; /* node_id_bit */
	uint32_t lost_count;
	NodeInfo lost[CORE_NODES_MAX];
	HTAB *surveys;
	uint32_t group_count;
	GroupStatus *groups; /* of this node's replicas that are to go on alone, in order of id */
} Recovery;

/* ---------------------------------------------------------------- who is lost */

static void
recovery_add_lost(Recovery *recovery, const NodeInfo *node)
{
	TimeUs heard_us = (TimeUs) pg_atomic_read_u64(&quorate_shared->peer_heard_us[node->node]);

	if (node->node == quorate_shared->self)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("node \"%s\" is not lost: it is this one", node->name));
	if (heard_us != 0 && shared_now_us() - heard_us < LIVES_US)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("node \"%s\" is not lost: it was heard " INT64_FORMAT " ms ago", node->name,
					   (shared_now_us() - heard_us) / 1000),
				errhint("If it is to go, stop it first, for good."));
	if (recovery->lost_nodes & node_id_bit(node->node))
		return;
	recovery->lost_nodes |= node_id_bit(node->node);
	recovery->lost[recovery->lost_count++] = *node;
}

static void
recovery_take_lost(Recovery *recovery, ArrayType *names)
{
	Datum *values;
	bool *nulls;
	int count;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		NodeInfo node;

		if (nulls[i])
			ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					errmsg("lost_nodes must not contain null"));
		node = node_require(TextDatumGetCString(values[i]));
		recovery_add_lost(recovery, &node);
	}
	if (recovery->lost_count == 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("lost_nodes must name the nodes that are lost for good"));
}

/* ---------------------------------------------------------------- what others have */

static bool
has_more(Ballot ballot, Lsn lsn, Ballot than_ballot, Lsn than_lsn)
{
	int order = ballot_compare(ballot, than_ballot);

	return order > 0 || (order == 0 && lsn > than_lsn);
}

/* Takes in what a node says of one of its replicas. */
static void
survey_note(HTAB *surveys, NodeId node, GroupId group, Ballot ballot, Lsn lsn, bool has_rows)
{
	bool found;
	Survey *survey = hash_search(surveys, &group, HASH_ENTER, &found);

	if (!found)
	{
		memset(survey, 0, sizeof(*survey));
		survey->group = group;
	}
	if (survey->any == 0 || has_more(ballot, lsn, survey->any_ballot, survey->any_lsn))
	{
		survey->any = node;
		survey->any_ballot = ballot;
		survey->any_lsn = lsn;
	}
	if (has_rows && (survey->with_rows == 0 ||
					 has_more(ballot, lsn, survey->with_rows_ballot, survey->with_rows_lsn)))
	{
		survey->with_rows = node;
		survey->with_rows_ballot = ballot;
		survey->with_rows_lsn = lsn;
	}
}

/* Asks a node that is left for all its replicas; false, with *problem set, if it cannot be asked. */
static bool
survey_node(HTAB *surveys, const NodeInfo *node, char **problem)
{
	static const char *const sql =
		"SELECT group_id, last_round, last_node, append_lsn, rows = 'ready' FROM quorate._group_status()";
	PeerConnection *peer = node_connect(node, problem);
	int count = peer == NULL ? -1 : peer_query(peer, sql, 0, NULL, problem);

	for (int i = 0; i < count; i++)
	{
		const char *ready = peer_value(peer, i, 4);
		Ballot ballot = {.round = strtou64(peer_value(peer, i, 1), NULL, 10),
						 .node = (NodeId) atoi(peer_value(peer, i, 2))};

		survey_note(surveys, node->node, strtou64(peer_value(peer, i, 0), NULL, 10), ballot,
					strtou64(peer_value(peer, i, 3), NULL, 10), ready != NULL && ready[0] == 't');
	}
	if (peer != NULL)
		peer_disconnect(peer);
	return count >= 0;
}

/* Asks all nodes that are left: one that cannot be asked might have more than this one. */
static void
recovery_survey(Recovery *recovery)
{
	HASHCTL control = {.keysize = sizeof(GroupId), .entrysize = sizeof(Survey)};
	uint32_t count;
	const NodeInfo *known = metadata_nodes(&count);
	NodeInfo *nodes = palloc((count + 1) * sizeof(NodeInfo));

	memcpy(nodes, known, count * sizeof(NodeInfo));
	control.hcxt = CurrentMemoryContext;
	recovery->surveys = hash_create("quorate replicas that are left", 256, &control,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (uint32_t i = 0; i < count; i++)
	{
		char *problem = NULL;

		if (nodes[i].node == quorate_shared->self || nodes[i].state == NODE_JOINING ||
			recovery->lost_nodes & node_id_bit(nodes[i].node))
			continue;
		if (!survey_node(recovery->surveys, &nodes[i], &problem))
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("node \"%s\" is not declared lost and cannot be asked what it has: %s",
						   nodes[i].name, problem),
					errhint("Bring it back, or name it in lost_nodes if it is lost for good."));
	}
}

/* ---------------------------------------------------------------- what goes on here */

static bool
quorum_is_lost(const GroupStatus *status, uint64_t lost_nodes)
{
	Membership membership = {.member_count = status->member_count};
	uint32_t left = 0;

	for (uint32_t i = 0; i < status->member_count; i++)
	{
		membership.members[i].node = status->members[i].node;
		membership.members[i].kind = status->members[i].kind;
		membership.members[i].half = status->members[i].half;
		if (!(lost_nodes & node_id_bit(status->members[i].node)))
			left |= 1u << i;
	}
	return !quorum_reached(&membership, left);
}

static void
get_status(GroupShared *group, GroupStatus *status)
{
	SpinLockAcquire(&group->mutex);
	*status = group->status;
	SpinLockRelease(&group->mutex);
}

static int
compare_groups(const void *left, const void *right)
{
	GroupId a = ((const GroupStatus *) left)->group;
	GroupId b = ((const GroupStatus *) right)->group;

	return a < b ? -1 : a > b;
}

/* All replicas of this node whose groups have lost their quorum; the metadata's is the first. */
static void
recovery_take_all(Recovery *recovery)
{
	recovery->groups = palloc_extended(quorate_shared->group_slots * sizeof(GroupStatus),
									   MCXT_ALLOC_HUGE);
	for (uint32_t i = 0; i < quorate_shared->group_slots; i++)
	{
		GroupStatus *status = &recovery->groups[recovery->group_count];
		GroupId id = pg_atomic_read_u64(&quorate_shared->groups[i].group);

		if (id == 0 || shared_group_find(id) != &quorate_shared->groups[i])
			continue;
		get_status(&quorate_shared->groups[i], status);
		recovery->group_count += status->group != 0 && quorum_is_lost(status, recovery->lost_nodes);
	}
	qsort(recovery->groups, recovery->group_count, sizeof(GroupStatus), compare_groups);
	if (recovery->group_count == 0)
		ereport(
			ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("no replication group with a replica here loses its quorum with these nodes"),
			errhint("Call quorate.remove_node(..., force => true) to remove lost nodes."));
}

static void
recovery_take_one(Recovery *recovery, GroupId id)
{
	GroupShared *group = shared_group_find(id);

	if (group == NULL)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("this node has no replica of replication group " UINT64_FORMAT, id),
				errhint("Call the function on a node that has; see quorate.replicas."));
	recovery->groups = palloc(sizeof(GroupStatus));
	recovery->group_count = 1;
	get_status(group, recovery->groups);
	if (!quorum_is_lost(recovery->groups, recovery->lost_nodes))
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("replication group " UINT64_FORMAT
					   " does not lose its quorum with these nodes",
					   id),
				errhint("A quorum of its members is left: bring them back."));
}

static const char *
node_name(NodeId node)
{
	const NodeInfo *info = metadata_node_by_id(node);

	return info != NULL ? pstrdup(info->name) : psprintf("%u", node);
}

/* A replica elsewhere that has more than the one here and could go on; 0 if there is none. */
static NodeId
better_node(const Recovery *recovery, const GroupStatus *status)
{
	const Survey *survey = hash_search(recovery->surveys, &status->group, HASH_FIND, NULL);

	if (survey != NULL && survey->with_rows != 0 &&
		has_more(survey->with_rows_ballot, survey->with_rows_lsn, status->last_ballot,
				 status->append_lsn))
		return survey->with_rows;
	return 0;
}

/* A log replica that has more cannot go on, for it has no rows: what it has beyond the best one with rows is lost. */
static void
warn_of_log_replica(const Recovery *recovery, const GroupStatus *status)
{
	const Survey *survey = hash_search(recovery->surveys, &status->group, HASH_FIND, NULL);

	if (survey != NULL &&
		has_more(survey->any_ballot, survey->any_lsn, status->last_ballot, status->append_lsn))
		ereport(WARNING,
				errmsg("node \"%s\" has more of the log of replication group " UINT64_FORMAT
					   ", but no rows",
					   node_name(survey->any), status->group),
				errdetail("Entries after LSN " UINT64_FORMAT " up to " UINT64_FORMAT " are lost.",
						  status->append_lsn, survey->any_lsn));
}

/* ERROR if another node shall go on, not this one. */
static void
recovery_check_better(const Recovery *recovery, const GroupStatus *status)
{
	NodeId better = better_node(recovery, status);

	if (better != 0)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("node \"%s\" has more of %s than this one", node_name(better),
					   status->group == GROUP_METADATA
						   ? "the metadata"
						   : psprintf("replication group " UINT64_FORMAT, status->group)),
				errhint("Call the function on node \"%s\".", node_name(better)));
}

static void
recovery_require_consent(const Recovery *recovery, bool accept_data_loss)
{
	const GroupStatus *first = &recovery->groups[0];

	if (accept_data_loss)
		return;
	ereport(
		ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		errmsg("acknowledged writes may be lost, and accept_data_loss is not true"),
		errdetail(
			"%u replication groups would go on with what this node has, the first of them (" UINT64_FORMAT
			") up to LSN " UINT64_FORMAT ", of which " UINT64_FORMAT
			" is known as committed. What the lost nodes acknowledged beyond that is lost.",
			recovery->group_count, first->group, first->append_lsn, first->commit_lsn),
		errhint(
			"If the lost nodes can be brought back, bring them back instead. They must never come back "
			"after this."));
}

/* ---------------------------------------------------------------- doing it */

/* ms since a lost member of the group was heard last; -1 if none was since this node started. */
static int64
heard_ms_ago(const Recovery *recovery, const GroupStatus *status)
{
	TimeUs latest_us = 0;

	for (uint32_t i = 0; i < status->member_count; i++)
	{
		NodeId node = status->members[i].node;

		if (recovery->lost_nodes & node_id_bit(node))
			latest_us = Max(latest_us,
							(TimeUs) pg_atomic_read_u64(&quorate_shared->peer_heard_us[node]));
	}
	return latest_us == 0 ? -1 : (shared_now_us() - latest_us) / 1000;
}

/* A group as doctor() calls it. */
static const char *
group_object(GroupId group)
{
	const TableInfo *table = metadata_table_by_id(metadata_table_of_group(group));

	if (group == GROUP_METADATA)
		return "metadata";
	for (uint32_t i = 0; table != NULL && i < table->partition_count; i++)
	{
		if (table->partitions[i].group == group)
			return psprintf("%s partition %u", table->name, i);
	}
	return psprintf("group " UINT64_FORMAT, group);
}

static void
put_outcome(const Recovery *recovery, const GroupStatus *status, const char *outcome,
			ReturnSetInfo *rows)
{
	int64 silent_ms = heard_ms_ago(recovery, status);
	Datum values[6] = {CStringGetTextDatum(group_object(status->group)),
					   Int64GetDatum((int64) status->group),
					   CStringGetTextDatum(outcome),
					   Int64GetDatum((int64) status->append_lsn),
					   Int64GetDatum((int64) status->commit_lsn),
					   Int64GetDatum(silent_ms)};
	bool nulls[6] = {false};

	nulls[5] = silent_ms < 0;
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

static void
order_recovery(const Recovery *recovery, GroupId group)
{
	NodeCommand command = {
		.kind = COMMAND_GROUP_RECOVER, .group = group, .lost_nodes = recovery->lost_nodes};

	command_run(&command, NULL, 0, COMMAND_TIMEOUT_MS);
}

/* Waits until this node serves the group: then what was recorded is durable. */
static void
wait_until_it_serves(GroupId id)
{
	TimeUs deadline_us = shared_now_us() + SERVE_TIMEOUT_US;
	GroupShared *group;
	uint64_t sequence;

	while ((group = shared_group_find(id)) == NULL || !shared_group_serves(group, &sequence))
	{
		if (shared_now_us() > deadline_us)
			ereport(ERROR, errcode(QUORATE_ERRCODE_UNAVAILABLE),
					errmsg("replication group " UINT64_FORMAT
						   " was recovered, but does not serve yet",
						   id),
					errhint("See quorate.doctor()."));
		wait_a_little(SERVE_POLL_MS);
	}
}

/* Recovers all groups but those of which another node has more. */
static void
recovery_run(const Recovery *recovery, ReturnSetInfo *rows)
{
	bool *ordered = palloc0(recovery->group_count * sizeof(bool));

	for (uint32_t i = 0; i < recovery->group_count; i++)
	{
		const GroupStatus *status = &recovery->groups[i];
		NodeId better = better_node(recovery, status);

		if (better == 0)
		{
			warn_of_log_replica(recovery, status);
			order_recovery(recovery, status->group);
			ordered[i] = true;
			if (status->group == GROUP_METADATA)
				wait_until_it_serves(status->group);
		}
		put_outcome(recovery, status,
					better == 0
						? "recovered"
						: psprintf("call it on node \"%s\", which has more", node_name(better)),
					rows);
	}
	for (uint32_t i = 0; i < recovery->group_count; i++)
	{
		if (ordered[i])
			wait_until_it_serves(recovery->groups[i].group);
	}
}

/* The lost nodes leave the cluster: what comes back of them is refused. */
static void
remove_lost_nodes(const Recovery *recovery)
{
	for (uint32_t i = 0; i < recovery->lost_count; i++)
		node_set_standing(recovery->lost[i].node, recovery->lost[i].name,
						  STANDING(NODE_ACTIVE) | STANDING(NODE_DRAINING) | STANDING(NODE_JOINING),
						  NODE_LEAVING);
	for (uint32_t i = 0; i < recovery->lost_count; i++)
		node_remove(recovery->lost[i].name, true, REMOVE_WAIT_MS);
}

/* ---------------------------------------------------------------- the functions */

/* Takes the arguments lost_nodes and, behind it, accept_data_loss; asks the nodes that are left. */
static void
recovery_begin(FunctionCallInfo fcinfo, int first_argument, const char *function,
			   Recovery *recovery)
{
	memset(recovery, 0, sizeof(*recovery));
	api_require_argument(fcinfo, first_argument, "lost_nodes");
	api_begin_write(function);
	recovery_take_lost(recovery, PG_GETARG_ARRAYTYPE_P(first_argument));
	recovery_survey(recovery);
}

static Datum
recover_one(FunctionCallInfo fcinfo, int first_argument, const char *function, GroupId group)
{
	Recovery *recovery = palloc(sizeof(Recovery));

	recovery_begin(fcinfo, first_argument, function, recovery);
	recovery_take_one(recovery, group);
	recovery_check_better(recovery, &recovery->groups[0]);
	recovery_require_consent(recovery, api_flag_argument(fcinfo, first_argument + 1, false));
	InitMaterializedSRF(fcinfo, 0);
	recovery_run(recovery, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* quorate.recover_quorum(table_name text, partition int, lost_nodes text[], accept_data_loss boolean) */
Datum
quorate_recover_partition(PG_FUNCTION_ARGS)
{
	api_require_argument(fcinfo, 0, "table_name");
	api_require_argument(fcinfo, 1, "partition");
	api_require_cluster();
	return recover_one(fcinfo, 2, "recover_quorum()",
					   table_partition(api_table(PG_GETARG_TEXT_PP(0)), PG_GETARG_INT32(1))->group);
}

/* quorate.recover_metadata_quorum(lost_nodes text[], accept_data_loss boolean) */
Datum
quorate_recover_metadata(PG_FUNCTION_ARGS)
{
	return recover_one(fcinfo, 0, "recover_metadata_quorum()", GROUP_METADATA);
}

/*
 * quorate.recover_quorum(lost_nodes text[], accept_data_loss boolean): all groups with a replica here that have lost
 * their quorum; then the lost nodes are removed.
 */
Datum
quorate_recover_all(PG_FUNCTION_ARGS)
{
	Recovery *recovery = palloc(sizeof(Recovery));

	recovery_begin(fcinfo, 0, "recover_quorum()", recovery);
	recovery_take_all(recovery);
	if (recovery->groups[0].group == GROUP_METADATA)
		recovery_check_better(recovery, &recovery->groups[0]);
	recovery_require_consent(recovery, api_flag_argument(fcinfo, 1, false));
	InitMaterializedSRF(fcinfo, 0);
	recovery_run(recovery, (ReturnSetInfo *) fcinfo->resultinfo);
	remove_lost_nodes(recovery);
	return (Datum) 0;
}

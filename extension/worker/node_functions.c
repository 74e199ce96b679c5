/*
 * node_functions.c
 *		SQL functions of the node itself: making it a member of a cluster, taking it away again, and what
 *		the views show of its state (extension/sql/020_node.sql).
 *
 * Runs in client backends.  Reads shared memory and hands commands to the replicator; touches no file.  All
 * functions but adopt_identity are internal: quorate.create_cluster, quorate.drop_cluster and the views stand
 * in front of them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq-fe.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "shmem/command.h"
#include "shmem/rows_state.h"
#include "shmem/shared_state.h"
#include "sqlapi/cluster_nodes.h"
#include "shmem/node_list.h"

#define COMMAND_TIMEOUT_MS (30 * 1000)
#define ADOPT_TIMEOUT_MS (600 * 1000) /* the whole log is recovered */

PG_FUNCTION_INFO_V1(quorate_bootstrap_node);
PG_FUNCTION_INFO_V1(quorate_join_node);
PG_FUNCTION_INFO_V1(quorate_unbootstrap_node);
PG_FUNCTION_INFO_V1(quorate_adopt_identity);
PG_FUNCTION_INFO_V1(quorate_node_status);
PG_FUNCTION_INFO_V1(quorate_group_status);
PG_FUNCTION_INFO_V1(quorate_copy_activity);
PG_FUNCTION_INFO_V1(quorate_counters);
PG_FUNCTION_INFO_V1(quorate_peers);

/* ---- bootstrapping ---- */

/* The array of nodes as the bytes that the log keeps. */
static StringInfo
pack_nodes(Jsonb *nodes, ClusterVersion version)
{
	NodeList *list = palloc0(sizeof(NodeList));
	StringInfo packed = makeStringInfo();
	ProblemList problems;

	problems_init(&problems);
	list->cluster_version = version;
	list->count = cluster_nodes_parse(nodes, list->nodes, &problems);
	problems_check(&problems, "create the cluster");
	node_list_pack(list, packed);
	return packed;
}

/* Has the replicator lay out the log of a node. */
static void
bootstrap_node(bytea *cluster_id, int32 node, bool joins, const void *list, Size length)
{
	NodeCommand command = {0};

	if (VARSIZE_ANY_EXHDR(cluster_id) != sizeof(command.cluster_id))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a cluster id has %zu bytes", sizeof(command.cluster_id))));
	if (node < 1 || node > CORE_NODES_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("node id %d is out of range", node)));
	command.kind = COMMAND_BOOTSTRAP;
	command.self = (NodeId) node;
	command.joins = joins;
	memcpy(command.cluster_id, VARDATA_ANY(cluster_id), sizeof(command.cluster_id));
	command_run(&command, list, length, COMMAND_TIMEOUT_MS);
}

/*
 * quorate._bootstrap_node(cluster_id bytea, node_id int, nodes jsonb, cluster_version int): a node of a new cluster.
 */
Datum
quorate_bootstrap_node(PG_FUNCTION_ARGS)
{
	StringInfo packed = pack_nodes(PG_GETARG_JSONB_P(2), (ClusterVersion) PG_GETARG_INT32(3));

	shared_state_require();
	bootstrap_node(PG_GETARG_BYTEA_PP(0), PG_GETARG_INT32(1), false, packed->data, packed->len);
	PG_RETURN_VOID();
}

/*
 * quorate._join_node(cluster_id bytea, node_id int, nodes bytea): a node of an existing cluster, whose groups it gets
 * from their leaders; the nodes packed as the log keeps them.
 */
Datum
quorate_join_node(PG_FUNCTION_ARGS)
{
	bytea *nodes = PG_GETARG_BYTEA_PP(2);

	shared_state_require();
	bootstrap_node(PG_GETARG_BYTEA_PP(0), PG_GETARG_INT32(1), true, VARDATA_ANY(nodes),
				   VARSIZE_ANY_EXHDR(nodes));
	PG_RETURN_VOID();
}

Datum
quorate_unbootstrap_node(PG_FUNCTION_ARGS)
{
	NodeCommand command = {0};

	shared_state_require();
	command.kind = COMMAND_UNBOOTSTRAP;
	command_run(&command, NULL, 0, COMMAND_TIMEOUT_MS);
	PG_RETURN_VOID();
}

/*
 * quorate.adopt_identity(): the log directory has another place than its identity names, and an administrator
 * vouches that it is no copy.  55000 if that is not why this node does not run, or if its log cannot be used.
 */
Datum
quorate_adopt_identity(PG_FUNCTION_ARGS)
{
	NodeCommand command = {.kind = COMMAND_ADOPT};

	shared_state_require();
	command_run(&command, NULL, 0, ADOPT_TIMEOUT_MS);
	PG_RETURN_VOID();
}

/* ---- state of the node ---- */

static const char *
node_state_name(NodeState state)
{
	switch (state)
	{
		case NODE_UNCONFIGURED:
			return "unconfigured";
		case NODE_STARTING:
			return "starting";
		case NODE_RUNNING:
			return "running";
		case NODE_REFUSED:
			return "refused";
	}
	return "unknown";
}

static Datum
bytea_datum(const void *bytes, Size length)
{
	bytea *value = palloc(VARHDRSZ + length);

	SET_VARSIZE(value, VARHDRSZ + length);
	memcpy(VARDATA(value), bytes, length);
	return PointerGetDatum(value);
}

Datum
quorate_node_status(PG_FUNCTION_ARGS)
{
	TupleDesc descriptor;
	Datum values[7];
	bool nulls[7] = {false};

	shared_state_require();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	LWLockAcquire(quorate_shared->lock, LW_SHARED);
	values[0] = CStringGetTextDatum(
		node_state_name(pg_atomic_read_u32(&quorate_shared->node_state)));
	values[1] = CStringGetTextDatum(quorate_shared->state_reason);
	nulls[1] = quorate_shared->state_reason[0] == '\0';
	values[2] = bytea_datum(quorate_shared->cluster_id, sizeof(quorate_shared->cluster_id));
	values[3] = Int32GetDatum(quorate_shared->self);
	values[4] = Int64GetDatum(quorate_shared->start_counter);
	values[6] = Int32GetDatum((int32) quorate_shared->cluster_version);
	nulls[2] = nulls[3] = nulls[4] = nulls[6] = quorate_shared->self == 0;
	LWLockRelease(quorate_shared->lock);
	values[5] = Int64GetDatum(pg_atomic_read_u64(&quorate_shared->log_bytes));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/* ---- state of the groups ---- */

static const char *
role_name(GroupRole role)
{
	switch (role)
	{
		case ROLE_FOLLOWER:
			return "follower";
		case ROLE_ASKING:
			return "asking";
		case ROLE_CANDIDATE:
			return "candidate";
		case ROLE_ADOPTING:
			return "adopting";
		case ROLE_LEADER:
			return "leader";
		case ROLE_HANDING_OVER:
			return "handing over";
	}
	return "unknown";
}

/* A ballot as text: (round, node). */
static Datum
ballot_datum(Ballot ballot)
{
	return CStringGetTextDatum(psprintf("(" UINT64_FORMAT ",%u)", ballot.round, ballot.node));
}

/* The members as four arrays of equal length: node, kind, durable LSN, needs a snapshot. */
static void
member_arrays(const GroupStatus *status, Datum *values)
{
	static const char *const kinds[] = {"", "storage", "log", "learner"};
	Datum nodes[CORE_MEMBERS_MAX];
	Datum member_kinds[CORE_MEMBERS_MAX];
	Datum durable[CORE_MEMBERS_MAX];
	Datum snapshot[CORE_MEMBERS_MAX];
	int count = Min(status->member_count, CORE_MEMBERS_MAX);

	for (int i = 0; i < count; i++)
	{
		const MemberStatus *member = &status->members[i];

		nodes[i] = Int32GetDatum(member->node);
		member_kinds[i] = CStringGetTextDatum(kinds[member->kind]);
		durable[i] = Int64GetDatum(member->durable_lsn);
		snapshot[i] = BoolGetDatum(member->needs_snapshot);
	}
	values[0] = PointerGetDatum(construct_array(nodes, count, INT4OID, 4, true, TYPALIGN_INT));
	values[1] = PointerGetDatum(
		construct_array(member_kinds, count, TEXTOID, -1, false, TYPALIGN_INT));
	values[2] = PointerGetDatum(
		construct_array(durable, count, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[3] = PointerGetDatum(construct_array(snapshot, count, BOOLOID, 1, true, TYPALIGN_CHAR));
}

#define GROUP_STATUS_COLUMNS 24

static void
put_group(ReturnSetInfo *result, GroupShared *group)
{
	Datum values[GROUP_STATUS_COLUMNS];
	bool nulls[GROUP_STATUS_COLUMNS] = {false};
	TimeUs lease_us = (TimeUs) pg_atomic_read_u64(&group->lease_until_us) - shared_now_us();
	const char *rows = rows_state_name(rows_state(group));
	GroupStatus status;
	Ballot ballot;

	SpinLockAcquire(&group->mutex);
	status = group->status;
	ballot = group->ballot;
	SpinLockRelease(&group->mutex);
	if (status.group == 0)
		return; /* opened, and nothing published yet */

	values[0] = Int64GetDatum(status.group);
	values[1] = CStringGetTextDatum(role_name(status.role));
	values[2] = Int64GetDatum(status.generation);
	values[3] = ballot_datum(status.promised);
	values[4] = ballot_datum(ballot);
	nulls[4] = pg_atomic_read_u64(&group->lead_sequence) % 2 == 0;
	values[5] = Int32GetDatum((int32) pg_atomic_read_u64(&group->leader));
	nulls[5] = DatumGetInt32(values[5]) == 0;
	values[6] = Int64GetDatum(status.base_lsn);
	values[7] = Int64GetDatum(pg_atomic_read_u64(&group->append_lsn));
	values[8] = Int64GetDatum(pg_atomic_read_u64(&group->durable_lsn));
	values[9] = Int64GetDatum(pg_atomic_read_u64(&group->commit_lsn));
	values[10] = Int64GetDatum(pg_atomic_read_u64(&group->applied_lsn));
	values[11] = Int64GetDatum(pg_atomic_read_u64(&group->applied_durable_lsn));
	values[12] = Int64GetDatum(pg_atomic_read_u64(&group->start_lsn));
	nulls[12] = nulls[4];
	values[13] = Int64GetDatum(Max(lease_us, 0) / 1000);
	nulls[13] = nulls[4];
	values[14] = Int64GetDatum(pg_atomic_read_u64(&group->pending_writes));
	member_arrays(&status, &values[15]);
	values[19] = rows != NULL ? CStringGetTextDatum(rows) : (Datum) 0;
	nulls[19] = rows == NULL;
	values[20] = Int64GetDatum(status.committed_generation);
	values[21] = Int64GetDatum(status.missing_entries);
	values[22] = Int64GetDatum((int64) status.last_ballot.round);
	values[23] = Int32GetDatum(status.last_ballot.node);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
quorate_group_status(PG_FUNCTION_ARGS)
{
	shared_state_require();
	InitMaterializedSRF(fcinfo, 0);
	for (uint32_t i = 0; i < quorate_shared->group_slots; i++)
	{
		GroupShared *group = &quorate_shared->groups[i];
		GroupId id = pg_atomic_read_u64(&group->group);

		if (id != 0 && shared_group_find(id) == group)
			put_group((ReturnSetInfo *) fcinfo->resultinfo, group);
	}
	return (Datum) 0;
}

/* quorate._copy_activity(): group_id, source, since, bytes; nulls if the copier is idle */
Datum
quorate_copy_activity(PG_FUNCTION_ARGS)
{
	TupleDesc descriptor;
	CopyActivity activity;
	Datum values[4];
	bool nulls[4];

	shared_state_require();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	copy_activity_get(&activity);
	values[0] = Int64GetDatum((int64) activity.group);
	values[1] = Int32GetDatum(activity.source);
	values[2] = TimestampTzGetDatum(activity.since);
	values[3] = Int64GetDatum((int64) activity.bytes);
	nulls[0] = nulls[2] = nulls[3] = activity.group == 0;
	nulls[1] = activity.source == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/* ---- counters and peers ---- */

static const char *const counter_names[NODE_COUNTERS] = {
	[COUNTER_TURNS] = "turns",
	[COUNTER_SYNCS] = "syncs",
	[COUNTER_ENTRIES_APPENDED] = "entries_appended",
	[COUNTER_ENTRIES_COMMITTED] = "entries_committed",
	[COUNTER_ENTRIES_APPLIED] = "entries_applied",
	[COUNTER_FRAMES_SENT] = "frames_sent",
	[COUNTER_BYTES_SENT] = "bytes_sent",
	[COUNTER_FRAMES_RECEIVED] = "frames_received",
	[COUNTER_FRAMES_DROPPED] = "frames_dropped",
	[COUNTER_FRAMES_REFUSED] = "frames_refused",
	[COUNTER_LEADERSHIPS_GAINED] = "leaderships_gained",
	[COUNTER_LEADERSHIPS_LOST] = "leaderships_lost",
	[COUNTER_WRITES_LOCAL] = "writes_local",
	[COUNTER_WRITES_FORWARDED] = "writes_forwarded",
	[COUNTER_WRITES_SERVED] = "writes_served",
	[COUNTER_READS_LOCAL] = "reads_local",
	[COUNTER_READS_FORWARDED] = "reads_forwarded",
	[COUNTER_READS_SERVED] = "reads_served",
	[COUNTER_CHECKSUM_FAILURES] = "checksum_failures",
	[COUNTER_LOG_DAMAGES] = "log_damages",
	[COUNTER_ENTRIES_REPAIRED] = "entries_repaired"};

Datum
quorate_counters(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result;

	shared_state_require();
	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	for (int i = 0; i < NODE_COUNTERS; i++)
	{
		Datum values[2];
		bool nulls[2] = {false};

		values[0] = CStringGetTextDatum(counter_names[i]);
		values[1] = Int64GetDatum(pg_atomic_read_u64(&quorate_shared->counters[i]));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* A connection string without what nobody needs to see. */
static char *
conninfo_without_secrets(const char *conninfo)
{
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	StringInfoData text;

	initStringInfo(&text);
	for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++)
	{
		/* libpq marks passwords with '*'. */
		if (option->val == NULL || option->dispchar[0] == '*')
			continue;
		appendStringInfo(&text, "%s%s=%s", text.len > 0 ? " " : "", option->keyword, option->val);
	}
	PQconninfoFree(options);
	return text.data;
}

Datum
quorate_peers(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result;
	NodeInfo *nodes = palloc(sizeof(quorate_shared->nodes));

	shared_state_require();
	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	LWLockAcquire(quorate_shared->lock, LW_SHARED);
	memcpy(nodes, quorate_shared->nodes, sizeof(quorate_shared->nodes));
	LWLockRelease(quorate_shared->lock);

	for (int i = 0; i < CORE_NODES_MAX; i++)
	{
		PeerRelease release;
		TimeUs heard_us;
		Datum values[9];
		bool nulls[9] = {false};

		if (nodes[i].node == 0)
			continue;
		heard_us = (TimeUs) pg_atomic_read_u64(&quorate_shared->peer_heard_us[nodes[i].node]);
		values[0] = Int32GetDatum(nodes[i].node);
		values[1] = CStringGetTextDatum(nodes[i].name);
		values[2] = CStringGetTextDatum(nodes[i].zone);
		values[3] = CStringGetTextDatum(conninfo_without_secrets(nodes[i].conninfo));
		values[4] = Int64GetDatum((shared_now_us() - heard_us) / 1000);
		nulls[4] = heard_us == 0;
		values[5] = BoolGetDatum(pg_atomic_read_u64(&quorate_shared->set_back_nodes) &
								 node_id_bit(nodes[i].node));
		release = shared_release_of(nodes[i].node);
		values[6] = Int32GetDatum((int32) release.reads.oldest);
		values[7] = Int32GetDatum((int32) release.reads.newest);
		values[8] = CStringGetTextDatum(release.release);
		nulls[6] = nulls[7] = nulls[8] = release.reads.newest == 0;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

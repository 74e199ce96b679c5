/*
 * health_functions.c
 *		Facts about this node from which quorate.doctor() concludes (extension/sql/070_doctor.sql).
 *
 * Run by client backends.  They read shared memory, wait for nobody and ask no other node: they have to answer when
 * nothing else does.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "shmem/rows_state.h"
#include "shmem/shared_state.h"

PG_FUNCTION_INFO_V1(quorate_is_preloaded);
PG_FUNCTION_INFO_V1(quorate_health);
PG_FUNCTION_INFO_V1(quorate_peer_problems);
PG_FUNCTION_INFO_V1(quorate_log_holders);
PG_FUNCTION_INFO_V1(quorate_row_problems);

#define FAILURE_SHOWN_US \
	(60 * INT64CONST(1000000)) /* a process that goes on failing does so every 16 s at least */

/* quorate._is_preloaded(): false if this server was started without the library */
Datum
quorate_is_preloaded(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(quorate_shared != NULL);
}

/* How long ago something was, in ms; null if it never was. */
static Datum
ms_ago(pg_atomic_uint64 *when_us, bool *is_null)
{
	TimeUs us = (TimeUs) pg_atomic_read_u64(when_us);

	*is_null = us == 0;
	return Int64GetDatum((shared_now_us() - us) / 1000);
}

#define HEALTH_COLUMNS 10

/*
 * quorate._health(): which processes of the node run; how long ago the replicator began a turn, began a sync that has
 * not ended, ended one, and had no room for a write.
 */
Datum
quorate_health(PG_FUNCTION_ARGS)
{
	TupleDesc descriptor;
	Datum values[HEALTH_COLUMNS];
	bool nulls[HEALTH_COLUMNS] = {false};

	shared_state_require();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = BoolGetDatum(quorate_shared->launcher_latch != NULL);
	values[1] = BoolGetDatum(quorate_shared->replicator_latch != NULL);
	values[2] = BoolGetDatum(quorate_shared->applier_latch != NULL);
	values[3] = BoolGetDatum(quorate_shared->forwarder_latch != NULL);
	values[4] = BoolGetDatum(quorate_shared->copier_latch != NULL);
	values[5] = BoolGetDatum(quorate_shared->autoadmin_latch != NULL);
	values[6] = ms_ago(&quorate_shared->turn_us, &nulls[6]);
	values[7] = ms_ago(&quorate_shared->sync_began_us, &nulls[7]);
	values[8] = ms_ago(&quorate_shared->synced_us, &nulls[8]);
	values[9] = ms_ago(&quorate_shared->log_full_us, &nulls[9]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

static ReturnSetInfo *
begin_rows(FunctionCallInfo fcinfo)
{
	shared_state_require();
	InitMaterializedSRF(fcinfo, 0);
	return (ReturnSetInfo *) fcinfo->resultinfo;
}

/* Text that may have been cut within a character. */
static Datum
message_datum(const char *message)
{
	int length = (int) strlen(message);

	return PointerGetDatum(
		cstring_to_text_with_len(message, pg_mbcliplen(message, length, length)));
}

/* quorate._peer_problems(): node_id, problem; no row for a node whose stream is up */
Datum
quorate_peer_problems(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = begin_rows(fcinfo);

	for (int node = 1; node <= CORE_NODES_MAX; node++)
	{
		char problem[PEER_PROBLEM_MAX];
		Datum values[2];
		bool nulls[2] = {false};

		LWLockAcquire(quorate_shared->lock, LW_SHARED);
		strlcpy(problem, quorate_shared->peer_problems[node], sizeof(problem));
		LWLockRelease(quorate_shared->lock);
		if (problem[0] == '\0')
			continue;
		values[0] = Int32GetDatum(node);
		values[1] = message_datum(problem);
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* The member that holds back most of a group's log, and up to where the log could go but for it. */
static NodeId
find_holder(const GroupStatus *status, Lsn own_settled_lsn, Lsn *settled_lsn)
{
	NodeId holder = quorate_shared->self;

	*settled_lsn = own_settled_lsn;
	for (uint32_t i = 0; i < status->member_count; i++)
	{
		const MemberStatus *member = &status->members[i];

		if (member->node == quorate_shared->self || member->settled_lsn >= *settled_lsn)
			continue;
		holder = member->node;
		*settled_lsn = member->settled_lsn;
	}
	return holder;
}

/*
 * quorate._log_holders(): group_id, node_id, entries: of each group whose log cannot be shortened, the member that
 * still needs most of it, and how many entries that are.
 */
Datum
quorate_log_holders(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = begin_rows(fcinfo);

	for (uint32_t i = 0; i < quorate_shared->group_slots; i++)
	{
		GroupShared *group = &quorate_shared->groups[i];
		GroupId id = pg_atomic_read_u64(&group->group);
		bool has_rows = pg_atomic_read_u32(&group->kind) != MEMBER_LOG;
		Lsn own_settled_lsn = pg_atomic_read_u64(has_rows ? &group->applied_durable_lsn
														  : &group->commit_lsn);
		bool nulls[3] = {false};
		GroupStatus status;
		Datum values[3];
		Lsn settled_lsn;

		if (id == 0 || shared_group_find(id) != group)
			continue;
		SpinLockAcquire(&group->mutex);
		status = group->status;
		SpinLockRelease(&group->mutex);
		values[0] = Int64GetDatum((int64) id);
		values[1] = Int32GetDatum(find_holder(&status, own_settled_lsn, &settled_lsn));
		values[2] = Int64GetDatum(
			(int64) (status.append_lsn - Min(settled_lsn, status.append_lsn)));
		if (status.group != 0 && DatumGetInt64(values[2]) > 0)
			tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* A row for a process that failed a moment ago. */
static void
put_failure(ReturnSetInfo *rows, const char *process, RowsWriter writer)
{
	RowsFailure failure;
	TimeUs ago_us;
	Datum values[4];
	bool nulls[4] = {false};

	rows_failure_get(writer, &failure);
	ago_us = shared_now_us() - failure.when_us;
	if (failure.when_us == 0 || ago_us > FAILURE_SHOWN_US)
		return;
	values[0] = Int64GetDatum((int64) failure.group);
	nulls[0] = failure.group == 0;
	values[1] = CStringGetTextDatum(process);
	nulls[2] = true;
	values[3] = message_datum(psprintf("the %s failed %lld s ago: %s", process,
									   (long long) (ago_us / 1000000), failure.message));
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

/* Rows for the groups that the applier has stopped at. */
static void
put_stopped_groups(ReturnSetInfo *rows)
{
	for (uint32_t i = 0; i < quorate_shared->group_slots; i++)
	{
		GroupShared *group = &quorate_shared->groups[i];
		GroupId id = pg_atomic_read_u64(&group->group);
		Lsn lsn = pg_atomic_read_u64(&group->stopped_lsn);
		Datum values[4];
		bool nulls[4] = {false};

		if (lsn == 0 || shared_group_find(id) != group)
			continue;
		values[0] = Int64GetDatum((int64) id);
		values[1] = CStringGetTextDatum("applier");
		values[2] = Int64GetDatum((int64) lsn);
		values[3] = CStringGetTextDatum(psprintf(
			"the applier stopped before LSN %llu: this release does not understand the entry",
			(unsigned long long) lsn));
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
}

/*
 * quorate._row_problems(): group_id, process, stopped_lsn, problem: why rows here are not brought up or copied.  A
 * null group: none was at work on; stopped_lsn of an applier that waits for another release, else null.
 */
Datum
quorate_row_problems(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = begin_rows(fcinfo);

	put_failure(rows, "applier", ROWS_APPLIER);
	put_failure(rows, "copier", ROWS_COPIER);
	put_stopped_groups(rows);
	return (Datum) 0;
}

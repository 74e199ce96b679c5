/*
 * copy_functions.c
 *		pause_copies, resume_copies, and what the views show of a pause.
 *
 * Run in client backends.  They change this node's table of the pause (storage/copy_pause.h) in the caller's
 * transaction and tell nobody: the copier looks at it before each step.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "shmem/shared_state.h"
#include "storage/copy_pause.h"

PG_FUNCTION_INFO_V1(quorate_pause_copies);
PG_FUNCTION_INFO_V1(quorate_resume_copies);
PG_FUNCTION_INFO_V1(quorate_copy_pause);

/* ERROR unless the caller's transaction may change the pause of a node that has anything to pause. */
static void
begin_change(const char *function)
{
	shared_state_require();
	PreventCommandDuringRecovery(function);
	PreventCommandIfReadOnly(function);
	if (pg_atomic_read_u32(&quorate_shared->node_state) == NODE_UNCONFIGURED)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("this node does not belong to a cluster"));
}

/* quorate.pause_copies(): 55000 without a cluster */
Datum
quorate_pause_copies(PG_FUNCTION_ARGS)
{
	CopyPause pause = {.since = GetCurrentTimestamp()};

	begin_change("pause_copies()");
	namestrcpy(&pause.paused_by, GetUserNameFromId(GetUserId(), false));
	copy_pause_begin(&pause);
	PG_RETURN_VOID();
}

/* quorate.resume_copies(): 55000 without a cluster */
Datum
quorate_resume_copies(PG_FUNCTION_ARGS)
{
	begin_change("resume_copies()");
	copy_pause_end();
	PG_RETURN_VOID();
}

/* quorate._copy_pause(): since, paused_by; nulls if nothing is paused */
Datum
quorate_copy_pause(PG_FUNCTION_ARGS)
{
	TupleDesc descriptor;
	CopyPause pause = {0};
	Datum values[2];
	bool nulls[2];

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	nulls[0] = nulls[1] = !copy_pause_read(&pause);
	values[0] = TimestampTzGetDatum(pause.since);
	values[1] = NameGetDatum(&pause.paused_by);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

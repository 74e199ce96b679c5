/*
 * plan_functions.c
 *		What autoadmin does for the groups that this node leads, for the view quorate.changes.
 *
 * Runs in client backends; reads shared memory.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "routing/member_plan.h"
#include "shmem/shared_state.h"

PG_FUNCTION_INFO_V1(quorate_plans);

/*
 * quorate._plans(): one row for each group that this node leads: the step that it is at, the node that the step is
 * about, and for how long.
 */
Datum
quorate_plans(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result;

	shared_state_require();
	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	for (uint32_t i = 0; i < quorate_shared->group_slots; i++)
	{
		GroupShared *group = &quorate_shared->groups[i];
		GroupId id = pg_atomic_read_u64(&group->group);
		uint64_t plan = pg_atomic_read_u64(&group->plan);
		TimeUs since_us = (TimeUs) pg_atomic_read_u64(&group->plan_since_us);
		Datum values[4];
		bool nulls[4] = {false};

		if (id == 0 || shared_group_find(id) != group || plan == 0 ||
			pg_atomic_read_u64(&group->lead_sequence) % 2 == 0)
			continue;
		values[0] = Int64GetDatum(id);
		values[1] = CStringGetTextDatum(member_plan_state_name((PlanStage) (plan & PG_UINT32_MAX)));
		values[2] = Int32GetDatum((int32) (plan >> 32));
		nulls[2] = plan >> 32 == 0;
		values[3] = Int64GetDatum((shared_now_us() - since_us) / 1000);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

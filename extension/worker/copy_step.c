/*
 * copy_step.c
 *		A step of the copier: one transaction on the rows of one group.
 *
 * Each step begins with the question whether it is still wanted: the log may have been made to begin anew, the
 * replica may have gone, the table may have been dropped.  The relation is locked before the row of applied LSNs is
 * read, as a dropped relation and its rows there go in one transaction.
 */
#include "postgres.h"

#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog/metadata.h"
#include "shmem/rows_state.h"
#include "storage/own_transaction.h"
#include "worker/copy_step.h"
#include "worker/table_worker.h"

MemoryContext copy_step_context;

void
copy_step_init(void)
{
	copy_step_context = AllocSetContextCreate(TopMemoryContext, "quorate copy step",
											  ALLOCSET_DEFAULT_SIZES);
}

void
copy_step_forget(void)
{
	MemoryContextReset(copy_step_context);
}

void
copy_step_set_position(Position *position, const uint8_t *bytes, uint32_t length)
{
	position->length = Min(length, sizeof(position->bytes));
	if (position->length > 0)
		memcpy(position->bytes, bytes, position->length);
}

/* The bounds of a group's partition; false if the metadata does not know it now. */
static bool
find_bounds(GroupId group, uint32_t table_id, CopyStep *step)
{
	const TableInfo *table;

	step->lower.length = step->upper.length = 0;
	if (group == GROUP_METADATA)
		return true;
	if (!metadata_is_complete())
		return false;
	table = metadata_table_by_id(table_id);
	for (uint32_t i = 0; table != NULL && i < table->partition_count; i++)
	{
		const PartitionInfo *partition = &table->partitions[i];

		if (partition->group != group)
			continue;
		copy_step_set_position(&step->lower, partition->lower, partition->lower_length);
		if (i + 1 < table->partition_count)
			copy_step_set_position(&step->upper, partition[1].lower, partition[1].lower_length);
		return true;
	}
	return false;
}

/* Locks the relation of an item table; false if it is not there (yet, or any more). */
static bool
lock_relation(uint32_t table_id)
{
	Oid relid = item_table_relid(table_id);

	if (!OidIsValid(relid))
		return false;
	LockRelationOid(relid, RowExclusiveLock);
	return item_table_relid(table_id) == relid;
}

/*
 * Begins a step's transaction; false, and there is none, if the group's rows are not the copier's or cannot be
 * worked on now.
 */
bool
copy_step_begin(GroupId group, CopyStep *step)
{
	uint32_t table_id = metadata_table_of_group(group);

	own_transaction_begin();
	if (find_bounds(group, table_id, step) && lock_relation(table_id))
	{
		applied_table_open(&step->applied, RowExclusiveLock);
		table_worker_check_member();
		item_table_open(&step->table, table_id, RowExclusiveLock);
		if (applied_table_get(&step->applied, group, SnapshotSelf, &step->row) &&
			rows_stage_is_copiers(step->row.stage))
			return true;
		item_table_close(&step->table, NoLock);
		keyed_table_close(&step->applied, NoLock);
	}
	own_transaction_commit();
	MemoryContextSwitchTo(copy_step_context);
	return false;
}

void
copy_step_end(CopyStep *step)
{
	item_table_close(&step->table, NoLock);
	keyed_table_close(&step->applied, NoLock);
	own_transaction_commit();
	MemoryContextSwitchTo(copy_step_context);
	if (!rows_stage_is_copiers(step->row.stage))
		copy_handed_over();
}

/* Begins with the removal of rows, at the first one. */
void
copy_step_start_again(AppliedRow *row)
{
	row->stage = STAGE_CLEARING;
	row->items = row->bytes = 0;
	row->copy_lsn = 0;
	row->copy_position.length = 0;
}

/*
 * Has the work lost its sense?  Then begins another one in the same transaction: the replica has gone, or its log
 * begins above the LSN from which the copied rows could be brought up.
 */
void
copy_step_turn(AppliedRow *row)
{
	GroupShared *shared = shared_group_find(row->group);

	if (row->stage == STAGE_LEAVING)
		return;
	if (table_worker_rows_have_gone(row->group))
	{
		row->stage = STAGE_LEAVING;
		row->copy_position.length = 0;
	}
	else if (shared != NULL && row->applied_lsn < rows_base_lsn(shared))
	{
		row->applied_lsn = rows_base_lsn(shared);
		copy_step_start_again(row);
	}
}

/* What lies behind the cursor. */
void
copy_step_rest(const CopyStep *step, Position *from)
{
	if (step->row.copy_position.length > 0)
		position_successor(&step->row.copy_position, from);
	else
		*from = step->lower;
}

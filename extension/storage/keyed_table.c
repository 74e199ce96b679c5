/*
 * keyed_table.c
 *		Direct heap and index access to a table with a primary key of one column.
 *
 * Reading runs in any backend.  Writing runs in the applier and the copier, in their transactions, on
 * different keys (applied_table.h says whose a key is), and in backends behind a lock of their own (copy_pause.c);
 * nothing is durable before that transaction's WAL is.
 *
 * What direct writes have to look after themselves:
 *	- A row that this very transaction wrote can be changed again only by a later command, so the
 *	  command counter is raised in that case (and only then: it costs).
 *	- Every index that is ready gets its entry, not just the primary key's: REINDEX CONCURRENTLY has
 *	  a second index ready for a while, which would lack rows otherwise.
 *	- The slot is cleared before each search: a pin left on a page would keep the search from
 *	  pruning it, and updates would soon find no room for a HOT successor.
 *
 * There are no triggers, constraints, generated columns or row security to obey: nobody but the
 * extension can define anything on these tables (catalog/protect.c).
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/relscan.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "storage/keyed_table.h"

#define KEY_ATTRIBUTE 1 /* the key is the first column, in the table and in the index */
#define KEYED_COLUMNS_MAX 8

void
keyed_table_open(KeyedTable *table, Oid relid, RegProcedure equal, LOCKMODE lockmode)
{
	Oid index;

	table->heap = table_open(relid, lockmode);
	index = RelationGetPrimaryKeyIndex(table->heap);
	if (!OidIsValid(index))
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("relation \"%s\" has no valid primary key",
							   RelationGetRelationName(table->heap))));
	table->index = index_open(index, lockmode);
	table->equal = equal;
	table->slot = table_slot_create(table->heap, NULL);
}

void
keyed_table_close(KeyedTable *table, LOCKMODE lockmode)
{
	ExecDropSingleTupleTableSlot(table->slot);
	index_close(table->index, lockmode);
	table_close(table->heap, lockmode);
}

bool
keyed_table_find(KeyedTable *table, Datum key, Snapshot snapshot)
{
	IndexScanDesc scan;
	ScanKeyData scan_key;
	bool found;

	ExecClearTuple(table->slot);
	ScanKeyInit(&scan_key, KEY_ATTRIBUTE, BTEqualStrategyNumber, table->equal, key);
	scan = index_beginscan(table->heap, table->index, snapshot, 1, 0);
	index_rescan(scan, &scan_key, 1, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, table->slot);
	index_endscan(scan);
	return found;
}

bool
keyed_table_find_own(KeyedTable *table, Datum key)
{
	/*
	 * As the only writer of this key there is no change in progress to be kept apart from, so no snapshot is
	 * needed.
	 */
	return keyed_table_find(table, key, SnapshotSelf);
}

/* The command under which the row in the slot may be changed. */
static CommandId
command_for_change(KeyedTable *table)
{
	bool isnull;
	Datum xmin = slot_getsysattr(table->slot, MinTransactionIdAttributeNumber, &isnull);

	if (TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin)))
		CommandCounterIncrement();
	return GetCurrentCommandId(true);
}

/* Enters a row into one index. */
static void
insert_index_entry(KeyedTable *table, Relation index, TupleTableSlot *row)
{
	IndexInfo *info = BuildIndexInfo(index);
	Datum values[INDEX_MAX_KEYS];
	bool isnull[INDEX_MAX_KEYS];

	FormIndexDatum(info, row, NULL, values, isnull);
	index_insert(index, values, isnull, &row->tts_tid, table->heap,
				 index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false, info);
	pfree(info);
}

static void
insert_index_entries(KeyedTable *table, TupleTableSlot *row)
{
	List *indexes = RelationGetIndexList(table->heap);
	ListCell *cell;

	foreach (cell, indexes)
	{
		Oid oid = lfirst_oid(cell);
		Relation index;

		if (oid == RelationGetRelid(table->index))
		{
			insert_index_entry(table, table->index, row);
			continue;
		}
		index = index_open(oid, RowExclusiveLock);
		if (index->rd_index->indisready)
			insert_index_entry(table, index, row);
		index_close(index, NoLock);
	}
	list_free(indexes);
}

/* A slot with the new row's values, to be dropped by the caller. */
static TupleTableSlot *
make_row(KeyedTable *table, Datum *values)
{
	TupleDesc descriptor = RelationGetDescr(table->heap);
	TupleTableSlot *row = MakeSingleTupleTableSlot(descriptor, &TTSOpsHeapTuple);
	bool isnull[KEYED_COLUMNS_MAX] = {false};

	Assert(descriptor->natts <= KEYED_COLUMNS_MAX);
	ExecStoreHeapTuple(heap_form_tuple(descriptor, values, isnull), row, true);
	return row;
}

void
keyed_table_insert(KeyedTable *table, Datum *values)
{
	TupleTableSlot *row = make_row(table, values);

	table_tuple_insert(table->heap, row, GetCurrentCommandId(true), 0, NULL);
	insert_index_entries(table, row);
	ExecDropSingleTupleTableSlot(row);
}

/* Being the key's only writer, a change that meets another one proves that somebody else wrote. */
static void
check_change(KeyedTable *table, TM_Result result)
{
	if (result != TM_Ok)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("row of relation \"%s\" was changed by another process (result %d)",
							   RelationGetRelationName(table->heap), (int) result)));
}

void
keyed_table_update(KeyedTable *table, Datum *values)
{
	ItemPointerData tid = table->slot->tts_tid;
	CommandId command = command_for_change(table);
	TupleTableSlot *row = make_row(table, values);
	TM_FailureData failure;
	LockTupleMode lock_mode;
	CompatUpdateIndexes update_indexes;

	ExecClearTuple(table->slot);
	check_change(table,
				 table_tuple_update(table->heap, &tid, row, command, InvalidSnapshot,
									InvalidSnapshot, true, &failure, &lock_mode, &update_indexes));
	if (update_indexes)
		insert_index_entries(table, row);
	ExecDropSingleTupleTableSlot(row);
}

void
keyed_table_remove(KeyedTable *table)
{
	ItemPointerData tid = table->slot->tts_tid;
	CommandId command = command_for_change(table);
	TM_FailureData failure;

	ExecClearTuple(table->slot);
	check_change(table, table_tuple_delete(table->heap, &tid, command, InvalidSnapshot,
										   InvalidSnapshot, true, &failure, false));
}

/*
 * checksum_function.c
 *		quorate.checksum(table_name): the contents of this node's replicas, one line a partition.
 *
 * Runs in a client backend.  Rows and applied LSN are read under one snapshot, so the line says
 * what this node holds at exactly that LSN; two nodes that show the same LSN must show the same
 * checksum.  Rows that are being copied or removed are of no LSN: the rest of their line is null.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "sqlapi/api_call.h"
#include "storage/applied_table.h"
#include "storage/checksum.h"

PG_FUNCTION_INFO_V1(quorate_checksum);

/* Columns of the result, from 0. */
enum
{
	CHECKSUM_PARTITION,
	CHECKSUM_APPLIED_LSN,
	CHECKSUM_ITEMS,
	CHECKSUM_TOTAL_BYTES,
	CHECKSUM_DIGEST,
	CHECKSUM_COLUMNS
};

/* A copy that lives on while the metadata may be read again. */
static TableInfo *
copy_table(text *name)
{
	const TableInfo *found = api_table(name);
	TableInfo *table = palloc(sizeof(TableInfo));

	*table = *found;
	table->partitions = palloc(found->partition_count * sizeof(PartitionInfo));
	memcpy(table->partitions, found->partitions, found->partition_count * sizeof(PartitionInfo));
	for (uint32_t i = 0; i < table->partition_count; i++)
	{
		PartitionInfo *partition = &table->partitions[i];
		uint8_t *lower = palloc(partition->lower_length + 1);

		if (partition->lower_length > 0)
			memcpy(lower, partition->lower, partition->lower_length);
		partition->lower = lower;
	}
	return table;
}

static void
put_line(ReturnSetInfo *result, const TableInfo *table, uint32_t number, ItemTable *rows,
		 KeyedTable *applied, Snapshot snapshot)
{
	const PartitionInfo *partition = &table->partitions[number];
	const PartitionInfo *next = number + 1 < table->partition_count ? partition + 1 : NULL;
	char digest[2 * CHECKSUM_BYTES + 1];
	Datum values[CHECKSUM_COLUMNS];
	bool isnull[CHECKSUM_COLUMNS] = {false, true, true, true, true};
	AppliedRow progress;
	RangeChecksum checksum;

	values[CHECKSUM_PARTITION] = Int32GetDatum((int32) number);
	applied_table_get(applied, partition->group, snapshot, &progress);
	if (progress.stage != STAGE_APPLIED)
	{
		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
		return;
	}
	memset(isnull, false, sizeof(isnull));
	checksum_range(rows, snapshot, partition->lower, partition->lower_length,
				   next == NULL ? NULL : next->lower, next == NULL ? 0 : next->lower_length,
				   &checksum);
	digest[hex_encode((const char *) checksum.digest, CHECKSUM_BYTES, digest)] = '\0';

	values[CHECKSUM_APPLIED_LSN] = Int64GetDatum((int64) progress.applied_lsn);
	values[CHECKSUM_ITEMS] = Int64GetDatum(checksum.items);
	values[CHECKSUM_TOTAL_BYTES] = Int64GetDatum(checksum.bytes);
	values[CHECKSUM_DIGEST] = CStringGetTextDatum(digest);
	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}

Datum
quorate_checksum(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TableInfo *table = copy_table(PG_GETARG_TEXT_PP(0));
	Snapshot snapshot;
	ItemTable rows;
	KeyedTable applied;

	InitMaterializedSRF(fcinfo, 0);
	item_table_open(&rows, table->table_id, AccessShareLock);
	applied_table_open(&applied, AccessShareLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	for (uint32_t i = 0; i < table->partition_count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_line(result, table, i, &rows, &applied, snapshot);
	}
	UnregisterSnapshot(snapshot);
	keyed_table_close(&applied, AccessShareLock);
	item_table_close(&rows, AccessShareLock);
	return (Datum) 0;
}

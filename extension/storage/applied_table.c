/*
 * applied_table.c
 *		Reading and writing quorate_data.applied.
 *
 * Written by the applier or the copier, whoever owns the row, in the transaction that writes the
 * items.  After a crash the table says from where the log has to be applied, or rows copied, again;
 * it may be behind what was visible before, as both commit asynchronously, and it is then exactly as
 * far behind as the items are.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "storage/applied_table.h"

#define APPLIED_TABLE "applied"

/* Columns, from 0. */
enum
{
	APPLIED_GROUP,
	APPLIED_LSN,
	APPLIED_ITEMS,
	APPLIED_BYTES,
	APPLIED_ROWS,
	APPLIED_COPY_LSN,
	APPLIED_COPY_POSITION,
	APPLIED_COPY_STARTED,
	APPLIED_COLUMNS
};

static Oid
applied_table_relid(void)
{
	Oid schema = get_namespace_oid(DATA_SCHEMA, true);

	return OidIsValid(schema) ? get_relname_relid(APPLIED_TABLE, schema) : InvalidOid;
}

bool
applied_table_exists(void)
{
	return OidIsValid(applied_table_relid());
}

void
applied_table_open(KeyedTable *table, LOCKMODE lockmode)
{
	Oid relid = applied_table_relid();

	if (!OidIsValid(relid))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation \"%s.%s\" does not exist", DATA_SCHEMA, APPLIED_TABLE)));
	keyed_table_open(table, relid, F_INT8EQ, lockmode);
}

/* Reads a position; an impossible one can only be damage. */
static void
read_position(Datum datum, Position *position)
{
	bytea *bytes = DatumGetByteaPP(datum);

	position->length = VARSIZE_ANY_EXHDR(bytes);
	if (position->length > sizeof(position->bytes))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("position in relation \"%s.%s\" is too long", DATA_SCHEMA, APPLIED_TABLE)));
	memcpy(position->bytes, VARDATA_ANY(bytes), position->length);
}

/* Reads the row in the slot. */
static void
read_row(KeyedTable *table, AppliedRow *row)
{
	Datum *values;

	slot_getallattrs(table->slot);
	values = table->slot->tts_values;
	row->group = (GroupId) DatumGetInt64(values[APPLIED_GROUP]);
	row->applied_lsn = (Lsn) DatumGetInt64(values[APPLIED_LSN]);
	row->items = DatumGetInt64(values[APPLIED_ITEMS]);
	row->bytes = DatumGetInt64(values[APPLIED_BYTES]);
	row->stage = (RowsStage) DatumGetInt16(values[APPLIED_ROWS]);
	row->copy_lsn = (Lsn) DatumGetInt64(values[APPLIED_COPY_LSN]);
	row->copy_started = DatumGetTimestampTz(values[APPLIED_COPY_STARTED]);
	read_position(values[APPLIED_COPY_POSITION], &row->copy_position);
}

bool
applied_table_get(KeyedTable *table, GroupId group, Snapshot snapshot, AppliedRow *row)
{
	bool found = keyed_table_find(table, Int64GetDatum((int64) group), snapshot);

	if (found)
		read_row(table, row);
	else
		*row = (AppliedRow){.group = group};
	ExecClearTuple(table->slot);
	return found;
}

void
applied_table_read(KeyedTable *table, Snapshot snapshot, AppliedRowVisitor visitor, void *context)
{
	IndexScanDesc scan = index_beginscan(table->heap, table->index, snapshot, 0, 0);

	index_rescan(scan, NULL, 0, NULL, 0);
	while (index_getnext_slot(scan, ForwardScanDirection, table->slot))
	{
		AppliedRow row;

		read_row(table, &row);
		visitor(context, &row);
	}
	index_endscan(scan);
}

void
applied_table_put(KeyedTable *table, const AppliedRow *row)
{
	Datum values[APPLIED_COLUMNS];
	bytea *position = palloc(VARHDRSZ + row->copy_position.length);

	SET_VARSIZE(position, VARHDRSZ + row->copy_position.length);
	memcpy(VARDATA(position), row->copy_position.bytes, row->copy_position.length);
	values[APPLIED_GROUP] = Int64GetDatum((int64) row->group);
	values[APPLIED_LSN] = Int64GetDatum((int64) row->applied_lsn);
	values[APPLIED_ITEMS] = Int64GetDatum(row->items);
	values[APPLIED_BYTES] = Int64GetDatum(row->bytes);
	values[APPLIED_ROWS] = Int16GetDatum((int16) row->stage);
	values[APPLIED_COPY_LSN] = Int64GetDatum((int64) row->copy_lsn);
	values[APPLIED_COPY_POSITION] = PointerGetDatum(position);
	values[APPLIED_COPY_STARTED] = TimestampTzGetDatum(row->copy_started);

	if (keyed_table_find_own(table, values[APPLIED_GROUP]))
		keyed_table_update(table, values);
	else
		keyed_table_insert(table, values);
	pfree(position);
}

void
applied_table_remove(KeyedTable *table, GroupId group)
{
	if (keyed_table_find_own(table, Int64GetDatum((int64) group)))
		keyed_table_remove(table);
}

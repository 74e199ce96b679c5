/*
 * applied_table.c
 *		Reading and writing quorate_data.applied.
 *
 * Written by the applier, in the transaction that writes the items.  After a crash the table says
 * from where the log has to be applied again; it may be behind what was visible before, as the
 * applier commits asynchronously, and it is then exactly as far behind as the items are.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "storage/applied_table.h"

#define APPLIED_TABLE "applied"

/* Columns, from 0. */
enum
{
	APPLIED_GROUP,
	APPLIED_LSN,
	APPLIED_ITEMS,
	APPLIED_BYTES,
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

	values[APPLIED_GROUP] = Int64GetDatum((int64) row->group);
	values[APPLIED_LSN] = Int64GetDatum((int64) row->applied_lsn);
	values[APPLIED_ITEMS] = Int64GetDatum(row->items);
	values[APPLIED_BYTES] = Int64GetDatum(row->bytes);

	if (keyed_table_find_own(table, values[APPLIED_GROUP]))
		keyed_table_update(table, values);
	else
		keyed_table_insert(table, values);
}

void
applied_table_remove(KeyedTable *table, GroupId group)
{
	if (keyed_table_find_own(table, Int64GetDatum((int64) group)))
		keyed_table_remove(table);
}

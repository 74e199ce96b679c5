/*
 * copy_pause.c
 *		Reading and writing quorate_data.copy_pause.
 *
 * Read by the copier and by client backends, written by client backends.  Their lock keeps writers apart until they
 * commit, as those of keyed_table.h have to be, and lets readers through.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "storage/copy_pause.h"
#include "storage/keyed_table.h"

#define PAUSE_TABLE "copy_pause"

/* Columns, from 0. */
enum
{
	PAUSE_KEY, /* always true: there is one row at most */
	PAUSE_SINCE,
	PAUSE_BY,
	PAUSE_COLUMNS
};

static void
open_table(KeyedTable *table, LOCKMODE lockmode)
{
	Oid relid = get_relname_relid(PAUSE_TABLE, get_namespace_oid(DATA_SCHEMA, false));

	if (!OidIsValid(relid))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation \"%s.%s\" does not exist", DATA_SCHEMA, PAUSE_TABLE)));
	keyed_table_open(table, relid, F_BOOLEQ, lockmode);
}

bool
copy_pause_read(CopyPause *pause)
{
	KeyedTable table;
	bool found;

	open_table(&table, AccessShareLock);
	found = keyed_table_find_own(&table, BoolGetDatum(true));
	if (found)
	{
		slot_getallattrs(table.slot);
		pause->since = DatumGetTimestampTz(table.slot->tts_values[PAUSE_SINCE]);
		pause->paused_by = *DatumGetName(table.slot->tts_values[PAUSE_BY]);
	}
	ExecClearTuple(table.slot);
	keyed_table_close(&table, AccessShareLock);
	return found;
}

void
copy_pause_begin(const CopyPause *pause)
{
	Datum values[PAUSE_COLUMNS] = {[PAUSE_KEY] = BoolGetDatum(true),
								   [PAUSE_SINCE] = TimestampTzGetDatum(pause->since),
								   [PAUSE_BY] = NameGetDatum(&pause->paused_by)};
	KeyedTable table;

	open_table(&table, ShareRowExclusiveLock);
	if (!keyed_table_find_own(&table, values[PAUSE_KEY]))
		keyed_table_insert(&table, values);
	keyed_table_close(&table, NoLock);
	ForceSyncCommit();
}

void
copy_pause_end(void)
{
	KeyedTable table;

	open_table(&table, ShareRowExclusiveLock);
	if (keyed_table_find_own(&table, BoolGetDatum(true)))
		keyed_table_remove(&table);
	keyed_table_close(&table, NoLock);
	ForceSyncCommit();
}

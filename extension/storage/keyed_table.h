/*
 * keyed_table.h
 *		A table with a primary key of one column, read and written without SQL.
 *
 * The extension's own tables (item tables, the table of applied LSNs, the pause of copies) are changed by the
 * extension only, and each row by one process at a time; so their rows can go straight to heap and index, at half the
 * cost of a prepared statement.  This is what item_table.c, applied_table.c and copy_pause.c have in common.
 */
#ifndef QUORATE_STORAGE_KEYED_TABLE_H
#define QUORATE_STORAGE_KEYED_TABLE_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

typedef struct KeyedTable
{
	Relation heap;
	Relation index;       /* of the primary key */
	RegProcedure equal;   /* equality of the key's type, for ScanKeyInit */
	TupleTableSlot *slot; /* the row found last */
} KeyedTable;

/* Schema that holds the extension's own tables. */
#define DATA_SCHEMA "quorate_data"

/*
 * Opens a relation and its primary key's index.  ERROR XX002 if the index is missing or invalid.
 * The lock on the relation is kept until the end of the transaction if keyed_table_close is given
 * NoLock.
 */
extern void keyed_table_open(KeyedTable *table, Oid relid, RegProcedure equal, LOCKMODE lockmode);
extern void keyed_table_close(KeyedTable *table, LOCKMODE lockmode);

/*
 * Finds the row of a key; it is then in table->slot until the next call.  False if there is none.
 */
extern bool keyed_table_find(KeyedTable *table, Datum key, Snapshot snapshot);

/* The same as the only writer sees it: everything committed, and its own transaction's changes. */
extern bool keyed_table_find_own(KeyedTable *table, Datum key);

/*
 * Writers.  `values` has one datum for each column, none of them null.  Update and remove work on
 * the row that keyed_table_find_own has just found.
 */
extern void keyed_table_insert(KeyedTable *table, Datum *values);
extern void keyed_table_update(KeyedTable *table, Datum *values);
extern void keyed_table_remove(KeyedTable *table);

#endif /* QUORATE_STORAGE_KEYED_TABLE_H */

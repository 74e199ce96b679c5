/*
 * item_relation.c
 *		Creating and dropping the relations of item tables on this node.
 *
 * Runs in the applier (reconciler.c) and, for the metadata's own relation, in the backend that
 * creates the extension.  Durable when the caller's transaction commits.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/wait_event.h"

#include "catalog/item_relation.h"
#include "catalog/metadata.h"
#include "catalog/protect.h"
#include "storage/applied_table.h"
#include "storage/item_table.h"

/*
 * Room on each page for new versions of its rows, so that updates need no new index entries (HOT).
 * Items stay in the row, compressed, as long as a page can hold them; that is where their updates
 * are cheapest. Positions are never compressed or moved out of the row.
 */
#define ITEM_FILLFACTOR 85

#define BUSY_POLL_MS 50

#ifdef USE_LZ4
#define ITEM_COMPRESSION " COMPRESSION lz4"
#else
#define ITEM_COMPRESSION ""
#endif

/* The owner of the schema, who is the owner of the extension. */
static Oid
schema_owner(void)
{
	Oid schema = get_namespace_oid(DATA_SCHEMA, false);
	HeapTuple tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for schema %u", schema);
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Runs one command, made by printf, as the owner.  An error's rollback restores the user. */
static void run_as_owner(const char *format, ...) pg_attribute_printf(1, 2);

static void
run_as_owner(const char *format, ...)
{
	StringInfoData sql;
	Oid user;
	int security_context;
	va_list arguments;
	int needed;

	initStringInfo(&sql);
	do
	{
		va_start(arguments, format);
		needed = appendStringInfoVA(&sql, format, arguments);
		va_end(arguments);
		if (needed != 0)
			enlargeStringInfo(&sql, needed);
	} while (needed != 0);

	GetUserIdAndSecContext(&user, &security_context);
	SetUserIdAndSecContext(schema_owner(), security_context | SECURITY_LOCAL_USERID_CHANGE);
	protect_run_own(sql.data);
	SetUserIdAndSecContext(user, security_context);
	pfree(sql.data);
}

void
item_relation_create(uint32_t table_id, const char *table_name)
{
	run_as_owner("CREATE TABLE " DATA_SCHEMA ".t%u ("
				 "position pg_catalog.bytea PRIMARY KEY, "
				 "lsn pg_catalog.int8 NOT NULL, "
				 "crc pg_catalog.int4 NOT NULL, "
				 "item quorate.item" ITEM_COMPRESSION " NOT NULL) WITH (fillfactor = %d)",
				 table_id, ITEM_FILLFACTOR);
	run_as_owner("ALTER TABLE " DATA_SCHEMA ".t%u ALTER COLUMN position SET STORAGE PLAIN, "
				 "ALTER COLUMN item SET STORAGE MAIN",
				 table_id);
	run_as_owner("COMMENT ON TABLE " DATA_SCHEMA ".t%u IS %s", table_id,
				 quote_literal_cstr(psprintf("this node's replica of item table %s", table_name)));
	run_as_owner("GRANT SELECT ON TABLE " DATA_SCHEMA ".t%u TO quorate_admin", table_id);

	/* While the extension's script runs, whatever it creates becomes a member by itself. */
	if (!creating_extension)
		run_as_owner("ALTER EXTENSION quorate ADD TABLE " DATA_SCHEMA ".t%u", table_id);
}

bool
item_relation_drop(uint32_t table_id)
{
	Oid relid = item_table_relid(table_id);

	if (!ConditionalLockRelationOid(relid, AccessExclusiveLock))
		return false;
	run_as_owner("ALTER EXTENSION quorate DROP TABLE " DATA_SCHEMA ".t%u", table_id);
	run_as_owner("DROP TABLE " DATA_SCHEMA ".t%u CASCADE", table_id);
	return true;
}

/* ---------------------------------------------------------------- everything that is there */

/*
 * The ids of all relations of item tables but the metadata's, whether the metadata knows them or
 * not; a list of integers.
 */
static List *
list_table_ids(void)
{
	List *ids = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Relation classes = table_open(RelationRelationId, AccessShareLock);

	ScanKeyInit(&key, Anum_pg_class_relnamespace, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(get_namespace_oid(DATA_SCHEMA, false)));
	scan = systable_beginscan(classes, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class class = (Form_pg_class) GETSTRUCT(tuple);
		uint32_t table_id;
		char rest;

		if (class->relkind == RELKIND_RELATION &&
			sscanf(NameStr(class->relname), "t%u%c", &table_id, &rest) == 1 &&
			table_id != METADATA_TABLE_ID)
			ids = lappend_int(ids, (int) table_id);
	}
	systable_endscan(scan);
	table_close(classes, AccessShareLock);
	return ids;
}

static bool
note_item(void *context, const ItemRow *row)
{
	*(bool *) context = true;
	return false;
}

static void
note_applied(void *context, const AppliedRow *row)
{
	*(bool *) context = true;
}

bool
item_relations_left(void)
{
	bool found = list_table_ids() != NIL;
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	ItemTable metadata;
	KeyedTable applied;

	item_table_open(&metadata, METADATA_TABLE_ID, AccessShareLock);
	item_table_range_at(&metadata, snapshot, NULL, 0, NULL, 0, note_item, &found);
	item_table_close(&metadata, AccessShareLock);
	applied_table_open(&applied, AccessShareLock);
	applied_table_read(&applied, snapshot, note_applied, &found);
	keyed_table_close(&applied, AccessShareLock);
	UnregisterSnapshot(snapshot);
	return found;
}

/* A reader may be using it for a moment. */
static void
drop_when_free(uint32_t table_id)
{
	while (!item_relation_drop(table_id))
	{
		CHECK_FOR_INTERRUPTS();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, BUSY_POLL_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

void
item_relations_clear(void)
{
	List *ids = list_table_ids();
	ListCell *cell;

	foreach (cell, ids)
		drop_when_free((uint32_t) lfirst_int(cell));
	run_as_owner("TRUNCATE " DATA_SCHEMA ".t%u, " DATA_SCHEMA ".applied, " DATA_SCHEMA
				 ".copy_pause",
				 METADATA_TABLE_ID);
	CommandCounterIncrement();
}

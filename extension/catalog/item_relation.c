/*
 * item_relation.c
 *		Creating and dropping the relations of item tables on this node.
 *
 * Runs in the applier (reconciler.c) and, for the metadata's own relation, in the backend that creates the
 * extension.  Durable when the caller's transaction commits.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "catalog/item_relation.h"
#include "catalog/protect.h"
#include "storage/item_table.h"

/*
 * Room on each page for new versions of its rows, so that updates need no new index entries (HOT).  Items
 * stay in the row, compressed, as long as a page can hold them; that is where their updates are cheapest.
 * Positions are never compressed or moved out of the row.
 */
#define ITEM_FILLFACTOR 85

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

/*
 * install.c
 *		What CREATE EXTENSION and ALTER EXTENSION UPDATE need besides SQL, and whether library and SQL objects
 *		belong together.
 *
 * The functions are called by the extension's scripts, in the backend that runs them, as a superuser, inside of their
 * transaction.  install_require_served runs in every process that works with the extension's tables.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "catalog/install.h"
#include "catalog/item_relation.h"
#include "catalog/metadata.h"
#include "settings.h"
#include "shmem/shared_state.h"

PG_FUNCTION_INFO_V1(quorate_require_library);
PG_FUNCTION_INFO_V1(quorate_check_installation);
PG_FUNCTION_INFO_V1(quorate_create_metadata_relation);

/*
 * quorate._require_library(release text): every script of the extension, for CREATE or for ALTER EXTENSION UPDATE,
 * begins with it.  The library is the one that the server loaded when it was started, whatever files have been
 * installed since.
 */
Datum
quorate_require_library(PG_FUNCTION_ARGS)
{
	char *release = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (strcmp(release, QUORATE_RELEASE) == 0)
		PG_RETURN_VOID();
	ereport(
		ERROR,
		(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		 errmsg("version %s of extension quorate needs release %s of its library", release,
				release),
		 errdetail("This server has loaded release %s.", QUORATE_RELEASE),
		 errhint("Restart the server after the files of the new release have been installed.")));
	PG_RETURN_VOID();
}

/* The version of the extension's SQL objects; NULL if it is not there. */
static char *
installed_version(void)
{
	Relation extensions = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	char *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("quorate"));
	scan = systable_beginscan(extensions, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool is_null;
		Datum datum = heap_getattr(tuple, Anum_pg_extension_extversion,
								   RelationGetDescr(extensions), &is_null);

		version = is_null ? NULL : TextDatumGetCString(datum);
	}
	systable_endscan(scan);
	table_close(extensions, AccessShareLock);
	return version;
}

void
install_require_served(int level)
{
	char *version = installed_version();

	if (version == NULL || strcmp(version, QUORATE_RELEASE) == 0 ||
		strcmp(version, QUORATE_RELEASE_BEFORE) == 0)
		return;
	ereport(level,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("release %s of quorate's library does not serve version %s of the extension",
					QUORATE_RELEASE, version),
			 errdetail("It serves version %s, and %s during an upgrade.", QUORATE_RELEASE,
					   QUORATE_RELEASE_BEFORE),
			 errhint("Install release %s and restart the server.", version)));
}

/* The launcher looks for the extension now and then; once it is there, at once. */
static void
wake_launcher_at_commit(XactEvent event, void *argument)
{
	if (event == XACT_EVENT_COMMIT)
		shared_wake_launcher();
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		UnregisterXactCallback(wake_launcher_at_commit, NULL);
}

/* Refuses to go on where the extension could not work: nothing has been created yet. */
Datum
quorate_check_installation(PG_FUNCTION_ARGS)
{
	char *database = get_database_name(MyDatabaseId);

	shared_state_require();
	if (strcmp(database, quorate_database) != 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("extension quorate can only be created in database \"%s\"", quorate_database),
			 errdetail("This is database \"%s\"; one database of a server holds the item tables.",
					   database),
			 errhint("Connect to that database, or set quorate.database and restart the server.")));
	RegisterXactCallback(wake_launcher_at_commit, NULL);
	shared_explain_unconfigured(
		""); /* what was left of a former cluster has gone with the extension */
	PG_RETURN_VOID();
}

Datum
quorate_create_metadata_relation(PG_FUNCTION_ARGS)
{
	item_relation_create(METADATA_TABLE_ID, "of the cluster's metadata");
	PG_RETURN_VOID();
}

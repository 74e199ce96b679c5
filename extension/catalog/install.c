/*
 * install.c
 *		What CREATE EXTENSION needs besides SQL: called by the install script, which then drops the
 *		functions.
 *
 * Runs in the backend that executes CREATE EXTENSION, as a superuser, inside of its transaction.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"

#include "catalog/item_relation.h"
#include "catalog/metadata.h"
#include "settings.h"
#include "shmem/shared_state.h"

PG_FUNCTION_INFO_V1(quorate_check_installation);
PG_FUNCTION_INFO_V1(quorate_create_metadata_relation);

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

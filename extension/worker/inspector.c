/*
 * inspector.c
 *		Looks once, after the start of the server, whether a node without an identity holds items.
 *
 * Base backups carry the tables but skip the log directory, and with it the identity.  A server that was made
 * from one belongs to no cluster, and rightly so, yet its rows suggest otherwise; an upgrade after which the log
 * directory was not moved along looks the same.  The replicator, which knows that there is no identity, cannot
 * read tables, so the launcher starts this short-lived worker in the database.  It says what it found, in the
 * server's log and in the state of the node, and ends.  It changes no table.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"

#include "catalog/item_relation.h"
#include "settings.h"
#include "shmem/shared_state.h"
#include "storage/applied_table.h"

#define LEFT_BEHIND                                                                                            \
	"its tables hold items of a cluster, but its log directory has no identity: it was made from a backup or " \
	"a copy, or upgraded without its log directory"

PGDLLEXPORT void inspector_main(Datum argument);

/* In a transaction of its own, without the extension as without items: no. */
static bool
items_are_left(void)
{
	bool left;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	left = applied_table_exists() && item_relations_left();
	PopActiveSnapshot();
	CommitTransactionCommand();
	return left;
}

void
inspector_main(Datum argument)
{
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(quorate_database, NULL, 0);

	if (items_are_left() && shared_explain_unconfigured(LEFT_BEHIND))
		ereport(
			LOG,
			(errmsg("this node belongs to no cluster: %s", LEFT_BEHIND),
			 errhint("Put the node's own log directory in its place, or DROP EXTENSION quorate to "
					 "begin anew.")));
}

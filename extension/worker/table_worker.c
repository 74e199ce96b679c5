/*
 * table_worker.c
 *		What the two processes that write tables, the applier and the copier, have in common.
 *
 * Both are connected to quorate.database as the bootstrap superuser and commit asynchronously: the log, and the
 * other replicas, are what makes rows durable.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "catalog/install.h"
#include "catalog/metadata.h"
#include "settings.h"
#include "shmem/rows_state.h"
#include "shmem/shared_state.h"
#include "storage/applied_table.h"
#include "worker/table_worker.h"

static uint8_t cluster_id[16]; /* of the cluster whose rows this process writes */
static const char *process_name;
static GroupId group_at_work = 0; /* whose rows this process is at work on */

/* ---------------------------------------------------------------- a life, and its end */

void
table_worker_at(GroupId group)
{
	group_at_work = group;
}

/* The error stays where it is, for whoever reports it and ends the process. */
static void
note_failure(RowsWriter writer)
{
	ErrorData *error;

	MemoryContextSwitchTo(TopMemoryContext);
	error = CopyErrorData();
	HOLD_INTERRUPTS();
	LWLockReleaseAll(); /* it may have come while one was held, and this process does nothing any more */
	rows_failure_set(writer, group_at_work, error->message != NULL ? error->message : "");
}

void
table_worker_run(RowsWriter writer, void (*work)(void))
{
	PG_TRY();
	{
		work();
	}
	PG_CATCH();
	{
		note_failure(writer);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
table_worker_start(const char *name)
{
	process_name = name;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(quorate_database, NULL, 0);

	SetConfigOption("synchronous_commit", "off", PGC_SUSET, PGC_S_OVERRIDE);

	/* Nobody's limits on statements are meant for this process. */
	SetConfigOption("statement_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("idle_in_transaction_session_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("search_path", "pg_catalog", PGC_SUSET, PGC_S_OVERRIDE);

	LWLockAcquire(quorate_shared->lock, LW_SHARED);
	memcpy(cluster_id, quorate_shared->cluster_id, sizeof(cluster_id));
	LWLockRelease(quorate_shared->lock);
}

void
table_worker_require_extension(void)
{
	if (!applied_table_exists())
		ereport(FATAL,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("database \"%s\" does not have the extension quorate", quorate_database)));
	install_require_served(FATAL);
}

/* True if this node belongs to the cluster that the process was started for. */
static bool
is_member(void)
{
	bool member;

	LWLockAcquire(quorate_shared->lock, LW_SHARED);
	member = pg_atomic_read_u32(&quorate_shared->node_state) != NODE_UNCONFIGURED &&
			 memcmp(quorate_shared->cluster_id, cluster_id, sizeof(cluster_id)) == 0;
	LWLockRelease(quorate_shared->lock);
	return member;
}

void
table_worker_check_member(void)
{
	if (is_member())
		return;
	ereport(LOG, (errmsg("quorate %s ends: this node left its cluster", process_name)));
	proc_exit(1);
}

void
table_worker_check_signals(void)
{
	CHECK_FOR_INTERRUPTS();
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
}

/* Does the metadata know the partition of this group, and have others keep it? */
static bool
metadata_lists_others(GroupId group)
{
	const TableInfo *table;

	if (group == GROUP_METADATA || !metadata_is_complete())
		return false;
	table = metadata_table_by_id(metadata_table_of_group(group));
	for (uint32_t i = 0; table != NULL && i < table->partition_count; i++)
	{
		const Membership *membership = &table->partitions[i].membership;
		bool listed = false;

		if (table->partitions[i].group != group)
			continue;
		for (uint32_t m = 0; m < membership->member_count; m++)
			listed |= membership->members[m].node == quorate_shared->self;
		return !listed;
	}
	return false;
}

bool
table_worker_rows_have_gone(GroupId group)
{
	/* Before all groups of the log are open, none of them is missing. */
	if (pg_atomic_read_u32(&quorate_shared->node_state) != NODE_RUNNING ||
		shared_group_find(group) != NULL)
		return false;
	return rows_are_noted_gone(group) || metadata_lists_others(group);
}

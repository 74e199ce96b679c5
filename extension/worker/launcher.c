/*
 * launcher.c
 *		Starts applier, forwarder and copier, and starts them again when they have ended; has a node without
 *		a cluster inspected once.
 *
 * The launcher is a static background worker without a database, so that no database is held by it.  The
 * replicator is static too.  Applier, forwarder and copier run while this node belongs to a cluster and the
 * database exists that quorate.database names.  They are registered without a restart time: a worker whose
 * database was dropped would otherwise be restarted for ever by the postmaster.  A worker that finds no
 * extension in the database ends with exit code 1, and the launcher tries again, at first after a second and
 * then less often.
 *
 * Nothing is durable here.  All workers end with exit code 1 when they are told to terminate: with code 0
 * the postmaster would forget them.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "settings.h"
#include "shmem/shared_state.h"
#include "worker/launcher.h"

#define RESTART_SECONDS 1
#define CHECK_INTERVAL_US (1000 * 1000)
#define BACKOFF_MAX_US (16 * CHECK_INTERVAL_US)

/* A worker that is connected to the database. */
typedef struct DatabaseWorker
{
	const char *name;
	const char *function;           /* its entry point in this library */
	Size latch_offset;              /* of its latch in SharedState */
	BackgroundWorkerHandle *handle; /* NULL if this launcher has not started it, or it has ended */
	TimeUs started_us;
	TimeUs start_after_us; /* not before */
	TimeUs backoff_us;
} DatabaseWorker;

static DatabaseWorker database_workers[] = {
	{"quorate applier", "applier_main", offsetof(SharedState, applier_latch), NULL, 0, 0,
	 CHECK_INTERVAL_US},
	{"quorate forwarder", "forwarder_main", offsetof(SharedState, forwarder_latch), NULL, 0, 0,
	 CHECK_INTERVAL_US},
	{"quorate copier", "copier_main", offsetof(SharedState, copier_latch), NULL, 0, 0,
	 CHECK_INTERVAL_US}};

PGDLLEXPORT void launcher_main(Datum argument);

/* Fields that all workers of this library have in common. */
static void
fill_worker(BackgroundWorker *worker, const char *name, const char *function)
{
	memset(worker, 0, sizeof(*worker));
	snprintf(worker->bgw_name, BGW_MAXLEN, "%s", name);
	snprintf(worker->bgw_type, BGW_MAXLEN, "%s", name);
	snprintf(worker->bgw_library_name, BGW_MAXLEN, "quorate");
	snprintf(worker->bgw_function_name, BGW_MAXLEN, "%s", function);
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = RESTART_SECONDS;
}

void
launcher_register_static_workers(void)
{
	BackgroundWorker worker;

	fill_worker(&worker, "quorate launcher", "launcher_main");
	RegisterBackgroundWorker(&worker);
	fill_worker(&worker, "quorate replicator", "replicator_main");
	RegisterBackgroundWorker(&worker);
}

/*
 * Does the database exist?  pg_database is shared, so no connection to a database is needed; but it is read
 * without an index, whose description could only be looked up in a database.
 */
static bool
database_exists(void)
{
	bool exists = false;
	Relation databases;
	TableScanDesc scan;
	HeapTuple tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	databases = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(databases, 0, NULL);
	while (!exists && (tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		exists = strcmp(NameStr(database->datname), quorate_database) == 0;
	}
	table_endscan(scan);
	table_close(databases, AccessShareLock);
	CommitTransactionCommand();
	return exists;
}

/* Has a worker ended?  Then plans its next start: later each time, unless it had run for a while. */
static void
check_worker(DatabaseWorker *worker, TimeUs now)
{
	pid_t pid;

	if (worker->handle == NULL || GetBackgroundWorkerPid(worker->handle, &pid) != BGWH_STOPPED)
		return;
	pfree(worker->handle);
	worker->handle = NULL;
	if (now - worker->started_us > BACKOFF_MAX_US)
		worker->backoff_us = CHECK_INTERVAL_US;
	worker->start_after_us = now + worker->backoff_us;
	worker->backoff_us = Min(worker->backoff_us * 2, BACKOFF_MAX_US);
}

static void
start_worker(DatabaseWorker *worker, TimeUs now)
{
	BackgroundWorker registration;

	fill_worker(&registration, worker->name, worker->function);
	registration.bgw_restart_time = BGW_NEVER_RESTART;
	registration.bgw_notify_pid = MyProcPid;
	worker->started_us = now;
	if (RegisterDynamicBackgroundWorker(&registration, &worker->handle))
		return;

	worker->handle = NULL;
	worker->start_after_us = now + BACKOFF_MAX_US;
	ereport(LOG, (errmsg("could not start the %s", worker->name),
				  errhint("You may need to increase max_worker_processes.")));
}

/* One that a former launcher started may still run: the launcher can end before its workers do. */
static bool
worker_is_running(const DatabaseWorker *worker)
{
	return *(Latch *volatile *) ((char *) quorate_shared + worker->latch_offset) != NULL;
}

/* The launcher ends, and with it those whom its successor could not find. */
static void
terminate_workers(int code, Datum argument)
{
	for (int i = 0; i < lengthof(database_workers); i++)
	{
		if (database_workers[i].handle != NULL)
			TerminateBackgroundWorker(database_workers[i].handle);
	}
}

/* As soon as it is known that this node belongs to no cluster: has somebody look whether it holds items. */
static void
inspect_once(NodeState state)
{
	static bool decided = false;
	BackgroundWorker inspector;

	if (decided || state == NODE_STARTING)
		return;
	decided = true;
	if (state != NODE_UNCONFIGURED || !database_exists())
		return;
	fill_worker(&inspector, "quorate inspector", "inspector_main");
	inspector.bgw_restart_time = BGW_NEVER_RESTART;
	if (!RegisterDynamicBackgroundWorker(&inspector, NULL))
		ereport(LOG, (errmsg("could not start the quorate inspector"),
					  errhint("You may need to increase max_worker_processes.")));
}

static void
check_workers(void)
{
	TimeUs now = shared_now_us();
	NodeState state = pg_atomic_read_u32(&quorate_shared->node_state);
	bool wanted = state == NODE_RUNNING && database_exists();

	inspect_once(state);
	for (int i = 0; i < lengthof(database_workers); i++)
	{
		DatabaseWorker *worker = &database_workers[i];

		check_worker(worker, now);
		if (wanted && worker->handle == NULL && now >= worker->start_after_us &&
			!worker_is_running(worker))
			start_worker(worker, now);
		else if (!wanted && worker->handle != NULL)
			TerminateBackgroundWorker(worker->handle);
	}
}

void
launcher_main(Datum argument)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("quorate launcher");
	shared_register_latch(&quorate_shared->launcher_latch);
	before_shmem_exit(terminate_workers, 0);

	for (;;)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		check_workers();
		WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
				  CHECK_INTERVAL_US / 1000, PG_WAIT_EXTENSION);
	}
}

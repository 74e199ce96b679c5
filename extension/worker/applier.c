/*
 * applier.c
 *		The process that brings committed entries into this node's tables.
 *
 * One background worker, connected to quorate.database as the bootstrap superuser.  It takes
 * whatever the replicator has fed, as one batch, and writes it in one transaction that commits
 * asynchronously: the log is what makes an entry durable, and after a crash the entries that the
 * tables have lost are fed again.  After a batch it lets entries gather for a moment, unless
 * somebody waits for rows: a transaction, and the applied LSN of each group in it, cost as much as
 * several rows.  After a batch that changed the metadata it runs the reconciler.
 *
 * It never holds a transaction while it waits.  Whatever goes wrong (a full disk, a missing
 * extension, a dropped database) is an error that ends the process with exit code 1; it is started
 * again and begins anew from what the tables say.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

#include "catalog/reconciler.h"
#include "settings.h"
#include "shmem/apply_feed.h"
#include "shmem/shared_state.h"
#include "storage/applied_table.h"
#include "storage/own_transaction.h"
#include "worker/applier.h"
#include "worker/applier_progress.h"
#include "worker/apply_batch.h"

#define IDLE_FLUSH_MS \
	200 /* after this long without work WAL is flushed, so that durable catches up */
#define DURABLE_CHECK_MS \
	20 /* under load: how often it is looked at what has been flushed meanwhile */
#define RECONCILE_RETRY_MS 100
#define IDLE_MS 1000
#define GATHER_MS 10 /* after a batch: how long entries may gather for the next one */

static uint8_t cluster_id[16]; /* of the cluster whose entries this process applies */
static TimeUs durable_checked_us = 0;
static TimeUs reconcile_at_us = 0; /* when the reconciler wants to run again; 0 for never */
static bool something_to_flush = false;
static uint64_t groups_seen = 0; /* SharedState.groups_generation at the last look */

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

/*
 * Ends the process when the node has left its cluster.  Within a transaction that has locked the
 * table of applied LSNs this is certain: a leaving node empties that table after it has left, and
 * so after the lock.
 */
static void
check_member(void)
{
	if (is_member())
		return;
	ereport(LOG, (errmsg("quorate applier ends: this node left its cluster")));
	proc_exit(1);
}

static void
reconcile(void)
{
	bool again = reconciler_run();

	reconcile_at_us = again ? shared_now_us() + RECONCILE_RETRY_MS * INT64CONST(1000) : 0;
}

/*
 * Asks for the entries of new groups, at once, and, now and then, of those that are not fed for
 * another reason.
 */
static void
start_feeds(bool look_anyway)
{
	uint64_t generation = pg_atomic_read_u64(&quorate_shared->groups_generation);

	if (generation == groups_seen && !look_anyway)
		return;
	groups_seen = generation;
	progress_start_feeds();
}

/* ---------------------------------------------------------------- work */

/* Applies what has been fed, at most one batch of it; false if there was nothing. */
static bool
apply_some(void)
{
	ApplyItem item;
	bool has_metadata;

	while (!apply_batch_is_full() && apply_feed_peek(&item))
	{
		apply_batch_add(&item);
		apply_feed_consume();
	}
	if (apply_batch_is_empty())
		return false;

	own_transaction_begin();
	apply_batch_lock();
	check_member();
	apply_batch_write();
	own_transaction_commit();
	has_metadata = apply_batch_publish();
	something_to_flush = true;
	if (has_metadata)
		reconcile();
	return true;
}

static void
check_durable(bool force)
{
	TimeUs now = shared_now_us();

	if (!something_to_flush ||
		(!force && now < durable_checked_us + DURABLE_CHECK_MS * INT64CONST(1000)))
		return;
	durable_checked_us = now;
	something_to_flush = progress_note_durable(force);
}

static void
reconcile_if_due(void)
{
	if (reconcile_at_us != 0 && shared_now_us() >= reconcile_at_us)
		reconcile();
}

static long
idle_ms(void)
{
	long wait_ms = IDLE_MS;

	if (something_to_flush)
		wait_ms = IDLE_FLUSH_MS;
	if (reconcile_at_us != 0)
		wait_ms = Min(wait_ms, RECONCILE_RETRY_MS);
	return wait_ms;
}

/* Waits for more; when nothing came for a while, makes durable what has been applied. */
static void
wait_for_work(void)
{
	int events;

	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	events = apply_feed_wait(idle_ms());
	if (events & WL_TIMEOUT)
	{
		check_durable(true);
		start_feeds(true);
		pgstat_report_stat(true);
	}
	pgstat_report_activity(STATE_RUNNING, "applying committed entries");
}

/* ---------------------------------------------------------------- life */

static void
set_up_process(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(quorate_database, NULL, 0);

	/* The log has already made durable what is applied here. */
	SetConfigOption("synchronous_commit", "off", PGC_SUSET, PGC_S_OVERRIDE);

	/* Nobody's limits on statements are meant for this process. */
	SetConfigOption("statement_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("idle_in_transaction_session_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("search_path", "pg_catalog", PGC_SUSET, PGC_S_OVERRIDE);
}

/* Reads how far the tables are and asks for what follows. */
static void
begin_life(void)
{
	LWLockAcquire(quorate_shared->lock, LW_SHARED);
	memcpy(cluster_id, quorate_shared->cluster_id, sizeof(cluster_id));
	LWLockRelease(quorate_shared->lock);

	apply_feed_restart();
	own_transaction_begin();
	if (!applied_table_exists())
		ereport(FATAL,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("database \"%s\" does not have the extension quorate", quorate_database)));
	progress_load();
	own_transaction_commit();
	apply_batch_init();
	shared_register_latch(&quorate_shared->applier_latch);
	pg_atomic_fetch_add_u64(&quorate_shared->metadata_generation, 1);
	reconcile();
}

void
applier_main(Datum argument)
{
	set_up_process();
	begin_life();
	ereport(LOG, (errmsg("quorate applier started in database \"%s\"", quorate_database)));

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		check_member();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		start_feeds(false);
		reconcile_if_due();
		if (apply_some())
		{
			check_durable(false);
			apply_feed_gather(GATHER_MS);
		}
		else
			wait_for_work();
	}
}

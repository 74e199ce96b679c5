/*
 * applier.c
 *		The process that brings committed entries into this node's tables.
 *
 * One background worker, connected to quorate.database as the bootstrap superuser.  It takes
 * whatever the replicator has fed, as one batch, and writes it in one transaction that commits
 * asynchronously: the log is what makes an entry durable, and after a crash the entries that the
 * tables have lost are fed again.  After a batch it lets entries gather for a moment, unless
 * somebody waits for rows: a transaction, and the applied LSN of each group in it, cost as much as
 * several rows.  After a batch that changed the metadata it runs the reconciler.  Rows that the log
 * cannot bring up it hands to the copier (applier_rows.c).
 *
 * It never holds a transaction while it waits.  Whatever goes wrong (a full disk, a missing
 * extension, a dropped database) is an error that ends the process with exit code 1; it is started
 * again and begins anew from what the tables say.
 */
#include "postgres.h"

#include "access/xact.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "catalog/metadata.h"
#include "catalog/reconciler.h"
#include "settings.h"
#include "shmem/apply_feed.h"
#include "shmem/rows_state.h"
#include "shmem/shared_state.h"
#include "storage/own_transaction.h"
#include "worker/applier.h"
#include "worker/applier_progress.h"
#include "worker/applier_rows.h"
#include "worker/apply_batch.h"
#include "worker/table_worker.h"

#define IDLE_FLUSH_MS \
	200 /* after this long without work WAL is flushed, so that durable catches up */
#define DURABLE_CHECK_MS \
	20 /* under load: how often it is looked at what has been flushed meanwhile */
#define RECONCILE_RETRY_MS 100
#define IDLE_MS 1000
#define GATHER_MS 10 /* after a batch: how long entries may gather for the next one */

static TimeUs durable_checked_us = 0;
static TimeUs reconcile_at_us = 0; /* when the reconciler wants to run again; 0 for never */
static bool something_to_flush = false;
static uint64_t groups_seen = 0; /* SharedState.groups_generation at the last look */

static void
reconcile(void)
{
	bool again = metadata_is_complete() && reconciler_run();

	shared_groups_changed(); /* relations may be there now that groups have waited for */
	reconcile_at_us = again ? shared_now_us() + RECONCILE_RETRY_MS * INT64CONST(1000) : 0;
}

/*
 * Asks for the entries of new groups and sees to groups that have changed, at once, and, now and then, to those
 * that are not fed for another reason.
 */
static void
look_at_groups(bool look_anyway)
{
	uint64_t generation = pg_atomic_read_u64(&quorate_shared->groups_generation);

	if (generation == groups_seen && !look_anyway)
		return;
	groups_seen = generation;
	applier_rows_look();
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
	table_worker_check_member();
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
	if (applier_rows_metadata_came() ||
		(reconcile_at_us != 0 && shared_now_us() >= reconcile_at_us))
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
		look_at_groups(true);
		pgstat_report_stat(true);
	}
	pgstat_report_activity(STATE_RUNNING, "applying committed entries");
}

/* ---------------------------------------------------------------- life */

/* Reads how far the tables are; what follows is asked for when the groups are looked at. */
static void
begin_life(void)
{
	apply_feed_restart();
	own_transaction_begin();
	table_worker_require_extension();
	applier_rows_begin();
	progress_load();
	own_transaction_commit();
	apply_batch_init();
	shared_register_latch(&quorate_shared->applier_latch);
	pg_atomic_fetch_add_u64(&quorate_shared->metadata_generation, 1);
	reconcile();
}

static void
live(void)
{
	begin_life();
	ereport(LOG, (errmsg("quorate applier started in database \"%s\"", quorate_database)));

	for (;;)
	{
		table_worker_check_signals();
		table_worker_check_member();
		look_at_groups(false);
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

void
applier_main(Datum argument)
{
	table_worker_start("applier");
	table_worker_run(ROWS_APPLIER, live);
}

/*
 * applier_progress.c
 *		How far the applier has come in each group: in its own memory, in the table and in shared
 *		memory.
 *
 * Runs in the applier.  A group's applied LSN is published after its transaction has committed,
 * when every new snapshot sees the rows; its durable one after that transaction's WAL was flushed,
 * which the applier does not wait for.  The log may be truncated only below the latter.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "utils/hsearch.h"
#include "utils/snapmgr.h"

#include "shmem/applied_wait.h"
#include "shmem/apply_feed.h"
#include "shmem/shared_state.h"
#include "storage/applied_table.h"
#include "storage/own_transaction.h"
#include "worker/applier_progress.h"
#include "worker/applier_rows.h"

#define FEED_ASK_AGAIN_MS 900

static HTAB *groups = NULL;
static dlist_head flushing = DLIST_STATIC_INIT(flushing);

GroupProgress *
progress_of(GroupId group)
{
	bool found;
	GroupProgress *progress = hash_search(groups, &group, HASH_ENTER, &found);

	if (!found)
	{
		memset(progress, 0, sizeof(*progress));
		progress->group = group;
	}
	return progress;
}

/* What was committed for other rows than these must not be told as durable of them. */
static void
stop_flushing(GroupProgress *progress)
{
	if (progress->is_flushing)
		dlist_delete(&progress->flushing);
	progress->is_flushing = false;
}

void
progress_take_row(GroupProgress *progress, const AppliedRow *row)
{
	static const AppliedRow nothing;

	stop_flushing(progress);
	progress->has_row = row != NULL;
	if (row == NULL)
		row = &nothing;
	progress->applied_lsn = row->applied_lsn;
	progress->durable_lsn = row->applied_lsn;
	progress->items = row->items;
	progress->bytes = row->bytes;
	progress->stage = row->stage;
	progress->copy_lsn = row->copy_lsn;
	progress->copy_started = row->copy_started;
	progress->feed_asked_us = 0;
}

static void
load_row(void *context, const AppliedRow *row)
{
	progress_take_row(progress_of(row->group), row);
}

void
progress_load(void)
{
	HASHCTL control = {.keysize = sizeof(GroupId), .entrysize = sizeof(GroupProgress)};
	KeyedTable applied;

	groups = hash_create("quorate applier groups", 256, &control, HASH_ELEM | HASH_BLOBS);
	applied_table_open(&applied, AccessShareLock);
	applied_table_read(&applied, GetActiveSnapshot(), load_row, NULL);
	keyed_table_close(&applied, AccessShareLock);

	/* The rows may be of an applier that ended before its last commits were flushed. */
	own_transaction_flush_all();
}

/* The replicator takes a moment to begin; asked again only if it must have lost the question. */
static bool
was_asked_lately(GroupProgress *progress)
{
	TimeUs now = shared_now_us();

	if (progress->feed_asked_us != 0 &&
		now < progress->feed_asked_us + FEED_ASK_AGAIN_MS * INT64CONST(1000))
		return true;
	progress->feed_asked_us = now;
	return false;
}

void
progress_start_feed(GroupProgress *progress, GroupShared *shared)
{
	if (was_asked_lately(progress))
		return;
	/* An entry that is not understood is met again, unless it lies behind rows that were copied meanwhile. */
	progress->stopped = false;
	pg_atomic_write_u64(&shared->stopped_lsn, 0);
	pg_atomic_write_u64(&shared->applied_lsn, progress->applied_lsn);
	pg_write_barrier();
	pg_atomic_write_u64(&shared->applied_durable_lsn, progress->durable_lsn);
	apply_feed_start(progress->group, progress->applied_lsn);
	applied_wait_wake(progress->group);
}

void
progress_scan_begin(HASH_SEQ_STATUS *scan)
{
	hash_seq_init(scan, groups);
}

GroupProgress *
progress_scan_next(HASH_SEQ_STATUS *scan)
{
	return hash_seq_search(scan);
}

RowsStage
progress_batch_stage(const GroupProgress *progress)
{
	return progress->batch_lsn >= progress->copy_lsn ? STAGE_APPLIED : progress->stage;
}

/*
 * Waits for the flush of everything committed so far, unless it already waits for an earlier one.
 */
static void
begin_flushing(GroupProgress *progress)
{
	if (!progress->is_flushing)
		dlist_push_tail(&flushing, &progress->flushing);
	progress->is_flushing = true;
	progress->flush_lsn = progress->applied_lsn;
	progress->flush_position = XactLastCommitEnd;
}

void
progress_committed(GroupProgress *progress)
{
	GroupShared *shared = shared_group_find(progress->group);

	bool became_whole = progress->stage != progress_batch_stage(progress);

	progress->has_row = true;
	progress->stage = progress_batch_stage(progress);
	progress->applied_lsn = progress->batch_lsn;
	progress->items = progress->batch_items;
	progress->bytes = progress->batch_bytes;
	progress->in_batch = false;
	if (!progress->is_flushing)
		begin_flushing(progress);
	if (shared != NULL)
		pg_atomic_write_u64(&shared->applied_lsn, progress->applied_lsn);
	if (became_whole)
		applier_rows_became_whole(progress);
	applied_wait_wake(progress->group);
}

static void
note_durable(GroupProgress *progress)
{
	GroupShared *shared = shared_group_find(progress->group);

	progress->durable_lsn = progress->flush_lsn;
	if (shared != NULL)
		pg_atomic_write_u64(&shared->applied_durable_lsn, progress->durable_lsn);
	if (progress->applied_lsn > progress->durable_lsn)
	{
		begin_flushing(progress);
		return;
	}
	progress->is_flushing = false;
	dlist_delete(&progress->flushing);
}

bool
progress_note_durable(bool force)
{
	XLogRecPtr flushed;
	dlist_mutable_iter iterator;

	if (dlist_is_empty(&flushing))
		return false;
	if (force)
		XLogFlush(XactLastCommitEnd);
	flushed = GetFlushRecPtr(NULL);
	dlist_foreach_modify (iterator, &flushing)
	{
		GroupProgress *progress = dlist_container(GroupProgress, flushing, iterator.cur);

		if (progress->flush_position <= flushed)
			note_durable(progress);
	}
	return !dlist_is_empty(&flushing);
}

/*
 * copier.c
 *		The process that copies rows from other nodes, and removes those of replicas that have gone.
 *
 * One background worker, connected to quorate.database.  It works on groups whose rows the applier has handed to it
 * in the table of applied LSNs (storage/applied_table.h), one after the other, the metadata first, in steps.  A step
 * (copy_step.c) is one transaction of bounded size that changes rows and, with them, how far the work has come: it
 * removes some rows, or adds a page that was fetched before.  So the work goes on where it was after a restart, a
 * crash or a termination, and no row is ever in the table that the cursor does not cover.
 *
 * An operator may pause it (storage/copy_pause.h): then each group stays where its last step has left it.  The metadata
 * is small, and without it this node knows no table and no leader, so it is copied all the same.
 *
 * Between pages nothing is held: each is of whatever LSN the source has applied at that moment.  The log of this
 * replica has everything from the first of them on, and the applier brings the rows to one LSN with it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "catalog/metadata.h"
#include "settings.h"
#include "shmem/rows_state.h"
#include "storage/copy_pause.h"
#include "storage/own_transaction.h"
#include "worker/copier.h"
#include "worker/copy_source.h"
#include "worker/copy_step.h"
#include "worker/table_worker.h"

#define IDLE_MS 1000
#define CLEAR_ROWS_MAX 500
#define CLEAR_BYTES_MAX (2 * 1024 * 1024)
#define PAGE_ITEMS_MAX 1000
#define PAGE_BYTES_MAX (512 * 1024)
#define THROTTLE_WAIT_MS 100

static CopyActivity activity;
static TimeUs step_began_us;
static Size step_bytes; /* that it has copied or removed */

/* ---------------------------------------------------------------- the view, and throttling */

static void
show_activity(GroupId group, NodeId source, uint64_t more_bytes)
{
	if (activity.group != group)
		activity = (CopyActivity){.group = group, .since = GetCurrentTimestamp()};
	activity.source = source;
	activity.bytes += more_bytes;
	copy_activity_set(&activity);
}

static void
show_idle(void)
{
	if (activity.group == 0)
		return;
	memset(&activity, 0, sizeof(activity));
	copy_activity_set(&activity);
}

/* When the last step may end under quorate.copy_rate_limit as it is now; 0 for at once. */
static TimeUs
step_ends_us(void)
{
	if (quorate_copy_rate_limit_kb == 0)
		return 0;
	return step_began_us + (TimeUs) (step_bytes * 1000000.0 / 1024 / quorate_copy_rate_limit_kb);
}

/* Waits until what the last step has written is within the limit, and begins the next one. */
static void
throttle(void)
{
	while (shared_now_us() < step_ends_us())
	{
		long left_ms = (long) ((step_ends_us() - shared_now_us()) / 1000) + 1;

		table_worker_check_signals();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Max(1, Min(left_ms, THROTTLE_WAIT_MS)), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	step_began_us = shared_now_us();
	step_bytes = 0;
}

/* ---------------------------------------------------------------- removing rows */

/* No row is left: the copy begins, or the group is forgotten. */
static void
finish_clearing(CopyStep *step)
{
	if (step->row.stage == STAGE_LEAVING)
	{
		applied_table_remove(&step->applied, step->row.group);
		rows_forget_gone(step->row.group);
		step->row.stage = STAGE_APPLIED; /* as a group without a row is */
		ereport(LOG, (errmsg("removed the rows of replication group %llu",
							 (unsigned long long) step->row.group)));
		return;
	}
	step->row.stage = STAGE_COPYING;
	step->row.copy_position.length = 0;
	applied_table_put(&step->applied, &step->row);
}

static void
clear_some(CopyStep *step)
{
	GroupId group = step->row.group;
	ClearedRows cleared;
	Position from;

	copy_step_rest(step, &from);
	item_table_clear(&step->table, from.bytes, from.length, step->upper.bytes, step->upper.length,
					 CLEAR_ROWS_MAX, CLEAR_BYTES_MAX, &cleared);
	if (cleared.last.length > 0)
		step->row.copy_position = cleared.last;
	if (step->row.stage == STAGE_LEAVING)
	{
		step->row.items -= cleared.rows;
		step->row.bytes -= (int64) cleared.bytes;
	}
	if (cleared.more)
		applied_table_put(&step->applied, &step->row);
	else
		finish_clearing(step);
	copy_step_end(step);
	show_activity(group, 0, cleared.bytes);
	step_bytes += cleared.bytes;
}

/* ---------------------------------------------------------------- copying rows */

/* Puts the rows of a page; false if there is a row already where one shall be. */
static bool
put_page(CopyStep *step, const Reply *page, Size *bytes)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "quorate copied row",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(row_context);
	bool put = true;

	*bytes = 0;
	for (uint32_t i = 0; i < page->item_count && put; i++)
	{
		const ReplyItem *item = &page->items[i];
		uint32_t bytes_before;

		CHECK_FOR_INTERRUPTS();
		put = item_table_put(&step->table, item->position, item->position_length, item->lsn,
							 item->item, item->item_length, &bytes_before) &&
			  bytes_before == 0;
		*bytes += item->position_length + item->item_length;
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row_context);
	return put;
}

/* The last page is in: the applier brings the rows to one LSN, unless they are. */
static void
finish_copying(AppliedRow *row)
{
	ereport(LOG,
			(errmsg("copied %lld items of replication group %llu from other nodes",
					(long long) row->items, (unsigned long long) row->group),
			 errdetail("They show LSN %llu to %llu; now the log is applied to them.",
					   (unsigned long long) row->applied_lsn, (unsigned long long) row->copy_lsn)));
	row->stage = row->copy_lsn <= row->applied_lsn ? STAGE_APPLIED : STAGE_REPLAYING;
	row->copy_position.length = 0;
	if (row->stage == STAGE_APPLIED)
	{
		row->copy_lsn = 0;
		row->copy_started = 0;
	}
}

/* Takes a page into the rows, and into what is known of them. */
static Size
take_page(CopyStep *step, const Reply *page)
{
	AppliedRow *row = &step->row;
	Size bytes;

	if (!put_page(step, page, &bytes))
	{
		ereport(LOG, (errcode(ERRCODE_DATA_CORRUPTED),
					  errmsg("there are rows of replication group %llu that should have been "
							 "removed: the copy begins anew",
							 (unsigned long long) row->group)));
		copy_step_start_again(row);
		return bytes;
	}
	if (page->item_count > 0)
		copy_step_set_position(&row->copy_position, page->items[page->item_count - 1].position,
							   page->items[page->item_count - 1].position_length);
	row->copy_lsn = Max(row->copy_lsn, page->lsn);
	row->items += page->item_count;
	row->bytes += (int64) bytes;
	if (!page->more)
		finish_copying(row);
	return bytes;
}

/* Writes a page, unless its question was asked before things changed. */
static void
write_page(GroupId group, const AppliedRow *asked, const Reply *page, NodeId source)
{
	CopyStep step;
	Size bytes;

	if (!copy_step_begin(group, &step))
		return;
	copy_step_turn(&step.row);
	if (step.row.stage != STAGE_COPYING || step.row.applied_lsn != asked->applied_lsn ||
		step.row.copy_position.length != asked->copy_position.length)
	{
		copy_step_end(&step);
		return;
	}
	bytes = take_page(&step, page);
	applied_table_put(&step.applied, &step.row);
	copy_step_end(&step);
	show_activity(group, source, bytes);
	step_bytes += bytes;
}

/* Ends the step's transaction, fetches the page behind the cursor, and writes it; false if nobody gives it. */
static bool
copy_some(CopyStep *step)
{
	AppliedRow asked = step->row;
	GroupShared *shared = shared_group_find(asked.group);
	Position from;
	Position upper = step->upper;
	Request request = {.kind = REQUEST_COPY,
					   .group = asked.group,
					   .table_id = step->table.table_id,
					   .position = from.bytes,
					   .upper = upper.bytes,
					   .upper_length = upper.length,
					   .items_max = PAGE_ITEMS_MAX,
					   .bytes_max = PAGE_BYTES_MAX,
					   .lsn = asked.applied_lsn};
	const Reply *page;
	NodeId source = 0;

	copy_step_rest(step, &from);
	request.position_length = from.length;
	copy_step_end(step);
	page = shared != NULL ? copy_source_fetch(shared, &request, &source) : NULL;
	show_activity(asked.group, source, 0);
	if (page != NULL)
		write_page(asked.group, &asked, page, source);
	return page != NULL;
}

/* ---------------------------------------------------------------- the work */

/* A replica that has become a log replica meanwhile needs no rows, for now. */
static bool
needs_no_rows(const AppliedRow *row)
{
	GroupShared *shared = shared_group_find(row->group);

	return row->stage != STAGE_LEAVING && shared != NULL &&
		   pg_atomic_read_u32(&shared->kind) == MEMBER_LOG;
}

static bool
is_paused(GroupId group)
{
	CopyPause pause;

	return group != GROUP_METADATA && copy_pause_read(&pause);
}

/* One step of a group's work; false if there is nothing to do or it cannot go on now. */
static bool
work_on(GroupId group)
{
	CopyStep step;

	table_worker_at(group);
	copy_step_forget();
	if (!copy_step_begin(group, &step))
		return false;
	copy_step_turn(&step.row);
	if (needs_no_rows(&step.row) || is_paused(group))
	{
		copy_step_end(&step);
		return false;
	}
	if (step.row.stage == STAGE_COPYING)
		return copy_some(&step);
	clear_some(&step);
	return true;
}

/* What is to be done; in TopMemoryContext, as steps reset theirs. */
typedef struct TaskList
{
	List *copies;   /* groups, the metadata first, as its id is the lowest */
	List *removals; /* of replicas that have gone: they can wait */
} TaskList;

static void
list_task(void *context, const AppliedRow *row)
{
	TaskList *tasks = context;
	List **groups = row->stage == STAGE_LEAVING ? &tasks->removals : &tasks->copies;
	MemoryContext caller;

	if (!rows_stage_is_copiers(row->stage))
		return;
	caller = MemoryContextSwitchTo(TopMemoryContext);
	*groups = lappend(*groups, memcpy(palloc(sizeof(GroupId)), &row->group, sizeof(GroupId)));
	MemoryContextSwitchTo(caller);
}

/* The groups whose rows are the copier's. */
static void
list_tasks(TaskList *tasks)
{
	KeyedTable applied;

	memset(tasks, 0, sizeof(*tasks));
	own_transaction_begin();
	applied_table_open(&applied, AccessShareLock);
	applied_table_read(&applied, GetActiveSnapshot(), list_task, tasks);
	keyed_table_close(&applied, AccessShareLock);
	own_transaction_commit();
	MemoryContextSwitchTo(copy_step_context);
}

/* Rows of the metadata have come up while another group's are being copied. */
static bool
metadata_waits(GroupId group)
{
	return group != GROUP_METADATA && !metadata_is_complete();
}

static void
before_step(void)
{
	table_worker_check_signals();
	table_worker_check_member();
	throttle();
}

/* Goes on with each group as far as that is possible, or by one step; true if there was anything to do. */
static bool
work_on_all(const List *groups, bool one_step)
{
	bool worked = false;
	ListCell *cell;

	foreach (cell, groups)
	{
		GroupId group = *(GroupId *) lfirst(cell);

		before_step();
		while (!metadata_waits(group) && work_on(group))
		{
			worked = true;
			before_step();
			if (one_step)
				return true;
		}
	}
	return worked;
}

/* True if there was anything to do that could be done. */
static bool
work(void)
{
	TaskList tasks;
	bool worked;

	table_worker_at(0);
	list_tasks(&tasks);
	worked = work_on_all(tasks.copies, false) || work_on_all(tasks.removals, true);
	list_free_deep(tasks.copies);
	list_free_deep(tasks.removals);
	if (!worked)
		show_idle();
	return worked;
}

static void
wait_for_work(void)
{
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, IDLE_MS,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	pgstat_report_activity(STATE_RUNNING, "copying rows");
}

static void
live(void)
{
	own_transaction_begin();
	table_worker_require_extension();
	own_transaction_commit();
	copy_step_init();
	MemoryContextSwitchTo(copy_step_context);
	shared_register_latch(&quorate_shared->copier_latch);
	memset(&activity, 0, sizeof(activity));
	copy_activity_set(&activity);

	for (;;)
	{
		before_step();
		if (!work())
			wait_for_work();
	}
}

void
copier_main(Datum argument)
{
	table_worker_start("copier");
	table_worker_run(ROWS_COPIER, live);
}

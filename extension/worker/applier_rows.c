/*
 * applier_rows.c
 *		Rows that are not the applier's: those that have to be copied, and those of replicas that have gone.
 *
 * Runs in the applier, between batches, when a group has come, gone or changed, and about once a second.  For each
 * open group it compares the LSN that the rows show with the beginning of the log here: rows below that cannot be
 * brought up by the log, and are handed to the copier by a transaction that says so in the table of applied LSNs.
 * Nothing else records that they are missing: a crash before that commit changes nothing that is compared.  (That a
 * replica is fresh is forgotten with it; then its rows are brought up by the log alone, and readable meanwhile.)
 *
 * The rows of a group that is not open go if the replicator has said that this node is no member any more, or if
 * the metadata lists other members; never because a group is merely not there.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog/metadata.h"
#include "shmem/applied_wait.h"
#include "shmem/apply_feed.h"
#include "shmem/command.h"
#include "shmem/rows_state.h"
#include "storage/item_table.h"
#include "storage/own_transaction.h"
#include "worker/applier_progress.h"
#include "worker/applier_rows.h"
#include "worker/table_worker.h"

static uint64_t handovers_seen;
static uint64_t gone_seen;     /* rows_gone_generation() at the last look */
static uint64_t metadata_seen; /* SharedState.metadata_generation then */
static bool metadata_came;

void
applier_rows_begin(void)
{
	handovers_seen = copy_handovers();
	pg_memory_barrier(); /* what is handed over from now on is not seen in the table yet */
}

bool
applier_rows_metadata_came(void)
{
	bool came = metadata_came;

	metadata_came = false;
	return came;
}

/* ---- saying what rows are good for ---- */

/* The rows can be read from now on, unless they were voided since `mark` was read. */
static bool
become_ready(GroupProgress *progress, GroupShared *shared, uint64_t mark)
{
	if (rows_state_of(mark) == ROWS_READY)
		return true;
	if (!rows_state_set(shared, mark, ROWS_READY))
		return false;

	/* The engine remembers it durably; what was there when the applier started was flushed then. */
	if (rows_state_of(mark) != ROWS_UNKNOWN)
		own_transaction_flush_all();
	group_command_rows(progress->group, progress->applied_lsn, true);
	if (progress->group == GROUP_METADATA)
	{
		pg_atomic_fetch_add_u64(&quorate_shared->metadata_generation, 1);
		metadata_came = true;
	}
	return true;
}

/* The rows cannot be read. */
static bool
become_unready(GroupProgress *progress, GroupShared *shared, uint64_t mark, RowsState state)
{
	if (rows_state_of(mark) == state)
		return true;
	if (!rows_state_set(shared, mark, state))
		return false;
	if (state != ROWS_NONE)
		group_command_rows(progress->group, progress->applied_lsn, false);
	return true;
}

void
applier_rows_became_whole(GroupProgress *progress)
{
	GroupShared *shared = shared_group_find(progress->group);
	uint64_t mark;

	ereport(LOG, (errmsg("the rows of replication group %llu are complete at LSN %llu",
						 (unsigned long long) progress->group,
						 (unsigned long long) progress->applied_lsn)));
	if (shared == NULL)
		return;
	mark = pg_atomic_read_u64(&shared->rows);
	pg_memory_barrier(); /* the mark before the beginning of the log: see rows_state.h */
	if (rows_state_of(mark) == ROWS_REPLAYING && progress->applied_lsn >= rows_base_lsn(shared))
		become_ready(progress, shared, mark);
}

/* ---- handing to the copier ---- */

/*
 * Are the rows to be copied?  Those of a new replica are even if its log has everything: until the log has been
 * applied that far, it would tell readers of items that they are not there.
 */
static bool
is_copy_needed(const GroupProgress *progress, GroupShared *shared, Lsn base_lsn)
{
	return progress->applied_lsn < base_lsn ||
		   (!progress->has_row && pg_atomic_read_u32(&shared->fresh) != 0);
}

/* Has the rows copied from another replica, at `base_lsn` or later. */
static void
hand_over(KeyedTable *applied, GroupProgress *progress, GroupShared *shared, Lsn base_lsn)
{
	AppliedRow row = {.group = progress->group,
					  .applied_lsn = base_lsn,
					  .stage = STAGE_CLEARING,
					  .copy_started = GetCurrentTimestamp()};

	ereport(
		LOG,
		(errmsg("the rows of replication group %llu will be copied from another node",
				(unsigned long long) progress->group),
		 errdetail("They show LSN %llu, the log is to be applied to them from above LSN %llu on.",
				   (unsigned long long) progress->applied_lsn, (unsigned long long) base_lsn)));
	applied_table_put(applied, &row);
	progress_take_row(progress, &row);
	pg_atomic_write_u64(&shared->applied_lsn, base_lsn);
	pg_write_barrier();
	pg_atomic_write_u64(&shared->applied_durable_lsn, base_lsn);
}

/*
 * Rows that were void for a while and need not be copied, because the log reaches back to them: those that a log
 * replica still had, or that were copied at the log's very beginning.  Until the log has been applied as far as it is
 * committed now, who was answered by other replicas meanwhile would see the past in them.
 */
static bool
are_rows_of_the_past(const GroupProgress *progress, GroupShared *shared, uint64_t mark)
{
	return rows_state_of(mark) == ROWS_COPYING && progress->stage == STAGE_APPLIED &&
		   progress->applied_lsn < pg_atomic_read_u64(&shared->commit_lsn);
}

/* Has the log applied up to what is committed now before they are read. */
static void
bring_up(KeyedTable *applied, GroupProgress *progress, GroupShared *shared)
{
	AppliedRow row = {.group = progress->group,
					  .applied_lsn = progress->applied_lsn,
					  .items = progress->items,
					  .bytes = progress->bytes,
					  .stage = STAGE_REPLAYING,
					  .copy_lsn = pg_atomic_read_u64(&shared->commit_lsn),
					  .copy_started = GetCurrentTimestamp()};

	applied_table_put(applied, &row);
	progress_take_row(progress, &row);
}

/*
 * A leader that has missed the drop of its table may invite a node that closed the group in a former life: the
 * replicator remembers that for one life only.
 */
static bool
is_of_dropped_table(GroupId group)
{
	return group != GROUP_METADATA && metadata_is_complete() &&
		   metadata_table_is_dropped(metadata_table_of_group(group));
}

/*
 * A group that is open here and whose entries do not come.  The order of the reads is that of rows_state.h; if the
 * state changes meanwhile, whoever changed it has the groups looked at again.
 */
static void
look_at_group(KeyedTable *applied, GroupProgress *progress, GroupShared *shared)
{
	uint64_t mark = pg_atomic_read_u64(&shared->rows);
	MemberKind kind = (MemberKind) pg_atomic_read_u32(&shared->kind);
	Lsn base_lsn;

	pg_memory_barrier();
	base_lsn = rows_base_lsn(shared);
	if (kind == 0)
		return; /* the replicator has not published it yet */
	if (is_of_dropped_table(progress->group))
	{
		group_command_close(progress->group);
		return;
	}
	if (kind == MEMBER_LOG)
		become_unready(progress, shared, mark, ROWS_NONE);
	else if (rows_stage_is_copiers(progress->stage))
		become_unready(progress, shared, mark, ROWS_COPYING);
	else if (is_copy_needed(progress, shared, base_lsn))
	{
		if (become_unready(progress, shared, mark, ROWS_COPYING))
			hand_over(applied, progress, shared, base_lsn);
	}
	else if (!OidIsValid(item_table_relid(metadata_table_of_group(progress->group))))
		return; /* the reconciler has not made it yet, or has dropped it */
	else
	{
		if (are_rows_of_the_past(progress, shared, mark))
			bring_up(applied, progress, shared);
		if (progress->stage == STAGE_REPLAYING
				? become_unready(progress, shared, mark, ROWS_REPLAYING)
				: become_ready(progress, shared, mark))
			progress_start_feed(progress, shared);
	}
}

static bool
is_to_be_looked_at(GroupShared *shared)
{
	GroupId group = pg_atomic_read_u64(&shared->group);

	return group != 0 && shared_group_find(group) == shared && !apply_feed_is_started(shared);
}

static void
look_at_open_groups(KeyedTable *applied)
{
	for (uint32_t i = 0; i < quorate_shared->group_slots; i++)
	{
		GroupShared *shared = &quorate_shared->groups[i];

		if (is_to_be_looked_at(shared))
			look_at_group(applied, progress_of(pg_atomic_read_u64(&shared->group)), shared);
	}
}

/* ---- replicas that have gone ---- */

/* The rows are the copier's from the commit on, to be removed. */
static void
let_go(KeyedTable *applied, GroupProgress *progress)
{
	AppliedRow row = {.group = progress->group,
					  .applied_lsn = progress->applied_lsn,
					  .items = progress->items,
					  .bytes = progress->bytes,
					  .stage = STAGE_LEAVING,
					  .copy_started = GetCurrentTimestamp()};

	ereport(LOG, (errmsg("the replica of replication group %llu has gone: its rows will be removed",
						 (unsigned long long) progress->group)));
	applied_table_put(applied, &row);
	progress_take_row(progress, &row);
}

/*
 * Looks for rows without a replica.  Those that the copier has are its own business.  A notice of a group that has
 * been opened again meanwhile is void: the rows are those of the very same log.
 */
static void
look_at_gone_groups(KeyedTable *applied)
{
	HASH_SEQ_STATUS scan;
	GroupProgress *progress;

	progress_scan_begin(&scan);
	while ((progress = progress_scan_next(&scan)) != NULL)
	{
		if (rows_stage_is_copiers(progress->stage))
			continue;
		if (progress->has_row && table_worker_rows_have_gone(progress->group))
			let_go(applied, progress);
		else if (progress->has_row && shared_group_find(progress->group) == NULL)
			continue;
		rows_forget_gone(progress->group);
	}
}

static bool
gone_groups_are_due(void)
{
	uint64_t gone = rows_gone_generation();
	uint64_t metadata = pg_atomic_read_u64(&quorate_shared->metadata_generation);
	bool due = gone != gone_seen || metadata != metadata_seen;

	if (pg_atomic_read_u32(&quorate_shared->node_state) != NODE_RUNNING)
		return false; /* which groups are open is not known */
	gone_seen = gone;
	metadata_seen = metadata;
	return due;
}

/* ---- taking back ---- */

/* Reads again the rows of groups that the copier had. */
static void
take_back(KeyedTable *applied)
{
	HASH_SEQ_STATUS scan;
	GroupProgress *progress;

	progress_scan_begin(&scan);
	while ((progress = progress_scan_next(&scan)) != NULL)
	{
		AppliedRow row;

		if (!rows_stage_is_copiers(progress->stage))
			continue;
		progress_take_row(
			progress,
			applied_table_get(applied, progress->group, GetActiveSnapshot(), &row) ? &row : NULL);
	}
}

/* ---- the look ---- */

static bool
anything_to_look_at(void)
{
	if (handovers_seen != copy_handovers() || gone_seen != rows_gone_generation() ||
		metadata_seen != pg_atomic_read_u64(&quorate_shared->metadata_generation))
		return true;
	for (uint32_t i = 0; i < quorate_shared->group_slots; i++)
	{
		if (is_to_be_looked_at(&quorate_shared->groups[i]))
			return true;
	}
	return false;
}

void
applier_rows_look(void)
{
	uint64_t handovers;
	KeyedTable applied;

	if (!anything_to_look_at())
		return;
	handovers = copy_handovers();
	pg_memory_barrier(); /* what was handed over before is committed, and seen by the snapshot */
	own_transaction_begin();
	applied_table_open(&applied, RowExclusiveLock);
	table_worker_check_member();
	if (handovers != handovers_seen)
		take_back(&applied);
	if (gone_groups_are_due())
		look_at_gone_groups(&applied);
	look_at_open_groups(&applied);
	keyed_table_close(&applied, NoLock);
	own_transaction_commit();
	handovers_seen = handovers;
	shared_wake_copier();
}

/*
 * applier_progress.h
 *		How far the applier has come in each group: in its own memory, in the table and in shared
 *		memory.
 *
 * For the applier process alone (applier.c, apply_batch.c).
 */
#ifndef QUORATE_WORKER_APPLIER_PROGRESS_H
#define QUORATE_WORKER_APPLIER_PROGRESS_H

#include "postgres.h"

#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
#include "lib/ilist.h"

#include "utils/hsearch.h"

#include "core/core_types.h"
#include "shmem/shared_state.h"
#include "storage/applied_table.h"

typedef struct GroupProgress
{
	GroupId group; /* hash key */
	bool
		stopped; /* an entry was met, since they were asked for, that this version does not understand */
	bool has_row;    /* there is a row in the table; all is 0 otherwise */
	Lsn applied_lsn; /* committed in the table */
	int64 items;     /* rows of the partition, and their bytes, as of applied_lsn */
	int64 bytes;
	RowsStage stage; /* in some the rows are the copier's: nothing is applied to them */
	Lsn copy_lsn;    /* STAGE_REPLAYING: they are of one LSN once this is applied */
	TimestampTz copy_started;

	/* The batch that is being put together. */
	bool in_batch;
	Lsn batch_lsn;     /* the last entry in it, or applied_lsn */
	int64 batch_items; /* as items and bytes, with the batch */
	int64 batch_bytes;

	TimeUs feed_asked_us; /* when its entries were asked for last; 0 for never */

	/* Flushing: once WAL is flushed to flush_position, everything up to flush_lsn is durable. */
	Lsn durable_lsn;
	Lsn flush_lsn;
	XLogRecPtr flush_position;
	bool is_flushing;
	dlist_node flushing;
} GroupProgress;

/*
 * Reads the table of applied LSNs; in a transaction.  Everything in it counts as durable
 * afterwards.
 */
extern void progress_load(void);

/* The progress of a group, at 0 if it is new. */
extern GroupProgress *progress_of(GroupId group);

/* Asks the replicator for the entries behind applied_lsn, unless it was asked a moment ago. */
extern void progress_start_feed(GroupProgress *progress, GroupShared *shared);

/* Takes over what a row of the table says; NULL if it is gone. */
extern void progress_take_row(GroupProgress *progress, const AppliedRow *row);

/* All groups ever met, one after the other; NULL at the end.  To be gone through to the end. */
extern void progress_scan_begin(HASH_SEQ_STATUS *scan);
extern GroupProgress *progress_scan_next(HASH_SEQ_STATUS *scan);

/* The stage that the rows are in once the batch is written. */
extern RowsStage progress_batch_stage(const GroupProgress *progress);

/*
 * The transaction that moved this group to batch_lsn has committed asynchronously: tell the
 * readers.
 */
extern void progress_committed(GroupProgress *progress);

/*
 * Notes what has become durable, after flushing WAL if `force`.  True if there is something left.
 */
extern bool progress_note_durable(bool force);

#endif /* QUORATE_WORKER_APPLIER_PROGRESS_H */

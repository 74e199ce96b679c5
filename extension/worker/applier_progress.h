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

#include "core/core_types.h"

typedef struct GroupProgress
{
	GroupId group;   /* hash key */
	bool stopped;    /* an entry was met that this version does not understand */
	Lsn applied_lsn; /* committed in the table */
	int64 items;     /* rows of the partition, and their bytes, as of applied_lsn */
	int64 bytes;

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

/* Asks for the entries of groups that are open and not fed yet; looks through all groups. */
extern void progress_start_feeds(void);

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

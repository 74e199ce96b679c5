/*
 * applier_rows.h
 *		Rows that are not the applier's: those that have to be copied, and those of replicas that have gone.
 *
 * For the applier process alone.
 */
#ifndef QUORATE_WORKER_APPLIER_ROWS_H
#define QUORATE_WORKER_APPLIER_ROWS_H

#include "postgres.h"

#include "worker/applier_progress.h"

/* Before the table is read for the first time. */
extern void applier_rows_begin(void);

/*
 * Looks at all groups: takes back from the copier what it has finished, hands to it what is to be copied or
 * removed, says of the others what their rows are good for, and asks for their entries.  Not while a batch is
 * being put together.
 */
extern void applier_rows_look(void);

/* The rows of a group that were copied are of one LSN now; that is committed. */
extern void applier_rows_became_whole(GroupProgress *progress);

/* True once after the metadata's own rows have become usable. */
extern bool applier_rows_metadata_came(void);

#endif /* QUORATE_WORKER_APPLIER_ROWS_H */

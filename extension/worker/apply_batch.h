/*
 * apply_batch.h
 *		A batch of committed entries on their way into the tables.
 *
 * For the applier process alone.  The caller fills the batch from the feed, writes it inside a
 * transaction, commits, and then publishes it.
 */
#ifndef QUORATE_WORKER_APPLY_BATCH_H
#define QUORATE_WORKER_APPLY_BATCH_H

#include "postgres.h"

#include "shmem/apply_feed.h"

/* Makes the buffers; once, before anything else. */
extern void apply_batch_init(void);

/*
 * Takes in one entry (it is copied).  An entry that was applied before is passed over, and so is one
 * of a group whose rows are the copier's.  An entry
 * that this version does not understand stops its group, with a message in the server's log:
 * nothing of that group is applied any more, and nothing skipped.  ERROR if an entry is missing
 * before it.
 */
extern void apply_batch_add(const ApplyItem *item);

/* The batch is as large as one transaction should be. */
extern bool apply_batch_is_full(void);

/* No entry is in it. */
extern bool apply_batch_is_empty(void);

/*
 * Locks the table of applied LSNs, and then writes rows and applied LSNs; in a transaction with an
 * active snapshot.
 */
extern void apply_batch_lock(void);
extern void apply_batch_write(void);

/*
 * After the transaction has committed: publishes the applied LSNs and empties the batch.  True if
 * the metadata has changed.
 */
extern bool apply_batch_publish(void);

#endif /* QUORATE_WORKER_APPLY_BATCH_H */

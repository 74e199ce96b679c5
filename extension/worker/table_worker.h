/*
 * table_worker.h
 *		What the two processes that write tables, the applier and the copier, have in common.
 */
#ifndef QUORATE_WORKER_TABLE_WORKER_H
#define QUORATE_WORKER_TABLE_WORKER_H

#include "postgres.h"

#include "core/core_types.h"
#include "shmem/rows_state.h"

/*
 * Does the work of such a process, which never returns; an error that ends it is remembered for doctor(), with the
 * group that table_worker_at() named last (0 for none).
 */
extern void table_worker_run(RowsWriter writer, void (*work)(void));
extern void table_worker_at(GroupId group);

/*
 * Sets the process up: signals, a connection to quorate.database, settings.  Then remembers the cluster that
 * this node belongs to.  `name` is that of the process in messages.
 */
extern void table_worker_start(const char *name);

/* FATAL if the database does not have the extension; in a transaction. */
extern void table_worker_require_extension(void);

/*
 * Ends the process when the node has left its cluster.  Within a transaction that has locked the table of
 * applied LSNs this is certain: a leaving node empties that table after it has left, and so after the lock.
 */
extern void table_worker_check_member(void);

/* Serves interrupts and reloads the settings if that was asked for. */
extern void table_worker_check_signals(void);

/*
 * True if the rows of a group are to be removed because its replica has gone: it is not open here, and the
 * replicator has said so or the metadata lists other members.  In a transaction.
 */
extern bool table_worker_rows_have_gone(GroupId group);

#endif /* QUORATE_WORKER_TABLE_WORKER_H */

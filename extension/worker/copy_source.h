/*
 * copy_source.h
 *		Fetching a page of rows from another node, and finding one that has them.
 *
 * For the copier process alone.
 */
#ifndef QUORATE_WORKER_COPY_SOURCE_H
#define QUORATE_WORKER_COPY_SOURCE_H

#include "postgres.h"

#include "shmem/shared_state.h"
#include "wire/request.h"

/*
 * Fetches the page that a COPY request describes from a replica of its group on another node: the one that gave
 * the last page of this group, as long as it does.  Followers come before the leader.  The page is checked: row by
 * row the checksum, the order and the bounds, and that it shows request->lsn.  NULL if there is none now; outside of
 * a transaction.  Memory is palloc'd; *source is the node.
 */
extern const Reply *copy_source_fetch(GroupShared *group, Request *request, NodeId *source);

#endif /* QUORATE_WORKER_COPY_SOURCE_H */

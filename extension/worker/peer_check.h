/*
 * peer_check.h
 *		What every stream procedure checks before it streams: may this caller speak for a node?
 */
#ifndef QUORATE_WORKER_PEER_CHECK_H
#define QUORATE_WORKER_PEER_CHECK_H

#include "postgres.h"

#include "fmgr.h"

#include "core/core_types.h"

/*
 * Checks the call of a stream procedure (cluster_id bytea, from_node int, oldest_version int, newest_version int,
 * cluster_version int, release text): the caller's role (a superuser or member of quorate_peer), that this node runs as
 * a member of the cluster, that `from_node` is another node of it, and that it reads the cluster's version.  Notes what
 * it reads, whether or not it is refused.  Returns the node's id.  ERROR 42501, 22004, 55000, QR002, QR003 or 22023
 * otherwise.
 */
extern NodeId peer_check(FunctionCallInfo fcinfo);

/* ERROR QR002 if that node was removed from the cluster, from which it learns that it was. */
extern void peer_require_not_removed(NodeId node);

/* ERROR 55000 unless this node runs as a member of a cluster. */
extern void peer_require_running(void);

/*
 * The statement that calls a stream procedure at another node as this node: CALL quorate.<procedure>(...),
 * palloc'd.
 */
extern char *peer_call(const char *procedure);

#endif /* QUORATE_WORKER_PEER_CHECK_H */

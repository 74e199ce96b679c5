/*
 * peer_check.h
 *		What every stream procedure checks before it streams: may this caller speak for a node?
 */
#ifndef QUORATE_WORKER_PEER_CHECK_H
#define QUORATE_WORKER_PEER_CHECK_H

#include "postgres.h"

#include "fmgr.h"

#include "core/core_types.h"

/* Version of the streams' frames that this code speaks. */
#define STREAM_PROTOCOL_VERSION 1

/*
 * Checks the call of a stream procedure (cluster_id bytea, from_node int, protocol_version int): the caller's
 * role (a superuser or member of quorate_peer), the protocol version, that this node runs as a member of the
 * cluster, and that `from_node` is another node of it.  Returns the node's id.  ERROR 42501, 22004, 0A000, 55000,
 * QR002 or 22023 otherwise.
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

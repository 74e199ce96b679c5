/*
 * peer_check.c
 *		Both ends of the introduction with which a stream starts: the caller names its cluster, itself and
 *		the version that it speaks; the called backend checks them.  See peer_check.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "request/sqlstate.h"
#include "settings.h"
#include "shmem/shared_state.h"
#include "worker/peer_check.h"

static void
require_role(void)
{
	Oid peer_role = get_role_oid("quorate_peer", true);

	if (superuser() || (OidIsValid(peer_role) && has_privs_of_role(GetUserId(), peer_role)))
		return;
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("permission denied to open a stream between nodes"),
					errhint("The role in a node's conninfo must be a member of quorate_peer.")));
}

void
peer_require_running(void)
{
	if (pg_atomic_read_u32(&quorate_shared->node_state) != NODE_RUNNING)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this node does not run as a member of a cluster")));
}

void
peer_require_not_removed(NodeId node)
{
	if (shared_node_was_removed(node))
		ereport(ERROR, (errcode(QUORATE_ERRCODE_REMOVED),
						errmsg("node %u was removed from this cluster", node)));
}

/* This node's cluster and the caller's must be the same. */
static void
require_same_cluster(bytea *cluster_id)
{
	bool same;

	peer_require_running();
	LWLockAcquire(quorate_shared->lock, LW_SHARED);
	same = VARSIZE_ANY_EXHDR(cluster_id) == sizeof(quorate_shared->cluster_id) &&
		   memcmp(VARDATA_ANY(cluster_id), quorate_shared->cluster_id,
				  sizeof(quorate_shared->cluster_id)) == 0;
	LWLockRelease(quorate_shared->lock);
	if (!same)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("this node belongs to another cluster")));
}

/* A procedure cannot be STRICT. */
static void
require_arguments(FunctionCallInfo fcinfo)
{
	for (int i = 0; i < PG_NARGS(); i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("a stream's introduction must not be null")));
	}
}

NodeId
peer_check(FunctionCallInfo fcinfo)
{
	int32 from_node;
	int32 protocol_version;
	NodeInfo info;

	shared_state_require();
	require_role();
	require_arguments(fcinfo);
	from_node = PG_GETARG_INT32(1);
	protocol_version = PG_GETARG_INT32(2);
	if (protocol_version != STREAM_PROTOCOL_VERSION)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("stream protocol version %d is not supported", protocol_version),
						errdetail("This node speaks version %d.", STREAM_PROTOCOL_VERSION)));
	require_same_cluster(PG_GETARG_BYTEA_PP(0));
	if (from_node >= 1 && from_node <= CORE_NODES_MAX)
		peer_require_not_removed((NodeId) from_node);
	if (from_node < 1 || from_node > quorate_max_nodes || from_node == quorate_shared->self ||
		!shared_node_by_id((NodeId) from_node, &info))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("there is no other node %d in this cluster", from_node)));
	return (NodeId) from_node;
}

char *
peer_call(const char *procedure)
{
	char hex[2 * sizeof(quorate_shared->cluster_id) + 1];

	hex_encode((const char *) quorate_shared->cluster_id, sizeof(quorate_shared->cluster_id), hex);
	hex[sizeof(hex) - 1] = '\0';
	return psprintf("CALL quorate.%s('\\x%s'::pg_catalog.bytea, %u, %d)", procedure, hex,
					quorate_shared->self, STREAM_PROTOCOL_VERSION);
}

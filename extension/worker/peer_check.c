/*
 * peer_check.c
 *		Both ends of the introduction with which a stream starts: the caller names its cluster, itself and
 *		the versions that it reads; the called backend checks them.  See peer_check.h.
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

/* The caller must read what this cluster's nodes write. */
static void
require_reads(NodeId node, const PeerRelease *caller)
{
	ClusterVersion version = shared_cluster_version();

	if (!version_is_read(caller->reads, version))
		ereport(ERROR, (errcode(QUORATE_ERRCODE_VERSION),
						errmsg("node %u does not read version %u of the cluster", node, version),
						errdetail("Release %s of quorate there reads versions %u to %u.",
								  caller->release, caller->reads.oldest, caller->reads.newest),
						errhint("Install a release there that reads version %u.", version)));
}

/* The caller's cluster may have got a version that this node does not read: then it is this node that stops. */
static void
require_read_here(NodeId node, ClusterVersion version)
{
	if (version <= VERSION_NEWEST)
		return;
	pg_atomic_write_u32(&quorate_shared->unread_version, version);
	shared_wake_replicator();
	ereport(ERROR,
			(errcode(QUORATE_ERRCODE_VERSION),
			 errmsg("this node does not read version %u of the cluster", version),
			 errdetail("Node %u says that the cluster has that version; release %s of quorate "
					   "here reads versions %d to %d.",
					   node, QUORATE_RELEASE, VERSION_OLDEST, VERSION_NEWEST)));
}

/* A range of versions, and a version of the cluster that lies in it; 0 if the caller does not know one. */
static void
require_range(const PeerRelease *caller, int32 version)
{
	if (version_range_is_valid(caller->reads) && caller->reads.newest <= PG_INT32_MAX &&
		(version == 0 || version_is_read(caller->reads, (ClusterVersion) version)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid versions in a stream's introduction"),
			 errdetail("Versions %d to %d, and version %d of the cluster.",
					   (int32) caller->reads.oldest, (int32) caller->reads.newest, version)));
}

/* Notes what the caller reads, and compares. */
static void
take_release(FunctionCallInfo fcinfo, NodeId node)
{
	PeerRelease caller = {
		.reads = {(ClusterVersion) PG_GETARG_INT32(2), (ClusterVersion) PG_GETARG_INT32(3)}};

	require_range(&caller, PG_GETARG_INT32(4));
	text_to_cstring_buffer(PG_GETARG_TEXT_PP(5), caller.release, sizeof(caller.release));
	shared_note_release(node, &caller);
	require_read_here(node, (ClusterVersion) PG_GETARG_INT32(4));
	require_reads(node, &caller);
}

NodeId
peer_check(FunctionCallInfo fcinfo)
{
	int32 from_node;
	NodeInfo info;

	shared_state_require();
	require_role();
	require_arguments(fcinfo);
	from_node = PG_GETARG_INT32(1);
	require_same_cluster(PG_GETARG_BYTEA_PP(0));
	if (from_node >= 1 && from_node <= CORE_NODES_MAX)
		peer_require_not_removed((NodeId) from_node);
	if (from_node < 1 || from_node > quorate_max_nodes || from_node == quorate_shared->self ||
		!shared_node_by_id((NodeId) from_node, &info))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("there is no other node %d in this cluster", from_node)));
	take_release(fcinfo, (NodeId) from_node);
	return (NodeId) from_node;
}

char *
peer_call(const char *procedure)
{
	char hex[2 * sizeof(quorate_shared->cluster_id) + 1];

	hex_encode((const char *) quorate_shared->cluster_id, sizeof(quorate_shared->cluster_id), hex);
	hex[sizeof(hex) - 1] = '\0';
	return psprintf("CALL quorate.%s('\\x%s'::pg_catalog.bytea, %u, %d, %d, %u, '%s')", procedure,
					hex, quorate_shared->self, VERSION_OLDEST, VERSION_NEWEST,
					shared_cluster_version(), QUORATE_RELEASE);
}

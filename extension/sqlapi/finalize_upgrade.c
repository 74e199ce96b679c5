/*
 * finalize_upgrade.c
 *		finalize_upgrade: the step of an upgrade after which there is no way back.
 *
 * Runs in a client backend.  It raises the version of the cluster in the metadata, from which all nodes learn it
 * (docs/decisions/0011-versions.md).  Nothing is written in a new way before every node of the cluster reads it: each
 * must have been heard just now, and have said so when it opened its stream to this node.  Should a node be set back
 * between that look and the change, it stops by itself when it learns of the version; it never skips what it does not
 * know.
 */
#include "postgres.h"

#include "fmgr.h"

#include "sqlapi/api_call.h"
#include "sqlapi/cluster_nodes.h"
#include "sqlapi/metadata_write.h"

/* A node that was heard so lately still runs the release that it told. */
#define HEARD_US (2 * INT64CONST(1000000))

PG_FUNCTION_INFO_V1(quorate_finalize_upgrade);

static bool
is_heard(NodeId node)
{
	TimeUs heard_us = (TimeUs) pg_atomic_read_u64(&quorate_shared->peer_heard_us[node]);

	return node == quorate_shared->self || (heard_us != 0 && shared_now_us() - heard_us < HEARD_US);
}

static void
check_node(const NodeInfo *node, ClusterVersion version, ProblemList *problems)
{
	PeerRelease release = shared_release_of(node->node);

	if (!is_heard(node->node) || release.reads.newest == 0)
		problems_add(problems, "node \"%s\" is not heard: what it reads is not known", node->name);
	else if (!version_is_read(release.reads, version))
		problems_add(
			problems, "node \"%s\": release %s of quorate there reads versions %u to %u, not %u",
			node->name, release.release, release.reads.oldest, release.reads.newest, version);
}

static bool
build_version(void *context, MetadataChange *change)
{
	ClusterVersion version = *(const ClusterVersion *) context;
	ProblemList problems;
	uint32_t count;
	const NodeInfo *nodes = metadata_nodes(&count);

	if (metadata_cluster_version() >= version)
		return false;
	problems_init(&problems);
	for (uint32_t i = 0; i < count; i++)
		check_node(&nodes[i], version, &problems);
	problems_check(&problems, "finalize the upgrade");
	metadata_build_version(version, change);
	return true;
}

/*
 * quorate.finalize_upgrade() returns the version of the cluster: 55000 with every node that does not read it,
 * 25001 in a transaction block.
 */
Datum
quorate_finalize_upgrade(PG_FUNCTION_ARGS)
{
	ClusterVersion version = VERSION_NEWEST;

	api_begin_write("finalize_upgrade()");
	metadata_change(build_version, &version, "finalize the upgrade");
	PG_RETURN_INT32((int32) metadata_cluster_version());
}

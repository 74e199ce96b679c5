/*
 * replicator_nodes.c
 *		The nodes of the cluster as the replicator knows them: kept in a blob of its log, published in shared
 *		memory, followed by its streams.
 *
 * Lists come from the applied metadata, by a command, and the first one from whoever laid this node out.  Each
 * names the LSN of the metadata that it shows, and an older one is passed over: a node that applies the metadata's
 * log from its beginning goes through all lists of the past.
 *
 * A node that was removed learns it from the metadata or, if it was away, from a peer that refuses its stream.  It
 * notes that durably, then stops: its log and rows stay until an administrator takes them away.  So does a node whose
 * log was set back to an older state, when a peer remembers more of it (replication/engine_lives.c).
 *
 * The list also brings the version of the cluster (docs/decisions/0011-versions.md); a node whose release does not read
 * that version stops.
 */
#include "postgres.h"

#include "settings.h"
#include "shmem/inbound.h"
#include "worker/replicator.h"

#define REMOVED_REASON "this node was removed from its cluster"

void
nodes_publish(const NodeList *list)
{
	LWLockAcquire(quorate_shared->lock, LW_EXCLUSIVE);
	memset(quorate_shared->nodes, 0, sizeof(quorate_shared->nodes));
	memcpy(quorate_shared->nodes, list->nodes, list->count * sizeof(NodeInfo));
	quorate_shared->removed_nodes = list->removed_nodes;
	quorate_shared->nodes_lsn = list->lsn;
	quorate_shared->cluster_version = list->cluster_version;
	LWLockRelease(quorate_shared->lock);
	pg_atomic_fetch_add_u64(&quorate_shared->nodes_generation, 1);
	shared_wake_forwarder();
}

bool
nodes_publish_recovered(void)
{
	NodeList *list = palloc0(sizeof(NodeList));
	uint32_t length = 0;
	const void *blob = engine_get_blob(replicator_engine, NODE_LIST_BLOB, &length);
	bool valid = blob != NULL && node_list_unpack(blob, length, list);

	if (valid)
	{
		list->cluster_version = engine_cluster_version(replicator_engine);
		nodes_publish(list);
	}
	pfree(list);
	return valid;
}

/* ---- the version of the cluster ---- */

/* This release is too old, or too new: stops until another one is installed; nothing is read past. */
static void
stop_unread(ClusterVersion version)
{
	char *reason = psprintf(
		"the cluster has version %u, but release %s of quorate on this node reads versions %d to %d",
		version, QUORATE_RELEASE, VERSION_OLDEST, VERSION_NEWEST);

	replicator_refuse(reason);
	pfree(reason);
}

void
nodes_stop_if_unread(void)
{
	ClusterVersion told = pg_atomic_read_u32(&quorate_shared->unread_version);

	if (told != 0 && replicator_engine != NULL)
		stop_unread(told);
}

/*
 * Takes the version that a list shows, into the log before anything rests on it; false if the list cannot be taken:
 * this node stops, or is told again when the log has room.
 */
static bool
take_version(NodeList *list)
{
	if (!version_is_read(version_range_own(), list->cluster_version))
	{
		stop_unread(list->cluster_version);
		return false;
	}
	if (list->cluster_version > engine_cluster_version(replicator_engine))
		ereport(LOG, (errmsg("the cluster has version %u from now on", list->cluster_version)));
	if (!engine_set_cluster_version(replicator_engine, list->cluster_version))
		return false;
	list->cluster_version = engine_cluster_version(replicator_engine);
	return true;
}

/* ---- lists ---- */

bool
nodes_first_list(const NodeCommand *command, const void *bytes, Size length, NodeList *list)
{
	bool named = false;

	if (!node_list_unpack(bytes, length, list))
		return false;
	for (uint32_t i = 0; i < list->count; i++)
	{
		if (list->nodes[i].node > quorate_max_nodes)
			return false;
		named |= list->nodes[i].node == command->self;
	}
	return named && (command->joins || list->count <= CORE_MEMBERS_MAX);
}

/* Streams from a node with a greater id would have no place in shared memory. */
static void
report_great_ids(const NodeList *list)
{
	static NodeId reported; /* the greatest id that was reported */

	for (uint32_t i = 0; i < list->count; i++)
	{
		if (list->nodes[i].node <= quorate_max_nodes || list->nodes[i].node <= reported)
			continue;
		reported = list->nodes[i].node;
		ereport(LOG, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					  errmsg("node \"%s\" cannot be heard by this node: its id is %u",
							 list->nodes[i].name, list->nodes[i].node),
					  errhint("Increase quorate.max_nodes and restart the server.")));
	}
}

/* Keeps a list in the log, durable with the end of the turn; false if there is no room. */
static bool
keep_list(const NodeList *list)
{
	StringInfoData packed;
	bool kept;

	initStringInfo(&packed);
	node_list_pack(list, &packed);
	kept = engine_set_blob(replicator_engine, NODE_LIST_BLOB, packed.data, (uint32_t) packed.len);
	pfree(packed.data);
	if (!kept)
		ereport(LOG, (errmsg("the log has no room for the list of the cluster's nodes")));
	return kept;
}

void
nodes_take_list(const void *bytes, Size length)
{
	NodeList *list = palloc0(sizeof(NodeList));

	if (replicator_engine == NULL || !node_list_unpack(bytes, length, list) ||
		list->lsn < quorate_shared->nodes_lsn || !take_version(list) || !keep_list(list))
	{
		pfree(list);
		return;
	}
	nodes_publish(list);
	report_great_ids(list);
	if (shared_node_was_removed(quorate_shared->self))
		nodes_stop_removed();
	else
		peers_update();
	pfree(list);
}

/* Stops this node; what it still publishes is who it was, so that nobody is taken for a peer. */
static void
stop_removed(void)
{
	NodeList *list = palloc0(sizeof(NodeList));

	list->lsn = quorate_shared->nodes_lsn;
	list->cluster_version = quorate_shared->cluster_version;
	list->removed_nodes = node_id_bit(quorate_shared->self);
	replicator_refuse(REMOVED_REASON);
	nodes_publish(list);
	pfree(list);
}

void
nodes_stop_removed(void)
{
	NodeList *list;

	if (replicator_engine == NULL)
		return;
	list = node_list_published();
	list->removed_nodes |= node_id_bit(quorate_shared->self);
	if (keep_list(list) && !engine_finish_turn(replicator_engine))
		replicator_log_failed();
	pfree(list);
	stop_removed();
}

bool
nodes_stop_if_removed(void)
{
	bool removed = shared_node_was_removed(quorate_shared->self);

	if (removed)
		stop_removed();
	return removed;
}

void
nodes_stop_set_back(void)
{
	replicator_refuse(engine_error());
}

/* Shown in quorate.nodes, and said once each time that a peer comes with such a log. */
void
nodes_note_set_back(void *context, NodeId peer, bool set_back)
{
	if (!set_back)
	{
		pg_atomic_fetch_and_u64(&quorate_shared->set_back_nodes, ~node_id_bit(peer));
		return;
	}
	pg_atomic_fetch_or_u64(&quorate_shared->set_back_nodes, node_id_bit(peer));
	ereport(
		LOG,
		(errmsg(
			 "node %u has forgotten what it acknowledged: its log was set back to an older state",
			 peer),
		 errdetail("Whatever it says is dropped."),
		 errhint("Remove that node from the cluster, and add it as a new one.")));
}

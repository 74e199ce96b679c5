/*
 * replicator_engine.c
 *		Opening the engine on the log directory, laying out a new node, and taking a node away again.
 *
 * Identity lives only in the log directory.  A node without one is unconfigured and waits for a bootstrap
 * command; one whose directory cannot be used (copied, damaged, written by a newer version) is refused,
 * with the reason for the views, and touches nothing.
 *
 * Durable before what: bootstrapping first lays out the log with its identity, then records the list of
 * nodes and the metadata group and syncs them in one turn, and only then says that it is done.  A crash in
 * between leaves an identity without a list of nodes; such a node is refused until it is taken away.
 */
#include "postgres.h"

#include <unistd.h>

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "log/log_io_posix.h"
#include "settings.h"
#include "shmem/inbound.h"
#include "worker/replicator.h"

/* Clocks of two machines may drift apart by this much while a lease lasts. */
#define CLOCK_DRIFT_PPM 250000

/* Entries in one message; a frame holds more than one of them. */
#define ACCEPT_BYTES_MAX (1024 * 1024)

#define REOPEN_INTERVAL_US (5 * 1000 * 1000)

Engine *replicator_engine;

static LogIo log_io;
static bool log_io_is_open;
static int (*sync_log_data)(void *ctx, int handle);
static TimeUs reopen_due_us; /* 0: not to be tried again */

static TimeUs
engine_now(void *context)
{
	return shared_now_us();
}

/* A sync that hangs is seen by the other processes; one that failed ends the process. */
static int
sync_and_note(void *ctx, int handle)
{
	int result;

	shared_count(COUNTER_SYNCS, 1);
	pg_atomic_write_u64(&quorate_shared->sync_began_us, (uint64_t) shared_now_us());
	result = sync_log_data(ctx, handle);
	pg_atomic_write_u64(&quorate_shared->synced_us, (uint64_t) shared_now_us());
	pg_atomic_write_u64(&quorate_shared->sync_began_us, 0);
	return result;
}

/* Opens the log directory, once in the life of the process.  0 or -errno. */
static int
open_directory(void)
{
	int result;

	if (log_io_is_open)
		return 0;
	result = log_io_posix_open(quorate_log_directory, &log_io);
	if (result != 0)
		return result;
	sync_log_data = log_io.sync_data;
	log_io.sync_data = sync_and_note;
	log_io_is_open = true;
	return 0;
}

static void
fill_config(EngineConfig *config, const uint8_t *cluster_id, NodeId self, ClusterVersion version)
{
	memset(config, 0, sizeof(*config));
	memcpy(config->cluster_id, cluster_id, sizeof(config->cluster_id));
	config->self = self;
	config->lease_us = quorate_lease_duration_ms * INT64CONST(1000);
	config->heartbeat_us = quorate_heartbeat_interval_ms * INT64CONST(1000);
	config->clock_drift_ppm = CLOCK_DRIFT_PPM;
	config->frame_bytes_max = (uint32_t) inbound_frame_bytes_max();
	config->accept_bytes_max = ACCEPT_BYTES_MAX;
	config->segment_bytes = (uint32_t) quorate_log_segment_size_kb * 1024;
	config->log_bytes_max = (uint64_t) quorate_log_size_max_mb * 1024 * 1024;
	config->groups_max = (uint32_t) quorate_max_groups;
	config->cluster_version = version;
	config->seed = (uint64_t) shared_now_us() * 31 + (uint64_t) MyProcPid;
}

static void
fill_callbacks(EngineCallbacks *callbacks)
{
	memset(callbacks, 0, sizeof(*callbacks));
	callbacks->now = engine_now;
	callbacks->send = peers_send;
	callbacks->set_back = nodes_note_set_back;
	groups_fill_callbacks(callbacks);
}

/* Publishes who this node is. */
static void
publish_identity(const EngineConfig *config)
{
	LWLockAcquire(quorate_shared->lock, LW_EXCLUSIVE);
	memcpy(quorate_shared->cluster_id, config->cluster_id, sizeof(config->cluster_id));
	quorate_shared->self = config->self;
	quorate_shared->start_counter = engine_start_counter(replicator_engine);
	LWLockRelease(quorate_shared->lock);
}

/* This node cannot run; `reason` says why and is logged. */
static void
refuse(const char *reason)
{
	shared_set_node_state(NODE_REFUSED, reason);
	ereport(LOG, (errmsg("quorate does not start: %s", reason)));
}

/* Opens the engine under an identity; the reason of a failure is in engine_error(). */
static EngineStatus
open_engine(const EngineConfig *config)
{
	EngineCallbacks callbacks;

	fill_callbacks(&callbacks);
	return engine_open(&replicator_engine, &log_io, config, &callbacks);
}

static void
close_engine(void)
{
	if (replicator_engine == NULL)
		return;
	peers_disconnect();
	inbound_end_all();
	groups_detach_all();
	engine_close(replicator_engine);
	replicator_engine = NULL;
}

void
replicator_refuse(const char *reason)
{
	close_engine();
	refuse(reason);
}

/* All is recovered: from now on this node takes part. */
static void
start_running(void)
{
	if (!groups_attach())
	{
		close_engine();
		refuse("the log holds more replication groups than quorate.max_groups allows");
		return;
	}
	peers_update();
	shared_set_node_state(NODE_RUNNING, "");
	shared_wake_launcher();
	damage_report();
	ereport(LOG, (errmsg("quorate runs as node %u, start " UINT64_FORMAT, quorate_shared->self,
						 quorate_shared->start_counter)));
}

/* The engine did not open the log. */
static void
refuse_log(EngineStatus status)
{
	char *reason = psprintf("%s%s", engine_error(),
							status == ENGINE_FOREIGN
								? "; if it was moved on purpose, call quorate.adopt_identity()"
								: "");

	refuse(reason);
	pfree(reason);
}

static void
forget_cluster(void)
{
	LWLockAcquire(quorate_shared->lock, LW_EXCLUSIVE);
	memset(quorate_shared->cluster_id, 0, sizeof(quorate_shared->cluster_id));
	quorate_shared->self = 0;
	quorate_shared->start_counter = 0;
	memset(quorate_shared->nodes, 0, sizeof(quorate_shared->nodes));
	quorate_shared->removed_nodes = 0;
	quorate_shared->nodes_lsn = 0;
	quorate_shared->cluster_version = 0;
	memset(quorate_shared->peer_releases, 0, sizeof(quorate_shared->peer_releases));
	LWLockRelease(quorate_shared->lock);
	pg_atomic_fetch_add_u64(&quorate_shared->nodes_generation, 1);
	pg_atomic_write_u64(&quorate_shared->log_bytes, 0);
	pg_atomic_write_u64(&quorate_shared->log_full_us, 0);
	pg_atomic_write_u64(&quorate_shared->set_back_nodes, 0);
	pg_atomic_write_u32(&quorate_shared->unread_version, 0);
	for (int i = 0; i < lengthof(quorate_shared->peer_heard_us); i++)
		pg_atomic_write_u64(&quorate_shared->peer_heard_us[i], 0);
}

/* The log is open: publishes what it knows of the cluster, and runs. */
static void
run_recovered(const EngineConfig *config)
{
	publish_identity(config);
	if (!nodes_publish_recovered())
	{
		replicator_refuse(
			"the log has an identity but no list of nodes: the creation of the cluster was interrupted");
		forget_cluster();
	}
	else if (!nodes_stop_if_removed())
		start_running();
}

/*
 * Opens the engine under the identity that the directory holds; `adopt` if the directory was moved on
 * purpose.
 */
static void
recover(const LogIdentity *identity, bool adopt)
{
	EngineConfig config;
	EngineStatus status;

	fill_config(&config, identity->cluster_id, identity->node, VERSION_FIRST);
	config.adopt = adopt;
	if (identity->node > quorate_max_nodes)
	{
		refuse("quorate.max_nodes is lower than the id of this node");
		return;
	}
	status = open_engine(&config);
	if (status != ENGINE_OK)
	{
		refuse_log(status);
		if (status == ENGINE_IO)
			reopen_due_us = shared_now_us() + REOPEN_INTERVAL_US;
	}
	else
		run_recovered(&config);
}

/* Why the identity cannot be had; what the disk said may be otherwise soon. */
static void
refuse_identity(int error)
{
	char *reason;

	if (error == -EBADMSG)
		reason = psprintf("the identity file in directory \"%s\" is damaged",
						  quorate_log_directory);
	else if (error == -EPROTO)
		reason = psprintf("the identity file in directory \"%s\" was written by a newer version",
						  quorate_log_directory);
	else
	{
		reason = psprintf("could not read directory \"%s\": %s", quorate_log_directory,
						  strerror(-error));
		reopen_due_us = shared_now_us() + REOPEN_INTERVAL_US;
	}
	refuse(reason);
	pfree(reason);
}

void
replicator_open(void)
{
	LogIdentity identity;
	int result = open_directory();

	reopen_due_us = 0;
	if (result == 0)
		result = log_identity_read(&log_io, &identity);
	if (result == -ENOENT)
		shared_set_node_state(NODE_UNCONFIGURED, "");
	else if (result != 0)
		refuse_identity(result);
	else
		recover(&identity, false);
}

long
replicator_reopen_if_due(void)
{
	if (reopen_due_us == 0 || replicator_engine != NULL)
		return -1;
	if (shared_now_us() >= reopen_due_us)
		replicator_open();
	return reopen_due_us == 0 ? -1 : (long) ((reopen_due_us - shared_now_us()) / 1000 + 1);
}

void
replicator_log_failed(void)
{
	errno = engine_failure(replicator_engine);
	ereport(PANIC,
			(errcode_for_file_access(),
			 errmsg("could not write the log of this node in \"%s\": %m", quorate_log_directory)));
	pg_unreachable();
}

/* ---- a node's beginning and end ---- */

static void
set_result(CommandResult *result, int sqlstate, const char *message)
{
	result->sqlstate = sqlstate;
	strlcpy(result->message, message, sizeof(result->message));
}

/* The metadata is kept by all nodes that the cluster is created with. */
static void
metadata_membership(Membership *membership)
{
	memset(membership, 0, sizeof(*membership));
	membership->generation = 1;
	for (int i = 0; i < CORE_NODES_MAX && membership->member_count < CORE_MEMBERS_MAX; i++)
	{
		if (quorate_shared->nodes[i].node == 0)
			continue;
		membership->members[membership->member_count].node = quorate_shared->nodes[i].node;
		membership->members[membership->member_count].kind = MEMBER_STORAGE;
		membership->member_count++;
	}
}

/* Records who the nodes are, opens the metadata group unless the node joins, and makes both durable. */
static void
record_first_facts(const NodeCommand *command, const void *node_list, Size length)
{
	NodeCommand open_metadata = {0};

	engine_set_blob(replicator_engine, NODE_LIST_BLOB, node_list, (uint32_t) length);
	open_metadata.group = GROUP_METADATA;
	open_metadata.first_leader = 1;
	metadata_membership(&open_metadata.membership);
	if (!command->joins)
		groups_open(&open_metadata);
	if (!engine_finish_turn(replicator_engine))
		replicator_log_failed();
}

void
replicator_bootstrap(const NodeCommand *command, const void *node_list, Size length,
					 CommandResult *result)
{
	NodeList *list = palloc0(sizeof(NodeList));
	EngineConfig config;
	EngineStatus status;

	if (replicator_engine != NULL ||
		pg_atomic_read_u32(&quorate_shared->node_state) != NODE_UNCONFIGURED)
	{
		set_result(result, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
				   "this node already belongs to a cluster");
		return;
	}
	if (!nodes_first_list(command, node_list, length, list))
	{
		set_result(result, ERRCODE_INVALID_PARAMETER_VALUE, "invalid list of nodes");
		return;
	}
	if (!version_is_read(version_range_own(), list->cluster_version))
	{
		set_result(result, ERRCODE_FEATURE_NOT_SUPPORTED,
				   "the release of quorate here does not read the version of the cluster");
		return;
	}
	fill_config(&config, command->cluster_id, command->self, list->cluster_version);
	status = engine_bootstrap(&log_io, &config);
	if (status == ENGINE_OK)
		status = open_engine(&config);
	if (status != ENGINE_OK)
	{
		set_result(result, ERRCODE_IO_ERROR, engine_error());
		return;
	}
	publish_identity(&config);
	nodes_publish(list);
	record_first_facts(command, node_list, length);
	start_running();
}

/* Collects the names of the files in the log directory. */
static int
collect_name(void *names, const char *name)
{
	*(List **) names = lappend(*(List **) names, pstrdup(name));
	return 0;
}

/* Removes all files of the log; the identity goes first, so that a crash leaves no half of a node. */
static int
remove_log_files(void)
{
	List *names = NIL;
	ListCell *cell;
	int result = log_io.list(log_io.ctx, collect_name, &names);

	if (result == 0)
		result = log_remove_identity(&log_io);
	foreach (cell, names)
	{
		int removed = result == 0 ? log_io.unlink(log_io.ctx, lfirst(cell)) : 0;

		if (removed != 0 && removed != -ENOENT)
			result = removed;
	}
	list_free_deep(names);
	return result == 0 ? log_io.sync_directory(log_io.ctx) : result;
}

/*
 * The log directory anew: since the node was refused it may have been put back, and the open directory would
 * still be the one that was taken away.
 */
static int
reopen_directory(void)
{
	if (log_io_is_open)
		log_io_posix_close(&log_io);
	log_io_is_open = false;
	return open_directory();
}

/* Reads the identity, and whether another directory was its place; 0 or -errno. */
static int
read_moved_identity(LogIdentity *identity, bool *moved)
{
	LogIoIdentity place;
	int result = reopen_directory();

	if (result == 0)
		result = log_identity_read(&log_io, identity);
	if (result == 0)
		result = log_io.identify(log_io.ctx, &place);
	if (result == 0)
		*moved = place.device != identity->place.device || place.inode != identity->place.inode;
	return result;
}

void
replicator_adopt(CommandResult *result)
{
	LogIdentity identity;
	bool moved = false;

	if (pg_atomic_read_u32(&quorate_shared->node_state) != NODE_REFUSED)
	{
		set_result(result, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
				   "there is nothing to adopt: this node was not refused its log directory");
		return;
	}
	if (read_moved_identity(&identity, &moved) != 0 || !moved)
	{
		set_result(
			result, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
			"there is nothing to adopt: the log directory is the one in which its identity was written");
		return;
	}
	reopen_due_us = 0;
	ereport(LOG, (errmsg("quorate adopts the log directory, as an administrator demands")));
	recover(&identity, true);
	if (replicator_engine == NULL)
		set_result(result, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, quorate_shared->state_reason);
}

void
replicator_unbootstrap(CommandResult *result)
{
	int removed = open_directory();

	shared_set_node_state(NODE_STARTING, "the node leaves its cluster");
	close_engine();
	reopen_due_us = 0;
	if (removed == 0)
		removed = remove_log_files();
	if (removed != 0)
	{
		snprintf(result->message, sizeof(result->message),
				 "could not remove the files in \"%s\": %s", quorate_log_directory,
				 strerror(-removed));
		result->sqlstate = ERRCODE_IO_ERROR;
		refuse(result->message);
		return;
	}
	forget_cluster();
	shared_set_node_state(NODE_UNCONFIGURED, "");
	shared_wake_launcher();
}

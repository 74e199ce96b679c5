/*
 * replicator_peers.c
 *		The replicator's streams to the other nodes, and the frames that arrive from them.
 *
 * Frames go out on a libpq stream of our own to each node (stream_client.h) and come in through a ring in
 * shared memory that the backend of the other node's stream fills (inbound.h).  A frame that cannot be
 * queued is dropped and counted; the protocol repeats what matters.  A node that is down costs a connection
 * attempt a second.
 */
#include "postgres.h"

#include "request/sqlstate.h"
#include "settings.h"
#include "shmem/inbound.h"
#include "worker/peer_check.h"
#include "worker/replicator.h"
#include "worker/stream_client.h"

#define QUEUE_BYTES_MAX (8 * 1024 * 1024)

/* One turn takes at most about this much from one node, so that no node keeps the others waiting. */
#define RECEIVE_BYTES_PER_TURN (2 * 1024 * 1024)

static StreamClient *streams[CORE_NODES_MAX];
static int stream_count;

/* By node id; NULL for this node and ids that are not in use. */
static StreamClient *stream_of[CORE_NODES_MAX + 1];

void
peers_disconnect(void)
{
	for (int i = 0; i < stream_count; i++)
		stream_client_destroy(streams[i]);
	stream_count = 0;
	memset(stream_of, 0, sizeof(stream_of));
}

/* A node that is only joining does not answer yet. */
static bool
has_stream(const NodeInfo *info)
{
	return info->node != 0 && info->node != quorate_shared->self && info->state != NODE_JOINING;
}

static void
connect_peer(const NodeInfo *info, const char *call)
{
	StreamClientOptions options = {.node = info->node,
								   .label = "consensus",
								   .conninfo = info->conninfo,
								   .call = call,
								   .queue_bytes_max = QUEUE_BYTES_MAX};

	stream_of[info->node] = stream_client_create(&options);
}

static void
disconnect_peer(NodeId node)
{
	stream_client_destroy(stream_of[node]);
	stream_of[node] = NULL;
}

/* The node is gone: what it still sends is not heard. */
static void
forget_peer(NodeId node)
{
	disconnect_peer(node);
	if (node <= quorate_max_nodes)
		inbound_end(node);
	pg_atomic_write_u64(&quorate_shared->peer_heard_us[node], 0);
}

/* Ends the streams to nodes that are gone, or are reached in another way than before. */
static void
end_old_streams(void)
{
	for (NodeId node = 1; node <= CORE_NODES_MAX; node++)
	{
		NodeInfo info;

		if (stream_of[node] == NULL)
			continue;
		if (!shared_node_by_id(node, &info) || !has_stream(&info))
			forget_peer(node);
		else if (strcmp(stream_client_conninfo(stream_of[node]), info.conninfo) != 0)
			disconnect_peer(node);
	}
}

void
peers_update(void)
{
	char *call = peer_call("_consensus_stream");

	end_old_streams();
	for (int i = 0; i < CORE_NODES_MAX; i++)
	{
		const NodeInfo *info = &quorate_shared->nodes[i];

		if (has_stream(info) && stream_of[info->node] == NULL)
			connect_peer(info, call);
		else if (has_stream(info))
			stream_client_set_call(stream_of[info->node], call);
	}
	pfree(call);
	if (replicator_engine != NULL)
	{
		for (NodeId node = 1; node <= CORE_NODES_MAX; node++)
			engine_meet(replicator_engine, node, stream_of[node] != NULL);
	}

	stream_count = 0;
	for (NodeId node = 1; node <= CORE_NODES_MAX; node++)
	{
		if (stream_of[node] != NULL)
			streams[stream_count++] = stream_of[node];
	}
}

bool
peers_say_removed(void)
{
	for (int i = 0; i < stream_count; i++)
	{
		if (stream_client_refusal(streams[i]) == QUORATE_ERRCODE_REMOVED)
			return true;
	}
	return false;
}

void
peers_run(void)
{
	for (int i = 0; i < stream_count; i++)
	{
		Size length;

		stream_client_run(streams[i]);

		/* Nothing is expected to come back; reading finds out that the other side ended the stream. */
		while (stream_client_get(streams[i], &length) != NULL)
			continue;
	}
}

void
peers_send(void *context, NodeId to, const uint8_t *frame, size_t length)
{
	StreamClient *stream = to <= CORE_NODES_MAX ? stream_of[to] : NULL;

	if (stream != NULL && stream_client_put(stream, frame, length))
	{
		shared_count(COUNTER_FRAMES_SENT, 1);
		shared_count(COUNTER_BYTES_SENT, length);
	}
	else
		shared_count(COUNTER_FRAMES_DROPPED, 1);
}

void
peers_wait(long timeout_ms)
{
	stream_client_wait(streams, stream_count, timeout_ms);
}

/* Takes frames of one node; true if there are more. */
static bool
receive_from(NodeId from)
{
	Size received = 0;
	const uint8_t *frame;
	uint64_t stream;
	Size length;

	while ((frame = inbound_peek(from, &stream, &length)) != NULL)
	{
		if (received >= RECEIVE_BYTES_PER_TURN)
			return true;
		received += length;
		shared_count(COUNTER_FRAMES_RECEIVED, 1);
		if (inbound_check(from, stream) != INBOUND_REFUSED &&
			!engine_receive(replicator_engine, from, frame, length))
		{
			shared_count(COUNTER_FRAMES_REFUSED, 1);
			ereport(LOG, (errmsg("invalid frame of %zu bytes from node %u: its stream is ended",
								 length, from),
						  errdetail_internal("%s", engine_error())));
			inbound_refuse(from, stream);
		}
		inbound_consume(from);
	}
	return false;
}

bool
peers_receive(void)
{
	bool more = false;

	for (int node = 1; node <= quorate_max_nodes; node++)
		more |= receive_from((NodeId) node);
	inbound_wake_writers();
	return more;
}

/* Says to the other processes why the stream to a node is down. */
static void
publish_problem(NodeId node, const char *problem)
{
	char *published = quorate_shared->peer_problems[node];

	if (strcmp(published, problem) == 0) /* nobody else writes it */
		return;
	LWLockAcquire(quorate_shared->lock, LW_EXCLUSIVE);
	strlcpy(published, problem, PEER_PROBLEM_MAX);
	LWLockRelease(quorate_shared->lock);
}

void
peers_publish(void)
{
	for (int node = 1; node <= CORE_NODES_MAX; node++)
	{
		publish_problem((NodeId) node,
						stream_of[node] != NULL ? stream_client_problem(stream_of[node]) : "");
		if (stream_of[node] == NULL)
			continue;
		pg_atomic_write_u64(&quorate_shared->peer_heard_us[node],
							engine_peer_heard_us(replicator_engine, (NodeId) node));
		pg_atomic_write_u64(&quorate_shared->peer_reaches[node],
							engine_peer_reaches(replicator_engine, (NodeId) node));
	}
}

/*
 * forwarder.c
 *		The process that carries this node's requests to the leaders on other nodes.
 *
 * A background worker without a database, one a node.  It keeps quorate.request_streams connections to every
 * other node, and one more for range reads, so that a large scan delays nobody.  It reads the ring into
 * which the routers write (shmem/forward.h), sends each request on a stream of the target node, and hands
 * the replies back.
 *
 * It holds no state that matters: if it dies, routers see its life number change, and every write that it had
 * taken counts as of unknown outcome.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "shmem/forward.h"
#include "request/stream_frame.h"
#include "settings.h"
#include "shmem/shared_state.h"
#include "worker/stream_client.h"
#include "worker/forwarder.h"
#include "worker/peer_check.h"

#define STREAMS_PER_NODE_MAX 9 /* quorate.request_streams, and the one for ranges */
#define STREAM_QUEUE_BYTES_MAX (32 * 1024 * 1024)
#define IDLE_WAIT_MS 1000
#define BLOCKED_WAIT_MS 2 /* while a backend's reply ring is full */

/* A connection and the requests that were sent on it. */
typedef struct ForwardStream
{
	NodeId node;
	StreamClient *client;
	uint64_t openings; /* as of the last look: a change means that replies were lost */
	bool was_open;
	dlist_head sent; /* SentRequest */
} ForwardStream;

typedef struct SentRequest
{
	dlist_node link;
	uint64_t id;
	uint32_t slot;
} SentRequest;

/* An answer that did not fit into its backend's ring at once. */
typedef struct BlockedAnswer
{
	dlist_node link;
	uint64_t id;
	uint32_t slot;
	ForwardStatus status;
	Size length;
	Size sent;
	uint8_t bytes[FLEXIBLE_ARRAY_MEMBER];
} BlockedAnswer;

static ForwardStream **streams;
static StreamClient **stream_clients; /* the same, for stream_client_wait */
static int stream_count;
static uint64_t nodes_seen; /* SharedState.nodes_generation at the last look; 0 for never */
static dlist_head blocked = DLIST_STATIC_INIT(blocked);
static StringInfoData request_frame;

/* ---------------------------------------------------------------- answers */

static void
forwarder_answer(uint32_t slot, uint64_t id, ForwardStatus status, const uint8_t *bytes,
				 Size length)
{
	Size sent = 0;
	BlockedAnswer *answer;
	dlist_iter iter;
	bool behind = false;

	/* Chunks of one backend must not overtake those that wait already. */
	dlist_foreach (iter, &blocked)
		behind |= dlist_container(BlockedAnswer, link, iter.cur)->slot == slot;
	if (!behind && forward_answer(slot, id, status, bytes, length, &sent))
		return;

	answer = palloc(offsetof(BlockedAnswer, bytes) + length);
	answer->id = id;
	answer->slot = slot;
	answer->status = status;
	answer->length = length;
	answer->sent = sent;
	memcpy(answer->bytes, bytes, length);
	dlist_push_tail(&blocked, &answer->link);
}

/* Tries again what did not fit; keeps the order within each backend. */
static void
forwarder_answer_blocked(void)
{
	dlist_mutable_iter iter;
	uint32_t full_slot = UINT32_MAX;

	dlist_foreach_modify (iter, &blocked)
	{
		BlockedAnswer *answer = dlist_container(BlockedAnswer, link, iter.cur);

		if (answer->slot == full_slot)
			continue;
		if (forward_answer(answer->slot, answer->id, answer->status, answer->bytes, answer->length,
						   &answer->sent))
		{
			dlist_delete(&answer->link);
			pfree(answer);
		}
		else
			full_slot = answer->slot;
	}
}

/* ---------------------------------------------------------------- streams */

static void
forwarder_add_stream(const NodeInfo *node, const char *call)
{
	StreamClientOptions options = {.node = node->node,
								   .label = "request",
								   .conninfo = node->conninfo,
								   .call = call,
								   .queue_bytes_max = STREAM_QUEUE_BYTES_MAX};
	ForwardStream *stream = palloc0(sizeof(ForwardStream));

	stream->node = node->node;
	stream->client = stream_client_create(&options);
	dlist_init(&stream->sent);
	streams[stream_count] = stream;
	stream_clients[stream_count++] = stream->client;
}

/* Everything that was sent on a stream and not answered is lost with it. */
static void
forwarder_lose_sent(ForwardStream *stream)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify (iter, &stream->sent)
	{
		SentRequest *sent = dlist_container(SentRequest, link, iter.cur);

		forwarder_answer(sent->slot, sent->id, FORWARD_LOST, (const uint8_t *) "", 0);
		dlist_delete(&sent->link);
		pfree(sent);
	}
}

/* True if this node belongs to another cluster than at the last call. */
static bool
forwarder_cluster_changed(void)
{
	static uint8_t cluster_id[sizeof(quorate_shared->cluster_id)];
	bool changed;

	LWLockAcquire(quorate_shared->lock, LW_SHARED);
	changed = memcmp(cluster_id, quorate_shared->cluster_id, sizeof(cluster_id)) != 0;
	memcpy(cluster_id, quorate_shared->cluster_id, sizeof(cluster_id));
	LWLockRelease(quorate_shared->lock);
	return changed;
}

/* Does a stream lead to where its node is now? */
static bool
forwarder_is_current(const ForwardStream *stream)
{
	NodeInfo node;

	return shared_node_by_id(stream->node, &node) && node.state != NODE_JOINING &&
		   strcmp(stream_client_conninfo(stream->client), node.conninfo) == 0;
}

/* Ends the streams to nodes that are gone, or are reached in another way than before. */
static void
forwarder_end_old_streams(void)
{
	bool keeps = !forwarder_cluster_changed();
	int kept = 0;

	for (int i = 0; i < stream_count; i++)
	{
		ForwardStream *stream = streams[i];

		if (keeps && forwarder_is_current(stream))
		{
			streams[kept] = stream;
			stream_clients[kept++] = stream->client;
			continue;
		}
		forwarder_lose_sent(stream);
		stream_client_destroy(stream->client);
		pfree(stream);
	}
	stream_count = kept;
}

static bool
forwarder_has_streams(NodeId node)
{
	for (int i = 0; i < stream_count; i++)
	{
		if (streams[i]->node == node)
			return true;
	}
	return false;
}

/* Makes the streams of nodes that have become known, and ends those of nodes that are gone. */
static void
forwarder_know_nodes(void)
{
	uint64_t generation = pg_atomic_read_u64(&quorate_shared->nodes_generation);

	if (generation == nodes_seen)
		return;
	nodes_seen = generation;
	forwarder_end_old_streams();
	for (NodeId id = 1; id <= CORE_NODES_MAX; id++)
	{
		NodeInfo node;
		char *call;

		if (id == quorate_shared->self || !shared_node_by_id(id, &node) ||
			node.state == NODE_JOINING || forwarder_has_streams(id))
			continue;
		call = peer_call("_request_stream");
		for (int i = 0; i < quorate_request_streams + 1; i++)
			forwarder_add_stream(&node, call);
		pfree(call);
	}
}

static void
forwarder_take_reply(ForwardStream *stream, uint64_t id, const uint8_t *bytes, Size length)
{
	dlist_iter iter;

	dlist_foreach (iter, &stream->sent)
	{
		SentRequest *sent = dlist_container(SentRequest, link, iter.cur);

		if (sent->id == id)
		{
			forwarder_answer(sent->slot, id, FORWARD_REPLY, bytes, length);
			dlist_delete(&sent->link);
			pfree(sent);
			return;
		}
	}
}

static void
forwarder_run_stream(ForwardStream *stream)
{
	const char *frame;
	Size length;

	stream_client_run(stream->client);
	while ((frame = stream_client_get(stream->client, &length)) != NULL)
	{
		const uint8_t *bytes;
		Size bytes_length;
		uint64_t id;

		if (stream_frame_open((const uint8_t *) frame, length, &id, &bytes, &bytes_length))
			forwarder_take_reply(stream, id, bytes, bytes_length);
		else
			shared_count(COUNTER_FRAMES_REFUSED, 1);
	}
	if (stream_client_openings(stream->client) != stream->openings ||
		(stream->was_open && !stream_client_is_open(stream->client)))
		forwarder_lose_sent(stream);
	stream->openings = stream_client_openings(stream->client);
	stream->was_open = stream_client_is_open(stream->client);
}

/* ---------------------------------------------------------------- requests */

/* One backend's requests stay on one stream, so that they keep their order. */
static ForwardStream *
forwarder_choose_stream(const ForwardRequest *request)
{
	int wanted = request->is_range ? quorate_request_streams
								   : (int) (request->slot % (uint32_t) quorate_request_streams);

	for (int i = 0; i < stream_count; i++)
	{
		if (streams[i]->node == request->target && wanted-- == 0)
			return streams[i];
	}
	return NULL;
}

static void
forwarder_send(const ForwardRequest *request, const uint8_t *bytes, Size length)
{
	ForwardStream *stream = forwarder_choose_stream(request);
	SentRequest *sent;

	if (stream != NULL && stream_client_is_open(stream->client))
	{
		memcpy(stream_frame_begin(&request_frame, length), bytes, length);
		stream_frame_end(&request_frame, request->id, length);
		if (stream_client_put(stream->client, request_frame.data, (Size) request_frame.len))
		{
			sent = palloc(sizeof(SentRequest));
			sent->id = request->id;
			sent->slot = request->slot;
			dlist_push_tail(&stream->sent, &sent->link);
			return;
		}
	}
	forwarder_answer(request->slot, request->id, FORWARD_UNREACHABLE, (const uint8_t *) "", 0);
}

static void
forwarder_take_requests(void)
{
	const ForwardRequest *request;
	const uint8_t *bytes;
	Size length;

	while ((request = forward_next_request(&bytes, &length)) != NULL)
	{
		forwarder_send(request, bytes, length);
		forward_consume_request();
	}
}

/* ---------------------------------------------------------------- the process */

static void
forwarder_exit(int code, Datum arg)
{
	quorate_shared->forwarder_latch = NULL;
}

static void
forwarder_start(void)
{
	int streams_max = CORE_NODES_MAX * (quorate_request_streams + 1);

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("quorate forwarder");
	streams = MemoryContextAllocZero(TopMemoryContext, streams_max * sizeof(ForwardStream *));
	stream_clients = MemoryContextAllocZero(TopMemoryContext, streams_max * sizeof(StreamClient *));
	MemoryContextSwitchTo(TopMemoryContext);
	initStringInfo(&request_frame);
	on_shmem_exit(forwarder_exit, (Datum) 0);
	quorate_shared->forwarder_latch = MyLatch;
	forward_begin_life();
}

static void
forwarder_check_signals(void)
{
	CHECK_FOR_INTERRUPTS();
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
}

void
forwarder_main(Datum arg)
{
	forwarder_start();
	for (;;)
	{
		ResetLatch(MyLatch);
		forwarder_check_signals();
		forwarder_know_nodes();
		for (int i = 0; i < stream_count; i++)
			forwarder_run_stream(streams[i]);
		forwarder_answer_blocked();
		forwarder_take_requests();
		for (int i = 0; i < stream_count; i++)
			stream_client_run(streams[i]->client);
		stream_client_wait(stream_clients, stream_count,
						   dlist_is_empty(&blocked) ? IDLE_WAIT_MS : BLOCKED_WAIT_MS);
	}
}

/*
 * stream_client.c
 *		Client half of a stream: an asynchronous libpq connection that is kept up for ever; see
 *		stream_client.h.
 *
 * Runs in the replicator and in the forwarder.  Nothing here is durable, and nothing is promised about
 * delivery: a frame may be lost with its connection, and both protocols above repeat what matters.
 *
 * What it refuses to assume: that the other node exists, answers, reads what it is sent, or that a
 * connection that is silent is alive (keepalives and tcp_user_timeout end one that is not).
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <poll.h>

#include "libpq-fe.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "settings.h"
#include "shmem/shared_state.h"
#include "worker/frame_queue.h"
#include "request/conninfo.h"
#include "worker/stream_client.h"

#define BACKOFF_MIN_US (100 * 1000)
#define BACKOFF_MAX_US (1000 * 1000)
#define CONNECT_LIMIT_US (3 * 1000 * 1000)

typedef enum StreamState
{
	STREAM_DOWN = 0, /* waits for its next attempt */
	STREAM_CONNECTING,
	STREAM_CALLING, /* the statement is sent, its answer awaited */
	STREAM_OPEN
} StreamState;

struct StreamClient
{
	MemoryContext context; /* holds all of this */
	NodeId node;
	char *label;
	char *conninfo;
	char *call;

	StreamState state;
	PGconn *conn;                      /* NULL while down */
	PostgresPollingStatusType polling; /* connecting: what libpq waits for */
	bool readable;                     /* the socket had something to read when last waited for */
	bool flush_pending;                /* libpq holds bytes that the socket did not take */
	FrameQueue output;
	char *received; /* last frame handed out; libpq's memory */

	TimeUs next_attempt_us;
	TimeUs deadline_us; /* connecting, calling: give up then */
	TimeUs backoff_us;
	uint64_t openings;
	int refusal;         /* SQLSTATE with which the other side ended the stream; 0 for none */
	bool failure_logged; /* since it was last up */
	char problem
		[PEER_PROBLEM_MAX]; /* why it is down; "" while nothing has gone wrong since it was up */
};

/* Set of this process's streams to wait for; made anew whenever a socket came or went. */
static WaitEventSet *wait_set;
static bool wait_set_stale = true;

StreamClient *
stream_client_create(const StreamClientOptions *options)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "quorate stream client",
												  ALLOCSET_DEFAULT_SIZES);
	StreamClient *client = MemoryContextAllocZero(context, sizeof(StreamClient));

	client->context = context;
	client->node = options->node;
	client->label = MemoryContextStrdup(context, options->label);
	client->conninfo = MemoryContextStrdup(context, options->conninfo);
	client->call = MemoryContextStrdup(context, options->call);
	client->backoff_us = BACKOFF_MIN_US;
	frame_queue_init(&client->output, options->queue_bytes_max, context);
	wait_set_stale = true;
	return client;
}

void
stream_client_set_call(StreamClient *client, const char *call)
{
	pfree(client->call);
	client->call = MemoryContextStrdup(client->context, call);
}

static void
forget_received(StreamClient *client)
{
	if (client->received != NULL)
		PQfreemem(client->received);
	client->received = NULL;
}

/* Closes the connection, if there is one, and forgets what was queued on it. */
static void
disconnect(StreamClient *client)
{
	if (client->conn != NULL)
	{
		PQfinish(client->conn);
		ReleaseExternalFD();
	}
	client->conn = NULL;
	client->state = STREAM_DOWN;
	client->readable = false;
	client->flush_pending = false;
	forget_received(client);
	frame_queue_clear(&client->output);
	wait_set_stale = true;
}

void
stream_client_destroy(StreamClient *client)
{
	disconnect(client);
	MemoryContextDelete(client->context);
}

/* Takes the stream down and plans the next attempt.  `reason` may end in line breaks, as libpq's do. */
static void
fail(StreamClient *client, const char *reason)
{
	char *text = pstrdup(reason != NULL ? reason : "");

	while (text[0] != '\0' && strchr("\r\n ", text[strlen(text) - 1]) != NULL)
		text[strlen(text) - 1] = '\0';
	if (text[0] != '\0' || client->problem[0] == '\0')
		strlcpy(client->problem, text[0] != '\0' ? text : "the other side ended the stream",
				sizeof(client->problem));
	if (!client->failure_logged)
		ereport(LOG, (errmsg("%s stream to node %u is down: %s", client->label, client->node,
							 text[0] != '\0' ? text : "the other side ended it")));
	pfree(text);
	client->failure_logged = true;
	disconnect(client);
	client->next_attempt_us = shared_now_us() + client->backoff_us;
	client->backoff_us = Min(client->backoff_us * 2, BACKOFF_MAX_US);
}

/*
 * Starts to connect.  replication=database: the connection is counted against max_wal_senders, so that a
 * storm of clients cannot keep it out.
 */
static void
start_connecting(StreamClient *client)
{
	char *application = psprintf("quorate %s", client->label);
	const char *keywords[] = {"dbname",           "dbname",           "replication",
							  "application_name", "keepalives_idle",  "keepalives_interval",
							  "keepalives_count", "tcp_user_timeout", NULL};
	const char *values[] = {
		client->conninfo, quorate_database, "database", application, "2", "1", "3", "5000", NULL};
	char *reason;

	if (!conninfo_is_usable(client->conninfo, &reason))
	{
		fail(client, reason);
		pfree(reason);
		return;
	}
	if (!AcquireExternalFD())
	{
		fail(client, "too many open files");
		return;
	}
	client->conn = PQconnectStartParams(keywords, values, 1);
	pfree(application);
	if (client->conn == NULL)
	{
		ReleaseExternalFD();
		fail(client, "out of memory");
		return;
	}
	wait_set_stale = true;
	if (PQstatus(client->conn) == CONNECTION_BAD)
	{
		fail(client, PQerrorMessage(client->conn));
		return;
	}
	client->state = STREAM_CONNECTING;
	client->polling = PGRES_POLLING_WRITING;
	client->deadline_us = shared_now_us() + CONNECT_LIMIT_US;
}

/* libpq must not be asked to go on with a connection before its socket is ready. */
static bool
socket_ready(StreamClient *client)
{
	struct pollfd descriptor = {0};

	descriptor.fd = PQsocket(client->conn);
	descriptor.events = client->polling == PGRES_POLLING_READING ? POLLIN : POLLOUT;
	return poll(&descriptor, 1, 0) > 0;
}

static void
continue_connecting(StreamClient *client)
{
	if (!socket_ready(client))
		return;
	client->polling = PQconnectPoll(client->conn);
	if (client->polling == PGRES_POLLING_FAILED)
		fail(client, PQerrorMessage(client->conn));
	else if (client->polling == PGRES_POLLING_OK)
	{
		if (PQsetnonblocking(client->conn, 1) != 0 || PQsendQuery(client->conn, client->call) != 1)
		{
			fail(client, PQerrorMessage(client->conn));
			return;
		}
		client->state = STREAM_CALLING;
		client->flush_pending = true;
		wait_set_stale = true;
	}
}

/* The stream came up. */
static void
opened(StreamClient *client)
{
	client->state = STREAM_OPEN;
	client->openings++;
	client->backoff_us = BACKOFF_MIN_US;
	client->failure_logged = false;
	client->problem[0] = '\0';
	client->refusal = 0;
	ereport(LOG, (errmsg("%s stream to node %u is up", client->label, client->node)));
}

/* Reports why the other side left the stream, from the result that it ended with. */
static void
fail_with_result(StreamClient *client, PGresult *result)
{
	char *reason = pstrdup(result != NULL ? PQresultErrorMessage(result)
										  : PQerrorMessage(client->conn));
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (state != NULL && strlen(state) == 5)
		client->refusal = MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);

	PQclear(result);
	fail(client, reason);
	pfree(reason);
}

/* Looks for the answer to the CALL. */
static void
continue_calling(StreamClient *client)
{
	PGresult *result;

	if (PQisBusy(client->conn))
		return;
	result = PQgetResult(client->conn);
	if (PQresultStatus(result) == PGRES_COPY_BOTH)
	{
		PQclear(result);
		opened(client);
	}
	else
		fail_with_result(client, result);
}

/* Hands frames to libpq as long as the socket takes them. */
static void
flush_output(StreamClient *client)
{
	for (;;)
	{
		int status = PQflush(client->conn);
		const char *frame;
		Size length;

		if (status < 0)
		{
			fail(client, PQerrorMessage(client->conn));
			return;
		}
		client->flush_pending = status > 0;
		frame = frame_queue_peek(&client->output, &length);
		if (client->flush_pending || frame == NULL)
			return;
		if (PQputCopyData(client->conn, frame, (int) length) != 1)
		{
			fail(client, PQerrorMessage(client->conn));
			return;
		}
		frame_queue_pop(&client->output);
	}
}

void
stream_client_run(StreamClient *client)
{
	TimeUs now = shared_now_us();

	if (client->state == STREAM_DOWN && now >= client->next_attempt_us)
		start_connecting(client);
	if (client->state == STREAM_CONNECTING)
		continue_connecting(client);
	if (client->state != STREAM_OPEN && client->state != STREAM_DOWN && now >= client->deadline_us)
		fail(client, "timeout expired");
	if (client->state < STREAM_CALLING)
		return;

	if (client->readable && PQconsumeInput(client->conn) != 1)
	{
		fail(client, PQerrorMessage(client->conn));
		return;
	}
	client->readable = false;
	if (client->flush_pending)
		flush_output(client);
	if (client->state == STREAM_CALLING)
		continue_calling(client);
}

const char *
stream_client_problem(const StreamClient *client)
{
	return client->problem;
}

bool
stream_client_is_open(const StreamClient *client)
{
	return client->state == STREAM_OPEN;
}

const char *
stream_client_conninfo(const StreamClient *client)
{
	return client->conninfo;
}

int
stream_client_refusal(const StreamClient *client)
{
	return client->refusal;
}

uint64_t
stream_client_openings(const StreamClient *client)
{
	return client->openings;
}

bool
stream_client_put(StreamClient *client, const void *bytes, Size length)
{
	if (client->state != STREAM_OPEN || !frame_queue_push(&client->output, bytes, length))
		return false;
	if (!client->flush_pending)
		flush_output(client);
	return client->state == STREAM_OPEN;
}

Size
stream_client_queued_bytes(const StreamClient *client)
{
	return client->output.bytes;
}

const char *
stream_client_get(StreamClient *client, Size *length)
{
	int status;

	forget_received(client);
	if (client->state != STREAM_OPEN)
		return NULL;

	status = PQgetCopyData(client->conn, &client->received, 1);
	if (status > 0)
	{
		*length = status;
		return client->received;
	}
	if (status == -1)
		fail_with_result(client, PQgetResult(client->conn));
	else if (status == -2)
		fail(client, PQerrorMessage(client->conn));
	return NULL;
}

/* What to wait for on a client's socket; 0 if it has none. */
static uint32
socket_events(const StreamClient *client)
{
	if (client->state == STREAM_DOWN)
		return 0;
	if (client->state == STREAM_CONNECTING)
		return client->polling == PGRES_POLLING_READING ? WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE;
	return client->flush_pending ? WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE : WL_SOCKET_READABLE;
}

/* How long to sleep until one of the clients has to be run without anything having happened. */
static long
limit_timeout(StreamClient *const *clients, int count, long timeout_ms)
{
	TimeUs now = shared_now_us();

	for (int i = 0; i < count; i++)
	{
		TimeUs due = clients[i]->state == STREAM_DOWN ? clients[i]->next_attempt_us
													  : clients[i]->deadline_us;
		long wait_ms = due <= now ? 0 : (long) ((due - now) / 1000 + 1);

		if (clients[i]->state != STREAM_OPEN && (timeout_ms < 0 || wait_ms < timeout_ms))
			timeout_ms = wait_ms;
	}
	return timeout_ms;
}

/* Makes the set to wait for: the latch, the postmaster's death and each client that has a socket. */
static void
rebuild_wait_set(StreamClient *const *clients, int count)
{
	if (wait_set != NULL)
		FreeWaitEventSet(wait_set);
	wait_set = CreateWaitEventSet(TopMemoryContext, count + 2);
	AddWaitEventToSet(wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	wait_set_stale = false;

	for (int i = 0; i < count; i++)
	{
		if (clients[i]->state != STREAM_DOWN)
			AddWaitEventToSet(wait_set, socket_events(clients[i]), PQsocket(clients[i]->conn), NULL,
							  clients[i]);

		/* libpq may change the socket of a connection while it is being made. */
		if (clients[i]->state == STREAM_CONNECTING)
			wait_set_stale = true;
	}
}

/* Adjusts a set that still has the right sockets. */
static void
modify_wait_set(StreamClient *const *clients, int count)
{
	int position = 2;

	for (int i = 0; i < count; i++)
	{
		if (clients[i]->state != STREAM_DOWN)
			ModifyWaitEvent(wait_set, position++, socket_events(clients[i]), NULL);
	}
}

void
stream_client_wait(StreamClient *const *clients, int count, long timeout_ms)
{
	WaitEvent events[CORE_NODES_MAX + 2]; /* what does not fit is told the next time */
	int occurred;

	if (wait_set_stale)
		rebuild_wait_set(clients, count);
	else
		modify_wait_set(clients, count);

	occurred = WaitEventSetWait(wait_set, limit_timeout(clients, count, timeout_ms), events,
								lengthof(events), PG_WAIT_EXTENSION);
	for (int i = 0; i < occurred; i++)
	{
		StreamClient *client = events[i].user_data;

		if (client != NULL && (events[i].events & WL_SOCKET_READABLE))
			client->readable = true;
	}
}

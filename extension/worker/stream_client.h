/*
 * stream_client.h
 *		Client half of a stream: an asynchronous libpq connection to a procedure of another node that
 *		switches to COPY BOTH (copy_both.h), kept up for ever.
 *
 * Used by the replicator (one for each other node) and by the forwarder.  Nothing here blocks: connecting,
 * authentication, TLS, the CALL and the transfer go on in stream_client_run, which the owner calls in every
 * turn of its event loop.  A connection that fails is tried again after 100 ms, then after twice as long, up
 * to one second.  A state change is logged once, however often the attempts fail.
 *
 * Names are never resolved, because that would block: a conninfo must have hostaddr, a numeric host or a
 * directory of a Unix-domain socket.
 *
 * Event loop of an owner:
 *		for (;;)
 *		{
 *			ResetLatch(MyLatch);
 *			CHECK_FOR_INTERRUPTS();
 *			for (each client)
 *			{
 *				stream_client_run(client);
 *				while ((frame = stream_client_get(client, &length)) != NULL)
 *					...
 *			}
 *			... stream_client_put(client, bytes, length) ...
 *			stream_client_wait(clients, count, timeout_ms);
 *		}
 */
#ifndef QUORATE_WORKER_STREAM_CLIENT_H
#define QUORATE_WORKER_STREAM_CLIENT_H

#include "postgres.h"

#include "core/core_types.h"

typedef struct StreamClient StreamClient;

typedef struct StreamClientOptions
{
	NodeId node;          /* the other side, for messages */
	const char *label;    /* what the stream is for, in messages: "consensus" */
	const char *conninfo; /* libpq connection string of the node */
	const char *call;     /* the statement that starts the stream: CALL quorate._...(...) */
	Size queue_bytes_max; /* frames beyond are dropped */
} StreamClientOptions;

/* Copies the options.  The connection is tried for the first time by stream_client_run. */
extern StreamClient *stream_client_create(const StreamClientOptions *options);

/* Another statement for the next time that the stream is opened. */
extern void stream_client_set_call(StreamClient *client, const char *call);

/* Closes the connection and frees everything. */
extern void stream_client_destroy(StreamClient *client);

/* Goes on with whatever is under way and flushes what is queued. */
extern void stream_client_run(StreamClient *client);

/* Is the stream up?  Changes only within stream_client_run, _put and _get. */
extern bool stream_client_is_open(const StreamClient *client);

/* The connection string that the stream was made with. */
extern const char *stream_client_conninfo(const StreamClient *client);

/* The SQLSTATE, packed, with which the other side ended the stream last; 0 if it gave none, or the stream is up. */
extern int stream_client_refusal(const StreamClient *client);

/* Why the stream is down; "" if it is up, or nothing has gone wrong since it was. */
extern const char *stream_client_problem(const StreamClient *client);

/* Number of times that the stream came up: a change tells that frames in between were lost. */
extern uint64_t stream_client_openings(const StreamClient *client);

/* Queues a frame; false if it was dropped, because the stream is down or queue_bytes_max is reached. */
extern bool stream_client_put(StreamClient *client, const void *bytes, Size length);

/* Bytes that stream_client_put accepted and that libpq has not taken yet. */
extern Size stream_client_queued_bytes(const StreamClient *client);

/* The next frame that arrived, or NULL; valid until the next call for this client. */
extern const char *stream_client_get(StreamClient *client, Size *length);

/* Sleeps until MyLatch is set, a client has something to do, or timeout_ms have passed (-1: for ever). */
extern void stream_client_wait(StreamClient *const *clients, int count, long timeout_ms);

#endif /* QUORATE_WORKER_STREAM_CLIENT_H */

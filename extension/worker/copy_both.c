/*
 * copy_both.c
 *		Server half of a stream: a backend whose connection carries frames in both directions; see
 *		copy_both.h.
 *
 * Runs in backends that other nodes connect to, most of them walsender backends (replication=database).
 * Nothing here is durable.
 *
 * What it refuses to assume: that a connection that is silent is alive (keepalives and TCP's user timeout end
 * one that is not), that the client reads what it is sent (output waits in a bounded queue and goes out as
 * the socket takes it), that the client ends its stream in an orderly way, or that it keeps to the size of
 * frames.  A frame that has begun is read to its end, as PostgreSQL's protocol needs; a client
 * that stops in the middle of one holds up this backend alone.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "libpq/libpq-be.h"
#include "libpq/libpq.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/wait_event.h"

#include "worker/copy_both.h"
#include "worker/frame_queue.h"

/* Frames are joined into one write to the socket up to this many bytes. */
#define WRITE_BATCH_BYTES (64 * 1024)

/* Longest message of the protocol that is not CopyData (CopyFail has a text). */
#define CONTROL_MESSAGE_BYTES_MAX 10000

/* The stream of this backend; there is one at most. */
static struct
{
	MemoryContext context; /* of all that the stream allocates */
	MemoryContext caller_context;
	StringInfoData input;
	FrameQueue output;
	Size frame_bytes_max;
	bool ended;           /* the client sent its last frame */
	bool connection_lost; /* nothing can be sent any more */
} stream;

/*
 * A stream must not hold a transaction for hours, so its procedure has to be able to end the one that it
 * was called in.
 */
static void
require_top_level_call(FunctionCallInfo fcinfo)
{
	bool can_commit = fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
					  !castNode(CallContext, fcinfo->context)->atomic;

	if (!can_commit || whereToSendOutput < DestRemote)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("a stream cannot be started here"),
				 errhint("Streams are started by other nodes, with CALL outside of a transaction "
						 "block.")));
}

/* Ends the transaction that CALL runs in, snapshots and locks included, and the statement's time limit. */
static void
leave_transaction(void)
{
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	SPI_commit();
	SPI_finish();

	/* SPI_commit began a new transaction, which has no snapshot yet. */
	CommitTransactionCommand();
	disable_timeout(STATEMENT_TIMEOUT, false);
}

/*
 * The other node gives a dead connection up after five seconds and makes a new one (stream_client.c).  With
 * the system's keepalives this side would keep its slot of max_wal_senders for two hours, and a few cuts of
 * the network would lock the other nodes out.  A setting that the system refuses is logged by PostgreSQL.
 */
static void
watch_connection(void)
{
	(void) pq_setkeepalivesidle(2, MyProcPort);
	(void) pq_setkeepalivesinterval(1, MyProcPort);
	(void) pq_setkeepalivescount(3, MyProcPort);
	(void) pq_settcpusertimeout(5000, MyProcPort);
}

void
copy_both_begin(FunctionCallInfo fcinfo, Size frame_bytes_max, Size queue_bytes_max)
{
	StringInfoData response;

	require_top_level_call(fcinfo);
	stream.caller_context = CurrentMemoryContext;
	leave_transaction();
	watch_connection();

	stream.context = AllocSetContextCreate(TopMemoryContext, "quorate stream",
										   ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(stream.context);
	initStringInfo(&stream.input);
	frame_queue_init(&stream.output, queue_bytes_max, stream.context);
	stream.frame_bytes_max = frame_bytes_max;
	stream.ended = false;
	stream.connection_lost = false;

	/* CopyBothResponse: overall format text, no columns. */
	pq_beginmessage(&response, 'W');
	pq_sendbyte(&response, 0);
	pq_sendint16(&response, 0);
	pq_endmessage(&response);
	if (pq_flush() != 0)
		stream.connection_lost = stream.ended = true;
}

/* The connection's framing cannot be trusted any more: this backend has to end. */
static void
fail_framing(char type)
{
	ereport(FATAL, (errcode(ERRCODE_PROTOCOL_VIOLATION),
					errmsg("stream ended within a message or by an invalid one"),
					errdetail("The message's type is 0x%02x; frames may have %zu bytes.",
							  (unsigned char) type, stream.frame_bytes_max)));
}

/* The type of the next message, or 0 if there is none now; notices the end of the connection. */
static char
begin_message(void)
{
	unsigned char type;
	int received;

	pq_startmsgread();
	received = pq_getbyte_if_available(&type);
	if (received > 0)
		return (char) type;

	pq_endmsgread();
	if (received < 0)
		stream.connection_lost = stream.ended = true;
	return 0;
}

CopyBothResult
copy_both_receive(const uint8_t **frame, Size *length)
{
	char type;
	Size length_max;

	if (stream.ended)
		return COPY_BOTH_ENDED;
	type = begin_message();
	if (type == 0)
		return stream.ended ? COPY_BOTH_ENDED : COPY_BOTH_NONE;

	/* The length that the protocol counts includes its own four bytes. */
	length_max = type == 'd' ? stream.frame_bytes_max + 4 : CONTROL_MESSAGE_BYTES_MAX;
	if (pq_getmessage(&stream.input, (int) length_max) != 0)
		fail_framing(type);

	switch (type)
	{
		case 'd': /* CopyData */
			*frame = (const uint8_t *) stream.input.data;
			*length = stream.input.len;
			return COPY_BOTH_FRAME;
		case 'X': /* Terminate */
			stream.connection_lost = true;
			stream.ended = true;
			return COPY_BOTH_ENDED;
		case 'c': /* CopyDone */
		case 'f': /* CopyFail */
			stream.ended = true;
			return COPY_BOTH_ENDED;
		default:
			fail_framing(type);
	}
	pg_unreachable();
}

bool
copy_both_send(const void *bytes, Size length)
{
	if (stream.connection_lost)
		return true; /* like data that the network lost; copy_both_receive tells */
	return frame_queue_push(&stream.output, bytes, length);
}

/* Moves queued frames into the backend's output buffer: as many as are worth one write. */
static void
fill_output_buffer(void)
{
	Size moved = 0;
	Size length;
	const char *frame;

	while (moved < WRITE_BATCH_BYTES && (frame = frame_queue_peek(&stream.output, &length)) != NULL)
	{
		pq_putmessage_noblock('d', frame, length);
		frame_queue_pop(&stream.output);
		moved += length;
	}
}

void
copy_both_flush(void)
{
	while (!stream.connection_lost)
	{
		if (!pq_is_send_pending())
			fill_output_buffer();
		if (!pq_is_send_pending())
			return;
		if (pq_flush_if_writable() != 0)
			stream.connection_lost = stream.ended = true;
		else if (pq_is_send_pending())
			return; /* the socket takes no more now */
	}
}

Size
copy_both_queued_bytes(void)
{
	return stream.output.bytes;
}

/* What FeBeWaitSet shall wake for on the socket. */
static uint32
socket_events(bool listen)
{
	uint32 events = listen ? WL_SOCKET_READABLE : WL_SOCKET_CLOSED;

	if (pq_is_send_pending())
		events |= WL_SOCKET_WRITEABLE;
	return events;
}

void
copy_both_wait(long timeout_ms, bool listen)
{
	WaitEvent event = {0};

	copy_both_flush();
	if (stream.ended || (listen && pq_buffer_has_data()))
		timeout_ms = 0;

	ModifyWaitEvent(FeBeWaitSet, FeBeWaitSetSocketPos, socket_events(listen), NULL);
	WaitEventSetWait(FeBeWaitSet, timeout_ms, &event, 1, PG_WAIT_EXTENSION);

	if (event.events & WL_POSTMASTER_DEATH)
		proc_exit(1);
	if (event.events & WL_SOCKET_CLOSED)
		stream.connection_lost = stream.ended = true;

	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	copy_both_flush();
}

void
copy_both_end(void)
{
	if (!stream.connection_lost)
		pq_putemptymessage('c');

	StartTransactionCommand();
	MemoryContextSwitchTo(stream.caller_context);
	MemoryContextDelete(stream.context);
	stream.context = NULL;
}

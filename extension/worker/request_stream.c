/*
 * request_stream.c
 *		Serves the requests of another node: the backend behind quorate._request_stream.
 *
 * One such backend serves a whole node, so it must never wait for one request while others could go on: it
 * evaluates and proposes, remembers the call, and answers when the entry commits.  Replies may leave in
 * another order than the requests came.  An error in one request is that request's reply; garbage on the
 * stream ends it with a log line.
 *
 * Between requests the backend has no transaction; reads share one that is ended before it sleeps.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "request/executor.h"
#include "request/stream_frame.h"
#include "shmem/applied_wait.h"
#include "worker/copy_both.h"
#include "worker/peer_check.h"

#define CALLS_MAX 256 /* calls under way; more wait in the connection */
#define REPLY_QUEUE_BYTES_MAX (64 * 1024 * 1024)
#define WAITING_POLL_MS 1 /* while a call waits for the applier or for room in a buffer */

/* A request under way. */
typedef struct StreamCall
{
	dlist_node link;
	MemoryContext context; /* of everything that belongs to the call, itself included */
	Request *request;
	ExecutorStep step;
	TimeUs deadline_us;
	ExecutorCall execution;
} StreamCall;

static dlist_head stream_calls = DLIST_STATIC_INIT(stream_calls);
static uint32_t stream_call_count;
static bool in_transaction;
static MemoryContext stream_context;
static StringInfoData reply_frame;

PG_FUNCTION_INFO_V1(quorate_request_stream);

/* ---------------------------------------------------------------- transactions */

static void
stream_begin_transaction(void)
{
	if (in_transaction)
		return;
	StartTransactionCommand();
	in_transaction = true;
}

static void
stream_end_transaction(void)
{
	if (!in_transaction)
		return;
	in_transaction = false;
	CommitTransactionCommand();
}

/* ---------------------------------------------------------------- replies */

/* Sends a reply; a client that does not read its replies is cut off rather than collected for. */
static void
stream_send_reply(const Reply *reply)
{
	Size length = reply_packed_size(reply);
	uint8_t *out = stream_frame_begin(&reply_frame, length);

	stream_frame_end(&reply_frame, reply->id, reply_pack(reply, out));
	if (!copy_both_send(reply_frame.data, (Size) reply_frame.len))
		ereport(ERROR, errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				errmsg("request stream has more than %d bytes of unread replies",
					   REPLY_QUEUE_BYTES_MAX));
}

static void
stream_call_end(StreamCall *call)
{
	stream_send_reply(&call->execution.reply);
	dlist_delete(&call->link);
	stream_call_count--;
	MemoryContextDelete(call->context);
}

/* The reply for a call whose execution raised an error. */
static void
stream_call_failed(StreamCall *call)
{
	Reply *reply = &call->execution.reply;
	ErrorData *error;

	MemoryContextSwitchTo(call->context);
	error = CopyErrorData();
	FlushErrorState();
	in_transaction = false;
	AbortCurrentTransaction();
	MemoryContextSwitchTo(stream_context);

	memset(reply, 0, sizeof(*reply));
	reply->id = call->request->id;
	reply->status = REPLY_ERROR;
	reply->sqlstate = (uint32_t) error->sqlerrcode;
	reply->message = error->message;
	reply->detail = error->detail;
	reply->hint = error->hint;
	stream_call_end(call);
}

/* ---------------------------------------------------------------- execution */

static bool
stream_call_reads_rows(const StreamCall *call)
{
	return call->request->kind == REQUEST_GET || call->request->kind == REQUEST_RANGE ||
		   call->request->kind == REQUEST_COPY || call->request->expectations != NULL ||
		   call->request->evaluated;
}

/* Begins or continues a call inside an error boundary of its own; ends it if it is done. */
static void
stream_call_run(StreamCall *call, bool begin)
{
	MemoryContext old = MemoryContextSwitchTo(call->context);

	PG_TRY();
	{
		if (stream_call_reads_rows(call))
			stream_begin_transaction();
		MemoryContextSwitchTo(call->context);
		call->step = begin ? executor_begin(&call->execution, call->request,
											(uint64_t) (uintptr_t) call)
						   : executor_continue(&call->execution);
	}
	PG_CATCH();
	{
		/* Being told to end is not the request's fault. */
		if (ProcDiePending || QueryCancelPending)
			PG_RE_THROW();
		stream_call_failed(call);
		call = NULL;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	if (call != NULL && call->step == EXECUTOR_DONE)
		stream_call_end(call);
}

static void *
stream_alloc(size_t size)
{
	return palloc(size);
}

/* Takes a frame in; false if it holds no valid request. */
static bool
stream_take_frame(const uint8_t *frame, Size frame_length)
{
	MemoryContext context = AllocSetContextCreate(stream_context, "quorate request",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StreamCall *call = palloc0(sizeof(StreamCall));
	const uint8_t *bytes;
	Size length;
	uint64_t id;

	if (stream_frame_open(frame, frame_length, &id, &bytes, &length))
		call->request = request_unpack(memcpy(palloc(length), bytes, length), length, stream_alloc);
	MemoryContextSwitchTo(old);
	if (call->request == NULL)
	{
		MemoryContextDelete(context);
		return false;
	}
	call->context = context;
	call->deadline_us = shared_now_us() + call->request->timeout_ms * INT64CONST(1000);
	dlist_push_tail(&stream_calls, &call->link);
	stream_call_count++;
	shared_count(
		call->request->kind == REQUEST_WRITE ? COUNTER_WRITES_SERVED : COUNTER_READS_SERVED, 1);
	stream_call_run(call, true);
	return true;
}

static void
stream_take_completions(void)
{
	Completion completion;

	while (proposal_next_completion(&completion))
	{
		StreamCall *call = (StreamCall *) (uintptr_t) completion.tag;

		executor_complete(&call->execution, &completion);
		stream_call_end(call);
	}
}

/*
 * Goes on with the calls that wait for the applier or for room.  One whose asker has given up ends: it was
 * not proposed.  Returns whether any still waits.
 */
static bool
stream_continue_waiting(void)
{
	dlist_mutable_iter iter;
	TimeUs now = shared_now_us();
	bool any = false;

	dlist_foreach_modify (iter, &stream_calls)
	{
		StreamCall *call = dlist_container(StreamCall, link, iter.cur);

		if (call->step == EXECUTOR_COMMITTING)
			continue;
		if (now >= call->deadline_us)
		{
			call->execution.reply.status = REPLY_NOT_READY;
			stream_call_end(call);
			continue;
		}
		any = true;
		if (call->step == EXECUTOR_WAIT_ROOM ||
			pg_atomic_read_u64(&call->execution.group->applied_lsn) >= call->execution.wait_lsn)
			stream_call_run(call, false);
	}
	return any;
}

/* ---------------------------------------------------------------- the stream */

/* Takes in what has arrived; false when the stream shall end. */
static bool
stream_receive(int from)
{
	CopyBothResult result = COPY_BOTH_NONE;
	const uint8_t *frame;
	Size length;

	while (stream_call_count < CALLS_MAX &&
		   (result = copy_both_receive(&frame, &length)) == COPY_BOTH_FRAME)
	{
		if (!stream_take_frame(frame, length))
		{
			shared_count(COUNTER_FRAMES_REFUSED, 1);
			ereport(LOG, errcode(ERRCODE_PROTOCOL_VIOLATION),
					errmsg("ending request stream of node %d: invalid request", from));
			return false;
		}
	}
	return result != COPY_BOTH_ENDED;
}

/*
 * Has the applier wake this process for the first call that waits for rows; the others are looked after by
 * polling.  False if the rows have come meanwhile.
 */
static bool
stream_watch_applier(void)
{
	dlist_iter iter;

	dlist_foreach (iter, &stream_calls)
	{
		StreamCall *call = dlist_container(StreamCall, link, iter.cur);

		if (call->step != EXECUTOR_WAIT_APPLIED)
			continue;
		applied_wait_begin(call->execution.group);
		return pg_atomic_read_u64(&call->execution.group->applied_lsn) < call->execution.wait_lsn;
	}
	return true;
}

static void
stream_serve(int from)
{
	while (stream_receive(from))
	{
		bool waiting;

		stream_take_completions();
		waiting = stream_continue_waiting();
		stream_end_transaction();
		copy_both_flush();
		if (!waiting || stream_watch_applier())
			copy_both_wait(waiting ? WAITING_POLL_MS : -1, stream_call_count < CALLS_MAX);
		applied_wait_end();
	}
}

/*
 * CALL quorate._request_stream(cluster_id bytea, from_node int, protocol_version int); errors as peer_check.
 */
Datum
quorate_request_stream(PG_FUNCTION_ARGS)
{
	NodeId from = peer_check(fcinfo);

	copy_both_begin(fcinfo, REQUEST_FRAME_BYTES_MAX, REPLY_QUEUE_BYTES_MAX);
	stream_context = AllocSetContextCreate(TopMemoryContext, "quorate request stream",
										   ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(stream_context);
	initStringInfo(&reply_frame);
	stream_serve(from);
	stream_end_transaction();
	copy_both_end();
	PG_RETURN_VOID();
}

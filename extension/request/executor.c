/*
 * executor.c
 *		Executes requests at this node; see executor.h.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "request/evaluation.h"
#include "request/executor.h"
#include "request/row_pages.h"
#include "shmem/forward.h"
#include "shmem/rows_state.h"
#include "storage/item_table.h"

/* Microseconds between 1970 and PostgreSQL's origin of time. */
#define UNIX_TO_POSTGRES_US ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

static ExecutorStep executor_write(ExecutorCall *call);
static ExecutorStep executor_read(ExecutorCall *call);
static ExecutorStep executor_transfer(ExecutorCall *call);
static ExecutorStep executor_copy(ExecutorCall *call);

/* Ends a call with a bare status. */
static ExecutorStep
executor_reply(ExecutorCall *call, ReplyStatus status)
{
	call->reply.status = status;
	if (status == REPLY_NOT_LEADER && call->group != NULL)
		call->reply.leader_hint = (NodeId) pg_atomic_read_u64(&call->group->leader);
	return EXECUTOR_DONE;
}

static void
executor_prepare(ExecutorCall *call, const Request *request, uint64_t tag)
{
	memset(call, 0, sizeof(*call));
	call->request = request;
	call->tag = tag;
	call->reply.id = request->id;
	call->group = shared_group_find(request->group);
}

ExecutorStep
executor_begin(ExecutorCall *call, const Request *request, uint64_t tag)
{
	executor_prepare(call, request, tag);
	if (call->group == NULL)
		return executor_reply(call, REPLY_NOT_LEADER);
	if (request->kind == REQUEST_COPY)
		return executor_copy(call);

	/* Before the check that the leader serves, so that its rows have all that came before this ballot. */
	if (request->evaluated && !shared_group_ballot(call->group, &call->ballot))
		return executor_reply(call, REPLY_NOT_LEADER);

	/* A replica that leads without a lease may have been superseded: it neither reads nor proposes. */
	if (!shared_group_serves(call->group, &call->lead_sequence))
	{
		Ballot ballot;

		return executor_reply(call, shared_group_ballot(call->group, &ballot) ? REPLY_NOT_READY
																			  : REPLY_NOT_LEADER);
	}
	return executor_continue(call);
}

ExecutorStep
executor_continue(ExecutorCall *call)
{
	switch (call->request->kind)
	{
		case REQUEST_WRITE:
			return executor_write(call);
		case REQUEST_GET:
		case REQUEST_RANGE:
			return executor_read(call);
		case REQUEST_PROBE:
			return executor_reply(call, REPLY_OK);
		case REQUEST_TRANSFER:
			return executor_transfer(call);
		case REQUEST_COPY:
			return executor_copy(call);
	}
	elog(ERROR, "unrecognized request kind %d", (int) call->request->kind);
}

/* ---------------------------------------------------------------- writes */

/* Packs the entry that a WRITE proposes. */
static uint8_t *
executor_pack_entry(const Request *request, Size *length)
{
	EntryPayload payload = {0};
	uint8_t *bytes;

	payload.version = ENTRY_VERSION;
	payload.wall_us = GetCurrentTimestamp() + UNIX_TO_POSTGRES_US;
	payload.image_count = request->image_count;
	payload.images = request->images;
	bytes = palloc(entry_packed_size(&payload));
	*length = entry_pack(&payload, bytes);
	return bytes;
}

/* True if every row is as the request expects, in the rows as they are applied now. */
static bool
executor_expectations_hold(const Request *request)
{
	for (uint32_t i = 0; i < request->image_count; i++)
	{
		EntryImage *image = &request->images[i];
		ItemRow row;
		bool found;

		if (request->expectations[i] == EXPECT_ANYTHING)
			continue;
		found = item_table_get_one(image->table_id, image->position, image->position_length, &row);
		if (found != (request->expectations[i] != EXPECT_ABSENT))
			return false;
		if (request->expectations[i] == EXPECT_UNCHANGED && row.lsn > request->lsn)
			return false;
	}
	return true;
}

/* What became of handing a proposal in. */
static ExecutorStep
executor_submitted(SubmitResult result, Size length)
{
	if (result == SUBMIT_TOO_LARGE)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("write of %zu bytes is too large", length),
				errdetail("One write can have %d bytes.", PROPOSAL_BYTES_MAX));
	return result == SUBMIT_OK ? EXECUTOR_COMMITTING : EXECUTOR_WAIT_ROOM;
}

/* Proposes under the present ballot. */
static ExecutorStep
executor_propose(ExecutorCall *call)
{
	const Request *request = call->request;
	EntryImage *only = request->image_count == 1 ? &request->images[0] : NULL;
	Ballot ballot;
	Size length;
	uint8_t *bytes;
	SubmitResult result;

	if (!shared_group_ballot(call->group, &ballot))
		return executor_reply(call, REPLY_NOT_LEADER);
	bytes = executor_pack_entry(request, &length);
	result = proposal_submit(request->group, ballot, bytes, length, only ? only->position : NULL,
							 only ? only->position_length : 0, call->tag);
	pfree(bytes);
	return executor_submitted(result, length);
}

/*
 * A conditional write is evaluated on rows, so nothing may be between them and the end of the log: it waits
 * until the group is at rest, reads, and proposes only if the group has been at rest all the time.  Meant for
 * the metadata, which changes rarely.  The lock covers the last check and the proposal, not the reading.
 */
static ExecutorStep
executor_conditional_write(ExecutorCall *call)
{
	GroupShared *group = call->group;
	Lsn at_rest = pg_atomic_read_u64(&group->append_lsn);
	ExecutorStep step = EXECUTOR_WAIT_ROOM;

	if (pg_atomic_read_u64(&group->pending_writes) > 0)
		return EXECUTOR_WAIT_ROOM;
	if (pg_atomic_read_u64(&group->applied_lsn) < at_rest)
	{
		call->wait_lsn = at_rest;
		return EXECUTOR_WAIT_APPLIED;
	}
	if (!executor_expectations_hold(call->request))
		return executor_reply(call, shared_group_still_serves(group, call->lead_sequence)
										? REPLY_EXPECTATION_FAILED
										: REPLY_NOT_LEADER);

	LWLockAcquire(forward_shared->conditional_lock, LW_EXCLUSIVE);
	if (pg_atomic_read_u64(&group->pending_writes) == 0 &&
		pg_atomic_read_u64(&group->append_lsn) == at_rest)
		step = executor_propose(call);
	LWLockRelease(forward_shared->conditional_lock);
	return step;
}

/*
 * Proposes an evaluated write under the ballot of its evaluation, unless another write of the key was handed in since
 * its writes were counted.
 */
static ExecutorStep
executor_propose_evaluated(ExecutorCall *call, uint32_t key_hash, uint64_t writes)
{
	Size length;
	uint8_t *bytes = executor_pack_entry(call->request, &length);
	SubmitResult result = proposal_submit_evaluated(call->request->group, call->ballot, bytes,
													length, key_hash, writes, call->tag);

	pfree(bytes);
	return executor_submitted(result, length);
}

/* Evaluates; what an earlier evaluation of the call left is forgotten. */
static bool
executor_evaluate(ExecutorCall *call)
{
	MemoryContext old;
	bool holds;

	if (call->attempt == NULL)
		call->attempt = AllocSetContextCreate(CurrentMemoryContext, "quorate evaluation",
											  ALLOCSET_SMALL_SIZES);
	MemoryContextReset(call->attempt);
	call->reply.item_count = 0;
	old = MemoryContextSwitchTo(call->attempt);
	holds = evaluation_run(call->request, &call->reply);
	MemoryContextSwitchTo(old);
	return holds;
}

/*
 * A write that is evaluated on the newest state of its key: when all writes of the key that were handed in are answered
 * and in their row, it reads the row, and proposes only if none has been handed in since
 * (docs/decisions/0013-evaluated-writes.md).  A condition that does not hold is a consistent read (I7).
 */
static ExecutorStep
executor_evaluated_write(ExecutorCall *call)
{
	GroupShared *group = call->group;
	const EntryImage *image = &call->request->images[0];
	uint32_t key_hash = pending_mark_hash(call->request->group, image->position,
										  image->position_length);
	uint64_t writes = key_writes_count(key_hash);
	bool holds;

	if (!key_writes_are_answered(key_hash, writes))
		return EXECUTOR_WAIT_ROOM;
	call->wait_lsn = pending_mark_needed(group, image->position, image->position_length,
										 pg_atomic_read_u64(&group->commit_lsn));
	if (pg_atomic_read_u64(&group->applied_lsn) < call->wait_lsn)
		return EXECUTOR_WAIT_APPLIED;

	holds = executor_evaluate(call);
	if (!shared_group_still_serves(group, call->lead_sequence))
		return executor_reply(call, REPLY_NOT_LEADER);
	return holds ? executor_propose_evaluated(call, key_hash, writes) : EXECUTOR_DONE;
}

static ExecutorStep
executor_write(ExecutorCall *call)
{
	const Request *request = call->request;

	if (request->evaluated)
		return executor_evaluated_write(call);
	if (request->expectations != NULL)
		return executor_conditional_write(call);
	return executor_propose(call);
}

void
executor_complete(ExecutorCall *call, const Completion *completion)
{
	switch (completion->status)
	{
		case COMPLETION_COMMITTED:
			call->reply.lsn = completion->lsn;
			executor_reply(call, REPLY_OK);
			return;
		case COMPLETION_REFUSED:
			executor_reply(call, REPLY_NOT_LEADER);
			return;
		case COMPLETION_LOG_FULL:
			executor_reply(call, REPLY_ERROR);
			call->reply.sqlstate = ERRCODE_DISK_FULL;
			call->reply.message = "could not write to the log of the leader's node: no space left";
			call->reply.hint = "Free disk space on that node.";
			return;
		case COMPLETION_UNKNOWN:
			executor_reply(call, REPLY_UNKNOWN);
			return;
	}
	elog(ERROR, "unrecognized completion status %d", (int) completion->status);
}

/* ---------------------------------------------------------------- reads */

static void
executor_get(const Request *request, Reply *reply)
{
	ItemRow row;

	if (item_table_get_one(request->table_id, request->position, request->position_length, &row))
		row_page_of_one(&row, reply);
}

static void
executor_read_rows(ExecutorCall *call)
{
	if (call->request->kind == REQUEST_GET)
		executor_get(call->request, &call->reply);
	else
		row_page_read(call->request, &call->reply);
}

/*
 * The LSN that must be applied so that the rows show everything committed now.  A read that began waits for
 * this one LSN, however far the group moves on meanwhile: what counts is the state at its start.
 */
static Lsn
executor_read_needs(ExecutorCall *call)
{
	const Request *request = call->request;
	Lsn commit_lsn = pg_atomic_read_u64(&call->group->commit_lsn);

	if (request->kind == REQUEST_GET)
		return pending_mark_needed(call->group, request->position, request->position_length,
								   commit_lsn);
	return commit_lsn;
}

static ExecutorStep
executor_read(ExecutorCall *call)
{
	if (call->wait_lsn == 0)
		call->wait_lsn = executor_read_needs(call);
	if (pg_atomic_read_u64(&call->group->applied_lsn) < call->wait_lsn)
		return EXECUTOR_WAIT_APPLIED;

	executor_read_rows(call);

	/* After the read, before the reply: this process may have been stopped in between (I7). */
	if (!shared_group_still_serves(call->group, call->lead_sequence))
		return executor_reply(call, REPLY_NOT_LEADER);
	call->reply.lsn = call->wait_lsn;
	return executor_reply(call, REPLY_OK);
}

void
executor_read_local(ExecutorCall *call, const Request *request)
{
	uint64_t rows;

	executor_prepare(call, request, 0);
	if (call->group == NULL || !rows_may_be_read(call->group, &rows))
	{
		executor_reply(call, REPLY_NOT_READY);
		return;
	}
	executor_read_rows(call);

	/* Rows that are being replaced may have been read. */
	executor_reply(call, rows_could_be_read(call->group, rows) ? REPLY_OK : REPLY_NOT_READY);
}

/* ---------------------------------------------------------------- copies */

/*
 * A page of rows for another replica, from this one whether it leads or not.  No lease is needed: what is
 * applied is committed, and how old it may be is for the asker to say.
 */
static ExecutorStep
executor_copy(ExecutorCall *call)
{
	if (rows_state(call->group) != ROWS_READY)
		return executor_reply(call, REPLY_NOT_READY);
	if (pg_atomic_read_u64(&call->group->applied_lsn) < call->request->lsn)
	{
		call->wait_lsn = call->request->lsn;
		return EXECUTOR_WAIT_APPLIED;
	}
	return executor_reply(call,
						  row_page_copy(call->request, &call->reply) ? REPLY_OK : REPLY_NOT_READY);
}

/* ---------------------------------------------------------------- handover */

/* The reply says that the handover was asked for; the asker watches who leads. */
static ExecutorStep
executor_transfer(ExecutorCall *call)
{
	if (proposal_transfer(call->request->group, call->request->target) != SUBMIT_OK)
		return EXECUTOR_WAIT_ROOM;
	return executor_reply(call, REPLY_OK);
}

/*
 * executor.h
 *		Executes requests at this node: the leader's side of every write and consistent read, and any
 *		replica's of a copy.
 *
 * Run by client backends for their own requests and by the backends of request streams for those of other
 * nodes.  An executor never waits: a call that cannot go on says what it waits for, and the caller waits (or
 * does something else) and continues it.  So one backend can have many calls under way.
 *
 * A write is answered when its entry is committed, never before.  A consistent read is answered only if this
 * replica led under one leadership with a valid lease from before the read until after it (I7).
 */
#ifndef QUORATE_REQUEST_EXECUTOR_H
#define QUORATE_REQUEST_EXECUTOR_H

#include "postgres.h"

#include "shmem/proposal.h"
#include "wire/request.h"

typedef enum ExecutorStep
{
	EXECUTOR_DONE = 1,     /* call->reply is complete */
	EXECUTOR_COMMITTING,   /* proposed: executor_complete with the completion of call->tag */
	EXECUTOR_WAIT_APPLIED, /* executor_continue once call->group has applied call->wait_lsn */
	EXECUTOR_WAIT_ROOM     /* executor_continue after a short while: a buffer is full */
} ExecutorStep;

typedef struct ExecutorCall
{
	const Request *request; /* the caller's; lives as long as the call */
	uint64_t tag;           /* names the call among this process's proposals */
	GroupShared *group;
	uint64_t lead_sequence; /* reads: the leadership under which the read began */
	Ballot ballot;          /* evaluated writes: read before lead_sequence */
	MemoryContext attempt;  /* evaluated writes: memory of the last evaluation, reset by the next */
	Lsn wait_lsn;           /* WAIT_APPLIED */
	Reply reply;
} ExecutorCall;

/*
 * Begins a request.  Must run inside a transaction for GET, RANGE, COPY and WRITE that is
 * conditional or evaluated; the reply's items
 * are palloc'd in the current memory context.  May raise an error (for example a damaged row); then nothing
 * was proposed.
 */
extern ExecutorStep executor_begin(ExecutorCall *call, const Request *request, uint64_t tag);

/* Goes on with a call that waited. */
extern ExecutorStep executor_continue(ExecutorCall *call);

/* Ends a call in state EXECUTOR_COMMITTING. */
extern void executor_complete(ExecutorCall *call, const Completion *completion);

/*
 * An eventually consistent read of this node's replica; no leadership needed.  REPLY_NOT_READY if the rows
 * here are not to be read now: ask the leader.
 */
extern void executor_read_local(ExecutorCall *call, const Request *request);

#endif /* QUORATE_REQUEST_EXECUTOR_H */

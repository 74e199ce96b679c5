/*
 * router.c
 *		The request router; see router.h.
 *
 * All calls of a backend that are under way stand in one array.  A turn of the router takes what has
 * arrived (completions of own proposals, answers of the forwarder), moves every call on that can move, and
 * then waits on the process latch.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/wait_event.h"

#include "shmem/applied_wait.h"
#include "shmem/forward.h"
#include "request/leader_cache.h"
#include "request/router.h"
#include "settings.h"
#include "request/sqlstate.h"

#define RETRY_DELAY_MS 5     /* before a call is tried again */
#define APPLIED_POLL_MS 1    /* while a call waits for the applier or for room in a buffer */
#define WAIT_POLL_MS 100     /* otherwise: deadlines, and a forwarder that has died */
#define ASK_ANOTHER_AFTER 16 /* tries after which another node is asked who leads */
#define ASK_AROUND_TRIES 8 /* first tries at which one is asked at once if this node cannot know */

/* At its deadline, for word of what became of a forwarded call. */
#define FORWARDED_GRACE_US (200 * 1000)

/* A forwarded call's reply may be on its way when its leader is replaced. */
#define SUPERSEDED_GRACE_US (500 * 1000)

static RouterCall *calls_under_way[ROUTER_CALLS_MAX];
static uint32_t calls_count;
static uint64_t next_tag;

static void router_try(RouterCall *call);

/* ---------------------------------------------------------------- the calls under way */

static void
router_forget(RouterCall *call)
{
	for (uint32_t i = 0; i < calls_count; i++)
	{
		if (calls_under_way[i] == call)
		{
			calls_under_way[i] = calls_under_way[--calls_count];
			return;
		}
	}
}

static void
router_end(RouterCall *call, RouterOutcome outcome)
{
	call->outcome = outcome;
	router_forget(call);
}

/* An error or a new transaction leaves no call behind: their memory is gone. */
static void
router_abandon_all(void)
{
	if (calls_count == 0)
		return;
	proposal_abandon();
	calls_count = 0;
}

static void
router_transaction_callback(XactEvent event, void *arg)
{
	router_abandon_all();
}

static void
router_subtransaction_callback(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
							   void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		router_abandon_all();
}

static void
router_register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(router_transaction_callback, NULL);
	RegisterSubXactCallback(router_subtransaction_callback, NULL);
	registered = true;
}

/* ---------------------------------------------------------------- where a call goes */

NodeId
router_leader_of(GroupId group)
{
	GroupShared *shared = shared_group_find(group);

	return shared ? (NodeId) pg_atomic_read_u64(&shared->leader) : 0;
}

/* Some node of the cluster that is not `not_this`, another one at every try; 0 if there is none. */
static NodeId
router_another_node(NodeId not_this, uint32_t turn)
{
	for (uint32_t i = 0; i < CORE_NODES_MAX; i++)
	{
		NodeId candidate = (NodeId) ((turn + i) % CORE_NODES_MAX + 1);
		NodeInfo info;

		if (candidate != not_this && shared_node_by_id(candidate, &info))
			return candidate;
	}
	return 0;
}

/*
 * Who seems to lead.  Where there is no replica of the group, whoever did when it was asked last; without such a memory
 * the nodes are asked one after the other, and tell.  Not for ever: while there is no leader, waiting calls would ask
 * and ask.
 */
static NodeId
router_guess_leader(const RouterCall *call)
{
	GroupId group = call->request.group;
	NodeId leader = router_leader_of(group);

	if (leader != 0 || shared_group_find(group) != NULL)
		return leader;
	leader = leader_cache_get(group);
	if (leader == 0 && call->tries < ASK_AROUND_TRIES)
		leader = router_another_node(quorate_shared->self, call->tries);
	return leader;
}

/* An answer of another node tells who leads a group; 0: not that node. */
static void
router_learn_leader(const RouterCall *call, NodeId leader)
{
	if (call->last_target != quorate_shared->self &&
		(call->request.kind == REQUEST_WRITE || call->request.consistent))
		leader_cache_set(call->request.group, leader);
}

/*
 * Tries again a little later; gives up at the deadline.  Whoever this node believes to lead may be the very
 * node that does not answer (or this one, with its replicator stopped), so now and then another is asked.
 */
static void
router_retry(RouterCall *call, NodeId hint)
{
	TimeUs now = shared_now_us();

	call->state = CALL_UNSENT;
	call->superseded_at_us = 0;
	call->target = hint;
	call->tries++;
	if (call->tries % ASK_ANOTHER_AFTER == 0)
		call->target = router_another_node(call->last_target, call->tries / ASK_ANOTHER_AFTER);
	if (now >= call->deadline_us)
		router_end(call, ROUTER_UNAVAILABLE);
	else
		call->retry_at_us = now + RETRY_DELAY_MS * INT64CONST(1000);
}

/* A reply in hand: either the end of the call, or a reason to try elsewhere. */
static void
router_take_reply(RouterCall *call, const Reply *reply)
{
	switch (reply->status)
	{
		case REPLY_NOT_LEADER:
			router_learn_leader(call, reply->leader_hint);
			router_retry(call, reply->leader_hint);
			return;
		case REPLY_NOT_READY:
			router_retry(call, call->last_target);
			return;
		case REPLY_UNKNOWN:
			router_end(call, ROUTER_UNKNOWN);
			return;
		default:
			router_learn_leader(call, call->last_target);
			break;
	}
	call->reply = (Reply *) reply;
	router_end(call, ROUTER_REPLIED);
}

/* What an executor of this process said. */
static void
router_take_step(RouterCall *call, ExecutorStep step)
{
	call->step = step;
	switch (step)
	{
		case EXECUTOR_DONE:
			router_take_reply(call, &call->execution.reply);
			return;
		case EXECUTOR_COMMITTING:
			call->state = CALL_COMMITTING;
			return;
		case EXECUTOR_WAIT_APPLIED:
		case EXECUTOR_WAIT_ROOM:
			call->state = CALL_EXECUTING;
			return;
	}
}

static void
router_execute_here(RouterCall *call)
{
	MemoryContext old = MemoryContextSwitchTo(call->context);

	call->id = ++next_tag;
	call->last_target = quorate_shared->self;
	router_take_step(call, executor_begin(&call->execution, &call->request, call->id));
	MemoryContextSwitchTo(old);
}

static void
router_forward(RouterCall *call, NodeId target)
{
	TimeUs left_us = Max(call->deadline_us - shared_now_us(), 0);

	call->last_target = target;
	call->request.timeout_ms = (uint32_t) ((left_us + 999) / 1000);
	call->id = forward_send(target, &call->request, &call->forwarder_life);
	if (call->id == 0)
	{
		router_learn_leader(call, 0);
		router_retry(call, target);
	}
	else
		call->state = CALL_FORWARDED;
}

/* Sends an unsent call to whoever seems to lead. */
static void
router_try(RouterCall *call)
{
	NodeId target = call->target ? call->target : router_guess_leader(call);

	call->retry_at_us = 0;
	if (target == 0)
		router_retry(call, 0);
	else if (target == quorate_shared->self)
		router_execute_here(call);
	else
		router_forward(call, target);
}

/* ---------------------------------------------------------------- a turn */

static RouterCall *
router_find(int state, uint64_t id)
{
	for (uint32_t i = 0; i < calls_count; i++)
	{
		if (calls_under_way[i]->state == state && calls_under_way[i]->id == id)
			return calls_under_way[i];
	}
	return NULL;
}

static void
router_take_completions(void)
{
	Completion completion;

	while (proposal_next_completion(&completion))
	{
		RouterCall *call = router_find(CALL_COMMITTING, completion.tag);

		if (call == NULL)
			continue;
		executor_complete(&call->execution, &completion);
		router_take_step(call, EXECUTOR_DONE);
	}
}

static void *
router_alloc(size_t size)
{
	return palloc(size);
}

/* The stream broke with the request under way: a read is simply tried again. */
static void
router_lost(RouterCall *call)
{
	if (call->request.kind == REQUEST_WRITE)
		router_end(call, ROUTER_UNKNOWN);
	else
		router_retry(call, 0);
}

static void
router_take_answer(RouterCall *call, const ForwardAnswer *answer)
{
	MemoryContext old;
	uint8_t *bytes;
	Reply *reply;

	if (answer->status == FORWARD_UNREACHABLE)
	{
		router_retry(call, 0);
		return;
	}
	if (answer->status == FORWARD_LOST)
	{
		router_lost(call);
		return;
	}
	old = MemoryContextSwitchTo(call->context);
	bytes = memcpy(palloc(answer->length), answer->bytes, answer->length);
	reply = reply_unpack(bytes, answer->length, router_alloc);
	MemoryContextSwitchTo(old);
	if (reply == NULL)
		ereport(ERROR, errcode(ERRCODE_PROTOCOL_VIOLATION),
				errmsg("invalid reply from node %u", (unsigned) call->last_target));
	router_take_reply(call, reply);
}

static void
router_take_answers(void)
{
	ForwardAnswer answer;

	while (forward_receive(&answer))
	{
		RouterCall *call = router_find(CALL_FORWARDED, answer.id);

		if (call != NULL)
			router_take_answer(call, &answer);
	}
}

/* A call that waits inside its executor: go on if what it waits for is there. */
static void
router_continue_execution(RouterCall *call)
{
	MemoryContext old;

	if (call->step == EXECUTOR_WAIT_APPLIED &&
		pg_atomic_read_u64(&call->execution.group->applied_lsn) < call->execution.wait_lsn)
		return;
	old = MemoryContextSwitchTo(call->context);
	router_take_step(call, executor_continue(&call->execution));
	MemoryContextSwitchTo(old);
}

/*
 * At its deadline a call ends.  What has been proposed or sent may still be applied; what waits has not been.
 * The other node has the same deadline, so its word on a call that it did not propose is on its way.
 */
static void
router_expire(RouterCall *call, TimeUs now)
{
	bool may_apply = call->state == CALL_COMMITTING || call->state == CALL_FORWARDED;

	if (call->state == CALL_FORWARDED && now < call->deadline_us + FORWARDED_GRACE_US)
		return;
	router_end(call, may_apply && call->request.kind == REQUEST_WRITE ? ROUTER_UNKNOWN
																	  : ROUTER_UNAVAILABLE);
}

/* A forwarded call gets no answer any more if the forwarder has died or its leader was replaced. */
static void
router_check_forwarded(RouterCall *call, TimeUs now)
{
	NodeId leader = router_leader_of(call->request.group);

	if (call->forwarder_life != forward_life())
		router_lost(call);
	else if (leader == 0 || leader == call->last_target)
		call->superseded_at_us = 0;
	else if (call->superseded_at_us == 0)
		call->superseded_at_us = now;
	else if (now >= call->superseded_at_us + SUPERSEDED_GRACE_US)
		router_lost(call);
}

static void
router_advance(RouterCall *call, TimeUs now)
{
	if (call->state == CALL_UNSENT && now >= call->retry_at_us)
		router_try(call);
	else if (call->state == CALL_EXECUTING)
		router_continue_execution(call);
	else if (call->state == CALL_FORWARDED)
		router_check_forwarded(call, now);
	if (call->outcome == ROUTER_PENDING && now >= call->deadline_us)
		router_expire(call, now);
}

static void
router_turn(void)
{
	TimeUs now = shared_now_us();

	router_take_completions();
	router_take_answers();

	/* Backward: a call that ends is replaced by the last one, which has had its turn. */
	for (uint32_t i = calls_count; i-- > 0;)
		router_advance(calls_under_way[i], now);
}

/* ---------------------------------------------------------------- waiting */

static long
router_wait_ms(void)
{
	long wait_ms = WAIT_POLL_MS;

	for (uint32_t i = 0; i < calls_count; i++)
	{
		if (calls_under_way[i]->state == CALL_EXECUTING)
			wait_ms = Min(wait_ms, APPLIED_POLL_MS);
		if (calls_under_way[i]->state == CALL_UNSENT)
			wait_ms = Min(wait_ms, RETRY_DELAY_MS);
	}
	return wait_ms;
}

static bool
router_write_may_apply(void)
{
	for (uint32_t i = 0; i < calls_count; i++)
	{
		const RouterCall *call = calls_under_way[i];

		if (call->request.kind == REQUEST_WRITE &&
			(call->state == CALL_COMMITTING || call->state == CALL_FORWARDED))
			return true;
	}
	return false;
}

/*
 * PostgreSQL would answer a cancel with "canceling statement", which a client takes for "nothing happened".
 * With a write under way that would be a false claim.
 */
static void
router_check_interrupts(void)
{
	if (!INTERRUPTS_PENDING_CONDITION())
		return;
	if (QueryCancelPending && !ProcDiePending && router_write_may_apply())
	{
		bool by_timeout = get_timeout_indicator(STATEMENT_TIMEOUT, true);

		QueryCancelPending = false;
		ereport(ERROR, errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
				errmsg("outcome of the write is not known"),
				errdetail(by_timeout ? "The statement timed out while it waited for a quorum."
									 : "The statement was cancelled while it waited for a quorum."),
				errhint("Read the item to see whether the write was applied."));
	}
	CHECK_FOR_INTERRUPTS();
}

static bool
router_any_ended(RouterCall *const *calls, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
	{
		if (calls[i]->outcome != ROUTER_PENDING)
			return true;
	}
	return count == 0;
}

/*
 * Has the applier wake this process for the first call that waits for rows; the others are looked after by
 * polling.  False if the rows have come meanwhile.
 */
static bool
router_watch_applier(void)
{
	for (uint32_t i = 0; i < calls_count; i++)
	{
		const RouterCall *call = calls_under_way[i];

		if (call->state != CALL_EXECUTING || call->step != EXECUTOR_WAIT_APPLIED)
			continue;
		applied_wait_begin(call->execution.group);
		return pg_atomic_read_u64(&call->execution.group->applied_lsn) < call->execution.wait_lsn;
	}
	return true;
}

bool
router_wait_any(RouterCall *const *calls, uint32_t count)
{
	for (;;)
	{
		router_turn();
		if (router_any_ended(calls, count))
			return count > 0;
		router_check_interrupts();
		if (router_watch_applier())
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 router_wait_ms(), PG_WAIT_EXTENSION);
		applied_wait_end();
		ResetLatch(MyLatch);
	}
}

void
router_start(RouterCall *call)
{
	Assert(calls_count < ROUTER_CALLS_MAX);
	router_register_callbacks();
	call->outcome = ROUTER_PENDING;
	call->state = CALL_UNSENT;
	call->context = CurrentMemoryContext;
	call->reply = NULL;
	call->retry_at_us = 0;
	call->superseded_at_us = 0;
	call->tries = 0;
	call->target = 0;
	call->deadline_us = shared_now_us() + quorate_request_timeout_ms * INT64CONST(1000);
	calls_under_way[calls_count++] = call;
	router_try(call);
}

void
router_execute(RouterCall *call)
{
	router_start(call);
	if (call->outcome == ROUTER_PENDING)
		router_wait_any(&call, 1);
}

/* ---------------------------------------------------------------- outcomes as errors */

static void
router_raise_reply(const Reply *reply)
{
	ereport(ERROR, errcode((int) reply->sqlstate),
			errmsg_internal("%s", reply->message ? reply->message : "request was refused"),
			reply->detail ? errdetail_internal("%s", reply->detail) : 0,
			reply->hint ? errhint("%s", reply->hint) : 0);
}

void
router_check(const RouterCall *call)
{
	switch (call->outcome)
	{
		case ROUTER_PENDING:
			elog(ERROR, "call has not ended");
			break;
		case ROUTER_REPLIED:
			if (call->reply->status == REPLY_ERROR)
				router_raise_reply(call->reply);
			return;
		case ROUTER_UNAVAILABLE:
			ereport(ERROR, errcode(QUORATE_ERRCODE_UNAVAILABLE),
					errmsg("no leader of replication group " UINT64_FORMAT " answered in time",
						   call->request.group),
					errdetail("The request was not applied."),
					errhint("Retry.  The view quorate.partitions shows who leads."));
			break;
		case ROUTER_UNKNOWN:
			ereport(ERROR, errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
					errmsg("outcome of the write is not known"),
					errdetail("The leader of replication group " UINT64_FORMAT
							  " could not confirm that a quorum has it.",
							  call->request.group),
					errhint("Read the item to see whether the write was applied."));
			break;
	}
}

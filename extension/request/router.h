/*
 * router.h
 *		The request router: from a request to its reply, wherever the group's leader is.
 *
 * Run by client backends.  A call goes to the leader that this node knows or was told of; it is executed here
 * if that is this node, otherwise handed to the forwarder.  "Not leader", "not ready" and unreachable nodes
 * are retried until the call's deadline, for such a request was certainly not applied.  A write whose outcome
 * cannot be known is never retried.
 *
 * Several calls of one backend can be under way; router_wait drives them all.
 */
#ifndef QUORATE_REQUEST_ROUTER_H
#define QUORATE_REQUEST_ROUTER_H

#include "postgres.h"

#include "catalog/metadata.h"
#include "request/executor.h"

#define ROUTER_CALLS_MAX 128 /* calls of one backend under way at once */

typedef enum RouterOutcome
{
	ROUTER_PENDING = 0,
	ROUTER_REPLIED,     /* reply is REPLY_OK, _EXPECTATION_FAILED or _ERROR */
	ROUTER_UNAVAILABLE, /* no leader served it in time: certainly not applied */
	ROUTER_UNKNOWN      /* a write that may or may not have been applied */
} RouterOutcome;

typedef struct RouterCall
{
	Request request; /* owned by the caller until the call has ended, arrays included */
	RouterOutcome outcome;
	Reply *reply; /* palloc'd in the context that was current at router_start */

	/* What follows is the router's own. */
	MemoryContext context;
	TimeUs deadline_us;      /* all three of shared_now_us: the wall clock may be set meanwhile */
	TimeUs retry_at_us;      /* not before; 0 if not waiting to retry */
	TimeUs superseded_at_us; /* forwarded: when another leader was first seen; 0 for never */
	uint32_t tries;
	uint64_t id; /* tag of the proposal, or id of the forwarded request */
	uint64_t forwarder_life;
	NodeId target;      /* hint: who leads; 0 to look it up */
	NodeId last_target; /* where the last try went: not asked again at once after a failure */
	enum
	{
		CALL_UNSENT,
		CALL_EXECUTING,
		CALL_COMMITTING,
		CALL_FORWARDED
	} state;
	ExecutorStep step;
	ExecutorCall execution;
} RouterCall;

/* Begins a call; its request is filled in.  Uses quorate.request_timeout. */
extern void router_start(RouterCall *call);

/*
 * Waits until at least one of the calls has ended; returns true, or false if none is under way.  A cancelled
 * statement ends the wait: with an error 57014 if no write is under way, otherwise with 08007, since what
 * was proposed may yet be chosen.
 */
extern bool router_wait_any(RouterCall *const *calls, uint32_t count);

/* Starts one call and waits for its end. */
extern void router_execute(RouterCall *call);

/*
 * Raises the error that belongs to a call's outcome; returns if the reply is REPLY_OK or
 * REPLY_EXPECTATION_FAILED.
 */
extern void router_check(const RouterCall *call);

/* The leader of a group as this node knows it; 0 if unknown. */
extern NodeId router_leader_of(GroupId group);

#endif /* QUORATE_REQUEST_ROUTER_H */

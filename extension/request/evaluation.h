/*
 * evaluation.h
 *		Evaluates a write on the present item of its key, at the leader.
 *
 * Run by executors.  The evaluation itself knows nothing of leases, ballots and other writes: executor.c sees to it
 * that the item is the newest one.
 */
#ifndef QUORATE_REQUEST_EVALUATION_H
#define QUORATE_REQUEST_EVALUATION_H

#include "postgres.h"

#include "item/expression.h"
#include "wire/request.h"

/* Puts the names of an expression into an item, which is palloc'd: that is how a request carries them. */
extern void evaluation_pack_names(const ExpressionContext *context, WriteEvaluation *evaluation);

/*
 * Reads the item at the request's position and evaluates the condition on it; in a transaction.  True if the condition
 * holds; the reply then has what the write returns.  Otherwise the reply is the error of the failed condition.  What
 * the reply holds is palloc'd.
 */
extern bool evaluation_run(const Request *request, Reply *reply);

#endif /* QUORATE_REQUEST_EVALUATION_H */

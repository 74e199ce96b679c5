/*
 * expression_arguments.h
 *		The names and values that a call gives its expressions, as arguments of an SQL function.
 */
#ifndef QUORATE_SQLAPI_EXPRESSION_ARGUMENTS_H
#define QUORATE_SQLAPI_EXPRESSION_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"

#include "item/condition.h"
#include "item/projection.h"

/*
 * expression_attribute_names (jsonb, may be null) and expression_attribute_values (item, may be null) of a call,
 * as arguments `names` and `values`, checked.  All of it is copied into the current memory context: expressions point
 * into it for as long as they are evaluated.  A negative `values`: the call takes none.
 */
extern ExpressionContext *api_expression_context(FunctionCallInfo fcinfo, int names, int values);

/* Names and values serve all expressions of the call, and each has to be used by one. */
extern void api_check_all_used(const ExpressionContext *context);

/*
 * Parses argument `expression`, which is not null, into *condition, which lives in the current memory context and
 * points into a copy of the text and into `context`.  `kind`: "ConditionExpression" or "FilterExpression".
 */
extern void api_condition_argument(FunctionCallInfo fcinfo, int expression, const char *kind,
								   ExpressionContext *context, Condition *condition);

/* The same for a projection expression that is not null. */
extern void api_projection_argument(FunctionCallInfo fcinfo, int expression,
									ExpressionContext *context, Projection *projection);

/* A datum of the parts that a projection takes of an item. */
extern Datum api_project(const Projection *projection, const uint8_t *item, size_t length);

#endif /* QUORATE_SQLAPI_EXPRESSION_ARGUMENTS_H */

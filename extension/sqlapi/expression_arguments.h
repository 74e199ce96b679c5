/*
 * expression_arguments.h
 *		The names and values that a call gives its expressions, as arguments of an SQL function.
 */
#ifndef QUORATE_SQLAPI_EXPRESSION_ARGUMENTS_H
#define QUORATE_SQLAPI_EXPRESSION_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"

#include "item/expression.h"

/*
 * expression_attribute_names (jsonb, may be null) and expression_attribute_values (item, may be null) of a call,
 * as arguments `names` and `values`, checked.  palloc'd.
 */
extern ExpressionContext *api_expression_context(FunctionCallInfo fcinfo, int names, int values);

#endif /* QUORATE_SQLAPI_EXPRESSION_ARGUMENTS_H */

/*
 * expression_helper.h
 *		What the unit tests of expressions share: a request's names and values from short texts.
 */
#ifndef QUORATE_TESTS_EXPRESSION_HELPER_H
#define QUORATE_TESTS_EXPRESSION_HELPER_H

#include "item/expression.h"
#include "unit/item_helper.h"

#define EXPRESSION_HELPER_MAX 32 /* names, and values, of a request */

typedef struct ExpressionHelper
{
	ItemBuffer values;
	ExpressionName names[EXPRESSION_HELPER_MAX];
	bool names_used[EXPRESSION_HELPER_MAX];
	bool values_used[EXPRESSION_HELPER_MAX];
	ExpressionContext context;
	ItemError error;
} ExpressionHelper;

/*
 * Names as pairs "#n", "name", … that end with NULL and outlive the helper; values as an item's
 * JSON.  Either may be NULL.
 */
extern void
expression_helper_begin(ExpressionHelper *helper, const char *const *names, const char *values);
extern void expression_helper_end(ExpressionHelper *helper);

#endif /* QUORATE_TESTS_EXPRESSION_HELPER_H */

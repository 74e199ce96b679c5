/*
 * expression_bounds.h
 *		The check of BETWEEN's bounds, which key conditions and conditions share.  Private to item/.
 */
#ifndef QUORATE_ITEM_EXPRESSION_BOUNDS_H
#define QUORATE_ITEM_EXPRESSION_BOUNDS_H

#include "item/expression_lexer.h"

/* Two values of the request must have the same type, and the first not be above the second. */
extern bool
expression_check_bounds(ExpressionLexer *lexer, const ItemValue *lower, const ItemValue *upper);

#endif /* QUORATE_ITEM_EXPRESSION_BOUNDS_H */

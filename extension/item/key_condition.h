/*
 * key_condition.h
 *		Key condition expressions: which items of one partition key a query reads.
 *
 *		keycond  := pk = :v [ AND sortcond ]			(the two in either order)
 *		sortcond := sk (= | < | <= | > | >=) :v | sk BETWEEN :a AND :b | begins_with(sk, :v)
 *
 * The result is a partition key and a half-open range of encoded sort keys, so whoever reads needs
 * to know nothing of expressions: positions from digest || lower up to (not including) digest ||
 * upper.
 */
#ifndef QUORATE_ITEM_KEY_CONDITION_H
#define QUORATE_ITEM_KEY_CONDITION_H

#include "item/expression.h"
#include "item/key.h"

/* A bound may be one zero byte longer than a key: the smallest string above k is k || 00. */
#define KEY_CONDITION_BOUND_MAX (KEY_SORT_MAX + 1)

typedef struct KeyCondition
{
	ItemValue partition;   /* points into the context's values */
	bool has_upper;        /* false: up to the end of the item collection */
	uint32_t lower_length; /* 0: from the start of the item collection */
	uint32_t upper_length;
	uint8_t lower[KEY_CONDITION_BOUND_MAX]; /* first encoded sort key in range */
	uint8_t upper[KEY_CONDITION_BOUND_MAX]; /* first one behind the range */
} KeyCondition;

/*
 * Parses `expression` (UTF-8, `length` bytes) for a table or index with this key schema.  Marks the
 * names and values that it uses in `context`.  False with DynamoDB's text.
 */
extern bool
key_condition_parse(const char *expression, size_t length, const KeySchema *schema,
					ExpressionContext *context, KeyCondition *condition, ItemError *error);

#endif /* QUORATE_ITEM_KEY_CONDITION_H */

/*
 * expression.h
 *		What all expressions of a request share: the names and values that they may use.
 *
 * A request's ExpressionAttributeNames and ExpressionAttributeValues serve all of its expressions,
 * and each entry must be used by one of them at least.  So the caller makes one ExpressionContext,
 * parses every expression with it, and then asks expression_context_check_used.
 */
#ifndef QUORATE_ITEM_EXPRESSION_H
#define QUORATE_ITEM_EXPRESSION_H

#include "item/item.h"

#define EXPRESSION_BYTES_MAX 4096      /* length of one expression */
#define EXPRESSION_PLACEHOLDER_MAX 255 /* bytes of #name or :value, the mark included */

/* One pair of ExpressionAttributeNames: "#n" and the attribute name that it stands for. */
typedef struct ExpressionName
{
	ItemName placeholder;
	ItemName name;
} ExpressionName;

typedef struct ExpressionContext
{
	const ExpressionName *names; /* in any order; NULL if the request has none */
	uint32_t name_count;
	bool *names_used;      /* name_count flags of the caller's, false at first */
	const uint8_t *values; /* ExpressionAttributeValues as an item; NULL if the request has none */
	size_t values_length;
	bool *values_used; /* one flag per attribute of `values`, in its order, false at first */
} ExpressionContext;

/*
 * Checks the maps themselves: not empty, every placeholder a mark and letters, digits or
 * underscores.  Call once before parsing.
 */
extern bool expression_context_check(const ExpressionContext *context, ItemError *error);

/* After parsing all expressions of the request: refuses names and values that none of them used. */
extern bool expression_context_check_used(const ExpressionContext *context, ItemError *error);

/*
 * Look a placeholder ("#n", ":v", mark included) up and mark it used.  False if it is not defined;
 * the error is the caller's to set, because it names the kind of expression.
 */
extern bool expression_find_name(const ExpressionContext *context, const char *placeholder,
								 size_t length, ItemName *name);
extern bool expression_find_value(const ExpressionContext *context, const char *placeholder,
								  size_t length, ItemValue *value);

/* True if the word, in any case of letters, is one of DynamoDB's 573 reserved words. */
extern bool expression_word_is_reserved(const char *word, size_t length);

#endif /* QUORATE_ITEM_EXPRESSION_H */

/*
 * expression_check.h
 *		What the fuzzers of expressions share: one request's names and values.
 */
#ifndef QUORATE_TESTS_EXPRESSION_CHECK_H
#define QUORATE_TESTS_EXPRESSION_CHECK_H

#include "fuzz/item_check.h"
#include "item/expression.h"

#define EXPRESSION_CHECK_VALUES                                                                       \
	"{\":s\": {\"S\": \"x\"}, \":n\": {\"N\": \"1998\"}, \":b\": {\"B\": \"AA==\"}, \":l\": {\"L\": " \
	"[]}, \":t\": {\"S\": \"SS\"}}"
#define EXPRESSION_CHECK_VALUE_COUNT 5

static const ExpressionName expression_check_names[] = {
	{{2, (const uint8_t *) "#l"}, {1, (const uint8_t *) "l"}},
	{{2, (const uint8_t *) "#m"}, {1, (const uint8_t *) "m"}},
};

#define EXPRESSION_CHECK_NAME_COUNT \
	(sizeof(expression_check_names) / sizeof(expression_check_names[0]))

/* The context lives until the program ends. */
static inline ExpressionContext *
expression_check_context(void)
{
	static bool names_used[EXPRESSION_CHECK_NAME_COUNT];
	static bool values_used[EXPRESSION_CHECK_VALUE_COUNT];
	static ItemBuffer values;
	static ExpressionContext context;
	ItemError error;

	if (context.values != NULL)
		return &context;
	item_buffer_init(&values, &item_check_allocator);
	CORE_ASSERT(
		item_from_json(EXPRESSION_CHECK_VALUES, strlen(EXPRESSION_CHECK_VALUES), &values, &error));
	context = (ExpressionContext){
		.names = expression_check_names,
		.name_count = EXPRESSION_CHECK_NAME_COUNT,
		.names_used = names_used,
		.values = values.bytes,
		.values_length = values.length,
		.values_used = values_used,
	};
	return &context;
}

/* Picks one of the texts as a fuzzer's example. */
static inline size_t
expression_check_example(const char *const *texts, size_t count, uint64_t pick, uint8_t *out)
{
	const char *text = texts[pick % count];

	memcpy(out, text, strlen(text));
	return strlen(text);
}

#endif /* QUORATE_TESTS_EXPRESSION_CHECK_H */

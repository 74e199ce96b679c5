/*
 * expression_bounds.c
 *		BETWEEN's bounds, where both are values of the request: wrong ones are refused before
 *		anything is read.
 */
#include "item/expression_bounds.h"

#include "item/item_number.h"

#define DESCRIBED_BYTES_MAX 64 /* bytes of a value that an error message shows */

/* Shows a value as DynamoDB's messages do: {S:text}. */
static void
describe_value(ItemError *error, const ItemValue *value)
{
	char text[ITEM_NUMBER_TEXT_MAX];

	item_error_add_text(error, "AttributeValue: {");
	item_error_add_text(error, item_type_name(value->type));
	item_error_add_text(error, ":");
	if (value->type == ITEM_NUMBER)
		item_error_add_bytes(error, text, item_number_to_text(value->bytes, value->length, text));
	else if (value->type == ITEM_STRING)
		item_error_add_excerpt(error, value->bytes, value->length, DESCRIBED_BYTES_MAX);
	item_error_add_text(error, "}");
}

static bool
fail_bounds(ExpressionLexer *lexer, const ItemValue *lower, const ItemValue *upper,
			const char *text)
{
	expression_fail(lexer, text);
	item_error_add_text(lexer->error, "; lower bound operand: ");
	describe_value(lexer->error, lower);
	item_error_add_text(lexer->error, ", upper bound operand: ");
	describe_value(lexer->error, upper);
	return false;
}

bool
expression_check_bounds(ExpressionLexer *lexer, const ItemValue *lower, const ItemValue *upper)
{
	if (lower->type != upper->type)
		return fail_bounds(
			lexer, lower, upper,
			"The BETWEEN operator requires same data type for lower and upper bounds");
	if (item_type_is_key(lower->type) &&
		item_compare_bytes(lower->bytes, lower->length, upper->bytes, upper->length) > 0)
		return fail_bounds(
			lexer, lower, upper,
			"The BETWEEN operator requires upper bound to be greater than or equal to "
			"lower bound");
	return true;
}

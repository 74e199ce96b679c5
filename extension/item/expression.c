/*
 * expression.c
 *		The names and values that the expressions of one request share.
 *
 * Runs in the request router before anything is sent.  Lookups of names are linear: a request has a
 * handful.
 */
#include "item/expression.h"

#include <string.h>

static bool
is_placeholder(const ItemName *name, char mark)
{
	if (name->length < 2 || name->bytes[0] != (uint8_t) mark)
		return false;
	for (uint32_t i = 1; i < name->length; i++)
	{
		uint8_t c = name->bytes[i];
		uint8_t letter = c | 0x20;

		if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') && c != '_')
			return false;
	}
	return true;
}

static bool
fail_map(ItemError *error, const char *map, const char *text)
{
	item_error_set(error, ITEM_ERROR_VALUE, 0, map);
	item_error_add_text(error, text);
	return false;
}

static bool
check_placeholder(const ItemName *name, char mark, const char *map, ItemError *error)
{
	if (name->length > EXPRESSION_PLACEHOLDER_MAX)
		fail_map(error, map, " contains invalid key: The key is longer than 255 bytes; key: \"");
	else if (!is_placeholder(name, mark))
		fail_map(error, map, " contains invalid key: Syntax error; key: \"");
	else
		return true;
	item_error_add_bytes(error, name->bytes, name->length);
	item_error_add_text(error, "\"");
	return false;
}

bool
expression_context_check(const ExpressionContext *context, ItemError *error)
{
	ItemContainer values;

	if (context->names != NULL && context->name_count == 0)
		return fail_map(error, "ExpressionAttributeNames", " must not be empty");
	for (uint32_t i = 0; i < context->name_count; i++)
	{
		if (!check_placeholder(&context->names[i].placeholder, '#', "ExpressionAttributeNames",
							   error))
			return false;
	}
	if (context->values == NULL)
		return true;
	item_open(context->values, context->values_length, &values);
	if (values.count == 0)
		return fail_map(error, "ExpressionAttributeValues", " must not be empty");
	for (uint32_t i = 0; i < values.count; i++)
	{
		ItemName name;
		ItemValue value;

		item_map_entry(&values, i, &name, &value);
		if (!check_placeholder(&name, ':', "ExpressionAttributeValues", error))
			return false;
	}
	return true;
}

/* Adds one unused placeholder to the message, which the first of them begins. */
static void
note_unused(ItemError *error, const char *map, const ItemName *placeholder)
{
	if (error->code == ITEM_ERROR_NONE)
	{
		item_error_set(error, ITEM_ERROR_VALUE, 0, "Value provided in ");
		item_error_add_text(error, map);
		item_error_add_text(error, " unused in expressions: keys: {");
	}
	else
		item_error_add_text(error, ", ");
	item_error_add_bytes(error, placeholder->bytes, placeholder->length);
}

static bool
end_unused(ItemError *error)
{
	if (error->code == ITEM_ERROR_NONE)
		return true;
	item_error_add_text(error, "}");
	return false;
}

bool
expression_context_check_used(const ExpressionContext *context, ItemError *error)
{
	ItemContainer values;

	item_error_clear(error);
	for (uint32_t i = 0; i < context->name_count; i++)
	{
		if (!context->names_used[i])
			note_unused(error, "ExpressionAttributeNames", &context->names[i].placeholder);
	}
	if (!end_unused(error) || context->values == NULL)
		return error->code == ITEM_ERROR_NONE;
	item_open(context->values, context->values_length, &values);
	for (uint32_t i = 0; i < values.count; i++)
	{
		ItemName name;
		ItemValue value;

		item_map_entry(&values, i, &name, &value);
		if (!context->values_used[i])
			note_unused(error, "ExpressionAttributeValues", &name);
	}
	return end_unused(error);
}

bool
expression_find_name(const ExpressionContext *context, const char *placeholder, size_t length,
					 ItemName *name)
{
	for (uint32_t i = 0; i < context->name_count; i++)
	{
		const ExpressionName *candidate = &context->names[i];

		if (candidate->placeholder.length == length &&
			memcmp(candidate->placeholder.bytes, placeholder, length) == 0)
		{
			context->names_used[i] = true;
			*name = candidate->name;
			return true;
		}
	}
	return false;
}

bool
expression_find_value(const ExpressionContext *context, const char *placeholder, size_t length,
					  ItemValue *value)
{
	ItemContainer values;
	uint32_t index;

	if (context->values == NULL)
		return false;
	item_open(context->values, context->values_length, &values);
	if (!item_map_find_index(&values, placeholder, length, &index, value))
		return false;
	context->values_used[index] = true;
	return true;
}

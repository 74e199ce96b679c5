/*
 * expression_helper.c
 *		Names and values of a request for the unit tests of expressions.
 */
#include "unit/expression_helper.h"

#include <string.h>

#include "core/core_assert.h"

static ItemName
name_of(const char *text)
{
	return (ItemName){(uint32_t) strlen(text), (const uint8_t *) text};
}

void
expression_helper_begin(ExpressionHelper *helper, const char *const *names, const char *values)
{
	ExpressionContext *context = &helper->context;

	memset(helper, 0, sizeof(*helper));
	item_buffer_init(&helper->values, &item_helper_allocator);
	context->names_used = helper->names_used;
	context->values_used = helper->values_used;
	if (names != NULL)
		context->names = helper->names;
	for (; names != NULL && *names != NULL; names += 2)
	{
		CORE_ASSERT(context->name_count < EXPRESSION_HELPER_MAX);
		helper->names[context->name_count++] = (ExpressionName){.placeholder = name_of(names[0]),
																.name = name_of(names[1])};
	}
	if (values != NULL)
	{
		ItemContainer map;

		helper->values = item_helper_item(values);
		context->values = helper->values.bytes;
		context->values_length = helper->values.length;
		item_open(context->values, context->values_length, &map);
		CORE_ASSERT(map.count <= EXPRESSION_HELPER_MAX);
	}
}

void
expression_helper_end(ExpressionHelper *helper)
{
	item_helper_free(&helper->values);
}

/*
 * expression_arguments.c
 *		The names and values that a call gives its expressions; see expression_arguments.h.
 */
#include "postgres.h"

#include "utils/jsonb.h"

#include "sqlapi/api_call.h"
#include "sqlapi/expression_arguments.h"

static void
api_collect_names(Jsonb *names, ExpressionContext *context)
{
	JsonbIterator *iterator = JsonbIteratorInit(&names->root);
	ExpressionName *collected = palloc0((JB_ROOT_COUNT(names) + 1) * sizeof(ExpressionName));
	JsonbIteratorToken token;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		ExpressionName *name = &collected[context->name_count];

		if (token == WJB_KEY)
			name->placeholder = (ItemName){(uint32_t) value.val.string.len,
										   (const uint8_t *) value.val.string.val};
		if (token != WJB_VALUE)
			continue;
		if (value.type != jbvString)
			ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("expression_attribute_names must map placeholders to strings"));
		name->name = (ItemName){(uint32_t) value.val.string.len,
								(const uint8_t *) value.val.string.val};
		context->name_count++;
	}
	context->names = collected;
	context->names_used = palloc0(context->name_count + 1);
}

ExpressionContext *
api_expression_context(FunctionCallInfo fcinfo, int names, int values)
{
	ExpressionContext *context = palloc0(sizeof(ExpressionContext));
	ItemError error;

	if (!PG_ARGISNULL(names))
	{
		Jsonb *jsonb = PG_GETARG_JSONB_P_COPY(names);

		if (!JB_ROOT_IS_OBJECT(jsonb))
			ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("expression_attribute_names must be a JSON object"));
		api_collect_names(jsonb, context);
	}
	if (values >= 0 && !PG_ARGISNULL(values))
	{
		ItemArgument item = api_item_argument(fcinfo, values);
		ItemContainer map;

		context->values = memcpy(palloc(item.length), item.bytes, item.length);
		item_open(context->values, item.length, &map);
		context->values_length = item.length;
		context->values_used = palloc0(map.count + 1);
	}
	if (!expression_context_check(context, &error))
		item_report_error(&error);
	return context;
}

void
api_check_all_used(const ExpressionContext *context)
{
	ItemError error;

	if (!expression_context_check_used(context, &error))
		item_report_error(&error);
}

void
api_condition_argument(FunctionCallInfo fcinfo, int expression, const char *kind,
					   ExpressionContext *context, Condition *condition)
{
	text *given = PG_GETARG_TEXT_P_COPY(expression);
	ItemError error;

	condition_init(condition, &item_palloc_allocator);
	if (!condition_parse(VARDATA(given), VARSIZE(given) - VARHDRSZ, kind, context, condition,
						 &error))
		item_report_error(&error);
}

void
api_projection_argument(FunctionCallInfo fcinfo, int expression, ExpressionContext *context,
						Projection *projection)
{
	text *given = PG_GETARG_TEXT_P_COPY(expression);
	ItemError error;

	projection_init(projection, &item_palloc_allocator);
	if (!projection_parse(VARDATA(given), VARSIZE(given) - VARHDRSZ, context, projection, &error))
		item_report_error(&error);
}

Datum
api_project(const Projection *projection, const uint8_t *item, size_t length)
{
	ItemBuffer part;
	ItemError error;

	item_datum_begin(&part);
	if (!projection_apply(projection, item, length, &part, &error))
		item_report_error(&error);
	return item_datum_finish(&part);
}

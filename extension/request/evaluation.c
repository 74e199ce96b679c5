/*
 * evaluation.c
 *		Evaluates a write on the present item of its key; see evaluation.h.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "item/condition.h"
#include "item/item_json.h"
#include "item/item_writer.h"
#include "request/evaluation.h"
#include "request/row_pages.h"
#include "request/sqlstate.h"
#include "storage/item_memory.h"
#include "storage/item_table.h"

/* What the asking node has sent was checked there, so an error here is none of the client's. */
static void
evaluation_invalid(const ItemError *error)
{
	ereport(ERROR, errcode(ERRCODE_PROTOCOL_VIOLATION), errmsg("invalid evaluated write"),
			errdetail_internal("%s", error->message));
}

/* ---------------------------------------------------------------- names */

void
evaluation_pack_names(const ExpressionContext *context, WriteEvaluation *evaluation)
{
	ItemBuffer buffer;
	ItemWriter writer;

	if (context->name_count == 0)
		return;
	item_buffer_init(&buffer, &item_palloc_allocator);
	item_writer_begin(&writer, &buffer);
	for (uint32_t i = 0; i < context->name_count; i++)
	{
		const ExpressionName *name = &context->names[i];

		item_writer_name(&writer, name->placeholder.bytes, name->placeholder.length);
		item_writer_string(&writer, name->name.bytes, name->name.length);
	}
	if (!item_writer_finish(&writer))
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("expression_attribute_names are too large or invalid"),
				errdetail_internal("%s", writer.error.message));
	item_writer_release(&writer);
	evaluation->names = buffer.bytes;
	evaluation->names_length = (uint32_t) buffer.length;
}

/* The names point into the item that carries them. */
static void
evaluation_take_names(const WriteEvaluation *evaluation, ExpressionContext *context)
{
	ItemContainer map;
	ExpressionName *names;

	if (evaluation->names_length == 0)
		return;
	item_open(evaluation->names, evaluation->names_length, &map);
	names = palloc((map.count + 1) * sizeof(ExpressionName));
	for (uint32_t i = 0; i < map.count; i++)
	{
		ItemValue value;

		item_map_entry(&map, i, &names[i].placeholder, &value);
		names[i].name = (ItemName){value.length, value.bytes};
	}
	context->names = names;
	context->name_count = map.count;
	context->names_used = palloc0(map.count + 1);
}

/* ---------------------------------------------------------------- the condition */

/* Bytes of another node's become an item only if they are one. */
static void
evaluation_check_item(const uint8_t *bytes, uint32_t length)
{
	ItemError error;

	if (length > 0 && !item_validate(bytes, length, &error))
		evaluation_invalid(&error);
}

static void
evaluation_take_context(const WriteEvaluation *evaluation, ExpressionContext *context)
{
	memset(context, 0, sizeof(*context));
	evaluation_check_item(evaluation->names, evaluation->names_length);
	evaluation_check_item(evaluation->values, evaluation->values_length);
	evaluation_take_names(evaluation, context);
	if (evaluation->values_length > 0)
	{
		ItemContainer map;

		item_open(evaluation->values, evaluation->values_length, &map);
		context->values = evaluation->values;
		context->values_length = evaluation->values_length;
		context->values_used = palloc0(map.count + 1);
	}
}

/* True if the write has no condition or its condition holds; `item` NULL: there is none. */
static bool
evaluation_condition_holds(const WriteEvaluation *evaluation, const uint8_t *item, size_t length)
{
	ExpressionContext context;
	Condition condition;
	ItemError error;
	bool holds;

	if (evaluation->condition_length == 0)
		return true;
	evaluation_take_context(evaluation, &context);
	condition_init(&condition, &item_palloc_allocator);
	if (!condition_parse((const char *) evaluation->condition, evaluation->condition_length,
						 "ConditionExpression", &context, &condition, &error))
		evaluation_invalid(&error);
	holds = condition_holds(&condition, item, length);
	condition_release(&condition);
	return holds;
}

/* ---------------------------------------------------------------- replies */

/* DynamoDB JSON of an item, as the error shows it. */
static const char *
evaluation_show_item(const ItemRow *row)
{
	ItemBuffer json;

	item_buffer_init(&json, &item_palloc_allocator);
	item_to_json(row->item, row->item_length, &json);
	item_buffer_append(&json, "", 1);
	return pg_any_to_server((const char *) json.bytes, (int) json.length - 1, PG_UTF8);
}

static void
evaluation_refuse(const WriteEvaluation *evaluation, const ItemRow *row, Reply *reply)
{
	reply->status = REPLY_ERROR;
	reply->sqlstate = QUORATE_ERRCODE_CONDITION_FAILED;
	reply->message = "The conditional request failed";
	if (row != NULL && evaluation->failure_returns_old)
		reply->detail = evaluation_show_item(row);
}

bool
evaluation_run(const Request *request, Reply *reply)
{
	const WriteEvaluation *evaluation = &request->evaluation;
	const EntryImage *image = &request->images[0];
	ItemRow row;
	bool found = item_table_get_one(image->table_id, image->position, image->position_length, &row);

	if (!evaluation_condition_holds(evaluation, found ? row.item : NULL,
									found ? row.item_length : 0))
	{
		evaluation_refuse(evaluation, found ? &row : NULL, reply);
		return false;
	}
	if (found && evaluation->returns_old)
		row_page_of_one(&row, reply);
	return true;
}

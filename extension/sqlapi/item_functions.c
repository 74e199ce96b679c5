/*
 * item_functions.c
 *		put_item, get_item, delete_item: one item by its key.
 *
 * Run by client backends.  The SQL declarations, with what each argument means, are in
 * extension/sql/040_items.sql.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "sqlapi/api_call.h"
#include "sqlapi/expression_arguments.h"

PG_FUNCTION_INFO_V1(quorate_put_item);
PG_FUNCTION_INFO_V1(quorate_get_item);
PG_FUNCTION_INFO_V1(quorate_delete_item);

/* Arguments that put_item and delete_item share, behind the table name and the item or key. */
enum
{
	WRITE_CONDITION_EXPRESSION = 2,
	WRITE_ATTRIBUTE_NAMES,
	WRITE_ATTRIBUTE_VALUES,
	WRITE_RETURN_VALUES,
	WRITE_CLIENT_TOKEN
};

enum
{
	GET_CONSISTENT_READ = 2,
	GET_PROJECTION_EXPRESSION,
	GET_ATTRIBUTE_NAMES
};

/* put_item and delete_item can return only the old item; that needs evaluation at the leader. */
static void
write_check_return_values(FunctionCallInfo fcinfo)
{
	char *value;

	if (PG_ARGISNULL(WRITE_RETURN_VALUES))
		return;
	value = text_to_cstring(PG_GETARG_TEXT_PP(WRITE_RETURN_VALUES));
	if (strcmp(value, "NONE") == 0)
		return;
	if (strcmp(value, "ALL_OLD") == 0)
		api_refuse_argument(fcinfo, WRITE_RETURN_VALUES, "return_values => 'ALL_OLD'");
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("ReturnValues can only be ALL_OLD or NONE"));
}

static void
write_check_arguments(FunctionCallInfo fcinfo, const char *item_name)
{
	api_require_argument(fcinfo, 0, "table_name");
	api_require_argument(fcinfo, 1, item_name);
	api_refuse_argument(fcinfo, WRITE_CONDITION_EXPRESSION, "condition_expression");
	api_refuse_names_and_values(fcinfo, WRITE_ATTRIBUTE_NAMES, WRITE_ATTRIBUTE_VALUES,
								"ConditionExpression");
	write_check_return_values(fcinfo);
	api_refuse_argument(fcinfo, WRITE_CLIENT_TOKEN, "client_token");
}

static void
write_execute(ImageKind kind, const TableInfo *table, const Position *position, ItemArgument item)
{
	RouterCall call;
	EntryImage image;

	api_make_write(&call, &image, kind, table, position, item);
	router_execute(&call);
	router_check(&call);
	api_count(&call);
}

Datum
quorate_put_item(PG_FUNCTION_ARGS)
{
	const TableInfo *table;
	ItemArgument item;
	Position position;

	write_check_arguments(fcinfo, "item");
	api_begin_write("put_item()");
	table = api_table(PG_GETARG_TEXT_PP(0));
	item = api_item_argument(fcinfo, 1);
	api_position_of_item(table, item, &position);
	write_execute(IMAGE_PUT, table, &position, item);
	PG_RETURN_NULL();
}

Datum
quorate_delete_item(PG_FUNCTION_ARGS)
{
	ItemArgument no_item = {NULL, 0};
	const TableInfo *table;
	Position position;
	ItemKey key;

	write_check_arguments(fcinfo, "key");
	api_begin_write("delete_item()");
	table = api_table(PG_GETARG_TEXT_PP(0));
	api_position_of_key_item(table, api_item_argument(fcinfo, 1), &key, &position);
	write_execute(IMAGE_DELETE, table, &position, no_item);
	PG_RETURN_NULL();
}

/* ---------------------------------------------------------------- get_item */

/*
 * Reads at the leader, or this node's own replica if the read need not be consistent and there is one whose rows
 * may be read.
 */
static const Reply *
get_read(const TableInfo *table, const Position *position, bool consistent)
{
	RouterCall *call = palloc0(sizeof(RouterCall));
	Request *request = &call->request;

	request->kind = REQUEST_GET;
	request->table_id = table->table_id;
	request->group = metadata_partition_of(table, position->bytes, position->length)->group;
	request->consistent = consistent;
	request->position = position->bytes;
	request->position_length = position->length;
	if (!consistent)
	{
		executor_read_local(&call->execution, request);
		if (call->execution.reply.status == REPLY_OK)
		{
			shared_count(COUNTER_READS_LOCAL, 1);
			return &call->execution.reply;
		}
	}
	router_execute(call);
	router_check(call);
	api_count(call);
	return call->reply;
}

/*
 * Two partition keys with the same 128 bits of hash would share a position.  Nobody has seen such a pair; if
 * one turns up, neither item is taken for the other.
 */
static void
get_check_key(const KeySchema *schema, const ReplyItem *item, const ItemKey *wanted)
{
	ItemError error;
	ItemKey stored;

	if (!key_from_item(schema, item->item, item->item_length, &stored, &error))
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("stored item has no valid key"),
				errdetail_internal("%s", error.message));
	if (!key_equal(&stored, wanted))
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("stored item at this position has another key"),
				errdetail("The hashes of two partition keys collide."));
}

/* Parses projection_expression; false if the whole item is wanted. */
static bool
get_parse_projection(FunctionCallInfo fcinfo, Projection *projection)
{
	ExpressionContext *context;
	ItemError error;

	if (PG_ARGISNULL(GET_PROJECTION_EXPRESSION))
	{
		api_refuse_names_and_values(fcinfo, GET_ATTRIBUTE_NAMES, -1, NULL);
		return false;
	}
	context = api_expression_context(fcinfo, GET_ATTRIBUTE_NAMES, -1);
	api_projection_argument(fcinfo, GET_PROJECTION_EXPRESSION, context, projection);
	if (!expression_context_check_used(context, &error))
		item_report_error(&error);
	return true;
}

Datum
quorate_get_item(PG_FUNCTION_ARGS)
{
	Projection projection;
	bool projected;
	const TableInfo *table;
	const Reply *reply;
	Position position;
	ItemKey key;

	api_require_argument(fcinfo, 0, "table_name");
	api_require_argument(fcinfo, 1, "key");
	projected = get_parse_projection(fcinfo, &projection);
	api_require_cluster();
	table = api_table(PG_GETARG_TEXT_PP(0));
	api_position_of_key_item(table, api_item_argument(fcinfo, 1), &key, &position);
	reply = get_read(table, &position, api_flag_argument(fcinfo, GET_CONSISTENT_READ, false));
	if (reply->item_count == 0)
		PG_RETURN_NULL();
	get_check_key(&table->key_schema, &reply->items[0], &key);
	if (projected)
		PG_RETURN_DATUM(
			api_project(&projection, reply->items[0].item, reply->items[0].item_length));
	PG_RETURN_DATUM(item_datum_copy(reply->items[0].item, reply->items[0].item_length));
}

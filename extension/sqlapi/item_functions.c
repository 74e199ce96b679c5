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

#include "request/evaluation.h"
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
	WRITE_CLIENT_TOKEN,
	WRITE_FAILURE_RETURN_VALUES
};

enum
{
	GET_CONSISTENT_READ = 2,
	GET_PROJECTION_EXPRESSION,
	GET_ATTRIBUTE_NAMES
};

/* True if an argument asks for the old item, the only one that put_item and delete_item can return; sets *asked. */
static bool
write_asks_for_old(FunctionCallInfo fcinfo, int argument, char **asked)
{
	*asked = PG_ARGISNULL(argument) ? "NONE" : text_to_cstring(PG_GETARG_TEXT_PP(argument));
	return strcmp(*asked, "ALL_OLD") == 0;
}

static bool
write_returns_old(FunctionCallInfo fcinfo)
{
	char *asked;
	bool returns_old = write_asks_for_old(fcinfo, WRITE_RETURN_VALUES, &asked);

	if (!returns_old && strcmp(asked, "NONE") != 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("ReturnValues can only be ALL_OLD or NONE"));
	return returns_old;
}

/* The same for the error of a condition that does not hold. */
static bool
write_failure_returns_old(FunctionCallInfo fcinfo)
{
	char *asked;
	bool returns_old = write_asks_for_old(fcinfo, WRITE_FAILURE_RETURN_VALUES, &asked);

	if (!returns_old && strcmp(asked, "NONE") != 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("1 validation error detected: Value '%s' at "
					   "'returnValuesOnConditionCheckFailure' failed to satisfy constraint: "
					   "Member must satisfy enum value set: [ALL_OLD, NONE]",
					   asked));
	return returns_old;
}

/* Parses the condition, so that its errors come before all others, and puts it with what it uses into the request. */
static void
write_take_condition(FunctionCallInfo fcinfo, WriteEvaluation *evaluation)
{
	text *expression = PG_GETARG_TEXT_PP(WRITE_CONDITION_EXPRESSION);
	ExpressionContext *context = api_expression_context(fcinfo, WRITE_ATTRIBUTE_NAMES,
														WRITE_ATTRIBUTE_VALUES);
	Condition condition;

	evaluation->condition = (const uint8_t *) VARDATA_ANY(expression);
	evaluation->condition_length = (uint32_t) VARSIZE_ANY_EXHDR(expression);
	api_condition_argument(fcinfo, WRITE_CONDITION_EXPRESSION, "ConditionExpression", context,
						   &condition);
	api_check_all_used(context);
	condition_release(&condition);
	evaluation_pack_names(context, evaluation);
	evaluation->values = context->values;
	evaluation->values_length = (uint32_t) context->values_length;
}

/* Nodes of a release that cannot evaluate a write are part of a cluster that is not finalized. */
static void
write_require_evaluation(void)
{
	if (shared_cluster_version() < VERSION_EVALUATED_WRITES)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("condition_expression and return_values need a cluster of version %d",
					   VERSION_EVALUATED_WRITES),
				errdetail("The cluster has version %u.", (unsigned) shared_cluster_version()),
				errhint("Upgrade all nodes, then call quorate.finalize_upgrade()."));
}

/* Checks the arguments that concern no table; true if the write needs to be evaluated, as *evaluation says. */
static bool
write_check_arguments(FunctionCallInfo fcinfo, const char *item_name, WriteEvaluation *evaluation)
{
	memset(evaluation, 0, sizeof(*evaluation));
	api_require_argument(fcinfo, 0, "table_name");
	api_require_argument(fcinfo, 1, item_name);
	evaluation->returns_old = write_returns_old(fcinfo);
	evaluation->failure_returns_old = write_failure_returns_old(fcinfo);
	api_refuse_argument(fcinfo, WRITE_CLIENT_TOKEN, "client_token");
	if (PG_ARGISNULL(WRITE_CONDITION_EXPRESSION))
		api_refuse_names_and_values(fcinfo, WRITE_ATTRIBUTE_NAMES, WRITE_ATTRIBUTE_VALUES,
									"ConditionExpression");
	else
		write_take_condition(fcinfo, evaluation);
	return evaluation->condition_length > 0 || evaluation->returns_old;
}

/* Writes; returns the old item if the reply brings one. */
static Datum
write_execute(FunctionCallInfo fcinfo, RouterCall *call)
{
	const Reply *reply;

	if (call->request.evaluated)
		write_require_evaluation();
	router_execute(call);
	router_check(call);
	api_count(call);
	reply = call->reply;
	if (reply->item_count == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(item_datum_copy(reply->items[0].item, reply->items[0].item_length));
}

Datum
quorate_put_item(PG_FUNCTION_ARGS)
{
	WriteEvaluation evaluation;
	bool evaluated = write_check_arguments(fcinfo, "item", &evaluation);
	const TableInfo *table;
	ItemArgument item;
	Position position;
	EntryImage image;
	RouterCall call;

	api_begin_write("put_item()");
	table = api_table(PG_GETARG_TEXT_PP(0));
	item = api_item_argument(fcinfo, 1);
	api_position_of_item(table, item, &position);
	api_make_write(&call, &image, IMAGE_PUT, table, &position, item);
	call.request.evaluated = evaluated;
	call.request.evaluation = evaluation;
	return write_execute(fcinfo, &call);
}

Datum
quorate_delete_item(PG_FUNCTION_ARGS)
{
	WriteEvaluation evaluation;
	bool evaluated = write_check_arguments(fcinfo, "key", &evaluation);
	ItemArgument no_item = {NULL, 0};
	const TableInfo *table;
	Position position;
	EntryImage image;
	RouterCall call;
	ItemKey key;

	api_begin_write("delete_item()");
	table = api_table(PG_GETARG_TEXT_PP(0));
	api_position_of_key_item(table, api_item_argument(fcinfo, 1), &key, &position);
	api_make_write(&call, &image, IMAGE_DELETE, table, &position, no_item);
	call.request.evaluated = evaluated;
	call.request.evaluation = evaluation;
	return write_execute(fcinfo, &call);
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

	if (PG_ARGISNULL(GET_PROJECTION_EXPRESSION))
	{
		api_refuse_names_and_values(fcinfo, GET_ATTRIBUTE_NAMES, -1, NULL);
		return false;
	}
	context = api_expression_context(fcinfo, GET_ATTRIBUTE_NAMES, -1);
	api_projection_argument(fcinfo, GET_PROJECTION_EXPRESSION, context, projection);
	api_check_all_used(context);
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

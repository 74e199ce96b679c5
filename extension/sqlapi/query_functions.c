/*
 * query_functions.c
 *		query and scan: the items of one partition key, and all items.
 *
 * Run by client backends.  Both return their items one at a time and hold no more than a page of them, so a
 * LIMIT in SQL ends the reading early when they stand in the select list.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "item/key_condition.h"
#include "request/range_reader.h"
#include "sqlapi/api_call.h"
#include "sqlapi/expression_arguments.h"

PG_FUNCTION_INFO_V1(quorate_query);
PG_FUNCTION_INFO_V1(quorate_scan);

#define SCAN_SEGMENTS_MAX POSITION_SPLIT_MAX

enum
{
	QUERY_KEY_CONDITION = 1,
	QUERY_FILTER,
	QUERY_PROJECTION,
	QUERY_ATTRIBUTE_NAMES,
	QUERY_ATTRIBUTE_VALUES,
	QUERY_INDEX_NAME,
	QUERY_SCAN_INDEX_FORWARD,
	QUERY_CONSISTENT_READ,
	QUERY_EXCLUSIVE_START_KEY
};

enum
{
	SCAN_FILTER = 1,
	SCAN_PROJECTION,
	SCAN_ATTRIBUTE_NAMES,
	SCAN_ATTRIBUTE_VALUES,
	SCAN_INDEX_NAME,
	SCAN_CONSISTENT_READ,
	SCAN_EXCLUSIVE_START_KEY,
	SCAN_SEGMENT,
	SCAN_TOTAL_SEGMENTS
};

static bool
argument_is_true(FunctionCallInfo fcinfo, int argument, bool if_null)
{
	return PG_ARGISNULL(argument) ? if_null : PG_GETARG_BOOL(argument);
}

/* A call that returns rows: what it reads, and what of that it returns. */
typedef struct RangeCall
{
	RangeReader *reader;
	bool is_filtered;
	Condition filter;
	bool is_projected;
	Projection projection;
} RangeCall;

static void
take_projection(FunctionCallInfo fcinfo, int expression, ExpressionContext *context,
				RangeCall *call)
{
	call->is_projected = !PG_ARGISNULL(expression);
	if (call->is_projected)
		api_projection_argument(fcinfo, expression, context, &call->projection);
}

/* The next row of a set-returning call: the next item that satisfies the filter. */
static Datum
return_next(FunctionCallInfo fcinfo)
{
	FuncCallContext *context = SRF_PERCALL_SETUP();
	RangeCall *call = context->user_fctx;
	ReplyItem item;

	do
	{
		CHECK_FOR_INTERRUPTS();
		if (!range_reader_next(call->reader, &item))
			SRF_RETURN_DONE(context);
	} while (call->is_filtered && !condition_holds(&call->filter, item.item, item.item_length));
	if (call->is_projected)
		SRF_RETURN_NEXT(context, api_project(&call->projection, item.item, item.item_length));
	SRF_RETURN_NEXT(context, item_datum_copy(item.item, item.item_length));
}

/* ---------------------------------------------------------------- ranges */

/* A range in memory of its own. */
typedef struct OwnRange
{
	PositionRange range;
	Position lower;
	Position upper;
} OwnRange;

static void
own_range_refresh(OwnRange *own)
{
	own->range = (PositionRange){.lower = own->lower.bytes,
								 .lower_length = own->lower.length,
								 .upper = own->upper.bytes,
								 .upper_length = own->upper.length,
								 .has_upper = own->upper.length > 0};
}

/* The position at `bound` within an item collection; a bound may be one byte longer than any position. */
static void
position_append(Position *position, const uint8_t *bound, uint32_t length)
{
	uint32_t room = KEY_POSITION_MAX - position->length;

	memcpy(position->bytes + position->length, bound, Min(length, room));
	position->length += Min(length, room);
	if (length > room)
	{
		Position longest = *position;

		/* The least position above the longest one that starts like this. */
		position_after_prefix(longest.bytes, longest.length, position);
	}
}

/*
 * Starts behind exclusive_start_key: a position, which need not have an item.
 */
static void
own_range_start_behind(OwnRange *own, const TableInfo *table, ItemArgument key_item, bool forward)
{
	ItemError error;
	ItemKey key;
	Position start;

	if (!key_from_key_item(&table->key_schema, key_item.bytes, key_item.length, &key, &error))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("The provided starting key is invalid: %s", error.message));
	position_of_key(&key, &start);
	if (!position_range_contains(&own->range, start.bytes, start.length))
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg(
				"The provided starting key is outside query boundaries based on provided conditions"));
	if (forward)
		position_successor(&start, &own->lower);
	else
		own->upper = start;
	own_range_refresh(own);
}

/* ---------------------------------------------------------------- query */

static void
query_refuse_arguments(FunctionCallInfo fcinfo)
{
	api_require_argument(fcinfo, 0, "table_name");
	if (PG_ARGISNULL(QUERY_KEY_CONDITION))
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg(
				"Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."));
	api_refuse_argument(fcinfo, QUERY_INDEX_NAME, "index_name");
}

/* What the key condition is for is not asked for in the filter. */
static void
query_refuse_key(const RangeCall *call, const KeyAttribute *key)
{
	if (condition_uses_attribute(&call->filter, key->name, key->name_length))
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg(
				"Filter Expression can only contain non-primary key attributes: Primary key attribute: %.*s",
				(int) key->name_length, key->name));
}

static void
query_filter(FunctionCallInfo fcinfo, const KeySchema *schema, ExpressionContext *context,
			 RangeCall *call)
{
	api_condition_argument(fcinfo, QUERY_FILTER, "FilterExpression", context, &call->filter);
	call->is_filtered = true;
	query_refuse_key(call, &schema->partition);
	if (schema->has_sort)
		query_refuse_key(call, &schema->sort);
}

static void
query_parse(FunctionCallInfo fcinfo, const TableInfo *table, KeyCondition *condition,
			RangeCall *call)
{
	ExpressionContext *context = api_expression_context(fcinfo, QUERY_ATTRIBUTE_NAMES,
														QUERY_ATTRIBUTE_VALUES);
	text *expression = PG_GETARG_TEXT_PP(QUERY_KEY_CONDITION);
	ItemError error;

	if (!key_condition_parse(VARDATA_ANY(expression), VARSIZE_ANY_EXHDR(expression),
							 &table->key_schema, context, condition, &error))
		item_report_error(&error);
	if (!PG_ARGISNULL(QUERY_FILTER))
		query_filter(fcinfo, &table->key_schema, context, call);
	take_projection(fcinfo, QUERY_PROJECTION, context, call);
	api_check_all_used(context);
}

/* The positions that a key condition selects. */
static void
query_range(const KeyCondition *condition, OwnRange *own)
{
	position_of_collection(&condition->partition, &own->lower);
	if (condition->has_upper)
	{
		own->upper = own->lower;
		position_append(&own->upper, condition->upper, condition->upper_length);
	}
	else
		position_after_prefix(own->lower.bytes, own->lower.length, &own->upper);
	position_append(&own->lower, condition->lower, condition->lower_length);
	own_range_refresh(own);
}

static RangeCall *
query_open(FunctionCallInfo fcinfo)
{
	bool forward = argument_is_true(fcinfo, QUERY_SCAN_INDEX_FORWARD, true);
	KeyCondition *condition = palloc(sizeof(KeyCondition));
	OwnRange *own = palloc0(sizeof(OwnRange));
	RangeCall *call = palloc0(sizeof(RangeCall));
	const TableInfo *table;

	query_refuse_arguments(fcinfo);
	api_require_cluster();
	table = api_table(PG_GETARG_TEXT_PP(0));
	query_parse(fcinfo, table, condition, call);
	query_range(condition, own);
	if (!PG_ARGISNULL(QUERY_EXCLUSIVE_START_KEY))
		own_range_start_behind(own, table, api_item_argument(fcinfo, QUERY_EXCLUSIVE_START_KEY),
							   forward);
	call->reader = range_reader_open(table, &own->range, !forward,
									 argument_is_true(fcinfo, QUERY_CONSISTENT_READ, false));
	return call;
}

Datum
quorate_query(PG_FUNCTION_ARGS)
{
	if (SRF_IS_FIRSTCALL())
	{
		FuncCallContext *context = SRF_FIRSTCALL_INIT();
		MemoryContext old = MemoryContextSwitchTo(context->multi_call_memory_ctx);

		context->user_fctx = query_open(fcinfo);
		MemoryContextSwitchTo(old);
	}
	return return_next(fcinfo);
}

/* ---------------------------------------------------------------- scan */

static void
scan_refuse_arguments(FunctionCallInfo fcinfo)
{
	api_require_argument(fcinfo, 0, "table_name");
	if (PG_ARGISNULL(SCAN_FILTER) && PG_ARGISNULL(SCAN_PROJECTION))
		api_refuse_names_and_values(fcinfo, SCAN_ATTRIBUTE_NAMES, SCAN_ATTRIBUTE_VALUES,
									"FilterExpression");
	api_refuse_argument(fcinfo, SCAN_INDEX_NAME, "index_name");
	if (!PG_ARGISNULL(SCAN_SEGMENT) && PG_ARGISNULL(SCAN_TOTAL_SEGMENTS))
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg(
				"The TotalSegments parameter is required but was not present in the request when Segment parameter is present"));
	if (PG_ARGISNULL(SCAN_SEGMENT) && !PG_ARGISNULL(SCAN_TOTAL_SEGMENTS))
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg(
				"The Segment parameter is required but was not present in the request when parameter TotalSegments is present"));
}

/* The share of the hash space that one of `total_segments` parallel scans reads. */
static void
scan_segment_range(FunctionCallInfo fcinfo, OwnRange *own)
{
	int32 segment = PG_GETARG_INT32(SCAN_SEGMENT);
	int32 total = PG_GETARG_INT32(SCAN_TOTAL_SEGMENTS);

	if (total < 1 || total > SCAN_SEGMENTS_MAX)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("total_segments must be between 1 and %d", SCAN_SEGMENTS_MAX));
	if (segment < 0 || segment >= total)
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg(
				"The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: %d is not less than TotalSegments: %d",
				segment, total));
	own->lower.length = (uint32_t) position_split_bound((uint32_t) segment, (uint32_t) total,
														own->lower.bytes);
	if (segment + 1 < total)
		own->upper.length = (uint32_t) position_split_bound((uint32_t) segment + 1,
															(uint32_t) total, own->upper.bytes);
}

static void
scan_parse(FunctionCallInfo fcinfo, RangeCall *call)
{
	ExpressionContext *context;

	call->is_filtered = !PG_ARGISNULL(SCAN_FILTER);
	if (!call->is_filtered && PG_ARGISNULL(SCAN_PROJECTION))
		return;
	context = api_expression_context(fcinfo, SCAN_ATTRIBUTE_NAMES, SCAN_ATTRIBUTE_VALUES);
	if (call->is_filtered)
		api_condition_argument(fcinfo, SCAN_FILTER, "FilterExpression", context, &call->filter);
	take_projection(fcinfo, SCAN_PROJECTION, context, call);
	api_check_all_used(context);
}

static RangeCall *
scan_open(FunctionCallInfo fcinfo)
{
	OwnRange *own = palloc0(sizeof(OwnRange));
	RangeCall *call = palloc0(sizeof(RangeCall));
	const TableInfo *table;

	scan_refuse_arguments(fcinfo);
	scan_parse(fcinfo, call);
	api_require_cluster();
	table = api_table(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(SCAN_SEGMENT))
		scan_segment_range(fcinfo, own);
	own_range_refresh(own);
	if (!PG_ARGISNULL(SCAN_EXCLUSIVE_START_KEY))
		own_range_start_behind(own, table, api_item_argument(fcinfo, SCAN_EXCLUSIVE_START_KEY),
							   true);
	call->reader = range_reader_open(table, &own->range, false,
									 argument_is_true(fcinfo, SCAN_CONSISTENT_READ, false));
	return call;
}

Datum
quorate_scan(PG_FUNCTION_ARGS)
{
	if (SRF_IS_FIRSTCALL())
	{
		FuncCallContext *context = SRF_FIRSTCALL_INIT();
		MemoryContext old = MemoryContextSwitchTo(context->multi_call_memory_ctx);

		context->user_fctx = scan_open(fcinfo);
		MemoryContextSwitchTo(old);
	}
	return return_next(fcinfo);
}

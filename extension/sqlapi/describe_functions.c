/*
 * describe_functions.c
 *		What tables there are: list_tables, and the check with which describe_table begins.
 *
 * Run by client backends.  Tells what this node's replica of the metadata has, as every request is routed by it.
 * The description itself is put together from the views: extension/sql/068_describe.sql.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "sqlapi/api_call.h"

PG_FUNCTION_INFO_V1(quorate_require_table);
PG_FUNCTION_INFO_V1(quorate_list_tables);

#define LIST_TABLES_MAX 100 /* DynamoDB's limit of Limit */

enum
{
	LIST_LIMIT,
	LIST_EXCLUSIVE_START
};

/* quorate._require_table(table_name): its argument; 42P01 if there is no such table, in the control plane's words. */
Datum
quorate_require_table(PG_FUNCTION_ARGS)
{
	char *name;

	api_require_argument(fcinfo, 0, "table_name");
	api_require_cluster();
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (metadata_table_by_name(name) == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("Requested resource not found: Table: %s not found", name));
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

/* ---------------------------------------------------------------- list_tables: arguments */

/* Constraints that arguments break; DynamoDB names all of them in one error. */
typedef struct Breaches
{
	int count;
	StringInfoData text;
} Breaches;

static void
add_breach(Breaches *breaches, const char *value, const char *member, const char *constraint)
{
	appendStringInfo(&breaches->text,
					 "%sValue '%s' at '%s' failed to satisfy constraint: Member must %s",
					 breaches->count++ > 0 ? "; " : "", value, member, constraint);
}

static void
refuse_breaches(const Breaches *breaches)
{
	if (breaches->count > 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%d validation error%s detected: %s", breaches->count,
					   breaches->count > 1 ? "s" : "", breaches->text.data));
}

/* The name behind which the list starts; it need not be a table's.  "" comes before all of them. */
static const char *
list_start(FunctionCallInfo fcinfo, Breaches *breaches)
{
	static const char member[] = "exclusiveStartTableName";
	char *name;
	int length;

	if (PG_ARGISNULL(LIST_EXCLUSIVE_START))
		return "";
	name = text_to_cstring(PG_GETARG_TEXT_PP(LIST_EXCLUSIVE_START));
	length = pg_mbstrlen(name);
	if (length == 0 || strspn(name, TABLE_NAME_CHARACTERS) != strlen(name))
		add_breach(breaches, name, member, "satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
	if (length < TABLE_NAME_MIN)
		add_breach(breaches, name, member,
				   psprintf("have length greater than or equal to %d", TABLE_NAME_MIN));
	if (length > TABLE_NAME_MAX)
		add_breach(breaches, name, member,
				   psprintf("have length less than or equal to %d", TABLE_NAME_MAX));
	return name;
}

/* How many names are wanted; all of them if nothing is said. */
static uint32
list_limit(FunctionCallInfo fcinfo, Breaches *breaches)
{
	int32 limit;

	if (PG_ARGISNULL(LIST_LIMIT))
		return PG_UINT32_MAX;
	limit = PG_GETARG_INT32(LIST_LIMIT);
	if (limit < 1)
		add_breach(breaches, psprintf("%d", limit), "limit",
				   "have value greater than or equal to 1");
	if (limit > LIST_TABLES_MAX)
		add_breach(breaches, psprintf("%d", limit), "limit",
				   psprintf("have value less than or equal to %d", LIST_TABLES_MAX));
	return (uint32) limit;
}

/* ---------------------------------------------------------------- list_tables: doing it */

/* quorate.list_tables(table_limit, exclusive_start_table_name): names in bytewise order, as the metadata has them. */
Datum
quorate_list_tables(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;
	const TableInfo *const *tables;
	Breaches breaches = {0};
	const char *start;
	uint32_t count;
	uint32 left;

	initStringInfo(&breaches.text);
	start = list_start(fcinfo, &breaches);
	left = list_limit(fcinfo, &breaches);
	refuse_breaches(&breaches);
	api_require_cluster();
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	tables = metadata_tables(&count);
	for (uint32_t i = 0; i < count && left > 0; i++)
	{
		Datum value = CStringGetTextDatum(tables[i]->name);
		bool is_null = false;

		if (strcmp(tables[i]->name, start) <= 0)
			continue;
		tuplestore_putvalues(rows->setResult, rows->setDesc, &value, &is_null);
		left--;
	}
	return (Datum) 0;
}

/*
 * api_call.c
 *		What every API function does before its own work; see api_call.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "catalog/install.h"
#include "settings.h"
#include "sqlapi/api_call.h"

/* ---------------------------------------------------------------- state of node and transaction */

/* Once a backend: the library stays the same for its life, and scripts are refused that it does not serve. */
static void
api_require_served(void)
{
	static bool served = false;

	if (!served)
		install_require_served(ERROR);
	served = true;
}

void
api_require_cluster(void)
{
	shared_state_require();
	api_require_served();
	switch ((NodeState) pg_atomic_read_u32(&quorate_shared->node_state))
	{
		case NODE_RUNNING:
			return;
		case NODE_UNCONFIGURED:
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("this node does not belong to a cluster"),
					quorate_shared->state_reason[0] != '\0'
						? errdetail_internal("%s", quorate_shared->state_reason)
						: 0,
					errhint("Make one with quorate.create_cluster()."));
			break;
		case NODE_STARTING:
			ereport(ERROR, errcode(ERRCODE_CANNOT_CONNECT_NOW),
					errmsg("this node's replicator is starting"), errhint("Retry."));
			break;
		case NODE_REFUSED:
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("this node cannot take part in its cluster"),
					errdetail_internal("%s", quorate_shared->state_reason));
			break;
	}
}

/*
 * True if a function or a DO block is running: PL handlers, SQL functions and SPI put an error context
 * around what they run.  The extended query protocol has one too, which only shows parameters.
 */
static bool
api_is_inside_function(void)
{
	for (ErrorContextCallback *context = error_context_stack; context != NULL;
		 context = context->previous)
	{
		if (context->callback != ParamsErrorCallback)
			return true;
	}
	return false;
}

/* True if the write is only a part of what the client asked for, of which the rest may fail. */
static bool
api_is_nested(void)
{
	return IsTransactionBlock() || IsSubTransaction() || api_is_inside_function();
}

void
api_begin_change(const char *function)
{
	PreventCommandDuringRecovery(function);
	PreventCommandIfReadOnly(function);
	if (quorate_transaction_block == TRANSACTION_BLOCK_ERROR && api_is_nested())
		ereport(
			ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			errmsg("%s cannot run inside a transaction block or a function", function),
			errdetail("It takes effect at once, for all clients, and ROLLBACK does not undo it."),
			errhint("Call it on its own, or SET quorate.transaction_block = apply."));
}

void
api_begin_write(const char *function)
{
	api_begin_change(function);
	api_require_cluster();
}

/* ---------------------------------------------------------------- arguments */

void
api_require_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("%s must not be null", name));
}

bool
api_flag_argument(FunctionCallInfo fcinfo, int argument, bool otherwise)
{
	return PG_ARGISNULL(argument) ? otherwise : PG_GETARG_BOOL(argument);
}

void
api_refuse_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (!PG_ARGISNULL(argument))
		ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("%s is not supported yet", name));
}

void
api_refuse_names_and_values(FunctionCallInfo fcinfo, int names, int values, const char *expression)
{
	if (!PG_ARGISNULL(names))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("ExpressionAttributeNames can only be specified when using expressions"));
	if (values >= 0 && !PG_ARGISNULL(values))
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg(
				"ExpressionAttributeValues can only be specified when using expressions: %s is null",
				expression));
}

ItemArgument
api_item_argument(FunctionCallInfo fcinfo, int argument)
{
	struct varlena *datum = PG_GETARG_ITEM_P(argument);
	ItemArgument item = {ITEM_BYTES(datum), (uint32_t) ITEM_LENGTH(datum)};

	return item;
}

const TableInfo *
api_table(text *table_name)
{
	char *name = text_to_cstring(table_name);
	const TableInfo *table = metadata_table_by_name(name);

	if (table == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE), errmsg("Requested resource not found"),
				errdetail("Table: %s not found", name));
	return table;
}

void
api_position_of_item(const TableInfo *table, ItemArgument item, Position *position)
{
	ItemError error;
	ItemKey key;

	if (!key_from_item(&table->key_schema, item.bytes, item.length, &key, &error))
		item_report_error(&error);
	position_of_key(&key, position);
}

void
api_position_of_key_item(const TableInfo *table, ItemArgument key_item, ItemKey *key,
						 Position *position)
{
	ItemError error;

	if (!key_from_key_item(&table->key_schema, key_item.bytes, key_item.length, key, &error))
		item_report_error(&error);
	position_of_key(key, position);
}

/* ---------------------------------------------------------------- requests */

void
api_make_write(RouterCall *call, EntryImage *image, ImageKind kind, const TableInfo *table,
			   const Position *position, ItemArgument item)
{
	*image = (EntryImage){.kind = kind,
						  .table_id = table->table_id,
						  .position = position->bytes,
						  .position_length = position->length,
						  .item = item.bytes,
						  .item_length = item.length};
	memset(call, 0, sizeof(*call));
	call->request.kind = REQUEST_WRITE;
	call->request.table_id = table->table_id;
	call->request.group = metadata_partition_of(table, position->bytes, position->length)->group;
	call->request.image_count = 1;
	call->request.images = image;
}

void
api_count(const RouterCall *call)
{
	bool local = call->last_target == quorate_shared->self;

	if (call->request.kind == REQUEST_WRITE)
		shared_count(local ? COUNTER_WRITES_LOCAL : COUNTER_WRITES_FORWARDED, 1);
	else
		shared_count(local ? COUNTER_READS_LOCAL : COUNTER_READS_FORWARDED, 1);
}

/*
 * error_codes.c
 *		The registry of errors: every SQLSTATE that this extension raises or will raise, with what it means to a client.
 *
 * The view quorate.error_codes shows it, docs/error-codes.md has the same rows; the regression test error_codes
 * compares the two, and `make tidy` finds a code that is raised and has no row.  A SQLSTATE has one row; several may
 * stand for the same exception, where SQL can tell apart what DynamoDB does not.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "request/sqlstate.h"

PG_FUNCTION_INFO_V1(quorate_view_error_codes);

#define ERROR_CODE_COLUMNS 7

/* `name`: PostgreSQL's name of the condition.  `retry`: the same call, made again later, may succeed. */
typedef struct ErrorCode
{
	int sqlstate;
	const char *name;
	const char *exception; /* DynamoDB's; NULL for errors of SQL and of operating a cluster */
	int http_status;       /* 0 if there is no exception */
	bool retry;
	const char *meaning;
	const char *action; /* what to do about it */
} ErrorCode;

static const ErrorCode error_codes[] = {
	{ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN, "transaction_resolution_unknown",
	 "InternalServerError", 500, true,
	 "a write was proposed and its fate is unknown: leadership ended, the statement was cancelled or timed out, no quorum in time, a stream broke",
	 "read the item, then decide"},
	{QUORATE_ERRCODE_UNAVAILABLE, "unavailable", "ServiceUnavailable", 503, true,
	 "nobody served the request within quorate.request_timeout; not applied", "retry"},
	{QUORATE_ERRCODE_REMOVED, "removed", NULL, 0, false,
	 "said to a node that was removed from the cluster and opens a stream all the same; it stops",
	 "set that instance back"},
	{QUORATE_ERRCODE_VERSION, "version", NULL, 0, false,
	 "said to a node whose release does not read the version of the cluster and that opens a stream all the same, or by one that does not itself",
	 "install a release that reads it (docs/operations.md)"},
	{QUORATE_ERRCODE_CONDITION_FAILED, "condition_failed", "ConditionalCheckFailedException", 400,
	 false, "the condition of a write is false; not applied", "read the item, then decide"},
	{QUORATE_ERRCODE_COLLECTION_SIZE, "collection_size", "ItemCollectionSizeLimitExceededException",
	 400, true,
	 "the items of one partition key would exceed 10 GB in a table with local secondary indexes; reserved",
	 "delete some, then retry"},
	{QUORATE_ERRCODE_THROUGHPUT_EXCEEDED, "throughput_exceeded",
	 "ProvisionedThroughputExceededException", 400, true,
	 "the table's provisioned capacity is used up; reserved", "retry with growing pauses"},
	{QUORATE_ERRCODE_THROTTLING, "throttling", "ThrottlingException", 400, true,
	 "requests come faster than an on-demand table or the control plane takes them; reserved",
	 "retry with growing pauses"},
	{QUORATE_ERRCODE_REQUEST_LIMIT, "request_limit", "RequestLimitExceeded", 400, true,
	 "the limit on throughput of the whole account is reached; reserved",
	 "retry with growing pauses"},
	{QUORATE_ERRCODE_LIMIT_EXCEEDED, "limit_exceeded", "LimitExceededException", 400, true,
	 "too many operations on tables at the same time; reserved", "retry when they have ended"},
	{QUORATE_ERRCODE_TRANSACTION_CONFLICT, "transaction_conflict", "TransactionConflictException",
	 400, true, "a transaction on the same item is under way; reserved", "retry"},
	{QUORATE_ERRCODE_TOKEN_MISMATCH, "token_mismatch", "IdempotentParameterMismatchException", 400,
	 false, "the client token was used for another request within ten minutes; reserved",
	 "use another token"},
	{QUORATE_ERRCODE_UNKNOWN_OPERATION, "unknown_operation", "UnknownOperationException", 400,
	 false, "there is no operation of that name; reserved", "mend the request"},
	{ERRCODE_INVALID_PARAMETER_VALUE, "invalid_parameter_value", "ValidationException", 400, false,
	 "the request breaks a rule of the item model or of the API", "mend the request"},
	{ERRCODE_NULL_VALUE_NOT_ALLOWED, "null_value_not_allowed", "ValidationException", 400, false,
	 "a required argument is null", "mend the request"},
	{ERRCODE_PROGRAM_LIMIT_EXCEEDED, "program_limit_exceeded", "ValidationException", 400, false,
	 "item over 400 KB, or one write over 3 MB", "write less at once"},
	{ERRCODE_INVALID_TEXT_REPRESENTATION, "invalid_text_representation", "SerializationException",
	 400, false, "text is not DynamoDB JSON", "mend the text"},
	{ERRCODE_INVALID_BINARY_REPRESENTATION, "invalid_binary_representation",
	 "SerializationException", 400, false, "bytes are not the encoding of an item",
	 "mend the client"},
	{ERRCODE_UNTRANSLATABLE_CHARACTER, "untranslatable_character", NULL, 0, false,
	 "an item with the character U+0000 is converted to jsonb or text, which cannot hold it",
	 "use the item's own text form"},
	{ERRCODE_FEATURE_NOT_SUPPORTED, "feature_not_supported", "ValidationException", 400, false,
	 "a parameter that is not built yet", "leave it out"},
	{ERRCODE_UNDEFINED_TABLE, "undefined_table", "ResourceNotFoundException", 400, false,
	 "no such item table", "create it"},
	{ERRCODE_DUPLICATE_TABLE, "duplicate_table", "ResourceInUseException", 400, false,
	 "create_table of a name that exists", "drop that table, or choose another name"},
	{ERRCODE_INSUFFICIENT_PRIVILEGE, "insufficient_privilege", "AccessDeniedException", 400, false,
	 "the role lacks EXECUTE, or a peer lacks quorate_peer",
	 "GRANT quorate_read, quorate_write or quorate_admin"},
	{ERRCODE_UNDEFINED_OBJECT, "undefined_object", NULL, 0, false, "no such node",
	 "look at quorate.nodes"},
	{ERRCODE_ACTIVE_SQL_TRANSACTION, "active_sql_transaction", NULL, 0, false,
	 "a write inside a transaction block, savepoint, function or DO block",
	 "call it on its own, or SET quorate.transaction_block = apply"},
	{ERRCODE_READ_ONLY_SQL_TRANSACTION, "read_only_sql_transaction", NULL, 0, false,
	 "a write in a read-only transaction or on a hot standby", "call it elsewhere"},
	{ERRCODE_QUERY_CANCELED, "query_canceled", NULL, 0, true,
	 "the statement was cancelled or timed out before anything was proposed; not applied", "retry"},
	{ERRCODE_WRONG_OBJECT_TYPE, "wrong_object_type", NULL, 0, false,
	 "INSERT, UPDATE, DDL and so on, directly on an item table", "use the API"},
	{ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST, "dependent_objects_still_exist", NULL, 0, false,
	 "drop_cluster while tables exist; DROP EXTENSION while a cluster exists", "drop them first"},
	{ERRCODE_OBJECT_IN_USE, "object_in_use", NULL, 0, false,
	 "DROP DATABASE of the one that belongs to the cluster", "call drop_cluster() first"},
	{ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "object_not_in_prerequisite_state", NULL, 0, false,
	 "not preloaded, no cluster here, create_cluster or add_node found problems (all in the detail), or what is asked of a node is not possible now (remove_node of the last one, or with too few left; finalize_upgrade with nodes that do not read the version); library and SQL objects of releases that do not belong together",
	 "as the hint says"},
	{ERRCODE_CANNOT_CONNECT_NOW, "cannot_connect_now", "ServiceUnavailable", 503, true,
	 "this node's replicator is starting, or this node is still copying the metadata", "retry"},
	{ERRCODE_CONNECTION_FAILURE, "connection_failure", NULL, 0, true,
	 "drop_cluster does not reach a node", "retry when it is back, or force"},
	{ERRCODE_DISK_FULL, "disk_full", "InternalServerError", 500, false,
	 "the leader's log has no space; not applied", "free space"},
	{ERRCODE_IO_ERROR, "io_error", "InternalServerError", 500, false,
	 "this node's log could not be made or removed", "see the server's log"},
	{ERRCODE_DATA_CORRUPTED, "data_corrupted", "InternalServerError", 500, false,
	 "a stored row's checksum does not match, or the metadata cannot be read",
	 "the row is not served; see docs/operations.md"},
	{ERRCODE_INDEX_CORRUPTED, "index_corrupted", "InternalServerError", 500, false,
	 "an item table has no valid primary key", "see docs/operations.md"},
	{ERRCODE_OUT_OF_MEMORY, "out_of_memory", "InternalServerError", 500, true,
	 "no memory for the request", "retry"},
	{ERRCODE_INTERNAL_ERROR, "internal_error", "InternalServerError", 500, false,
	 "something that should not happen", "report it"},
	{ERRCODE_PROTOCOL_VIOLATION, "protocol_violation", "InternalServerError", 500, false,
	 "another node sent what is no message; its stream ends", "report it"},
	{ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, "configuration_limit_exceeded", NULL, 0, true,
	 "said to a node that does not read the replies to its requests; the stream ends",
	 "look at that node"},
	{ERRCODE_ADMIN_SHUTDOWN, "admin_shutdown", NULL, 0, true,
	 "said to an old stream of a node when a newer one takes over; by PostgreSQL, when the server stops",
	 "connect again"},
	{ERRCODE_INVALID_TRANSACTION_TERMINATION, "invalid_transaction_termination", NULL, 0, false,
	 "a stream between nodes is called inside a transaction or a function",
	 "leave that to the nodes"},
};

/* quorate._error_codes(): sqlstate, name, exception, http_status, retry, meaning, action */
Datum
quorate_view_error_codes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (size_t i = 0; i < lengthof(error_codes); i++)
	{
		const ErrorCode *code = &error_codes[i];
		Datum values[ERROR_CODE_COLUMNS] = {CStringGetTextDatum(unpack_sql_state(code->sqlstate)),
											CStringGetTextDatum(code->name),
											(Datum) 0,
											Int32GetDatum(code->http_status),
											BoolGetDatum(code->retry),
											CStringGetTextDatum(code->meaning),
											CStringGetTextDatum(code->action)};
		bool nulls[ERROR_CODE_COLUMNS] = {false};

		nulls[2] = code->exception == NULL;
		nulls[3] = code->http_status == 0;
		if (code->exception != NULL)
			values[2] = CStringGetTextDatum(code->exception);
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}

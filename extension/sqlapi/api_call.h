/*
 * api_call.h
 *		What every API function does before its own work: state of the node, transaction, arguments.
 *
 * Run by client backends.  All functions raise errors in DynamoDB's words where DynamoDB has any, with the
 * SQLSTATEs of docs/error-codes.md.
 */
#ifndef QUORATE_SQLAPI_API_CALL_H
#define QUORATE_SQLAPI_API_CALL_H

#include "postgres.h"

#include "fmgr.h"

#include "catalog/metadata.h"
#include "item/item.h"
#include "request/router.h"
#include "sqlapi/item_type.h"
#include "storage/position.h"

/* The bytes of an argument of type quorate.item. */
typedef struct ItemArgument
{
	const uint8_t *bytes;
	uint32_t length;
} ItemArgument;

/* ERROR unless this node is running as part of a cluster (55000 or 57P03). */
extern void api_require_cluster(void);

/*
 * The start of a function that changes something: refuses recovery and read-only transactions (25006), and a
 * transaction block or an enclosing function unless quorate.transaction_block = apply (25001).  `function`
 * is its name for messages, for example "put_item()".  api_begin_write also requires a cluster.
 */
extern void api_begin_change(const char *function);
extern void api_begin_write(const char *function);

/* The item table of that name; ERROR 42P01 "Requested resource not found" if there is none. */
extern const TableInfo *api_table(text *table_name);

/* A required argument; ERROR 22004 if it is null. */
extern void api_require_argument(FunctionCallInfo fcinfo, int argument, const char *name);

/* An optional boolean argument: what it is if it is null. */
extern bool api_flag_argument(FunctionCallInfo fcinfo, int argument, bool otherwise);

/* ERROR 0A000 if an argument for something that is not built yet is given. */
extern void api_refuse_argument(FunctionCallInfo fcinfo, int argument, const char *name);

/*
 * ERROR 22023 if names or values are given although the call has no expression that could use them.  A
 * negative `values`: the call takes no values.
 */
extern void
api_refuse_names_and_values(FunctionCallInfo fcinfo, int names, int values, const char *expression);

extern ItemArgument api_item_argument(FunctionCallInfo fcinfo, int argument);

/* The positions of an item's own key (put) and of a key item (get, delete), with the rules of keys. */
extern void api_position_of_item(const TableInfo *table, ItemArgument item, Position *position);
extern void api_position_of_key_item(const TableInfo *table, ItemArgument key_item, ItemKey *key,
									 Position *position);

/* A request for one row's change or read; the position must outlive the call. */
extern void api_make_write(RouterCall *call, EntryImage *image, ImageKind kind,
						   const TableInfo *table, const Position *position, ItemArgument item);

/* Counts a request of this node's clients, as local or forwarded. */
extern void api_count(const RouterCall *call);

#endif /* QUORATE_SQLAPI_API_CALL_H */

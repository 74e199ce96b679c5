/*
 * item_type.c
 *		The SQL type quorate.item: input and output, casts, operators, comparison, plain JSON.
 *
 * Runs in any backend that meets an item; touches no shared state and writes nothing.  The work is
 * done by the pure code in item/; here are datums, encodings of the database and SQLSTATEs.  Items
 * are UTF-8 whatever the database's encoding, so text is converted at this border.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "item/item_json.h"
#include "item/item_writer.h"
#include "sqlapi/item_type.h"

PG_FUNCTION_INFO_V1(quorate_item_in);
PG_FUNCTION_INFO_V1(quorate_item_out);
PG_FUNCTION_INFO_V1(quorate_item_recv);
PG_FUNCTION_INFO_V1(quorate_item_send);
PG_FUNCTION_INFO_V1(quorate_item_from_jsonb);
PG_FUNCTION_INFO_V1(quorate_item_to_jsonb);
PG_FUNCTION_INFO_V1(quorate_item_attribute);
PG_FUNCTION_INFO_V1(quorate_item_attribute_text);
PG_FUNCTION_INFO_V1(quorate_item_marshal);
PG_FUNCTION_INFO_V1(quorate_item_unmarshal);
PG_FUNCTION_INFO_V1(quorate_item_size);
PG_FUNCTION_INFO_V1(quorate_item_eq);
PG_FUNCTION_INFO_V1(quorate_item_ne);
PG_FUNCTION_INFO_V1(quorate_item_lt);
PG_FUNCTION_INFO_V1(quorate_item_le);
PG_FUNCTION_INFO_V1(quorate_item_gt);
PG_FUNCTION_INFO_V1(quorate_item_ge);
PG_FUNCTION_INFO_V1(quorate_item_cmp);
PG_FUNCTION_INFO_V1(quorate_item_hash);
PG_FUNCTION_INFO_V1(quorate_item_hash_extended);

/* ---------------------------------------------------------------- memory and datums */

void
item_datum_begin(ItemBuffer *buffer)
{
	item_buffer_init(buffer, &item_palloc_allocator);
	item_buffer_reserve(buffer, VARHDRSZ);
	buffer->length = VARHDRSZ;
}

Datum
item_datum_finish(ItemBuffer *buffer)
{
	SET_VARSIZE(buffer->bytes, buffer->length);
	return PointerGetDatum(buffer->bytes);
}

Datum
item_datum_copy(const uint8_t *bytes, size_t length)
{
	struct varlena *item = palloc(VARHDRSZ + length);

	SET_VARSIZE(item, VARHDRSZ + length);
	memcpy(VARDATA(item), bytes, length);
	return PointerGetDatum(item);
}

/* ---------------------------------------------------------------- errors */

static int
sqlstate_of(ItemErrorCode code)
{
	switch (code)
	{
		case ITEM_ERROR_SYNTAX:
			return ERRCODE_INVALID_TEXT_REPRESENTATION;
		case ITEM_ERROR_VALUE:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case ITEM_ERROR_SIZE:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case ITEM_ERROR_ENCODING:
			return ERRCODE_INVALID_BINARY_REPRESENTATION;
		case ITEM_ERROR_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case ITEM_ERROR_NONE:
			break;
	}
	return ERRCODE_INTERNAL_ERROR;
}

/* Messages quote the input, so they are UTF-8 like it. */
void
item_report_error(const ItemError *error)
{
	const char *message = pg_any_to_server(error->message, (int) error->length, PG_UTF8);

	switch (error->code)
	{
		case ITEM_ERROR_SYNTAX:
			ereport(ERROR, (errcode(sqlstate_of(error->code)),
							errmsg("invalid input syntax for type %s", "quorate.item"),
							errdetail("At byte %zu: %s.", error->offset, message)));
			break;
		case ITEM_ERROR_ENCODING:
			ereport(ERROR, (errcode(sqlstate_of(error->code)),
							errmsg("invalid binary representation of type %s", "quorate.item"),
							errdetail("At byte %zu: %s.", error->offset, message)));
			break;
		default:
			ereport(ERROR, (errcode(sqlstate_of(error->code)), errmsg("%s", message)));
	}
	pg_unreachable();
}

/* jsonb and text have no character with code 0; the item's text form writes it as an escape. */
static void
refuse_nul(const ItemValue *value, const char *type_name)
{
	if (item_value_has_nul(value))
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("item with the character U+0000 cannot be converted to type %s", type_name),
				 errhint("Use the item's own text form, which writes it as \\u0000.")));
}

/* ---------------------------------------------------------------- text */

/* Reads DynamoDB JSON in the database's encoding. */
static Datum
read_json(const char *json, int length)
{
	char *utf8 = pg_server_to_any(json, length, PG_UTF8);
	ItemBuffer buffer;
	ItemError error;

	if (utf8 != json)
		length = (int) strlen(utf8);
	item_datum_begin(&buffer);
	item_buffer_reserve(&buffer, (size_t) length);
	if (!item_from_json(utf8, (size_t) length, &buffer, &error))
		item_report_error(&error);
	return item_datum_finish(&buffer);
}

/* Ends text that the pure code wrote, and converts it; the result is a C string. */
static char *
finish_text(ItemBuffer *text)
{
	item_buffer_append(text, "", 1);
	if (GetDatabaseEncoding() == PG_UTF8)
		return (char *) text->bytes;
	return pg_any_to_server((char *) text->bytes, (int) text->length - 1, PG_UTF8);
}

Datum
quorate_item_in(PG_FUNCTION_ARGS)
{
	char *json = PG_GETARG_CSTRING(0);

	PG_RETURN_DATUM(read_json(json, (int) strlen(json)));
}

Datum
quorate_item_out(PG_FUNCTION_ARGS)
{
	struct varlena *item = PG_GETARG_ITEM_P(0);
	ItemBuffer text;

	item_buffer_init(&text, &item_palloc_allocator);
	item_buffer_reserve(&text, ITEM_LENGTH(item) + ITEM_LENGTH(item) / 4);
	item_to_json(ITEM_BYTES(item), ITEM_LENGTH(item), &text);
	PG_RETURN_CSTRING(finish_text(&text));
}

/* The binary form is the encoding itself, whose first byte is its version. */
Datum
quorate_item_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int length = message->len - message->cursor;
	const uint8_t *bytes = (const uint8_t *) pq_getmsgbytes(message, length);
	ItemError error;

	if (!item_validate(bytes, (size_t) length, &error))
		item_report_error(&error);
	PG_RETURN_DATUM(item_datum_copy(bytes, (size_t) length));
}

Datum
quorate_item_send(PG_FUNCTION_ARGS)
{
	struct varlena *item = PG_GETARG_ITEM_P(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, VARDATA_ANY(item), (int) ITEM_LENGTH(item));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* ---------------------------------------------------------------- jsonb */

static Datum
jsonb_of_text(ItemBuffer *text)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(finish_text(text)));
}

Datum
quorate_item_from_jsonb(PG_FUNCTION_ARGS)
{
	Jsonb *jsonb = PG_GETARG_JSONB_P(0);
	StringInfoData json;

	initStringInfo(&json);
	JsonbToCString(&json, &jsonb->root, VARSIZE(jsonb));
	PG_RETURN_DATUM(read_json(json.data, json.len));
}

Datum
quorate_item_to_jsonb(PG_FUNCTION_ARGS)
{
	struct varlena *item = PG_GETARG_ITEM_P(0);
	ItemValue whole = item_as_value(ITEM_BYTES(item), ITEM_LENGTH(item));
	ItemBuffer text;

	refuse_nul(&whole, "jsonb");
	item_buffer_init(&text, &item_palloc_allocator);
	item_to_json(ITEM_BYTES(item), ITEM_LENGTH(item), &text);
	PG_RETURN_DATUM(jsonb_of_text(&text));
}

Datum
quorate_item_unmarshal(PG_FUNCTION_ARGS)
{
	struct varlena *item = PG_GETARG_ITEM_P(0);
	ItemValue whole = item_as_value(ITEM_BYTES(item), ITEM_LENGTH(item));
	ItemBuffer text;

	refuse_nul(&whole, "jsonb");
	item_buffer_init(&text, &item_palloc_allocator);
	item_value_to_plain_json(&whole, &text);
	PG_RETURN_DATUM(jsonb_of_text(&text));
}

/* A string of a jsonb in UTF-8; sets its length. */
static const char *
utf8_of_jsonb_string(const JsonbValue *value, size_t *length)
{
	char *text = value->val.string.val;
	char *utf8 = pg_server_to_any(text, value->val.string.len, PG_UTF8);

	*length = utf8 == text ? (size_t) value->val.string.len : strlen(utf8);
	return utf8;
}

static void
marshal_scalar(ItemWriter *writer, const JsonbValue *value)
{
	const char *text;
	size_t length;

	switch (value->type)
	{
		case jbvString:
			text = utf8_of_jsonb_string(value, &length);
			item_writer_string(writer, text, length);
			break;
		case jbvNumeric:
			text = DatumGetCString(
				DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
			item_writer_number_text(writer, text, strlen(text));
			break;
		case jbvBool:
			item_writer_bool(writer, value->val.boolean);
			break;
		case jbvNull:
			item_writer_null(writer);
			break;
		default:
			elog(ERROR, "unexpected type %d in jsonb", (int) value->type);
	}
}

/*
 * One step of the walk through a jsonb; the object at the top is the item, which is open already.
 */
static void
marshal_step(ItemWriter *writer, JsonbIteratorToken token, const JsonbValue *value, int *level)
{
	const char *name;
	size_t length;

	switch (token)
	{
		case WJB_KEY:
			name = utf8_of_jsonb_string(value, &length);
			item_writer_name(writer, name, length);
			break;
		case WJB_VALUE:
		case WJB_ELEM:
			marshal_scalar(writer, value);
			break;
		case WJB_BEGIN_OBJECT:
		case WJB_BEGIN_ARRAY:
			if ((*level)++ > 0)
				item_writer_open(writer, token == WJB_BEGIN_OBJECT ? ITEM_MAP : ITEM_LIST);
			break;
		default:
			if (--(*level) > 0)
				item_writer_close(writer);
	}
}

/* Plain JSON to an item as the marshallers of AWS's SDKs do it. */
Datum
quorate_item_marshal(PG_FUNCTION_ARGS)
{
	Jsonb *jsonb = PG_GETARG_JSONB_P(0);
	JsonbIterator *iterator = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue value;
	ItemBuffer buffer;
	ItemWriter writer;
	int level = 0;

	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("only a JSON object can become an item")));
	item_datum_begin(&buffer);
	item_writer_begin(&writer, &buffer);
	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		marshal_step(&writer, token, &value, &level);
		if (writer.error.code != ITEM_ERROR_NONE)
			item_report_error(&writer.error);
	}
	if (!item_writer_finish(&writer))
		item_report_error(&writer.error);
	item_writer_release(&writer);
	PG_RETURN_DATUM(item_datum_finish(&buffer));
}

/* ---------------------------------------------------------------- attributes */

static bool
find_attribute(FunctionCallInfo fcinfo, ItemValue *value)
{
	struct varlena *item = PG_GETARG_ITEM_P(0);
	text *name = PG_GETARG_TEXT_PP(1);
	char *bytes = VARDATA_ANY(name);
	int length = VARSIZE_ANY_EXHDR(name);
	char *utf8 = pg_server_to_any(bytes, length, PG_UTF8);

	if (utf8 != bytes)
		length = (int) strlen(utf8);
	return item_find(ITEM_BYTES(item), ITEM_LENGTH(item), utf8, (size_t) length, value);
}

/* item -> name: the attribute's value in DynamoDB JSON. */
Datum
quorate_item_attribute(PG_FUNCTION_ARGS)
{
	ItemValue value;
	ItemBuffer text;

	if (!find_attribute(fcinfo, &value))
		PG_RETURN_NULL();
	refuse_nul(&value, "jsonb");
	item_buffer_init(&text, &item_palloc_allocator);
	item_value_to_json(&value, &text);
	PG_RETURN_DATUM(jsonb_of_text(&text));
}

/* item ->> name: the attribute's value as plain text. */
Datum
quorate_item_attribute_text(PG_FUNCTION_ARGS)
{
	ItemValue value;
	ItemBuffer text;

	if (!find_attribute(fcinfo, &value))
		PG_RETURN_NULL();
	if (value.type == ITEM_STRING)
		refuse_nul(&value, "text");
	item_buffer_init(&text, &item_palloc_allocator);
	item_value_to_plain_text(&value, &text);
	PG_RETURN_TEXT_P(cstring_to_text(finish_text(&text)));
}

/* DynamoDB's size of the item, in bytes. */
Datum
quorate_item_size(PG_FUNCTION_ARGS)
{
	struct varlena *item = PG_GETARG_ITEM_P(0);

	PG_RETURN_INT32((int32) item_size(ITEM_BYTES(item), ITEM_LENGTH(item)));
}

/* ---------------------------------------------------------------- comparison */

/*
 * The order of the encodings: total and stable, made for DISTINCT, GROUP BY and indexes, without
 * further meaning.
 */
static int
compare_arguments(FunctionCallInfo fcinfo)
{
	struct varlena *left = PG_GETARG_ITEM_P(0);
	struct varlena *right = PG_GETARG_ITEM_P(1);
	int order = item_compare_bytes(ITEM_BYTES(left), ITEM_LENGTH(left), ITEM_BYTES(right),
								   ITEM_LENGTH(right));

	PG_FREE_IF_COPY(left, 0);
	PG_FREE_IF_COPY(right, 1);
	return (order > 0) - (order < 0);
}

Datum
quorate_item_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) == 0);
}

Datum
quorate_item_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) != 0);
}

Datum
quorate_item_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

Datum
quorate_item_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

Datum
quorate_item_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

Datum
quorate_item_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

Datum
quorate_item_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

Datum
quorate_item_hash(PG_FUNCTION_ARGS)
{
	struct varlena *item = PG_GETARG_ITEM_P(0);
	Datum hash = hash_any(ITEM_BYTES(item), (int) ITEM_LENGTH(item));

	PG_FREE_IF_COPY(item, 0);
	PG_RETURN_DATUM(hash);
}

Datum
quorate_item_hash_extended(PG_FUNCTION_ARGS)
{
	struct varlena *item = PG_GETARG_ITEM_P(0);
	Datum hash = hash_any_extended(ITEM_BYTES(item), (int) ITEM_LENGTH(item),
								   (uint64) PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(item, 0);
	PG_RETURN_DATUM(hash);
}

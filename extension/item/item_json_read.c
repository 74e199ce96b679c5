/*
 * item_json_read.c
 *		DynamoDB JSON to an encoded item, in one pass over the text.
 *
 * Runs in every backend that receives an item, so it is fast where items are usual: runs of plain
 * characters are found eight at a time and copied whole.  Assumes nothing about the text: UTF-8 is
 * checked, every length and level bounded; recursion is as deep as the item's nesting, which the
 * writer limits.
 */
#include "item/item_json.h"

#include <string.h>

#include "item/base64.h"
#include "item/item_layout.h"
#include "item/item_writer.h"
#include "item/utf8.h"

typedef struct JsonReader
{
	const uint8_t *start;
	const uint8_t *at;
	const uint8_t *end;
	ItemBuffer *out; /* the writer's buffer */
	ItemWriter writer;
} JsonReader;

/* Bytes that a text may fill the buffer with: base64 is a third longer than what it becomes. */
#define LENGTH_LIMIT ((size_t) 2 * ITEM_ENCODED_MAX)

#define TYPE_NAME_MAX 4 /* bytes of "BOOL" and "NULL" */

static bool
fail(JsonReader *reader, const char *text)
{
	return item_writer_fail(&reader->writer, ITEM_ERROR_SYNTAX,
							(size_t) (reader->at - reader->start), text);
}

static bool
fail_value(JsonReader *reader, const char *text)
{
	return item_writer_fail(&reader->writer, ITEM_ERROR_VALUE,
							(size_t) (reader->at - reader->start), text);
}

static inline void
skip_blanks(JsonReader *reader)
{
	const uint8_t *at = reader->at;

	while (at < reader->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
		at++;
	reader->at = at;
}

/* Takes `character` if it comes next, behind any blanks. */
static inline bool
take(JsonReader *reader, char character)
{
	skip_blanks(reader);
	if (reader->at == reader->end || *reader->at != (uint8_t) character)
		return false;
	reader->at++;
	return true;
}

static inline bool
expect(JsonReader *reader, char character, const char *text)
{
	return take(reader, character) || fail(reader, text);
}

/* Appends to the buffer, but not without end: the item will be refused, and memory is limited. */
static inline bool
append(JsonReader *reader, const uint8_t *bytes, size_t length)
{
	if (length > ITEM_ENCODED_MAX || reader->out->length - reader->writer.base > LENGTH_LIMIT)
		return item_writer_fail(&reader->writer, ITEM_ERROR_SIZE, 0, LAYOUT_TEXT_TOO_LARGE);
	return item_buffer_append(reader->out, bytes, length) ||
		   item_writer_fail(&reader->writer, ITEM_ERROR_MEMORY, 0, "out of memory");
}

/* Four hexadecimal digits; reader->at stands on the first. */
static bool
read_hex4(JsonReader *reader, uint32_t *value)
{
	*value = 0;
	if (reader->end - reader->at < 4)
		return fail(reader, "\\u is not followed by four hexadecimal digits");
	for (int i = 0; i < 4; i++)
	{
		uint8_t c = reader->at[i];
		uint8_t letter = c | 0x20;

		if (c >= '0' && c <= '9')
			*value = *value << 4 | (uint32_t) (c - '0');
		else if (letter >= 'a' && letter <= 'f')
			*value = *value << 4 | (uint32_t) (letter - 'a' + 10);
		else
			return fail(reader, "\\u is not followed by four hexadecimal digits");
	}
	reader->at += 4;
	return true;
}

/* Behind "\u": a code unit, and a second one if the first is half of a pair. */
static bool
read_unicode_escape(JsonReader *reader, uint32_t *code_point)
{
	uint32_t low;

	if (!read_hex4(reader, code_point))
		return false;
	if (*code_point < 0xD800 || *code_point > 0xDFFF)
		return true;
	if (*code_point > 0xDBFF || reader->end - reader->at < 2 || reader->at[0] != '\\' ||
		reader->at[1] != 'u')
		return fail(reader, "surrogate without its other half");
	reader->at += 2;
	if (!read_hex4(reader, &low))
		return false;
	if (low < 0xDC00 || low > 0xDFFF)
		return fail(reader, "surrogate without its other half");
	*code_point = 0x10000 + ((*code_point & 0x3FF) << 10) + (low & 0x3FF);
	return true;
}

/* Behind a backslash: appends the character that the escape stands for. */
static bool
read_escape(JsonReader *reader)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	uint8_t utf8[UTF8_SEQUENCE_MAX];
	uint32_t code_point = 0;
	const char *letter;

	if (reader->at == reader->end)
		return fail(reader, "string is not terminated");
	letter = memchr(letters, *reader->at, sizeof(letters) - 1);
	if (letter == NULL && *reader->at != 'u')
		return fail(reader, "unknown escape in string");
	reader->at++;
	if (letter != NULL)
		code_point = (uint8_t) meanings[letter - letters];
	else if (!read_unicode_escape(reader, &code_point))
		return false;
	return append(reader, utf8, utf8_encode(code_point, utf8));
}

/*
 * The end of the run of characters that stand for themselves; NULL (and an error) at invalid UTF-8.
 */
static const uint8_t *
scan_plain(JsonReader *reader)
{
	const uint8_t *at = reader->at;
	const uint8_t *end = reader->end;

	for (;;)
	{
		size_t step;

		while (end - at >= 8)
		{
			uint64_t word = utf8_load8(at);

			if ((utf8_json_special8(word) | (word & UTF8_HIGHS)) != 0)
				break;
			at += 8;
		}
		while (at < end && *at < 0x80)
		{
			if (*at == '"' || *at == '\\' || *at < 0x20)
				return at;
			at++;
		}
		if (at == end)
			return at;
		step = utf8_sequence(at, (size_t) (end - at));
		if (step == 0)
		{
			reader->at = at;
			fail(reader, "string is not valid UTF-8");
			return NULL;
		}
		at += step;
	}
}

/* Reads a JSON string and appends its characters to the buffer. */
static bool
read_string(JsonReader *reader)
{
	if (!expect(reader, '"', "expected a string"))
		return false;
	for (;;)
	{
		const uint8_t *end = scan_plain(reader);

		if (end == NULL)
			return false;
		if (!append(reader, reader->at, (size_t) (end - reader->at)))
			return false;
		reader->at = end;
		if (end == reader->end)
			return fail(reader, "string is not terminated");
		if (*end != '"' && *end != '\\')
			return fail(reader, "control character in string must be escaped");
		reader->at++;
		if (*end == '"')
			return true;
		if (!read_escape(reader))
			return false;
	}
}

static bool
read_string_value(JsonReader *reader)
{
	return item_writer_raw_begin(&reader->writer, ITEM_STRING) && read_string(reader) &&
		   item_writer_raw_end(&reader->writer);
}

/* A binary is decoded in place, over its base64 characters. */
static bool
read_binary_value(JsonReader *reader)
{
	size_t start;
	size_t length;

	if (!item_writer_raw_begin(&reader->writer, ITEM_BINARY))
		return false;
	start = reader->out->length;
	if (!read_string(reader))
		return false;
	if (!base64_decode(reader->out->bytes + start, reader->out->length - start,
					   reader->out->bytes + start, &length))
		return fail(reader, "binary value is not valid base64");
	reader->out->length = start + length;
	return item_writer_raw_end(&reader->writer);
}

/*
 * A number's text is put behind the item for a moment, in case it holds escapes.  The writer has
 * encoded it before it writes over it.
 */
static bool
read_number_value(JsonReader *reader)
{
	size_t start = reader->out->length;
	size_t length;

	if (!read_string(reader))
		return false;
	length = reader->out->length - start;
	reader->out->length = start;
	return item_writer_number_text(&reader->writer, (const char *) reader->out->bytes + start,
								   length);
}

static bool
read_word(JsonReader *reader, const char *word)
{
	size_t length = strlen(word);

	skip_blanks(reader);
	if ((size_t) (reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
		return false;
	reader->at += length;
	return true;
}

static bool
read_bool_value(JsonReader *reader)
{
	if (read_word(reader, "true"))
		return item_writer_bool(&reader->writer, true);
	if (read_word(reader, "false"))
		return item_writer_bool(&reader->writer, false);
	return fail(reader, "expected true or false");
}

static bool
read_null_value(JsonReader *reader)
{
	if (read_word(reader, "true"))
		return item_writer_null(&reader->writer);
	if (read_word(reader, "false"))
		return fail_value(reader, "One or more parameter values were invalid: Null attribute value "
								  "types must have the value of true");
	return fail(reader, "expected true");
}

static bool read_value(JsonReader *reader);

/* Elements between brackets, each read by `read_one`. */
static bool
read_array(JsonReader *reader, ItemType type, bool (*read_one)(JsonReader *reader))
{
	if (!expect(reader, '[', "expected an array") || !item_writer_open(&reader->writer, type))
		return false;
	if (!take(reader, ']'))
	{
		do
		{
			if (!read_one(reader))
				return false;
		} while (take(reader, ','));
		if (!expect(reader, ']', "expected , or ] in an array"))
			return false;
	}
	return item_writer_close(&reader->writer);
}

/* Attributes between braces, into the map that the writer has open. */
static bool
read_attributes(JsonReader *reader)
{
	if (!expect(reader, '{', "expected {"))
		return false;
	if (take(reader, '}'))
		return true;
	do
	{
		if (!item_writer_raw_name_begin(&reader->writer) || !read_string(reader) ||
			!item_writer_raw_name_end(&reader->writer) ||
			!expect(reader, ':', "expected : after an attribute name") || !read_value(reader))
			return false;
	} while (take(reader, ','));
	return expect(reader, '}', "expected , or } in an object");
}

static bool
read_map_value(JsonReader *reader)
{
	return item_writer_open(&reader->writer, ITEM_MAP) && read_attributes(reader) &&
		   item_writer_close(&reader->writer);
}

/*
 * Reads "S" and the like.  What is a string but no type counts as absent, as in DynamoDB, which
 * ignores members that it does not know.
 */
static bool
read_type(JsonReader *reader, ItemType *type)
{
	size_t length = 0;

	if (!expect(reader, '"', "expected a type name"))
		return false;
	while (reader->end - reader->at > (ptrdiff_t) length && length <= TYPE_NAME_MAX &&
		   reader->at[length] != '"')
		length++;
	if (reader->end - reader->at == (ptrdiff_t) length)
		return fail(reader, "string is not terminated");
	if (reader->at[length] != '"' || !item_type_from_name((const char *) reader->at, length, type))
		return fail_value(reader,
						  "Supplied AttributeValue is empty, must contain exactly one of the "
						  "supported datatypes");
	reader->at += length + 1;
	return expect(reader, ':', "expected : after a type name");
}

static bool
read_payload(JsonReader *reader, ItemType type)
{
	switch (type)
	{
		case ITEM_STRING:
			return read_string_value(reader);
		case ITEM_NUMBER:
			return read_number_value(reader);
		case ITEM_BINARY:
			return read_binary_value(reader);
		case ITEM_BOOL:
			return read_bool_value(reader);
		case ITEM_NULL:
			return read_null_value(reader);
		case ITEM_MAP:
			return read_map_value(reader);
		case ITEM_LIST:
			return read_array(reader, type, read_value);
		case ITEM_STRING_SET:
			return read_array(reader, type, read_string_value);
		case ITEM_NUMBER_SET:
			return read_array(reader, type, read_number_value);
		case ITEM_BINARY_SET:
			return read_array(reader, type, read_binary_value);
	}
	return false;
}

/* One value: {"type": payload}. */
static bool
read_value(JsonReader *reader)
{
	ItemType type;

	if (!expect(reader, '{', "expected a value such as {\"S\": \"text\"}"))
		return false;
	if (take(reader, '}'))
		return fail_value(reader,
						  "Supplied AttributeValue is empty, must contain exactly one of the "
						  "supported datatypes");
	if (!read_type(reader, &type) || !read_payload(reader, type))
		return false;
	if (take(reader, ','))
		return fail_value(reader, "Supplied AttributeValue has more than one datatypes set, must "
								  "contain exactly one of the supported datatypes");
	return expect(reader, '}', "expected } after a value");
}

static bool
read_item(JsonReader *reader)
{
	if (!read_attributes(reader))
		return false;
	skip_blanks(reader);
	if (reader->at < reader->end)
		return fail(reader, "unexpected text behind the item");
	return item_writer_finish(&reader->writer);
}

bool
item_from_json(const char *json, size_t length, ItemBuffer *out, ItemError *error)
{
	JsonReader reader;
	size_t base = out->length;
	bool good;

	reader.start = reader.at = (const uint8_t *) json;
	reader.end = reader.start + length;
	reader.out = out;
	item_writer_begin(&reader.writer, out);
	good = read_item(&reader);
	item_writer_release(&reader.writer);
	item_error_clear(error);
	if (good)
		return true;
	*error = reader.writer.error;
	if (error->offset == 0)
		error->offset = (size_t) (reader.at - reader.start);
	out->length = base;
	return false;
}

/*
 * item_json_write.c
 *		An encoded item to DynamoDB JSON, or to plain JSON.
 *
 * Runs in every backend that returns items.  Output is valid UTF-8 JSON with one blank behind each
 * colon and comma; equal items give equal text.  Trusts the encoding that it reads.
 */
#include "item/item_json.h"

#include "item/base64.h"
#include "item/item_layout.h"
#include "item/item_number.h"
#include "item/utf8.h"

#define ESCAPE_MAX 6 /* bytes of \u0000 */

typedef enum JsonStyle
{
	JSON_TYPED, /* {"S": "x"} */
	JSON_PLAIN  /* "x" */
} JsonStyle;

static bool write_value(const ItemValue *value, JsonStyle style, ItemBuffer *out);

static inline bool
put(ItemBuffer *out, const char *text, size_t length)
{
	return item_buffer_append(out, text, length);
}

#define PUT_LITERAL(out, literal) put((out), (literal), sizeof(literal) - 1)

/* The run of characters from `at` on that stand for themselves inside a JSON string. */
static inline const uint8_t *
plain_end(const uint8_t *at, const uint8_t *end)
{
	while (end - at >= 8 && utf8_json_special8(utf8_load8(at)) == 0)
		at += 8;
	while (at < end && *at != '"' && *at != '\\' && *at >= 0x20)
		at++;
	return at;
}

static bool
write_escape(uint8_t byte, ItemBuffer *out)
{
	static const char hex[] = "0123456789abcdef";
	char escape[ESCAPE_MAX] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 0x0F]};
	const char *letter;

	switch (byte)
	{
		case '\b':
			letter = "b";
			break;
		case '\f':
			letter = "f";
			break;
		case '\n':
			letter = "n";
			break;
		case '\r':
			letter = "r";
			break;
		case '\t':
			letter = "t";
			break;
		case '"':
			letter = "\"";
			break;
		case '\\':
			letter = "\\";
			break;
		default:
			return put(out, escape, ESCAPE_MAX);
	}
	escape[1] = *letter;
	return put(out, escape, 2);
}

static bool
write_string(const uint8_t *bytes, uint32_t length, ItemBuffer *out)
{
	const uint8_t *end = bytes + length;

	if (!item_buffer_reserve(out, (size_t) length + 2) || !PUT_LITERAL(out, "\""))
		return false;
	for (;;)
	{
		const uint8_t *special = plain_end(bytes, end);

		if (!item_buffer_append(out, bytes, (size_t) (special - bytes)))
			return false;
		if (special == end)
			return PUT_LITERAL(out, "\"");
		if (!write_escape(*special, out))
			return false;
		bytes = special + 1;
	}
}

static bool
write_base64(const uint8_t *bytes, uint32_t length, ItemBuffer *out)
{
	size_t encoded_length = base64_encoded_length(length);

	if (!item_buffer_reserve(out, encoded_length))
		return false;
	base64_encode(bytes, length, (char *) out->bytes + out->length);
	out->length += encoded_length;
	return true;
}

static bool
write_number(const ItemValue *value, ItemBuffer *out)
{
	if (!item_buffer_reserve(out, ITEM_NUMBER_TEXT_MAX))
		return false;
	out->length += item_number_to_text(value->bytes, value->length,
									   (char *) out->bytes + out->length);
	return true;
}

static bool
write_bool(const ItemValue *value, ItemBuffer *out)
{
	return value->bytes[0] ? PUT_LITERAL(out, "true") : PUT_LITERAL(out, "false");
}

static bool
write_quoted_base64(const ItemValue *value, ItemBuffer *out)
{
	return PUT_LITERAL(out, "\"") && write_base64(value->bytes, value->length, out) &&
		   PUT_LITERAL(out, "\"");
}

/* Only the typed style writes a number as a string. */
static bool
write_styled_number(const ItemValue *value, JsonStyle style, ItemBuffer *out)
{
	if (style == JSON_PLAIN)
		return write_number(value, out);
	return PUT_LITERAL(out, "\"") && write_number(value, out) && PUT_LITERAL(out, "\"");
}

/*
 * What stands behind the type name, or the whole value in plain style, of anything but maps and
 * lists.
 */
static bool
write_scalar(const ItemValue *value, JsonStyle style, ItemBuffer *out)
{
	switch (value->type)
	{
		case ITEM_STRING:
			return write_string(value->bytes, value->length, out);
		case ITEM_NUMBER:
			return write_styled_number(value, style, out);
		case ITEM_BINARY:
			return write_quoted_base64(value, out);
		case ITEM_BOOL:
			return write_bool(value, out);
		default:
			return style == JSON_PLAIN ? PUT_LITERAL(out, "null") : PUT_LITERAL(out, "true");
	}
}

static bool
write_attributes(const ItemContainer *map, JsonStyle style, ItemBuffer *out)
{
	if (!PUT_LITERAL(out, "{"))
		return false;
	for (uint32_t i = 0; i < map->count; i++)
	{
		ItemName name;
		ItemValue value;

		item_map_entry(map, i, &name, &value);
		if ((i > 0 && !PUT_LITERAL(out, ", ")) || !write_string(name.bytes, name.length, out) ||
			!PUT_LITERAL(out, ": ") || !write_value(&value, style, out))
			return false;
	}
	return PUT_LITERAL(out, "}");
}

/* Lists have values as elements, sets bare scalars: their type is the set's. */
static bool
write_array(const ItemContainer *container, JsonStyle style, ItemBuffer *out)
{
	if (!PUT_LITERAL(out, "["))
		return false;
	for (uint32_t i = 0; i < container->count; i++)
	{
		ItemValue element;
		bool good;

		item_element(container, i, &element);
		if (i > 0 && !PUT_LITERAL(out, ", "))
			return false;
		if (container->type == ITEM_LIST)
			good = write_value(&element, style, out);
		else
			good = write_scalar(&element, style, out);
		if (!good)
			return false;
	}
	return PUT_LITERAL(out, "]");
}

static bool
write_payload(const ItemValue *value, JsonStyle style, ItemBuffer *out)
{
	ItemContainer container;

	if (!layout_is_container(value->type))
		return write_scalar(value, style, out);
	item_open_value(value, &container);
	if (value->type == ITEM_MAP)
		return write_attributes(&container, style, out);
	return write_array(&container, style, out);
}

/* Recurses once per level of nesting, which the encoding limits. */
static bool
write_value(const ItemValue *value, JsonStyle style, ItemBuffer *out)
{
	const char *name = item_type_name(value->type);

	if (style == JSON_PLAIN)
		return write_payload(value, style, out);
	return PUT_LITERAL(out, "{\"") && put(out, name, strlen(name)) && PUT_LITERAL(out, "\": ") &&
		   write_payload(value, style, out) && PUT_LITERAL(out, "}");
}

bool
item_to_json(const uint8_t *item, size_t length, ItemBuffer *out)
{
	ItemContainer map;

	item_open(item, length, &map);
	return write_attributes(&map, JSON_TYPED, out);
}

bool
item_value_to_json(const ItemValue *value, ItemBuffer *out)
{
	return write_value(value, JSON_TYPED, out);
}

bool
item_value_to_plain_json(const ItemValue *value, ItemBuffer *out)
{
	return write_value(value, JSON_PLAIN, out);
}

bool
item_value_to_plain_text(const ItemValue *value, ItemBuffer *out)
{
	if (value->type == ITEM_STRING)
		return item_buffer_append(out, value->bytes, value->length);
	if (value->type == ITEM_BINARY)
		return write_base64(value->bytes, value->length, out);
	return write_value(value, JSON_PLAIN, out);
}

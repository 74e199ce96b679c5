/*
 * item_validate.c
 *		Proof that untrusted bytes are a canonical, legal item.
 *
 * Runs where bytes enter: binary parameters of clients, messages of peers, restored archives.
 * Assumes nothing about them; after it has said yes, all readers may trust the bytes.
 */
#include "item/item.h"

#include "item/item_layout.h"
#include "item/item_number.h"
#include "item/utf8.h"

typedef struct Validator
{
	const uint8_t *start; /* of the item: offsets in errors count from here */
	ItemError *error;
} Validator;

static bool
refuse(Validator *validator, const uint8_t *at, const char *text)
{
	return item_error_set(validator->error, ITEM_ERROR_ENCODING, (size_t) (at - validator->start),
						  text);
}

static bool validate_value(Validator *validator, ItemType type, const uint8_t *bytes,
						   uint32_t length, uint32_t depth);

static bool
validate_string(Validator *validator, const uint8_t *bytes, uint32_t length)
{
	size_t good = utf8_check(bytes, length);

	if (good < length)
		return refuse(validator, bytes + good, "encoded item has a string that is not UTF-8");
	return true;
}

/* Type byte and payload, as in lists and behind names. */
static bool
validate_tagged(Validator *validator, const uint8_t *bytes, uint32_t length, uint32_t depth)
{
	if (length == 0)
		return refuse(validator, bytes, "encoded item has a value without a type");
	return validate_value(validator, bytes[0], bytes + 1, length - 1, depth);
}

/* One attribute; `previous` is the name before it in the same map (NULL bytes: none). */
static bool
validate_entry(Validator *validator, const uint8_t *bytes, uint32_t length, uint32_t depth,
			   ItemName *previous)
{
	ItemName name;

	if (length < LAYOUT_NAME_LENGTH)
		return refuse(validator, bytes, "encoded item has a truncated attribute name");
	name.length = layout_get(bytes, LAYOUT_NAME_LENGTH);
	name.bytes = bytes + LAYOUT_NAME_LENGTH;
	if (name.length == 0 || name.length > length - LAYOUT_NAME_LENGTH)
		return refuse(validator, bytes, "encoded item has an attribute name of wrong length");
	if (!validate_string(validator, name.bytes, name.length))
		return false;
	if (previous->bytes != NULL &&
		item_compare_bytes(previous->bytes, previous->length, name.bytes, name.length) >= 0)
		return refuse(validator, name.bytes, "encoded item has attribute names out of order");
	*previous = name;
	return validate_tagged(validator, name.bytes + name.length,
						   length - LAYOUT_NAME_LENGTH - name.length, depth);
}

/* One member of a set; `previous` as above. */
static bool
validate_member(Validator *validator, ItemType set_type, const uint8_t *bytes, uint32_t length,
				ItemName *previous)
{
	if (previous->bytes != NULL &&
		item_compare_bytes(previous->bytes, previous->length, bytes, length) >= 0)
		return refuse(validator, bytes, "encoded item has set members out of order");
	previous->bytes = bytes;
	previous->length = length;
	return validate_value(validator, layout_member_type(set_type), bytes, length, 0);
}

/*
 * The count and the offset table: they must describe the rest of the body without gap or overlap.
 */
static bool
validate_table(Validator *validator, const uint8_t *body, uint32_t length, uint32_t width,
			   uint32_t count)
{
	uint64_t table = (uint64_t) width * (1 + (uint64_t) count);
	uint32_t previous = (uint32_t) table;

	if (table > length || layout_width(count, length - table) != width)
		return refuse(validator, body, "encoded item has a container of wrong length");
	if (count == 0 && table != length)
		return refuse(validator, body, "encoded item has bytes in an empty container");
	for (uint32_t i = 0; i < count; i++)
	{
		const uint8_t *at = body + (size_t) width * (1 + i);
		uint32_t offset = layout_get(at, width);

		if (offset < previous || offset > length || (i == 0 && offset != table))
			return refuse(validator, at, "encoded item has a wrong offset");
		previous = offset;
	}
	return true;
}

static bool
validate_container(Validator *validator, ItemType type, const uint8_t *body, uint32_t length,
				   uint32_t depth)
{
	uint32_t width = length <= LAYOUT_NARROW_MAX ? LAYOUT_NARROW : LAYOUT_WIDE;
	ItemName previous = {0};
	uint32_t count;

	if (length < width)
		return refuse(validator, body, "encoded item has a truncated container");
	count = layout_get(body, width);
	if (!validate_table(validator, body, length, width, count))
		return false;
	if (count == 0 && layout_is_set(type))
		return refuse(validator, body, "encoded item has an empty set");
	for (uint32_t i = 0; i < count; i++)
	{
		const uint8_t *at = body + (size_t) width * (1 + i);
		uint32_t start = layout_get(at, width);
		uint32_t end = i + 1 < count ? layout_get(at + width, width) : length;
		bool valid;

		if (type == ITEM_MAP)
			valid = validate_entry(validator, body + start, end - start, depth, &previous);
		else if (type == ITEM_LIST)
			valid = validate_tagged(validator, body + start, end - start, depth);
		else
			valid = validate_member(validator, type, body + start, end - start, &previous);
		if (!valid)
			return false;
	}
	return true;
}

/* `depth` is the number of lists and maps around the value. */
static bool
validate_value(Validator *validator, ItemType type, const uint8_t *bytes, uint32_t length,
			   uint32_t depth)
{
	if (depth > ITEM_DEPTH_MAX)
		return refuse(validator, bytes, "encoded item is nested too deeply");
	switch (type)
	{
		case ITEM_STRING:
			return validate_string(validator, bytes, length);
		case ITEM_NUMBER:
			return item_number_validate(bytes, length) ||
				   refuse(validator, bytes, "encoded item has a malformed number");
		case ITEM_BINARY:
			return true;
		case ITEM_BOOL:
			return (length == 1 && bytes[0] <= 1) ||
				   refuse(validator, bytes, "encoded item has a malformed boolean");
		case ITEM_NULL:
			return length == 0 || refuse(validator, bytes, "encoded item has a malformed null");
		case ITEM_MAP:
		case ITEM_LIST:
		case ITEM_STRING_SET:
		case ITEM_NUMBER_SET:
		case ITEM_BINARY_SET:
			return validate_container(validator, type, bytes, length, depth + 1);
	}
	return refuse(validator, bytes, "encoded item has a value of unknown type");
}

bool
item_validate(const uint8_t *bytes, size_t length, ItemError *error)
{
	Validator validator = {.start = bytes, .error = error};

	item_error_clear(error);
	if (length == 0)
		return refuse(&validator, bytes, "encoded item is empty");
	if (bytes[0] != ITEM_VERSION)
	{
		refuse(&validator, bytes, "encoded item has unknown version ");
		item_error_add_number(error, bytes[0]);
		return false;
	}
	if (length > ITEM_ENCODED_MAX)
		return item_error_set(error, ITEM_ERROR_SIZE, 0, LAYOUT_TEXT_TOO_LARGE);
	if (!validate_container(&validator, ITEM_MAP, bytes + 1, (uint32_t) length - 1, 0))
		return false;
	if (!item_size_is_legal(bytes, length))
		return item_error_set(error, ITEM_ERROR_SIZE, 0, LAYOUT_TEXT_TOO_LARGE);
	return true;
}

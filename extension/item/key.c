/*
 * key.c
 *		Keys: out of items, checked against the key schema, into positions.
 *
 * Runs in the request router, before anything is sent anywhere.  Trusts the item's encoding, not
 * its contents.
 */
#include "item/key.h"

#include <string.h>

#include "core/core_assert.h"
#include "item/item_writer.h"

#define INVALID_PARAMETERS "One or more parameter values were invalid: "

static bool
fail_named(ItemError *error, const char *text, const KeyAttribute *attribute)
{
	item_error_set(error, ITEM_ERROR_VALUE, 0, text);
	item_error_add_bytes(error, attribute->name, attribute->name_length);
	return false;
}

static bool
fail_missing(const KeyAttribute *attribute, ItemError *error)
{
	fail_named(error, INVALID_PARAMETERS "Missing the key ", attribute);
	item_error_add_text(error, " in the item");
	return false;
}

static bool
fail_type(const KeyAttribute *attribute, ItemType actual, ItemError *error)
{
	fail_named(error, INVALID_PARAMETERS "Type mismatch for key ", attribute);
	item_error_add_text(error, " expected: ");
	item_error_add_text(error, item_type_name(attribute->type));
	item_error_add_text(error, " actual: ");
	item_error_add_text(error, item_type_name(actual));
	return false;
}

bool
key_check_value(const KeyAttribute *attribute, bool is_partition, const ItemValue *value,
				ItemError *error)
{
	if (value->length == 0)
	{
		item_error_set(error, ITEM_ERROR_VALUE, 0,
					   "One or more parameter values are not valid. The AttributeValue for a key "
					   "attribute cannot contain an empty ");
		item_error_add_text(error, value->type == ITEM_STRING ? "string" : "binary");
		item_error_add_text(error, " value. Key: ");
		item_error_add_bytes(error, attribute->name, attribute->name_length);
		return false;
	}
	if (is_partition && value->length > KEY_PARTITION_MAX)
		return item_error_set(error, ITEM_ERROR_VALUE, 0,
							  INVALID_PARAMETERS
							  "Size of hashkey has exceeded the maximum size limit "
							  "of2048 bytes");
	if (!is_partition && value->length > KEY_SORT_MAX)
		return item_error_set(error, ITEM_ERROR_VALUE, 0,
							  INVALID_PARAMETERS
							  "Aggregated size of all range keys has exceeded the "
							  "size limit of 1024 bytes");
	return true;
}

static bool
take_from_item(const ItemContainer *map, const KeyAttribute *attribute, bool is_partition,
			   ItemValue *value, ItemError *error)
{
	if (!item_map_find(map, attribute->name, attribute->name_length, value))
		return fail_missing(attribute, error);
	if (value->type != attribute->type)
		return fail_type(attribute, value->type, error);
	return key_check_value(attribute, is_partition, value, error);
}

bool
key_from_item(const KeySchema *schema, const uint8_t *item, size_t length, ItemKey *key,
			  ItemError *error)
{
	ItemContainer map;

	memset(key, 0, sizeof(*key));
	item_open(item, length, &map);
	if (!take_from_item(&map, &schema->partition, true, &key->partition, error))
		return false;
	return !schema->has_sort || take_from_item(&map, &schema->sort, false, &key->sort, error);
}

/* True if the attribute is there with the type of the schema. */
static bool
find_typed(const ItemContainer *map, const KeyAttribute *attribute, ItemValue *value)
{
	return item_map_find(map, attribute->name, attribute->name_length, value) &&
		   value->type == attribute->type;
}

bool
key_from_key_item(const KeySchema *schema, const uint8_t *item, size_t length, ItemKey *key,
				  ItemError *error)
{
	ItemContainer map;

	memset(key, 0, sizeof(*key));
	item_open(item, length, &map);
	if (map.count != (schema->has_sort ? 2 : 1) ||
		!find_typed(&map, &schema->partition, &key->partition) ||
		(schema->has_sort && !find_typed(&map, &schema->sort, &key->sort)))
		return item_error_set(error, ITEM_ERROR_VALUE, 0,
							  "The provided key element does not match the schema");
	if (!key_check_value(&schema->partition, true, &key->partition, error))
		return false;
	return !schema->has_sort || key_check_value(&schema->sort, false, &key->sort, error);
}

bool
key_equal(const ItemKey *left, const ItemKey *right)
{
	return item_values_equal(&left->partition, &right->partition) &&
		   item_values_equal(&left->sort, &right->sort);
}

size_t
key_position(const uint8_t digest[KEY_DIGEST_BYTES], const uint8_t *sort, size_t sort_length,
			 uint8_t out[KEY_POSITION_MAX])
{
	CORE_ASSERT(sort_length <= KEY_SORT_MAX);
	memcpy(out, digest, KEY_DIGEST_BYTES);
	if (sort_length > 0)
		memcpy(out + KEY_DIGEST_BYTES, sort, sort_length);
	return KEY_DIGEST_BYTES + sort_length;
}

bool
key_to_item(const KeySchema *schema, const ItemKey *key, ItemBuffer *out, ItemError *error)
{
	ItemWriter writer;
	size_t base = out->length;
	bool good;

	item_writer_begin(&writer, out);
	good = item_writer_name(&writer, schema->partition.name, schema->partition.name_length) &&
		   item_writer_value(&writer, &key->partition);
	if (good && schema->has_sort)
		good = item_writer_name(&writer, schema->sort.name, schema->sort.name_length) &&
			   item_writer_value(&writer, &key->sort);
	good = good && item_writer_finish(&writer);
	item_writer_release(&writer);
	if (good)
		return true;
	*error = writer.error;
	out->length = base;
	return false;
}

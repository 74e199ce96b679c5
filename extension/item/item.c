/*
 * item.c
 *		Reading an encoded item in place: opening containers, members by index, attributes by name.
 *
 * Everything here trusts its bytes (item_validate has seen them, or the item writer made them) and
 * runs on the hot path of every read: no allocation, no recursion but in the size.
 */
#include "item/item.h"

#include <string.h>

#include "core/core_assert.h"
#include "item/item_layout.h"
#include "item/item_number.h"

static const char *const type_names[] = {
	[ITEM_STRING] = "S",      [ITEM_NUMBER] = "N",      [ITEM_BINARY] = "B",
	[ITEM_BOOL] = "BOOL",     [ITEM_NULL] = "NULL",     [ITEM_MAP] = "M",
	[ITEM_LIST] = "L",        [ITEM_STRING_SET] = "SS", [ITEM_NUMBER_SET] = "NS",
	[ITEM_BINARY_SET] = "BS",
};

const char *
item_type_name(ItemType type)
{
	return type_names[type];
}

bool
item_type_from_name(const char *name, size_t length, ItemType *type)
{
	for (ItemType candidate = ITEM_STRING; candidate <= ITEM_BINARY_SET; candidate++)
	{
		if (strlen(type_names[candidate]) == length &&
			memcmp(type_names[candidate], name, length) == 0)
		{
			*type = candidate;
			return true;
		}
	}
	return false;
}

bool
item_type_is_key(ItemType type)
{
	return type == ITEM_STRING || type == ITEM_NUMBER || type == ITEM_BINARY;
}

int
item_compare_bytes(const uint8_t *left, size_t left_length, const uint8_t *right,
				   size_t right_length)
{
	size_t shorter = left_length < right_length ? left_length : right_length;
	int order = shorter > 0 ? memcmp(left, right, shorter) : 0;

	if (order != 0)
		return order;
	return (left_length > right_length) - (left_length < right_length);
}

bool
item_values_equal(const ItemValue *left, const ItemValue *right)
{
	return left->type == right->type && left->length == right->length &&
		   (left->length == 0 || memcmp(left->bytes, right->bytes, left->length) == 0);
}

static void
open_body(ItemType type, const uint8_t *body, uint32_t length, ItemContainer *container)
{
	container->type = type;
	container->length = length;
	container->body = body;
	container->width = length <= LAYOUT_NARROW_MAX ? LAYOUT_NARROW : LAYOUT_WIDE;
	container->count = layout_get(body, container->width);
}

ItemValue
item_as_value(const uint8_t *item, size_t length)
{
	CORE_ASSERT(length > 1 && length <= ITEM_ENCODED_MAX && item[0] == ITEM_VERSION);
	return (ItemValue){.type = ITEM_MAP, .length = (uint32_t) length - 1, .bytes = item + 1};
}

void
item_open(const uint8_t *item, size_t length, ItemContainer *container)
{
	ItemValue map = item_as_value(item, length);

	open_body(ITEM_MAP, map.bytes, map.length, container);
}

void
item_open_value(const ItemValue *value, ItemContainer *container)
{
	CORE_ASSERT(layout_is_container(value->type));
	open_body(value->type, value->bytes, value->length, container);
}

/* The member's bytes: from its offset to the next one's, the last to the end of the body. */
static inline const uint8_t *
member_bytes(const ItemContainer *container, uint32_t index, uint32_t *length)
{
	const uint8_t *offset = container->body + (size_t) container->width * (1 + index);
	uint32_t start = layout_get(offset, container->width);
	uint32_t end = container->length;

	if (index + 1 < container->count)
		end = layout_get(offset + container->width, container->width);
	*length = end - start;
	return container->body + start;
}

/* Splits a map's member: length of the name, name, type, payload. */
static inline void
split_entry(const uint8_t *entry, uint32_t length, ItemName *name, ItemValue *value)
{
	name->length = layout_get(entry, LAYOUT_NAME_LENGTH);
	name->bytes = entry + LAYOUT_NAME_LENGTH;
	value->type = name->bytes[name->length];
	value->bytes = name->bytes + name->length + 1;
	value->length = length - LAYOUT_NAME_LENGTH - name->length - 1;
}

void
item_map_entry(const ItemContainer *map, uint32_t index, ItemName *name, ItemValue *value)
{
	uint32_t length;
	const uint8_t *entry;

	CORE_ASSERT(map->type == ITEM_MAP && index < map->count);
	entry = member_bytes(map, index, &length);
	split_entry(entry, length, name, value);
}

bool
item_map_find_index(const ItemContainer *map, const void *name, size_t name_length, uint32_t *index,
					ItemValue *value)
{
	uint32_t low = 0;
	uint32_t high = map->count;

	CORE_ASSERT(map->type == ITEM_MAP);
	while (low < high)
	{
		uint32_t middle = low + (high - low) / 2;
		ItemName found;
		uint32_t length;
		const uint8_t *entry = member_bytes(map, middle, &length);
		int order;

		split_entry(entry, length, &found, value);
		order = item_compare_bytes(name, name_length, found.bytes, found.length);
		if (order == 0)
		{
			*index = middle;
			return true;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

bool
item_map_find(const ItemContainer *map, const void *name, size_t name_length, ItemValue *value)
{
	uint32_t index;

	return item_map_find_index(map, name, name_length, &index, value);
}

bool
item_find(const uint8_t *item, size_t length, const void *name, size_t name_length,
		  ItemValue *value)
{
	ItemContainer map;

	item_open(item, length, &map);
	return item_map_find(&map, name, name_length, value);
}

void
item_element(const ItemContainer *container, uint32_t index, ItemValue *value)
{
	CORE_ASSERT(container->type != ITEM_MAP && index < container->count);
	value->bytes = member_bytes(container, index, &value->length);
	if (container->type == ITEM_LIST)
	{
		value->type = *value->bytes++;
		value->length--;
	}
	else
		value->type = layout_member_type(container->type);
}

bool
item_set_contains(const ItemContainer *set, const uint8_t *bytes, size_t length)
{
	uint32_t low = 0;
	uint32_t high = set->count;

	CORE_ASSERT(layout_is_set(set->type));
	while (low < high)
	{
		uint32_t middle = low + (high - low) / 2;
		ItemValue member;
		int order;

		item_element(set, middle, &member);
		order = item_compare_bytes(bytes, length, member.bytes, member.length);
		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* A container's members, names included; `per_member` is what DynamoDB adds for each. */
static size_t
members_size(const ItemContainer *container, size_t per_member)
{
	size_t size = 0;

	for (uint32_t i = 0; i < container->count; i++)
	{
		ItemName name = {0};
		ItemValue value;

		if (container->type == ITEM_MAP)
			item_map_entry(container, i, &name, &value);
		else
			item_element(container, i, &value);
		size += per_member + name.length + item_value_size(&value);
	}
	return size;
}

/* Recurses once per level of nesting, of which there are at most ITEM_DEPTH_MAX + 1. */
size_t
item_value_size(const ItemValue *value)
{
	ItemContainer container;

	switch (value->type)
	{
		case ITEM_STRING:
		case ITEM_BINARY:
			return value->length;
		case ITEM_NUMBER:
			return item_number_size(value->bytes, value->length);
		case ITEM_BOOL:
		case ITEM_NULL:
			return 1;
		case ITEM_MAP:
		case ITEM_LIST:
			item_open_value(value, &container);
			return 3 + members_size(&container, 1);
		case ITEM_STRING_SET:
		case ITEM_NUMBER_SET:
		case ITEM_BINARY_SET:
			item_open_value(value, &container);
			return members_size(&container, 0);
	}
	CORE_ASSERT(!"a type of the item model");
	return 0;
}

size_t
item_size(const uint8_t *item, size_t length)
{
	ItemContainer map;

	item_open(item, length, &map);
	return members_size(&map, 0);
}

/*
 * Every part of an encoding is at least as long as what DynamoDB counts for it, so most items need
 * no walk.
 */
bool
item_size_is_legal(const uint8_t *item, size_t length)
{
	return length <= ITEM_SIZE_MAX || item_size(item, length) <= ITEM_SIZE_MAX;
}

bool
item_value_has_nul(const ItemValue *value)
{
	ItemContainer container;

	if (value->type == ITEM_STRING)
		return value->length > 0 && memchr(value->bytes, '\0', value->length) != NULL;
	if (!layout_is_container(value->type))
		return false;
	item_open_value(value, &container);
	for (uint32_t i = 0; i < container.count; i++)
	{
		ItemName name = {0};
		ItemValue member;

		if (container.type == ITEM_MAP)
			item_map_entry(&container, i, &name, &member);
		else
			item_element(&container, i, &member);
		if ((name.length > 0 && memchr(name.bytes, '\0', name.length) != NULL) ||
			item_value_has_nul(&member))
			return true;
	}
	return false;
}

/*
 * test_item_encoding.c
 *		The bytes of items: known encodings, lookups, sizes, the writer, and the validator against
 *		damage.
 */
#include "unit/tap.h"

#include "item/item_json.h"
#include "item/item_number.h"
#include "item/item_writer.h"
#include "unit/item_helper.h"

/* docs/formats.md shows these; they may never change under version 1. */
static const struct
{
	const char *json;
	const char *bytes;
	size_t length;
} known[] = {
	{"{}", "\x01\x00\x00", 3},
	{"{\"Year\": {\"N\": \"1998\"}}", "\x01\x00\x01\x00\x04\x00\x04Year\x02\x03\x85\x19\x98", 16},
	{"{\"a\": {\"S\": \"\"}, \"b\": {\"BOOL\": true}}",
	 "\x01\x00\x02\x00\x06\x00\x0A\x00\x01"
	 "a\x01\x00\x01"
	 "b\x04\x01",
	 16},
	{"{\"l\": {\"L\": [{\"NULL\": true}, {\"B\": \"/w==\"}]}}",
	 "\x01\x00\x01\x00\x04\x00\x01l\x07\x00\x02\x00\x06\x00\x07\x05\x03\xFF", 18},
	{"{\"s\": {\"SS\": [\"b\", \"a\"]}}",
	 "\x01\x00\x01\x00\x04\x00\x01s\x08\x00\x02\x00\x06\x00\x07"
	 "ab",
	 17},
};

static void
test_known(void)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		ItemBuffer item = item_helper_item(known[i].json);

		TAP_IS_BYTES(item.bytes, item.length, known[i].bytes, known[i].length, known[i].json);
		item_helper_free(&item);
	}
}

/*
 * `count` attributes k0000, k0001, … with numbers; `padding` bytes of string in each make the item
 * wide.
 */
static ItemBuffer
numbered_item(int count, size_t padding)
{
	ItemBuffer item;
	ItemWriter writer;
	char name[16];
	char text[512];

	memset(text, 'x', sizeof(text));
	item_buffer_init(&item, &item_helper_allocator);
	item_buffer_append(&item, "head", 4);
	item_writer_begin(&writer, &item);
	for (int i = 0; i < count; i++)
	{
		int number = i * 7919 % count;

		item_writer_name(&writer, name, (size_t) sprintf(name, "k%04d", number));
		item_writer_open(&writer, ITEM_LIST);
		item_writer_number_text(&writer, name + 1, 4);
		item_writer_string(&writer, text, padding);
		item_writer_close(&writer);
	}
	TAP_OK(item_writer_finish(&writer), "%d attributes in any order make an item", count);
	item_writer_release(&writer);
	memmove(item.bytes, item.bytes + 4, item.length - 4);
	item.length -= 4;
	return item;
}

static void
test_lookup(int count, size_t padding)
{
	ItemBuffer item = numbered_item(count, padding);
	ItemError error;
	ItemValue value;
	int found = 0;
	int in_order = 0;
	ItemContainer map;

	TAP_OK(item_validate(item.bytes, item.length, &error), "it is valid, %zu bytes", item.length);
	item_open(item.bytes, item.length, &map);
	TAP_IS_INT(map.width, padding > 0 ? 4 : 2, "its offsets are narrow or wide as its length asks");
	for (int i = 0; i < count; i++)
	{
		char name[16];
		char text[ITEM_NUMBER_TEXT_MAX + 1];
		ItemName entry;
		ItemContainer list;
		size_t length = (size_t) sprintf(name, "k%04d", i);

		if (!item_find(item.bytes, item.length, name, length, &value))
			continue;
		item_open_value(&value, &list);
		item_element(&list, 0, &value);
		text[item_number_to_text(value.bytes, value.length, text)] = '\0';
		found += list.count == 2 && atoi(text) == i;
		item_map_entry(&map, (uint32_t) i, &entry, &value);
		in_order += entry.length == length && memcmp(entry.bytes, name, length) == 0;
	}
	TAP_IS_INT(found, count, "every attribute is found by name");
	TAP_IS_INT(in_order, count, "they are stored in bytewise order");
	TAP_OK(!item_find(item.bytes, item.length, "k", 1, &value) &&
			   !item_find(item.bytes, item.length, "k00000", 6, &value) &&
			   !item_find(item.bytes, item.length, "", 0, &value) &&
			   !item_find(item.bytes, item.length, "z", 1, &value),
		   "others are not found");
	item_helper_free(&item);
}

static void
test_sets(void)
{
	ItemBuffer item = item_helper_item("{\"s\": {\"SS\": [\"b\", \"\", \"aa\", \"c\"]}}");
	ItemContainer set;
	ItemValue value;

	item_find(item.bytes, item.length, "s", 1, &value);
	item_open_value(&value, &set);
	TAP_OK(item_set_contains(&set, (const uint8_t *) "aa", 2) &&
			   item_set_contains(&set, (const uint8_t *) "", 0) &&
			   item_set_contains(&set, (const uint8_t *) "c", 1),
		   "members of a set are found");
	TAP_OK(!item_set_contains(&set, (const uint8_t *) "a", 1) &&
			   !item_set_contains(&set, (const uint8_t *) "d", 1),
		   "others are not");
	item_helper_free(&item);
}

static void
test_nul(void)
{
	static const struct
	{
		const char *json;
		bool has_nul;
	} cases[] = {
		{"{\"a\": {\"S\": \"x\"}, \"b\": {\"N\": \"0\"}, \"c\": {\"B\": \"AA==\"}, \"d\": {\"L\": []}}",
		 false},
		{"{\"a\": {\"S\": \"\"}, \"b\": {\"S\": \"x\\u0000\"}}", true},
		{"{\"a\\u0000\": {\"NULL\": true}}", true},
		{"{\"a\": {\"L\": [{\"NULL\": true}, {\"SS\": [\"x\", \"\\u0000\"]}]}}", true},
		{"{\"a\": {\"M\": {\"b\": {\"M\": {\"\\u0000\": {\"BOOL\": true}}}}}}", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		ItemBuffer item = item_helper_item(cases[i].json);
		ItemValue whole = item_as_value(item.bytes, item.length);

		TAP_OK(item_value_has_nul(&whole) == cases[i].has_nul, "U+0000 is %s in %s",
			   cases[i].has_nul ? "found" : "not found", cases[i].json);
		item_helper_free(&item);
	}
}

static void
test_sizes(void)
{
	static const struct
	{
		const char *json;
		int size;
	} cases[] = {
		{"{}", 0},
		{"{\"shirt-color\": {\"S\": \"R\"}, \"shirt-size\": {\"S\": \"M\"}}", 23},
		{"{\"a\": {\"B\": \"AAE=\"}}", 3},
		{"{\"a\": {\"BOOL\": true}, \"b\": {\"NULL\": true}}", 4},
		{"{\"a\": {\"SS\": [\"xx\", \"y\"]}}", 4},
		{"{\"a\": {\"NS\": [\"1\", \"-100\", \"0\"]}}", 7},
		{"{\"a\": {\"L\": []}, \"b\": {\"M\": {}}}", 8},
		{"{\"a\": {\"L\": [{\"S\": \"xyz\"}, {\"N\": \"1\"}]}}", 11},
		{"{\"a\": {\"M\": {\"key\": {\"S\": \"xyz\"}}}}", 11},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		ItemBuffer item = item_helper_item(cases[i].json);

		TAP_IS_INT(item_size(item.bytes, item.length), cases[i].size, cases[i].json);
		item_helper_free(&item);
	}
}

/*
 * item_size_is_legal relies on it: no encoding is shorter than what DynamoDB counts for the item.
 */
static void
test_size_bound(void)
{
	int shorter = 0;

	for (int i = 0; i < 3000; i++)
	{
		ItemBuffer item;

		item_buffer_init(&item, &item_helper_allocator);
		item_helper_random_item(&item);
		shorter += item.length < item_size(item.bytes, item.length);
		item_helper_free(&item);
	}
	TAP_IS_INT(shorter, 0, "no encoding is shorter than the item's size");
}

/* The largest encoding that the size limit allows is within ITEM_ENCODED_MAX. */
static void
test_longest_encoding(void)
{
	ItemBuffer item;
	ItemWriter writer;

	item_buffer_init(&item, &item_helper_allocator);
	item_writer_begin(&writer, &item);
	item_writer_name(&writer, "l", 1);
	item_writer_open(&writer, ITEM_LIST);
	for (int i = 0; i < ITEM_SIZE_MAX - 4; i++)
		item_writer_string(&writer, "", 0);
	item_writer_close(&writer);
	TAP_OK(item_writer_finish(&writer), "409,596 empty strings in a list are a legal item");
	TAP_OK(item.length < ITEM_ENCODED_MAX, "of %zu bytes", item.length);
	TAP_IS_INT(item_size(item.bytes, item.length), ITEM_SIZE_MAX, "and size 409,600");
	item_writer_release(&writer);
	item_helper_free(&item);
}

/* Copying an item value by value gives the same bytes; too deep a copy is refused. */
static void
test_copy(void)
{
	ItemBuffer item;
	ItemBuffer copy;
	ItemContainer map;
	ItemWriter writer;

	item_buffer_init(&item, &item_helper_allocator);
	item_buffer_init(&copy, &item_helper_allocator);
	item_helper_random_item(&item);
	item_open(item.bytes, item.length, &map);
	item_writer_begin(&writer, &copy);
	for (uint32_t i = map.count; i > 0; i--)
	{
		ItemName name;
		ItemValue value;

		item_map_entry(&map, i - 1, &name, &value);
		item_writer_name(&writer, name.bytes, name.length);
		item_writer_value(&writer, &value);
	}
	TAP_OK(item_writer_finish(&writer), "an item copied value by value");
	TAP_IS_BYTES(copy.bytes, copy.length, item.bytes, item.length, "has the same bytes");
	item_writer_release(&writer);
	item_helper_free(&item);
	item_helper_free(&copy);
}

static void
test_copy_too_deep(void)
{
	ItemBuffer item = item_helper_item("{\"a\": {\"L\": [{\"L\": [{\"S\": \"\"}]}]}}");
	ItemBuffer copy;
	ItemValue value;
	ItemWriter writer;

	item_buffer_init(&copy, &item_helper_allocator);
	item_find(item.bytes, item.length, "a", 1, &value);
	for (int levels = 29; levels <= 30; levels++)
	{
		copy.length = 0;
		item_writer_begin(&writer, &copy);
		item_writer_name(&writer, "a", 1);
		for (int i = 0; i < levels; i++)
			item_writer_open(&writer, ITEM_LIST);
		item_writer_value(&writer, &value);
		for (int i = 0; i < levels; i++)
			item_writer_close(&writer);
		TAP_OK(item_writer_finish(&writer) == (levels == 29), "two levels copied to depth %d",
			   levels);
		item_writer_release(&writer);
	}
	item_helper_free(&item);
	item_helper_free(&copy);
}

static void
test_writer_errors(void)
{
	ItemBuffer item;
	ItemWriter writer;

	item_buffer_init(&item, &item_helper_allocator);
	item_writer_begin(&writer, &item);
	TAP_OK(!item_writer_name(&writer, "\xFF", 1), "a name must be UTF-8");
	TAP_OK(!item_writer_name(&writer, "good", 4) && !item_writer_finish(&writer),
		   "the first error sticks");
	TAP_IS_STR(writer.error.message, "attribute name is not valid UTF-8", "and its message");
	item.length = 0;
	item_writer_begin(&writer, &item);
	item_writer_name(&writer, "s", 1);
	TAP_OK(!item_writer_string(&writer, "\xED\xA0\x80", 3), "a string must be UTF-8");
	TAP_IS_STR(writer.error.message, "string is not valid UTF-8", "its message");
	item_helper_free(&item);
}

/* Valid bytes must be what their own text encodes to: canonical, and safe to read. */
static bool
is_canonical(const uint8_t *bytes, size_t length)
{
	ItemBuffer text;
	ItemBuffer again;
	ItemError error;
	bool same;

	item_buffer_init(&text, &item_helper_allocator);
	item_to_json(bytes, length, &text);
	same = item_helper_read((const char *) text.bytes, text.length, &again, &error) &&
		   again.length == length && memcmp(again.bytes, bytes, length) == 0;
	item_helper_free(&text);
	item_helper_free(&again);
	return same;
}

/*
 * Changes each byte of an item in several ways, and cuts and lengthens it; counts valid results
 * that are not canonical.
 */
static int
damage(const ItemBuffer *item, int *valid)
{
	int wrong = 0;

	for (size_t at = 0; at < item->length; at++)
	{
		static const int steps[] = {1, 255, 2, 128, 16, 97};
		uint8_t *bytes = malloc(item->length + 1);
		ItemError error;

		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		{
			memcpy(bytes, item->bytes, item->length);
			bytes[at] = (uint8_t) (bytes[at] + steps[i]);
			if (item_validate(bytes, item->length, &error))
			{
				(*valid)++;
				wrong += !is_canonical(bytes, item->length);
			}
		}
		free(bytes);
		bytes = malloc(at > 0 ? at : 1);
		memcpy(bytes, item->bytes, at);
		if (item_validate(bytes, at, &error))
			wrong += !is_canonical(bytes, at);
		free(bytes);
	}
	return wrong;
}

static void
test_damage(void)
{
	int wrong = 0;
	int valid = 0;

	item_helper_seed(400);
	for (int i = 0; i < 150; i++)
	{
		ItemBuffer item;
		ItemError error;

		item_buffer_init(&item, &item_helper_allocator);
		item_helper_random_item(&item);
		if (!item_validate(item.bytes, item.length, &error))
			TAP_OK(false, "a written item is valid: %s", error.message);
		wrong += damage(&item, &valid);
		item_helper_free(&item);
	}
	TAP_IS_INT(wrong, 0, "a damaged item is refused or another canonical item");
	TAP_OK(valid > 1000, "%d damaged items were valid", valid);
}

/* Lists within lists in bytes that never went through the writer. */
static bool
validate_nested(uint32_t levels)
{
	uint8_t bytes[512] = {ITEM_VERSION, 0, 1, 0, 4, 0, 1, 'a'};
	size_t length = 8;
	ItemError error;

	for (uint32_t i = 0; i < levels; i++)
	{
		static const uint8_t list[] = {ITEM_LIST, 0, 1, 0, 4};

		memcpy(bytes + length, list, sizeof(list));
		length += sizeof(list);
	}
	bytes[length++] = ITEM_NULL;
	return item_validate(bytes, length, &error);
}

static void
test_refused_bytes(void)
{
	static const struct
	{
		const char *bytes;
		size_t length;
		const char *message;
	} cases[] = {
		{"", 0, "encoded item is empty"},
		{"\x02\x00\x00", 3, "encoded item has unknown version 2"},
		{"\x01", 1, "encoded item has a truncated container"},
		{"\x01\x00", 2, "encoded item has a truncated container"},
		{"\x01\x00\x00\x00", 4, "encoded item has bytes in an empty container"},
		{"\x01\xFF\xFF", 3, "encoded item has a container of wrong length"},
		{"\x01\x00\x01\x00\x05\x00\x01\x61\x05", 9, "encoded item has a wrong offset"},
		{"\x01\x00\x01\x00\x04\x00\x00\x05", 8,
		 "encoded item has an attribute name of wrong length"},
		{"\x01\x00\x01\x00\x04\x00\x09\x61\x05", 9,
		 "encoded item has an attribute name of wrong length"},
		{"\x01\x00\x01\x00\x04\x00", 6, "encoded item has a truncated attribute name"},
		{"\x01\x00\x01\x00\x04\x00\x01\x61", 8, "encoded item has a value without a type"},
		{"\x01\x00\x01\x00\x04\x00\x01\x61\x00", 9, "encoded item has a value of unknown type"},
		{"\x01\x00\x01\x00\x04\x00\x01\x61\x0B", 9, "encoded item has a value of unknown type"},
		{"\x01\x00\x01\x00\x04\x00\x01\x61\x04", 9, "encoded item has a malformed boolean"},
		{"\x01\x00\x01\x00\x04\x00\x01\x61\x04\x02", 10, "encoded item has a malformed boolean"},
		{"\x01\x00\x01\x00\x04\x00\x01\x61\x05\x00", 10, "encoded item has a malformed null"},
		{"\x01\x00\x01\x00\x04\x00\x01\x61\x02\x04", 10, "encoded item has a malformed number"},
		{"\x01\x00\x01\x00\x04\x00\x01\x61\x01\xC0", 10,
		 "encoded item has a string that is not UTF-8"},
		{"\x01\x00\x01\x00\x04\x00\x01\x61\x08\x00\x00", 11, "encoded item has an empty set"},
		{"\x01\x00\x01\x00\x04\x00\x01\x61\x08\x00\x02\x00\x06\x00\x07\x62\x61", 17,
		 "encoded item has set members out of order"},
		{"\x01\x00\x01\x00\x04\x00\x01\x61\x08\x00\x02\x00\x06\x00\x07\x61\x61", 17,
		 "encoded item has set members out of order"},
		{"\x01\x00\x02\x00\x06\x00\x0A\x00\x01\x62\x05\x00\x01\x61\x05", 15,
		 "encoded item has attribute names out of order"},
	};
	ItemError error;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		uint8_t *bytes = malloc(cases[i].length + (cases[i].length == 0));

		memcpy(bytes, cases[i].bytes, cases[i].length);
		TAP_OK(!item_validate(bytes, cases[i].length, &error) && error.code == ITEM_ERROR_ENCODING,
			   "bad encoding %zu is refused", i);
		TAP_IS_STR(error.message, cases[i].message, "its message");
		free(bytes);
	}
	TAP_OK(validate_nested(31), "a leaf at depth 31 is valid");
	TAP_OK(!validate_nested(32) && !validate_nested(64), "deeper ones are not");
}

/* A body of more than 65,535 bytes may not use narrow offsets, nor a shorter one wide offsets. */
static void
test_too_large(void)
{
	size_t length = ITEM_SIZE_MAX + 64;
	uint8_t *bytes = calloc(1, length);
	ItemError error;
	static const uint8_t head[] = {ITEM_VERSION, 0, 0, 0, 1, 0, 0, 0, 8, 0, 1, 'a', ITEM_BINARY};

	memcpy(bytes, head, sizeof(head));
	TAP_OK(!item_validate(bytes, length, &error) && error.code == ITEM_ERROR_SIZE,
		   "an item of more than 400 KB is refused");
	length = sizeof(head) + ITEM_SIZE_MAX - 1;
	TAP_OK(item_validate(bytes, length, &error), "one of 400 KB is taken");
	TAP_OK(!item_validate(bytes, 65536, &error) && error.code == ITEM_ERROR_ENCODING,
		   "wide offsets in a body of 65,535 bytes are refused");
	free(bytes);
}

int
main(void)
{
	test_known();
	test_lookup(1, 0);
	test_lookup(100, 0);
	test_lookup(1000, 200);
	test_sets();
	test_nul();
	test_sizes();
	test_size_bound();
	test_longest_encoding();
	test_copy();
	test_copy_too_deep();
	test_writer_errors();
	test_damage();
	test_refused_bytes();
	test_too_large();
	return tap_done();
}

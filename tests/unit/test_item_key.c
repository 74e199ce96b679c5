/*
 * test_item_key.c
 *		Keys: extraction with DynamoDB's texts, positions, order of encoded sort keys.
 */
#include "unit/tap.h"

#include "item/key.h"
#include "unit/item_helper.h"

#define INVALID "One or more parameter values were invalid: "

static const KeySchema schema = {
	.partition = {.name = "pk", .name_length = 2, .type = ITEM_STRING},
	.has_sort = true,
	.sort = {.name = "sk", .name_length = 2, .type = ITEM_NUMBER},
};

static const KeySchema binary_schema = {
	.partition = {.name = "pk", .name_length = 2, .type = ITEM_BINARY},
};

typedef bool (*Extract)(const KeySchema *schema, const uint8_t *item, size_t length, ItemKey *key,
						ItemError *error);

static void
refused(Extract extract, const KeySchema *with, const char *json, const char *message)
{
	ItemBuffer item = item_helper_item(json);
	ItemKey key;
	ItemError error;

	item_error_clear(&error);
	TAP_OK(!extract(with, item.bytes, item.length, &key, &error) && error.code == ITEM_ERROR_VALUE,
		   "refused as %s: %.60s", extract == key_from_item ? "item" : "key", json);
	TAP_IS_STR(error.message, message, "its message");
	item_helper_free(&item);
}

static void
test_items(void)
{
	refused(key_from_item, &schema, "{\"sk\": {\"N\": \"1\"}}",
			INVALID "Missing the key pk in the item");
	refused(key_from_item, &schema, "{\"pk\": {\"S\": \"p\"}, \"SK\": {\"N\": \"1\"}}",
			INVALID "Missing the key sk in the item");
	refused(key_from_item, &schema, "{\"pk\": {\"S\": \"p\"}, \"sk\": {\"S\": \"1\"}}",
			INVALID "Type mismatch for key sk expected: N actual: S");
	refused(key_from_item, &schema, "{\"pk\": {\"BOOL\": true}, \"sk\": {\"N\": \"1\"}}",
			INVALID "Type mismatch for key pk expected: S actual: BOOL");
	refused(key_from_item, &schema, "{\"pk\": {\"S\": \"\"}, \"sk\": {\"N\": \"1\"}}",
			"One or more parameter values are not valid. The AttributeValue for a key attribute "
			"cannot contain an empty string value. Key: pk");
	refused(key_from_item, &binary_schema, "{\"pk\": {\"B\": \"\"}}",
			"One or more parameter values are not valid. The AttributeValue for a key attribute "
			"cannot contain an empty binary value. Key: pk");
}

static void
test_key_items(void)
{
	static const char mismatch[] = "The provided key element does not match the schema";

	refused(key_from_key_item, &schema, "{\"pk\": {\"S\": \"p\"}}", mismatch);
	refused(key_from_key_item, &schema,
			"{\"pk\": {\"S\": \"p\"}, \"sk\": {\"N\": \"1\"}, \"x\": {\"N\": \"1\"}}", mismatch);
	refused(key_from_key_item, &schema, "{\"pk\": {\"S\": \"p\"}, \"other\": {\"N\": \"1\"}}",
			mismatch);
	refused(key_from_key_item, &schema, "{\"pk\": {\"S\": \"p\"}, \"sk\": {\"S\": \"1\"}}",
			mismatch);
	refused(key_from_key_item, &schema, "{}", mismatch);
	refused(key_from_key_item, &schema, "{\"pk\": {\"S\": \"\"}, \"sk\": {\"N\": \"1\"}}",
			"One or more parameter values are not valid. The AttributeValue for a key attribute "
			"cannot contain an empty string value. Key: pk");
}

/* An item whose key values have these lengths. */
static bool
extract_lengths(size_t partition_length, size_t sort_length, ItemError *error)
{
	static const KeySchema strings = {
		.partition = {.name = "pk", .name_length = 2, .type = ITEM_STRING},
		.has_sort = true,
		.sort = {.name = "sk", .name_length = 2, .type = ITEM_STRING},
	};
	char json[8192];
	char *to = stpcpy(json, "{\"pk\": {\"S\": \"");
	ItemBuffer item;
	ItemKey key;
	bool good;

	memset(to, 'p', partition_length);
	to = stpcpy(to + partition_length, "\"}, \"sk\": {\"S\": \"");
	memset(to, 's', sort_length);
	strcpy(to + sort_length, "\"}}");
	item = item_helper_item(json);
	good = key_from_item(&strings, item.bytes, item.length, &key, error);
	item_helper_free(&item);
	return good;
}

static void
test_lengths(void)
{
	ItemError error;

	TAP_OK(extract_lengths(2048, 1024, &error), "the longest legal key is taken");
	TAP_OK(!extract_lengths(2049, 1, &error), "a partition key of 2,049 bytes is refused");
	TAP_IS_STR(error.message,
			   INVALID "Size of hashkey has exceeded the maximum size limit of2048 bytes",
			   "its message");
	TAP_OK(!extract_lengths(1, 1025, &error), "a sort key of 1,025 bytes is refused");
	TAP_IS_STR(error.message,
			   INVALID
			   "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
			   "its message");
}

static void
test_good(void)
{
	ItemBuffer item = item_helper_item(
		"{\"a\": {\"S\": \"x\"}, \"pk\": {\"S\": \"p\"}, \"sk\": {\"N\": \"-5.0\"}}");
	ItemBuffer other = item_helper_item("{\"pk\": {\"S\": \"p\"}, \"sk\": {\"N\": \"-5\"}}");
	static const uint8_t digest[KEY_DIGEST_BYTES] = "0123456789abcdef";
	uint8_t position[KEY_POSITION_MAX];
	ItemKey key;
	ItemKey same;
	ItemError error;
	ItemBuffer key_item;

	TAP_OK(key_from_item(&schema, item.bytes, item.length, &key, &error), "a key in an item");
	TAP_OK(key_from_key_item(&schema, other.bytes, other.length, &same, &error), "a key alone");
	TAP_OK(key_equal(&key, &same), "equal values are the same key");
	TAP_IS_BYTES(key.partition.bytes, key.partition.length, "p", 1, "the encoded partition key");
	TAP_IS_BYTES(position, key_position(digest, key.sort.bytes, key.sort.length, position),
				 "0123456789abcdef\x01\x7D\x49\xAA", 20, "the position");
	TAP_IS_INT(key_position(digest, NULL, 0, position), 16, "a position without a sort key");
	item_buffer_init(&key_item, &item_helper_allocator);
	TAP_OK(key_to_item(&schema, &key, &key_item, &error), "an item of the key alone");
	TAP_IS_BYTES(key_item.bytes, key_item.length, other.bytes, other.length, "its bytes");
	item_helper_free(&item);
	item_helper_free(&other);
	item_helper_free(&key_item);
}

/* Strings and binaries as sort keys: order by bytes, zero bytes and prefixes included. */
static void
test_order(void)
{
	int wrong = 0;

	item_helper_seed(5);
	for (int i = 0; i < 20000; i++)
	{
		uint8_t keys[2][6];
		size_t lengths[2];
		uint8_t positions[2][KEY_POSITION_MAX];
		size_t position_lengths[2];
		int expected = 0;

		for (int side = 0; side < 2; side++)
		{
			lengths[side] = 1 + item_helper_random(6);
			for (size_t at = 0; at < lengths[side]; at++)
				keys[side][at] = (uint8_t) (item_helper_random(3) * 127);
			position_lengths[side] = key_position((const uint8_t *) "same digest here", keys[side],
												  lengths[side], positions[side]);
		}
		for (size_t at = 0; at < 6 && expected == 0; at++)
		{
			int left = at < lengths[0] ? keys[0][at] : -1;
			int right = at < lengths[1] ? keys[1][at] : -1;

			expected = (left > right) - (left < right);
		}
		int order = item_compare_bytes(positions[0], position_lengths[0], positions[1],
									   position_lengths[1]);

		wrong += ((order > 0) - (order < 0)) != expected;
	}
	TAP_IS_INT(wrong, 0, "positions of one collection sort as their sort keys");
}

int
main(void)
{
	test_items();
	test_key_items();
	test_lengths();
	test_good();
	test_order();
	return tap_done();
}

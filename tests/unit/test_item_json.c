/*
 * test_item_json.c
 *		DynamoDB JSON: what is taken and how it comes back, every refusal, truncated and damaged
 *		texts.
 */
#include "unit/tap.h"

#include "item/item_json.h"
#include "item/utf8.h"
#include "unit/item_helper.h"

typedef struct Good
{
	const char *json;
	const char *expected; /* NULL: the same text comes back */
} Good;

static const Good good[] = {
	{"{}", NULL},
	{" \t\r\n{ } ", "{}"},
	{"{\"a\": {\"S\": \"\"}}", NULL},
	{"{\"Artist\": {\"S\": \"No One You Know\"}, \"Year\": {\"N\": \"1998\"}}", NULL},
	{"{\"b\":{\"N\":\"+01.50\"},\"a\":{\"S\":\"x\"}}",
	 "{\"a\": {\"S\": \"x\"}, \"b\": {\"N\": \"1.5\"}}"},
	{"{\"ab\":{\"NULL\":true},\"a\":{\"NULL\":true},\"B\":{\"NULL\":true}}",
	 "{\"B\": {\"NULL\": true}, \"a\": {\"NULL\": true}, \"ab\": {\"NULL\": true}}"},
	{"{\"a\": {\"BOOL\": true}, \"b\": {\"BOOL\": false}}", NULL},
	{"{\"a\": {\"B\": \"\"}, \"b\": {\"B\": \"AA==\"}, \"c\": {\"B\": \"AAE=\"}, \"d\": {\"B\": "
	 "\"+/9z\"}}",
	 NULL},
	{"{\"a\":{\"B\":\"\\/\\u0041==\"}}", "{\"a\": {\"B\": \"/A==\"}}"},
	{"{\"a\": {\"L\": []}, \"b\": {\"M\": {}}}", NULL},
	{"{\"a\": {\"L\": [{\"S\": \"z\"}, {\"S\": \"a\"}, {\"L\": [{\"N\": \"1\"}]}]}}", NULL},
	{"{\"m\":{\"M\":{\"z\":{\"M\":{\"b\":{\"S\":\"\"},\"a\":{\"S\":\"\"}}},\"y\":{\"S\":\"\"}}}}",
	 "{\"m\": {\"M\": {\"y\": {\"S\": \"\"}, \"z\": {\"M\": {\"a\": {\"S\": \"\"}, \"b\": {\"S\": "
	 "\"\"}}}}}}"},
	{"{\"s\":{\"SS\":[\"b\",\"\",\"a\",\"ab\"]}}",
	 "{\"s\": {\"SS\": [\"\", \"a\", \"ab\", \"b\"]}}"},
	{"{\"s\":{\"NS\":[\"10\",\"-2\",\"9\",\"-10.5\",\"0\"]}}",
	 "{\"s\": {\"NS\": [\"-10.5\", \"-2\", \"0\", \"9\", \"10\"]}}"},
	{"{\"s\":{\"BS\":[\"Yg==\",\"YQ==\"]}}", "{\"s\": {\"BS\": [\"YQ==\", \"Yg==\"]}}"},
	{"{\"a\":{\"S\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f\"}}",
	 "{\"a\": {\"S\": \"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\"}}"},
	{"{\"a\":{\"S\":\"\\u00e4\\u20AC\\ud83d\\ude00\"}}",
	 "{\"a\": {\"S\": \"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"}}"},
	{"{\"\\u0061\\n\":{\"S\":\"\"}}", "{\"a\\n\": {\"S\": \"\"}}"},
	{"{\"a\":{\"N\":\"\\u0031\"}}", "{\"a\": {\"N\": \"1\"}}"},
	{"{\"a\": {\"S\": \"12345678\xC3\xA4"
	 "12345678\\n12345678\"}}",
	 NULL},
};

#define EMPTY_VALUE \
	"Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
#define TWO_TYPES                                                                               \
	"Supplied AttributeValue has more than one datatypes set, must contain exactly one of the " \
	"supported datatypes"
#define INVALID "One or more parameter values were invalid: "

typedef struct Bad
{
	const char *json;
	ItemErrorCode code;
	int offset;
	const char *message;
} Bad;

static const Bad bad[] = {
	{"", ITEM_ERROR_SYNTAX, 0, "expected {"},
	{"[]", ITEM_ERROR_SYNTAX, 0, "expected {"},
	{"{", ITEM_ERROR_SYNTAX, 1, "expected a string"},
	{"{} x", ITEM_ERROR_SYNTAX, 3, "unexpected text behind the item"},
	{"{\"a\"", ITEM_ERROR_SYNTAX, 4, "expected : after an attribute name"},
	{"{\"a\":1}", ITEM_ERROR_SYNTAX, 5, "expected a value such as {\"S\": \"text\"}"},
	{"{\"a\":{\"S\":\"x\"},}", ITEM_ERROR_SYNTAX, 15, "expected a string"},
	{"{\"a\":{\"S\":\"x\"};", ITEM_ERROR_SYNTAX, 14, "expected , or } in an object"},
	{"{\"a\":{}}", ITEM_ERROR_VALUE, 7, EMPTY_VALUE},
	{"{\"a\":{\"X\":\"x\"}}", ITEM_ERROR_VALUE, 7, EMPTY_VALUE},
	{"{\"a\":{\"s\":\"x\"}}", ITEM_ERROR_VALUE, 7, EMPTY_VALUE},
	{"{\"a\":{\"BOOLEAN\":true}}", ITEM_ERROR_VALUE, 7, EMPTY_VALUE},
	{"{\"a\":{S:1}}", ITEM_ERROR_SYNTAX, 6, "expected a type name"},
	{"{\"a\":{\"S\":\"x\",\"N\":\"1\"}}", ITEM_ERROR_VALUE, 14, TWO_TYPES},
	{"{\"a\":{\"S\":\"x\",\"S\":\"x\"}}", ITEM_ERROR_VALUE, 14, TWO_TYPES},
	{"{\"a\":{\"S\":\"x\"", ITEM_ERROR_SYNTAX, 13, "expected } after a value"},
	{"{\"a\":{\"S\" \"x\"}}", ITEM_ERROR_SYNTAX, 10, "expected : after a type name"},
	{"{\"a\":{\"N\":123}}", ITEM_ERROR_SYNTAX, 10, "expected a string"},
	{"{\"a\":{\"N\":\"x\"}}", ITEM_ERROR_VALUE, 13,
	 "The parameter cannot be converted to a numeric value: x"},
	{"{\"a\":{\"BOOL\":\"true\"}}", ITEM_ERROR_SYNTAX, 13, "expected true or false"},
	{"{\"a\":{\"NULL\":null}}", ITEM_ERROR_SYNTAX, 13, "expected true"},
	{"{\"a\":{\"NULL\":false}}", ITEM_ERROR_VALUE, 18,
	 INVALID "Null attribute value types must have the value of true"},
	{"{\"a\":{\"SS\":[]}}", ITEM_ERROR_VALUE, 13, INVALID "An string set  may not be empty"},
	{"{\"a\":{\"NS\":[]}}", ITEM_ERROR_VALUE, 13, INVALID "An number set  may not be empty"},
	{"{\"a\":{\"BS\":[]}}", ITEM_ERROR_VALUE, 13, INVALID "Binary sets should not be empty"},
	{"{\"a\":{\"SS\":[\"a\",\"a\"]}}", ITEM_ERROR_VALUE, 20,
	 INVALID "Input collection [a, a] contains duplicates."},
	{"{\"a\":{\"NS\":[\"1.0\",\"2\",\"01\"]}}", ITEM_ERROR_VALUE, 27,
	 INVALID "Input collection [1, 2, 1] contains duplicates."},
	{"{\"a\":{\"BS\":[\"AA==\",\"AA==\"]}}", ITEM_ERROR_VALUE, 26,
	 INVALID "Input collection [AA==, AA==] contains duplicates."},
	{"{\"a\":{\"L\":[{\"SS\":[\"a\",\"a\"]}]}}", ITEM_ERROR_VALUE, 26,
	 INVALID "Input collection [a, a] contains duplicates."},
	{"{\"a\":{\"SS\":[1]}}", ITEM_ERROR_SYNTAX, 12, "expected a string"},
	{"{\"a\":{\"SS\":\"a\"}}", ITEM_ERROR_SYNTAX, 11, "expected an array"},
	{"{\"a\":{\"L\":[\"a\"]}}", ITEM_ERROR_SYNTAX, 11,
	 "expected a value such as {\"S\": \"text\"}"},
	{"{\"a\":{\"L\":[{\"S\":\"a\"}}}", ITEM_ERROR_SYNTAX, 20, "expected , or ] in an array"},
	{"{\"a\":{\"M\":[]}}", ITEM_ERROR_SYNTAX, 10, "expected {"},
	{"{\"a\":{\"S\":\"\"},\"b\":{\"S\":\"\"},\"a\":{\"S\":\"\"}}", ITEM_ERROR_SYNTAX, 40,
	 "duplicate attribute name \"a\""},
	{"{\"m\":{\"M\":{\"a\":{\"S\":\"\"},\"a\":{\"S\":\"\"}}}}", ITEM_ERROR_SYNTAX, 37,
	 "duplicate attribute name \"a\""},
	{"{\"a\":{\"S\":\"\"},\"\\u0061\":{\"S\":\"\"}}", ITEM_ERROR_SYNTAX, 32,
	 "duplicate attribute name \"a\""},
	{"{\"\":{\"S\":\"\"}}", ITEM_ERROR_VALUE, 3,
	 "attribute name must be between 1 and 65535 bytes long"},
	{"{\"a\":{\"B\":\"A\"}}", ITEM_ERROR_SYNTAX, 13, "binary value is not valid base64"},
	{"{\"a\":{\"B\":\"AA=\"}}", ITEM_ERROR_SYNTAX, 15, "binary value is not valid base64"},
	{"{\"a\":{\"B\":\"AB==\"}}", ITEM_ERROR_SYNTAX, 16, "binary value is not valid base64"},
	{"{\"a\":{\"B\":\"AAF=\"}}", ITEM_ERROR_SYNTAX, 16, "binary value is not valid base64"},
	{"{\"a\":{\"B\":\"A===\"}}", ITEM_ERROR_SYNTAX, 16, "binary value is not valid base64"},
	{"{\"a\":{\"B\":\"====\"}}", ITEM_ERROR_SYNTAX, 16, "binary value is not valid base64"},
	{"{\"a\":{\"B\":\"AA==AAAA\"}}", ITEM_ERROR_SYNTAX, 20, "binary value is not valid base64"},
	{"{\"a\":{\"B\":\"AA A\"}}", ITEM_ERROR_SYNTAX, 16, "binary value is not valid base64"},
	{"{\"a\":{\"B\":\"A-_A\"}}", ITEM_ERROR_SYNTAX, 16, "binary value is not valid base64"},
	{"{\"a\":{\"S\":\"x", ITEM_ERROR_SYNTAX, 12, "string is not terminated"},
	{"{\"a\":{\"S\":\"\\", ITEM_ERROR_SYNTAX, 12, "string is not terminated"},
	{"{\"a\":{\"S\":\"\\x\"}}", ITEM_ERROR_SYNTAX, 12, "unknown escape in string"},
	{"{\"a\":{\"S\":\"\n\"}}", ITEM_ERROR_SYNTAX, 11,
	 "control character in string must be escaped"},
	{"{\"a\":{\"S\":\"\\u12g4\"}}", ITEM_ERROR_SYNTAX, 13,
	 "\\u is not followed by four hexadecimal digits"},
	{"{\"a\":{\"S\":\"\\u12", ITEM_ERROR_SYNTAX, 13,
	 "\\u is not followed by four hexadecimal digits"},
	{"{\"a\":{\"S\":\"\\ud800\"}}", ITEM_ERROR_SYNTAX, 17, "surrogate without its other half"},
	{"{\"a\":{\"S\":\"\\ud800\\n\"}}", ITEM_ERROR_SYNTAX, 17, "surrogate without its other half"},
	{"{\"a\":{\"S\":\"\\ud800\\ud800\"}}", ITEM_ERROR_SYNTAX, 23,
	 "surrogate without its other half"},
	{"{\"a\":{\"S\":\"\\udc00\"}}", ITEM_ERROR_SYNTAX, 17, "surrogate without its other half"},
	{"{\"a\":{\"S\":\"\xC3\"}}", ITEM_ERROR_SYNTAX, 11, "string is not valid UTF-8"},
	{"{\"a\":{\"S\":\"ab\xC0\x80\"}}", ITEM_ERROR_SYNTAX, 13, "string is not valid UTF-8"},
	{"{\"a\":{\"S\":\"\xED\xA0\x80\"}}", ITEM_ERROR_SYNTAX, 11, "string is not valid UTF-8"},
	{"{\"a\":{\"S\":\"\xE0\x80\x80\"}}", ITEM_ERROR_SYNTAX, 11, "string is not valid UTF-8"},
	{"{\"a\":{\"S\":\"\xF4\x90\x80\x80\"}}", ITEM_ERROR_SYNTAX, 11, "string is not valid UTF-8"},
	{"{\"a\":{\"S\":\"\xF0\x80\x80\x80\"}}", ITEM_ERROR_SYNTAX, 11, "string is not valid UTF-8"},
	{"{\"a\":{\"S\":\"\xFF\"}}", ITEM_ERROR_SYNTAX, 11, "string is not valid UTF-8"},
};

static void
test_good(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
	{
		ItemBuffer item = item_helper_item(good[i].json);
		ItemError error;

		TAP_IS_STR(item_helper_text(item.bytes, item.length),
				   good[i].expected ? good[i].expected : good[i].json,
				   "a good text comes back canonical");
		TAP_OK(item_validate(item.bytes, item.length, &error), "its encoding is valid");
		item_helper_free(&item);
	}
}

static void
test_bad(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		ItemBuffer item;
		ItemError error;
		bool taken = item_helper_read(bad[i].json, strlen(bad[i].json), &item, &error);

		TAP_OK(!taken && error.code == bad[i].code && (int) error.offset == bad[i].offset,
			   "bad text %zu is refused with code %d at byte %d", i, (int) bad[i].code,
			   bad[i].offset);
		TAP_IS_STR(error.message, bad[i].message, "its message");
		if ((int) error.offset != bad[i].offset)
			tap_note("got offset %zu", error.offset);
		item_helper_free(&item);
	}
}

/* Lists and maps in turn around a leaf: the leaf may be at depth 31. */
static bool
read_nested(int levels, bool leaf, ItemError *error)
{
	char text[2048] = "{\"a\": ";
	ItemBuffer item;
	bool taken;

	for (int i = 0; i < levels; i++)
		strcat(text, i % 2 == 0 ? "{\"L\": [" : "{\"M\": {\"b\": ");
	if (leaf)
		strcat(text, "{\"SS\": [\"leaf\"]}");
	else
		strcat(text, levels % 2 == 0 ? "{\"L\": []}" : "{\"M\": {}}");
	for (int i = levels - 1; i >= 0; i--)
		strcat(text, i % 2 == 0 ? "]}" : "}}");
	strcat(text, "}");
	taken = item_helper_read(text, strlen(text), &item, error);
	if (taken && strcmp(text, item_helper_text(item.bytes, item.length)) != 0)
		taken = false;
	item_helper_free(&item);
	return taken;
}

static void
test_depth(void)
{
	ItemError error;

	TAP_OK(read_nested(31, true, &error), "a leaf at depth 31 is taken");
	TAP_OK(read_nested(31, false, &error), "an empty map at depth 31 is taken");
	TAP_OK(!read_nested(32, true, &error) && error.code == ITEM_ERROR_VALUE,
		   "a leaf at depth 32 is refused");
	TAP_IS_STR(error.message,
			   "Nesting Levels have exceeded supported limits: Attributes in the item have nested "
			   "levels beyond supported limit",
			   "with DynamoDB's text");
	TAP_OK(!read_nested(32, false, &error), "an empty map at depth 32 is refused");
}

/* A million opening brackets must end in an error, not in the stack. */
static void
test_hostile_nesting(void)
{
	size_t length = 7 * 1000000;
	char *text = malloc(length);
	ItemBuffer item;
	ItemError error;

	memcpy(text, "{\"a\":", 5);
	for (size_t i = 5; i + 6 <= length; i += 6)
		memcpy(text + i, "{\"L\":[", 6);
	TAP_OK(!item_helper_read(text, length, &item, &error) && error.code == ITEM_ERROR_VALUE,
		   "a million opening brackets are refused");
	item_helper_free(&item);
	free(text);
}

/* {"a": {"S": "xxx…"}} with a name and a string of the given lengths. */
static bool
read_sized(size_t name_length, size_t string_length, ItemError *error)
{
	char *text = malloc(name_length + string_length + 32);
	char *to = stpcpy(text, "{\"");
	ItemBuffer item;
	bool taken;

	memset(to, 'n', name_length);
	to = stpcpy(to + name_length, "\":{\"S\":\"");
	memset(to, 's', string_length);
	to = stpcpy(to + string_length, "\"}}");
	taken = item_helper_read(text, (size_t) (to - text), &item, error);
	free(text);
	item_helper_free(&item);
	return taken;
}

static void
test_limits(void)
{
	ItemError error;

	TAP_OK(read_sized(65535, 10, &error), "a name of 65,535 bytes is taken");
	TAP_OK(!read_sized(65536, 10, &error) && error.code == ITEM_ERROR_VALUE,
		   "a name of 65,536 bytes is refused");
	TAP_OK(read_sized(1, ITEM_SIZE_MAX - 1, &error), "an item of 409,600 bytes is taken");
	TAP_OK(!read_sized(1, ITEM_SIZE_MAX, &error) && error.code == ITEM_ERROR_SIZE,
		   "an item of 409,601 bytes is refused");
	TAP_IS_STR(error.message, "Item size has exceeded the maximum allowed size",
			   "with DynamoDB's text");
	TAP_OK(!read_sized(1, 2 * ITEM_ENCODED_MAX, &error) && error.code == ITEM_ERROR_SIZE,
		   "a string longer than any encoding is refused");
}

/* Every prefix of a good text is refused, every changed byte refused or read as something valid. */
static void
test_damaged(void)
{
	static const char text[] =
		"{\"s\":{\"S\":\"x\\u00e4\\ud83d\\ude00\xE2\x82\xAC\"},\"n\":{\"N\":\"-1.5e3\"},\"b\":{\"B\":"
		"\"AAE=\"},\"l\":{\"L\":[{\"BOOL\":true},{\"NULL\":true}]},\"m\":{\"M\":{\"k\":{\"SS\":[\"a\","
		"\"b\"]}}},\"ns\":{\"NS\":[\"1\",\"2\"]},\"bs\":{\"BS\":[\"AA==\",\"AQ==\"]}}";
	size_t length = sizeof(text) - 1;
	int taken_prefixes = 0;
	int invalid = 0;

	for (size_t i = 0; i < length; i++)
	{
		ItemBuffer item;
		ItemError error;

		taken_prefixes += item_helper_read(text, i, &item, &error);
		item_helper_free(&item);
		for (int byte = 0; byte < 256; byte++)
		{
			char damaged[sizeof(text)];
			ItemError validation;

			memcpy(damaged, text, sizeof(text));
			damaged[i] = (char) byte;
			if (item_helper_read(damaged, length, &item, &error))
				invalid += !item_validate(item.bytes, item.length, &validation);
			item_helper_free(&item);
		}
	}
	TAP_IS_INT(taken_prefixes, 0, "no prefix of an item is an item");
	TAP_IS_INT(invalid, 0, "whatever is read from a damaged text is a valid item");
}

/* Text and encoding determine each other. */
static void
test_round_trips(void)
{
	int different = 0;

	for (int i = 0; i < 2000; i++)
	{
		ItemBuffer item;
		ItemBuffer again;
		const char *text;

		item_buffer_init(&item, &item_helper_allocator);
		item_helper_random_item(&item);
		text = item_helper_text(item.bytes, item.length);
		again = item_helper_item(text);
		different += again.length != item.length ||
					 memcmp(again.bytes, item.bytes, item.length) != 0;
		item_helper_free(&item);
		item_helper_free(&again);
	}
	TAP_IS_INT(different, 0, "random items come back byte by byte from their text");
}

static void *
fail_to_resize(void *context, void *block, size_t old_size, size_t new_size)
{
	int *calls_left = context;

	if (new_size > 0 && (*calls_left)-- <= 0)
		return NULL;
	return item_helper_allocator.resize(NULL, block, old_size, new_size);
}

/* Each allocation in turn fails: an error, no leak, the buffer as before. */
static void
test_out_of_memory(void)
{
	char text[300 * 24];
	char *to = text;
	int failures = 0;
	int allowed = -1;
	bool taken;

	/* In descending order, so that closing the item needs room twice. */
	for (int i = 300; i > 0; i--)
		to += sprintf(to, "%c\"a%d\": {\"N\": \"1\"}", i == 300 ? '{' : ',', 1000 + i);
	strcpy(to, "}");
	do
	{
		int calls_left = ++allowed;
		ItemAllocator allocator = {.resize = fail_to_resize, .context = &calls_left};
		ItemBuffer item;
		ItemError error;

		item_buffer_init(&item, &allocator);
		taken = item_from_json(text, strlen(text), &item, &error);
		if (!taken && error.code == ITEM_ERROR_MEMORY && item.length == 0)
			failures++;
		free(item.bytes);
	} while (!taken && allowed < 100);
	TAP_OK(allowed > 1 && failures == allowed, "%d failing allocations were reported", failures);
}

/* Printing needs memory too; each allocation that fails ends it. */
static void
test_print_out_of_memory(void)
{
	char json[8192] = "{\"a\": {\"L\": [";
	ItemBuffer item;
	int failures = 0;
	int allowed = -1;
	bool printed;

	for (int i = 0; i < 200; i++)
		strcat(json, i == 0 ? "{\"NS\": [\"1\"]}" : ", {\"M\": {\"b\": {\"B\": \"\"}}}");
	strcat(json, "]}}");
	item = item_helper_item(json);
	do
	{
		int calls_left = ++allowed;
		ItemAllocator allocator = {.resize = fail_to_resize, .context = &calls_left};
		ItemBuffer text;

		item_buffer_init(&text, &allocator);
		printed = item_to_json(item.bytes, item.length, &text);
		failures += !printed;
		free(text.bytes);
	} while (!printed && allowed < 100);
	TAP_OK(allowed > 1 && failures == allowed, "%d failing allocations were reported", failures);
	item_helper_free(&item);
}

static void
test_plain(void)
{
	ItemBuffer item = item_helper_item(
		"{\"s\": {\"S\": \"a\\\"\"}, \"n\": {\"N\": \"1.50\"}, \"b\": {\"B\": \"AA==\"}, \"t\": "
		"{\"BOOL\": true}, \"u\": {\"NULL\": true}, \"l\": {\"L\": [{\"N\": \"1\"}, {\"M\": {}}]}, "
		"\"ns\": {\"NS\": [\"2\", \"1\"]}}");
	ItemValue whole = item_as_value(item.bytes, item.length);
	ItemValue value;
	ItemBuffer text;

	item_buffer_init(&text, &item_helper_allocator);
	item_value_to_plain_json(&whole, &text);
	item_buffer_append(&text, "|", 1);
	item_find(item.bytes, item.length, "s", 1, &value);
	item_value_to_plain_text(&value, &text);
	item_buffer_append(&text, "|", 1);
	item_find(item.bytes, item.length, "b", 1, &value);
	item_value_to_plain_text(&value, &text);
	item_buffer_append(&text, "|", 1);
	item_find(item.bytes, item.length, "ns", 2, &value);
	item_value_to_json(&value, &text);
	item_buffer_append(&text, "", 1);
	TAP_IS_STR(
		(const char *) text.bytes,
		"{\"b\": \"AA==\", \"l\": [1, {}], \"n\": 1.5, \"ns\": [1, 2], \"s\": \"a\\\"\", \"t\": "
		"true, \"u\": null}|a\"|AA==|{\"NS\": [\"1\", \"2\"]}",
		"plain JSON, plain text and a single value");
	item_helper_free(&text);
	item_helper_free(&item);
}

/* A message that quotes what is long is cut between characters; `form` has places for the long text. */
static void
check_long_message(const char *form)
{
	char euros[3 * 400 + 1];
	char json[4096];
	ItemBuffer item;
	ItemError error;

	for (int i = 0; i < 400; i++)
		strcpy(euros + 3 * i, "\xE2\x82\xAC");
	snprintf(json, sizeof(json), form, euros, euros);
	TAP_OK(!item_helper_read(json, strlen(json), &item, &error) && error.code == ITEM_ERROR_VALUE,
		   "refused: %s", form);
	TAP_OK(error.length < ITEM_ERROR_MESSAGE_MAX && error.length == strlen(error.message) &&
			   utf8_check((const uint8_t *) error.message, error.length) == error.length,
		   "its message of %zu bytes is whole characters", error.length);
	item_helper_free(&item);
}

int
main(void)
{
	test_good();
	test_bad();
	test_depth();
	test_hostile_nesting();
	test_limits();
	test_damaged();
	test_round_trips();
	test_out_of_memory();
	test_print_out_of_memory();
	test_plain();
	check_long_message("{\"a\":{\"N\":\"%s\"}}");
	check_long_message("{\"a\":{\"N\":\"1%s\"}}");
	check_long_message("{\"a\":{\"SS\":[\"%s\",\"%s\"]}}");
	check_long_message("{\"a\":{\"SS\":[\"x%s\",\"x%s\"]}}");
	return tap_done();
}

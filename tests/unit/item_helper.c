/*
 * item_helper.c
 *		Memory, shortcuts and random items for the unit tests of the item model.
 */
#include "unit/item_helper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "item/item_json.h"
#include "item/item_writer.h"

#define TEXTS 4 /* results of item_helper_text that live at the same time */

static uint64_t random_state = 1;

static void *
resize(void *context, void *block, size_t old_size, size_t new_size)
{
	(void) context;
	(void) old_size;
	if (new_size > 0)
		return realloc(block, new_size);
	free(block);
	return NULL;
}

const ItemAllocator item_helper_allocator = {.resize = resize, .context = NULL};

void
item_helper_free(ItemBuffer *buffer)
{
	free(buffer->bytes);
	item_buffer_init(buffer, &item_helper_allocator);
}

bool
item_helper_read(const char *json, size_t length, ItemBuffer *out, ItemError *error)
{
	char *copy = malloc(length > 0 ? length : 1);
	bool good;

	memcpy(copy, json, length);
	item_buffer_init(out, &item_helper_allocator);
	good = item_from_json(copy, length, out, error);
	free(copy);
	return good;
}

ItemBuffer
item_helper_item(const char *json)
{
	ItemBuffer item;
	ItemError error;

	if (!item_helper_read(json, strlen(json), &item, &error))
	{
		printf("Bail out! cannot read %s: %s\n", json, error.message);
		abort();
	}
	return item;
}

const char *
item_helper_text(const uint8_t *item, size_t length)
{
	static ItemBuffer texts[TEXTS];
	static int next;
	ItemBuffer *text = &texts[next++ % TEXTS];

	item_helper_free(text);
	item_to_json(item, length, text);
	item_buffer_append(text, "", 1);
	return (const char *) text->bytes;
}

void
item_helper_seed(uint64_t seed)
{
	random_state = seed * 2 + 1;
}

/* splitmix64 */
uint64_t
item_helper_random(uint64_t below)
{
	uint64_t mixed = random_state += UINT64_C(0x9E3779B97F4A7C15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
	return (mixed ^ mixed >> 31) % below;
}

size_t
item_helper_random_number(char *out)
{
	size_t whole = item_helper_random(22);
	size_t fraction = item_helper_random(16);
	char *to = out;

	if (item_helper_random(2) == 0)
		*to++ = item_helper_random(4) == 0 ? '+' : '-';
	for (size_t i = 0; i < whole; i++)
		*to++ = (char) ('0' + item_helper_random(item_helper_random(2) == 0 ? 10 : 1));
	if (whole == 0 || item_helper_random(2) == 0)
	{
		*to++ = '.';
		for (size_t i = 0; i < fraction + (whole == 0); i++)
			*to++ = (char) ('0' + item_helper_random(item_helper_random(2) == 0 ? 10 : 1));
	}
	if (item_helper_random(2) == 0)
		to += sprintf(to, "%c%d", item_helper_random(2) == 0 ? 'e' : 'E',
					  (int) item_helper_random(160) - 80);
	return (size_t) (to - out);
}

/* Letters of one to four bytes, quotes, control characters and U+0000. */
static size_t
random_string(char *out, size_t characters)
{
	static const char *const letters[] = {
		"a",  "b",    "Z",        "\"",   "\\",           "\n",
		"\t", "\x01", "\xC3\xA4", "\x7F", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
	char *to = out;

	for (size_t i = 0; i < characters; i++)
	{
		size_t letter = item_helper_random(sizeof(letters) / sizeof(letters[0]) + 1);

		if (letter == 0)
			*to++ = '\0';
		else
			to = stpcpy(to, letters[letter - 1]);
	}
	return (size_t) (to - out);
}

static void random_members(ItemWriter *writer, ItemType type, uint32_t depth);

static void
random_value(ItemWriter *writer, ItemType type, uint32_t depth)
{
	char text[256];

	switch (type)
	{
		case ITEM_STRING:
			item_writer_string(writer, text, random_string(text, item_helper_random(24)));
			break;
		case ITEM_NUMBER:
			item_writer_number_text(writer, text, item_helper_random_number(text));
			break;
		case ITEM_BINARY:
			item_writer_binary(writer, text, random_string(text, item_helper_random(24)));
			break;
		case ITEM_BOOL:
			item_writer_bool(writer, item_helper_random(2) == 0);
			break;
		case ITEM_NULL:
			item_writer_null(writer);
			break;
		default:
			item_writer_open(writer, type);
			random_members(writer, type, depth);
			item_writer_close(writer);
	}
}

/* Members get a number of their own into name or value, so that none comes twice. */
static void
random_members(ItemWriter *writer, ItemType type, uint32_t depth)
{
	uint32_t count = 1 + (uint32_t) item_helper_random(depth == 0 ? 12 : 5);
	uint32_t mark = (uint32_t) item_helper_random(7);
	char text[64];

	for (uint32_t i = 0; i < count; i++)
	{
		int length = sprintf(text, "%d", (int) ((i * 5 + mark) % 13) - 3);
		ItemType member = (ItemType) (1 + item_helper_random(depth < 3 ? 10 : 5));

		if (type == ITEM_STRING_SET)
			item_writer_string(writer, text, (size_t) length);
		else if (type == ITEM_NUMBER_SET)
			item_writer_number_text(writer, text, (size_t) length);
		else if (type == ITEM_BINARY_SET)
			item_writer_binary(writer, text, (size_t) length);
		else
		{
			if (type == ITEM_MAP)
				item_writer_name(writer, text, (size_t) length);
			random_value(writer, member, depth + 1);
		}
	}
}

void
item_helper_random_item(ItemBuffer *out)
{
	ItemWriter writer;

	item_writer_begin(&writer, out);
	random_members(&writer, ITEM_MAP, 0);
	if (!item_writer_finish(&writer))
	{
		printf("Bail out! random item: %s\n", writer.error.message);
		abort();
	}
	item_writer_release(&writer);
}

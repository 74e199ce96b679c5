/*
 * item_check.h
 *		What the fuzzers of items share: examples, memory, and the promise of canonical bytes.
 */
#ifndef QUORATE_TESTS_ITEM_CHECK_H
#define QUORATE_TESTS_ITEM_CHECK_H

#include <stdlib.h>
#include <string.h>

#include "core/core_assert.h"
#include "item/item_json.h"

static const char *const item_examples[] = {
	"{\"Artist\": {\"S\": \"No One You Know\"}, \"Year\": {\"N\": \"1998\"}}",
	"{\"s\": {\"S\": \"\\u00e4\\ud83d\\ude00\\n\xE2\x82\xAC\\u0000\"}, \"n\": {\"N\": \"-12.5e-3\"}, \"b\": "
	"{\"B\": \"AAECAw==\"}, \"t\": {\"BOOL\": true}, \"u\": {\"NULL\": true}}",
	"{\"l\": {\"L\": [{\"L\": [{\"M\": {\"a\": {\"S\": \"x\"}, \"b\": {\"N\": \"1\"}}}]}, {\"S\": \"\"}]}}",
	"{\"ss\": {\"SS\": [\"b\", \"a\", \"\"]}, \"ns\": {\"NS\": [\"1\", \"-1\", \"0\", \"1e10\"]}, \"bs\": {\"BS\": "
	"[\"AA==\", \"\", \"AAE=\"]}}",
	"{\"m\": {\"M\": {\"z\": {\"M\": {}}, \"y\": {\"L\": []}, \"x\": "
	"{\"N\": \"99999999999999999999999999999999999999\"}}}}",
	"{}",
};

#define ITEM_EXAMPLES (sizeof(item_examples) / sizeof(item_examples[0]))

static void *
item_check_resize(void *context, void *block, size_t old_size, size_t new_size)
{
	(void) context;
	(void) old_size;
	if (new_size > 0)
		return realloc(block, new_size);
	free(block);
	return NULL;
}

static const ItemAllocator item_check_allocator = {.resize = item_check_resize, .context = NULL};

/* A valid item's text must be read as the very same bytes. */
static inline void
item_check_canonical(const uint8_t *bytes, size_t length)
{
	ItemBuffer text;
	ItemBuffer again;
	ItemError error;

	item_buffer_init(&text, &item_check_allocator);
	item_buffer_init(&again, &item_check_allocator);
	CORE_ASSERT(item_to_json(bytes, length, &text));
	CORE_ASSERT(item_from_json((const char *) text.bytes, text.length, &again, &error));
	CORE_ASSERT(again.length == length && memcmp(again.bytes, bytes, length) == 0);
	free(text.bytes);
	free(again.bytes);
}

#endif /* QUORATE_TESTS_ITEM_CHECK_H */

/*
 * fuzz_item_json.c
 *		The reader of DynamoDB JSON under damaged texts.
 */
#include "fuzz/fuzz.h"
#include "fuzz/item_check.h"

size_t
fuzz_example(uint8_t *out)
{
	const char *json = item_examples[fuzz_random() % ITEM_EXAMPLES];

	memcpy(out, json, strlen(json));
	return strlen(json);
}

/* What is taken is a valid item; what is refused has a message and a place within the text. */
int
fuzz_one(const uint8_t *bytes, size_t length)
{
	ItemBuffer item;
	ItemError error;
	bool taken;

	item_buffer_init(&item, &item_check_allocator);
	taken = item_from_json((const char *) bytes, length, &item, &error);
	if (taken)
	{
		CORE_ASSERT(item_validate(item.bytes, item.length, &error));
		item_check_canonical(item.bytes, item.length);
	}
	else
		CORE_ASSERT(error.length > 0 && error.offset <= length);
	free(item.bytes);
	return taken;
}

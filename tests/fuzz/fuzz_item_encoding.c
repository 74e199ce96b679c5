/*
 * fuzz_item_encoding.c
 *		The validator of encoded items under damaged encodings.
 */
#include "fuzz/fuzz.h"
#include "fuzz/item_check.h"

size_t
fuzz_example(uint8_t *out)
{
	const char *json = item_examples[fuzz_random() % ITEM_EXAMPLES];
	ItemBuffer item;
	ItemError error;
	size_t length;

	item_buffer_init(&item, &item_check_allocator);
	CORE_ASSERT(item_from_json(json, strlen(json), &item, &error));
	length = item.length;
	memcpy(out, item.bytes, length);
	free(item.bytes);
	return length;
}

/* The version, without which nothing else is looked at. */
void
fuzz_mend(uint8_t *bytes, size_t length)
{
	if (length > 0)
		bytes[0] = ITEM_VERSION;
}

int
fuzz_one(const uint8_t *bytes, size_t length)
{
	ItemError error;

	if (!item_validate(bytes, length, &error))
	{
		CORE_ASSERT(error.length > 0 && error.offset <= length);
		return 0;
	}
	item_check_canonical(bytes, length);
	return 1;
}

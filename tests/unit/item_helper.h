/*
 * item_helper.h
 *		What the unit tests of the item model share: memory, shortcuts to read and print, random
 *		items.
 */
#ifndef QUORATE_TESTS_ITEM_HELPER_H
#define QUORATE_TESTS_ITEM_HELPER_H

#include "item/item.h"
#include "item/item_buffer.h"

/* malloc and free. */
extern const ItemAllocator item_helper_allocator;

/* Frees a buffer made with it. */
extern void item_helper_free(ItemBuffer *buffer);

/*
 * Reads DynamoDB JSON into a buffer that the caller frees with item_helper_free.  The text is
 * copied to memory of its exact size first, so that AddressSanitizer sees any read beyond it.
 */
extern bool item_helper_read(const char *json, size_t length, ItemBuffer *out, ItemError *error);

/* The same for a C string that must be good; prints a diagnostic and aborts if it is not. */
extern ItemBuffer item_helper_item(const char *json);

/* An item's text as a C string in memory that lives until the next call but three. */
extern const char *item_helper_text(const uint8_t *item, size_t length);

/* Random numbers that a seed fixes. */
extern void item_helper_seed(uint64_t seed);
extern uint64_t item_helper_random(uint64_t below);

/* Appends a random item of all ten types to `out`. */
extern void item_helper_random_item(ItemBuffer *out);

/*
 * Writes a random decimal text (digits, point, exponent, all forms of zeros); returns its length,
 * below 128.
 */
extern size_t item_helper_random_number(char *out);

#endif /* QUORATE_TESTS_ITEM_HELPER_H */

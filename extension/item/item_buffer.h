/*
 * item_buffer.h
 *		A growing byte string whose memory comes from the caller.
 *
 * Inside PostgreSQL the allocator is palloc and repalloc in the current memory context, in unit
 * tests realloc.  Buffers are reused from call to call, so the hot path allocates nothing.
 */
#ifndef QUORATE_ITEM_BUFFER_H
#define QUORATE_ITEM_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * `resize` makes `block` (NULL: a new one) hold `new_size` bytes, keeping the first `old_size`; it
 * returns NULL, with the old block untouched, when there is no memory, or leaves by other means
 * (palloc raises an error). `new_size` 0 frees the block and returns NULL.
 */
typedef struct ItemAllocator
{
	void *(*resize)(void *context, void *block, size_t old_size, size_t new_size);
	void *context;
} ItemAllocator;

typedef struct ItemBuffer
{
	uint8_t *bytes;
	size_t length;   /* bytes in use */
	size_t capacity; /* bytes allocated */
	const ItemAllocator *allocator;
} ItemBuffer;

/* The owner of the allocator frees `bytes` in the way that fits it. */
extern void item_buffer_init(ItemBuffer *buffer, const ItemAllocator *allocator);

/* Makes room for `extra` bytes behind `length`; true without any of the above if there is room. */
extern bool item_buffer_grow(ItemBuffer *buffer, size_t extra);

static inline bool
item_buffer_reserve(ItemBuffer *buffer, size_t extra)
{
	return buffer->capacity - buffer->length >= extra || item_buffer_grow(buffer, extra);
}

/* Appends; false means out of memory. */
static inline bool
item_buffer_append(ItemBuffer *buffer, const void *bytes, size_t length)
{
	if (!item_buffer_reserve(buffer, length))
		return false;
	if (length > 0)
		memcpy(buffer->bytes + buffer->length, bytes, length);
	buffer->length += length;
	return true;
}

#endif /* QUORATE_ITEM_BUFFER_H */

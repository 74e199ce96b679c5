/*
 * item_buffer.c
 *		Growth of a byte string; the fast path is in the header.
 */
#include "item/item_buffer.h"

#define ITEM_BUFFER_FIRST 1024 /* bytes of a buffer's first allocation: a typical item fits */

void
item_buffer_init(ItemBuffer *buffer, const ItemAllocator *allocator)
{
	buffer->bytes = NULL;
	buffer->length = 0;
	buffer->capacity = 0;
	buffer->allocator = allocator;
}

/* At least doubles, so that appending byte by byte costs amortised constant time. */
bool
item_buffer_grow(ItemBuffer *buffer, size_t extra)
{
	const ItemAllocator *allocator = buffer->allocator;
	size_t capacity = buffer->capacity > 0 ? buffer->capacity : ITEM_BUFFER_FIRST;
	void *bytes;

	if (extra > SIZE_MAX / 4 - buffer->length)
		return false;
	while (capacity - buffer->length < extra)
		capacity *= 2;
	bytes = allocator->resize(allocator->context, buffer->bytes, buffer->capacity, capacity);
	if (bytes == NULL)
		return false;
	buffer->bytes = bytes;
	buffer->capacity = capacity;
	return true;
}

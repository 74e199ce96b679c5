/*
 * item_memory.c
 *		The allocator that the item code uses inside PostgreSQL: palloc and repalloc.
 *
 * Runs in any process that has memory contexts.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "storage/item_memory.h"

static void *
resize_in_context(void *context, void *block, size_t old_size, size_t new_size)
{
	if (block == NULL)
		return MemoryContextAllocHuge(CurrentMemoryContext, new_size);
	return repalloc_huge(block, new_size);
}

const ItemAllocator item_palloc_allocator = {.resize = resize_in_context};

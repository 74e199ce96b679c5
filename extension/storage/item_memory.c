/*
 * item_memory.c
 *		The allocator that the item code uses inside PostgreSQL: palloc and repalloc.
 *
 * Runs in any process that has memory contexts.
 */
#include "postgres.h"

#include "storage/item_memory.h"

static void *
resize_in_context(void *context, void *block, size_t old_size, size_t new_size)
{
	if (new_size > 0)
		return block == NULL ? palloc(new_size) : repalloc(block, new_size);
	if (block != NULL)
		pfree(block);
	return NULL;
}

const ItemAllocator item_palloc_allocator = {.resize = resize_in_context, .context = NULL};

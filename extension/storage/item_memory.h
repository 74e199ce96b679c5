/*
 * item_memory.h
 *		The allocator that the item code uses inside PostgreSQL.
 */
#ifndef QUORATE_STORAGE_ITEM_MEMORY_H
#define QUORATE_STORAGE_ITEM_MEMORY_H

#include "postgres.h"

#include "item/item_buffer.h"

/* Memory from the current memory context; being out of memory is an ERROR, never NULL. */
extern const ItemAllocator item_palloc_allocator;

#endif /* QUORATE_STORAGE_ITEM_MEMORY_H */

/*
 * item_memory.h
 *		The allocator that the item code uses inside PostgreSQL.
 */
#ifndef QUORATE_STORAGE_ITEM_MEMORY_H
#define QUORATE_STORAGE_ITEM_MEMORY_H

#include "postgres.h"

#include "item/item_buffer.h"

/* Memory of the context that is current when a buffer first grows; raises an error when there is none. */
extern const ItemAllocator item_palloc_allocator;

#endif /* QUORATE_STORAGE_ITEM_MEMORY_H */

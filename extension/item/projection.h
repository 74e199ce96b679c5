/*
 * projection.h
 *		Projection expressions: which parts of an item a reader gets.
 *
 *		projection := path { ',' path }
 *
 * The parts keep their places in maps; elements of a list move together, in their order.  What a
 * path does not find is left out, and so is a map or a list of which nothing is found.
 */
#ifndef QUORATE_ITEM_PROJECTION_H
#define QUORATE_ITEM_PROJECTION_H

#include "item/expression.h"
#include "item/item_buffer.h"

struct DocumentPath;

/* Points into the expression's text and its context's names, which must live as long. */
typedef struct Projection
{
	const ItemAllocator *allocator;
	void *memory;
	size_t memory_size;
	struct DocumentPath *paths; /* sorted, so that paths with equal beginnings are neighbours */
	uint32_t path_count;
} Projection;

/* An empty projection, to be parsed into; the allocator must outlive it. */
extern void projection_init(Projection *projection, const ItemAllocator *allocator);

/* Frees what parsing allocated; the projection is then as new. */
extern void projection_release(Projection *projection);

/*
 * Parses a ProjectionExpression and marks the names that it uses.  False with DynamoDB's text, or
 * ITEM_ERROR_MEMORY; the projection is then empty.
 */
extern bool projection_parse(const char *expression, size_t length, ExpressionContext *context,
							 Projection *projection, ItemError *error);

/*
 * Appends what the projection takes of an item, as an item, which may be empty.  False only when
 * out of memory; `out` is then as long as before.
 */
extern bool projection_apply(const Projection *projection, const uint8_t *item, size_t length,
							 ItemBuffer *out, ItemError *error);

#endif /* QUORATE_ITEM_PROJECTION_H */

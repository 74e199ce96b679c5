/*
 * capacity_units.h
 *		What an operation costs: DynamoDB's read and write capacity units.
 *
 * A read unit pays for one consistent read of up to 4 KB, a write unit for one write of up to 1 KB.  An eventually
 * consistent read costs half of that, so costs are counted in half units, as integers: sums of them are exact.
 *
 * Sizes are bytes as DynamoDB counts them (item_size); 0 stands for an item that does not exist, which no item's size
 * can be.  What is read decides, not what is returned: projection, filter, COUNT and return values change nothing.
 * A batch costs the sum of what its members cost, each by itself.
 */
#ifndef QUORATE_CAPACITY_UNITS_H
#define QUORATE_CAPACITY_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPACITY_READ_STEP 4096  /* bytes that one read unit pays for */
#define CAPACITY_WRITE_STEP 1024 /* bytes that one write unit pays for */
#define CAPACITY_TEXT_MAX 24     /* bytes of a cost as text, with the final zero */

/* Half units: 2 is one read or write unit. */
typedef uint64_t CapacityHalves;

/* What a step of a read costs, in half units. */
typedef enum CapacityRead
{
	CAPACITY_READ_EVENTUAL = 1,
	CAPACITY_READ_CONSISTENT = 2
} CapacityRead;

/* A read of one item by its key: GetItem, and each key of BatchGetItem. */
extern CapacityHalves capacity_of_read(uint64_t size, CapacityRead kind);

/*
 * A page of a query or scan: the sizes of all items that were evaluated are added up and rounded once.  Each
 * partition that was looked into costs one step at least, the page too.
 */
extern CapacityHalves
capacity_of_range_read(uint64_t sizes, uint64_t partitions, CapacityRead kind);

/* A put, update or delete: by the larger of the item before and after it, one unit at least. */
extern CapacityHalves capacity_of_write(uint64_t size_before, uint64_t size_after);

/*
 * A write whose condition is false: one unit if there is no item.  If there is one, DynamoDB says "by the size of the
 * item", old or new; we take the larger, as if the write had happened.  `size_wanted` is 0 where the item that would
 * have been written is not known: a delete, an update that was not evaluated.
 */
extern CapacityHalves capacity_of_failed_condition(uint64_t size_before, uint64_t size_wanted);

/*
 * A cost in units as JSON number with one decimal: "0.5", "1.0".  Returns the length.
 */
extern size_t capacity_to_text(CapacityHalves halves, char text[CAPACITY_TEXT_MAX]);

#endif /* QUORATE_CAPACITY_UNITS_H */

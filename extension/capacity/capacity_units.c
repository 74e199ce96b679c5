/*
 * capacity_units.c
 *		What an operation costs; see capacity_units.h.
 */
#include "capacity/capacity_units.h"

#include <string.h>

#define HALVES_PER_UNIT 2

/* Started steps; whatever is touched costs one at least. */
static uint64_t
steps_of(uint64_t size, uint64_t step)
{
	uint64_t steps = size / step + (size % step != 0);

	return steps > 0 ? steps : 1;
}

static uint64_t
larger(uint64_t left, uint64_t right)
{
	return left > right ? left : right;
}

CapacityHalves
capacity_of_read(uint64_t size, CapacityRead kind)
{
	return steps_of(size, CAPACITY_READ_STEP) * kind;
}

CapacityHalves
capacity_of_range_read(uint64_t sizes, uint64_t partitions, CapacityRead kind)
{
	return larger(steps_of(sizes, CAPACITY_READ_STEP), partitions) * kind;
}

CapacityHalves
capacity_of_write(uint64_t size_before, uint64_t size_after)
{
	return steps_of(larger(size_before, size_after), CAPACITY_WRITE_STEP) * HALVES_PER_UNIT;
}

CapacityHalves
capacity_of_failed_condition(uint64_t size_before, uint64_t size_wanted)
{
	return capacity_of_write(size_before, size_before == 0 ? 0 : size_wanted);
}

size_t
capacity_to_text(CapacityHalves halves, char text[CAPACITY_TEXT_MAX])
{
	uint64_t units = halves / HALVES_PER_UNIT;
	char *end = text + CAPACITY_TEXT_MAX - 1;
	char *at = end;
	size_t length;

	*end = '\0';
	*--at = halves % HALVES_PER_UNIT ? '5' : '0';
	*--at = '.';
	do
		*--at = (char) ('0' + units % 10);
	while ((units /= 10) > 0);
	length = (size_t) (end - at);
	memmove(text, at, length + 1);
	return length;
}

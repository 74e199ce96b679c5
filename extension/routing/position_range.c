/*
 * position_range.c
 *		Arithmetic on positions, which are plain byte strings.
 *
 * Runs in the request router, at table creation and wherever a partition is cut.  Knows nothing of
 * keys or items.
 */
#include "routing/position_range.h"

#include <string.h>

#include "core/core_assert.h"

int
position_compare(const uint8_t *left, size_t left_length, const uint8_t *right, size_t right_length)
{
	size_t shorter = left_length < right_length ? left_length : right_length;
	int order = shorter > 0 ? memcmp(left, right, shorter) : 0;

	if (order != 0)
		return order;
	return (left_length > right_length) - (left_length < right_length);
}

bool
position_range_contains(const PositionRange *range, const uint8_t *position, size_t length)
{
	if (position_compare(position, length, range->lower, range->lower_length) < 0)
		return false;
	return !range->has_upper ||
		   position_compare(position, length, range->upper, range->upper_length) < 0;
}

bool
position_range_is_empty(const PositionRange *range)
{
	return range->has_upper && position_compare(range->lower, range->lower_length, range->upper,
												range->upper_length) >= 0;
}

void
position_range_intersect(PositionRange *range, const PositionRange *other)
{
	if (position_compare(range->lower, range->lower_length, other->lower, other->lower_length) < 0)
	{
		range->lower = other->lower;
		range->lower_length = other->lower_length;
	}
	if (!other->has_upper)
		return;
	if (!range->has_upper ||
		position_compare(range->upper, range->upper_length, other->upper, other->upper_length) > 0)
	{
		range->has_upper = true;
		range->upper = other->upper;
		range->upper_length = other->upper_length;
	}
}

/* One byte behind what the two have in common tells them apart. */
size_t
position_separator(const uint8_t *left, size_t left_length, const uint8_t *right,
				   size_t right_length, uint8_t *out)
{
	size_t common = 0;

	CORE_ASSERT(position_compare(left, left_length, right, right_length) < 0);
	while (common < left_length && left[common] == right[common])
		common++;
	memcpy(out, right, common + 1);
	return common + 1;
}

/* FF cannot be counted up, so trailing FFs are dropped. */
size_t
position_prefix_end(const uint8_t *prefix, size_t prefix_length, uint8_t *out)
{
	size_t length = prefix_length;

	while (length > 0 && prefix[length - 1] == 0xFF)
		length--;
	if (length == 0)
		return 0;
	memcpy(out, prefix, length);
	out[length - 1]++;
	return length;
}

size_t
position_split_bound(uint32_t index, uint32_t count, uint8_t out[POSITION_SPLIT_BOUND_MAX])
{
	size_t length = POSITION_SPLIT_BOUND_MAX;
	uint64_t bound;

	CORE_ASSERT(count >= 1 && count <= POSITION_SPLIT_MAX && index < count);
	bound = ((uint64_t) index << (8 * POSITION_SPLIT_BOUND_MAX)) / count;
	for (size_t i = 0; i < length; i++)
		out[i] = (uint8_t) (bound >> (8 * (POSITION_SPLIT_BOUND_MAX - 1 - i)));
	while (length > 0 && out[length - 1] == 0)
		length--;
	return length;
}

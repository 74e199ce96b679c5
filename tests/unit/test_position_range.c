/*
 * test_position_range.c
 *		Ranges of positions: containment, separators, prefixes, even splits.
 */
#include "unit/tap.h"

#include "routing/position_range.h"
#include "unit/item_helper.h"

#define BYTES(text) (const uint8_t *) (text), sizeof(text) - 1

static PositionRange
range_of(const char *lower, const char *upper)
{
	PositionRange range = {.lower = (const uint8_t *) lower,
						   .lower_length = (uint32_t) strlen(lower)};

	if (upper != NULL)
	{
		range.has_upper = true;
		range.upper = (const uint8_t *) upper;
		range.upper_length = (uint32_t) strlen(upper);
	}
	return range;
}

static void
test_contains(void)
{
	PositionRange range = range_of("b", "d");
	PositionRange whole = range_of("", NULL);

	TAP_OK(!position_range_contains(&range, BYTES("a\xFF")) &&
			   position_range_contains(&range, BYTES("b")) &&
			   position_range_contains(&range, BYTES("c\xFF\xFF")) &&
			   !position_range_contains(&range, BYTES("d")),
		   "a range holds its lower bound, not its upper");
	TAP_OK(position_range_contains(&whole, BYTES("")) &&
			   position_range_contains(&whole, BYTES("\xFF\xFF")),
		   "a range without bounds holds all");
}

static void
test_intersect(void)
{
	PositionRange range = range_of("b", NULL);
	PositionRange other = range_of("a", "d");
	PositionRange apart = range_of("e", "f");

	position_range_intersect(&range, &other);
	TAP_IS_BYTES(range.lower, range.lower_length, "b", 1, "the higher lower bound");
	TAP_IS_BYTES(range.upper, range.upper_length, "d", 1, "the lower upper bound");
	TAP_OK(!position_range_is_empty(&range), "something is shared");
	position_range_intersect(&range, &apart);
	TAP_OK(position_range_is_empty(&range), "nothing is shared");
	range = range_of("b", NULL);
	other = range_of("", NULL);
	position_range_intersect(&range, &other);
	TAP_OK(!range.has_upper && range.lower_length == 1, "the whole space narrows nothing");
}

static void
test_separator(void)
{
	uint8_t out[16];
	int wrong = 0;
	int too_long = 0;

	TAP_IS_BYTES(out, position_separator(BYTES("abc"), BYTES("abdef"), out), "abd", 3,
				 "the byte that differs ends the separator");
	TAP_IS_BYTES(out, position_separator(BYTES("ab"), BYTES("abc"), out), "abc", 3,
				 "a prefix is separated by one byte more");
	TAP_IS_BYTES(out, position_separator(BYTES(""), BYTES("xyz"), out), "x", 1, "from the start");
	for (int i = 0; i < 20000; i++)
	{
		uint8_t sides[2][8];
		size_t lengths[2];
		size_t length;

		for (int side = 0; side < 2; side++)
		{
			lengths[side] = item_helper_random(8);
			for (size_t at = 0; at < lengths[side]; at++)
				sides[side][at] = (uint8_t) (item_helper_random(3) * 127);
		}
		if (position_compare(sides[0], lengths[0], sides[1], lengths[1]) >= 0)
			continue;
		length = position_separator(sides[0], lengths[0], sides[1], lengths[1], out);
		wrong += position_compare(sides[0], lengths[0], out, length) >= 0 ||
				 position_compare(out, length, sides[1], lengths[1]) > 0;
		/* A shorter string between the two would be a prefix of the separator. */
		too_long += position_compare(sides[0], lengths[0], out, length - 1) < 0;
	}
	TAP_IS_INT(wrong, 0, "a separator lies above the left and not above the right");
	TAP_IS_INT(too_long, 0, "and nothing shorter does");
}

static void
test_prefix_end(void)
{
	uint8_t out[16];

	TAP_IS_BYTES(out, position_prefix_end(BYTES("ab"), out), "ac", 2, "the last byte counts up");
	TAP_IS_BYTES(out, position_prefix_end(BYTES("a\xFF\xFF"), out), "b", 1, "FF is dropped");
	TAP_IS_INT(position_prefix_end(BYTES("\xFF\xFF"), out), 0, "all FF has no end");
	TAP_IS_INT(position_prefix_end(BYTES(""), out), 0, "nor has the empty prefix");
}

/* Bounds ascend, and shares of a count of evenly spread hashes differ by little. */
static void
test_split(void)
{
	static const uint32_t counts[] = {1, 2, 3, 12, 256, 1000, POSITION_SPLIT_MAX};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
	{
		uint64_t least = UINT64_MAX;
		uint64_t most = 0;
		uint64_t previous = 0;

		for (uint32_t index = 0; index < counts[i]; index++)
		{
			uint8_t bound[POSITION_SPLIT_BOUND_MAX] = {0};
			size_t length = position_split_bound(index, counts[i], bound);
			uint64_t start = 0;
			uint64_t share;

			for (size_t at = 0; at < POSITION_SPLIT_BOUND_MAX; at++)
				start = start << 8 | (at < length ? bound[at] : 0);
			if ((index == 0) != (length == 0) || (length > 0 && bound[length - 1] == 0))
				TAP_OK(false, "bound %u of %u has the right length", index, counts[i]);
			if (index == 0)
				continue;
			share = start - previous;
			previous = start;
			least = share < least ? share : least;
			most = share > most ? share : most;
		}
		TAP_OK(counts[i] == 1 || (least > 0 && most - least <= 1),
			   "%u ranges are equal to one part in 2^32", counts[i]);
	}
}

int
main(void)
{
	item_helper_seed(16);
	test_contains();
	test_intersect();
	test_separator();
	test_prefix_end();
	test_split();
	return tap_done();
}

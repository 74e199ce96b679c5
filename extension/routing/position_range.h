/*
 * position_range.h
 *		Positions as byte strings: ranges, shortest separators, an even split of the hash space.
 *
 * A partition is a half-open range of positions [lower, upper).  An empty lower bound is the start
 * of the position space, an absent upper bound its end.  Bounds need not be positions: they are the
 * shortest byte strings that separate, so routing maps stay small, and a bound longer than 16 bytes
 * cuts an item collection at a sort key.
 */
#ifndef QUORATE_ROUTING_POSITION_RANGE_H
#define QUORATE_ROUTING_POSITION_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POSITION_DIGEST_BYTES 16                    /* the hash at the front of every position */
#define POSITION_BYTES_MAX 1040                     /* digest and encoded sort key */
#define POSITION_BOUND_MAX (POSITION_BYTES_MAX + 1) /* a bound may carry one zero byte more */
#define POSITION_SPLIT_MAX 1000000                  /* partitions of a table, segments of a scan */
#define POSITION_SPLIT_BOUND_MAX 4                  /* bytes of a bound made by an even split */

typedef struct PositionRange
{
	const uint8_t *lower; /* inclusive; length 0: from the start */
	const uint8_t *upper; /* exclusive; only if has_upper */
	uint32_t lower_length;
	uint32_t upper_length;
	bool has_upper; /* false: up to the end of the position space */
} PositionRange;

/* Bytewise order, a prefix first: negative, 0 or positive. */
extern int position_compare(const uint8_t *left, size_t left_length, const uint8_t *right,
							size_t right_length);

extern bool
position_range_contains(const PositionRange *range, const uint8_t *position, size_t length);

/* True if no position is in the range. */
extern bool position_range_is_empty(const PositionRange *range);

/* Narrows `range` to what it shares with `other`; may leave it empty. */
extern void position_range_intersect(PositionRange *range, const PositionRange *other);

/*
 * The shortest byte string s with left < s <= right, for left < right: a bound that separates the
 * two.  `out` has room for right_length bytes.  Returns its length.
 */
extern size_t position_separator(const uint8_t *left, size_t left_length, const uint8_t *right,
								 size_t right_length, uint8_t *out);

/*
 * The shortest byte string above everything that starts with `prefix`: the upper bound of an item
 * collection (prefix = digest) or of a begins_with.  Returns its length (`out` has room for
 * prefix_length bytes), or 0 if there is none because the prefix is empty or all FF.
 */
extern size_t position_prefix_end(const uint8_t *prefix, size_t prefix_length, uint8_t *out);

/*
 * The lower bound of range `index` (0 to count - 1) when the hash space is split evenly into
 * `count` ranges, 1 to POSITION_SPLIT_MAX; the upper bound of range i is the lower bound of range i
 * + 1, the last has none.  Bounds are cut to 32 bits, so that ranges differ by less than one part
 * in 4,000.  Returns the length; 0 for index 0.
 */
extern size_t
position_split_bound(uint32_t index, uint32_t count, uint8_t out[POSITION_SPLIT_BOUND_MAX]);

#endif /* QUORATE_ROUTING_POSITION_RANGE_H */

/*
 * utf8.h
 *		Validation of UTF-8, and the reading of runs that need no work.  Private to item/.
 */
#ifndef QUORATE_ITEM_UTF8_H
#define QUORATE_ITEM_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define UTF8_ONES UINT64_C(0x0101010101010101)
#define UTF8_HIGHS UINT64_C(0x8080808080808080)
#define UTF8_SEQUENCE_MAX 4 /* bytes of the longest character */

/* Eight bytes in the machine's order: good for "is there a byte that …", not for "which". */
static inline uint64_t
utf8_load8(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/*
 * Not zero if one of the eight bytes needs a look inside a JSON string: a quote, a backslash or a
 * control character.  May also be so for a byte above 7F that follows such a byte, never misses
 * one.
 */
static inline uint64_t
utf8_json_special8(uint64_t word)
{
	uint64_t quote = word ^ UTF8_ONES * '"';
	uint64_t backslash = word ^ UTF8_ONES * '\\';

	return (((quote - UTF8_ONES) & ~quote) | ((backslash - UTF8_ONES) & ~backslash) |
			((word - UTF8_ONES * 0x20) & ~word)) &
		   UTF8_HIGHS;
}

/* Offset of the first byte that is not part of valid UTF-8; `length` if all is well. */
extern size_t utf8_check(const uint8_t *bytes, size_t length);

/*
 * Bytes of the valid character that starts at `bytes`, of which `length` (> 0) may be read; 0 if
 * invalid.
 */
extern size_t utf8_sequence(const uint8_t *bytes, size_t length);

/*
 * Writes a code point (0 to 10FFFF, no surrogate); returns the bytes written, at most
 * UTF8_SEQUENCE_MAX.
 */
extern size_t utf8_encode(uint32_t code_point, uint8_t *out);

#endif /* QUORATE_ITEM_UTF8_H */

/*
 * item_number.h
 *		Exact decimal numbers: up to 38 significant digits, magnitude 1E-130 to 9.99…E+125, and
 *		zero.
 *
 * A number is always held in its one encoded form, whose bytes compare (memcmp, then the shorter
 * first) as the values do.  The same bytes are therefore the value in an item, the member order of
 * a number set and the sort key.  docs/formats.md describes them.
 */
#ifndef QUORATE_ITEM_NUMBER_H
#define QUORATE_ITEM_NUMBER_H

#include "item/item_error.h"

#define ITEM_NUMBER_DIGITS_MAX 38 /* significant decimal digits */
#define ITEM_NUMBER_ENCODED_MAX \
	22 /* bytes: sign, exponent, 19 of digits, and the end mark of a negative */
#define ITEM_NUMBER_TEXT_MAX 176 /* bytes of the longest text, -0.000…, with room to spare */

/*
 * Reads a number's text ("-1.50e3") and writes its encoding.  Returns the encoding's length, or 0
 * with DynamoDB's text in `error` (ITEM_ERROR_VALUE): not a number, too many digits, overflow,
 * underflow.
 */
extern size_t item_number_from_text(const char *text, size_t length,
									uint8_t out[ITEM_NUMBER_ENCODED_MAX], ItemError *error);

/* Writes the encoding of an integer; returns its length. */
extern size_t item_number_from_integer(uint64_t integer, uint8_t out[ITEM_NUMBER_ENCODED_MAX]);

/*
 * Writes the canonical text (no exponent, no needless zeros, no final zero byte); returns its
 * length.
 */
extern size_t
item_number_to_text(const uint8_t *number, size_t length, char out[ITEM_NUMBER_TEXT_MAX]);

/* Bytes that DynamoDB counts for the number in an item's size. */
extern size_t item_number_size(const uint8_t *number, size_t length);

/*
 * The exact sum, or left minus right, of two encoded numbers.  Returns the length of its encoding,
 * or 0 with DynamoDB's text for overflow (also where the result has more than 38 digits) or
 * underflow.
 */
extern size_t
item_number_add(const uint8_t *left, size_t left_length, const uint8_t *right, size_t right_length,
				uint8_t out[ITEM_NUMBER_ENCODED_MAX], ItemError *error);
extern size_t
item_number_subtract(const uint8_t *left, size_t left_length, const uint8_t *right,
					 size_t right_length, uint8_t out[ITEM_NUMBER_ENCODED_MAX], ItemError *error);

/* True if untrusted bytes are the one encoding of some number. */
extern bool item_number_validate(const uint8_t *number, size_t length);

#endif /* QUORATE_ITEM_NUMBER_H */

/*
 * item_number.c
 *		Numbers: text to encoding and back.
 *
 * A value other than zero is sign, 0.d1d2…dn, times ten to the exponent, with d1 and dn not zero
 * and n at most 38; the exponent lies between -129 (1E-130) and 126 (9.99…E+125), so biased by 129
 * it fills one byte exactly.
 *
 *		zero		02
 *		positive	03, exponent + 129, digits two to a byte (a last odd one followed by 0)
 *		negative	01, 255 - (exponent + 129), 99 (hex) minus each byte of digits, AA
 *
 * The end mark AA is above every byte of digits, so of two negative numbers of which one continues
 * the other's digits, the longer, which is the smaller value, sorts first.
 */
#include "item/item_number.h"

#include <string.h>

#define NUMBER_NEGATIVE 0x01
#define NUMBER_ZERO 0x02
#define NUMBER_POSITIVE 0x03
#define NUMBER_END 0xAA        /* behind the digits of a negative number */
#define NUMBER_COMPLEMENT 0x99 /* minus a byte of two digits: their nines' complement */
#define EXPONENT_BIAS 129
#define EXPONENT_MIN (-129)
#define EXPONENT_MAX 126
#define EXPONENT_CAP INT64_C(1000000000000) /* far beyond any exponent and any length of a text */

#define TEXT_OVERFLOW \
	"Number overflow. Attempting to store a number with magnitude larger than supported range"
#define TEXT_UNDERFLOW \
	"Number underflow. Attempting to store a number with magnitude smaller than supported range"

typedef struct Decimal
{
	bool negative;
	bool too_long; /* a digit other than 0 stood behind the 38th */
	int count;     /* significant digits; 0: the value is zero */
	int64_t exponent;
	uint8_t digits[ITEM_NUMBER_DIGITS_MAX];
} Decimal;

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Reads digits with at most one point among them.  Sets digits, count and an exponent that counts
 * from the point; `fraction_digits` is how many stood behind the point.  Returns where it stopped,
 * or NULL without any digit.
 */
static const char *
read_mantissa(const char *at, const char *end, Decimal *decimal, int64_t *fraction_digits)
{
	int64_t seen = 0; /* digits from the first significant one on */
	int64_t any = 0;  /* digits at all */
	bool point = false;

	*fraction_digits = 0;
	for (; at < end; at++)
	{
		if (*at == '.' && !point)
		{
			point = true;
			continue;
		}
		if (!is_digit(*at))
			break;
		any++;
		*fraction_digits += point;
		if (*at == '0' && seen == 0)
		{
			decimal->exponent -= point;
			continue;
		}
		decimal->exponent += !point;
		if (seen < ITEM_NUMBER_DIGITS_MAX)
			decimal->digits[seen] = (uint8_t) (*at - '0');
		seen++;
		if (*at == '0')
			continue;
		if (seen > ITEM_NUMBER_DIGITS_MAX)
			decimal->too_long = true;
		else
			decimal->count = (int) seen;
	}
	return any > 0 ? at : NULL;
}

/* Reads "e+12" if there is one; returns where it stopped, or NULL if digits are missing. */
static const char *
read_exponent(const char *at, const char *end, int64_t *exponent)
{
	bool negative;
	const char *digits;

	*exponent = 0;
	if (at == end || (*at != 'e' && *at != 'E'))
		return at;
	at++;
	negative = at < end && *at == '-';
	if (at < end && (*at == '-' || *at == '+'))
		at++;
	for (digits = at; at < end && is_digit(*at); at++)
	{
		if (*exponent < EXPONENT_CAP)
			*exponent = *exponent * 10 + (*at - '0');
	}
	if (negative)
		*exponent = -*exponent;
	return at > digits ? at : NULL;
}

/* Splits the text; false if it is no number.  The range is not checked here. */
static bool
read_decimal(const char *text, size_t length, Decimal *decimal)
{
	const char *at = text;
	const char *end = text + length;
	int64_t fraction_digits;
	int64_t exponent;

	memset(decimal, 0, offsetof(Decimal, digits));
	if (at < end && (*at == '-' || *at == '+'))
		decimal->negative = *at++ == '-';
	at = read_mantissa(at, end, decimal, &fraction_digits);
	if (at == NULL)
		return false;
	at = read_exponent(at, end, &exponent);
	if (at != end)
		return false;
	if (decimal->count > 0)
		decimal->exponent += exponent;
	else
		decimal->exponent = exponent - fraction_digits + 1;
	return true;
}

/* A zero is only refused for its exponent: DynamoDB takes 0.0e126 but not 0e126. */
static bool
check_range(const Decimal *decimal, ItemError *error)
{
	if (decimal->exponent > EXPONENT_MAX)
		return item_error_set(error, ITEM_ERROR_VALUE, 0, TEXT_OVERFLOW);
	if (decimal->count == 0)
		return true;
	if (decimal->exponent < EXPONENT_MIN)
		return item_error_set(error, ITEM_ERROR_VALUE, 0, TEXT_UNDERFLOW);
	if (decimal->too_long)
		return item_error_set(error, ITEM_ERROR_VALUE, 0,
							  "Attempting to store more than 38 significant digits in a Number");
	return true;
}

static size_t
encode(const Decimal *decimal, uint8_t *out)
{
	uint8_t *to = out;
	uint8_t exponent = (uint8_t) (decimal->exponent + EXPONENT_BIAS);

	if (decimal->count == 0)
	{
		*to = NUMBER_ZERO;
		return 1;
	}
	*to++ = decimal->negative ? NUMBER_NEGATIVE : NUMBER_POSITIVE;
	*to++ = decimal->negative ? (uint8_t) ~exponent : exponent;
	for (int i = 0; i < decimal->count; i += 2)
	{
		uint8_t low = i + 1 < decimal->count ? decimal->digits[i + 1] : 0;
		uint8_t pair = (uint8_t) (decimal->digits[i] << 4 | low);

		*to++ = decimal->negative ? (uint8_t) (NUMBER_COMPLEMENT - pair) : pair;
	}
	if (decimal->negative)
		*to++ = NUMBER_END;
	return (size_t) (to - out);
}

static void
decode(const uint8_t *number, size_t length, Decimal *decimal)
{
	bool negative = number[0] == NUMBER_NEGATIVE;
	size_t end = negative ? length - 1 : length;

	memset(decimal, 0, offsetof(Decimal, digits));
	if (number[0] == NUMBER_ZERO)
		return;
	decimal->negative = negative;
	decimal->exponent = (negative ? (uint8_t) ~number[1] : number[1]) - EXPONENT_BIAS;
	for (size_t i = 2; i < end; i++)
	{
		uint8_t pair = negative ? (uint8_t) (NUMBER_COMPLEMENT - number[i]) : number[i];

		decimal->digits[decimal->count++] = pair >> 4;
		decimal->digits[decimal->count++] = pair & 0x0F;
	}
	if (decimal->digits[decimal->count - 1] == 0)
		decimal->count--;
}

size_t
item_number_from_text(const char *text, size_t length, uint8_t out[ITEM_NUMBER_ENCODED_MAX],
					  ItemError *error)
{
	Decimal decimal;

	if (!read_decimal(text, length, &decimal))
	{
		item_error_set(error, ITEM_ERROR_VALUE, 0,
					   "The parameter cannot be converted to a numeric value");
		if (length > 0)
		{
			item_error_add_text(error, ": ");
			item_error_add_bytes(error, text, length);
		}
		return 0;
	}
	if (!check_range(&decimal, error))
		return 0;
	return encode(&decimal, out);
}

size_t
item_number_from_integer(uint64_t integer, uint8_t out[ITEM_NUMBER_ENCODED_MAX])
{
	char digits[20];
	size_t at = sizeof(digits);
	Decimal decimal;

	do
	{
		digits[--at] = (char) ('0' + integer % 10);
		integer /= 10;
	} while (integer > 0);
	read_decimal(digits + at, sizeof(digits) - at, &decimal);
	return encode(&decimal, out);
}

/* Digits of a sum before it is cut: from the highest place of a number to the lowest, and a carry. */
#define SUM_DIGITS_MAX (EXPONENT_MAX - EXPONENT_MIN + ITEM_NUMBER_DIGITS_MAX + 1)

/* Puts digits to their places below 10^top; place 0 is left for a carry. */
static void
spread(const Decimal *decimal, int64_t top, uint8_t *places)
{
	memset(places, 0, SUM_DIGITS_MAX);
	memcpy(places + 1 + (top - decimal->exponent), decimal->digits, (size_t) decimal->count);
}

/* left += right, or left -= right, where left is not the smaller one. */
static void
add_places(uint8_t *left, const uint8_t *right, bool subtract)
{
	int carry = 0;

	for (int i = SUM_DIGITS_MAX - 1; i >= 0; i--)
	{
		int digit = subtract ? left[i] - right[i] - carry : left[i] + right[i] + carry;

		carry = digit < 0 || digit > 9;
		left[i] = (uint8_t) (subtract ? digit + 10 * carry : digit - 10 * carry);
	}
}

/* Takes the digits up to the last one that is not 0. */
static void
gather(const uint8_t *places, int64_t top, Decimal *decimal)
{
	int first = 0;
	int end = SUM_DIGITS_MAX;

	while (first < end && places[first] == 0)
		first++;
	while (end > first && places[end - 1] == 0)
		end--;
	decimal->count = end - first;
	decimal->exponent = decimal->count > 0 ? top + 1 - first : 0;
	decimal->too_long = decimal->count > ITEM_NUMBER_DIGITS_MAX;
	if (!decimal->too_long)
		memcpy(decimal->digits, places + first, (size_t) decimal->count);
}

static size_t
add_decimals(const Decimal *left, const Decimal *right, uint8_t *out, ItemError *error)
{
	uint8_t left_places[SUM_DIGITS_MAX];
	uint8_t right_places[SUM_DIGITS_MAX];
	int64_t top = left->exponent > right->exponent ? left->exponent : right->exponent;
	Decimal sum;

	if (left->count == 0 || right->count == 0)
		return encode(left->count == 0 ? right : left, out);
	spread(left, top, left_places);
	spread(right, top, right_places);
	if (memcmp(left_places, right_places, SUM_DIGITS_MAX) < 0)
	{
		add_places(right_places, left_places, left->negative != right->negative);
		gather(right_places, top, &sum);
		sum.negative = right->negative;
	}
	else
	{
		add_places(left_places, right_places, left->negative != right->negative);
		gather(left_places, top, &sum);
		sum.negative = left->negative;
	}
	/* DynamoDB calls a sum of too many digits an overflow, too. */
	if (sum.too_long)
		return (size_t) item_error_set(error, ITEM_ERROR_VALUE, 0, TEXT_OVERFLOW);
	return check_range(&sum, error) ? encode(&sum, out) : 0;
}

size_t
item_number_add(const uint8_t *left, size_t left_length, const uint8_t *right, size_t right_length,
				uint8_t out[ITEM_NUMBER_ENCODED_MAX], ItemError *error)
{
	Decimal decimals[2];

	decode(left, left_length, &decimals[0]);
	decode(right, right_length, &decimals[1]);
	return add_decimals(&decimals[0], &decimals[1], out, error);
}

size_t
item_number_subtract(const uint8_t *left, size_t left_length, const uint8_t *right,
					 size_t right_length, uint8_t out[ITEM_NUMBER_ENCODED_MAX], ItemError *error)
{
	Decimal decimals[2];

	decode(left, left_length, &decimals[0]);
	decode(right, right_length, &decimals[1]);
	decimals[1].negative = !decimals[1].negative;
	return add_decimals(&decimals[0], &decimals[1], out, error);
}

static char *
put_zeros(char *to, int64_t count)
{
	memset(to, '0', (size_t) count);
	return to + count;
}

static char *
put_digits(char *to, const Decimal *decimal, int from, int until)
{
	for (int i = from; i < until; i++)
		*to++ = (char) ('0' + decimal->digits[i]);
	return to;
}

size_t
item_number_to_text(const uint8_t *number, size_t length, char out[ITEM_NUMBER_TEXT_MAX])
{
	Decimal decimal;
	char *to = out;
	int whole; /* digits in front of the point */

	decode(number, length, &decimal);
	if (decimal.negative)
		*to++ = '-';
	whole = decimal.exponent < decimal.count ? (int) decimal.exponent : decimal.count;
	if (whole <= 0)
	{
		*to++ = '0';
		if (decimal.count == 0)
			return (size_t) (to - out);
		*to++ = '.';
		to = put_zeros(to, -decimal.exponent);
		to = put_digits(to, &decimal, 0, decimal.count);
		return (size_t) (to - out);
	}
	to = put_digits(to, &decimal, 0, whole);
	if (whole < decimal.count)
	{
		*to++ = '.';
		to = put_digits(to, &decimal, whole, decimal.count);
	}
	else
		to = put_zeros(to, decimal.exponent - decimal.count);
	return (size_t) (to - out);
}

size_t
item_number_size(const uint8_t *number, size_t length)
{
	Decimal decimal;
	size_t whole;
	size_t fraction;

	decode(number, length, &decimal);
	if (decimal.count == 0)
		return 1;
	if (decimal.exponent <= 0)
		whole = 0;
	else
		whole = (size_t) (decimal.exponent < decimal.count ? decimal.exponent : decimal.count);
	fraction = (size_t) decimal.count - whole;
	return 1 + (whole + 1) / 2 + (fraction + 1) / 2 + (decimal.negative ? 1 : 0);
}

/* Digits as they are stored for a positive number: no leading zero digit, no trailing zero byte. */
static bool
digits_are_canonical(const uint8_t *pairs, size_t count, uint8_t complement_of)
{
	for (size_t i = 0; i < count; i++)
	{
		uint8_t pair = complement_of > 0 ? (uint8_t) (complement_of - pairs[i]) : pairs[i];

		if ((pair >> 4) > 9 || (pair & 0x0F) > 9)
			return false;
		if ((i == 0 && (pair >> 4) == 0) || (i == count - 1 && pair == 0))
			return false;
	}
	return count > 0 && count <= (ITEM_NUMBER_DIGITS_MAX + 1) / 2;
}

bool
item_number_validate(const uint8_t *number, size_t length)
{
	if (length == 1)
		return number[0] == NUMBER_ZERO;
	if (length < 3)
		return false;
	if (number[0] == NUMBER_POSITIVE)
		return digits_are_canonical(number + 2, length - 2, 0);
	if (number[0] != NUMBER_NEGATIVE || number[length - 1] != NUMBER_END)
		return false;
	return digits_are_canonical(number + 2, length - 3, NUMBER_COMPLEMENT);
}

/*
 * test_item_number.c
 *		Numbers: texts taken and refused, canonical text, size, order of encodings.
 *
 * The property tests compare with an independent reading of the same texts: plain digit strings of
 * fixed width, added up by hand, know nothing of exponents or encodings.
 */
#include "unit/tap.h"

#include "item/item.h"
#include "item/item_number.h"
#include "unit/item_helper.h"

#define NINES38 "99999999999999999999999999999999999999"
#define ZEROS10 "0000000000"
#define ZEROS120 \
	ZEROS10 ZEROS10 ZEROS10 ZEROS10 ZEROS10 ZEROS10 ZEROS10 ZEROS10 ZEROS10 ZEROS10 ZEROS10 ZEROS10

#define NOT_NUMERIC "The parameter cannot be converted to a numeric value"
#define OVERFLOW_TEXT \
	"Number overflow. Attempting to store a number with magnitude larger than supported range"
#define UNDERFLOW_TEXT \
	"Number underflow. Attempting to store a number with magnitude smaller than supported range"
#define DIGITS_TEXT "Attempting to store more than 38 significant digits in a Number"

typedef struct Case
{
	const char *text;
	const char *expected; /* canonical text, or the error's */
	int size;             /* as DynamoDB counts; 0 for an error */
} Case;

static const Case cases[] = {
	{"0", "0", 1},
	{"-0", "0", 1},
	{"+0.000", "0", 1},
	{"0.0e126", "0", 1},
	{"0e125", "0", 1},
	{"1", "1", 2},
	{"00042", "42", 2},
	{"+5", "5", 2},
	{".5", "0.5", 2},
	{"5.", "5", 2},
	{"1.e5", "100000", 2},
	{"1e3", "1000", 2},
	{"1000", "1000", 2},
	{"1.5E2", "150", 2},
	{"-1.50", "-1.5", 4},
	{"1998", "1998", 3},
	{"123.456", "123.456", 5},
	{"-0.001", "-0.001", 3},
	{"12345e-3", "12.345", 4},
	{"1E+2", "100", 2},
	{"1e-130", "0." ZEROS120 "0000000001", 2},
	{"-1E-130", "-0." ZEROS120 "0000000001", 3},
	{"1e125", "1" ZEROS120 "00000", 2},
	{"0." NINES38, "0." NINES38, 20},
	{NINES38, NINES38, 20},
	{NINES38 "e87",
	 NINES38 ZEROS10 ZEROS10 ZEROS10 ZEROS10 ZEROS10 ZEROS10 ZEROS10 ZEROS10 "0000000", 20},
	{"00000" NINES38 "00000", NINES38 "00000", 20},
	{"", NOT_NUMERIC, 0},
	{" 1", NOT_NUMERIC ":  1", 0},
	{"1 ", NOT_NUMERIC ": 1 ", 0},
	{"NaN", NOT_NUMERIC ": NaN", 0},
	{"Infinity", NOT_NUMERIC ": Infinity", 0},
	{"-", NOT_NUMERIC ": -", 0},
	{".", NOT_NUMERIC ": .", 0},
	{"+-1", NOT_NUMERIC ": +-1", 0},
	{"1.2.3", NOT_NUMERIC ": 1.2.3", 0},
	{"1e", NOT_NUMERIC ": 1e", 0},
	{"1e+", NOT_NUMERIC ": 1e+", 0},
	{"e5", NOT_NUMERIC ": e5", 0},
	{"0x10", NOT_NUMERIC ": 0x10", 0},
	{"1,000", NOT_NUMERIC ": 1,000", 0},
	{"1e126", OVERFLOW_TEXT, 0},
	{"-10e125", OVERFLOW_TEXT, 0},
	{"0e126", OVERFLOW_TEXT, 0},
	{"1e99999999999999999999999", OVERFLOW_TEXT, 0},
	{"1e-131", UNDERFLOW_TEXT, 0},
	{"0.1e-130", UNDERFLOW_TEXT, 0},
	{"-1e-99999999999999999999999", UNDERFLOW_TEXT, 0},
	{NINES38 "9", DIGITS_TEXT, 0},
	{"1" ZEROS10 ZEROS10 ZEROS10 "00000000.5", DIGITS_TEXT, 0},
};

static size_t
encode(const char *text, size_t length, uint8_t *out, ItemError *error)
{
	item_error_clear(error);
	return item_number_from_text(text, length, out, error);
}

static void
test_table(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		uint8_t number[ITEM_NUMBER_ENCODED_MAX];
		char text[ITEM_NUMBER_TEXT_MAX + 1];
		ItemError error;
		size_t length = encode(cases[i].text, strlen(cases[i].text), number, &error);

		if (length == 0)
		{
			TAP_IS_STR(error.message, cases[i].expected, cases[i].text);
			TAP_OK(error.code == ITEM_ERROR_VALUE && cases[i].size == 0, "%s is refused",
				   cases[i].text);
			continue;
		}
		text[item_number_to_text(number, length, text)] = '\0';
		TAP_IS_STR(text, cases[i].expected, cases[i].text);
		TAP_IS_INT(item_number_size(number, length), cases[i].size, "its size");
	}
}

static void
test_encodings(void)
{
	static const struct
	{
		const char *text;
		const char *bytes;
		size_t length;
	} known[] = {
		{"0", "\x02", 1},
		{"1998", "\x03\x85\x19\x98", 4},
		{"5", "\x03\x82\x50", 3},
		{"-5", "\x01\x7D\x49\xAA", 4},
		{"-1.2", "\x01\x7D\x87\xAA", 4},
		{"1e-130", "\x03\x00\x10", 3},
		{"9e125", "\x03\xFF\x90", 3},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		uint8_t number[ITEM_NUMBER_ENCODED_MAX];
		ItemError error;
		size_t length = encode(known[i].text, strlen(known[i].text), number, &error);

		TAP_IS_BYTES(number, length, known[i].bytes, known[i].length, known[i].text);
	}
}

/*
 * The value as a sign and 400 decimal digits, 200 on each side of the point: what random_number
 * writes fits.  The digits are placed one by one at the position that the exponent gives them.
 */
#define PLACES 400
#define TEXT_MAX 160

typedef struct Reference
{
	int sign; /* -1, 0, 1 */
	char digits[PLACES];
} Reference;

static void
reference_read(const char *text, Reference *reference)
{
	const char *exponent = strpbrk(text, "eE");
	size_t mantissa = exponent ? (size_t) (exponent - text) : strlen(text);
	const char *point = memchr(text, '.', mantissa);
	long place = PLACES / 2 - (exponent ? strtol(exponent + 1, NULL, 10) : 0);

	memset(reference->digits, '0', PLACES);
	reference->sign = 0;
	for (size_t i = 0; i < (point ? (size_t) (point - text) : mantissa); i++)
		place -= text[i] >= '0' && text[i] <= '9';
	for (size_t i = 0; i < mantissa; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			continue;
		reference->digits[place++] = text[i];
		if (text[i] != '0')
			reference->sign = text[0] == '-' ? -1 : 1;
	}
}

static int
reference_compare(const Reference *left, const Reference *right)
{
	if (left->sign != right->sign)
		return left->sign < right->sign ? -1 : 1;
	return left->sign * memcmp(left->digits, right->digits, PLACES);
}

static int
sign_of(int order)
{
	return (order > 0) - (order < 0);
}

/* Pairs are made alike now and then: same digits, or same text with a digit more. */
static void
random_pair(char *left, char *right)
{
	size_t length = item_helper_random_number(left);

	left[length] = '\0';
	right[item_helper_random_number(right)] = '\0';
	if (item_helper_random(3) == 0 && !strpbrk(left, "eE"))
	{
		/* Another digit behind the same text. */
		char *end = stpcpy(stpcpy(right, left), strchr(left, '.') ? "" : ".");

		*end++ = (char) ('0' + item_helper_random(10));
		*end = '\0';
	}
}

static void
test_order(void)
{
	int wrong_order = 0;
	int wrong_text = 0;
	int invalid = 0;

	for (int i = 0; i < 100000; i++)
	{
		char texts[2][TEXT_MAX];
		uint8_t numbers[2][ITEM_NUMBER_ENCODED_MAX];
		size_t lengths[2];
		Reference references[3];
		ItemError error;
		char canonical[ITEM_NUMBER_TEXT_MAX + 1];

		random_pair(texts[0], texts[1]);
		for (int side = 0; side < 2; side++)
		{
			lengths[side] = encode(texts[side], strlen(texts[side]), numbers[side], &error);
			reference_read(texts[side], &references[side]);
		}
		if (lengths[0] == 0 || lengths[1] == 0)
			continue; /* more than 38 digits: the table tests that */
		if (sign_of(item_compare_bytes(numbers[0], lengths[0], numbers[1], lengths[1])) !=
			sign_of(reference_compare(&references[0], &references[1])))
		{
			tap_note("wrong order: %s and %s", texts[0], texts[1]);
			wrong_order++;
		}
		canonical[item_number_to_text(numbers[0], lengths[0], canonical)] = '\0';
		reference_read(canonical, &references[2]);
		wrong_text += reference_compare(&references[0], &references[2]) != 0;
		invalid += !item_number_validate(numbers[0], lengths[0]);
	}
	TAP_IS_INT(wrong_order, 0, "encodings of random numbers sort by value");
	TAP_IS_INT(wrong_text, 0, "the canonical text has the same value");
	TAP_IS_INT(invalid, 0, "every encoding is valid");
}

/* Random bytes near valid ones: whatever is called valid must be what its own text encodes to. */
static void
test_validate(void)
{
	int wrong = 0;
	int valid = 0;

	for (int i = 0; i < 300000; i++)
	{
		uint8_t number[ITEM_NUMBER_ENCODED_MAX + 2] = {0};
		uint8_t again[ITEM_NUMBER_ENCODED_MAX];
		char text[ITEM_NUMBER_TEXT_MAX];
		ItemError error;
		size_t length = encode(text, item_helper_random_number(text), number, &error);

		length += item_helper_random(3);
		if (length == 0)
			continue;
		number[item_helper_random(length)] = (uint8_t) item_helper_random(256);
		if (!item_number_validate(number, length))
			continue;
		valid++;
		size_t again_length = encode(text, item_number_to_text(number, length, text), again,
									 &error);
		wrong += again_length != length || memcmp(number, again, length) != 0;
	}
	TAP_IS_INT(wrong, 0, "valid bytes are the one encoding of their number");
	TAP_OK(valid > 1000, "the test met %d valid encodings", valid);
}

/* Integers have the encoding that their text has. */
static void
test_integers(void)
{
	static const uint64_t integers[] = {0, 1, 5, 10, 1998, 4294967295u, UINT64_MAX};

	for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++)
	{
		char text[32];
		uint8_t expected[ITEM_NUMBER_ENCODED_MAX];
		uint8_t number[ITEM_NUMBER_ENCODED_MAX];
		ItemError error;
		int length = snprintf(text, sizeof(text), "%" PRIu64, integers[i]);
		size_t expected_length = item_number_from_text(text, (size_t) length, expected, &error);

		TAP_IS_BYTES(number, item_number_from_integer(integers[i], number), expected,
					 expected_length, text);
	}
}

int
main(void)
{
	item_helper_seed(38);
	test_integers();
	test_table();
	test_encodings();
	test_order();
	test_validate();
	return tap_done();
}

/*
 * test_item_number_sum.c
 *		Sums and differences of numbers: limits with DynamoDB's texts, and random pairs against an
 *		independent sum.
 *
 * The independent sum knows nothing of signs, exponents or encodings: both numbers are integers in
 * base ten billion, in ten's complement, so that a difference is a sum too.
 */
#include "unit/tap.h"

#include "item/item_number.h"
#include "unit/item_helper.h"

#define NINES38 "99999999999999999999999999999999999999"
#define OVERFLOW_TEXT \
	"Number overflow. Attempting to store a number with magnitude larger than supported range"
#define UNDERFLOW_TEXT \
	"Number underflow. Attempting to store a number with magnitude smaller than supported range"

#define PAIRS 100000
#define LIMBS 6 /* of ten digits: 60 digits hold 38 with a shift of 15 */
#define LIMB UINT64_C(10000000000)
#define SHIFT_MAX 15

typedef struct Case
{
	const char *left;
	const char *right;
	const char *sum;        /* as the canonical text of this, or an error */
	const char *difference; /* the same */
} Case;

static const Case cases[] = {
	{"1", "2", "3", "-1"},
	{"0", "0", "0", "0"},
	{"5", "0", "5", "5"},
	{"0", "5", "5", "-5"},
	{"-5", "5", "0", "-10"},
	{"0.1", "0.2", "0.3", "-0.1"},
	{"999", "1", "1000", "998"},
	{"-1.5", "-2.5", "-4", "1"},
	{NINES38, "1", "1e38", "99999999999999999999999999999999999998"},
	{"1e38", "1", OVERFLOW_TEXT, NINES38},
	{"1e50", "1", OVERFLOW_TEXT, OVERFLOW_TEXT},
	{"1e125", "1e-130", OVERFLOW_TEXT, OVERFLOW_TEXT},
	{"9e125", "1e125", OVERFLOW_TEXT, "8e125"},
	{"-9e125", "-1e125", OVERFLOW_TEXT, "-8e125"},
	{NINES38 "e88", NINES38 "e88", OVERFLOW_TEXT, "0"},
	{"1.1e-130", "1e-130", "2.1e-130", UNDERFLOW_TEXT},
	{"1e-130", "-1e-130", "0", "2e-130"},
	{"1e-130", "1e-130", "2e-130", "0"},
};

typedef size_t (*Operation)(const uint8_t *left, size_t left_length, const uint8_t *right,
							size_t right_length, uint8_t *out, ItemError *error);

static size_t
number(const char *text, uint8_t *out)
{
	ItemError error;

	return item_number_from_text(text, strlen(text), out, &error);
}

static void
check(const Case *c, Operation operation, const char *expected)
{
	uint8_t left[ITEM_NUMBER_ENCODED_MAX];
	uint8_t right[ITEM_NUMBER_ENCODED_MAX];
	uint8_t wanted[ITEM_NUMBER_ENCODED_MAX];
	uint8_t got[ITEM_NUMBER_ENCODED_MAX];
	size_t left_length = number(c->left, left);
	size_t right_length = number(c->right, right);
	ItemError error;
	size_t length = operation(left, left_length, right, right_length, got, &error);

	if (expected[0] == 'N')
		TAP_IS_STR(length == 0 ? error.message : "a number", expected, c->left);
	else
		TAP_IS_BYTES(got, length, wanted, number(expected, wanted), c->left);
}

/* Random digits, with runs of nines and zeros, as a text and, times 10^shift, in limbs. */
static void
random_integer(char *text, uint64_t *limbs, int shift, bool negate)
{
	size_t digits = 1 + item_helper_random(38);
	char *to = text;
	uint64_t carry = negate;

	memset(limbs, 0, LIMBS * sizeof(*limbs));
	for (size_t i = 0; i < digits; i++)
	{
		uint64_t kind = item_helper_random(4);

		*to++ = (char) ('0' + (kind == 0 ? 9 : kind == 1 ? 0 : item_helper_random(10)));
	}
	for (size_t i = 0; i < digits + (size_t) shift; i++)
	{
		uint64_t place = 1;

		for (size_t j = 0; j < i % 10; j++)
			place *= 10;
		if (i >= (size_t) shift)
			limbs[i / 10] += place * (uint64_t) (to[(ptrdiff_t) shift - (ptrdiff_t) i - 1] - '0');
	}
	for (int i = 0; negate && i < LIMBS; i++)
	{
		uint64_t limb = LIMB - 1 - limbs[i] + carry;

		limbs[i] = limb % LIMB;
		carry = limb / LIMB;
	}
	sprintf(to, "e%d", shift);
}

/* Adds in ten's complement and prints the value. */
static void
print_sum(const uint64_t *left, const uint64_t *right, char *out)
{
	uint64_t sum[LIMBS];
	uint64_t carry = 0;
	bool negative;

	for (int i = 0; i < LIMBS; i++)
	{
		sum[i] = (left[i] + right[i] + carry) % LIMB;
		carry = (left[i] + right[i] + carry) / LIMB;
	}
	negative = sum[LIMBS - 1] >= LIMB / 2;
	carry = 1;
	for (int i = 0; negative && i < LIMBS; i++)
	{
		uint64_t limb = LIMB - 1 - sum[i] + carry;

		sum[i] = limb % LIMB;
		carry = limb / LIMB;
	}
	if (negative)
		*out++ = '-';
	for (int i = LIMBS - 1; i >= 0; i--)
		out += sprintf(out, "%010" PRIu64, sum[i]);
}

/* True if the operation gives what the limbs give, or overflow where they need too many digits. */
static bool
pair_is_right(void)
{
	char text[2][64];
	char sum_text[LIMBS * 10 + 2];
	uint64_t limbs[2][LIMBS];
	uint8_t encoded[2][ITEM_NUMBER_ENCODED_MAX];
	size_t lengths[2];
	uint8_t wanted[ITEM_NUMBER_ENCODED_MAX];
	uint8_t got[ITEM_NUMBER_ENCODED_MAX];
	bool negative = item_helper_random(2) == 0;
	bool subtract = item_helper_random(2) == 0;
	Operation operation = subtract ? item_number_subtract : item_number_add;
	ItemError error;
	size_t wanted_length;
	size_t length;

	for (int i = 0; i < 2; i++)
	{
		bool minus = i == 0 ? negative : item_helper_random(2) == 0;
		char *to = text[i];

		if (minus)
			*to++ = '-';
		random_integer(to, limbs[i], (int) item_helper_random(SHIFT_MAX + 1),
					   minus != (i == 1 && subtract));
		lengths[i] = number(text[i], encoded[i]);
	}
	print_sum(limbs[0], limbs[1], sum_text);
	wanted_length = number(sum_text, wanted);
	length = operation(encoded[0], lengths[0], encoded[1], lengths[1], got, &error);
	if (wanted_length == 0)
		return length == 0 && strcmp(error.message, OVERFLOW_TEXT) == 0;
	return length == wanted_length && memcmp(got, wanted, length) == 0 &&
		   item_number_validate(got, length);
}

int
main(void)
{
	int wrong = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		check(&cases[i], item_number_add, cases[i].sum);
		check(&cases[i], item_number_subtract, cases[i].difference);
	}
	item_helper_seed(7);
	for (int i = 0; i < PAIRS; i++)
		wrong += !pair_is_right();
	TAP_IS_INT(wrong, 0, "random sums and differences are exact, or overflow where they must");
	return tap_done();
}

/*
 * test_item_key_condition.c
 *		Key condition expressions: ranges, every refusal with DynamoDB's text, names and values used
 *		or not.
 */
#include "unit/tap.h"

#include "item/key_condition.h"
#include "unit/item_helper.h"

#define VALUES                                                                                    \
	"{\":pk\": {\"S\": \"p\"}, \":a\": {\"S\": \"a\"}, \":b\": {\"S\": \"b\"}, \":e\": {\"S\": "  \
	"\"\"}, \":n\": {\"N\": \"5\"}, \":m\": {\"N\": \"-5\"}, \":x\": {\"B\": \"//8=\"}, \":y\": " \
	"{\"B\": \"AP8=\"}, \":l\": {\"L\": []}}"

#define INVALID "Invalid KeyConditionExpression: "

static const ExpressionName names[] = {
	{{3, (const uint8_t *) "#pk"}, {2, (const uint8_t *) "pk"}},
	{{3, (const uint8_t *) "#sk"}, {2, (const uint8_t *) "sk"}},
	{{4, (const uint8_t *) "#dot"}, {4, (const uint8_t *) "a.sk"}},
};

#define NAMES (sizeof(names) / sizeof(names[0]))
#define VALUES_MAX 16

typedef struct Fixture
{
	ItemBuffer values;
	bool names_used[NAMES];
	bool values_used[VALUES_MAX];
	ExpressionContext context;
	KeyCondition condition;
	ItemError error;
} Fixture;

static void
fixture_begin(Fixture *fixture, const char *values)
{
	memset(fixture, 0, sizeof(*fixture));
	fixture->values = item_helper_item(values);
	fixture->context.names = names;
	fixture->context.name_count = NAMES;
	fixture->context.names_used = fixture->names_used;
	fixture->context.values = fixture->values.bytes;
	fixture->context.values_length = fixture->values.length;
	fixture->context.values_used = fixture->values_used;
}

static KeySchema
schema_with(ItemType sort_type)
{
	KeySchema schema = {.partition = {.name = "pk", .name_length = 2, .type = ITEM_STRING}};

	schema.has_sort = sort_type != 0;
	schema.sort = (KeyAttribute){.name = "sk", .name_length = 2, .type = sort_type};
	return schema;
}

static bool
parse(Fixture *fixture, const char *expression, ItemType sort_type)
{
	KeySchema schema = schema_with(sort_type);
	size_t length = strlen(expression);
	char *copy = malloc(length + 1);
	bool good;

	memcpy(copy, expression, length);
	good = key_condition_parse(copy, length, &schema, &fixture->context, &fixture->condition,
							   &fixture->error);
	free(copy);
	return good;
}

typedef struct Good
{
	const char *expression;
	ItemType sort_type; /* 0: no sort key */
	const char *lower;
	int lower_length;
	const char *upper;
	int upper_length; /* -1: no upper bound */
} Good;

#define FIVE "\x03\x82\x50"
#define MINUS_FIVE "\x01\x7D\x49\xAA"

static const Good good[] = {
	{"pk = :pk", 0, "", 0, "", -1},
	{"pk=:pk", ITEM_STRING, "", 0, "", -1},
	{" ( #pk = :pk ) ", ITEM_STRING, "", 0, "", -1},
	{"pk = :pk AND sk = :a", ITEM_STRING, "a", 1, "a\0", 2},
	{"sk = :a and pk = :pk", ITEM_STRING, "a", 1, "a\0", 2},
	{"pk = :pk AND sk < :a", ITEM_STRING, "", 0, "a", 1},
	{"pk = :pk AND sk <= :a", ITEM_STRING, "", 0, "a\0", 2},
	{"pk = :pk AND sk > :a", ITEM_STRING, "a\0", 2, "", -1},
	{"pk = :pk AND #sk >= :a", ITEM_STRING, "a", 1, "", -1},
	{"pk = :pk AND sk BETWEEN :a AND :b", ITEM_STRING, "a", 1, "b\0", 2},
	{"sk between :a and :a And pk = :pk", ITEM_STRING, "a", 1, "a\0", 2},
	{"((pk = :pk) AND (begins_with(sk, :a)))", ITEM_STRING, "a", 1, "b", 1},
	{"begins_with ( sk , :a ) AND pk = :pk", ITEM_STRING, "a", 1, "b", 1},
	{"pk = :pk AND begins_with(sk, :x)", ITEM_BINARY, "\xFF\xFF", 2, "", -1},
	{"pk = :pk AND begins_with(sk, :y)", ITEM_BINARY, "\0\xFF", 2, "\x01", 1},
	{"pk = :pk AND sk = :n", ITEM_NUMBER, FIVE, 3, FIVE "\0", 4},
	{"pk = :pk AND sk BETWEEN :m AND :n", ITEM_NUMBER, MINUS_FIVE, 4, FIVE "\0", 4},
};

static void
test_good(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
	{
		Fixture fixture;
		KeyCondition *condition = &fixture.condition;

		fixture_begin(&fixture, VALUES);
		if (TAP_OK(parse(&fixture, good[i].expression, good[i].sort_type), "taken: %s",
				   good[i].expression))
		{
			TAP_IS_BYTES(condition->partition.bytes, condition->partition.length, "p", 1,
						 "its partition key");
			TAP_IS_BYTES(condition->lower, condition->lower_length, good[i].lower,
						 good[i].lower_length, "its lower bound");
			TAP_OK(condition->has_upper == (good[i].upper_length >= 0),
				   "it has an upper bound or not");
			if (condition->has_upper)
				TAP_IS_BYTES(condition->upper, condition->upper_length, good[i].upper,
							 good[i].upper_length, "its upper bound");
		}
		else
			tap_note("%s", fixture.error.message);
		item_helper_free(&fixture.values);
	}
}

typedef struct Bad
{
	const char *expression;
	const char *message;
} Bad;

/* With a sort key of type S. */
static const Bad bad[] = {
	{"", INVALID "The expression can not be empty;"},
	{"  ", INVALID "The expression can not be empty;"},
	{"pk", INVALID "Syntax error; token: \"<EOF>\", near: \"pk\""},
	{"pk ! :pk", INVALID "Syntax error; token: \"!\", near: \"pk ! :pk\""},
	{"pk = :pk sk = :a", INVALID "Syntax error; token: \"sk\", near: \":pk sk =\""},
	{"pk = :pk AND", INVALID "Syntax error; token: \"<EOF>\", near: \"AND\""},
	{"pk = 5", INVALID "Syntax error; token: \"5\", near: \"= 5\""},
	{"(pk = :pk", INVALID "Syntax error; token: \"<EOF>\", near: \":pk\""},
	{"pk = :pk)", INVALID "Syntax error; token: \")\", near: \":pk)\""},
	{"pk = :pk AND sk BETWEEN :a", INVALID "Syntax error; token: \"<EOF>\", near: \":a\""},
	{"pk = : AND sk = :a", INVALID "Syntax error; token: \":\", near: \"= : AND\""},
	{"pk = \xC3\xA4", INVALID "Syntax error; token: \"\xC3\xA4\", near: \"= \xC3\xA4\""},
	{"((pk = :pk))", INVALID "The expression has redundant parentheses;"},
	{"(((((((((pk = :pk)))))))))", INVALID "The expression has redundant parentheses;"},
	{"pk = :pk AND ((sk = :a))", INVALID "The expression has redundant parentheses;"},
	{"status = :pk", INVALID "Attribute name is a reserved keyword; reserved keyword: status"},
	{"Zone = :pk", INVALID "Attribute name is a reserved keyword; reserved keyword: Zone"},
	{"#no = :pk", INVALID "An expression attribute name used in the document path is not defined; "
						  "attribute name: #no"},
	{"pk = :no", INVALID
	 "An expression attribute value used in expression is not defined; attribute value: :no"},
	{"pk = :pk OR sk = :a", "Invalid operator used in KeyConditionExpression: OR"},
	{"NOT pk = :pk", "Invalid operator used in KeyConditionExpression: NOT"},
	{"pk <> :pk", "Invalid operator used in KeyConditionExpression: <>"},
	{"pk IN (:pk)", "Invalid operator used in KeyConditionExpression: IN"},
	{"pk = :pk AND contains(sk, :a)", "Invalid operator used in KeyConditionExpression: contains"},
	{"pk = :pk AND Begins_With(sk, :a)", INVALID "Invalid function name; function: Begins_With"},
	{"pk = :pk AND begins_with(sk)",
	 INVALID "Incorrect number of operands for operator or function; operator or function: "
			 "begins_with, number of operands: 1"},
	{"pk = :pk AND begins_with(:a, sk)",
	 INVALID "Operator or function requires a document path; operator or function: begins_with"},
	{"pk = :pk AND begins_with(sk, :n)",
	 INVALID "Incorrect operand type for operator or function; operator or function: begins_with, "
			 "operand type: N"},
	{"pk.a = :pk", "KeyConditionExpressions cannot have conditions on nested attributes"},
	{"pk[0] = :pk", "KeyConditionExpressions cannot have conditions on nested attributes"},
	{"pk = sk", "Invalid condition in KeyConditionExpression: Multiple attribute names used in one "
				"condition"},
	{"pk = :pk AND pk = :a", "KeyConditionExpressions must only contain one condition per key"},
	{"pk = :pk AND sk = :a AND sk = :b", "Conditions can be of length 1 or 2 only"},
	{"sk = :a", "Query condition missed key schema element: pk"},
	{"sk = :a AND sk = :b", "Query condition missed key schema element: pk"},
	{"pk = :pk AND artist = :a", "Query condition missed key schema element: sk"},
	{"pk = :pk AND #dot = :a", "Query condition missed key schema element: sk"},
	{"pk > :pk AND sk = :a", "Query key condition not supported"},
	{"begins_with(pk, :pk)", "Query key condition not supported"},
	{"pk = :n",
	 "One or more parameter values were invalid: Condition parameter type does not match "
	 "schema type"},
	{"pk = :pk AND sk > :l", "One or more parameter values were invalid: Condition parameter type "
							 "does not match schema type"},
	{"pk = :e",
	 "One or more parameter values are not valid. The AttributeValue for a key attribute "
	 "cannot contain an empty string value. Key: pk"},
	{"pk = :pk AND sk > :e", "One or more parameter values are not valid. The AttributeValue for a "
							 "key attribute cannot contain an empty string value. Key: sk"},
	{"pk = :pk AND sk BETWEEN :b AND :a", INVALID
	 "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
	 "lower bound operand: AttributeValue: {S:b}, upper bound operand: AttributeValue: {S:a}"},
	{"pk = :pk AND sk BETWEEN :a AND :n",
	 INVALID "The BETWEEN operator requires same data type for lower and upper bounds; lower bound "
			 "operand: AttributeValue: {S:a}, upper bound operand: AttributeValue: {N:5}"},
};

static void
test_bad(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		Fixture fixture;
		bool taken;

		fixture_begin(&fixture, VALUES);
		taken = parse(&fixture, bad[i].expression, ITEM_STRING);
		TAP_OK(!taken && fixture.error.code == ITEM_ERROR_VALUE, "refused: %s", bad[i].expression);
		TAP_IS_STR(fixture.error.message, bad[i].message, "its message");
		item_helper_free(&fixture.values);
	}
}

static void
test_lengths(void)
{
	char expression[EXPRESSION_BYTES_MAX + 2];
	char values[4096];
	char *to = stpcpy(values, "{\":v\": {\"S\": \"");
	Fixture fixture;

	memset(to, 'k', KEY_SORT_MAX + 1);
	strcpy(to + KEY_SORT_MAX + 1, "\"}}");
	fixture_begin(&fixture, values);
	TAP_OK(parse(&fixture, "pk = :v", ITEM_STRING), "a partition key may have 1,025 bytes");
	TAP_OK(!parse(&fixture, "pk = :v AND sk > :v", ITEM_STRING), "a sort key may not");
	TAP_IS_STR(fixture.error.message,
			   "One or more parameter values were invalid: Aggregated size of all range keys has "
			   "exceeded the size limit of 1024 bytes",
			   "its message");

	memset(expression, ' ', sizeof(expression));
	memcpy(expression, "pk = :v", 7);
	expression[EXPRESSION_BYTES_MAX] = '\0';
	TAP_OK(parse(&fixture, expression, 0), "an expression of 4,096 bytes is taken");
	expression[EXPRESSION_BYTES_MAX] = ' ';
	expression[EXPRESSION_BYTES_MAX + 1] = '\0';
	TAP_OK(!parse(&fixture, expression, 0), "one of 4,097 bytes is not");
	TAP_IS_STR(fixture.error.message,
			   INVALID
			   "Expression size has exceeded the maximum allowed size; expression size: 4097",
			   "its message");
	memset(expression, '(', EXPRESSION_BYTES_MAX);
	expression[EXPRESSION_BYTES_MAX] = '\0';
	TAP_OK(!parse(&fixture, expression, 0), "4,096 parentheses are refused");
	item_helper_free(&fixture.values);
}

static void
test_schema_without_sort(void)
{
	Fixture fixture;

	fixture_begin(&fixture, VALUES);
	TAP_OK(!parse(&fixture, "pk = :pk AND sk = :a", 0), "no second condition without a sort key");
	TAP_IS_STR(fixture.error.message, "Query key condition not supported", "its message");
	item_helper_free(&fixture.values);
}

static void
test_used(void)
{
	Fixture fixture;

	fixture_begin(&fixture, "{\":pk\": {\"S\": \"p\"}, \":a\": {\"S\": \"a\"}}");
	TAP_OK(expression_context_check(&fixture.context, &fixture.error), "the maps are well formed");
	TAP_OK(parse(&fixture, "#pk = :pk", ITEM_STRING), "one name and one value are used");
	TAP_OK(!expression_context_check_used(&fixture.context, &fixture.error), "the others are not");
	TAP_IS_STR(
		fixture.error.message,
		"Value provided in ExpressionAttributeNames unused in expressions: keys: {#sk, #dot}",
		"names are reported first");
	memset(fixture.names_used, true, sizeof(fixture.names_used));
	TAP_OK(!expression_context_check_used(&fixture.context, &fixture.error), "nor is a value");
	TAP_IS_STR(fixture.error.message,
			   "Value provided in ExpressionAttributeValues unused in expressions: keys: {:a}",
			   "its message");
	TAP_OK(parse(&fixture, "pk = :pk AND sk = :a", ITEM_STRING), "a second expression uses it");
	TAP_OK(expression_context_check_used(&fixture.context, &fixture.error), "so all are used");
	item_helper_free(&fixture.values);
}

static void
test_maps(void)
{
	static const ExpressionName wrong = {{1, (const uint8_t *) "#"}, {1, (const uint8_t *) "a"}};
	uint8_t long_text[256] = "#";
	ExpressionName long_name = {{255, long_text}, {1, (const uint8_t *) "a"}};
	Fixture fixture;

	memset(long_text + 1, 'a', sizeof(long_text) - 1);

	fixture_begin(&fixture, "{\"v\": {\"S\": \"\"}}");
	TAP_OK(!expression_context_check(&fixture.context, &fixture.error), "a value without a colon");
	TAP_IS_STR(fixture.error.message,
			   "ExpressionAttributeValues contains invalid key: Syntax error; key: \"v\"",
			   "its message");
	fixture.context.names = &wrong;
	fixture.context.name_count = 1;
	TAP_OK(!expression_context_check(&fixture.context, &fixture.error), "a mark without a name");
	TAP_IS_STR(fixture.error.message,
			   "ExpressionAttributeNames contains invalid key: Syntax error; key: \"#\"",
			   "its message");
	long_name.placeholder.length = 256;
	fixture.context.names = &long_name;
	TAP_OK(!expression_context_check(&fixture.context, &fixture.error), "a name of 256 bytes");
	TAP_IS_INT(strncmp(fixture.error.message,
					   "ExpressionAttributeNames contains invalid key: The key is longer than 255 "
					   "bytes; key: \"#aaa",
					   80),
			   0, "its message");
	fixture.context.name_count = 0;
	TAP_OK(!expression_context_check(&fixture.context, &fixture.error), "no names at all");
	TAP_IS_STR(fixture.error.message, "ExpressionAttributeNames must not be empty", "its message");
	item_helper_free(&fixture.values);

	fixture_begin(&fixture, VALUES);
	fixture.context.names = &long_name;
	fixture.context.name_count = 1;
	long_name.placeholder.length = 255;
	fixture.context.values = NULL;
	TAP_OK(expression_context_check(&fixture.context, &fixture.error), "a name of 255 bytes");
	TAP_OK(!parse(&fixture, "pk = :pk", ITEM_STRING), "no values, but one is used");
	memset(fixture.names_used, true, sizeof(fixture.names_used));
	TAP_OK(expression_context_check_used(&fixture.context, &fixture.error), "none is unused");
	item_helper_free(&fixture.values);

	fixture_begin(&fixture, "{}");
	TAP_OK(!expression_context_check(&fixture.context, &fixture.error), "no values at all");
	TAP_IS_STR(fixture.error.message, "ExpressionAttributeValues must not be empty", "its message");
	item_helper_free(&fixture.values);
}

static void
test_reserved(void)
{
	TAP_OK(expression_word_is_reserved("ABORT", 5) && expression_word_is_reserved("zone", 4) &&
			   expression_word_is_reserved("Authorization", 13) &&
			   expression_word_is_reserved("SubPartition", 12),
		   "reserved words are found in any case of letters");
	TAP_OK(!expression_word_is_reserved("artist", 6) && !expression_word_is_reserved("", 0) &&
			   !expression_word_is_reserved("zones", 5) && !expression_word_is_reserved("zon", 3) &&
			   !expression_word_is_reserved("a_name_longer_than_any_reserved_word", 36),
		   "other words are not");
}

/* Whatever the bytes, the parser ends, with a result or a message, and reads only them. */
static void
test_hostile(void)
{
	static const char *const parts[] = {
		"pk", "sk",  "=",  ":pk", ":a", " AND ",     "(",    ")",  "begins_with",
		",",  "#pk", "<=", "<>",  "#",  " BETWEEN ", "\xFF", "\0", "["};
	int taken = 0;
	Fixture fixture;

	fixture_begin(&fixture, VALUES);
	item_helper_seed(99);
	for (int i = 0; i < 100000; i++)
	{
		char expression[128] = "";

		for (uint64_t parts_left = 1 + item_helper_random(9); parts_left > 0; parts_left--)
			strcat(expression, parts[item_helper_random(sizeof(parts) / sizeof(parts[0]))]);
		if (parse(&fixture, expression, ITEM_STRING))
			taken++;
		else if (fixture.error.length == 0)
			TAP_OK(false, "refused without a message: %s", expression);
	}
	TAP_OK(taken > 0, "of 100,000 random expressions %d were good", taken);
	item_helper_free(&fixture.values);
}

int
main(void)
{
	test_good();
	test_bad();
	test_lengths();
	test_schema_without_sort();
	test_used();
	test_maps();
	test_reserved();
	test_hostile();
	return tap_done();
}

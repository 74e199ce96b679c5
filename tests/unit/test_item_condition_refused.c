/*
 * test_item_condition_refused.c
 *		Conditions that are refused: every text, the order of the checks, limits, hostile texts.
 */
#include "unit/tap.h"

#include <stdlib.h>

#include "item/condition.h"
#include "unit/expression_helper.h"

#define VALUES                                                                               \
	"{\":s\": {\"S\": \"text\"}, \":z\": {\"S\": \"z\"}, \":n\": {\"N\": \"5\"}, \":t\": "   \
	"{\"BOOL\": true}, \":l\": {\"L\": []}, \":m\": {\"M\": {}}, \":u\": {\"NULL\": true}, " \
	"\":ss\": {\"SS\": [\"a\"]}, \":S\": {\"S\": \"S\"}}"

#define INVALID "Invalid FilterExpression: "

static const char *const names[] = {"#a", "a", NULL};

static bool
parse(ExpressionHelper *helper, Condition *condition, const char *expression, size_t length)
{
	char *copy = malloc(length > 0 ? length : 1);
	bool good;

	memcpy(copy, expression, length);
	good = condition_parse(copy, length, "FilterExpression", &helper->context, condition,
						   &helper->error);
	free(copy);
	return good;
}

static void
refused(const char *expression, const char *message)
{
	ExpressionHelper helper;
	Condition condition;

	expression_helper_begin(&helper, names, VALUES);
	condition_init(&condition, &item_helper_allocator);
	TAP_OK(!parse(&helper, &condition, expression, strlen(expression)) &&
			   helper.error.code == ITEM_ERROR_VALUE && condition.memory == NULL,
		   "refused: %.70s", expression);
	TAP_IS_STR(helper.error.message, message, "its message");
	condition_release(&condition);
	expression_helper_end(&helper);
}

static void
taken(const char *expression)
{
	ExpressionHelper helper;
	Condition condition;

	expression_helper_begin(&helper, names, VALUES);
	condition_init(&condition, &item_helper_allocator);
	if (!TAP_OK(parse(&helper, &condition, expression, strlen(expression)), "taken: %.70s",
				expression))
		tap_note("%s", helper.error.message);
	condition_release(&condition);
	expression_helper_end(&helper);
}

static void
test_syntax(void)
{
	refused("", INVALID "The expression can not be empty;");
	refused("  ", INVALID "The expression can not be empty;");
	refused("a", INVALID "Syntax error; token: \"<EOF>\", near: \"a\"");
	refused(":s", INVALID "Syntax error; token: \"<EOF>\", near: \":s\"");
	refused("a :s", INVALID "Syntax error; token: \":s\", near: \"a :s\"");
	refused("a =", INVALID "Syntax error; token: \"<EOF>\", near: \"=\"");
	refused("= :s", INVALID "Syntax error; token: \"=\", near: \"= :s\"");
	refused("a = 5", INVALID "Syntax error; token: \"5\", near: \"= 5\"");
	refused("a = :s b = :s", INVALID "Syntax error; token: \"b\", near: \":s b =\"");
	refused("a = :s AND", INVALID "Syntax error; token: \"<EOF>\", near: \"AND\"");
	refused("a = :s AND OR a = :n", INVALID "Syntax error; token: \"OR\", near: \"AND OR a\"");
	refused("AND (a = :s)", INVALID "Syntax error; token: \"AND\", near: \"AND (\"");
	refused("a = :s OR AND (a = :s)", INVALID "Syntax error; token: \"AND\", near: \"OR AND (\"");
	refused("a AND b = :s", INVALID "Syntax error; token: \"AND\", near: \"a AND b\"");
	refused("a = :s = :n", INVALID "Syntax error; token: \"=\", near: \":s = :n\"");
	refused("(a = :s) = :n", INVALID "Syntax error; token: \"=\", near: \") = :n\"");
	refused("a = (b = :n)", INVALID "Syntax error; token: \"=\", near: \"b = :n\"");
	refused("a = (b AND c)", INVALID "Syntax error; token: \"AND\", near: \"b AND c\"");
	refused("a = (NOT b)", INVALID "Syntax error; token: \"NOT\", near: \"(NOT b\"");
	refused("a = NOT b", INVALID "Syntax error; token: \"NOT\", near: \"= NOT b\"");
	refused("size(a = :s) = :n", INVALID "Syntax error; token: \"=\", near: \"a = :s\"");
	refused("NOT", INVALID "Syntax error; token: \"<EOF>\", near: \"NOT\"");
	refused("NOT a", INVALID "Syntax error; token: \"<EOF>\", near: \"a\"");
	refused("a NOT IN (:s)", INVALID "Syntax error; token: \"NOT\", near: \"a NOT IN\"");
	refused("a == :s", INVALID "Syntax error; token: \"=\", near: \"== :s\"");
	refused("a != :s", INVALID "Syntax error; token: \"!\", near: \"a !=\"");
	refused("a + b = :n", INVALID "Syntax error; token: \"+\", near: \"a + b\"");
	refused("a, b", INVALID "Syntax error; token: \",\", near: \"a, b\"");
	refused("(a, b) = :s", INVALID "Syntax error; token: \",\", near: \"a, b\"");
}

static void
test_parentheses(void)
{
	refused("()", INVALID "Syntax error; token: \")\", near: \"()\"");
	refused("(a = :s", INVALID "Syntax error; token: \"<EOF>\", near: \":s\"");
	refused("a = :s)", INVALID "Syntax error; token: \")\", near: \":s)\"");
	refused("(a) :s", INVALID "Syntax error; token: \":s\", near: \") :s\"");
	refused("(a) = (:s", INVALID "Syntax error; token: \"<EOF>\", near: \":s\"");
	refused("((a = :s))", INVALID "The expression has redundant parentheses;");
	refused("( ( a ) ) = :s", INVALID "The expression has redundant parentheses;");
	refused("NOT ((a = :s AND a = :n))", INVALID "The expression has redundant parentheses;");
	refused("((attribute_exists(a)))", INVALID "The expression has redundant parentheses;");
	refused("size(((a))) = :n", INVALID "The expression has redundant parentheses;");
	refused("a = :s AND ((a) = :n OR ((b = :s)))",
			INVALID "The expression has redundant parentheses;");
	taken("(a) = (:s) AND (attribute_exists(a)) AND (size((a))) > :n AND (NOT (a = :s))");
	taken("((a) = :s)");
	taken("((a = :s) OR b = :s)");
	taken("a IN ((:s), (b))");
}

static void
test_between_and_in(void)
{
	refused("a BETWEEN :s", INVALID "Syntax error; token: \"<EOF>\", near: \":s\"");
	refused("a BETWEEN :s OR :z", INVALID "Syntax error; token: \"OR\", near: \":s OR :z\"");
	refused("a BETWEEN :s, :z", INVALID "Syntax error; token: \",\", near: \":s, :z\"");
	refused("a BETWEEN (:s AND :z)", INVALID "Syntax error; token: \"AND\", near: \":s AND :z\"");
	refused("(a BETWEEN :s)", INVALID "Syntax error; token: \")\", near: \":s)\"");
	refused("a BETWEEN AND :s", INVALID "Syntax error; token: \"AND\", near: \"BETWEEN AND :s\"");
	refused("a IN", INVALID "Syntax error; token: \"<EOF>\", near: \"IN\"");
	refused("a IN :s", INVALID "Syntax error; token: \":s\", near: \"IN :s\"");
	refused("a IN ()", INVALID "Syntax error; token: \")\", near: \"()\"");
	refused("a IN (:s", INVALID "Syntax error; token: \"<EOF>\", near: \":s\"");
	refused("a IN (:s,)", INVALID "Syntax error; token: \")\", near: \",)\"");
	refused("a IN (:s :z)", INVALID "Syntax error; token: \":z\", near: \":s :z)\"");
	refused("a IN (b = :s)", INVALID "Syntax error; token: \"=\", near: \"b = :s\"");
	refused("a BETWEEN :z AND :s", INVALID
			"The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
			"lower bound operand: AttributeValue: {S:z}, upper bound operand: AttributeValue: "
			"{S:text}");
	refused("a BETWEEN :s AND :n", INVALID
			"The BETWEEN operator requires same data type for lower and upper bounds; lower bound "
			"operand: AttributeValue: {S:text}, upper bound operand: AttributeValue: {N:5}");
	taken("a BETWEEN :s AND :z");
	taken("a BETWEEN :z AND b");
	taken("a BETWEEN b AND :n");
}

static void
test_functions(void)
{
	refused("size()", INVALID "Syntax error; token: \")\", near: \"()\"");
	refused("f(a)", INVALID "Invalid function name; function: f");
	refused("Size(a) = :n", INVALID "Invalid function name; function: Size");
	refused("attribute_exists(f(g(a)))", INVALID "Invalid function name; function: f");
	refused("if_not_exists(a, :s) = :s", INVALID "Invalid function name; function: if_not_exists");
	refused("size(a)", INVALID "The function is not allowed to be used this way in an expression; "
							   "function: size");
	refused("NOT size(a)", INVALID
			"The function is not allowed to be used this way in an expression; function: size");
	refused("a = :s OR (size(a))", INVALID
			"The function is not allowed to be used this way in an expression; function: size");
	refused("attribute_exists(a) = :t", INVALID "The function is not allowed to be used this way "
												"in an expression; function: attribute_exists");
	refused("a IN (contains(b, :s))", INVALID
			"The function is not allowed to be used this way in an expression; function: contains");
	refused("size(begins_with(a, :s)) = :n",
			INVALID "The function is not allowed to be used this way in an expression; function: "
					"begins_with");
	refused("size(a, b) = :n", INVALID
			"Incorrect number of operands for operator or function; operator or function: size, "
			"number of operands: 2");
	refused("attribute_exists(a, b)",
			INVALID "Incorrect number of operands for operator or function; operator or function: "
					"attribute_exists, number of operands: 2");
	refused("begins_with(a)",
			INVALID "Incorrect number of operands for operator or function; operator or function: "
					"begins_with, number of operands: 1");
	refused("contains(a, b, :s)",
			INVALID "Incorrect number of operands for operator or function; operator or function: "
					"contains, number of operands: 3");
	refused("attribute_exists(:s)", INVALID "Operator or function requires a document path; "
											"operator or function: attribute_exists");
	refused("attribute_not_exists(size(a))",
			INVALID "Operator or function requires a document path; operator or function: "
					"attribute_not_exists");
}

#define TYPE_ERROR INVALID "Incorrect operand type for operator or function; operator or function: "

static void
test_types(void)
{
	refused("a < :l", TYPE_ERROR "<, operand type: L");
	refused("a <= :ss", TYPE_ERROR "<=, operand type: SS");
	refused(":t > a", TYPE_ERROR ">, operand type: BOOL");
	refused("a >= :u", TYPE_ERROR ">=, operand type: NULL");
	refused("a BETWEEN :l AND :l", TYPE_ERROR "BETWEEN, operand type: L");
	refused(":m BETWEEN a AND b", TYPE_ERROR "BETWEEN, operand type: M");
	refused("begins_with(a, :n)", TYPE_ERROR "begins_with, operand type: N");
	refused("begins_with(:l, a)", TYPE_ERROR "begins_with, operand type: L");
	refused("begins_with(a, size(b))", TYPE_ERROR "begins_with, operand type: N");
	refused("contains(:n, a)", TYPE_ERROR "contains, operand type: N");
	refused("contains(:m, a)", TYPE_ERROR "contains, operand type: M");
	refused("size(:n) = :n", TYPE_ERROR "size, operand type: N");
	refused("size(:t) = :n", TYPE_ERROR "size, operand type: BOOL");
	refused("size(:u) = :n", TYPE_ERROR "size, operand type: NULL");
	refused("size(size(a)) = :n", TYPE_ERROR "size, operand type: N");
	refused("attribute_type(a, :n)", TYPE_ERROR "attribute_type, operand type: N");
	refused("attribute_type(a, b)",
			TYPE_ERROR "attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}");
	refused("attribute_type(a, :s)", INVALID "Invalid attribute type name found; type: text, valid "
											 "types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}");
	taken("a = :l AND a <> :ss AND a IN (:u, :m, :t) AND contains(a, :m) AND :s < :n");
	taken("contains(:l, a) AND contains(:ss, a) AND contains(:s, a) AND attribute_type(:m, :S)");
	taken("size(:m) = :n AND size(:ss) = :n AND size(:s) = :n AND size(a) = :l");
}

static void
test_distinct(void)
{
#define DISTINCT                                                                                   \
	INVALID "The first operand must be distinct from the remaining operands for this operator or " \
			"function; operator: "
	refused("a = a", DISTINCT "=, first operand: [a]");
	refused("#a.b[01] <> a.b[1]", DISTINCT "<>, first operand: [a, b, [1]]");
	refused("contains(a, #a)", DISTINCT "contains, first operand: [a]");
	refused("begins_with(a, a)", DISTINCT "begins_with, first operand: [a]");
	refused("a BETWEEN b AND a", DISTINCT "BETWEEN, first operand: [a]");
	refused("a IN (b, a)", DISTINCT "IN, first operand: [a]");
	taken("a = a.b AND a[0] < a[1] AND a BETWEEN b AND b AND a IN (b, b) AND :s = :s");
	taken("size(a) = size(a) AND size(a) > a");
}

static void
test_names(void)
{
	refused("status = :s",
			INVALID "Attribute name is a reserved keyword; reserved keyword: status");
	refused("a.Zone = :s", INVALID "Attribute name is a reserved keyword; reserved keyword: Zone");
	refused("#no = :s", INVALID "An expression attribute name used in the document path is not "
								"defined; attribute name: #no");
	refused("a = :no", INVALID "An expression attribute value used in expression is not defined; "
							   "attribute value: :no");
	refused("a = :s OR b = :no", INVALID
			"An expression attribute value used in expression is not defined; attribute value: "
			":no");
}

/* Of several errors DynamoDB reports the one whose check comes first, wherever it stands. */
static void
test_order(void)
{
	refused("status = #no AND", INVALID "Syntax error; token: \"<EOF>\", near: \"AND\"");
	refused("f(status) AND ((a = :s))", INVALID "The expression has redundant parentheses;");
	refused("size(a) AND f(status)", INVALID "Invalid function name; function: f");
	refused("status = :no AND size(a)", INVALID
			"The function is not allowed to be used this way in an expression; function: size");
	refused("a = :no AND status = :s",
			INVALID "Attribute name is a reserved keyword; reserved keyword: status");
	refused("begins_with(a) AND a = :no", INVALID
			"An expression attribute value used in expression is not defined; attribute value: "
			":no");
	refused("a = a AND begins_with(a)",
			INVALID "Incorrect number of operands for operator or function; operator or function: "
					"begins_with, number of operands: 1");
	refused("a < :l AND a = a", DISTINCT "=, first operand: [a]");
}

static void
test_limits(void)
{
	char expression[EXPRESSION_BYTES_MAX + 2] = "a=:s";

	for (int i = 1; i < 150; i++)
		strcat(expression, " OR a=:s");
	taken(expression);
	strcat(expression, " OR NOT NOT a=:s");
	refused(expression, INVALID "The expression contains too many operators; operator count: 303");

	strcpy(expression, "a IN (:s");
	for (int i = 1; i < 99; i++)
		strcat(expression, ",:s");
	strcat(expression, ")");
	taken(expression);
	strcpy(expression + strlen(expression) - 1, ",:s)");
	refused(expression, INVALID "The IN operator is provided with too many operands; number of "
								"operands: 101");

	memset(expression, ' ', sizeof(expression));
	memcpy(expression, "a = :s", 6);
	expression[EXPRESSION_BYTES_MAX] = '\0';
	taken(expression);
	expression[EXPRESSION_BYTES_MAX] = ' ';
	expression[EXPRESSION_BYTES_MAX + 1] = '\0';
	refused(expression,
			INVALID "Expression size has exceeded the maximum allowed size; expression size: 4097");
}

/* Texts that would exhaust the stack of a parser that recurses. */
static void
test_deep(void)
{
	char expression[EXPRESSION_BYTES_MAX + 1];

	memset(expression, '(', EXPRESSION_BYTES_MAX);
	expression[EXPRESSION_BYTES_MAX] = '\0';
	refused(expression, INVALID "Syntax error; token: \"<EOF>\", near: \"(\"");
	memcpy(expression + 2000, "a=:s", 4);
	memset(expression + 2004, ')', 2000);
	expression[4004] = '\0';
	refused(expression, INVALID "The expression has redundant parentheses;");

	expression[0] = '\0';
	for (int i = 0; i < 1000; i++)
		strcat(expression, "NOT ");
	strcat(expression, "a=:s");
	refused(expression, INVALID "The expression contains too many operators; operator count: 1001");

	strcpy(expression, "a=:s");
	for (int i = 0; i < 299; i++)
		memcpy(expression + 4 * i, "NOT ", 4);
	strcpy(expression + 4 * 299, "a=:s");
	taken(expression);
}

/* Whatever the bytes, the parser ends, with a result or a message, and reads only them. */
static void
test_hostile(void)
{
	static const char *const parts[] = {
		"a",         "b.c[0]",    "=",     ":s", ":n", " AND ", " OR ", " NOT ", "(", ")",  "size(",
		"contains(", " BETWEEN ", " IN (", ",",  "#a", "<",     "<>",   "\xFF",  "[", "f(", "."};
	int good = 0;
	ExpressionHelper helper;
	Condition condition;

	expression_helper_begin(&helper, names, VALUES);
	condition_init(&condition, &item_helper_allocator);
	item_helper_seed(99);
	for (int i = 0; i < 100000; i++)
	{
		char expression[256] = "";

		for (uint64_t left = 1 + item_helper_random(16); left > 0; left--)
			strcat(expression, parts[item_helper_random(sizeof(parts) / sizeof(parts[0]))]);
		if (parse(&helper, &condition, expression, strlen(expression)))
		{
			good++;
			condition_release(&condition);
		}
		else if (helper.error.length == 0)
			TAP_OK(false, "refused without a message: %s", expression);
	}
	TAP_OK(good > 0, "of 100,000 random expressions %d were good", good);
	expression_helper_end(&helper);
}

int
main(void)
{
	test_syntax();
	test_parentheses();
	test_between_and_in();
	test_functions();
	test_types();
	test_distinct();
	test_names();
	test_order();
	test_limits();
	test_deep();
	test_hostile();
	return tap_done();
}

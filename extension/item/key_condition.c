/*
 * key_condition.c
 *		Key condition expressions: parser, assignment to the key schema, range of sort keys.
 *
 * Runs in the request router.  Three steps, as DynamoDB reports problems: the grammar, then which
 * condition belongs to which key attribute, then the values.
 */
#include "item/key_condition.h"

#include <string.h>

#include "core/core_assert.h"
#include "item/expression_bounds.h"

#define CONDITIONS_MAX 2 /* one per key attribute */

/*
 * Pairs of parentheses that may enclose a condition: its own and one around both conditions.  Any
 * more are redundant, so the parser's recursion ends there.
 */
#define GROUPS_MAX 2

typedef enum ConditionKind
{
	CONDITION_EQUAL,
	CONDITION_LESS,
	CONDITION_LESS_EQUAL,
	CONDITION_GREATER,
	CONDITION_GREATER_EQUAL,
	CONDITION_BETWEEN,
	CONDITION_BEGINS_WITH
} ConditionKind;

typedef struct Condition
{
	ConditionKind kind;
	ItemName name;
	ItemValue values[2]; /* the second one of BETWEEN only */
} Condition;

typedef struct Parser
{
	ExpressionLexer lexer;
	const ExpressionContext *context;
	uint32_t count;
	Condition conditions[CONDITIONS_MAX];
} Parser;

static bool parse_conjunction(Parser *parser, uint32_t groups);

static bool
fail_plain(Parser *parser, const char *text)
{
	return item_error_set(parser->lexer.error, ITEM_ERROR_VALUE, 0, text);
}

/* An operator or function of the general condition grammar that keys do not allow. */
static bool
fail_operator(Parser *parser, const char *name, size_t length)
{
	fail_plain(parser, "Invalid operator used in KeyConditionExpression: ");
	item_error_add_bytes(parser->lexer.error, name, length);
	return false;
}

/* The values of a key condition are placeholders; a path there would compare two attributes. */
static bool
take_operand(Parser *parser, ItemValue *value)
{
	TokenKind kind = parser->lexer.token.kind;

	if (kind == TOKEN_NAME || kind == TOKEN_NAME_OF)
		return fail_plain(parser, "Invalid condition in KeyConditionExpression: Multiple attribute "
								  "names used in one condition");
	return expression_take_value(&parser->lexer, parser->context, value);
}

/* The attribute that a condition is on. */
static bool
take_key_name(Parser *parser, ItemName *name)
{
	if (!expression_take_name(&parser->lexer, parser->context, name))
		return false;
	if (parser->lexer.token.kind == TOKEN_DOT || parser->lexer.token.kind == TOKEN_OPEN_BRACKET)
		return fail_plain(parser,
						  "KeyConditionExpressions cannot have conditions on nested attributes");
	return true;
}

static bool
parse_between(Parser *parser, Condition *condition)
{
	condition->kind = CONDITION_BETWEEN;
	if (!take_operand(parser, &condition->values[0]))
		return false;
	if (!expression_lexer_take_word(&parser->lexer, "AND"))
		return expression_fail_syntax(&parser->lexer);
	if (!take_operand(parser, &condition->values[1]))
		return false;
	return expression_check_bounds(&parser->lexer, &condition->values[0], &condition->values[1]);
}

/* What follows the attribute's name. */
static bool
parse_comparison(Parser *parser, Condition *condition)
{
	static const struct
	{
		TokenKind token;
		ConditionKind kind;
	} comparators[] = {
		{TOKEN_EQUAL, CONDITION_EQUAL},
		{TOKEN_LESS, CONDITION_LESS},
		{TOKEN_LESS_EQUAL, CONDITION_LESS_EQUAL},
		{TOKEN_GREATER, CONDITION_GREATER},
		{TOKEN_GREATER_EQUAL, CONDITION_GREATER_EQUAL},
	};

	for (size_t i = 0; i < sizeof(comparators) / sizeof(comparators[0]); i++)
	{
		if (expression_lexer_take(&parser->lexer, comparators[i].token))
		{
			condition->kind = comparators[i].kind;
			return take_operand(parser, &condition->values[0]);
		}
	}
	if (expression_lexer_take_word(&parser->lexer, "BETWEEN"))
		return parse_between(parser, condition);
	if (parser->lexer.token.kind == TOKEN_NOT_EQUAL)
		return fail_operator(parser, "<>", 2);
	if (expression_lexer_is_word(&parser->lexer, "IN"))
		return fail_operator(parser, "IN", 2);
	return expression_fail_syntax(&parser->lexer);
}

static bool
fail_begins_with(Parser *parser, const char *text, const char *detail)
{
	expression_fail(&parser->lexer, text);
	item_error_add_text(parser->lexer.error, "operator or function: begins_with");
	item_error_add_text(parser->lexer.error, detail);
	return false;
}

static bool
parse_begins_with(Parser *parser, Condition *condition)
{
	ExpressionLexer *lexer = &parser->lexer;
	ItemType type;

	condition->kind = CONDITION_BEGINS_WITH;
	if (lexer->token.kind == TOKEN_VALUE)
		return fail_begins_with(parser, "Operator or function requires a document path; ", "");
	if (!take_key_name(parser, &condition->name))
		return false;
	if (lexer->token.kind == TOKEN_CLOSE)
		return fail_begins_with(parser, "Incorrect number of operands for operator or function; ",
								", number of operands: 1");
	if (!expression_lexer_take(lexer, TOKEN_COMMA))
		return expression_fail_syntax(lexer);
	if (!take_operand(parser, &condition->values[0]))
		return false;
	type = condition->values[0].type;
	if (type != ITEM_STRING && type != ITEM_BINARY)
	{
		fail_begins_with(parser, "Incorrect operand type for operator or function; ",
						 ", operand type: ");
		item_error_add_text(lexer->error, item_type_name(type));
		return false;
	}
	return expression_lexer_take(lexer, TOKEN_CLOSE) || expression_fail_syntax(lexer);
}

/* A name that is followed by an opening parenthesis.  Names of functions are case-sensitive. */
static bool
parse_function(Parser *parser, Condition *condition)
{
	static const char *const others[] = {"attribute_exists", "attribute_not_exists",
										 "attribute_type", "contains", "size"};
	Token name = parser->lexer.token;

	if (name.length == strlen("begins_with") && memcmp(name.text, "begins_with", name.length) == 0)
	{
		expression_lexer_next(&parser->lexer);
		expression_lexer_next(&parser->lexer);
		return parse_begins_with(parser, condition);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
	{
		if (strlen(others[i]) == name.length && memcmp(others[i], name.text, name.length) == 0)
			return fail_operator(parser, name.text, name.length);
	}
	expression_fail(&parser->lexer, "Invalid function name; function: ");
	item_error_add_bytes(parser->lexer.error, name.text, name.length);
	return false;
}

static bool
parse_condition(Parser *parser)
{
	Condition condition = {0};
	bool good;

	if (expression_lexer_is_word(&parser->lexer, "NOT"))
		return fail_operator(parser, "NOT", 3);
	if (parser->lexer.token.kind == TOKEN_NAME &&
		expression_lexer_peek(&parser->lexer) == TOKEN_OPEN)
		good = parse_function(parser, &condition);
	else
		good = take_key_name(parser, &condition.name) && parse_comparison(parser, &condition);
	if (!good)
		return false;
	if (parser->count == CONDITIONS_MAX)
		return fail_plain(parser, "Conditions can be of length 1 or 2 only");
	parser->conditions[parser->count++] = condition;
	return true;
}

/* A condition, or a conjunction in parentheses; `groups` counts the pairs around it. */
static bool
parse_operand(Parser *parser, uint32_t groups)
{
	if (!expression_lexer_take(&parser->lexer, TOKEN_OPEN))
		return parse_condition(parser);
	if (groups == GROUPS_MAX)
		return expression_fail(&parser->lexer, "The expression has redundant parentheses;");
	if (!parse_conjunction(parser, groups + 1))
		return false;
	return expression_lexer_take(&parser->lexer, TOKEN_CLOSE) ||
		   expression_fail_syntax(&parser->lexer);
}

/* Operands with AND between them, up to the end or a closing parenthesis. */
static bool
parse_conjunction(Parser *parser, uint32_t groups)
{
	bool starts_with_group = parser->lexer.token.kind == TOKEN_OPEN;
	uint32_t operands = 0;

	do
	{
		operands++;
		if (!parse_operand(parser, groups))
			return false;
	} while (expression_lexer_take_word(&parser->lexer, "AND"));
	if (expression_lexer_is_word(&parser->lexer, "OR"))
		return fail_operator(parser, "OR", 2);
	if (groups > 0 && operands == 1 && starts_with_group)
		return expression_fail(&parser->lexer, "The expression has redundant parentheses;");
	return true;
}

/*
 * The one condition on this key attribute; NULL if there is none, or (with an error) if there are
 * two.
 */
static const Condition *
condition_on(Parser *parser, const KeyAttribute *attribute)
{
	const Condition *found = NULL;

	for (uint32_t i = 0; i < parser->count; i++)
	{
		const Condition *condition = &parser->conditions[i];

		if (condition->name.length != attribute->name_length ||
			memcmp(condition->name.bytes, attribute->name, attribute->name_length) != 0)
			continue;
		if (found != NULL)
		{
			fail_plain(parser, "KeyConditionExpressions must only contain one condition per key");
			return NULL;
		}
		found = condition;
	}
	return found;
}

static bool
fail_missed(Parser *parser, const KeyAttribute *attribute)
{
	if (parser->lexer.error->code != ITEM_ERROR_NONE)
		return false;
	fail_plain(parser, "Query condition missed key schema element: ");
	item_error_add_bytes(parser->lexer.error, attribute->name, attribute->name_length);
	return false;
}

/* The values of a condition must be legal values of its key attribute. */
static bool
check_values(Parser *parser, const Condition *condition, const KeyAttribute *attribute,
			 bool is_partition)
{
	int values = condition->kind == CONDITION_BETWEEN ? 2 : 1;

	for (int i = 0; i < values; i++)
	{
		if (condition->values[i].type != attribute->type)
			return fail_plain(parser, "One or more parameter values were invalid: Condition "
									  "parameter type does not match schema type");
		if (!key_check_value(attribute, is_partition, &condition->values[i], parser->lexer.error))
			return false;
	}
	return true;
}

static uint32_t
set_bound(uint8_t *bound, const ItemValue *value)
{
	memcpy(bound, value->bytes, value->length);
	return value->length;
}

/* The smallest byte string above the value: the value and a zero byte. */
static uint32_t
set_bound_above(uint8_t *bound, const ItemValue *value)
{
	uint32_t length = set_bound(bound, value);

	bound[length] = 0;
	return length + 1;
}

/*
 * The smallest byte string above all that begin with the value; false if there is none (all bytes
 * FF).
 */
static bool
set_bound_above_prefix(uint8_t *bound, uint32_t *bound_length, const ItemValue *value)
{
	uint32_t length = value->length;

	while (length > 0 && value->bytes[length - 1] == 0xFF)
		length--;
	if (length == 0)
		return false;
	memcpy(bound, value->bytes, length);
	bound[length - 1]++;
	*bound_length = length;
	return true;
}

static void
set_range(const Condition *condition, KeyCondition *result)
{
	const ItemValue *first = &condition->values[0];
	ConditionKind kind = condition->kind;

	if (kind == CONDITION_GREATER)
		result->lower_length = set_bound_above(result->lower, first);
	else if (kind != CONDITION_LESS && kind != CONDITION_LESS_EQUAL)
		result->lower_length = set_bound(result->lower, first);

	result->has_upper = kind != CONDITION_GREATER && kind != CONDITION_GREATER_EQUAL;
	if (kind == CONDITION_LESS)
		result->upper_length = set_bound(result->upper, first);
	else if (kind == CONDITION_EQUAL || kind == CONDITION_LESS_EQUAL)
		result->upper_length = set_bound_above(result->upper, first);
	else if (kind == CONDITION_BETWEEN)
		result->upper_length = set_bound_above(result->upper, &condition->values[1]);
	else if (kind == CONDITION_BEGINS_WITH)
		result->has_upper = set_bound_above_prefix(result->upper, &result->upper_length, first);
}

/* Matches the parsed conditions with the key schema and works the result out. */
static bool
resolve(Parser *parser, const KeySchema *schema, KeyCondition *result)
{
	const Condition *partition = condition_on(parser, &schema->partition);
	const Condition *sort = NULL;

	if (partition == NULL)
		return fail_missed(parser, &schema->partition);
	if (partition->kind != CONDITION_EQUAL)
		return fail_plain(parser, "Query key condition not supported");
	if (parser->count == CONDITIONS_MAX)
	{
		if (!schema->has_sort)
			return fail_plain(parser, "Query key condition not supported");
		sort = condition_on(parser, &schema->sort);
		if (sort == NULL)
			return fail_missed(parser, &schema->sort);
	}
	if (!check_values(parser, partition, &schema->partition, true))
		return false;
	result->partition = partition->values[0];
	if (sort == NULL)
		return true;
	if (!check_values(parser, sort, &schema->sort, false))
		return false;
	set_range(sort, result);
	return true;
}

bool
key_condition_parse(const char *expression, size_t length, const KeySchema *schema,
					ExpressionContext *context, KeyCondition *condition, ItemError *error)
{
	Parser parser = {.context = context};

	CORE_ASSERT(item_type_is_key(schema->partition.type));
	condition->partition = (ItemValue){0};
	condition->has_upper = false;
	condition->lower_length = 0;
	condition->upper_length = 0;
	if (!expression_lexer_begin(&parser.lexer, "KeyConditionExpression", expression, length,
								error) ||
		!parse_conjunction(&parser, 0))
		return false;
	if (parser.lexer.token.kind != TOKEN_END)
		return expression_fail_syntax(&parser.lexer);
	return resolve(&parser, schema, condition);
}

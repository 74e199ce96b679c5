/*
 * condition_check.c
 *		What DynamoDB refuses in a condition whose grammar, names and values are good: how many
 *		operands, equal operands, operands of the wrong type.
 *
 * Only values of the request have a type here.  The same type found in an item later is no error:
 * it makes the test false.
 */
#include "item/condition_program.h"
#include "item/expression_bounds.h"

#define TYPE(type) (1u << (type))

#define ANY_TYPE UINT32_MAX
#define ORDERED_TYPES (TYPE(ITEM_STRING) | TYPE(ITEM_NUMBER) | TYPE(ITEM_BINARY))
#define TEXT_TYPES (TYPE(ITEM_STRING) | TYPE(ITEM_BINARY))
#define SET_TYPES (TYPE(ITEM_STRING_SET) | TYPE(ITEM_NUMBER_SET) | TYPE(ITEM_BINARY_SET))
#define SIZED_TYPES (TEXT_TYPES | SET_TYPES | TYPE(ITEM_LIST) | TYPE(ITEM_MAP))

/* DynamoDB lists types in two orders of its own. */
#define TEXT_ANY_TYPE "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"
#define TEXT_TYPE_NAMES "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"

typedef struct OperandRule
{
	uint32_t count; /* 0: one and more */
	uint32_t first; /* types that the first operand may have */
	uint32_t rest;  /* types of the others */
} OperandRule;

static const OperandRule rules[] = {
	[OPERATOR_EQUAL] = {2, ANY_TYPE, ANY_TYPE},
	[OPERATOR_NOT_EQUAL] = {2, ANY_TYPE, ANY_TYPE},
	[OPERATOR_LESS] = {2, ORDERED_TYPES, ORDERED_TYPES},
	[OPERATOR_LESS_EQUAL] = {2, ORDERED_TYPES, ORDERED_TYPES},
	[OPERATOR_GREATER] = {2, ORDERED_TYPES, ORDERED_TYPES},
	[OPERATOR_GREATER_EQUAL] = {2, ORDERED_TYPES, ORDERED_TYPES},
	[OPERATOR_BETWEEN] = {3, ORDERED_TYPES, ORDERED_TYPES},
	[OPERATOR_IN] = {0, ANY_TYPE, ANY_TYPE},
	[OPERATOR_ATTRIBUTE_EXISTS] = {1, ANY_TYPE, 0},
	[OPERATOR_ATTRIBUTE_NOT_EXISTS] = {1, ANY_TYPE, 0},
	[OPERATOR_ATTRIBUTE_TYPE] = {2, ANY_TYPE, TYPE(ITEM_STRING)},
	[OPERATOR_BEGINS_WITH] = {2, TEXT_TYPES, TEXT_TYPES},
	[OPERATOR_CONTAINS] = {2, TEXT_TYPES | SET_TYPES | TYPE(ITEM_LIST), ANY_TYPE},
	[OPERATOR_SIZE] = {1, SIZED_TYPES, 0},
};

typedef bool (*CheckCall)(const ConditionCall *call, const ConditionOperand *operands,
						  ExpressionLexer *lexer);

/* Begins a message that names the operator. */
static bool
fail_call(ExpressionLexer *lexer, const ConditionCall *call, const char *text)
{
	expression_fail(lexer, text);
	item_error_add_text(lexer->error, condition_operator_name(call->op));
	return false;
}

static bool
check_in_count(const ConditionCall *call, ExpressionLexer *lexer)
{
	if (call->operand_count <= CONDITION_IN_OPERANDS_MAX)
		return true;
	expression_fail(lexer, "The IN operator is provided with too many operands; number of "
						   "operands: ");
	item_error_add_number(lexer->error, call->operand_count);
	return false;
}

static bool
check_count(const ConditionCall *call, const ConditionOperand *operands, ExpressionLexer *lexer)
{
	(void) operands;
	if (call->op == OPERATOR_IN)
		return check_in_count(call, lexer);
	if (call->operand_count == rules[call->op].count)
		return true;
	fail_call(lexer, call,
			  "Incorrect number of operands for operator or function; operator or function: ");
	item_error_add_text(lexer->error, ", number of operands: ");
	item_error_add_number(lexer->error, call->operand_count);
	return false;
}

static bool
check_distinct(const ConditionCall *call, const ConditionOperand *operands, ExpressionLexer *lexer)
{
	for (uint32_t i = 1; i < call->operand_count; i++)
	{
		if (operands[0].kind != OPERAND_PATH || operands[i].kind != OPERAND_PATH ||
			!document_path_equal(&operands[0].path, &operands[i].path))
			continue;
		fail_call(lexer, call,
				  "The first operand must be distinct from the remaining operands for this "
				  "operator or function; operator: ");
		item_error_add_text(lexer->error, ", first operand: ");
		document_path_describe(lexer->error, &operands[0].path);
		return false;
	}
	return true;
}

static bool
fail_type(const ConditionCall *call, ExpressionLexer *lexer, const char *type)
{
	fail_call(lexer, call,
			  "Incorrect operand type for operator or function; operator or function: ");
	item_error_add_text(lexer->error, ", operand type: ");
	item_error_add_text(lexer->error, type);
	return false;
}

static bool
check_type(const ConditionCall *call, const ConditionOperand *operand, uint32_t types,
		   ExpressionLexer *lexer)
{
	ItemType type = operand->kind == OPERAND_VALUE ? operand->value.type : ITEM_NUMBER;

	if (operand->kind == OPERAND_PATH || (types & TYPE(type)) != 0)
		return true;
	return fail_type(call, lexer, item_type_name(type));
}

/* attribute_type's second operand: a value that names a type. */
static bool
check_type_name(const ConditionCall *call, const ConditionOperand *operand, ExpressionLexer *lexer)
{
	ItemType type;

	if (operand->kind != OPERAND_VALUE)
		return fail_type(call, lexer, TEXT_ANY_TYPE);
	if (item_type_from_name((const char *) operand->value.bytes, operand->value.length, &type))
		return true;
	expression_fail(lexer, "Invalid attribute type name found; type: ");
	item_error_add_bytes(lexer->error, operand->value.bytes, operand->value.length);
	item_error_add_text(lexer->error, ", valid types: " TEXT_TYPE_NAMES);
	return false;
}

static bool
check_types(const ConditionCall *call, const ConditionOperand *operands, ExpressionLexer *lexer)
{
	if ((call->op == OPERATOR_ATTRIBUTE_EXISTS || call->op == OPERATOR_ATTRIBUTE_NOT_EXISTS) &&
		operands[0].kind != OPERAND_PATH)
		return fail_call(lexer, call,
						 "Operator or function requires a document path; operator or function: ");
	for (uint32_t i = 0; i < call->operand_count; i++)
	{
		uint32_t types = i == 0 ? rules[call->op].first : rules[call->op].rest;

		if (!check_type(call, &operands[i], types, lexer))
			return false;
	}
	if (call->op == OPERATOR_ATTRIBUTE_TYPE)
		return check_type_name(call, &operands[1], lexer);
	if (call->op == OPERATOR_BETWEEN && operands[1].kind == OPERAND_VALUE &&
		operands[2].kind == OPERAND_VALUE)
		return expression_check_bounds(lexer, &operands[1].value, &operands[2].value);
	return true;
}

bool
condition_check(const Condition *condition, ExpressionLexer *lexer)
{
	static const CheckCall checks[] = {check_count, check_distinct, check_types};

	for (size_t check = 0; check < sizeof(checks) / sizeof(checks[0]); check++)
	{
		for (uint32_t i = 0; i < condition->call_count; i++)
		{
			const ConditionCall *call = &condition->calls[i];

			if (!checks[check](call, &condition->operands[call->first_operand], lexer))
				return false;
		}
	}
	return true;
}

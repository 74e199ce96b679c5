/*
 * condition_program.h
 *		The form of a parsed condition, which its parser, its checks and its evaluator share.
 *		Private to item/.
 *
 * A condition is a list of instructions on one truth value: a test sets it, NOT turns it, and AND
 * and OR skip their right side when the left one has decided.  So evaluation needs no stack.
 *
 *		a = :x AND (b = :y OR NOT c = :z)
 *
 *		0 test a = :x | 1 if false go to 6 | 2 test b = :y | 3 if true go to 6 | 4 test c = :z
 *		5 not
 */
#ifndef QUORATE_ITEM_CONDITION_PROGRAM_H
#define QUORATE_ITEM_CONDITION_PROGRAM_H

#include "item/condition.h"
#include "item/document_path.h"

typedef enum ConditionOperator
{
	OPERATOR_EQUAL,
	OPERATOR_NOT_EQUAL,
	OPERATOR_LESS,
	OPERATOR_LESS_EQUAL,
	OPERATOR_GREATER,
	OPERATOR_GREATER_EQUAL,
	OPERATOR_BETWEEN,
	OPERATOR_IN,
	OPERATOR_ATTRIBUTE_EXISTS, /* functions from here on */
	OPERATOR_ATTRIBUTE_NOT_EXISTS,
	OPERATOR_ATTRIBUTE_TYPE,
	OPERATOR_BEGINS_WITH,
	OPERATOR_CONTAINS,
	OPERATOR_SIZE,
	OPERATOR_UNKNOWN /* of the parser's: a function's name that is none */
} ConditionOperator;

typedef enum ConditionOperandKind
{
	OPERAND_PATH,
	OPERAND_VALUE,
	OPERAND_CALL, /* of size, once the condition is checked */
	OPERAND_TRUTH /* of the parser's stack alone: the result of a condition */
} ConditionOperandKind;

typedef struct ConditionOperand
{
	ConditionOperandKind kind;
	uint32_t call; /* OPERAND_CALL: index in the condition's calls */
	union
	{
		DocumentPath path; /* OPERAND_PATH */
		ItemValue value;   /* OPERAND_VALUE; the parser has the placeholder's text here first */
	};
} ConditionOperand;

/* An operator or function with its operands. */
typedef struct ConditionCall
{
	ConditionOperator op;
	uint32_t first_operand; /* index in the condition's operands */
	uint32_t operand_count;
} ConditionCall;

typedef enum ConditionInstructionKind
{
	INSTRUCTION_TEST,          /* truth = the result of calls[target] */
	INSTRUCTION_NOT,           /* truth = not truth */
	INSTRUCTION_SKIP_IF_FALSE, /* go on at instructions[target] */
	INSTRUCTION_SKIP_IF_TRUE
} ConditionInstructionKind;

typedef struct ConditionInstruction
{
	ConditionInstructionKind kind;
	uint32_t target;
} ConditionInstruction;

/* As errors show it: "<", "BETWEEN", "begins_with". */
extern const char *condition_operator_name(ConditionOperator op);

/* The function of this name, whose letters have to match in case, or OPERATOR_UNKNOWN. */
extern ConditionOperator condition_function(const char *name, size_t length);

/*
 * Makes room for what an expression of this many tokens can become, and for the steps of its paths:
 * each operand, call, instruction and step takes a token at least.  False if out of memory.
 */
extern bool condition_allocate(Condition *condition, uint32_t tokens, PathSteps *steps);

/*
 * After names and values are resolved: number of operands, then whether they differ from each
 * other, then their types, each over the whole condition, as DynamoDB reports them.
 */
extern bool condition_check(const Condition *condition, ExpressionLexer *lexer);

#endif /* QUORATE_ITEM_CONDITION_PROGRAM_H */

/*
 * condition.h
 *		Condition and filter expressions: parsed once, evaluated on items many times.
 *
 *		condition := condition OR condition | condition AND condition | NOT condition
 *				   | '(' condition ')' | operand (= | <> | < | <= | > | >=) operand
 *				   | operand BETWEEN operand AND operand | operand IN '(' operand {, operand} ')'
 *				   | attribute_exists(path) | attribute_not_exists(path)
 *				   | attribute_type(operand, :type) | begins_with(operand, operand)
 *				   | contains(operand, operand)
 *		operand   := path | :value | size(operand) | '(' operand ')'
 *
 * Neither parsing nor evaluation recurses, so no text can exhaust the stack; docs/expressions.md
 * has the rules.  A condition points into the expression's text and into its context's names and
 * values, which must live as long as it is evaluated.
 */
#ifndef QUORATE_ITEM_CONDITION_H
#define QUORATE_ITEM_CONDITION_H

#include "item/expression.h"
#include "item/item_buffer.h"

#define CONDITION_OPERATORS_MAX 300   /* comparators, BETWEEN, IN, AND, OR, NOT */
#define CONDITION_IN_OPERANDS_MAX 100 /* the one before IN included */

struct ConditionOperand;
struct ConditionCall;
struct ConditionInstruction;

/* What the pointers lead to is private to condition_program.h; all of it is one block. */
typedef struct Condition
{
	const ItemAllocator *allocator;
	void *memory;
	size_t memory_size;
	struct ConditionOperand *operands;
	struct ConditionCall *calls;
	struct ConditionInstruction *instructions;
	uint32_t operand_count;
	uint32_t call_count;
	uint32_t instruction_count;
} Condition;

/* An empty condition, to be parsed into; the allocator must outlive it. */
extern void condition_init(Condition *condition, const ItemAllocator *allocator);

/* Frees what parsing allocated; the condition is then as new. */
extern void condition_release(Condition *condition);

/*
 * Parses an expression and marks the names and values that it uses.  `kind` is the parameter that
 * errors name: "ConditionExpression" or "FilterExpression".  False with DynamoDB's text, or
 * ITEM_ERROR_MEMORY; the condition is then empty.
 */
extern bool condition_parse(const char *expression, size_t length, const char *kind,
							ExpressionContext *context, Condition *condition, ItemError *error);

/* True if a path of the (parsed) condition begins with this attribute of the item. */
extern bool condition_uses_attribute(const Condition *condition, const char *name, size_t length);

/* True if the item satisfies the (parsed) condition.  `item` NULL: every attribute is missing. */
extern bool condition_holds(const Condition *condition, const uint8_t *item, size_t length);

#endif /* QUORATE_ITEM_CONDITION_H */

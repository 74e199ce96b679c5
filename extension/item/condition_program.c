/*
 * condition_program.c
 *		A parsed condition's memory, and the names of its operators.
 */
#include "item/condition_program.h"

#include <string.h>

static const char *const operator_names[] = {
	[OPERATOR_EQUAL] = "=",
	[OPERATOR_NOT_EQUAL] = "<>",
	[OPERATOR_LESS] = "<",
	[OPERATOR_LESS_EQUAL] = "<=",
	[OPERATOR_GREATER] = ">",
	[OPERATOR_GREATER_EQUAL] = ">=",
	[OPERATOR_BETWEEN] = "BETWEEN",
	[OPERATOR_IN] = "IN",
	[OPERATOR_ATTRIBUTE_EXISTS] = "attribute_exists",
	[OPERATOR_ATTRIBUTE_NOT_EXISTS] = "attribute_not_exists",
	[OPERATOR_ATTRIBUTE_TYPE] = "attribute_type",
	[OPERATOR_BEGINS_WITH] = "begins_with",
	[OPERATOR_CONTAINS] = "contains",
	[OPERATOR_SIZE] = "size",
};

const char *
condition_operator_name(ConditionOperator op)
{
	return operator_names[op];
}

ConditionOperator
condition_function(const char *name, size_t length)
{
	ConditionOperator op = OPERATOR_ATTRIBUTE_EXISTS;

	while (op < OPERATOR_UNKNOWN &&
		   (strlen(operator_names[op]) != length || memcmp(operator_names[op], name, length) != 0))
		op++;
	return op;
}

/* One block: arrays whose elements hold pointers come first, so that all are aligned. */
bool
condition_allocate(Condition *condition, uint32_t tokens, PathSteps *steps)
{
	const ItemAllocator *allocator = condition->allocator;
	size_t operand_bytes = tokens * sizeof(ConditionOperand);
	size_t step_bytes = tokens * sizeof(PathStep);
	size_t call_bytes = tokens * sizeof(ConditionCall);
	size_t size = operand_bytes + step_bytes + call_bytes + tokens * sizeof(ConditionInstruction);
	uint8_t *memory = allocator->resize(allocator->context, NULL, 0, size);

	if (memory == NULL)
		return false;
	condition->memory = memory;
	condition->memory_size = size;
	condition->operands = (ConditionOperand *) memory;
	memory += operand_bytes;
	*steps = (PathSteps){.steps = (PathStep *) memory, .capacity = tokens};
	memory += step_bytes;
	condition->calls = (ConditionCall *) memory;
	memory += call_bytes;
	condition->instructions = (ConditionInstruction *) memory;
	return true;
}

void
condition_init(Condition *condition, const ItemAllocator *allocator)
{
	*condition = (Condition){.allocator = allocator};
}

void
condition_release(Condition *condition)
{
	const ItemAllocator *allocator = condition->allocator;

	if (condition->memory != NULL)
		allocator->resize(allocator->context, condition->memory, condition->memory_size, 0);
	condition_init(condition, allocator);
}

bool
condition_uses_attribute(const Condition *condition, const char *name, size_t length)
{
	for (uint32_t i = 0; i < condition->operand_count; i++)
	{
		const ConditionOperand *operand = &condition->operands[i];
		const ItemName *first;

		if (operand->kind != OPERAND_PATH)
			continue;
		first = &operand->path.steps[0].name;
		if (first->length == length && memcmp(first->bytes, name, length) == 0)
			return true;
	}
	return false;
}

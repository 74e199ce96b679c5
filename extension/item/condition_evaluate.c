/*
 * condition_evaluate.c
 *		Evaluates a condition on an item's encoding in place.
 *
 * Runs on a partition's leader for each conditional write and wherever items are filtered: no
 * allocation, no recursion but size's operand.  Nothing found in an item is an error.  A path
 * without a value, or a value of a type that a function does not take, has no value, and then:
 * every test is false but <> and attribute_not_exists, which are true.
 */
#include <string.h>

#include "core/core_assert.h"
#include "item/condition_program.h"
#include "item/item_number.h"

/* What a condition is evaluated on. */
typedef struct Subject
{
	const Condition *condition;
	const uint8_t *item; /* NULL: no item */
	size_t length;
} Subject;

/* An operand's value; room for the number that size makes. */
typedef struct Operand
{
	bool present;
	ItemValue value;
	uint8_t number[ITEM_NUMBER_ENCODED_MAX];
} Operand;

static const ConditionOperand *
operand_at(const Subject *subject, const ConditionCall *call, uint32_t index)
{
	return &subject->condition->operands[call->first_operand + index];
}

static bool
simple_value(const Subject *subject, const ConditionOperand *operand, ItemValue *value)
{
	if (operand->kind == OPERAND_PATH)
		return document_path_find(&operand->path, subject->item, subject->length, value);
	CORE_ASSERT(operand->kind == OPERAND_VALUE);
	*value = operand->value;
	return true;
}

/* Bytes of a string or binary, members of a container; false for types that have no size. */
static bool
size_of(const ItemValue *value, uint32_t *size)
{
	ItemContainer container;

	switch (value->type)
	{
		case ITEM_STRING:
		case ITEM_BINARY:
			*size = value->length;
			return true;
		case ITEM_NUMBER:
		case ITEM_BOOL:
		case ITEM_NULL:
			return false;
		case ITEM_MAP:
		case ITEM_LIST:
		case ITEM_STRING_SET:
		case ITEM_NUMBER_SET:
		case ITEM_BINARY_SET:
			item_open_value(value, &container);
			*size = container.count;
			return true;
	}
	CORE_ASSERT(!"a type of the item model");
	return false;
}

/* size's result as a number; its operand is a path or a value, as other types are refused. */
static void
evaluate_size(const Subject *subject, const ConditionCall *call, Operand *result)
{
	ItemValue value;
	uint32_t size;

	CORE_ASSERT(call->op == OPERATOR_SIZE);
	result->present = simple_value(subject, operand_at(subject, call, 0), &value) &&
					  size_of(&value, &size);
	if (!result->present)
		return;
	result->value.type = ITEM_NUMBER;
	result->value.bytes = result->number;
	result->value.length = (uint32_t) item_number_from_integer(size, result->number);
}

static void
evaluate_operand(const Subject *subject, const ConditionCall *call, uint32_t index, Operand *result)
{
	const ConditionOperand *operand = operand_at(subject, call, index);

	if (operand->kind == OPERAND_CALL)
		evaluate_size(subject, &subject->condition->calls[operand->call], result);
	else
		result->present = simple_value(subject, operand, &result->value);
}

static bool
equal(const Operand *left, const Operand *right)
{
	return left->present && right->present && item_values_equal(&left->value, &right->value);
}

/* True if the two have an order, which only values of one type among S, N and B have. */
static bool
compare(const Operand *left, const Operand *right, int *order)
{
	const ItemValue *one = &left->value;
	const ItemValue *two = &right->value;

	if (!left->present || !right->present || one->type != two->type || !item_type_is_key(one->type))
		return false;
	*order = item_compare_bytes(one->bytes, one->length, two->bytes, two->length);
	return true;
}

static bool
test_comparison(const Subject *subject, const ConditionCall *call)
{
	Operand left;
	Operand right;
	int order;

	evaluate_operand(subject, call, 0, &left);
	evaluate_operand(subject, call, 1, &right);
	if (call->op == OPERATOR_EQUAL)
		return equal(&left, &right);
	if (call->op == OPERATOR_NOT_EQUAL)
		return !equal(&left, &right);
	if (!compare(&left, &right, &order))
		return false;
	if (call->op == OPERATOR_LESS)
		return order < 0;
	if (call->op == OPERATOR_LESS_EQUAL)
		return order <= 0;
	if (call->op == OPERATOR_GREATER)
		return order > 0;
	return order >= 0;
}

static bool
test_between(const Subject *subject, const ConditionCall *call)
{
	Operand value;
	Operand bound;
	int order;

	evaluate_operand(subject, call, 0, &value);
	evaluate_operand(subject, call, 1, &bound);
	if (!compare(&value, &bound, &order) || order < 0)
		return false;
	evaluate_operand(subject, call, 2, &bound);
	return compare(&value, &bound, &order) && order <= 0;
}

static bool
test_in(const Subject *subject, const ConditionCall *call)
{
	Operand value;

	evaluate_operand(subject, call, 0, &value);
	for (uint32_t i = 1; i < call->operand_count; i++)
	{
		Operand candidate;

		evaluate_operand(subject, call, i, &candidate);
		if (equal(&value, &candidate))
			return true;
	}
	return false;
}

static bool
test_type(const Subject *subject, const ConditionCall *call)
{
	Operand value;
	const ItemValue *name = &operand_at(subject, call, 1)->value;
	ItemType type;

	evaluate_operand(subject, call, 0, &value);
	return value.present && item_type_from_name((const char *) name->bytes, name->length, &type) &&
		   value.value.type == type;
}

static bool
is_text(const ItemValue *value)
{
	return value->type == ITEM_STRING || value->type == ITEM_BINARY;
}

static bool
test_begins_with(const Subject *subject, const ConditionCall *call)
{
	Operand text;
	Operand start;

	evaluate_operand(subject, call, 0, &text);
	evaluate_operand(subject, call, 1, &start);
	return text.present && start.present && is_text(&text.value) &&
		   text.value.type == start.value.type && text.value.length >= start.value.length &&
		   memcmp(text.value.bytes, start.value.bytes, start.value.length) == 0;
}

static bool
list_contains(const ItemContainer *list, const ItemValue *value)
{
	for (uint32_t i = 0; i < list->count; i++)
	{
		ItemValue element;

		item_element(list, i, &element);
		if (item_values_equal(&element, value))
			return true;
	}
	return false;
}

/* A member of a set has the type of the set's first one; sets are never empty. */
static bool
set_contains(const ItemContainer *set, const ItemValue *value)
{
	ItemValue first;

	item_element(set, 0, &first);
	return first.type == value->type && item_set_contains(set, value->bytes, value->length);
}

/* A part of a string or binary, a member of a set, an element of a list. */
static bool
test_contains(const Subject *subject, const ConditionCall *call)
{
	Operand whole;
	Operand part;
	ItemContainer container;

	evaluate_operand(subject, call, 0, &whole);
	evaluate_operand(subject, call, 1, &part);
	if (!whole.present || !part.present)
		return false;
	if (is_text(&whole.value))
		return whole.value.type == part.value.type &&
			   memmem(whole.value.bytes, whole.value.length, part.value.bytes, part.value.length) !=
				   NULL;
	switch (whole.value.type)
	{
		case ITEM_LIST:
			item_open_value(&whole.value, &container);
			return list_contains(&container, &part.value);
		case ITEM_STRING_SET:
		case ITEM_NUMBER_SET:
		case ITEM_BINARY_SET:
			item_open_value(&whole.value, &container);
			return set_contains(&container, &part.value);
		default:
			return false;
	}
}

static bool
test(const Subject *subject, const ConditionCall *call)
{
	ItemValue value;

	switch (call->op)
	{
		case OPERATOR_EQUAL:
		case OPERATOR_NOT_EQUAL:
		case OPERATOR_LESS:
		case OPERATOR_LESS_EQUAL:
		case OPERATOR_GREATER:
		case OPERATOR_GREATER_EQUAL:
			return test_comparison(subject, call);
		case OPERATOR_BETWEEN:
			return test_between(subject, call);
		case OPERATOR_IN:
			return test_in(subject, call);
		case OPERATOR_ATTRIBUTE_EXISTS:
			return simple_value(subject, operand_at(subject, call, 0), &value);
		case OPERATOR_ATTRIBUTE_NOT_EXISTS:
			return !simple_value(subject, operand_at(subject, call, 0), &value);
		case OPERATOR_ATTRIBUTE_TYPE:
			return test_type(subject, call);
		case OPERATOR_BEGINS_WITH:
			return test_begins_with(subject, call);
		case OPERATOR_CONTAINS:
			return test_contains(subject, call);
		case OPERATOR_SIZE:
		case OPERATOR_UNKNOWN:
			break;
	}
	CORE_ASSERT(!"an operator or function that tests");
	return false;
}

bool
condition_holds(const Condition *condition, const uint8_t *item, size_t length)
{
	Subject subject = {.condition = condition, .item = item, .length = length};
	bool truth = false;
	uint32_t at = 0;

	CORE_ASSERT(condition->instruction_count > 0);
	while (at < condition->instruction_count)
	{
		const ConditionInstruction *instruction = &condition->instructions[at++];

		switch (instruction->kind)
		{
			case INSTRUCTION_TEST:
				truth = test(&subject, &condition->calls[instruction->target]);
				break;
			case INSTRUCTION_NOT:
				truth = !truth;
				break;
			case INSTRUCTION_SKIP_IF_FALSE:
				at = truth ? at : instruction->target;
				break;
			case INSTRUCTION_SKIP_IF_TRUE:
				at = truth ? instruction->target : at;
				break;
		}
	}
	return truth;
}

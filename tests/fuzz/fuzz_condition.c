/*
 * fuzz_condition.c
 *		The parser of conditions under damaged expressions, and the evaluation of those it takes.
 */
#include "fuzz/fuzz.h"
#include "fuzz/expression_check.h"
#include "item/condition.h"

static const char *const examples[] = {
	"Artist = :s AND (Year > :n OR NOT attribute_exists(#m.z[0])) AND #l[0] <> :l",
	"n BETWEEN :n AND :n AND size(ss) IN (:n, s, (b)) or begins_with(s, :s)",
	"contains(l, :s) AND contains(ss, :s) AND attribute_type(#m.x, :t) AND size(#l) >= :n",
	"NOT (NOT (attribute_not_exists(u) OR (b) < (:b)) AND (NOT contains(b, :b)))",
	"l[0][0].a = :s AND m.y = :l AND n <= size(b) and :s < :n",
};

size_t
fuzz_example(uint8_t *out)
{
	return expression_check_example(examples, sizeof(examples) / sizeof(examples[0]), fuzz_random(),
									out);
}

/* A condition's opposite, with NOT in front of it, must hold exactly where it does not. */
static void
check_on_item(const Condition *condition, const Condition *opposite, const char *json)
{
	ItemBuffer item;
	ItemError error;

	item_buffer_init(&item, &item_check_allocator);
	CORE_ASSERT(item_from_json(json, strlen(json), &item, &error));
	CORE_ASSERT(condition_holds(condition, item.bytes, item.length) !=
				condition_holds(opposite, item.bytes, item.length));
	free(item.bytes);
}

static void
check_with_opposite(const Condition *condition, const uint8_t *bytes, size_t length)
{
	static const char before[] = "NOT (s <> s2 AND (";
	static char text[EXPRESSION_BYTES_MAX + 64];
	Condition opposite;
	ItemError error;
	size_t at = strlen(before);

	memcpy(text, before, at);
	memcpy(text + at, bytes, length);
	memcpy(text + at + length, "))", 2);
	condition_init(&opposite, &item_check_allocator);
	/* It may be too long now, have too many operators, or redundant parentheses. */
	if (condition_parse(text, at + length + 2, "ConditionExpression", expression_check_context(),
						&opposite, &error))
	{
		for (size_t i = 0; i < ITEM_EXAMPLES; i++)
			check_on_item(condition, &opposite, item_examples[i]);
		CORE_ASSERT(condition_holds(condition, NULL, 0) != condition_holds(&opposite, NULL, 0));
	}
	condition_release(&opposite);
}

/* What is taken can be evaluated on any item; what is refused has a message and keeps no memory. */
int
fuzz_one(const uint8_t *bytes, size_t length)
{
	Condition condition;
	ItemError error;
	bool taken;

	condition_init(&condition, &item_check_allocator);
	taken = condition_parse((const char *) bytes, length, "ConditionExpression",
							expression_check_context(), &condition, &error);
	if (taken)
		check_with_opposite(&condition, bytes, length);
	else
		CORE_ASSERT(error.length > 0 && condition.memory == NULL);
	condition_release(&condition);
	return taken;
}

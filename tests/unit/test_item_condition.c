/*
 * test_item_condition.c
 *		Conditions on items: every operator and function, missing attributes and other types,
 *		precedence against an independent evaluator, memory.
 */
#include "unit/tap.h"

#include <stdio.h>
#include <stdlib.h>

#include "item/condition.h"
#include "unit/expression_helper.h"

#define ITEM                                                                                      \
	"{\"s\": {\"S\": \"hello\"}, \"e\": {\"S\": \"\"}, \"u\": {\"S\": \"\\u00e4\\u0000z\"}, "     \
	"\"n\": {\"N\": \"5\"}, \"neg\": {\"N\": \"-1.5\"}, \"bin\": {\"B\": \"AAEC\"}, \"yes\": "    \
	"{\"BOOL\": true}, \"nul\": {\"NULL\": true}, \"ss\": {\"SS\": [\"a\", \"b\"]}, \"ns\": "     \
	"{\"NS\": [\"1\", \"20\"]}, \"bs\": {\"BS\": [\"AA==\", \"AQ==\"]}, \"l\": {\"L\": [{\"S\": " \
	"\"a\"}, {\"N\": \"5\"}, {\"SS\": [\"b\", \"a\"]}]}, \"m\": {\"M\": {\"x\": {\"M\": {\"y\": " \
	"{\"N\": \"7\"}}}, \"k\": {\"S\": \"v\"}}}, \"s2\": {\"S\": \"hello\"}, \"status\": "         \
	"{\"S\": \"open\"}}"

#define VALUES                                                                                     \
	"{\":s\": {\"S\": \"hello\"}, \":he\": {\"S\": \"he\"}, \":z\": {\"S\": \"z\"}, \":e\": "      \
	"{\"S\": \"\"}, \":nul0\": {\"S\": \"\\u0000z\"}, \":a\": {\"S\": \"a\"}, \":c\": {\"S\": "    \
	"\"c\"}, \":4\": {\"N\": \"4\"}, \":5\": {\"N\": \"5.0\"}, \":20\": {\"N\": \"2e1\"}, "        \
	"\":m2\": {\"N\": \"-2\"}, \":0\": {\"N\": \"0\"}, \":3\": {\"N\": \"3\"}, \":2\": {\"N\": "   \
	"\"2\"}, \":b1\": {\"B\": \"AQI=\"}, \":b0\": {\"B\": \"AA==\"}, \":t\": {\"BOOL\": true}, "   \
	"\":null\": {\"NULL\": true}, \":ba\": {\"SS\": [\"b\", \"a\"]}, \":list\": {\"L\": "          \
	"[{\"S\": \"a\"}, {\"N\": \"5.00\"}, {\"SS\": [\"a\", \"b\"]}]}, \":map\": {\"M\": {\"k\": "   \
	"{\"S\": \"v\"}, \"x\": {\"M\": {\"y\": {\"N\": \"70e-1\"}}}}}, \":S\": {\"S\": \"S\"}, "      \
	"\":NS\": {\"S\": \"NS\"}, \":BOOL\": {\"S\": \"BOOL\"}, \":N\": {\"S\": \"N\"}, \":empty\": " \
	"{\"L\": []}}"

static const char *const names[] = {"#st", "status", "#n", "n", NULL};

/* Memory that is filled with rubbish, counted, and refused after some allocations. */
typedef struct Memory
{
	int blocks;
	int calls_left; /* -1: any number */
} Memory;

static void *
resize(void *context, void *block, size_t old_size, size_t new_size)
{
	Memory *memory = context;

	(void) old_size;
	if (new_size == 0)
	{
		free(block);
		memory->blocks--;
		return NULL;
	}
	if (memory->calls_left == 0)
		return NULL;
	if (memory->calls_left > 0)
		memory->calls_left--;
	memory->blocks++;
	block = malloc(new_size);
	memset(block, 0xA5, new_size);
	return block;
}

typedef struct Fixture
{
	ExpressionHelper helper;
	Memory memory;
	ItemAllocator allocator;
	Condition condition;
	char *text;
} Fixture;

static void
begin(Fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	expression_helper_begin(&fixture->helper, names, VALUES);
	fixture->memory.calls_left = -1;
	fixture->allocator = (ItemAllocator){.resize = resize, .context = &fixture->memory};
	condition_init(&fixture->condition, &fixture->allocator);
}

/* In memory of the text's exact length, so that AddressSanitizer sees any read beyond it. */
static bool
parse(Fixture *fixture, const char *expression)
{
	size_t length = strlen(expression);

	free(fixture->text);
	fixture->text = malloc(length > 0 ? length : 1);
	memcpy(fixture->text, expression, length);
	return condition_parse(fixture->text, length, "ConditionExpression", &fixture->helper.context,
						   &fixture->condition, &fixture->helper.error);
}

static void
end(Fixture *fixture)
{
	condition_release(&fixture->condition);
	if (fixture->memory.blocks != 0)
		TAP_OK(false, "%d blocks were not freed", fixture->memory.blocks);
	expression_helper_end(&fixture->helper);
	free(fixture->text);
}

static void
holds(const char *expression, bool expected)
{
	ItemBuffer item = item_helper_item(ITEM);
	Fixture fixture;

	begin(&fixture);
	if (!parse(&fixture, expression))
		TAP_OK(false, "refused: %s: %s", expression, fixture.helper.error.message);
	else
		TAP_OK(condition_holds(&fixture.condition, item.bytes, item.length) == expected, "%s: %s",
			   expected ? "true" : "false", expression);
	end(&fixture);
	item_helper_free(&item);
}

static void
test_comparators(void)
{
	holds("s = :s", true);
	holds("s <> :s", false);
	holds("s = :he", false);
	holds(":s = s", true);
	holds("s = s2", true);
	holds("s > :he AND s < :z AND s >= :s AND s <= :s", true);
	holds("s < :s", false);
	holds("s > :s", false);
	holds("s >= :z", false);
	holds("n = :5", true);
	holds("n > :4 and n < :20 AnD neg < :0 and neg > :m2", true);
	holds("bin < :b1 AND bin > :b0", true);
	holds("e < :a", true);
	holds("yes = :t AND nul = :null AND ss = :ba", true);
	holds("l = :list AND m = :map", true);
	holds("m.x = :map", false);
	holds("l <> :empty", true);
	holds(":4 < :5", true);
	holds("m.x.y > :5", true);
	holds("l[1] = :5 and l[0] = :a", true);
	holds("#st = :s", false);
	holds("(s) = (:s)", true);
}

static void
test_missing_and_types(void)
{
	holds("x = :s", false);
	holds("x <> :s", true);
	holds("x <> y", true);
	holds("x = y", false);
	holds("x < :s OR x <= :s OR x > :s OR x >= :s", false);
	holds("NOT x < :s", true);
	holds("x BETWEEN :a AND :z", false);
	holds("n BETWEEN x AND :20", false);
	holds("n BETWEEN :4 AND x", false);
	holds("x IN (:s, y)", false);
	holds("begins_with(x, :s) OR contains(x, :s) OR attribute_type(x, :S)", false);
	holds("contains(s, x) OR begins_with(s, x)", false);
	holds("size(x) < :5 OR size(x) >= :0", false);
	holds("size(n) < :20 OR size(yes) < :20 OR size(nul) < :20", false);
	holds("s = :5", false);
	holds("s <> :5", true);
	holds("s < :5 OR s > :5 OR n < :s OR n > :s", false);
	holds("ss < :s OR l >= :s OR m <= :s OR yes > :s", false);
	holds("s.x = :s", false);
	holds("l[3] <> :a", true);
	holds("begins_with(n, :s) OR begins_with(bin, :s) OR begins_with(s, :b0)", false);
	holds("contains(n, :5) OR contains(m, :a) OR contains(yes, :t)", false);
}

static void
test_ranges(void)
{
	holds("n BETWEEN :5 AND :5", true);
	holds("n BETWEEN :4 AND :20", true);
	holds("n BETWEEN neg AND :4", false);
	holds("neg BETWEEN :m2 AND :0", true);
	holds("s BETWEEN :a AND s2", true);
	holds("bin BETWEEN :b0 AND :b1", true);
	holds("s BETWEEN :he AND :he", false);
	holds("yes BETWEEN :a AND :z OR n BETWEEN :a AND :z", false);
	holds("n BETWEEN neg AND s", false);
	holds(":5 BETWEEN neg AND n", true);
}

static void
test_functions(void)
{
	holds("attribute_exists(s) AND attribute_exists(m.x.y) AND attribute_exists(l[2])", true);
	holds("attribute_exists(x) OR attribute_exists(l[3]) OR attribute_exists(m.y)", false);
	holds("attribute_not_exists(x) AND attribute_not_exists(s.y)", true);
	holds("attribute_not_exists(nul)", false);
	holds("attribute_type(s, :S) AND attribute_type(ns, :NS) AND attribute_type(yes, :BOOL)", true);
	holds("attribute_type(n, :S)", false);
	holds("attribute_type(:5, :N) AND attribute_type(size(s), :N)", true);
	holds("begins_with(s, :he) AND begins_with(s, :e) AND begins_with(s, :s)", true);
	holds("begins_with(s, :z) OR begins_with(e, :z)", false);
	holds("begins_with(bin, :b0)", true);
	holds("begins_with(:s, #st)", false);
	holds("contains(s, :e) AND contains(u, :nul0) AND contains(u, :z) AND contains(:s, s2)", true);
	holds("contains(s, :z)", false);
	holds("contains(bin, :b1)", true);
	holds("contains(ss, :a) AND contains(ns, :20) AND contains(bs, :b0)", true);
	holds("contains(ss, :c) OR contains(ns, :5) OR contains(ns, :a)", false);
	holds("contains(l, :a) AND contains(l, :5) AND contains(l, :ba)", true);
	holds("contains(l, :c) OR contains(l, :list)", false);
	holds("contains(ns, size(nul)) OR contains(:empty, s)", false);
	holds("size(s) = :5 AND size(e) = :0 AND size(u) = :4", true);
	holds("size(bin) = :3 AND size(ns) = :2 AND size(l) = :3 AND size(m) = :2", true);
	holds("size(:empty) = :0 AND (size(s)) > size(e) AND size(s) IN (n)", true);
	holds("size(s) BETWEEN :4 AND size((:s))", true);
}

static void
test_in(void)
{
	char expression[EXPRESSION_BYTES_MAX] = "n IN (:4";

	holds("s IN (:a, :z, :s)", true);
	holds("s IN (:a)", false);
	holds("s in (s2, :5)", true);
	holds("ss IN (:a, :ba)", true);
	for (int i = 0; i < 98; i++)
		strcat(expression, i < 97 ? ",:4" : ",:5)");
	holds(expression, true);
}

static void
test_precedence(void)
{
	holds("s = :s OR s = :s AND s = :z", true);
	holds("(s = :s OR s = :s) AND s = :z", false);
	holds("s = :z AND s = :s OR s = :s", true);
	holds("NOT s = :z AND s = :s", true);
	holds("NOT s = :s OR s = :s", true);
	holds("NOT (s = :s OR s = :s)", false);
	holds("NOT NOT s = :s", true);
	holds("NOT NOT (NOT (s = :s))", false);
	holds("n BETWEEN :4 AND :20 AND s = :z", false);
	holds("s = :z OR n BETWEEN :4 AND :20 AND s = :s", true);
	holds("NOT n BETWEEN :4 AND :20", false);
	holds("((s = :s) AND (n = :5)) OR (s = :z)", true);
}

/* ---------------------------------------------------------------- against another evaluator */

/* Writes a random condition of `depth` levels and returns what it must be, worked out as it goes. */
static bool
random_condition(char **to, int depth)
{
	static const struct
	{
		const char *text;
		bool truth;
	} leaves[] = {
		{"s = :s", true},
		{"s = :z", false},
		{"attribute_exists(n)", true},
		{"begins_with(s, :z)", false},
		{"n BETWEEN :4 AND :20", true},
		{"n IN (:4, :3)", false},
		{"(size(s)) = :5", true},
		{"x <> y", true},
	};
	int kind = depth == 0 ? 0 : (int) item_helper_random(4);
	bool left;
	bool right;

	if (kind == 0)
	{
		uint64_t leaf = item_helper_random(sizeof(leaves) / sizeof(leaves[0]));

		*to = stpcpy(*to, leaves[leaf].text);
		return leaves[leaf].truth;
	}
	if (kind == 1)
	{
		*to = stpcpy(*to, "NOT (NOT ");
		left = random_condition(to, 0);
		*to = stpcpy(*to, ")");
		return left;
	}
	*to = stpcpy(*to, "NOT (");
	left = random_condition(to, depth - 1);
	*to = stpcpy(*to, kind == 2 ? " AND NOT (" : " OR NOT (");
	right = random_condition(to, depth - 1);
	*to = stpcpy(*to, " OR s = :z))");
	return kind == 2 ? !(left && !right) : !(left || !right);
}

/*
 * Random chains without parentheses: the other evaluator splits at OR first, then at AND, as the
 * precedence says.
 */
static bool
random_chain(char **to)
{
	bool some = false;

	for (uint64_t terms = 1 + item_helper_random(4); terms > 0; terms--)
	{
		bool all = true;

		for (uint64_t factors = 1 + item_helper_random(4); factors > 0; factors--)
		{
			bool negated = item_helper_random(3) == 0;
			bool truth;

			*to = stpcpy(*to, negated ? "not " : "");
			truth = random_condition(to, 0);
			all = all && (truth != negated);
			*to = stpcpy(*to, factors > 1 ? " AND " : "");
		}
		some = some || all;
		*to = stpcpy(*to, terms > 1 ? " OR " : "");
	}
	return some;
}

static void
test_random(void)
{
	ItemBuffer item = item_helper_item(ITEM);
	int wrong = 0;
	int truths = 0;
	Fixture fixture;

	begin(&fixture);
	item_helper_seed(7);
	for (int i = 0; i < 20000; i++)
	{
		char expression[EXPRESSION_BYTES_MAX + 1];
		char *to = expression;
		bool expected = i % 2 == 0 ? random_chain(&to) : random_condition(&to, 1 + i % 5);

		*to = '\0';
		truths += expected;
		if (!parse(&fixture, expression) ||
			condition_holds(&fixture.condition, item.bytes, item.length) != expected)
		{
			tap_note("%s: not %d: %s", fixture.helper.error.message, expected, expression);
			wrong++;
		}
	}
	TAP_IS_INT(wrong, 0, "random conditions are what another evaluator says");
	TAP_OK(truths > 5000 && truths < 15000, "%d of 20,000 were true", truths);
	end(&fixture);
	item_helper_free(&item);
}

/* ---------------------------------------------------------------- use and memory */

static void
test_without_item(void)
{
	Fixture fixture;

	begin(&fixture);
	TAP_OK(parse(&fixture, "attribute_not_exists(s) AND s <> :s") &&
			   condition_holds(&fixture.condition, NULL, 0),
		   "in an item that does not exist every attribute is missing");
	TAP_OK(parse(&fixture, "attribute_exists(s) OR s = :s OR size(s) >= :0") &&
			   !condition_holds(&fixture.condition, NULL, 0),
		   "and has no value");
	TAP_OK(parse(&fixture, "s <> :s OR :4 < :5") && condition_holds(&fixture.condition, NULL, 0),
		   "values of the request are still there");
	end(&fixture);
}

static void
test_used(void)
{
	Fixture fixture;
	int used = 0;

	begin(&fixture);
	TAP_OK(parse(&fixture, "#st = :s OR attribute_exists(#n)"), "names and values");
	for (int i = 0; i < EXPRESSION_HELPER_MAX; i++)
		used += fixture.helper.values_used[i];
	TAP_OK(fixture.helper.names_used[0] && fixture.helper.names_used[1] && used == 1,
		   "those that it names are marked, though evaluation may skip them");
	end(&fixture);
}

static void
test_memory(void)
{
	Fixture fixture;

	begin(&fixture);
	for (int calls = 0; calls < 2; calls++)
	{
		fixture.memory.calls_left = calls;
		TAP_OK(!parse(&fixture, "s = :s") && fixture.helper.error.code == ITEM_ERROR_MEMORY,
			   "out of memory at allocation %d", calls + 1);
		TAP_IS_INT(fixture.memory.blocks, 0, "nothing is kept");
	}
	fixture.memory.calls_left = -1;
	TAP_OK(parse(&fixture, "s = :s"), "parsed");
	TAP_IS_INT(fixture.memory.blocks, 1, "a condition is one block");
	TAP_OK(!parse(&fixture, "s ="), "refused");
	TAP_IS_INT(fixture.memory.blocks, 0, "a refused one is none");
	end(&fixture);
}

int
main(void)
{
	test_comparators();
	test_missing_and_types();
	test_ranges();
	test_functions();
	test_in();
	test_precedence();
	test_random();
	test_without_item();
	test_used();
	test_memory();
	return tap_done();
}

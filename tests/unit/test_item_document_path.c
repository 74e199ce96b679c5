/*
 * test_item_document_path.c
 *		Document paths: grammar, names, search in an item, limits, pairs that overlap or conflict.
 */
#include "unit/tap.h"

#include <stdlib.h>

#include "item/document_path.h"
#include "unit/expression_helper.h"

#define ITEM                                                                                 \
	"{\"a\": {\"M\": {\"b\": {\"L\": [{\"S\": \"zero\"}, {\"M\": {\"c.d\": {\"N\": \"7\"}, " \
	"\"#c\": {\"S\": \"mark\"}}}]}}}, \"b.x\": {\"S\": \"dot\"}, \"s\": {\"SS\": [\"m\"]}}"
#define INVALID "Invalid ProjectionExpression: "

static const char *const names[] = {"#a", "a",   "#dot", "b.x",     "#cd",    "c.d", "#c",
									"#c", "#_1", "b",    "#STATUS", "status", NULL};

#define PATHS 4

/* Paths with commas between them, as a projection has them. */
typedef struct Fixture
{
	ExpressionHelper helper;
	char *text;
	ExpressionLexer lexer;
	PathSteps steps;
	uint32_t count;
	DocumentPath paths[PATHS];
} Fixture;

static bool
parse(Fixture *fixture, const char *expression)
{
	size_t length = strlen(expression);
	ExpressionLexer *lexer = &fixture->lexer;
	PathSteps *steps = &fixture->steps;

	memset(fixture, 0, sizeof(*fixture));
	expression_helper_begin(&fixture->helper, names, NULL);
	fixture->text = malloc(length > 0 ? length : 1);
	memcpy(fixture->text, expression, length);
	if (!expression_lexer_begin(lexer, "ProjectionExpression", fixture->text, length,
								&fixture->helper.error))
		return false;
	steps->capacity = expression_lexer_count_tokens(lexer);
	steps->steps = malloc(steps->capacity * sizeof(PathStep));
	do
	{
		if (!document_path_parse(lexer, steps, &fixture->paths[fixture->count++]))
			return false;
	} while (expression_lexer_take(lexer, TOKEN_COMMA));
	if (lexer->token.kind != TOKEN_END)
		return expression_fail_syntax(lexer);
	return path_steps_resolve(lexer, &fixture->helper.context, steps);
}

static void
end(Fixture *fixture)
{
	expression_helper_end(&fixture->helper);
	free(fixture->text);
	free(fixture->steps.steps);
}

static void
finds(const char *expression, ItemType type, const char *text)
{
	ItemBuffer item = item_helper_item(ITEM);
	Fixture fixture;
	ItemValue value;

	if (TAP_OK(parse(&fixture, expression) &&
				   document_path_find(fixture.paths, item.bytes, item.length, &value),
			   "found: %s", expression))
	{
		TAP_IS_INT(value.type, type, "its type");
		if (text != NULL)
			TAP_IS_BYTES(value.bytes, value.length, text, strlen(text), "its value");
	}
	else
		tap_note("%s", fixture.helper.error.message);
	end(&fixture);
	item_helper_free(&item);
}

static void
test_found(void)
{
	finds("a", ITEM_MAP, NULL);
	finds("#a", ITEM_MAP, NULL);
	finds("a.b", ITEM_LIST, NULL);
	finds(" #a . b [ 0 ] ", ITEM_STRING, "zero");
	finds("a.#_1[00]", ITEM_STRING, "zero");
	finds("a.b[1].#cd", ITEM_NUMBER, "\x03\x82\x70");
	finds("a.b[1].#c", ITEM_STRING, "mark");
	finds("#dot", ITEM_STRING, "dot");
	finds("s", ITEM_STRING_SET, NULL);
}

static void
test_not_found(void)
{
	static const char *const missing[] = {
		"x",        "A",         "a.x",  "a[0]", "a.b[2]",         "a.b.c",
		"a.b[0].c", "a.b[0][0]", "s[0]", "s.m",  "a.b[2147483647]"};
	ItemBuffer item = item_helper_item(ITEM);
	Fixture fixture;
	ItemValue value;

	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
	{
		TAP_OK(parse(&fixture, missing[i]) &&
				   !document_path_find(fixture.paths, item.bytes, item.length, &value),
			   "not there: %s", missing[i]);
		end(&fixture);
	}
	TAP_OK(parse(&fixture, "a") && !document_path_find(fixture.paths, NULL, 0, &value),
		   "nothing is in an item that does not exist");
	end(&fixture);
	item_helper_free(&item);
}

static void
refused(const char *expression, const char *message)
{
	Fixture fixture;

	TAP_OK(!parse(&fixture, expression), "refused: %.60s", expression);
	TAP_IS_STR(fixture.helper.error.message, message, "its message");
	end(&fixture);
}

static void
test_refused(void)
{
	refused("a.", INVALID "Syntax error; token: \"<EOF>\", near: \".\"");
	refused("a..b", INVALID "Syntax error; token: \".\", near: \"..b\"");
	refused("a b", INVALID "Syntax error; token: \"b\", near: \"a b\"");
	refused("_a", INVALID "Syntax error; token: \"_\", near: \"_a\"");
	refused("[0]", INVALID "Syntax error; token: \"[\", near: \"[0\"");
	refused("a[]", INVALID "Syntax error; token: \"]\", near: \"[]\"");
	refused("a[1", INVALID "Syntax error; token: \"<EOF>\", near: \"1\"");
	refused("a[-1]", INVALID "Syntax error; token: \"-\", near: \"[-1\"");
	refused("a[1x]", INVALID "Syntax error; token: \"1x\", near: \"[1x]\"");
	refused("a[:i]", INVALID "Syntax error; token: \":i\", near: \"[:i]\"");
	refused("a.:v", INVALID "Syntax error; token: \":v\", near: \".:v\"");
	refused("a[2147483648]",
			INVALID "List index is not within the allowable range; index: [2147483648]");
	refused("a[18446744073709551616]",
			INVALID "List index is not within the allowable range; index: [18446744073709551616]");
	refused("a.Status", INVALID "Attribute name is a reserved keyword; reserved keyword: Status");
	refused("#a, zone", INVALID "Attribute name is a reserved keyword; reserved keyword: zone");
	refused("#no, zone", INVALID "Attribute name is a reserved keyword; reserved keyword: zone");
	refused("zone, a[", INVALID "Syntax error; token: \"<EOF>\", near: \"[\"");
	refused("a.#no", INVALID "An expression attribute name used in the document path is not "
							 "defined; attribute name: #no");
}

static void
test_depth(void)
{
	char expression[128] = "a";
	Fixture fixture;

	for (int i = 1; i < DOCUMENT_PATH_STEPS_MAX; i++)
		strcat(expression, i % 2 == 0 ? ".a" : "[0]");
	TAP_OK(parse(&fixture, expression), "a path of 32 elements is taken");
	TAP_IS_INT(fixture.paths[0].step_count, DOCUMENT_PATH_STEPS_MAX, "its steps");
	end(&fixture);
	strcat(expression, ".a");
	refused(expression,
			INVALID "The document path has too many nesting elements; nesting levels: 33");
}

static void
pair(const char *expression, const char *message)
{
	Fixture fixture;
	bool parsed = parse(&fixture, expression);

	TAP_OK(parsed && document_paths_check(&fixture.lexer, fixture.paths, fixture.count) ==
						 (message == NULL),
		   "%s: %s", message == NULL ? "good together" : "not together", expression);
	TAP_IS_STR(fixture.helper.error.message, message != NULL ? message : "", "its message");
	end(&fixture);
}

static void
test_pairs(void)
{
	pair("a, #STATUS, b", NULL);
	pair("a.b, a.c, a.b1", NULL);
	pair("a[0], a[1], a[10]", NULL);
	pair("#dot, b", NULL);
	pair("a.b[0].x, a.c.x", NULL);
	pair("x, a, b, a", INVALID
		 "Two document paths overlap with each other; must remove or rewrite one of these paths; "
		 "path one: [a], path two: [a]");
	pair("#a, a.b[2]", INVALID
		 "Two document paths overlap with each other; must remove or rewrite one of these paths; "
		 "path one: [a], path two: [a, b, [2]]");
	pair("a[1].b, a[1]", INVALID
		 "Two document paths overlap with each other; must remove or rewrite one of these paths; "
		 "path one: [a, [1], b], path two: [a, [1]]");
	pair("a.b, a[1]", INVALID
		 "Two document paths conflict with each other; must remove or rewrite one of these paths; "
		 "path one: [a, b], path two: [a, [1]]");
	pair("a.b, a[1], c, c.d", INVALID
		 "Two document paths overlap with each other; must remove or rewrite one of these paths; "
		 "path one: [c], path two: [c, d]");
}

static void
test_equal(void)
{
	Fixture fixture;

	TAP_OK(parse(&fixture, "a.b[1], #a . #_1[01], a.b, a.b[2]"), "four paths");
	TAP_OK(document_path_equal(&fixture.paths[0], &fixture.paths[1]), "two of them are equal");
	TAP_OK(!document_path_equal(&fixture.paths[0], &fixture.paths[2]), "to another they lead on");
	TAP_OK(!document_path_equal(&fixture.paths[0], &fixture.paths[3]), "the fourth is elsewhere");
	end(&fixture);
}

int
main(void)
{
	test_found();
	test_not_found();
	test_refused();
	test_depth();
	test_pairs();
	test_equal();
	return tap_done();
}

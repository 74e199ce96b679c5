/*
 * test_item_projection.c
 *		Projections: what is kept of an item, refusals with DynamoDB's texts, memory.
 */
#include "unit/tap.h"

#include <stdlib.h>

#include "item/projection.h"
#include "unit/expression_helper.h"

#define ITEM                                                                                       \
	"{\"a\": {\"M\": {\"b\": {\"M\": {\"x\": {\"N\": \"1\"}, \"y\": {\"N\": \"2\"}}}, \"c\": "     \
	"{\"S\": \"see\"}, \"d\": {\"M\": {}}}}, \"b.x\": {\"S\": \"dot\"}, \"l\": {\"L\": [{\"S\": "  \
	"\"0\"}, {\"M\": {\"k\": {\"S\": \"1\"}, \"j\": {\"S\": \"1j\"}}}, {\"L\": [{\"N\": \"20\"}, " \
	"{\"N\": \"21\"}]}, {\"S\": \"3\"}, {\"S\": \"4\"}, {\"S\": \"5\"}, {\"S\": \"6\"}, {\"S\": "  \
	"\"7\"}, {\"S\": \"8\"}, {\"S\": \"9\"}, {\"S\": \"10\"}]}, \"s\": {\"SS\": [\"m\", \"n\"]}, " \
	"\"t\": {\"NULL\": true}}"
#define INVALID "Invalid ProjectionExpression: "

static const char *const names[] = {"#a", "a", "#dot", "b.x", "#b", "b", NULL};

typedef struct Fixture
{
	ExpressionHelper helper;
	Projection projection;
	char *text;
} Fixture;

static bool
parse(Fixture *fixture, const char *expression)
{
	size_t length = strlen(expression);

	expression_helper_begin(&fixture->helper, names, NULL);
	projection_init(&fixture->projection, &item_helper_allocator);
	fixture->text = malloc(length > 0 ? length : 1);
	memcpy(fixture->text, expression, length);
	return projection_parse(fixture->text, length, &fixture->helper.context, &fixture->projection,
							&fixture->helper.error);
}

static void
end(Fixture *fixture)
{
	projection_release(&fixture->projection);
	expression_helper_end(&fixture->helper);
	free(fixture->text);
}

static void
keeps(const char *expression, const char *expected)
{
	ItemBuffer item = item_helper_item(ITEM);
	ItemBuffer out;
	Fixture fixture;
	ItemError error;

	item_buffer_init(&out, &item_helper_allocator);
	item_buffer_append(&out, "head", 4);
	if (!TAP_OK(parse(&fixture, expression), "taken: %s", expression))
		tap_note("%s", fixture.helper.error.message);
	else if (TAP_OK(projection_apply(&fixture.projection, item.bytes, item.length, &out, &error) &&
						item_validate(out.bytes + 4, out.length - 4, &error),
					"it gives a valid item behind what the buffer holds"))
		TAP_IS_STR(item_helper_text(out.bytes + 4, out.length - 4), expected, "it keeps");
	end(&fixture);
	item_helper_free(&out);
	item_helper_free(&item);
}

static void
test_kept(void)
{
	keeps("t", "{\"t\": {\"NULL\": true}}");
	keeps("t, #dot, s", "{\"b.x\": {\"S\": \"dot\"}, \"s\": {\"SS\": [\"m\", \"n\"]}, \"t\": "
						"{\"NULL\": true}}");
	keeps("a.d", "{\"a\": {\"M\": {\"d\": {\"M\": {}}}}}");
	keeps("#a.#b.y, t, a.c", "{\"a\": {\"M\": {\"b\": {\"M\": {\"y\": {\"N\": \"2\"}}}, \"c\": "
							 "{\"S\": \"see\"}}}, \"t\": {\"NULL\": true}}");
	keeps("a.b.y, a.b.x",
		  "{\"a\": {\"M\": {\"b\": {\"M\": {\"x\": {\"N\": \"1\"}, \"y\": {\"N\": \"2\"}}}}}}");
}

static void
test_lists(void)
{
	keeps("l[10], l[9], l[3], l[0]",
		  "{\"l\": {\"L\": [{\"S\": \"0\"}, {\"S\": \"3\"}, {\"S\": \"9\"}, {\"S\": \"10\"}]}}");
	keeps("l[2][1], l[1].k, l[99]",
		  "{\"l\": {\"L\": [{\"M\": {\"k\": {\"S\": \"1\"}}}, {\"L\": [{\"N\": \"21\"}]}]}}");
	keeps("l[2]", "{\"l\": {\"L\": [{\"L\": [{\"N\": \"20\"}, {\"N\": \"21\"}]}]}}");
}

static void
test_not_found(void)
{
	keeps("x", "{}");
	keeps("a.x, a.b.z, a.d.e, l[11], l[0][0], l[1].z, s[0], t.x", "{}");
	keeps("a[0].b, l.k", "{}");
	keeps("a.b.z, a.c", "{\"a\": {\"M\": {\"c\": {\"S\": \"see\"}}}}");
	keeps("l[1].z, l[3]", "{\"l\": {\"L\": [{\"S\": \"3\"}]}}");
}

static void
refused(const char *expression, const char *message)
{
	Fixture fixture;

	TAP_OK(!parse(&fixture, expression) && fixture.helper.error.code == ITEM_ERROR_VALUE &&
			   fixture.projection.memory == NULL,
		   "refused: %.60s", expression);
	TAP_IS_STR(fixture.helper.error.message, message, "its message");
	end(&fixture);
}

static void
test_refused(void)
{
	refused("", INVALID "The expression can not be empty;");
	refused("a,", INVALID "Syntax error; token: \"<EOF>\", near: \",\"");
	refused("a,,t", INVALID "Syntax error; token: \",\", near: \",,t\"");
	refused("a t", INVALID "Syntax error; token: \"t\", near: \"a t\"");
	refused("a, :v", INVALID "Syntax error; token: \":v\", near: \", :v\"");
	refused("size(a)", INVALID "Syntax error; token: \"(\", near: \"size(a\"");
	refused("(a)", INVALID "Syntax error; token: \"(\", near: \"(a\"");
	refused("a, status, a",
			INVALID "Attribute name is a reserved keyword; reserved keyword: status");
	refused("a, #no, a", INVALID "An expression attribute name used in the document path is not "
								 "defined; attribute name: #no");
	refused("t, #a, a", INVALID
			"Two document paths overlap with each other; must remove or rewrite one of these "
			"paths; path one: [a], path two: [a]");
	refused("a.b.c, t, a.b", INVALID
			"Two document paths overlap with each other; must remove or rewrite one of these "
			"paths; path one: [a, b, c], path two: [a, b]");
	refused("a.b, a[0]", INVALID
			"Two document paths conflict with each other; must remove or rewrite one of these "
			"paths; path one: [a, b], path two: [a, [0]]");
}

/* As many paths as an expression has room for, all different. */
static void
test_many(void)
{
	char expression[EXPRESSION_BYTES_MAX + 1] = "a";
	Fixture fixture;
	char *to = expression + 1;

	for (int i = 0; to - expression + 5 <= EXPRESSION_BYTES_MAX; i++)
	{
		*to++ = ',';
		*to++ = (char) ('a' + i % 26);
		*to++ = (char) ('a' + i / 26 % 26);
		*to++ = (char) ('a' + i / 676);
		*to++ = '_';
	}
	*to = '\0';
	TAP_OK(parse(&fixture, expression), "as many paths as there is room for");
	TAP_IS_INT(fixture.projection.path_count, 820, "their number");
	end(&fixture);
}

static void *
refuse(void *context, void *block, size_t old_size, size_t new_size)
{
	int *left = context;

	if (new_size > 0 && (*left)-- == 0)
		return NULL;
	return item_helper_allocator.resize(NULL, block, old_size, new_size);
}

static void
test_memory(void)
{
	ItemBuffer item = item_helper_item(ITEM);
	ItemBuffer out;
	int left = 0;
	ItemAllocator allocator = {.resize = refuse, .context = &left};
	Projection projection;
	Fixture fixture;
	ItemError error;

	TAP_OK(parse(&fixture, "a, l"), "parsed");
	item_buffer_init(&out, &allocator);
	TAP_OK(!projection_apply(&fixture.projection, item.bytes, item.length, &out, &error) &&
			   error.code == ITEM_ERROR_MEMORY && out.length == 0,
		   "no memory for the item");
	left = 0;
	projection_init(&projection, &allocator);
	TAP_OK(!projection_parse("a", 1, &fixture.helper.context, &projection, &error) &&
			   error.code == ITEM_ERROR_MEMORY && projection.memory == NULL,
		   "none for the projection");
	end(&fixture);
	item_helper_free(&item);
}

int
main(void)
{
	test_kept();
	test_lists();
	test_not_found();
	test_refused();
	test_many();
	test_memory();
	return tap_done();
}

/*
 * fuzz_projection.c
 *		The parser of projections under damaged expressions, and what those that it takes give.
 */
#include "fuzz/fuzz.h"
#include "fuzz/expression_check.h"
#include "item/projection.h"

static const char *const examples[] = {
	"Artist, Year, s",
	"#l[0][0].a, #m.z, m.y[1], ss",
	"l[0][0][0].b,l[1],t,u,#m.x.y.z",
	"m.x , m.y , #l[12]",
};

size_t
fuzz_example(uint8_t *out)
{
	return expression_check_example(examples, sizeof(examples) / sizeof(examples[0]), fuzz_random(),
									out);
}

static void
check_on_item(const Projection *projection, const char *json)
{
	ItemBuffer item;
	ItemBuffer part;
	ItemError error;

	item_buffer_init(&item, &item_check_allocator);
	item_buffer_init(&part, &item_check_allocator);
	CORE_ASSERT(item_from_json(json, strlen(json), &item, &error));
	CORE_ASSERT(projection_apply(projection, item.bytes, item.length, &part, &error));
	CORE_ASSERT(item_validate(part.bytes, part.length, &error));
	CORE_ASSERT(item_size(part.bytes, part.length) <= item_size(item.bytes, item.length));
	free(item.bytes);
	free(part.bytes);
}

/* What is taken gives a valid part of any item; what is refused has a message and keeps no memory. */
int
fuzz_one(const uint8_t *bytes, size_t length)
{
	Projection projection;
	ItemError error;
	bool taken;

	projection_init(&projection, &item_check_allocator);
	taken = projection_parse((const char *) bytes, length, expression_check_context(), &projection,
							 &error);
	for (size_t i = 0; taken && i < ITEM_EXAMPLES; i++)
		check_on_item(&projection, item_examples[i]);
	CORE_ASSERT(taken || (error.length > 0 && projection.memory == NULL));
	projection_release(&projection);
	return taken;
}

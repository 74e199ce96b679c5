/*
 * projection.c
 *		Projection expressions: parser, and the copy of the parts that they name.
 *
 * Runs where an item is handed to a client.  Paths are sorted once, so that those that go through
 * the same map or list stand together and each container is opened once.  The copy recurses once
 * for each element of a path, of which there are at most DOCUMENT_PATH_STEPS_MAX.
 */
#include "item/projection.h"

#include <stdlib.h>
#include <string.h>

#include "core/core_assert.h"
#include "item/document_path.h"
#include "item/item_writer.h"

/* Neighbouring paths that are equal in their first `depth` steps. */
typedef struct PathGroup
{
	const DocumentPath *paths;
	uint32_t count;
	uint32_t depth;
} PathGroup;

/* One item on its way. */
typedef struct Copy
{
	const uint8_t *item;
	size_t length;
	ItemWriter *writer;
} Copy;

void
projection_init(Projection *projection, const ItemAllocator *allocator)
{
	*projection = (Projection){.allocator = allocator};
}

void
projection_release(Projection *projection)
{
	const ItemAllocator *allocator = projection->allocator;

	if (projection->memory != NULL)
		allocator->resize(allocator->context, projection->memory, projection->memory_size, 0);
	projection_init(projection, allocator);
}

/* Each path, and each of its steps, takes a token at least. */
static bool
allocate(Projection *projection, uint32_t tokens, PathSteps *steps)
{
	const ItemAllocator *allocator = projection->allocator;
	size_t path_bytes = tokens * sizeof(DocumentPath);
	size_t size = path_bytes + tokens * sizeof(PathStep);
	uint8_t *memory = allocator->resize(allocator->context, NULL, 0, size);

	if (memory == NULL)
		return false;
	projection->memory = memory;
	projection->memory_size = size;
	projection->paths = (DocumentPath *) memory;
	*steps = (PathSteps){.steps = (PathStep *) (memory + path_bytes), .capacity = tokens};
	return true;
}

static bool
parse(ExpressionLexer *lexer, const ExpressionContext *context, PathSteps *steps,
	  Projection *projection)
{
	do
	{
		if (!document_path_parse(lexer, steps, &projection->paths[projection->path_count++]))
			return false;
	} while (expression_lexer_take(lexer, TOKEN_COMMA));
	if (lexer->token.kind != TOKEN_END)
		return expression_fail_syntax(lexer);
	return path_steps_resolve(lexer, context, steps) &&
		   document_paths_check(lexer, projection->paths, projection->path_count);
}

/* Paths that neither overlap nor conflict differ at a step of the same kind in both. */
static int
compare_paths(const void *left, const void *right)
{
	const DocumentPath *one = left;
	const DocumentPath *two = right;

	for (uint32_t i = 0; i < one->step_count && i < two->step_count; i++)
	{
		const PathStep *a = &one->steps[i];
		const PathStep *b = &two->steps[i];
		int order = a->is_index ? (a->index > b->index) - (a->index < b->index)
								: item_compare_bytes(a->name.bytes, a->name.length, b->name.bytes,
													 b->name.length);

		if (order != 0)
			return order;
	}
	return 0;
}

bool
projection_parse(const char *expression, size_t length, ExpressionContext *context,
				 Projection *projection, ItemError *error)
{
	ExpressionLexer lexer;
	PathSteps steps;

	projection_release(projection);
	if (!expression_lexer_begin(&lexer, "ProjectionExpression", expression, length, error))
		return false;
	if (!allocate(projection, expression_lexer_count_tokens(&lexer), &steps))
		return item_error_set(error, ITEM_ERROR_MEMORY, 0, "out of memory");
	if (!parse(&lexer, context, &steps, projection))
	{
		projection_release(projection);
		return false;
	}
	qsort(projection->paths, projection->path_count, sizeof(DocumentPath), compare_paths);
	return true;
}

/* ---------------------------------------------------------------- the copy */

/* The paths at the beginning of a group that also share their next step. */
static PathGroup
first_branch(const PathGroup *group)
{
	const PathStep *first = &group->paths[0].steps[group->depth];
	PathGroup branch = {.paths = group->paths, .count = 1, .depth = group->depth + 1};

	while (branch.count < group->count &&
		   path_step_equal(first, &group->paths[branch.count].steps[group->depth]))
		branch.count++;
	return branch;
}

/* True if one of the group's paths leads somewhere in the item. */
static bool
leads_somewhere(const Copy *copy, const PathGroup *group)
{
	ItemValue value;

	for (uint32_t i = 0; i < group->count; i++)
	{
		if (document_path_find(&group->paths[i], copy->item, copy->length, &value))
			return true;
	}
	return false;
}

static void copy_members(const Copy *copy, const ItemValue *container, PathGroup group);

/*
 * What a branch takes of the member that its last common step leads to: all of it where its path
 * ends (no other goes through it then), else the same of its members.
 */
static void
copy_branch(const Copy *copy, const ItemValue *member, const PathGroup *branch)
{
	if (branch->paths[0].step_count == branch->depth)
	{
		CORE_ASSERT(branch->count == 1);
		item_writer_value(copy->writer, member);
		return;
	}
	item_writer_open(copy->writer, member->type);
	copy_members(copy, member, *branch);
	item_writer_close(copy->writer);
}

/* The writer remembers a failure, so that nothing is checked on the way. */
static void
copy_members(const Copy *copy, const ItemValue *container, PathGroup group)
{
	while (group.count > 0)
	{
		PathGroup branch = first_branch(&group);
		const PathStep *step = &branch.paths[0].steps[group.depth];
		ItemValue member;

		group.paths += branch.count;
		group.count -= branch.count;
		if (!leads_somewhere(copy, &branch) || !path_step_find(step, container, &member))
			continue;
		if (!step->is_index)
			item_writer_name(copy->writer, step->name.bytes, step->name.length);
		copy_branch(copy, &member, &branch);
	}
}

bool
projection_apply(const Projection *projection, const uint8_t *item, size_t length, ItemBuffer *out,
				 ItemError *error)
{
	ItemWriter writer;
	Copy copy = {.item = item, .length = length, .writer = &writer};
	PathGroup all = {.paths = projection->paths, .count = projection->path_count};
	ItemValue whole = item_as_value(item, length);
	size_t before = out->length;
	bool good;

	CORE_ASSERT(projection->path_count > 0);
	item_writer_begin(&writer, out);
	copy_members(&copy, &whole, all);
	good = item_writer_finish(&writer);
	if (!good)
	{
		*error = writer.error;
		out->length = before;
	}
	item_writer_release(&writer);
	return good;
}

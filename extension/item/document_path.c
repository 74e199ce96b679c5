/*
 * document_path.c
 *		Document paths: grammar, names, search in an item, relation of two paths.
 *
 * Parsed where an expression is parsed; searched on the encoding in place, with a step of work for
 * a step of the path.
 */
#include "item/document_path.h"

#include <string.h>

#include "core/core_assert.h"

static bool
add_step(ExpressionLexer *lexer, PathSteps *steps, DocumentPath *path, const PathStep *step)
{
	if (path->step_count == DOCUMENT_PATH_STEPS_MAX)
	{
		expression_fail(lexer, "The document path has too many nesting elements; nesting levels: ");
		item_error_add_number(lexer->error, DOCUMENT_PATH_STEPS_MAX + 1);
		return false;
	}
	CORE_ASSERT(steps->count < steps->capacity);
	steps->steps[steps->count++] = *step;
	path->step_count++;
	return true;
}

static bool
parse_name(ExpressionLexer *lexer, PathSteps *steps, DocumentPath *path)
{
	const Token *token = &lexer->token;
	PathStep step = {.name = {token->length, (const uint8_t *) token->text}};

	if (token->kind != TOKEN_NAME && token->kind != TOKEN_NAME_OF)
		return expression_fail_syntax(lexer);
	if (!add_step(lexer, steps, path, &step))
		return false;
	expression_lexer_next(lexer);
	return true;
}

/* The number of a list's element; letters that stick to it are the lexer's courtesy. */
static bool
read_index(ExpressionLexer *lexer, uint32_t *index)
{
	const Token *token = &lexer->token;
	uint64_t number = 0;

	if (token->kind != TOKEN_INTEGER)
		return expression_fail_syntax(lexer);
	for (uint32_t i = 0; i < token->length; i++)
	{
		if (token->text[i] < '0' || token->text[i] > '9')
			return expression_fail_syntax(lexer);
		if (number <= DOCUMENT_PATH_INDEX_MAX)
			number = number * 10 + (uint64_t) (token->text[i] - '0');
	}
	if (number > DOCUMENT_PATH_INDEX_MAX)
	{
		expression_fail(lexer, "List index is not within the allowable range; index: [");
		item_error_add_bytes(lexer->error, token->text, token->length);
		item_error_add_text(lexer->error, "]");
		return false;
	}
	*index = (uint32_t) number;
	return true;
}

/* What stands behind an opening bracket. */
static bool
parse_index(ExpressionLexer *lexer, PathSteps *steps, DocumentPath *path)
{
	PathStep step = {.is_index = true};

	if (!read_index(lexer, &step.index) || !add_step(lexer, steps, path, &step))
		return false;
	expression_lexer_next(lexer);
	return expression_lexer_take(lexer, TOKEN_CLOSE_BRACKET) || expression_fail_syntax(lexer);
}

bool
document_path_parse(ExpressionLexer *lexer, PathSteps *steps, DocumentPath *path)
{
	path->step_count = 0;
	path->steps = steps->steps + steps->count;
	if (!parse_name(lexer, steps, path))
		return false;
	for (;;)
	{
		bool good;

		if (expression_lexer_take(lexer, TOKEN_DOT))
			good = parse_name(lexer, steps, path);
		else if (expression_lexer_take(lexer, TOKEN_OPEN_BRACKET))
			good = parse_index(lexer, steps, path);
		else
			return true;
		if (!good)
			return false;
	}
}

/* Not resolved yet: names as they stand in the expression, where only a placeholder has the mark. */
static inline bool
is_placeholder(const PathStep *step)
{
	return !step->is_index && step->name.bytes[0] == '#';
}

bool
path_steps_resolve(ExpressionLexer *lexer, const ExpressionContext *context, PathSteps *steps)
{
	for (uint32_t i = 0; i < steps->count; i++)
	{
		const PathStep *step = &steps->steps[i];

		if (!step->is_index && !is_placeholder(step) &&
			!expression_check_word(lexer, (const char *) step->name.bytes, step->name.length))
			return false;
	}
	for (uint32_t i = 0; i < steps->count; i++)
	{
		PathStep *step = &steps->steps[i];

		if (is_placeholder(step) &&
			!expression_resolve_name(lexer, context, (const char *) step->name.bytes,
									 step->name.length, &step->name))
			return false;
	}
	return true;
}

bool
path_step_find(const PathStep *step, const ItemValue *from, ItemValue *member)
{
	ItemContainer container;

	if (from->type != (step->is_index ? ITEM_LIST : ITEM_MAP))
		return false;
	item_open_value(from, &container);
	if (!step->is_index)
		return item_map_find(&container, step->name.bytes, step->name.length, member);
	if (step->index >= container.count)
		return false;
	item_element(&container, step->index, member);
	return true;
}

bool
document_path_find(const DocumentPath *path, const uint8_t *item, size_t length, ItemValue *value)
{
	if (item == NULL)
		return false;
	*value = item_as_value(item, length);
	for (uint32_t i = 0; i < path->step_count; i++)
	{
		ItemValue from = *value;

		if (!path_step_find(&path->steps[i], &from, value))
			return false;
	}
	return true;
}

bool
path_step_equal(const PathStep *left, const PathStep *right)
{
	if (left->is_index || right->is_index)
		return left->is_index == right->is_index && left->index == right->index;
	return left->name.length == right->name.length &&
		   memcmp(left->name.bytes, right->name.bytes, left->name.length) == 0;
}

PathRelation
document_path_relation(const DocumentPath *left, const DocumentPath *right)
{
	for (uint32_t i = 0; i < left->step_count && i < right->step_count; i++)
	{
		if (left->steps[i].is_index != right->steps[i].is_index)
			return PATHS_CONFLICT;
		if (!path_step_equal(&left->steps[i], &right->steps[i]))
			return PATHS_APART;
	}
	return PATHS_OVERLAP;
}

bool
document_path_equal(const DocumentPath *left, const DocumentPath *right)
{
	return left->step_count == right->step_count &&
		   document_path_relation(left, right) == PATHS_OVERLAP;
}

void
document_path_describe(ItemError *error, const DocumentPath *path)
{
	for (uint32_t i = 0; i < path->step_count; i++)
	{
		const PathStep *step = &path->steps[i];

		item_error_add_text(error, i == 0 ? "[" : ", ");
		if (step->is_index)
		{
			item_error_add_text(error, "[");
			item_error_add_number(error, step->index);
			item_error_add_text(error, "]");
		}
		else
			item_error_add_bytes(error, step->name.bytes, step->name.length);
	}
	item_error_add_text(error, "]");
}

static bool
fail_pair(ExpressionLexer *lexer, const char *text, const DocumentPath *one,
		  const DocumentPath *two)
{
	expression_fail(lexer, text);
	item_error_add_text(lexer->error, "must remove or rewrite one of these paths; path one: ");
	document_path_describe(lexer->error, one);
	item_error_add_text(lexer->error, ", path two: ");
	document_path_describe(lexer->error, two);
	return false;
}

/* Refuses the first path that stands in this relation to one before it. */
static bool
refuse_relation(ExpressionLexer *lexer, const DocumentPath *paths, uint32_t count,
				PathRelation relation, const char *text)
{
	for (uint32_t second = 1; second < count; second++)
	{
		for (uint32_t first = 0; first < second; first++)
		{
			if (document_path_relation(&paths[first], &paths[second]) == relation)
				return fail_pair(lexer, text, &paths[first], &paths[second]);
		}
	}
	return true;
}

bool
document_paths_check(ExpressionLexer *lexer, const DocumentPath *paths, uint32_t count)
{
	return refuse_relation(lexer, paths, count, PATHS_OVERLAP,
						   "Two document paths overlap with each other; ") &&
		   refuse_relation(lexer, paths, count, PATHS_CONFLICT,
						   "Two document paths conflict with each other; ");
}

/*
 * document_path.h
 *		Document paths: where in an item an attribute stands, as a.b[2].#c.
 *
 *		path := name { '.' name | '[' digits ']' }
 *
 * A parser reads all paths of one expression into one array of steps, first by the grammar alone;
 * path_steps_resolve then checks and replaces the names of all of them, since DynamoDB reports
 * errors of the grammar before any name.
 */
#ifndef QUORATE_ITEM_DOCUMENT_PATH_H
#define QUORATE_ITEM_DOCUMENT_PATH_H

#include "item/expression_lexer.h"

#define DOCUMENT_PATH_STEPS_MAX (ITEM_DEPTH_MAX + 1) /* an item has nothing deeper */
#define DOCUMENT_PATH_INDEX_MAX INT32_MAX

typedef struct PathStep
{
	bool is_index;
	uint32_t index; /* element of a list, from 0, if is_index */
	ItemName name;  /* else attribute of a map; points into the expression or its context */
} PathStep;

/* The first step is a name.  The steps stand in the PathSteps that the path was parsed with. */
typedef struct DocumentPath
{
	uint32_t step_count;
	const PathStep *steps;
} DocumentPath;

/*
 * The steps of all paths of an expression, in memory of the caller's: each step takes a token at
 * least, so expression_lexer_count_tokens says how many are enough.
 */
typedef struct PathSteps
{
	PathStep *steps;
	uint32_t count;
	uint32_t capacity;
} PathSteps;

/* How two paths stand to each other. */
typedef enum PathRelation
{
	PATHS_APART,
	PATHS_OVERLAP, /* equal, or one leads through the other */
	PATHS_CONFLICT /* a value cannot be both the map and the list that they take it for */
} PathRelation;

/*
 * Reads a path that starts at the present token, which must be a name, and appends its steps.
 * Placeholders stay in it as they are until path_steps_resolve.
 */
extern bool document_path_parse(ExpressionLexer *lexer, PathSteps *steps, DocumentPath *path);

/*
 * To be called once, when the whole expression is read: refuses reserved words, then replaces
 * #placeholders by the names that they stand for.
 */
extern bool
path_steps_resolve(ExpressionLexer *lexer, const ExpressionContext *context, PathSteps *steps);

/* Finds the value at a path; false if there is none.  `item` NULL: there is no item. */
extern bool
document_path_find(const DocumentPath *path, const uint8_t *item, size_t length, ItemValue *value);

/* The member of a value that one step leads to; false if there is none, or it is no such container. */
extern bool path_step_find(const PathStep *step, const ItemValue *from, ItemValue *member);

/* Of resolved steps and paths. */
extern bool path_step_equal(const PathStep *left, const PathStep *right);
extern PathRelation document_path_relation(const DocumentPath *left, const DocumentPath *right);
extern bool document_path_equal(const DocumentPath *left, const DocumentPath *right);

/*
 * Refuses two paths of the list that overlap or, if none do, that conflict.  Compares every two: an
 * expression is too short for more than some 2,000 paths.
 */
extern bool document_paths_check(ExpressionLexer *lexer, const DocumentPath *paths, uint32_t count);

/* Adds a resolved path as DynamoDB's messages show it: [a, b, [2]]. */
extern void document_path_describe(ItemError *error, const DocumentPath *path);

#endif /* QUORATE_ITEM_DOCUMENT_PATH_H */

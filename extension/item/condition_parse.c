/*
 * condition_parse.c
 *		The parser of conditions: operator precedence with a stack of its own instead of recursion.
 *
 * Runs in the request router and on a partition's leader.  Two stacks: frames are what is open
 * (parentheses, calls, operators that wait for their right side), values are the operands read so
 * far.  As every entry takes a token of the text at least, the number of tokens bounds all that is
 * ever stored, and memory is allocated once.
 *
 * The grammar is read to its end first.  What else is wrong is noted or looked for afterwards,
 * since DynamoDB reports in this order: grammar, parentheses, unknown functions, functions in the
 * wrong place, reserved words, undefined names and values, and then condition_check's.
 */
#include "item/condition_program.h"

#include <string.h>

#include "core/core_assert.h"

typedef enum FrameKind
{
	FRAME_WHOLE,         /* the expression itself, at the bottom */
	FRAME_GROUP,         /* parentheses around a condition or an operand */
	FRAME_OPERAND_GROUP, /* parentheses where only an operand may stand */
	FRAME_CALL,          /* a function's parentheses */
	FRAME_IN,            /* IN's parentheses */
	FRAME_COMPARE,       /* a comparator that waits for its right side */
	FRAME_BETWEEN,       /* BETWEEN that waits for its lower bound and AND */
	FRAME_BETWEEN_UPPER, /* BETWEEN that waits for its upper bound */
	FRAME_NOT,
	FRAME_AND,
	FRAME_OR
} FrameKind;

typedef struct Frame
{
	FrameKind kind;
	ConditionOperator op; /* of a comparator or a call */
	uint32_t mark;        /* calls, IN: values below their operands; AND, OR: their instruction */
} Frame;

typedef struct Value
{
	ConditionOperand operand;
	bool grouped; /* parentheses stand around exactly this */
} Value;

typedef struct Parser
{
	ExpressionLexer lexer;
	Condition *condition;
	PathSteps steps;
	Frame *frames;
	Value *values;
	uint32_t frame_count;
	uint32_t value_count;
	uint32_t operators;
	bool redundant;  /* double parentheses were seen */
	Token unknown;   /* the first function that does not exist; length 0: none */
	Token misplaced; /* the first function that must not stand where it does */
} Parser;

/* ---------------------------------------------------------------- the stacks and the result */

static inline Frame *
top_frame(Parser *parser)
{
	return &parser->frames[parser->frame_count - 1];
}

static inline Value *
top_value(Parser *parser)
{
	return &parser->values[parser->value_count - 1];
}

static Frame *
push_frame(Parser *parser, FrameKind kind)
{
	Frame *frame = &parser->frames[parser->frame_count++];

	*frame = (Frame){.kind = kind};
	return frame;
}

static Value *
push_value(Parser *parser, ConditionOperandKind kind)
{
	Value *value = &parser->values[parser->value_count++];

	*value = (Value){.operand.kind = kind};
	return value;
}

static uint32_t
add_instruction(Parser *parser, ConditionInstructionKind kind, uint32_t target)
{
	Condition *condition = parser->condition;

	condition->instructions[condition->instruction_count] = (ConditionInstruction){kind, target};
	return condition->instruction_count++;
}

static void
note_misplaced(Parser *parser, ConditionOperator op)
{
	const char *name;

	if (parser->misplaced.length > 0 || op == OPERATOR_UNKNOWN)
		return;
	name = condition_operator_name(op);
	parser->misplaced = (Token){.text = name, .length = (uint32_t) strlen(name)};
}

/* A call of the topmost `count` values, which takes their place. */
static void
reduce_call(Parser *parser, ConditionOperator op, uint32_t count)
{
	Condition *condition = parser->condition;
	ConditionCall *call = &condition->calls[condition->call_count];

	*call = (ConditionCall){op, condition->operand_count, count};
	parser->value_count -= count;
	for (uint32_t i = 0; i < count; i++)
	{
		const ConditionOperand *operand = &parser->values[parser->value_count + i].operand;

		CORE_ASSERT(operand->kind != OPERAND_TRUTH);
		if (operand->kind == OPERAND_CALL && condition->calls[operand->call].op != OPERATOR_SIZE)
			note_misplaced(parser, condition->calls[operand->call].op);
		condition->operands[condition->operand_count++] = *operand;
	}
	push_value(parser, OPERAND_CALL)->operand.call = condition->call_count++;
}

/* Makes a test of the topmost value, a call. */
static void
reduce_test(Parser *parser)
{
	Value *value = top_value(parser);

	add_instruction(parser, INSTRUCTION_TEST, value->operand.call);
	*value = (Value){.operand.kind = OPERAND_TRUTH};
}

/* Closes a comparison of which all operands are there; one that waits for its AND is an error. */
static bool
reduce_comparison(Parser *parser)
{
	Frame frame = *top_frame(parser);

	if (frame.kind == FRAME_BETWEEN)
		return expression_fail_syntax(&parser->lexer);
	if (frame.kind != FRAME_COMPARE && frame.kind != FRAME_BETWEEN_UPPER)
		return true;
	parser->frame_count--;
	if (frame.kind == FRAME_COMPARE)
		reduce_call(parser, frame.op, 2);
	else
		reduce_call(parser, OPERATOR_BETWEEN, 3);
	reduce_test(parser);
	return true;
}

/* The topmost value must be a condition: a test made already, or a function other than size. */
static bool
reduce_to_truth(Parser *parser)
{
	const ConditionOperand *operand = &top_value(parser)->operand;

	if (operand->kind == OPERAND_TRUTH)
		return true;
	if (operand->kind != OPERAND_CALL)
		return expression_fail_syntax(&parser->lexer);
	if (parser->condition->calls[operand->call].op == OPERATOR_SIZE)
		note_misplaced(parser, OPERATOR_SIZE);
	reduce_test(parser);
	return true;
}

/* Closes NOT, AND and OR that bind at least as tightly as `weakest`; in this order they do. */
static void
reduce_logic(Parser *parser, FrameKind weakest)
{
	for (Frame *frame = top_frame(parser); frame->kind >= FRAME_NOT && frame->kind <= weakest;
		 frame = top_frame(parser))
	{
		if (frame->kind == FRAME_NOT)
			add_instruction(parser, INSTRUCTION_NOT, 0);
		else
			parser->condition->instructions[frame->mark].target =
				parser->condition->instruction_count;
		top_value(parser)->grouped = false;
		parser->frame_count--;
	}
}

/* Closes everything up to the innermost parenthesis, call or the whole expression. */
static bool
reduce_all(Parser *parser)
{
	if (!reduce_comparison(parser))
		return false;
	if (top_frame(parser)->kind < FRAME_NOT)
		return true;
	if (!reduce_to_truth(parser))
		return false;
	reduce_logic(parser, FRAME_OR);
	return true;
}

/* ---------------------------------------------------------------- the grammar */

/* True if no condition may start here, as the innermost frame takes an operand. */
static bool
operand_wanted(Parser *parser)
{
	FrameKind kind = top_frame(parser)->kind;

	return kind >= FRAME_OPERAND_GROUP && kind <= FRAME_BETWEEN_UPPER;
}

static bool
at_keyword(const Parser *parser)
{
	static const char *const keywords[] = {"AND", "OR", "NOT", "BETWEEN", "IN"};

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
	{
		if (expression_lexer_is_word(&parser->lexer, keywords[i]))
			return true;
	}
	return false;
}

/* A function's name and its opening parenthesis. */
static void
open_call(Parser *parser)
{
	Token name = parser->lexer.token;
	Frame *frame = push_frame(parser, FRAME_CALL);

	frame->op = condition_function(name.text, name.length);
	frame->mark = parser->value_count;
	if (frame->op == OPERATOR_UNKNOWN && parser->unknown.length == 0)
		parser->unknown = name;
	expression_lexer_next(&parser->lexer);
	expression_lexer_next(&parser->lexer);
}

static bool
open_not(Parser *parser)
{
	if (operand_wanted(parser))
		return expression_fail_syntax(&parser->lexer);
	push_frame(parser, FRAME_NOT);
	parser->operators++;
	expression_lexer_next(&parser->lexer);
	return true;
}

/* A path or a placeholder of a value. */
static bool
take_simple_operand(Parser *parser)
{
	ExpressionLexer *lexer = &parser->lexer;
	Token token = lexer->token;
	Value *value;

	if (token.kind == TOKEN_VALUE)
	{
		value = push_value(parser, OPERAND_VALUE);
		value->operand.value.bytes = (const uint8_t *) token.text;
		value->operand.value.length = token.length;
		expression_lexer_next(lexer);
		return true;
	}
	if (at_keyword(parser))
		return expression_fail_syntax(lexer);
	value = push_value(parser, OPERAND_PATH);
	return document_path_parse(lexer, &parser->steps, &value->operand.path);
}

/* Reads up to and with an operand: NOT, parentheses and calls may open before it. */
static bool
take_operand(Parser *parser)
{
	ExpressionLexer *lexer = &parser->lexer;

	for (;;)
	{
		if (expression_lexer_is_word(lexer, "NOT"))
		{
			if (!open_not(parser))
				return false;
		}
		else if (lexer->token.kind == TOKEN_OPEN)
		{
			push_frame(parser, operand_wanted(parser) ? FRAME_OPERAND_GROUP : FRAME_GROUP);
			expression_lexer_next(lexer);
		}
		else if (lexer->token.kind == TOKEN_NAME && !at_keyword(parser) &&
				 expression_lexer_peek(lexer) == TOKEN_OPEN)
			open_call(parser);
		else
			return take_simple_operand(parser);
	}
}

/* A closing parenthesis; what it closes becomes a value. */
static bool
close_frame(Parser *parser)
{
	Frame frame;

	if (!reduce_all(parser))
		return false;
	frame = *top_frame(parser);
	if (frame.kind == FRAME_WHOLE)
		return expression_fail_syntax(&parser->lexer);
	parser->frame_count--;
	expression_lexer_next(&parser->lexer);
	if (frame.kind == FRAME_CALL)
		reduce_call(parser, frame.op, parser->value_count - frame.mark);
	else if (frame.kind == FRAME_IN)
	{
		reduce_call(parser, OPERATOR_IN, parser->value_count - frame.mark);
		reduce_test(parser);
	}
	else
	{
		if (top_value(parser)->grouped)
			parser->redundant = true;
		top_value(parser)->grouped = true;
	}
	return true;
}

/* A comparator, BETWEEN or IN behind its left operand. */
static bool
open_comparison(Parser *parser, FrameKind kind, ConditionOperator op)
{
	Frame *frame;

	if (operand_wanted(parser) || top_value(parser)->operand.kind == OPERAND_TRUTH)
		return expression_fail_syntax(&parser->lexer);
	frame = push_frame(parser, kind);
	frame->op = op;
	frame->mark = parser->value_count - 1;
	parser->operators++;
	expression_lexer_next(&parser->lexer);
	return kind != FRAME_IN || expression_lexer_take(&parser->lexer, TOKEN_OPEN) ||
		   expression_fail_syntax(&parser->lexer);
}

/* AND or OR behind its left side, whose test then decides whether the right side is skipped. */
static bool
open_logic(Parser *parser, FrameKind kind)
{
	ConditionInstructionKind skip = kind == FRAME_AND ? INSTRUCTION_SKIP_IF_FALSE
													  : INSTRUCTION_SKIP_IF_TRUE;

	if (!reduce_comparison(parser))
		return false;
	if (operand_wanted(parser))
		return expression_fail_syntax(&parser->lexer);
	if (!reduce_to_truth(parser))
		return false;
	reduce_logic(parser, kind);
	push_frame(parser, kind)->mark = add_instruction(parser, skip, 0);
	parser->value_count--;
	parser->operators++;
	expression_lexer_next(&parser->lexer);
	return true;
}

static bool
open_and(Parser *parser)
{
	if (top_frame(parser)->kind != FRAME_BETWEEN)
		return open_logic(parser, FRAME_AND);
	top_frame(parser)->kind = FRAME_BETWEEN_UPPER;
	expression_lexer_next(&parser->lexer);
	return true;
}

/* A comma, between the operands of a function or of IN alone. */
static bool
next_argument(Parser *parser)
{
	FrameKind kind = top_frame(parser)->kind;

	if (kind != FRAME_CALL && kind != FRAME_IN)
		return expression_fail_syntax(&parser->lexer);
	expression_lexer_next(&parser->lexer);
	return true;
}

/* The operator behind an operand. */
static bool
take_operator(Parser *parser)
{
	static const struct
	{
		TokenKind token;
		ConditionOperator op;
	} comparators[] = {
		{TOKEN_EQUAL, OPERATOR_EQUAL},     {TOKEN_NOT_EQUAL, OPERATOR_NOT_EQUAL},
		{TOKEN_LESS, OPERATOR_LESS},       {TOKEN_LESS_EQUAL, OPERATOR_LESS_EQUAL},
		{TOKEN_GREATER, OPERATOR_GREATER}, {TOKEN_GREATER_EQUAL, OPERATOR_GREATER_EQUAL},
	};
	ExpressionLexer *lexer = &parser->lexer;

	for (size_t i = 0; i < sizeof(comparators) / sizeof(comparators[0]); i++)
	{
		if (lexer->token.kind == comparators[i].token)
			return open_comparison(parser, FRAME_COMPARE, comparators[i].op);
	}
	if (expression_lexer_is_word(lexer, "BETWEEN"))
		return open_comparison(parser, FRAME_BETWEEN, OPERATOR_BETWEEN);
	if (expression_lexer_is_word(lexer, "IN"))
		return open_comparison(parser, FRAME_IN, OPERATOR_IN);
	if (expression_lexer_is_word(lexer, "AND"))
		return open_and(parser);
	if (expression_lexer_is_word(lexer, "OR"))
		return open_logic(parser, FRAME_OR);
	if (lexer->token.kind == TOKEN_COMMA)
		return next_argument(parser);
	return expression_fail_syntax(lexer);
}

static bool
parse_grammar(Parser *parser)
{
	push_frame(parser, FRAME_WHOLE);
	for (;;)
	{
		if (!take_operand(parser))
			return false;
		while (parser->lexer.token.kind == TOKEN_CLOSE)
		{
			if (!close_frame(parser))
				return false;
		}
		if (parser->lexer.token.kind == TOKEN_END)
			break;
		if (!take_operator(parser))
			return false;
	}
	if (!reduce_all(parser) || !reduce_to_truth(parser))
		return false;
	return top_frame(parser)->kind == FRAME_WHOLE || expression_fail_syntax(&parser->lexer);
}

/* ---------------------------------------------------------------- what else is wrong */

static bool
fail_function(Parser *parser, const char *text, const Token *name)
{
	expression_fail(&parser->lexer, text);
	item_error_add_bytes(parser->lexer.error, name->text, name->length);
	return false;
}

/* What the grammar lets pass and the parser has noted. */
static bool
report_noted(Parser *parser)
{
	ExpressionLexer *lexer = &parser->lexer;

	if (parser->operators > CONDITION_OPERATORS_MAX)
	{
		expression_fail(lexer, "The expression contains too many operators; operator count: ");
		item_error_add_number(lexer->error, parser->operators);
		return false;
	}
	if (parser->redundant)
		return expression_fail(lexer, "The expression has redundant parentheses;");
	if (parser->unknown.length > 0)
		return fail_function(parser, "Invalid function name; function: ", &parser->unknown);
	if (parser->misplaced.length > 0)
		return fail_function(parser,
							 "The function is not allowed to be used this way in an expression; "
							 "function: ",
							 &parser->misplaced);
	return true;
}

static bool
resolve_values(Parser *parser, const ExpressionContext *context)
{
	for (uint32_t i = 0; i < parser->condition->operand_count; i++)
	{
		ConditionOperand *operand = &parser->condition->operands[i];

		if (operand->kind == OPERAND_VALUE &&
			!expression_resolve_value(&parser->lexer, context, (const char *) operand->value.bytes,
									  operand->value.length, &operand->value))
			return false;
	}
	return true;
}

static bool
parse(Parser *parser, const ExpressionContext *context)
{
	return parse_grammar(parser) && report_noted(parser) &&
		   path_steps_resolve(&parser->lexer, context, &parser->steps) &&
		   resolve_values(parser, context) && condition_check(parser->condition, &parser->lexer);
}

/* ---------------------------------------------------------------- memory */

/* Parses with stacks that live as long as the parser; the bottom frame is the one without a token. */
static bool
parse_with_stacks(Parser *parser, const ExpressionContext *context, uint32_t tokens)
{
	const ItemAllocator *allocator = parser->condition->allocator;
	size_t values = tokens * sizeof(Value);
	size_t size = values + (tokens + 1) * sizeof(Frame);
	uint8_t *stacks = allocator->resize(allocator->context, NULL, 0, size);
	bool good;

	if (stacks == NULL)
		return item_error_set(parser->lexer.error, ITEM_ERROR_MEMORY, 0, "out of memory");
	parser->values = (Value *) stacks;
	parser->frames = (Frame *) (stacks + values);
	good = parse(parser, context);
	allocator->resize(allocator->context, stacks, size, 0);
	return good;
}

bool
condition_parse(const char *expression, size_t length, const char *kind, ExpressionContext *context,
				Condition *condition, ItemError *error)
{
	Parser parser = {.condition = condition};
	uint32_t tokens;

	condition_release(condition);
	if (!expression_lexer_begin(&parser.lexer, kind, expression, length, error))
		return false;
	tokens = expression_lexer_count_tokens(&parser.lexer);
	if (!condition_allocate(condition, tokens, &parser.steps))
		return item_error_set(error, ITEM_ERROR_MEMORY, 0, "out of memory");
	if (parse_with_stacks(&parser, context, tokens))
		return true;
	condition_release(condition);
	return false;
}

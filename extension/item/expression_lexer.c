/*
 * expression_lexer.c
 *		Cuts an expression into tokens; one token is looked at, the one before it is kept for error
 *		messages.
 */
#include "item/expression_lexer.h"

#include <string.h>

#include "item/utf8.h"

static inline bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The end of a run of letters, digits and underscores. */
static const char *
word_end(const char *at, const char *end)
{
	while (at < end && (is_letter(*at) || is_digit(*at) || *at == '_'))
		at++;
	return at;
}

static TokenKind
kind_of_mark(char c)
{
	static const char marks[] = "()[],.+-=<>";
	static const TokenKind kinds[] = {
		TOKEN_OPEN, TOKEN_CLOSE, TOKEN_OPEN_BRACKET, TOKEN_CLOSE_BRACKET, TOKEN_COMMA,  TOKEN_DOT,
		TOKEN_PLUS, TOKEN_MINUS, TOKEN_EQUAL,        TOKEN_LESS,          TOKEN_GREATER};
	const char *mark = memchr(marks, c, sizeof(marks) - 1);

	return mark != NULL ? kinds[mark - marks] : TOKEN_INVALID;
}

/* Operators and punctuation: one character, or two that begin with < or >. */
static void
scan_mark(const char *end, Token *token)
{
	char second = end - token->text > 1 ? token->text[1] : '\0';

	token->kind = kind_of_mark(token->text[0]);
	token->length = 2;
	if (token->kind == TOKEN_LESS && second == '=')
		token->kind = TOKEN_LESS_EQUAL;
	else if (token->kind == TOKEN_LESS && second == '>')
		token->kind = TOKEN_NOT_EQUAL;
	else if (token->kind == TOKEN_GREATER && second == '=')
		token->kind = TOKEN_GREATER_EQUAL;
	else
		token->length = 1;
	if (token->kind == TOKEN_INVALID)
	{
		size_t length = utf8_sequence((const uint8_t *) token->text, (size_t) (end - token->text));

		token->length = length > 0 ? (uint32_t) length : 1;
	}
}

/* The token at or behind `at`. */
static Token
scan(const char *at, const char *end)
{
	Token token = {.kind = TOKEN_END};

	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	token.text = at;
	if (at == end)
		return token;
	if (is_letter(*at))
		token.kind = TOKEN_NAME;
	else if (is_digit(*at))
		token.kind = TOKEN_INTEGER;
	else if (*at == '#' && word_end(at + 1, end) > at + 1)
		token.kind = TOKEN_NAME_OF;
	else if (*at == ':' && word_end(at + 1, end) > at + 1)
		token.kind = TOKEN_VALUE;
	else
	{
		scan_mark(end, &token);
		return token;
	}
	token.length = (uint32_t) (word_end(at + 1, end) - at);
	return token;
}

bool
expression_lexer_begin(ExpressionLexer *lexer, const char *kind, const char *text, size_t length,
					   ItemError *error)
{
	lexer->kind = kind;
	lexer->end = text + length;
	lexer->error = error;
	item_error_clear(error);
	if (length > EXPRESSION_BYTES_MAX)
	{
		expression_fail(lexer, "Expression size has exceeded the maximum allowed size; expression "
							   "size: ");
		item_error_add_number(error, length);
		return false;
	}
	lexer->token = scan(text, lexer->end);
	lexer->previous = (Token){.kind = TOKEN_END, .text = lexer->token.text};
	if (lexer->token.kind == TOKEN_END)
		return expression_fail(lexer, "The expression can not be empty;");
	return true;
}

void
expression_lexer_next(ExpressionLexer *lexer)
{
	lexer->previous = lexer->token;
	lexer->token = scan(lexer->token.text + lexer->token.length, lexer->end);
}

TokenKind
expression_lexer_peek(const ExpressionLexer *lexer)
{
	return scan(lexer->token.text + lexer->token.length, lexer->end).kind;
}

uint32_t
expression_lexer_count_tokens(const ExpressionLexer *lexer)
{
	uint32_t count = 0;

	for (Token token = lexer->token; token.kind != TOKEN_END;
		 token = scan(token.text + token.length, lexer->end))
		count++;
	return count;
}

bool
expression_lexer_take(ExpressionLexer *lexer, TokenKind kind)
{
	if (lexer->token.kind != kind)
		return false;
	expression_lexer_next(lexer);
	return true;
}

bool
expression_lexer_is_word(const ExpressionLexer *lexer, const char *word)
{
	if (lexer->token.kind != TOKEN_NAME || lexer->token.length != strlen(word))
		return false;
	for (uint32_t i = 0; i < lexer->token.length; i++)
	{
		if ((lexer->token.text[i] | 0x20) != (word[i] | 0x20))
			return false;
	}
	return true;
}

bool
expression_lexer_take_word(ExpressionLexer *lexer, const char *word)
{
	if (!expression_lexer_is_word(lexer, word))
		return false;
	expression_lexer_next(lexer);
	return true;
}

bool
expression_fail(ExpressionLexer *lexer, const char *text)
{
	item_error_set(lexer->error, ITEM_ERROR_VALUE, 0, "Invalid ");
	item_error_add_text(lexer->error, lexer->kind);
	item_error_add_text(lexer->error, ": ");
	item_error_add_text(lexer->error, text);
	return false;
}

/*
 * DynamoDB shows the token and, as what is near, the stretch from the token before to the one
 * behind.
 */
bool
expression_fail_syntax(ExpressionLexer *lexer)
{
	const Token *token = &lexer->token;
	Token next = scan(token->text + token->length, lexer->end);
	const char *near = lexer->previous.text;

	expression_fail(lexer, "Syntax error; token: \"");
	if (token->kind == TOKEN_END)
		item_error_add_text(lexer->error, "<EOF>");
	else
		item_error_add_bytes(lexer->error, token->text, token->length);
	item_error_add_text(lexer->error, "\", near: \"");
	item_error_add_bytes(lexer->error, near, (size_t) (next.text + next.length - near));
	item_error_add_text(lexer->error, "\"");
	return false;
}

static bool
fail_word(ExpressionLexer *lexer, const char *text, const char *word, uint32_t length)
{
	expression_fail(lexer, text);
	item_error_add_bytes(lexer->error, word, length);
	return false;
}

bool
expression_check_word(ExpressionLexer *lexer, const char *word, uint32_t length)
{
	return !expression_word_is_reserved(word, length) ||
		   fail_word(lexer, "Attribute name is a reserved keyword; reserved keyword: ", word,
					 length);
}

bool
expression_resolve_name(ExpressionLexer *lexer, const ExpressionContext *context,
						const char *placeholder, uint32_t length, ItemName *name)
{
	return expression_find_name(context, placeholder, length, name) ||
		   fail_word(lexer,
					 "An expression attribute name used in the document path is not defined; "
					 "attribute name: ",
					 placeholder, length);
}

bool
expression_resolve_value(ExpressionLexer *lexer, const ExpressionContext *context,
						 const char *placeholder, uint32_t length, ItemValue *value)
{
	return expression_find_value(context, placeholder, length, value) ||
		   fail_word(lexer,
					 "An expression attribute value used in expression is not defined; "
					 "attribute value: ",
					 placeholder, length);
}

bool
expression_take_name(ExpressionLexer *lexer, const ExpressionContext *context, ItemName *name)
{
	const Token *token = &lexer->token;

	if (token->kind == TOKEN_NAME_OF)
	{
		if (!expression_resolve_name(lexer, context, token->text, token->length, name))
			return false;
	}
	else if (token->kind == TOKEN_NAME)
	{
		if (!expression_check_word(lexer, token->text, token->length))
			return false;
		name->bytes = (const uint8_t *) token->text;
		name->length = token->length;
	}
	else
		return expression_fail_syntax(lexer);
	expression_lexer_next(lexer);
	return true;
}

bool
expression_take_value(ExpressionLexer *lexer, const ExpressionContext *context, ItemValue *value)
{
	const Token *token = &lexer->token;

	if (token->kind != TOKEN_VALUE)
		return expression_fail_syntax(lexer);
	if (!expression_resolve_value(lexer, context, token->text, token->length, value))
		return false;
	expression_lexer_next(lexer);
	return true;
}

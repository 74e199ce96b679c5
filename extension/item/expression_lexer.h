/*
 * expression_lexer.h
 *		Tokens of expressions, for every grammar of DynamoDB's expression language.  Private to
 *		item/.
 *
 * A parser looks at lexer.token, decides, and calls expression_lexer_next.  Keywords are names to
 * the lexer: which words are special depends on the grammar and the place.
 */
#ifndef QUORATE_ITEM_EXPRESSION_LEXER_H
#define QUORATE_ITEM_EXPRESSION_LEXER_H

#include "item/expression.h"

typedef enum TokenKind
{
	TOKEN_END,
	TOKEN_NAME,    /* letter, then letters, digits, underscores */
	TOKEN_NAME_OF, /* #name */
	TOKEN_VALUE,   /* :value */
	TOKEN_INTEGER,
	TOKEN_EQUAL,
	TOKEN_NOT_EQUAL,
	TOKEN_LESS,
	TOKEN_LESS_EQUAL,
	TOKEN_GREATER,
	TOKEN_GREATER_EQUAL,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_OPEN_BRACKET,
	TOKEN_CLOSE_BRACKET,
	TOKEN_COMMA,
	TOKEN_DOT,
	TOKEN_PLUS,
	TOKEN_MINUS,
	TOKEN_INVALID /* a character that starts no token, or a mark without a name */
} TokenKind;

typedef struct Token
{
	TokenKind kind;
	uint32_t length;
	const char *text; /* in the expression */
} Token;

typedef struct ExpressionLexer
{
	const char *kind; /* "KeyConditionExpression": names the expression in errors */
	const char *end;
	Token previous; /* before `token`; at the start: empty */
	Token token;    /* the one to look at */
	ItemError *error;
} ExpressionLexer;

/*
 * Starts on the first token.  False if the expression is empty or longer than EXPRESSION_BYTES_MAX.
 */
extern bool expression_lexer_begin(ExpressionLexer *lexer, const char *kind, const char *text,
								   size_t length, ItemError *error);

extern void expression_lexer_next(ExpressionLexer *lexer);

/* Steps over a token of this kind; false, without moving, if another one stands there. */
extern bool expression_lexer_take(ExpressionLexer *lexer, TokenKind kind);

/* The same for a keyword (in upper case), which the expression may have in any case of letters. */
extern bool expression_lexer_take_word(ExpressionLexer *lexer, const char *word);

/* The kind of the token behind the present one. */
extern TokenKind expression_lexer_peek(const ExpressionLexer *lexer);

/* Tokens from the present one on: the bound of whatever a parser makes of them. */
extern uint32_t expression_lexer_count_tokens(const ExpressionLexer *lexer);

/* True if the present token is a bare name equal to `word`, in any case of letters. */
extern bool expression_lexer_is_word(const ExpressionLexer *lexer, const char *word);

/*
 * Errors: "Invalid <kind>: <text>", to which the caller may add more.  All return false.
 * expression_fail_syntax says that the present token must not stand where it does.
 */
extern bool expression_fail(ExpressionLexer *lexer, const char *text);
extern bool expression_fail_syntax(ExpressionLexer *lexer);

/*
 * Resolve the present token and step over it.  A name may be bare (not a reserved word) or a
 * #placeholder; a value is a :placeholder.  False with DynamoDB's text if it is another token or
 * not defined.
 */
extern bool
expression_take_name(ExpressionLexer *lexer, const ExpressionContext *context, ItemName *name);
extern bool
expression_take_value(ExpressionLexer *lexer, const ExpressionContext *context, ItemValue *value);

/*
 * The same in two steps, for grammars that are read to their end before names and values are looked
 * at: refuses a bare name that is a reserved word; looks up a placeholder (mark included), with
 * DynamoDB's text if it is not defined.
 */
extern bool expression_check_word(ExpressionLexer *lexer, const char *word, uint32_t length);
extern bool expression_resolve_name(ExpressionLexer *lexer, const ExpressionContext *context,
									const char *placeholder, uint32_t length, ItemName *name);
extern bool expression_resolve_value(ExpressionLexer *lexer, const ExpressionContext *context,
									 const char *placeholder, uint32_t length, ItemValue *value);

#endif /* QUORATE_ITEM_EXPRESSION_LEXER_H */

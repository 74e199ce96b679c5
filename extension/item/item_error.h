/*
 * item_error.h
 *		How the pure item code reports what is wrong.
 *
 * No function here jumps or prints: it fills the caller's ItemError and returns false.  The message
 * is ready for a client: DynamoDB's literal text where DynamoDB has one, else PostgreSQL's message
 * style. Whoever shows it chooses the SQLSTATE from the code.
 */
#ifndef QUORATE_ITEM_ERROR_H
#define QUORATE_ITEM_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ItemErrorCode
{
	ITEM_ERROR_NONE = 0,
	ITEM_ERROR_SYNTAX,   /* the text is not DynamoDB JSON (DynamoDB: SerializationException) */
	ITEM_ERROR_VALUE,    /* well formed, but against a rule (DynamoDB: ValidationException) */
	ITEM_ERROR_SIZE,     /* larger than a limit on bytes */
	ITEM_ERROR_ENCODING, /* bytes that are no canonical encoding, or of an unknown version */
	ITEM_ERROR_MEMORY    /* the caller's allocator returned NULL */
} ItemErrorCode;

#define ITEM_ERROR_MESSAGE_MAX 512 /* bytes, with the final zero; longer messages are cut */

typedef struct ItemError
{
	ItemErrorCode code;
	size_t offset; /* byte of the input at which it was noticed; 0 where that says nothing */
	size_t length; /* bytes of message */
	char message[ITEM_ERROR_MESSAGE_MAX];
} ItemError;

/* Forgets what an earlier call left in `error`. */
extern void item_error_clear(ItemError *error);

/*
 * Begins a message.  The parts that follow are appended; bytes are copied as they are, cut at a
 * character's border when the message is full.  Returns false, so that a caller can end with
 * `return item_error_set(…)`.
 */
extern bool item_error_set(ItemError *error, ItemErrorCode code, size_t offset, const char *text);
extern void item_error_add_text(ItemError *error, const char *text);
extern void item_error_add_bytes(ItemError *error, const void *bytes, size_t length);

/* Appends at most `most` of the bytes, cut at a character's border, to show what may be long. */
extern void item_error_add_excerpt(ItemError *error, const void *bytes, size_t length, size_t most);

extern void item_error_add_number(ItemError *error, uint64_t number);

#endif /* QUORATE_ITEM_ERROR_H */

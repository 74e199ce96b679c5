/*
 * item_error.c
 *		Messages put together without stdio, which pure folders do not use.
 *
 * Runs wherever items are read: client backends, request streams, unit tests, fuzzers.
 */
#include "item/item_error.h"

#include <string.h>

void
item_error_clear(ItemError *error)
{
	error->code = ITEM_ERROR_NONE;
	error->offset = 0;
	error->length = 0;
	error->message[0] = '\0';
}

bool
item_error_set(ItemError *error, ItemErrorCode code, size_t offset, const char *text)
{
	error->code = code;
	error->offset = offset;
	error->length = 0;
	error->message[0] = '\0';
	item_error_add_text(error, text);
	return false;
}

void
item_error_add_text(ItemError *error, const char *text)
{
	item_error_add_bytes(error, text, strlen(text));
}

/* The message ends up in C strings, so a zero byte of the input is shown as a blank. */
void
item_error_add_excerpt(ItemError *error, const void *bytes, size_t length, size_t most)
{
	const uint8_t *from = bytes;
	size_t room = ITEM_ERROR_MESSAGE_MAX - 1 - error->length;

	if (most > room)
		most = room;
	if (length > most)
	{
		length = most;
		while (length > 0 && (from[length] & 0xC0) == 0x80)
			length--;
	}
	for (size_t i = 0; i < length; i++)
		error->message[error->length + i] = from[i] != '\0' ? (char) from[i] : ' ';
	error->length += length;
	error->message[error->length] = '\0';
}

void
item_error_add_bytes(ItemError *error, const void *bytes, size_t length)
{
	item_error_add_excerpt(error, bytes, length, ITEM_ERROR_MESSAGE_MAX);
}

void
item_error_add_number(ItemError *error, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
	{
		digits[--at] = (char) ('0' + number % 10);
		number /= 10;
	} while (number > 0);
	item_error_add_bytes(error, digits + at, sizeof(digits) - at);
}

/*
 * item_json.h
 *		The text form of an item: DynamoDB JSON, read and written directly.
 *
 *		{"Artist": {"S": "No One You Know"}, "Year": {"N": "1998"}}
 *
 * Text is UTF-8.  The reader refuses everything that is not exactly DynamoDB JSON: a second type in
 * one value, base64 that is not canonical, lone surrogates, duplicate names, bytes behind the
 * closing brace. It recurses at most ITEM_DEPTH_MAX deep, whatever the input.
 */
#ifndef QUORATE_ITEM_JSON_H
#define QUORATE_ITEM_JSON_H

#include "item/item.h"
#include "item/item_buffer.h"

/*
 * Reads `length` bytes of JSON and appends the encoded item to `out`.  False with `error` set
 * (code, message, byte offset); `out` is then as long as before.
 */
extern bool item_from_json(const char *json, size_t length, ItemBuffer *out, ItemError *error);

/* Appends an item's DynamoDB JSON; false only when out of memory. */
extern bool item_to_json(const uint8_t *item, size_t length, ItemBuffer *out);

/* Appends one value's DynamoDB JSON, for example {"S": "x"}. */
extern bool item_value_to_json(const ItemValue *value, ItemBuffer *out);

/*
 * Appends a value as plain JSON: strings, numbers, true, false and null as such, lists and sets as
 * arrays, maps as objects, binaries as base64 strings.
 */
extern bool item_value_to_plain_json(const ItemValue *value, ItemBuffer *out);

/*
 * Appends a scalar without quotes (a string itself, a number's digits, base64 of a binary, true,
 * false), any other value as plain JSON; NULL as null.
 */
extern bool item_value_to_plain_text(const ItemValue *value, ItemBuffer *out);

#endif /* QUORATE_ITEM_JSON_H */

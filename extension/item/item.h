/*
 * item.h
 *		The item model: encoded items, and how to read them in place.
 *
 * An item is a map from attribute names to values of ten types.  It exists only as one byte string,
 * its encoding: canonical (equal items, equal bytes), the same on every machine, attribute names
 * sorted bytewise in every map, set members sorted.  That byte string is the datum of the SQL type,
 * the row, the log payload and what checksums cover.  docs/formats.md describes it byte by byte.
 *
 * Readers work on the bytes without building a tree.  They trust them: bytes from outside (a
 * client's binary parameter, a peer's message) must have passed item_validate once.  They never
 * write, never allocate.
 *
 * Writing: item_writer.h (any source), item_json.h (DynamoDB JSON).  Keys and positions: key.h.
 */
#ifndef QUORATE_ITEM_H
#define QUORATE_ITEM_H

#include "item/item_error.h"

#define ITEM_VERSION 1       /* first byte of every encoded item */
#define ITEM_SIZE_MAX 409600 /* 400 KB, in DynamoDB's way of counting (item_size) */
#define ITEM_ENCODED_MAX \
	(4 * 1024 * 1024)       /* bytes of an encoding; lists of empty strings need half of it */
#define ITEM_DEPTH_MAX 31   /* lists and maps around a value, the item itself not counted */
#define ITEM_NAME_MAX 65535 /* bytes of an attribute name; the least is 1 */

/* The numbers are part of the format. */
typedef enum ItemType
{
	ITEM_STRING = 1,     /* S: UTF-8, any character, U+0000 too */
	ITEM_NUMBER = 2,     /* N: item_number.h */
	ITEM_BINARY = 3,     /* B */
	ITEM_BOOL = 4,       /* BOOL: one byte, 0 or 1 */
	ITEM_NULL = 5,       /* NULL: no bytes */
	ITEM_MAP = 6,        /* M */
	ITEM_LIST = 7,       /* L */
	ITEM_STRING_SET = 8, /* SS */
	ITEM_NUMBER_SET = 9, /* NS */
	ITEM_BINARY_SET = 10 /* BS */
} ItemType;

/* A value inside an encoding: points into it, owns nothing. */
typedef struct ItemValue
{
	ItemType type;
	uint32_t length;      /* bytes of payload */
	const uint8_t *bytes; /* payload: see the types above; containers: open with item_open_value */
} ItemValue;

/* An attribute's name: any UTF-8, not zero-terminated. */
typedef struct ItemName
{
	uint32_t length;
	const uint8_t *bytes;
} ItemName;

/* An opened map, list or set. */
typedef struct ItemContainer
{
	ItemType type;   /* what it contains follows from this */
	uint32_t count;  /* members */
	uint32_t width;  /* bytes of an offset: 2 or 4 */
	uint32_t length; /* bytes of body */
	const uint8_t *body;
} ItemContainer;

/*
 * Opens an item (valid, trusted bytes) as the map of its attributes.  `length` is at most
 * ITEM_ENCODED_MAX.
 */
extern void item_open(const uint8_t *item, size_t length, ItemContainer *container);

/* Opens a value of type M, L, SS, NS or BS. */
extern void item_open_value(const ItemValue *value, ItemContainer *container);

/* The attribute at `index` (0 to count - 1) of a map, in bytewise order of the names. */
extern void
item_map_entry(const ItemContainer *map, uint32_t index, ItemName *name, ItemValue *value);

/* Finds an attribute of a map by binary search; false if there is none. */
extern bool
item_map_find(const ItemContainer *map, const void *name, size_t name_length, ItemValue *value);

/* The same, and the attribute's index in the map. */
extern bool item_map_find_index(const ItemContainer *map, const void *name, size_t name_length,
								uint32_t *index, ItemValue *value);

/* Finds a top-level attribute of an item; false if there is none. */
extern bool item_find(const uint8_t *item, size_t length, const void *name, size_t name_length,
					  ItemValue *value);

/* The element at `index` of a list, or the member of a set (as a value of type S, N or B). */
extern void item_element(const ItemContainer *container, uint32_t index, ItemValue *value);

/* True if a set holds a member with these bytes (numbers: encoded), by binary search. */
extern bool item_set_contains(const ItemContainer *set, const uint8_t *bytes, size_t length);

/*
 * The order of bytes: negative, 0 or positive; a prefix sorts first.  Also orders numbers by value.
 */
extern int item_compare_bytes(const uint8_t *left, size_t left_length, const uint8_t *right,
							  size_t right_length);

/*
 * Equal types and equal payloads: as encodings are canonical, equality of bytes is equality of
 * values.
 */
extern bool item_values_equal(const ItemValue *left, const ItemValue *right);

/* "S", "NS", …: DynamoDB's type descriptor.  The reverse returns false for any other text. */
extern const char *item_type_name(ItemType type);
extern bool item_type_from_name(const char *name, size_t length, ItemType *type);

/* True for S, N and B: types that a key attribute can have. */
extern bool item_type_is_key(ItemType type);

/* DynamoDB's size of an item or of a value (without its name), in bytes. */
extern size_t item_size(const uint8_t *item, size_t length);
extern size_t item_value_size(const ItemValue *value);

/*
 * True if the item is within ITEM_SIZE_MAX; walks the item only if its encoding is longer than
 * that.
 */
extern bool item_size_is_legal(const uint8_t *item, size_t length);

/*
 * True if a string anywhere in the value (names included) holds U+0000, which PostgreSQL's jsonb
 * cannot.
 */
extern bool item_value_has_nul(const ItemValue *value);

/*
 * Proves that untrusted bytes are the canonical encoding of an item of a known version, nested no
 * deeper than ITEM_DEPTH_MAX and within ITEM_SIZE_MAX.  Reads no byte outside of them.  False with
 * ITEM_ERROR_ENCODING (or ITEM_ERROR_SIZE) and the offset at which they go wrong.
 */
extern bool item_validate(const uint8_t *bytes, size_t length, ItemError *error);

/* The whole item as a value of type M, for code that treats both alike. */
extern ItemValue item_as_value(const uint8_t *item, size_t length);

#endif /* QUORATE_ITEM_H */

/*
 * key.h
 *		Keys of items: key schema, extraction, and the position that a key has in its table.
 *
 * A position is the first 16 bytes of SHA-256(encoded partition key), then the encoded sort key;
 * positions compare bytewise.  Hashing is the caller's (this folder has no cryptography).
 *
 * The encoded form of a key value is its payload in the item: strings and binaries as they are,
 * numbers in their order-preserving encoding (item_number.h).  No type tag: a table's key schema
 * fixes the types for ever.  No terminator: the sort key is the position's last component and the
 * hash before it has a fixed length.
 */
#ifndef QUORATE_ITEM_KEY_H
#define QUORATE_ITEM_KEY_H

#include "item/item.h"
#include "item/item_buffer.h"

#define KEY_NAME_MAX 255       /* bytes of a key attribute's name */
#define KEY_PARTITION_MAX 2048 /* bytes of an encoded partition key */
#define KEY_SORT_MAX 1024      /* bytes of an encoded sort key */
#define KEY_DIGEST_BYTES 16    /* bytes of the partition key's hash in a position */
#define KEY_POSITION_MAX (KEY_DIGEST_BYTES + KEY_SORT_MAX) /* 1,040 */

/* One key attribute; the name is not zero-terminated and belongs to whoever made the schema. */
typedef struct KeyAttribute
{
	const char *name;
	uint32_t name_length;
	ItemType type; /* S, N or B */
} KeyAttribute;

typedef struct KeySchema
{
	KeyAttribute partition;
	bool has_sort;
	KeyAttribute sort; /* only if has_sort */
} KeySchema;

/* The key values of one item; they point into it.  Their payloads are the encoded keys. */
typedef struct ItemKey
{
	ItemValue partition;
	ItemValue sort; /* length 0 if the table has no sort key */
} ItemKey;

/*
 * Takes the key out of a whole item (put).  False with DynamoDB's text: a key attribute is missing,
 * of another type, empty or too long.
 */
extern bool key_from_item(const KeySchema *schema, const uint8_t *item, size_t length, ItemKey *key,
						  ItemError *error);

/*
 * Takes the key out of an item that must hold the key attributes and nothing else (get, update,
 * delete, exclusive start key).  False with "The provided key element does not match the schema",
 * or as above when a value is empty or too long.
 */
extern bool key_from_key_item(const KeySchema *schema, const uint8_t *item, size_t length,
							  ItemKey *key, ItemError *error);

/* Checks one key value's emptiness and length; `is_partition` chooses limit and text. */
extern bool key_check_value(const KeyAttribute *attribute, bool is_partition,
							const ItemValue *value, ItemError *error);

/*
 * Same key: the hash in a position is not enough to tell, so readers compare with the stored item.
 */
extern bool key_equal(const ItemKey *left, const ItemKey *right);

/*
 * Puts a position together from the first 16 bytes of SHA-256(partition key's payload) and the
 * encoded sort key (at most KEY_SORT_MAX bytes).  Returns its length.
 */
extern size_t key_position(const uint8_t digest[KEY_DIGEST_BYTES], const uint8_t *sort,
						   size_t sort_length, uint8_t out[KEY_POSITION_MAX]);

/* Appends an item of the key attributes alone, as in LastEvaluatedKey. */
extern bool
key_to_item(const KeySchema *schema, const ItemKey *key, ItemBuffer *out, ItemError *error);

#endif /* QUORATE_ITEM_KEY_H */

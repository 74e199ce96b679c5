/*
 * position.h
 *		Positions of items: the one place where partition keys are hashed.
 *
 * A position is the first 16 bytes of SHA-256(partition key's payload) and then the encoded sort
 * key (item/key.h).  Every process that has a key and needs the row, the partition or a range of
 * rows comes through here.
 */
#ifndef QUORATE_STORAGE_POSITION_H
#define QUORATE_STORAGE_POSITION_H

#include "postgres.h"

#include "item/key.h"

typedef struct Position
{
	uint32_t length; /* bytes in use; as an upper bound, 0 means "no bound" */
	uint8_t bytes[KEY_POSITION_MAX];
} Position;

/* The position of a checked key (key_from_item, key_from_key_item). */
extern void position_of_key(const ItemKey *key, Position *position);

/*
 * The position at which all items of one partition key (an item collection) begin: the hash alone,
 * without a sort key.
 */
extern void position_of_collection(const ItemValue *partition_key, Position *position);

/*
 * The least position that is greater than every position that starts with `prefix`: the exclusive
 * upper bound of a collection, or of begins_with on a sort key.  Length 0 if there is none (all
 * bytes are 0xff).
 */
extern void position_after_prefix(const uint8_t *prefix, uint32_t length, Position *after);

/*
 * The least position greater than `position` itself: its exclusive lower bound turned into an
 * inclusive one. A position of KEY_POSITION_MAX bytes has no longer one behind it; then this is
 * position_after_prefix.
 */
extern void position_successor(const Position *position, Position *successor);

#endif /* QUORATE_STORAGE_POSITION_H */

/*
 * item_layout.h
 *		Byte-level helpers of the encoding, shared by its reader, its writer and its validator.
 *		Private to item/.
 *
 * All integers are big-endian and unaligned.  A container's body is
 *
 *		count, offset of member 0, …, offset of member count - 1, members
 *
 * where offsets count from the start of the body and every integer has the body's width: 2 bytes if
 * the whole body then fits 65,535 bytes, else 4.  The width is not stored: it follows from the
 * body's length.
 */
#ifndef QUORATE_ITEM_LAYOUT_H
#define QUORATE_ITEM_LAYOUT_H

#include "item/item.h"

#define LAYOUT_NARROW_MAX 65535 /* longest body with offsets of 2 bytes */
#define LAYOUT_NARROW 2
#define LAYOUT_WIDE 4
#define LAYOUT_NAME_LENGTH 2 /* bytes of a name's length in front of it */

/* DynamoDB's texts that more than one file here raises. */
#define LAYOUT_TEXT_TOO_LARGE "Item size has exceeded the maximum allowed size"
#define LAYOUT_TEXT_TOO_DEEP                                                                           \
	"Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond " \
	"supported limit"

static inline uint32_t
layout_get(const uint8_t *bytes, uint32_t width)
{
	if (width == LAYOUT_NARROW)
		return (uint32_t) bytes[0] << 8 | bytes[1];
	return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 |
		   bytes[3];
}

/* Returns the byte behind what it wrote. */
static inline uint8_t *
layout_put(uint8_t *bytes, uint32_t width, uint32_t value)
{
	if (width == LAYOUT_WIDE)
	{
		*bytes++ = (uint8_t) (value >> 24);
		*bytes++ = (uint8_t) (value >> 16);
	}
	*bytes++ = (uint8_t) (value >> 8);
	*bytes++ = (uint8_t) value;
	return bytes;
}

/* The width that a body of `count` members and `content` bytes of members must have. */
static inline uint32_t
layout_width(uint64_t count, uint64_t content)
{
	return LAYOUT_NARROW * (1 + count) + content <= LAYOUT_NARROW_MAX ? LAYOUT_NARROW : LAYOUT_WIDE;
}

static inline bool
layout_is_set(ItemType type)
{
	return type == ITEM_STRING_SET || type == ITEM_NUMBER_SET || type == ITEM_BINARY_SET;
}

static inline bool
layout_is_container(ItemType type)
{
	return type >= ITEM_MAP;
}

/* The type of a set's members. */
static inline ItemType
layout_member_type(ItemType set_type)
{
	if (set_type == ITEM_STRING_SET)
		return ITEM_STRING;
	return set_type == ITEM_NUMBER_SET ? ITEM_NUMBER : ITEM_BINARY;
}

#endif /* QUORATE_ITEM_LAYOUT_H */

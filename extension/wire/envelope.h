/*
 * envelope.h
 *		The common shape of what wire/ writes: a protobuf structure, then raw bytes.
 *
 * An envelope is the length of the structure (four bytes, little-endian), the structure, and a tail of raw
 * bytes whose lengths the structure gives.  Internal to wire/: this header shows protobuf-c.
 */
#ifndef QUORATE_WIRE_ENVELOPE_H
#define QUORATE_WIRE_ENVELOPE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/core_assert.h"
#include "wire/arena.h"
#include "wire/bytes.h"

/* Bytes in front of the structure. */
#define ENVELOPE_HEAD_BYTES 4

/* Largest structure that is unpacked; the fullest legal message stays well below. */
#define ENVELOPE_STRUCTURE_MAX (512 * 1024)

/* Scratch memory that protobuf-c may use for a structure of `length` bytes. */
#define ENVELOPE_SCRATCH_LIMIT(length) (4096 + 128 * (size_t) (length))

/* The part of a tail that has not been taken yet. */
typedef struct EnvelopeTail
{
	const uint8_t *next;
	size_t left;
} EnvelopeTail;

/* Writes head and structure to `out`; returns where the tail goes. */
extern uint8_t *envelope_put(uint8_t *out, const ProtobufCMessage *structure);

/* Appends bytes to a tail; returns where the next ones go. */
static inline uint8_t *
envelope_put_bytes(uint8_t *out, const void *bytes, size_t length)
{
	if (length > 0)
		memcpy(out, bytes, length);
	return out + length;
}

/*
 * Unpacks the structure at the start of `bytes` into scratch memory and sets `tail` to what follows it.
 * NULL if it is cut short, too large, not protobuf, or holds fields that this version does not know (those
 * of messages inside it are for the caller to check, with envelope_known).
 */
extern ProtobufCMessage *
envelope_open(const uint8_t *bytes, size_t length, const ProtobufCMessageDescriptor *descriptor,
			  WireArena *scratch, EnvelopeTail *tail);

/* No fields but those that quorate.proto names; true for an absent message. */
static inline bool
envelope_known(const ProtobufCMessage *structure)
{
	return !structure || structure->n_unknown_fields == 0;
}

/* Takes `length` bytes, known to be there, off the tail. */
static inline const uint8_t *
envelope_take(EnvelopeTail *tail, size_t length)
{
	const uint8_t *bytes = tail->next;

	CORE_ASSERT(length <= tail->left);
	tail->next += length;
	tail->left -= length;
	return bytes;
}

#endif /* QUORATE_WIRE_ENVELOPE_H */

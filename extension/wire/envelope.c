/*
 * envelope.c
 *		Packing and opening of envelopes; see envelope.h.
 */
#include "wire/envelope.h"

uint8_t *
envelope_put(uint8_t *out, const ProtobufCMessage *structure)
{
	size_t length = protobuf_c_message_pack(structure, out + ENVELOPE_HEAD_BYTES);

	wire_put_u32(out, (uint32_t) length);
	return out + ENVELOPE_HEAD_BYTES + length;
}

static void *
scratch_alloc(void *arena, size_t size)
{
	return wire_arena_alloc(arena, size);
}

/* The arena is reset as a whole. */
static void
scratch_free(void *arena, void *pointer)
{
	(void) arena;
	(void) pointer;
}

ProtobufCMessage *
envelope_open(const uint8_t *bytes, size_t length, const ProtobufCMessageDescriptor *descriptor,
			  WireArena *scratch, EnvelopeTail *tail)
{
	ProtobufCAllocator allocator = {scratch_alloc, scratch_free, scratch};
	ProtobufCMessage *structure;
	uint32_t structure_length;

	if (length < ENVELOPE_HEAD_BYTES)
		return NULL;
	structure_length = wire_get_u32(bytes);
	if (structure_length > ENVELOPE_STRUCTURE_MAX ||
		structure_length > length - ENVELOPE_HEAD_BYTES)
		return NULL;
	bytes += ENVELOPE_HEAD_BYTES;
	structure = protobuf_c_message_unpack(descriptor, &allocator, structure_length, bytes);
	if (!structure || structure->n_unknown_fields != 0)
		return NULL;
	tail->next = bytes + structure_length;
	tail->left = length - ENVELOPE_HEAD_BYTES - structure_length;
	return structure;
}

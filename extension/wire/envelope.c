/*
 * envelope.c
 *		Packing and opening of envelopes; see envelope.h.
 */
#include "wire/envelope.h"

void
wire_put_u16(uint8_t *out, uint16_t value)
{
	out[0] = (uint8_t) value;
	out[1] = (uint8_t) (value >> 8);
}

void
wire_put_u32(uint8_t *out, uint32_t value)
{
	wire_put_u16(out, (uint16_t) value);
	wire_put_u16(out + 2, (uint16_t) (value >> 16));
}

void
wire_put_u64(uint8_t *out, uint64_t value)
{
	wire_put_u32(out, (uint32_t) value);
	wire_put_u32(out + 4, (uint32_t) (value >> 32));
}

uint16_t
wire_get_u16(const uint8_t *bytes)
{
	return (uint16_t) (bytes[0] | bytes[1] << 8);
}

uint32_t
wire_get_u32(const uint8_t *bytes)
{
	return (uint32_t) wire_get_u16(bytes) | (uint32_t) wire_get_u16(bytes + 2) << 16;
}

uint64_t
wire_get_u64(const uint8_t *bytes)
{
	return (uint64_t) wire_get_u32(bytes) | (uint64_t) wire_get_u32(bytes + 4) << 32;
}

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

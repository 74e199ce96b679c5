/*
 * bytes.c
 *		Integers as bytes; see bytes.h.
 */
#include "wire/bytes.h"

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

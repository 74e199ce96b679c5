/*
 * bytes.h
 *		Integers as bytes, little-endian, at any address.
 */
#ifndef QUORATE_WIRE_BYTES_H
#define QUORATE_WIRE_BYTES_H

#include <stdint.h>

extern void wire_put_u16(uint8_t *out, uint16_t value);
extern void wire_put_u32(uint8_t *out, uint32_t value);
extern void wire_put_u64(uint8_t *out, uint64_t value);
extern uint16_t wire_get_u16(const uint8_t *bytes);
extern uint32_t wire_get_u32(const uint8_t *bytes);
extern uint64_t wire_get_u64(const uint8_t *bytes);

#endif /* QUORATE_WIRE_BYTES_H */

/*
 * membership_record.h
 *		A group's membership as the log keeps it.
 *
 * Recorded by the engine, which believes nobody else about a group's members (I10).
 */
#ifndef QUORATE_WIRE_MEMBERSHIP_RECORD_H
#define QUORATE_WIRE_MEMBERSHIP_RECORD_H

#include "core/core_types.h"

#define MEMBERSHIP_RECORD_VERSION 1
#define MEMBERSHIP_RECORD_BYTES_MAX (12 + 4 * CORE_MEMBERS_MAX)

/* Writes the membership to `out` (MEMBERSHIP_RECORD_BYTES_MAX bytes); returns the bytes written. */
extern uint32_t membership_record_pack(const Membership *membership, uint8_t *out);

/* False if the bytes are no membership, or one of a version that this code does not know. */
extern bool membership_record_unpack(const void *bytes, uint32_t length, Membership *membership);

#endif /* QUORATE_WIRE_MEMBERSHIP_RECORD_H */

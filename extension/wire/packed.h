/*
 * packed.h
 *		The length in front of each request and reply, so that several can follow each other.  Internal to
 *		wire/.
 */
#ifndef QUORATE_WIRE_PACKED_H
#define QUORATE_WIRE_PACKED_H

/* Four bytes, little-endian: the length of the request or reply, these four included. */
#define PACKED_HEAD_BYTES 4

#endif /* QUORATE_WIRE_PACKED_H */

/*
 * frame_layout.h
 *		Where the fields of a frame's header are; internal to wire/.  All integers are little-endian.
 */
#ifndef QUORATE_WIRE_FRAME_LAYOUT_H
#define QUORATE_WIRE_FRAME_LAYOUT_H

#include "log/crc32c.h"

#define FRAME_MAGIC 0x4D524651u /* the bytes "QFRM" */

#define FRAME_AT_MAGIC 0          /* 4 bytes */
#define FRAME_AT_VERSION 4        /* 2 */
#define FRAME_AT_FROM 6           /* 2 */
#define FRAME_AT_TO 8             /* 2 */
#define FRAME_AT_ZERO 10          /* 2, zero */
#define FRAME_AT_LENGTH 12        /* 4, of the whole frame */
#define FRAME_AT_CRC 16           /* 4 */
#define FRAME_AT_MESSAGE_COUNT 20 /* 4 */
#define FRAME_AT_START_COUNTER 24 /* 8 */
#define FRAME_AT_CLUSTER_ID 32    /* 16 */

/* CRC-32C of all bytes of the frame but the checksum's own four. */
static inline uint32_t
frame_checksum(const uint8_t *bytes, size_t length)
{
	uint32_t crc = crc32c_extend(0, bytes, FRAME_AT_CRC);

	return crc32c_extend(crc, bytes + FRAME_AT_CRC + 4, length - FRAME_AT_CRC - 4);
}

#endif /* QUORATE_WIRE_FRAME_LAYOUT_H */

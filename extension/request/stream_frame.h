/*
 * stream_frame.h
 *		The frame around one request or reply on a request stream: CRC-32C, id, packed bytes.
 *
 * The id is the request's; it stands outside so that the forwarder need not unpack replies.  TCP's
 * checksum lets damage through now and then; a frame whose CRC does not match ends the stream.
 */
#ifndef QUORATE_REQUEST_STREAM_FRAME_H
#define QUORATE_REQUEST_STREAM_FRAME_H

#include "postgres.h"

#include "lib/stringinfo.h"

#define STREAM_FRAME_HEAD 12 /* bytes in front of the packed request or reply: CRC, id */

/* Starts a frame in `buffer` with room for `length` bytes; returns where to pack them. */
extern uint8_t *stream_frame_begin(StringInfo buffer, Size length);

/* Ends it: `length` bytes were packed.  The frame is buffer->data, buffer->len. */
extern void stream_frame_end(StringInfo buffer, uint64_t id, Size length);

/* Checks a frame that arrived; false if it is damaged.  The content is not copied. */
extern bool stream_frame_open(const uint8_t *frame, Size length, uint64_t *id,
							  const uint8_t **bytes, Size *bytes_length);

#endif /* QUORATE_REQUEST_STREAM_FRAME_H */

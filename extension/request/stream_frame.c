/*
 * stream_frame.c
 *		The frame around one request or reply on a request stream; see stream_frame.h.
 */
#include "postgres.h"

#include "port/pg_bswap.h"

#include "log/crc32c.h"
#include "request/stream_frame.h"

#define STREAM_FRAME_AT_ID 4 /* behind the CRC */

uint8_t *
stream_frame_begin(StringInfo buffer, Size length)
{
	resetStringInfo(buffer);
	enlargeStringInfo(buffer, (int) (STREAM_FRAME_HEAD + length));
	return (uint8_t *) buffer->data + STREAM_FRAME_HEAD;
}

/* Both integers in network byte order; the CRC covers all that follows it. */
void
stream_frame_end(StringInfo buffer, uint64_t id, Size length)
{
	uint64_t id_bytes = pg_hton64(id);
	uint32_t crc;

	memcpy(buffer->data + STREAM_FRAME_AT_ID, &id_bytes, sizeof(id_bytes));
	buffer->len = (int) (STREAM_FRAME_HEAD + length);
	crc = pg_hton32(crc32c_extend(0, buffer->data + STREAM_FRAME_AT_ID,
								  (Size) buffer->len - STREAM_FRAME_AT_ID));
	memcpy(buffer->data, &crc, sizeof(crc));
}

bool
stream_frame_open(const uint8_t *frame, Size length, uint64_t *id, const uint8_t **bytes,
				  Size *bytes_length)
{
	uint32_t crc;

	if (length <= STREAM_FRAME_HEAD)
		return false;
	memcpy(&crc, frame, sizeof(crc));
	memcpy(id, frame + STREAM_FRAME_AT_ID, sizeof(*id));
	*id = pg_ntoh64(*id);
	*bytes = frame + STREAM_FRAME_HEAD;
	*bytes_length = length - STREAM_FRAME_HEAD;
	return pg_ntoh32(crc) ==
		   crc32c_extend(0, frame + STREAM_FRAME_AT_ID, length - STREAM_FRAME_AT_ID);
}

/*
 * log_scan.c
 *		Walking through the image of a segment file, for recovery and verification.
 *
 * A record proves by its CRC, seeded with the segment's header, that it was written whole and for
 * this segment; its chain proves that it followed the record before it.  Records of the segment
 * that the file held before it was recycled fail the first proof, leftovers of a torn write the
 * second.
 */
#include "log/log_private.h"

void
log_scan_start(LogScan *scan, const uint8_t *image, uint32_t image_bytes, uint32_t seed)
{
	*scan = (LogScan){
		.image = image,
		.image_bytes = image_bytes,
		.seed = seed,
		.offset = LOG_RECORDS_OFFSET,
		.chain = seed,
	};
}

int
log_scan_next(LogScan *scan, LogRecord *record)
{
	int error = log_record_decode(scan->image, scan->image_bytes, scan->offset, scan->seed, record);

	if (error == -EPROTO)
		return error;
	if (error < 0 || record->chain != scan->chain || record->synced_offset > scan->offset)
		return 0;
	scan->offset += log_record_bytes(record->payload_length);
	scan->chain = record->crc;
	return 1;
}

uint32_t
log_scan_find(const LogScan *scan, uint32_t from, LogRecord *record)
{
	uint32_t offset = from;

	for (; scan->image_bytes - offset >= LOG_RECORD_HEADER_BYTES; offset += LOG_RECORD_ALIGNMENT)
		if (log_record_plausible(scan->image + offset) &&
			log_record_decode(scan->image, scan->image_bytes, offset, scan->seed, record) == 0)
			return offset;
	return scan->image_bytes;
}

uint32_t
log_scan_skip(LogScan *scan, LogRecord *record)
{
	scan->offset = log_scan_find(scan, scan->offset, record);
	if (scan->offset < scan->image_bytes)
		scan->chain = record->chain;
	return scan->offset;
}

bool
log_scan_record_begins(const LogScan *scan)
{
	return scan->image_bytes - scan->offset >= LOG_RECORD_HEADER_BYTES &&
		   log_record_plausible(scan->image + scan->offset) &&
		   log_record_chain(scan->image + scan->offset) == scan->chain;
}

int
log_scan_load(const LogIo *io, const LogSegmentHeader *expected, uint8_t *image, LogGaps *gaps)
{
	char name[LOG_SEGMENT_NAME_BYTES];
	LogSegmentHeader header;
	int handle;
	int error;

	log_segment_name((uint32_t) expected->number, name);
	memset(image, 0, expected->segment_bytes);
	log_gaps_clear(gaps);
	handle = io->open(io->ctx, name, LOG_IO_READ);
	if (handle == -EIO)
	{
		log_gaps_add(gaps, 0, expected->segment_bytes);
		return -EBADMSG;
	}
	if (handle < 0)
		return handle;
	error = log_gaps_read(gaps, io, handle, image, expected->segment_bytes, 0);
	if (error == 0 && io->size(io->ctx, handle) != expected->segment_bytes)
		error = -EBADMSG;
	io->close(io->ctx, handle);
	if (error < 0)
		return error == -ENODATA ? -EBADMSG : error;
	error = log_header_decode(image, &header);
	if (error < 0)
		return error;
	return header.crc == expected->crc ? 0 : -EBADMSG;
}

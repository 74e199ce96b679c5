/*
 * log_read.c
 *		Reading entries back: from the ring while they are young, else from their segment file.
 *
 * A file is read in windows, so that a replica that catches up costs a system call for many
 * entries.  A window never reaches into what the ring still holds: those bytes may not be written
 * yet.
 */
#include "log/log_private.h"

#include "log/log_group.h"

#define WINDOW_BYTES (256u * 1024)

/* Stream position from which on the ring holds everything. */
static uint64_t
ring_begin(const Log *log)
{
	if (log->append_position < log->ring_floor + log->ring_bytes)
		return log->ring_floor;
	return log->append_position - log->ring_bytes;
}

static bool
in_ring(const Log *log, const LogSegment *segment, uint32_t offset)
{
	return segment->in_stream && segment->stream_base + offset >= ring_begin(log);
}

/* The record's bytes in one piece: in place, or copied where the ring wraps. */
static const uint8_t *
fetch_from_ring(Log *log, const LogSegment *segment, uint32_t offset, uint32_t length)
{
	uint64_t place = (segment->stream_base + offset) % log->ring_bytes;
	uint64_t first = log->ring_bytes - place;

	if (first >= length)
		return log->ring + place;
	log_buffer_reserve(&log->scratch, length);
	memcpy(log->scratch.data, log->ring + place, (size_t) first);
	memcpy(log->scratch.data + first, log->ring, (size_t) (length - first));
	return log->scratch.data;
}

/* Where the part of a segment that may be read from its file ends. */
static uint32_t
file_end(const Log *log, const LogSegment *segment)
{
	uint64_t begin = ring_begin(log);

	if (!segment->in_stream || segment->stream_base + segment->end_offset <= begin)
		return segment->end_offset;
	return (uint32_t) (begin - segment->stream_base);
}

/* Reads the record and, up to `wanted_end`, what lies behind it. */
static int
fill_window(Log *log, LogSegment *segment, uint32_t offset, uint32_t length, uint32_t wanted_end)
{
	LogWindow *window = &log->window;
	LogGaps gaps = {0};
	uint32_t end = file_end(log, segment);
	int error = log_open_segment(log, segment);

	if (error < 0)
		return error;
	if (end > wanted_end)
		end = wanted_end;
	if (end > offset + WINDOW_BYTES)
		end = offset + WINDOW_BYTES;
	/* One record at least; one that the ring has half overwritten was written long ago. */
	if (end < offset + length)
		end = offset + length;
	log_buffer_reserve(&window->buffer, end - offset);
	window->segment = 0;
	/* Records in a gap are damaged, as their zeros show; the others are not. */
	error = log_gaps_read(&gaps, log->io, segment->handle, window->buffer.data, end - offset,
						  offset);
	log_gaps_free(&gaps);
	if (error < 0)
		return error == -ENODATA ? -EBADMSG : error;
	window->segment = segment->number;
	window->offset = offset;
	window->length = end - offset;
	return 0;
}

static int
fetch(Log *log, const LogLocation *location, uint32_t wanted_end, const uint8_t **bytes)
{
	LogSegment *segment = log_segment(log, location->segment);
	LogWindow *window = &log->window;
	uint32_t length = LOG_RECORD_HEADER_BYTES + location->payload_length;
	int error = 0;

	if (in_ring(log, segment, location->offset))
	{
		*bytes = fetch_from_ring(log, segment, location->offset, length);
		return 0;
	}
	if (window->segment != location->segment || location->offset < window->offset ||
		location->offset + length > window->offset + window->length)
		error = fill_window(log, segment, location->offset, length, wanted_end);
	if (error == 0)
		*bytes = window->buffer.data + (location->offset - window->offset);
	return error;
}

/* The entry is a hole from now on. */
static int
lose(Log *log, LogGroup *group, Lsn lsn)
{
	log_segment(log, log_group_location(group, lsn)->segment)->is_damaged = true;
	log_group_lose(group, lsn);
	log->is_damaged = true;
	log->window.segment = 0;
	return -EBADMSG;
}

/* One entry, verified; its payload stays valid until the next fetch or append. */
static int
read_located(Log *log, LogGroup *group, Lsn lsn, uint32_t wanted_end, LogEntry *entry)
{
	const LogLocation *location = log_group_location(group, lsn);
	const uint8_t *bytes = NULL;
	LogRecord record;
	int error;

	if (log_location_is_hole(location))
		return -EBADMSG;
	error = fetch(log, location, wanted_end, &bytes);
	if (error == -EBADMSG || error == -ENOENT || error == -EIO)
		return lose(log, group, lsn);
	if (error < 0)
		return error;
	error = log_record_decode(bytes, LOG_RECORD_HEADER_BYTES + location->payload_length, 0,
							  log_segment(log, location->segment)->seed, &record);
	if (error < 0 || (record.kind != LOG_ENTRY && record.kind != LOG_ENTRY_AGAIN) ||
		record.group != group->group || record.lsn != lsn ||
		record.payload_length != location->payload_length)
		return lose(log, group, lsn);
	*entry = (LogEntry){
		.group = record.group,
		.lsn = record.lsn,
		.ballot = record.ballot,
		.length = record.payload_length,
		.payload = record.payload,
	};
	return 0;
}

int
log_read_entry(Log *log, GroupId group, Lsn lsn, LogBuffer *buffer, LogEntry *entry)
{
	LogGroup *found = log_state_group(&log->state, group);
	int error;

	if (!found || !log_group_location(found, lsn))
		return -ENOENT;
	error = read_located(log, found, lsn, 0, entry);
	if (error < 0)
		return error;
	log_buffer_reserve(buffer, entry->length);
	if (entry->length > 0)
		memcpy(buffer->data, entry->payload, entry->length);
	entry->payload = buffer->data;
	return 0;
}

/* End of the last record that lies in the same segment as `from_lsn` and is wanted. */
static uint32_t
wanted_end_of(const LogGroup *group, Lsn from_lsn, uint64_t max_bytes)
{
	const LogLocation *first = log_group_location(group, from_lsn);
	const LogLocation *last = first;
	const LogLocation *limit = group->locations + group->location_head + group->location_count;
	uint64_t bytes = first->payload_length;

	while (last + 1 < limit && last[1].segment == first->segment && bytes < max_bytes &&
		   last[1].offset - first->offset < WINDOW_BYTES)
	{
		last++;
		bytes += last->payload_length;
	}
	return last->offset + log_record_bytes(last->payload_length);
}

int64_t
log_read_entries(Log *log, GroupId group, Lsn from_lsn, uint64_t max_bytes,
				 LogEntryCallback callback, void *ctx)
{
	LogGroup *found = log_state_group(&log->state, group);
	uint64_t bytes = 0;
	uint32_t wanted_end = 0;
	uint32_t wanted_segment = 0;
	Lsn lsn = from_lsn;

	if (!found || !log_group_location(found, from_lsn))
		return -ENOENT;
	while (lsn <= found->append_lsn)
	{
		const LogLocation *location = log_group_location(found, lsn);
		LogEntry entry;
		int error;

		if (location->segment != wanted_segment || location->offset >= wanted_end)
		{
			wanted_end = wanted_end_of(found, lsn, max_bytes - bytes);
			wanted_segment = location->segment;
		}
		error = read_located(log, found, lsn, wanted_end, &entry);
		/* What lies before damage is good. */
		if (error == -EBADMSG && lsn > from_lsn)
			break;
		if (error < 0)
			return error;
		if (lsn > from_lsn && bytes + entry.length > max_bytes)
			break;
		bytes += entry.length;
		lsn++;
		if (callback(ctx, &entry) != 0 || bytes >= max_bytes)
			break;
	}
	return (int64_t) (lsn - from_lsn);
}

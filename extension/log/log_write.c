/*
 * log_write.c
 *		Writing out what was appended, and syncing it.
 *
 * log_write syncs a segment that is complete before it writes the first byte of the next: where a
 * later segment holds anything, the earlier one is whole on disk.
 */
#include "log/log_private.h"

int
log_poison(Log *log, int error)
{
	if (log->poison == 0)
		log->poison = error;
	return error;
}

static int
write_from_ring(Log *log, LogSegment *segment, uint64_t until)
{
	while (log->written_position < until)
	{
		uint64_t place = log->written_position % log->ring_bytes;
		uint64_t length = until - log->written_position;
		int error;

		if (length > log->ring_bytes - place)
			length = log->ring_bytes - place;
		error = log_io_write_all(log->io, segment->handle, log->ring + place, (size_t) length,
								 log->written_position - segment->stream_base);
		if (error < 0)
			return error;
		log->written_position += length;
	}
	return 0;
}

static int
sync_written(Log *log, LogSegment *segment)
{
	int error = log->io->sync_data(log->io->ctx, segment->handle);

	if (error < 0)
		return error;
	log->synced_position = log->written_position;
	return 0;
}

/* Writes what belongs to one segment; if it is closed, it is durable when this returns 0. */
static int
write_segment(Log *log, LogSegment *segment)
{
	int error = log_open_segment(log, segment);

	if (error == 0)
		error = write_from_ring(log, segment, segment->stream_base + segment->end_offset);
	if (error == 0 && segment != log_active_segment(log))
	{
		error = sync_written(log, segment);
		if (error == 0)
			log->write_segment++;
	}
	return error;
}

int
log_failure(const Log *log)
{
	return log->poison;
}

int
log_write(Log *log)
{
	while (log->poison == 0 && log->written_position < log->append_position)
	{
		int error = write_segment(log, log_segment(log, log->write_segment));

		if (error < 0)
			log_poison(log, error);
	}
	return log->poison;
}

int
log_sync(Log *log)
{
	int error;

	if (log->poison < 0 || log->synced_position == log->written_position)
		return log->poison;
	error = sync_written(log, log_segment(log, log->write_segment));
	return error < 0 ? log_poison(log, error) : 0;
}

uint64_t
log_append_position(const Log *log)
{
	return log->append_position;
}

uint64_t
log_synced_position(const Log *log)
{
	return log->synced_position;
}

uint64_t
log_synced_place(const Log *log)
{
	const LogSegment *segment = log_active_segment(log);

	while (log->synced_position < segment->stream_base + LOG_RECORDS_OFFSET &&
		   segment > log->segments && segment[-1].in_stream)
		segment--;
	return (uint64_t) segment->number * log->segment_bytes +
		   (log->synced_position - segment->stream_base);
}

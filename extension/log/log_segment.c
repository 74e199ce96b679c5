/*
 * log_segment.c
 *		Segment files: their names, making them ahead of use, and giving them up.
 *
 * A file has a segment's name only when it is complete: its size and header are durable before it
 * is renamed, and the directory is synced after.  A recycled file loses its old name durably
 * before its header changes.  So, whatever crash happened: under a segment's name there is a whole
 * header with that number, and numbers have no gaps.  Anything else is damage.  A damaged segment is never used again.
 */
#include "log/log_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Damaged segments that nobody needs any more are kept for inspection, the newest so many. */
#define DAMAGED_SUFFIX ".damaged"
#define DAMAGED_MAX 2

#define PREPARE_NAME "prepare.tmp"
#define RECYCLE_NAME "recycle.tmp"

/* More files than these that nobody needs are removed. */
#define SPARES_MAX 2

/* After so many files were opened, those of closed segments are closed. */
#define OPEN_HANDLES_MAX 32

#define ZERO_CHUNK_BYTES (256 * 1024)

void
log_segment_name(uint32_t number, char name[LOG_SEGMENT_NAME_BYTES])
{
	snprintf(name, LOG_SEGMENT_NAME_BYTES, "%010" PRIu32 ".segment", number);
}

uint32_t
log_segment_number(const char *name)
{
	char expected[LOG_SEGMENT_NAME_BYTES];
	uint64_t number = 0;

	for (const char *p = name; *p >= '0' && *p <= '9' && number <= UINT32_MAX; p++)
		number = number * 10 + (uint64_t) (*p - '0');
	if (number == 0 || number > UINT32_MAX)
		return 0;
	log_segment_name((uint32_t) number, expected);
	return strcmp(name, expected) == 0 ? (uint32_t) number : 0;
}

LogSegmentHeader
log_segment_header(const LogIdentity *identity, uint32_t segment_bytes, uint32_t number)
{
	LogSegmentHeader header = {
		.node = identity->node, .segment_bytes = segment_bytes, .number = number};
	uint8_t bytes[LOG_HEADER_BYTES];

	memcpy(header.cluster_id, identity->cluster_id, LOG_CLUSTER_ID_BYTES);
	log_header_encode(&header, bytes);
	return header;
}

LogSegment *
log_add_segment(Log *log, uint32_t number)
{
	LogSegment *segment;

	log->segments = log_reallocate(log->segments,
								   (log->segment_count + 1) * sizeof(*log->segments));
	segment = &log->segments[log->segment_count++];
	*segment = (LogSegment){
		.number = number,
		.seed = log_segment_header(&log->identity, log->segment_bytes, number).crc,
		.end_offset = LOG_RECORDS_OFFSET,
		.limit_offset = log->segment_bytes,
		.handle = -1,
	};
	return segment;
}

/* All closed segments' files; those who read will open again what they need. */
static void
close_old_handles(Log *log)
{
	for (uint32_t i = 0; i + 1 < log->segment_count; i++)
	{
		LogSegment *segment = &log->segments[i];

		/* A closed segment whose last bytes are still to be written stays open. */
		if (segment->handle >= 0 && segment->number < log->write_segment)
		{
			log->io->close(log->io->ctx, segment->handle);
			segment->handle = -1;
		}
	}
	log->handles_opened = 0;
}

int
log_open_segment(Log *log, LogSegment *segment)
{
	char name[LOG_SEGMENT_NAME_BYTES];
	int handle;

	if (segment->handle >= 0)
		return 0;
	if (log->handles_opened >= OPEN_HANDLES_MAX)
		close_old_handles(log);
	log_segment_name(segment->number, name);
	handle = log->io->open(log->io->ctx, name, LOG_IO_WRITE);
	if (handle < 0)
		return handle;
	segment->handle = handle;
	log->handles_opened++;
	return 0;
}

/* ---- making segments ---- */

static uint32_t
next_spare_number(const Log *log)
{
	return log->segment_count == 0 ? 1 : log_active_segment(log)->number + log->spare_count + 1;
}

/* Writes the header of the next spare and makes the file's content durable. */
static int
seal(Log *log, int handle)
{
	uint8_t bytes[LOG_RECORDS_OFFSET] = {0};
	LogSegmentHeader header = log_segment_header(&log->identity, log->segment_bytes,
												 next_spare_number(log));
	int error;

	log_header_encode(&header, bytes);
	error = log_io_write_all(log->io, handle, bytes, sizeof(bytes), 0);
	return error < 0 ? error : log->io->sync_data(log->io->ctx, handle);
}

/* Gives a sealed file the next spare's name, durably. */
static int
publish(Log *log, const char *temporary_name)
{
	char name[LOG_SEGMENT_NAME_BYTES];
	int error;

	log_segment_name(next_spare_number(log), name);
	error = log->io->rename(log->io->ctx, temporary_name, name);
	if (error < 0)
		return error;
	error = log->io->sync_directory(log->io->ctx);
	if (error < 0)
		return log_poison(log, error);
	log->spare_count++;
	return 0;
}

static void
abandon_preparation(Log *log)
{
	if (log->prepare_handle < 0)
		return;
	log->io->close(log->io->ctx, log->prepare_handle);
	log->io->unlink(log->io->ctx, PREPARE_NAME);
	log->prepare_handle = -1;
}

static int
begin_preparation(Log *log)
{
	int handle;
	int error;

	if (log->max_bytes > 0 && log_size_bytes(log) + log->segment_bytes > log->max_bytes)
		return LOG_FULL;
	error = log->io->unlink(log->io->ctx, PREPARE_NAME);
	if (error < 0 && error != -ENOENT)
		return error;
	handle = log->io->open(log->io->ctx, PREPARE_NAME, LOG_IO_CREATE);
	if (handle < 0)
		return handle;
	log->prepare_handle = handle;
	log->prepare_offset = 0;
	return log->io->reserve(log->io->ctx, handle, log->segment_bytes);
}

/*
 * Zeros, because overwriting written blocks costs a sync less than writing reserved ones (the file
 * system has no metadata to change).
 */
static int
fill_with_zeros(Log *log, uint32_t max_bytes)
{
	static const uint8_t zeros[ZERO_CHUNK_BYTES];

	while (log->prepare_offset < log->segment_bytes && max_bytes > 0)
	{
		uint32_t length = log->segment_bytes - log->prepare_offset;
		int error;

		if (length > ZERO_CHUNK_BYTES)
			length = ZERO_CHUNK_BYTES;
		if (length > max_bytes)
			length = max_bytes;
		error = log_io_write_all(log->io, log->prepare_handle, zeros, length, log->prepare_offset);
		if (error < 0)
			return error;
		log->prepare_offset += length;
		max_bytes -= length;
	}
	return 0;
}

static int
finish_preparation(Log *log)
{
	int handle = log->prepare_handle;
	int error = seal(log, handle);

	if (error < 0)
		return error;
	log->prepare_handle = -1;
	log->io->close(log->io->ctx, handle);
	return publish(log, PREPARE_NAME);
}

int
log_prepare(Log *log, uint32_t max_bytes)
{
	int error = log->poison;

	if (error < 0)
		return error;
	if (log->spare_count > 0)
		return 0;
	if (log->prepare_handle < 0)
		error = begin_preparation(log);
	if (error == 0)
		error = fill_with_zeros(log, max_bytes);
	if (error == 0 && log->prepare_offset < log->segment_bytes)
		return 1;
	if (error == 0)
		error = finish_preparation(log);
	if (error < 0)
		abandon_preparation(log);
	return error;
}

/* ---- giving segments up ---- */

/* The damaged segment with the lowest number, and how many there are. */
typedef struct DamagedFiles
{
	uint32_t count;
	char oldest[LOG_SEGMENT_NAME_BYTES];
} DamagedFiles;

bool
log_is_damaged_name(const char *name)
{
	size_t length = strlen(name);
	size_t suffix = strlen(DAMAGED_SUFFIX);

	return length > suffix && length < LOG_SEGMENT_NAME_BYTES &&
		   strcmp(name + length - suffix, DAMAGED_SUFFIX) == 0;
}

static int
count_damaged(void *ctx, const char *name)
{
	DamagedFiles *files = ctx;

	if (!log_is_damaged_name(name))
		return 0;
	if (files->count++ == 0 || strcmp(name, files->oldest) < 0)
		strcpy(files->oldest, name);
	return 0;
}

/* Puts a damaged segment aside, and removes the oldest one that was. */
static int
put_aside(Log *log, const char *name, uint32_t number)
{
	DamagedFiles files = {0};
	char aside[LOG_SEGMENT_NAME_BYTES];
	int error;

	snprintf(aside, sizeof(aside), "%010" PRIu32 DAMAGED_SUFFIX, number);
	error = log->io->rename(log->io->ctx, name, aside);
	/* It may be what was damaged that the file is not there. */
	if (error == -ENOENT)
		return 0;
	if (error == 0)
		error = log->io->list(log->io->ctx, count_damaged, &files);
	if (error == 0 && files.count > DAMAGED_MAX)
		error = log->io->unlink(log->io->ctx, files.oldest);
	if (error < 0)
		return error;
	error = log->io->sync_directory(log->io->ctx);
	return error < 0 ? log_poison(log, error) : 0;
}

/*
 * The old name must be gone durably before the header says another number, or a newer segment
 * goes.
 */
static int
take_name_away(Log *log, const char *name, bool keep_file)
{
	int error = keep_file ? log->io->rename(log->io->ctx, name, RECYCLE_NAME)
						  : log->io->unlink(log->io->ctx, name);

	if (error < 0)
		return error;
	error = log->io->sync_directory(log->io->ctx);
	return error < 0 ? log_poison(log, error) : 0;
}

static int
turn_into_spare(Log *log)
{
	int handle = log->io->open(log->io->ctx, RECYCLE_NAME, LOG_IO_WRITE);
	int error;

	if (handle < 0)
		return handle;
	error = seal(log, handle);
	log->io->close(log->io->ctx, handle);
	return error < 0 ? error : publish(log, RECYCLE_NAME);
}

int
log_recycle_oldest(Log *log)
{
	LogSegment oldest = log->segments[0];
	bool is_bad = oldest.is_damaged || oldest.has_gaps;
	bool keep_file = log->spare_count < SPARES_MAX && !is_bad;
	char name[LOG_SEGMENT_NAME_BYTES];
	int error;

	log_segment_name(oldest.number, name);
	error = is_bad ? put_aside(log, name, oldest.number) : take_name_away(log, name, keep_file);
	if (error < 0)
		return error;
	if (oldest.handle >= 0)
		log->io->close(log->io->ctx, oldest.handle);
	log->segment_count--;
	memmove(log->segments, log->segments + 1, log->segment_count * sizeof(*log->segments));
	if (!keep_file)
		return 0;
	abandon_preparation(log);
	return turn_into_spare(log);
}

int
log_remove_leftovers(const LogIo *io)
{
	static const char *const names[] = {PREPARE_NAME, RECYCLE_NAME};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		int error = io->unlink(io->ctx, names[i]);

		if (error < 0 && error != -ENOENT)
			return error;
	}
	return 0;
}

uint64_t
log_size_bytes(const Log *log)
{
	uint64_t files = (uint64_t) log->segment_count + log->spare_count;

	return (files + (log->prepare_handle >= 0 ? 1 : 0)) * log->segment_bytes;
}

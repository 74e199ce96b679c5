/*
 * log_private.h
 *		What the files of log/ know of each other; nobody else includes this.
 *
 * Everything that is appended is one stream of bytes.  A position in the stream never goes back; a
 * segment holds the stretch of it that begins at stream_base + LOG_RECORDS_OFFSET.  The newest
 * ring_bytes of the stream stay in memory: they are the write buffer (between written_position and
 * append_position) and the cache of readers at once.
 */
#ifndef QUORATE_LOG_PRIVATE_H
#define QUORATE_LOG_PRIVATE_H

#include "log/log_gaps.h"
#include "log/log_state.h"

/* A segment that holds records: the last one is being filled, the others are closed. */
typedef struct LogSegment
{
	uint32_t number;
	uint32_t seed;       /* CRC of the header */
	uint32_t end_offset; /* records end here */
	uint32_t
		limit_offset; /* and may not go on beyond here: the end of the file, or what cannot be read */
	bool is_damaged;       /* known to hold less than was written ... */
	bool lacks_checkpoint; /* ... and its checkpoint is not whole */
	bool has_gaps;         /* the disk could not read some of it: the file is not used again */
	int handle;            /* -1 while not open */
	bool in_stream;       /* stream_base is set: some of it was appended since the log was opened */
	uint64_t stream_base; /* stream position of offset 0 */
} LogSegment;

/* A piece of a segment file, read ahead for those who read many entries. */
typedef struct LogWindow
{
	LogBuffer buffer;
	uint32_t segment; /* 0: empty */
	uint32_t offset;
	uint32_t length;
} LogWindow;

struct Log
{
	const LogIo *io;
	int lock_handle;
	int poison; /* 0, or the -errno of the write or sync that failed */
	LogIdentity identity;
	uint32_t segment_bytes;
	ClusterVersion version; /* records of later versions are not appended */
	uint64_t max_bytes;

	LogState state;
	bool is_damaged; /* damage was met in this life: there may be holes */

	LogSegment *segments; /* oldest first, numbers without gaps */
	uint32_t segment_count;
	uint32_t handles_opened; /* since those of closed segments were closed */
	uint32_t spare_count;    /* files with the numbers that follow, ready for use */

	int prepare_handle; /* the spare that log_prepare is filling; -1 for none */
	uint32_t prepare_offset;

	uint8_t *ring;
	uint64_t ring_bytes;
	uint64_t ring_floor; /* the stream begins here */
	uint64_t append_position;
	uint64_t written_position;
	uint64_t synced_position;
	uint32_t write_segment;          /* number of the segment that holds written_position */
	uint32_t chain;                  /* CRC of the last record */
	uint32_t recovered_previous_crc; /* last record of the segment before the recovered tail */

	LogBuffer scratch; /* payloads and records under construction */
	LogWindow window;
};

/* ---- log_segment.c: files ---- */

#define LOG_SEGMENT_NAME_BYTES 32

extern void log_segment_name(uint32_t number, char name[LOG_SEGMENT_NAME_BYTES]);

/* 0 if it is not the name of a segment. */
extern uint32_t log_segment_number(const char *name);

/* The header that segment `number` of this log has; fills header->crc. */
extern LogSegmentHeader
log_segment_header(const LogIdentity *identity, uint32_t segment_bytes, uint32_t number);

static inline LogSegment *
log_active_segment(const Log *log)
{
	return &log->segments[log->segment_count - 1];
}

static inline LogSegment *
log_segment(const Log *log, uint32_t number)
{
	return &log->segments[number - log->segments[0].number];
}

/* Is it the name of a damaged segment that was put aside? */
extern bool log_is_damaged_name(const char *name);

/* Adds a segment after the last one. */
extern LogSegment *log_add_segment(Log *log, uint32_t number);

/* Opens the segment's file if it is not open.  0 or -errno. */
extern int log_open_segment(Log *log, LogSegment *segment);

/*
 * Gives up the oldest segment, which nobody needs: its file becomes a spare, or is removed if
 * there are enough of them, or put aside if it is damaged.  0 or -errno.
 */
extern int log_recycle_oldest(Log *log);

/* Removes the files that an interrupted preparation left.  0 or -errno. */
extern int log_remove_leftovers(const LogIo *io);

/* ---- log_append.c ---- */

/* Room in the buffer for at least `bytes`. */
extern void log_buffer_reserve(LogBuffer *buffer, size_t bytes);

/* Makes stream positions for a log that was just recovered; its last segment is set up. */
extern void log_start_stream(Log *log, uint64_t cache_bytes);

/* Bytes of the index of a segment with entries of so many groups. */
extern uint32_t log_index_bytes(uint32_t groups);

/* The first records of the segment that is being filled; `previous_crc` ends the segment before. */
extern void log_emit_checkpoint(Log *log, uint32_t previous_crc);

/* Goes on in a new segment; if there is no room for one, the present one goes on.  0 or -errno. */
extern int log_leave_segment(Log *log);

/* ---- log_write.c ---- */

/* Remembers that the log's files can no longer be trusted; returns the error. */
extern int log_poison(Log *log, int error);

/* ---- log_scan.c: reading a segment's image ---- */

typedef struct LogScan
{
	const uint8_t *image;
	uint32_t image_bytes;
	uint32_t seed;
	uint32_t offset; /* of the next record */
	uint32_t chain;  /* CRC of the record before it */
} LogScan;

extern void
log_scan_start(LogScan *scan, const uint8_t *image, uint32_t image_bytes, uint32_t seed);

/*
 * 1 and the next record; 0 if there is none that is whole and continues the chain; -EPROTO: a
 * newer one.
 */
extern int log_scan_next(LogScan *scan, LogRecord *record);

/* The first whole record at or after `from`, whatever its chain; image_bytes if there is none. */
extern uint32_t log_scan_find(const LogScan *scan, uint32_t from, LogRecord *record);

/* Goes on at the first whole record at or behind the present place, whatever its chain; returns its place. */
extern uint32_t log_scan_skip(LogScan *scan, LogRecord *record);

/* Was a record begun at the present place, behind those before it?  It need not be whole. */
extern bool log_scan_record_begins(const LogScan *scan);

/*
 * Reads a segment file and checks its size and header against `expected`; 0, -EBADMSG, -EPROTO, -ENOENT or
 * -errno.  With -EBADMSG and -ENOENT the image is what could be read, and zeros.  `gaps` says what could not be read;
 * zeros stand for that, whatever is returned.
 */
extern int
log_scan_load(const LogIo *io, const LogSegmentHeader *expected, uint8_t *image, LogGaps *gaps);

/* ---- log_holes.c ---- */

/* The entries whose records begin in the range are holes from now on; returns how many were not before. */
extern uint32_t
log_lose_range(Log *log, uint32_t segment, uint32_t begin_offset, uint32_t end_offset);

/* ---- log_recover.c ---- */

/* Rebuilds the log from its segment files; log->identity is set.  Fills result unless it is OK. */
extern void log_recover(Log *log, LogOpenResult *result);

/* ---- log_identity.c ---- */

/* Writes the identity file durably and in one step.  0 or -errno. */
extern int log_identity_write(const LogIo *io, const LogIdentity *identity);

#endif /* QUORATE_LOG_PRIVATE_H */

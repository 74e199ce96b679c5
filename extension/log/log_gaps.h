/*
 * log_gaps.h
 *		Reading a file around the parts of it that the disk cannot read.
 *
 * Inside of log/ only.  Whether a part is lost for good is not known: it may be readable next time.
 */
#ifndef QUORATE_LOG_GAPS_H
#define QUORATE_LOG_GAPS_H

#include "log/log_io.h"

/* Bytes begin .. end - 1 of a file: whole blocks, but for the end of what was wanted. */
typedef struct LogGap
{
	uint32_t begin;
	uint32_t end;
} LogGap;

/* The gaps of one file, in order and not touching each other; zero it before its first use. */
typedef struct LogGaps
{
	LogGap *items;
	uint32_t count;
	uint32_t capacity;
} LogGaps;

extern void log_gaps_free(LogGaps *gaps);
extern void log_gaps_clear(LogGaps *gaps);

/* Adds a gap behind all others. */
extern void log_gaps_add(LogGaps *gaps, uint32_t begin, uint32_t end);

/*
 * As log_io_read_all, but what the disk cannot read (-EIO) is filled with zeros and added to the gaps.
 */
extern int log_gaps_read(LogGaps *gaps, const LogIo *io, int handle, uint8_t *buffer,
						 uint32_t length, uint32_t offset);

/* Does any of the bytes begin .. end - 1 lie in a gap? */
extern bool log_gaps_meet(const LogGaps *gaps, uint32_t begin, uint32_t end);

/* The first byte at or behind `offset` that lies in a gap; `none` if there is none. */
extern uint32_t log_gaps_next(const LogGaps *gaps, uint32_t offset, uint32_t none);

/* The first byte at or behind `offset` that lies in no gap. */
extern uint32_t log_gaps_pass(const LogGaps *gaps, uint32_t offset);

#endif /* QUORATE_LOG_GAPS_H */

/*
 * log_gaps.c
 *		Reading around what the disk cannot read; see log_gaps.h.
 *
 * A large read fails as a whole because of one bad sector in it, so what failed is read again block by block.  A
 * disk that fails may need seconds for each of these reads, so there is an end to that: what is left of a piece in
 * which too many blocks failed counts as lost.
 */
#include "log/log_gaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log/log_state.h"

/* What is read at once, as long as it can be. */
#define PIECE_BYTES (256u * 1024)

/* What is given up at once: a page of the operating system's cache, which reads no less. */
#define BLOCK_BYTES 4096u

/* So many blocks are tried in vain for one call. */
#define FAILURES_MAX 256

void
log_gaps_free(LogGaps *gaps)
{
	free(gaps->items);
	*gaps = (LogGaps){0};
}

void
log_gaps_clear(LogGaps *gaps)
{
	gaps->count = 0;
}

void
log_gaps_add(LogGaps *gaps, uint32_t begin, uint32_t end)
{
	if (gaps->count > 0 && gaps->items[gaps->count - 1].end == begin)
	{
		gaps->items[gaps->count - 1].end = end;
		return;
	}
	if (gaps->count == gaps->capacity)
	{
		gaps->capacity = gaps->capacity ? gaps->capacity * 2 : 16;
		gaps->items = log_reallocate(gaps->items, gaps->capacity * sizeof(*gaps->items));
	}
	gaps->items[gaps->count++] = (LogGap){begin, end};
}

/* ---- reading ---- */

typedef struct GapReader
{
	LogGaps *gaps;
	const LogIo *io;
	int handle;
	uint32_t failures;
} GapReader;

/* What there is from `offset` to the next multiple of `unit`, at most `length` bytes. */
static uint32_t
piece_of(uint32_t offset, uint32_t length, uint32_t unit)
{
	uint32_t piece = unit - offset % unit;

	return piece < length ? piece : length;
}

static int
read_blocks(GapReader *reader, uint8_t *buffer, uint32_t length, uint32_t offset)
{
	while (length > 0)
	{
		uint32_t block = piece_of(offset, length, BLOCK_BYTES);
		int error = -EIO;

		if (reader->failures < FAILURES_MAX)
			error = log_io_read_all(reader->io, reader->handle, buffer, block, offset);
		if (error == -EIO)
		{
			reader->failures++;
			memset(buffer, 0, block);
			log_gaps_add(reader->gaps, offset, offset + block);
		}
		else if (error < 0)
			return error;
		buffer += block;
		length -= block;
		offset += block;
	}
	return 0;
}

int
log_gaps_read(LogGaps *gaps, const LogIo *io, int handle, uint8_t *buffer, uint32_t length,
			  uint32_t offset)
{
	GapReader reader = {.gaps = gaps, .io = io, .handle = handle};

	while (length > 0)
	{
		uint32_t piece = piece_of(offset, length, PIECE_BYTES);
		int error = log_io_read_all(io, handle, buffer, piece, offset);

		if (error == -EIO)
			error = read_blocks(&reader, buffer, piece, offset);
		if (error < 0)
			return error;
		buffer += piece;
		length -= piece;
		offset += piece;
	}
	return 0;
}

/* ---- asking ---- */

/* The first gap that ends behind `offset`; NULL if there is none. */
static const LogGap *
gap_behind(const LogGaps *gaps, uint32_t offset)
{
	for (uint32_t i = 0; i < gaps->count; i++)
		if (gaps->items[i].end > offset)
			return &gaps->items[i];
	return NULL;
}

bool
log_gaps_meet(const LogGaps *gaps, uint32_t begin, uint32_t end)
{
	const LogGap *gap = gap_behind(gaps, begin);

	return gap && gap->begin < end;
}

uint32_t
log_gaps_next(const LogGaps *gaps, uint32_t offset, uint32_t none)
{
	const LogGap *gap = gap_behind(gaps, offset);

	if (!gap)
		return none;
	return gap->begin > offset ? gap->begin : offset;
}

uint32_t
log_gaps_pass(const LogGaps *gaps, uint32_t offset)
{
	const LogGap *gap = gap_behind(gaps, offset);

	return gap && gap->begin <= offset ? gap->end : offset;
}

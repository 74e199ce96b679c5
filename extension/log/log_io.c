/*
 * log_io.c
 *		Whole reads and writes on top of the table in log_io.h, which may do them by pieces.
 */
#include "log/log_io.h"

#include <errno.h>

int
log_io_write_all(const LogIo *io, int handle, const void *buffer, size_t length, uint64_t offset)
{
	const uint8_t *p = buffer;

	while (length > 0)
	{
		int64_t done = io->write(io->ctx, handle, p, length, offset);

		if (done < 0)
			return (int) done;
		if (done == 0)
			return -EIO; /* no progress and no reason: do not try for ever */
		p += done;
		length -= (size_t) done;
		offset += (uint64_t) done;
	}
	return 0;
}

int
log_io_read_all(const LogIo *io, int handle, void *buffer, size_t length, uint64_t offset)
{
	uint8_t *p = buffer;

	while (length > 0)
	{
		int64_t done = io->read(io->ctx, handle, p, length, offset);

		if (done < 0)
			return (int) done;
		if (done == 0)
			return -ENODATA;
		p += done;
		length -= (size_t) done;
		offset += (uint64_t) done;
	}
	return 0;
}

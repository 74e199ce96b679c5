/*
 * test_log_posix.c
 *		The log on real files: what test_log.c cannot show with a simulated disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/log.h"
#include "log/log_io_posix.h"

#include "unit/tap.h"

static const uint8_t cluster_id[LOG_CLUSTER_ID_BYTES] = "test cluster 01";
static const LogOptions small_segments = {.segment_bytes = 65536};

static int
remove_file(void *ctx, const char *name)
{
	const LogIo *io = ctx;

	return io->unlink(io->ctx, name);
}

static Lsn
needs_last(void *ctx, GroupId group)
{
	(void) group;
	return *(const Lsn *) ctx;
}

/* Appends entries up to `last`, one sync each, and truncates now and then. */
static int
fill(Log *log, Lsn from, Lsn last)
{
	uint8_t payload[1000];
	int error = 0;

	for (Lsn lsn = from; lsn <= last && error >= 0; lsn++)
	{
		memset(payload, (int) lsn, sizeof(payload));
		error = log_append_entry(log, 1, lsn, (Ballot){1, 1}, payload, sizeof(payload));
		if (error == 0)
			error = log_write(log);
		if (error == 0)
			error = log_sync(log);
		if (error == 0 && lsn % 100 == 0)
			error = log_truncate(log, needs_last, &lsn);
	}
	return error < 0 ? error : 0;
}

static void
test_real_files(const LogIo *io)
{
	Log *log = NULL;
	Log *second = NULL;
	LogBuffer buffer = {0};
	LogEntry entry;

	TAP_IS_INT(log_create(io, &small_segments, cluster_id, 3), 0, "make a log");
	TAP_IS_INT(log_open(&log, io, &small_segments).status, LOG_OPEN_OK, "open it");
	TAP_IS_INT(log_open(&second, io, &small_segments).status, LOG_OPEN_LOCKED, "only once");
	TAP_IS_INT(log_append_group(log, 1, "members", 7), 0, "open a group");
	TAP_IS_INT(fill(log, 1, 450), 0, "entries over many segments");
	TAP_OK(log_size_bytes(log) < 450 * 1000, "old segments were given up");
	log_close(log);
	TAP_IS_INT(log_open(&log, io, &small_segments).status, LOG_OPEN_OK, "open it again");
	TAP_IS_INT((int64_t) log_identity(log)->start_counter, 2, "the second start");
	TAP_OK(log_read_entry(log, 1, 450, &buffer, &entry) == 0 && entry.length == 1000 &&
			   ((const uint8_t *) entry.payload)[999] == (uint8_t) 450,
		   "the last entry is there");
	TAP_IS_INT(fill(log, 451, 600), 0, "and the log goes on");
	log_buffer_free(&buffer);
	log_close(log);
}

static void
test_errors(const LogIo *io)
{
	char byte;
	int handle;

	TAP_IS_INT(io->open(io->ctx, "missing", LOG_IO_READ), -ENOENT, "a missing file");
	TAP_IS_INT(io->open(io->ctx, "identity", LOG_IO_CREATE), -EEXIST, "a file that is there");
	handle = io->open(io->ctx, "identity", LOG_IO_READ);
	TAP_IS_INT(log_io_read_all(io, handle, &byte, 1, 4096), -ENODATA, "beyond the end");
	TAP_IS_INT(log_io_write_all(io, handle, &byte, 1, 0), -EBADF, "writing what is open to read");
	TAP_IS_INT(io->close(io->ctx, handle), 0, "close");
}

/* A copy of the directory has another inode. */
static void
test_moved(const char *directory, LogIo *io)
{
	char copy[1024];
	LogIo copied;
	Log *log = NULL;
	LogOptions adopting = small_segments;
	char from[2048];
	char to[2048];

	snprintf(copy, sizeof(copy), "%s.copy", directory);
	snprintf(from, sizeof(from), "%s/identity", directory);
	snprintf(to, sizeof(to), "%s/identity", copy);
	if (log_io_posix_open(copy, &copied) != 0 || link(from, to) != 0)
		abort();
	TAP_IS_INT(log_open(&log, &copied, &small_segments).status, LOG_OPEN_FOREIGN,
			   "an identity in another directory is refused");
	adopting.adopt = true;
	TAP_IS_INT(log_open(&log, &copied, &adopting).status, LOG_OPEN_ROTTEN,
			   "adopted without its segments it is damaged, not empty");
	copied.list(copied.ctx, remove_file, &copied);
	log_io_posix_close(&copied);
	rmdir(copy);
	io->list(io->ctx, remove_file, io);
}

int
main(void)
{
	char directory[] = P_tmpdir "/quorate_test_log.XXXXXX";
	char inner[64];
	LogIo io;

	if (!mkdtemp(directory))
		abort();
	snprintf(inner, sizeof(inner), "%s/log", directory);
	TAP_IS_INT(log_io_posix_open(inner, &io), 0, "the directory is made");
	test_real_files(&io);
	test_errors(&io);
	test_moved(inner, &io);
	log_io_posix_close(&io);
	TAP_OK(rmdir(inner) == 0 && rmdir(directory) == 0, "nothing is left behind");
	return tap_done();
}

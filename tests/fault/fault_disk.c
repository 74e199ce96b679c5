/*
 * fault_disk.c
 *		Preloaded into a PostgreSQL server: a disk that hangs, is slow, fails, is full or has a bad block; see fault.h.
 *
 * Only regular files and directories in or below one folder are concerned. A write that fails has written
 * nothing, and a sync that fails has not synced: what the kernel would still do on its own does not matter to a
 * server that must not trust it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "fault/fault.h"
#include "fault/shim.h"

#define HANG_POLL_US 2000
#define BLOCK_BYTES 4096

volatile FaultControl *fault_control;

static void __attribute__((constructor)) map_control(void)
{
	const char *path = getenv(FAULT_CONTROL_VARIABLE);
	void *memory;
	int descriptor;

	if (!path)
		return;
	descriptor = open(path, O_RDWR | O_CLOEXEC);
	if (descriptor < 0)
		shim_give_up(path);
	memory = mmap(NULL, sizeof(FaultControl), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	if (memory == MAP_FAILED)
		shim_give_up(path);
	close(descriptor);
	fault_control = memory;
}

static void
count(volatile int64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static bool
is_concerned(int descriptor)
{
	char path[4096];

	return shim_path_of(descriptor, path, sizeof(path)) > 0 &&
		   shim_is_below(path, (const char *) fault_control->folder);
}

/* ---- syncs ---- */

static bool
sync_has_fault(void)
{
	return fault_control &&
		   (fault_control->hang || fault_control->slow_ms || fault_control->sync_error);
}

static int
sync_with_fault(int descriptor, int (*sync_file)(int))
{
	int saved = errno;
	int error;

	if (!sync_has_fault() || !is_concerned(descriptor))
	{
		errno = saved;
		return sync_file(descriptor);
	}
	if (fault_control->hang || fault_control->slow_ms)
		count(&fault_control->syncs_held);
	for (int waited_us = 0; waited_us < fault_control->slow_ms * 1000; waited_us += HANG_POLL_US)
		usleep(HANG_POLL_US);
	while (fault_control->hang)
		usleep(HANG_POLL_US);
	error = fault_control->sync_error;
	errno = saved;
	if (error == 0)
		return sync_file(descriptor);
	count(&fault_control->syncs_failed);
	errno = error;
	return -1;
}

/* ---- writes ---- */

/* Would the file become longer?  offset -1: at the descriptor's own position. */
static bool
would_grow(int descriptor, int64_t bytes, int64_t offset)
{
	struct stat state;

	if (fstat(descriptor, &state) != 0 || !S_ISREG(state.st_mode))
		return false;
	if (offset < 0)
		offset = fcntl(descriptor, F_GETFL) & O_APPEND ? state.st_size
													   : lseek(descriptor, 0, SEEK_CUR);
	return offset + bytes > state.st_size;
}

/* The errno with which a write shall fail, 0 if it shall not. */
static int
write_fault(int descriptor, int64_t bytes, int64_t offset)
{
	int saved = errno;
	int error = 0;

	if (!fault_control || !(fault_control->write_error || fault_control->full))
		return 0;
	if (is_concerned(descriptor))
	{
		if (fault_control->write_error)
			error = fault_control->write_error;
		else if (would_grow(descriptor, bytes, offset))
			error = ENOSPC;
	}
	if (error)
		count(&fault_control->writes_failed);
	errno = saved;
	return error;
}

/* How much of a write is done; a write of one byte is never cut. */
static size_t
cut_short(int descriptor, size_t bytes)
{
	int saved = errno;
	size_t kept = bytes;

	if (fault_control && fault_control->short_write && bytes > 1 && is_concerned(descriptor))
	{
		count(&fault_control->writes_failed);
		kept = bytes / 2;
	}
	errno = saved;
	return kept;
}

static int64_t
total_bytes(const struct iovec *parts, int part_count)
{
	int64_t total = 0;

	for (int i = 0; i < part_count; i++)
		total += (int64_t) parts[i].iov_len;
	return total;
}

#define FAIL_IF_DUE(descriptor, bytes, offset)                                      \
	do                                                                              \
	{                                                                               \
		int fault = write_fault(descriptor, (int64_t) (bytes), (int64_t) (offset)); \
                                                                                    \
		if (fault)                                                                  \
		{                                                                           \
			errno = fault;                                                          \
			return -1;                                                              \
		}                                                                           \
	} while (0)

ssize_t
write(int descriptor, const void *bytes, size_t length)
{
	REAL(write);
	FAIL_IF_DUE(descriptor, length, -1);
	return real_write(descriptor, bytes, cut_short(descriptor, length));
}

ssize_t
writev(int descriptor, const struct iovec *parts, int part_count)
{
	REAL(writev);
	FAIL_IF_DUE(descriptor, total_bytes(parts, part_count), -1);
	return real_writev(descriptor, parts, part_count);
}

ssize_t
pwrite(int descriptor, const void *bytes, size_t length, off_t offset)
{
	REAL(pwrite);
	FAIL_IF_DUE(descriptor, length, offset);
	return real_pwrite(descriptor, bytes, cut_short(descriptor, length), offset);
}

ssize_t
pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset)
{
	REAL(pwrite64);
	FAIL_IF_DUE(descriptor, length, offset);
	return real_pwrite64(descriptor, bytes, cut_short(descriptor, length), offset);
}

ssize_t
pwritev(int descriptor, const struct iovec *parts, int part_count, off_t offset)
{
	REAL(pwritev);
	FAIL_IF_DUE(descriptor, total_bytes(parts, part_count), offset);
	return real_pwritev(descriptor, parts, part_count, offset);
}

ssize_t
pwritev64(int descriptor, const struct iovec *parts, int part_count, off64_t offset)
{
	REAL(pwritev64);
	FAIL_IF_DUE(descriptor, total_bytes(parts, part_count), offset);
	return real_pwritev64(descriptor, parts, part_count, offset);
}

int
fallocate(int descriptor, int mode, off_t offset, off_t bytes)
{
	REAL(fallocate);
	FAIL_IF_DUE(descriptor, bytes, offset);
	return real_fallocate(descriptor, mode, offset, bytes);
}

int
fallocate64(int descriptor, int mode, off64_t offset, off64_t bytes)
{
	REAL(fallocate64);
	FAIL_IF_DUE(descriptor, bytes, offset);
	return real_fallocate64(descriptor, mode, offset, bytes);
}

/* Returns its error. */
int
posix_fallocate(int descriptor, off_t offset, off_t bytes)
{
	int error = write_fault(descriptor, bytes, offset);

	REAL(posix_fallocate);
	return error ? error : real_posix_fallocate(descriptor, offset, bytes);
}

/* ---- reads at a place, as those of the log are ---- */

/* Does the read touch the bad block? */
static bool
read_has_fault(int descriptor, size_t length, int64_t offset)
{
	int saved = errno;
	int64_t bad;
	bool touched;

	if (!fault_control || !fault_control->read_error)
		return false;
	bad = (int64_t) fault_control->read_block * BLOCK_BYTES;
	touched = offset < bad + BLOCK_BYTES && offset + (int64_t) length > bad &&
			  is_concerned(descriptor);
	if (touched)
		count(&fault_control->reads_failed);
	errno = saved;
	return touched;
}

ssize_t
pread(int descriptor, void *bytes, size_t length, off_t offset)
{
	REAL(pread);
	if (!read_has_fault(descriptor, length, offset))
		return real_pread(descriptor, bytes, length, offset);
	errno = fault_control->read_error;
	return -1;
}

ssize_t
pread64(int descriptor, void *bytes, size_t length, off64_t offset)
{
	REAL(pread64);
	if (!read_has_fault(descriptor, length, offset))
		return real_pread64(descriptor, bytes, length, offset);
	errno = fault_control->read_error;
	return -1;
}

int
fsync(int descriptor)
{
	REAL(fsync);
	return sync_with_fault(descriptor, real_fsync);
}

int
fdatasync(int descriptor)
{
	REAL(fdatasync);
	return sync_with_fault(descriptor, real_fdatasync);
}

/*
 * poweroff_shim.c
 *		Preloaded into a PostgreSQL server: keeps the journal that poweroff.h describes.
 *
 * Runs in every process of the server. Each has the journal open with O_APPEND, so records of different processes
 * never mix. A write is journaled before it is done: a process that is killed between the two leaves a record that
 * restores what is there anyway. A journal that cannot be written ends the process, because a test whose
 * journal has holes would blame the server.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "fault/poweroff.h"
#include "fault/shim.h"

/* Far above the descriptors that the server counts on getting. */
#define JOURNAL_DESCRIPTOR_MIN 900

static int journal = -1;
static char root[4096];
static size_t root_bytes;
static char slow_folder[4096];
static long slow_us; /* 0: syncs take as long as they take */

typedef struct Target
{
	PoweroffRecord record; /* identity filled in */
	struct stat state;
	bool is_slow;
} Target;

static void __attribute__((constructor)) open_journal(void)
{
	const char *journal_path = getenv(POWEROFF_JOURNAL_VARIABLE);
	const char *root_path = getenv(POWEROFF_ROOT_VARIABLE);
	const char *slow_path = getenv(POWEROFF_SLOW_FOLDER_VARIABLE);
	const char *slow_text = getenv(POWEROFF_SLOW_US_VARIABLE);
	int descriptor;

	if (!journal_path || !root_path)
		return;
	if (slow_path && slow_text)
	{
		snprintf(slow_folder, sizeof(slow_folder), "%s/", slow_path);
		slow_us = strtol(slow_text, NULL, 10);
	}
	root_bytes = (size_t) snprintf(root, sizeof(root), "%s/", root_path);
	descriptor = open(journal_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (descriptor < 0)
		shim_give_up(journal_path);
	journal = fcntl(descriptor, F_DUPFD_CLOEXEC, JOURNAL_DESCRIPTOR_MIN);
	if (journal < 0)
		shim_give_up("descriptor of the journal");
	close(descriptor);
}

/* Is the descriptor a regular file below the root? Fills target then. */
static bool
is_watched(int descriptor, Target *target)
{
	char path[4096];
	ssize_t length;
	struct statx born;

	if (journal < 0 || fstat(descriptor, &target->state) != 0 || !S_ISREG(target->state.st_mode))
		return false;
	length = shim_path_of(descriptor, path, sizeof(path));
	if (length < (ssize_t) root_bytes || memcmp(path, root, root_bytes) != 0)
		return false;
	target->is_slow = slow_us > 0 && strncmp(path, slow_folder, strlen(slow_folder)) == 0;
	memset(&born, 0, sizeof(born));
	statx(descriptor, "", AT_EMPTY_PATH, STATX_BTIME, &born);
	target->record = (PoweroffRecord){.magic = POWEROFF_MAGIC,
									  .device = target->state.st_dev,
									  .inode = target->state.st_ino,
									  .born_ns = born.stx_btime.tv_sec * INT64_C(1000000000) +
												 born.stx_btime.tv_nsec,
									  .old_size = target->state.st_size};
	return true;
}

/* Writes a record with the bytes behind it. */
static void
append_record(const PoweroffRecord *record, const void *bytes)
{
	struct iovec parts[2] = {{(void *) record, sizeof(*record)},
							 {(void *) bytes, (size_t) record->old_bytes}};
	ssize_t written;

	REAL(writev);
	written = real_writev(journal, parts, record->old_bytes > 0 ? 2 : 1);
	if (written != (ssize_t) sizeof(*record) + record->old_bytes)
		shim_give_up("writing the journal");
}

/* Reads what a write is about to replace; the descriptor itself may be open for writing only. */
static void
read_old_bytes(int descriptor, void *bytes, int64_t count, int64_t offset)
{
	char link[64];
	int reader;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
	reader = open(link, O_RDONLY | O_CLOEXEC);
	if (reader < 0 || pread(reader, bytes, (size_t) count, offset) != count)
		shim_give_up("reading what a write replaces");
	close(reader);
}

/* Notes that new_bytes at offset are about to be replaced, or that the file is about to end at offset. */
static void
note_change(int descriptor, Target *target, int64_t offset, int64_t new_bytes, bool truncates)
{
	PoweroffRecord *record = &target->record;
	int64_t end = truncates ? record->old_size : offset + new_bytes;
	void *bytes = NULL;

	if (end > record->old_size)
		end = record->old_size;
	record->kind = POWEROFF_WRITE;
	record->offset = offset;
	record->new_bytes = truncates ? 0 : new_bytes;
	record->old_bytes = end > offset ? end - offset : 0;
	if (record->old_bytes > 0)
	{
		bytes = malloc((size_t) record->old_bytes);
		if (!bytes)
			shim_give_up("memory");
		read_old_bytes(descriptor, bytes, record->old_bytes, offset);
	}
	append_record(record, bytes);
	free(bytes);
}

/* A write at the descriptor's own position. */
static void
note_write(int descriptor, int64_t bytes)
{
	int saved = errno;
	Target target;

	if (is_watched(descriptor, &target))
	{
		bool appends = fcntl(descriptor, F_GETFL) & O_APPEND;
		int64_t at = appends ? target.state.st_size : lseek(descriptor, 0, SEEK_CUR);

		note_change(descriptor, &target, at, bytes, false);
	}
	errno = saved;
}

static void
note_positioned_write(int descriptor, int64_t bytes, int64_t offset)
{
	int saved = errno;
	Target target;

	if (is_watched(descriptor, &target))
		note_change(descriptor, &target, offset, bytes, false);
	errno = saved;
}

static void
note_truncate(int descriptor, int64_t size)
{
	int saved = errno;
	Target target;

	if (is_watched(descriptor, &target))
		note_change(descriptor, &target, size, 0, true);
	errno = saved;
}

static int64_t
total_bytes(const struct iovec *parts, int count)
{
	int64_t total = 0;

	for (int i = 0; i < count; i++)
		total += (int64_t) parts[i].iov_len;
	return total;
}

/* Runs a sync and notes what it covers: what was in the journal before it began. */
static int
sync_and_note(int descriptor, int (*sync_file)(int))
{
	struct stat before;
	Target target;
	bool watched = is_watched(descriptor, &target);
	int result;

	if (watched && fstat(journal, &before) != 0)
		shim_give_up("size of the journal");
	if (watched && target.is_slow)
		usleep((useconds_t) (random() % slow_us));
	result = sync_file(descriptor);
	if (watched && result == 0)
	{
		target.record.kind = POWEROFF_SYNC;
		target.record.covers = before.st_size;
		append_record(&target.record, NULL);
	}
	return result;
}

ssize_t
write(int descriptor, const void *bytes, size_t count)
{
	REAL(write);
	note_write(descriptor, (int64_t) count);
	return real_write(descriptor, bytes, count);
}

ssize_t
writev(int descriptor, const struct iovec *parts, int count)
{
	REAL(writev);
	note_write(descriptor, total_bytes(parts, count));
	return real_writev(descriptor, parts, count);
}

ssize_t
pwrite(int descriptor, const void *bytes, size_t count, off_t offset)
{
	REAL(pwrite);
	note_positioned_write(descriptor, (int64_t) count, offset);
	return real_pwrite(descriptor, bytes, count, offset);
}

ssize_t
pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset)
{
	REAL(pwrite64);
	note_positioned_write(descriptor, (int64_t) count, offset);
	return real_pwrite64(descriptor, bytes, count, offset);
}

ssize_t
pwritev(int descriptor, const struct iovec *parts, int count, off_t offset)
{
	REAL(pwritev);
	note_positioned_write(descriptor, total_bytes(parts, count), offset);
	return real_pwritev(descriptor, parts, count, offset);
}

ssize_t
pwritev64(int descriptor, const struct iovec *parts, int count, off64_t offset)
{
	REAL(pwritev64);
	note_positioned_write(descriptor, total_bytes(parts, count), offset);
	return real_pwritev64(descriptor, parts, count, offset);
}

int
ftruncate(int descriptor, off_t size)
{
	REAL(ftruncate);
	note_truncate(descriptor, size);
	return real_ftruncate(descriptor, size);
}

int
ftruncate64(int descriptor, off64_t size)
{
	REAL(ftruncate64);
	note_truncate(descriptor, size);
	return real_ftruncate64(descriptor, size);
}

int
posix_fallocate(int descriptor, off_t offset, off_t bytes)
{
	REAL(posix_fallocate);
	note_positioned_write(descriptor, 0, offset);
	return real_posix_fallocate(descriptor, offset, bytes);
}

int
fsync(int descriptor)
{
	REAL(fsync);
	return sync_and_note(descriptor, real_fsync);
}

int
fdatasync(int descriptor)
{
	REAL(fdatasync);
	return sync_and_note(descriptor, real_fdatasync);
}

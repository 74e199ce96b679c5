/*
 * log_io_posix.c
 *		The table of log_io.h on POSIX files.
 *
 * All names are resolved relative to a descriptor of the directory, so a rename of the directory
 * while it is open does no harm.  Signals never show: calls that EINTR ended are made again,
 * except close (whose descriptor is gone) and the sync calls' errors, which are passed on as they
 * are: a failed sync is never repeated (the kernel may have dropped the dirty pages and would
 * report success).
 */
#include "log/log_io_posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct PosixDirectory
{
	int descriptor;
} PosixDirectory;

static int
directory_of(void *ctx)
{
	return ((PosixDirectory *) ctx)->descriptor;
}

/* What the kernel says of a medium that cannot be read, and of a checksum below that fails, is one error to the log. */
static int
read_error(int error)
{
	switch (error)
	{
		case ENODATA: /* a critical error of the medium */
		case EILSEQ:  /* block integrity */
		case EBADMSG: /* a file system's checksum */
		case EUCLEAN: /* a file system's structure */
			return -EIO;
		default:
			return -error;
	}
}

static int
posix_open(void *ctx, const char *name, LogIoOpenMode mode)
{
	int flags = O_CLOEXEC;
	int descriptor;

	if (mode == LOG_IO_READ)
		flags |= O_RDONLY;
	else if (mode == LOG_IO_WRITE)
		flags |= O_RDWR;
	else
		flags |= O_RDWR | O_CREAT | O_EXCL;
	do
		descriptor = openat(directory_of(ctx), name, flags, 0600);
	while (descriptor < 0 && errno == EINTR);
	return descriptor < 0 ? read_error(errno) : descriptor;
}

static int
posix_close(void *ctx, int handle)
{
	(void) ctx;
	return close(handle) < 0 ? -errno : 0;
}

static int64_t
posix_read(void *ctx, int handle, void *buffer, size_t length, uint64_t offset)
{
	ssize_t done;

	(void) ctx;
	do
		done = pread(handle, buffer, length, (off_t) offset);
	while (done < 0 && errno == EINTR);
	return done < 0 ? read_error(errno) : done;
}

static int64_t
posix_write(void *ctx, int handle, const void *buffer, size_t length, uint64_t offset)
{
	ssize_t done;

	(void) ctx;
	do
		done = pwrite(handle, buffer, length, (off_t) offset);
	while (done < 0 && errno == EINTR);
	return done < 0 ? -errno : done;
}

/* A file system that cannot reserve is no error: the zeros written next reserve by themselves. */
static int
posix_reserve(void *ctx, int handle, uint64_t length)
{
	int error;

	(void) ctx;
	do
		error = fallocate(handle, 0, 0, (off_t) length) < 0 ? errno : 0;
	while (error == EINTR);
	return error == EOPNOTSUPP || error == ENOSYS ? 0 : -error;
}

static int64_t
posix_size(void *ctx, int handle)
{
	struct stat status;

	(void) ctx;
	return fstat(handle, &status) < 0 ? -errno : (int64_t) status.st_size;
}

static int
posix_sync_data(void *ctx, int handle)
{
	(void) ctx;
	return fdatasync(handle) < 0 ? -errno : 0;
}

static int
posix_sync_directory(void *ctx)
{
	return fsync(directory_of(ctx)) < 0 ? -errno : 0;
}

static int
posix_rename(void *ctx, const char *old_name, const char *new_name)
{
	int directory = directory_of(ctx);

	return renameat(directory, old_name, directory, new_name) < 0 ? -errno : 0;
}

static int
posix_unlink(void *ctx, const char *name)
{
	return unlinkat(directory_of(ctx), name, 0) < 0 ? -errno : 0;
}

static int
posix_list(void *ctx, LogIoListCallback callback, void *callback_ctx)
{
	int descriptor = openat(directory_of(ctx), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = descriptor < 0 ? NULL : fdopendir(descriptor);
	struct dirent *entry;
	int result = 0;

	if (!stream)
	{
		result = -errno;
		if (descriptor >= 0)
			close(descriptor);
		return result;
	}
	while (result == 0)
	{
		errno = 0;
		if (!(entry = readdir(stream)))
		{
			result = -errno;
			break;
		}
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = callback(callback_ctx, entry->d_name);
	}
	closedir(stream);
	return result;
}

static int
posix_lock(void *ctx, const char *name)
{
	int descriptor = openat(directory_of(ctx), name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (descriptor < 0)
		return -errno;
	if (flock(descriptor, LOCK_EX | LOCK_NB) < 0)
	{
		int error = errno;

		close(descriptor);
		return -error;
	}
	return descriptor;
}

static int
posix_identify(void *ctx, LogIoIdentity *identity)
{
	struct stat status;

	if (fstat(directory_of(ctx), &status) < 0)
		return -errno;
	identity->device = (uint64_t) status.st_dev;
	identity->inode = (uint64_t) status.st_ino;
	return 0;
}

/* The entry of a new directory is durable when its parent is synced. */
static int
sync_parent(const char *directory)
{
	char *copy = strdup(directory);
	int descriptor;
	int result = 0;

	if (!copy)
		return -ENOMEM;
	descriptor = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (descriptor < 0 || fsync(descriptor) < 0)
		result = -errno;
	if (descriptor >= 0)
		close(descriptor);
	free(copy);
	return result;
}

int
log_io_posix_open(const char *directory, LogIo *io)
{
	PosixDirectory *ctx;
	int descriptor;
	int error;

	if (mkdir(directory, 0700) == 0)
	{
		if ((error = sync_parent(directory)) < 0)
			return error;
	}
	else if (errno != EEXIST)
		return -errno;
	descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (descriptor < 0)
		return -errno;
	if (!(ctx = malloc(sizeof(*ctx))))
	{
		close(descriptor);
		return -ENOMEM;
	}
	ctx->descriptor = descriptor;
	*io = (LogIo){
		.ctx = ctx,
		.open = posix_open,
		.close = posix_close,
		.read = posix_read,
		.write = posix_write,
		.reserve = posix_reserve,
		.size = posix_size,
		.sync_data = posix_sync_data,
		.sync_directory = posix_sync_directory,
		.rename = posix_rename,
		.unlink = posix_unlink,
		.list = posix_list,
		.lock = posix_lock,
		.identify = posix_identify,
	};
	return 0;
}

void
log_io_posix_close(LogIo *io)
{
	close(directory_of(io->ctx));
	free(io->ctx);
	memset(io, 0, sizeof(*io));
}

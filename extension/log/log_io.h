/*
 * log_io.h
 *		The table of functions through which the log touches a disk.
 *
 * The log knows one flat directory of files.  The real table is made by log_io_posix.c; tests and
 * the simulator use tests/support/memdisk.c, which loses and tears whatever was not synced.
 * Nothing under log/ calls the operating system in any other way.
 *
 * Every function returns 0 or a positive result when it succeeded and -errno when it failed.
 * `name` is a plain file name without slashes.  Handles are small numbers, valid until they are
 * closed.
 *
 * What the log relies on, and nothing more: data is durable when sync_data returned 0 after it was
 * written; a directory entry is durable when sync_directory returned 0 after it was made; rename
 * replaces its target in one step.  It does not rely on the order in which unsynced sectors or
 * entries reach the disk, and after a failed sync it believes nothing about the file any more.
 */
#ifndef QUORATE_LOG_IO_H
#define QUORATE_LOG_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum LogIoOpenMode
{
	LOG_IO_READ = 1, /* existing file, for reading */
	LOG_IO_WRITE,    /* existing file, for reading and writing */
	LOG_IO_CREATE    /* new file, for reading and writing; -EEXIST if there is one */
} LogIoOpenMode;

/* Which directory this is on which device: copies and restored backups differ in it. */
typedef struct LogIoIdentity
{
	uint64_t device;
	uint64_t inode;
} LogIoIdentity;

/* Called for each file by list(); a value other than 0 ends the listing and is returned by it. */
typedef int (*LogIoListCallback)(void *callback_ctx, const char *name);

typedef struct LogIo
{
	void *ctx; /* first argument of all functions */

	/* Returns a handle. */
	int (*open)(void *ctx, const char *name, LogIoOpenMode mode);
	int (*close)(void *ctx, int handle);

	/*
	 * Return the number of bytes done, which may be fewer than `length`; 0 from read means end of
	 * file.  Where open and read say -EIO, the disk could not read what is there; no other error means that.
	 */
	int64_t (*read)(void *ctx, int handle, void *buffer, size_t length, uint64_t offset);
	int64_t (*write)(void *ctx, int handle, const void *buffer, size_t length, uint64_t offset);

	/*
	 * Reserves room for `length` bytes so that lack of space shows now; their content stays
	 * undefined.
	 */
	int (*reserve)(void *ctx, int handle, uint64_t length);
	int64_t (*size)(void *ctx, int handle);

	/* Data, and as much of the file's metadata as is needed to read it back. */
	int (*sync_data)(void *ctx, int handle);
	int (*sync_directory)(void *ctx);

	int (*rename)(void *ctx, const char *old_name, const char *new_name);
	int (*unlink)(void *ctx, const char *name);
	int (*list)(void *ctx, LogIoListCallback callback, void *callback_ctx);

	/*
	 * Returns a handle that holds the lock until it is closed; -EWOULDBLOCK if another process has
	 * it.
	 */
	int (*lock)(void *ctx, const char *name);
	int (*identify)(void *ctx, LogIoIdentity *identity);
} LogIo;

/* Write everything or fail: short writes are continued.  0 or -errno. */
extern int
log_io_write_all(const LogIo *io, int handle, const void *buffer, size_t length, uint64_t offset);

/* Reads `length` bytes; -ENODATA if the file ends before.  0 or -errno. */
extern int
log_io_read_all(const LogIo *io, int handle, void *buffer, size_t length, uint64_t offset);

#endif /* QUORATE_LOG_IO_H */

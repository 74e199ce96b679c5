/*
 * memdisk.c
 *		The simulated disk; memdisk.h says how it behaves.
 *
 * Names and files are kept apart, as in a file system: the directory maps names to files, twice
 * (what is seen and what is durable), and a file lives as long as the disk.
 */
#include "support/memdisk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR_BYTES 512
#define NAME_BYTES 64
#define HANDLES_MAX 4096
#define LOCK_FILE (-2)

typedef struct Bytes
{
	uint8_t *data;
	size_t length;
	size_t capacity;
} Bytes;

typedef struct PendingWrite
{
	uint64_t offset;
	size_t length;
	uint8_t *data;
} PendingWrite;

typedef struct File
{
	Bytes seen;
	Bytes durable;
	PendingWrite *pending;
	size_t pending_count;
	uint64_t *bad_blocks; /* their numbers */
	size_t bad_block_count;
} File;

typedef struct Name
{
	char name[NAME_BYTES];
	size_t file;
} Name;

typedef struct Directory
{
	Name *names;
	size_t count;
} Directory;

typedef struct DirectoryChange
{
	char old_name[NAME_BYTES]; /* empty when a file is created */
	char new_name[NAME_BYTES]; /* empty when a name is removed */
	size_t file;
} DirectoryChange;

struct Memdisk
{
	LogIo io;
	uint64_t random_state;
	LogIoIdentity identity;
	File *files;
	size_t file_count;
	Directory seen;
	Directory durable;
	DirectoryChange *changes;
	size_t change_count;
	int64_t handles[HANDLES_MAX]; /* file number + 1; 0 is free; LOCK_FILE */
	bool locked;
	uint64_t counts[MEMDISK_OTHER + 1];
	MemdiskOperation fail_operation;
	uint64_t fail_countdown;
	int fail_error;
	uint64_t crash_countdown;
	bool crashed;
	bool short_io;
	uint64_t spoiled_count;
	uint64_t capacity;

	/* The file that was written last, for memdisk_restart_torn. */
	size_t last_written;
};

static uint64_t next_inode = 1000;

/* ---- randomness and memory ---- */

/* xorshift64*: 0 .. limit - 1. */
static uint64_t
random_below(Memdisk *disk, uint64_t limit)
{
	uint64_t x = disk->random_state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	disk->random_state = x;
	return ((x * UINT64_C(0x2545F4914F6CDD1D)) >> 32) % limit;
}

static void *
must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static void
resize(Bytes *bytes, size_t length)
{
	if (length > bytes->capacity)
	{
		bytes->capacity = length;
		bytes->data = must(realloc(bytes->data, length));
	}
	if (length > bytes->length)
		memset(bytes->data + bytes->length, 0, length - bytes->length);
	bytes->length = length;
}

static void
put(Bytes *bytes, uint64_t offset, const void *data, size_t length)
{
	if (offset + length > bytes->length)
		resize(bytes, offset + length);
	if (length > 0)
		memcpy(bytes->data + offset, data, length);
}

/* ---- directories ---- */

static Name *
find_name(const Directory *directory, const char *name)
{
	for (size_t i = 0; i < directory->count; i++)
		if (strcmp(directory->names[i].name, name) == 0)
			return &directory->names[i];
	return NULL;
}

static void
remove_name(Directory *directory, const char *name)
{
	Name *found = find_name(directory, name);

	if (found)
		*found = directory->names[--directory->count];
}

static void
set_name(Directory *directory, const char *name, size_t file)
{
	remove_name(directory, name);
	directory->names = must(realloc(directory->names, (directory->count + 1) * sizeof(Name)));
	snprintf(directory->names[directory->count].name, NAME_BYTES, "%s", name);
	directory->names[directory->count++].file = file;
}

static void
copy_directory(Directory *to, const Directory *from)
{
	to->count = 0;
	for (size_t i = 0; i < from->count; i++)
		set_name(to, from->names[i].name, from->names[i].file);
}

/* A change whose predecessor was lost may have nothing left to change. */
static void
apply_change(Directory *directory, const DirectoryChange *change)
{
	size_t file = change->file;

	if (change->old_name[0])
	{
		const Name *old = find_name(directory, change->old_name);

		if (!old)
			return;
		file = old->file;
		remove_name(directory, change->old_name);
	}
	if (change->new_name[0])
		set_name(directory, change->new_name, file);
}

static void
change_directory(Memdisk *disk, const char *old_name, const char *new_name, size_t file)
{
	DirectoryChange *change;

	disk->changes = must(
		realloc(disk->changes, (disk->change_count + 1) * sizeof(DirectoryChange)));
	change = &disk->changes[disk->change_count++];
	snprintf(change->old_name, NAME_BYTES, "%s", old_name);
	snprintf(change->new_name, NAME_BYTES, "%s", new_name);
	change->file = file;
	apply_change(&disk->seen, change);
}

/* ---- files ---- */

static void
forget_pending(File *file)
{
	for (size_t i = 0; i < file->pending_count; i++)
		free(file->pending[i].data);
	free(file->pending);
	file->pending = NULL;
	file->pending_count = 0;
}

static void
make_durable(File *file)
{
	for (size_t i = 0; i < file->pending_count; i++)
		put(&file->durable, file->pending[i].offset, file->pending[i].data,
			file->pending[i].length);
	resize(&file->durable, file->seen.length);
	forget_pending(file);
}

static void
add_write(Memdisk *disk, size_t number, uint64_t offset, const void *data, size_t length)
{
	File *file = &disk->files[number];
	PendingWrite *write;

	if (length == 0)
		return;
	put(&file->seen, offset, data, length);
	file->pending = must(realloc(file->pending, (file->pending_count + 1) * sizeof(PendingWrite)));
	write = &file->pending[file->pending_count++];
	write->offset = offset;
	write->length = length;
	write->data = must(malloc(length));
	memcpy(write->data, data, length);
	disk->last_written = number;
}

static size_t
add_file(Memdisk *disk)
{
	disk->files = must(realloc(disk->files, (disk->file_count + 1) * sizeof(File)));
	memset(&disk->files[disk->file_count], 0, sizeof(File));
	return disk->file_count++;
}

static uint64_t
used_bytes(const Memdisk *disk)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < disk->seen.count; i++)
		bytes += disk->files[disk->seen.names[i].file].seen.length;
	return bytes;
}

static bool
has_room(const Memdisk *disk, const File *file, uint64_t end)
{
	if (disk->capacity == 0 || end <= file->seen.length)
		return true;
	return used_bytes(disk) + (end - file->seen.length) <= disk->capacity;
}

/* ---- faults ---- */

/* 0: carry the operation out.  Otherwise it fails with this, after a part of it if *partly. */
static int
fault(Memdisk *disk, MemdiskOperation operation, bool *partly)
{
	*partly = false;
	if (disk->crashed)
		return -EIO;
	disk->counts[MEMDISK_ANY]++;
	disk->counts[operation]++;
	if (disk->crash_countdown > 0 && --disk->crash_countdown == 0)
	{
		disk->crashed = true;
		*partly = random_below(disk, 2) == 1;
		return -EIO;
	}
	if (disk->fail_countdown > 0 &&
		(disk->fail_operation == MEMDISK_ANY || disk->fail_operation == operation) &&
		--disk->fail_countdown == 0)
	{
		*partly = operation == MEMDISK_WRITE;
		return -disk->fail_error;
	}
	return 0;
}

/* Is one of the bytes in a bad block? */
static bool
meets_bad_block(Memdisk *disk, const File *file, uint64_t offset, size_t length)
{
	for (size_t i = 0; i < file->bad_block_count; i++)
		if (file->bad_blocks[i] * MEMDISK_BLOCK_BYTES < offset + length &&
			(file->bad_blocks[i] + 1) * MEMDISK_BLOCK_BYTES > offset)
		{
			disk->spoiled_count++;
			return true;
		}
	return false;
}

/* Bad blocks that a write covers become good. */
static void
heal_covered(File *file, uint64_t offset, size_t length)
{
	for (size_t i = file->bad_block_count; i > 0; i--)
		if (file->bad_blocks[i - 1] * MEMDISK_BLOCK_BYTES >= offset &&
			(file->bad_blocks[i - 1] + 1) * MEMDISK_BLOCK_BYTES <= offset + length)
			file->bad_blocks[i - 1] = file->bad_blocks[--file->bad_block_count];
}

/* ---- the table ---- */

static int
new_handle(Memdisk *disk, int64_t value)
{
	for (int i = 0; i < HANDLES_MAX; i++)
		if (disk->handles[i] == 0)
		{
			disk->handles[i] = value;
			return i;
		}
	return -EMFILE;
}

static File *
file_of(Memdisk *disk, int handle, size_t *number)
{
	if (handle < 0 || handle >= HANDLES_MAX || disk->handles[handle] <= 0)
		abort();
	*number = (size_t) disk->handles[handle] - 1;
	return &disk->files[*number];
}

static int
memdisk_open(void *ctx, const char *name, LogIoOpenMode mode)
{
	Memdisk *disk = ctx;
	const Name *found = find_name(&disk->seen, name);
	bool partly;
	int error;

	if (disk->crashed)
		return -EIO;
	if (mode != LOG_IO_CREATE)
		return found ? new_handle(disk, (int64_t) found->file + 1) : -ENOENT;
	if (found)
		return -EEXIST;
	error = fault(disk, MEMDISK_OTHER, &partly);
	if (error == 0 || partly)
		change_directory(disk, "", name, add_file(disk));
	return error < 0 ? error : new_handle(disk, (int64_t) disk->file_count);
}

static int
memdisk_close(void *ctx, int handle)
{
	Memdisk *disk = ctx;

	if (handle < 0 || handle >= HANDLES_MAX || disk->handles[handle] == 0)
		return disk->crashed ? -EIO : -EBADF;
	if (disk->handles[handle] == LOCK_FILE)
		disk->locked = false;
	disk->handles[handle] = 0;
	return 0;
}

static int64_t
memdisk_read(void *ctx, int handle, void *buffer, size_t length, uint64_t offset)
{
	Memdisk *disk = ctx;
	const File *file;
	size_t number;

	if (disk->crashed)
		return -EIO;
	file = file_of(disk, handle, &number);
	if (offset >= file->seen.length)
		return 0;
	if (length > file->seen.length - offset)
		length = file->seen.length - offset;
	if (disk->short_io && length > 1)
		length = 1 + random_below(disk, length);
	if (meets_bad_block(disk, file, offset, length))
		return -EIO;
	memcpy(buffer, file->seen.data + offset, length);
	return (int64_t) length;
}

static int64_t
memdisk_write(void *ctx, int handle, const void *buffer, size_t length, uint64_t offset)
{
	Memdisk *disk = ctx;
	size_t number;
	bool partly;
	int error = fault(disk, MEMDISK_WRITE, &partly);

	if (error < 0 && !partly)
		return error;
	if (!has_room(disk, file_of(disk, handle, &number), offset + length))
		return -ENOSPC;
	if (error < 0)
	{
		add_write(disk, number, offset, buffer, random_below(disk, length + 1));
		return error;
	}
	if (disk->short_io && length > 1)
		length = 1 + random_below(disk, length);
	heal_covered(&disk->files[number], offset, length);
	if (meets_bad_block(disk, &disk->files[number], offset, length))
		return -EIO;
	add_write(disk, number, offset, buffer, length);
	return (int64_t) length;
}

static int
memdisk_reserve(void *ctx, int handle, uint64_t length)
{
	Memdisk *disk = ctx;
	size_t number;
	bool partly;
	int error = fault(disk, MEMDISK_OTHER, &partly);
	File *file;

	if (error < 0)
		return error;
	file = file_of(disk, handle, &number);
	if (!has_room(disk, file, length))
		return -ENOSPC;
	if (length > file->seen.length)
		resize(&file->seen, length);
	return 0;
}

static int64_t
memdisk_size(void *ctx, int handle)
{
	Memdisk *disk = ctx;
	size_t number;

	return disk->crashed ? -EIO : (int64_t) file_of(disk, handle, &number)->seen.length;
}

static int
memdisk_sync_data(void *ctx, int handle)
{
	Memdisk *disk = ctx;
	size_t number;
	bool partly;
	int error = fault(disk, MEMDISK_SYNC_DATA, &partly);

	if (disk->crashed)
		return error;
	if (error < 0)
		forget_pending(file_of(disk, handle, &number));
	else
		make_durable(file_of(disk, handle, &number));
	return error;
}

static int
memdisk_sync_directory(void *ctx)
{
	Memdisk *disk = ctx;
	bool partly;
	int error = fault(disk, MEMDISK_SYNC_DIRECTORY, &partly);

	if (error < 0)
		return error;
	copy_directory(&disk->durable, &disk->seen);
	disk->change_count = 0;
	return 0;
}

static int
memdisk_rename(void *ctx, const char *old_name, const char *new_name)
{
	Memdisk *disk = ctx;
	bool partly;
	int error = fault(disk, MEMDISK_OTHER, &partly);

	if (error < 0 && !partly)
		return error;
	if (!find_name(&disk->seen, old_name))
		return -ENOENT;
	change_directory(disk, old_name, new_name, 0);
	return error;
}

static int
memdisk_unlink(void *ctx, const char *name)
{
	Memdisk *disk = ctx;
	bool partly;
	int error;

	if (disk->crashed)
		return -EIO;
	if (!find_name(&disk->seen, name))
		return -ENOENT;
	error = fault(disk, MEMDISK_OTHER, &partly);
	if (error == 0 || partly)
		change_directory(disk, name, "", 0);
	return error;
}

static int
memdisk_list(void *ctx, LogIoListCallback callback, void *callback_ctx)
{
	Memdisk *disk = ctx;
	Directory listed = {0};
	int result = disk->crashed ? -EIO : 0;

	copy_directory(&listed, &disk->seen);
	for (size_t i = 0; i < listed.count && result == 0; i++)
		result = callback(callback_ctx, listed.names[i].name);
	free(listed.names);
	return result;
}

static int
memdisk_lock(void *ctx, const char *name)
{
	Memdisk *disk = ctx;

	(void) name;
	if (disk->crashed)
		return -EIO;
	if (disk->locked)
		return -EWOULDBLOCK;
	disk->locked = true;
	return new_handle(disk, LOCK_FILE);
}

static int
memdisk_identify(void *ctx, LogIoIdentity *identity)
{
	*identity = ((Memdisk *) ctx)->identity;
	return 0;
}

/* ---- crashes ---- */

/* Each sector keeps the first few of the writes to it, how many is random. */
static void
keep_some_sectors(Memdisk *disk, File *file)
{
	size_t sectors = file->seen.length / SECTOR_BYTES + 1;
	uint32_t *left = must(calloc(sectors, sizeof(*left)));

	for (size_t i = 0; i < file->pending_count; i++)
		for (size_t s = file->pending[i].offset / SECTOR_BYTES;
			 s <= (file->pending[i].offset + file->pending[i].length - 1) / SECTOR_BYTES; s++)
			left[s]++;
	for (size_t s = 0; s < sectors; s++)
		left[s] = (uint32_t) random_below(disk, (uint64_t) left[s] + 1);
	for (size_t i = 0; i < file->pending_count; i++)
	{
		const PendingWrite *write = &file->pending[i];
		uint64_t end = write->offset + write->length;

		for (uint64_t from = write->offset, to; from < end; from = to)
		{
			to = (from / SECTOR_BYTES + 1) * SECTOR_BYTES;
			if (to > end)
				to = end;
			if (left[from / SECTOR_BYTES] == 0)
				continue;
			left[from / SECTOR_BYTES]--;
			put(&file->durable, from, write->data + (from - write->offset), to - from);
		}
	}
	free(left);
}

static void
keep_some_changes(Memdisk *disk)
{
	bool any_subset = random_below(disk, 2) == 1;
	size_t kept = random_below(disk, disk->change_count + 1);

	for (size_t i = 0; i < disk->change_count; i++)
		if (any_subset ? random_below(disk, 2) == 1 : i < kept)
			apply_change(&disk->durable, &disk->changes[i]);
}

/* The machine comes up with what is durable. */
static void
come_up(Memdisk *disk)
{
	for (size_t i = 0; i < disk->file_count; i++)
	{
		File *file = &disk->files[i];

		forget_pending(file);
		resize(&file->seen, file->durable.length);
		put(&file->seen, 0, file->durable.data, file->durable.length);
	}
	copy_directory(&disk->seen, &disk->durable);
	disk->change_count = 0;
}

static void
void_handles(Memdisk *disk)
{
	memset(disk->handles, 0, sizeof(disk->handles));
	disk->locked = false;
	disk->crashed = false;
	disk->crash_countdown = 0;
	disk->fail_countdown = 0;
}

void
memdisk_restart(Memdisk *disk, MemdiskCrash crash)
{
	void_handles(disk);
	if (crash == MEMDISK_KEEP_ALL)
		return;
	if (crash == MEMDISK_LOSE_SOME)
	{
		for (size_t i = 0; i < disk->file_count; i++)
			keep_some_sectors(disk, &disk->files[i]);
		keep_some_changes(disk);
	}
	come_up(disk);
}

bool
memdisk_restart_torn(Memdisk *disk, size_t bytes)
{
	File *last = disk->file_count > 0 ? &disk->files[disk->last_written] : NULL;

	if (!last || last->pending_count == 0 || last->pending[last->pending_count - 1].length <= bytes)
		return false;
	last->pending[last->pending_count - 1].length = bytes;
	void_handles(disk);
	for (size_t i = 0; i < disk->file_count; i++)
		make_durable(&disk->files[i]);
	copy_directory(&disk->durable, &disk->seen);
	come_up(disk);
	return true;
}

/* ---- making and asking ---- */

static void
fill_table(Memdisk *disk)
{
	disk->io = (LogIo){
		.ctx = disk,
		.open = memdisk_open,
		.close = memdisk_close,
		.read = memdisk_read,
		.write = memdisk_write,
		.reserve = memdisk_reserve,
		.size = memdisk_size,
		.sync_data = memdisk_sync_data,
		.sync_directory = memdisk_sync_directory,
		.rename = memdisk_rename,
		.unlink = memdisk_unlink,
		.list = memdisk_list,
		.lock = memdisk_lock,
		.identify = memdisk_identify,
	};
}

Memdisk *
memdisk_create(uint64_t seed)
{
	Memdisk *disk = must(calloc(1, sizeof(*disk)));

	disk->random_state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	disk->identity = (LogIoIdentity){.device = 1, .inode = next_inode++};
	fill_table(disk);
	return disk;
}

void
memdisk_free(Memdisk *disk)
{
	for (size_t i = 0; i < disk->file_count; i++)
	{
		forget_pending(&disk->files[i]);
		free(disk->files[i].seen.data);
		free(disk->files[i].durable.data);
		free(disk->files[i].bad_blocks);
	}
	free(disk->files);
	free(disk->seen.names);
	free(disk->durable.names);
	free(disk->changes);
	free(disk);
}

const LogIo *
memdisk_io(Memdisk *disk)
{
	return &disk->io;
}

Memdisk *
memdisk_copy(const Memdisk *disk)
{
	Memdisk *copy = memdisk_create(disk->random_state);

	for (size_t i = 0; i < disk->seen.count; i++)
	{
		const Bytes *content = &disk->files[disk->seen.names[i].file].seen;
		size_t file = add_file(copy);

		put(&copy->files[file].seen, 0, content->data, content->length);
		put(&copy->files[file].durable, 0, content->data, content->length);
		set_name(&copy->seen, disk->seen.names[i].name, file);
		set_name(&copy->durable, disk->seen.names[i].name, file);
	}
	return copy;
}

uint64_t
memdisk_count(const Memdisk *disk, MemdiskOperation operation)
{
	return disk->counts[operation];
}

void
memdisk_fail_at(Memdisk *disk, MemdiskOperation operation, uint64_t nth, int error)
{
	disk->fail_operation = operation;
	disk->fail_countdown = nth;
	disk->fail_error = error;
}

void
memdisk_set_capacity(Memdisk *disk, uint64_t bytes)
{
	disk->capacity = bytes;
}

void
memdisk_set_short_io(Memdisk *disk, bool short_io)
{
	disk->short_io = short_io;
}

void
memdisk_crash_at(Memdisk *disk, uint64_t nth)
{
	disk->crash_countdown = nth;
}

bool
memdisk_crashed(const Memdisk *disk)
{
	return disk->crashed;
}

bool
memdisk_rot(Memdisk *disk, const char *name, uint64_t offset, uint8_t flip)
{
	const Name *found = find_name(&disk->durable, name);
	File *file = found ? &disk->files[found->file] : NULL;

	if (!file || offset >= file->durable.length)
		return false;
	file->durable.data[offset] ^= flip;
	file->seen.data[offset] ^= flip;
	return true;
}

bool
memdisk_spoil(Memdisk *disk, const char *name, uint64_t offset)
{
	const Name *found = find_name(&disk->seen, name);
	File *file = found ? &disk->files[found->file] : NULL;

	if (!file || offset >= file->seen.length)
		return false;
	file->bad_blocks = must(
		realloc(file->bad_blocks, (file->bad_block_count + 1) * sizeof(*file->bad_blocks)));
	file->bad_blocks[file->bad_block_count++] = offset / MEMDISK_BLOCK_BYTES;
	return true;
}

void
memdisk_unspoil(Memdisk *disk)
{
	for (size_t i = 0; i < disk->file_count; i++)
		disk->files[i].bad_block_count = 0;
}

uint64_t
memdisk_spoiled_count(const Memdisk *disk)
{
	return disk->spoiled_count;
}

bool
memdisk_file_size(const Memdisk *disk, const char *name, uint64_t *size)
{
	const Name *found = find_name(&disk->seen, name);

	if (found)
		*size = disk->files[found->file].seen.length;
	return found != NULL;
}

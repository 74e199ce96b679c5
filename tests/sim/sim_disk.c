/*
 * sim_disk.c
 *		See sim_disk.h.
 */
#include "sim/sim_disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim_payload.h"
#include "sim/sim_util.h"

#define SECTOR_BYTES 512
#define WRITE_US 8 /* a write into the operating system's cache */
#define SYNC_MIN_US 80
#define SYNC_HUNG_US 300000 /* from here on a sync counts as hung */
#define WHOLE_FILE_MAX (1u << 30)

/* ---- what passes through ---- */

/* A failure is one that was injected: nothing else makes the simulated disk fail a change. */
static void
note_failure(SimDisk *disk, int64_t result, SimFault fault)
{
	if (result >= 0)
		return;
	disk->disturbed = true;
	if (memdisk_crashed(disk->memory))
		return;
	disk->hooks.fault(disk->hooks.context, result == -ENOSPC ? SIM_FAULT_disk_full : fault);
}

static int
disk_open(void *ctx, const char *name, LogIoOpenMode mode)
{
	SimDisk *disk = ctx;
	int handle = disk->below.open(disk->below.ctx, name, mode);

	if (handle >= 0 && handle < SIM_DISK_HANDLES)
	{
		disk->dirty[handle] = (SimDirty){.high = 0};
		snprintf(disk->dirty[handle].name, SIM_DISK_NAME_BYTES, "%s", name);
	}
	if (mode == LOG_IO_CREATE && handle != -EEXIST)
		note_failure(disk, handle, SIM_FAULT_write_failed);
	return handle;
}

static int
disk_close(void *ctx, int handle)
{
	SimDisk *disk = ctx;

	return disk->below.close(disk->below.ctx, handle);
}

static int64_t
disk_read(void *ctx, int handle, void *buffer, size_t length, uint64_t offset)
{
	SimDisk *disk = ctx;

	return disk->below.read(disk->below.ctx, handle, buffer, length, offset);
}

static int64_t
disk_write(void *ctx, int handle, const void *buffer, size_t length, uint64_t offset)
{
	SimDisk *disk = ctx;
	int64_t done = disk->below.write(disk->below.ctx, handle, buffer, length, offset);
	SimDirty *dirty = handle >= 0 && handle < SIM_DISK_HANDLES ? &disk->dirty[handle] : NULL;

	disk->hooks.spend(disk->hooks.context, WRITE_US);
	if (dirty && dirty->high == 0)
		dirty->low = offset;
	if (dirty && offset < dirty->low)
		dirty->low = offset;
	if (dirty && offset + length > dirty->high)
		dirty->high = offset + length;
	if (done >= 0 && (size_t) done < length)
		disk->hooks.fault(disk->hooks.context, SIM_FAULT_write_short);
	note_failure(disk, done, SIM_FAULT_write_failed);
	return done;
}

static int
disk_reserve(void *ctx, int handle, uint64_t length)
{
	SimDisk *disk = ctx;
	int result = disk->below.reserve(disk->below.ctx, handle, length);

	note_failure(disk, result, SIM_FAULT_write_failed);
	return result;
}

static int64_t
disk_size(void *ctx, int handle)
{
	SimDisk *disk = ctx;

	return disk->below.size(disk->below.ctx, handle);
}

/* ---- durability ---- */

/* Reads as much of the range as there is, zeros where it cannot be read; returns the number of bytes. */
static size_t
read_range(const SimDisk *disk, int handle, uint8_t *bytes, size_t length, uint64_t offset)
{
	size_t done = 0;

	while (done < length)
	{
		size_t piece = MEMDISK_BLOCK_BYTES - (offset + done) % MEMDISK_BLOCK_BYTES;
		int64_t count;

		if (piece > length - done)
			piece = length - done;
		count = disk->below.read(disk->below.ctx, handle, bytes + done, piece, offset + done);

		if (count == -EIO)
		{
			memset(bytes + done, 0, piece);
			count = (int64_t) piece;
		}
		if (count <= 0)
			break;
		done += (size_t) count;
	}
	return done;
}

/* Searches bytes of a file for payloads; what is found is durable. */
static void
search_file(SimDisk *disk, int handle, uint64_t low, uint64_t high)
{
	uint8_t *bytes = sim_allocate(high - low);
	size_t length = read_range(disk, handle, bytes, high - low, low);

	sim_payload_search(bytes, length,
					   &(SimPayloadFound){disk->hooks.context, disk->hooks.durable,
										  disk->hooks.durable_membership});
	free(bytes);
}

static int64_t
sync_time_us(SimDisk *disk)
{
	int64_t us = sim_random_between(disk->random, SYNC_MIN_US, disk->sync_max_us) + disk->hang_us;

	disk->hang_us = 0;
	if (us >= SYNC_HUNG_US)
		disk->hooks.fault(disk->hooks.context, SIM_FAULT_sync_hung);
	return us;
}

static int
disk_sync_data(void *ctx, int handle)
{
	SimDisk *disk = ctx;
	int result = disk->below.sync_data(disk->below.ctx, handle);
	SimDirty *dirty = handle >= 0 && handle < SIM_DISK_HANDLES ? &disk->dirty[handle] : NULL;

	disk->hooks.spend(disk->hooks.context, sync_time_us(disk));
	note_failure(disk, result, SIM_FAULT_sync_failed);
	if (result == 0 && dirty && dirty->high > 0)
	{
		uint64_t before = dirty->low < SIM_PAYLOAD_BYTES_MAX ? dirty->low : SIM_PAYLOAD_BYTES_MAX;

		search_file(disk, handle, dirty->low - before, dirty->high);
		dirty->high = 0;
	}
	return result;
}

static int
disk_sync_directory(void *ctx)
{
	SimDisk *disk = ctx;
	int result = disk->below.sync_directory(disk->below.ctx);

	disk->hooks.spend(disk->hooks.context, sync_time_us(disk));
	note_failure(disk, result, SIM_FAULT_sync_failed);
	return result;
}

static int
disk_rename(void *ctx, const char *old_name, const char *new_name)
{
	SimDisk *disk = ctx;
	int result = disk->below.rename(disk->below.ctx, old_name, new_name);

	note_failure(disk, result, SIM_FAULT_write_failed);
	return result;
}

static int
disk_unlink(void *ctx, const char *name)
{
	SimDisk *disk = ctx;
	int result = disk->below.unlink(disk->below.ctx, name);

	if (result != -ENOENT)
		note_failure(disk, result, SIM_FAULT_write_failed);
	return result;
}

static int
disk_list(void *ctx, LogIoListCallback callback, void *callback_ctx)
{
	SimDisk *disk = ctx;

	return disk->below.list(disk->below.ctx, callback, callback_ctx);
}

static int
disk_lock(void *ctx, const char *name)
{
	SimDisk *disk = ctx;

	return disk->below.lock(disk->below.ctx, name);
}

static int
disk_identify(void *ctx, LogIoIdentity *identity)
{
	SimDisk *disk = ctx;

	return disk->below.identify(disk->below.ctx, identity);
}

void
sim_disk_init(SimDisk *disk, SimRandom *random, int64_t sync_max_us, const SimDiskHooks *hooks)
{
	memset(disk, 0, sizeof(SimDisk));
	disk->memory = memdisk_create(sim_random_next(random));
	disk->below = *memdisk_io(disk->memory);
	disk->random = random;
	disk->hooks = *hooks;
	disk->sync_max_us = sync_max_us;
	disk->io = (LogIo){
		.ctx = disk,
		.open = disk_open,
		.close = disk_close,
		.read = disk_read,
		.write = disk_write,
		.reserve = disk_reserve,
		.size = disk_size,
		.sync_data = disk_sync_data,
		.sync_directory = disk_sync_directory,
		.rename = disk_rename,
		.unlink = disk_unlink,
		.list = disk_list,
		.lock = disk_lock,
		.identify = disk_identify,
	};
}

void
sim_disk_free(SimDisk *disk)
{
	memdisk_free(disk->memory);
}

void
sim_disk_revive(SimDisk *disk)
{
	disk->disturbed = false;
	memset(disk->dirty, 0, sizeof(disk->dirty));
}

bool
sim_disk_crashed(const SimDisk *disk)
{
	return memdisk_crashed(disk->memory);
}

bool
sim_disk_disturbed(const SimDisk *disk)
{
	return disk->disturbed || memdisk_crashed(disk->memory);
}

/* ---- crashes ---- */

/* The bytes of a file that a crash may touch; `bytes` is NULL if there are none. */
typedef struct Sample
{
	uint8_t *bytes;
	size_t length;
} Sample;

static Sample
take_sample(SimDisk *disk, const SimDirty *dirty)
{
	Sample sample = {0};
	int handle;

	if (dirty->high == 0)
		return sample;
	handle = disk->below.open(disk->below.ctx, dirty->name, LOG_IO_READ);
	if (handle < 0)
		return sample;
	sample.length = dirty->high - dirty->low;
	sample.bytes = sim_allocate(sample.length);
	read_range(disk, handle, sample.bytes, sample.length, dirty->low);
	disk->below.close(disk->below.ctx, handle);
	return sample;
}

/* Counts what the loss of power really did to one dirty range. */
static void
compare_samples(SimDisk *disk, const Sample *written, const Sample *left)
{
	size_t lost = 0;
	size_t kept = 0;

	for (size_t at = 0; at < written->length; at += SECTOR_BYTES)
	{
		size_t length = written->length - at < SECTOR_BYTES ? written->length - at : SECTOR_BYTES;

		if (left->bytes && memcmp(written->bytes + at, left->bytes + at, length) == 0)
			kept++;
		else
			lost++;
	}
	if (lost > 0)
		disk->hooks.fault(disk->hooks.context, SIM_FAULT_unsynced_lost);
	if (lost > 0 && kept > 0)
		disk->hooks.fault(disk->hooks.context, SIM_FAULT_write_torn);
}

static int
search_whole_file(void *ctx, const char *name)
{
	SimDisk *disk = ctx;
	int handle = disk->below.open(disk->below.ctx, name, LOG_IO_READ);
	int64_t size;

	if (handle < 0)
		return 0;
	size = disk->below.size(disk->below.ctx, handle);
	if (size > 0 && size < WHOLE_FILE_MAX)
		search_file(disk, handle, 0, (uint64_t) size);
	disk->below.close(disk->below.ctx, handle);
	return 0;
}

/* The first restart loses nothing: it makes the crashed disk readable, to see what is lost by the second. */
static void
lose_power(SimDisk *disk, MemdiskCrash loss)
{
	Sample written[SIM_DISK_HANDLES];

	memdisk_restart(disk->memory, MEMDISK_KEEP_ALL);
	for (int i = 0; i < SIM_DISK_HANDLES; i++)
		written[i] = take_sample(disk, &disk->dirty[i]);
	memdisk_restart(disk->memory, loss);
	for (int i = 0; i < SIM_DISK_HANDLES; i++)
	{
		Sample left = take_sample(disk, &disk->dirty[i]);

		if (written[i].bytes)
			compare_samples(disk, &written[i], &left);
		free(written[i].bytes);
		free(left.bytes);
	}
	disk->below.list(disk->below.ctx, search_whole_file, disk);
}

void
sim_disk_crash(SimDisk *disk, bool power)
{
	if (power)
		lose_power(disk,
				   sim_random_chance(disk->random, 300000) ? MEMDISK_LOSE_ALL : MEMDISK_LOSE_SOME);
	else
		memdisk_restart(disk->memory, MEMDISK_KEEP_ALL);
}

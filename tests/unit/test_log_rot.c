/*
 * test_log_rot.c
 *		Damage that no crash explains: it is found, told apart from a torn write, and located.
 */
#include "support/memdisk.h"

#include "log/log.h"

#include <errno.h>

#include "unit/tap.h"

#define ENTRIES 60
#define ENTRY_BYTES 700

static const uint8_t cluster_id[LOG_CLUSTER_ID_BYTES] = "test cluster 01";
static const LogOptions small_segments = {.segment_bytes = 16384, .cache_bytes = 1};

/* Two groups, some segments, all synced, and proof of that in the last record. */
static Memdisk *
new_disk_with(uint8_t content)
{
	Memdisk *disk = memdisk_create(1);
	uint8_t payload[ENTRY_BYTES];
	Log *log = NULL;

	log_create(memdisk_io(disk), &small_segments, cluster_id, 1);
	log_open(&log, memdisk_io(disk), &small_segments);
	log_append_group(log, 1, "", 0);
	log_append_group(log, 2, "", 0);
	for (Lsn lsn = 1; lsn <= ENTRIES; lsn++)
	{
		memset(payload, (int) lsn + content, sizeof(payload));
		log_append_entry(log, 1 + lsn % 2, (lsn + 1) / 2, (Ballot){1, 1}, payload, ENTRY_BYTES);
		log_write(log);
		log_sync(log);
	}
	log_append_tick(log);
	if (log_write(log) != 0 || log_sync(log) != 0)
		abort();
	log_close(log);
	memdisk_restart(disk, MEMDISK_LOSE_ALL);
	return disk;
}

static Memdisk *
new_disk(void)
{
	return new_disk_with(0);
}

static bool
is_whole(Log *log)
{
	LogBuffer buffer = {0};
	LogEntry entry;
	bool whole = true;

	for (Lsn lsn = 1; lsn <= ENTRIES && whole; lsn++)
		whole = log_read_entry(log, 1 + lsn % 2, (lsn + 1) / 2, &buffer, &entry) == 0 &&
				entry.length == ENTRY_BYTES && ((const uint8_t *) entry.payload)[0] == lsn;
	log_buffer_free(&buffer);
	return whole;
}

/* One damaged byte: the log is refused, or it was a byte without meaning. */
static bool
found_or_harmless(const char *name, uint64_t offset, LogOpenStatus *status)
{
	Memdisk *disk = new_disk();
	Log *log = NULL;
	bool good;

	memdisk_rot(disk, name, offset, 0x10);
	*status = log_open(&log, memdisk_io(disk), &small_segments).status;
	good = *status != LOG_OPEN_OK || is_whole(log);
	if (!good)
		tap_note("%s, byte %d: opened, although entries are gone", name, (int) offset);
	if (log)
		log_close(log);
	memdisk_free(disk);
	return good;
}

static void
test_every_place(const char *name, int expected_found)
{
	bool good = true;
	int found = 0;
	int tried = 0;

	for (uint64_t offset = 0; offset < 16384 && good;)
	{
		LogOpenStatus status;
		bool in_header = offset < 64 || (offset >= 512 && offset < 700);

		good = found_or_harmless(name, offset, &status);
		tried++;
		if (status == LOG_OPEN_ROTTEN || status == LOG_OPEN_VERSION)
			found++;
		offset += in_header ? 1 : 97;
	}
	TAP_OK(good && found >= expected_found, "%s: %d of %d damaged bytes found, the others harmless",
		   name, found, tried);
}

static void
remove_file(Memdisk *disk, const char *name)
{
	const LogIo *io = memdisk_io(disk);

	if (io->unlink(io->ctx, name) != 0 || io->sync_directory(io->ctx) != 0)
		abort();
}

static LogOpenResult
open_and_close(Memdisk *disk)
{
	Log *log = NULL;
	LogOpenResult result = log_open(&log, memdisk_io(disk), &small_segments);

	if (result.status == LOG_OPEN_OK)
		log_close(log);
	return result;
}

static void
test_missing_segment(void)
{
	static const char *const names[] = {"0000000002.segment", "0000000003.segment"};

	for (int i = 0; i < 2; i++)
	{
		Memdisk *disk = new_disk();
		LogOpenResult result;

		remove_file(disk, names[i]);
		result = open_and_close(disk);
		TAP_IS_INT(result.status, LOG_OPEN_ROTTEN, "a missing segment is noticed");
		TAP_IS_INT((int64_t) result.damage.segment, 2 + i, "and named");
		memdisk_free(disk);
	}
}

/* A segment of another copy of this log, whole, with other content: as if backups were mixed. */
static void
test_foreign_segment(void)
{
	Memdisk *disk = new_disk();
	Memdisk *other = new_disk_with(1);
	const LogIo *from = memdisk_io(other);
	const LogIo *to = memdisk_io(disk);
	int source = from->open(from->ctx, "0000000002.segment", LOG_IO_READ);
	int target = to->open(to->ctx, "0000000002.segment", LOG_IO_WRITE);
	uint8_t bytes[16384];

	if (log_io_read_all(from, source, bytes, sizeof(bytes), 0) != 0 ||
		log_io_write_all(to, target, bytes, sizeof(bytes), 0) != 0)
		abort();
	TAP_IS_INT(open_and_close(disk).status, LOG_OPEN_ROTTEN,
			   "a segment that continues another one is noticed");
	memdisk_free(other);
	memdisk_free(disk);
}

static bool
names_lsn(const LogDamage *damage, GroupId group, Lsn lsn)
{
	for (uint32_t i = 0; i < damage->group_count; i++)
		if (damage->groups[i].group == group && lsn >= damage->groups[i].first_lsn &&
			lsn <= damage->groups[i].last_lsn)
			return true;
	return false;
}

/* Entry 10 (group 1, LSN 5) lies in the middle of the first segment, entry 58 in the last one. */
static void
test_located(void)
{
	Memdisk *disk = new_disk();
	LogOpenResult result;

	memdisk_rot(disk, "0000000001.segment", 512 + 10 * 744, 1);
	result = open_and_close(disk);
	TAP_OK(result.status == LOG_OPEN_ROTTEN && result.damage.segment == 1 &&
			   result.damage.begin_offset < 512 + 10 * 744 &&
			   result.damage.end_offset > 512 + 10 * 744,
		   "the damaged range is named");
	TAP_OK(result.damage.groups_complete && names_lsn(&result.damage, 1, 5),
		   "and whose entries lie there, by the segment's index");
	memdisk_free(disk);
}

static void
test_located_in_tail(void)
{
	Memdisk *disk = new_disk();
	LogOpenResult result;
	bool named = false;

	memdisk_rot(disk, "0000000003.segment", 3000, 1);
	result = open_and_close(disk);
	for (Lsn lsn = 1; lsn <= ENTRIES / 2; lsn++)
		named = named || names_lsn(&result.damage, 1, lsn) || names_lsn(&result.damage, 2, lsn);
	TAP_OK(result.status == LOG_OPEN_ROTTEN && result.damage.segment == 3 && named &&
			   !result.damage.groups_complete,
		   "in the last segment, by the gap in a group's entries");
	memdisk_free(disk);
}

#define MARKED_BYTE 0xEE

/* Offset of the first entry that consists of marked bytes. */
static uint64_t
find_marked(Memdisk *disk, const char *name)
{
	static const uint8_t marks[20] = {[0 ... 19] = MARKED_BYTE};
	const LogIo *io = memdisk_io(disk);
	uint8_t bytes[16384];
	int handle = io->open(io->ctx, name, LOG_IO_READ);
	uint8_t *found;

	if (log_io_read_all(io, handle, bytes, sizeof(bytes), 0) != 0)
		abort();
	io->close(io->ctx, handle);
	found = memmem(bytes, sizeof(bytes), marks, sizeof(marks));
	if (!found)
		abort();
	return (uint64_t) (found - bytes);
}

/* What a group held before a rebase is not missed; what it holds behind it is. */
static void
test_located_around_rebase(void)
{
	Memdisk *disk = new_disk();
	uint8_t payload[100];
	Log *log = NULL;
	LogOpenResult result;

	memset(payload, MARKED_BYTE, sizeof(payload));
	log_open(&log, memdisk_io(disk), &small_segments);
	for (Lsn lsn = ENTRIES / 2 + 1; lsn <= ENTRIES / 2 + 4; lsn++)
		log_append_entry(log, 1, lsn, (Ballot){1, 1}, payload, sizeof(payload));
	log_append_rebase(log, 1, 1000, (Ballot){2, 1});
	log_append_entry(log, 1, 1001, (Ballot){2, 1}, payload, sizeof(payload));
	if (log_write(log) != 0 || log_sync(log) != 0 || log_append_tick(log) != 0 ||
		log_write(log) != 0 || log_sync(log) != 0)
		abort();
	log_close(log);
	memdisk_restart(disk, MEMDISK_LOSE_ALL);
	memdisk_rot(disk, "0000000003.segment", find_marked(disk, "0000000003.segment"), 1);
	result = open_and_close(disk);
	TAP_OK(result.status == LOG_OPEN_ROTTEN && result.damage.segment == 3 &&
			   !names_lsn(&result.damage, 1, ENTRIES / 2 + 2) && !names_lsn(&result.damage, 1, 500),
		   "damage before a rebase loses nothing of that group");
	memdisk_free(disk);
}

static void
test_verify(void)
{
	Memdisk *disk = new_disk();
	Log *log = NULL;
	LogBuffer buffer = {0};
	LogEntry entry;
	LogDamage damage;
	uint64_t cursor = 0;

	log_open(&log, memdisk_io(disk), &small_segments);
	TAP_IS_INT(log_verify(log, &cursor, &damage), 0, "the first segment is good");
	TAP_IS_INT((int64_t) cursor, 1, "the next call takes the second");
	memdisk_rot(disk, "0000000001.segment", 512 + 10 * 744, 1);
	TAP_IS_INT(log_verify(log, &cursor, &damage), 0, "so is that one");
	TAP_IS_INT((int64_t) cursor, 0, "then it begins anew");
	TAP_IS_INT(log_verify(log, &cursor, &damage), -EBADMSG, "damage since then is found");
	TAP_OK(damage.segment == 1 && damage.groups_complete && damage.group_count == 1 &&
			   names_lsn(&damage, 1, 5),
		   "and located exactly");
	TAP_IS_INT(log_read_entry(log, 1, 5, &buffer, &entry), -EBADMSG,
			   "the damaged entry is not passed to anybody");
	TAP_IS_INT(log_read_entry(log, 1, 6, &buffer, &entry), 0, "its neighbour is");
	log_buffer_free(&buffer);
	log_close(log);
	memdisk_free(disk);
}

int
main(void)
{
	test_every_place("0000000001.segment", 150);
	test_every_place("0000000002.segment", 150);
	test_every_place("0000000003.segment", 150);
	test_missing_segment();
	test_foreign_segment();
	test_located();
	test_located_in_tail();
	test_located_around_rebase();
	test_verify();
	return tap_done();
}

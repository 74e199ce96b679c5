/*
 * test_log_rot.c
 *		Damage that no crash explains: it is found, told apart from a torn write, and takes payloads only.
 */
#include "support/memdisk.h"

#include "log/log.h"

#include <errno.h>

#include "unit/tap.h"

#define ENTRIES 60
#define ENTRY_BYTES 700

static const uint8_t cluster_id[LOG_CLUSTER_ID_BYTES] = "test cluster 01";
static const LogOptions small_segments = {.segment_bytes = 16384, .cache_bytes = 1};

static bool ends_with_delta;

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
	log_append_promise(log, 1, (Ballot){5, 1});
	log_append_promise(log, 2, (Ballot){5, 1});
	for (Lsn lsn = 1; lsn <= ENTRIES; lsn++)
	{
		memset(payload, (int) lsn + content, sizeof(payload));
		log_append_entry(log, 1 + lsn % 2, (lsn + 1) / 2, (Ballot){1, 1}, payload, ENTRY_BYTES);
		log_write(log);
		log_sync(log);
	}
	if (ends_with_delta)
		log_append_delta(log);
	log_write(log);
	log_sync(log);
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
has_entry(Log *log, Lsn lsn)
{
	LogBuffer buffer = {0};
	LogEntry entry;
	bool good = log_read_entry(log, 1 + lsn % 2, (lsn + 1) / 2, &buffer, &entry) == 0 &&
				entry.length == ENTRY_BYTES && ((const uint8_t *) entry.payload)[0] == lsn;

	log_buffer_free(&buffer);
	return good;
}

static bool
is_hole(const Log *log, GroupId group, Lsn lsn)
{
	LogHole hole;

	return log_next_hole(log, group, lsn, &hole) && hole.first_lsn == lsn &&
		   hole.ballot.round == 1 && hole.ballot.node == 1;
}

/* How many entries are holes; -1 if one is neither there nor a hole, or if a group's state is not what it was. */
static int
count_holes(Log *log)
{
	int holes = 0;

	for (GroupId group = 1; group <= 2; group++)
	{
		LogGroupState state = {0};

		if (!log_group_state(log, group, &state) || state.append_lsn != ENTRIES / 2 ||
			state.base_lsn != 0 || state.promised.round != 5)
			return -1;
	}
	for (Lsn lsn = 1; lsn <= ENTRIES; lsn++)
	{
		if (has_entry(log, lsn))
			continue;
		if (!is_hole(log, 1 + lsn % 2, (lsn + 1) / 2))
			return -1;
		holes++;
	}
	return holes;
}

/* What other members have fills the holes. */
static void
mend(Log *log)
{
	uint8_t payload[ENTRY_BYTES];

	for (Lsn lsn = 1; lsn <= ENTRIES; lsn++)
	{
		if (!is_hole(log, 1 + lsn % 2, (lsn + 1) / 2))
			continue;
		memset(payload, (int) lsn, sizeof(payload));
		if (log_append_entry_again(log, 1 + lsn % 2, (lsn + 1) / 2, (Ballot){1, 1}, payload,
								   ENTRY_BYTES) != 0)
			abort();
	}
	if (log_write(log) != 0 || log_sync(log) != 0)
		abort();
}

/* The log opens with the holes filled. */
static bool
stays_whole(Memdisk *disk)
{
	Log *log = NULL;
	bool whole;

	memdisk_restart(disk, MEMDISK_LOSE_ALL);
	if (log_open(&log, memdisk_io(disk), &small_segments).status != LOG_OPEN_OK)
		return false;
	whole = count_holes(log) == 0;
	log_close(log);
	return whole;
}

/*
 * One damaged byte: what is lost is known, and once it is filled it lasts; or the log is refused; or it was a byte
 * without meaning.
 */
static bool
survives(const char *name, uint64_t offset, LogOpenResult *result, int *holes)
{
	Memdisk *disk = new_disk();
	Log *log = NULL;
	bool good = true;

	*holes = 0;
	memdisk_rot(disk, name, offset, 0x10);
	*result = log_open(&log, memdisk_io(disk), &small_segments);
	if (log)
	{
		*holes = count_holes(log);
		good = *holes >= 0;
		if (*holes > 0)
			mend(log);
		log_close(log);
		good = good && stays_whole(disk);
	}
	if (!good)
		tap_note("%s, byte %d: opened, with %d holes", name, (int) offset, *holes);
	memdisk_free(disk);
	return good;
}

static void
test_every_place(const char *name, bool may_refuse, int expected_found)
{
	bool good = true;
	int found = 0;
	int refused = 0;
	int tried = 0;

	for (uint64_t offset = 0; offset < 16384 && good;)
	{
		LogOpenResult result;
		int holes;
		bool in_header = offset < 64 || (offset >= 512 && offset < 700);

		good = survives(name, offset, &result, &holes);
		tried++;
		found += result.status != LOG_OPEN_OK || result.damage_count > 0;
		refused += result.status != LOG_OPEN_OK;
		offset += in_header ? 1 : 97;
	}
	TAP_OK(good && found >= expected_found && (refused == 0 || may_refuse),
		   "%s: %d of %d damaged bytes found, the others harmless; %d led to a refusal", name,
		   found, tried, refused);
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
	Memdisk *disk = new_disk();
	Log *log = NULL;
	LogOpenResult result;

	remove_file(disk, "0000000002.segment");
	result = log_open(&log, memdisk_io(disk), &small_segments);
	TAP_OK(result.status == LOG_OPEN_OK && result.damage.segment == 2 && count_holes(log) > 15,
		   "a missing segment takes its entries only");
	mend(log);
	log_close(log);
	TAP_OK(stays_whole(disk), "which are filled");
	remove_file(disk, "0000000001.segment");
	TAP_OK(stays_whole(disk) == false, "the oldest one takes entries, too");
	memdisk_free(disk);

	disk = new_disk();
	remove_file(disk, "0000000003.segment");
	remove_file(disk, "0000000004.segment");
	result = open_and_close(disk);
	TAP_IS_INT(result.status, LOG_OPEN_ROTTEN, "a missing last segment is noticed");
	memdisk_free(disk);
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

/* Entry 10 (group 1, LSN 5) lies in the middle of the first segment. */
static void
test_located(void)
{
	Memdisk *disk = new_disk();
	Log *log = NULL;
	LogOpenResult result;

	memdisk_rot(disk, "0000000001.segment", 512 + 10 * 744, 1);
	result = log_open(&log, memdisk_io(disk), &small_segments);
	TAP_OK(result.status == LOG_OPEN_OK && result.damage.segment == 1 && result.damage_count == 1 &&
			   result.damage.begin_offset < 512 + 10 * 744 &&
			   result.damage.end_offset > 512 + 10 * 744,
		   "the damaged range is named");
	TAP_OK(log_is_damaged(log) && is_hole(log, 1, 5) && count_holes(log) == 1,
		   "and whose entry lay there");
	log_close(log);
	memdisk_free(disk);
}

/* Without a delta checkpoint behind it nobody knows what else the damage took. */
static void
test_refused_in_tail(void)
{
	Memdisk *disk;
	LogOpenResult result;

	ends_with_delta = false;
	disk = new_disk();
	memdisk_rot(disk, "0000000003.segment", 3000, 1);
	result = open_and_close(disk);
	TAP_OK(result.status == LOG_OPEN_ROTTEN && result.damage.segment == 3 &&
			   result.damage.begin_offset < 3000 && result.damage.end_offset > 3000,
		   "damage in the last segment that no checkpoint settles is refused");
	memdisk_free(disk);
	ends_with_delta = true;
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
	TAP_OK(damage.segment == 1 && is_hole(log, 1, 5) && count_holes(log) == 1,
		   "and the entry that it took");
	TAP_IS_INT(log_read_entry(log, 1, 5, &buffer, &entry), -EBADMSG,
			   "the damaged entry is not passed to anybody");
	TAP_IS_INT(log_read_entry(log, 1, 6, &buffer, &entry), 0, "its neighbour is");
	cursor = 0;
	TAP_IS_INT(log_verify(log, &cursor, &damage), 0, "what is known is not reported again");
	mend(log);
	TAP_OK(count_holes(log) == 0, "the hole is filled");
	log_buffer_free(&buffer);
	log_close(log);
	memdisk_free(disk);
}

/* ---- the end of a segment that was damaged ---- */

#define INDEXED_GROUPS 20

/*
 * A log of one segment: three times an entry of each group and a delta checkpoint, the second time at *middle; then
 * some ticks.  NULL if they need a second segment.
 */
static Memdisk *
new_indexed_disk(int ticks, uint32_t *middle)
{
	Memdisk *disk = memdisk_create(1);
	Log *log = NULL;
	bool is_one;

	log_create(memdisk_io(disk), &small_segments, cluster_id, 1);
	log_open(&log, memdisk_io(disk), &small_segments);
	for (GroupId group = 1; group <= INDEXED_GROUPS; group++)
		log_append_group(log, group, "", 0);
	for (Lsn lsn = 1; lsn <= 3; lsn++)
	{
		for (GroupId group = 1; group <= INDEXED_GROUPS; group++)
			log_append_entry(log, group, lsn, (Ballot){1, 1}, "0123456789", 10);
		log_append_delta(log);
		if (log_write(log) != 0 || log_sync(log) != 0)
			abort();
		if (lsn == 1)
			*middle = (uint32_t) (log_synced_place(log) % small_segments.segment_bytes);
	}
	for (int i = 0; i < ticks; i++)
		log_append_tick(log);
	if (log_write(log) != 0 || log_sync(log) != 0)
		abort();
	is_one = log_synced_place(log) / small_segments.segment_bytes == 1;
	log_close(log);
	memdisk_restart(disk, MEMDISK_LOSE_ALL);
	if (is_one)
		return disk;
	memdisk_free(disk);
	return NULL;
}

/*
 * The index of the segment takes the room that was left for it, although the groups were replaced by what a delta
 * checkpoint says of them.
 */
static void
test_index_after_damage(void)
{
	uint32_t middle;
	int ticks = 0;
	Memdisk *disk;
	Log *log = NULL;
	LogOpenResult result;

	while ((disk = new_indexed_disk(ticks, &middle)) != NULL)
	{
		memdisk_free(disk);
		ticks++;
	}
	disk = new_indexed_disk(ticks - 1, &middle);
	memdisk_rot(disk, "0000000001.segment", middle + 50, 1);
	result = log_open(&log, memdisk_io(disk), &small_segments);
	TAP_OK(result.status == LOG_OPEN_OK && result.damage_count == 1 &&
			   log_highest_hole(log, 1) == 2,
		   "a full segment has damage that a delta checkpoint settles");
	TAP_OK(log_append_tick(log) == 0 && log_append_tick(log) == 0 && log_write(log) == 0 &&
			   log_sync(log) == 0 && log_synced_place(log) / small_segments.segment_bytes == 2,
		   "its index fits behind the last record");
	log_close(log);
	result = log_open(&log, memdisk_io(disk), &small_segments);
	TAP_OK(result.status == LOG_OPEN_OK && result.damage_count == 1, "and the log opens again");
	log_close(log);
	memdisk_free(disk);
}

/* ---- parts of files that cannot be read ---- */

#define LAST_SEGMENT "0000000004.segment"
#define SPARE_SEGMENT "0000000005.segment"

static const char *
segment_file(uint64_t segment)
{
	static const char *const names[] = {"", "0000000001.segment", "0000000002.segment",
										"0000000003.segment", LAST_SEGMENT};

	return names[segment];
}

static Lsn
needs_nothing(void *ctx, GroupId group)
{
	(void) ctx;
	(void) group;
	return UINT64_MAX;
}

static int
take_any(void *ctx, const LogEntry *entry)
{
	(void) ctx;
	(void) entry;
	return 0;
}

#define BLOCKS (16384 / MEMDISK_BLOCK_BYTES)
/* The same log, gone on to the beginning of one more segment. */
static Memdisk *
new_disk_with_rest(void)
{
	Memdisk *disk = new_disk();
	Log *log = NULL;

	log_open(&log, memdisk_io(disk), &small_segments);
	while (log_synced_place(log) / small_segments.segment_bytes == 3)
		if (log_append_tick(log) != 0 || log_write(log) != 0 || log_sync(log) != 0)
			abort();
	log_close(log);
	memdisk_restart(disk, MEMDISK_LOSE_ALL);
	return disk;
}

/* The block of the last segment in which its records end. */
static uint32_t
last_block(void)
{
	Memdisk *disk = new_disk_with_rest();
	Log *log = NULL;
	uint64_t place;

	log_open(&log, memdisk_io(disk), &small_segments);
	place = log_synced_place(log);
	if (place / small_segments.segment_bytes != 4)
		abort();
	log_close(log);
	memdisk_free(disk);
	return (uint32_t) (place % small_segments.segment_bytes) / MEMDISK_BLOCK_BYTES;
}

static void
spoil(Memdisk *disk, const char *name, uint32_t block)
{
	if (!memdisk_spoil(disk, name, block * MEMDISK_BLOCK_BYTES))
		abort();
}

/* What opening a log brings whose block cannot be read; `refused`: it is to be refused until the block is back. */
static bool
survives_bad_block(const char *name, uint32_t block, bool refused, int *holes)
{
	Memdisk *disk = new_disk_with_rest();
	Log *log = NULL;
	LogOpenResult result;
	bool good;

	spoil(disk, name, block);
	result = log_open(&log, memdisk_io(disk), &small_segments);
	*holes = log ? count_holes(log) : 0;
	good = refused ? result.status == LOG_OPEN_UNREADABLE
				   : result.status == LOG_OPEN_OK && *holes >= 0 && result.damage_count >= 1;
	good = good && strcmp(segment_file(result.damage.segment), name) == 0 &&
		   result.damage.begin_offset < (block + 1) * MEMDISK_BLOCK_BYTES &&
		   result.damage.end_offset > block * MEMDISK_BLOCK_BYTES;
	if (log)
	{
		mend(log);
		log_close(log);
		good = good && stays_whole(disk);
	}
	memdisk_unspoil(disk);
	good = good && stays_whole(disk);
	memdisk_free(disk);
	return good;
}

static void
test_every_block(void)
{
	uint32_t end = last_block();

	for (uint32_t segment = 1; segment <= 4; segment++)
		for (uint32_t block = 0; block < BLOCKS; block++)
		{
			const char *name = segment_file(segment);
			bool is_end = segment == 4 && block == end;
			bool is_behind = segment == 4 && block > end;
			int holes;
			bool good = survives_bad_block(name, block, is_end, &holes);

			TAP_OK(good && (holes > 0) == (!is_end && !is_behind),
				   "block %d of %s cannot be read: %s, %d holes", (int) block, name,
				   is_end ? "refused until it can" : "opened", holes);
		}
}

static bool
is_unreadable(Memdisk *disk, const char *name, uint32_t block)
{
	const LogIo *io = memdisk_io(disk);
	int handle = io->open(io->ctx, name, LOG_IO_READ);
	uint8_t byte;
	bool unreadable = io->read(io->ctx, handle, &byte, 1, block * MEMDISK_BLOCK_BYTES) == -EIO;

	io->close(io->ctx, handle);
	return unreadable;
}

/* The rest of the segment is left alone: the log goes on in the next one, and the file is never used again. */
static void
test_goes_on_elsewhere(void)
{
	Memdisk *disk = new_disk_with_rest();
	Log *log = NULL;
	uint8_t payload[ENTRY_BYTES] = {0};
	uint64_t size;
	uint64_t met;

	spoil(disk, LAST_SEGMENT, BLOCKS - 1);
	TAP_IS_INT(log_open(&log, memdisk_io(disk), &small_segments).status, LOG_OPEN_OK,
			   "a bad block in the unused rest of the last segment");
	TAP_OK(is_unreadable(disk, LAST_SEGMENT, BLOCKS - 1), "is not written to");
	TAP_OK(!log_is_damaged(log) && log_synced_place(log) / small_segments.segment_bytes == 5,
		   "it takes nothing, and the next segment is begun");
	met = memdisk_spoiled_count(disk);
	for (Lsn lsn = 1; lsn <= 60; lsn++)
		log_append_entry(log, 1, ENTRIES / 2 + lsn, (Ballot){1, 1}, payload, ENTRY_BYTES);
	TAP_OK(log_write(log) == 0 && log_sync(log) == 0 && memdisk_spoiled_count(disk) == met,
		   "the log goes on, and never touches the bad block");
	log_append_group_drop(log, 1);
	log_append_group_drop(log, 2);
	TAP_OK(log_truncate(log, needs_nothing, NULL) > 2 &&
			   memdisk_file_size(disk, "0000000004.damaged", &size) &&
			   memdisk_spoiled_count(disk) == met,
		   "the segment is put aside when nobody needs it");
	log_close(log);
	memdisk_free(disk);
}

/* Nothing of what was written last can be read, or of what might show that it was synced. */
static void
test_newest_is_hidden(void)
{
	uint32_t end = last_block();
	Memdisk *disk = new_disk_with_rest();
	LogOpenResult result;
	Log *log = NULL;

	for (uint32_t block = 0; block < BLOCKS; block++)
		spoil(disk, LAST_SEGMENT, block);
	result = open_and_close(disk);
	TAP_OK(result.status == LOG_OPEN_UNREADABLE && result.damage.segment == 4,
		   "the last segment cannot be read at all: refused");
	memdisk_unspoil(disk);
	TAP_OK(stays_whole(disk), "until it can");
	memdisk_free(disk);

	disk = new_disk_with_rest();
	log_open(&log, memdisk_io(disk), &small_segments);
	log_append_promise(log, 1, (Ballot){6, 1});
	log_write(log);
	log_close(log);
	/* The promise is there but for its last bytes. */
	memdisk_restart_torn(disk, 30);
	TAP_IS_INT(open_and_close(disk).status, LOG_OPEN_OK, "a torn record is cut");
	memdisk_free(disk);

	disk = new_disk_with_rest();
	log = NULL;
	log_open(&log, memdisk_io(disk), &small_segments);
	log_append_promise(log, 1, (Ballot){6, 1});
	log_write(log);
	log_close(log);
	memdisk_restart_torn(disk, 30);
	spoil(disk, LAST_SEGMENT, end + 1);
	TAP_IS_INT(open_and_close(disk).status, LOG_OPEN_UNREADABLE,
			   "if what lies behind it cannot be read, it is not: that may say that it was synced");
	memdisk_free(disk);
}

/* A file that was made ahead of its use. */
static void
test_bad_spare(void)
{
	Memdisk *disk = new_disk_with_rest();
	Log *log = NULL;
	uint64_t size;

	log_open(&log, memdisk_io(disk), &small_segments);
	log_prepare(log, UINT32_MAX);
	log_close(log);
	if (!memdisk_file_size(disk, SPARE_SEGMENT, &size))
		abort();
	spoil(disk, SPARE_SEGMENT, 2);
	log = NULL;
	log_open(&log, memdisk_io(disk), &small_segments);
	TAP_OK(log && count_holes(log) == 0 && !memdisk_file_size(disk, SPARE_SEGMENT, &size),
		   "a spare with a bad block is not used");
	log_prepare(log, UINT32_MAX);
	log_append_promise(log, 1, (Ballot){6, 1});
	log_write(log);
	log_close(log);
	memdisk_restart_torn(disk, 30);
	spoil(disk, SPARE_SEGMENT, 0);
	TAP_IS_INT(
		open_and_close(disk).status, LOG_OPEN_UNREADABLE,
		"one whose beginning cannot be read may be in use, if the segment before it may be closed");
	memdisk_free(disk);
}

/* The first records of a segment are all that there is of it, and cannot be read. */
static void
test_begun_segment(void)
{
	Memdisk *disk = new_disk_with_rest();
	Log *log = NULL;
	LogOpenResult result;

	log_open(&log, memdisk_io(disk), &small_segments);
	while (log_synced_place(log) / small_segments.segment_bytes == 4)
		if (log_append_tick(log) != 0 || log_write(log) != 0 || log_sync(log) != 0)
			abort();
	log_append_promise(log, 1, (Ballot){7, 1});
	if (log_write(log) != 0 || log_sync(log) != 0)
		abort();
	log_close(log);
	memdisk_restart(disk, MEMDISK_LOSE_ALL);
	spoil(disk, SPARE_SEGMENT, 0);
	result = open_and_close(disk);
	TAP_OK(result.status == LOG_OPEN_UNREADABLE && result.damage.segment == 5,
		   "a segment that was just begun cannot be read: refused");
	memdisk_free(disk);
}

/* A running node meets a bad block. */
static void
test_read_of_bad_block(void)
{
	Memdisk *disk = new_disk_with_rest();
	Log *log = NULL;
	LogBuffer buffer = {0};
	LogEntry entry;

	log_open(&log, memdisk_io(disk), &small_segments);
	spoil(disk, "0000000001.segment", 1);
	/* Entries 5 to 9 or so; the first one of the file is read with those behind it. */
	TAP_IS_INT(log_read_entry(log, 2, 1, &buffer, &entry), 0,
			   "an entry before a bad block is read");
	TAP_OK(log_read_entries(log, 2, 1, UINT64_MAX, take_any, NULL) >= 2,
		   "with all those that lie before it");
	TAP_IS_INT(log_read_entry(log, 2, 4, &buffer, &entry), -EBADMSG, "one in it is not");
	TAP_OK(count_holes(log) == 6 && log_failure(log) == 0,
		   "those that it touches are holes, all others are there");
	mend(log);
	TAP_OK(count_holes(log) == 0, "the holes are filled");
	log_close(log);
	TAP_OK(stays_whole(disk), "which lasts");
	log_buffer_free(&buffer);
	memdisk_free(disk);
}

static int (*open_below)(void *ctx, const char *name, LogIoOpenMode mode);

static int
open_too_many(void *ctx, const char *name, LogIoOpenMode mode)
{
	return strcmp(name, "0000000002.segment") == 0 ? -EMFILE : open_below(ctx, name, mode);
}

static int
open_bad_file(void *ctx, const char *name, LogIoOpenMode mode)
{
	return strcmp(name, "0000000002.segment") == 0 ? -EIO : open_below(ctx, name, mode);
}

/* No damage: what fails today may be there tomorrow, and nothing is wrong with the disk. */
static void
test_other_errors(void)
{
	Memdisk *disk = new_disk_with_rest();
	LogIo io = *memdisk_io(disk);
	Log *log = NULL;
	LogOpenResult result;

	open_below = io.open;
	io.open = open_too_many;
	result = log_open(&log, &io, &small_segments);
	TAP_OK(result.status == LOG_OPEN_FAILED && result.error == -EMFILE,
		   "an error of another kind is no damage");
	io.open = open_bad_file;
	result = log_open(&log, &io, &small_segments);
	TAP_OK(result.status == LOG_OPEN_OK && result.damage.segment == 2 && count_holes(log) > 15,
		   "a file that the disk cannot open is");
	log_close(log);
	memdisk_free(disk);
}

int
main(void)
{
	ends_with_delta = true;
	test_every_place("0000000001.segment", false, 150);
	test_every_place("0000000002.segment", false, 150);
	test_every_place("0000000003.segment", true, 150);
	test_missing_segment();
	test_foreign_segment();
	test_located();
	test_refused_in_tail();
	test_verify();
	test_index_after_damage();
	test_every_block();
	test_goes_on_elsewhere();
	test_newest_is_hidden();
	test_bad_spare();
	test_begun_segment();
	test_read_of_bad_block();
	test_other_errors();
	return tap_done();
}

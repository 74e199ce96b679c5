/*
 * test_log_move.c
 *		Entries that are appended again: where they lie then, over truncation, cuts, crashes and restarts.
 */
#include <errno.h>

#include "unit/log_helper.h"
#include "unit/tap.h"

#define STUCK 1 /* a group whose entries are needed for ever */
#define BUSY 2  /* one that writes and needs nothing back */
#define STUCK_ENTRIES 5

static const LogOptions small = {.segment_bytes = 16384, .cache_bytes = 1};
static const LogOptions limited = {.segment_bytes = 16384,
								   .cache_bytes = 1,
								   .max_bytes = 8 * 16384};
static const Ballot first = {1, 1};
static const Ballot second = {2, 2};

/* The group STUCK needs all from the LSN in `ctx` on. */
static Lsn
needed_from(void *ctx, GroupId group)
{
	return group == STUCK ? *(Lsn *) ctx : UINT64_MAX;
}

/* A log whose oldest segment holds entries of STUCK, the last two under another ballot, among many of BUSY. */
static Log *
stuck_log(Memdisk *disk, const LogOptions *options, Lsn busy_entries)
{
	Log *log = open_log(disk, options);

	log_append_group(log, STUCK, "members", 7);
	log_append_group(log, BUSY, "", 0);
	for (Lsn lsn = 1; lsn <= STUCK_ENTRIES; lsn++)
	{
		append_numbered(log, STUCK, lsn, lsn > STUCK_ENTRIES - 2 ? second : first, 100);
		append_numbered(log, BUSY, lsn, first, 200);
	}
	for (Lsn lsn = STUCK_ENTRIES + 1; lsn <= busy_entries; lsn++)
		append_numbered(log, BUSY, lsn, first, 1000);
	write_and_sync(log);
	return log;
}

/* Are the entries of STUCK there, from `lsn` on, as they were written? */
static bool
stuck_are_whole(Log *log, Lsn lsn)
{
	LogBuffer buffer = {0};
	LogEntry entry;
	bool whole = state_of(log, STUCK).append_lsn == STUCK_ENTRIES;

	for (; lsn <= STUCK_ENTRIES; lsn++)
		whole = whole && log_read_entry(log, STUCK, lsn, &buffer, &entry) == 0 &&
				is_numbered(&entry) && entry.lsn == lsn &&
				entry.ballot.round == (lsn > STUCK_ENTRIES - 2 ? 2 : 1);
	log_buffer_free(&buffer);
	return whole;
}

static int
count_entry(void *ctx, const LogEntry *entry)
{
	*(Lsn *) ctx += is_numbered(entry);
	return 0;
}

static void
test_move(void)
{
	Memdisk *disk = new_disk(31, &small);
	Log *log = stuck_log(disk, &small, 100);
	Lsn needed = 3;
	Lsn read = 0;

	TAP_IS_INT(log_truncate(log, needed_from, &needed), 0,
			   "needed entries keep the oldest segment");
	TAP_IS_INT(log_oldest_needed_bytes(log, needed_from, &needed), 3 * 144,
			   "three records of it are needed");
	TAP_IS_INT(log_move_oldest(log, needed_from, &needed, 200), 2,
			   "as many are moved as have so many bytes");
	TAP_IS_INT(log_truncate(log, needed_from, &needed), 0, "one keeps it as well");
	TAP_IS_INT(log_move_oldest(log, needed_from, &needed, 200), 1, "the last one is moved");
	TAP_OK(log_truncate(log, needed_from, &needed) > 3, "all segments before them are given up");
	TAP_OK(state_of(log, STUCK).base_lsn == 2 && state_of(log, BUSY).base_lsn > 70,
		   "the logs begin where nothing is left below");
	TAP_OK(stuck_are_whole(log, 3), "what was moved is read");
	TAP_OK(log_read_entries(log, STUCK, 3, 10000, count_entry, &read) == 3 && read == 3,
		   "... also in a row");
	log = reopen(log, disk, &small);
	TAP_OK(state_of(log, STUCK).base_lsn == 2 && stuck_are_whole(log, 3) &&
			   state_of(log, STUCK).run_count == 2 && state_of(log, STUCK).membership_length == 7,
		   "... and after a restart");
	append_numbered(log, STUCK, STUCK_ENTRIES + 1, second, 100);
	TAP_IS_INT(log_append_cut(log, STUCK, 4, second), 0, "a cut takes moved entries away");
	write_and_sync(log);
	log = reopen(log, disk, &small);
	TAP_OK(state_of(log, STUCK).append_lsn == 4 && state_of(log, STUCK).base_lsn == 2,
		   "... for good");
	log_close(log);
	memdisk_free(disk);
}

/* Part of a log lies in the order of its LSNs, part does not. */
static void
test_move_some(void)
{
	Memdisk *disk = new_disk(32, &small);
	Log *log = stuck_log(disk, &small, 40);
	Lsn needed = 1;
	uint64_t cursor = 0;
	LogDamage damage;

	TAP_IS_INT(log_move_oldest(log, needed_from, &needed, 1), 1, "the first entry alone is moved");
	for (Lsn lsn = STUCK_ENTRIES + 1; lsn <= 60; lsn++)
		append_numbered(log, STUCK, lsn, second, 1000);
	write_and_sync(log);
	TAP_IS_INT(log_truncate(log, needed_from, &needed), 0,
			   "those after it still keep the oldest segment");
	needed = STUCK_ENTRIES + 1;
	TAP_OK(log_truncate(log, needed_from, &needed) > 0 &&
			   state_of(log, STUCK).base_lsn == STUCK_ENTRIES,
		   "when they are not needed any more the moved one goes with them");
	do
		TAP_IS_INT(log_verify(log, &cursor, &damage), 0, "the log is sound");
	while (cursor != 0);
	log = reopen(log, disk, &small);
	TAP_OK(state_of(log, STUCK).base_lsn == STUCK_ENTRIES && state_of(log, STUCK).append_lsn == 60,
		   "a restart finds the same");
	log_close(log);
	memdisk_free(disk);
}

/* Power fails at any time around a move: the old place or the new one is there. */
static void
test_move_crashes(void)
{
	int crashed = 0;
	int wrong = 0;

	for (uint64_t seed = 1; seed <= 200; seed++)
	{
		Memdisk *disk = new_disk(seed, &small);
		Log *log = stuck_log(disk, &small, 30 + seed % 20);
		Lsn needed = 2;

		memdisk_crash_at(disk, 1 + seed % 12);
		log_move_oldest(log, needed_from, &needed, seed % 3 * 200);
		log_truncate(log, needed_from, &needed);
		log_move_oldest(log, needed_from, &needed, 4096);
		log_truncate(log, needed_from, &needed);
		crashed += memdisk_crashed(disk);
		log_close(log);
		memdisk_restart(disk, MEMDISK_LOSE_SOME);
		log = open_log(disk, &small);
		wrong += !log || !stuck_are_whole(log, 2);
		log_close(log);
		memdisk_free(disk);
	}
	TAP_OK(crashed > 100, "power fails in the middle of moving and giving up");
	TAP_IS_INT(wrong, 0, "whatever a crash leaves, each entry is there once");
}

/* The log is full, and what keeps it so is little. */
static void
test_move_when_full(void)
{
	Memdisk *disk = new_disk(33, &limited);
	Log *log = stuck_log(disk, &limited, STUCK_ENTRIES);
	Lsn lsn = STUCK_ENTRIES;
	Lsn needed = 1;

	while (append_numbered(log, BUSY, lsn + 1, first, 1000) == 0)
		lsn++;
	write_and_sync(log);
	TAP_OK(append_numbered(log, BUSY, lsn + 1, first, 1000) == LOG_FULL &&
			   log_truncate(log, needed_from, &needed) == 0,
		   "a log is full, and nothing can be given up");
	TAP_IS_INT(log_move_oldest(log, needed_from, &needed, 4096), STUCK_ENTRIES,
			   "even then there is room to move what is needed");
	TAP_OK(log_truncate(log, needed_from, &needed) > 0 &&
			   append_numbered(log, BUSY, lsn + 1, first, 1000) == 0,
		   "and the log has room again");
	TAP_OK(stuck_are_whole(log, 1), "nothing is lost");
	log_close(log);
	memdisk_free(disk);
}

int
main(void)
{
	test_move();
	test_move_some();
	test_move_crashes();
	test_move_when_full();
	return tap_done();
}

/*
 * test_log_fault.c
 *		The log when its last write is torn, when operations fail, and when the disk is full.
 */
#include "support/log_script.h"

#include <errno.h>

#include "unit/log_helper.h"
#include "unit/tap.h"

static const LogOptions small_segments = {.segment_bytes = 16384, .cache_bytes = 32768};
static const Ballot first = {1, 1};

/* Behind the header, the checkpoint's beginning, the group and entries 1 to 3 of append_some. */
#define ENTRY_4_OFFSET (512 + 56 + 48 + 104 + 120 + 128)

static Log *
new_log(Memdisk *disk)
{
	if (log_create(memdisk_io(disk), &small_segments, log_helper_cluster_id, 1) != 0)
		abort();
	return open_log(disk, &small_segments);
}

static Lsn
last_lsn(const Log *log)
{
	LogGroupState state = {0};

	log_group_state(log, 1, &state);
	return state.append_lsn;
}

static void
append_some(Log *log, Lsn from, Lsn to)
{
	uint8_t payload[200];

	for (Lsn lsn = from; lsn <= to; lsn++)
	{
		memset(payload, (int) lsn, sizeof(payload));
		if (log_append_entry(log, 1, lsn, first, payload, (uint32_t) (50 + lsn * 10)) != 0)
			abort();
	}
	if (log_write(log) != 0)
		abort();
}

/* Entries 1 to 3 are synced; of the write of 4 to 6 only the first bytes happen. */
static bool
survives_torn_write(size_t bytes, bool *torn)
{
	Memdisk *disk = memdisk_create(bytes);
	Log *log = new_log(disk);
	Lsn last = 0;
	bool good;

	log_append_group(log, 1, "", 0);
	append_some(log, 1, 3);
	log_sync(log);
	append_some(log, 4, 6);
	*torn = memdisk_restart_torn(disk, bytes);
	log_close(log);
	if (!*torn)
	{
		memdisk_free(disk);
		return true;
	}
	good = (log = open_log(disk, &small_segments)) != NULL;
	if (good)
	{
		/* The same entry again, as a leader would send it: nothing may appear behind it. */
		last = last_lsn(log);
		append_some(log, last + 1, last + 1);
		log_sync(log);
		log_close(log);
		memdisk_restart(disk, MEMDISK_LOSE_ALL);
		good = (log = open_log(disk, &small_segments)) != NULL && last >= 3 && last <= 6 &&
			   last_lsn(log) == last + 1;
	}
	if (log)
		log_close(log);
	memdisk_free(disk);
	return good;
}

static void
test_torn_write(void)
{
	size_t bytes = 0;
	bool torn = true;
	bool good = true;

	for (; torn && good; bytes++)
		good = survives_torn_write(bytes, &torn);
	TAP_OK(good && bytes > 400, "the last write torn after each of its %d bytes", (int) bytes - 1);
}

/*
 * Entry 4 of the last write did not reach the disk, 5 and 6 did. When the leader sends 4 once more,
 * the record is the same byte by byte, but 5 and 6 must not come back behind it.
 */
static void
test_leftovers_of_torn_write(void)
{
	Memdisk *disk = memdisk_create(1);
	Log *log = new_log(disk);
	LogOpenResult result;

	log_append_group(log, 1, "", 0);
	append_some(log, 1, 3);
	log_sync(log);
	append_some(log, 4, 6);
	log_sync(log);
	log_close(log);
	memdisk_rot(disk, "0000000001.segment", ENTRY_4_OFFSET + 60, 1);
	result = log_open(&log, memdisk_io(disk), &small_segments);
	TAP_OK(result.status == LOG_OPEN_OK && result.cut_records == 2 && last_lsn(log) == 3,
		   "whole records behind a torn one are cut off");
	append_some(log, 4, 4);
	log_sync(log);
	log_close(log);
	memdisk_restart(disk, MEMDISK_LOSE_ALL);
	log = open_log(disk, &small_segments);
	TAP_IS_INT(log ? (int64_t) last_lsn(log) : -1, 4, "and do not come back");
	log_close(log);
	memdisk_free(disk);
}

/* Opens, compares; then the power goes at once, and everything must still be there. */
static Log *
open_twice(Memdisk *disk, LogScript *script)
{
	const char *problem = NULL;
	Log *log = NULL;

	for (int i = 0; i < 2; i++)
	{
		if ((log = open_log(disk, &small_segments)) == NULL)
			return NULL;
		problem = log_script_check(script, log);
		if (problem)
			tap_note("%s: %s", i == 0 ? "first start" : "second start", problem);
		if (problem || i == 1)
			break;
		log_close(log);
		memdisk_restart(disk, MEMDISK_LOSE_ALL);
	}
	if (!problem)
		return log;
	log_close(log);
	return NULL;
}

/*
 * The nth operation fails. The user tries to go on, as far as the log lets him, then starts anew.
 * Returns false in *reached if there was no nth operation.
 */
static bool
survives_failure(MemdiskOperation operation, uint64_t nth, int error, MemdiskCrash crash,
				 bool *reached)
{
	Memdisk *disk = memdisk_create(nth);
	LogScript *script = log_script_create(nth % 7 + 1);
	Log *log = new_log(disk);
	uint64_t before = memdisk_count(disk, operation);
	bool good;

	log_script_check(script, log);
	memdisk_fail_at(disk, operation, nth, error);
	for (int i = 0; i < 4; i++)
		log_script_run(script, log, 15);
	*reached = memdisk_count(disk, operation) - before >= nth;
	memdisk_restart(disk, crash);
	log_close(log);
	good = (log = open_twice(disk, script)) != NULL && log_script_run(script, log, 15) == 0;
	if (log)
		log_close(log);
	if (!good)
		tap_note("operation %d fails", (int) nth);
	log_script_free(script);
	memdisk_free(disk);
	return good;
}

static void
test_failures(MemdiskOperation operation, int error, MemdiskCrash crash, const char *name)
{
	uint64_t nth = 0;
	bool reached = true;
	bool good = true;

	while (reached && good && nth < 200)
		good = survives_failure(operation, ++nth, error, crash, &reached);
	TAP_OK(good && nth > 5, "%s: each of %d fails", name, (int) nth - 1);
}

static void
test_poison(void)
{
	Memdisk *disk = memdisk_create(1);
	Log *log = new_log(disk);

	log_append_group(log, 1, "", 0);
	append_some(log, 1, 1);
	memdisk_fail_at(disk, MEMDISK_SYNC_DATA, 1, EIO);
	TAP_IS_INT(log_sync(log), -EIO, "a sync fails");
	TAP_IS_INT(log_sync(log), -EIO, "it is not tried again");
	TAP_IS_INT(log_append_tick(log), -EIO, "nothing is appended any more");
	TAP_IS_INT(log_write(log), -EIO, "nothing is written any more");
	TAP_OK(log_synced_position(log) < log_append_position(log), "nothing became durable by it");
	log_close(log);
	memdisk_free(disk);
}

static void
test_disk_full(void)
{
	Memdisk *disk = memdisk_create(2);
	Log *log = new_log(disk);
	uint8_t payload[1000] = {0};
	Lsn lsn = 1;
	int error;

	log_append_group(log, 1, "", 0);
	memdisk_set_capacity(disk, 50000);
	while ((error = log_append_entry(log, 1, lsn, first, payload, sizeof(payload))) == 0)
		lsn++;
	TAP_IS_INT(error, LOG_FULL, "a full disk refuses entries");
	TAP_IS_INT(log_append_promise(log, 1, (Ballot){9, 9}), 0, "but not promises");
	TAP_OK(log_write(log) == 0 && log_sync(log) == 0, "what was appended becomes durable");
	log_close(log);
	memdisk_restart(disk, MEMDISK_LOSE_ALL);
	log = open_log(disk, &small_segments);
	TAP_OK(log && last_lsn(log) == lsn - 1, "a node with a full disk starts");
	TAP_IS_INT(log_append_entry(log, 1, lsn, first, payload, sizeof(payload)), LOG_FULL,
			   "still full");
	memdisk_set_capacity(disk, 0);
	TAP_IS_INT(log_append_entry(log, 1, lsn, first, payload, sizeof(payload)), 0,
			   "with space come back, entries are taken again");
	log_close(log);
	memdisk_free(disk);
}

/* Until its identity is durable, a log does not exist; then it is whole. */
static void
test_crash_while_creating(void)
{
	bool good = true;
	uint64_t nth = 0;
	int error = -1;

	while (error != 0 && good && nth < 100)
	{
		Memdisk *disk = memdisk_create(nth);
		Log *log = NULL;
		LogOpenStatus status;

		memdisk_crash_at(disk, ++nth);
		error = log_create(memdisk_io(disk), &small_segments, log_helper_cluster_id, 1);
		memdisk_restart(disk, MEMDISK_LOSE_SOME);
		status = log_open(&log, memdisk_io(disk), &small_segments).status;
		if (status == LOG_OPEN_MISSING)
			good = error != 0 && (log = new_log(disk)) != NULL;
		else
			good = status == LOG_OPEN_OK;
		if (log)
			log_close(log);
		memdisk_free(disk);
	}
	TAP_OK(good && nth > 8, "crash at each of %d operations of making a log", (int) nth - 1);
}

int
main(void)
{
	test_torn_write();
	test_leftovers_of_torn_write();
	test_crash_while_creating();
	test_poison();
	test_disk_full();
	test_failures(MEMDISK_WRITE, EIO, MEMDISK_KEEP_ALL, "writes");
	test_failures(MEMDISK_WRITE, ENOSPC, MEMDISK_LOSE_SOME, "writes without space, then a crash");
	test_failures(MEMDISK_SYNC_DATA, EIO, MEMDISK_KEEP_ALL, "syncs");
	test_failures(MEMDISK_SYNC_DATA, EIO, MEMDISK_LOSE_SOME, "syncs, then a crash");
	test_failures(MEMDISK_SYNC_DIRECTORY, EIO, MEMDISK_LOSE_SOME, "syncs of the directory");
	test_failures(MEMDISK_OTHER, ENOSPC, MEMDISK_LOSE_SOME, "other operations");
	return tap_done();
}

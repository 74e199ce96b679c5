/*
 * test_log.c
 *		The log as its user sees it, on a disk that works: append, read, recover, truncate, verify.
 */
#include "support/log_script.h"

#include <errno.h>

#include "unit/log_helper.h"
#include "unit/tap.h"

static const LogOptions small = {.segment_bytes = 16384, .cache_bytes = 1};
static const Ballot first = {1, 1};

static void
test_recovers_everything(void)
{
	Memdisk *disk = new_disk(1, &small);
	Log *log = open_log(disk, &small);
	LogBuffer buffer = {0};
	LogEntry entry;
	LogGroupState state;
	uint32_t length;

	TAP_IS_INT(log_append_group(log, 5, "members", 7), 0, "open a group");
	TAP_IS_INT(log_append_promise(log, 5, (Ballot){3, 2}), 0, "promise");
	TAP_IS_INT(log_append_entry(log, 5, 1, (Ballot){3, 2}, "one", 3), 0, "first entry");
	TAP_IS_INT(log_append_entry(log, 5, 2, (Ballot){3, 2}, "", 0), 0, "an empty entry");
	TAP_IS_INT(log_append_entry(log, 5, 3, (Ballot){4, 1}, "three", 5), 0, "a new ballot");
	TAP_IS_INT(log_append_node(log, 9, "addresses", 9), 0, "a value of the node");
	TAP_IS_INT(log_append_node(log, 10, "gone", 4), 0, "another one");
	TAP_IS_INT(log_append_node(log, 10, "", 0), 0, "which is removed");
	TAP_IS_INT(write_and_sync(log), 0, "write and sync");
	TAP_OK(log_synced_position(log) == log_append_position(log), "everything is durable");
	log = reopen(log, disk, &small);
	state = state_of(log, 5);
	TAP_OK(state.append_lsn == 3 && state.base_lsn == 0 && state.run_count == 2 &&
			   state.runs[1].first_lsn == 3 && state.append_ballot.round == 4,
		   "LSNs and runs of ballots come back");
	TAP_OK(state.promised.round == 4 && state.promised.node == 1,
		   "an accepted entry is a promise of its ballot");
	TAP_OK(state.membership_length == 7 && memcmp(state.membership, "members", 7) == 0,
		   "the membership comes back");
	TAP_OK(log_read_entry(log, 5, 3, &buffer, &entry) == 0 && entry.length == 5 &&
			   entry.ballot.round == 4 && memcmp(entry.payload, "three", 5) == 0,
		   "an entry is read");
	TAP_IS_INT(log_read_entry(log, 5, 4, &buffer, &entry), -ENOENT, "no entry above the last");
	TAP_IS_INT(log_read_entry(log, 6, 1, &buffer, &entry), -ENOENT, "no entry of another group");
	TAP_OK(log_node_value(log, 9, &length) && length == 9, "the node's value comes back");
	TAP_OK(!log_node_value(log, 10, &length) && length == 0, "the removed one does not");
	log_buffer_free(&buffer);
	log_close(log);
	memdisk_free(disk);
}

static void
test_cut(void)
{
	Memdisk *disk = new_disk(2, &small);
	Log *log = open_log(disk, &small);
	LogBuffer buffer = {0};
	LogEntry entry;
	LogGroupState state;

	log_append_group(log, 1, "", 0);
	for (Lsn lsn = 1; lsn <= 6; lsn++)
		append_numbered(log, 1, lsn, (Ballot){lsn > 3 ? 2 : 1, 1}, 10);
	TAP_IS_INT(log_append_cut(log, 1, 4, (Ballot){5, 3}), 0, "cut");
	TAP_IS_INT(log_read_entry(log, 1, 5, &buffer, &entry), -ENOENT, "a cut entry is gone");
	TAP_IS_INT(log_append_entry(log, 1, 5, (Ballot){5, 3}, "new", 3), 0, "its LSN is used again");
	write_and_sync(log);
	log = reopen(log, disk, &small);
	state = state_of(log, 1);
	TAP_OK(state.append_lsn == 5 && state.run_count == 3 && state.runs[2].first_lsn == 5 &&
			   state.promised.round == 5,
		   "the cut is recovered");
	TAP_OK(log_read_entry(log, 1, 5, &buffer, &entry) == 0 && entry.length == 3 &&
			   memcmp(entry.payload, "new", 3) == 0,
		   "the new entry counts");
	log_buffer_free(&buffer);
	log_close(log);
	memdisk_free(disk);
}

typedef struct Reader
{
	Lsn next;
	bool good;
	int stop_after;
} Reader;

static int
take_entry(void *ctx, const LogEntry *entry)
{
	Reader *reader = ctx;

	reader->good = reader->good && entry->lsn == reader->next++ && is_numbered(entry);
	return --reader->stop_after == 0 ? 1 : 0;
}

/* From memory, from files, and where one passes into the other. */
static void
test_reading_in_bulk(void)
{
	Memdisk *disk = new_disk(3, &small);
	Log *log = open_log(disk, &small);
	Reader reader = {1, true, -1};
	Lsn count = 200;

	memdisk_set_short_io(disk, true);
	log_append_group(log, 1, "", 0);
	log_append_group(log, 2, "", 0);
	for (Lsn lsn = 1; lsn <= count; lsn++)
	{
		append_numbered(log, 1, lsn, first, (uint32_t) (lsn * 7 % 900));
		append_numbered(log, 2, lsn, first, (uint32_t) (lsn * 11 % 500));
		if (lsn % 10 == 0 && write_and_sync(log) != 0)
			abort();
	}
	TAP_OK(log_size_bytes(log) > 8 * 16384, "the entries fill many segments");
	TAP_IS_INT(log_read_entries(log, 1, 1, UINT64_MAX, take_entry, &reader), (int64_t) count,
			   "all entries are read");
	TAP_OK(reader.good, "in order and with the right content");
	reader = (Reader){count - 3, true, -1};
	append_numbered(log, 1, count + 1, first, 100);
	TAP_IS_INT(log_read_entries(log, 1, count - 3, UINT64_MAX, take_entry, &reader), 5,
			   "entries not yet written are read, too");
	TAP_OK(reader.good, "with the right content");
	reader = (Reader){10, true, -1};
	TAP_IS_INT(log_read_entries(log, 1, 10, 1, take_entry, &reader), 1,
			   "at least one entry is passed, however small the limit");
	reader = (Reader){10, true, 4};
	TAP_IS_INT(log_read_entries(log, 1, 10, UINT64_MAX, take_entry, &reader), 4,
			   "the callback ends the reading");
	TAP_IS_INT(log_read_entries(log, 1, count + 2, 1, take_entry, &reader), -ENOENT,
			   "nothing beyond the end");
	log = reopen(log, disk, &small);
	reader = (Reader){1, true, -1};
	TAP_IS_INT(log_read_entries(log, 2, 1, UINT64_MAX, take_entry, &reader), (int64_t) count,
			   "all entries are read after a restart");
	TAP_OK(reader.good, "in order and with the right content");
	log_close(log);
	memdisk_free(disk);
}

/* What is read from a file must not be kept where the file is still to be written. */
static void
test_reading_while_appending(void)
{
	Memdisk *disk = new_disk(11, &small);
	Log *log = open_log(disk, &small);
	Reader reader = {1, true, -1};

	log_append_group(log, 1, "", 0);
	for (Lsn lsn = 1; lsn <= 5; lsn++)
		append_numbered(log, 1, lsn, first, 300);
	write_and_sync(log);
	log = reopen(log, disk, &small);
	for (Lsn lsn = 6; lsn <= 10; lsn++)
		append_numbered(log, 1, lsn, first, 300);
	TAP_IS_INT(log_read_entries(log, 1, 1, UINT64_MAX, take_entry, &reader), 10,
			   "entries of the file and of memory are read in one go");
	for (Lsn lsn = 11; lsn <= 200; lsn++)
		append_numbered(log, 1, lsn, first, 300);
	write_and_sync(log);
	reader = (Reader){1, reader.good, -1};
	TAP_IS_INT(log_read_entries(log, 1, 1, UINT64_MAX, take_entry, &reader), 200,
			   "and again when they have left memory");
	TAP_OK(reader.good, "with the right content");
	log_close(log);
	memdisk_free(disk);
}

static Lsn
needs_ctx(void *ctx, GroupId group)
{
	return group == 1 ? *(Lsn *) ctx : UINT64_MAX;
}

static void
test_truncation(void)
{
	Memdisk *disk = new_disk(4, &small);
	Log *log = open_log(disk, &small);
	LogBuffer buffer = {0};
	LogEntry entry;
	LogGroupState state;
	Lsn needed = 1;
	uint64_t size;

	log_append_group(log, 1, "", 0);
	log_append_group(log, 2, "idle", 4);
	log_append_promise(log, 2, (Ballot){77, 3});
	for (Lsn lsn = 1; lsn <= 100; lsn++)
		append_numbered(log, 1, lsn, (Ballot){1 + lsn / 40, 1}, 1000);
	write_and_sync(log);
	TAP_IS_INT(log_truncate(log, needs_ctx, &needed), 0, "nothing goes while all is needed");
	size = log_size_bytes(log);
	needed = 60;
	TAP_OK(log_truncate(log, needs_ctx, &needed) > 2, "segments below what is needed go");
	TAP_OK(log_size_bytes(log) < size, "the log is smaller");
	state = state_of(log, 1);
	TAP_OK(state.base_lsn > 40 && state.base_lsn < 60 && state.base_ballot.round == 2 &&
			   state.runs[0].first_lsn == state.base_lsn + 1,
		   "the base moved up, below what is needed");
	log = reopen(log, disk, &small);
	TAP_OK(state_of(log, 1).base_lsn == state.base_lsn && state_of(log, 1).base_ballot.round == 2 &&
			   state_of(log, 1).append_lsn == 100,
		   "base and end are the same after a restart");
	TAP_OK(log_read_entry(log, 1, 60, &buffer, &entry) == 0 && is_numbered(&entry),
		   "what is needed is there");
	TAP_IS_INT(log_read_entry(log, 1, state.base_lsn, &buffer, &entry), -ENOENT,
			   "what is below the base is not");
	TAP_OK(state_of(log, 2).promised.round == 77 && state_of(log, 2).membership_length == 4,
		   "the old promise of an idle group is kept without its segment");
	log_buffer_free(&buffer);
	log_close(log);
	memdisk_free(disk);
}

/* A segment that is made from an old one has old records at the same places. */
static void
test_recycled_segments(void)
{
	Memdisk *disk = new_disk(5, &small);
	Log *log = open_log(disk, &small);
	Lsn lsn = 0;
	Lsn needed;
	bool good = true;

	log_append_group(log, 1, "", 0);
	for (int round = 0; round < 30 && good; round++)
	{
		for (int i = 0; i < 5; i++)
			append_numbered(log, 1, ++lsn, first, 1000);
		write_and_sync(log);
		needed = lsn;
		good = log_truncate(log, needs_ctx, &needed) >= 0;
		log = reopen(log, disk, &small);
		good = good && log && state_of(log, 1).append_lsn == lsn;
	}
	TAP_OK(good, "old records of recycled files are never taken for new ones");
	TAP_OK(log_size_bytes(log) <= 4 * 16384, "files are recycled");
	log_close(log);
	memdisk_free(disk);
}

static int
count_group(void *ctx, const LogGroupState *state)
{
	if (state->append_lsn == 3 && state->promised.round == state->group)
		(*(uint32_t *) ctx)++;
	return 0;
}

static void
test_many_groups(void)
{
	const LogOptions options = {.segment_bytes = 4 * 1024 * 1024};
	Memdisk *disk = new_disk(6, &options);
	Log *log = open_log(disk, &options);
	uint32_t good = 0;
	int error = 0;

	for (GroupId group = 1; group <= 5000; group++)
		error |= log_append_group(log, group, "membership of a group, as long as usual", 39);
	for (Lsn lsn = 1; lsn <= 3; lsn++)
		for (GroupId group = 1; group <= 5000; group++)
			error |= append_numbered(log, group, lsn, (Ballot){group, 1}, 300);
	for (GroupId group = 5000; group > 4000; group--)
		error |= log_append_group_drop(log, group);
	TAP_IS_INT(error | write_and_sync(log), 0, "five thousand groups, of which a thousand go");
	TAP_IS_INT(log_group_count(log), 4000, "the others are there");
	log = reopen(log, disk, &options);
	log_foreach_group(log, count_group, &good);
	TAP_IS_INT(good, 4000, "and are recovered with their entries and promises");
	log_close(log);
	memdisk_free(disk);
}

static void
test_full(void)
{
	const LogOptions limited = {.segment_bytes = 16384, .max_bytes = 4 * 16384};
	Memdisk *disk = new_disk(7, &limited);
	Log *log = open_log(disk, &limited);
	Lsn lsn = 0;
	Lsn needed;
	int error;
	int promises = 0;

	log_append_group(log, 1, "", 0);
	while ((error = append_numbered(log, 1, lsn + 1, first, 1000)) == 0)
		lsn++;
	TAP_IS_INT(error, LOG_FULL, "a full log refuses an entry");
	TAP_OK(lsn > 40 && state_of(log, 1).append_lsn == lsn, "and is as it was before");
	while (append_numbered(log, 1, lsn + 1, first, 1) == 0)
		lsn++;
	while (log_append_promise(log, 1, (Ballot){(uint64_t) promises + 2, 1}) == 0)
		promises++;
	TAP_OK(promises >= 10, "%d promises have room of their own", promises);
	TAP_IS_INT(write_and_sync(log), 0, "what was appended is written");
	needed = lsn;
	TAP_OK(log_truncate(log, needs_ctx, &needed) > 0, "truncation makes room");
	TAP_IS_INT(append_numbered(log, 1, lsn + 1, first, 1000), 0, "and entries are taken again");
	write_and_sync(log);
	log = reopen(log, disk, &limited);
	TAP_OK(state_of(log, 1).append_lsn == lsn + 1, "all of that is recovered");
	log_close(log);
	memdisk_free(disk);
}

static void
test_limits(void)
{
	Memdisk *disk = new_disk(8, &small);
	Log *log = open_log(disk, &small);
	uint8_t *much = calloc(1, 70000);
	GroupId group = 1;

	log_append_group(log, 1, "", 0);
	TAP_IS_INT(log_append_entry(log, 1, 1, first, much, log_payload_max_bytes(log) + 1), -EMSGSIZE,
			   "an entry may be too long");
	TAP_IS_INT(log_append_entry(log, 1, 1, first, much, log_payload_max_bytes(log)), 0,
			   "or just fit");
	TAP_IS_INT(log_append_node(log, 1, much, LOG_BLOB_MAX_BYTES + 1), -EMSGSIZE,
			   "so may a value of the node");
	while (log_append_group(log, ++group, much, 200) == 0)
		;
	TAP_OK(group > 10 && log_group_count(log) == group - 1,
		   "no more groups than a checkpoint can hold");
	TAP_IS_INT(write_and_sync(log), 0, "the log goes on");
	free(much);
	log_close(log);
	memdisk_free(disk);
}

static int
reserve(Log *log, uint32_t records, uint64_t payload_bytes, bool bulk)
{
	LogRoom room = {.records = records, .payload_bytes = payload_bytes, .bulk = bulk};

	return log_reserve(log, &room);
}

/* What log_reserve promised always succeeds, however near the log is to its end. */
static void
test_reserve(void)
{
	const LogOptions limited = {.segment_bytes = 16384, .max_bytes = 5 * 16384};
	Memdisk *disk = new_disk(13, &limited);
	Log *log = open_log(disk, &limited);
	Lsn lsn = 0;
	uint32_t reserved = 0;
	int error = 0;
	int result = 0;

	log_append_group(log, 1, "", 0);
	while (error == 0)
	{
		uint32_t records = 1 + reserved * 7 % 12;
		uint32_t length = 1 + reserved * 131 % 900;

		result = reserve(log, records, (uint64_t) records * length, true);
		if (result < 0)
			break;
		reserved++;
		for (uint32_t i = 0; i < records && error == 0; i++)
			error = append_numbered(log, 1, ++lsn, (Ballot){reserved, 1}, length);
	}
	TAP_OK(error == 0 && result == LOG_FULL && reserved > 10,
		   "%d reservations hold, then the log is full", (int) reserved);
	while (error == 0 && (result = reserve(log, 2, 0, false)) == 0)
	{
		error = log_append_promise(log, 1, (Ballot){++reserved, 1});
		if (error == 0)
			error = append_numbered(log, 1, ++lsn, (Ballot){reserved, 1}, 0);
	}
	TAP_OK(error == 0 && result == LOG_FULL, "so do those for control state");
	TAP_IS_INT(write_and_sync(log), 0, "all is written");
	log_close(log);
	memdisk_free(disk);
}

/* The history of ballots must fit into a checkpoint; truncation shortens it. */
static void
test_many_ballots(void)
{
	Memdisk *disk = new_disk(12, &small);
	Log *log = open_log(disk, &small);
	Lsn lsn = 0;
	Lsn needed;
	int error = 0;
	int result;

	log_append_group(log, 1, "", 0);
	while ((result = reserve(log, 1, 0, false)) == 0 &&
		   (error = append_numbered(log, 1, lsn + 1, (Ballot){lsn + 1, 1}, 0)) == 0)
		lsn++;
	TAP_IS_INT(error, 0, "what was reserved is appended");
	TAP_OK(result == LOG_FULL && lsn > 400, "too many changes of ballot fill a log");
	needed = lsn;
	TAP_IS_INT(write_and_sync(log), 0, "which goes on to work");
	TAP_OK(log_truncate(log, needs_ctx, &needed) >= 0 && state_of(log, 1).run_count < 400,
		   "truncation forgets old ballots");
	TAP_IS_INT(append_numbered(log, 1, lsn + 1, (Ballot){lsn + 1, 1}, 0), 0,
			   "and entries are taken again");
	log_close(log);
	memdisk_free(disk);
}

static void
test_identity(void)
{
	Memdisk *disk = memdisk_create(9);
	Memdisk *copy;
	LogOptions adopting = small;
	Log *log = NULL;
	Log *second = NULL;

	adopting.adopt = true;
	TAP_IS_INT(log_open(&log, memdisk_io(disk), &small).status, LOG_OPEN_MISSING,
			   "an empty directory holds no log");
	TAP_IS_INT(log_create(memdisk_io(disk), &small, log_helper_cluster_id, 7), 0, "make one");
	TAP_IS_INT(log_create(memdisk_io(disk), &small, log_helper_cluster_id, 7), -EEXIST,
			   "only once");
	log = open_log(disk, &small);
	TAP_OK(log_identity(log)->node == 7 && log_identity(log)->start_counter == 1 &&
			   memcmp(log_identity(log)->cluster_id, log_helper_cluster_id, LOG_CLUSTER_ID_BYTES) ==
				   0,
		   "it knows who it is");
	TAP_IS_INT(log_open(&second, memdisk_io(disk), &small).status, LOG_OPEN_LOCKED,
			   "it is open once at a time");
	log = reopen(log, disk, &small);
	TAP_IS_INT((int64_t) log_identity(log)->start_counter, 2, "each start is counted durably");
	copy = memdisk_copy(disk);
	TAP_IS_INT(log_open(&second, memdisk_io(copy), &small).status, LOG_OPEN_FOREIGN,
			   "a copy is refused");
	second = open_log(copy, &adopting);
	TAP_OK(second != NULL, "unless it is adopted");
	second = reopen(second, copy, &small);
	TAP_OK(second != NULL, "which lasts");
	log_close(second);
	memdisk_free(copy);
	log_close(log);
	TAP_IS_INT(log_remove_identity(memdisk_io(disk)), 0, "a log that is given up");
	memdisk_restart(disk, MEMDISK_LOSE_ALL);
	TAP_IS_INT(log_open(&log, memdisk_io(disk), &small).status, LOG_OPEN_MISSING,
			   "is none any more");
	TAP_IS_INT(log_create(memdisk_io(disk), &small, log_helper_cluster_id, 8), 0,
			   "a new one takes its place");
	memdisk_rot(disk, "identity", 20, 0x40);
	TAP_IS_INT(log_open(&log, memdisk_io(disk), &small).status, LOG_OPEN_ROTTEN,
			   "a damaged identity is refused");
	memdisk_free(disk);
}

/* A run with truncation but without crashes, where every read and write is done by pieces. */
static void
test_short_io(void)
{
	Memdisk *disk = new_disk(10, &small);
	LogScript *script = log_script_create(10);
	Log *log = open_log(disk, &small);

	memdisk_set_short_io(disk, true);
	log_script_check(script, log);
	TAP_IS_INT(log_script_run(script, log, 300), 0, "a long run with short reads and writes");
	log = reopen(log, disk, &small);
	TAP_IS_STR(log ? log_script_check(script, log) : "not opened", NULL, "recovers");
	TAP_OK(log_script_records(script) > 500, "with %d records", (int) log_script_records(script));
	log_close(log);
	log_script_free(script);
	memdisk_free(disk);
}

int
main(void)
{
	test_recovers_everything();
	test_cut();
	test_reading_in_bulk();
	test_reading_while_appending();
	test_truncation();
	test_recycled_segments();
	test_many_groups();
	test_full();
	test_limits();
	test_reserve();
	test_many_ballots();
	test_identity();
	test_short_io();
	return tap_done();
}

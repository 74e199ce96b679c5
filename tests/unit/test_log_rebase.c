/*
 * test_log_rebase.c
 *		Groups whose log begins anew above an entry of another replica, and whose memberships grow.
 */
#include <errno.h>

#include "unit/log_helper.h"
#include "unit/tap.h"

static const LogOptions small = {.segment_bytes = 16384, .cache_bytes = 1};
static const Ballot first = {1, 1};

/* All that a group held gives way to a base that another replica named. */
static void
test_rebase(void)
{
	Memdisk *disk = new_disk(14, &small);
	Log *log = open_log(disk, &small);
	LogBuffer buffer = {0};
	LogEntry entry;
	LogGroupState state;

	log_append_group(log, 1, "members", 7);
	log_append_group(log, 2, "", 0);
	log_append_promise(log, 1, (Ballot){9, 3});
	for (Lsn lsn = 1; lsn <= 6; lsn++)
		append_numbered(log, 1, lsn, (Ballot){lsn > 3 ? 2 : 1, 1}, 10);
	append_numbered(log, 2, 1, first, 10);
	TAP_IS_INT(log_append_rebase(log, 1, 50, (Ballot){4, 2}), 0, "rebase");
	state = state_of(log, 1);
	TAP_OK(state.base_lsn == 50 && state.append_lsn == 50 && state.base_ballot.round == 4 &&
			   state.append_ballot.round == 4 && state.run_count == 0 && state.commit_hint == 50,
		   "the log begins above the entry named");
	TAP_OK(log_read_entry(log, 1, 6, &buffer, &entry) == -ENOENT &&
			   log_read_entry(log, 1, 50, &buffer, &entry) == -ENOENT,
		   "nothing is left of what it held");
	TAP_IS_INT(append_numbered(log, 1, 51, (Ballot){4, 2}, 10), 0, "entries go on behind it");
	write_and_sync(log);
	log = reopen(log, disk, &small);
	state = state_of(log, 1);
	TAP_OK(state.base_lsn == 50 && state.append_lsn == 51 && state.rows_missing &&
			   state.base_ballot.round == 4 && state.run_count == 1 &&
			   state.runs[0].first_lsn == 51,
		   "the rebase is recovered");
	TAP_OK(state.promised.round == 9 && state.membership_length == 7,
		   "promise and membership stay");
	TAP_OK(log_read_entry(log, 1, 51, &buffer, &entry) == 0 && is_numbered(&entry) &&
			   log_read_entry(log, 2, 1, &buffer, &entry) == 0,
		   "the new entry and other groups are there");
	TAP_OK(!state_of(log, 2).rows_missing && log_append_rows(log, 1, true) == 0 &&
			   !state_of(log, 1).rows_missing,
		   "rows are missing until somebody says that they are there");
	TAP_IS_INT(log_append_rebase(log, 1, 60, (Ballot){11, 1}), 0, "another rebase");
	TAP_IS_INT(state_of(log, 1).promised.round, 11, "raises the promise to its ballot");
	log_buffer_free(&buffer);
	log_close(log);
	memdisk_free(disk);
}

static Lsn
needs_ctx(void *ctx, GroupId group)
{
	return group == 1 ? *(Lsn *) ctx : UINT64_MAX;
}

/* A group that was rebased needs none of the segments that hold its former entries. */
static void
test_rebase_frees_segments(void)
{
	Memdisk *disk = new_disk(15, &small);
	Log *log = open_log(disk, &small);
	LogGroupState state;
	Lsn needed = 1;
	uint64_t size;

	log_append_group(log, 1, "", 0);
	for (Lsn lsn = 1; lsn <= 100; lsn++)
		append_numbered(log, 1, lsn, first, 1000);
	write_and_sync(log);
	size = log_size_bytes(log);
	log_append_rebase(log, 1, 1000, (Ballot){5, 1});
	TAP_OK(log_truncate(log, needs_ctx, &needed) > 2 && log_size_bytes(log) < size,
		   "entries from before a rebase hold no segment back");
	log = reopen(log, disk, &small);
	state = state_of(log, 1);
	TAP_OK(state.base_lsn == 1000 && state.append_lsn == 1000 && state.base_ballot.round == 5,
		   "the base is recovered without them");
	for (Lsn lsn = 1001; lsn <= 1040; lsn++)
		append_numbered(log, 1, lsn, (Ballot){5, 1}, 1000);
	write_and_sync(log);
	log_truncate(log, needs_ctx, &needed);
	TAP_IS_INT(log_truncate(log, needs_ctx, &needed), 0, "entries behind it do");
	log = reopen(log, disk, &small);
	TAP_OK(state_of(log, 1).base_lsn == 1000 && state_of(log, 1).append_lsn == 1040,
		   "also after the checkpoints of later segments");
	log_close(log);
	memdisk_free(disk);
}

/* A change of membership cannot be taken back: what was reserved for it is there, whatever else fills up. */
static void
test_growing_memberships(void)
{
	const LogOptions limited = {.segment_bytes = 16384, .max_bytes = 4 * 16384};
	const LogRoom room = {.records = 1, .payload_bytes = 400, .state_bytes = 400};
	Memdisk *disk = new_disk(16, &limited);
	Log *log = open_log(disk, &limited);
	uint8_t membership[400] = {0};
	GroupId groups = 0;
	GroupId changed = 0;
	int error = 0;
	int result = 0;

	while (log_takes_group(log, 100) && log_append_group(log, groups + 1, membership, 100) == 0)
		groups++;
	TAP_IS_INT(log_append_group(log, groups + 1, membership, 100), LOG_FULL,
			   "no group is made for which there is no room");
	while (error == 0 && changed < groups && (result = log_reserve(log, &room)) == 0)
		error = log_append_group(log, ++changed, membership, 400);
	TAP_OK(groups > 10 && changed > 5 && error == 0,
		   "%d of %d groups change what they reserved room for", (int) changed, (int) groups);
	TAP_IS_INT(result, changed == groups ? 0 : LOG_FULL, "or are refused before");
	write_and_sync(log);
	log = reopen(log, disk, &limited);
	TAP_OK(log && state_of(log, changed).membership_length == 400, "all of that is recovered");
	log_close(log);
	memdisk_free(disk);
}

int
main(void)
{
	test_rebase();
	test_rebase_frees_segments();
	test_growing_memberships();
	return tap_done();
}

/*
 * log_helper.c
 *		See log_helper.h.
 */
#include "unit/log_helper.h"

#include <stdlib.h>
#include <string.h>

#include "unit/tap.h"

const uint8_t log_helper_cluster_id[LOG_CLUSTER_ID_BYTES] = "test cluster 01";

Memdisk *
new_disk(uint64_t seed, const LogOptions *options)
{
	Memdisk *disk = memdisk_create(seed);

	if (log_create(memdisk_io(disk), options, log_helper_cluster_id, 7) != 0)
		abort();
	return disk;
}

Log *
open_log(Memdisk *disk, const LogOptions *options)
{
	Log *log = NULL;
	LogOpenResult result = log_open(&log, memdisk_io(disk), options);

	if (result.status != LOG_OPEN_OK)
		tap_note("%s: %s, error %d", log_open_status_text(result.status),
				 result.damage.reason ? result.damage.reason : "", result.error);
	return log;
}

Log *
reopen(Log *log, Memdisk *disk, const LogOptions *options)
{
	log_close(log);
	memdisk_restart(disk, MEMDISK_LOSE_ALL);
	return open_log(disk, options);
}

int
write_and_sync(Log *log)
{
	int error = log_write(log);

	return error < 0 ? error : log_sync(log);
}

/* An entry whose content tells its group and LSN. */
int
append_numbered(Log *log, GroupId group, Lsn lsn, Ballot ballot, uint32_t length)
{
	uint8_t payload[8192];

	memset(payload, (int) (group * 31 + lsn), length);
	return log_append_entry(log, group, lsn, ballot, payload, length);
}

bool
is_numbered(const LogEntry *entry)
{
	const uint8_t *bytes = entry->payload;

	for (uint32_t i = 0; i < entry->length; i++)
		if (bytes[i] != (uint8_t) (entry->group * 31 + entry->lsn))
			return false;
	return true;
}

LogGroupState
state_of(const Log *log, GroupId group)
{
	LogGroupState state = {0};

	log_group_state(log, group, &state);
	return state;
}

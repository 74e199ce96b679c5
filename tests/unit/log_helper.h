/*
 * log_helper.h
 *		Logs on disks in memory, with entries whose content can be recognised: for the tests of the log.
 */
#ifndef QUORATE_UNIT_LOG_HELPER_H
#define QUORATE_UNIT_LOG_HELPER_H

#include "log/log.h"
#include "support/memdisk.h"

/* The cluster that new_disk() writes into the log; its node is 7. */
extern const uint8_t log_helper_cluster_id[LOG_CLUSTER_ID_BYTES];

/* A new disk with an empty log on it; its random faults follow from `seed`. */
extern Memdisk *new_disk(uint64_t seed, const LogOptions *options);

/* The log of a disk; NULL, with the reason as a note, if it cannot be opened. */
extern Log *open_log(Memdisk *disk, const LogOptions *options);

/* Closes the log, loses what was not synced, and opens it again. */
extern Log *reopen(Log *log, Memdisk *disk, const LogOptions *options);

/* 0, or the negative error number of the write or of the sync. */
extern int write_and_sync(Log *log);

/* Appends an entry of at most 8,192 bytes whose content tells its group and LSN; as log_append_entry(). */
extern int append_numbered(Log *log, GroupId group, Lsn lsn, Ballot ballot, uint32_t length);

/* Is this the content that append_numbered() gave to the entry? */
extern bool is_numbered(const LogEntry *entry);

extern LogGroupState state_of(const Log *log, GroupId group);

#endif /* QUORATE_UNIT_LOG_HELPER_H */

/*
 * sim_archive.h
 *		Every entry that any node's log was seen to hold, by group, LSN and ballot.
 *
 * The checkers look at the whole log of each node.  An entry that is damaged there and not repaired yet is what it was,
 * so it is shown to them from here.
 */
#ifndef QUORATE_SIM_ARCHIVE_H
#define QUORATE_SIM_ARCHIVE_H

#include "core/core_types.h"

typedef struct SimArchive SimArchive;

extern SimArchive *sim_archive_create(uint32_t group_count);
extern void sim_archive_free(SimArchive *archive);

/* Keeps a copy of the entry. */
extern void sim_archive_put(SimArchive *archive, uint32_t group, Lsn lsn, const Entry *entry);

/* NULL if no log was seen to hold it. */
extern const Entry *
sim_archive_get(const SimArchive *archive, uint32_t group, Lsn lsn, Ballot ballot);

#endif /* QUORATE_SIM_ARCHIVE_H */

/*
 * sim_archive.c
 *		See sim_archive.h.
 */
#include "sim/sim_archive.h"

#include <stdlib.h>
#include <string.h>

#include "core/ballot.h"
#include "sim/sim_util.h"

/* One of the entries of an LSN; its payload follows it. */
typedef struct Kept
{
	Entry entry;
	struct Kept *next;
} Kept;

typedef struct GroupShelf
{
	Kept **lsns; /* by LSN */
	size_t capacity;
} GroupShelf;

struct SimArchive
{
	uint32_t group_count;
	GroupShelf shelves[];
};

SimArchive *
sim_archive_create(uint32_t group_count)
{
	SimArchive *archive = sim_allocate(sizeof(SimArchive) + group_count * sizeof(GroupShelf));

	archive->group_count = group_count;
	return archive;
}

static void
free_chain(Kept *kept)
{
	while (kept)
	{
		Kept *next = kept->next;

		free(kept);
		kept = next;
	}
}

void
sim_archive_free(SimArchive *archive)
{
	for (uint32_t group = 0; group < archive->group_count; group++)
	{
		for (size_t lsn = 0; lsn < archive->shelves[group].capacity; lsn++)
			free_chain(archive->shelves[group].lsns[lsn]);
		free(archive->shelves[group].lsns);
	}
	free(archive);
}

void
sim_archive_put(SimArchive *archive, uint32_t group, Lsn lsn, const Entry *entry)
{
	GroupShelf *shelf = &archive->shelves[group];
	Kept *kept;

	if (sim_archive_get(archive, group, lsn, entry->ballot))
		return;
	shelf->lsns = sim_grow(shelf->lsns, &shelf->capacity, lsn + 1, sizeof(Kept *));
	kept = sim_allocate(sizeof(Kept) + entry->length);
	kept->entry = (Entry){entry->ballot, entry->length, kept + 1};
	if (entry->length > 0)
		memcpy(kept + 1, entry->payload, entry->length);
	kept->next = shelf->lsns[lsn];
	shelf->lsns[lsn] = kept;
}

const Entry *
sim_archive_get(const SimArchive *archive, uint32_t group, Lsn lsn, Ballot ballot)
{
	const GroupShelf *shelf = &archive->shelves[group];
	const Kept *kept = lsn < shelf->capacity ? shelf->lsns[lsn] : NULL;

	while (kept && !ballot_equal(kept->entry.ballot, ballot))
		kept = kept->next;
	return kept ? &kept->entry : NULL;
}

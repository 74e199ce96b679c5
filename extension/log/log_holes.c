/*
 * log_holes.c
 *		Entries whose records are damaged: which they are, and giving them up.
 *
 * A hole keeps the LSN and the ballot of its entry, so everything that compares logs goes on as before; only its
 * payload is missing until log_append_entry_again brings it.
 */
#include "log/log_private.h"

#include "core/core_assert.h"
#include "log/log_group.h"

static bool
is_hole(const LogGroup *group, Lsn lsn)
{
	const LogLocation *location = log_group_location(group, lsn);

	return location && log_location_is_hole(location);
}

bool
log_is_damaged(const Log *log)
{
	return log->is_damaged;
}

bool
log_next_hole(const Log *log, GroupId id, Lsn from_lsn, LogHole *hole)
{
	const LogGroup *group = log_state_group(&log->state, id);
	Lsn lsn = from_lsn;

	if (!group || !group->scattered)
		return false;
	if (lsn <= group->base_lsn)
		lsn = group->base_lsn + 1;
	while (lsn <= group->append_lsn && !is_hole(group, lsn))
		lsn++;
	if (lsn > group->append_lsn)
		return false;
	hole->first_lsn = lsn;
	hole->ballot = log_group_ballot_at(group, lsn);
	while (lsn < group->append_lsn && is_hole(group, lsn + 1) &&
		   log_ballot_equal(log_group_ballot_at(group, lsn + 1), hole->ballot))
		lsn++;
	hole->last_lsn = lsn;
	return true;
}

Lsn
log_highest_hole(const Log *log, GroupId id)
{
	const LogGroup *group = log_state_group(&log->state, id);

	if (!group || !group->scattered)
		return 0;
	for (Lsn lsn = group->append_lsn; lsn > group->base_lsn; lsn--)
		if (is_hole(group, lsn))
			return lsn;
	return 0;
}

void
log_give_up(Log *log, GroupId id, Lsn lsn)
{
	LogGroup *group = log_state_group(&log->state, id);

	CORE_INVARIANT("I15", group && lsn <= group->append_lsn);
	if (lsn > group->base_lsn)
		log_group_advance_base(&log->state, group, lsn);
}

static uint32_t
lose_range_of_group(LogGroup *group, uint32_t segment, uint32_t begin_offset, uint32_t end_offset)
{
	uint32_t lost = 0;

	for (Lsn lsn = group->append_lsn; lsn > group->base_lsn; lsn--)
	{
		const LogLocation *location = log_group_location(group, lsn);

		if (location->segment != segment || location->offset < begin_offset ||
			location->offset >= end_offset || log_location_is_hole(location))
			continue;
		log_group_lose(group, lsn);
		lost++;
	}
	return lost;
}

uint32_t
log_lose_range(Log *log, uint32_t segment, uint32_t begin_offset, uint32_t end_offset)
{
	LogGroup *group;
	uint32_t slot = 0;
	uint32_t lost = 0;

	while ((group = log_state_next_group(&log->state, &slot)) != NULL)
		lost += lose_range_of_group(group, segment, begin_offset, end_offset);
	log->is_damaged |= lost > 0;
	return lost;
}

/*
 * log_truncate.c
 *		Giving up old segments.
 *
 * A segment goes only when no group needs an entry in it and everything appended is durable: the
 * checkpoint of the segment after it, which says everything else that the old segment said, and
 * the cuts and dropped groups because of which its entries are not needed.  Segments go oldest
 * first, each one durably before the next, so numbers never have gaps.
 */
#include "log/log_private.h"

/* The first segment that must stay for the sake of a group's entries. */
static uint32_t
first_needed_segment(const Log *log, LogNeededCallback needed_from, void *ctx)
{
	uint32_t needed = log_active_segment(log)->number;
	const LogGroup *group;
	uint32_t slot = 0;

	while ((group = log_state_next_group(&log->state, &slot)) != NULL)
	{
		Lsn lsn = needed_from(ctx, group->group);
		const LogLocation *location;

		if (lsn <= group->base_lsn)
			lsn = group->base_lsn + 1;
		location = log_group_location(group, lsn);
		if (location && location->segment < needed)
			needed = location->segment;
	}
	return needed;
}

/* Entries that lie before segment `first` are gone. */
static void
advance_bases(Log *log, uint32_t first)
{
	LogGroup *group;
	uint32_t slot = 0;

	while ((group = log_state_next_group(&log->state, &slot)) != NULL)
	{
		Lsn base = group->base_lsn;
		const LogLocation *location;

		while ((location = log_group_location(group, base + 1)) != NULL &&
			   location->segment < first)
			base++;
		if (base > group->base_lsn)
			log_group_advance_base(&log->state, group, base);
	}
}

int
log_truncate(Log *log, LogNeededCallback needed_from, void *ctx)
{
	uint32_t keep;
	int given_up = 0;
	int error = log_write(log);

	if (error == 0)
		error = log_sync(log);
	if (error < 0)
		return error;
	keep = first_needed_segment(log, needed_from, ctx);
	if (keep == log->segments[0].number)
		return 0;
	advance_bases(log, keep);
	while (log->segments[0].number < keep)
	{
		if ((error = log_recycle_oldest(log)) < 0)
			return error;
		given_up++;
	}
	return given_up;
}

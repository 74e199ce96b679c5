/*
 * log_truncate.c
 *		Giving up old segments.
 *
 * A segment goes only when no group needs an entry in it and everything appended is durable: the
 * checkpoint of the segment after it, which says everything else that the old segment said, and
 * the cuts and dropped groups because of which its entries are not needed.  Segments go oldest
 * first, each one durably before the next, so numbers never have gaps.  A damaged one is needed as long as an entry
 * that was lost in it is: it is read again at the next start, and tells again what is missing.
 */
#include "log/log_private.h"

#include "core/core_assert.h"
#include "log/log_group.h"

/* The lowest entry of the group that must stay. */
static Lsn
first_needed_lsn(const LogGroup *group, LogNeededCallback needed_from, void *ctx)
{
	Lsn lsn = needed_from(ctx, group->group);

	return lsn <= group->base_lsn ? group->base_lsn + 1 : lsn;
}

/* The first segment that the group's entries from `lsn` on need; `needed` if that comes first. */
static uint32_t
first_segment_of(const LogGroup *group, Lsn lsn, uint32_t needed)
{
	const LogLocation *location;

	for (; (location = log_group_location(group, lsn)) != NULL; lsn++)
	{
		if (location->segment < needed)
			needed = location->segment;
		/* Where places are in order, none that follows is lower. */
		if (!group->scattered)
			break;
	}
	return needed;
}

/* The first segment that must stay for the sake of a group's entries. */
static uint32_t
first_needed_segment(const Log *log, LogNeededCallback needed_from, void *ctx)
{
	uint32_t needed = log_active_segment(log)->number;
	const LogGroup *group;
	uint32_t slot = 0;

	while ((group = log_state_next_group(&log->state, &slot)) != NULL)
		needed = first_segment_of(group, first_needed_lsn(group, needed_from, ctx), needed);
	return needed;
}

/*
 * The state of all groups has to be known after the next start even if what is left is damaged.  So the segment before
 * the one being filled stays, and the oldest one, or one behind it, begins with a whole checkpoint.
 */
static uint32_t
keep_checkpoints(const Log *log, uint32_t keep)
{
	uint32_t oldest = log->segments[0].number;
	uint32_t number = log_active_segment(log)->number;

	if (keep == number && keep > oldest)
		keep--;
	while (number > oldest && log_segment(log, number)->lacks_checkpoint)
		number--;
	return number < keep ? number : keep;
}

/* The base of a group when nothing before segment `first` is left. */
static Lsn
base_in_order(const LogGroup *group, uint32_t first)
{
	Lsn base = group->base_lsn;
	const LogLocation *location;

	while ((location = log_group_location(group, base + 1)) != NULL && location->segment < first)
		base++;
	return base;
}

/*
 * The same where an entry may lie in a later segment than one after it: all up to the highest that goes.  Holes at the
 * beginning that nobody needs go with them.
 */
static Lsn
base_of_scattered(const LogGroup *group, uint32_t first, Lsn needed_lsn)
{
	Lsn base = group->append_lsn;
	const LogLocation *location;

	while (base > group->base_lsn && log_group_location(group, base)->segment >= first)
		base--;
	while (base + 1 < needed_lsn && (location = log_group_location(group, base + 1)) != NULL &&
		   log_location_is_hole(location))
		base++;
	CORE_INVARIANT("I15", base < needed_lsn);
	return base;
}

/* Entries that lie before segment `first` are given up, and holes that nobody needs. */
static void
advance_bases(Log *log, uint32_t first, LogNeededCallback needed_from, void *ctx)
{
	LogGroup *group;
	uint32_t slot = 0;

	while ((group = log_state_next_group(&log->state, &slot)) != NULL)
	{
		Lsn base = group->scattered
					   ? base_of_scattered(group, first, first_needed_lsn(group, needed_from, ctx))
					   : base_in_order(group, first);

		if (base == group->base_lsn)
			continue;
		log_group_advance_base(&log->state, group, base);
		log_group_review_order(group);
	}
}

int
log_truncate(Log *log, LogNeededCallback needed_from, void *ctx)
{
	uint32_t needed;
	uint32_t keep;
	int given_up = 0;
	int error = log_write(log);

#ifndef MUTANT_TRUNCATE_UNSYNCED
	if (error == 0)
		error = log_sync(log);
#endif
	if (error < 0)
		return error;
	CORE_INVARIANT("I16", log_synced_position(log) == log_append_position(log));
	needed = first_needed_segment(log, needed_from, ctx);
	keep = keep_checkpoints(log, needed);
	advance_bases(log, needed, needed_from, ctx);
	while (log->segments[0].number < keep)
	{
		if ((error = log_recycle_oldest(log)) < 0)
			return error;
		given_up++;
	}
	return given_up;
}

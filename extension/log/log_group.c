/*
 * log_group.c
 *		Runs of ballots and places of entries of one group; see log_group.h.
 *
 * An entry costs 12 bytes here.  Dropping old entries moves a head forward; the array is compacted
 * when more than half of it lies before the head, so appending stays constant work on average.
 */
#include "log/log_group.h"

#include <stdlib.h>

#include "core/core_assert.h"

void
log_group_free(LogGroup *group)
{
	free(group->runs);
	free(group->membership);
	free(group->locations);
	free(group);
}

uint32_t
log_group_checkpoint_bytes(const LogGroup *group)
{
	return log_record_bytes(log_group_state_bytes(group->run_count, group->membership_length));
}

void
log_group_set_membership(LogGroup *group, const void *membership, uint32_t length)
{
	free(group->membership);
	group->membership = NULL;
	group->membership_length = length;
	if (length > 0)
	{
		group->membership = log_allocate(length);
		memcpy(group->membership, membership, length);
	}
}

void
log_group_add_run(LogGroup *group, BallotRun run)
{
	if (group->run_count == group->run_capacity)
	{
		group->run_capacity = group->run_capacity ? group->run_capacity * 2 : 2;
		group->runs = log_reallocate(group->runs, group->run_capacity * sizeof(*group->runs));
	}
	group->runs[group->run_count++] = run;
}

static void
make_room_for_location(LogGroup *group)
{
	LogLocation *first;

	if (group->location_head + group->location_count < group->location_capacity)
		return;
	first = group->locations + group->location_head;
	if (group->location_head > group->location_capacity / 2)
		memmove(group->locations, first, group->location_count * sizeof(*first));
	else
	{
		LogLocation *grown;

		group->location_capacity = group->location_count ? group->location_count * 2 : 8;
		grown = log_allocate(group->location_capacity * sizeof(*grown));
		if (group->location_count > 0)
			memcpy(grown, first, group->location_count * sizeof(*grown));
		free(group->locations);
		group->locations = grown;
	}
	group->location_head = 0;
}

void
log_group_append(LogGroup *group, Ballot ballot, LogLocation location)
{
	bool same_run = group->run_count > 0 &&
					log_ballot_equal(group->runs[group->run_count - 1].ballot, ballot);

	make_room_for_location(group);
	group->append_lsn++;
	group->locations[group->location_head + group->location_count++] = location;
	if (!same_run)
		log_group_add_run(group, (BallotRun){.ballot = ballot, .first_lsn = group->append_lsn});
}

/* Makes the places reach down to base_lsn + 1; those that are new were not met. */
static void
reach_down(LogGroup *group)
{
	uint64_t wanted = group->append_lsn - group->base_lsn;
	uint64_t unmet = wanted - group->location_count;
	LogLocation *locations;

	if (unmet == 0)
		return;
	locations = log_allocate((size_t) wanted * sizeof(*locations));
	if (group->location_count > 0)
		memcpy(locations + unmet, group->locations + group->location_head,
			   group->location_count * sizeof(*locations));
	free(group->locations);
	group->locations = locations;
	group->location_head = 0;
	group->location_count = (uint32_t) wanted;
	group->location_capacity = (uint32_t) wanted;
}

static LogLocation *
location_of(LogGroup *group, Lsn lsn)
{
	return (LogLocation *) log_group_location(group, lsn);
}

void
log_group_place(LogGroup *group, Lsn lsn, LogLocation location)
{
	CORE_INVARIANT("I15", lsn > group->base_lsn && lsn <= group->append_lsn);
	if (!location_of(group, lsn))
		reach_down(group);
	*location_of(group, lsn) = location;
	group->scattered = true;
}

void
log_group_lose(LogGroup *group, Lsn lsn)
{
	LogLocation *location = location_of(group, lsn);

	*location = (LogLocation){.segment = location->segment};
	group->scattered = true;
}

void
log_group_take_places(LogGroup *group, const LogGroup *old, uint32_t segment)
{
	Lsn first;
	Lsn last;

	reach_down(group);
	group->scattered = true;
	if (old)
	{
		first = old->append_lsn - old->location_count + 1;
		last = old->append_lsn < group->append_lsn ? old->append_lsn : group->append_lsn;
		if (first <= group->base_lsn)
			first = group->base_lsn + 1;
		for (Lsn lsn = first; lsn <= last; lsn++)
			if (log_ballot_equal(log_group_ballot_at(old, lsn), log_group_ballot_at(group, lsn)))
				*location_of(group, lsn) = *log_group_location(old, lsn);
	}
	log_group_fill_holes(group, segment);
}

void
log_group_fill_holes(LogGroup *group, uint32_t segment)
{
	LogLocation *locations;

	reach_down(group);
	locations = group->locations + group->location_head;
	for (uint32_t i = 0; i < group->location_count; i++)
		if (log_location_is_hole(&locations[i]))
		{
			group->scattered = true;
			if (locations[i].segment == 0)
				locations[i].segment = segment;
		}
}

Lsn
log_group_highest_unmet(const LogGroup *group)
{
	const LogLocation *locations = group->locations + group->location_head;
	Lsn first = group->append_lsn - group->location_count + 1;
	uint32_t i = group->scattered ? group->location_count : 0;

	while (i > 0 && locations[i - 1].segment != 0)
		i--;
	return first + i - 1;
}

uint32_t
log_group_count_holes(const LogGroup *group)
{
	const LogLocation *locations = group->locations + group->location_head;
	uint32_t holes = 0;

	for (uint32_t i = 0; group->scattered && i < group->location_count; i++)
		holes += log_location_is_hole(&locations[i]);
	return holes;
}

void
log_group_review_order(LogGroup *group)
{
	const LogLocation *locations = group->locations + group->location_head;
	bool scattered = false;

	for (uint32_t i = 0; group->scattered && i < group->location_count && !scattered; i++)
		scattered = log_location_is_hole(&locations[i]) ||
					(i > 0 && locations[i].segment < locations[i - 1].segment);
	group->scattered = scattered;
}

void
log_group_cut(LogGroup *group, Lsn lsn)
{
	uint64_t gone = group->append_lsn - lsn;

	CORE_INVARIANT("I6", lsn >= group->base_lsn && lsn <= group->append_lsn);
	group->append_lsn = lsn;
	/* Fewer than `gone` only during recovery, for entries that an earlier truncation took. */
	group->location_count -= gone < group->location_count ? (uint32_t) gone : group->location_count;
	while (group->run_count > 0 && group->runs[group->run_count - 1].first_lsn > lsn)
		group->run_count--;
}

void
log_group_rebase(LogGroup *group, Lsn lsn, Ballot ballot)
{
	CORE_INVARIANT("I6", lsn > group->base_lsn && lsn > group->commit_hint);
	group->base_lsn = lsn;
	group->base_ballot = ballot;
	group->append_lsn = lsn;
	group->commit_hint = lsn;
	group->rows_missing = true;
	group->scattered = false;
	group->run_count = 0;
	group->location_head = 0;
	group->location_count = 0;
}

void
log_group_drop_below(LogGroup *group, Lsn lsn)
{
	uint64_t kept = group->append_lsn - lsn;
	uint32_t gone_runs = 0;

	CORE_ASSERT(lsn >= group->base_lsn && lsn <= group->append_lsn);
	group->base_ballot = log_group_ballot_at(group, lsn);
	group->base_lsn = lsn;
	if (kept < group->location_count)
	{
		group->location_head += group->location_count - (uint32_t) kept;
		group->location_count = (uint32_t) kept;
	}
	/* The run that holds lsn + 1 stays, with its first LSN moved up. */
	while (gone_runs < group->run_count &&
		   (gone_runs + 1 < group->run_count ? group->runs[gone_runs + 1].first_lsn <= lsn + 1
											 : kept == 0))
		gone_runs++;
	group->run_count -= gone_runs;
	memmove(group->runs, group->runs + gone_runs, group->run_count * sizeof(*group->runs));
	if (group->run_count > 0 && group->runs[0].first_lsn <= lsn)
		group->runs[0].first_lsn = lsn + 1;
}

const LogLocation *
log_group_location(const LogGroup *group, Lsn lsn)
{
	Lsn first = group->append_lsn - group->location_count + 1;

	if (lsn < first || lsn > group->append_lsn)
		return NULL;
	return &group->locations[group->location_head + (lsn - first)];
}

/* The last run that begins at or below lsn; the base's own ballot below all of them. */
Ballot
log_group_ballot_at(const LogGroup *group, Lsn lsn)
{
	uint32_t low = 0;
	uint32_t high = group->run_count;

	if (high > 0 && group->runs[high - 1].first_lsn <= lsn)
		return group->runs[high - 1].ballot;
	while (low < high)
	{
		uint32_t middle = low + (high - low) / 2;

		if (group->runs[middle].first_lsn <= lsn)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? group->runs[low - 1].ballot : group->base_ballot;
}

LogGroupState
log_group_describe(const LogGroup *group)
{
	return (LogGroupState){
		.group = group->group,
		.promised = group->promised,
		.base_lsn = group->base_lsn,
		.base_ballot = group->base_ballot,
		.append_lsn = group->append_lsn,
		.append_ballot = log_group_ballot_at(group, group->append_lsn),
		.rows_missing = group->rows_missing,
		.commit_hint = group->commit_hint,
		.holes = log_group_count_holes(group),
		.run_count = group->run_count,
		.runs = group->runs,
		.membership_length = group->membership_length,
		.membership = group->membership,
	};
}

/*
 * log_verify.c
 *		Reading closed segments again, to find rot while other replicas still have what it
 *		destroyed.
 */
#include "log/log_private.h"

#include <stdlib.h>

/* Position of the first location at or after `offset` of a segment. */
static uint32_t
lower_bound(const LogGroup *group, uint32_t segment, uint32_t offset)
{
	const LogLocation *locations = group->locations + group->location_head;
	uint32_t low = 0;
	uint32_t high = group->location_count;

	while (low < high)
	{
		uint32_t middle = low + (high - low) / 2;

		if (locations[middle].segment < segment ||
			(locations[middle].segment == segment && locations[middle].offset < offset))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The entries in the damaged range, exactly: the open log knows where each one lies. */
static void
name_groups(const Log *log, LogDamage *damage)
{
	uint32_t segment = (uint32_t) damage->segment;
	const LogGroup *group;
	uint32_t slot = 0;

	damage->groups_complete = true;
	while ((group = log_state_next_group(&log->state, &slot)) != NULL)
	{
		Lsn first_lsn = group->append_lsn - group->location_count + 1;
		uint32_t begin = lower_bound(group, segment, damage->begin_offset);
		uint32_t end = lower_bound(group, segment, damage->end_offset);

		if (begin < end)
			log_damage_add_group(damage, group->group, first_lsn + begin, first_lsn + end - 1);
	}
}

static int
verify_image(const Log *log, const LogSegment *segment, const uint8_t *image, LogDamage *damage)
{
	LogScan scan;
	LogRecord record;

	log_scan_start(&scan, image, log->segment_bytes, segment->seed);
	while (scan.offset < segment->end_offset && log_scan_next(&scan, &record) == 1)
		;
	if (scan.offset == segment->end_offset)
		return 0;
	damage->reason = "records of a closed segment are damaged";
	damage->begin_offset = scan.offset;
	damage->end_offset = log_scan_find(&scan, scan.offset, &record);
	name_groups(log, damage);
	return -EBADMSG;
}

static int
verify_segment(const Log *log, const LogSegment *segment, LogDamage *damage)
{
	LogSegmentHeader header = log_segment_header(&log->identity, log->segment_bytes,
												 segment->number);
	uint8_t *image = log_allocate(log->segment_bytes);
	int error = log_scan_load(log->io, &header, image);

	memset(damage, 0, sizeof(*damage));
	damage->segment = segment->number;
	if (error == -EBADMSG || error == -EPROTO || error == -ENOENT)
	{
		damage->reason = "segment is missing, or its header or size is damaged";
		damage->end_offset = log->segment_bytes;
		name_groups(log, damage);
		error = -EBADMSG;
	}
	else if (error == 0)
		error = verify_image(log, segment, image, damage);
	free(image);
	return error;
}

int
log_verify(Log *log, uint64_t *cursor, LogDamage *damage)
{
	const LogSegment *segment = &log->segments[0];
	const LogSegment *limit = log_segment(log, log->write_segment);

	while (segment < limit && segment->number <= *cursor)
		segment++;
	if (segment == limit)
	{
		*cursor = 0;
		return 0;
	}
	*cursor = segment + 1 == limit ? 0 : segment->number;
	return verify_segment(log, segment, damage);
}

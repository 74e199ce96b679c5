/*
 * log_verify.c
 *		Reading closed segments again, to find rot while other replicas still have what it
 *		destroyed.
 */
#include "log/log_private.h"

#include <stdlib.h>

/* Counts down what is left of the checkpoint at the beginning of a segment: UINT32_MAX at first. */
static void
pass_checkpoint(const LogRecord *record, uint32_t *left)
{
	LogCheckpointBegin begin;

	if (*left == UINT32_MAX && record->payload_length == LOG_CHECKPOINT_BEGIN_BYTES)
	{
		log_checkpoint_begin_decode(record->payload, &begin);
		*left = begin.node_values + begin.groups;
	}
	else if (*left > 0)
		(*left)--;
}

/* Walks on behind damage until the records end; *damage is the last range.  Returns the number of entries lost. */
static uint32_t
verify_image(Log *log, LogSegment *segment, const uint8_t *image, LogDamage *damage)
{
	LogScan scan;
	LogRecord record;
	uint32_t checkpoint_left = UINT32_MAX;
	uint32_t lost = 0;

	log_scan_start(&scan, image, log->segment_bytes, segment->seed);
	while (scan.offset < segment->end_offset)
	{
		if (log_scan_next(&scan, &record) == 1)
		{
			pass_checkpoint(&record, &checkpoint_left);
			continue;
		}
		segment->lacks_checkpoint |= checkpoint_left > 0;
		damage->reason = "records of a closed segment are damaged";
		damage->begin_offset = scan.offset;
		damage->end_offset = log_scan_skip(&scan, &record);
		lost += log_lose_range(log, segment->number, damage->begin_offset, damage->end_offset);
	}
	return lost;
}

static int
verify_segment(Log *log, LogSegment *segment, LogDamage *damage)
{
	LogSegmentHeader header = log_segment_header(&log->identity, log->segment_bytes,
												 segment->number);
	uint8_t *image = log_allocate(log->segment_bytes);
	LogGaps gaps = {0};
	int error = log_scan_load(log->io, &header, image, &gaps);
	uint32_t lost = 0;

	segment->has_gaps |= gaps.count > 0;
	log_gaps_free(&gaps);
	memset(damage, 0, sizeof(*damage));
	damage->segment = segment->number;
	if (error == -EBADMSG || error == -ENOENT)
	{
		damage->reason = "segment is missing, or its header or size is damaged";
		damage->end_offset = LOG_RECORDS_OFFSET;
		error = 0;
	}
	if (error == 0)
		lost = verify_image(log, segment, image, damage);
	free(image);
	if (error < 0)
		return error;
	if (!damage->reason || (segment->is_damaged && lost == 0))
		return 0;
	segment->is_damaged = true;
	return -EBADMSG;
}

int
log_verify(Log *log, uint64_t *cursor, LogDamage *damage)
{
	LogSegment *segment = &log->segments[0];
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

/*
 * log_move.c
 *		Appending entries again, so that the segment in which they lie can be given up.
 *
 * Segments are given up oldest first, so a single entry that is needed for long, as that of a group which has lost its
 * quorum, would keep everything that was appended after it, for all groups, until the log is full.  Moved to the
 * end of the log it costs its own bytes only.  The old record counts until the segment is given up, and log_truncate
 * syncs before that: a crash in between finds one of the two.
 */
#include "log/log_private.h"

#include "log/log_group.h"

typedef struct Move
{
	Log *log;
	LogNeededCallback needed_from;
	void *ctx;
	uint32_t segment; /* the oldest one */
	uint64_t bytes_left;
	LogBuffer buffer;
	int moved;
} Move;

/* The lowest entry at or above `lsn` that lies in the segment; append_lsn + 1 if there is none. */
static Lsn
next_in_segment(const LogGroup *group, Lsn lsn, uint32_t segment)
{
	const LogLocation *location;

	while ((location = log_group_location(group, lsn)) != NULL && location->segment != segment)
	{
		/* Where places are in order, none that follows is in an older segment. */
		if (!group->scattered)
			return group->append_lsn + 1;
		lsn++;
	}
	return location ? lsn : group->append_lsn + 1;
}

static Lsn
first_needed(const LogGroup *group, LogNeededCallback needed_from, void *ctx)
{
	Lsn lsn = needed_from(ctx, group->group);

	return lsn <= group->base_lsn ? group->base_lsn + 1 : lsn;
}

uint64_t
log_oldest_needed_bytes(const Log *log, LogNeededCallback needed_from, void *ctx)
{
	uint32_t segment = log->segments[0].number;
	const LogGroup *group;
	uint32_t slot = 0;
	uint64_t bytes = 0;

	if (log->segment_count == 1)
		return 0;
	while ((group = log_state_next_group(&log->state, &slot)) != NULL)
	{
		Lsn lsn = next_in_segment(group, first_needed(group, needed_from, ctx), segment);

		for (; lsn <= group->append_lsn; lsn = next_in_segment(group, lsn + 1, segment))
			bytes += log_record_bytes(log_group_location(group, lsn)->payload_length);
	}
	return bytes;
}

static int
move_entry(Move *move, const LogGroup *group, Lsn lsn)
{
	uint32_t length = log_group_location(group, lsn)->payload_length;
	LogEntry entry;
	int error = log_read_entry(move->log, group->group, lsn, &move->buffer, &entry);

	if (error == 0)
		error = log_append_entry_again(move->log, group->group, lsn, entry.ballot, entry.payload,
									   entry.length);
	if (error < 0)
		return error;
	move->moved++;
	length = log_record_bytes(length);
	move->bytes_left -= length < move->bytes_left ? length : move->bytes_left;
	return 0;
}

static int
move_group(Move *move, LogGroup *group)
{
	Lsn lsn = next_in_segment(group, first_needed(group, move->needed_from, move->ctx),
							  move->segment);
	int error = 0;

	while (error == 0 && move->bytes_left > 0 && lsn <= group->append_lsn)
	{
		error = move_entry(move, group, lsn);
		lsn = next_in_segment(group, lsn + 1, move->segment);
	}
	log_group_review_order(group);
	return error;
}

int
log_move_oldest(Log *log, LogNeededCallback needed_from, void *ctx, uint64_t max_bytes)
{
	Move move = {.log = log,
				 .needed_from = needed_from,
				 .ctx = ctx,
				 .segment = log->segments[0].number,
				 .bytes_left = max_bytes};
	LogGroup *group;
	uint32_t slot = 0;
	int error = 0;

	if (log->segment_count == 1)
		return 0;
	while (error == 0 && (group = log_state_next_group(&log->state, &slot)) != NULL)
		error = move_group(&move, group);
	log_buffer_free(&move.buffer);
	return move.moved > 0 ? move.moved : error;
}

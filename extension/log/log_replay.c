/*
 * log_replay.c
 *		Taking the records of segment files in, in order, and going on behind damage; see log_replay.h.
 *
 * While the state is known, each record must follow from those before it, and whatever a checkpoint repeats must
 * agree with them.  Damage makes the state unknown: from then on only the places of entries are taken, each for
 * itself, until a checkpoint says what all groups, or all that changed since before the damage, had promised.
 * Entries that this state names and that have no place are holes.
 */
#include "log/log_replay.h"

#include <stdlib.h>

#include "core/core_assert.h"
#include "log/log_group.h"

void
replay_free(Replay *replay)
{
	free(replay->image);
	free(replay->loose);
	log_gaps_free(&replay->gaps);
}

bool
replay_failed(Replay *replay, int error)
{
	replay->result->status = error == -EPROTO ? LOG_OPEN_VERSION : LOG_OPEN_FAILED;
	replay->result->error = error;
	return false;
}

bool
replay_rotten(Replay *replay, const char *reason, uint32_t number, uint32_t offset)
{
	replay->result->status = LOG_OPEN_ROTTEN;
	replay->result->damage = (LogDamage){.reason = reason,
										 .segment = number,
										 .begin_offset = offset,
										 .end_offset = replay->log->segment_bytes};
	return false;
}

/* ---- damage ---- */

static LogSegment *
segment_read(const Replay *replay)
{
	return log_active_segment(replay->log);
}

static void
tell_damage(Replay *replay, const char *reason, uint32_t begin, uint32_t end)
{
	LogOpenResult *result = replay->result;

	if (result->damage_count++ == 0)
		result->damage = (LogDamage){reason, segment_read(replay)->number, begin, end};
}

/* Bytes begin..end of the segment being read are damaged. */
static void
note_damage(Replay *replay, const char *reason, uint32_t begin, uint32_t end)
{
	LogSegment *segment = segment_read(replay);

	tell_damage(replay, log_gaps_meet(&replay->gaps, begin, end) ? "it cannot be read" : reason,
				begin, end);
	if (replay->first_damaged == 0)
		replay->first_damaged = segment->number;
	segment->is_damaged = true;
	replay->log->is_damaged = true;
}

/* Nothing is known of what lies between `begin` and the next checkpoint. */
static void
lose_track(Replay *replay, uint32_t begin, uint32_t end)
{
	if (!replay->known)
		return;
	replay->known = false;
	replay->unknown_from = begin;
	replay->unsettled = (LogDamage){"records are damaged, and no checkpoint behind them is whole",
									segment_read(replay)->number, begin, end};
}

static void
keep_loose_entry(Replay *replay, const LogRecord *record, uint32_t offset)
{
	if (replay->loose_count == replay->loose_capacity)
	{
		replay->loose_capacity = replay->loose_capacity ? replay->loose_capacity * 2 : 64;
		replay->loose = log_reallocate(replay->loose,
									   replay->loose_capacity * sizeof(*replay->loose));
	}
	replay->loose[replay->loose_count++] = (LooseEntry){
		.group = record->group,
		.lsn = record->lsn,
		.ballot = record->ballot,
		.location = {segment_read(replay)->number, offset, record->payload_length},
	};
}

/* The state is known again: gives the entries that were met meanwhile their places. */
static void
regain_track(Replay *replay)
{
	for (uint32_t i = 0; i < replay->loose_count; i++)
	{
		const LooseEntry *entry = &replay->loose[i];

		log_state_found(&replay->log->state, entry->group, entry->lsn, entry->ballot,
						entry->location);
	}
	replay->loose_count = 0;
	replay->known = true;
	replay->checkpoint_begun = true;
	replay->checkpoint_left = 0;
}

/* ---- checkpoints that settle ---- */

/* Reads a whole checkpoint of all state at the place of `scan`, which moves behind it; false if there is none. */
static bool
read_checkpoint(LogScan *scan, LogState *state)
{
	LogCheckpointBegin begin;
	LogRecord record;

	if (log_scan_next(scan, &record) != 1 || record.kind != LOG_CHECKPOINT || record.group != 0 ||
		record.payload_length != LOG_CHECKPOINT_BEGIN_BYTES)
		return false;
	log_checkpoint_begin_decode(record.payload, &begin);
	for (uint32_t i = 0; i < begin.node_values; i++)
	{
		if (log_scan_next(scan, &record) != 1 || record.kind != LOG_NODE ||
			log_state_objection(state, &record))
			return false;
		log_state_apply(state, &record, 0);
	}
	for (uint32_t i = 0; i < begin.groups; i++)
		if (log_scan_next(scan, &record) != 1 || record.kind != LOG_CHECKPOINT ||
			log_state_restore(state, &record) != NULL)
			return false;
	return true;
}

/* Takes over from the state before the damage where its entries lie. */
static void
take_places(const Replay *replay, const LogState *old, const LogState *state)
{
	LogGroup *group;
	uint32_t slot = 0;

	while ((group = log_state_next_group(state, &slot)) != NULL)
		log_group_take_places(group, log_state_group(old, group->group), replay->first_damaged);
}

/* If the segment begins with a whole checkpoint, all is known from there on. */
static void
settle_by_checkpoint(Replay *replay)
{
	Log *log = replay->log;
	LogScan scan = replay->scan;
	LogState state;

	log_state_init(&state);
	log_state_begin_segment(&state, segment_read(replay)->number);
	if (!read_checkpoint(&scan, &state))
	{
		log_state_free(&state);
		return;
	}
	if (log->is_damaged)
		take_places(replay, &log->state, &state);
	log_state_free(&log->state);
	log->state = state;
	log_state_settle(&log->state, LOG_RECORDS_OFFSET);
	replay->scan = scan;
	regain_track(replay);
}

/* Are the records of a delta checkpoint that begins so all there?  `scan` moves behind them. */
static bool
delta_is_whole(LogScan *scan, const LogDeltaBegin *begin)
{
	uint64_t records = (uint64_t) begin->node_values + begin->drops + begin->groups;
	LogRecord record;

	for (uint64_t i = 0; i < records; i++)
		if (log_scan_next(scan, &record) != 1 ||
			(record.kind != LOG_NODE && record.kind != LOG_GROUP_DROP &&
			 record.kind != LOG_CHECKPOINT))
			return false;
	return true;
}

static const char *
take_settling_record(Replay *replay, const LogRecord *record)
{
	LogState *state = &replay->log->state;

	if (record->kind == LOG_CHECKPOINT)
		return log_state_replace(state, record, replay->first_damaged);
	if (record->kind == LOG_NODE || log_state_group(state, record->group))
		log_state_apply(state, record, 0);
	return NULL;
}

/*
 * If the delta checkpoint covers all that may have changed since the state was known, the state is known again behind
 * it.  Returns why it cannot be, or NULL.
 */
static const char *
settle_by_delta(Replay *replay, const LogRecord *first)
{
	LogScan after = replay->scan;
	LogDeltaBegin begin;
	LogRecord record;

	if (first->payload_length != LOG_DELTA_BEGIN_BYTES)
		return "delta checkpoint is malformed";
	log_delta_begin_decode(first->payload, &begin);
	if (begin.covers_from > replay->unknown_from || !delta_is_whole(&after, &begin))
		return NULL;
	if (begin.node_values > 0)
		log_state_forget_node_values(&replay->log->state);
	while (replay->scan.offset < after.offset && log_scan_next(&replay->scan, &record) == 1)
	{
		const char *objection = take_settling_record(replay, &record);

		if (objection)
			return objection;
	}
	log_state_settle(&replay->log->state, replay->scan.offset);
	regain_track(replay);
	return NULL;
}

/* ---- one record while the state is known ---- */

static const char *
take_checkpoint_begin(Replay *replay, const LogRecord *record)
{
	LogCheckpointBegin begin;

	if (replay->checkpoint_begun || record->payload_length != LOG_CHECKPOINT_BEGIN_BYTES)
		return "checkpoint is malformed";
	log_checkpoint_begin_decode(record->payload, &begin);
	replay->checkpoint_begun = true;
	replay->checkpoint_left = begin.node_values + begin.groups;
	if (replay->previous_whole && begin.previous_crc != replay->previous_crc)
		return "segment does not continue the one before it";
	return begin.groups == replay->log->state.group_count
			   ? NULL
			   : "checkpoint contradicts the records before it";
}

static const char *
take_checkpoint_record(Replay *replay, const LogRecord *record)
{
	if (!replay->checkpoint_begun)
		return "segment does not begin with a checkpoint";
	replay->checkpoint_left--;
	if (record->kind == LOG_CHECKPOINT)
		return log_state_compare(&replay->log->state, record);
	return record->kind == LOG_NODE ? NULL : "checkpoint is malformed";
}

static const char *
take_delta_begin(Replay *replay, const LogRecord *record, uint32_t offset)
{
	LogDeltaBegin begin;

	if (record->payload_length != LOG_DELTA_BEGIN_BYTES)
		return "delta checkpoint is malformed";
	log_delta_begin_decode(record->payload, &begin);
	replay->delta_left = (uint64_t) begin.node_values + begin.drops + begin.groups;
	replay->delta_offset = offset;
	replay->delta_chain = record->chain;
	return NULL;
}

/* A delta checkpoint repeats what the records before it said. */
static const char *
take_delta_record(Replay *replay, const LogRecord *record)
{
	LogState *state = &replay->log->state;
	const char *objection = NULL;

	if (record->kind == LOG_CHECKPOINT)
		objection = log_state_compare(state, record);
	else if (record->kind != LOG_NODE &&
			 (record->kind != LOG_GROUP_DROP || log_state_group(state, record->group) != NULL))
		objection = "delta checkpoint contradicts the records before it";
	if (--replay->delta_left == 0)
		log_state_settle(state, replay->scan.offset);
	return objection;
}

/* Returns why the record cannot be where it is, or NULL. */
static const char *
take_record(Replay *replay, const LogRecord *record, uint32_t offset)
{
	LogState *state = &replay->log->state;
	const char *objection;

	if (replay->delta_left > 0)
		return take_delta_record(replay, record);
	if (record->kind == LOG_DELTA && replay->checkpoint_begun && replay->checkpoint_left == 0)
		return take_delta_begin(replay, record, offset);
	if (record->kind == LOG_CHECKPOINT && record->group == 0)
		return take_checkpoint_begin(replay, record);
	if (!replay->checkpoint_begun || replay->checkpoint_left > 0)
	{
		objection = take_checkpoint_record(replay, record);
		if (objection || record->kind == LOG_CHECKPOINT)
			return objection;
	}
	if (record->kind == LOG_INDEX)
	{
		replay->closed = true;
		return record->payload_length % LOG_INDEX_ITEM_BYTES == 0 ? NULL : "index is malformed";
	}
	objection = log_state_objection(state, record);
	if (!objection)
		log_state_apply(state, record, offset);
	return objection;
}

/* The same while it is not known. */
static const char *
take_loose_record(Replay *replay, const LogRecord *record, uint32_t offset)
{
	if (record->kind == LOG_ENTRY || record->kind == LOG_ENTRY_AGAIN)
		keep_loose_entry(replay, record, offset);
	else if (record->kind == LOG_INDEX)
		replay->closed = true;
	else if (record->kind == LOG_DELTA)
		return settle_by_delta(replay, record);
	return NULL;
}

/* ---- one segment ---- */

bool
replay_load(Replay *replay, uint32_t number)
{
	Log *log = replay->log;
	LogSegmentHeader header = log_segment_header(&log->identity, log->segment_bytes, number);
	int error = log_scan_load(log->io, &header, replay->image, &replay->gaps);

	replay->met_gaps |= replay->gaps.count > 0;
	replay->header_is_damaged = error == -EBADMSG || error == -ENOENT;
	if (error < 0 && !replay->header_is_damaged)
		return replay_failed(replay, error);
	log_scan_start(&replay->scan, replay->image, log->segment_bytes, header.crc);
	return true;
}

/*
 * Is there proof that what cannot be read at the present place of the tail had been synced?  If not, *left_behind is
 * the number of whole records that lie behind it.
 */
static bool
tail_is_damaged(const Replay *replay, uint32_t *left_behind)
{
	uint32_t end = replay->scan.offset;
	uint32_t offset = end;
	LogRecord record;

	*left_behind = 0;
	while ((offset = log_scan_find(&replay->scan, offset, &record)) < replay->scan.image_bytes)
	{
		if (record.synced_offset > end && record.synced_offset <= offset)
			return true;
		(*left_behind)++;
		offset += log_record_bytes(record.payload_length);
	}
	return false;
}

/*
 * The records of the tail end at the present place, as it seems.  Could what cannot be read behind it hold the proof
 * that more had been synced?  Not if nothing was begun here: without this record there was none behind it.
 */
static bool
proof_is_hidden(const Replay *replay)
{
	uint32_t end = replay->scan.offset;
	uint32_t size = replay->scan.image_bytes;

	if (log_gaps_meet(&replay->gaps, end, end + LOG_RECORD_HEADER_BYTES))
		return true;
	return (replay->next_is_hidden || log_gaps_meet(&replay->gaps, end, size)) &&
		   log_scan_record_begins(&replay->scan);
}

/* No record continues the chain here.  Goes on behind damage; false if the segment's records end. */
static bool
pass_break(Replay *replay)
{
	uint32_t begin = replay->scan.offset;
	LogRecord record;

	if (segment_read(replay)->number >= replay->last_used &&
		!tail_is_damaged(replay, &replay->result->cut_records) && !proof_is_hidden(replay))
		return false;
	log_scan_skip(&replay->scan, &record);
	segment_read(replay)->lacks_checkpoint |= !replay->checkpoint_begun ||
											  replay->checkpoint_left > 0;
	note_damage(replay, "records are damaged", begin, replay->scan.offset);
	lose_track(replay, begin, replay->scan.offset);
	replay->broken = true;
	replay->delta_left = 0;
	return replay->scan.offset < replay->scan.image_bytes;
}

static void
begin_segment(Replay *replay, uint32_t number)
{
	log_add_segment(replay->log, number);
	log_state_begin_segment(&replay->log->state, number);
	replay->closed = false;
	replay->broken = false;
	replay->durable_offset = LOG_RECORDS_OFFSET;
	replay->checkpoint_begun = false;
	replay->checkpoint_left = 0;
	replay->delta_left = 0;
	replay->unknown_from = 0;
	if (replay->header_is_damaged && number <= replay->last_used)
	{
		note_damage(replay, "segment is missing, or its header or size is damaged", 0,
					LOG_RECORDS_OFFSET);
		replay->broken = true;
	}
	if (!replay->known)
		settle_by_checkpoint(replay);
}

static bool
take_records(Replay *replay)
{
	while (!replay->closed)
	{
		LogRecord record;
		int found = log_scan_next(&replay->scan, &record);
		uint32_t offset;
		const char *objection;

		if (found < 0)
			return replay_failed(replay, found);
		if (found == 0)
		{
			if (!pass_break(replay))
				return true;
			continue;
		}
		offset = replay->scan.offset - log_record_bytes(record.payload_length);
		if (record.synced_offset > replay->durable_offset)
			replay->durable_offset = record.synced_offset;
		objection = replay->known ? take_record(replay, &record, offset)
								  : take_loose_record(replay, &record, offset);
		if (objection)
			return replay_rotten(replay, objection, segment_read(replay)->number, offset);
	}
	return true;
}

/* A delta checkpoint of which only the beginning is there says nothing: it is cut off as a whole. */
static void
drop_torn_delta(Replay *replay)
{
	if (replay->delta_left == 0)
		return;
	replay->delta_left = 0;
	replay->scan.offset = replay->delta_offset;
	replay->scan.chain = replay->delta_chain;
}

/* Records of the segment being read end at the present place, and gaps behind it take nothing but room. */
static void
end_segment(Replay *replay)
{
	LogSegment *segment = segment_read(replay);
	uint32_t size = replay->scan.image_bytes;

	segment->end_offset = replay->scan.offset;
	segment->limit_offset = log_gaps_next(&replay->gaps, segment->end_offset, size);
	segment->has_gaps = replay->gaps.count > 0;
	if (segment->limit_offset < size)
		tell_damage(replay, "it cannot be read, but holds no record", segment->limit_offset,
					log_gaps_pass(&replay->gaps, segment->limit_offset));
}

bool
replay_segment(Replay *replay, uint32_t number)
{
	replay->previous_durable_offset = replay->durable_offset;
	replay->previous_whole = replay->closed && !replay->broken;
	replay->previous_crc = replay->scan.chain;
	if (!replay_load(replay, number))
		return false;
	begin_segment(replay, number);
	if (!take_records(replay))
		return false;
	drop_torn_delta(replay);
	replay->checkpoint_is_torn = !replay->checkpoint_begun || replay->checkpoint_left > 0;
	end_segment(replay);
	return true;
}

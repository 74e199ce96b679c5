/*
 * log_append.c
 *		Appending records, and going on to the next segment.
 *
 * An append builds the record in the ring (log_private.h) and changes the state; the place of the
 * record is fixed then.  A segment ends with its index; the next one begins with a checkpoint,
 * taken from the state at exactly that point of the stream.  Writing is in log_write.c.
 */
#include "log/log_private.h"

#include <stdlib.h>

#include "core/core_assert.h"

/* A delta checkpoint after so many bytes at the latest, but not before DELTA_SHARE times its own size. */
#define DELTA_INTERVAL_BYTES (256u * 1024)
#define DELTA_SHARE 8

void
log_buffer_reserve(LogBuffer *buffer, size_t bytes)
{
	if (buffer->capacity >= bytes)
		return;
	buffer->data = log_reallocate(buffer->data, bytes);
	buffer->capacity = bytes;
}

void
log_buffer_free(LogBuffer *buffer)
{
	free(buffer->data);
	buffer->data = NULL;
	buffer->capacity = 0;
}

/* ---- the ring ---- */

static void
ring_put(Log *log, const void *data, size_t length)
{
	size_t place = (size_t) (log->append_position % log->ring_bytes);
	size_t first = (size_t) (log->ring_bytes - place);

	if (length == 0)
		return;
	if (first > length)
		first = length;
	memcpy(log->ring + place, data, first);
	memcpy(log->ring, (const uint8_t *) data + first, length - first);
	log->append_position += length;
}

void
log_start_stream(Log *log, uint64_t cache_bytes)
{
	LogSegment *active = log_active_segment(log);

	log->ring_bytes = cache_bytes;
	if (log->ring_bytes < 2 * (uint64_t) log->segment_bytes)
		log->ring_bytes = 2 * (uint64_t) log->segment_bytes;
	log->ring = log_allocate(log->ring_bytes);
	log->ring_floor = log->segment_bytes;
	log->append_position = log->ring_floor;
	log->written_position = log->ring_floor;
	log->synced_position = log->ring_floor;
	log->write_segment = active->number;
	active->in_stream = true;
	active->stream_base = log->ring_floor - active->end_offset;
}

/* How far the segment being filled is known to be durable. */
static uint32_t
synced_offset(const Log *log)
{
	const LogSegment *active = log_active_segment(log);

	if (log->synced_position < active->stream_base + LOG_RECORDS_OFFSET)
		return LOG_RECORDS_OFFSET;
	return (uint32_t) (log->synced_position - active->stream_base);
}

/* Puts a record behind the last one; there is room. */
static void
emit(Log *log, LogRecord *record)
{
	static const uint8_t padding[LOG_RECORD_ALIGNMENT];
	LogSegment *active = log_active_segment(log);
	uint32_t bytes = log_record_bytes(record->payload_length);
	uint8_t header[LOG_RECORD_HEADER_BYTES];

	CORE_INVARIANT("I14", log_version_of_record(record->kind) <= log->version);
	CORE_ASSERT(bytes <= active->limit_offset - active->end_offset);
	CORE_ASSERT(log->append_position + bytes - log->written_position <= log->ring_bytes);
	record->chain = log->chain;
	record->synced_offset = synced_offset(log);
	log_record_encode(record, active->seed, header);
	ring_put(log, header, sizeof(header));
	ring_put(log, record->payload, record->payload_length);
	ring_put(log, padding, bytes - LOG_RECORD_HEADER_BYTES - record->payload_length);
	log->chain = record->crc;
	active->end_offset += bytes;
}

/* ---- ends and beginnings of segments ---- */

uint32_t
log_index_bytes(uint32_t groups)
{
	return log_record_bytes(groups * LOG_INDEX_ITEM_BYTES);
}

static void
emit_index(Log *log)
{
	const LogState *state = &log->state;
	LogRecord record = {
		.kind = LOG_INDEX,
		.lsn = state->touched_count,
		.payload_length = state->touched_count * LOG_INDEX_ITEM_BYTES,
	};

	log_buffer_reserve(&log->scratch, record.payload_length);
	for (uint32_t i = 0; i < state->touched_count; i++)
		log_index_item_encode(&state->touched[i], log->scratch.data + i * LOG_INDEX_ITEM_BYTES);
	record.payload = log->scratch.data;
	emit(log, &record);
}

static void
emit_group_state(Log *log, const LogGroup *group)
{
	LogGroupState described = log_group_describe(group);
	LogRecord record = {
		.kind = LOG_CHECKPOINT,
		.group = group->group,
		.payload_length = log_group_state_bytes(described.run_count, described.membership_length),
	};

	log_buffer_reserve(&log->scratch, record.payload_length);
	log_group_state_encode(&described, log->scratch.data);
	record.payload = log->scratch.data;
	emit(log, &record);
}

static void
emit_node_values(Log *log)
{
	const LogState *state = &log->state;

	for (uint32_t i = 0; i < state->node_value_count; i++)
	{
		LogRecord record = {
			.kind = LOG_NODE,
			.lsn = state->node_values[i].key,
			.payload = state->node_values[i].value,
			.payload_length = state->node_values[i].length,
		};

		emit(log, &record);
	}
}

void
log_emit_checkpoint(Log *log, uint32_t previous_crc)
{
	const LogState *state = &log->state;
	LogCheckpointBegin begin = {state->node_value_count, state->group_count, previous_crc};
	uint8_t payload[LOG_CHECKPOINT_BEGIN_BYTES];
	LogRecord record = {
		.kind = LOG_CHECKPOINT,
		.payload = payload,
		.payload_length = sizeof(payload),
	};
	const LogGroup *group;
	uint32_t slot = 0;

	log_checkpoint_begin_encode(&begin, payload);
	emit(log, &record);
	emit_node_values(log);
	while ((group = log_state_next_group(state, &slot)) != NULL)
		emit_group_state(log, group);
}

static void
begin_next_segment(Log *log)
{
	uint32_t previous_crc;
	LogSegment *segment;

	emit_index(log);
	previous_crc = log->chain;
	segment = log_add_segment(log, log_active_segment(log)->number + 1);
	segment->in_stream = true;
	segment->stream_base = log->append_position - LOG_RECORDS_OFFSET;
	log->spare_count--;
	log->chain = segment->seed;
	log_state_begin_segment(&log->state, segment->number);
	log_emit_checkpoint(log, previous_crc);
}

/* ---- finding room ---- */

uint32_t
log_payload_max_bytes(const Log *log)
{
	return log->segment_bytes / 4;
}

/*
 * Entries with a payload are refused while there is still room for the rest (log.h, Errors).  One that is appended
 * again is not: moving it gives room back (log_move.c), and who repairs it has asked for more (log_reserve).
 */
static bool
is_bulk(const LogRecord *record)
{
	return record->kind == LOG_ENTRY && record->payload_length > 0;
}

/* Do records that concern so many groups fit in front of the segment's index? */
static bool
fits(const Log *log, bool bulk, uint64_t bytes, uint32_t groups)
{
	uint64_t needed = bytes + log_index_bytes(log->state.touched_count + groups);

	/* Without a next segment, the last part of this one is for promises and the like. */
	if (bulk && log->spare_count == 0)
		needed += log->segment_bytes / 16;
	return log_active_segment(log)->end_offset + needed <= log_active_segment(log)->limit_offset;
}

/* Keeps what is not yet written within the ring. */
static int
drain_for(Log *log, uint64_t bytes)
{
	if (log->append_position + bytes - log->written_position <= log->ring_bytes)
		return 0;
	return log_write(log);
}

/* ---- delta checkpoints ---- */

static void
emit_delta_begin(Log *log, uint32_t drops, uint32_t groups)
{
	const LogState *state = &log->state;
	LogDeltaBegin begin = {.node_values = state->node_values_changed ? state->node_value_count : 0,
						   .drops = drops,
						   .groups = groups,
						   .covers_from = state->settled_offset};
	uint8_t payload[LOG_DELTA_BEGIN_BYTES];
	LogRecord record = {.kind = LOG_DELTA, .payload = payload, .payload_length = sizeof(payload)};

	log_delta_begin_encode(&begin, payload);
	emit(log, &record);
	if (state->node_values_changed)
		emit_node_values(log);
}

/* What changed since the last checkpoint, of either kind.  A group that was dropped may have been opened again. */
static void
emit_delta(Log *log)
{
	const LogState *state = &log->state;
	uint32_t drops = 0;
	uint32_t groups = 0;

	for (uint32_t i = 0; i < state->dropped_count; i++)
		drops += log_state_group(state, state->dropped[i]) == NULL;
	for (uint32_t i = 0; i < state->changed_count; i++)
		groups += log_state_group(state, state->changed[i]) != NULL;
	emit_delta_begin(log, drops, groups);
	for (uint32_t i = 0; i < state->dropped_count; i++)
	{
		LogRecord record = {.kind = LOG_GROUP_DROP, .group = state->dropped[i]};

		if (!log_state_group(state, record.group))
			emit(log, &record);
	}
	for (uint32_t i = 0; i < state->changed_count; i++)
	{
		const LogGroup *group = log_state_group(state, state->changed[i]);

		if (group)
			emit_group_state(log, group);
	}
}

bool
log_delta_is_due(const Log *log, LogPace pace)
{
	uint32_t unsettled = log_active_segment(log)->end_offset - log->state.settled_offset;

	if (!log_state_has_changes(&log->state) ||
		(pace == LOG_BUSY && unsettled < DELTA_INTERVAL_BYTES))
		return false;
	if (pace == LOG_IDLE)
		return true;
	/* Most of the time there is no need to look at each group that changed. */
	return unsettled / DELTA_SHARE >= log->state.changed_count * LOG_RECORD_HEADER_BYTES &&
		   unsettled >= log_state_delta_bytes(&log->state) * DELTA_SHARE;
}

int
log_append_delta(Log *log)
{
	uint64_t bytes = log_state_delta_bytes(&log->state);
	int error;

	if (log->poison < 0)
		return log->poison;
	/* At the end of a segment there may be no room: the checkpoint of the next one comes soon. */
	if (!log_state_has_changes(&log->state) || !fits(log, true, bytes, 0))
		return 0;
	error = drain_for(log, bytes);
	if (error < 0)
		return error;
	emit_delta(log);
	log_state_settle(&log->state, log_active_segment(log)->end_offset);
	return 0;
}

static int
go_to_next_segment(Log *log, uint32_t bytes)
{
	int error = 0;

	if (log->spare_count == 0)
		error = log_prepare(log, UINT32_MAX);
	if (error < 0)
		return error;
	if (log->state.checkpoint_bytes > log->segment_bytes / 2)
		return LOG_FULL;
	error = drain_for(log, (uint64_t) log_index_bytes(log->state.touched_count) +
							   log->state.checkpoint_bytes + bytes);
	if (error < 0)
		return error;
	begin_next_segment(log);
	return 0;
}

int
log_leave_segment(Log *log)
{
	int error = go_to_next_segment(log, 0);

	return error == LOG_FULL ? 0 : error;
}

static int
make_room(Log *log, bool bulk, uint32_t bytes)
{
	int error = 0;

	if (!fits(log, bulk, bytes, 1))
	{
		/* An entry that only the reserve stands against becomes possible by making a spare. */
		if (log->spare_count == 0)
			error = log_prepare(log, UINT32_MAX);
		if (error == 0 && !fits(log, bulk, bytes, 1))
			error = go_to_next_segment(log, bytes);
	}
	return error < 0 ? error : drain_for(log, bytes);
}

/*
 * Do the records fit into the next segment, should this one's rest be too small?  It may have no
 * successor yet, and each of them may lengthen its checkpoint by a run of ballots.
 */
static bool
fits_next_segment(const Log *log, const LogRoom *room, uint64_t bytes)
{
	uint64_t checkpoint = log->state.checkpoint_bytes + room->state_bytes +
						  (uint64_t) room->records * sizeof(BallotRun);
	uint64_t needed = LOG_RECORDS_OFFSET + checkpoint + bytes + log_index_bytes(room->records);

	if (room->bulk)
		needed += log->segment_bytes / 16;
	return checkpoint <= log->segment_bytes / 2 && needed <= log->segment_bytes;
}

int
log_reserve(Log *log, const LogRoom *room)
{
	uint64_t bytes = room->payload_bytes +
					 (uint64_t) room->records * (log_record_bytes(0) + LOG_RECORD_ALIGNMENT);
	int error = log->poison;

	if (error < 0 || fits(log, room->bulk, bytes, room->records))
		return error;
	if (log->spare_count == 0)
		error = log_prepare(log, UINT32_MAX);
	if (error < 0)
		return error;
	return fits(log, room->bulk, bytes, room->records) || fits_next_segment(log, room, bytes)
			   ? 0
			   : LOG_FULL;
}

static int
append(Log *log, LogRecord *record)
{
	uint32_t bytes = log_record_bytes(record->payload_length);
	uint32_t offset;
	int error;

	if (log->poison < 0)
		return log->poison;
	error = make_room(log, is_bulk(record), bytes);
	if (error < 0)
		return error;
	offset = log_active_segment(log)->end_offset;
	emit(log, record);
	log_state_apply(&log->state, record, offset);
	return 0;
}

/*
 * Control state must fit into the checkpoint of every later segment; `checkpoint_bytes` is what
 * this record adds there, 0 if it replaces a value as long.
 */
static int
append_control_state(Log *log, LogRecord *record, uint32_t checkpoint_bytes)
{
	if (log->poison < 0)
		return log->poison;
	if (checkpoint_bytes > 0 &&
		log->state.checkpoint_bytes + checkpoint_bytes > log->segment_bytes / 4)
		return LOG_FULL;
	return append(log, record);
}

/* ---- the records ---- */

/* An entry in a place of its own; `rule` is what an entry that cannot follow would break. */
static int
append_entry(Log *log, LogRecord *record, const char *rule)
{
	if (record->payload_length > log_payload_max_bytes(log))
		return -EMSGSIZE;
	CORE_INVARIANT(rule, log_state_objection(&log->state, record) == NULL);
	return append(log, record);
}

int
log_append_entry(Log *log, GroupId group, Lsn lsn, Ballot ballot, const void *payload,
				 uint32_t length)
{
	LogRecord record = {
		LOG_ENTRY, group, lsn, ballot, .payload = payload, .payload_length = length};

	return append_entry(log, &record, "I5");
}

int
log_append_entry_again(Log *log, GroupId group, Lsn lsn, Ballot ballot, const void *payload,
					   uint32_t length)
{
	LogRecord record = {LOG_ENTRY_AGAIN,         group, lsn, ballot, .payload = payload,
						.payload_length = length};

	return append_entry(log, &record, "I15");
}

int
log_append_promise(Log *log, GroupId group, Ballot ballot)
{
	LogRecord record = {.kind = LOG_PROMISE, .group = group, .ballot = ballot};

	CORE_INVARIANT("I3", log_state_objection(&log->state, &record) == NULL);
	return append(log, &record);
}

int
log_append_cut(Log *log, GroupId group, Lsn lsn, Ballot ballot)
{
	LogRecord record = {.kind = LOG_CUT, .group = group, .lsn = lsn, .ballot = ballot};

	CORE_INVARIANT("I6", log_state_objection(&log->state, &record) == NULL);
	return append(log, &record);
}

int
log_append_rebase(Log *log, GroupId group, Lsn lsn, Ballot ballot)
{
	LogRecord record = {.kind = LOG_REBASE, .group = group, .lsn = lsn, .ballot = ballot};

	CORE_INVARIANT("I6", log_state_objection(&log->state, &record) == NULL);
	return append(log, &record);
}

int
log_append_rows(Log *log, GroupId group, bool present)
{
	LogRecord record = {.kind = LOG_ROWS, .group = group, .lsn = present};

	CORE_ASSERT(log_state_objection(&log->state, &record) == NULL);
	return append(log, &record);
}

/* What a new group's state adds to a checkpoint. */
static uint32_t
new_group_bytes(uint32_t membership_length)
{
	return log_record_bytes(log_group_state_bytes(1, membership_length));
}

bool
log_takes_group(const Log *log, uint32_t membership_length)
{
	return log->state.checkpoint_bytes + (uint64_t) new_group_bytes(membership_length) <=
		   log->segment_bytes / 4;
}

int
log_append_group(Log *log, GroupId group, const void *membership, uint32_t length)
{
	LogRecord record = {
		.kind = LOG_GROUP,
		.group = group,
		.payload = membership,
		.payload_length = length,
	};

	if (length > LOG_BLOB_MAX_BYTES || length > log_payload_max_bytes(log))
		return -EMSGSIZE;
	CORE_ASSERT(log_state_objection(&log->state, &record) == NULL);
	return append_control_state(log, &record,
								log_state_group(&log->state, group) ? 0 : new_group_bytes(length));
}

int
log_append_group_drop(Log *log, GroupId group)
{
	LogRecord record = {.kind = LOG_GROUP_DROP, .group = group};

	CORE_ASSERT(log_state_objection(&log->state, &record) == NULL);
	return append(log, &record);
}

int
log_append_node(Log *log, uint16_t key, const void *value, uint32_t length)
{
	LogRecord record = {
		.kind = LOG_NODE,
		.lsn = key,
		.payload = value,
		.payload_length = length,
	};

	uint32_t old_length = 0;
	const void *old = log_node_value(log, key, &old_length);

	if (length > LOG_BLOB_MAX_BYTES || length > log_payload_max_bytes(log))
		return -EMSGSIZE;
	return append_control_state(log, &record,
								old && old_length >= length ? 0 : log_record_bytes(length));
}

int
log_append_tick(Log *log)
{
	LogRecord record = {.kind = LOG_TICK};

	return append(log, &record);
}

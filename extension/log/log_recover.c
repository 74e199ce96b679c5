/*
 * log_recover.c
 *		Rebuilding the log's state from its segment files, and telling a torn tail from rot.
 *
 * Every retained segment is read and verified, oldest first.  Closed segments end with an index.
 * The first one that does not is the tail: nothing was ever written behind it.  What follows its
 * last whole record is
 *	- a torn write, if nothing shows that it had been synced: cut off;
 *	- rot, if any whole record further on says that the log was synced beyond that place when it
 *	  was made, or lies in a later file: the log is not opened.
 * Damage at the very end of the last completed sync cannot be told from a torn write by this node
 * alone. Its peers can: they remember what it acknowledged and refuse less.
 *
 * What is kept is written and synced once more from the last place that is known to be durable:
 * the process may have ended because a sync failed, and then the page cache shows what the disk
 * does not have.  All behind it is overwritten with zeros, so that no leftover of a torn write can
 * ever continue the chain.
 */
#include "log/log_private.h"

#include <stdlib.h>

typedef struct Recovery
{
	Log *log;
	LogOpenResult *result;
	uint8_t *image;
	uint32_t *numbers; /* of the files found, ascending */
	uint32_t number_count;

	/* The segment being read. */
	LogScan scan;
	bool closed;              /* its index was met */
	uint32_t durable_offset;  /* synced up to here, as its records say */
	uint32_t checkpoint_left; /* records of its checkpoint still to come */
	bool checkpoint_begun;

	/* The one before it. */
	uint32_t previous_crc; /* of its last record */
	uint32_t previous_durable_offset;
} Recovery;

static bool
failed(Recovery *recovery, int error)
{
	recovery->result->status = error == -EPROTO ? LOG_OPEN_VERSION : LOG_OPEN_FAILED;
	recovery->result->error = error;
	return false;
}

/* Damage in the segment being read, from `offset` on. */
static bool
rotten(Recovery *recovery, const char *reason, uint32_t number, uint32_t offset)
{
	LogDamage *damage = &recovery->result->damage;

	recovery->result->status = LOG_OPEN_ROTTEN;
	damage->reason = reason;
	damage->segment = number;
	damage->begin_offset = offset;
	damage->end_offset = recovery->log->segment_bytes;
	return false;
}

static bool
rotten_here(Recovery *recovery, const char *reason, uint32_t offset)
{
	rotten(recovery, reason, log_active_segment(recovery->log)->number, offset);
	log_damage_explain(&recovery->result->damage, &recovery->log->state, &recovery->scan);
	return false;
}

/* ---- which files there are ---- */

static int
collect_number(void *ctx, const char *name)
{
	Recovery *recovery = ctx;
	uint32_t number = log_segment_number(name);

	if (number == 0)
		return 0;
	recovery->numbers = log_reallocate(recovery->numbers,
									   (recovery->number_count + 1) * sizeof(*recovery->numbers));
	recovery->numbers[recovery->number_count++] = number;
	return 0;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a;
	uint32_t y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

/* The size of segments stands in their headers; the oldest one is asked. */
static int
read_segment_bytes(Recovery *recovery)
{
	Log *log = recovery->log;
	char name[LOG_SEGMENT_NAME_BYTES];
	uint8_t bytes[LOG_HEADER_BYTES];
	LogSegmentHeader header;
	int handle;
	int error;

	log_segment_name(recovery->numbers[0], name);
	handle = log->io->open(log->io->ctx, name, LOG_IO_READ);
	if (handle < 0)
		return handle;
	error = log_io_read_all(log->io, handle, bytes, sizeof(bytes), 0);
	log->io->close(log->io->ctx, handle);
	if (error == 0)
		error = log_header_decode(bytes, &header);
	if (error == 0 && header.segment_bytes < LOG_SEGMENT_MIN_BYTES)
		error = -EBADMSG;
	if (error == 0)
		log->segment_bytes = header.segment_bytes;
	return error == -ENODATA ? -EBADMSG : error;
}

static bool
list_segments(Recovery *recovery)
{
	const LogIo *io = recovery->log->io;
	int error = io->list(io->ctx, collect_number, recovery);

	if (error < 0)
		return failed(recovery, error);
	if (recovery->number_count == 0)
		return rotten(recovery, "all segments are missing", 1, 0);
	qsort(recovery->numbers, recovery->number_count, sizeof(*recovery->numbers), compare_numbers);
	error = read_segment_bytes(recovery);
	if (error == -EBADMSG)
		return rotten(recovery, "segment header is damaged", recovery->numbers[0], 0);
	if (error < 0)
		return failed(recovery, error);
	for (uint32_t i = 1; i < recovery->number_count; i++)
		if (recovery->numbers[i] != recovery->numbers[i - 1] + 1)
			return rotten(recovery, "segment is missing", recovery->numbers[i - 1] + 1, 0);
	return true;
}

/* ---- one record ---- */

/* What was said before the oldest segment is known from its checkpoint alone. */
static bool
in_oldest_segment(const Recovery *recovery)
{
	return recovery->log->segment_count == 1;
}

static const char *
take_checkpoint_begin(Recovery *recovery, const LogRecord *record)
{
	LogCheckpointBegin begin;

	if (recovery->checkpoint_begun || record->payload_length != LOG_CHECKPOINT_BEGIN_BYTES)
		return "checkpoint is malformed";
	log_checkpoint_begin_decode(record->payload, &begin);
	recovery->checkpoint_begun = true;
	recovery->checkpoint_left = begin.node_values + begin.groups;
	if (in_oldest_segment(recovery))
		return NULL;
	if (begin.previous_crc != recovery->previous_crc)
		return "segment does not continue the one before it";
	return begin.groups == recovery->log->state.group_count
			   ? NULL
			   : "checkpoint contradicts the records before it";
}

static const char *
take_checkpoint_record(Recovery *recovery, const LogRecord *record)
{
	LogState *state = &recovery->log->state;

	if (!recovery->checkpoint_begun)
		return "segment does not begin with a checkpoint";
	recovery->checkpoint_left--;
	if (record->kind == LOG_CHECKPOINT)
		return in_oldest_segment(recovery) ? log_state_restore(state, record)
										   : log_state_compare(state, record);
	return record->kind == LOG_NODE ? NULL : "checkpoint is malformed";
}

/* Returns why the record cannot be where it is, or NULL. */
static const char *
take_record(Recovery *recovery, const LogRecord *record, uint32_t offset)
{
	LogState *state = &recovery->log->state;
	const char *objection;

	if (record->synced_offset > recovery->durable_offset)
		recovery->durable_offset = record->synced_offset;
	if (record->kind == LOG_CHECKPOINT && record->group == 0)
		return take_checkpoint_begin(recovery, record);
	if (!recovery->checkpoint_begun || recovery->checkpoint_left > 0)
	{
		objection = take_checkpoint_record(recovery, record);
		if (objection || record->kind == LOG_CHECKPOINT)
			return objection;
	}
	if (record->kind == LOG_INDEX)
	{
		recovery->closed = true;
		return record->payload_length % LOG_INDEX_ITEM_BYTES == 0 ? NULL : "index is malformed";
	}
	objection = log_state_objection(state, record);
	if (!objection)
		log_state_apply(state, record, offset);
	return objection;
}

/* ---- one segment ---- */

static bool
load_segment(Recovery *recovery, uint32_t number)
{
	Log *log = recovery->log;
	LogSegmentHeader header = log_segment_header(&log->identity, log->segment_bytes, number);
	int error = log_scan_load(log->io, &header, recovery->image);

	if (error == -EBADMSG)
		return rotten(recovery, "segment header is damaged", number, 0);
	if (error < 0)
		return failed(recovery, error);
	log_scan_start(&recovery->scan, recovery->image, log->segment_bytes, header.crc);
	return true;
}

/* Takes all records of a segment; recovery->scan stops behind the last one. */
static bool
replay_segment(Recovery *recovery, uint32_t number)
{
	Log *log = recovery->log;
	LogRecord record;
	int found;

	if (!load_segment(recovery, number))
		return false;
	log_add_segment(log, number);
	log_state_begin_segment(&log->state, number);
	recovery->closed = false;
	recovery->durable_offset = LOG_RECORDS_OFFSET;
	recovery->checkpoint_begun = false;
	recovery->checkpoint_left = 0;
	while (!recovery->closed && (found = log_scan_next(&recovery->scan, &record)) != 0)
	{
		uint32_t offset = recovery->scan.offset - log_record_bytes(record.payload_length);
		const char *objection;

		if (found < 0)
			return failed(recovery, found);
		objection = take_record(recovery, &record, offset);
		if (objection)
			return rotten_here(recovery, objection, offset);
	}
	log_active_segment(log)->end_offset = recovery->scan.offset;
	return true;
}

/* Replays closed segments up to and including the one that is not closed: the tail. */
static bool
replay_all(Recovery *recovery, uint32_t *replayed)
{
	uint32_t i = 0;

	for (;; i++)
	{
		if (i == recovery->number_count)
			return rotten(recovery, "segment is missing", recovery->numbers[i - 1] + 1, 0);
		if (!replay_segment(recovery, recovery->numbers[i]))
			return false;
		if (!recovery->closed)
			break;
		recovery->previous_crc = recovery->scan.chain;
		recovery->previous_durable_offset = recovery->durable_offset;
	}
	*replayed = i + 1;
	return true;
}

/* ---- the tail ---- */

/* Looks for proof that what is not readable at the end of the tail had been synced. */
static bool
check_tail(Recovery *recovery)
{
	uint32_t end = recovery->scan.offset;
	uint32_t offset = end;
	LogRecord record;

	while ((offset = log_scan_find(&recovery->scan, offset, &record)) < recovery->scan.image_bytes)
	{
		if (record.synced_offset > end && record.synced_offset <= offset)
			return rotten_here(recovery, "synced records are damaged", end);
		recovery->result->cut_records++;
		offset += log_record_bytes(record.payload_length);
	}
	if (in_oldest_segment(recovery) &&
		(!recovery->checkpoint_begun || recovery->checkpoint_left > 0))
		return rotten_here(recovery, "checkpoint of the oldest segment is damaged", end);
	return true;
}

/*
 * Files behind the tail were made ahead of use: a record of theirs proves that the tail was
 * complete.
 */
static bool
check_spares(Recovery *recovery, uint32_t first_spare)
{
	Log *log = recovery->log;
	uint32_t tail_end = log_active_segment(log)->end_offset;
	LogRecord record;

	for (uint32_t i = first_spare; i < recovery->number_count; i++)
	{
		if (!load_segment(recovery, recovery->numbers[i]))
			return false;
		if (log_scan_find(&recovery->scan, LOG_RECORDS_OFFSET, &record) < log->segment_bytes)
			return rotten(recovery, "end of a closed segment is damaged",
						  log_active_segment(log)->number, tail_end);
		log->spare_count++;
	}
	return true;
}

/* Writes bytes from..to of a segment again as they are, and zeros behind them to its end; syncs. */
static int
rewrite(Log *log, uint8_t *image, LogSegment *segment, uint32_t from, uint32_t to)
{
	LogSegmentHeader header = log_segment_header(&log->identity, log->segment_bytes,
												 segment->number);
	int error = log_scan_load(log->io, &header, image);

	if (error == 0)
		error = log_open_segment(log, segment);
	if (error < 0)
		return error;
	memset(image + to, 0, log->segment_bytes - to);
	error = log_io_write_all(log->io, segment->handle, image + from, log->segment_bytes - from,
							 from);
	return error < 0 ? error : log->io->sync_data(log->io->ctx, segment->handle);
}

/*
 * Makes the tail end where its last whole record does.  A checkpoint that is not whole is written
 * anew: nothing behind it can have been acknowledged.  Then the segment before, too, may just have
 * been closed.
 */
static int
repair_tail(Recovery *recovery)
{
	Log *log = recovery->log;
	LogSegment *tail = log_active_segment(log);
	bool empty = !recovery->checkpoint_begun || recovery->checkpoint_left > 0;
	int error = 0;

	log->chain = recovery->scan.chain;
	if (empty)
	{
		LogSegment *before = tail - 1;

		tail->end_offset = LOG_RECORDS_OFFSET;
		recovery->durable_offset = LOG_RECORDS_OFFSET;
		log->chain = tail->seed;
		error = rewrite(log, recovery->image, before, recovery->previous_durable_offset,
						before->end_offset);
	}
	if (error == 0)
		error = rewrite(log, recovery->image, tail, recovery->durable_offset, tail->end_offset);
	return error;
}

/* Entries that only an older, recycled segment held are gone for good. */
static void
forget_recycled_entries(LogState *state)
{
	LogGroup *group;
	uint32_t slot = 0;

	while ((group = log_state_next_group(state, &slot)) != NULL)
	{
		Lsn gone = group->append_lsn - group->location_count;

		if (gone > group->base_lsn)
			log_group_advance_base(state, group, gone);
	}
}

static bool
recover(Recovery *recovery)
{
	Log *log = recovery->log;
	uint32_t replayed = 0;
	LogScan tail_scan;
	int error;

	if (!list_segments(recovery))
		return false;
	recovery->image = log_allocate(log->segment_bytes);
	if (!replay_all(recovery, &replayed) || !check_tail(recovery))
		return false;
	tail_scan = recovery->scan;
	if (!check_spares(recovery, replayed))
		return false;
	recovery->scan = tail_scan;
	error = log_remove_leftovers(log->io);
	if (error == 0)
		error = repair_tail(recovery);
	if (error == 0)
		error = log->io->sync_directory(log->io->ctx);
	if (error < 0)
		return failed(recovery, error);
	forget_recycled_entries(&log->state);
	return true;
}

void
log_recover(Log *log, LogOpenResult *result)
{
	Recovery recovery = {.log = log, .result = result};

	if (recover(&recovery))
		log->recovered_previous_crc = recovery.previous_crc;
	free(recovery.image);
	free(recovery.numbers);
}

/*
 * log_recover.c
 *		Rebuilding the log from its segment files, and telling a torn tail from rot.
 *
 * Every retained segment is read and verified, oldest first (log_replay.c).  The last one that holds any record is the
 * tail, or, if that is closed by its index, the one after it: nothing was ever written behind it.  What follows the
 * tail's last whole record is
 *	- a torn write, if nothing shows that it had been synced: cut off;
 *	- rot, if any whole record further on says that the log was synced beyond that place when it was made.
 * In a segment before the tail whatever cannot be read is rot.  Rot takes payloads of entries, if a checkpoint behind
 * it tells the state of all groups; else the log is not opened (docs/decisions/0009-log-rot.md).
 * Damage at the very end of the last completed sync cannot be told from a torn write by this node
 * alone. Its peers can: they remember what it acknowledged and refuse less.
 *
 * What is kept is written and synced once more from the last place that is known to be durable:
 * the process may have ended because a sync failed, and then the page cache shows what the disk
 * does not have.  All behind it is overwritten with zeros, so that no leftover of a torn write can
 * ever continue the chain.  Segments before that are left as they are, damaged or not: what is lost in them is found
 * again by each start, until truncation gives them up.
 */
#include "log/log_replay.h"

#include <stdlib.h>

#include "log/log_group.h"

/* ---- which files there are ---- */

typedef struct Files
{
	uint32_t *numbers; /* ascending */
	uint32_t count;
} Files;

static int
collect_number(void *ctx, const char *name)
{
	Files *files = ctx;
	uint32_t number = log_segment_number(name);

	if (number == 0)
		return 0;
	files->numbers = log_reallocate(files->numbers, (files->count + 1) * sizeof(*files->numbers));
	files->numbers[files->count++] = number;
	return 0;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a;
	uint32_t y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

static int
read_header(const Log *log, uint32_t number, LogSegmentHeader *header)
{
	char name[LOG_SEGMENT_NAME_BYTES];
	uint8_t bytes[LOG_HEADER_BYTES];
	int handle;
	int error;

	log_segment_name(number, name);
	handle = log->io->open(log->io->ctx, name, LOG_IO_READ);
	if (handle < 0)
		return handle;
	error = log_io_read_all(log->io, handle, bytes, sizeof(bytes), 0);
	log->io->close(log->io->ctx, handle);
	if (error == 0)
		error = log_header_decode(bytes, header);
	if (error == 0 && header->segment_bytes < LOG_SEGMENT_MIN_BYTES)
		error = -EBADMSG;
	return error == -ENODATA ? -EBADMSG : error;
}

/* The size of segments stands in their headers; the oldest one that is whole and can be read is asked. */
static int
read_segment_bytes(Log *log, const Files *files)
{
	int error = -EBADMSG;

	for (uint32_t i = 0; i < files->count && (error == -EBADMSG || error == -EIO); i++)
	{
		LogSegmentHeader header;

		error = read_header(log, files->numbers[i], &header);
		if (error == 0)
			log->segment_bytes = header.segment_bytes;
	}
	return error;
}

static bool
list_segments(Replay *replay, Files *files)
{
	const LogIo *io = replay->log->io;
	int error = io->list(io->ctx, collect_number, files);

	if (error < 0)
		return replay_failed(replay, error);
	if (files->count == 0)
		return replay_rotten(replay, "all segments are missing", 1, 0);
	qsort(files->numbers, files->count, sizeof(*files->numbers), compare_numbers);
	error = read_segment_bytes(replay->log, files);
	replay->met_gaps = error == -EIO;
	if (error == -EBADMSG || error == -EIO)
		return replay_rotten(replay, "headers of all segments are damaged", files->numbers[0], 0);
	return error < 0 ? replay_failed(replay, error) : true;
}

/* Finds the last segment in which a record can be read; false if there is none. */
static bool
find_last_used(Replay *replay, const Files *files)
{
	for (uint32_t i = files->count; i > 0; i--)
	{
		LogRecord record;

		if (!replay_load(replay, files->numbers[i - 1]))
			return false;
		replay->last_used = files->numbers[i - 1];
		if (log_scan_find(&replay->scan, LOG_RECORDS_OFFSET, &record) < replay->scan.image_bytes)
			return true;
		replay->next_is_hidden = log_gaps_meet(&replay->gaps, LOG_RECORDS_OFFSET,
											   LOG_RECORDS_OFFSET + LOG_RECORD_HEADER_BYTES);
	}
	return replay_rotten(replay, "no segment holds a record", files->numbers[0], 0);
}

static bool
has_file(const Files *files, uint32_t number)
{
	for (uint32_t i = 0; i < files->count; i++)
		if (files->numbers[i] == number)
			return true;
	return false;
}

/* Replays all segments up to and including the one that is not closed: the tail. */
static bool
replay_all(Replay *replay, const Files *files)
{
	uint32_t number = files->numbers[0];

	for (; number <= replay->last_used; number++)
		if (!replay_segment(replay, number))
			return false;
	if (!replay->closed)
		return true;
	/* The next file was made before this segment was closed. */
	if (!has_file(files, number))
		return replay_rotten(replay, "segment is missing", number, 0);
	return replay_segment(replay, number);
}

/* ---- the files behind the tail ---- */

/*
 * They were made ahead of use and hold no record.  One that does not follow the others without a hole in the numbers,
 * has no whole header, or cannot be read as a whole, is of no use.
 */
static int
count_spares(Replay *replay, const Files *files)
{
	Log *log = replay->log;
	uint32_t next = log_active_segment(log)->number + 1;

	for (uint32_t i = 0; i < files->count; i++)
	{
		LogSegmentHeader header = log_segment_header(&log->identity, log->segment_bytes, next);
		char name[LOG_SEGMENT_NAME_BYTES];
		int error = -EBADMSG;

		if (files->numbers[i] < next)
			continue;
		if (files->numbers[i] == next)
			error = log_scan_load(log->io, &header, replay->image, &replay->gaps);
		if (error == 0 && replay->gaps.count == 0)
		{
			log->spare_count++;
			next++;
			continue;
		}
		if (error < 0 && error != -EBADMSG)
			return error;
		log_segment_name(files->numbers[i], name);
		error = log->io->unlink(log->io->ctx, name);
		if (error < 0)
			return error;
	}
	return 0;
}

/* ---- the tail ---- */

/* Writes the image from there on, but for what could not be read: nobody knows what a write there does. */
static int
write_around(const Log *log, int handle, const uint8_t *image, uint32_t from, const LogGaps *gaps)
{
	int error = 0;

	while (error == 0 && from < log->segment_bytes)
	{
		uint32_t to = log_gaps_next(gaps, from, log->segment_bytes);

		error = log_io_write_all(log->io, handle, image + from, to - from, from);
		from = log_gaps_pass(gaps, to);
	}
	return error;
}

/*
 * Writes bytes from..to of a segment again as they are, and zeros behind them to its end; syncs.  The header, too, if
 * it is damaged.
 */
static int
rewrite(Replay *replay, LogSegment *segment, uint32_t from, uint32_t to)
{
	Log *log = replay->log;
	uint8_t *image = replay->image;
	LogSegmentHeader header = log_segment_header(&log->identity, log->segment_bytes,
												 segment->number);
	int error = log_scan_load(log->io, &header, image, &replay->gaps);

	if (error == -EBADMSG)
	{
		log_header_encode(&header, image);
		from = 0;
		error = 0;
	}
	if (error == 0)
		error = log_open_segment(log, segment);
	if (error < 0)
		return error;
	memset(image + to, 0, log->segment_bytes - to);
	error = write_around(log, segment->handle, image, from, &replay->gaps);
	return error < 0 ? error : log->io->sync_data(log->io->ctx, segment->handle);
}

/*
 * Makes the tail end where its last whole record does.  A checkpoint that is not whole is written
 * anew: nothing behind it can have been acknowledged.  Then the segment before, too, may just have
 * been closed; one that is damaged was closed long enough ago to be synced.
 */
static int
repair_tail(Replay *replay)
{
	Log *log = replay->log;
	LogSegment *tail = log_active_segment(log);
	int error = 0;

	log->chain = replay->scan.chain;
	if (replay->checkpoint_is_torn)
	{
		LogSegment *before = tail - 1;

		tail->end_offset = LOG_RECORDS_OFFSET;
		replay->durable_offset = LOG_RECORDS_OFFSET;
		log->chain = tail->seed;
		if (!before->is_damaged)
			error = rewrite(replay, before, replay->previous_durable_offset, before->end_offset);
	}
	if (error == 0)
		error = rewrite(replay, tail, replay->durable_offset, tail->end_offset);
	return error;
}

/* ---- entries without a place ---- */

/*
 * Without damage, an entry that no segment holds was in one that is recycled: it and all before it are gone for good.
 * With damage it may as well have been lost, and is taken for a hole: a base that is too high would be worse.
 */
static void
settle_places(Replay *replay)
{
	LogState *state = &replay->log->state;
	LogGroup *group;
	uint32_t slot = 0;

	while ((group = log_state_next_group(state, &slot)) != NULL)
	{
		if (replay->log->is_damaged)
			log_group_fill_holes(group, replay->first_damaged);
		else if (log_group_highest_unmet(group) > group->base_lsn)
			log_group_advance_base(state, group, log_group_highest_unmet(group));
	}
}

/* No checkpoint says what was promised. */
static bool
unsettled(Replay *replay)
{
	if (!replay->unsettled.reason)
		return replay_rotten(replay, "no checkpoint is whole", replay->last_used,
							 LOG_RECORDS_OFFSET);
	replay->result->status = LOG_OPEN_ROTTEN;
	replay->result->damage = replay->unsettled;
	return false;
}

/* The tail must be closed, and a checkpoint that is torn be made anew, in front of what cannot be read of it. */
static bool
tail_has_room(const Replay *replay)
{
	const Log *log = replay->log;
	const LogSegment *tail = log_active_segment(log);

	if (replay->checkpoint_is_torn)
		return LOG_RECORDS_OFFSET + log->state.checkpoint_bytes + log_index_bytes(0) <=
			   tail->limit_offset;
	return tail->end_offset + log_index_bytes(log->state.touched_count) <= tail->limit_offset;
}

static bool
recover(Replay *replay, Files *files)
{
	Log *log = replay->log;
	int error;

	if (!list_segments(replay, files))
		return false;
	replay->image = log_allocate(log->segment_bytes);
	if (!find_last_used(replay, files) || !replay_all(replay, files))
		return false;
	if (!replay->known)
		return unsettled(replay);
	if (!tail_has_room(replay))
		return replay_rotten(replay, "no room is left in front of what cannot be read",
							 replay->last_used, log_active_segment(log)->end_offset);
	error = log_remove_leftovers(log->io);
	if (error == 0)
		error = count_spares(replay, files);
	if (error == 0)
		error = repair_tail(replay);
	if (error == 0)
		error = log->io->sync_directory(log->io->ctx);
	if (error < 0)
		return replay_failed(replay, error);
	settle_places(replay);
	return true;
}

void
log_recover(Log *log, LogOpenResult *result)
{
	Replay replay = {.log = log, .result = result};
	Files files = {0};

	if (recover(&replay, &files))
		log->recovered_previous_crc = replay.previous_crc;
	else if (result->status == LOG_OPEN_ROTTEN && replay.met_gaps)
		result->status = LOG_OPEN_UNREADABLE;
	replay_free(&replay);
	free(files.numbers);
}

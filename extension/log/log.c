/*
 * log.c
 *		Making, opening and closing a log, and what can be asked of an open one.
 */
#include "log/log_private.h"

#include <stdlib.h>

#define LOCK_NAME "lock"

static uint32_t
or_default(uint32_t value, uint32_t default_value)
{
	return value ? value : default_value;
}

static Log *
allocate_log(const LogIo *io, const LogOptions *options)
{
	Log *log = log_allocate(sizeof(*log));

	log->io = io;
	log->lock_handle = -1;
	log->prepare_handle = -1;
	log->max_bytes = options->max_bytes;
	log->version = VERSION_NEWEST;
	log_state_init(&log->state);
	return log;
}

void
log_set_version(Log *log, ClusterVersion version)
{
	log->version = version;
}

void
log_close(Log *log)
{
	for (uint32_t i = 0; i < log->segment_count; i++)
		if (log->segments[i].handle >= 0)
			log->io->close(log->io->ctx, log->segments[i].handle);
	if (log->prepare_handle >= 0)
		log->io->close(log->io->ctx, log->prepare_handle);
	if (log->lock_handle >= 0)
		log->io->close(log->io->ctx, log->lock_handle);
	log_state_free(&log->state);
	log_buffer_free(&log->scratch);
	log_buffer_free(&log->window.buffer);
	free(log->segments);
	free(log->ring);
	free(log);
}

/* ---- making ---- */

static int
remove_segment(void *ctx, const char *name)
{
	const LogIo *io = ctx;

	return log_segment_number(name) > 0 || log_is_damaged_name(name) ? io->unlink(io->ctx, name)
																	 : 0;
}

/* The first segment, with the checkpoint of an empty log in it, durable. */
static int
make_first_segment(Log *log)
{
	int error = log_prepare(log, UINT32_MAX);

	if (error < 0)
		return error;
	log->spare_count = 0;
	log->chain = log_add_segment(log, 1)->seed;
	log_state_begin_segment(&log->state, 1);
	log_start_stream(log, 0);
	log_emit_checkpoint(log, 0);
	error = log_write(log);
	return error < 0 ? error : log_sync(log);
}

static int
create_in_locked(Log *log)
{
	const LogIo *io = log->io;
	LogIdentity existing;
	int error = log_identity_read(io, &existing);

	if (error != -ENOENT)
		return error < 0 ? error : -EEXIST;
	error = io->list(io->ctx, remove_segment, (void *) io);
	if (error == 0)
		error = log_remove_leftovers(io);
	if (error == 0)
		error = io->sync_directory(io->ctx);
	if (error == 0)
		error = io->identify(io->ctx, &log->identity.place);
	if (error == 0)
		error = make_first_segment(log);
	return error == 0 ? log_identity_write(io, &log->identity) : error;
}

int
log_create(const LogIo *io, const LogOptions *options,
		   const uint8_t cluster_id[LOG_CLUSTER_ID_BYTES], NodeId node)
{
	Log *log;
	uint32_t segment_bytes = or_default(options->segment_bytes, LOG_SEGMENT_DEFAULT_BYTES);
	int error = 0;

	if (segment_bytes < LOG_SEGMENT_MIN_BYTES || segment_bytes > LOG_SEGMENT_MAX_BYTES ||
		segment_bytes % 4096 != 0 || node == 0)
		return -EINVAL;
	log = allocate_log(io, options);
	log->segment_bytes = segment_bytes;
	memcpy(log->identity.cluster_id, cluster_id, LOG_CLUSTER_ID_BYTES);
	log->identity.node = node;
	log->lock_handle = io->lock(io->ctx, LOCK_NAME);
	if (log->lock_handle < 0)
		error = log->lock_handle;
	if (error == 0)
		error = create_in_locked(log);
	log_close(log);
	return error;
}

/* ---- opening ---- */

static void
fail(LogOpenResult *result, LogOpenStatus status, int error)
{
	result->status = status;
	result->error = error;
}

static void
lock_directory(Log *log, LogOpenResult *result)
{
	log->lock_handle = log->io->lock(log->io->ctx, LOCK_NAME);
	if (log->lock_handle < 0)
		fail(result, log->lock_handle == -EWOULDBLOCK ? LOG_OPEN_LOCKED : LOG_OPEN_FAILED,
			 log->lock_handle);
}

static void
check_identity(Log *log, bool adopt, LogOpenResult *result)
{
	LogIoIdentity place;
	int error = log_identity_read(log->io, &log->identity);

	if (error == -ENOENT)
		fail(result, LOG_OPEN_MISSING, error);
	else if (error == -EPROTO)
		fail(result, LOG_OPEN_VERSION, error);
	else if (error == -EBADMSG)
	{
		fail(result, LOG_OPEN_ROTTEN, error);
		result->damage.reason = "identity file is damaged";
	}
	else if (error < 0 || (error = log->io->identify(log->io->ctx, &place)) < 0)
		fail(result, LOG_OPEN_FAILED, error);
	else if (!adopt && (place.device != log->identity.place.device ||
						place.inode != log->identity.place.inode))
		fail(result, LOG_OPEN_FOREIGN, 0);
	else
		log->identity.place = place;
}

/* The log is usable for appends: its last segment has a whole checkpoint, all of it durable. */
static int
begin_life(Log *log, uint32_t cache_bytes)
{
	int error = 0;

	log_start_stream(log, cache_bytes);
	if (log_active_segment(log)->end_offset == LOG_RECORDS_OFFSET)
		log_emit_checkpoint(log, log->recovered_previous_crc);
	/* Where something cannot be read, a write torn by the next crash could not be told from a lost one. */
	if (log_active_segment(log)->limit_offset < log->segment_bytes)
		error = log_leave_segment(log);
	if (error == 0)
		error = log_write(log);
	if (error == 0)
		error = log_sync(log);
	if (error < 0)
		return error;
	log->identity.start_counter++;
	return log_identity_write(log->io, &log->identity);
}

LogOpenResult
log_open(Log **out, const LogIo *io, const LogOptions *options)
{
	LogOpenResult result = {.status = LOG_OPEN_OK};
	Log *log = allocate_log(io, options);
	int error;

	lock_directory(log, &result);
	if (result.status == LOG_OPEN_OK)
		check_identity(log, options->adopt, &result);
	if (result.status == LOG_OPEN_OK)
		log_recover(log, &result);
	if (result.status == LOG_OPEN_OK)
	{
		error = begin_life(log, or_default(options->cache_bytes, LOG_CACHE_DEFAULT_BYTES));
		if (error < 0)
			fail(&result, LOG_OPEN_FAILED, error);
	}
	if (result.status == LOG_OPEN_OK)
		*out = log;
	else
		log_close(log);
	return result;
}

const char *
log_open_status_text(LogOpenStatus status)
{
	switch (status)
	{
		case LOG_OPEN_OK:
			return "log is open";
		case LOG_OPEN_MISSING:
			return "log directory holds no log";
		case LOG_OPEN_LOCKED:
			return "log is in use by another process";
		case LOG_OPEN_FOREIGN:
			return "log directory was copied or restored from elsewhere";
		case LOG_OPEN_VERSION:
			return "log was written by a newer version";
		case LOG_OPEN_ROTTEN:
			return "log is damaged";
		case LOG_OPEN_UNREADABLE:
			return "log is damaged, and a part of it cannot be read";
		case LOG_OPEN_FAILED:
			return "could not read or write the log";
	}
	return "unknown status of the log";
}

/* ---- what the log knows ---- */

uint32_t
log_group_count(const Log *log)
{
	return log->state.group_count;
}

bool
log_group_state(const Log *log, GroupId group, LogGroupState *state)
{
	const LogGroup *found = log_state_group(&log->state, group);

	if (!found)
		return false;
	*state = log_group_describe(found);
	return true;
}

int
log_foreach_group(const Log *log, LogGroupCallback callback, void *ctx)
{
	const LogGroup *group;
	uint32_t slot = 0;

	while ((group = log_state_next_group(&log->state, &slot)) != NULL)
	{
		LogGroupState described = log_group_describe(group);
		int result = callback(ctx, &described);

		if (result != 0)
			return result;
	}
	return 0;
}

const void *
log_node_value(const Log *log, uint16_t key, uint32_t *length)
{
	const LogNodeValue *value = log_state_node_value(&log->state, key);

	*length = value ? value->length : 0;
	return value ? value->value : NULL;
}

void
log_set_commit_hint(Log *log, GroupId group, Lsn commit_lsn)
{
	LogGroup *found = log_state_group(&log->state, group);

	if (found && commit_lsn > found->append_lsn)
		commit_lsn = found->append_lsn;
	if (found && commit_lsn > found->commit_hint)
		found->commit_hint = commit_lsn;
}

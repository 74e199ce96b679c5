/*
 * engine.c
 *		Opening, closing and the turn of the replication engine; see engine.h.
 *
 * Run by the replicator process, and by the simulator.
 *
 * What is durable before what, in one turn: everything recorded since the last turn is written; messages
 * that depend on no record leave; the sync makes the records durable; the core hears of it; messages that
 * waited for the sync leave, and the owner hears of commits.  What the core records when it hears of the
 * sync waits for the sync of the next turn, which is due at once.
 *
 * It does not assume that the clock goes forward, that a frame arrives, or that the disk has room.
 */
#include "replication/engine_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Zeros written at most in one turn for the next segment file. */
#define PREPARE_BYTES_MAX (256 * 1024)

/* Pause before another try when that file cannot be made (disk full). */
#define PREPARE_RETRY_US 100000

/* Pause between two pieces of that file, when nothing else asks for a turn. */
#define PREPARE_PAUSE_US 1000

/* Writers are refused when the log is this many times log_bytes_max. */
#define LOG_HARD_LIMIT_FACTOR 2

/* Window of a follower, in messages of the largest number of entries. */
#define INFLIGHT_ACCEPTS 8

#define ACCEPT_ENTRIES_MAX 1024

/* Elections under way at a time: a few milliseconds of work, even if all of them go on in one turn. */
#define CONTENDERS_MAX 128

/* How often in a lease length the owner sees how long leases are; what it sees is short by that much at most. */
#define LEASE_SHOWINGS 6

/* A frame must hold a PROMISE with the longest outline, and a full ACCEPT half as large as itself. */
#define FRAME_BYTES_MIN (64 * 1024)

static char error_text[512];

void
engine_set_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error_text, sizeof(error_text), format, args);
	va_end(args);
}

const char *
engine_error(void)
{
	return error_text;
}

void *
engine_reallocate(void *memory, size_t size)
{
	memory = realloc(memory, size);
	CORE_ASSERT(memory != NULL || size == 0);
	return memory;
}

/* ---- opening ---- */

static LogOptions
log_options(const EngineConfig *config)
{
	LogOptions options = {.segment_bytes = config->segment_bytes,
						  .max_bytes = config->log_bytes_max * LOG_HARD_LIMIT_FACTOR,
						  .adopt = config->adopt};

	return options;
}

EngineStatus
engine_bootstrap(const LogIo *io, const EngineConfig *config)
{
	LogOptions options = log_options(config);
	int error = log_create(io, &options, config->cluster_id, config->self);

	if (error == 0)
		return ENGINE_OK;
	engine_set_error("could not create the log: %s", strerror(-error));
	return ENGINE_IO;
}

static EngineStatus
status_of_open(const LogOpenResult *result)
{
	switch (result->status)
	{
		case LOG_OPEN_OK:
			return ENGINE_OK;
		case LOG_OPEN_MISSING:
			engine_set_error("%s", log_open_status_text(result->status));
			return ENGINE_NO_IDENTITY;
		case LOG_OPEN_FOREIGN:
			engine_set_error("%s", log_open_status_text(result->status));
			return ENGINE_FOREIGN;
		case LOG_OPEN_VERSION:
			engine_set_error("%s: this release reads versions %d to %d of a cluster",
							 log_open_status_text(result->status), VERSION_OLDEST, VERSION_NEWEST);
			return ENGINE_VERSION;
		case LOG_OPEN_ROTTEN:
		case LOG_OPEN_UNREADABLE:
			engine_set_error("%s: %s, segment %llu, bytes %u to %u",
							 log_open_status_text(result->status), result->damage.reason,
							 (unsigned long long) result->damage.segment,
							 result->damage.begin_offset, result->damage.end_offset);
			return result->status == LOG_OPEN_ROTTEN ? ENGINE_ROTTEN : ENGINE_IO;
		case LOG_OPEN_LOCKED:
			engine_set_error("%s", log_open_status_text(result->status));
			return ENGINE_IO;
		case LOG_OPEN_FAILED:
			engine_set_error("%s: %s", log_open_status_text(result->status),
							 strerror(-result->error));
			return ENGINE_IO;
	}
	return ENGINE_IO;
}

/* The log is that of this node of this cluster. */
static EngineStatus
check_identity(const Log *log, const EngineConfig *config)
{
	const LogIdentity *identity = log_identity(log);

	if (identity->node == config->self &&
		memcmp(identity->cluster_id, config->cluster_id, sizeof(config->cluster_id)) == 0)
		return ENGINE_OK;
	engine_set_error("the log belongs to node %u of %s cluster", identity->node,
					 memcmp(identity->cluster_id, config->cluster_id, sizeof(config->cluster_id)) ==
							 0
						 ? "this"
						 : "another");
	return ENGINE_FOREIGN;
}

static int
adopt_recovered_group(void *context, const LogGroupState *state)
{
	if (engine_adopt_group(context, state))
		return 0;
	engine_set_error("the memberships of group %llu in the log are of an unknown format",
					 (unsigned long long) state->group);
	return 1;
}

/* A node value of zeros, unless the log has one. */
static bool
make_node_value(Log *log, uint16_t key, uint32_t bytes)
{
	static const uint8_t zeros[ENGINE_PEER_LIVES_BYTES];
	uint32_t length;

	CORE_ASSERT(bytes <= sizeof(zeros));
	return log_node_value(log, key, &length) || log_append_node(log, key, zeros, bytes) == 0;
}

/* The version of a cluster that was just made or joined, unless the log tells one. */
static bool
make_version_value(Log *log, ClusterVersion version)
{
	uint8_t value[sizeof(uint64_t)];
	uint32_t length;

	wire_put_u64(value, version);
	return log_node_value(log, ENGINE_KEY_VERSION, &length) ||
		   log_append_node(log, ENGINE_KEY_VERSION, value, sizeof(value)) == 0;
}

/*
 * The engine's own node values are there from the first open on: replacing one needs no room in checkpoints,
 * so that it cannot be refused later.
 */
static bool
make_node_values(Log *log, ClusterVersion version)
{
	return make_version_value(log, version) &&
		   make_node_value(log, ENGINE_KEY_GRANT_LENGTH, sizeof(uint64_t)) &&
		   make_node_value(log, ENGINE_KEY_PEER_LIVES, ENGINE_PEER_LIVES_BYTES) &&
		   make_node_value(log, ENGINE_KEY_OWN_LIVES, ENGINE_OWN_LIVES_BYTES) &&
		   make_node_value(log, ENGINE_KEY_SET_BACK, sizeof(uint64_t));
}

/* A node value of 64 bits, which is there. */
static uint64_t
node_number(const Log *log, uint16_t key)
{
	uint32_t length;
	const uint8_t *value = log_node_value(log, key, &length);

	CORE_INVARIANT("I8", value != NULL && length == sizeof(uint64_t));
	return wire_get_u64(value);
}

/* The version of the cluster as the log has it; false if this code does not read it. */
static bool
recover_version(Engine *engine)
{
	engine->version = (ClusterVersion) node_number(engine->log, ENGINE_KEY_VERSION);
	log_set_version(engine->log, engine->version);
	if (version_is_read(version_range_own(), engine->version))
		return true;
	engine_set_error("the cluster has version %u, but this release reads versions %u to %u",
					 engine->version, VERSION_OLDEST, VERSION_NEWEST);
	return false;
}

static void
create_core(Engine *engine)
{
	const EngineConfig *config = &engine->config;
	CoreConfig core = {.self = config->self,
					   .start_counter = log_identity(engine->log)->start_counter,
					   .lease_us = config->lease_us,
					   .heartbeat_us = config->heartbeat_us,
					   .clock_drift_ppm = config->clock_drift_ppm,
					   /* The longest grant of former lives; 0 on a new node. */
					   .wait_out_us = (TimeUs) node_number(engine->log, ENGINE_KEY_GRANT_LENGTH),
					   .accept_entries_max = ACCEPT_ENTRIES_MAX,
					   .inflight_entries_max = ACCEPT_ENTRIES_MAX * INFLIGHT_ACCEPTS,
					   .contenders_max = CONTENDERS_MAX,
					   .seed = config->seed};

	engine->core = core_node_create(&core, engine->now);
}

static void
init_engine(Engine *engine, Log *log, const EngineConfig *config, const EngineCallbacks *callbacks)
{
	CORE_ASSERT(config->frame_bytes_max >= FRAME_BYTES_MIN);
	memset(engine, 0, sizeof(*engine));
	engine->config = *config;
	engine->callbacks = *callbacks;
	engine->log = log;
	engine->now = callbacks->now(callbacks->context);
	engine->stepped_us = engine->now;
	engine->sync_started_us = engine->now;
	engine->opened_us = engine->now;
	engine->exchange_due_us = engine->now + config->lease_us;
	engine->truncate_due_us = engine->exchange_due_us;
	engine->remember_due_us = engine->exchange_due_us;
	engine_stir(engine);
	wire_arena_init(&engine->turn_arena, NULL, 0, SIZE_MAX / 2);
	wire_arena_init(&engine->frame_arena, NULL, 0, FRAME_ARENA_BYTES_MAX);
	wire_arena_init(&engine->fill_arena, NULL, 0, SIZE_MAX / 2);
}

/*
 * A full ACCEPT must fit into a frame with its structure.  And logs of peers have segments like ours: an
 * ACCEPT that one of them must cut short is a waste.
 */
static void
bound_accept_bytes(Engine *engine)
{
	EngineConfig *config = &engine->config;

	if (config->accept_bytes_max > config->frame_bytes_max / 2)
		config->accept_bytes_max = config->frame_bytes_max / 2;
	if (config->accept_bytes_max > log_payload_max_bytes(engine->log))
		config->accept_bytes_max = log_payload_max_bytes(engine->log);
}

/* Recovers what the open log knows. */
static EngineStatus
recover(Engine *engine)
{
	EngineStatus status = check_identity(engine->log, &engine->config);

	if (status != ENGINE_OK)
		return status;
	if (log_foreach_group(engine->log, adopt_recovered_group, engine) != 0)
		return ENGINE_VERSION;
	if (!make_node_values(engine->log, engine->config.cluster_version))
	{
		engine_set_error("there is no room in the log for the values of the node");
		return ENGINE_IO;
	}
	if (!recover_version(engine))
		return ENGINE_VERSION;
	if (node_number(engine->log, ENGINE_KEY_SET_BACK) != 0)
	{
		engine_explain_set_back((NodeId) node_number(engine->log, ENGINE_KEY_SET_BACK));
		return ENGINE_SET_BACK;
	}
	engine_recover_lives(engine);
	bound_accept_bytes(engine);
	create_core(engine);
	return ENGINE_OK;
}

EngineStatus
engine_open(Engine **out, const LogIo *io, const EngineConfig *config,
			const EngineCallbacks *callbacks)
{
	LogOptions options = log_options(config);
	Log *log = NULL;
	LogOpenResult result = log_open(&log, io, &options);
	EngineStatus status = status_of_open(&result);
	Engine *engine;

	if (status != ENGINE_OK)
		return status;
	engine = engine_reallocate(NULL, sizeof(Engine));
	init_engine(engine, log, config, callbacks);
	engine->damage = result.damage;
	status = recover(engine);
	if (status == ENGINE_OK)
		*out = engine;
	else
		engine_close(engine);
	return status;
}

void
engine_close(Engine *engine)
{
	if (engine->core)
		core_node_free(engine->core);
	engine_free_groups(engine);
	engine_free_queues(engine);
	frame_builder_free(&engine->builder);
	wire_arena_free(&engine->turn_arena);
	wire_arena_free(&engine->frame_arena);
	wire_arena_free(&engine->fill_arena);
	log_close(engine->log);
	free(engine);
}

void
engine_start(Engine *engine)
{
	if (engine->started)
		return;
	engine->started = true;
	engine_read_clock(engine);
	for (uint32_t i = 0; i < engine->groups.count; i++)
	{
		engine_open_in_core(engine, engine->groups.items[i]);
		engine_tell_missing(engine, engine->groups.items[i]);
		engine_mark_changed(engine, engine->groups.items[i]);
	}
}

/* ---- the turn ---- */

void
engine_read_clock(Engine *engine)
{
	Event event = {.kind = EVENT_CLOCK_ANOMALY};
	TimeUs now = engine->callbacks.now(engine->callbacks.context);

	if (now >= engine->now)
		engine->now = now;
	else if (!engine->clock_went_back)
	{
		engine->clock_went_back = true;
		engine_mark_led_changed(engine);
	}
	/*
	 * Time stands still until the clock has caught up; nothing is granted or held meanwhile (I8).  Without room the
	 * core hears of it later, before anything else is stepped: leases that are held until then are not shown.
	 */
	if (engine->clock_went_back && engine_has_control_room(engine))
	{
		engine->clock_went_back = false;
		engine_step(engine, &event);
	}
}

/* The clock without an event; one that went back is noticed by the next engine_read_clock. */
static void
advance_clock(Engine *engine)
{
	TimeUs now = engine->callbacks.now(engine->callbacks.context);

	if (now > engine->now)
		engine->now = now;
}

static void
tick(Engine *engine)
{
	Event event = {.kind = EVENT_TICK};

	engine->starved = !engine_has_control_room(engine);
	if (core_next_tick_us(engine->core) <= engine->now && !engine->starved)
		engine_step(engine, &event);
}

static bool
is_unsynced(const Engine *engine)
{
	return log_append_position(engine->log) != log_synced_position(engine->log);
}

/* Tells the other members of applied rows, each lease length, until all know all of it. */
static void
exchange_if_due(Engine *engine)
{
	if (engine->now < engine->exchange_due_us)
		return;
	engine->exchange_due_us = engine->now + engine->config.lease_us;
	if (engine->untold)
		engine->untold = !engine_exchange_applied(engine);
}

/*
 * Gives up old log, each lease length, if anything happened since.  Not with records that wait for a sync: truncation
 * syncs the log itself, and nobody would note that the core has to hear of it (sync_recorded).
 */
static void
truncate_if_due(Engine *engine)
{
	if (engine->now < engine->truncate_due_us || is_unsynced(engine))
		return;
	engine->truncate_due_us = engine->now + engine->config.lease_us;
	if (!engine->untruncated && log_size_bytes(engine->log) == engine->truncated_bytes)
		return;
	engine_truncate(engine);
	engine->truncated_bytes = log_size_bytes(engine->log);
}

/*
 * Lists the led groups when heartbeats or a sync made their leases longer, but not for each of these: that would
 * be most of what an idle node does.
 */
static void
show_leases_if_due(Engine *engine)
{
	if (!engine->leases_grew || engine->now < engine->leases_due_us)
		return;
	engine->leases_grew = false;
	engine->leases_due_us = engine->now + engine->config.lease_us / LEASE_SHOWINGS;
	engine_mark_led_changed(engine);
}

/* Makes the next segment file piece by piece, ahead of its need. */
static void
prepare_log(Engine *engine)
{
	int result;

	if (engine->now < engine->prepare_due_us)
		return;
	result = log_prepare(engine->log, PREPARE_BYTES_MAX);
	engine->prepare_due_us = engine->now + (result < 0 ? PREPARE_RETRY_US : 0);
	engine->prepare_goes_on = result > 0;
}

/* Now and then, damage to what was written so far is made harmless for what it promises (I15). */
static void
record_delta(Engine *engine, LogPace pace)
{
	if (!engine_may_repair(engine) || !log_delta_is_due(engine->log, pace))
		return;
	engine->delta_us = engine->now;
	engine_recorded(engine, log_append_delta(engine->log));
}

static void
record_delta_if_due(Engine *engine)
{
	bool for_long = engine->now >= engine->delta_us + engine->config.lease_us / 4;

	record_delta(engine, for_long ? LOG_BUSY_FOR_LONG : LOG_BUSY);
}

/* An idle node proves that its disk still works (I9). */
static TimeUs
idle_sync_due(const Engine *engine)
{
	return engine->sync_started_us + engine->config.lease_us / 4;
}

static void
record_tick_if_idle(Engine *engine)
{
	if (is_unsynced(engine) || engine->now < idle_sync_due(engine) ||
		!engine_has_control_room(engine))
		return;
	record_delta(engine, LOG_IDLE);
	if (!is_unsynced(engine))
		log_append_tick(engine->log);
}

/* Makes everything recorded durable; false if the log failed. */
static bool
sync_recorded(Engine *engine)
{
	TimeUs started_us;

	if (!is_unsynced(engine))
		return true;
	advance_clock(engine);
	started_us = engine->now;
	if (log_sync(engine->log) != 0)
		return false;
	CORE_INVARIANT("I2", !is_unsynced(engine));
	advance_clock(engine);
	engine->sync_started_us = started_us;
	engine->sync_untold = true;
	return true;
}

/*
 * Makes everything recorded durable and tells the core; false if the log failed.  What EVENT_SYNCED leads to needs room
 * as well: without it nothing is called durable yet, but is, so that old log can be given up and make room.  All that
 * the core has recorded is covered whenever it is told: nothing is stepped between log_write and EVENT_SYNCED.
 */
static bool
write_and_sync(Engine *engine)
{
	Event event = {.kind = EVENT_SYNCED};

	if (engine->failed || log_write(engine->log) != 0)
		return false;
	engine_send_now(engine);
	engine->starved = engine->starved || !engine_has_control_room(engine);
	if (!sync_recorded(engine))
		return false;
	if (!engine->sync_untold || engine->starved)
		return true;
	engine->sync_untold = false;
	event.sync_started_us = engine->sync_started_us;
	engine_send_after_sync(engine);
	engine->leases_grew = true;
	engine_step(engine, &event);
	engine_send_now(engine);
	return !engine->failed;
}

static void
tell_commits(Engine *engine)
{
	for (uint32_t i = 0; i < engine->committed.count; i++)
	{
		EngineGroup *group = engine_find_group(engine, engine->committed.items[i]);

		group->committed_is_news = false;
		engine->callbacks.committed(engine->callbacks.context, group->group, group->committed_lsn);
	}
	engine->committed.count = 0;
}

/* Forgets what belongs to the turn and hands the list of changed groups to the owner. */
static void
end_turn(Engine *engine)
{
	GroupList changed = engine->changed;

	for (uint32_t i = 0; i < changed.count; i++)
	{
		EngineGroup *group = engine_find_group(engine, changed.items[i]);

		group->changed = false;
		group->turn_count = 0;
	}
	engine->changed = engine->changed_last;
	engine->changed.count = 0;
	engine->changed_last = changed;
	/* What the sync led to may wait for the next one, with outlines in the arena. */
	if (!engine_has_queued(engine))
		wire_arena_reset(&engine->turn_arena);
}

int
engine_failure(const Engine *engine)
{
	int error = log_failure(engine->log);

	return -(error != 0 ? error : engine->append_error);
}

bool
engine_finish_turn(Engine *engine)
{
	engine_start(engine);
	if (engine->set_back_by != 0)
		return engine_record_set_back(engine);
	engine_read_clock(engine);
	prepare_log(engine);
	tick(engine);
	exchange_if_due(engine);
	engine_remember_peers(engine);
	engine_repair(engine);
	record_delta_if_due(engine);
	record_tick_if_idle(engine);
	if (!write_and_sync(engine))
		return false;
	truncate_if_due(engine);
	show_leases_if_due(engine);
	engine_tell_news(engine);
	tell_commits(engine);
	end_turn(engine);
	return true;
}

static TimeUs
earlier(TimeUs a, TimeUs b)
{
	return a < b ? a : b;
}

TimeUs
engine_next_wake_us(const Engine *engine)
{
	TimeUs due = earlier(core_next_tick_us(engine->core), engine->exchange_due_us);

	/* Without room for records nothing can be stepped; look again when there may be some. */
	if (engine->starved)
		return engine->now + PREPARE_RETRY_US;
	if (!engine->started || is_unsynced(engine) || engine_has_queued(engine))
		return engine->now;
	due = earlier(due, idle_sync_due(engine));
	if (log_is_damaged(engine->log))
		due = earlier(due, engine->repair_due_us);
	return engine->prepare_goes_on ? earlier(due, engine->now + PREPARE_PAUSE_US) : due;
}

/*
 * engine_lives.c
 *		The lives of the nodes, and logs that were set back: decision 0012.
 *
 * Run by the replicator (engine.h).  A life is what one start counter stands for: from one opening of the log to
 * the next.  Frames of former lives are dropped.  Beyond that each node remembers of each peer the newest life that
 * it heard, the random id that this life gave itself, and the place up to which the peer's log was durable then.
 * A log that was replaced by an older state of itself (a disk set back to a snapshot, a cold backup copied into
 * place) has forgotten promises and acknowledgements: it lacks that life, or ends before that place.  Peers that
 * see it drop what such a node says, and say what they remember; the node finds out and never runs again.
 */
#include "replication/engine_private.h"

/* How often it is recorded how far the peers' logs are known to be durable. */
#define REMEMBER_INTERVAL_US (10 * INT64_C(1000000))

/* ---- comparing ---- */

/*
 * Is the log whose lives are given, newest first, the one of which `known` was seen, with all that was durable
 * then?  `end` is how far the newest life is durable.  Where the known life is older than all that are given, the
 * place alone decides; where it is missing among them it recorded nothing, and what was durable had been before.
 */
static bool
lives_continue(const LogLife *lives, uint32_t count, uint64_t end, const LogLife *known)
{
	for (uint32_t i = 0; i < count && lives[i].start_counter >= known->start_counter; i++)
	{
		if (lives[i].start_counter == known->start_counter)
			return lives[i].id == known->id && known->place <= end;
		end = lives[i].place;
	}
	return count > 0 && lives[0].start_counter > known->start_counter && known->place <= end;
}

/* ---- in the log ---- */

static void
encode_life(uint8_t *bytes, const LogLife *life)
{
	wire_put_u64(bytes, life->start_counter);
	wire_put_u64(bytes + sizeof(uint64_t), life->id);
	wire_put_u64(bytes + 2 * sizeof(uint64_t), life->place);
}

static LogLife
decode_life(const uint8_t *bytes)
{
	return (LogLife){wire_get_u64(bytes), wire_get_u64(bytes + sizeof(uint64_t)),
					 wire_get_u64(bytes + 2 * sizeof(uint64_t))};
}

/* The lives that the log knows of this node go one place down; this one is the newest. */
static void
begin_life(Engine *engine)
{
	uint32_t length;
	const uint8_t *value = log_node_value(engine->log, ENGINE_KEY_OWN_LIVES, &length);
	uint8_t bytes[ENGINE_OWN_LIVES_BYTES] = {0};

	CORE_ASSERT(value != NULL && length == ENGINE_OWN_LIVES_BYTES);
	engine->lives[0] = (LogLife){.start_counter = log_identity(engine->log)->start_counter,
								 .id = engine->config.seed | 1,
								 .place = log_synced_place(engine->log)};
	engine->life_count = 1;
	for (uint32_t i = 0; i + 1 < LOG_LIVES_MAX; i++)
	{
		LogLife life = decode_life(value + i * ENGINE_LIFE_BYTES);

		if (life.start_counter != 0)
			engine->lives[engine->life_count++] = life;
	}
	for (uint32_t i = 0; i < engine->life_count; i++)
		encode_life(bytes + i * ENGINE_LIFE_BYTES, &engine->lives[i]);
	/* A life without a record is one whose id nobody can compare; its places are compared all the same. */
	if (engine_has_control_room(engine))
		engine_recorded(engine,
						log_append_node(engine->log, ENGINE_KEY_OWN_LIVES, bytes, sizeof(bytes)));
}

void
engine_recover_lives(Engine *engine)
{
	uint32_t length;
	const uint8_t *value = log_node_value(engine->log, ENGINE_KEY_PEER_LIVES, &length);

	CORE_ASSERT(value != NULL && length == ENGINE_PEER_LIVES_BYTES);
	for (uint32_t i = 0; i <= CORE_NODES_MAX; i++)
		engine->peers[i].life = decode_life(value + i * ENGINE_LIFE_BYTES);
	begin_life(engine);
}

static void
record_peers(Engine *engine)
{
	uint8_t bytes[ENGINE_PEER_LIVES_BYTES];

	for (uint32_t i = 0; i <= CORE_NODES_MAX; i++)
		encode_life(bytes + i * ENGINE_LIFE_BYTES, &engine->peers[i].life);
	engine_recorded(engine,
					log_append_node(engine->log, ENGINE_KEY_PEER_LIVES, bytes, sizeof(bytes)));
	engine->peers_grew = false;
	engine->remember_due_us = engine->now + REMEMBER_INTERVAL_US;
}

void
engine_remember_peers(Engine *engine)
{
	if (engine->peers_grew && engine->now >= engine->remember_due_us &&
		engine_has_control_room(engine))
		record_peers(engine);
}

/* ---- what is said ---- */

void
engine_describe_lives(Engine *engine, Message *message)
{
	const EnginePeer *peer = &engine->peers[message->to];
	Heartbeat *heartbeat = &message->heartbeat;

	heartbeat->lives = engine->lives;
	heartbeat->life_count = peer->knows_us ? 1 : engine->life_count;
	heartbeat->log_synced = log_synced_place(engine->log);
	if (peer->life.id != 0)
		heartbeat->heard = peer->life;
}

/* ---- what is heard ---- */

static const Heartbeat *
heartbeat_of(const Frame *frame)
{
	for (uint32_t i = 0; i < frame->message_count; i++)
		if (frame->messages[i].kind == MESSAGE_HEARTBEAT)
			return &frame->messages[i].heartbeat;
	return NULL;
}

static void
judge_peer(Engine *engine, NodeId peer, bool set_back)
{
	if (engine->peers[peer].set_back != set_back)
		engine->callbacks.set_back(engine->callbacks.context, peer, set_back);
	engine->peers[peer].set_back = set_back;
}

/* What a peer remembers of this node's log is compared with what there is. */
static void
compare_own_log(Engine *engine, NodeId peer, const LogLife *heard)
{
	engine->peers[peer].knows_us = heard->start_counter == engine->lives[0].start_counter;
	if (heard->start_counter != 0 &&
		!lives_continue(engine->lives, engine->life_count, log_synced_place(engine->log), heard))
		engine->set_back_by = peer;
}

/* A later life than the one known.  False if it cannot be believed, or not yet. */
static bool
take_new_life(Engine *engine, const Frame *frame, const Heartbeat *heartbeat)
{
	EnginePeer *peer = &engine->peers[frame->from];

	/* One that said what its log is has to say so again. */
	if ((peer->life.id != 0 && !heartbeat) || !engine_has_control_room(engine))
		return false;
	if (peer->life.id != 0 && !lives_continue(heartbeat->lives, heartbeat->life_count,
											  heartbeat->log_synced, &peer->life))
	{
		judge_peer(engine, frame->from, true);
		return false;
	}
	judge_peer(engine, frame->from, false);
	peer->life = (LogLife){.start_counter = frame->start_counter, .place = peer->life.place};
	if (heartbeat && heartbeat->life_count > 0)
		peer->life.id = heartbeat->lives[0].id;
	record_peers(engine);
	return true;
}

/* The life that is known, or claims to be. */
static bool
take_known_life(Engine *engine, const Frame *frame, const Heartbeat *heartbeat)
{
	EnginePeer *peer = &engine->peers[frame->from];

	if (!heartbeat || heartbeat->life_count == 0)
		return !peer->set_back;
	if (peer->life.id == 0)
		peer->life.id = heartbeat->lives[0].id;
	if (peer->life.id == heartbeat->lives[0].id)
		return !peer->set_back;
	judge_peer(engine, frame->from, true);
	return false;
}

/* The start counter of the frame's header and those of its heartbeat have to agree. */
static bool
heartbeat_fits(const Frame *frame, const Heartbeat *heartbeat)
{
	return !heartbeat || heartbeat->life_count == 0 ||
		   heartbeat->lives[0].start_counter == frame->start_counter;
}

bool
engine_takes_life(Engine *engine, const Frame *frame)
{
	EnginePeer *peer = &engine->peers[frame->from];
	const Heartbeat *heartbeat = heartbeat_of(frame);
	bool taken;

	if (!heartbeat_fits(frame, heartbeat))
		return false;
	if (heartbeat)
		compare_own_log(engine, frame->from, &heartbeat->heard);
	if (frame->start_counter < peer->life.start_counter)
		return false;
	taken = frame->start_counter > peer->life.start_counter
				? take_new_life(engine, frame, heartbeat)
				: take_known_life(engine, frame, heartbeat);
	if (taken && heartbeat && heartbeat->log_synced > peer->life.place)
	{
		peer->life.place = heartbeat->log_synced;
		engine->peers_grew = true;
	}
	return taken;
}

/* ---- a log that was set back ---- */

void
engine_explain_set_back(NodeId peer)
{
	engine_set_error("its log was set back to an older state: node %u remembers more of it", peer);
}

bool
engine_record_set_back(Engine *engine)
{
	uint8_t value[sizeof(uint64_t)];

	engine_explain_set_back(engine->set_back_by);
	wire_put_u64(value, engine->set_back_by);
	/* Without room it is found out again when the node is started again. */
	if (engine_has_control_room(engine))
		engine_recorded(engine,
						log_append_node(engine->log, ENGINE_KEY_SET_BACK, value, sizeof(value)));
	return !engine->failed && log_write(engine->log) == 0 && log_sync(engine->log) == 0;
}

NodeId
engine_set_back_by(const Engine *engine)
{
	return engine->set_back_by;
}

/*
 * engine_log.c
 *		What the owner reads from the log and keeps in it: entries to apply, and values of the node.
 */
#include "replication/engine_private.h"

typedef struct Reading
{
	Lsn to_lsn;
	uint64_t bytes_left;
	uint32_t count;
	EngineEntryVisitor visitor;
	void *context;
} Reading;

static int
visit_entry(void *context, const LogEntry *read)
{
	Reading *reading = context;
	Entry entry = {read->ballot, read->length, read->payload};

	if (read->lsn > reading->to_lsn || (reading->count > 0 && read->length > reading->bytes_left))
		return 1;
	reading->bytes_left -= read->length < reading->bytes_left ? read->length : reading->bytes_left;
	reading->count++;
	reading->visitor(reading->context, read->lsn, &entry);
	return 0;
}

uint32_t
engine_read_entries(Engine *engine, GroupId group, Lsn from_lsn, Lsn to_lsn, size_t max_bytes,
					EngineEntryVisitor visitor, void *context)
{
	Reading reading = {to_lsn, max_bytes, 0, visitor, context};

	if (from_lsn <= to_lsn && engine_find_group(engine, group))
		log_read_entries(engine->log, group, from_lsn, max_bytes, visit_entry, &reading);
	return reading.count;
}

bool
engine_set_blob(Engine *engine, uint16_t key, const void *bytes, uint32_t length)
{
	CORE_ASSERT(key < ENGINE_KEY_FIRST);
	return log_append_node(engine->log, key, bytes, length) == 0;
}

const void *
engine_get_blob(const Engine *engine, uint16_t key, uint32_t *length)
{
	CORE_ASSERT(key < ENGINE_KEY_FIRST);
	return log_node_value(engine->log, key, length);
}

bool
engine_set_cluster_version(Engine *engine, ClusterVersion version)
{
	uint8_t value[sizeof(uint64_t)];

	CORE_INVARIANT("I14", version_is_read(version_range_own(), version));
	if (version <= engine->version)
		return true;
	wire_put_u64(value, version);
#ifndef MUTANT_VERSION_FORGOTTEN
	if (!engine_has_control_room(engine) ||
		log_append_node(engine->log, ENGINE_KEY_VERSION, value, sizeof(value)) != 0)
		return false;
#endif
	engine->version = version;
	log_set_version(engine->log, version);
	return true;
}

ClusterVersion
engine_cluster_version(const Engine *engine)
{
	return engine->version;
}

uint64_t
engine_log_bytes(const Engine *engine)
{
	return log_size_bytes(engine->log);
}

uint64_t
engine_start_counter(const Engine *engine)
{
	return log_identity(engine->log)->start_counter;
}

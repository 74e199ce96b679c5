/*
 * log_format.c
 *		Encoding and decoding of segment files; see log_format.h and docs/formats.md, section Log.
 */
#include "log/log_format.h"

#include "log/crc32c.h"

static const uint8_t header_magic[8] = {'q', 'u', 'o', 'r', 'l', 'o', 'g', '\n'};

/* Offsets in the segment header. */
enum
{
	HEADER_VERSION = 8,
	HEADER_SEGMENT_BYTES = 12,
	HEADER_CLUSTER_ID = 16,
	HEADER_NODE = 32,
	HEADER_NUMBER = 40,
	HEADER_CRC = 48
};

/* Offsets in a record. */
enum
{
	RECORD_CRC = 0,
	RECORD_LENGTH = 4,
	RECORD_CHAIN = 8,
	RECORD_SYNCED_OFFSET = 12,
	RECORD_KIND = 16,
	RECORD_VERSION = 17,
	RECORD_BALLOT_NODE = 18,
	RECORD_GROUP = 20,
	RECORD_LSN = 28,
	RECORD_BALLOT_ROUND = 36
};

/* Offsets in a group's state. */
enum
{
	STATE_PROMISED = 0,
	STATE_BASE_LSN = 10,
	STATE_BASE_BALLOT = 18,
	STATE_APPEND_LSN = 28,
	STATE_COMMIT_HINT = 36,
	STATE_RUN_COUNT = 44,
	STATE_MEMBERSHIP_LENGTH = 48,
	STATE_ROWS_MISSING = 52,
	STATE_RUNS = 56
};

#define BALLOT_BYTES 10
#define RUN_BYTES (BALLOT_BYTES + 8)

void
log_header_encode(LogSegmentHeader *header, uint8_t *bytes)
{
	memset(bytes, 0, LOG_HEADER_BYTES);
	memcpy(bytes, header_magic, sizeof(header_magic));
	log_put_u32(bytes + HEADER_VERSION, LOG_FORMAT_VERSION);
	log_put_u32(bytes + HEADER_SEGMENT_BYTES, header->segment_bytes);
	memcpy(bytes + HEADER_CLUSTER_ID, header->cluster_id, LOG_CLUSTER_ID_BYTES);
	log_put_u16(bytes + HEADER_NODE, header->node);
	log_put_u64(bytes + HEADER_NUMBER, header->number);
	header->crc = crc32c_extend(0, bytes, HEADER_CRC);
	log_put_u32(bytes + HEADER_CRC, header->crc);
}

int
log_header_decode(const uint8_t *bytes, LogSegmentHeader *header)
{
	if (memcmp(bytes, header_magic, sizeof(header_magic)) != 0)
		return -EBADMSG;
	header->crc = log_get_u32(bytes + HEADER_CRC);
	if (header->crc != crc32c_extend(0, bytes, HEADER_CRC))
		return -EBADMSG;
	if (log_get_u32(bytes + HEADER_VERSION) != LOG_FORMAT_VERSION)
		return -EPROTO;
	header->segment_bytes = log_get_u32(bytes + HEADER_SEGMENT_BYTES);
	memcpy(header->cluster_id, bytes + HEADER_CLUSTER_ID, LOG_CLUSTER_ID_BYTES);
	header->node = log_get_u16(bytes + HEADER_NODE);
	header->number = log_get_u64(bytes + HEADER_NUMBER);
	return 0;
}

void
log_record_encode(LogRecord *record, uint32_t seed, uint8_t *bytes)
{
	log_put_u32(bytes + RECORD_LENGTH, LOG_RECORD_HEADER_BYTES + record->payload_length);
	log_put_u32(bytes + RECORD_CHAIN, record->chain);
	log_put_u32(bytes + RECORD_SYNCED_OFFSET, record->synced_offset);
	bytes[RECORD_KIND] = (uint8_t) record->kind;
	bytes[RECORD_VERSION] = LOG_RECORD_VERSION;
	log_put_u16(bytes + RECORD_BALLOT_NODE, record->ballot.node);
	log_put_u64(bytes + RECORD_GROUP, record->group);
	log_put_u64(bytes + RECORD_LSN, record->lsn);
	log_put_u64(bytes + RECORD_BALLOT_ROUND, record->ballot.round);
	record->crc = crc32c_extend(seed, bytes + RECORD_LENGTH,
								LOG_RECORD_HEADER_BYTES - RECORD_LENGTH);
	record->crc = crc32c_extend(record->crc, record->payload, record->payload_length);
	log_put_u32(bytes + RECORD_CRC, record->crc);
}

int
log_record_decode(const uint8_t *segment, uint32_t segment_bytes, uint32_t offset, uint32_t seed,
				  LogRecord *record)
{
	const uint8_t *bytes = segment + offset;
	uint32_t length;

	if (offset % LOG_RECORD_ALIGNMENT != 0 || offset > segment_bytes ||
		segment_bytes - offset < LOG_RECORD_HEADER_BYTES)
		return -EBADMSG;
	length = log_get_u32(bytes + RECORD_LENGTH);
	if (length < LOG_RECORD_HEADER_BYTES || length > segment_bytes - offset)
		return -EBADMSG;
	record->crc = log_get_u32(bytes + RECORD_CRC);
	if (record->crc != crc32c_extend(seed, bytes + RECORD_LENGTH, length - RECORD_LENGTH))
		return -EBADMSG;
	if (!log_record_plausible(bytes))
		return -EPROTO;
	record->kind = bytes[RECORD_KIND];
	record->chain = log_get_u32(bytes + RECORD_CHAIN);
	record->synced_offset = log_get_u32(bytes + RECORD_SYNCED_OFFSET);
	record->group = log_get_u64(bytes + RECORD_GROUP);
	record->lsn = log_get_u64(bytes + RECORD_LSN);
	record->ballot.round = log_get_u64(bytes + RECORD_BALLOT_ROUND);
	record->ballot.node = log_get_u16(bytes + RECORD_BALLOT_NODE);
	record->payload_length = length - LOG_RECORD_HEADER_BYTES;
	record->payload = bytes + LOG_RECORD_HEADER_BYTES;
	return 0;
}

ClusterVersion
log_version_of_record(LogRecordKind kind)
{
	return kind == LOG_ENTRY_AGAIN || kind == LOG_DELTA ? VERSION_LOG_REPAIR : VERSION_FIRST;
}

bool
log_record_plausible(const uint8_t *bytes)
{
	return bytes[RECORD_VERSION] == LOG_RECORD_VERSION && bytes[RECORD_KIND] > 0 &&
		   bytes[RECORD_KIND] <= LOG_KIND_LAST &&
		   log_version_of_record((LogRecordKind) bytes[RECORD_KIND]) <= VERSION_NEWEST;
}

uint32_t
log_record_chain(const uint8_t *bytes)
{
	return log_get_u32(bytes + RECORD_CHAIN);
}

void
log_checkpoint_begin_encode(const LogCheckpointBegin *begin, uint8_t *bytes)
{
	log_put_u32(bytes, begin->node_values);
	log_put_u32(bytes + 4, begin->groups);
	log_put_u32(bytes + 8, begin->previous_crc);
}

void
log_checkpoint_begin_decode(const uint8_t *bytes, LogCheckpointBegin *begin)
{
	begin->node_values = log_get_u32(bytes);
	begin->groups = log_get_u32(bytes + 4);
	begin->previous_crc = log_get_u32(bytes + 8);
}

void
log_delta_begin_encode(const LogDeltaBegin *begin, uint8_t *bytes)
{
	log_put_u32(bytes, begin->node_values);
	log_put_u32(bytes + 4, begin->drops);
	log_put_u32(bytes + 8, begin->groups);
	log_put_u32(bytes + 12, begin->covers_from);
}

void
log_delta_begin_decode(const uint8_t *bytes, LogDeltaBegin *begin)
{
	begin->node_values = log_get_u32(bytes);
	begin->drops = log_get_u32(bytes + 4);
	begin->groups = log_get_u32(bytes + 8);
	begin->covers_from = log_get_u32(bytes + 12);
}

void
log_index_item_encode(const LogIndexItem *item, uint8_t *bytes)
{
	log_put_u64(bytes, item->group);
	log_put_u64(bytes + 8, item->first_lsn);
	log_put_u64(bytes + 16, item->last_lsn);
	log_put_u32(bytes + 24, item->first_offset);
	log_put_u32(bytes + 28, item->entries);
}

void
log_index_item_decode(const uint8_t *bytes, LogIndexItem *item)
{
	item->group = log_get_u64(bytes);
	item->first_lsn = log_get_u64(bytes + 8);
	item->last_lsn = log_get_u64(bytes + 16);
	item->first_offset = log_get_u32(bytes + 24);
	item->entries = log_get_u32(bytes + 28);
}

static void
ballot_encode(Ballot ballot, uint8_t *bytes)
{
	log_put_u64(bytes, ballot.round);
	log_put_u16(bytes + 8, ballot.node);
}

static Ballot
ballot_decode(const uint8_t *bytes)
{
	return (Ballot){.round = log_get_u64(bytes), .node = log_get_u16(bytes + 8)};
}

uint32_t
log_group_state_bytes(uint32_t run_count, uint32_t membership_length)
{
	return STATE_RUNS + run_count * RUN_BYTES + membership_length;
}

void
log_group_state_encode(const LogGroupState *state, uint8_t *bytes)
{
	uint8_t *run = bytes + STATE_RUNS;

	ballot_encode(state->promised, bytes + STATE_PROMISED);
	log_put_u64(bytes + STATE_BASE_LSN, state->base_lsn);
	ballot_encode(state->base_ballot, bytes + STATE_BASE_BALLOT);
	log_put_u64(bytes + STATE_APPEND_LSN, state->append_lsn);
	log_put_u64(bytes + STATE_COMMIT_HINT, state->commit_hint);
	log_put_u32(bytes + STATE_RUN_COUNT, state->run_count);
	log_put_u32(bytes + STATE_MEMBERSHIP_LENGTH, state->membership_length);
	log_put_u32(bytes + STATE_ROWS_MISSING, state->rows_missing);
	for (uint32_t i = 0; i < state->run_count; i++, run += RUN_BYTES)
	{
		ballot_encode(state->runs[i].ballot, run);
		log_put_u64(run + BALLOT_BYTES, state->runs[i].first_lsn);
	}
	if (state->membership_length > 0)
		memcpy(run, state->membership, state->membership_length);
}

BallotRun
log_group_state_run(const LogRecord *record, uint32_t position)
{
	const uint8_t *run = record->payload + STATE_RUNS + position * RUN_BYTES;

	return (BallotRun){.ballot = ballot_decode(run), .first_lsn = log_get_u64(run + BALLOT_BYTES)};
}

bool
log_group_state_decode(const LogRecord *record, LogGroupState *state)
{
	const uint8_t *bytes = record->payload;
	uint32_t length = record->payload_length;

	memset(state, 0, sizeof(*state));
	if (length < STATE_RUNS)
		return false;
	state->group = record->group;
	state->promised = ballot_decode(bytes + STATE_PROMISED);
	state->base_lsn = log_get_u64(bytes + STATE_BASE_LSN);
	state->base_ballot = ballot_decode(bytes + STATE_BASE_BALLOT);
	state->append_lsn = log_get_u64(bytes + STATE_APPEND_LSN);
	state->commit_hint = log_get_u64(bytes + STATE_COMMIT_HINT);
	state->run_count = log_get_u32(bytes + STATE_RUN_COUNT);
	state->membership_length = log_get_u32(bytes + STATE_MEMBERSHIP_LENGTH);
	state->rows_missing = log_get_u32(bytes + STATE_ROWS_MISSING) != 0;
	if (state->run_count > (length - STATE_RUNS) / RUN_BYTES ||
		length != log_group_state_bytes(state->run_count, state->membership_length))
		return false;
	state->membership = bytes + STATE_RUNS + (size_t) state->run_count * RUN_BYTES;
	state->append_ballot = state->run_count > 0
							   ? log_group_state_run(record, state->run_count - 1).ballot
							   : state->base_ballot;
	return true;
}

/*
 * log_format.h
 *		The bytes of a segment file: header, record headers, and the payloads that the log itself
 *		makes.
 *
 * No I/O and no state: this file and docs/formats.md (section Log) say the same thing, one in C.
 * All numbers are little-endian.  Nothing read from a file is believed before its CRC and bounds
 * are checked.
 */
#ifndef QUORATE_LOG_FORMAT_H
#define QUORATE_LOG_FORMAT_H

#include <string.h>

#include "core/version.h"
#include "log/log.h"

#define LOG_FORMAT_VERSION 1
#define LOG_RECORD_VERSION 1

/* The header has a sector of its own, so no later write can tear it. */
#define LOG_RECORDS_OFFSET 512
#define LOG_HEADER_BYTES 52

#define LOG_RECORD_HEADER_BYTES 44
#define LOG_RECORD_ALIGNMENT 8

typedef enum LogRecordKind
{
	LOG_ENTRY = 1,      /* group, lsn, ballot; payload is the entry */
	LOG_PROMISE = 2,    /* group, ballot */
	LOG_CUT = 3,        /* group, lsn, ballot */
	LOG_GROUP = 4,      /* group; payload is the membership */
	LOG_GROUP_DROP = 5, /* group */
	LOG_NODE = 6,       /* lsn is the key; payload is the value */
	LOG_TICK = 7,       /* nothing */
	LOG_CHECKPOINT = 8, /* group 0: begin, payload LogCheckpointBegin; else state of the group */
	LOG_INDEX = 9,      /* end of the segment: lsn is the number of LogIndexItem in the payload */
	LOG_REBASE = 10,    /* group, lsn, ballot */
	LOG_ROWS = 11,      /* group; lsn is 1 if the rows are there, 0 if they are missing */
	LOG_ENTRY_AGAIN =
		12, /* group, lsn, ballot; payload is the entry: another place for one that is there */
	LOG_DELTA = 13, /* begin of a delta checkpoint, payload LogDeltaBegin */
	LOG_KIND_LAST = LOG_DELTA
} LogRecordKind;

/* The first version of a cluster in which a record of this kind may be written. */
extern ClusterVersion log_version_of_record(LogRecordKind kind);

typedef struct LogSegmentHeader
{
	uint8_t cluster_id[LOG_CLUSTER_ID_BYTES];
	NodeId node;
	uint32_t segment_bytes;
	uint64_t number;
	uint32_t crc; /* of all the above: seed and first link of the segment's chain */
} LogSegmentHeader;

/* A record in memory; `payload` is not owned. */
typedef struct LogRecord
{
	LogRecordKind kind;
	GroupId group;
	Lsn lsn;
	Ballot ballot;
	uint32_t crc;           /* filled by encode and decode */
	uint32_t chain;         /* crc of the record before it */
	uint32_t synced_offset; /* the segment was synced up to here before this record was made */
	uint32_t payload_length;
	const uint8_t *payload;
} LogRecord;

/*
 * First record of a segment: how many records of the checkpoint follow it, and where the chain
 * came from.
 */
typedef struct LogCheckpointBegin
{
	uint32_t node_values;
	uint32_t groups;
	uint32_t previous_crc; /* last record of the segment before; 0 in the first segment of a log */
} LogCheckpointBegin;

#define LOG_CHECKPOINT_BEGIN_BYTES 12

/*
 * Before the records of a delta checkpoint: values of the node, dropped groups, and states of groups, in this order.
 * They say what changed at or behind covers_from, an offset in the same segment.
 */
typedef struct LogDeltaBegin
{
	uint32_t node_values;
	uint32_t drops;
	uint32_t groups;
	uint32_t covers_from;
} LogDeltaBegin;

#define LOG_DELTA_BEGIN_BYTES 16

/* One group's entries within a segment. */
typedef struct LogIndexItem
{
	GroupId group;
	Lsn first_lsn; /* lowest and highest LSN, over cuts and rebases */
	Lsn last_lsn;
	uint32_t first_offset; /* of the group's first entry record in the segment */
	uint32_t entries;      /* records, those of kind ENTRY_AGAIN included */
} LogIndexItem;

#define LOG_INDEX_ITEM_BYTES 32

static inline void
log_put_u16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t) value;
	p[1] = (uint8_t) (value >> 8);
}

static inline void
log_put_u32(uint8_t *p, uint32_t value)
{
	log_put_u16(p, (uint16_t) value);
	log_put_u16(p + 2, (uint16_t) (value >> 16));
}

static inline void
log_put_u64(uint8_t *p, uint64_t value)
{
	log_put_u32(p, (uint32_t) value);
	log_put_u32(p + 4, (uint32_t) (value >> 32));
}

static inline uint16_t
log_get_u16(const uint8_t *p)
{
	return (uint16_t) (p[0] | p[1] << 8);
}

static inline uint32_t
log_get_u32(const uint8_t *p)
{
	return (uint32_t) log_get_u16(p) | (uint32_t) log_get_u16(p + 2) << 16;
}

static inline uint64_t
log_get_u64(const uint8_t *p)
{
	return (uint64_t) log_get_u32(p) | (uint64_t) log_get_u32(p + 4) << 32;
}

/* Bytes that a record with this payload takes in the file, padding included. */
static inline uint32_t
log_record_bytes(uint32_t payload_length)
{
	uint32_t length = LOG_RECORD_HEADER_BYTES + payload_length;

	return (length + LOG_RECORD_ALIGNMENT - 1) & ~(uint32_t) (LOG_RECORD_ALIGNMENT - 1);
}

/* Fills LOG_HEADER_BYTES and sets header->crc. */
extern void log_header_encode(LogSegmentHeader *header, uint8_t *bytes);

/* 0; -EBADMSG if this is not a whole header; -EPROTO if it is one of a newer version. */
extern int log_header_decode(const uint8_t *bytes, LogSegmentHeader *header);

/*
 * Fills LOG_RECORD_HEADER_BYTES for a record of the segment whose header CRC is `seed`; sets
 * record->crc.
 */
extern void log_record_encode(LogRecord *record, uint32_t seed, uint8_t *bytes);

/*
 * The record at `offset` of a segment image of `segment_bytes`, whole and of this segment (its
 * header CRC is `seed`), whatever precedes it.  -EBADMSG if there is none; -EPROTO if it is whole
 * but of a version or kind that this program does not know.
 */
extern int log_record_decode(const uint8_t *segment, uint32_t segment_bytes, uint32_t offset,
							 uint32_t seed, LogRecord *record);

/*
 * A quick look at the header, so that a search through a file need not compute a CRC at every
 * place.
 */
extern bool log_record_plausible(const uint8_t *bytes);

/* What the header says of the record before; worth something only if the record is whole. */
extern uint32_t log_record_chain(const uint8_t *bytes);

extern void log_checkpoint_begin_encode(const LogCheckpointBegin *begin, uint8_t *bytes);
extern void log_checkpoint_begin_decode(const uint8_t *bytes, LogCheckpointBegin *begin);

extern void log_delta_begin_encode(const LogDeltaBegin *begin, uint8_t *bytes);
extern void log_delta_begin_decode(const uint8_t *bytes, LogDeltaBegin *begin);

extern void log_index_item_encode(const LogIndexItem *item, uint8_t *bytes);
extern void log_index_item_decode(const uint8_t *bytes, LogIndexItem *item);

/* A group's state as the payload of its CHECKPOINT record. */
extern uint32_t log_group_state_bytes(uint32_t run_count, uint32_t membership_length);
extern void log_group_state_encode(const LogGroupState *state, uint8_t *bytes);

/*
 * state->runs is left NULL: read the runs with log_group_state_run.  state->membership points into
 * the payload.  False if the lengths do not fit together.
 */
extern bool log_group_state_decode(const LogRecord *record, LogGroupState *state);
extern BallotRun log_group_state_run(const LogRecord *record, uint32_t position);

#endif /* QUORATE_LOG_FORMAT_H */

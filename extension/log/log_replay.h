/*
 * log_replay.h
 *		Taking the records of segment files in, in order, and going on behind damage.
 *
 * Inside of log/ only: the part of recovery that reads (log_recover.c).
 */
#ifndef QUORATE_LOG_REPLAY_H
#define QUORATE_LOG_REPLAY_H

#include "log/log_private.h"

/* The record of an entry that was met while the state of its group was not known. */
typedef struct LooseEntry
{
	GroupId group;
	Lsn lsn;
	Ballot ballot;
	LogLocation location;
} LooseEntry;

typedef struct Replay
{
	Log *log; /* its state is what the records so far say */
	LogOpenResult *result;
	uint8_t *image;
	uint32_t last_used; /* number of the last segment that holds any record */
	uint32_t
		first_damaged; /* number of the first segment in which something was lost; 0 for none */
	bool
		next_is_hidden; /* the file behind the last used one cannot be read where its records would begin */
	bool met_gaps; /* some of the log could not be read */

	/*
	 * Is the state that at the present place?  Not before the first checkpoint, nor between damage and the checkpoint
	 * that settles it.  Damage that may be settled by a delta checkpoint began at unknown_from in this segment.
	 */
	bool known;
	uint32_t unknown_from;
	LogDamage unsettled; /* what made it unknown */
	LooseEntry *loose;
	uint32_t loose_count;
	uint32_t loose_capacity;

	/* The segment being read. */
	LogScan scan;
	LogGaps gaps;
	bool closed;              /* its index was met */
	bool checkpoint_is_torn;  /* it is the tail, and its checkpoint is not whole */
	uint32_t durable_offset;  /* synced up to here, as its records say */
	uint32_t checkpoint_left; /* records of its checkpoint still to come */
	bool checkpoint_begun;
	bool header_is_damaged; /* ... or its size, or there is no such file */
	bool broken;            /* some of it could not be read */
	uint64_t delta_left;    /* records of a delta checkpoint still to come */
	uint32_t delta_offset;  /* its beginning ... */
	uint32_t delta_chain;   /* ... and the CRC of the record before it */

	/* The one before it. */
	bool previous_whole;   /* it was read without a break up to its index */
	uint32_t previous_crc; /* of its last record */
	uint32_t previous_durable_offset;
} Replay;

/* Say why the log is not opened; return false. */
extern bool replay_failed(Replay *replay, int error);
extern bool replay_rotten(Replay *replay, const char *reason, uint32_t number, uint32_t offset);

/* Reads a segment file, as far as it can be read; false only if the disk fails. */
extern bool replay_load(Replay *replay, uint32_t number);

/* Takes all records of a segment; the scan stops behind the last one.  False if the log is not to be opened. */
extern bool replay_segment(Replay *replay, uint32_t number);

extern void replay_free(Replay *replay);

#endif /* QUORATE_LOG_REPLAY_H */

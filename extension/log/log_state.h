/*
 * log_state.h
 *		What a log says, kept in memory: the groups, where their entries lie, and the node's
 *		values.
 *
 * Appending and recovery change this state through the same function, log_state_apply, record by
 * record, so what a restart finds is what the running node believed.  No I/O.  Lack of memory ends
 * the process: nothing that was not synced was promised to anybody.
 */
#ifndef QUORATE_LOG_STATE_H
#define QUORATE_LOG_STATE_H

#include "log/log_format.h"

/*
 * Where an entry's record lies.  A hole (decisions/0009-log-rot.md) has offset 0, and the damaged segment in which its
 * record was lost; during recovery, segment 0 stands for a place that was not met yet.
 */
typedef struct LogLocation
{
	uint32_t segment;
	uint32_t offset;
	uint32_t payload_length;
} LogLocation;

static inline bool
log_location_is_hole(const LogLocation *location)
{
	return location->offset == 0;
}

typedef struct LogGroup
{
	GroupId group;
	Ballot promised;
	Lsn base_lsn;
	Ballot base_ballot;
	Lsn append_lsn;
	Lsn commit_hint;
	bool rows_missing;

	/* Runs cover base_lsn + 1 .. append_lsn. */
	BallotRun *runs;
	uint32_t run_count;
	uint32_t run_capacity;

	uint8_t *membership;
	uint32_t membership_length;

	/*
	 * Locations of the entries append_lsn - location_count + 1 .. append_lsn, from
	 * locations[location_head] on.  They reach down to base_lsn + 1, except during recovery, when
	 * entries known from a checkpoint may be gone.
	 */
	LogLocation *locations;
	uint32_t location_head;
	uint32_t location_count;
	uint32_t location_capacity;

	/* There are holes, or an entry lies in a later segment than one after it: places are in no order. */
	bool scattered;
	bool changed; /* listed in LogState.changed */

	/* Place in LogState.touched if touched_segment is the segment being filled. */
	uint32_t touched_segment;
	uint32_t touched_position;
} LogGroup;

typedef struct LogNodeValue
{
	uint16_t key;
	uint32_t length;
	uint8_t *value;
} LogNodeValue;

typedef struct LogState
{
	/* Open addressing with linear probing; capacity is a power of two. */
	LogGroup **slots;
	uint32_t slot_count;
	uint32_t group_count;

	LogNodeValue *node_values;
	uint32_t node_value_count;

	uint32_t checkpoint_bytes; /* that the records of a checkpoint taken now would have */

	/* The index of the segment being filled. */
	uint32_t segment;
	LogIndexItem *touched;
	uint32_t touched_count;
	uint32_t touched_capacity;

	/* What the next delta checkpoint says: changes at or behind settled_offset of the segment being filled. */
	uint32_t settled_offset;
	GroupId *changed;
	uint32_t changed_count;
	uint32_t changed_capacity;
	GroupId *dropped;
	uint32_t dropped_count;
	uint32_t dropped_capacity;
	bool node_values_changed;
} LogState;

extern void log_state_init(LogState *state);
extern void log_state_free(LogState *state);

extern LogGroup *log_state_group(const LogState *state, GroupId group);

/* Walks all groups: start with *slot = 0; NULL at the end. */
extern LogGroup *log_state_next_group(const LogState *state, uint32_t *slot);
extern const LogNodeValue *log_state_node_value(const LogState *state, uint16_t key);

/* All values of the node are said anew. */
extern void log_state_forget_node_values(LogState *state);

/* A new segment begins: its index is empty. */
extern void log_state_begin_segment(LogState *state, uint32_t segment);

/*
 * Why a record (not CHECKPOINT or INDEX) cannot follow what the log says so far; NULL if it can.
 * An append that fails this is a broken invariant, a recovered record that fails it is damage.
 */
extern const char *log_state_objection(const LogState *state, const LogRecord *record);

/* Takes in a record at `offset` of the segment being filled, to which there is no objection. */
extern void log_state_apply(LogState *state, const LogRecord *record, uint32_t offset);

/*
 * Takes in a group's state from a checkpoint.  In the first segment that is left it makes the
 * group; later ones must agree with what the records said, or the reason why not is returned.
 */
extern const char *log_state_restore(LogState *state, const LogRecord *record);
extern const char *log_state_compare(LogState *state, const LogRecord *record);

/* Takes in a group's state from a delta checkpoint behind damage, in place of what the records before it say. */
extern const char *log_state_replace(LogState *state, const LogRecord *record, uint32_t segment);

/* All changes so far are in a checkpoint that ends at `offset`. */
extern void log_state_settle(LogState *state, uint32_t offset);
extern bool log_state_has_changes(const LogState *state);

/* Bytes of a delta checkpoint taken now. */
extern uint64_t log_state_delta_bytes(const LogState *state);

/* The record of an entry was found behind damage: its place, if the group holds that entry and misses its place. */
extern void
log_state_found(LogState *state, GroupId group, Lsn lsn, Ballot ballot, LogLocation location);

/* Entries up to `lsn` are gone from the log. */
extern void log_group_advance_base(LogState *state, LogGroup *group, Lsn lsn);

/* NULL if the entry is not in the log.  The place may be a hole. */
extern const LogLocation *log_group_location(const LogGroup *group, Lsn lsn);
extern Ballot log_group_ballot_at(const LogGroup *group, Lsn lsn);
extern LogGroupState log_group_describe(const LogGroup *group);

/* Memory that must be there. */
extern void *log_allocate(size_t bytes);
extern void *log_reallocate(void *memory, size_t bytes);

static inline bool
log_ballot_below(Ballot a, Ballot b)
{
	return a.round != b.round ? a.round < b.round : a.node < b.node;
}

static inline bool
log_ballot_equal(Ballot a, Ballot b)
{
	return a.round == b.round && a.node == b.node;
}

#endif /* QUORATE_LOG_STATE_H */

/*
 * rows_state.h
 *		What the rows of this node's replicas are good for, and who is bringing them back.
 *
 * A replica whose log does not reach back to what its rows show (its log was rebased, or it has only now
 * become a storage replica) has rows that are worth nothing.  The applier hands them to the copier, which
 * removes them and copies another replica's; then the applier applies the log to those, and takes them for
 * its own again once they show one LSN.  Whose the rows are is a matter of the table quorate_data.applied
 * (storage/applied_table.h); what stands here says only whether they may be read.
 *
 * GroupShared.rows is a state and a sequence number that grows with each change.  A reader takes it before
 * its read and compares after it.  The replicator voids it when the log changes, whoever is at work; the
 * applier changes it only from the very value under which it looked at the log's beginning (rows_state_set),
 * so that it cannot call ready what has been voided meanwhile.
 *
 * Nothing here is durable: that rows are missing follows from the log's beginning and the table, and is found
 * out anew by the next applier.
 */
#ifndef QUORATE_SHMEM_ROWS_STATE_H
#define QUORATE_SHMEM_ROWS_STATE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "shmem/shared_state.h"

typedef enum RowsState
{
	ROWS_UNKNOWN = 0, /* nobody has looked yet: not to be read */
	ROWS_READY,       /* those of the applied LSN */
	ROWS_COPYING,     /* missing or incomplete */
	ROWS_REPLAYING,   /* complete, but not of one LSN */
	ROWS_NONE         /* a log replica has none */
} RowsState;

#define ROWS_STATE_BITS 3

static inline RowsState
rows_state_of(uint64_t mark)
{
	return (RowsState) (mark & ((1 << ROWS_STATE_BITS) - 1));
}

static inline RowsState
rows_state(GroupShared *group)
{
	return rows_state_of(pg_atomic_read_u64(&group->rows));
}

/* "ready", "copying", "replaying", "none"; NULL for not known. */
extern const char *rows_state_name(RowsState state);

/* Before a read and after it: may the rows be read, and could they all the time? */
extern bool rows_may_be_read(GroupShared *group, uint64_t *mark);
extern bool rows_could_be_read(GroupShared *group, uint64_t mark);

/* Replicator: what was known of the rows is void from now on. */
extern void rows_state_void(GroupShared *group, RowsState state);

/* Applier: from `mark` to a state; false if it was voided since `mark` was read. */
extern bool rows_state_set(GroupShared *group, uint64_t mark, RowsState state);

/* Rows that show less than this LSN cannot be brought up by the log of this replica. */
extern Lsn rows_base_lsn(GroupShared *group);

/* ---- replicas that have gone ---- */

/*
 * Replicator: this node is no member of the group any more, and its replica is closed.  Should the notice be
 * lost (a crash, or too many at a time), the metadata will tell the same later.
 */
extern void rows_note_gone(GroupId group);

/* Applier and copier: is there such a notice?  And: it has been seen to. */
extern bool rows_are_noted_gone(GroupId group);
extern void rows_forget_gone(GroupId group);

/* Grows with each notice. */
extern uint64_t rows_gone_generation(void);

/* ---- the copier ---- */

/* What the copier is doing; for the view. */
typedef struct CopyActivity
{
	GroupId group;     /* 0: nothing */
	NodeId source;     /* 0: it has none at the moment */
	TimestampTz since; /* when this process began with the group ... */
	uint64_t bytes;    /* ... and the bytes that it has copied or removed of it since */
} CopyActivity;

extern void copy_activity_set(const CopyActivity *activity);
extern void copy_activity_get(CopyActivity *activity);

/* ---- failures ---- */

/* The processes that write rows. */
typedef enum RowsWriter
{
	ROWS_APPLIER,
	ROWS_COPIER,
	ROWS_WRITERS
} RowsWriter;

#define ROWS_FAILURE_MAX 200 /* bytes of a message, with the final NUL */

/* The last error that ended such a process.  It is started again, and may well meet the same error then. */
typedef struct RowsFailure
{
	TimeUs when_us; /* CLOCK_BOOTTIME; 0: there was none */
	GroupId group;  /* whose rows it was at work on; 0 for none */
	char message[ROWS_FAILURE_MAX];
} RowsFailure;

extern void rows_failure_set(RowsWriter writer, GroupId group, const char *message);
extern void rows_failure_get(RowsWriter writer, RowsFailure *failure);

/* ---- handing over ---- */

/* Copier: it has handed rows over to the applier.  Applier: the number of times that it did. */
extern void copy_handed_over(void);
extern uint64_t copy_handovers(void);

#endif /* QUORATE_SHMEM_ROWS_STATE_H */

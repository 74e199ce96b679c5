/*
 * copy_step.h
 *		A step of the copier: one transaction on the rows of one group.
 *
 * For the copier process alone.
 */
#ifndef QUORATE_WORKER_COPY_STEP_H
#define QUORATE_WORKER_COPY_STEP_H

#include "postgres.h"

#include "storage/applied_table.h"
#include "storage/item_table.h"

/* A group's rows, within a step's transaction. */
typedef struct CopyStep
{
	AppliedRow row; /* as it was found; to be put again if it is changed */
	Position lower; /* of the partition; length 0 for the first */
	Position upper; /* length 0: no upper bound */
	KeyedTable applied;
	ItemTable table;
} CopyStep;

/* What belongs to a step and outlives its transaction; the current context between transactions. */
extern MemoryContext copy_step_context;
extern void copy_step_init(void);
extern void copy_step_forget(void);

/*
 * Begins a step's transaction; false, and there is none, if the group's rows are not the copier's or cannot be
 * worked on now.
 */
extern bool copy_step_begin(GroupId group, CopyStep *step);

/* Commits it, and tells the applier if step->row says that the rows are its own now. */
extern void copy_step_end(CopyStep *step);

/*
 * Has the work lost its sense?  Then changes the row to begin another one: the replica has gone, or its log begins
 * above the LSN from which the copied rows could be brought up.
 */
extern void copy_step_turn(AppliedRow *row);

/* Changes the row to begin with the removal of all rows. */
extern void copy_step_start_again(AppliedRow *row);

/* Where the rows begin that lie behind the cursor. */
extern void copy_step_rest(const CopyStep *step, Position *from);

extern void copy_step_set_position(Position *position, const uint8_t *bytes, uint32_t length);

#endif /* QUORATE_WORKER_COPY_STEP_H */

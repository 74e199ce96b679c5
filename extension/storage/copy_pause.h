/*
 * copy_pause.h
 *		Whether an operator has paused the copying and removing of rows on this node.
 *
 * The table quorate_data.copy_pause has one row while it is paused, none otherwise.  It belongs to the node alone: who
 * wants to spare its disk needs no quorum for that.  It outlives restarts and crashes, and goes with the node's
 * membership of its cluster (item_relations_clear).
 *
 * Backends write it, in their transactions, and the copier reads it at each step.
 */
#ifndef QUORATE_STORAGE_COPY_PAUSE_H
#define QUORATE_STORAGE_COPY_PAUSE_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef struct CopyPause
{
	TimestampTz since;
	NameData paused_by; /* the role */
} CopyPause;

/* False, and nothing is stored, if it is not paused.  In a transaction; sees all that is committed by now. */
extern bool copy_pause_read(CopyPause *pause);

/*
 * Pauses, or ends the pause, when the caller's transaction commits; that commit is flushed whatever the session's
 * settings are.  A pause that there is already stays as it is.
 */
extern void copy_pause_begin(const CopyPause *pause);
extern void copy_pause_end(void);

#endif /* QUORATE_STORAGE_COPY_PAUSE_H */

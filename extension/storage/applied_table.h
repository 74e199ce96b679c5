/*
 * applied_table.h
 *		How far this node's rows have come: one row a group in quorate_data.applied.
 *
 * The row is written in the same transaction as the rows of the items, so the two can never
 * disagree, and carries running totals of the group's partition.  Columns: group_id int8 PRIMARY
 * KEY, applied_lsn int8, items int8, bytes int8, rows int2, copy_lsn int8, copy_position bytea,
 * copy_started timestamptz.
 *
 * Whose it is.  Row and items of a group belong to the applier in the states STAGE_APPLIED and
 * STAGE_REPLAYING, and to the copier in the others.  Only their owner writes them, and each hands
 * them over by the state that it commits:
 *
 *		APPLIED, REPLAYING -> CLEARING -> COPYING -> REPLAYING -> APPLIED
 *		   (applier)          (copier)    (copier)    (applier)
 *		APPLIED, REPLAYING -> LEAVING -> no row at all
 *		   (applier)          (copier)
 *		APPLIED -> REPLAYING -> APPLIED: rows that were void for a while and need not be copied
 *		   (applier)   (applier)
 *
 * The copier goes back from COPYING to CLEARING, or to LEAVING, without asking.  A group without a
 * row belongs to the applier.
 */
#ifndef QUORATE_STORAGE_APPLIED_TABLE_H
#define QUORATE_STORAGE_APPLIED_TABLE_H

#include "core/core_types.h"
#include "datatype/timestamp.h"
#include "storage/keyed_table.h"
#include "storage/position.h"

/* What the rows of a group's partition are; stored, so never renumbered. */
typedef enum RowsStage
{
	STAGE_APPLIED = 0, /* those of applied_lsn */
	STAGE_CLEARING =
		1, /* worth nothing: they are being removed, to be copied from another replica */
	STAGE_COPYING = 2,   /* up to copy_position they are another replica's, none is behind it */
	STAGE_REPLAYING = 3, /* those of some LSN each, up to copy_lsn: not to be read yet */
	STAGE_LEAVING = 4    /* the replica is gone: they are being removed */
} RowsStage;

typedef struct AppliedRow
{
	GroupId group;
	Lsn applied_lsn; /* CLEARING, COPYING: from where the log is applied once they are copied */
	int64 items;     /* rows of the partition on this node */
	int64 bytes;     /* of their positions and encoded items, before compression */
	RowsStage stage;
	Lsn copy_lsn; /* COPYING, REPLAYING: no row shows anything later */
	Position
		copy_position; /* CLEARING, LEAVING: the last one removed.  COPYING: the last one copied */
	TimestampTz copy_started; /* 0 if nothing is being copied or removed */
} AppliedRow;

/* True if the copier is to write the row and the items, false if the applier is. */
static inline bool
rows_stage_is_copiers(RowsStage stage)
{
	return stage == STAGE_CLEARING || stage == STAGE_COPYING || stage == STAGE_LEAVING;
}

/* False if this database does not have the table, because it does not have the extension. */
extern bool applied_table_exists(void);

extern void applied_table_open(KeyedTable *table, LOCKMODE lockmode);

/* The row of a group under a snapshot; zeros but for the group, and false, if there is none. */
extern bool applied_table_get(KeyedTable *table, GroupId group, Snapshot snapshot, AppliedRow *row);

/* All rows, in order of group. */
typedef void (*AppliedRowVisitor)(void *context, const AppliedRow *row);
extern void
applied_table_read(KeyedTable *table, Snapshot snapshot, AppliedRowVisitor visitor, void *context);

/* The row's owner only, in its transaction. */
extern void applied_table_put(KeyedTable *table, const AppliedRow *row);
extern void applied_table_remove(KeyedTable *table, GroupId group);

#endif /* QUORATE_STORAGE_APPLIED_TABLE_H */

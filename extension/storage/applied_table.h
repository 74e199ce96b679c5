/*
 * applied_table.h
 *		How far this node's rows have come: one row a group in quorate_data.applied.
 *
 * The row is written in the same transaction as the rows of the items, so the two can never
 * disagree, and carries running totals of the group's partition.  Columns: group_id int8 PRIMARY
 * KEY, applied_lsn int8, items int8, bytes int8.
 */
#ifndef QUORATE_STORAGE_APPLIED_TABLE_H
#define QUORATE_STORAGE_APPLIED_TABLE_H

#include "core/core_types.h"
#include "storage/keyed_table.h"

typedef struct AppliedRow
{
	GroupId group;
	Lsn applied_lsn;
	int64 items; /* rows of the partition on this node */
	int64 bytes; /* of their positions and encoded items, before compression */
} AppliedRow;

/* False if this database does not have the table, because it does not have the extension. */
extern bool applied_table_exists(void);

extern void applied_table_open(KeyedTable *table, LOCKMODE lockmode);

/* The row of a group under a snapshot; zeros but for the group, and false, if there is none. */
extern bool applied_table_get(KeyedTable *table, GroupId group, Snapshot snapshot, AppliedRow *row);

/* All rows, in order of group. */
typedef void (*AppliedRowVisitor)(void *context, const AppliedRow *row);
extern void
applied_table_read(KeyedTable *table, Snapshot snapshot, AppliedRowVisitor visitor, void *context);

/* Applier only, in its transaction. */
extern void applied_table_put(KeyedTable *table, const AppliedRow *row);
extern void applied_table_remove(KeyedTable *table, GroupId group);

#endif /* QUORATE_STORAGE_APPLIED_TABLE_H */

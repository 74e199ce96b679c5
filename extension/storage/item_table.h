/*
 * item_table.h
 *		Item tables as PostgreSQL relations: point read, range read, apply.
 *
 * One relation per item table and node, quorate_data.t<id>, with the columns
 *		position bytea PRIMARY KEY, lsn int8, crc int4, item quorate.item
 * where crc is CRC-32C over position, lsn and item and is verified on every read (XX001 on
 * mismatch). Writes go straight to heap and index, without SQL, and only from the applier.  Any
 * backend reads, but not in a parallel worker or the leader of one (fresh snapshots cannot be had
 * there): functions that read are PARALLEL UNSAFE.
 */
#ifndef QUORATE_STORAGE_ITEM_TABLE_H
#define QUORATE_STORAGE_ITEM_TABLE_H

#include "postgres.h"

#include "utils/snapshot.h"

#include "core/core_types.h"
#include "storage/keyed_table.h"

typedef struct ItemTable
{
	uint32_t table_id;
	KeyedTable rows;
} ItemTable;

typedef struct ItemRow
{
	const uint8_t *position; /* get: the caller's own; range: as the rest */
	uint32_t position_length;
	Lsn lsn;
	const uint8_t *item; /* encoded item (item/item.h), without varlena header */
	uint32_t item_length;
	struct varlena *item_datum; /* the same as a varlena, for returning it without a copy */
} ItemRow;

/* Relation of an item table: InvalidOid if this node has none (yet).  Cached per backend. */
extern Oid item_table_relid(uint32_t table_id);

/* ERROR 42P01 if this node does not have the relation. */
extern void item_table_open(ItemTable *table, uint32_t table_id, LOCKMODE lockmode);
extern void item_table_close(ItemTable *table, LOCKMODE lockmode);

/*
 * Reads one row under a fresh snapshot taken inside the call (so that it sees everything applied
 * before the call).  False if there is none.  The row is palloc'd in the current memory context.
 * ERROR XX001 if its checksum does not match.
 */
extern bool
item_table_get(ItemTable *table, const uint8_t *position, uint32_t length, ItemRow *row);

/*
 * Visits the rows with lower <= position < upper (upper_length 0: no upper bound) in order or
 * backward, under one fresh snapshot, until the visitor returns false.  The row is freed when the
 * visitor returns; the visitor is called in the caller's memory context.  ERROR XX001 as above.
 */
typedef bool (*ItemRowVisitor)(void *context, const ItemRow *row);
extern void item_table_range(ItemTable *table, const uint8_t *lower, uint32_t lower_length,
							 const uint8_t *upper, uint32_t upper_length, bool backward,
							 ItemRowVisitor visitor, void *context);

/* The same in order and under the caller's snapshot. */
extern void item_table_range_at(ItemTable *table, Snapshot snapshot, const uint8_t *lower,
								uint32_t lower_length, const uint8_t *upper, uint32_t upper_length,
								ItemRowVisitor visitor, void *context);

/*
 * Applier only, in its own transaction: puts or removes one row as of `lsn`.  Returns the bytes
 * (position and item, AppliedRow.bytes) of the row that was there before, 0 if there was none.
 */
extern uint32_t item_table_put(ItemTable *table, const uint8_t *position, uint32_t position_length,
							   Lsn lsn, const uint8_t *item, uint32_t item_length);
extern uint32_t
item_table_remove(ItemTable *table, const uint8_t *position, uint32_t position_length);

#endif /* QUORATE_STORAGE_ITEM_TABLE_H */

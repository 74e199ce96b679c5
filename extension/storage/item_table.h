/*
 * item_table.h
 *		Item tables as PostgreSQL relations: point read, range read, apply.
 *
 * One relation per item table and node, quorate_data.t<id>, with the columns
 *		position bytea PRIMARY KEY, lsn int8, crc int4, item quorate.item
 * where crc is CRC-32C over position, lsn and item and is verified on every read (XX001 on
 * mismatch). Writes go straight to heap and index, without SQL; those of one partition come from one
 * process at a time, the applier or the copier (storage/applied_table.h).  Any backend reads,
 * but not in a parallel worker or the leader of one (fresh snapshots cannot be had there): functions
 * that read are PARALLEL UNSAFE.
 */
#ifndef QUORATE_STORAGE_ITEM_TABLE_H
#define QUORATE_STORAGE_ITEM_TABLE_H

#include "postgres.h"

#include "utils/snapshot.h"

#include "core/core_types.h"
#include "storage/keyed_table.h"
#include "storage/position.h"

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
	uint32_t crc;        /* over position, LSN and item, as stored */
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

/* The same with the table opened for this one row.  ERROR 42P01 as above. */
extern bool
item_table_get_one(uint32_t table_id, const uint8_t *position, uint32_t length, ItemRow *row);

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

/* The checksum that a row with this position, LSN and item must have. */
extern uint32_t item_row_checksum(const ItemRow *row);

/*
 * Writers only, in their own transaction: puts or removes one row as of `lsn`.  False, with nothing
 * changed, if the row that is there is of this LSN or a later one: rows that were copied from
 * another replica may be ahead of the log that is applied to them.  Otherwise *bytes_before is the
 * size (position and item, AppliedRow.bytes) of the row that was there before, 0 if there was none.
 */
extern bool
item_table_put(ItemTable *table, const uint8_t *position, uint32_t position_length, Lsn lsn,
			   const uint8_t *item, uint32_t item_length, uint32_t *bytes_before);
extern bool item_table_remove(ItemTable *table, const uint8_t *position, uint32_t position_length,
							  Lsn lsn, uint32_t *bytes_before);

/* What item_table_clear removed. */
typedef struct ClearedRows
{
	uint32_t rows;
	Size bytes;
	bool more;     /* there may be more rows behind `last` */
	Position last; /* of the last row removed; length 0 if there was none */
} ClearedRows;

/*
 * Copier only, in its own transaction: removes rows with lower <= position < upper (upper_length 0:
 * no upper bound), damaged ones too, from the lower bound on, until rows_max rows or bytes_max bytes are
 * gone.
 */
extern void item_table_clear(ItemTable *table, const uint8_t *lower, uint32_t lower_length,
							 const uint8_t *upper, uint32_t upper_length, uint32_t rows_max,
							 Size bytes_max, ClearedRows *cleared);

#endif /* QUORATE_STORAGE_ITEM_TABLE_H */

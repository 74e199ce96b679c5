/*
 * item_type.h
 *		The SQL type quorate.item for code inside PostgreSQL: datums, memory, errors.
 *
 * A datum of the type is a varlena that holds an encoded item (item/item.h) and nothing else.
 * Every datum was made by the item writer or went through item_validate, so its bytes are trusted.
 */
#ifndef QUORATE_SQLAPI_ITEM_TYPE_H
#define QUORATE_SQLAPI_ITEM_TYPE_H

#include "postgres.h"

#include "fmgr.h"

#include "item/item.h"
#include "item/item_buffer.h"
#include "storage/item_memory.h"

/* The detoasted datum; its bytes and their number. */
#define DatumGetItemP(datum) ((struct varlena *) PG_DETOAST_DATUM_PACKED(datum))
#define PG_GETARG_ITEM_P(n) DatumGetItemP(PG_GETARG_DATUM(n))
#define ITEM_BYTES(item) ((const uint8_t *) VARDATA_ANY(item))
#define ITEM_LENGTH(item) ((size_t) VARSIZE_ANY_EXHDR(item))

/* A datum with a copy of an encoded item. */
extern Datum item_datum_copy(const uint8_t *bytes, size_t length);

/*
 * A datum that is built in place: begin leaves room for the header, the caller has the item
 * appended (item_from_json, an ItemWriter), finish completes the datum.  The buffer's memory
 * becomes the datum.
 */
extern void item_datum_begin(ItemBuffer *buffer);
extern Datum item_datum_finish(ItemBuffer *buffer);

/*
 * Raises what the pure code found, with the SQLSTATE of its kind: malformed text 22P02, a value
 * against the rules 22023, too large 54000, malformed bytes 22P03, out of memory 53200.
 */
extern void item_report_error(const ItemError *error) pg_attribute_noreturn();

#endif /* QUORATE_SQLAPI_ITEM_TYPE_H */

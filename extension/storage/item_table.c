/*
 * item_table.c
 *		Item tables as PostgreSQL relations: reading and applying rows.
 *
 * Reading runs in any backend inside a transaction; writing in the applier and the copier, never both
 * in one partition at a time (keyed_table.c).
 * The row's checksum covers position, LSN and item and is verified on every read, so a page that
 * rotted, or a row that was changed past the extension, is an error and never an answer.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "item/key.h"
#include "shmem/shared_state.h"
#include "storage/item_table.h"

/* Columns, from 0. */
enum
{
	ROW_POSITION,
	ROW_LSN,
	ROW_CRC,
	ROW_ITEM,
	ROW_COLUMNS
};

/* ---------------------------------------------------------------- relations by table id */

typedef struct RelidEntry
{
	uint32_t table_id; /* hash key */
	Oid relid;
} RelidEntry;

static HTAB *relid_cache = NULL;
static bool relid_cache_valid = false;

/*
 * Any change of any relation may be that an item table was dropped: look them up again, it is
 * cheap.
 */
static void
forget_relids(Datum argument, Oid relid)
{
	relid_cache_valid = false;
}

static void
prepare_relid_cache(void)
{
	HASHCTL control = {.keysize = sizeof(uint32_t), .entrysize = sizeof(RelidEntry)};

	if (relid_cache == NULL)
		CacheRegisterRelcacheCallback(forget_relids, (Datum) 0);
	else
		hash_destroy(relid_cache);
	relid_cache = hash_create("quorate item tables", 64, &control, HASH_ELEM | HASH_BLOBS);
	relid_cache_valid = true;
}

static Oid
look_up_relid(uint32_t table_id)
{
	Oid schema = get_namespace_oid(DATA_SCHEMA, true);
	char name[NAMEDATALEN];

	if (!OidIsValid(schema))
		return InvalidOid;
	snprintf(name, sizeof(name), "t%u", table_id);
	return get_relname_relid(name, schema);
}

Oid
item_table_relid(uint32_t table_id)
{
	RelidEntry *entry;
	Oid relid;

	if (!relid_cache_valid)
		prepare_relid_cache();
	entry = hash_search(relid_cache, &table_id, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->relid;

	/*
	 * The look-up itself may bring invalidations: enter its result only into a cache that is still
	 * valid.
	 */
	relid = look_up_relid(table_id);
	if (OidIsValid(relid) && relid_cache_valid)
	{
		entry = hash_search(relid_cache, &table_id, HASH_ENTER, NULL);
		entry->relid = relid;
	}
	return relid;
}

void
item_table_open(ItemTable *table, uint32_t table_id, LOCKMODE lockmode)
{
	Oid relid = item_table_relid(table_id);

	if (!OidIsValid(relid))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("this node has no relation for item table %u", table_id)));
	table->table_id = table_id;
	keyed_table_open(&table->rows, relid, F_BYTEAEQ, lockmode);
}

void
item_table_close(ItemTable *table, LOCKMODE lockmode)
{
	keyed_table_close(&table->rows, lockmode);
}

/* ---------------------------------------------------------------- rows */

/* A position as a bytea without an allocation. */
typedef union PositionDatum
{
	struct varlena header;
	char bytes[VARHDRSZ + KEY_POSITION_MAX];
} PositionDatum;

static Datum
make_position_datum(PositionDatum *datum, const uint8_t *position, uint32_t length)
{
	if (length > KEY_POSITION_MAX)
		elog(ERROR, "position of %u bytes is too long", length);
	SET_VARSIZE(datum, VARHDRSZ + length);
	memcpy(VARDATA(datum), position, length);
	return PointerGetDatum(datum);
}

uint32_t
item_row_checksum(const ItemRow *row)
{
	uint64_t lsn = pg_hton64(row->lsn);
	pg_crc32c crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, row->position, row->position_length);
	COMP_CRC32C(crc, &lsn, sizeof(lsn));
	COMP_CRC32C(crc, row->item, row->item_length);
	FIN_CRC32C(crc);
	return crc;
}

static void
report_bad_checksum(uint32_t table_id, const ItemRow *row)
{
	char *hex = palloc(2 * row->position_length + 1);

	shared_count(COUNTER_CHECKSUM_FAILURES, 1);
	hex[hex_encode((const char *) row->position, row->position_length, hex)] = '\0';
	ereport(
		ERROR,
		(errcode(ERRCODE_DATA_CORRUPTED),
		 errmsg("checksum of a row of item table %u does not match", table_id),
		 errdetail("The row's position is %s, its LSN %llu.", hex, (unsigned long long) row->lsn),
		 errhint("The row on this node is damaged; other replicas have their own copy.")));
}

/*
 * Reads and verifies the row in the slot.  The position is the caller's if it is given (it was
 * searched for), otherwise the row's own; the rest is palloc'd.
 */
static void
read_row(ItemTable *table, const uint8_t *position, uint32_t position_length, ItemRow *row)
{
	TupleTableSlot *slot = table->rows.slot;

	slot_getallattrs(slot);
	if (position == NULL)
	{
		bytea *own = DatumGetByteaPCopy(slot->tts_values[ROW_POSITION]);

		position = (const uint8_t *) VARDATA(own);
		position_length = VARSIZE(own) - VARHDRSZ;
	}
	row->position = position;
	row->position_length = position_length;
	row->lsn = (Lsn) DatumGetInt64(slot->tts_values[ROW_LSN]);
	row->item_datum = PG_DETOAST_DATUM_COPY(slot->tts_values[ROW_ITEM]);
	row->item = (const uint8_t *) VARDATA(row->item_datum);
	row->item_length = VARSIZE(row->item_datum) - VARHDRSZ;
	row->crc = (uint32_t) DatumGetInt32(slot->tts_values[ROW_CRC]);
	if (item_row_checksum(row) != row->crc)
		report_bad_checksum(table->table_id, row);
}

bool
item_table_get(ItemTable *table, const uint8_t *position, uint32_t length, ItemRow *row)
{
	PositionDatum datum;
	Datum key = make_position_datum(&datum, position, length);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool found = keyed_table_find(&table->rows, key, snapshot);

	if (found)
		read_row(table, position, length, row);
	ExecClearTuple(table->rows.slot);
	UnregisterSnapshot(snapshot);
	return found;
}

bool
item_table_get_one(uint32_t table_id, const uint8_t *position, uint32_t length, ItemRow *row)
{
	ItemTable table;
	bool found;

	item_table_open(&table, table_id, AccessShareLock);
	found = item_table_get(&table, position, length, row);
	item_table_close(&table, AccessShareLock);
	return found;
}

/* ---------------------------------------------------------------- ranges */

typedef struct RangeBounds
{
	PositionDatum lower;
	PositionDatum upper;
	ScanKeyData keys[2];
	int count;
} RangeBounds;

static void
make_bounds(RangeBounds *bounds, const uint8_t *lower, uint32_t lower_length, const uint8_t *upper,
			uint32_t upper_length)
{
	bounds->count = 0;
	if (lower_length > 0)
		ScanKeyInit(&bounds->keys[bounds->count++], ROW_POSITION + 1, BTGreaterEqualStrategyNumber,
					F_BYTEAGE, make_position_datum(&bounds->lower, lower, lower_length));
	if (upper_length > 0)
		ScanKeyInit(&bounds->keys[bounds->count++], ROW_POSITION + 1, BTLessStrategyNumber,
					F_BYTEALT, make_position_datum(&bounds->upper, upper, upper_length));
}

/* Shows each row that the scan finds to the visitor. */
static void
visit_rows(ItemTable *table, IndexScanDesc scan, ScanDirection direction, ItemRowVisitor visitor,
		   void *context)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "quorate row",
													  ALLOCSET_DEFAULT_SIZES);
	bool go_on = true;

	while (go_on && index_getnext_slot(scan, direction, table->rows.slot))
	{
		MemoryContext caller = MemoryContextSwitchTo(row_context);
		ItemRow row;

		CHECK_FOR_INTERRUPTS();
		read_row(table, NULL, 0, &row);
		MemoryContextSwitchTo(caller);
		go_on = visitor(context, &row);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
}

static void
scan_range(ItemTable *table, Snapshot snapshot, RangeBounds *bounds, ScanDirection direction,
		   ItemRowVisitor visitor, void *context)
{
	IndexScanDesc scan;

	scan = index_beginscan(table->rows.heap, table->rows.index, snapshot, bounds->count, 0);
	index_rescan(scan, bounds->keys, bounds->count, NULL, 0);
	visit_rows(table, scan, direction, visitor, context);
	ExecClearTuple(table->rows.slot);
	index_endscan(scan);
}

void
item_table_range(ItemTable *table, const uint8_t *lower, uint32_t lower_length,
				 const uint8_t *upper, uint32_t upper_length, bool backward, ItemRowVisitor visitor,
				 void *context)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	RangeBounds bounds;

	make_bounds(&bounds, lower, lower_length, upper, upper_length);
	scan_range(table, snapshot, &bounds, backward ? BackwardScanDirection : ForwardScanDirection,
			   visitor, context);
	UnregisterSnapshot(snapshot);
}

void
item_table_range_at(ItemTable *table, Snapshot snapshot, const uint8_t *lower,
					uint32_t lower_length, const uint8_t *upper, uint32_t upper_length,
					ItemRowVisitor visitor, void *context)
{
	RangeBounds bounds;

	make_bounds(&bounds, lower, lower_length, upper, upper_length);
	scan_range(table, snapshot, &bounds, ForwardScanDirection, visitor, context);
}

/* ---------------------------------------------------------------- writing */

/* Bytes of the row in the slot: of its position and its item before compression. */
static uint32_t
row_bytes(TupleTableSlot *slot)
{
	Size position;
	Size item;

	slot_getallattrs(slot);
	position = toast_raw_datum_size(slot->tts_values[ROW_POSITION]) - VARHDRSZ;
	item = toast_raw_datum_size(slot->tts_values[ROW_ITEM]) - VARHDRSZ;
	return (uint32_t) (position + item);
}

/* LSN of the row in the slot. */
static Lsn
row_lsn(TupleTableSlot *slot)
{
	slot_getallattrs(slot);
	return (Lsn) DatumGetInt64(slot->tts_values[ROW_LSN]);
}

/* Looks for the row that a write is to change; false if it shows that write or a later one already. */
static bool
find_older(ItemTable *table, Datum key, Lsn lsn, bool *found)
{
	*found = keyed_table_find_own(&table->rows, key);
	return !*found || row_lsn(table->rows.slot) < lsn;
}

bool
item_table_put(ItemTable *table, const uint8_t *position, uint32_t position_length, Lsn lsn,
			   const uint8_t *item, uint32_t item_length, uint32_t *bytes_before)
{
	ItemRow row = {.position = position,
				   .position_length = position_length,
				   .lsn = lsn,
				   .item = item,
				   .item_length = item_length};
	PositionDatum datum;
	struct varlena *item_datum;
	Datum values[ROW_COLUMNS];
	bool found;

	values[ROW_POSITION] = make_position_datum(&datum, position, position_length);
	if (!find_older(table, values[ROW_POSITION], lsn, &found))
		return false;
	item_datum = palloc(VARHDRSZ + item_length);
	SET_VARSIZE(item_datum, VARHDRSZ + item_length);
	memcpy(VARDATA(item_datum), item, item_length);
	values[ROW_LSN] = Int64GetDatum((int64) lsn);
	values[ROW_CRC] = Int32GetDatum((int32) item_row_checksum(&row));
	values[ROW_ITEM] = PointerGetDatum(item_datum);

	*bytes_before = found ? row_bytes(table->rows.slot) : 0;
	if (found)
		keyed_table_update(&table->rows, values);
	else
		keyed_table_insert(&table->rows, values);
	pfree(item_datum);
	return true;
}

bool
item_table_remove(ItemTable *table, const uint8_t *position, uint32_t position_length, Lsn lsn,
				  uint32_t *bytes_before)
{
	PositionDatum datum;
	bool found;

	if (!find_older(table, make_position_datum(&datum, position, position_length), lsn, &found))
		return false;
	*bytes_before = found ? row_bytes(table->rows.slot) : 0;
	if (found)
		keyed_table_remove(&table->rows);
	return true;
}

/* Removes the row in the slot and notes it. */
static void
clear_row(ItemTable *table, ClearedRows *cleared)
{
	bytea *position;

	slot_getallattrs(table->rows.slot);
	position = DatumGetByteaPP(table->rows.slot->tts_values[ROW_POSITION]);
	cleared->last.length = Min(VARSIZE_ANY_EXHDR(position), sizeof(cleared->last.bytes));
	memcpy(cleared->last.bytes, VARDATA_ANY(position), cleared->last.length);
	cleared->rows++;
	cleared->bytes += row_bytes(table->rows.slot);
	keyed_table_remove(&table->rows);
}

void
item_table_clear(ItemTable *table, const uint8_t *lower, uint32_t lower_length,
				 const uint8_t *upper, uint32_t upper_length, uint32_t rows_max, Size bytes_max,
				 ClearedRows *cleared)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	RangeBounds bounds;
	IndexScanDesc scan;

	memset(cleared, 0, sizeof(*cleared));
	make_bounds(&bounds, lower, lower_length, upper, upper_length);
	scan = index_beginscan(table->rows.heap, table->rows.index, snapshot, bounds.count, 0);
	index_rescan(scan, bounds.keys, bounds.count, NULL, 0);
	while (!cleared->more && index_getnext_slot(scan, ForwardScanDirection, table->rows.slot))
	{
		CHECK_FOR_INTERRUPTS();
		clear_row(table, cleared);
		cleared->more = cleared->rows >= rows_max || cleared->bytes >= bytes_max;
	}
	ExecClearTuple(table->rows.slot);
	index_endscan(scan);
	UnregisterSnapshot(snapshot);
}

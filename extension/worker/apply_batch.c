/*
 * apply_batch.c
 *		A batch of committed entries on their way into the tables.
 *
 * Runs in the applier.  All entries of a batch become visible, and later durable, in one
 * transaction, together with the applied LSN of each group in it; so after a crash the tables are
 * at some entry's border in every group, and applying goes on from there.  Keys are conflated: of
 * several images of one key only the newest is written.  Rows are written in order of position,
 * which keeps neighbouring index entries together.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "catalog/metadata.h"
#include "core/membership.h"
#include "item/item.h"
#include "storage/applied_table.h"
#include "storage/item_table.h"
#include "wire/entry.h"
#include "worker/applier_progress.h"
#include "worker/apply_batch.h"
#include "worker/table_worker.h"

#define BATCH_ROWS_MAX 512 /* about 4 ms of work: a reader may be waiting for the first of them */
#define BATCH_BYTES_MAX (4 * 1024 * 1024)

/* One image in the batch. */
typedef struct BatchRow
{
	const EntryImage *image;
	GroupProgress *progress;
	Lsn lsn;
	uint32_t order; /* in which it came into the batch */
} BatchRow;

typedef struct ApplyBatch
{
	MemoryContext context;       /* entries and images; emptied with the batch */
	MemoryContext write_context; /* what writing leaves behind */
	uint32_t entry_count;
	Size bytes;
	uint32_t row_count;
	uint32_t row_capacity;
	BatchRow *rows;
	uint32_t group_count;
	uint32_t group_capacity;
	GroupProgress **groups; /* those that have entries in it */
	KeyedTable applied;     /* open from apply_batch_lock on */
	bool has_metadata;
	EntryImage *unpacked; /* of the entry that is being taken in */
} ApplyBatch;

static ApplyBatch batch;

void
apply_batch_init(void)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

	batch.context = AllocSetContextCreate(TopMemoryContext, "quorate batch",
										  ALLOCSET_DEFAULT_SIZES);
	batch.write_context = AllocSetContextCreate(TopMemoryContext, "quorate batch writing",
												ALLOCSET_DEFAULT_SIZES);
	batch.row_capacity = 2 * BATCH_ROWS_MAX;
	batch.rows = palloc(batch.row_capacity * sizeof(BatchRow));
	batch.group_capacity = 64;
	batch.groups = palloc(batch.group_capacity * sizeof(GroupProgress *));
	batch.unpacked = palloc(ENTRY_IMAGES_MAX * sizeof(EntryImage));
	MemoryContextSwitchTo(caller);
}

bool
apply_batch_is_full(void)
{
	return batch.row_count >= BATCH_ROWS_MAX || batch.bytes >= BATCH_BYTES_MAX ||
		   batch.entry_count >= 4 * BATCH_ROWS_MAX;
}

bool
apply_batch_is_empty(void)
{
	return batch.entry_count == 0;
}

/* ---------------------------------------------------------------- taking in */

/* The progress of the entry's group, which is part of the batch from now on. */
static void
join_batch(GroupProgress *progress)
{
	if (progress->in_batch)
		return;
	if (batch.group_count == batch.group_capacity)
	{
		batch.group_capacity *= 2;
		batch.groups = repalloc(batch.groups, batch.group_capacity * sizeof(GroupProgress *));
	}
	batch.groups[batch.group_count++] = progress;
	progress->in_batch = true;
	progress->batch_lsn = progress->applied_lsn;
	progress->batch_items = progress->items;
	progress->batch_bytes = progress->bytes;
}

static void
add_rows(GroupProgress *progress, Lsn lsn, const EntryPayload *payload)
{
	EntryImage *images = MemoryContextAlloc(batch.context,
											Max(1, payload->image_count) * sizeof(EntryImage));

	memcpy(images, payload->images, payload->image_count * sizeof(EntryImage));
	while (batch.row_count + payload->image_count > batch.row_capacity)
	{
		batch.row_capacity *= 2;
		batch.rows = repalloc(batch.rows, batch.row_capacity * sizeof(BatchRow));
	}
	for (uint32_t i = 0; i < payload->image_count; i++)
	{
		batch.rows[batch.row_count] = (BatchRow){&images[i], progress, lsn, batch.row_count};
		batch.row_count++;
		if (images[i].table_id == METADATA_TABLE_ID)
			batch.has_metadata = true;
	}
}

/* Unpacks an entry into the batch; false if it is not understood. */
static bool
add_entry(GroupProgress *progress, const ApplyItem *item)
{
	EntryPayload payload = {.images = batch.unpacked};
	uint8_t *bytes;

	/* The start entry of a leader and a change of the group's members have no effects on rows. */
	if (item->length == 0 || membership_is_encoded(item->payload, item->length))
		return true;
	bytes = MemoryContextAlloc(batch.context, item->length);
	memcpy(bytes, item->payload, item->length);
	if (!entry_unpack(bytes, item->length, &payload, ENTRY_IMAGES_MAX))
		return false;
	add_rows(progress, item->lsn, &payload);
	batch.bytes += item->length;
	return true;
}

static void
stop_group(GroupProgress *progress, Lsn lsn)
{
	GroupShared *shared = shared_group_find(progress->group);

	progress->stopped = true;
	if (shared != NULL)
		pg_atomic_write_u64(&shared->stopped_lsn, lsn);
	ereport(LOG, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				  errmsg("stopped applying group %llu at LSN %llu",
						 (unsigned long long) progress->group, (unsigned long long) lsn),
				  errdetail("This version of quorate does not understand the entry."),
				  errhint("Install the version that the other nodes run.")));
}

void
apply_batch_add(const ApplyItem *item)
{
	GroupProgress *progress = progress_of(item->group);
	Lsn last = progress->in_batch ? progress->batch_lsn : progress->applied_lsn;

	if (progress->stopped || rows_stage_is_copiers(progress->stage) || item->lsn <= last)
		return;
	if (item->lsn != last + 1)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("group %llu was fed LSN %llu after LSN %llu",
							   (unsigned long long) item->group, (unsigned long long) item->lsn,
							   (unsigned long long) last)));
	if (!add_entry(progress, item))
	{
		stop_group(progress, item->lsn);
		return;
	}
	join_batch(progress);
	progress->batch_lsn = item->lsn;
	batch.entry_count++;
}

/* ---------------------------------------------------------------- writing */

static int
compare_keys(const BatchRow *left, const BatchRow *right)
{
	if (left->image->table_id != right->image->table_id)
		return left->image->table_id < right->image->table_id ? -1 : 1;
	return item_compare_bytes(left->image->position, left->image->position_length,
							  right->image->position, right->image->position_length);
}

static int
compare_rows(const void *left, const void *right)
{
	int order = compare_keys(left, right);
	uint32_t left_order = ((const BatchRow *) left)->order;
	uint32_t right_order = ((const BatchRow *) right)->order;

	if (order != 0)
		return order;
	return left_order < right_order ? -1 : left_order > right_order;
}

/*
 * An image whose effect the row shows already is passed over: the row was copied from a replica that was ahead.
 * A row that was removed there leaves no trace; then an older image comes back here for a while, and its removal
 * is in the log too, not above copy_lsn.
 */
static void
write_row(ItemTable *table, const BatchRow *row)
{
	const EntryImage *image = row->image;
	GroupProgress *progress = row->progress;
	uint32_t bytes_before = 0;

	if (image->kind == IMAGE_PUT)
	{
		if (!item_table_put(table, image->position, image->position_length, row->lsn, image->item,
							image->item_length, &bytes_before))
			return;
		progress->batch_items++;
		progress->batch_bytes += image->position_length + image->item_length;
	}
	else if (!item_table_remove(table, image->position, image->position_length, row->lsn,
								&bytes_before))
		return;

	if (bytes_before > 0)
	{
		progress->batch_items--;
		progress->batch_bytes -= bytes_before;
	}
}

/* True if this is the newest image of its key; rows are sorted. */
static bool
is_newest(uint32_t index)
{
	return index + 1 == batch.row_count ||
		   compare_keys(&batch.rows[index], &batch.rows[index + 1]) != 0;
}

/*
 * Writes the rows from `first` on that are of the same table; returns the first row of the next
 * one.
 */
static uint32_t
write_table(uint32_t first)
{
	uint32_t table_id = batch.rows[first].image->table_id;
	uint32_t index = first;
	bool is_gone = !OidIsValid(item_table_relid(table_id)) && metadata_table_is_dropped(table_id);
	ItemTable table;

	if (!is_gone)
		item_table_open(&table, table_id, RowExclusiveLock);
	for (; index < batch.row_count && batch.rows[index].image->table_id == table_id; index++)
	{
		MemoryContext caller = MemoryContextSwitchTo(batch.write_context);

		CHECK_FOR_INTERRUPTS();
		table_worker_at(batch.rows[index].progress->group);
		if (!is_gone && is_newest(index))
			write_row(&table, &batch.rows[index]);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(batch.write_context);
	}
	if (!is_gone)
		item_table_close(&table, NoLock);
	return index;
}

static void
write_applied(void)
{
	for (uint32_t i = 0; i < batch.group_count; i++)
	{
		const GroupProgress *progress = batch.groups[i];
		AppliedRow row = {.group = progress->group,
						  .applied_lsn = progress->batch_lsn,
						  .items = progress->batch_items,
						  .bytes = progress->batch_bytes,
						  .stage = progress_batch_stage(progress)};

		if (row.stage == STAGE_REPLAYING)
		{
			row.copy_lsn = progress->copy_lsn;
			row.copy_started = progress->copy_started;
		}

		applied_table_put(&batch.applied, &row);
	}
	keyed_table_close(&batch.applied, NoLock);
}

void
apply_batch_lock(void)
{
	applied_table_open(&batch.applied, RowExclusiveLock);
}

void
apply_batch_write(void)
{
	uint32_t index = 0;

	if (batch.row_count > 1)
		qsort(batch.rows, batch.row_count, sizeof(BatchRow), compare_rows);
	while (index < batch.row_count)
		index = write_table(index);
	table_worker_at(0);
	write_applied();
}

bool
apply_batch_publish(void)
{
	bool has_metadata = batch.has_metadata;

	if (has_metadata)
		pg_atomic_fetch_add_u64(&quorate_shared->metadata_generation, 1);
	for (uint32_t i = 0; i < batch.group_count; i++)
		progress_committed(batch.groups[i]);
	shared_count(COUNTER_ENTRIES_APPLIED, batch.entry_count);

	batch.entry_count = 0;
	batch.row_count = 0;
	batch.group_count = 0;
	batch.bytes = 0;
	batch.has_metadata = false;
	MemoryContextReset(batch.context);
	return has_metadata;
}

/*
 * row_pages.c
 *		Pages of rows: what a RANGE or COPY request is answered with; see row_pages.h.
 *
 * Runs in client backends and in the backends of request streams.  The limits of a page come from another
 * node and are bounded here.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "request/row_pages.h"
#include "storage/applied_table.h"
#include "storage/item_table.h"

/* A page while it is being read. */
typedef struct RowPage
{
	const Request *request;
	Reply *reply;
	uint32_t items_max;
	Size bytes_max;
	uint32_t capacity; /* items that reply->items has room for */
	Size bytes;
} RowPage;

static RowPage
make_page(const Request *request, Reply *reply)
{
	RowPage page = {.request = request,
					.reply = reply,
					.items_max = Min(request->items_max, REPLY_ITEMS_MAX),
					.bytes_max = Min(request->bytes_max, REPLY_PAGE_BYTES_MAX)};

	return page;
}

static ReplyItem *
next_item(RowPage *page)
{
	Reply *reply = page->reply;

	if (reply->item_count == page->capacity)
	{
		page->capacity = page->capacity ? page->capacity * 2 : 64;
		reply->items = reply->items ? repalloc(reply->items, page->capacity * sizeof(ReplyItem))
									: palloc(page->capacity * sizeof(ReplyItem));
	}
	return &reply->items[reply->item_count++];
}

/* Adds a row to the page; false once the page is full. */
static bool
add_row(void *context, const ItemRow *row)
{
	RowPage *page = context;
	ReplyItem *item;

	if (page->reply->item_count >= page->items_max ||
		(page->reply->item_count > 0 &&
		 page->bytes + row->item_length + row->position_length > page->bytes_max))
	{
		page->reply->more = true;
		return false;
	}
	item = next_item(page);
	item->position = memcpy(palloc(row->position_length), row->position, row->position_length);
	item->position_length = row->position_length;
	item->item = memcpy(palloc(row->item_length), row->item, row->item_length);
	item->item_length = row->item_length;
	item->lsn = row->lsn;
	item->crc = row->crc;
	page->bytes += row->item_length + row->position_length;
	return true;
}

void
row_page_of_one(const ItemRow *row, Reply *reply)
{
	reply->items = palloc(sizeof(ReplyItem));
	reply->items[0] = (ReplyItem){.position = row->position,
								  .position_length = row->position_length,
								  .item = row->item,
								  .item_length = row->item_length};
	reply->item_count = 1;
}

void
row_page_read(const Request *request, Reply *reply)
{
	RowPage page = make_page(request, reply);
	ItemTable table;

	item_table_open(&table, request->table_id, AccessShareLock);
	item_table_range(&table, request->position, request->position_length, request->upper,
					 request->upper_length, request->backward, add_row, &page);
	item_table_close(&table, AccessShareLock);
}

bool
row_page_copy(const Request *request, Reply *reply)
{
	RowPage page = make_page(request, reply);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	KeyedTable applied;
	AppliedRow progress;
	ItemTable table;
	bool usable;

	applied_table_open(&applied, AccessShareLock);
	applied_table_get(&applied, request->group, snapshot, &progress);
	keyed_table_close(&applied, AccessShareLock);
	usable = progress.stage == STAGE_APPLIED && progress.applied_lsn >= request->lsn;
	if (usable)
	{
		item_table_open(&table, request->table_id, AccessShareLock);
		item_table_range_at(&table, snapshot, request->position, request->position_length,
							request->upper, request->upper_length, add_row, &page);
		item_table_close(&table, AccessShareLock);
		reply->has_rows = true;
		reply->lsn = progress.applied_lsn;
	}
	UnregisterSnapshot(snapshot);
	return usable;
}

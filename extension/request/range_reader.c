/*
 * range_reader.c
 *		Reads a range of positions over all partitions of a table; see range_reader.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "request/range_reader.h"

#define PAGE_ITEMS_MAX 1000
#define PAGE_BYTES_MAX (256 * 1024)

/* The part of the wanted range that lies in one partition. */
typedef struct RangePart
{
	GroupId group;
	uint32_t lower_length;
	uint32_t upper_length;
	bool has_upper;
	uint8_t lower[POSITION_BOUND_MAX];
	uint8_t upper[POSITION_BOUND_MAX];
} RangePart;

struct RangeReader
{
	MemoryContext context;      /* of the reader itself */
	MemoryContext page_context; /* reset with each page */
	uint32_t table_id;
	bool backward;
	bool consistent;
	uint32_t part_count;
	uint32_t part_next; /* index of the next part to start, in reading order */
	RangePart *parts;   /* in reading order */
	RangePart now;      /* what is left of the part that is being read */
	bool part_is_open;
	Reply *page;
	uint32_t page_next; /* index in the page of the item to return next */
};

/* Cuts the wanted range at a partition's bounds; false if nothing is left. */
static bool
range_part_make(RangePart *part, const TableInfo *table, uint32_t number,
				const PositionRange *wanted)
{
	const PartitionInfo *partition = &table->partitions[number];
	bool is_last = number + 1 == table->partition_count;
	PositionRange range = *wanted;
	PositionRange bounds = {.lower = partition->lower,
							.lower_length = partition->lower_length,
							.upper = is_last ? NULL : table->partitions[number + 1].lower,
							.upper_length = is_last ? 0
													: table->partitions[number + 1].lower_length,
							.has_upper = !is_last};

	position_range_intersect(&range, &bounds);
	if (position_range_is_empty(&range))
		return false;
	part->group = partition->group;
	part->lower_length = range.lower_length;
	memcpy(part->lower, range.lower, range.lower_length);
	part->has_upper = range.has_upper;
	part->upper_length = range.has_upper ? range.upper_length : 0;
	if (range.has_upper)
		memcpy(part->upper, range.upper, range.upper_length);
	return true;
}

RangeReader *
range_reader_open(const TableInfo *table, const PositionRange *range, bool backward,
				  bool consistent)
{
	RangeReader *reader = palloc0(sizeof(RangeReader));

	reader->context = CurrentMemoryContext;
	reader->page_context = AllocSetContextCreate(CurrentMemoryContext, "quorate page",
												 ALLOCSET_DEFAULT_SIZES);
	reader->table_id = table->table_id;
	reader->backward = backward;
	reader->consistent = consistent;
	reader->parts = MemoryContextAllocHuge(CurrentMemoryContext,
										   table->partition_count * sizeof(RangePart));
	for (uint32_t i = 0; i < table->partition_count; i++)
	{
		uint32_t number = backward ? table->partition_count - 1 - i : i;

		if (range_part_make(&reader->parts[reader->part_count], table, number, range))
			reader->part_count++;
	}
	return reader;
}

/* Reads one page of reader->now from this node's own replica; false if that is not to be read now. */
static bool
range_reader_read_local(RangeReader *reader, const Request *request)
{
	ExecutorCall call;

	executor_read_local(&call, request);
	reader->page = palloc(sizeof(Reply));
	*reader->page = call.reply;
	return call.reply.status == REPLY_OK;
}

/* Reads one page of reader->now at the leader. */
static void
range_reader_read_leader(RangeReader *reader, const Request *request)
{
	RouterCall *call = palloc0(sizeof(RouterCall));

	call->request = *request;
	router_execute(call);
	router_check(call);
	reader->page = call->reply;
}

/* What is left of the part starts behind the page's last item. */
static void
range_reader_advance(RangeReader *reader)
{
	const ReplyItem *last = &reader->page->items[reader->page->item_count - 1];
	RangePart *now = &reader->now;

	if (last->position_length > POSITION_BYTES_MAX)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("position is too long"));
	if (reader->backward)
	{
		now->has_upper = true;
		now->upper_length = last->position_length;
		memcpy(now->upper, last->position, last->position_length);
	}
	else
	{
		now->lower_length = last->position_length + 1;
		memcpy(now->lower, last->position, last->position_length);
		now->lower[last->position_length] = 0;
	}
}

static void
range_reader_fetch_page(RangeReader *reader)
{
	Request request = {.kind = REQUEST_RANGE,
					   .group = reader->now.group,
					   .table_id = reader->table_id,
					   .consistent = reader->consistent,
					   .position = reader->now.lower,
					   .position_length = reader->now.lower_length,
					   .upper = reader->now.upper,
					   .upper_length = reader->now.has_upper ? reader->now.upper_length : 0,
					   .backward = reader->backward,
					   .items_max = PAGE_ITEMS_MAX,
					   .bytes_max = PAGE_BYTES_MAX};
	MemoryContext old;

	MemoryContextReset(reader->page_context);
	old = MemoryContextSwitchTo(reader->page_context);
	if (reader->consistent || !range_reader_read_local(reader, &request))
		range_reader_read_leader(reader, &request);
	MemoryContextSwitchTo(old);

	reader->page_next = 0;
	reader->part_is_open = reader->page->more && reader->page->item_count > 0;
	if (reader->part_is_open)
		range_reader_advance(reader);
}

bool
range_reader_next(RangeReader *reader, ReplyItem *item)
{
	while (reader->page == NULL || reader->page_next == reader->page->item_count)
	{
		if (!reader->part_is_open)
		{
			if (reader->part_next == reader->part_count)
				return false;
			reader->now = reader->parts[reader->part_next++];
		}
		range_reader_fetch_page(reader);
	}
	*item = reader->page->items[reader->page_next++];
	return true;
}

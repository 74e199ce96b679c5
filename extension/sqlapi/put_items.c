/*
 * put_items.c
 *		put_items: many items in one call, pipelined.
 *
 * Run by a client backend.  Everything is validated before anything is written.  Then up to ROUTER_CALLS_MAX
 * puts are under way at once; they are separate writes, not one atomic one.  An item whose key is under way
 * already waits for it, so that the array's last item of a key is the one that stays.  When some could not be
 * written the others still are, and the error says which were not.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "request/sqlstate.h"
#include "sqlapi/api_call.h"

#define LISTED_FAILURES_MAX 20 /* items that the error names */

PG_FUNCTION_INFO_V1(quorate_put_items);

/* One item of the array. */
typedef struct BatchItem
{
	ItemArgument item;
	Position *position;
} BatchItem;

/* A put under way. */
typedef struct BatchCall
{
	RouterCall call; /* first: the router knows it by this address */
	EntryImage image;
	uint32_t index; /* in the array */
} BatchCall;

typedef struct Batch
{
	const TableInfo *table;
	uint32_t item_count;
	BatchItem *items;
	uint32_t slot_count;                 /* calls under way */
	RouterCall *slots[ROUTER_CALLS_MAX]; /* BatchCall each */
	BatchCall *free_call;                /* one that has ended, to be used again */
	MemoryContext call_context;          /* of what calls allocate */
	int64 written;
	uint32_t failed;
	uint32_t unknown;
	StringInfoData not_written; /* positions in the array, for the error's detail */
} Batch;

/* Takes the array apart and checks every item; nothing is written before that. */
static void
batch_validate(Batch *batch, ArrayType *array)
{
	Datum *elements;
	bool *nulls;
	int count;
	int16 typlen;
	bool typbyval;
	char typalign;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &typlen, &typbyval, &typalign);
	deconstruct_array(array, ARR_ELEMTYPE(array), typlen, typbyval, typalign, &elements, &nulls,
					  &count);
	batch->item_count = (uint32_t) count;
	batch->items = MemoryContextAllocHuge(CurrentMemoryContext,
										  (Size) count * sizeof(BatchItem) + 1);
	for (int i = 0; i < count; i++)
	{
		BatchItem *item = &batch->items[i];
		struct varlena *datum;

		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					errmsg("item %d of the array must not be null", i + 1));
		datum = DatumGetItemP(elements[i]);
		item->item.bytes = ITEM_BYTES(datum);
		item->item.length = (uint32_t) ITEM_LENGTH(datum);
		item->position = palloc(sizeof(Position));
		api_position_of_item(batch->table, item->item, item->position);
	}
}

static bool
batch_same_position(const BatchItem *left, const BatchItem *right)
{
	return left->position->length == right->position->length &&
		   memcmp(left->position->bytes, right->position->bytes, left->position->length) == 0;
}

/* True if an earlier item of the same key is under way. */
static bool
batch_key_is_under_way(const Batch *batch, uint32_t index)
{
	for (uint32_t i = 0; i < batch->slot_count; i++)
	{
		const BatchCall *other = (const BatchCall *) batch->slots[i];

		if (batch_same_position(&batch->items[other->index], &batch->items[index]))
			return true;
	}
	return false;
}

static void
batch_start(Batch *batch, uint32_t index)
{
	BatchCall *call = batch->free_call ? batch->free_call : palloc(sizeof(BatchCall));
	BatchItem *item = &batch->items[index];
	MemoryContext old;

	batch->free_call = NULL;
	api_make_write(&call->call, &call->image, IMAGE_PUT, batch->table, item->position, item->item);
	call->index = index;
	batch->slots[batch->slot_count++] = &call->call;
	old = MemoryContextSwitchTo(batch->call_context);
	router_start(&call->call);
	MemoryContextSwitchTo(old);
}

static void
batch_note_failure(Batch *batch, const BatchCall *call)
{
	batch->failed++;
	if (call->call.outcome == ROUTER_UNKNOWN)
		batch->unknown++;
	if (batch->failed <= LISTED_FAILURES_MAX)
		appendStringInfo(&batch->not_written, "%s%u", batch->failed > 1 ? ", " : "",
						 call->index + 1);
	else if (batch->failed == LISTED_FAILURES_MAX + 1)
		appendStringInfoString(&batch->not_written, ", ...");
}

/* Takes the calls that have ended out of the slots. */
static void
batch_collect(Batch *batch)
{
	for (uint32_t i = batch->slot_count; i-- > 0;)
	{
		BatchCall *call = (BatchCall *) batch->slots[i];

		if (call->call.outcome == ROUTER_PENDING)
			continue;
		if (call->call.outcome == ROUTER_REPLIED && call->call.reply->status == REPLY_OK)
		{
			batch->written++;
			api_count(&call->call);
		}
		else
			batch_note_failure(batch, call);
		batch->slots[i] = batch->slots[--batch->slot_count];
		if (batch->free_call)
			pfree(batch->free_call);
		batch->free_call = call;
	}
	if (batch->slot_count == 0)
		MemoryContextReset(batch->call_context);
}

static void
batch_wait(Batch *batch)
{
	router_wait_any(batch->slots, batch->slot_count);
	batch_collect(batch);
}

static void
batch_run(Batch *batch)
{
	for (uint32_t i = 0; i < batch->item_count; i++)
	{
		while (batch->slot_count == ROUTER_CALLS_MAX || batch_key_is_under_way(batch, i))
			batch_wait(batch);
		batch_start(batch, i);
	}
	while (batch->slot_count > 0)
		batch_wait(batch);
}

static void
batch_report(const Batch *batch)
{
	if (batch->failed == 0)
		return;
	ereport(ERROR,
			errcode(batch->unknown > 0 ? ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN
									   : QUORATE_ERRCODE_UNAVAILABLE),
			errmsg("%u of %u items were not written", batch->failed, batch->item_count),
			errdetail(
				"Not written are the items %s of the array; the outcome of %u of them is unknown.",
				batch->not_written.data, batch->unknown),
			errhint("Put these items again."));
}

Datum
quorate_put_items(PG_FUNCTION_ARGS)
{
	Batch *batch = palloc0(sizeof(Batch));

	api_require_argument(fcinfo, 0, "table_name");
	api_require_argument(fcinfo, 1, "items");
	api_begin_write("put_items()");
	batch->table = api_table(PG_GETARG_TEXT_PP(0));
	batch->call_context = AllocSetContextCreate(CurrentMemoryContext, "quorate put_items",
												ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&batch->not_written);
	batch_validate(batch, PG_GETARG_ARRAYTYPE_P(1));
	batch_run(batch);
	batch_report(batch);
	PG_RETURN_INT64(batch->written);
}

/*
 * item_writer.h
 *		Builds an encoded item from a stream of calls, in one pass.
 *
 * Members may come in any order: a container is sorted and gets its offset table when it is closed.
 * Every rule of the item model is checked here (nesting, lengths, UTF-8, duplicate names, empty and
 * duplicate sets), so that whatever the source, a finished item is canonical and legal.  The first
 * error sticks: later calls do nothing and return false, so a caller may check only the last one.
 *
 *		item_writer_begin(&writer, &buffer);
 *		item_writer_name(&writer, "Year", 4);
 *		item_writer_number_text(&writer, "1998", 4);
 *		if (!item_writer_finish(&writer)) … writer.error …
 *
 * The item is appended to the buffer (behind whatever it holds, for example a varlena header).
 */
#ifndef QUORATE_ITEM_WRITER_H
#define QUORATE_ITEM_WRITER_H

#include "item/item.h"
#include "item/item_buffer.h"

/* Where a member of an open container stands in the buffer. */
typedef struct ItemSpan
{
	uint32_t start;
	uint32_t end;
} ItemSpan;

/* A container that is not closed yet. */
typedef struct ItemWriterFrame
{
	ItemType type;
	bool sorted;         /* its members have come in ascending order so far */
	uint32_t start;      /* where its first member starts, bytes behind the item's start */
	uint32_t first_span; /* its first member in the stack of spans */
} ItemWriterFrame;

#define ITEM_WRITER_SPANS 64 /* members remembered without an allocation */

typedef struct ItemWriter
{
	ItemBuffer *buffer;
	size_t base;    /* where the item starts in the buffer */
	bool named;     /* a map's attribute has its name and waits for its value */
	uint32_t depth; /* open containers, the item included */
	uint32_t span_count;
	uint32_t span_capacity;
	ItemSpan *spans; /* members of all open containers, a stack */
	ItemWriterFrame frames[ITEM_DEPTH_MAX + 2];
	ItemSpan first_spans[ITEM_WRITER_SPANS];
	ItemError error;
} ItemWriter;

/*
 * Starts an item.  The buffer must outlive the writer; its allocator also serves the stack of
 * spans.
 */
extern void item_writer_begin(ItemWriter *writer, ItemBuffer *buffer);

/*
 * Closes the item and checks its size.  True if every call was legal and the buffer now holds the
 * item.
 */
extern bool item_writer_finish(ItemWriter *writer);

/* Gives back what the writer allocated; safe after success, failure, or twice. */
extern void item_writer_release(ItemWriter *writer);

/* In a map: the name of the attribute whose value comes next. */
extern bool item_writer_name(ItemWriter *writer, const void *name, size_t length);

/*
 * One value: of the attribute just named, or the next element of a list, or (S, N, B only) member
 * of a set.
 */
extern bool item_writer_string(ItemWriter *writer, const void *bytes, size_t length);
extern bool item_writer_binary(ItemWriter *writer, const void *bytes, size_t length);
extern bool item_writer_number_text(ItemWriter *writer, const char *text, size_t length);
extern bool item_writer_bool(ItemWriter *writer, bool value);
extern bool item_writer_null(ItemWriter *writer);

/* Opens M, L, SS, NS or BS as a value; item_writer_close ends the innermost open one. */
extern bool item_writer_open(ItemWriter *writer, ItemType type);
extern bool item_writer_close(ItemWriter *writer);

/* Copies a value out of another (valid) item. */
extern bool item_writer_value(ItemWriter *writer, const ItemValue *value);

/*
 * For a source that decodes a string or a binary straight into the buffer: starts the value, after
 * which the caller appends its bytes to `buffer` itself; item_writer_raw_end completes it and, for
 * strings, checks nothing: the caller vouches for valid UTF-8.
 */
extern bool item_writer_raw_begin(ItemWriter *writer, ItemType type);
extern bool item_writer_raw_end(ItemWriter *writer);

/* The same for the name of an attribute. */
extern bool item_writer_raw_name_begin(ItemWriter *writer);
extern bool item_writer_raw_name_end(ItemWriter *writer);

/* Makes the writer fail, for a source that finds its own faults. */
extern bool
item_writer_fail(ItemWriter *writer, ItemErrorCode code, size_t offset, const char *text);

#endif /* QUORATE_ITEM_WRITER_H */

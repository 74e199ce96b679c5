/*
 * item_writer.c
 *		One pass from a stream of values to a canonical item.
 *
 * Members of open containers are appended as they come; a stack of spans remembers where each
 * stands.  Closing a container sorts its spans if they did not come in order, moves the members
 * into place and puts the offset table in front.  An item that comes in order (as our own text form
 * does) is moved once per level and never sorted.
 */
#include "item/item_writer.h"

#include <string.h>

#include "core/core_assert.h"
#include "item/base64.h"
#include "item/item_layout.h"
#include "item/item_number.h"
#include "item/utf8.h"

#define DESCRIBED_BYTES_MAX 96 /* bytes of a set member that an error message shows */

/* How spans are sorted: a map's by name, a set's by value, a list's (never moved) by place. */
typedef struct SpanOrder
{
	const uint8_t *item; /* spans count from here */
	ItemType type;       /* of the container */
} SpanOrder;

static inline size_t
written(const ItemWriter *writer)
{
	return writer->buffer->length - writer->base;
}

static inline uint8_t *
item_bytes(const ItemWriter *writer)
{
	return writer->buffer->bytes + writer->base;
}

static inline ItemWriterFrame *
top(ItemWriter *writer)
{
	return &writer->frames[writer->depth - 1];
}

bool
item_writer_fail(ItemWriter *writer, ItemErrorCode code, size_t offset, const char *text)
{
	if (writer->error.code == ITEM_ERROR_NONE)
		item_error_set(&writer->error, code, offset, text);
	return false;
}

static bool
fail_memory(ItemWriter *writer)
{
	return item_writer_fail(writer, ITEM_ERROR_MEMORY, 0, "out of memory");
}

static inline bool
append(ItemWriter *writer, const void *bytes, size_t length)
{
	return item_buffer_append(writer->buffer, bytes, length) || fail_memory(writer);
}

static void
push_frame(ItemWriter *writer, ItemType type)
{
	ItemWriterFrame *frame;

	CORE_ASSERT(writer->depth < sizeof(writer->frames) / sizeof(writer->frames[0]));
	writer->depth++;
	frame = top(writer);
	frame->type = type;
	frame->sorted = true;
	frame->start = (uint32_t) written(writer);
	frame->first_span = writer->span_count;
}

void
item_writer_begin(ItemWriter *writer, ItemBuffer *buffer)
{
	uint8_t version = ITEM_VERSION;

	writer->buffer = buffer;
	writer->base = buffer->length;
	writer->named = false;
	writer->depth = 0;
	writer->span_count = 0;
	writer->span_capacity = ITEM_WRITER_SPANS;
	writer->spans = writer->first_spans;
	item_error_clear(&writer->error);
	append(writer, &version, 1);
	push_frame(writer, ITEM_MAP);
}

/* The first spans live in the writer; only a longer stack is allocated. */
static bool
grow_spans(ItemWriter *writer)
{
	const ItemAllocator *allocator = writer->buffer->allocator;
	bool first = writer->spans == writer->first_spans;
	size_t old_size = first ? 0 : writer->span_capacity * sizeof(ItemSpan);
	ItemSpan *spans;

	spans = allocator->resize(allocator->context, first ? NULL : writer->spans, old_size,
							  2 * (size_t) writer->span_capacity * sizeof(ItemSpan));
	if (spans == NULL)
		return fail_memory(writer);
	if (first)
		memcpy(spans, writer->first_spans, sizeof(writer->first_spans));
	writer->spans = spans;
	writer->span_capacity *= 2;
	return true;
}

void
item_writer_release(ItemWriter *writer)
{
	const ItemAllocator *allocator = writer->buffer->allocator;

	if (writer->spans != writer->first_spans)
		allocator->resize(allocator->context, writer->spans,
						  writer->span_capacity * sizeof(ItemSpan), 0);
	writer->spans = writer->first_spans;
	writer->span_capacity = ITEM_WRITER_SPANS;
}

/* A member starts here; end_member completes it. */
static inline bool
begin_span(ItemWriter *writer)
{
	if (writer->error.code != ITEM_ERROR_NONE)
		return false;
	if (written(writer) > ITEM_ENCODED_MAX)
		return item_writer_fail(writer, ITEM_ERROR_SIZE, 0, LAYOUT_TEXT_TOO_LARGE);
	if (writer->span_count == writer->span_capacity && !grow_spans(writer))
		return false;
	writer->spans[writer->span_count].start = (uint32_t) written(writer);
	writer->spans[writer->span_count].end = 0;
	writer->span_count++;
	return true;
}

/* The bytes by which a member is ordered among the others: a map's name, a set member itself. */
static inline const uint8_t *
sort_key(const SpanOrder *order, const ItemSpan *span, uint32_t *length)
{
	const uint8_t *bytes = order->item + span->start;

	if (order->type == ITEM_MAP)
	{
		*length = layout_get(bytes, LAYOUT_NAME_LENGTH);
		return bytes + LAYOUT_NAME_LENGTH;
	}
	*length = span->end - span->start;
	return bytes;
}

static int
compare_spans(const SpanOrder *order, const ItemSpan *left, const ItemSpan *right)
{
	uint32_t left_length;
	uint32_t right_length;
	const uint8_t *left_bytes = sort_key(order, left, &left_length);
	const uint8_t *right_bytes = sort_key(order, right, &right_length);

	if (order->type == ITEM_LIST)
		return (left->start > right->start) - (left->start < right->start);
	return item_compare_bytes(left_bytes, left_length, right_bytes, right_length);
}

/* A value starts: its type byte, unless the container's type implies it. */
static bool
begin_value(ItemWriter *writer, ItemType type)
{
	ItemWriterFrame *frame = top(writer);
	uint8_t tag = (uint8_t) type;

	if (layout_is_set(frame->type))
	{
		CORE_ASSERT(layout_member_type(frame->type) == type);
		return begin_span(writer);
	}
	if (frame->type == ITEM_LIST && !begin_span(writer))
		return false;
	if (writer->error.code != ITEM_ERROR_NONE)
		return false;
	CORE_ASSERT(frame->type == ITEM_LIST || writer->named);
	writer->named = false;
	if (writer->depth - 1 > ITEM_DEPTH_MAX)
		return item_writer_fail(writer, ITEM_ERROR_VALUE, 0, LAYOUT_TEXT_TOO_DEEP);
	return append(writer, &tag, 1);
}

/* A value is complete; notices whether the container's members still come in order. */
static bool
end_value(ItemWriter *writer)
{
	ItemWriterFrame *frame = top(writer);
	ItemSpan *span = &writer->spans[writer->span_count - 1];

	if (writer->error.code != ITEM_ERROR_NONE)
		return false;
	span->end = (uint32_t) written(writer);
	if (frame->type != ITEM_LIST && frame->sorted && writer->span_count - 1 > frame->first_span)
	{
		SpanOrder order = {.item = item_bytes(writer), .type = frame->type};

		frame->sorted = compare_spans(&order, span - 1, span) < 0;
	}
	return true;
}

static bool
write_scalar(ItemWriter *writer, ItemType type, const void *bytes, size_t length)
{
	return begin_value(writer, type) && append(writer, bytes, length) && end_value(writer);
}

bool
item_writer_raw_name_begin(ItemWriter *writer)
{
	static const uint8_t no_length[LAYOUT_NAME_LENGTH] = {0};

	CORE_ASSERT(top(writer)->type == ITEM_MAP && !writer->named);
	return begin_span(writer) && append(writer, no_length, sizeof(no_length));
}

bool
item_writer_raw_name_end(ItemWriter *writer)
{
	uint32_t start;
	size_t length;

	if (writer->error.code != ITEM_ERROR_NONE)
		return false;
	start = writer->spans[writer->span_count - 1].start;
	length = written(writer) - start - LAYOUT_NAME_LENGTH;
	if (length == 0 || length > ITEM_NAME_MAX)
		return item_writer_fail(writer, ITEM_ERROR_VALUE, 0,
								"attribute name must be between 1 and 65535 bytes long");
	layout_put(item_bytes(writer) + start, LAYOUT_NAME_LENGTH, (uint32_t) length);
	writer->named = true;
	return true;
}

bool
item_writer_name(ItemWriter *writer, const void *name, size_t length)
{
	if (utf8_check(name, length) < length)
		return item_writer_fail(writer, ITEM_ERROR_VALUE, 0, "attribute name is not valid UTF-8");
	return item_writer_raw_name_begin(writer) && append(writer, name, length) &&
		   item_writer_raw_name_end(writer);
}

bool
item_writer_raw_begin(ItemWriter *writer, ItemType type)
{
	return begin_value(writer, type);
}

bool
item_writer_raw_end(ItemWriter *writer)
{
	return end_value(writer);
}

bool
item_writer_string(ItemWriter *writer, const void *bytes, size_t length)
{
	if (utf8_check(bytes, length) < length)
		return item_writer_fail(writer, ITEM_ERROR_VALUE, 0, "string is not valid UTF-8");
	return write_scalar(writer, ITEM_STRING, bytes, length);
}

bool
item_writer_binary(ItemWriter *writer, const void *bytes, size_t length)
{
	return write_scalar(writer, ITEM_BINARY, bytes, length);
}

bool
item_writer_number_text(ItemWriter *writer, const char *text, size_t length)
{
	uint8_t number[ITEM_NUMBER_ENCODED_MAX];
	size_t number_length;

	if (writer->error.code != ITEM_ERROR_NONE)
		return false;
	number_length = item_number_from_text(text, length, number, &writer->error);
	return number_length > 0 && write_scalar(writer, ITEM_NUMBER, number, number_length);
}

bool
item_writer_bool(ItemWriter *writer, bool value)
{
	uint8_t byte = value ? 1 : 0;

	return write_scalar(writer, ITEM_BOOL, &byte, 1);
}

bool
item_writer_null(ItemWriter *writer)
{
	return write_scalar(writer, ITEM_NULL, NULL, 0);
}

bool
item_writer_open(ItemWriter *writer, ItemType type)
{
	CORE_ASSERT(layout_is_container(type));
	if (!begin_value(writer, type))
		return false;
	push_frame(writer, type);
	return true;
}

static void
sift_down(ItemSpan *spans, uint32_t root, uint32_t count, const SpanOrder *order)
{
	ItemSpan moving = spans[root];

	for (;;)
	{
		uint32_t child = 2 * root + 1;

		if (child >= count)
			break;
		if (child + 1 < count && compare_spans(order, &spans[child], &spans[child + 1]) < 0)
			child++;
		if (compare_spans(order, &moving, &spans[child]) >= 0)
			break;
		spans[root] = spans[child];
		root = child;
	}
	spans[root] = moving;
}

/* Heap sort: no memory, no recursion, no bad case that a client could send. */
static void
sort_spans(ItemSpan *spans, uint32_t count, const SpanOrder *order)
{
	for (uint32_t i = count / 2; i > 0; i--)
		sift_down(spans, i - 1, count, order);
	for (uint32_t last = count; last > 1; last--)
	{
		ItemSpan greatest = spans[0];

		spans[0] = spans[last - 1];
		spans[last - 1] = greatest;
		sift_down(spans, 0, last - 1, order);
	}
}

/* One set member as DynamoDB's message shows it; a long one only in part. */
static void
describe_member(ItemError *error, ItemType set_type, const uint8_t *bytes, uint32_t length)
{
	char text[ITEM_NUMBER_TEXT_MAX];
	size_t shown = length < DESCRIBED_BYTES_MAX ? length : DESCRIBED_BYTES_MAX;

	if (set_type == ITEM_STRING_SET)
		item_error_add_excerpt(error, bytes, length, DESCRIBED_BYTES_MAX);
	else if (set_type == ITEM_NUMBER_SET)
		item_error_add_bytes(error, text, item_number_to_text(bytes, length, text));
	else
	{
		base64_encode(bytes, shown, text);
		item_error_add_bytes(error, text, base64_encoded_length(shown));
	}
}

/* A map's duplicate is malformed JSON. */
static bool
fail_duplicate_name(ItemWriter *writer, const SpanOrder *order, const ItemSpan *span)
{
	uint32_t length;
	const uint8_t *name = sort_key(order, span, &length);

	item_writer_fail(writer, ITEM_ERROR_SYNTAX, 0, "duplicate attribute name \"");
	item_error_add_bytes(&writer->error, name, length);
	item_error_add_text(&writer->error, "\"");
	return false;
}

/*
 * DynamoDB's text shows the collection as it was sent, so the members go back to that order first.
 */
static bool
fail_duplicate_member(ItemWriter *writer, ItemType set_type, ItemSpan *spans, uint32_t count)
{
	SpanOrder as_sent = {.item = item_bytes(writer), .type = ITEM_LIST};
	ItemError *error = &writer->error;

	sort_spans(spans, count, &as_sent);
	item_writer_fail(writer, ITEM_ERROR_VALUE, 0,
					 "One or more parameter values were invalid: Input collection [");
	for (uint32_t i = 0; i < count && error->length < ITEM_ERROR_MESSAGE_MAX / 2; i++)
	{
		uint32_t length;
		const uint8_t *bytes = sort_key(&as_sent, &spans[i], &length);

		if (i > 0)
			item_error_add_text(error, ", ");
		describe_member(error, set_type, bytes, length);
	}
	item_error_add_text(error, "] contains duplicates.");
	return false;
}

/* Puts the top container's members in order; false if two are equal. */
static bool
sort_members(ItemWriter *writer, ItemSpan *spans, uint32_t count)
{
	SpanOrder order = {.item = item_bytes(writer), .type = top(writer)->type};

	sort_spans(spans, count, &order);
	for (uint32_t i = 1; i < count; i++)
	{
		if (compare_spans(&order, &spans[i - 1], &spans[i]) != 0)
			continue;
		if (order.type == ITEM_MAP)
			return fail_duplicate_name(writer, &order, &spans[i]);
		return fail_duplicate_member(writer, order.type, spans, count);
	}
	return true;
}

/*
 * Lays the top container's body out.  In order, the members only move to make room for the table;
 * else they are copied behind their final place first and from there to it one by one.
 */
static bool
lay_out(ItemWriter *writer, const ItemSpan *spans, uint32_t count)
{
	const ItemWriterFrame *frame = top(writer);
	uint32_t content = (uint32_t) written(writer) - frame->start;
	uint32_t width = layout_width(count, content);
	size_t table = (size_t) width * (1 + (size_t) count);
	uint32_t offset = (uint32_t) table;
	uint8_t *body;
	uint8_t *members; /* where the content is read from */
	uint8_t *at;

	if (!item_buffer_reserve(writer->buffer, frame->sorted ? table : table + content))
		return fail_memory(writer);
	body = item_bytes(writer) + frame->start;
	members = body + table + (frame->sorted ? 0 : content);
	memmove(members, body, content);
	at = layout_put(body, width, count);
	for (uint32_t i = 0; i < count; i++)
	{
		uint32_t length = spans[i].end - spans[i].start;

		at = layout_put(at, width, offset);
		if (!frame->sorted)
			memcpy(body + offset, members + (spans[i].start - frame->start), length);
		offset += length;
	}
	writer->buffer->length += table;
	return true;
}

static bool
fail_empty_set(ItemWriter *writer, ItemType type)
{
	if (type == ITEM_STRING_SET)
		return item_writer_fail(writer, ITEM_ERROR_VALUE, 0,
								"One or more parameter values were invalid: An string set  may not "
								"be empty");
	if (type == ITEM_NUMBER_SET)
		return item_writer_fail(writer, ITEM_ERROR_VALUE, 0,
								"One or more parameter values were invalid: An number set  may not "
								"be empty");
	return item_writer_fail(writer, ITEM_ERROR_VALUE, 0,
							"One or more parameter values were invalid: Binary sets should not be "
							"empty");
}

/* Ends the top container's body and takes its frame off the stack. */
static bool
close_frame(ItemWriter *writer)
{
	ItemWriterFrame *frame = top(writer);
	ItemSpan *spans = writer->spans + frame->first_span;
	uint32_t count = writer->span_count - frame->first_span;

	CORE_ASSERT(!writer->named || writer->error.code != ITEM_ERROR_NONE);
	if (writer->error.code != ITEM_ERROR_NONE)
		return false;
	if (count == 0 && layout_is_set(frame->type))
		return fail_empty_set(writer, frame->type);
	if (!frame->sorted && !sort_members(writer, spans, count))
		return false;
	if (!lay_out(writer, spans, count))
		return false;
	writer->span_count = frame->first_span;
	writer->depth--;
	return true;
}

bool
item_writer_close(ItemWriter *writer)
{
	CORE_ASSERT(writer->depth > 1 || writer->error.code != ITEM_ERROR_NONE);
	return close_frame(writer) && end_value(writer);
}

bool
item_writer_finish(ItemWriter *writer)
{
	CORE_ASSERT(writer->depth == 1 || writer->error.code != ITEM_ERROR_NONE);
	if (!close_frame(writer))
		return false;
	if (written(writer) > ITEM_ENCODED_MAX ||
		!item_size_is_legal(item_bytes(writer), written(writer)))
		return item_writer_fail(writer, ITEM_ERROR_SIZE, 0, LAYOUT_TEXT_TOO_LARGE);
	return true;
}

/* Levels of lists and maps inside a value: 0 for scalars, sets and empty containers. */
static uint32_t
inner_depth(const ItemValue *value)
{
	ItemContainer container;
	uint32_t deepest = 0;

	if (value->type != ITEM_MAP && value->type != ITEM_LIST)
		return 0;
	item_open_value(value, &container);
	for (uint32_t i = 0; i < container.count; i++)
	{
		ItemName name;
		ItemValue member;
		uint32_t depth;

		if (value->type == ITEM_MAP)
			item_map_entry(&container, i, &name, &member);
		else
			item_element(&container, i, &member);
		depth = 1 + inner_depth(&member);
		if (depth > deepest)
			deepest = depth;
	}
	return deepest;
}

bool
item_writer_value(ItemWriter *writer, const ItemValue *value)
{
	if (writer->depth - 1 + inner_depth(value) > ITEM_DEPTH_MAX)
		return item_writer_fail(writer, ITEM_ERROR_VALUE, 0, LAYOUT_TEXT_TOO_DEEP);
	return write_scalar(writer, value->type, value->bytes, value->length);
}

/*
 * reply.c
 *		Packing and unpacking of replies; see request.h.
 *
 * Packed by the backends that serve request streams, unpacked by routers.  Texts keep their terminating
 * zero on the wire, so that an unpacked reply points into the received bytes.
 */
#include "wire/request.h"

#include "wire/envelope.h"
#include "wire/packed.h"
#include "wire/quorate.pb-c.h"

/* Memory on the stack for the arrays of a small reply; large ones use malloc. */
#define REPLY_STACK_WORDS 256

/* Scratch memory for the arrays of the largest reply. */
#define REPLY_ARRAYS_BYTES_MAX \
	((size_t) REPLY_ITEMS_MAX * (3 * sizeof(uint32_t) + sizeof(uint64_t)) + 64)

/* Bytes of a text on the wire; 0 for NULL. */
static uint32_t
text_bytes(const char *text)
{
	return text ? (uint32_t) strlen(text) + 1 : 0;
}

/* LSN and CRC of each row; their arrays go to scratch memory.  False without memory. */
static bool
reply_row_arrays(const Reply *reply, Quorate__Wire__Reply *structure, WireArena *scratch)
{
	uint64_t *lsns = wire_arena_alloc(scratch, (size_t) reply->item_count * sizeof(uint64_t));
	uint32_t *crcs = wire_arena_alloc(scratch, (size_t) reply->item_count * sizeof(uint32_t));

	if (!lsns || !crcs)
		return false;
	for (uint32_t i = 0; i < reply->item_count; i++)
	{
		lsns[i] = reply->items[i].lsn;
		crcs[i] = reply->items[i].crc;
	}
	structure->n_item_lsns = structure->n_item_crcs = reply->item_count;
	structure->item_lsns = lsns;
	structure->item_crcs = crcs;
	return true;
}

/* Fills the protobuf structure; its arrays go to scratch memory.  False without memory. */
static bool
reply_structure(const Reply *reply, Quorate__Wire__Reply *structure, WireArena *scratch)
{
	uint32_t *lengths;

	CORE_ASSERT(reply->item_count <= REPLY_ITEMS_MAX);
	lengths = wire_arena_alloc(scratch, (size_t) reply->item_count * 2 * sizeof(uint32_t));
	if (!lengths)
		return false;
	quorate__wire__reply__init(structure);
	structure->version = REQUEST_VERSION_FIRST;
	structure->id = reply->id;
	structure->status = reply->status;
	structure->leader_hint = reply->leader_hint;
	structure->lsn = reply->lsn;
	structure->more = reply->more;
	structure->sqlstate = reply->sqlstate;
	structure->message_length = text_bytes(reply->message);
	structure->detail_length = text_bytes(reply->detail);
	structure->hint_length = text_bytes(reply->hint);
	structure->n_item_position_lengths = structure->n_item_lengths = reply->item_count;
	structure->item_position_lengths = lengths;
	structure->item_lengths = lengths + reply->item_count;
	for (uint32_t i = 0; i < reply->item_count; i++)
	{
		structure->item_position_lengths[i] = reply->items[i].position_length;
		structure->item_lengths[i] = reply->items[i].item_length;
	}
	return !reply->has_rows || reply_row_arrays(reply, structure, scratch);
}

/* Bytes of the tail that a structure asks for. */
static size_t
reply_tail_bytes(const Quorate__Wire__Reply *structure)
{
	size_t bytes = (size_t) structure->message_length + structure->detail_length +
				   structure->hint_length;

	for (size_t i = 0; i < structure->n_item_lengths; i++)
		bytes += (size_t) structure->item_position_lengths[i] + structure->item_lengths[i];
	return bytes;
}

size_t
reply_packed_size(const Reply *reply)
{
	uint64_t first[REPLY_STACK_WORDS];
	Quorate__Wire__Reply structure;
	WireArena scratch;
	size_t size = 0;

	wire_arena_init(&scratch, first, sizeof(first), REPLY_ARRAYS_BYTES_MAX);
	if (reply_structure(reply, &structure, &scratch))
		size = PACKED_HEAD_BYTES + ENVELOPE_HEAD_BYTES +
			   quorate__wire__reply__get_packed_size(&structure) + reply_tail_bytes(&structure);
	wire_arena_free(&scratch);
	return size;
}

static uint8_t *
reply_put_tail(uint8_t *out, const Reply *reply)
{
	for (uint32_t i = 0; i < reply->item_count; i++)
	{
		out = envelope_put_bytes(out, reply->items[i].position, reply->items[i].position_length);
		out = envelope_put_bytes(out, reply->items[i].item, reply->items[i].item_length);
	}
	out = envelope_put_bytes(out, reply->message, text_bytes(reply->message));
	out = envelope_put_bytes(out, reply->detail, text_bytes(reply->detail));
	return envelope_put_bytes(out, reply->hint, text_bytes(reply->hint));
}

size_t
reply_pack(const Reply *reply, uint8_t *out)
{
	uint64_t first[REPLY_STACK_WORDS];
	Quorate__Wire__Reply structure;
	WireArena scratch;
	uint8_t *end = out;

	wire_arena_init(&scratch, first, sizeof(first), REPLY_ARRAYS_BYTES_MAX);
	if (reply_structure(reply, &structure, &scratch))
	{
		end = reply_put_tail(envelope_put(out + PACKED_HEAD_BYTES, &structure.base), reply);
		wire_put_u32(out, (uint32_t) (end - out));
	}
	wire_arena_free(&scratch);
	return (size_t) (end - out);
}

/* Everything but the contents of the tail is within its bounds. */
static bool
reply_bounded(const Quorate__Wire__Reply *structure, size_t tail_left)
{
	if (structure->version != REQUEST_VERSION_FIRST || structure->status < REPLY_OK ||
		structure->status > REPLY_ERROR || structure->leader_hint > CORE_NODES_MAX ||
		structure->n_item_lengths > REPLY_ITEMS_MAX ||
		structure->n_item_lengths != structure->n_item_position_lengths ||
		structure->n_item_lsns != structure->n_item_crcs ||
		(structure->n_item_lsns != 0 && structure->n_item_lsns != structure->n_item_lengths))
		return false;
	for (size_t i = 0; i < structure->n_item_position_lengths; i++)
		if (structure->item_position_lengths[i] > ENTRY_POSITION_MAX)
			return false;
	return reply_tail_bytes(structure) == tail_left;
}

/* Takes a text off the tail; false if it does not end with its only zero byte. */
static bool
take_text(EnvelopeTail *tail, uint32_t length, const char **text)
{
	const uint8_t *bytes = envelope_take(tail, length);

	*text = length > 0 ? (const char *) bytes : NULL;
	return length == 0 || memchr(bytes, 0, length) == bytes + length - 1;
}

/* The texts, which follow the items; false if one is no text. */
static bool
take_texts(const Quorate__Wire__Reply *structure, const EnvelopeTail *tail, Reply *reply)
{
	size_t bytes = (size_t) structure->message_length + structure->detail_length +
				   structure->hint_length;
	EnvelopeTail texts = {tail->next + tail->left - bytes, bytes};

	return take_text(&texts, structure->message_length, &reply->message) &&
		   take_text(&texts, structure->detail_length, &reply->detail) &&
		   take_text(&texts, structure->hint_length, &reply->hint);
}

static void
take_items(const Quorate__Wire__Reply *structure, EnvelopeTail *tail, ReplyItem *items)
{
	for (size_t i = 0; i < structure->n_item_lengths; i++)
	{
		items[i].position_length = structure->item_position_lengths[i];
		items[i].position = envelope_take(tail, items[i].position_length);
		items[i].item_length = structure->item_lengths[i];
		items[i].item = envelope_take(tail, items[i].item_length);
		items[i].lsn = structure->n_item_lsns > 0 ? structure->item_lsns[i] : 0;
		items[i].crc = structure->n_item_lsns > 0 ? structure->item_crcs[i] : 0;
	}
}

/* Allocates last, so that a refused reply costs the caller's memory nothing. */
static Reply *
reply_build(const Quorate__Wire__Reply *structure, EnvelopeTail *tail, WireAlloc alloc)
{
	Reply received = {.id = structure->id,
					  .status = (ReplyStatus) structure->status,
					  .leader_hint = (NodeId) structure->leader_hint,
					  .lsn = structure->lsn,
					  .more = structure->more,
					  .item_count = (uint32_t) structure->n_item_lengths,
					  .has_rows = structure->n_item_lsns > 0,
					  .sqlstate = structure->sqlstate};
	Reply *reply;

	if (!reply_bounded(structure, tail->left) || !take_texts(structure, tail, &received))
		return NULL;
	reply = alloc(sizeof(Reply) + received.item_count * sizeof(ReplyItem));
	if (!reply)
		return NULL;
	*reply = received;
	if (reply->item_count > 0)
		reply->items = (ReplyItem *) (reply + 1);
	take_items(structure, tail, reply->items);
	return reply;
}

Reply *
reply_unpack(const uint8_t *bytes, size_t length, WireAlloc alloc)
{
	uint64_t first[REPLY_STACK_WORDS];
	WireArena scratch;
	EnvelopeTail tail;
	Reply *reply = NULL;
	Quorate__Wire__Reply *structure;

	if (length < PACKED_HEAD_BYTES || wire_packed_length(bytes, length) != length)
		return NULL;
	wire_arena_init(&scratch, first, sizeof(first), ENVELOPE_SCRATCH_LIMIT(length));
	structure = (Quorate__Wire__Reply *) envelope_open(
		bytes + PACKED_HEAD_BYTES, length - PACKED_HEAD_BYTES, &quorate__wire__reply__descriptor,
		&scratch, &tail);
	if (structure)
		reply = reply_build(structure, &tail, alloc);
	wire_arena_free(&scratch);
	return reply;
}

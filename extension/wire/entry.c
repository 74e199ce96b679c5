/*
 * entry.c
 *		Packing and unpacking of log entries; see entry.h.
 *
 * Packed by the leader's executor, unpacked by appliers on every node.  An entry that was packed here is
 * kept for years in logs and archives: the version says which rules it follows.
 */
#include "wire/entry.h"

#include "core/core_assert.h"
#include "wire/image_arrays.h"

/* Memory on the stack for the arrays of a small entry; large ones use malloc. */
#define ENTRY_STACK_WORDS 256

/* Fills the protobuf structure; its arrays go to scratch memory.  False without memory. */
static bool
entry_structure(const EntryPayload *payload, Quorate__Wire__LogEntry *entry, WireArena *scratch)
{
	ImageArrays arrays;

	if (!image_arrays_fill(&arrays, payload->images, payload->image_count, NULL, scratch))
		return false;
	quorate__wire__log_entry__init(entry);
	entry->version = payload->version;
	entry->wall_us = payload->wall_us;
	entry->token_length = payload->token_length;
	entry->n_image_kinds = entry->n_image_table_ids = entry->n_image_position_lengths =
		entry->n_image_item_lengths = arrays.count;
	entry->image_kinds = arrays.kinds;
	entry->image_table_ids = arrays.table_ids;
	entry->image_position_lengths = arrays.position_lengths;
	entry->image_item_lengths = arrays.item_lengths;
	return true;
}

size_t
entry_packed_size(const EntryPayload *payload)
{
	uint64_t first[ENTRY_STACK_WORDS];
	Quorate__Wire__LogEntry entry;
	WireArena scratch;
	size_t size = 0;

	wire_arena_init(&scratch, first, sizeof(first), IMAGE_ARRAYS_BYTES_MAX);
	if (entry_structure(payload, &entry, &scratch))
		size = ENVELOPE_HEAD_BYTES + quorate__wire__log_entry__get_packed_size(&entry) +
			   payload->token_length + images_tail_bytes(payload->images, payload->image_count);
	wire_arena_free(&scratch);
	return size;
}

size_t
entry_pack(const EntryPayload *payload, uint8_t *out)
{
	uint64_t first[ENTRY_STACK_WORDS];
	Quorate__Wire__LogEntry entry;
	WireArena scratch;
	uint8_t *end = out;

	wire_arena_init(&scratch, first, sizeof(first), IMAGE_ARRAYS_BYTES_MAX);
	if (entry_structure(payload, &entry, &scratch))
	{
		end = envelope_put(out, &entry.base);
		end = envelope_put_bytes(end, payload->token, payload->token_length);
		end = images_put_tail(end, payload->images, payload->image_count);
	}
	wire_arena_free(&scratch);
	return (size_t) (end - out);
}

/* Takes token and images off the tail; false if anything is out of its bounds. */
static bool
entry_contents(const Quorate__Wire__LogEntry *entry, EnvelopeTail *tail, EntryPayload *payload,
			   uint32_t images_max)
{
	ImageArrays arrays;
	size_t tail_bytes = entry->token_length;

	if (entry->version < 1 || entry->version > ENTRY_VERSION ||
		entry->token_length > ENTRY_TOKEN_MAX)
		return false;
	if (!image_arrays_of(&arrays, entry) || arrays.count > images_max ||
		!image_arrays_check(&arrays, &tail_bytes) || tail_bytes != tail->left)
		return false;
	payload->version = entry->version;
	payload->wall_us = entry->wall_us;
	payload->token_length = entry->token_length;
	payload->token = entry->token_length > 0 ? envelope_take(tail, entry->token_length) : NULL;
	payload->image_count = (uint32_t) arrays.count;
	images_take_tail(tail, &arrays, payload->images, NULL);
	return true;
}

bool
entry_unpack(const uint8_t *bytes, size_t length, EntryPayload *payload, uint32_t images_max)
{
	uint64_t first[ENTRY_STACK_WORDS];
	WireArena scratch;
	EnvelopeTail tail;
	Quorate__Wire__LogEntry *entry;
	bool valid = false;

	if (length > ENTRY_BYTES_MAX)
		return false;
	wire_arena_init(&scratch, first, sizeof(first), ENVELOPE_SCRATCH_LIMIT(length));
	entry = (Quorate__Wire__LogEntry *) envelope_open(
		bytes, length, &quorate__wire__log_entry__descriptor, &scratch, &tail);
	if (entry)
		valid = entry_contents(entry, &tail, payload, images_max);
	wire_arena_free(&scratch);
	return valid;
}

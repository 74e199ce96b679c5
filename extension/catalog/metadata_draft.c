/*
 * metadata_draft.c
 *		Items of the metadata and changes of it while they are being put together; see metadata_draft.h.
 *
 * Runs in client backends and workers that change the metadata.
 */
#include "postgres.h"

#include "catalog/metadata_draft.h"
#include "storage/item_memory.h"
#include "storage/position.h"

/* ---------------------------------------------------------------- making items */

void
draft_string(ItemDraft *draft, const char *name, const char *value)
{
	item_writer_name(&draft->writer, name, strlen(name));
	item_writer_string(&draft->writer, value, strlen(value));
}

void
draft_number_value(ItemDraft *draft, uint64_t value)
{
	char text[32];

	item_writer_number_text(&draft->writer, text,
							snprintf(text, sizeof(text), "%llu", (unsigned long long) value));
}

void
draft_number(ItemDraft *draft, const char *name, uint64_t value)
{
	item_writer_name(&draft->writer, name, strlen(name));
	draft_number_value(draft, value);
}

void
draft_bool(ItemDraft *draft, const char *name, bool value)
{
	item_writer_name(&draft->writer, name, strlen(name));
	item_writer_bool(&draft->writer, value);
}

ItemDraft *
draft_begin(const char *kind, const char *sort_key)
{
	ItemDraft *draft = palloc(sizeof(ItemDraft));

	item_buffer_init(&draft->buffer, &item_palloc_allocator);
	item_writer_begin(&draft->writer, &draft->buffer);
	draft_string(draft, "pk", kind);
	draft_string(draft, "sk", sort_key);
	return draft;
}

void
metadata_change_begin(MetadataChange *change, uint32_t images_max)
{
	change->lsn = metadata_lsn();
	change->image_count = 0;
	change->images = palloc0(images_max * sizeof(EntryImage));
	change->expectations = palloc0(images_max * sizeof(ImageExpectation));
}

EntryImage *
metadata_change_add(MetadataChange *change, const char *kind, const char *sort_key,
					ImageKind image_kind, ImageExpectation expectation)
{
	EntryImage *image = &change->images[change->image_count];
	Position *position = palloc(sizeof(Position));
	ItemKey key = {
		.partition = {ITEM_STRING, (uint32_t) strlen(kind), (const uint8_t *) kind},
		.sort = {ITEM_STRING, (uint32_t) strlen(sort_key), (const uint8_t *) sort_key},
	};

	position_of_key(&key, position);
	change->expectations[change->image_count++] = expectation;
	image->kind = image_kind;
	image->table_id = METADATA_TABLE_ID;
	image->position = position->bytes;
	image->position_length = position->length;
	return image;
}

void
metadata_change_put(MetadataChange *change, const char *kind, const char *sort_key,
					ImageExpectation expectation, ItemDraft *draft)
{
	EntryImage *image = metadata_change_add(change, kind, sort_key, IMAGE_PUT, expectation);

	if (!item_writer_finish(&draft->writer))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("could not write metadata: %s", draft->writer.error.message)));
	item_writer_release(&draft->writer);
	image->item = draft->buffer.bytes;
	image->item_length = (uint32_t) draft->buffer.length;
}

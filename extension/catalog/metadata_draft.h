/*
 * metadata_draft.h
 *		Items of the metadata and changes of it while they are being put together; for the files of catalog/ that
 *		build changes (metadata_items.h).
 */
#ifndef QUORATE_CATALOG_METADATA_DRAFT_H
#define QUORATE_CATALOG_METADATA_DRAFT_H

#include "catalog/metadata_items.h"
#include "item/item_writer.h"

#define SORT_KEY_MAX 32 /* bytes of the sort keys made by the extension, with the final zero */

/* An item being made: a writer and the buffer it writes to. */
typedef struct ItemDraft
{
	ItemBuffer buffer;
	ItemWriter writer;
} ItemDraft;

/* An item with its two key attributes; palloc'd. */
extern ItemDraft *draft_begin(const char *kind, const char *sort_key);

/* Attributes. */
extern void draft_string(ItemDraft *draft, const char *name, const char *value);
extern void draft_number(ItemDraft *draft, const char *name, uint64_t value);
extern void draft_bool(ItemDraft *draft, const char *name, bool value);

/* A number alone: an element of a list. */
extern void draft_number_value(ItemDraft *draft, uint64_t value);

/* An empty change with room for so many images. */
extern void metadata_change_begin(MetadataChange *change, uint32_t images_max);

/* Adds an image of the item of this kind and sort key: a deletion, or one without the item itself. */
extern EntryImage *
metadata_change_add(MetadataChange *change, const char *kind, const char *sort_key,
					ImageKind image_kind, ImageExpectation expectation);

/* Adds the item; the draft is finished. */
extern void metadata_change_put(MetadataChange *change, const char *kind, const char *sort_key,
								ImageExpectation expectation, ItemDraft *draft);

#endif /* QUORATE_CATALOG_METADATA_DRAFT_H */

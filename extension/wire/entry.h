/*
 * entry.h
 *		What a log entry says: a list of effects, applied all or none.
 *
 * An entry records full new images or deletions, never the expression that led to them, so that replicas
 * evaluate nothing (design.md section 4).  The bytes are protobuf (quorate.proto, message LogEntry); this
 * is the only place that knows.
 */
#ifndef QUORATE_WIRE_ENTRY_H
#define QUORATE_WIRE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENTRY_VERSION 1                   /* the newest entry version that this code reads */
#define ENTRY_IMAGES_MAX 16384            /* images in one entry */
#define ENTRY_BYTES_MAX (8 * 1024 * 1024) /* bytes of one packed entry */
#define ENTRY_TOKEN_MAX 36                /* bytes of a client token */
#define ENTRY_POSITION_MAX 1040           /* bytes of a position */

typedef enum ImageKind
{
	IMAGE_PUT = 1,
	IMAGE_DELETE = 2
} ImageKind;

typedef struct EntryImage
{
	ImageKind kind;
	uint32_t table_id;
	const uint8_t *position; /* at most ENTRY_POSITION_MAX bytes */
	uint32_t position_length;
	const uint8_t *item; /* PUT: the encoded item (item/item.h); not validated here */
	uint32_t item_length;
} EntryImage;

typedef struct EntryPayload
{
	uint32_t version;
	int64_t wall_us; /* leader's wall time, microseconds since 1970; non-decreasing in a group */
	const uint8_t *token; /* client token, NULL for none */
	uint32_t token_length;
	uint32_t image_count;
	EntryImage *images;
} EntryPayload;

/* Bytes that entry_pack will write; 0 without memory. */
extern size_t entry_packed_size(const EntryPayload *payload);

/* Writes the entry to `out`, which has room for entry_packed_size bytes; returns them, 0 without memory. */
extern size_t entry_pack(const EntryPayload *payload, uint8_t *out);

/*
 * Unpacks into `payload`, whose images array (allocated by the caller, images_max long) is filled; all
 * pointers point into `bytes`.  False if the bytes are not an entry that this version understands, or hold
 * more than images_max images, or anything beyond the limits above.
 */
extern bool
entry_unpack(const uint8_t *bytes, size_t length, EntryPayload *payload, uint32_t images_max);

#endif /* QUORATE_WIRE_ENTRY_H */

/*
 * frame.h
 *		Frames between the replicators of two nodes: a checked header, then core messages.
 *
 * Used by the engine, which fills one frame for each peer and turn.  A frame says for which cluster and
 * node it is and which life of its sender made it; a CRC-32C covers every byte, so damage is refused and
 * never interpreted.  Payload bytes are copied once when a frame is built and not at all when it is read.
 * The bytes are described in docs/formats.md.
 */
#ifndef QUORATE_WIRE_FRAME_H
#define QUORATE_WIRE_FRAME_H

#include "core/message.h"
#include "wire/arena.h"

#define FRAME_VERSION 1 /* the only version that this code reads and writes */
#define FRAME_HEADER_BYTES 48
#define FRAME_CLUSTER_ID_BYTES 16
#define FRAME_MESSAGES_MAX 16384           /* messages in one frame */
#define FRAME_BYTES_MAX (32 * 1024 * 1024) /* bytes of one frame, header included */

/* Memory that decoding one frame may take at most. */
#define FRAME_ARENA_BYTES_MAX (64 * 1024 * 1024)

/* A frame that is being built.  Zero it before its first use; its buffer is used again for the next. */
typedef struct FrameBuilder
{
	uint8_t *bytes;
	size_t length;
	size_t capacity;
	size_t bytes_max; /* see frame_begin */
	NodeId from;
	NodeId to;
	uint32_t message_count;
} FrameBuilder;

/*
 * Starts a frame, dropping what the builder held.  Above bytes_max it takes no further message, except that
 * the first one may be as large as FRAME_BYTES_MAX allows: an entry is never too large to be sent.
 */
extern void frame_begin(FrameBuilder *builder, const uint8_t cluster_id[FRAME_CLUSTER_ID_BYTES],
						NodeId from, NodeId to, uint64_t start_counter, size_t bytes_max);

/*
 * Appends a message with its entries.  False if it does not fit or there is no memory: the frame is as
 * before; finish it and begin another.  The message's from and to are those of the frame.
 */
extern bool frame_add_message(FrameBuilder *builder, const Message *message);

/* Completes the header.  The bytes are valid until the builder is used again. */
extern const uint8_t *frame_finish(FrameBuilder *builder, size_t *length);

extern void frame_builder_free(FrameBuilder *builder);

typedef enum FrameStatus
{
	FRAME_OK = 0,
	FRAME_MALFORMED, /* not a frame, or contents beyond the limits */
	FRAME_CHECKSUM,  /* damaged on its way */
	FRAME_VERSION_UNKNOWN,
	FRAME_KIND_UNKNOWN, /* a message of a kind that this version does not know */
	FRAME_NO_MEMORY
} FrameStatus;

typedef struct Frame
{
	uint8_t cluster_id[FRAME_CLUSTER_ID_BYTES];
	NodeId from;
	NodeId to;
	uint64_t start_counter; /* the sender's life */
	uint32_t message_count;
	const Message *messages;
} Frame;

/*
 * Decodes a whole frame: all of it or nothing.  Messages, entries and runs lie in the arena, payloads in
 * `bytes`; both must outlive the frame's use.  Every number is within the limits of core/message.h; whether
 * the cluster, sender and receiver are the expected ones is for the caller to check.
 */
extern FrameStatus
frame_decode(const uint8_t *bytes, size_t length, WireArena *arena, Frame *frame);

/* A phrase for an error message. */
extern const char *frame_status_text(FrameStatus status);

#endif /* QUORATE_WIRE_FRAME_H */

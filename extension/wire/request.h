/*
 * request.h
 *		What request routers and leaders' executors say to each other on request streams.
 *
 * A request names the group and carries everything needed to execute it there; the executing node checks
 * that it leads the group and answers REPLY_NOT_LEADER with a hint otherwise.  Requests and replies carry
 * the id that the asking node gave; several travel in one frame.
 */
#ifndef QUORATE_WIRE_REQUEST_H
#define QUORATE_WIRE_REQUEST_H

#include "core/core_types.h"
#include "core/version.h"
#include "wire/entry.h"

/*
 * Requests are written in the oldest version that can say what they say, replies in the first.  The newest version of
 * requests that this code reads:
 */
#define REQUEST_VERSION_FIRST 1
#define REQUEST_VERSION_EVALUATED 2 /* came with VERSION_EVALUATED_WRITES */
#define REQUEST_VERSION_NEWEST \
	(VERSION_NEWEST >= VERSION_EVALUATED_WRITES ? REQUEST_VERSION_EVALUATED : REQUEST_VERSION_FIRST)
#define REQUEST_CONDITION_MAX 4096 /* bytes of an expression */
#define REQUEST_FRAME_BYTES_MAX (16 * 1024 * 1024)
#define REPLY_ITEMS_MAX 4096
#define REPLY_PAGE_BYTES_MAX (8 * 1024 * 1024) /* no page is larger, but for one item */

typedef enum RequestKind
{
	REQUEST_WRITE = 1, /* propose the images as one entry */
	REQUEST_GET,       /* one item by position */
	REQUEST_RANGE,     /* items of a position range, one page */
	REQUEST_PROBE,     /* does the leader serve? */
	REQUEST_TRANSFER,  /* hand leadership to `target` */
	REQUEST_COPY       /* rows of a position range, one page, from any replica that has them */
} RequestKind;

#define REQUEST_KIND_LAST REQUEST_COPY

/* A condition on the present row of a WRITE's image, for the metadata; evaluated by the leader. */
typedef enum ImageExpectation
{
	EXPECT_ANYTHING = 0,
	EXPECT_ABSENT = 1,
	EXPECT_PRESENT = 2,
	EXPECT_UNCHANGED = 3 /* present, and not written after Request.lsn */
} ImageExpectation;

/*
 * How the leader evaluates a WRITE of one image on the present item of its key.  The texts are those of the client; the
 * asking node has parsed them already.
 */
typedef struct WriteEvaluation
{
	const uint8_t *condition; /* ConditionExpression; length 0: none */
	uint32_t condition_length;
	const uint8_t *names; /* an item: of each placeholder the name, as a string; length 0: none */
	uint32_t names_length;
	const uint8_t *values; /* ExpressionAttributeValues, an item; length 0: none */
	uint32_t values_length;
	bool returns_old;         /* the reply brings the item that there was */
	bool failure_returns_old; /* so does the error of a condition that does not hold */
} WriteEvaluation;

typedef struct Request
{
	uint64_t id;
	RequestKind kind;
	GroupId group;
	uint32_t table_id;
	bool consistent;      /* GET, RANGE: needs the leader's lease */
	uint32_t image_count; /* WRITE */
	EntryImage *images;
	ImageExpectation *expectations; /* WRITE: one an image; NULL means all EXPECT_ANYTHING */
	bool evaluated;                 /* WRITE: as `evaluation` says; one image, no expectations */
	WriteEvaluation evaluation;
	const uint8_t *position; /* GET: the position.  RANGE, COPY: lower bound (inclusive) */
	uint32_t position_length;
	const uint8_t *upper; /* RANGE, COPY: upper bound (exclusive); length 0: the end of the table */
	uint32_t upper_length;
	bool backward;      /* RANGE: from the upper bound down */
	uint32_t items_max; /* RANGE, COPY: page limits */
	uint32_t bytes_max;
	Lsn lsn;             /* COPY: what the rows must show at least.  WRITE: see EXPECT_UNCHANGED */
	NodeId target;       /* TRANSFER */
	uint32_t timeout_ms; /* what the asking client will wait at most */
} Request;

typedef enum ReplyStatus
{
	REPLY_OK = 1,
	REPLY_NOT_LEADER, /* not applied; leader_hint may say who leads */
	REPLY_NOT_READY,  /* leads but does not serve yet, or too busy: not applied, try again */
	REPLY_UNKNOWN,    /* WRITE: leadership ended before the entry committed: outcome unknown */
	REPLY_EXPECTATION_FAILED, /* WRITE: a row was not as expected; nothing was written */
	REPLY_ERROR               /* error: sqlstate and message; not applied */
} ReplyStatus;

typedef struct ReplyItem
{
	const uint8_t *position;
	uint32_t position_length;
	const uint8_t *item;
	uint32_t item_length;
	Lsn lsn;      /* COPY: of the item's last write */
	uint32_t crc; /* COPY: of position, LSN and item, as the row has it */
} ReplyItem;

typedef struct Reply
{
	uint64_t id;
	ReplyStatus status;
	NodeId leader_hint;
	Lsn lsn;   /* WRITE: the entry's.  GET, RANGE: what was read.  COPY: nothing is later */
	bool more; /* RANGE, COPY: the page ended before the range did */
	uint32_t item_count; /* GET, evaluated WRITE: 0 or 1 */
	bool has_rows;       /* COPY: the items have an LSN and a CRC */
	ReplyItem *items;
	uint32_t sqlstate;   /* ERROR: packed as PostgreSQL's MAKE_SQLSTATE */
	const char *message; /* ERROR: NUL-terminated; NULL otherwise */
	const char *detail;
	const char *hint;
} Reply;

/*
 * Packing writes one request or reply to `out` (at least *_packed_size bytes) and returns the bytes
 * written; both return 0 without memory.  Several may be written one after the other.
 *
 * Unpacking allocates the struct and its arrays in one block, by `alloc`, pointing into `bytes` for the
 * contents; NULL if the bytes are no valid request or exceed the limits above, or without memory.  `length`
 * is that of one request: wire_packed_length tells it for the first of several.
 */
typedef void *(*WireAlloc)(size_t size);

/*
 * Bytes of the request or reply that starts at `bytes`; 0 if no whole one is there within `length` bytes,
 * or it is larger than REQUEST_FRAME_BYTES_MAX.
 */
extern size_t wire_packed_length(const uint8_t *bytes, size_t length);

extern size_t request_packed_size(const Request *request);
extern size_t request_pack(const Request *request, uint8_t *out);
extern Request *request_unpack(const uint8_t *bytes, size_t length, WireAlloc alloc);

extern size_t reply_packed_size(const Reply *reply);
extern size_t reply_pack(const Reply *reply, uint8_t *out);
extern Reply *reply_unpack(const uint8_t *bytes, size_t length, WireAlloc alloc);

#endif /* QUORATE_WIRE_REQUEST_H */

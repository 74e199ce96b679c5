/*
 * test_wire_request.c
 *		Log entries, requests and replies: what goes in comes out; damage and excess are refused.
 */
#include "wire/arena.h"
#include "wire/entry.h"
#include "wire/request.h"

#include "unit/tap.h"

#define IMAGES 20

static uint64_t random_state = 88172645463325252u;
static uint8_t contents[8192];

static uint64_t
random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static const uint8_t *
random_bytes(void)
{
	return contents + random_u64() % 2000;
}

static void
random_images(EntryImage *images, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
	{
		images[i].kind = random_u64() % 2 ? IMAGE_PUT : IMAGE_DELETE;
		images[i].table_id = (uint32_t) random_u64();
		images[i].position = random_bytes();
		images[i].position_length = random_u64() % (ENTRY_POSITION_MAX + 1);
		images[i].item = random_bytes();
		images[i].item_length = images[i].kind == IMAGE_PUT ? random_u64() % 2000 : 0;
	}
}

static bool
bytes_equal(const uint8_t *a, uint32_t a_length, const uint8_t *b, uint32_t b_length)
{
	return a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

static bool
images_equal(const EntryImage *a, const EntryImage *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (a[i].kind != b[i].kind || a[i].table_id != b[i].table_id ||
			!bytes_equal(a[i].position, a[i].position_length, b[i].position,
						 b[i].position_length) ||
			!bytes_equal(a[i].item, a[i].item_length, b[i].item, b[i].item_length))
			return false;
	return true;
}

static void
random_entry(EntryPayload *payload, EntryImage *images)
{
	payload->version = ENTRY_VERSION;
	payload->wall_us = (int64_t) random_u64();
	payload->token_length = random_u64() % (ENTRY_TOKEN_MAX + 1);
	payload->token = payload->token_length > 0 ? random_bytes() : NULL;
	payload->image_count = random_u64() % (IMAGES + 1);
	payload->images = images;
	random_images(images, payload->image_count);
}

static uint8_t *
packed_entry(const EntryPayload *payload, size_t *length)
{
	uint8_t *bytes;

	*length = entry_packed_size(payload);
	bytes = malloc(*length);
	return entry_pack(payload, bytes) == *length ? bytes : NULL;
}

static bool
entry_survives(void)
{
	EntryImage images[IMAGES], images_read[IMAGES];
	EntryPayload payload, read = {.images = images_read};
	size_t length, length_again;
	uint8_t *bytes, *again;
	bool same;

	random_entry(&payload, images);
	bytes = packed_entry(&payload, &length);
	if (!bytes || !entry_unpack(bytes, length, &read, IMAGES))
		return false;
	again = packed_entry(&read, &length_again);
	same = read.version == payload.version && read.wall_us == payload.wall_us &&
		   bytes_equal(read.token, read.token_length, payload.token, payload.token_length) &&
		   (read.token == NULL) == (payload.token == NULL) &&
		   read.image_count == payload.image_count &&
		   images_equal(read.images, payload.images, read.image_count) && length == length_again &&
		   memcmp(bytes, again, length) == 0;
	free(again);
	free(bytes);
	return same;
}

static void
test_entries(void)
{
	bool good = true;

	for (int i = 0; i < 500 && good; i++)
		good = entry_survives();
	TAP_OK(good, "500 random entries survive and pack to the same bytes");
}

/* Is an entry that differs from a good one in one respect refused? */
static void
test_entry_refusals(void)
{
	EntryImage images[IMAGES], read_images[IMAGES];
	EntryPayload payload, read = {.images = read_images};
	size_t length;
	uint8_t *bytes;

	random_entry(&payload, images);
	payload.image_count = 2;
	random_images(images, 2);
	bytes = packed_entry(&payload, &length);
	TAP_OK(entry_unpack(bytes, length, &read, 2), "a good entry is read");
	TAP_OK(!entry_unpack(bytes, length, &read, 1), "more images than there is room for");
	TAP_OK(!entry_unpack(bytes, 3, &read, 2), "three bytes");
	free(bytes);
	payload.version = ENTRY_VERSION + 1;
	bytes = packed_entry(&payload, &length);
	TAP_OK(!entry_unpack(bytes, length, &read, 2), "a newer version");
	free(bytes);
	payload.version = ENTRY_VERSION;
	images[0].position_length = ENTRY_POSITION_MAX + 1;
	bytes = packed_entry(&payload, &length);
	TAP_OK(!entry_unpack(bytes, length, &read, 2), "a position that is too long");
	free(bytes);
	images[0].position_length = 16;
	payload.token = contents;
	payload.token_length = ENTRY_TOKEN_MAX + 1;
	bytes = packed_entry(&payload, &length);
	TAP_OK(!entry_unpack(bytes, length, &read, 2), "a token that is too long");
	free(bytes);
}

static void
test_largest_entry(void)
{
	EntryImage *images = calloc(ENTRY_IMAGES_MAX, sizeof(EntryImage));
	EntryImage *images_read = calloc(ENTRY_IMAGES_MAX, sizeof(EntryImage));
	EntryPayload payload = {.version = ENTRY_VERSION, .image_count = ENTRY_IMAGES_MAX};
	EntryPayload read = {.images = images_read};
	size_t length;
	uint8_t *bytes;

	payload.images = images;
	for (uint32_t i = 0; i < ENTRY_IMAGES_MAX; i++)
	{
		images[i] = (EntryImage){.kind = IMAGE_PUT, .table_id = UINT32_MAX};
		images[i].position = images[i].item = contents;
		images[i].position_length = images[i].item_length = 200;
	}
	bytes = packed_entry(&payload, &length);
	TAP_OK(length < ENTRY_BYTES_MAX && entry_unpack(bytes, length, &read, ENTRY_IMAGES_MAX) &&
			   images_equal(images, images_read, ENTRY_IMAGES_MAX),
		   "the largest number of images survives");
	free(bytes);
	free(images);
	free(images_read);
}

/* Makes a write one that the leader evaluates. */
static void
random_evaluation(Request *request)
{
	WriteEvaluation *evaluation = &request->evaluation;

	request->image_count = 1;
	request->expectations = NULL;
	request->evaluated = true;
	evaluation->condition = random_bytes();
	evaluation->condition_length = random_u64() % 2000;
	evaluation->names = random_bytes();
	evaluation->names_length = random_u64() % 2000;
	evaluation->values = random_bytes();
	evaluation->values_length = random_u64() % 2000;
	evaluation->returns_old = random_u64() & 1;
	evaluation->failure_returns_old = random_u64() & 1;
}

static void
random_request(Request *request, EntryImage *images, ImageExpectation *expectations)
{
	memset(request, 0, sizeof(*request));
	request->id = random_u64();
	request->kind = (RequestKind) (REQUEST_WRITE + random_u64() % REQUEST_KIND_LAST);
	request->group = 1 + random_u64() / 2;
	request->table_id = (uint32_t) random_u64();
	request->consistent = random_u64() & 1;
	request->position = random_bytes();
	request->position_length = random_u64() % (ENTRY_POSITION_MAX + 1);
	request->upper = random_bytes();
	request->upper_length = random_u64() % (ENTRY_POSITION_MAX + 1);
	request->backward = random_u64() & 1;
	request->items_max = (uint32_t) random_u64();
	request->bytes_max = (uint32_t) random_u64();
	request->target = random_u64() % (CORE_NODES_MAX + 1);
	request->timeout_ms = (uint32_t) random_u64();
	request->lsn = random_u64();
	if (request->kind != REQUEST_WRITE)
		return;
	request->image_count = 1 + random_u64() % IMAGES;
	request->images = images;
	random_images(images, request->image_count);
	for (uint32_t i = 0; i < request->image_count; i++)
		expectations[i] = (ImageExpectation) (random_u64() % (EXPECT_UNCHANGED + 1));
	request->expectations = random_u64() & 1 ? expectations : NULL;
	if (random_u64() & 1)
		random_evaluation(request);
}

static bool
evaluations_equal(const WriteEvaluation *a, const WriteEvaluation *b)
{
	return bytes_equal(a->condition, a->condition_length, b->condition, b->condition_length) &&
		   bytes_equal(a->names, a->names_length, b->names, b->names_length) &&
		   bytes_equal(a->values, a->values_length, b->values, b->values_length) &&
		   a->returns_old == b->returns_old && a->failure_returns_old == b->failure_returns_old;
}

static bool
requests_equal(const Request *a, const Request *b)
{
	return a->id == b->id && a->kind == b->kind && a->group == b->group &&
		   a->table_id == b->table_id && a->consistent == b->consistent &&
		   bytes_equal(a->position, a->position_length, b->position, b->position_length) &&
		   bytes_equal(a->upper, a->upper_length, b->upper, b->upper_length) &&
		   a->backward == b->backward && a->items_max == b->items_max &&
		   a->bytes_max == b->bytes_max && a->target == b->target &&
		   a->timeout_ms == b->timeout_ms && a->lsn == b->lsn && a->image_count == b->image_count &&
		   a->evaluated == b->evaluated && evaluations_equal(&a->evaluation, &b->evaluation) &&
		   images_equal(a->images, b->images, a->image_count) &&
		   !a->expectations == !b->expectations &&
		   (!a->expectations || memcmp(a->expectations, b->expectations,
									   a->image_count * sizeof(ImageExpectation)) == 0);
}

static bool
request_survives(void)
{
	EntryImage images[IMAGES];
	ImageExpectation expectations[IMAGES];
	Request request, *read;
	size_t length;
	uint8_t *bytes;
	bool same;

	random_request(&request, images, expectations);
	length = request_packed_size(&request);
	bytes = malloc(length + 7);
	memset(bytes + length, 0xEE, 7);
	if (request_pack(&request, bytes) != length || wire_packed_length(bytes, length + 7) != length)
		return false;
	read = request_unpack(bytes, length, malloc);
	same = read && requests_equal(&request, read);
	if (read)
	{
		uint8_t *again = malloc(request_packed_size(read));

		same = same && request_pack(read, again) == length && memcmp(bytes, again, length) == 0;
		free(again);
	}
	free(read);
	free(bytes);
	return same;
}

static void
test_requests(void)
{
	bool good = true;

	for (int i = 0; i < 500 && good; i++)
		good = request_survives();
	TAP_OK(good, "500 random requests survive and pack to the same bytes");
}

static bool
request_is_read(const Request *request)
{
	size_t length = request_packed_size(request);
	uint8_t *bytes = malloc(length);
	Request *read;
	bool good;

	good = request_pack(request, bytes) == length;
	read = request_unpack(bytes, length, malloc);
	good = good && read;
	free(read);
	free(bytes);
	return good;
}

/* An evaluation belongs to a write of one image. */
static void
test_evaluation_refusals(void)
{
	EntryImage images[2];
	ImageExpectation expectations[2] = {EXPECT_PRESENT, EXPECT_ABSENT};
	Request request = {.kind = REQUEST_WRITE, .group = 1, .image_count = 1, .images = images};

	random_images(images, 2);
	random_evaluation(&request);
	TAP_OK(request_is_read(&request), "an evaluated write of one image is read");
	request.evaluation.condition_length = REQUEST_CONDITION_MAX + 1;
	TAP_OK(!request_is_read(&request), "a condition that is too long");
	request.evaluation.condition_length = 1;
	request.image_count = 2;
	TAP_OK(!request_is_read(&request), "an evaluated write of two images");
	request.image_count = 1;
	request.expectations = expectations;
	TAP_OK(!request_is_read(&request), "an evaluated write with expectations");
	request.expectations = NULL;
	request.kind = REQUEST_GET;
	request.image_count = 0;
	TAP_OK(!request_is_read(&request), "an evaluated read");
}

static void
random_reply(Reply *reply, ReplyItem *items)
{
	memset(reply, 0, sizeof(*reply));
	reply->id = random_u64();
	reply->status = (ReplyStatus) (REPLY_OK + random_u64() % REPLY_ERROR);
	reply->leader_hint = random_u64() % (CORE_NODES_MAX + 1);
	reply->lsn = random_u64();
	reply->more = random_u64() & 1;
	reply->item_count = random_u64() % (IMAGES + 1);
	reply->has_rows = reply->item_count > 0 && random_u64() % 2;
	reply->items = items;
	for (uint32_t i = 0; i < reply->item_count; i++)
	{
		items[i].position = random_bytes();
		items[i].position_length = random_u64() % (ENTRY_POSITION_MAX + 1);
		items[i].item = random_bytes();
		items[i].item_length = random_u64() % 2000;
		items[i].lsn = reply->has_rows ? random_u64() : 0;
		items[i].crc = reply->has_rows ? (uint32_t) random_u64() : 0;
	}
	reply->sqlstate = (uint32_t) random_u64();
	reply->message = random_u64() & 1 ? "the conditional request failed" : NULL;
	reply->detail = random_u64() & 1 ? "" : NULL;
	reply->hint = random_u64() & 1 ? "Try again." : NULL;
}

static bool
texts_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool
replies_equal(const Reply *a, const Reply *b)
{
	if (a->id != b->id || a->status != b->status || a->leader_hint != b->leader_hint ||
		a->lsn != b->lsn || a->more != b->more || a->item_count != b->item_count ||
		a->has_rows != b->has_rows || a->sqlstate != b->sqlstate ||
		!texts_equal(a->message, b->message) || !texts_equal(a->detail, b->detail) ||
		!texts_equal(a->hint, b->hint))
		return false;
	for (uint32_t i = 0; i < a->item_count; i++)
		if (a->items[i].lsn != b->items[i].lsn || a->items[i].crc != b->items[i].crc ||
			!bytes_equal(a->items[i].position, a->items[i].position_length, b->items[i].position,
						 b->items[i].position_length) ||
			!bytes_equal(a->items[i].item, a->items[i].item_length, b->items[i].item,
						 b->items[i].item_length))
			return false;
	return true;
}

static bool
reply_survives(void)
{
	ReplyItem items[IMAGES];
	Reply reply, *read;
	size_t length;
	uint8_t *bytes;
	bool same;

	random_reply(&reply, items);
	length = reply_packed_size(&reply);
	bytes = malloc(length);
	if (reply_pack(&reply, bytes) != length)
		return false;
	read = reply_unpack(bytes, length, malloc);
	same = read && replies_equal(&reply, read);
	free(read);
	free(bytes);
	return same;
}

static void
test_replies(void)
{
	bool good = true;

	for (int i = 0; i < 500 && good; i++)
		good = reply_survives();
	TAP_OK(good, "500 random replies survive");
}

/* The three readers behind one type. */
typedef bool (*Reader)(const uint8_t *bytes, size_t length);

static bool
read_entry(const uint8_t *bytes, size_t length)
{
	EntryImage images[IMAGES];
	EntryPayload payload = {.images = images};

	return entry_unpack(bytes, length, &payload, IMAGES);
}

static bool
read_request(const uint8_t *bytes, size_t length)
{
	Request *request = request_unpack(bytes, length, malloc);

	free(request);
	return request != NULL;
}

static bool
read_reply(const uint8_t *bytes, size_t length)
{
	Reply *reply = reply_unpack(bytes, length, malloc);

	free(reply);
	return reply != NULL;
}

/*
 * Reads bytes with each byte changed and with each length, in buffers that end where the bytes do.  The
 * sanitizers are the judges of the changed ones, most of which are still valid; a shorter one never is.
 */
static bool
survives_damage(Reader reader, const uint8_t *bytes, size_t length, bool has_own_length)
{
	uint8_t *copy = malloc(length);
	bool refused = true;

	for (size_t at = 0; at < length; at++)
	{
		memcpy(copy, bytes, length);
		copy[at] ^= (uint8_t) (1 + random_u64() % 255);
		reader(copy, length);
	}
	free(copy);
	for (size_t cut = 0; cut < length; cut++)
	{
		copy = malloc(cut + 1);
		memcpy(copy, bytes, cut);
		if (has_own_length && cut >= 4)
			for (int i = 0; i < 4; i++)
				copy[i] = (uint8_t) (cut >> (8 * i));
		refused = refused && !reader(copy, cut);
		free(copy);
	}
	return refused;
}

static void
test_damage(void)
{
	EntryImage images[IMAGES];
	ImageExpectation expectations[IMAGES];
	ReplyItem items[IMAGES];
	EntryPayload payload;
	Request request;
	Reply reply;
	uint8_t bytes[64 * 1024];
	size_t length;

	random_entry(&payload, images);
	payload.image_count = 1;
	random_images(images, 1);
	length = entry_pack(&payload, bytes);
	TAP_OK(survives_damage(read_entry, bytes, length, false), "damaged entries are survived");
	do
		random_request(&request, images, expectations);
	while (request.kind != REQUEST_WRITE || !request.expectations);
	request.image_count = 2;
	length = request_pack(&request, bytes);
	TAP_OK(survives_damage(read_request, bytes, length, true), "damaged requests are survived");
	random_reply(&reply, items);
	reply.item_count = 2;
	reply.has_rows = true;
	items[0].position = items[0].item = items[1].position = items[1].item = contents;
	items[0].position_length = items[0].item_length = items[1].position_length = 20;
	items[1].item_length = 30;
	reply.message = "message";
	length = reply_pack(&reply, bytes);
	TAP_OK(survives_damage(read_reply, bytes, length, true), "damaged replies are survived");
}

static void
test_arena(void)
{
	uint64_t first[8];
	WireArena arena;
	uint8_t *one, *two, *again;

	wire_arena_init(&arena, first, sizeof(first), 100000);
	one = wire_arena_alloc(&arena, 3);
	two = wire_arena_alloc(&arena, 40);
	TAP_OK(one == (uint8_t *) first && two == one + 8, "the caller's memory is used first");
	TAP_OK(wire_arena_alloc(&arena, 50000) != NULL, "then other memory");
	TAP_OK(wire_arena_alloc(&arena, 50000) == NULL, "but not beyond the limit");
	TAP_OK(wire_arena_alloc(&arena, SIZE_MAX) == NULL, "nor an absurd amount");
	wire_arena_reset(&arena);
	again = wire_arena_alloc(&arena, 99992);
	TAP_OK(again != NULL && again != (uint8_t *) first, "after a reset all of it is there again");
	memset(again, 1, 99992);
	wire_arena_free(&arena);
}

int
main(void)
{
	test_arena();
	for (size_t i = 0; i < sizeof(contents); i++)
		contents[i] = (uint8_t) random_u64();
	test_entries();
	test_entry_refusals();
	test_largest_entry();
	test_requests();
	test_evaluation_refusals();
	test_replies();
	test_damage();
	return tap_done();
}

/*
 * fuzz_request.c
 *		The readers of log entries, requests and replies under damaged bytes.
 *
 * The first byte of an input says which of the three reads the rest.
 */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "core/core_assert.h"
#include "wire/entry.h"
#include "wire/request.h"

#define IMAGES 4

static const uint8_t contents[1200];

static void
random_images(EntryImage *images)
{
	for (int i = 0; i < IMAGES; i++)
	{
		images[i] = (EntryImage){.kind = fuzz_random() % 2 ? IMAGE_PUT : IMAGE_DELETE,
								 .table_id = (uint32_t) fuzz_random(),
								 .position = contents,
								 .item = contents,
								 .position_length = (uint32_t) (fuzz_random() % 100)};
		images[i].item_length = images[i].kind == IMAGE_PUT ? (uint32_t) (fuzz_random() % 300) : 0;
	}
}

static size_t
example_entry(uint8_t *out, EntryImage *images)
{
	EntryPayload payload = {.version = ENTRY_VERSION,
							.wall_us = (int64_t) (fuzz_random() >> 10),
							.token = contents,
							.token_length = (uint32_t) (fuzz_random() % ENTRY_TOKEN_MAX),
							.image_count = (uint32_t) (fuzz_random() % IMAGES),
							.images = images};

	return entry_pack(&payload, out);
}

static size_t
example_request(uint8_t *out, EntryImage *images)
{
	ImageExpectation expectations[IMAGES] = {EXPECT_ABSENT, EXPECT_PRESENT};
	Request request = {.id = fuzz_random(),
					   .kind = (RequestKind) (REQUEST_WRITE + fuzz_random() % REQUEST_KIND_LAST),
					   .group = 1 + fuzz_random() % 1000,
					   .position = contents,
					   .position_length = (uint32_t) (fuzz_random() % 100),
					   .upper = contents,
					   .upper_length = (uint32_t) (fuzz_random() % 100),
					   .timeout_ms = (uint32_t) fuzz_random(),
					   .lsn = fuzz_random()};

	if (request.kind == REQUEST_WRITE)
	{
		request.image_count = IMAGES;
		request.images = images;
		request.expectations = fuzz_random() % 2 ? expectations : NULL;
	}
	return request_pack(&request, out);
}

static size_t
example_reply(uint8_t *out)
{
	ReplyItem items[2] = {{contents, 20, contents, 300, 7, 0x12345678},
						  {contents, 40, contents, 0, 8, 1}};
	Reply reply = {.id = fuzz_random(),
				   .status = (ReplyStatus) (REPLY_OK + fuzz_random() % REPLY_ERROR),
				   .lsn = fuzz_random(),
				   .item_count = (uint32_t) (fuzz_random() % 3),
				   .has_rows = fuzz_random() % 2,
				   .items = items,
				   .message = fuzz_random() % 2 ? "message" : NULL,
				   .hint = fuzz_random() % 2 ? "hint" : NULL};

	return reply_pack(&reply, out);
}

size_t
fuzz_example(uint8_t *out)
{
	EntryImage images[IMAGES];

	random_images(images);
	out[0] = (uint8_t) (fuzz_random() % 3);
	if (out[0] == 0)
		return 1 + example_entry(out + 1, images);
	return 1 + (out[0] == 1 ? example_request(out + 1, images) : example_reply(out + 1));
}

/* The length in front of requests and replies (docs/formats.md). */
void
fuzz_mend(uint8_t *bytes, size_t length)
{
	if (length < 5 || bytes[0] % 3 == 0)
		return;
	for (int i = 0; i < 4; i++)
		bytes[1 + i] = (uint8_t) ((length - 1) >> (8 * i));
}

/* Every byte that the images point to lies within the input. */
static void
check_images(const EntryImage *images, uint32_t count, const uint8_t *bytes, size_t length)
{
	for (uint32_t i = 0; i < count; i++)
	{
		CORE_ASSERT(images[i].position >= bytes && images[i].item >= images[i].position);
		CORE_ASSERT(images[i].item + images[i].item_length <= bytes + length);
		CORE_ASSERT(images[i].position_length <= ENTRY_POSITION_MAX);
	}
}

static int
one_entry(const uint8_t *bytes, size_t length)
{
	EntryImage images[IMAGES];
	EntryPayload payload = {.images = images};

	if (!entry_unpack(bytes, length, &payload, IMAGES))
		return 0;
	CORE_ASSERT(payload.image_count <= IMAGES);
	check_images(images, payload.image_count, bytes, length);
	return 1;
}

static int
one_request(const uint8_t *bytes, size_t length)
{
	Request *request = request_unpack(bytes, length, malloc);

	if (!request)
		return 0;
	check_images(request->images, request->image_count, bytes, length);
	free(request);
	return 1;
}

static int
one_reply(const uint8_t *bytes, size_t length)
{
	Reply *reply = reply_unpack(bytes, length, malloc);

	if (!reply)
		return 0;
	CORE_ASSERT(reply->item_count <= REPLY_ITEMS_MAX);
	for (uint32_t i = 0; i < reply->item_count; i++)
		CORE_ASSERT(reply->items[i].item + reply->items[i].item_length <= bytes + length);
	CORE_ASSERT(!reply->message ||
				reply->message + strlen(reply->message) < (const char *) bytes + length);
	free(reply);
	return 1;
}

int
fuzz_one(const uint8_t *bytes, size_t length)
{
	if (length == 0)
		return 0;
	switch (bytes[0] % 3)
	{
		case 0:
			return one_entry(bytes + 1, length - 1);
		case 1:
			return one_request(bytes + 1, length - 1);
		default:
			return one_reply(bytes + 1, length - 1);
	}
}

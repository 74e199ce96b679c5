/*
 * image_arrays.c
 *		Images to arrays and back; see image_arrays.h.
 */
#include "wire/image_arrays.h"

#include "core/core_assert.h"

bool
image_arrays_fill(ImageArrays *arrays, const EntryImage *images, uint32_t count,
				  const ImageExpectation *expectations, WireArena *scratch)
{
	uint32_t *block;

	CORE_ASSERT(count <= ENTRY_IMAGES_MAX);
	block = wire_arena_alloc(scratch, (size_t) count * 5 * sizeof(uint32_t));
	if (!block)
		return false;
	arrays->count = count;
	arrays->kinds = block;
	arrays->table_ids = block + count;
	arrays->position_lengths = block + 2 * (size_t) count;
	arrays->item_lengths = block + 3 * (size_t) count;
	arrays->expectations = expectations ? block + 4 * (size_t) count : NULL;
	for (uint32_t i = 0; i < count; i++)
	{
		CORE_ASSERT(images[i].kind == IMAGE_PUT || images[i].item_length == 0);
		arrays->kinds[i] = images[i].kind;
		arrays->table_ids[i] = images[i].table_id;
		arrays->position_lengths[i] = images[i].position_length;
		arrays->item_lengths[i] = images[i].item_length;
		if (expectations)
			arrays->expectations[i] = expectations[i];
	}
	return true;
}

size_t
images_tail_bytes(const EntryImage *images, uint32_t count)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < count; i++)
		bytes += (size_t) images[i].position_length + images[i].item_length;
	return bytes;
}

uint8_t *
images_put_tail(uint8_t *out, const EntryImage *images, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
	{
		out = envelope_put_bytes(out, images[i].position, images[i].position_length);
		out = envelope_put_bytes(out, images[i].item, images[i].item_length);
	}
	return out;
}

static bool
image_valid(const ImageArrays *arrays, uint32_t i)
{
	uint32_t kind = arrays->kinds[i];

	if (kind != IMAGE_PUT && kind != IMAGE_DELETE)
		return false;
	if (kind == IMAGE_DELETE && arrays->item_lengths[i] != 0)
		return false;
	if (arrays->expectations && arrays->expectations[i] > EXPECT_UNCHANGED)
		return false;
	return arrays->position_lengths[i] <= ENTRY_POSITION_MAX;
}

bool
image_arrays_check(const ImageArrays *arrays, size_t *tail_bytes)
{
	for (uint32_t i = 0; i < arrays->count; i++)
	{
		if (!image_valid(arrays, i))
			return false;
		*tail_bytes += (size_t) arrays->position_lengths[i] + arrays->item_lengths[i];
	}
	return true;
}

void
images_take_tail(EnvelopeTail *tail, const ImageArrays *arrays, EntryImage *images,
				 ImageExpectation *expectations)
{
	for (uint32_t i = 0; i < arrays->count; i++)
	{
		EntryImage *image = &images[i];

		image->kind = (ImageKind) arrays->kinds[i];
		image->table_id = arrays->table_ids[i];
		image->position_length = arrays->position_lengths[i];
		image->position = envelope_take(tail, image->position_length);
		image->item_length = arrays->item_lengths[i];
		image->item = envelope_take(tail, image->item_length);
		if (expectations)
			expectations[i] = (ImageExpectation) arrays->expectations[i];
	}
}

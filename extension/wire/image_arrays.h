/*
 * image_arrays.h
 *		Images as entries and requests carry them: arrays of numbers in the structure, bytes in the tail.
 *		Internal to wire/.
 */
#ifndef QUORATE_WIRE_IMAGE_ARRAYS_H
#define QUORATE_WIRE_IMAGE_ARRAYS_H

#include "wire/entry.h"
#include "wire/envelope.h"
#include "wire/quorate.pb-c.h"
#include "wire/request.h"

/* Element i of each array belongs to image i.  expectations is NULL if there are none. */
typedef struct ImageArrays
{
	size_t count;
	uint32_t *kinds;
	uint32_t *table_ids;
	uint32_t *position_lengths;
	uint32_t *item_lengths;
	uint32_t *expectations;
} ImageArrays;

/* Scratch memory for the arrays of the largest number of images. */
#define IMAGE_ARRAYS_BYTES_MAX ((size_t) ENTRY_IMAGES_MAX * 5 * sizeof(uint32_t) + 64)

/*
 * Makes the arrays of `count` images in scratch memory; false without memory.  A count above
 * ENTRY_IMAGES_MAX ends the process: the caller bounds what it writes.
 */
extern bool image_arrays_fill(ImageArrays *arrays, const EntryImage *images, uint32_t count,
							  const ImageExpectation *expectations, WireArena *scratch);

/* Bytes of all positions and items. */
extern size_t images_tail_bytes(const EntryImage *images, uint32_t count);

/* Appends all positions and items; returns where the next bytes go. */
extern uint8_t *images_put_tail(uint8_t *out, const EntryImage *images, uint32_t count);

/* The arrays of a received structure (an entry or a request); false if they are not equally long. */
#define image_arrays_of(arrays, structure)                                                     \
	((arrays)->count = (structure)->n_image_kinds, (arrays)->kinds = (structure)->image_kinds, \
	 (arrays)->table_ids = (structure)->image_table_ids,                                       \
	 (arrays)->position_lengths = (structure)->image_position_lengths,                         \
	 (arrays)->item_lengths = (structure)->image_item_lengths, (arrays)->expectations = NULL,  \
	 (arrays)->count == (structure)->n_image_table_ids &&                                      \
		 (arrays)->count == (structure)->n_image_position_lengths &&                           \
		 (arrays)->count == (structure)->n_image_item_lengths &&                               \
		 (arrays)->count <= ENTRY_IMAGES_MAX)

/*
 * Checks the numbers of received images and adds the bytes that they need from the tail to *tail_bytes.
 * False if a kind or expectation is unknown, a position is too long, or a deletion has an item.
 */
extern bool image_arrays_check(const ImageArrays *arrays, size_t *tail_bytes);

/* Takes checked images off a tail that is known to be long enough.  expectations may be NULL. */
extern void images_take_tail(EnvelopeTail *tail, const ImageArrays *arrays, EntryImage *images,
							 ImageExpectation *expectations);

#endif /* QUORATE_WIRE_IMAGE_ARRAYS_H */

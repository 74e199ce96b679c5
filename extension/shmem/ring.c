/*
 * ring.c
 *		Byte rings in shared memory; see ring.h.
 *
 * head and tail count bytes since the ring was made and never wrap in practice.  Each record starts at a
 * multiple of 8 with its length; a record never wraps around the end of the buffer, a mark there tells the
 * reader to go on at the start.  The writer publishes by moving tail after a barrier, the reader frees by
 * moving head after it has done with the bytes, so neither needs a lock against the other.
 */
#include "postgres.h"

#include "shmem/ring.h"

#define RECORD_ALIGNMENT 8
#define WRAP_MARK UINT64_MAX

typedef struct RecordHeader
{
	uint64_t length; /* bytes that follow, or WRAP_MARK */
} RecordHeader;

static uint64_t
record_size(Size length)
{
	return TYPEALIGN64(RECORD_ALIGNMENT, sizeof(RecordHeader) + length);
}

Size
ring_shmem_size(Size data_size)
{
	return MAXALIGN(data_size);
}

void
ring_init(Ring *ring, Size data_size, LWLock *lock, char *data)
{
	Assert((data_size & (data_size - 1)) == 0);
	ring->lock = lock;
	ring->size = data_size;
	ring->data = data;
	pg_atomic_init_u64(&ring->head, 0);
	pg_atomic_init_u64(&ring->tail, 0);
}

static RecordHeader *
record_at(Ring *ring, uint64_t position)
{
	return (RecordHeader *) (ring->data + (position & (ring->size - 1)));
}

/* Writes with the lock held or with one writer only. */
static bool
write_record(Ring *ring, const void *part1, Size length1, const void *part2, Size length2)
{
	uint64_t tail = pg_atomic_read_u64(&ring->tail);
	uint64_t until_end = ring->size - (tail & (ring->size - 1));
	uint64_t needed = record_size(length1 + length2);
	uint64_t skipped = needed > until_end ? until_end : 0;
	uint64_t used = tail - pg_atomic_read_u64(&ring->head);
	RecordHeader *header;

	if (used + skipped + needed > ring->size)
		return false;
	pg_memory_barrier(); /* the reader has done with what it freed */

	if (skipped > 0)
		record_at(ring, tail)->length = WRAP_MARK;
	header = record_at(ring, tail + skipped);
	header->length = length1 + length2;
	memcpy((char *) (header + 1), part1, length1);
	if (length2 > 0)
		memcpy((char *) (header + 1) + length1, part2, length2);

	pg_write_barrier();
	pg_atomic_write_u64(&ring->tail, tail + skipped + needed);
	return true;
}

bool
ring_write(Ring *ring, const void *part1, Size length1, const void *part2, Size length2)
{
	bool written;

	/* A longer record might never find room without wrapping. */
	if (record_size(length1 + length2) > ring->size / 2)
		return false;
	if (ring->lock == NULL)
		return write_record(ring, part1, length1, part2, length2);

	LWLockAcquire(ring->lock, LW_EXCLUSIVE);
	written = write_record(ring, part1, length1, part2, length2);
	LWLockRelease(ring->lock);
	return written;
}

Size
ring_message_max(const Ring *ring)
{
	return ring->size / 2 - RECORD_ALIGNMENT - sizeof(RecordHeader);
}

const char *
ring_peek(Ring *ring, Size *length)
{
	uint64_t head = pg_atomic_read_u64(&ring->head);
	RecordHeader *header;

	if (head == pg_atomic_read_u64(&ring->tail))
		return NULL;
	pg_read_barrier();

	header = record_at(ring, head);
	if (header->length == WRAP_MARK)
	{
		head += ring->size - (head & (ring->size - 1));
		pg_atomic_write_u64(&ring->head, head);
		header = record_at(ring, head);
	}
	*length = header->length;
	return (const char *) (header + 1);
}

void
ring_consume(Ring *ring)
{
	uint64_t head = pg_atomic_read_u64(&ring->head);

	pg_memory_barrier(); /* done with the bytes before they may be overwritten */
	pg_atomic_write_u64(&ring->head, head + record_size(record_at(ring, head)->length));
}

uint64_t
ring_used(Ring *ring)
{
	uint64_t head = pg_atomic_read_u64(&ring->head);

	return pg_atomic_read_u64(&ring->tail) - head;
}

void
ring_reset(Ring *ring)
{
	pg_atomic_write_u64(&ring->head, pg_atomic_read_u64(&ring->tail));
}

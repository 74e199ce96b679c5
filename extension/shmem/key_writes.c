/*
 * key_writes.c
 *		Counts of the writes of keys; see key_writes.h.
 *
 * The count that readers see is the sum of the key's place and of the place for entries of several keys.  Both
 * only grow, so a sum that has not changed means that neither has.
 */
#include "postgres.h"

#include "port/atomics.h"

#include "shmem/key_writes.h"
#include "shmem/shmem_parts.h"

#define PLACE_COUNT 16384 /* a power of two */
#define PLACE_OF_ALL PLACE_COUNT

typedef struct KeyPlace
{
	pg_atomic_uint64 handed_in; /* written under the lock of the proposals */
	pg_atomic_uint64 answered;  /* written by the replicator */
} KeyPlace;

static KeyPlace *places;

Size
key_writes_shmem_size(void)
{
	return (PLACE_COUNT + 1) * sizeof(KeyPlace);
}

void
key_writes_shmem_init(void *memory, bool found)
{
	places = memory;
	if (found)
		return;
	for (int i = 0; i <= PLACE_COUNT; i++)
	{
		pg_atomic_init_u64(&places[i].handed_in, 0);
		pg_atomic_init_u64(&places[i].answered, 0);
	}
}

static KeyPlace *
place_of(uint32_t hash)
{
	return &places[hash == KEY_WRITES_ALL ? PLACE_OF_ALL : hash & (PLACE_COUNT - 1)];
}

uint64_t
key_writes_count(uint32_t hash)
{
	return pg_atomic_read_u64(&place_of(hash)->handed_in) +
		   pg_atomic_read_u64(&places[PLACE_OF_ALL].handed_in);
}

bool
key_writes_are_answered(uint32_t hash, uint64_t count)
{
	uint64_t answered = pg_atomic_read_u64(&place_of(hash)->answered) +
						pg_atomic_read_u64(&places[PLACE_OF_ALL].answered);

	pg_read_barrier(); /* the commit LSN is read after this */
	return answered >= count;
}

void
key_writes_add(uint32_t hash)
{
	KeyPlace *place = place_of(hash);

	pg_atomic_write_u64(&place->handed_in, pg_atomic_read_u64(&place->handed_in) + 1);
}

void
key_writes_answer(uint32_t hash)
{
	KeyPlace *place = place_of(hash);

	pg_write_barrier(); /* the commit LSN was written before this */
	pg_atomic_write_u64(&place->answered, pg_atomic_read_u64(&place->answered) + 1);
}

void
key_writes_forget(void)
{
	for (int i = 0; i <= PLACE_COUNT; i++)
		pg_atomic_write_u64(&places[i].answered, pg_atomic_read_u64(&places[i].handed_in));
}

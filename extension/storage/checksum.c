/*
 * checksum.c
 *		A checksum over the contents of a position range, to compare replicas.
 *
 * Runs in any backend.  The encoding of items is canonical and independent of the machine, so equal
 * contents have equal bytes everywhere; how a node stores them (compressed or not, which version of
 * a row) does not enter.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "port/pg_bswap.h"

#include "storage/checksum.h"

typedef struct ChecksumState
{
	pg_cryptohash_ctx *hash;
	RangeChecksum *checksum;
} ChecksumState;

/* What stands in front of each row: numbers in network order. */
typedef struct RowHead
{
	uint64_t lsn;
	uint32_t position_length;
	uint32_t item_length;
} RowHead;

static void
check_hash(pg_cryptohash_ctx *hash, bool succeeded)
{
	if (!succeeded)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("could not compute a checksum: %s",
							   hash == NULL ? "out of memory" : pg_cryptohash_error(hash))));
}

static bool
add_row(void *context, const ItemRow *row)
{
	ChecksumState *state = context;
	RowHead head = {pg_hton64(row->lsn), pg_hton32(row->position_length),
					pg_hton32(row->item_length)};

	check_hash(state->hash,
			   pg_cryptohash_update(state->hash, (const uint8 *) &head, sizeof(head)) >= 0 &&
				   pg_cryptohash_update(state->hash, row->position, row->position_length) >= 0 &&
				   pg_cryptohash_update(state->hash, row->item, row->item_length) >= 0);
	state->checksum->items++;
	state->checksum->bytes += row->position_length + row->item_length;
	return true;
}

void
checksum_range(ItemTable *table, Snapshot snapshot, const uint8_t *lower, uint32_t lower_length,
			   const uint8_t *upper, uint32_t upper_length, RangeChecksum *checksum)
{
	ChecksumState state = {pg_cryptohash_create(PG_SHA256), checksum};
	uint8_t full[PG_SHA256_DIGEST_LENGTH];

	memset(checksum, 0, sizeof(*checksum));
	check_hash(state.hash, state.hash != NULL && pg_cryptohash_init(state.hash) >= 0);
	item_table_range_at(table, snapshot, lower, lower_length, upper, upper_length, add_row, &state);
	check_hash(state.hash, pg_cryptohash_final(state.hash, full, sizeof(full)) >= 0);
	pg_cryptohash_free(state.hash);
	memcpy(checksum->digest, full, CHECKSUM_BYTES);
}

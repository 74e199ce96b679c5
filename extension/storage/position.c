/*
 * position.c
 *		Positions of items: hashing partition keys, and bounds of position ranges.
 *
 * Runs in any backend, inside a transaction (the hash context belongs to a resource owner).
 * SHA-256 is PostgreSQL's own.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"

#include "storage/position.h"

/* The first KEY_DIGEST_BYTES of SHA-256 of a partition key's payload. */
static void
hash_partition_key(const ItemValue *partition_key, uint8_t digest[KEY_DIGEST_BYTES])
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	uint8_t full[PG_SHA256_DIGEST_LENGTH];

	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, partition_key->bytes, partition_key->length) < 0 ||
		pg_cryptohash_final(context, full, sizeof(full)) < 0)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("could not hash a partition key: %s",
							   context == NULL ? "out of memory" : pg_cryptohash_error(context))));
	pg_cryptohash_free(context);
	memcpy(digest, full, KEY_DIGEST_BYTES);
}

void
position_of_key(const ItemKey *key, Position *position)
{
	uint8_t digest[KEY_DIGEST_BYTES];

	hash_partition_key(&key->partition, digest);
	position->length = (uint32_t) key_position(digest, key->sort.bytes, key->sort.length,
											   position->bytes);
}

void
position_of_collection(const ItemValue *partition_key, Position *position)
{
	hash_partition_key(partition_key, position->bytes);
	position->length = KEY_DIGEST_BYTES;
}

void
position_after_prefix(const uint8_t *prefix, uint32_t length, Position *after)
{
	Assert(length <= KEY_POSITION_MAX);

	while (length > 0 && prefix[length - 1] == 0xff)
		length--;
	memcpy(after->bytes, prefix, length);
	after->length = length;
	if (length > 0)
		after->bytes[length - 1]++;
}

void
position_successor(const Position *position, Position *successor)
{
	if (position->length == KEY_POSITION_MAX)
	{
		position_after_prefix(position->bytes, position->length, successor);
		return;
	}
	*successor = *position;
	successor->bytes[successor->length++] = 0;
}

/*
 * position.c
 *		Positions of items: hashing partition keys, and bounds of position ranges.
 *
 * Runs in any backend.  SHA-256 is OpenSSL's; its context is kept by the process, because making one costs
 * three times what hashing a key does.
 */
#include "postgres.h"

#include <openssl/evp.h>

#include "common/sha2.h"

#include "storage/position.h"

/* A context that is ready for SHA-256; ERROR if OpenSSL cannot make one. */
static EVP_MD_CTX *
hash_context(void)
{
	static EVP_MD_CTX *context = NULL;
	EVP_MD_CTX *made;

	if (context != NULL)
		return context;
	made = EVP_MD_CTX_new();
	if (made == NULL || EVP_DigestInit_ex(made, EVP_sha256(), NULL) != 1)
	{
		EVP_MD_CTX_free(made);
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not prepare to hash keys")));
	}
	context = made;
	return context;
}

/* The first KEY_DIGEST_BYTES of SHA-256 of a partition key's payload. */
static void
hash_partition_key(const ItemValue *partition_key, uint8_t digest[KEY_DIGEST_BYTES])
{
	EVP_MD_CTX *context = hash_context();
	uint8_t full[PG_SHA256_DIGEST_LENGTH];

	if (EVP_DigestInit_ex(context, NULL, NULL) != 1 ||
		EVP_DigestUpdate(context, partition_key->bytes, partition_key->length) != 1 ||
		EVP_DigestFinal_ex(context, full, NULL) != 1)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not hash a partition key")));
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

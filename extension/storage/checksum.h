/*
 * checksum.h
 *		A checksum over the contents of a position range, to compare replicas.
 */
#ifndef QUORATE_STORAGE_CHECKSUM_H
#define QUORATE_STORAGE_CHECKSUM_H

#include "postgres.h"

#include "storage/item_table.h"

#define CHECKSUM_BYTES 16 /* of the SHA-256 that are shown */

typedef struct RangeChecksum
{
	int64 items;
	int64 bytes; /* of positions and encoded items */
	uint8_t digest[CHECKSUM_BYTES];
} RangeChecksum;

/*
 * SHA-256 over all rows with lower <= position < upper (upper_length 0: no upper bound) under a
 * snapshot, in order: position, LSN and item of each, with their lengths.  Replicas that have
 * applied the same LSN have the same one.  Verifies the checksum of every row on the way (ERROR
 * XX001).
 */
extern void
checksum_range(ItemTable *table, Snapshot snapshot, const uint8_t *lower, uint32_t lower_length,
			   const uint8_t *upper, uint32_t upper_length, RangeChecksum *checksum);

#endif /* QUORATE_STORAGE_CHECKSUM_H */

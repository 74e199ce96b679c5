/*
 * crc32c.h
 *		CRC-32C (Castagnoli), the checksum of log records, rows and frames.
 *
 * One implementation for log/, wire/ and storage/.  Uses the processor's instruction where there is one;
 * the result does not depend on that.
 */
#ifndef QUORATE_CRC32C_H
#define QUORATE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * Continues `crc` over `length` bytes.  Start with 0:
 * crc32c_extend(crc32c_extend(0, a), b) is the CRC-32C of a followed by b.
 */
extern uint32_t crc32c_extend(uint32_t crc, const void *data, size_t length);

/* The same without special instructions; exists so that tests can compare the two. */
extern uint32_t crc32c_extend_portable(uint32_t crc, const void *data, size_t length);

#endif /* QUORATE_CRC32C_H */

/*
 * crc32c.c
 *		CRC-32C by the SSE 4.2 instruction, or by tables (slicing by eight).  See crc32c.h.
 *
 * The tables are made when they are first needed.  Nothing here is shared between threads: each process
 * of a server has its own copy, and two threads that make the tables at once write the same values.
 */
#include "log/crc32c.h"

#include <stdbool.h>
#include <string.h>

/* The polynomial 0x1EDC6F41, bits reversed. */
#define CRC32C_POLYNOMIAL 0x82F63B78u

static uint32_t crc_table[8][256];
static volatile bool crc_table_made;

/* crc_table[k][b] is the CRC register after byte b and k bytes of zeros. */
static void
crc_table_make(void)
{
	for (uint32_t byte = 0; byte < 256; byte++)
	{
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) ? CRC32C_POLYNOMIAL : 0);
		crc_table[0][byte] = crc;
	}
	for (int zeros = 1; zeros < 8; zeros++)
		for (uint32_t byte = 0; byte < 256; byte++)
		{
			uint32_t before = crc_table[zeros - 1][byte];

			crc_table[zeros][byte] = (before >> 8) ^ crc_table[0][before & 0xFF];
		}
	crc_table_made = true;
}

uint32_t
crc32c_extend_portable(uint32_t crc, const void *data, size_t length)
{
	const uint8_t *bytes = data;

	if (!crc_table_made)
		crc_table_make();
	crc = ~crc;
	for (; length >= 8; length -= 8, bytes += 8)
	{
		uint32_t low = crc ^ ((uint32_t) bytes[0] | (uint32_t) bytes[1] << 8 |
							  (uint32_t) bytes[2] << 16 | (uint32_t) bytes[3] << 24);

		crc = crc_table[7][low & 0xFF] ^ crc_table[6][(low >> 8) & 0xFF] ^
			  crc_table[5][(low >> 16) & 0xFF] ^ crc_table[4][low >> 24] ^ crc_table[3][bytes[4]] ^
			  crc_table[2][bytes[5]] ^ crc_table[1][bytes[6]] ^ crc_table[0][bytes[7]];
	}
	for (; length > 0; length--, bytes++)
		crc = (crc >> 8) ^ crc_table[0][(crc ^ *bytes) & 0xFF];
	return ~crc;
}

#if defined(__x86_64__)

/* One instruction per eight bytes; about 0.1 us per KB. */
__attribute__((target("sse4.2"))) static uint32_t
crc32c_extend_sse42(uint32_t crc, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint64_t wide = (uint32_t) ~crc;

	for (; length >= 8; length -= 8, bytes += 8)
	{
		uint64_t chunk;

		memcpy(&chunk, bytes, sizeof(chunk));
		wide = __builtin_ia32_crc32di(wide, chunk);
	}
	crc = (uint32_t) wide;
	for (; length > 0; length--, bytes++)
		crc = __builtin_ia32_crc32qi(crc, *bytes);
	return ~crc;
}

uint32_t
crc32c_extend(uint32_t crc, const void *data, size_t length)
{
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_extend_sse42(crc, data, length);
	return crc32c_extend_portable(crc, data, length);
}

#else

uint32_t
crc32c_extend(uint32_t crc, const void *data, size_t length)
{
	return crc32c_extend_portable(crc, data, length);
}

#endif

/*
 * base64.h
 *		RFC 4648 base64, strictly: padded, no line breaks, unused bits zero.  Private to item/.
 */
#ifndef QUORATE_ITEM_BASE64_H
#define QUORATE_ITEM_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters that encode `length` bytes. */
static inline size_t
base64_encoded_length(size_t length)
{
	return (length + 2) / 3 * 4;
}

/* Writes base64_encoded_length(length) characters. */
extern void base64_encode(const uint8_t *bytes, size_t length, char *out);

/*
 * Decodes into `out`, which may be the same memory as `text`; sets the number of bytes (at most
 * length / 4 * 3). False if the text is not the one base64 form of some bytes.
 */
extern bool base64_decode(const uint8_t *text, size_t length, uint8_t *out, size_t *out_length);

#endif /* QUORATE_ITEM_BASE64_H */

/*
 * utf8.c
 *		Strict UTF-8: no surrogates, no overlong forms, nothing above 10FFFF.  U+0000 is a character
 *		like others.
 */
#include "item/utf8.h"

static inline bool
is_continuation(uint8_t byte)
{
	return (byte & 0xC0) == 0x80;
}

size_t
utf8_sequence(const uint8_t *bytes, size_t length)
{
	uint8_t first = bytes[0];

	if (first < 0x80)
		return 1;
	if (first < 0xC2 || first > 0xF4 || length < 2 || !is_continuation(bytes[1]))
		return 0;
	if (first < 0xE0)
		return 2;
	if (length < 3 || !is_continuation(bytes[2]))
		return 0;
	if (first < 0xF0)
	{
		if ((first == 0xE0 && bytes[1] < 0xA0) || (first == 0xED && bytes[1] >= 0xA0))
			return 0;
		return 3;
	}
	if (length < 4 || !is_continuation(bytes[3]))
		return 0;
	if ((first == 0xF0 && bytes[1] < 0x90) || (first == 0xF4 && bytes[1] >= 0x90))
		return 0;
	return 4;
}

size_t
utf8_check(const uint8_t *bytes, size_t length)
{
	size_t at = 0;

	while (at < length)
	{
		size_t step;

		if (length - at >= 8 && (utf8_load8(bytes + at) & UTF8_HIGHS) == 0)
		{
			at += 8;
			continue;
		}
		step = utf8_sequence(bytes + at, length - at);
		if (step == 0)
			return at;
		at += step;
	}
	return length;
}

size_t
utf8_encode(uint32_t code_point, uint8_t *out)
{
	if (code_point < 0x80)
	{
		out[0] = (uint8_t) code_point;
		return 1;
	}
	if (code_point < 0x800)
	{
		out[0] = (uint8_t) (0xC0 | code_point >> 6);
		out[1] = (uint8_t) (0x80 | (code_point & 0x3F));
		return 2;
	}
	if (code_point < 0x10000)
	{
		out[0] = (uint8_t) (0xE0 | code_point >> 12);
		out[1] = (uint8_t) (0x80 | (code_point >> 6 & 0x3F));
		out[2] = (uint8_t) (0x80 | (code_point & 0x3F));
		return 3;
	}
	out[0] = (uint8_t) (0xF0 | code_point >> 18);
	out[1] = (uint8_t) (0x80 | (code_point >> 12 & 0x3F));
	out[2] = (uint8_t) (0x80 | (code_point >> 6 & 0x3F));
	out[3] = (uint8_t) (0x80 | (code_point & 0x3F));
	return 4;
}

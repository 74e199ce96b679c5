/*
 * base64.c
 *		Base64 both ways, four characters at a time.
 */
#include "item/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define INVALID_DIGIT 0x80 /* in no digit, so that one test covers four of them */

void
base64_encode(const uint8_t *bytes, size_t length, char *out)
{
	for (; length >= 3; bytes += 3, length -= 3)
	{
		*out++ = alphabet[bytes[0] >> 2];
		*out++ = alphabet[(bytes[0] & 0x03) << 4 | bytes[1] >> 4];
		*out++ = alphabet[(bytes[1] & 0x0F) << 2 | bytes[2] >> 6];
		*out++ = alphabet[bytes[2] & 0x3F];
	}
	if (length == 0)
		return;
	*out++ = alphabet[bytes[0] >> 2];
	if (length == 1)
	{
		*out++ = alphabet[(bytes[0] & 0x03) << 4];
		*out++ = '=';
	}
	else
	{
		*out++ = alphabet[(bytes[0] & 0x03) << 4 | bytes[1] >> 4];
		*out++ = alphabet[(bytes[1] & 0x0F) << 2];
	}
	*out++ = '=';
}

static inline uint8_t
digit(uint8_t character)
{
	if (character >= 'A' && character <= 'Z')
		return (uint8_t) (character - 'A');
	if (character >= 'a' && character <= 'z')
		return (uint8_t) (character - 'a' + 26);
	if (character >= '0' && character <= '9')
		return (uint8_t) (character - '0' + 52);
	if (character == '+')
		return 62;
	return character == '/' ? 63 : INVALID_DIGIT;
}

/*
 * The last four characters when they are padded: one or two bytes, whose unused bits must be zero.
 */
static bool
decode_padded(const uint8_t *text, uint8_t *out, size_t *out_length)
{
	uint8_t first = digit(text[0]);
	uint8_t second = digit(text[1]);
	uint8_t third = digit(text[2]);

	if ((first | second) & INVALID_DIGIT)
		return false;
	out[0] = (uint8_t) (first << 2 | second >> 4);
	*out_length += 1;
	if (text[2] == '=')
		return (second & 0x0F) == 0;
	if (third & (INVALID_DIGIT | 0x03))
		return false;
	out[1] = (uint8_t) (second << 4 | third >> 2);
	*out_length += 1;
	return true;
}

bool
base64_decode(const uint8_t *text, size_t length, uint8_t *out, size_t *out_length)
{
	size_t whole; /* characters in groups without padding */

	*out_length = 0;
	if (length % 4 != 0)
		return false;
	if (length == 0)
		return true;
	whole = text[length - 1] == '=' ? length - 4 : length;
	for (size_t i = 0; i < whole; i += 4)
	{
		uint8_t digits[4] = {digit(text[i]), digit(text[i + 1]), digit(text[i + 2]),
							 digit(text[i + 3])};

		if ((digits[0] | digits[1] | digits[2] | digits[3]) & INVALID_DIGIT)
			return false;
		out[*out_length] = (uint8_t) (digits[0] << 2 | digits[1] >> 4);
		out[*out_length + 1] = (uint8_t) (digits[1] << 4 | digits[2] >> 2);
		out[*out_length + 2] = (uint8_t) (digits[2] << 6 | digits[3]);
		*out_length += 3;
	}
	return whole == length || decode_padded(text + whole, out + *out_length, out_length);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.c - bytes as letters.
 */
#include "rpc/base64.h"

#include <assert.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int rpc_base64_put(struct base_buffer *buffer, struct gw_bytes bytes, struct gw_error *error)
{
	const uint8_t *data = bytes.data;

	for (size_t at = 0; at < bytes.size; at += 3) {
		size_t left = bytes.size - at;
		uint32_t group = (uint32_t)data[at] << 16;

		group |= left > 1 ? (uint32_t)data[at + 1] << 8 : 0;
		group |= left > 2 ? data[at + 2] : 0;
		char letters[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63],
				   left > 1 ? alphabet[group >> 6 & 63] : '=',
				   left > 2 ? alphabet[group & 63] : '='};
		int code = base_buffer_append(buffer, letters, sizeof(letters), error);

		if (code < 0)
			return code;
	}
	return 0;
}

static int value_of(char letter)
{
	if (letter == '-')
		letter = '+';
	if (letter == '_')
		letter = '/';
	const char *found = letter ? strchr(alphabet, letter) : NULL;

	return found ? (int)(found - alphabet) : -1;
}

/* Without the '=' at the end; those only stand where they fill up a group of four. */
static struct gw_bytes strip(struct gw_bytes letters)
{
	const char *text = letters.data;

	if (letters.size % 4 != 0)
		return letters;
	for (int i = 0; i < 2 && letters.size > 0 && text[letters.size - 1] == '='; i++)
		letters.size--;
	return letters;
}

int rpc_base64_take(struct base_buffer *buffer, struct gw_bytes letters, struct gw_error *error)
{
	const char *text = letters.data;
	uint32_t group = 0;
	size_t bits = 0;
	int code = 0;

	letters = strip(letters);
	assert(letters.size == 0 || text);
	if (letters.size % 4 == 1)
		return gw_fail(error, GW_E_INVALID, "base64 of %zu letters", letters.size);
	for (size_t at = 0; code == 0 && at < letters.size; at++) {
		int value = value_of(text[at]);

		if (value < 0)
			return gw_fail(error, GW_E_INVALID, "no base64 at letter %zu", at + 1);
		group = group << 6 | (uint32_t)value;
		bits += 6;
		if (bits >= 8) {
			uint8_t byte = (uint8_t)(group >> (bits - 8));

			bits -= 8;
			code = base_buffer_append(buffer, &byte, 1, error);
		}
	}
	return code;
}

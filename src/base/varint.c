/* SPDX-License-Identifier: Apache-2.0 */
/*
 * varint.c - numbers in as few bytes as they need.
 */
#include "base/varint.h"

#include <assert.h>

size_t base_varint_put(uint8_t *out, uint64_t number)
{
	size_t size = 0;

	while (number >= 0x80) {
		out[size++] = (uint8_t)(number | 0x80);
		number >>= 7;
	}
	out[size++] = (uint8_t)number;
	assert(size <= BASE_VARINT_MAX);
	return size;
}

size_t base_varint_size(uint64_t number)
{
	size_t bits = 64 - (size_t)__builtin_clzll(number | 1);

	return (bits + 6) / 7;
}

size_t base_varint_get(const uint8_t *data, size_t size, uint64_t *number)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size && i < BASE_VARINT_MAX; i++) {
		value |= (uint64_t)(data[i] & 0x7f) << (7 * i);
		if (data[i] & 0x80)
			continue;
		/* A last byte of zero would be a longer form of the same number; the tenth byte
		 * has room for the 64th bit only. */
		if ((i > 0 && data[i] == 0) || (i == BASE_VARINT_MAX - 1 && data[i] > 1))
			return 0;
		*number = value;
		return i + 1;
	}
	return 0;
}

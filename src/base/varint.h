/* SPDX-License-Identifier: Apache-2.0 */
/*
 * varint.h - numbers in as few bytes as they need: seven bits a byte, least significant first, the
 * top bit set on all bytes but the last. Exactly one encoding of each number is accepted.
 */
#ifndef BASE_VARINT_H
#define BASE_VARINT_H

#include <groundwork/base.h>

enum { BASE_VARINT_MAX = 10 }; /* bytes of the longest */

/* Writes number to out, which has BASE_VARINT_MAX bytes; returns how many were used. */
size_t base_varint_put(uint8_t *out, uint64_t number);

/* How many bytes that would be. */
size_t base_varint_size(uint64_t number);

/* Reads a number from the front of data[0..size): how many bytes it took, or 0 when the data
 * ends inside it, it does not fit 64 bits, or it is longer than it needs to be. */
size_t base_varint_get(const uint8_t *data, size_t size, uint64_t *number) GW_MUST_CHECK;

/* Signed numbers as unsigned ones that are small when the number is near 0: 0, -1, 1, -2, ... */
static inline uint64_t base_zigzag(int64_t number)
{
	return ((uint64_t)number << 1) ^ (number < 0 ? UINT64_MAX : 0);
}

static inline int64_t base_unzigzag(uint64_t number)
{
	return (int64_t)((number >> 1) ^ (-(number & 1)));
}

#endif

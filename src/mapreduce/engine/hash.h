/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.h - the hash of keys: one 64x64 -> 128 bit multiplication a 16 bytes, folded (the idea of
 * wyhash). The same on every machine, since partitioning by hash must be: words are read
 * little-endian.
 */
#ifndef MR_HASH_H
#define MR_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "keys are hashed in words as a little-endian machine reads them"
#endif

#define MR_HASH_0 UINT64_C(0xa0761d6478bd642f)
#define MR_HASH_1 UINT64_C(0xe7037ed1a0b428db)
#define MR_HASH_2 UINT64_C(0x8ebc6af09c88c6e3)

static inline uint64_t mr_hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A key of at most 16 bytes as two words, zero-padded. */
static inline uint64_t mr_hash_short(uint64_t low, uint64_t high, size_t size)
{
	return mr_hash_fold(low ^ MR_HASH_0, high ^ MR_HASH_1 ^ (size * MR_HASH_2));
}

static inline uint64_t mr_load64(const void *data)
{
	uint64_t word;

	memcpy(&word, data, sizeof word);
	return word;
}

/* The at most 16 bytes at data as two words, zero-padded, reading none beyond them. */
static inline void mr_load_short(const char *data, size_t size, uint64_t *low, uint64_t *high)
{
	uint64_t word[2] = {0, 0};

	if (size >= 8) {
		word[0] = mr_load64(data);
		if (size > 8)
			word[1] = mr_load64(data + size - 8) >> (8 * (16 - size));
	} else if (size >= 4) {
		uint32_t first, last;

		memcpy(&first, data, 4);
		memcpy(&last, data + size - 4, 4);
		word[0] = first | (uint64_t)last << (8 * (size - 4));
	} else if (size > 0) {
		const uint8_t *byte = (const uint8_t *)data;

		word[0] = byte[0] | (uint64_t)byte[size / 2] << (8 * (size / 2)) |
			  (uint64_t)byte[size - 1] << (8 * (size - 1));
	}
	*low = word[0];
	*high = word[1];
}

/* A key of more than 16 bytes. */
static inline uint64_t mr_hash_long(const char *data, size_t size)
{
	uint64_t hash = MR_HASH_2 ^ size;
	size_t at = 0;

	for (; size - at > 16; at += 16)
		hash = mr_hash_fold(mr_load64(data + at) ^ MR_HASH_0 ^ hash,
				    mr_load64(data + at + 8) ^ MR_HASH_1);
	return mr_hash_fold(mr_load64(data + size - 16) ^ MR_HASH_0 ^ hash,
			    mr_load64(data + size - 8) ^ MR_HASH_1);
}

static inline uint64_t mr_hash(const char *data, size_t size)
{
	uint64_t low, high;

	if (size > 16)
		return mr_hash_long(data, size);
	mr_load_short(data, size, &low, &high);
	return mr_hash_short(low, high, size);
}

#endif

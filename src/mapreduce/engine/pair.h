/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pair.h - a key/value pair in memory and in a run. In a run a pair is
 *
 *     varint key size | varint value size * 2 + number | key | value       (general)
 *     varint key size | key | varint zigzag(value)                 (a built-in combiner)
 *
 * where `number` says that the value came from gw_mr_emit_i64, so that text output prints it in
 * decimal. Sizes were checked when the pair was emitted; readers of bytes that were on disk check a
 * CRC first.
 */
#ifndef MR_PAIR_H
#define MR_PAIR_H

#include "base/varint.h"

#include <groundwork/base.h>

struct mr_pair {
	const char *key;
	const char *value;
	uint32_t key_size;
	uint32_t value_size : 31;
	uint32_t number : 1;
	uint64_t tag; /* the owner's: a hash, say */
};

static inline size_t mr_varint_size(uint64_t value)
{
	return value < 128 ? 1 : (size_t)(70 - __builtin_clzll(value)) / 7;
}

static inline uint8_t *mr_put_varint(uint8_t *at, uint64_t value)
{
	while (value >= 128) {
		*at++ = (uint8_t)(value | 128);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

static inline const uint8_t *mr_get_varint(const uint8_t *at, uint64_t *value)
{
	uint64_t sum = *at & 127;

	for (unsigned shift = 7; *at++ & 128; shift += 7)
		sum |= (uint64_t)(*at & 127) << (shift & 63);
	*value = sum;
	return at;
}

/* The value of a pair whose value is an int64. */
static inline int64_t mr_pair_number(const struct mr_pair *pair)
{
	int64_t number;

	memcpy(&number, pair->value, sizeof number);
	return number;
}

static inline uint64_t mr_pair_size(const struct mr_pair *pair, bool numbers)
{
	uint64_t size = mr_varint_size(pair->key_size) + pair->key_size;

	if (numbers)
		return size + mr_varint_size(base_zigzag(mr_pair_number(pair)));
	return size + mr_varint_size((uint64_t)pair->value_size * 2) + pair->value_size;
}

/* memcpy that is inline for the few bytes that most keys have. */
static inline void mr_copy(uint8_t *to, const char *from, size_t size)
{
	uint64_t first, last;

	if (size > 16) {
		memcpy(to, from, size);
	} else if (size >= 8) {
		memcpy(&first, from, 8);
		memcpy(&last, from + size - 8, 8);
		memcpy(to, &first, 8);
		memcpy(to + size - 8, &last, 8);
	} else if (size >= 4) {
		memcpy(&first, from, 4);
		memcpy(&last, from + size - 4, 4);
		memcpy(to, &first, 4);
		memcpy(to + size - 4, &last, 4);
	} else if (size > 0) {
		to[0] = (uint8_t)from[0];
		to[size / 2] = (uint8_t)from[size / 2];
		to[size - 1] = (uint8_t)from[size - 1];
	}
}

static inline uint8_t *mr_put_pair(uint8_t *at, const struct mr_pair *pair, bool numbers)
{
	at = mr_put_varint(at, pair->key_size);
	if (!numbers)
		at = mr_put_varint(at, (uint64_t)pair->value_size * 2 + pair->number);
	mr_copy(at, pair->key, pair->key_size);
	at += pair->key_size;
	if (numbers)
		return mr_put_varint(at, base_zigzag(mr_pair_number(pair)));
	mr_copy(at, pair->value, pair->value_size);
	return at + pair->value_size;
}

/* Reads a general pair; returns what follows it. Key and value point into the run. */
static inline const uint8_t *mr_get_pair(const uint8_t *at, struct mr_pair *pair)
{
	uint64_t key_size, value_size;

	at = mr_get_varint(at, &key_size);
	at = mr_get_varint(at, &value_size);
	pair->key = (const char *)at;
	pair->key_size = (uint32_t)key_size;
	pair->value = (const char *)at + key_size;
	pair->value_size = (uint32_t)(value_size >> 1) & INT32_MAX;
	pair->number = value_size & 1;
	return at + key_size + (value_size >> 1);
}

/* Reads a pair of a numbers run. */
static inline const uint8_t *mr_get_number_pair(const uint8_t *at, struct gw_bytes *key,
						int64_t *number)
{
	uint64_t key_size, zigzag;

	at = mr_get_varint(at, &key_size);
	*key = (struct gw_bytes){at, key_size};
	at = mr_get_varint(at + key_size, &zigzag);
	*number = base_unzigzag(zigzag);
	return at;
}

/* The key of an encoded pair; the same for both forms but for the value's size. */
static inline struct gw_bytes mr_pair_key(const uint8_t *at)
{
	uint64_t key_size, value_size;

	at = mr_get_varint(at, &key_size);
	at = mr_get_varint(at, &value_size);
	return (struct gw_bytes){at, key_size};
}

/* The order of unsigned bytes, inline: this is the innermost step of every sort. */
static inline int mr_compare_bytes(struct gw_bytes a, struct gw_bytes b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

	return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* Up to 8 bytes of the key from position depth as a big-endian number, zero-padded: its order is
 * theirs. */
static inline uint64_t mr_key_prefix(struct gw_bytes key, size_t depth)
{
	uint64_t word = 0;

	if (depth >= key.size)
		return 0;
	if (key.size - depth >= 8) {
		memcpy(&word, (const uint8_t *)key.data + depth, 8);
		return __builtin_bswap64(word);
	}
	for (size_t i = depth; i < key.size; i++)
		word |= (uint64_t)((const uint8_t *)key.data)[i] << (56 - 8 * (i - depth));
	return word;
}

#endif

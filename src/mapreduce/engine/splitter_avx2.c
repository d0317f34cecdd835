/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splitter_avx2.c - the kernel of gw_split for AVX2: as splitter_avx512.c, but the positions of
 * the bits are counted out one by one, eight a turn.
 */
#include "splitter.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define TARGET_INLINE TARGET __attribute__((always_inline)) static inline

struct tables {
	__m256i ascii, upper; /* the rows for bytes below and from 0x80 */
	__m256i bit;          /* bit of the row by high nibble */
};

TARGET_INLINE __m256i broadcast(const void *table)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128(table));
}

/* Bit i: data[i] is a separator. A shuffle gives 0 for an index from 0x80 on. */
TARGET_INLINE uint32_t separators_32(const struct tables *tables, const char *data)
{
	__m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)data);
	__m256i other = _mm256_xor_si256(bytes, _mm256_set1_epi8((char)0x80));
	__m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
	__m256i row = _mm256_or_si256(_mm256_shuffle_epi8(tables->ascii, bytes),
				      _mm256_shuffle_epi8(tables->upper, other));
	__m256i bit = _mm256_shuffle_epi8(tables->bit, high);

	bit = _mm256_cmpeq_epi8(_mm256_and_si256(row, bit), bit);
	return (uint32_t)_mm256_movemask_epi8(bit);
}

TARGET_INLINE uint64_t separators(const struct tables *tables, const char *data)
{
	return separators_32(tables, data) | (uint64_t)separators_32(tables, data + 32) << 32;
}

/* What lies behind the last byte counts as separators; it is not read. */
TARGET static uint64_t tail_separators(const struct tables *tables, const char *data, size_t size)
{
	char copy[64] = {0};

	memcpy(copy, data, size);
	return separators(tables, copy) | ~_bzhi_u64(~0ULL, (unsigned)size);
}

/* Appends the positions of all bits of borders; may write 7 numbers more than it says. */
TARGET_INLINE size_t store_places(uint32_t *places, uint64_t borders, size_t at)
{
	size_t count = (size_t)_mm_popcnt_u64(borders);
	uint32_t base = (uint32_t)at;

	for (; borders != 0; places += 8) {
		for (int i = 0; i < 8; i++) {
			places[i] = base + (uint32_t)_tzcnt_u64(borders);
			borders = _blsr_u64(borders);
		}
	}
	return count;
}

/* Makes sizes of ends: a token is a 64-bit number with its offset in the low half. */
TARGET static void ends_to_sizes(struct gw_token *tokens, size_t count)
{
	size_t i = 0;

	for (; count - i >= 4; i += 4) {
		__m256i *four = (__m256i *)(void *)(tokens + i);
		__m256i ends = _mm256_loadu_si256(four);

		_mm256_storeu_si256(four, _mm256_sub_epi64(ends, _mm256_slli_epi64(ends, 32)));
	}
	for (; i < count; i++)
		tokens[i].size -= tokens[i].offset;
}

TARGET size_t mr_split_avx2(const struct gw_splitter *splitter, const char *data, size_t size,
			    size_t *position, struct gw_token *tokens, size_t max)
{
	const struct tables tables = {
		broadcast(splitter->low[0]), broadcast(splitter->low[1]),
		_mm256_set1_epi64x((long long)0x8040201008040201ULL),
	};
	const size_t places_max = 2 * (max - MR_SPLITTER_SLACK);
	uint32_t *places = (uint32_t *)tokens;
	size_t at = *position, count = 0;
	uint64_t before = 1; /* was the byte before a separator? */

	while (at < size && count <= places_max) {
		size_t left = size - at;
		uint64_t mask = left >= 64 ? separators(&tables, data + at)
					   : tail_separators(&tables, data + at, left);

		count += store_places(places + count, mask ^ (mask << 1 | before), at);
		before = mask >> 63;
		at += 64;
	}
	count = mr_split_close(size, at, count, position, tokens);
	ends_to_sizes(tokens, count);
	return count;
}
#endif

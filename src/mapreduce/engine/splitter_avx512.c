/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splitter_avx512.c - the kernel of gw_split for AVX-512 with VBMI2.
 *
 * 64 bytes become a mask of separators; the mask against itself moved by one has a bit wherever
 * a separator follows a token or the reverse; VPCOMPRESSB turns those bits into their positions,
 * which are widened and stored. No branch depends on the text unless it has more than 32 such
 * places in 64 bytes.
 */
#include "splitter.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET \
	__attribute__((target("avx512f,avx512bw,avx512vbmi2,bmi,bmi2,popcnt")))
#define TARGET_INLINE TARGET __attribute__((always_inline)) static inline

struct tables {
	__m512i ascii, upper; /* the rows for bytes below and from 0x80 */
	__m512i bit;          /* bit of the row by high nibble */
	__m512i numbers;      /* 0 to 63 */
};

TARGET_INLINE __m512i broadcast(const void *table)
{
	return _mm512_broadcast_i32x4(_mm_loadu_si128(table));
}

TARGET static struct tables tables_init(const struct gw_splitter *splitter)
{
	uint8_t numbers[64];
	struct tables tables;

	for (int i = 0; i < 64; i++)
		numbers[i] = (uint8_t)i;
	tables.ascii = broadcast(splitter->low[0]);
	tables.upper = broadcast(splitter->low[1]);
	tables.bit = _mm512_set1_epi64((long long)0x8040201008040201ULL);
	tables.numbers = _mm512_loadu_si512(numbers);
	return tables;
}

/* Bit i: byte i is a separator. A shuffle gives 0 for an index from 0x80 on. */
TARGET_INLINE uint64_t separators(const struct tables *tables, __m512i bytes)
{
	__m512i other = _mm512_xor_si512(bytes, _mm512_set1_epi8((char)0x80));
	__m512i high = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), _mm512_set1_epi8(15));
	__m512i row = _mm512_or_si512(_mm512_shuffle_epi8(tables->ascii, bytes),
				      _mm512_shuffle_epi8(tables->upper, other));

	return _mm512_test_epi8_mask(row, _mm512_shuffle_epi8(tables->bit, high));
}

/* Stores the positions of up to 16 borders, moved by base. */
TARGET_INLINE void store_16(uint32_t *places, __m128i positions, __m512i base)
{
	_mm512_storeu_si512(places, _mm512_add_epi32(_mm512_cvtepu8_epi32(positions), base));
}

/* Appends the positions of all bits of borders; writes up to 64 numbers. */
TARGET_INLINE size_t store_places(const struct tables *tables, uint32_t *places, uint64_t borders,
				  size_t at)
{
	size_t count = (size_t)_mm_popcnt_u64(borders);
	__m512i positions = _mm512_maskz_compress_epi8(borders, tables->numbers);
	__m512i base = _mm512_set1_epi32((int)at);

	store_16(places, _mm512_castsi512_si128(positions), base);
	store_16(places + 16, _mm512_extracti32x4_epi32(positions, 1), base);
	if (__builtin_expect(count > 32, 0)) {
		store_16(places + 32, _mm512_extracti32x4_epi32(positions, 2), base);
		store_16(places + 48, _mm512_extracti32x4_epi32(positions, 3), base);
	}
	return count;
}

/* Makes sizes of ends: a token is a 64-bit number with its offset in the low half. */
TARGET static void ends_to_sizes(struct gw_token *tokens, size_t count)
{
	for (size_t i = 0; i < count; i += 8) {
		unsigned some = count - i < 8 ? (unsigned)(count - i) : 8;
		__mmask8 wanted = (__mmask8)_bzhi_u32(0xff, some);
		__m512i ends = _mm512_maskz_loadu_epi64(wanted, tokens + i);
		__m512i sizes = _mm512_sub_epi64(ends, _mm512_slli_epi64(ends, 32));

		_mm512_mask_storeu_epi64(tokens + i, wanted, sizes);
	}
}

TARGET size_t mr_split_avx512(const struct gw_splitter *splitter, const char *data, size_t size,
			      size_t *position, struct gw_token *tokens, size_t max)
{
	const struct tables tables = tables_init(splitter);
	const size_t places_max = 2 * (max - MR_SPLITTER_SLACK);
	uint32_t *places = (uint32_t *)tokens;
	size_t at = *position, count = 0;
	uint64_t before = 1; /* was the byte before a separator? */

	while (at < size && count <= places_max) {
		size_t left = size - at;
		uint64_t mask;

		if (left >= 64) {
			mask = separators(&tables, _mm512_loadu_si512(data + at));
		} else {
			uint64_t wanted = _bzhi_u64(~0ULL, (unsigned)left);

			mask = separators(&tables, _mm512_maskz_loadu_epi8(wanted, data + at));
			mask |= ~wanted;
		}
		count += store_places(&tables, places + count, mask ^ (mask << 1 | before), at);
		before = mask >> 63;
		at += 64;
	}
	count = mr_split_close(size, at, count, position, tokens);
	ends_to_sizes(tokens, count);
	return count;
}
#endif

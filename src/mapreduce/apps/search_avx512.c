/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search_avx512.c - the AVX-512 kernel of search.h: 256 starting points a turn.
 *
 * Memory is the limit (25 GB/s from DRAM where this was written), so the loop only has to be
 * lean. Per 64 starts: two loads, each with its own (byte | fold) ^ wanted, which is zero where
 * it agrees, and an OR of the two. The minimum of four such vectors has a zero byte where there
 * is a candidate.
 */
#include "search.h"

#if defined(__x86_64__)
#include <assert.h>
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,bmi,bmi2,popcnt")))
#define TARGET_INLINE TARGET __attribute__((always_inline)) static inline

struct pair {
	__m512i first, first_fold, second, second_fold;
};

/* (bytes | fold) ^ wanted. */
TARGET_INLINE __m512i differ(__m512i bytes, __m512i fold, __m512i wanted)
{
	return _mm512_ternarylogic_epi64(bytes, fold, wanted, 0x56);
}

/* Zero in byte i: both bytes agree for a match that starts there. */
TARGET_INLINE __m512i differ_both(const struct pair *pair, __m512i first, __m512i second)
{
	return _mm512_or_si512(differ(first, pair->first_fold, pair->first),
			       differ(second, pair->second_fold, pair->second));
}

TARGET_INLINE __m512i differ_at(const struct pair *pair, const char *first, const char *second)
{
	return differ_both(pair, _mm512_loadu_si512(first), _mm512_loadu_si512(second));
}

/* The first of the candidates that is a match. */
TARGET static const char *verify(const struct mr_search *search, const char *data, uint64_t found)
{
	for (; found != 0; found &= found - 1) {
		const char *start = data + _tzcnt_u64(found);

		if (mr_search_matches_candidate(search, start))
			return start;
	}
	return NULL;
}

/* Fewer than 256 starts, without reading behind their bytes. */
TARGET static const char *find_tail(const struct mr_search *search, const struct pair *pair,
				    const char *data, size_t starts)
{
	while (starts > 0) {
		size_t count = starts < 64 ? starts : 64;
		__mmask64 wanted = _bzhi_u64(~0ULL, (unsigned)count);
		__m512i a = _mm512_maskz_loadu_epi8(wanted, data + search->first.offset);
		__m512i b = _mm512_maskz_loadu_epi8(wanted, data + search->second.offset);
		__m512i z = differ_both(pair, a, b);
		const char *match = verify(search, data, _mm512_mask_testn_epi8_mask(wanted, z, z));

		if (match)
			return match;
		data += count;
		starts -= count;
	}
	return NULL;
}

TARGET const char *mr_search_avx512(const struct mr_search *search, const char *data,
				    const char *last)
{
	const struct pair pair = {
		_mm512_set1_epi8((char)search->first.byte),
		_mm512_set1_epi8((char)search->first.fold),
		_mm512_set1_epi8((char)search->second.byte),
		_mm512_set1_epi8((char)search->second.fold),
	};
	const ptrdiff_t first = (ptrdiff_t)search->first.offset;
	const ptrdiff_t second = (ptrdiff_t)search->second.offset;

	assert(data && last && first >= 0 && second >= 0);
	for (; last - data >= 255; data += 256) {
		const char *a = data + first, *b = data + second, *match;
		__m512i z0 = differ_at(&pair, a, b);
		__m512i z1 = differ_at(&pair, a + 64, b + 64);
		__m512i z2 = differ_at(&pair, a + 128, b + 128);
		__m512i z3 = differ_at(&pair, a + 192, b + 192);
		__m512i least = _mm512_min_epu8(_mm512_min_epu8(z0, z1), _mm512_min_epu8(z2, z3));

		if (__builtin_expect(_mm512_testn_epi8_mask(least, least) == 0, 1))
			continue;
		if ((match = verify(search, data, _mm512_testn_epi8_mask(z0, z0))) != NULL ||
		    (match = verify(search, data + 64, _mm512_testn_epi8_mask(z1, z1))) != NULL ||
		    (match = verify(search, data + 128, _mm512_testn_epi8_mask(z2, z2))) != NULL ||
		    (match = verify(search, data + 192, _mm512_testn_epi8_mask(z3, z3))) != NULL)
			return match;
	}
	return data <= last ? find_tail(search, &pair, data, (size_t)(last - data) + 1) : NULL;
}

TARGET size_t mr_count_lines_avx512(const char *data, size_t size)
{
	const __m512i newline = _mm512_set1_epi8('\n');
	size_t count = 0;

	for (; size >= 64; data += 64, size -= 64)
		count += (size_t)_mm_popcnt_u64(
			_mm512_cmpeq_epi8_mask(_mm512_loadu_si512(data), newline));
	if (size > 0) {
		__m512i bytes = _mm512_maskz_loadu_epi8(_bzhi_u64(~0ULL, (unsigned)size), data);

		count += (size_t)_mm_popcnt_u64(_mm512_cmpeq_epi8_mask(bytes, newline));
	}
	return count;
}
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* search_avx2.c - the AVX2 kernel of search.h: 128 starting points a turn. */
#include "search.h"

#if defined(__x86_64__)
#include <assert.h>
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define TARGET_INLINE TARGET __attribute__((always_inline)) static inline

struct pair {
	__m256i first, first_fold, second, second_fold;
};

TARGET_INLINE __m256i load(const char *data)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)data);
}

/* 0xff in byte i: both bytes agree for a match that starts there. */
TARGET_INLINE __m256i agree(const struct pair *pair, const char *first, const char *second)
{
	__m256i a = _mm256_or_si256(load(first), pair->first_fold);
	__m256i b = _mm256_or_si256(load(second), pair->second_fold);

	return _mm256_and_si256(_mm256_cmpeq_epi8(a, pair->first),
				_mm256_cmpeq_epi8(b, pair->second));
}

TARGET_INLINE uint32_t bits(__m256i found)
{
	return (uint32_t)_mm256_movemask_epi8(found);
}

/* The first of the candidates that is a match. */
TARGET static const char *verify(const struct mr_search *search, const char *data, uint32_t found)
{
	for (; found != 0; found &= found - 1) {
		const char *start = data + _tzcnt_u32(found);

		if (mr_search_matches_candidate(search, start))
			return start;
	}
	return NULL;
}

/* The last starts, fewer than 32: their bytes are copied so that nothing behind them is read. */
TARGET static const char *find_tail(const struct mr_search *search, const struct pair *pair,
				    const char *data, size_t starts)
{
	char first[32] = {0}, second[32] = {0};
	uint32_t found;

	memcpy(first, data + search->first.offset, starts);
	memcpy(second, data + search->second.offset, starts);
	found = bits(agree(pair, first, second));
	return verify(search, data, _bzhi_u32(found, (unsigned)starts));
}

TARGET const char *mr_search_avx2(const struct mr_search *search, const char *data,
				  const char *last)
{
	const struct pair pair = {
		_mm256_set1_epi8((char)search->first.byte),
		_mm256_set1_epi8((char)search->first.fold),
		_mm256_set1_epi8((char)search->second.byte),
		_mm256_set1_epi8((char)search->second.fold),
	};
	const ptrdiff_t first = (ptrdiff_t)search->first.offset;
	const ptrdiff_t second = (ptrdiff_t)search->second.offset;
	const char *match;

	assert(data && last && first >= 0 && second >= 0);
	for (; last - data >= 127; data += 128) {
		const char *a = data + first, *b = data + second;
		__m256i f0 = agree(&pair, a, b);
		__m256i f1 = agree(&pair, a + 32, b + 32);
		__m256i f2 = agree(&pair, a + 64, b + 64);
		__m256i f3 = agree(&pair, a + 96, b + 96);
		__m256i any = _mm256_or_si256(_mm256_or_si256(f0, f1), _mm256_or_si256(f2, f3));

		if (__builtin_expect(_mm256_testz_si256(any, any), 1))
			continue;
		if ((match = verify(search, data, bits(f0))) != NULL ||
		    (match = verify(search, data + 32, bits(f1))) != NULL ||
		    (match = verify(search, data + 64, bits(f2))) != NULL ||
		    (match = verify(search, data + 96, bits(f3))) != NULL)
			return match;
	}
	for (; last - data >= 31; data += 32) {
		match = verify(search, data, bits(agree(&pair, data + first, data + second)));
		if (match)
			return match;
	}
	return data <= last ? find_tail(search, &pair, data, (size_t)(last - data) + 1) : NULL;
}

TARGET size_t mr_count_lines_avx2(const char *data, size_t size)
{
	const __m256i newline = _mm256_set1_epi8('\n');
	size_t count = 0;

	for (; size >= 32; data += 32, size -= 32) {
		__m256i equal = _mm256_cmpeq_epi8(load(data), newline);

		count += (size_t)_mm_popcnt_u32((uint32_t)_mm256_movemask_epi8(equal));
	}
	for (size_t i = 0; i < size; i++)
		count += data[i] == '\n';
	return count;
}
#endif

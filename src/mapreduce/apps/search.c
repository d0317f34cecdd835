/* SPDX-License-Identifier: Apache-2.0 */
/* search.c - see search.h: the choice of kernel and of bytes, and the kernel in plain C. */
#include "search.h"

#include <assert.h>

/*
 * How common each byte is, 17 steps a factor of two. Made from equal shares of the Linux sources
 * (as a tar file), /usr/share/doc, HTML and JSON, and Python, as Debian 12 has them.
 */
static const uint8_t byte_commonness[256] = {
	212, 12, 12, 11, 12, 11, 12, 12, 17, 182, 209, 11, 17, 59, 13, 13,
	13, 12, 12, 12, 12, 11, 12, 12, 12, 11, 11, 26, 13, 11, 11, 12,
	255, 87, 194, 153, 92, 95, 111, 174, 168, 168, 150, 135, 182, 189, 190, 183,
	186, 173, 170, 161, 158, 154, 155, 147, 150, 148, 181, 145, 186, 184, 187, 87,
	125, 161, 135, 157, 154, 160, 141, 135, 129, 159, 105, 118, 154, 150, 152, 147,
	153, 89, 153, 161, 162, 139, 125, 126, 120, 110, 87, 130, 124, 130, 90, 190,
	132, 220, 183, 209, 205, 232, 193, 189, 195, 218, 140, 168, 211, 200, 218, 218,
	201, 125, 217, 220, 223, 197, 172, 169, 171, 179, 129, 124, 117, 123, 102, 12,
	106, 90, 94, 90, 88, 79, 75, 77, 84, 75, 71, 76, 87, 73, 63, 82,
	73, 66, 55, 65, 87, 75, 78, 68, 77, 76, 86, 71, 88, 72, 65, 78,
	115, 83, 71, 64, 75, 72, 69, 72, 87, 71, 69, 62, 62, 76, 78, 81,
	88, 72, 62, 72, 72, 73, 75, 68, 101, 76, 88, 89, 94, 86, 78, 78,
	12, 13, 111, 96, 59, 53, 23, 14, 18, 20, 14, 14, 16, 12, 79, 58,
	114, 91, 29, 15, 12, 15, 33, 77, 63, 57, 16, 17, 12, 12, 12, 14,
	68, 67, 88, 95, 104, 118, 109, 103, 96, 87, 42, 69, 75, 49, 14, 76,
	58, 12, 12, 13, 12, 13, 14, 12, 11, 13, 12, 13, 12, 12, 13, 12,
};

static uint8_t fold(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

static bool is_letter(uint8_t byte)
{
	return fold(byte) >= 'a' && fold(byte) <= 'z';
}

bool mr_search_runs_here(enum mr_search_kernel kernel)
{
#if defined(__x86_64__)
	if (kernel == MR_SEARCH_AVX512)
		return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
		       __builtin_cpu_supports("bmi2");
	if (kernel == MR_SEARCH_AVX2)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#endif
	return kernel == MR_SEARCH_PLAIN;
}

enum mr_search_kernel mr_search_best_kernel(void)
{
	if (mr_search_runs_here(MR_SEARCH_AVX512))
		return MR_SEARCH_AVX512;
	return mr_search_runs_here(MR_SEARCH_AVX2) ? MR_SEARCH_AVX2 : MR_SEARCH_PLAIN;
}

static unsigned commonness(uint8_t byte, bool ignore_case)
{
	unsigned common = byte_commonness[byte];

	if (ignore_case && is_letter(byte) && byte_commonness[byte ^ 0x20] > common)
		common = byte_commonness[byte ^ 0x20];
	return common;
}

/* The offset in [from, to) of the rarest byte, without the one at offset `but`. */
static size_t rarest(const struct mr_search *search, size_t from, size_t to, size_t but)
{
	size_t best = from == but && from + 1 < to ? from + 1 : from;

	for (size_t i = best + 1; i < to; i++) {
		if (i != but && commonness(search->needle[i], search->ignore_case) <
					commonness(search->needle[best], search->ignore_case))
			best = i;
	}
	return best;
}

static struct mr_search_byte byte_at(const struct mr_search *search, size_t offset)
{
	uint8_t byte = search->needle[offset];
	bool folded = search->ignore_case && is_letter(byte);

	return (struct mr_search_byte){offset, folded ? fold(byte) : byte, folded ? 0x20 : 0};
}

void mr_search_init(struct mr_search *search, struct gw_bytes needle, bool ignore_case)
{
	size_t from = 0, to = needle.size, one, other;

	assert(needle.size > 0);
	*search = (struct mr_search){
		.needle = needle.data, .size = needle.size, .ignore_case = ignore_case,
		.kernel = mr_search_best_kernel(),
	};
	one = rarest(search, from, to, SIZE_MAX);
	if (one >= MR_SEARCH_DISTANCE_MAX)
		from = one - MR_SEARCH_DISTANCE_MAX + 1;
	if (to - one > MR_SEARCH_DISTANCE_MAX)
		to = one + MR_SEARCH_DISTANCE_MAX;
	other = rarest(search, from, to, one);
	search->first = byte_at(search, one < other ? one : other);
	search->second = byte_at(search, one < other ? other : one);
	for (size_t i = 0; i < sizeof search->head && i < needle.size; i++) {
		struct mr_search_byte byte = byte_at(search, i);

		((uint8_t *)&search->head)[i] = byte.byte;
		((uint8_t *)&search->head_fold)[i] = byte.fold;
	}
}

bool mr_search_matches(const struct mr_search *search, const char *data)
{
	const uint8_t *bytes = (const uint8_t *)data;

	if (!search->ignore_case)
		return memcmp(data, search->needle, search->size) == 0;
	for (size_t i = 0; i < search->size; i++) {
		if (fold(bytes[i]) != fold(search->needle[i]))
			return false;
	}
	return true;
}

static const char *find_plain(const struct mr_search *search, const char *data, const char *last)
{
	const struct mr_search_byte *a = &search->first, *b = &search->second;

	for (; data <= last; data++) {
		if (((uint8_t)data[a->offset] | a->fold) == a->byte &&
		    ((uint8_t)data[b->offset] | b->fold) == b->byte &&
		    mr_search_matches(search, data))
			return data;
	}
	return NULL;
}

const char *mr_search_find(const struct mr_search *search, const char *data, const char *end)
{
	const char *last;

	assert(data <= end);
	if (search->size > (size_t)(end - data))
		return NULL;
	if (search->size == 1 && search->first.fold == 0)
		return memchr(data, search->first.byte, (size_t)(end - data));
	last = end - search->size;
#if defined(__x86_64__)
	if (search->kernel == MR_SEARCH_AVX512)
		return mr_search_avx512(search, data, last);
	if (search->kernel == MR_SEARCH_AVX2)
		return mr_search_avx2(search, data, last);
#endif
	return find_plain(search, data, last);
}

/* Compilers make a vector loop of this. */
static size_t count_plain(const char *data, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += data[i] == '\n';
	return count;
}

size_t mr_count_lines(enum mr_search_kernel kernel, const char *data, size_t size)
{
#if defined(__x86_64__)
	if (kernel == MR_SEARCH_AVX512)
		return mr_count_lines_avx512(data, size);
	if (kernel == MR_SEARCH_AVX2)
		return mr_count_lines_avx2(data, size);
#endif
	return count_plain(data, size);
}

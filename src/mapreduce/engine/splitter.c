/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splitter.c - the public face of the splitter, and its kernel in plain C.
 *
 * The nibble tables: bit h of low[0][l] says whether the byte 16 * h + l is a separator, bit h
 * of low[1][l] the same for 16 * (h + 8) + l. With them a vector shuffle looks up 16 to 64 bytes
 * at once: the row by the low nibble, the bit in it by the high nibble. Any set of bytes can be
 * said that way.
 */
#include "splitter.h"

#include <assert.h>

/* Tokens a kernel makes at a time, so that its second pass over them finds them in the cache. */
enum { BATCH = 2048 };

bool mr_splitter_runs_here(enum mr_splitter_kernel kernel)
{
#if defined(__x86_64__)
	if (kernel == MR_SPLITTER_AVX512)
		return __builtin_cpu_supports("avx512bw") &&
		       __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2");
	if (kernel == MR_SPLITTER_AVX2)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#endif
	return kernel == MR_SPLITTER_PLAIN;
}

static enum mr_splitter_kernel best_kernel(void)
{
	if (mr_splitter_runs_here(MR_SPLITTER_AVX512))
		return MR_SPLITTER_AVX512;
	return mr_splitter_runs_here(MR_SPLITTER_AVX2) ? MR_SPLITTER_AVX2 : MR_SPLITTER_PLAIN;
}

void gw_splitter_init(struct gw_splitter *splitter, struct gw_bytes set)
{
	const uint8_t *bytes = set.data;

	assert(bytes || set.size == 0);
	*splitter = (struct gw_splitter){.kernel = (uint8_t)best_kernel()};
	for (size_t i = 0; i < set.size; i++) {
		unsigned high = bytes[i] / 16, low = bytes[i] % 16;

		splitter->member[bytes[i]] = 1;
		splitter->low[high / 8][low] |= (uint8_t)(1u << high % 8);
	}
}

void gw_splitter_init_space(struct gw_splitter *splitter)
{
	gw_splitter_init(splitter, gw_string(" \t\n\v\f\r"));
}

size_t mr_split_plain(const struct gw_splitter *splitter, const char *data, size_t size,
		      size_t *position, struct gw_token *tokens, size_t max)
{
	const uint8_t *bytes = (const uint8_t *)data;
	size_t at = *position, count = 0;

	while (count < max) {
		size_t start;

		while (at < size && splitter->member[bytes[at]])
			at++;
		if (at == size)
			break;
		start = at;
		while (at < size && !splitter->member[bytes[at]])
			at++;
		tokens[count++] = (struct gw_token){(uint32_t)start, (uint32_t)(at - start)};
	}
	*position = at;
	return count;
}

static size_t split_batch(const struct gw_splitter *splitter, const char *data, size_t size,
			  size_t *position, struct gw_token *tokens, size_t max)
{
#if defined(__x86_64__)
	if (splitter->kernel == MR_SPLITTER_AVX512)
		return mr_split_avx512(splitter, data, size, position, tokens, max);
	if (splitter->kernel == MR_SPLITTER_AVX2)
		return mr_split_avx2(splitter, data, size, position, tokens, max);
#endif
	return mr_split_plain(splitter, data, size, position, tokens, max);
}

size_t gw_split(const struct gw_splitter *splitter, const char *data, size_t size, size_t *position,
		struct gw_token *tokens, size_t max)
{
	size_t count = 0;

	assert(size <= UINT32_MAX && *position <= size && max >= MR_SPLITTER_ROOM_MIN);
	while (*position < size && max - count >= MR_SPLITTER_ROOM_MIN)
		count += split_batch(splitter, data, size, position, tokens + count,
				     max - count < BATCH ? max - count : BATCH);
	assert(count <= max && *position <= size);
	assert(*position == size || max - count < MR_SPLITTER_ROOM_MIN);
	return count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search.h - finds a literal in memory as fast as memory can be read, and counts bytes.
 *
 * Two bytes of the needle that are rare in text and code are compared at their distance, 64 or
 * more starting points at once; only where both agree is the whole needle compared. There is a
 * kernel for AVX-512, one for AVX2 and one in plain C. mr_search_init takes the best one that
 * runs here and keeps the choice in the object, so a test can take each.
 *
 * No function reads a byte outside of what it was given. Nothing here allocates.
 */
#ifndef MR_SEARCH_H
#define MR_SEARCH_H

#include <groundwork/base.h>

enum mr_search_kernel {
	MR_SEARCH_PLAIN,
	MR_SEARCH_AVX2,
	MR_SEARCH_AVX512,
	MR_SEARCH_KERNELS,
};

/* The two bytes that are compared first must lie within this many bytes of each other. */
enum { MR_SEARCH_DISTANCE_MAX = 256 };

/* A byte of the needle: matches c when (c | fold) == byte. */
struct mr_search_byte {
	size_t offset; /* in the needle */
	uint8_t byte;
	uint8_t fold; /* 0x20 for a letter when case is ignored, else 0 */
};

/* A literal prepared for searching. Read-only after mr_search_init. */
struct mr_search {
	const uint8_t *needle; /* the caller's */
	size_t size;
	bool ignore_case;
	uint8_t kernel;
	struct mr_search_byte first, second; /* in the needle's order; of one byte, twice that */
	uint32_t head, head_fold; /* its first four bytes, as a struct mr_search_byte each */
};

/* Is the kernel made for this machine? MR_SEARCH_PLAIN always is. */
bool mr_search_runs_here(enum mr_search_kernel kernel);
enum mr_search_kernel mr_search_best_kernel(void);

/* needle has at least one byte and outlives the object. ignore_case: ASCII letters match both
 * cases. */
void mr_search_init(struct mr_search *search, struct gw_bytes needle, bool ignore_case);

/* The first match that lies in [data, end), or NULL. */
const char *mr_search_find(const struct mr_search *search, const char *data, const char *end);

/* Does the needle match at data? size bytes from there must be readable. */
bool mr_search_matches(const struct mr_search *search, const char *data);

/* The same, sooner where the first bytes differ, as those of most candidates do. */
static inline bool mr_search_matches_candidate(const struct mr_search *search, const char *data)
{
	uint32_t head;

	if (search->size >= sizeof head) {
		memcpy(&head, data, sizeof head);
		if ((head | search->head_fold) != search->head)
			return false;
	}
	return mr_search_matches(search, data);
}

/* How many newlines there are in data[0..size). */
size_t mr_count_lines(enum mr_search_kernel kernel, const char *data, size_t size);

/* The kernels. last is the last byte at which a match may start; data <= last. For search.c
 * only. */
const char *mr_search_avx2(const struct mr_search *search, const char *data, const char *last);
const char *mr_search_avx512(const struct mr_search *search, const char *data, const char *last);
size_t mr_count_lines_avx2(const char *data, size_t size);
size_t mr_count_lines_avx512(const char *data, size_t size);

#endif

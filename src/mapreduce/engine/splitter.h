/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splitter.h - the kernels behind gw_split, and how a test takes one of them: set
 * splitter.kernel after init to one that mr_splitter_runs_here.
 */
#ifndef MR_SPLITTER_H
#define MR_SPLITTER_H

#include <groundwork/mapreduce.h>

enum mr_splitter_kernel {
	MR_SPLITTER_PLAIN,
	MR_SPLITTER_AVX2,
	MR_SPLITTER_AVX512,
	MR_SPLITTER_KERNELS,
};

/* Fewer free tokens than this end a call; what 64 bytes can add, and what stores may spill over. */
enum { MR_SPLITTER_SLACK = 40, MR_SPLITTER_ROOM_MIN = 64 };

/* Is the kernel made for this machine? MR_SPLITTER_PLAIN always is. */
bool mr_splitter_runs_here(enum mr_splitter_kernel kernel);

/* Like gw_split, with max of at least MR_SPLITTER_ROOM_MIN. For splitter.c only. */
size_t mr_split_plain(const struct gw_splitter *splitter, const char *data, size_t size,
		      size_t *position, struct gw_token *tokens, size_t max);
size_t mr_split_avx2(const struct gw_splitter *splitter, const char *data, size_t size,
		     size_t *position, struct gw_token *tokens, size_t max);
size_t mr_split_avx512(const struct gw_splitter *splitter, const char *data, size_t size,
		       size_t *position, struct gw_token *tokens, size_t max);

/*
 * The two vector kernels write the places where separators begin or end, one after the other, as
 * 32-bit numbers: start, end, start, end, which is tokens whose size still is the end. Done with
 * the data at `at`, `places` of them written: closes or takes back the token that is open, sets
 * *position and returns the number of tokens, ends still to be made sizes.
 */
static inline size_t mr_split_close(size_t size, size_t at, size_t places, size_t *position,
				    struct gw_token *tokens)
{
	bool open = places % 2 != 0;

	*position = at < size ? at : size;
	if (open && at < size)
		*position = tokens[places / 2].offset;
	if (open && at >= size)
		tokens[places++ / 2].size = (uint32_t)size;
	return places / 2;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ranges.h - which bucket a key belongs to: its part by the job's partition function (paper section
 * 4.1), and within the part its range by the sampled splitters on the board. Each range of a part
 * is sorted or aggregated alone, and the output of a part is its ranges one behind the other: no
 * merge.
 */
#ifndef MR_RANGES_H
#define MR_RANGES_H

#include "board.h"

enum { MR_RANGE_CELLS = 1 << 12 };

struct mr_ranges {
	const struct mr_config *config;
	uint32_t parts;
	uint32_t ranges;   /* in each part */
	uint32_t buckets;  /* parts * ranges */
	uint32_t count;    /* of splitters */
	uint32_t capacity;
	size_t common; /* leading bytes that all splitters share; 0 with the job's own compare */
	struct gw_bytes *splitters; /* point into the board */
	uint64_t *prefixes;         /* of each splitter, the 8 bytes behind the common ones */
	/* Where the search begins: cell i holds the splitters from starts[i] to starts[i + 1],
	 * those whose (prefix - prefixes[0]) >> shift is i. */
	unsigned shift;
	uint16_t starts[MR_RANGE_CELLS + 1];
};

/* Reads the board's ranges as they are now; may be called again on the same object. */
int mr_ranges_load(struct mr_ranges *ranges, const struct mr_config *config,
		   const struct mr_board *board, struct gw_error *error) GW_MUST_CHECK;
void mr_ranges_done(struct mr_ranges *ranges);

/* The bucket of the key. task is passed to the user's partition and compare. */
uint32_t mr_ranges_bucket(const struct mr_ranges *ranges, const struct gw_mr_task *task,
			  struct gw_bytes key);

/* Leading bytes that all keys of the bucket share for certain. */
size_t mr_ranges_common(const struct mr_ranges *ranges, uint32_t bucket);

/* The host of a URL, as GW_MR_BY_HOST hashes it. */
struct gw_bytes mr_url_host(struct gw_bytes url);

#endif

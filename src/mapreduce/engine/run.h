/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - what a map attempt leaves behind: pairs distributed into buckets, each bucket's bytes
 * contiguous, found by an index at the front (one file + index, never a file a bucket). The layout
 * is the same in shared memory and in a spill file; only in a file are buckets compressed and
 * checksummed.
 *
 * Layout, little-endian:
 *     u32 magic "GWRN" | u8 version 1 | u8 codec (enum mr_spill_codec) | u8 numbers | u8 0
 *     u32 buckets      | u32 CRC32C of the index (0 in shared memory)
 *     index, a bucket: u64 offset in the run | u64 bytes of output (identity reduce)
 *                      | u32 stored bytes | u32 bytes unpacked | u32 pairs
 *                      | u32 CRC32C of the stored bytes (0 in memory)
 *     the buckets' pairs (pair.h), in the order in which they were emitted
 */
#ifndef MR_RUN_H
#define MR_RUN_H

#include "attempt.h"
#include "pair.h"
#include "ranges.h"
#include "table.h"

#define MR_OUTPUT_UNKNOWN UINT64_MAX /* bytes of output that only the reduce attempt can tell */

enum { MR_RUN_HEADER = 16, MR_RUN_INDEX = 32, MR_RUN_VERSION = 1 };

struct mr_bucket {
	uint64_t offset;
	uint64_t output;
	uint32_t stored;
	uint32_t bytes;
	uint32_t pairs;
	uint32_t crc;
};

/* Writes runs of one attempt after the other; its buffers are reused. */
struct mr_run_writer {
	const struct mr_config *config;
	struct mr_space *space;
	const struct mr_ranges *ranges;
	const struct gw_mr_task *task; /* passed to the user's partition and compare */
	struct mr_counters *counters;
	bool numbers;      /* pairs in the form for numbers (pair.h) */
	bool exact;        /* the output's size is a function of the sizes: fill in `output` */
	uint32_t number;   /* of the split */
	uint32_t sequence; /* of the next run */
	struct mr_bucket *buckets;
	uint32_t bucket_capacity;
	uint32_t *bucket_of; /* of each pair of the run being written */
	size_t pair_capacity;
	uint8_t *scratch;    /* the run before it is spilled, and one packed bucket */
	size_t scratch_capacity;
};

/* Writes the pairs as one run and publishes it; nothing for no pairs. Order within a bucket is
 * kept. */
int mr_run_write_pairs(struct mr_run_writer *writer, const struct mr_pair *pairs, size_t count,
		       struct gw_error *error) GW_MUST_CHECK;
int mr_run_write_slots(struct mr_run_writer *writer, const struct mr_slot *slots, size_t count,
		       struct gw_error *error) GW_MUST_CHECK;
void mr_run_writer_done(struct mr_run_writer *writer);

/* Checks the head and the index of a run that was just committed; reads the index of all count
 * buckets. */
int mr_run_check(struct mr_space *space, const struct mr_run *run, uint32_t count,
		 struct mr_bucket *buckets, struct gw_error *error) GW_MUST_CHECK;

/* Reads count index entries from bucket `first` on, checking what can be checked. */
int mr_run_read_index(struct mr_space *space, const struct mr_run *run, uint32_t first,
		      uint32_t count, struct mr_bucket *buckets,
		      struct gw_error *error) GW_MUST_CHECK;

/* The pairs of a bucket as bytes: in place when the run is in shared memory (*data points
 * there), else read, checked and unpacked into buffer, of bucket->bytes bytes; packed has room
 * for bucket->stored. */
int mr_run_read_bucket(struct mr_space *space, const struct mr_run *run,
		       const struct mr_bucket *bucket, void *buffer, void *packed,
		       const uint8_t **data, struct gw_error *error) GW_MUST_CHECK;

#endif

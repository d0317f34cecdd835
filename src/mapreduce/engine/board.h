/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board.h - what all attempts of a job can see: ranges of keys, runs of committed map tasks, units
 * of output and where they go. It lives in memory shared with the slots; only the driver writes to
 * it (and the sample attempt, which runs alone), never while an attempt reads what is written. The
 * decisions made here (how many ranges, which buckets one reduce attempt takes, where its output
 * begins) need no system call.
 *
 * Call order: mr_board_init; (the sample attempt sets the ranges;) mr_board_add_run for every run
 * of each committed map attempt; mr_board_plan_reduces once all maps are committed; then, per
 * committed reduce attempt, mr_board_add_output for each of its regions and mr_board_unit_done.
 * mr_board_next_place says which kept output has a known place by now.
 */
#ifndef MR_BOARD_H
#define MR_BOARD_H

#include "attempt.h"

/* A range is sorted in the second-level cache; more buckets than this cost more in open places
 * of a run than their size saves. */
enum { MR_RANGE_BYTES = 512 << 10, MR_BUCKETS_MAX = 4096 };

/* A unit makes one stretch of output of one part: a reduce attempt's work, or a split of a
 * map-only job. */
struct mr_unit {
	uint32_t part;
	uint32_t first_bucket, bucket_count;
	uint64_t bytes_in;      /* of its buckets, for progress and balance */
	uint64_t offset;        /* of its output in the part's file, when placed */
	uint64_t bytes;         /* of its output, when done or exact */
	bool exact; /* bytes is known beforehand: the attempt writes to the part's file itself */
	bool done;              /* committed */
	bool placed;            /* offset is known */
	bool written;           /* its bytes are in the part's file, or that has been given out */
	uint32_t first_output, output_count; /* in board->outputs */
};

struct mr_board {
	/* Every part is cut into `ranges` ranges of keys; bucket = part * ranges + range. The
	 * keys that separate them are in the order of the job: ranges - 1 that all parts share,
	 * or, when the parts themselves are ranges (GW_MR_BY_RANGE), parts * ranges - 1. Fewer
	 * if there was too little to learn: the last ranges are empty then. */
	uint32_t ranges;
	uint32_t splitter_count;
	uint32_t splitter_bytes;
	/* Capacities are virtual: the pages of a mapping that nobody wrote cost nothing. */
	uint32_t run_count, run_capacity;
	uint32_t unit_count, unit_capacity;
	uint32_t output_count, output_capacity;
	uint32_t splitter_capacity; /* bytes */
	uint32_t place_at;          /* units before it have been given out by mr_board_next_place */
	uint64_t map_bytes_out;     /* of all committed runs, unpacked */
	/* Arrays, inside the same mapping. */
	struct mr_run *runs;
	struct mr_unit *units;
	struct mr_region *outputs;
	uint8_t *splitters; /* u32 size and bytes, one after the other */
};

/* Whether an MR_SAMPLE attempt should come before the maps. */
bool mr_board_wants_sample(const struct mr_config *config, const struct mr_plan *plan);

/* Bytes of memory that a board for the plan needs; mostly never touched. */
size_t mr_board_size(const struct mr_config *config, const struct mr_plan *plan);
/* Lays out a board in memory of that size, all zero, at the same address in every process. */
struct mr_board *mr_board_init(void *memory, const struct mr_config *config,
			       const struct mr_plan *plan);

/* Sets the ranges: count splitters in order (count may be 0). The sample attempt calls it. */
int mr_board_set_ranges(struct mr_board *board, uint32_t ranges, const struct gw_bytes *splitters,
			uint32_t count, struct gw_error *error) GW_MUST_CHECK;
/* Back to one range a part, as before the sample; for a sample that failed. */
void mr_board_reset_ranges(struct mr_board *board);

int mr_board_add_run(struct mr_board *board, const struct mr_run *run, struct gw_error *error)
	GW_MUST_CHECK;
/* Orders the runs by split and cuts the buckets into units. space reads the runs' indexes. */
int mr_board_plan_reduces(struct mr_board *board, const struct mr_config *config,
			  struct mr_space *space, struct gw_error *error) GW_MUST_CHECK;
/* Map-only jobs: a unit for each split, no sample, no reduce. */
int mr_board_plan_map_only(struct mr_board *board, const struct mr_config *config,
			   const struct mr_plan *plan, struct gw_error *error) GW_MUST_CHECK;
int mr_board_add_output(struct mr_board *board, uint32_t unit, const struct mr_region *region,
			struct gw_error *error) GW_MUST_CHECK;
void mr_board_unit_done(struct mr_board *board, uint32_t unit);
/* A unit whose place is known and whose output waits in regions, each once: true and its number. */
bool mr_board_next_place(struct mr_board *board, uint32_t *unit);

#endif

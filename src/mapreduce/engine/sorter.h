/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sorter.h - the pairs of one bucket, from all runs that have some, in order. What fits the slot's
 * memory is sorted there; what does not goes, chunk by chunk, as sorted runs into the spill file
 * and is merged from there, so that one key with all values, or a range that the sample got wrong,
 * is slower and nothing else.
 */
#ifndef MR_SORTER_H
#define MR_SORTER_H

#include "group.h"
#include "sort.h"

struct mr_sorted_run {
	struct mr_region region;
	struct gw_bytes bytes; /* the region, mapped */
	const uint8_t *at, *end;
	struct mr_pair pair;   /* the next one */
	uint32_t number;
};

struct mr_sorter {
	struct mr_cursor cursor;      /* first: the cursor is the sorter */
	struct gw_mr_task *task;
	struct mr_sort_entry *entries, *scratch;
	size_t capacity, count, at;
	mr_sort_key *key;             /* of an entry's item */
	struct mr_bucket *buckets;    /* the bucket in each run */
	uint32_t bucket_capacity;
	uint8_t *loaded, *packed;     /* buckets that were spilled */
	size_t loaded_used, loaded_capacity, packed_capacity;
	struct mr_table table;        /* numbers */
	struct base_arena keys;       /* its long keys, when they were read from a spill file */
	uint64_t key_bytes;           /* of those */
	bool has_table;
	size_t depth;                 /* bytes that all keys of the bucket share */
	/* Sorted runs, and a heap of their indexes by (next pair, number of the run). */
	struct mr_sorted_run *runs;
	uint32_t run_count, run_capacity;
	uint32_t *heap;
	uint32_t heap_size;
};

/* Makes the sorter ready to give the bucket's pairs: &sorter->cursor. */
int mr_sorter_load(struct mr_sorter *sorter, uint32_t bucket, size_t depth, struct gw_error *error)
	GW_MUST_CHECK;

/* Gives, in order, the pairs of a buffer: for the combiner. */
int mr_sorter_load_pairs(struct mr_sorter *sorter, const struct mr_pairs *pairs,
			 struct gw_error *error) GW_MUST_CHECK;

/* Releases what the last load mapped. */
void mr_sorter_unload(struct mr_sorter *sorter);

int mr_sorter_init(struct mr_sorter *sorter, struct gw_mr_task *task, struct gw_error *error)
	GW_MUST_CHECK;
void mr_sorter_done(struct mr_sorter *sorter);

/* merge.c: the sorted runs that mr_sorter_load wrote, as one. */
int mr_merge_begin(struct mr_sorter *sorter, struct gw_error *error) GW_MUST_CHECK;
int mr_merge_next(struct mr_cursor *cursor, struct mr_pair *pair, struct gw_error *error);
/* Appends the entries, in order, as a sorted run to the spill file. */
int mr_merge_add_run(struct mr_sorter *sorter, struct gw_error *error) GW_MUST_CHECK;
void mr_merge_done(struct mr_sorter *sorter);

/* Reads the pair that an entry of the sorter stands for. */
void mr_sorter_pair(const struct mr_sorter *sorter, const void *item, struct mr_pair *pair);

#endif

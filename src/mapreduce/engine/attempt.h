/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attempt.h - the task runner: carries out one attempt of one task, and nothing else. It knows no
 * processes, no scheduling and no other attempt; what it needs from outside is in mr_worker_setup,
 * so the same code runs in a forked slot, in the driver itself (--in-process) and under a
 * simulator.
 *
 * The attempt is the unit of commit. While it runs it leaves bytes in regions (shared memory or a
 * spill file of its own) and publishes them as runs or as output; they count only when whoever
 * scheduled it has taken mr_worker_run's success as the commit. On failure the scheduler gives the
 * regions back.
 *
 * Kinds of task, in the order of a job:
 *   MR_SAMPLE  maps a few small pieces of the input to learn how keys are spread -> ranges
 *   MR_MAP     split `task` -> runs: pairs sorted into buckets (bucket = part * ranges + range)
 *   MR_REDUCE  unit `task`: a few neighbouring buckets of one part -> output
 *   MR_PLACE   unit `task`: output that was kept in a region -> its place in the part's file
 */
#ifndef MR_ATTEMPT_H
#define MR_ATTEMPT_H

#include "config.h"
#include "plan.h"
#include "store.h"

#include <stdatomic.h>

struct mr_board;

enum mr_task_kind { MR_SAMPLE, MR_MAP, MR_REDUCE, MR_PLACE };

/* Where a record is. Map: file and offset (with job.reader: split and record number). Reduce:
 * the file is MR_IN_REDUCE and the offset the number of the key in the unit. */
struct mr_position {
	uint32_t file;
	uint64_t offset;
};

#define MR_IN_REDUCE UINT32_MAX

enum { MR_SKIPS_MAX = 64 }; /* bad records in one task */

struct mr_attempt {
	enum mr_task_kind kind;
	uint32_t task;
	uint32_t number; /* attempt number, from 0 */
	/* Records to leave out (paper section 4.6). A block map is called for what lies between. */
	uint32_t skip_count;
	struct mr_position skips[MR_SKIPS_MAX];
	/* A probe runs a block map on part of its split to find which record kills it; what it
	 * makes is thrown away. Only records that begin in [probe_from, probe_to) of probe_file
	 * are mapped. */
	bool probe;
	uint32_t probe_file;
	uint64_t probe_from, probe_to;
};

/* A piece of memory or file that outlives the attempt. */
struct mr_region {
	uint32_t spilled; /* 0: shared memory, at offset of the pool; 1: the attempt's spill file */
	uint32_t kind, task, number; /* which attempt's; names the spill file */
	uint64_t offset, size;
};

/* Pairs sorted into buckets; the layout of the region is in run.h. */
struct mr_run {
	uint32_t task;     /* the split */
	uint32_t sequence; /* of runs within the attempt, from 0 */
	uint32_t codec;    /* enum mr_spill_codec of its buckets */
	struct mr_region region;
};

/* What the attempt needs of whoever runs it. Calls are made by the attempt, in its process. */
struct mr_space {
	/* Shared memory for size bytes: 1 and the region; 0 when the budget has no room left
	 * (then the caller spills); negative on failure. */
	int (*allocate)(struct mr_space *space, uint64_t size, struct mr_region *region,
			struct gw_error *error);
	/* Fills the region that was allocated last. */
	int (*write)(struct mr_space *space, const struct mr_region *region, const void *data,
		     size_t size, struct gw_error *error);
	/* Appends to the attempt's spill file, made on first use. */
	int (*spill)(struct mr_space *space, const void *data, size_t size,
		     struct mr_region *region, struct gw_error *error);
	/* Copies size bytes at offset of the region of a committed attempt, or of this one. */
	int (*read)(struct mr_space *space, const struct mr_region *region, uint64_t offset,
		    void *data, size_t size, struct gw_error *error);
	/* All of such a region as memory, released by unmap. Costs nothing for shared memory. */
	int (*map)(struct mr_space *space, const struct mr_region *region, struct gw_bytes *bytes,
		   struct gw_error *error);
	void (*unmap)(struct mr_space *space, const struct mr_region *region,
		      struct gw_bytes bytes);
	/* This attempt made a run; or (reduce, map-only) a piece of its output, in order. */
	int (*publish_run)(struct mr_space *space, const struct mr_run *run,
			   struct gw_error *error);
	int (*publish_output)(struct mr_space *space, const struct mr_region *region,
			      struct gw_error *error);
};

/* Automatic counters (paper section 4.9), by their names in reports. */
#define MR_COUNTER_TABLE(X)                                   \
	X(MAP_RECORDS_IN, "map_records_in")                   \
	X(MAP_BYTES_IN, "map_bytes_in")                       \
	X(MAP_PAIRS_OUT, "map_pairs_out")                     \
	X(COMBINE_PAIRS_OUT, "combine_pairs_out")             \
	X(SHUFFLE_BYTES, "shuffle_bytes")                     \
	X(SPILLED_BYTES, "spilled_bytes")                     \
	X(REDUCE_KEYS_IN, "reduce_keys_in")                   \
	X(REDUCE_PAIRS_IN, "reduce_pairs_in")                 \
	X(REDUCE_PAIRS_OUT, "reduce_pairs_out")               \
	X(OUTPUT_BYTES, "output_bytes")                       \
	X(SKIPPED_RECORDS, "skipped_records")

enum mr_counter {
#define MR_COUNTER_ENUM(name, text) MR_COUNT_##name,
	MR_COUNTER_TABLE(MR_COUNTER_ENUM)
#undef MR_COUNTER_ENUM
	MR_COUNTERS
};

enum { MR_USER_COUNTERS_MAX = 64, MR_COUNTER_NAME_MAX = 48 };

struct mr_user_counter {
	char name[MR_COUNTER_NAME_MAX]; /* NUL-terminated; "" ends the list */
	int64_t value;
};

struct mr_counters {
	int64_t automatic[MR_COUNTERS];
	struct mr_user_counter user[MR_USER_COUNTERS_MAX];
};

/* GW_E_TOO_LARGE when the sum would have over MR_USER_COUNTERS_MAX user counters; nothing is added
 * then. */
int mr_counters_add(struct mr_counters *sum, const struct mr_counters *more,
		    struct gw_error *error) GW_MUST_CHECK;

enum { MR_SIDE_FILES_MAX = 32, MR_SIDE_NAME_MAX = 128, MR_LIVE_KEY_MAX = 64 };

/*
 * The page a slot shares with the driver: where the attempt is, so that whatever ends the process
 * (SIGKILL and out-of-memory too) the record in flight is known (paper section 4.6). Written by the
 * attempt with plain relaxed stores, read by the driver at any time; counters, error and side files
 * are read only after the attempt ended.
 */
struct mr_live {
	_Atomic uint32_t file;     /* position of the record in flight */
	_Atomic uint64_t offset;
	_Atomic uint64_t record;   /* 0: no user code runs; else changes with every record */
	_Atomic uint64_t bytes_in; /* so far, for the progress line */
	_Atomic uint64_t records_in;
	_Atomic uint32_t enough;   /* set by the driver: a sample that takes long may end here */
	_Atomic uint32_t block;    /* 1: a block map is running: offset is the block's beginning */
	_Atomic uint64_t block_size;
	_Atomic uint32_t key_size; /* reduce: the key in flight, its first bytes */
	char key[MR_LIVE_KEY_MAX];
	char status[128];
	struct mr_counters counters;
	struct gw_error error;
	uint32_t side_count;
	char side_names[MR_SIDE_FILES_MAX][MR_SIDE_NAME_MAX];
};

struct mr_worker_setup {
	const struct mr_config *config;
	const struct mr_plan *plan;
	struct mr_store *store;
	struct mr_board *board; /* shared: ranges, committed runs, units (board.h) */
	struct mr_live *live;
	struct mr_space *space;
};

/* Memory that attempts of one slot use one after the other; keeps nothing of them. */
struct mr_worker;

int mr_worker_init(struct mr_worker **worker, const struct mr_worker_setup *setup,
		   struct gw_error *error) GW_MUST_CHECK;
/* Carries out the attempt: 0 when it may be committed. */
int mr_worker_run(struct mr_worker *worker, const struct mr_attempt *attempt,
		  struct gw_error *error) GW_MUST_CHECK;
void mr_worker_free(struct mr_worker *worker);

/* Names, inside config->staging, of an attempt's spill file and of its side file number index. */
void mr_spill_path(const struct mr_config *config, const struct mr_region *region, char *path,
		   size_t size);
void mr_side_path(const struct mr_config *config, const struct mr_attempt *attempt, uint32_t index,
		  char *path, size_t size);
/* staging/out/part-00000-of-00004: becomes OUTPUT_DIR/part-... when staging/out is renamed. */
void mr_part_path(const struct mr_config *config, uint32_t part, char *path, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.h - one attempt from the inside: the object behind the `struct gw_mr_task *` of user
 * functions, and what map, reduce, sample and place share. There is one per slot; mr_worker_run
 * starts it anew for each attempt, keeping only memory.
 */
#ifndef MR_TASK_H
#define MR_TASK_H

#include "attempt.h"
#include "board.h"
#include "columns.h"
#include "input.h"
#include "output.h"
#include "pairs.h"
#include "ranges.h"
#include "run.h"
#include "table.h"

/* Where emitted pairs go. */
enum mr_sink {
	MR_SINK_NOWHERE, /* a function that may not emit is running */
	MR_SINK_TABLE,   /* a built-in combiner of numbers */
	MR_SINK_PAIRS,   /* the pair buffer */
	MR_SINK_COMBINED, /* the pair buffer of what the combiner made */
	MR_SINK_OUTPUT,  /* the output format */
};

struct mr_sorter;

struct gw_mr_task {
	struct mr_worker_setup setup;
	const struct mr_config *config; /* of setup */
	const struct mr_attempt *attempt;
	enum mr_sink sink;
	int failed;            /* the first failure inside a call that returns nothing */
	struct gw_error error; /* its sentence */
	void *state;           /* the user's, of this attempt */
	bool probing;     /* a probe or the sample: nothing is published */
	bool sample_full; /* the sample has all that fits: what is emitted now is dropped */
	uint64_t emitted; /* pairs */
	const char *input_name;
	/* Bytes in here stay where they are until the run that refers to them is written. */
	const char *stable;
	size_t stable_size;
	const struct mr_block *block; /* being mapped */
	uint64_t bytes_before;        /* of the split, what stands before it */
	struct mr_ranges ranges;
	struct mr_run_writer writer;
	struct mr_table table;
	struct mr_pairs pairs, combined;
	struct base_arena keys; /* long keys of the table that do not last */
	uint64_t key_bytes;     /* of those */
	struct mr_output output;
	bool has_table, has_pairs, has_combined, has_output;
	/* Where output goes: a part's file from part_offset on, or regions that are published. */
	struct mr_file *part;
	uint64_t part_offset;
	struct mr_file *side_files[MR_SIDE_FILES_MAX];
	struct mr_scratch scratch; /* of gw_mr_column */
	struct mr_sorter *sorter; /* memory of the reduce side; made on first use */
};

struct mr_worker {
	struct gw_mr_task task;
};

/* A table of a map task larger than the caches costs more at each emit than it saves in runs. */
enum { MR_MAP_SLOTS_MAX = 1 << 18 };

/* Whether the values of the job are numbers that a built-in combiner merges. */
static inline bool mr_job_numbers(const struct gw_mr_job *job)
{
	return job->combine_with >= GW_MR_SUM && job->combine_with <= GW_MR_COUNT;
}

/* Whether runs hold pairs in the form for numbers (pair.h). */
static inline bool mr_job_number_runs(const struct gw_mr_job *job)
{
	return mr_job_numbers(job) && !job->compare;
}

/* Whether pairs go from map to output unchanged. */
static inline bool mr_job_identity(const struct gw_mr_job *job)
{
	return !job->reduce && !job->format && !job->combine &&
	       job->combine_with == GW_MR_NO_COMBINER;
}

/* Whether nothing else is written, so that the output's size can be known beforehand. */
static inline bool mr_job_exact(const struct gw_mr_job *job)
{
	return mr_job_identity(job) && !job->finish;
}

/* The carriers of each kind of task. */
int mr_map_attempt(struct gw_mr_task *task, struct gw_error *error) GW_MUST_CHECK;
int mr_sample_attempt(struct gw_mr_task *task, struct gw_error *error) GW_MUST_CHECK;
int mr_reduce_attempt(struct gw_mr_task *task, struct gw_error *error) GW_MUST_CHECK;
int mr_place_attempt(struct gw_mr_task *task, struct gw_error *error) GW_MUST_CHECK;

/* map_task.c: calls the map function for the records of a split. Used by the sample as well. */
int mr_map_split(struct gw_mr_task *task, const struct mr_plan *plan, uint32_t split,
		 struct gw_error *error) GW_MUST_CHECK;

/* sample_task.c: sets the board's ranges from what the sample has collected. */
int mr_sample_take(struct gw_mr_task *task, struct gw_error *error) GW_MUST_CHECK;

/* The sorter, made on first use. */
int mr_task_sorter(struct gw_mr_task *task, struct mr_sorter **sorter, struct gw_error *error)
	GW_MUST_CHECK;

/* reduce_task.c: opens the unit's output: the part's file if its size is exact, else regions. */
int mr_task_open_output(struct gw_mr_task *task, const struct mr_unit *unit, struct gw_error *error)
	GW_MUST_CHECK;
int mr_task_close_output(struct gw_mr_task *task, struct gw_error *error) GW_MUST_CHECK;

/* emit.c: writes what has been collected as a run. */
int mr_emit_flush(struct gw_mr_task *task, struct gw_error *error) GW_MUST_CHECK;

/* Makes table, pair buffer or output ready for the job's map function. */
int mr_emit_begin(struct gw_mr_task *task, struct gw_error *error) GW_MUST_CHECK;

/* Keeps the first failure, for functions that return nothing. */
void mr_task_fail(struct gw_mr_task *task, int code, const struct gw_error *error);

/* What a user function's return value means: 0, or the code with the sentence in error. */
int mr_task_returned(struct gw_mr_task *task, int returned, const char *function,
		     struct gw_error *error) GW_MUST_CHECK;

/* Calls the job's start (and, when it went well, finish). */
int mr_task_start(struct gw_mr_task *task, struct gw_error *error) GW_MUST_CHECK;
int mr_task_finish(struct gw_mr_task *task, struct gw_error *error) GW_MUST_CHECK;

static inline int64_t *mr_task_counter(struct gw_mr_task *task, enum mr_counter counter)
{
	return &task->setup.live->counters.automatic[counter];
}

/* Whether the record at the position is to be left out. */
static inline bool mr_task_skips(const struct gw_mr_task *task, uint32_t file, uint64_t offset)
{
	for (uint32_t i = 0; i < task->attempt->skip_count; i++) {
		if (task->attempt->skips[i].offset == offset &&
		    task->attempt->skips[i].file == file)
			return true;
	}
	return false;
}

/* A block map has come to data; if that is not inside its block, nothing is known. */
static inline void mr_task_advance(struct gw_mr_task *task, const void *data)
{
	const struct mr_block *block = task->block;
	size_t at = block ? (uintptr_t)data - (uintptr_t)block->data : 0;

	if (block && at <= block->size)
		atomic_store_explicit(&task->setup.live->bytes_in, task->bytes_before + at,
				      memory_order_relaxed);
}

/* Says that the record at the position is in flight. */
static inline void mr_live_record(struct mr_live *live, uint32_t file, uint64_t offset,
				  uint64_t number)
{
	atomic_store_explicit(&live->file, file, memory_order_relaxed);
	atomic_store_explicit(&live->offset, offset, memory_order_relaxed);
	atomic_store_explicit(&live->record, number, memory_order_relaxed);
}

#endif

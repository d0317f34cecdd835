/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map_task.c - a map attempt: the map function for each record or block of a split, what it emits
 * collected by emit.c (paper section 3.1, steps 3 and 4). Records to be skipped are left out here,
 * and a probe maps only part of the split (paper section 4.6).
 */
#include "task.h"

#include <assert.h>

/* ---- Record maps ----------------------------------------------------------------------------- */

static int map_record(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value,
		      uint32_t file, uint64_t offset, struct gw_error *error)
{
	struct mr_live *live = task->setup.live;
	uint64_t number = atomic_load_explicit(&live->records_in, memory_order_relaxed);
	int failed = 0;

	if (task->attempt->skip_count > 0 && mr_task_skips(task, file, offset)) {
		++*mr_task_counter(task, MR_COUNT_SKIPPED_RECORDS);
		return 0;
	}
	mr_live_record(live, file, offset, number + 1);
	failed = task->config->job.map(task, key, value);
	if (__builtin_expect(failed || task->failed, 0))
		return mr_task_returned(task, failed, "map", error);
	atomic_store_explicit(&live->records_in, number + 1, memory_order_relaxed);
	return 0;
}

/* The sample may end early: it has enough, or it takes long. */
static bool sample_ends(const struct gw_mr_task *task)
{
	return task->sample_full ||
	       (task->attempt->kind == MR_SAMPLE &&
		atomic_load_explicit(&task->setup.live->enough, memory_order_relaxed));
}

static int map_records(struct gw_mr_task *task, const struct mr_plan *plan,
		       const struct mr_block *block, struct gw_error *error)
{
	struct mr_live *live = task->setup.live;
	uint64_t bytes = atomic_load_explicit(&live->bytes_in, memory_order_relaxed);
	struct mr_records records;
	struct gw_bytes key, value;
	size_t at;
	int more;

	mr_records_init(&records, task->config, plan, block);
	while ((more = mr_records_next(&records, &key, &value, &at, error)) == 1) {
		more = map_record(task, key, value, block->file, block->offset + at, error);
		if (more < 0 || sample_ends(task))
			break;
		atomic_store_explicit(&live->bytes_in, bytes + at, memory_order_relaxed);
	}
	mr_records_done(&records);
	atomic_store_explicit(&live->bytes_in, bytes + block->size, memory_order_relaxed);
	return more < 0 ? more : 0;
}

/* ---- Block maps --------------------------------------------------------------------------- */

static int map_stretch(struct gw_mr_task *task, const struct mr_block *block, size_t begin,
		       size_t end, struct gw_error *error)
{
	struct mr_live *live = task->setup.live;
	struct gw_mr_block stretch = {.data = block->data + begin, .size = end - begin,
				      .file = task->input_name, .offset = block->offset + begin};
	uint64_t number = atomic_load_explicit(&live->record, memory_order_relaxed);
	int failed;

	assert(begin <= end && end <= block->size);
	if (begin == end)
		return 0;
	atomic_store_explicit(&live->block_size, end - begin, memory_order_relaxed);
	atomic_store_explicit(&live->block, 1, memory_order_relaxed);
	mr_live_record(live, block->file, block->offset + begin, number + 1);
	failed = task->config->job.map_block(task, &stretch);
	if (failed || task->failed)
		return mr_task_returned(task, failed, "map_block", error);
	return 0;
}

/* The first record to be skipped in the block at or after begin; the block's size if there is
 * none. */
static size_t next_skip(const struct gw_mr_task *task, const struct mr_block *block, size_t begin)
{
	size_t next = block->size;

	for (uint32_t i = 0; i < task->attempt->skip_count; i++) {
		const struct mr_position *skip = &task->attempt->skips[i];

		if (skip->file == block->file && skip->offset >= block->offset + begin &&
		    skip->offset - block->offset < next)
			next = skip->offset - block->offset;
	}
	assert(next >= begin && next <= block->size);
	return next;
}

/* The part of the block that a probe is about: records that begin in its range. */
static void probe_limits(const struct gw_mr_task *task, const struct mr_block *block, size_t *begin,
			 size_t *end)
{
	const struct mr_attempt *attempt = task->attempt;
	uint64_t last = block->offset + block->size;

	assert(*begin == 0 && *end == block->size);
	if (!attempt->probe)
		return;
	if (attempt->probe_file != block->file || attempt->probe_from >= last ||
	    attempt->probe_to <= block->offset) {
		*begin = *end = 0;
		return;
	}
	if (attempt->probe_from > block->offset) {
		size_t from = attempt->probe_from - block->offset;

		*begin = mr_record_begin(task->config, block, from);
		if (*begin < from)
			*begin = mr_record_end(task->config, block, *begin);
	}
	if (attempt->probe_to < last) {
		size_t to = attempt->probe_to - block->offset;

		*end = mr_record_begin(task->config, block, to);
		if (*end < to)
			*end = mr_record_end(task->config, block, *end);
	}
}

/* All of an empty file, for a job that wants to see it. As one record: there is nothing to halve.
 */
static int map_empty(struct gw_mr_task *task, const struct mr_block *block, struct gw_error *error)
{
	struct gw_mr_block nothing = {.data = block->data, .file = task->input_name};
	struct mr_live *live = task->setup.live;
	uint64_t number = atomic_load_explicit(&live->record, memory_order_relaxed);
	int failed;

	assert(block->size == 0 && block->offset == 0 && task->config->job.empty_files);
	if (task->attempt->probe)
		return 0;
	if (mr_task_skips(task, block->file, 0)) {
		++*mr_task_counter(task, MR_COUNT_SKIPPED_RECORDS);
		return 0;
	}
	atomic_store_explicit(&live->block, 0, memory_order_relaxed);
	mr_live_record(live, block->file, 0, number + 1);
	failed = task->config->job.map_block(task, &nothing);
	if (failed || task->failed)
		return mr_task_returned(task, failed, "map_block", error);
	return 0;
}

static int map_block(struct gw_mr_task *task, const struct mr_block *block, struct gw_error *error)
{
	size_t at = 0, end = block->size;

	if (block->size == 0)
		return map_empty(task, block, error);
	probe_limits(task, block, &at, &end);
	assert(at <= block->size && end <= block->size);
	while (at < end) {
		size_t skip = next_skip(task, block, at);
		int failed = map_stretch(task, block, at, skip < end ? skip : end, error);

		if (failed)
			return failed;
		at = end;
		if (skip < end) {
			++*mr_task_counter(task, MR_COUNT_SKIPPED_RECORDS);
			at = mr_record_end(task->config, block, skip);
			assert(at > skip);
		}
	}
	mr_task_advance(task, block->data + block->size);
	return 0;
}

/* ---- Splits ------------------------------------------------------------------------------- */

/* An input that is not files (paper section 4.4). A record's position is (split, its number). */
static int map_reader(struct gw_mr_task *task, uint32_t split, struct gw_error *error)
{
	const struct gw_mr_reader *reader = task->config->job.reader;
	struct gw_bytes key, value;
	void *state = NULL;
	uint64_t number = 0;
	int more;

	mr_live_record(task->setup.live, split, 0, 1);
	more = reader->open(task->config->job.context, split, &state, error);
	if (more < 0)
		return gw_fail_in(error, "split %u", split);
	while ((more = reader->next(state, &key, &value, error)) == 1) {
		more = map_record(task, key, value, split, number++, error);
		if (more < 0 || sample_ends(task))
			break;
	}
	reader->close(state);
	return more < 0 ? more : 0;
}

static int map_input(struct gw_mr_task *task, const struct mr_plan *plan, struct mr_input *input,
		     struct gw_error *error)
{
	const struct mr_live *live = task->setup.live;
	struct mr_block block;
	int more;

	while ((more = mr_input_next(input, &block, error)) == 1) {
		assert(block.file < plan->file_count);
		task->block = &block;
		task->bytes_before = atomic_load_explicit(&live->bytes_in, memory_order_relaxed);
		task->input_name = plan->files[block.file].path;
		task->stable = block.stable ? block.data : NULL;
		task->stable_size = block.stable ? block.size : 0;
		if (task->config->job.map_block)
			more = map_block(task, &block, error);
		else
			more = map_records(task, plan, &block, error);
		task->block = NULL;
		if (more < 0 || sample_ends(task))
			break;
	}
	return more < 0 ? more : 0;
}

int mr_map_split(struct gw_mr_task *task, const struct mr_plan *plan, uint32_t split,
		 struct gw_error *error)
{
	struct mr_input *input = NULL;
	int failed;

	assert(split < plan->split_count && !task->stable);
	if (task->config->job.reader) {
		failed = map_reader(task, split, error);
	} else {
		failed = mr_input_open(&input, task->config, plan, task->setup.store, split, error);
		if (!failed)
			failed = map_input(task, plan, input, error);
	}
	if (!failed) /* else the driver is to see that it was in this block */
		atomic_store_explicit(&task->setup.live->block, 0, memory_order_relaxed);
	/* What was emitted may point into the input: it has to be taken before that goes. */
	if (!failed)
		failed = mr_task_finish(task, error);
	if (!failed && task->attempt->kind == MR_SAMPLE)
		failed = mr_sample_take(task, error);
	if (!failed && task->attempt->kind == MR_MAP)
		failed = mr_emit_flush(task, error);
	mr_input_close(input);
	task->stable = NULL;
	task->stable_size = 0;
	return failed;
}

static void count_map(struct gw_mr_task *task)
{
	struct mr_live *live = task->setup.live;

	*mr_task_counter(task, MR_COUNT_MAP_RECORDS_IN) =
		(int64_t)atomic_load_explicit(&live->records_in, memory_order_relaxed);
	*mr_task_counter(task, MR_COUNT_MAP_BYTES_IN) =
		(int64_t)atomic_load_explicit(&live->bytes_in, memory_order_relaxed);
	*mr_task_counter(task, MR_COUNT_MAP_PAIRS_OUT) = (int64_t)task->emitted;
}

int mr_map_attempt(struct gw_mr_task *task, struct gw_error *error)
{
	bool writes = task->config->job.map_only;
	int failed = mr_emit_begin(task, error);

	assert(task->attempt->kind == MR_MAP);
	assert(!writes || task->attempt->task < task->setup.board->unit_count);
	task->probing = task->attempt->probe;
	if (!failed && writes)
		failed = mr_task_open_output(task, &task->setup.board->units[task->attempt->task],
					     error);
	if (!failed)
		failed = mr_task_start(task, error);
	if (!failed)
		failed = mr_map_split(task, task->setup.plan, task->attempt->task, error);
	if (!failed && writes)
		failed = mr_task_close_output(task, error);
	if (!failed)
		count_map(task);
	return failed;
}

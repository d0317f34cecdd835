/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reduce_task.c - a reduce attempt: the pairs of each bucket of a unit in order, the reduce
 * function for each key, its output (paper section 3.1, steps 5 and 6). And what comes behind it:
 * MR_PLACE, which puts output that had to wait for its neighbours into the part's file.
 *
 * Where a unit's output begins in its part is known beforehand only when its size is (identity
 * reduce of pairs whose output is a function of their sizes): then the attempt writes to the part's
 * file itself. Otherwise it leaves the output in regions, and whoever schedules places it once all
 * units before it are done.
 */
#include "sorter.h"
#include "task.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

/* ---- Output ------------------------------------------------------------------------------- */

static int write_to_part(void *context, const void *data, size_t size, struct gw_error *error)
{
	struct gw_mr_task *task = context;
	int failed = task->part->store->operations->write_at(task->part, task->part_offset, data,
							      size, error);

	if (!failed)
		task->part_offset += size;
	return failed;
}

static int write_to_region(void *context, const void *data, size_t size, struct gw_error *error)
{
	struct gw_mr_task *task = context;
	struct mr_space *space = task->setup.space;
	struct mr_region region;
	int failed;

	assert(size > 0 && size <= MR_SINK_MAX);
	if (task->probing)
		return 0;
	failed = space->allocate(space, size, &region, error);
	if (failed == 1)
		failed = space->write(space, &region, data, size, error);
	else if (failed == 0)
		failed = space->spill(space, data, size, &region, error);
	if (failed < 0)
		return failed;
	return space->publish_output(space, &region, error);
}

static int open_part(struct gw_mr_task *task, uint32_t part, struct gw_error *error)
{
	char path[PATH_MAX];

	assert(part < task->config->parts && !task->part);
	mr_part_path(task->config, part, path, sizeof path);
	return task->setup.store->operations->open_temp(task->setup.store, path, &task->part,
							error);
}

int mr_task_open_output(struct gw_mr_task *task, const struct mr_unit *unit, struct gw_error *error)
{
	int failed = 0;

	assert(!task->has_output && (!unit->exact || unit->placed));
	if (unit->exact) {
		failed = open_part(task, unit->part, error);
		task->part_offset = unit->offset;
	}
	if (!failed)
		failed = mr_output_init(&task->output, task->config,
					unit->exact ? write_to_part : write_to_region, task, error);
	task->has_output = !failed;
	return failed;
}

int mr_task_close_output(struct gw_mr_task *task, struct gw_error *error)
{
	int failed = mr_output_flush(&task->output, error);

	assert(task->has_output && (failed || task->output.used == 0));
	*mr_task_counter(task, MR_COUNT_OUTPUT_BYTES) += (int64_t)task->output.written;
	mr_output_done(&task->output);
	task->has_output = false;
	mr_file_close(task->part);
	task->part = NULL;
	return failed;
}

/* ---- Reduce ------------------------------------------------------------------------------- */

/* Every pair as it is, in order: nothing to group. */
static int write_all(struct gw_mr_task *task, struct mr_cursor *cursor, struct gw_error *error)
{
	struct mr_pair pair;
	uint64_t pairs = 0;
	int more;

	while ((more = cursor->next(cursor, &pair, error)) == 1) {
		more = mr_output_pair(&task->output, (struct gw_bytes){pair.key, pair.key_size},
				      (struct gw_bytes){pair.value, pair.value_size}, pair.number,
				      error);
		if (more < 0)
			break;
		pairs++;
	}
	*mr_task_counter(task, MR_COUNT_REDUCE_PAIRS_OUT) += (int64_t)pairs;
	return more < 0 ? more : 0;
}

static int reduce_bucket(struct gw_mr_task *task, struct mr_sorter *sorter, uint32_t bucket,
			 uint64_t *key, struct gw_error *error)
{
	size_t common = mr_ranges_common(&task->ranges, bucket);
	int failed = mr_sorter_load(sorter, bucket, common, error);

	for (uint32_t i = 0; !failed && i < task->setup.board->run_count; i++)
		*mr_task_counter(task, MR_COUNT_REDUCE_PAIRS_IN) += sorter->buckets[i].pairs;
	if (!failed && mr_job_identity(&task->config->job))
		failed = write_all(task, &sorter->cursor, error);
	else if (!failed)
		failed = mr_groups(task, &sorter->cursor, MR_GROUP_REDUCE, key, error);
	mr_sorter_unload(sorter);
	return failed;
}

int mr_task_sorter(struct gw_mr_task *task, struct mr_sorter **sorter, struct gw_error *error)
{
	int failed;

	*sorter = task->sorter;
	if (task->sorter)
		return 0;
	*sorter = calloc(1, sizeof **sorter);
	if (!*sorter)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to sort");
	failed = mr_sorter_init(*sorter, task, error);
	if (failed) {
		free(*sorter);
		return failed;
	}
	task->sorter = *sorter;
	return 0;
}

int mr_reduce_attempt(struct gw_mr_task *task, struct gw_error *error)
{
	const struct mr_unit *unit = &task->setup.board->units[task->attempt->task];
	struct mr_sorter *sorter;
	uint64_t key = 0;
	int failed = mr_ranges_load(&task->ranges, task->config, task->setup.board, error);

	assert(task->attempt->task < task->setup.board->unit_count);
	if (!failed)
		failed = mr_task_sorter(task, &sorter, error);
	if (!failed)
		failed = mr_task_open_output(task, unit, error);
	task->sink = MR_SINK_OUTPUT;
	if (!failed)
		failed = mr_task_start(task, error);
	for (uint32_t i = 0; !failed && i < unit->bucket_count; i++)
		failed = reduce_bucket(task, sorter, unit->first_bucket + i, &key, error);
	if (!failed)
		failed = mr_task_finish(task, error);
	if (!failed)
		failed = mr_task_close_output(task, error);
	assert(failed || !unit->exact || task->part_offset == unit->offset + unit->bytes);
	return failed;
}

/* ---- Place -------------------------------------------------------------------------------- */

static int place_region(struct gw_mr_task *task, const struct mr_region *region,
			struct gw_error *error)
{
	struct mr_space *space = task->setup.space;
	struct gw_bytes bytes;
	int failed = space->map(space, region, &bytes, error);

	if (failed)
		return failed;
	failed = write_to_part(task, bytes.data, bytes.size, error);
	space->unmap(space, region, bytes);
	return failed;
}

int mr_place_attempt(struct gw_mr_task *task, struct gw_error *error)
{
	const struct mr_board *board = task->setup.board;
	const struct mr_unit *unit = &board->units[task->attempt->task];
	int failed = open_part(task, unit->part, error);

	assert(task->attempt->task < board->unit_count && unit->placed && unit->done);
	assert(unit->output_count <= board->output_count - unit->first_output);
	task->part_offset = unit->offset;
	for (uint32_t i = 0; !failed && i < unit->output_count; i++)
		failed = place_region(task, &board->outputs[unit->first_output + i], error);
	mr_file_close(task->part);
	task->part = NULL;
	return failed;
}

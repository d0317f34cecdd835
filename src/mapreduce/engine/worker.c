/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c - one attempt after the other (attempt.h), and what the running functions may ask for:
 * counters, status, side files, columns.
 */
#include "columns.h"
#include "sorter.h"
#include "task.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- The worker --------------------------------------------------------------------------- */

int mr_worker_init(struct mr_worker **worker, const struct mr_worker_setup *setup,
		   struct gw_error *error)
{
	assert(setup->config && setup->store && setup->board && setup->live && setup->space);
	*worker = calloc(1, sizeof **worker);
	if (!*worker)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a worker");
	(*worker)->task.setup = *setup;
	(*worker)->task.config = setup->config;
	return 0;
}

void mr_worker_free(struct mr_worker *worker)
{
	struct gw_mr_task *task;

	if (!worker)
		return;
	task = &worker->task;
	if (task->has_table)
		mr_table_done(&task->table);
	if (task->has_pairs)
		mr_pairs_done(&task->pairs);
	if (task->has_combined)
		mr_pairs_done(&task->combined);
	if (task->has_output)
		mr_output_done(&task->output);
	if (task->sorter)
		mr_sorter_done(task->sorter);
	free(task->sorter);
	mr_run_writer_done(&task->writer);
	mr_ranges_done(&task->ranges);
	base_arena_done(&task->keys);
	mr_scratch_done(&task->scratch);
	free(worker);
}

/* The live page as at the start of an attempt. */
static void live_reset(struct mr_live *live)
{
	atomic_store(&live->record, 0);
	atomic_store(&live->file, 0);
	atomic_store(&live->offset, 0);
	atomic_store(&live->bytes_in, 0);
	atomic_store(&live->records_in, 0);
	atomic_store(&live->block, 0);
	atomic_store(&live->block_size, 0);
	atomic_store(&live->key_size, 0);
	live->status[0] = 0;
	live->side_count = 0;
	live->error = (struct gw_error){0};
	memset(&live->counters, 0, sizeof live->counters);
}

static void task_reset(struct gw_mr_task *task, const struct mr_attempt *attempt)
{
	live_reset(task->setup.live);
	task->attempt = attempt;
	task->sink = MR_SINK_NOWHERE;
	task->failed = 0;
	task->error = (struct gw_error){0};
	task->state = NULL;
	task->probing = false;
	task->sample_full = false;
	task->emitted = 0;
	task->input_name = "";
	task->block = NULL;
	task->bytes_before = 0;
	task->stable = NULL;
	task->stable_size = 0;
	task->part = NULL;
}

static int attempt_run(struct gw_mr_task *task, struct gw_error *error)
{
	switch (task->attempt->kind) {
	case MR_SAMPLE:
		return mr_sample_attempt(task, error);
	case MR_MAP:
		return mr_map_attempt(task, error);
	case MR_REDUCE:
		return mr_reduce_attempt(task, error);
	case MR_PLACE:
		return mr_place_attempt(task, error);
	}
	return gw_fail(error, GW_E_INVALID, "no task of kind %d", (int)task->attempt->kind);
}

int mr_worker_run(struct mr_worker *worker, const struct mr_attempt *attempt,
		  struct gw_error *error)
{
	struct gw_mr_task *task = &worker->task;
	struct mr_live *live = task->setup.live;
	int failed;

	assert(attempt->skip_count <= MR_SKIPS_MAX && !task->attempt && !task->has_output);
	task_reset(task, attempt);
	failed = attempt_run(task, error);
	assert(failed <= 0);
	mr_file_close(task->part);
	task->part = NULL;
	if (task->has_output)
		mr_output_done(&task->output);
	task->has_output = false;
	for (uint32_t i = 0; i < live->side_count; i++)
		mr_file_close(task->side_files[i]);
	if (failed && live->error.code == 0 && error)
		live->error = *error;
	if (!failed)
		atomic_store(&live->record, 0);
	task->attempt = NULL;
	return failed;
}

/* ---- Names -------------------------------------------------------------------------------- */

void mr_spill_path(const struct mr_config *config, const struct mr_region *region, char *path,
		   size_t size)
{
	assert(config->staging);
	snprintf(path, size, "%s/spill-%u-%u-%u", config->staging, region->kind, region->task,
		 region->number);
}

void mr_side_path(const struct mr_config *config, const struct mr_attempt *attempt, uint32_t index,
		  char *path, size_t size)
{
	assert(config->staging && index < MR_SIDE_FILES_MAX);
	snprintf(path, size, "%s/side-%d-%u-%u-%u", config->staging, (int)attempt->kind,
		 attempt->task, attempt->number, index);
}

void mr_part_path(const struct mr_config *config, uint32_t part, char *path, size_t size)
{
	assert(config->staging && part < config->parts);
	snprintf(path, size, "%s/out/part-%05u-of-%05u", config->staging, part, config->parts);
}

/* ---- Failures, start, finish -------------------------------------------------------------- */

void mr_task_fail(struct gw_mr_task *task, int code, const struct gw_error *error)
{
	assert(code < 0);
	if (task->failed)
		return;
	task->failed = code;
	task->error = *error;
}

int mr_task_returned(struct gw_mr_task *task, int returned, const char *function,
		     struct gw_error *error)
{
	if (returned >= 0 && !task->failed)
		return 0;
	if (task->failed) {
		if (error)
			*error = task->error;
		return task->failed;
	}
	return gw_fail(error, GW_E_USER_CODE, "%s returned %d", function, returned);
}

int gw_mr_fail(struct gw_mr_task *task, const char *format, ...)
{
	struct gw_error error = {.code = GW_E_USER_CODE};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error.text, sizeof error.text, format, arguments);
	va_end(arguments);
	mr_task_fail(task, GW_E_USER_CODE, &error);
	return GW_E_USER_CODE;
}

int mr_task_start(struct gw_mr_task *task, struct gw_error *error)
{
	enum mr_sink sink = task->sink;
	int returned = 0;

	task->sink = MR_SINK_NOWHERE;
	if (task->config->job.start)
		returned = task->config->job.start(task, &task->state);
	task->sink = sink;
	return mr_task_returned(task, returned, "start", error);
}

int mr_task_finish(struct gw_mr_task *task, struct gw_error *error)
{
	int returned = 0;

	/* The last record is over: if finish fails, it is not the reason. */
	atomic_store_explicit(&task->setup.live->record, 0, memory_order_relaxed);
	if (task->config->job.finish)
		returned = task->config->job.finish(task, task->state);
	return mr_task_returned(task, returned, "finish", error);
}

/* ---- Counters, status --------------------------------------------------------------------- */

static struct mr_user_counter *counter_find(struct mr_counters *counters, const char *name)
{
	for (size_t i = 0; i < MR_USER_COUNTERS_MAX; i++) {
		struct mr_user_counter *counter = &counters->user[i];

		if (counter->name[0] == 0) {
			snprintf(counter->name, sizeof counter->name, "%.*s",
				 MR_COUNTER_NAME_MAX - 1, name);
			return counter;
		}
		if (strncmp(counter->name, name, sizeof counter->name - 1) == 0)
			return counter;
	}
	return NULL;
}

void gw_mr_count(struct gw_mr_task *task, const char *name, int64_t delta)
{
	struct mr_user_counter *counter = NULL;

	if (name[0] != 0)
		counter = counter_find(&task->setup.live->counters, name);
	if (counter)
		counter->value += delta;
	else
		gw_mr_fail(task, "counter \"%s\": a job has at most %d counters, each with a name",
			   name, MR_USER_COUNTERS_MAX);
}

int mr_counters_add(struct mr_counters *sum, const struct mr_counters *more,
		    struct gw_error *error)
{
	struct mr_counters added = *sum;

	for (size_t i = 0; i < MR_COUNTERS; i++)
		added.automatic[i] += more->automatic[i];
	for (size_t i = 0; i < MR_USER_COUNTERS_MAX && more->user[i].name[0]; i++) {
		struct mr_user_counter *counter = counter_find(&added, more->user[i].name);

		if (!counter)
			return gw_fail(error, GW_E_TOO_LARGE,
				       "counter \"%.*s\": a job has at most %d counters",
				       MR_COUNTER_NAME_MAX - 1, more->user[i].name,
				       MR_USER_COUNTERS_MAX);
		counter->value += more->user[i].value;
	}
	*sum = added;
	return 0;
}

void gw_mr_status(struct gw_mr_task *task, const char *text)
{
	snprintf(task->setup.live->status, sizeof task->setup.live->status, "%s", text);
}

void gw_mr_at(struct gw_mr_task *task, const void *data)
{
	struct mr_live *live = task->setup.live;
	const struct mr_block *block = task->block;
	uint64_t number = atomic_load_explicit(&live->record, memory_order_relaxed);

	if (!block)
		return;
	assert(!data || (uintptr_t)data - (uintptr_t)block->data <= block->size);
	if (data)
		mr_task_advance(task, data);
	atomic_store_explicit(&live->block, data == NULL, memory_order_relaxed);
	mr_live_record(live, block->file,
		       block->offset + (data ? (size_t)((const char *)data - block->data) : 0),
		       number + 1);
}

void gw_mr_progress(struct gw_mr_task *task, const void *data)
{
	mr_task_advance(task, data);
}

/* ---- Side files --------------------------------------------------------------------------- */

int gw_mr_side_file(struct gw_mr_task *task, const char *name, struct gw_error *error)
{
	struct mr_live *live = task->setup.live;
	struct mr_store *store = task->setup.store;
	uint32_t index = live->side_count;
	char path[PATH_MAX];
	int failed;

	if (strchr(name, '/') || name[0] == 0 || name[0] == '.' || name[0] == '_' ||
	    strncmp(name, "part-", 5) == 0 || strlen(name) >= MR_SIDE_NAME_MAX)
		return gw_fail(error, GW_E_INVALID, "side file \"%s\": no such name is possible",
			       name);
	if (index == MR_SIDE_FILES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "side file \"%s\": a task has at most %d",
			       name, MR_SIDE_FILES_MAX);
	mr_side_path(task->config, task->attempt, index, path, sizeof path);
	failed = store->operations->create_temp(store, path, &task->side_files[index], error);
	if (failed)
		return failed;
	snprintf(live->side_names[index], sizeof live->side_names[index], "%s", name);
	live->side_count++;
	return store->operations->descriptor(task->side_files[index]);
}

/* ---- Questions ---------------------------------------------------------------------------- */

void *gw_mr_context(const struct gw_mr_task *task)
{
	return task->config->job.context;
}

void *gw_mr_state(const struct gw_mr_task *task)
{
	return task->state;
}

const char *gw_mr_input_name(const struct gw_mr_task *task)
{
	return task->input_name;
}

uint32_t gw_mr_task_number(const struct gw_mr_task *task)
{
	if (task->attempt->kind == MR_REDUCE)
		return task->setup.board->units[task->attempt->task].part;
	return task->attempt->task;
}

uint32_t gw_mr_attempt_number(const struct gw_mr_task *task)
{
	return task->attempt->number;
}

bool gw_mr_sampling(const struct gw_mr_task *task)
{
	return task->attempt->kind == MR_SAMPLE;
}

const char *gw_mr_directory(const struct gw_mr_task *task)
{
	return task->config->staging;
}

int64_t gw_mr_i64(struct gw_bytes value)
{
	int64_t number = 0;

	if (value.size == sizeof number)
		memcpy(&number, value.data, sizeof number);
	return number;
}

void gw_mr_put_ordered_i64(uint8_t out[8], int64_t number)
{
	uint64_t word = __builtin_bswap64((uint64_t)number ^ (UINT64_C(1) << 63));

	memcpy(out, &word, sizeof word);
}

int64_t gw_mr_get_ordered_i64(const uint8_t in[8])
{
	uint64_t word;

	memcpy(&word, in, sizeof word);
	return (int64_t)(__builtin_bswap64(word) ^ (UINT64_C(1) << 63));
}

struct gw_bytes gw_mr_column(struct gw_mr_task *task, struct gw_bytes line, uint8_t separator,
			     uint32_t column)
{
	struct gw_bytes field = {NULL, 0};
	struct gw_error error = {0};
	int failed = mr_column(line, separator, column, &task->scratch, &field, &error);

	if (failed)
		mr_task_fail(task, failed, &error);
	return field;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seed_job_fixture.c - a draw as a struct gw_mr_job: the functions of seed_user_fixture.c, made to
 * work on a gw_mr_task. They fail when they are told to.
 */
#include "seed_fixture.h"

#include <assert.h>
#include <stdlib.h>

struct task_out {
	struct seed_out out; /* first: one is the other */
	struct gw_mr_task *task;
};

static void task_pair(struct seed_out *out, struct gw_bytes key, struct gw_bytes value, bool number)
{
	struct gw_mr_task *task = ((struct task_out *)out)->task;

	if (number)
		gw_mr_emit_i64(task, key, gw_mr_i64(value));
	else
		gw_mr_emit(task, key, value);
}

static void task_write(struct seed_out *out, const void *data, size_t size)
{
	gw_mr_write(((struct task_out *)out)->task, data, size);
}

static void task_count(struct seed_out *out, const char *name, int64_t delta)
{
	gw_mr_count(((struct task_out *)out)->task, name, delta);
}

static struct task_out task_out(struct gw_mr_task *task)
{
	return (struct task_out){{task_pair, task_write, task_count}, task};
}

struct task_values {
	struct seed_values values; /* first */
	struct gw_mr_values *of;
};

static bool task_next(struct seed_values *values, struct gw_bytes *value)
{
	return gw_mr_next(((struct task_values *)values)->of, value);
}

/* Whether this call is the one that fails; then *returned is what to return. */
static bool fails(struct gw_mr_task *task, int *returned)
{
	struct seed_user *user = gw_mr_context(task);

	if (++user->calls != user->fails_at)
		return false;
	user->failed = true;
	*returned = user->returns ? -17 : gw_mr_fail(task, "failed as planned");
	return true;
}

static const struct seed_draw *draw_of(const struct gw_mr_task *task)
{
	const struct seed_user *user = gw_mr_context(task);

	return user->draw;
}

/* ---- Map ------------------------------------------------------------------------------------ */

/* The name without the directory, which is another in every run. */
static struct gw_bytes file_key(const char *path)
{
	const char *slash = strrchr(path, '/');

	return gw_string(slash ? slash + 1 : path);
}

static int map_record(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	const struct seed_draw *draw = draw_of(task);
	struct task_out out = task_out(task);
	int returned;

	if (fails(task, &returned))
		return returned;
	if (draw->input == SEED_WHOLE) {
		assert(strcmp(gw_mr_input_name(task), key.data) == 0);
		key = file_key(key.data);
	}
	seed_map_record(draw, &out.out, key, value);
	return 0;
}

/* The record at data[at] of the block, as a record map would have got it. */
static size_t block_record(struct gw_mr_task *task, const struct gw_mr_block *block, size_t at,
			   struct gw_bytes *key, struct gw_bytes *value, int64_t *number)
{
	const struct seed_draw *draw = draw_of(task);
	const char *data = block->data + at, *newline;
	size_t left = block->size - at, size;

	if (draw->input == SEED_WHOLE) {
		*key = file_key(block->file);
		*value = (struct gw_bytes){data, left};
		return left;
	}
	if (draw->input == SEED_FIXED) {
		assert(left >= draw->record_size);
		*key = (struct gw_bytes){data, draw->key_size};
		*value = (struct gw_bytes){data + draw->key_size,
					   draw->record_size - draw->key_size};
		return draw->record_size;
	}
	newline = memchr(data, '\n', left);
	size = newline ? (size_t)(newline - data) : left;
	*number = (int64_t)(block->offset + at);
	*key = (struct gw_bytes){number, sizeof *number};
	*value = (struct gw_bytes){data, size};
	if (draw->input == SEED_TABS && draw->key_column > 0)
		*key = gw_mr_column(task, *value, '\t', draw->key_column);
	return size + (newline != NULL);
}

static int map_block(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	const struct seed_draw *draw = draw_of(task);
	struct task_out out = task_out(task);
	int returned;

	for (size_t at = 0; at < block->size;) {
		struct gw_bytes key, value;
		int64_t number;

		if (fails(task, &returned))
			return returned;
		gw_mr_at(task, block->data + at);
		at += block_record(task, block, at, &key, &value, &number);
		seed_map_record(draw, &out.out, key, value);
	}
	return 0;
}

static int map_tokens(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	struct gw_token tokens[100];
	struct gw_splitter splitter;
	size_t position = 0;
	int returned;

	gw_splitter_init_space(&splitter);
	while (position < block->size) {
		size_t count = gw_split(&splitter, block->data, block->size, &position, tokens,
					100);

		if (fails(task, &returned))
			return returned;
		gw_mr_emit_tokens_i64(task, block->data, tokens, count, SEED_TOKEN_NUMBER);
		gw_mr_count(task, "tokens", (int64_t)count);
	}
	return 0;
}

/* ---- The rest ------------------------------------------------------------------------------- */

static int reduce_key(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *of)
{
	struct task_values values = {{task_next}, of};
	struct task_out out = task_out(task);
	int returned;

	if (fails(task, &returned))
		return returned;
	seed_reduce_key(draw_of(task), &out.out, key, &values.values);
	return 0;
}

static int combine_key(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *of)
{
	struct task_values values = {{task_next}, of};
	struct task_out out = task_out(task);
	int returned;

	if (fails(task, &returned))
		return returned;
	seed_combine_key(draw_of(task), &out.out, key, &values.values);
	return 0;
}

static int format_pair(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	struct task_out out = task_out(task);
	int returned;

	if (fails(task, &returned))
		return returned;
	seed_format_pair(&out.out, key, value);
	return 0;
}

static int start(struct gw_mr_task *task, void **state)
{
	int returned;

	*state = gw_mr_context(task);
	return fails(task, &returned) ? returned : 0;
}

static int finish(struct gw_mr_task *task, void *state)
{
	struct task_out out = task_out(task);
	int returned;

	assert(state == gw_mr_context(task) && state == gw_mr_state(task));
	if (fails(task, &returned))
		return returned;
	seed_finish_pair(&out.out);
	return 0;
}

static int compare_keys(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b)
{
	return seed_compare_keys(draw_of(task), a, b);
}

static int compare_values(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b)
{
	return seed_compare_values(draw_of(task), a, b);
}

static uint32_t part_of(const struct gw_mr_task *task, struct gw_bytes key, uint32_t parts)
{
	assert(parts == draw_of(task)->parts);
	return seed_user_part(draw_of(task), key);
}

/* ---- The reader ----------------------------------------------------------------------------- */

struct reading {
	const struct seed_user *user;
	uint32_t split;
	size_t at;
	int64_t line;
};

static uint32_t reader_splits(void *context)
{
	const struct seed_user *user = context;

	return user->draw->reader_splits;
}

static int reader_open(void *context, uint32_t split, void **state, struct gw_error *error)
{
	struct reading *reading = malloc(sizeof *reading);

	if (!reading)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to read");
	*reading = (struct reading){context, split, 0, -1};
	*state = reading;
	return 0;
}

static int reader_next(void *state, struct gw_bytes *key, struct gw_bytes *value,
		       struct gw_error *error)
{
	struct reading *reading = state;
	const struct seed_bytes *bytes = &reading->user->files->plain[0];

	(void)error;
	while (reading->at < bytes->size) {
		const uint8_t *line = bytes->data + reading->at;
		const uint8_t *newline = memchr(line, '\n', bytes->size - reading->at);
		size_t size = newline ? (size_t)(newline - line) : bytes->size - reading->at;

		reading->at += size + 1;
		if (++reading->line % reading->user->draw->reader_splits != reading->split)
			continue;
		*key = (struct gw_bytes){&reading->line, sizeof reading->line};
		*value = (struct gw_bytes){line, size};
		return 1;
	}
	return 0;
}

/* ---- The job -------------------------------------------------------------------------------- */

static const struct gw_mr_reader reader = {reader_splits, reader_open, reader_next, free};

static void job_input(const struct seed_draw *draw, struct gw_mr_job *job)
{
	static const enum gw_mr_input inputs[] = {
		[SEED_LINES] = GW_MR_LINES, [SEED_FIXED] = GW_MR_FIXED,
		[SEED_TABS] = GW_MR_COLUMNS, [SEED_CSV] = GW_MR_COLUMNS,
		[SEED_FRAMED] = GW_MR_FRAMED, [SEED_WHOLE] = GW_MR_FILES,
		[SEED_READER] = GW_MR_LINES,
	};

	job->input = inputs[draw->input];
	job->record_size = draw->record_size;
	job->key_size = draw->key_size;
	job->key_column = draw->key_column;
	job->separator = draw->input == SEED_TABS ? '\t' : 0;
	job->reader = draw->input == SEED_READER ? &reader : NULL;
	if (draw->map == SEED_RECORDS)
		job->map = map_record;
	else
		job->map_block = draw->map == SEED_BLOCKS ? map_block : map_tokens;
}

void seed_job(const struct seed_draw *draw, struct seed_user *user, struct gw_mr_job *job)
{
	*job = (struct gw_mr_job){
		.name = "seed", .context = user, .combine_with = draw->combine_with,
		.top_k = draw->top_k, .partition_by = draw->partition_by,
		.partition_separator = draw->partition_separator, .output = draw->output,
		.map_only = draw->map_only, .whole_parts = draw->whole_parts,
	};
	job_input(draw, job);
	job->reduce = draw->reduce == SEED_NO_REDUCE ? NULL : reduce_key;
	job->combine = draw->combine ? combine_key : NULL;
	job->partition = draw->user_partition ? part_of : NULL;
	job->compare = draw->compare == SEED_BYTES ? NULL : compare_keys;
	job->sort_values = draw->values == SEED_VALUE_BYTES;
	job->compare_values = draw->values > SEED_VALUE_BYTES ? compare_values : NULL;
	job->format = draw->format ? format_pair : NULL;
	job->start = draw->finish ? start : NULL;
	job->finish = draw->finish ? finish : NULL;
}

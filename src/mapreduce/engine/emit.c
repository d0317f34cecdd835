/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.c - what happens to an emitted pair: combined in the table, collected in the pair buffer, or
 * written to the output; and how a full table or buffer becomes a run.
 */
#include "group.h"
#include "sorter.h"
#include "task.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Making ready ------------------------------------------------------------------------- */

static int begin_pairs(struct gw_mr_task *task, struct mr_pairs *pairs, bool *has, bool distinct,
		       struct gw_error *error)
{
	int failed = 0;

	if (*has)
		mr_pairs_clear(pairs);
	else
		failed = mr_pairs_init(pairs, task->config->slot_memory / 3, distinct, error);
	*has = !failed;
	return failed;
}

static int begin_table(struct gw_mr_task *task, struct gw_error *error)
{
	size_t slots = task->config->slot_memory / 3 / sizeof(struct mr_slot);
	int failed = 0;

	if (task->has_table)
		mr_table_clear(&task->table);
	else
		failed = mr_table_init(&task->table, task->config->job.combine_with,
				       slots < MR_MAP_SLOTS_MAX ? slots : MR_MAP_SLOTS_MAX, error);
	base_arena_reset(&task->keys);
	task->key_bytes = 0;
	task->has_table = !failed;
	return failed;
}

static bool job_combines_pairs(const struct gw_mr_job *job)
{
	return job->combine || job->combine_with == GW_MR_TOP_K;
}

int mr_emit_begin(struct gw_mr_task *task, struct gw_error *error)
{
	const struct gw_mr_job *job = &task->config->job;
	int failed = mr_ranges_load(&task->ranges, task->config, task->setup.board, error);

	assert(task->attempt->kind == MR_MAP || task->attempt->kind == MR_SAMPLE);
	if (failed)
		return failed;
	task->writer.config = task->config;
	task->writer.space = task->setup.space;
	task->writer.ranges = &task->ranges;
	task->writer.task = task;
	task->writer.counters = &task->setup.live->counters;
	task->writer.numbers = mr_job_number_runs(job);
	task->writer.exact = mr_job_exact(job);
	task->writer.number = task->attempt->task;
	task->writer.sequence = 0;
	task->emitted = 0;
	task->sample_full = false;
	if (job->map_only) {
		task->sink = MR_SINK_OUTPUT;
		return 0;
	}
	task->sink = mr_job_numbers(job) ? MR_SINK_TABLE : MR_SINK_PAIRS;
	if (task->sink == MR_SINK_TABLE)
		return begin_table(task, error);
	failed = begin_pairs(task, &task->pairs, &task->has_pairs,
			     job->combine_with == GW_MR_SET_UNION, error);
	if (!failed && job_combines_pairs(job))
		failed = begin_pairs(task, &task->combined, &task->has_combined, false, error);
	return failed;
}

/* ---- Runs --------------------------------------------------------------------------------- */

static int flush_table(struct gw_mr_task *task, struct gw_error *error)
{
	size_t count;
	struct mr_slot *slots = mr_table_take(&task->table, &count);
	int failed = 0;

	assert(task->has_table && count <= task->table.slot_count);
	if (!task->probing) {
		*mr_task_counter(task, MR_COUNT_COMBINE_PAIRS_OUT) += (int64_t)count;
		failed = mr_run_write_slots(&task->writer, slots, count, error);
	}
	mr_table_clear(&task->table);
	base_arena_reset(&task->keys);
	task->key_bytes = 0;
	return failed;
}

static int write_pairs(struct gw_mr_task *task, struct mr_pairs *pairs, struct gw_error *error)
{
	int failed = 0;

	if (!task->probing)
		failed = mr_run_write_pairs(&task->writer, pairs->pairs, pairs->count, error);
	mr_pairs_clear(pairs);
	return failed;
}

static int write_combined(struct gw_mr_task *task, struct gw_error *error)
{
	*mr_task_counter(task, MR_COUNT_COMBINE_PAIRS_OUT) += (int64_t)task->combined.count;
	return write_pairs(task, &task->combined, error);
}

/* Calls the combiner for each key of the pairs collected so far. */
static int combine_pairs(struct gw_mr_task *task, struct gw_error *error)
{
	struct mr_sorter *sorter;
	uint64_t key = 0, emitted = task->emitted;
	int failed = mr_task_sorter(task, &sorter, error);

	assert(task->sink == MR_SINK_PAIRS && task->has_combined);
	if (!failed)
		failed = mr_sorter_load_pairs(sorter, &task->pairs, error);
	if (failed)
		return failed;
	task->sink = MR_SINK_COMBINED;
	failed = mr_groups(task, &sorter->cursor, MR_GROUP_COMBINE, &key, error);
	task->sink = MR_SINK_PAIRS;
	task->emitted = emitted; /* what map emitted, without the combiner's */
	mr_sorter_unload(sorter);
	return failed ? failed : write_combined(task, error);
}

static int flush_pairs(struct gw_mr_task *task, struct gw_error *error)
{
	int failed;

	assert(task->has_pairs);
	if (!task->has_combined || task->pairs.count == 0)
		return write_pairs(task, &task->pairs, error);
	failed = combine_pairs(task, error);
	mr_pairs_clear(&task->pairs);
	return failed;
}

int mr_emit_flush(struct gw_mr_task *task, struct gw_error *error)
{
	assert(task->attempt->kind == MR_MAP);
	if (task->sink == MR_SINK_TABLE)
		return flush_table(task, error);
	if (task->sink == MR_SINK_PAIRS)
		return flush_pairs(task, error);
	return 0;
}

/* Makes room: writes what is there. The sample keeps the beginning and drops the rest. */
static int make_room(struct gw_mr_task *task, struct gw_error *error)
{
	assert(!task->sample_full && task->sink != MR_SINK_NOWHERE);
	if (task->attempt->kind == MR_SAMPLE) {
		task->sample_full = true;
		return 1;
	}
	if (task->sink == MR_SINK_COMBINED)
		return write_combined(task, error);
	return mr_emit_flush(task, error);
}

/* ---- One pair ----------------------------------------------------------------------------- */

static inline bool is_stable(const struct gw_mr_task *task, const void *data)
{
	return (uintptr_t)data - (uintptr_t)task->stable < task->stable_size;
}

static inline int emit_pair(struct gw_mr_task *task, struct mr_pairs *pairs,
			    const struct mr_pair *pair, struct gw_error *error)
{
	bool keep_key = is_stable(task, pair->key);
	bool keep_value = pair->value_size == 0 || is_stable(task, pair->value);
	int added;

	if (keep_key && keep_value && mr_pairs_add_kept(pairs, pair))
		return 0;
	added = mr_pairs_add(pairs, pair, keep_key, keep_value, error);

	if (added != 0)
		return added < 0 ? added : 0;
	added = make_room(task, error);
	if (added != 0)
		return added < 0 ? added : 0;
	added = mr_pairs_add(pairs, pair, keep_key, keep_value, error);
	return added < 0 ? added : 0;
}

static int copy_key(struct gw_mr_task *task, struct mr_slot *slot, struct gw_bytes key,
		    struct gw_error *error)
{
	char *copy = base_arena_alloc(&task->keys, key.size, 1);

	if (!copy)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a key of %zu bytes", key.size);
	memcpy(copy, key.data, key.size);
	mr_slot_set_key(slot, copy);
	task->key_bytes += key.size;
	return 0;
}

/* Room for count more keys in the table: 0, or 1 when the sample is full, or negative. */
static int table_room(struct gw_mr_task *task, size_t count, struct gw_error *error)
{
	int room;

	if (task->key_bytes <= task->config->slot_memory / 3) {
		room = mr_table_reserve(&task->table, count, error);
		if (room != 0)
			return room < 0 ? room : 0;
	}
	return make_room(task, error);
}

/* The common case, inline: a short key inside the block, and room for it. */
static inline bool emit_short(struct gw_mr_task *task, struct gw_bytes key, int64_t value)
{
	struct mr_table *table = &task->table;
	size_t at = (uintptr_t)key.data - (uintptr_t)task->stable;

	if (key.size > MR_SHORT_KEY_MAX || at >= task->stable_size ||
	    task->stable_size - at < MR_SHORT_KEY_MAX || table->used >= table->used_max)
		return false;
	mr_table_put_short(table, key.data, key.size, table->combiner == GW_MR_COUNT ? 1 : value);
	return true;
}

static int emit_number(struct gw_mr_task *task, struct gw_bytes key, int64_t value,
		       struct gw_error *error)
{
	struct mr_table *table = &task->table;
	struct mr_slot *slot;
	bool made;
	int room;

	if (table->combiner == GW_MR_COUNT)
		value = 1;
	if (__builtin_expect(table->used >= table->used_max || task->key_bytes > 0, 0)) {
		room = table_room(task, 1, error);
		if (room != 0)
			return room < 0 ? room : 0;
	}
	slot = mr_table_put(table, key.data, key.size, &made);
	mr_slot_combine(slot, table->combiner, value, made);
	if (made && key.size > MR_SHORT_KEY_MAX && !is_stable(task, key.data))
		return copy_key(task, slot, key, error);
	return 0;
}

static inline int emit_bytes(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value,
			     bool number, struct gw_error *error)
{
	struct mr_pair pair = {.key = key.size ? key.data : "", .key_size = (uint32_t)key.size,
			       .value = value.size ? value.data : "",
			       .value_size = (uint32_t)value.size & INT32_MAX, .number = number};

	if (key.size > MR_KEY_MAX || value.size > MR_KEY_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "emit of a %s of %zu bytes, over 2 GiB",
			       key.size > MR_KEY_MAX ? "key" : "value",
			       key.size > MR_KEY_MAX ? key.size : value.size);
	switch (task->sink) {
	case MR_SINK_PAIRS:
		return emit_pair(task, &task->pairs, &pair, error);
	case MR_SINK_COMBINED:
		return emit_pair(task, &task->combined, &pair, error);
	case MR_SINK_OUTPUT:
		++*mr_task_counter(task, MR_COUNT_REDUCE_PAIRS_OUT);
		if (task->config->job.format)
			return mr_task_returned(task, task->config->job.format(task, key, value),
						"format", error);
		return mr_output_pair(&task->output, key, value, number, error);
	case MR_SINK_TABLE:
		return gw_fail(error, GW_E_USER_CODE,
			       "emit of %zu bytes to a combiner of numbers: a value has 8 bytes",
			       value.size);
	case MR_SINK_NOWHERE:
		break;
	}
	return gw_fail(error, GW_E_USER_CODE, "emit from a function that may not emit");
}

/* ---- The public calls --------------------------------------------------------------------- */

void gw_mr_emit(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	struct gw_error error = {0};
	int failed;

	if (task->failed || task->sample_full)
		return;
	task->emitted++;
	if (task->sink == MR_SINK_TABLE && value.size == sizeof(int64_t))
		failed = emit_number(task, key, gw_mr_i64(value), &error);
	else
		failed = emit_bytes(task, key, value, false, &error);
	if (failed)
		mr_task_fail(task, failed, &error);
}

void gw_mr_emit_i64(struct gw_mr_task *task, struct gw_bytes key, int64_t value)
{
	struct gw_error error;
	int failed;

	if (task->failed || task->sample_full)
		return;
	task->emitted++;
	if (task->sink == MR_SINK_TABLE && emit_short(task, key, value))
		return;
	if (task->sink == MR_SINK_TABLE)
		failed = emit_number(task, key, value, &error);
	else
		failed = emit_bytes(task, key, (struct gw_bytes){&value, sizeof value}, true,
				    &error);
	if (failed)
		mr_task_fail(task, failed, &error);
}

/* How far from data on bytes may be read: to the end of the block that it lies in. */
static size_t readable_from(const struct gw_mr_task *task, const char *data)
{
	const struct mr_block *block = task->block;

	if (!block || (uintptr_t)data - (uintptr_t)block->data >= block->size || !block->stable)
		return 0;
	return block->size - (size_t)(data - block->data);
}

void gw_mr_emit_tokens_i64(struct gw_mr_task *task, const char *data, const struct gw_token *tokens,
			   size_t count, int64_t value)
{
	size_t readable = readable_from(task, data);
	struct gw_error error = {0};

	if (count > 0)
		mr_task_advance(task, data + tokens[0].offset);
	if (task->sink != MR_SINK_TABLE || readable == 0) {
		for (size_t i = 0; i < count; i++)
			gw_mr_emit_i64(task, (struct gw_bytes){data + tokens[i].offset,
							       tokens[i].size}, value);
		return;
	}
	if (task->table.combiner == GW_MR_COUNT)
		value = 1;
	for (size_t at = 0, some; at < count && !task->failed && !task->sample_full; at += some) {
		int room;

		some = count - at < MR_TABLE_BATCH ? count - at : MR_TABLE_BATCH;
		room = table_room(task, some, &error);
		if (room < 0)
			mr_task_fail(task, room, &error);
		if (room != 0)
			return;
		task->emitted += some;
		mr_table_put_tokens(&task->table, data, readable, tokens + at, some, value);
	}
}

void gw_mr_write(struct gw_mr_task *task, const void *data, size_t size)
{
	struct gw_error error = {0};
	int failed;

	if (task->failed)
		return;
	if (task->sink != MR_SINK_OUTPUT)
		failed =
			gw_fail(&error, GW_E_USER_CODE, "write from a function that may not write");
	else
		failed = mr_output_bytes(&task->output, data, size, &error);
	if (failed)
		mr_task_fail(task, failed, &error);
}

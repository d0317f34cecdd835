/* SPDX-License-Identifier: Apache-2.0 */
/* group.c - see group.h. */
#include "group.h"

#include <assert.h>

bool mr_values_ordered(const struct gw_mr_job *job)
{
	if (mr_job_numbers(job))
		return false; /* there is one value a key */
	return job->sort_values || job->compare_values || job->combine_with == GW_MR_SET_UNION ||
	       job->combine_with == GW_MR_TOP_K;
}

int mr_values_compare(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b)
{
	const struct gw_mr_job *job = &task->config->job;
	int order = 0;

	if (job->combine_with == GW_MR_TOP_K)
		return mr_compare_bytes(b, a);
	if (job->compare_values)
		order = job->compare_values(task, a, b);
	/* Equal values of a set have to follow each other. */
	if (!order && (!job->compare_values || job->combine_with == GW_MR_SET_UNION))
		order = mr_compare_bytes(a, b);
	return order;
}

static bool key_same(const struct gw_mr_values *values)
{
	struct gw_bytes key = {values->pair.key, values->pair.key_size};
	const struct gw_mr_job *job = &values->task->config->job;

	if (key.size == values->key.size && memcmp(key.data, values->key.data, key.size) == 0)
		return true;
	return job->compare && job->compare(values->task, values->key, key) == 0;
}

static void values_advance(struct gw_mr_values *values)
{
	int more = values->cursor->next(values->cursor, &values->pair, &values->error);

	if (more < 0)
		values->failed = more;
	values->more = more == 1;
	values->same = values->more && values->key.data && key_same(values);
}

/* All values of the key, combined; then the next key is read ahead. */
static void values_fold(struct gw_mr_values *values)
{
	enum gw_mr_combiner combiner = values->task->config->job.combine_with;
	struct mr_slot sum = {.value = mr_pair_number(&values->pair)};

	for (values_advance(values); values->same; values_advance(values))
		mr_slot_combine(&sum, combiner, mr_pair_number(&values->pair), false);
	values->number = sum.value;
	values->folded = true;
}

bool gw_mr_next(struct gw_mr_values *values, struct gw_bytes *value)
{
	if (values->left == 0)
		return false;
	if (values->folded) {
		values->left = 0;
		values->given_number = true;
		*value = (struct gw_bytes){&values->number, sizeof values->number};
		return true;
	}
	while (values->same) {
		*value = (struct gw_bytes){values->pair.value, values->pair.value_size};
		values->given_number = values->pair.number;
		values_advance(values);
		if (values->distinct && values->last.data && value->size == values->last.size &&
		    memcmp(value->data, values->last.data, value->size) == 0)
			continue;
		values->last = *value;
		if (values->left != UINT32_MAX)
			values->left--;
		return true;
	}
	return false;
}

bool gw_mr_next_i64(struct gw_mr_values *values, int64_t *value)
{
	struct gw_bytes bytes;

	if (!gw_mr_next(values, &bytes))
		return false;
	*value = gw_mr_i64(bytes);
	return true;
}

/* The pair that was read ahead begins a new key. */
static void values_begin(struct gw_mr_values *values)
{
	const struct gw_mr_job *job = &values->task->config->job;

	values->key = (struct gw_bytes){values->pair.key, values->pair.key_size};
	values->same = true;
	values->folded = false;
	values->last = (struct gw_bytes){NULL, 0};
	values->left = job->combine_with == GW_MR_TOP_K ? job->top_k : UINT32_MAX;
	if (mr_job_numbers(job))
		values_fold(values);
}

/* No function of the user's: the values as they are. */
static int pass_on(struct gw_mr_task *task, struct gw_mr_values *values, enum mr_group_use use,
		   struct gw_error *error)
{
	struct gw_bytes key = values->key, value;
	int failed = 0;

	while (!failed && gw_mr_next(values, &value)) {
		bool number = values->given_number;

		if (use == MR_GROUP_COMBINE) {
			if (number)
				gw_mr_emit_i64(task, key, gw_mr_i64(value));
			else
				gw_mr_emit(task, key, value);
			failed = mr_task_returned(task, 0, "combine", error);
			continue;
		}
		++*mr_task_counter(task, MR_COUNT_REDUCE_PAIRS_OUT);
		if (task->config->job.format)
			failed = mr_task_returned(task, task->config->job.format(task, key, value),
						  "format", error);
		else
			failed = mr_output_pair(&task->output, key, value, number, error);
	}
	return failed;
}

static int call_user(struct gw_mr_task *task, struct gw_mr_values *values, enum mr_group_use use,
		     struct gw_error *error)
{
	const struct gw_mr_job *job = &task->config->job;
	struct gw_bytes key = values->key;

	if (use == MR_GROUP_REDUCE && job->reduce)
		return mr_task_returned(task, job->reduce(task, key, values), "reduce", error);
	if (use == MR_GROUP_COMBINE && job->combine)
		return mr_task_returned(task, job->combine(task, key, values), "combine", error);
	return pass_on(task, values, use, error);
}

/* Shows the key in flight to the driver (paper section 4.6). */
static void live_key(struct gw_mr_task *task, struct gw_bytes key, uint64_t number)
{
	struct mr_live *live = task->setup.live;
	size_t size = key.size < MR_LIVE_KEY_MAX ? key.size : MR_LIVE_KEY_MAX;

	memcpy(live->key, key.data, size);
	atomic_store_explicit(&live->key_size, (uint32_t)size, memory_order_relaxed);
	mr_live_record(live, MR_IN_REDUCE, number, number + 1);
}

int mr_groups(struct gw_mr_task *task, struct mr_cursor *cursor, enum mr_group_use use,
	      uint64_t *first_key, struct gw_error *error)
{
	struct gw_mr_values values = {.task = task, .cursor = cursor};
	bool show = use == MR_GROUP_REDUCE && task->config->job.reduce;
	uint64_t number = *first_key;

	assert(cursor->next && (use == MR_GROUP_REDUCE || use == MR_GROUP_COMBINE));
	values.distinct = task->config->job.combine_with == GW_MR_SET_UNION;
	for (values_advance(&values); values.more && !values.failed; number++) {
		int failed = 0;

		values_begin(&values);
		if (use == MR_GROUP_REDUCE)
			++*mr_task_counter(task, MR_COUNT_REDUCE_KEYS_IN);
		if (show)
			live_key(task, values.key, number);
		if (show && mr_task_skips(task, MR_IN_REDUCE, number))
			++*mr_task_counter(task, MR_COUNT_SKIPPED_RECORDS);
		else
			failed = call_user(task, &values, use, error);
		if (failed)
			return failed;
		while (values.same)
			values_advance(&values);
	}
	assert(values.failed <= 0 && number >= *first_key);
	*first_key = number;
	if (show)
		atomic_store_explicit(&task->setup.live->record, 0, memory_order_relaxed);
	if (values.failed && error)
		*error = values.error;
	return values.failed;
}

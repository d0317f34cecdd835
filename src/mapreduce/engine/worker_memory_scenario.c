/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_memory_scenario.c - jobs of every kind while memory is short: each allocation fails once,
 * the attempt ends with a sentence, and the same worker then does the same task as if nothing had
 * been.
 */
#include "worker_fixture.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

/* One file that is mapped and one that is copied; both overflow tables and buffers. */
enum {
	MAPPED_SIZE = 66 << 10,
	COPIED_SIZE = 6 << 10,
	LITTLE_BYTES = 48 << 10,
	PLENTY_BYTES = 8 << 20,
	PARTS = 2,
};

/* ---- Jobs ------------------------------------------------------------------------------------ */

/* Each word of the line, and the rest of the line behind it. */
static int map_words(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	const char *text = line.data;
	size_t begin = 0;

	(void)key;
	for (size_t i = 0; i <= line.size; i++) {
		if (i < line.size && text[i] != ' ')
			continue;
		gw_mr_emit(task, (struct gw_bytes){text + begin, i - begin},
			   (struct gw_bytes){text + i, line.size - i});
		begin = i + 1;
	}
	return 0;
}

static int map_numbers(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	char made[64];

	(void)key;
	snprintf(made, sizeof made, "%.*s", (int)line.size, (const char *)line.data);
	gw_mr_emit_i64(task, gw_string(made), 1); /* bytes that do not last */
	return 0;
}

static int map_write(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	gw_mr_emit(task, line, key);
	return 0;
}

static int reduce_first(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	struct gw_bytes value;

	if (gw_mr_next(values, &value))
		gw_mr_emit(task, key, value);
	return 0;
}

static const struct gw_mr_job jobs[] = {
	{.name = "sum", .map = map_numbers, .combine_with = GW_MR_SUM},
	{.name = "tokens", .map_block = worker_map_tokens, .combine_with = GW_MR_COUNT},
	{.name = "backwards", .map = map_numbers, .combine_with = GW_MR_MAX,
	 .compare = worker_compare_backwards},
	{.name = "identity", .map = map_words},
	{.name = "sorted", .map = map_words, .sort_values = true, .output = GW_MR_OUT_FRAMED},
	{.name = "reduce", .map = map_numbers, .reduce = worker_reduce_sum},
	{.name = "combine", .map = map_numbers, .reduce = worker_reduce_sum,
	 .combine = worker_reduce_sum},
	{.name = "first", .map = map_words, .reduce = reduce_first, .combine = reduce_first},
	{.name = "set", .map = map_words, .combine_with = GW_MR_SET_UNION},
	{.name = "top", .map = map_words, .combine_with = GW_MR_TOP_K, .top_k = 2},
	{.name = "range", .map = map_words, .partition_by = GW_MR_BY_RANGE},
	{.name = "columns", .map = map_words, .input = GW_MR_COLUMNS, .key_column = 1},
	{.name = "map_only", .map = map_write, .map_only = true},
};

/* ---- Running them --------------------------------------------------------------------------- */

struct run {
	struct fixture *fixture;
	const char *inputs[3];
	uint32_t failed; /* attempts and plans */
};

/* The failure of an attempt: only the one that was asked for, and it says so. */
static void expect_no_memory(struct run *run, int failed, const struct gw_error *error)
{
	if (failed != GW_E_NO_MEMORY || !strstr(error->text, "memory"))
		fail_msg("%s: %d, \"%s\"", run->fixture->config.job.name, failed, error->text);
	assert_true(test_allocation_failed());
	assert_int_equal(run->failed++, 0);
}

static void do_task(struct run *run, enum mr_task_kind kind, uint32_t task)
{
	struct gw_error error = {0};
	int failed = fixture_attempt(run->fixture, kind, task, &error);

	if (!failed)
		return;
	expect_no_memory(run, failed, &error);
	assert_string_equal(run->fixture->live.error.text, error.text);
	if (kind == MR_SAMPLE)
		mr_board_reset_ranges(run->fixture->board);
	assert_int_equal(fixture_attempt(run->fixture, kind, task, NULL), 0);
}

static void plan_units(struct run *run)
{
	struct fixture *fixture = run->fixture;
	struct gw_error error = {0};
	int failed;

	if (fixture->config.job.map_only) {
		failed = mr_board_plan_map_only(fixture->board, &fixture->config, &fixture->plan,
						&error);
		assert_int_equal(failed, 0);
		return;
	}
	failed = mr_board_plan_reduces(fixture->board, &fixture->config, &fixture->space, &error);
	if (!failed)
		return;
	expect_no_memory(run, failed, &error);
	assert_int_equal(mr_board_plan_reduces(fixture->board, &fixture->config, &fixture->space,
					       NULL), 0);
}

static void make_worker(struct run *run)
{
	struct fixture *fixture = run->fixture;
	struct gw_error error = {0};
	int failed;

	mr_worker_free(fixture->worker);
	fixture->worker = NULL;
	failed = fixture_worker(fixture, &fixture->worker, &error);
	if (!failed)
		return;
	expect_no_memory(run, failed, &error);
	assert_int_equal(fixture_worker(fixture, &fixture->worker, NULL), 0);
}

/* The whole job; the number-th allocation of it fails, 0: none. */
static void do_job(struct run *run, const struct gw_mr_job *job, uint64_t number)
{
	struct fixture *fixture = run->fixture;
	uint32_t unit;

	fixture_end(fixture);
	assert_int_equal(fixture_begin(fixture, job, run->inputs, NULL), 0);
	run->failed = 0;
	test_fail_allocation(number);
	make_worker(run);
	if (job->map_only)
		plan_units(run);
	else
		do_task(run, MR_SAMPLE, 0);
	for (uint32_t i = 0; i < fixture->plan.split_count; i++)
		do_task(run, MR_MAP, i);
	if (!job->map_only)
		plan_units(run);
	for (uint32_t i = 0; i < fixture->board->unit_count && !job->map_only; i++)
		do_task(run, MR_REDUCE, i);
	while (mr_board_next_place(fixture->board, &unit))
		do_task(run, MR_PLACE, unit);
	assert_int_equal(run->failed, test_allocation_failed());
}

/* ---- Comparing ------------------------------------------------------------------------------ */

struct outputs {
	char *bytes[PARTS];
	size_t sizes[PARTS];
	struct mr_counters counters;
};

static void take_outputs(struct run *run, struct outputs *outputs)
{
	*outputs = (struct outputs){.counters = run->fixture->counters};
	for (uint32_t part = 0; part < run->fixture->config.parts; part++)
		outputs->bytes[part] = fixture_part(run->fixture, part, &outputs->sizes[part]);
}

static void free_outputs(struct outputs *outputs)
{
	for (uint32_t part = 0; part < PARTS; part++)
		free(outputs->bytes[part]);
}

static void expect_same(struct run *run, const struct outputs *expected)
{
	const struct gw_mr_job *job = &run->fixture->config.job;
	struct outputs got;

	take_outputs(run, &got);
	for (uint32_t part = 0; part < run->fixture->config.parts; part++) {
		assert_int_equal(got.sizes[part], expected->sizes[part]);
		if (expected->sizes[part] > 0)
			assert_memory_equal(got.bytes[part], expected->bytes[part],
					    got.sizes[part]);
	}
	assert_int_equal(got.counters.automatic[MR_COUNT_MAP_PAIRS_OUT],
			 expected->counters.automatic[MR_COUNT_MAP_PAIRS_OUT]);
	assert_int_equal(got.counters.automatic[MR_COUNT_REDUCE_PAIRS_OUT],
			 expected->counters.automatic[MR_COUNT_REDUCE_PAIRS_OUT]);
	assert_true(job->map_only ||
		    got.counters.automatic[MR_COUNT_REDUCE_PAIRS_IN] > 0);
	free_outputs(&got);
}

static char *make_text(size_t size)
{
	char *text = malloc(size + 64);
	uint64_t random = 9;
	size_t at = 0;

	assert_non_null(text);
	while (at < size)
		at += (size_t)sprintf(text + at, "word%u%s%c", (unsigned)test_pick(&random, 900),
				      test_pick(&random, 4) ? "" : "-with-a-long-tail",
				      test_pick(&random, 5) ? ' ' : '\n');
	return text;
}

static void begin(struct run *run, char paths[2][128])
{
	char *text = make_text(MAPPED_SIZE);

	run->fixture = fixture_new();
	for (int i = 0; i < 2; i++) {
		snprintf(paths[i], 128, "%s",
			 fixture_file(run->fixture, i ? "b.txt" : "a.txt", text,
				      i ? COPIED_SIZE : MAPPED_SIZE));
		run->inputs[i] = paths[i];
	}
	run->inputs[2] = NULL;
	free(text);
}

static void every_allocation_may_fail(bool spill, uint64_t slot_memory)
{
	struct run run = {0};
	char paths[2][128];
	uint64_t failures = 0;

	begin(&run, paths);
	run.fixture->shared_max = spill ? 0 : UINT64_MAX;
	run.fixture->slot_memory = slot_memory;
	for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
		struct outputs expected;
		uint64_t number = 0;

		run.fixture->options.parts = jobs[i].map_only ? 1 : PARTS;
		do_job(&run, &jobs[i], 0);
		take_outputs(&run, &expected);
		do {
			do_job(&run, &jobs[i], ++number);
			test_fail_allocation(0);
			expect_same(&run, &expected);
		} while (run.failed);
		failures += number - 1;
		free_outputs(&expected);
	}
	print_message("# %u failed allocations\n", (unsigned)failures);
	assert_true(failures > 300);
	fixture_free(run.fixture);
}

static void with_shared_memory(void **state)
{
	(void)state;
	every_allocation_may_fail(false, LITTLE_BYTES);
}

/* Everything is written at the end, when no user function returns any more. */
static void with_plenty_of_memory(void **state)
{
	(void)state;
	every_allocation_may_fail(false, PLENTY_BYTES);
}

static void with_spill_files(void **state)
{
	(void)state;
	every_allocation_may_fail(true, LITTLE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_shared_memory),
		cmocka_unit_test(with_plenty_of_memory),
		cmocka_unit_test(with_spill_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge_test.c - sorted runs in the spill file come out as one, in order, equal keys in the order
 * of the runs; pairs that are larger than what is written at once; and every failure on the way.
 */
#include "memory_space_test.h"
#include "sorter.h"

#include "support/unit.h"

#include <stdio.h>

enum { KEY_SIZE = 8, BIG = 3 << 20 };

struct bench {
	struct mr_config config;
	struct mr_live live;
	struct memory_space memory;
	struct gw_mr_task task;
	struct mr_sorter sorter;
	struct mr_pairs pairs;
};

static struct bench *bench_new(const struct gw_mr_job *job)
{
	struct bench *bench = calloc(1, sizeof *bench);

	assert_non_null(bench);
	bench->config = (struct mr_config){.job = *job, .slot_memory = 1 << 20};
	memory_space_init(&bench->memory, 0);
	bench->task.config = &bench->config;
	bench->task.setup.config = &bench->config;
	bench->task.setup.live = &bench->live;
	bench->task.setup.space = &bench->memory.space;
	assert_int_equal(mr_sorter_init(&bench->sorter, &bench->task, NULL), 0);
	assert_int_equal(mr_pairs_init(&bench->pairs, UINT64_MAX, false, NULL), 0);
	return bench;
}

static void bench_free(struct bench *bench)
{
	mr_sorter_done(&bench->sorter);
	mr_pairs_done(&bench->pairs);
	memory_space_done(&bench->memory);
	free(bench);
}

static int add_pair(struct bench *bench, struct gw_bytes key, struct gw_bytes value)
{
	struct mr_pair pair = {.key = key.data, .key_size = (uint32_t)key.size, .value = value.data,
			       .value_size = (uint32_t)value.size & INT32_MAX};

	return mr_pairs_add(&bench->pairs, &pair, false, false, NULL);
}

/* Sorts what was added and makes a run of it. A load begins with an empty sorter, so the runs that
 * are there are put out of its sight. */
static int make_run(struct bench *bench, struct gw_error *error)
{
	uint32_t runs = bench->sorter.run_count;
	int failed;

	bench->sorter.count = bench->sorter.run_count = 0;
	failed = mr_sorter_load_pairs(&bench->sorter, &bench->pairs, error);
	bench->sorter.run_count = runs;
	if (!failed)
		failed = mr_merge_add_run(&bench->sorter, error);
	mr_pairs_clear(&bench->pairs);
	return failed;
}

static int next_pair(struct bench *bench, struct mr_pair *pair, struct gw_error *error)
{
	return bench->sorter.cursor.next(&bench->sorter.cursor, pair, error);
}

/* ---- Order ---------------------------------------------------------------------------------- */

/* A pair says in its value when it was added: that is the order of equal keys. */
static void add_random_run(struct bench *bench, uint64_t *random, uint32_t *added)
{
	for (uint64_t left = test_pick(random, 50); left > 0; left--) {
		char key[KEY_SIZE] = {0}, value[16];

		snprintf(key, sizeof key, "%u", (unsigned)test_pick(random, 20));
		snprintf(value, sizeof value, "%08u", ++*added);
		assert_int_equal(add_pair(bench, gw_string(key), gw_string(value)), 1);
	}
	assert_int_equal(make_run(bench, NULL), 0);
}

static int compare(const struct bench *bench, const struct mr_pair *a, const struct mr_pair *b)
{
	int order = gw_bytes_compare((struct gw_bytes){a->key, a->key_size},
				     (struct gw_bytes){b->key, b->key_size});
	int values = gw_bytes_compare((struct gw_bytes){a->value, a->value_size},
				      (struct gw_bytes){b->value, b->value_size});

	if (bench->config.job.compare)
		order = -order;
	if (bench->config.job.combine_with == GW_MR_TOP_K)
		values = -values;
	return order ? order : values;
}

static int compare_backwards(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b)
{
	(void)task;
	return gw_bytes_compare(b, a);
}

static void runs_become_one(void **state)
{
	static const struct gw_mr_job jobs[] = {
		{0}, {.compare = compare_backwards}, {.sort_values = true},
		{.combine_with = GW_MR_TOP_K, .top_k = 3},
	};
	uint64_t random = 5;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct bench *bench = bench_new(&jobs[round % 4]);
		struct mr_pair last = {0}, pair;
		uint32_t added = 0, count = 0;

		for (uint64_t runs = test_pick(&random, 12); runs > 0; runs--)
			add_random_run(bench, &random, &added);
		assert_int_equal(mr_merge_begin(&bench->sorter, NULL), 0);
		for (; next_pair(bench, &pair, NULL) == 1; last = pair, count++)
			assert_true(count == 0 || compare(bench, &last, &pair) < 0);
		assert_int_equal(count, added);
		assert_int_equal(next_pair(bench, &pair, NULL), 0);
		mr_sorter_unload(&bench->sorter);
		bench_free(bench);
	}
}

static void no_runs_have_no_pairs(void **state)
{
	static const struct gw_mr_job job;
	struct bench *bench = bench_new(&job);
	struct mr_pair pair;

	(void)state;
	assert_int_equal(make_run(bench, NULL), 0);
	assert_int_equal(bench->sorter.run_count, 0);
	assert_int_equal(bench->memory.calls, 0);
	assert_int_equal(mr_merge_begin(&bench->sorter, NULL), 0);
	assert_int_equal(next_pair(bench, &pair, NULL), 0);
	bench_free(bench);
}

/* A sorted run is written in pieces; its pairs may be larger than a piece. */
static void large_pairs_and_large_runs(void **state)
{
	static const struct gw_mr_job job;
	struct bench *bench = bench_new(&job);
	uint8_t *big = malloc(BIG);
	struct mr_pair pair;
	uint64_t bytes = 0;

	(void)state;
	assert_non_null(big);
	memset(big, 'v', BIG);
	for (uint32_t i = 0; i < 50000; i++) {
		char key[KEY_SIZE];

		snprintf(key, sizeof key, "%06u", 50000 - i);
		assert_int_equal(add_pair(bench, gw_string(key), (struct gw_bytes){big, 60}), 1);
	}
	assert_int_equal(add_pair(bench, gw_string("030000a"), (struct gw_bytes){big, BIG}), 1);
	assert_int_equal(make_run(bench, NULL), 0);
	assert_true(bench->memory.calls > 2);
	assert_int_equal(add_pair(bench, (struct gw_bytes){big, BIG}, gw_string("")), 1);
	assert_int_equal(make_run(bench, NULL), 0);
	assert_int_equal(mr_merge_begin(&bench->sorter, NULL), 0);
	for (uint32_t i = 0; next_pair(bench, &pair, NULL) == 1; i++) {
		bytes += pair.key_size + pair.value_size;
		if (i == 30000)
			assert_int_equal(pair.value_size, BIG);
		else if (i == 50001)
			assert_int_equal(pair.key_size, BIG);
		else
			assert_int_equal(pair.value_size, 60);
	}
	assert_int_equal(bytes, 50000 * 66 + 7 + 2 * BIG);
	assert_int_equal(bench->live.counters.automatic[MR_COUNT_SPILLED_BYTES],
			 bench->memory.spilled_size);
	mr_sorter_unload(&bench->sorter);
	free(big);
	bench_free(bench);
}

/* ---- Failures ------------------------------------------------------------------------------- */

static int merge_three(struct bench *bench, struct gw_error *error)
{
	struct mr_pair pair;
	int failed = 0, more;

	for (int i = 0; i < 3 && !failed; i++) {
		failed = add_pair(bench, gw_string("key"), gw_string("value")) < 0;
		assert_int_equal(failed, 0);
		failed = make_run(bench, error);
	}
	if (!failed)
		failed = mr_merge_begin(&bench->sorter, error);
	while (!failed && (more = next_pair(bench, &pair, error)) != 0)
		failed = more < 0 ? more : 0;
	mr_sorter_unload(&bench->sorter);
	return failed;
}

static void what_the_space_says_is_passed_on(void **state)
{
	static const struct gw_mr_job job;
	struct bench *bench = bench_new(&job);
	int failed = -1;

	(void)state;
	for (uint64_t at = 1; failed; at++) {
		struct gw_error error = {0};

		bench->memory.calls = 0;
		bench->memory.fails_at = at;
		failed = merge_three(bench, &error);
		assert_int_equal(failed, at <= 6 ? GW_E_NO_SPACE : 0); /* 3 spills, 3 maps */
		if (failed)
			assert_string_equal(error.text, "space: no space left");
	}
	bench_free(bench);
}

static int merge_with_little_memory(void *context)
{
	struct gw_error error = {0};
	struct bench *bench = context;
	struct mr_sorter empty = {.task = &bench->task};
	int failed;

	/* Its memory is reused, so it has to begin without any. */
	mr_sorter_done(&bench->sorter);
	bench->sorter = empty;
	failed = merge_three(bench, &error);
	if (failed)
		assert_memory_equal(error.text, "no memory ", 10);
	return failed;
}

static void memory_that_is_short_is_said(void **state)
{
	static const struct gw_mr_job job;
	struct bench *bench = bench_new(&job);
	uint64_t failures;

	(void)state;
	/* The space's own memory is no part of this. */
	bench->memory.spilled = malloc(1 << 20);
	assert_non_null(bench->memory.spilled);
	bench->memory.spilled_capacity = 1 << 20;
	assert_int_equal(merge_three(bench, NULL), 0);
	failures = test_each_allocation_fails(merge_with_little_memory, bench);
	assert_true(failures >= 5);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_become_one),
		cmocka_unit_test(no_runs_have_no_pairs),
		cmocka_unit_test(large_pairs_and_large_runs),
		cmocka_unit_test(what_the_space_says_is_passed_on),
		cmocka_unit_test(memory_that_is_short_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

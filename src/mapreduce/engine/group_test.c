/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_test.c - pairs in order become keys with their values: what reduce reads or leaves, keys
 * that are skipped, and a cursor that fails in the middle.
 */
#include "group.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOG_SIZE = 512 };

/* Gives "key=value" pairs from a list ended by NULL; fails at the n-th if told to. */
struct list_cursor {
	struct mr_cursor cursor; /* first */
	const char *const *at;
	uint32_t given, fails_at;
};

static int list_next(struct mr_cursor *cursor, struct mr_pair *pair, struct gw_error *error)
{
	struct list_cursor *list = (struct list_cursor *)cursor;
	const char *equals;

	if (++list->given == list->fails_at)
		return gw_fail(error, GW_E_IO, "pair %u cannot be read", list->given);
	if (!*list->at)
		return 0;
	equals = strchr(*list->at, '=');
	*pair = (struct mr_pair){.key = *list->at, .key_size = (uint32_t)(equals - *list->at),
				 .value = equals + 1,
				 .value_size = (uint32_t)strlen(equals + 1) & INT32_MAX};
	list->at++;
	return 1;
}

struct bench {
	struct mr_config config;
	struct mr_live live;
	struct mr_attempt attempt;
	struct gw_mr_task task;
	char log[LOG_SIZE];
};

static void bench_init(struct bench *bench, const struct gw_mr_job *job)
{
	memset(bench, 0, sizeof *bench);
	bench->config.job = *job;
	bench->config.job.context = bench;
	bench->task.config = &bench->config;
	bench->task.setup.config = &bench->config;
	bench->task.setup.live = &bench->live;
	bench->task.attempt = &bench->attempt;
	bench->attempt.kind = MR_REDUCE;
}

static int reduce_list(struct bench *bench, const char *const *pairs, uint32_t fails_at,
		       struct gw_error *error)
{
	struct list_cursor list = {{list_next}, pairs, 0, fails_at};
	uint64_t key = 0;

	return mr_groups(&bench->task, &list.cursor, MR_GROUP_REDUCE, &key, error);
}

static void log_bytes(struct bench *bench, struct gw_bytes bytes, const char *end)
{
	size_t used = strlen(bench->log);

	snprintf(bench->log + used, LOG_SIZE - used, "%.*s%s", (int)bytes.size,
		 (const char *)bytes.data, end);
}

static const char *const some[] = {"a=1", "a=2", "b=3", "c=4", "c=5", "c=6", NULL};

/* ---- What reduce reads -------------------------------------------------------------------- */

static int log_all(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	struct bench *bench = gw_mr_context(task);
	struct gw_bytes value;

	log_bytes(bench, key, ":");
	while (gw_mr_next(values, &value))
		log_bytes(bench, value, ",");
	assert_false(gw_mr_next(values, &value)); /* it stays at the end */
	return 0;
}

static int log_one(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	struct bench *bench = gw_mr_context(task);
	struct gw_bytes value;

	log_bytes(bench, key, ":");
	assert_true(gw_mr_next(values, &value));
	log_bytes(bench, value, ",");
	return 0;
}

static int log_none(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	(void)values;
	log_bytes(gw_mr_context(task), key, ":");
	return 0;
}

static int log_sizes(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	struct bench *bench = gw_mr_context(task);
	int64_t number;

	log_bytes(bench, key, ":");
	while (gw_mr_next_i64(values, &number))
		log_bytes(bench, gw_string(number == 0 ? "zero" : "number"), ",");
	return 0;
}

static void reduce_reads_what_it_likes(void **state)
{
	static const struct {
		int (*reduce)(struct gw_mr_task *, struct gw_bytes, struct gw_mr_values *);
		const char *log;
	} cases[] = {
		{log_all, "a:1,2,b:3,c:4,5,6,"},
		{log_one, "a:1,b:3,c:4,"},
		{log_none, "a:b:c:"},
		{log_sizes, "a:zero,zero,b:zero,c:zero,zero,zero,"}, /* they have no 8 bytes */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct gw_mr_job job = {.reduce = cases[i].reduce};
		struct bench bench;

		bench_init(&bench, &job);
		assert_int_equal(reduce_list(&bench, some, 0, NULL), 0);
		assert_string_equal(bench.log, cases[i].log);
		assert_int_equal(bench.live.counters.automatic[MR_COUNT_REDUCE_KEYS_IN], 3);
		assert_int_equal(atomic_load(&bench.live.record), 0);
	}
}

static void numbers_are_read_as_such(void **state)
{
	static const char *const pairs[] = {"k=12345678", NULL};
	static const struct gw_mr_job job = {.reduce = log_sizes};
	struct bench bench;

	(void)state;
	bench_init(&bench, &job);
	assert_int_equal(reduce_list(&bench, pairs, 0, NULL), 0);
	assert_string_equal(bench.log, "k:number,");
}

static void no_pairs_are_no_keys(void **state)
{
	static const char *const none[] = {NULL};
	static const struct gw_mr_job job = {.reduce = log_all};
	struct bench bench;

	(void)state;
	bench_init(&bench, &job);
	assert_int_equal(reduce_list(&bench, none, 0, NULL), 0);
	assert_string_equal(bench.log, "");
}

static void keys_go_on_counting_from_bucket_to_bucket(void **state)
{
	static const struct gw_mr_job job = {.reduce = log_none};
	struct list_cursor list = {{list_next}, some, 0, 0};
	struct bench bench;
	uint64_t key = 10;

	(void)state;
	bench_init(&bench, &job);
	bench.attempt.skip_count = 1;
	bench.attempt.skips[0] = (struct mr_position){MR_IN_REDUCE, 11};
	assert_int_equal(mr_groups(&bench.task, &list.cursor, MR_GROUP_REDUCE, &key, NULL), 0);
	assert_int_equal(key, 13);
	assert_string_equal(bench.log, "a:c:");
	assert_int_equal(bench.live.counters.automatic[MR_COUNT_SKIPPED_RECORDS], 1);
}

/* ---- Failures ----------------------------------------------------------------------------- */

static int fail_at_b(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	if (*(const char *)key.data == 'b')
		return gw_mr_fail(task, "not %.*s", (int)key.size, (const char *)key.data);
	return log_all(task, key, values);
}

static int return_minus_7(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	return log_one(task, key, values) - 7;
}

static void reduce_that_fails_ends_it(void **state)
{
	struct gw_mr_job job = {.reduce = fail_at_b};
	struct gw_error error = {0};
	struct bench bench;

	(void)state;
	bench_init(&bench, &job);
	assert_int_equal(reduce_list(&bench, some, 0, &error), GW_E_USER_CODE);
	assert_string_equal(error.text, "not b");
	assert_string_equal(bench.log, "a:1,2,");
	/* The key in flight is there for whoever asks. */
	assert_int_equal(atomic_load(&bench.live.file), MR_IN_REDUCE);
	assert_int_equal(atomic_load(&bench.live.offset), 1);
	assert_true(atomic_load(&bench.live.record) > 0);
	assert_memory_equal(bench.live.key, "b", 1);
	job.reduce = return_minus_7;
	bench_init(&bench, &job);
	assert_int_equal(reduce_list(&bench, some, 0, &error), GW_E_USER_CODE);
	assert_string_equal(error.text, "reduce returned -7");
	assert_string_equal(bench.log, "a:1,");
}

/* Whether reduce is in the middle of the values or not: what it made of half of them is no
 * result. */
static void a_cursor_that_fails_is_no_end(void **state)
{
	static const struct gw_mr_job jobs[] = {{.reduce = log_all}, {.reduce = log_none}};

	(void)state;
	for (uint32_t at = 1; at <= 7; at++) {
		for (size_t i = 0; i < 2; i++) {
			struct gw_error error = {0};
			struct bench bench;
			char text[64];

			bench_init(&bench, &jobs[i]);
			assert_int_equal(reduce_list(&bench, some, at, &error), GW_E_IO);
			snprintf(text, sizeof text, "pair %u cannot be read", at);
			assert_string_equal(error.text, text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reduce_reads_what_it_likes),
		cmocka_unit_test(numbers_are_read_as_such),
		cmocka_unit_test(no_pairs_are_no_keys),
		cmocka_unit_test(keys_go_on_counting_from_bucket_to_bucket),
		cmocka_unit_test(reduce_that_fails_ends_it),
		cmocka_unit_test(a_cursor_that_fails_is_no_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_scenario.c - jobs in real processes that go well, whose failures are told, whose sample is
 * cut short.
 */
#include "host_fixture.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- All is well ------------------------------------------------------------------------------
 */

static void test_each_task_once_and_in_order(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->tasks = 12;
	fixture->options.jobs = 4;
	fixture->task = stage_emit_number;
	host_fixture_run_well(fixture, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n");
	assert_int_equal(fixture->result.tasks[MR_MAP], 12);
	assert_int_equal(fixture->result.tasks[MR_PLACE], 12);
	assert_int_equal(fixture->result.attempts[MR_MAP], 12);
	assert_int_equal(fixture->result.span_count, 24);
	assert_true(fixture->result.memory_peak_bytes > 0);
	assert_true(fixture->result.pool_peak_bytes > 0);
	assert_int_equal(fixture->failures_told, 0);
}

static void test_in_this_process(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->tasks = 5;
	fixture->options.in_process = true;
	fixture->task = stage_emit_number;
	host_fixture_run_well(fixture, "0\n1\n2\n3\n4\n");
}

static void test_one_map_alone_commits_nothing(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->tasks = 5;
	fixture->options.only_map = 3;
	fixture->task = stage_emit_number;
	assert_int_equal(host_fixture_run(fixture), 0);
	assert_int_equal(fixture->result.attempts[MR_MAP], 1);
	host_fixture_check_left(fixture, false);
}

static void test_one_map_that_is_not_there(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->options.only_map = 1;
	fixture->task = stage_emit_number;
	assert_int_equal(host_fixture_run(fixture), GW_E_USAGE);
	host_fixture_check_left(fixture, false);
}

static void test_many_slots(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->tasks = 3;
	fixture->options.jobs = 200;
	fixture->options.memory = (uint64_t)4 << 30;
	fixture->task = stage_emit_number;
	host_fixture_run_well(fixture, "0\n1\n2\n");
}

/* Pieces of output that do not fit the pool go through a file. */
static int emit_much(struct stage *stage, struct gw_error *error)
{
	char text[2000];
	int code = 0;

	memset(text, 'a' + (int)stage->attempt->task, sizeof(text) - 1);
	text[sizeof(text) - 2] = '\n';
	text[sizeof(text) - 1] = 0;
	for (int i = 0; code == 0 && i < 100; i++)
		code = stage_emit(stage, text, error);
	return code;
}

static void test_a_pool_that_is_too_small(void **state)
{
	struct host_fixture *fixture = *state;
	char *text;

	fixture->tasks = 3;
	fixture->pool_memory = 3 * MR_POOL_GRANULE;
	fixture->task = emit_much;
	assert_int_equal(host_fixture_run(fixture), 0);
	text = host_fixture_part(fixture);
	assert_non_null(text);
	assert_int_equal(strlen(text), 3 * 100 * 1999);
	for (size_t i = 0, size = strlen(text); i < size; i++) {
		char letter = (char)('a' + (int)(i / (100 * 1999)));

		if (text[i] != (i % 1999 == 1998 ? '\n' : letter))
			fail_msg("byte %zu is wrong", i);
	}
	free(text);
	assert_true(fixture->result.pool_peak_bytes <= 3 * MR_POOL_GRANULE);
	host_fixture_check_left(fixture, true);
}

/* The first attempt takes all of the pool and fails; the second one finds it empty. */
static int take_pool(struct stage *stage, struct gw_error *error)
{
	struct mr_region region;
	struct mr_space *space = stage->setup.space;
	int code = space->allocate(space, 4 * MR_POOL_GRANULE, &region, error);

	if (code != 1)
		return gw_fail(error, GW_E_NO_SPACE, "the pool is not empty");
	if (stage->attempt->number == 0)
		return gw_fail(error, GW_E_USER_CODE, "on purpose");
	return 0;
}

static void test_a_failed_attempt_gives_its_memory_back(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->tasks = 1;
	fixture->pool_memory = 4 * MR_POOL_GRANULE;
	fixture->task = take_pool;
	host_fixture_run_well(fixture, "");
}

static int count_own_names(struct stage *stage, struct gw_error *error)
{
	struct mr_user_counter *user = stage->setup.live->counters.user;

	(void)error;
	for (unsigned i = 0; i < MR_USER_COUNTERS_MAX / 2 + 1; i++) {
		snprintf(user[i].name, sizeof(user[i].name), "%u-%u", stage->attempt->task, i);
		user[i].value = 1;
	}
	return 0;
}

static void test_too_many_counters_of_all_tasks_fail_the_job(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->tasks = 2;
	fixture->task = count_own_names;
	assert_int_equal(host_fixture_run(fixture), GW_E_TOO_LARGE);
	assert_non_null(strstr(fixture->error.text, "a job has at most 64 counters"));
	host_fixture_check_left(fixture, false);
}

/* ---- Failures that are told -------------------------------------------------------------------
 */

static int fail_with(struct stage *stage, struct gw_error *error)
{
	stage_record(stage, 0, stage->attempt->number, 1);
	printf("on stdout\n");
	for (int i = 0; i < 2000; i++)
		fprintf(stderr, "line %d\n", i);
	return gw_fail(error, GW_E_USER_CODE, "no good, attempt %u", stage->attempt->number);
}

static void test_a_task_that_fails_for_good(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->task = fail_with;
	fixture->options.attempts = 3;
	assert_int_equal(host_fixture_run(fixture), GW_E_USER_CODE);
	assert_non_null(strstr(fixture->error.text, "given up after 3 attempts"));
	assert_non_null(strstr(fixture->error.text, "no good, attempt 2"));
	assert_int_equal(fixture->failures_told, 2); /* the first, and the one that decided */
	assert_true(fixture->failure.decided);
	assert_string_equal(fixture->failure.error, "no good, attempt 2");
	assert_int_equal(strlen(fixture->failure_printed), MR_STDERR_MAX);
	assert_non_null(strstr(fixture->failure_printed, "\nline 1999\n"));
	assert_null(strstr(fixture->failure_printed, "\nline 1\n"));
	host_fixture_check_left(fixture, false);
}

static void test_an_error_that_cannot_be_mended(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->task = take_pool;
	fixture->pool_memory = MR_POOL_GRANULE;
	assert_int_equal(host_fixture_run(fixture), GW_E_NO_SPACE);
	assert_string_equal(fixture->error.text, "map task 0: the pool is not empty");
	assert_int_equal(fixture->result.attempts[MR_MAP], 1);
	host_fixture_check_left(fixture, false);
}

static void test_failing_in_this_process(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->task = take_pool;
	fixture->pool_memory = 4 * MR_POOL_GRANULE;
	fixture->options.in_process = true;
	host_fixture_run_well(fixture, "");
	assert_int_equal(fixture->failures_told, 1);
	assert_string_equal(fixture->failure.error, "on purpose");
}

static int print_and_emit(struct stage *stage, struct gw_error *error)
{
	fprintf(stderr, "hello from %u\n", stage->attempt->task);
	return stage_emit_number(stage, error);
}

static void test_what_tasks_print_is_passed_on(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->task = print_and_emit;
	fixture->options.show_stderr = true;
	host_fixture_run_well(fixture, "0\n");
	assert_int_equal(fixture->printed_size, strlen("hello from 0\n"));
	assert_memory_equal(fixture->printed, "hello from 0\n", fixture->printed_size);
}

static int fail_to_start(struct stage *stage, struct gw_error *error)
{
	(void)stage;
	return gw_fail(error, GW_E_NO_MEMORY, "no memory for a table");
}

static void test_slots_that_cannot_start(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->task = stage_emit_number;
	fixture->init = fail_to_start;
	assert_true(host_fixture_run(fixture) < 0);
	assert_string_equal(fixture->error.text,
			    "no process could be started: no memory for a table");
	host_fixture_check_left(fixture, false);
}

/* ---- The sample
 * ------------------------------------------------------------------------------------- */

/* A sample that would go on for ever is told that it has enough. */
static int sample_long(struct stage *stage, struct gw_error *error)
{
	(void)error;
	stage_started(stage);
	while (!atomic_load(&stage->setup.live->enough))
		continue;
	return 0;
}

static int map_after_sample(struct stage *stage, struct gw_error *error)
{
	char byte;

	(void)error;
	return read(stage->fixture->started[0], &byte, 1) == 1 ? 0 : GW_E_IO;
}

static void test_a_long_sample_is_cut_short(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->job.map_only = false;
	fixture->sample = sample_long;
	fixture->task = map_after_sample;
	fixture->reduce = stage_emit_number;
	assert_int_equal(host_fixture_run(fixture), 0);
	assert_int_equal(fixture->result.tasks[MR_SAMPLE], 1);
	assert_int_equal(fixture->result.tasks[MR_REDUCE], 1);
	host_fixture_check_left(fixture, true);
}

static int emit_nothing(struct stage *stage, struct gw_error *error)
{
	(void)stage;
	(void)error;
	return 0;
}

static int crash(struct stage *stage, struct gw_error *error)
{
	(void)stage;
	(void)error;
	abort();
}

static void test_a_sample_that_crashes_is_dropped(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->job.map_only = false;
	fixture->sample = crash;
	fixture->task = emit_nothing;
	fixture->reduce = stage_emit_number;
	assert_int_equal(host_fixture_run(fixture), 0);
	assert_int_equal(fixture->failures_told, 0);
	host_fixture_check_left(fixture, true);
}

int main(void)
{
#define SCENARIO(test)                                                                             \
	cmocka_unit_test_setup_teardown(test, host_fixture_setup, host_fixture_teardown)
	const struct CMUnitTest tests[] = {
		SCENARIO(test_each_task_once_and_in_order),
		SCENARIO(test_in_this_process),
		SCENARIO(test_one_map_alone_commits_nothing),
		SCENARIO(test_one_map_that_is_not_there),
		SCENARIO(test_many_slots),
		SCENARIO(test_a_pool_that_is_too_small),
		SCENARIO(test_a_failed_attempt_gives_its_memory_back),
		SCENARIO(test_too_many_counters_of_all_tasks_fail_the_job),
		SCENARIO(test_a_task_that_fails_for_good),
		SCENARIO(test_an_error_that_cannot_be_mended),
		SCENARIO(test_failing_in_this_process),
		SCENARIO(test_what_tasks_print_is_passed_on),
		SCENARIO(test_slots_that_cannot_start),
		SCENARIO(test_a_long_sample_is_cut_short),
		SCENARIO(test_a_sample_that_crashes_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

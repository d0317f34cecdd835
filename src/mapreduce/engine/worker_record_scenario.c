/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_record_scenario.c - what the task runner does about single records: those left out, those
 * that fail or are told of, probes, samples, one larger than all memory; and a disk that is full.
 */
#include "worker_fixture.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

static void bad_records_are_left_out(void **state)
{
	static const struct gw_mr_job record_job = {.map = worker_map_words,
						    .combine_with = GW_MR_SUM};
	static const struct gw_mr_job block_job = {.map_block = worker_map_tokens,
						   .combine_with = GW_MR_SUM};
	static const struct gw_mr_job *const jobs[] = {&record_job, &block_job};
	struct fixture *fixture = *state;

	fixture->attempt.skip_count = 2;
	fixture->attempt.skips[0] = (struct mr_position){0, 4};
	fixture->attempt.skips[1] = (struct mr_position){0, 16};
	for (size_t i = 0; i < 2; i++) {
		worker_check(fixture, jobs[i], "a b\nbad bad\nc a\nbad", "a\t2\nb\t1\nc\t1\n");
		assert_int_equal(fixture->counters.automatic[MR_COUNT_SKIPPED_RECORDS], 2);
	}
}

static int map_block_size(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	char size[24];

	snprintf(size, sizeof size, "%zu bytes", block->size);
	gw_mr_emit_i64(task, gw_string(size), 1);
	return 0;
}

static void an_empty_file_is_one_record_to_a_job_that_wants_it(void **state)
{
	static const struct gw_mr_job unaware = {.map_block = map_block_size,
						 .combine_with = GW_MR_SUM};
	static const struct gw_mr_job job = {
		.map_block = map_block_size, .combine_with = GW_MR_SUM, .empty_files = true};
	struct fixture *fixture = *state;

	worker_check(fixture, &unaware, "", "");
	worker_check(fixture, &job, "", "0 bytes\t1\n");
	worker_check(fixture, &job, "x\n", "2 bytes\t1\n");
	fixture->attempt.skip_count = 1;
	worker_check(fixture, &job, "", "");
	assert_int_equal(fixture->counters.automatic[MR_COUNT_SKIPPED_RECORDS], 1);
}

static void probes_map_a_part_and_publish_nothing(void **state)
{
	static const struct gw_mr_job job = {.map_block = worker_map_tokens,
					     .combine_with = GW_MR_SUM};
	struct fixture *fixture = *state;
	const char *text = "one two\nthree\nfour\n";
	const char *inputs[2] = {fixture_file(fixture, "in.txt", text, strlen(text)), NULL};
	uint64_t mapped = 0;

	assert_int_equal(fixture_begin(fixture, &job, inputs, NULL), 0);
	fixture->attempt.probe = true;
	for (uint64_t from = 0; from < strlen(text); from++) {
		fixture->attempt.probe_from = from;
		fixture->attempt.probe_to = from + 1;
		assert_int_equal(fixture_attempt(fixture, MR_MAP, 0, NULL), 0);
		assert_int_equal(fixture->left.run_count, 0);
		mapped += (uint64_t)fixture->live.counters.automatic[MR_COUNT_MAP_PAIRS_OUT];
	}
	/* Each record begins in one of the ranges. */
	assert_int_equal(mapped, 4);
}

static void reduce_keys_can_be_skipped(void **state)
{
	static const struct gw_mr_job job = {.map = worker_map_first_word,
					     .reduce = worker_join_values};
	struct fixture *fixture = *state;

	fixture->attempt.skip_count = 1;
	fixture->attempt.skips[0] = (struct mr_position){MR_IN_REDUCE, 1};
	worker_check(fixture, &job, "a 1\nb 2\nc 3\n", "a=1\nc=3\n");
}

static void a_full_disk_is_an_error_at_every_write(void **state)
{
	static const struct gw_mr_job jobs[] = {
		{.map = worker_map_words, .combine_with = GW_MR_SUM},
		{.map = worker_map_words,
		 .reduce = worker_reduce_sum,
		 .combine = worker_reduce_sum},
	};
	struct fixture *fixture = *state;
	char *text = worker_text(200 << 10, 10000, 77);
	const char *inputs[2] = {fixture_file(fixture, "in.txt", text, strlen(text)), NULL};

	worker_set_memory(fixture, SPILL_LZ4);
	for (size_t i = 0; i < 2; i++) {
		int failed = -1;

		for (uint64_t at = 1; failed; at++) {
			struct gw_error error = {0};

			fixture->spill_calls = 0;
			fixture->spill_fails_at = at;
			failed = fixture_run(fixture, &jobs[i], inputs, &error);
			if (failed)
				assert_int_equal(failed, GW_E_NO_SPACE);
			if (failed)
				assert_string_equal(error.text, "spill: no space left");
			assert_true(at < 10000);
		}
	}
	free(text);
}

static int fail_on_b(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)key;
	if (line.size > 0 && *(const char *)line.data == 'b')
		return gw_mr_fail(task, "no %s", "b please");
	return 0;
}

static int return_17(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)task;
	(void)key;
	(void)line;
	return -17;
}

static int emit_bytes_to_sum(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)key;
	gw_mr_emit(task, line, line);
	return 0;
}

static void failures_of_user_code_are_told(void **state)
{
	static const struct {
		struct gw_mr_job job;
		const char *text;
	} cases[] = {
		{{.map = fail_on_b}, "no b please"},
		{{.map = return_17}, "map returned -17"},
		{{.map = emit_bytes_to_sum, .combine_with = GW_MR_SUM},
		 "emit of 1 bytes to a combiner of numbers: a value has 8 bytes"},
	};
	struct fixture *fixture = *state;
	const char *inputs[2] = {NULL, NULL};

	inputs[0] = fixture_file(fixture, "in.txt", "a\nb\n", 4);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct gw_error error = {0};

		assert_true(fixture_run(fixture, &cases[i].job, inputs, &error) < 0);
		assert_string_equal(error.text, cases[i].text);
		assert_true(atomic_load(&fixture->live.record) > 0);
	}
}

static int count_lines(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)key;
	gw_mr_count(task, "lines", 1);
	gw_mr_count(task, "bytes", (int64_t)line.size);
	gw_mr_status(task, "counting");
	return 0;
}

static void counters_leave_out_the_sample(void **state)
{
	static const struct gw_mr_job job = {.map = count_lines};
	struct fixture *fixture = *state;
	char *text = worker_text(2 << 20, 5, 4);
	int64_t lines = 0;

	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	worker_run(fixture, &job, text);
	assert_string_equal(fixture->counters.user[0].name, "lines");
	assert_in_range(fixture->counters.user[0].value, lines, lines + 1);
	assert_string_equal(fixture->live.status, "");
	free(text);
}

/* What the progress line sees while blocks are mapped; their sum is what was there before. */
static int say_progress(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	const struct fixture *fixture = gw_mr_context(task);
	const _Atomic uint64_t *bytes = &fixture->live.bytes_in;
	const struct gw_token token = {(uint32_t)block->size / 2, 1};
	uint64_t before = atomic_load(bytes);

	gw_mr_progress(task, block->data + block->size / 4);
	assert_int_equal(atomic_load(bytes), before + block->size / 4);
	gw_mr_at(task, block->data + block->size / 3);
	assert_int_equal(atomic_load(bytes), before + block->size / 3);
	gw_mr_emit_tokens_i64(task, block->data, &token, 1, 1);
	assert_int_equal(atomic_load(bytes), before + block->size / 2);
	gw_mr_progress(task, block->data + block->size);
	assert_int_equal(atomic_load(bytes), before + block->size);
	gw_mr_progress(task, &token); /* not of the block */
	assert_int_equal(atomic_load(bytes), before + block->size);
	return 0;
}

static void progress_within_blocks_does_not_change_their_sum(void **state)
{
	struct fixture *fixture = *state;
	struct gw_mr_job job = {
		.map_block = say_progress, .combine_with = GW_MR_SUM, .context = fixture};
	char *text = worker_text(5 << 20, 20, 5);

	fixture->options.split_size = 300 << 10;
	worker_run(fixture, &job, text);
	assert_int_equal(fixture->counters.automatic[MR_COUNT_MAP_BYTES_IN], strlen(text));
	free(text);
}

static int map_key_and_value(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	gw_mr_emit(task, key, value);
	return 0;
}

/* Its slices are cut from pieces that need not begin with a record. */
static void a_sample_stays_within_the_file(void **state)
{
	enum { SIZE = 1048700, RECORD = 100 };
	static const struct gw_mr_job job = {
		.map = map_key_and_value,
		.input = GW_MR_FIXED,
		.record_size = RECORD,
		.key_size = 10,
		.output = GW_MR_OUT_FIXED,
	};
	struct fixture *fixture = *state;
	char *records = malloc(SIZE), *got;
	const char *inputs[2] = {NULL, NULL};
	uint64_t seed = 3;
	size_t size;

	assert_non_null(records);
	for (size_t i = 0; i < SIZE; i++)
		records[i] = (char)('a' + test_random(&seed) % 26);
	inputs[0] = fixture_file(fixture, "in.bin", records, SIZE);
	assert_int_equal(fixture_run(fixture, &job, inputs, NULL), 0);
	assert_true(fixture->board->ranges > 1);
	got = fixture_part(fixture, 0, &size);
	assert_int_equal(size, SIZE);
	for (size_t i = RECORD; i < SIZE; i += RECORD)
		assert_true(memcmp(got + i - RECORD, got + i, 10) <= 0);
	free(records);
	free(got);
}

/* A key larger than the slot's memory is dealt with and then forgotten. */
static void one_long_key_costs_nothing_afterwards(void **state)
{
	static const struct gw_mr_job job = {.map = worker_map_words, .combine_with = GW_MR_SUM};
	enum { LONG = 300 << 10, WORDS = 5000 };
	struct fixture *fixture = *state;
	char *text = malloc(LONG + WORDS * 32), *expected;
	size_t at = LONG;

	assert_non_null(text);
	memset(text, 'a', LONG);
	text[at++] = '\n';
	for (unsigned i = 0; i < WORDS; i++)
		at += (size_t)sprintf(text + at, "a-word-of-many-letters-%u\n", i);
	expected = worker_count_words(text);
	worker_set_memory(fixture, SPILL_LZ4);
	fixture->slot_memory = 400 << 10;
	worker_check(fixture, &job, text, expected);
	assert_in_range(fixture->spill_calls, 1, 50);
	free(text);
	free(expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bad_records_are_left_out, worker_setup,
						worker_teardown),
		cmocka_unit_test_setup_teardown(an_empty_file_is_one_record_to_a_job_that_wants_it,
						worker_setup, worker_teardown),
		cmocka_unit_test_setup_teardown(probes_map_a_part_and_publish_nothing, worker_setup,
						worker_teardown),
		cmocka_unit_test_setup_teardown(reduce_keys_can_be_skipped, worker_setup,
						worker_teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_is_an_error_at_every_write,
						worker_setup, worker_teardown),
		cmocka_unit_test_setup_teardown(failures_of_user_code_are_told, worker_setup,
						worker_teardown),
		cmocka_unit_test_setup_teardown(progress_within_blocks_does_not_change_their_sum,
						worker_setup, worker_teardown),
		cmocka_unit_test_setup_teardown(counters_leave_out_the_sample, worker_setup,
						worker_teardown),
		cmocka_unit_test_setup_teardown(a_sample_stays_within_the_file, worker_setup,
						worker_teardown),
		cmocka_unit_test_setup_teardown(one_long_key_costs_nothing_afterwards, worker_setup,
						worker_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

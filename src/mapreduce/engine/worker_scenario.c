/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_scenario.c - whole jobs through the task runner, in one process: every kind of combiner,
 * order and output, with plenty of memory and with none.
 */
#include "worker_fixture.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

static void check_everywhere(struct fixture *fixture, const struct gw_mr_job *job, const char *text,
			     const char *expected)
{
	for (int amount = 0; amount < AMOUNTS; amount++) {
		worker_set_memory(fixture, amount);
		fixture->no_sample = false;
		worker_check(fixture, job, text, expected);
		fixture->no_sample = true;
		worker_check(fixture, job, text, expected);
	}
}

static void counts_words_in_every_memory(void **state)
{
	static const struct gw_mr_job jobs[] = {
		{.map = worker_map_words, .combine_with = GW_MR_SUM},
		{.map_block = worker_map_tokens, .combine_with = GW_MR_COUNT},
		{.map = worker_map_words, .reduce = worker_reduce_sum},
		{.map = worker_map_words,
		 .reduce = worker_reduce_sum,
		 .combine = worker_reduce_sum},
		{.map = worker_map_words, .reduce = worker_reduce_sum, .combine_with = GW_MR_SUM},
	};
	char *text = worker_text(1 << 20, 20000, 1), *expected = worker_count_words(text);

	for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
		check_everywhere(*state, &jobs[i], text, expected);
	free(text);
	free(expected);
}

static void one_key_has_all_values(void **state)
{
	static const struct gw_mr_job job = {.map = worker_map_words, .reduce = worker_reduce_sum};
	char *text = worker_text(1 << 20, 1, 3), *expected = worker_count_words(text);

	check_everywhere(*state, &job, text, expected);
	free(text);
	free(expected);
}

static void min_and_max(void **state)
{
	struct gw_mr_job job = {.map = worker_map_words, .combine_with = GW_MR_MIN};

	worker_check(*state, &job, "a b\na a\n", "a\t1\nb\t1\n");
	job.combine_with = GW_MR_MAX;
	worker_check(*state, &job, "a b\na a\n", "a\t1\nb\t1\n");
}

static void identity_keeps_order_of_equal_keys(void **state)
{
	static const struct gw_mr_job job = {.map = worker_map_first_word};

	check_everywhere(*state, &job, "b 2\na 9\nb 1\na 8\nb 3\n",
			 "a\t9\na\t8\nb\t2\nb\t1\nb\t3\n");
	worker_check(*state, &job, "", "");
	worker_check(*state, &job, "a 1", "a\t1\n");
}

/* What sort -s -k1,1 makes of the lines, for the test below. */
static char *sort_lines(const char *text)
{
	char *copy = strdup(text), *save = NULL, *out = malloc(strlen(text) + 2);
	char **lines = malloc((strlen(text) + 1) * sizeof *lines);
	size_t count = 0, at = 0;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		lines[count++] = line;
	qsort(lines, count, sizeof *lines, worker_compare_strings);
	out[0] = 0;
	for (size_t i = 0; i < count; i++)
		at += (size_t)sprintf(out + at, "%s\n", lines[i]);
	free(copy);
	free(lines);
	return out;
}

static int map_line(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)key;
	gw_mr_emit(task, line, (struct gw_bytes){NULL, 0});
	return 0;
}

static void sorts_lines_in_every_memory(void **state)
{
	static const struct gw_mr_job job = {.map = map_line, .partition_by = GW_MR_BY_RANGE};
	struct fixture *fixture = *state;
	char *text = worker_text(1 << 20, 40000, 9), *expected = sort_lines(text);
	char *together = malloc(strlen(expected) + 1);
	size_t at = 0;

	check_everywhere(fixture, &job, text, expected);
	fixture->no_sample = false;
	fixture->options.parts = 3;
	worker_run(fixture, &job, text);
	for (uint32_t part = 0; part < 3; part++) {
		size_t size;
		char *got = fixture_part(fixture, part, &size);

		assert_true(size > strlen(expected) / 6);
		memcpy(together + at, got, size + 1);
		at += size;
		free(got);
	}
	assert_string_equal(together, expected);
	free(together);
	free(text);
	free(expected);
}

static void user_order_of_keys_and_values(void **state)
{
	struct gw_mr_job job = {.map = worker_map_first_word,
				.reduce = worker_join_values,
				.compare = worker_compare_backwards};
	const char *text = "b 2\na 9\nb 1\na 8\nb 3\nab x\n";

	check_everywhere(*state, &job, text, "b=2,1,3\nab=x\na=9,8\n");
	job.sort_values = true;
	check_everywhere(*state, &job, text, "b=1,2,3\nab=x\na=8,9\n");
	job.compare_values = worker_compare_backwards;
	job.compare = NULL;
	check_everywhere(*state, &job, text, "a=9,8\nab=x\nb=3,2,1\n");
}

static int compare_first_letter(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b)
{
	(void)task;
	return *(const char *)a.data - *(const char *)b.data;
}

static void keys_that_compare_equal_are_one_group(void **state)
{
	struct gw_mr_job job = {.map = worker_map_first_word,
				.reduce = worker_join_values,
				.compare = compare_first_letter};

	check_everywhere(*state, &job, "b1 2\na1 9\nb2 1\na2 8\n", "a1=9,8\nb1=2,1\n");
}

static void built_in_combiner_with_a_user_order(void **state)
{
	static const struct gw_mr_job job = {.map = worker_map_words,
					     .combine_with = GW_MR_SUM,
					     .compare = worker_compare_backwards};

	check_everywhere(*state, &job, "a b\nb c b\n", "c\t1\nb\t3\na\t1\n");
}

static void sets_of_values(void **state)
{
	struct gw_mr_job job = {.map = worker_map_first_word, .combine_with = GW_MR_SET_UNION};
	const char *text = "k b\nk a\nj z\nk b\nk a\nj z\nk c\n";

	check_everywhere(*state, &job, text, "j\tz\nk\ta\nk\tb\nk\tc\n");
	job.reduce = worker_join_values;
	check_everywhere(*state, &job, text, "j=z\nk=a,b,c\n");
}

static void greatest_values(void **state)
{
	struct gw_mr_job job = {
		.map = worker_map_first_word, .combine_with = GW_MR_TOP_K, .top_k = 2};
	const char *text = "k b\nk a\nj z\nk d\nk a\nk d\nk c\n";

	check_everywhere(*state, &job, text, "j\tz\nk\td\nk\td\n");
	job.reduce = worker_join_values;
	check_everywhere(*state, &job, text, "j=z\nk=d,d\n");
}

static int write_line_with_a(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)key;
	if (memchr(line.data, 'a', line.size)) {
		gw_mr_write(task, line.data, line.size);
		gw_mr_write(task, "\n", 1);
	}
	return 0;
}

static void map_only_keeps_the_order_of_the_input(void **state)
{
	static const struct gw_mr_job job = {.map = write_line_with_a, .map_only = true};
	char *text = worker_text(1 << 20, 1000, 5), *expected = malloc(strlen(text) + 2);
	char *copy = strdup(text), *save = NULL;
	size_t at = 0;

	expected[0] = 0;
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strchr(line, 'a'))
			at += (size_t)sprintf(expected + at, "%s\n", line);
	}
	for (int amount = 0; amount < AMOUNTS; amount++) {
		worker_set_memory(*state, amount);
		worker_check(*state, &job, text, expected);
	}
	free(text);
	free(expected);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_words_in_every_memory, worker_setup,
						worker_teardown),
		cmocka_unit_test_setup_teardown(one_key_has_all_values, worker_setup,
						worker_teardown),
		cmocka_unit_test_setup_teardown(min_and_max, worker_setup, worker_teardown),
		cmocka_unit_test_setup_teardown(identity_keeps_order_of_equal_keys, worker_setup,
						worker_teardown),
		cmocka_unit_test_setup_teardown(sorts_lines_in_every_memory, worker_setup,
						worker_teardown),
		cmocka_unit_test_setup_teardown(user_order_of_keys_and_values, worker_setup,
						worker_teardown),
		cmocka_unit_test_setup_teardown(keys_that_compare_equal_are_one_group, worker_setup,
						worker_teardown),
		cmocka_unit_test_setup_teardown(built_in_combiner_with_a_user_order, worker_setup,
						worker_teardown),
		cmocka_unit_test_setup_teardown(sets_of_values, worker_setup, worker_teardown),
		cmocka_unit_test_setup_teardown(greatest_values, worker_setup, worker_teardown),
		cmocka_unit_test_setup_teardown(map_only_keeps_the_order_of_the_input, worker_setup,
						worker_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

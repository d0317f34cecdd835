/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seeds_test.c - seeds as people write them.
 */
#include "sim/seeds.h"

#include "support/unit.h"

#include <stdlib.h>

static void a_number_is_one_seed(void **state)
{
	uint64_t *seeds = NULL;
	size_t count = 0;

	(void)state;
	assert_int_equal(sim_seeds_parse("18446744073709551615", &seeds, &count, NULL), 0);
	assert_int_equal(count, 1);
	assert_true(seeds[0] == UINT64_MAX);
	free(seeds);
}

static void two_numbers_are_all_between(void **state)
{
	uint64_t *seeds = NULL;
	size_t count = 0;

	(void)state;
	assert_int_equal(sim_seeds_parse("7..10", &seeds, &count, NULL), 0);
	assert_int_equal(count, 4);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(seeds[i], 7 + i);
	free(seeds);
}

static void anything_else_is_refused(void **state)
{
	static const char *const wrong[] = {"",      "x",    "1.",   "1..",  "..5", "5..4",
					    "1...3", "1..3x", "-1", " 1", "1 ..2",
					    "18446744073709551616"};
	struct gw_error error = {0};
	uint64_t *seeds = NULL;
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(sim_seeds_parse(wrong[i], &seeds, &count, &error), GW_E_USAGE);
	assert_string_equal(error.text, "seeds 18446744073709551616: a number, or two as 1..1000, "
					"are wanted");
	assert_int_equal(sim_seeds_parse("0..100000000", &seeds, &count, &error), GW_E_USAGE);
	assert_string_equal(error.text, "seeds 0..100000000: more than 100000000 at once");
}

static int parse(void *context)
{
	uint64_t *seeds = NULL;
	size_t count;
	int code = sim_seeds_parse("1..5", &seeds, &count, NULL);

	(void)context;
	if (code == 0)
		free(seeds);
	return code;
}

static void want_of_memory_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(test_each_allocation_fails(parse, NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_one_seed),
		cmocka_unit_test(two_numbers_are_all_between),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(want_of_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * duel_test.c - the hart and the oracle carry out random programs, and agree; however little is
 * kept.
 */
#include "duel_fixture.h"
#include "support/unit.h"

#include <stdio.h>

enum { SEEDS = 150, COUNT = 3000 };

static void fight(const struct duel_options *options, uint64_t count)
{
	struct duel duel;
	const char *difference;

	assert_int_equal(duel_start(&duel, options), 0);
	difference = duel_run(&duel, options, count);
	if (difference)
		fail_msg("seed %llu, count %llu: %s", (unsigned long long)options->seed,
			 (unsigned long long)duel.oracle.count, difference);
	duel_done(&duel);
}

static void one_instruction_at_a_time(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		fight(&(struct duel_options){.seed = seed, .step_max = 1}, COUNT / 10);
}

static void in_steps_of_any_length(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		fight(&(struct duel_options){.seed = 1000 + seed, .step_max = 200}, COUNT);
}

static void with_page_tables(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++)
		fight(&(struct duel_options){.seed = 2000 + seed, .paged = true, .step_max = 100},
		      COUNT);
}

static void whatever_is_kept(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		fight(&(struct duel_options){
			      .seed = 3000 + seed,
			      .paged = true,
			      .step_max = 100,
			      .block_instructions_max = 1 + seed % 7,
			      .translations_max = 1 + seed % 5,
			      .blocks_max = 1 + seed % 9,
		      }, COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_instruction_at_a_time),
		cmocka_unit_test(in_steps_of_any_length),
		cmocka_unit_test(with_page_tables),
		cmocka_unit_test(whatever_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

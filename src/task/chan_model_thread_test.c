/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan_model_thread_test.c - channels between two loops, step by step beside the reference that
 * those of one loop are held to.
 */
#include "chan_model_fixture.h"

enum { STEPS = 300, SEEDS = 20 };

static int between_loops_they_do_as_the_reference_does(void *argument)
{
	struct model_side sides[2];
	struct gw_group group = {.name = "keeper"};
	struct gw_thread *thread;
	int result;

	(void)argument;
	for (size_t i = 0; i < 2; i++)
		model_side_init(&sides[i], true);
	assert_int_equal(gw_spawn(&group, model_keep, &sides[0], NULL), 0);
	assert_int_equal(gw_thread_start(&thread, model_keep, &sides[1], NULL, NULL), 0);
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		model_run(sides, 2, seed, STEPS);
	for (size_t i = 0; i < 2; i++)
		gw_chan_close(sides[i].commands);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(gw_thread_join(thread, &result, GW_FOREVER), 0);
	assert_int_equal(result, 0);
	for (size_t i = 0; i < 2; i++)
		model_side_done(&sides[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(between_loops_they_do_as_the_reference_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

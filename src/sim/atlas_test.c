/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atlas_test.c - faults stay within what nodes promise to bear, exceed it where that is asked for,
 * all of them come, and all of them end.
 */
#include "run_fixture.h"

#include "support/unit.h"

enum { SEEDS = 60 };

#define EVERYTHING ((UINT32_C(1) << SIM_FAULTS) - 1)

/* ---- Five machines, of which two may be down --------------------------------------------- */

static int set_up_two_down(struct sim_run *run, struct gw_error *error)
{
	return small_set_up(run, &(struct sim_group){.down_max = 2, .damaged_max = 1,
						     .bears = EVERYTHING},
			    error);
}

static int note_down(struct sim_run *run, struct gw_error *error)
{
	struct small *small = run->state;
	uint32_t down = small_down(run);

	(void)error;
	if (down > small->down_seen)
		small->down_seen = down;
	return 0;
}

static int check_two_down(struct sim_run *run, struct gw_error *error)
{
	uint32_t down = small_down(run);

	if (down > 2)
		return gw_fail(error, GW_E_CORRUPT, "%u machines are down", down);
	return 0;
}

static bool all_run(struct sim_run *run)
{
	return small_down(run) == 0;
}

static int nothing_is_left(struct sim_run *run, struct gw_error *error)
{
	struct small *small = run->state;

	for (uint32_t i = 0; i < SMALL_NODES; i++) {
		const struct sim_disk *disk = sim_disk(small->nodes[i]);
		const struct sim_link *link = sim_link(small->nodes[i], small->nodes[0]);

		if (disk->hung || disk->read_error_ppm || disk->write_error_ppm ||
		    disk->sync_error_ppm || disk->sync_lie_ppm || disk->rot_ppm ||
		    disk->misdirect_ppm || disk->tear_ppm || disk->slow_ppm ||
		    disk->total_bytes == 0)
			return gw_fail(error, GW_E_CORRUPT, "a fault of disk %u lasts", i);
		if (link->blocked || link->reset_ppm || link->bytes_per_s || link->refuse_ppm)
			return gw_fail(error, GW_E_CORRUPT, "a fault of link %u lasts", i);
	}
	return 0;
}

static const struct sim_bug no_bugs[] = {{0}};

static const struct sim_workload two_down = {
	.name = "two-down",
	.setup = set_up_two_down,
	.check_running = check_two_down,
	.converged = all_run,
	.check_end = nothing_is_left,
	.done = small_done,
	.bugs = no_bugs,
};

static void no_more_are_down_at_once_than_the_group_bears(void **state)
{
	uint64_t counts[SIM_FAULTS] = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct sim_run_options options = {.workload = &two_down, .seed = seed};
		struct sim_result result;

		if (sim_run_seed(&options, &result) < 0)
			fail_msg("seed %d: %s", (int)seed, result.error.text);
		assert_false(result.beyond);
		for (int i = 0; i < SIM_FAULTS; i++)
			counts[i] += result.faults[i];
	}
	for (int i = 0; i < SIM_FAULTS; i++) {
		if (counts[i] == 0 && i != SIM_FAULT_TEAR)
			fail_msg("never: %s", sim_fault_text((enum sim_fault)i));
	}
}

/* ---- The same with seeds that exceed it -------------------------------------------------- */

static int set_up_beyond(struct sim_run *run, struct gw_error *error)
{
	return small_set_up(run, &(struct sim_group){.down_max = 1,
						     .bears = SIM_FAULT_BIT(KILL),
						     .beyond = SIM_FAULT_BIT(POWER_LOSS)},
			    error);
}

static int check_promise(struct sim_run *run, struct gw_error *error)
{
	struct small *small = run->state;

	(void)note_down(run, error);
	if (!run->beyond && small->down_seen > 1)
		return gw_fail(error, GW_E_CORRUPT, "%u are down", small->down_seen);
	return 0;
}

/* Tells by an error that more were down. */
static int tell_down(struct sim_run *run, struct gw_error *error)
{
	struct small *small = run->state;

	if (small->down_seen > 1)
		return gw_fail(error, GW_E_CORRUPT, "more were down");
	return 0;
}

static const struct sim_workload beyond = {
	.name = "beyond",
	.setup = set_up_beyond,
	.check_running = check_promise,
	.converged = all_run,
	.check_end = tell_down,
	.done = small_done,
	.bugs = no_bugs,
};

static void some_seeds_exceed_the_promise_and_say_so(void **state)
{
	unsigned seeds = 0, more = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++) {
		struct sim_run_options options = {.workload = &beyond, .seed = seed};
		struct sim_result result;

		(void)sim_run_seed(&options, &result);
		seeds += result.beyond;
		more += result.error.code != 0;
		if (result.error.code)
			assert_string_equal(result.error.text, "more were down");
		if (!result.beyond) {
			assert_int_equal(result.error.code, 0);
			assert_int_equal(result.faults[SIM_FAULT_POWER_LOSS], 0);
		}
	}
	assert_in_range(seeds, 5, 50);
	assert_true(more > 0);
}

/* ---- Machines that take long to be ready ------------------------------------------------- */

/* Who was down once never catches up. */
static bool never_ready(struct sim_run *run, struct sim_node *node)
{
	(void)run;
	return sim_node_lives(node) < 2;
}

static int set_up_never_ready(struct sim_run *run, struct gw_error *error)
{
	return small_set_up(run, &(struct sim_group){.down_max = 2,
						     .bears = SIM_FAULT_BIT(KILL),
						     .ready = never_ready},
			    error);
}

static int two_lives_at_most(struct sim_run *run, struct gw_error *error)
{
	struct small *small = run->state;
	unsigned hit = 0;

	for (uint32_t i = 0; i < SMALL_NODES; i++)
		hit += sim_node_lives(small->nodes[i]) > 1;
	return hit > 2 ? gw_fail(error, GW_E_CORRUPT, "%u were hit", hit) : 0;
}

static const struct sim_workload slow = {
	.name = "slow",
	.setup = set_up_never_ready,
	.check_running = two_lives_at_most,
	.converged = all_run,
	.check_end = two_lives_at_most,
	.done = small_done,
	.bugs = no_bugs,
};

static void who_has_not_caught_up_counts_as_down(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct sim_run_options options = {.workload = &slow, .seed = seed};
		struct sim_result result;

		if (sim_run_seed(&options, &result) < 0)
			fail_msg("seed %d: %s", (int)seed, result.error.text);
	}
}

static void every_fault_has_its_own_text(void **state)
{
	(void)state;
	for (int i = 0; i < SIM_FAULTS; i++) {
		for (int j = 0; j < i; j++)
			assert_string_not_equal(sim_fault_text((enum sim_fault)i),
						sim_fault_text((enum sim_fault)j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_are_down_at_once_than_the_group_bears),
		cmocka_unit_test(some_seeds_exceed_the_promise_and_say_so),
		cmocka_unit_test(who_has_not_caught_up_counts_as_down),
		cmocka_unit_test(every_fault_has_its_own_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

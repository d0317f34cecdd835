/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan_model_test.c - channels and semaphores in one loop, step by step beside references that are
 * so simple that they are right: they have no lists, but look through all who wait for the one who
 * came first.
 */
#include "chan_model_fixture.h"

enum { WORKERS = 6, STEPS = 300, SEEDS = 60 };

static int channels_and_selects_do_as_the_reference_does(void *argument)
{
	struct model_side side;
	struct gw_group group = {.name = "keeper"};

	(void)argument;
	model_side_init(&side, false);
	assert_int_equal(gw_spawn(&group, model_keep, &side, NULL), 0);
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		model_run(&side, 1, seed, STEPS);
	gw_chan_close(side.commands);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	model_side_done(&side);
	return 0;
}

/* ---- Semaphores ---------------------------------------------------------------------------- */

struct claimant {
	struct gw_group group;
	struct gw_semaphore *semaphore;
	uint64_t number, ticket;
	bool asked, done, pending;
	int result;
};

static int acquires(void *argument)
{
	struct claimant *claimant = argument;

	for (;;) {
		if (!claimant->asked || claimant->done) {
			if (gw_yield() < 0)
				return 0;
			continue;
		}
		claimant->result = gw_acquire(claimant->semaphore, claimant->number, GW_FOREVER);
		claimant->done = true;
		if (claimant->result < 0)
			return 0;
	}
}

/* The first who waits gets his, then the next, until one wants more than there is. */
static void grant_in_model(struct claimant *claimants, uint64_t *count)
{
	for (;;) {
		struct claimant *first = NULL;

		for (size_t i = 0; i < WORKERS; i++) {
			if (claimants[i].pending &&
			    (!first || claimants[i].ticket < first->ticket))
				first = &claimants[i];
		}
		if (!first || first->number > *count)
			return;
		*count -= first->number;
		first->pending = false;
	}
}

static void cancel_claimant(struct claimant *claimant, struct claimant *claimants, uint64_t *count)
{
	gw_group_cancel(&claimant->group);
	assert_int_equal(gw_group_done(&claimant->group), 0);
	if (claimant->pending) {
		assert_int_equal(claimant->result, GW_E_CANCELLED);
		claimant->pending = claimant->asked = claimant->done = false;
	}
	grant_in_model(claimants, count);
	assert_int_equal(gw_spawn(&claimant->group, acquires, claimant, NULL), 0);
}

static void step_semaphore(struct claimant *claimants, uint64_t *count, uint64_t *seed,
			   uint64_t ticket)
{
	struct claimant *claimant = &claimants[test_pick(seed, WORKERS)];
	uint64_t dice = test_pick(seed, 100), number = test_pick(seed, 4);

	if (dice < 15) {
		cancel_claimant(claimant, claimants, count);
	} else if (dice < 50) {
		gw_release(claimant->semaphore, number);
		*count += number;
	} else if (!claimant->asked) {
		claimant->number = number;
		claimant->ticket = ticket;
		claimant->asked = claimant->pending = true;
	}
	settle();
	grant_in_model(claimants, count);
	for (size_t i = 0; i < WORKERS; i++) {
		if (!claimants[i].asked)
			continue;
		assert_int_equal(claimants[i].done, !claimants[i].pending);
		if (!claimants[i].done)
			continue;
		assert_int_equal(claimants[i].result, 0);
		claimants[i].asked = claimants[i].done = false;
	}
	assert_int_equal(claimant->semaphore->count, *count);
}

static int semaphores_do_as_the_reference_does(void *argument)
{
	(void)argument;
	for (uint64_t base = 1; base <= SEEDS; base++) {
		struct gw_semaphore semaphore = {0};
		struct claimant claimants[WORKERS] = {0};
		uint64_t count = 0, seed = base;

		for (size_t i = 0; i < WORKERS; i++) {
			claimants[i].semaphore = &semaphore;
			assert_int_equal(
				gw_spawn(&claimants[i].group, acquires, &claimants[i], NULL), 0);
		}
		for (uint64_t i = 0; i < STEPS; i++)
			step_semaphore(claimants, &count, &seed, i);
		for (size_t i = 0; i < WORKERS; i++)
			assert_int_equal(gw_group_done(&claimants[i].group), 0);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(channels_and_selects_do_as_the_reference_does),
		in_a_task(semaphores_do_as_the_reference_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

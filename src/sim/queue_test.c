/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_test.c - the queue of events against a plain search, and the numbers that a seed decides.
 */
#include "sim/inside.h"

#include "support/unit.h"

enum { EVENTS = 500, ROUNDS = 20000, DRAWS = 100000 };

struct model_event {
	struct event event; /* first */
	bool queued;
	uint64_t at_ns;
};

static void never(struct sim *sim, struct event *event)
{
	(void)sim;
	(void)event;
	fail();
}

static struct model_event *earliest(struct model_event *events)
{
	struct model_event *least = NULL;

	for (size_t i = 0; i < EVENTS; i++)
		if (events[i].queued && (!least || events[i].at_ns < least->at_ns))
			least = &events[i];
	return least;
}

static void events_leave_in_the_order_of_their_times(void **state)
{
	static struct model_event events[EVENTS];
	struct sim *sim = sim_new(1, NULL, NULL);
	uint64_t random = 1;

	(void)state;
	memset(events, 0, sizeof(events));
	for (int round = 0; round < ROUNDS; round++) {
		struct model_event *at = &events[test_pick(&random, EVENTS)];
		uint64_t when = sim->now_ns + test_pick(&random, 1000);

		at->event.run = never;
		switch (test_pick(&random, 4)) {
		case 0:
			event_remove(sim, &at->event);
			at->queued = false;
			break;
		case 1:
			at = (struct model_event *)event_next(sim, sim->now_ns + 100);
			if (!at) {
				at = earliest(events);
				assert_true(!at || at->at_ns > sim->now_ns + 100);
				break;
			}
			assert_int_equal(at->at_ns, earliest(events)->at_ns);
			at->queued = false;
			sim->now_ns = at->at_ns;
			break;
		default:
			event_move(sim, &at->event, when);
			at->queued = true;
			at->at_ns = when;
			break;
		}
		assert_true(!at || event_is_queued(&at->event) == at->queued);
	}
	for (size_t i = 0; i < EVENTS; i++)
		event_remove(sim, &events[i].event);
	assert_null(event_next(sim, SIM_FOREVER));
	sim_free(sim);
}

static void draws_are_in_range_and_have_their_mean(void **state)
{
	struct sim_random random;
	uint64_t sum = 0, below[10] = {0};

	(void)state;
	sim_random_seed(&random, 1, 1);
	for (int i = 0; i < DRAWS; i++) {
		uint64_t number = sim_random_exponential(&random, 1000);

		assert_true(number <= 24000);
		sum += number;
		below[sim_random_below(&random, 10)]++;
	}
	assert_in_range(sum / DRAWS, 980, 1020);
	for (int i = 0; i < 10; i++)
		assert_in_range(below[i], DRAWS / 11, DRAWS / 9);
	assert_int_equal(sim_random_exponential(&random, 0), 0);
	assert_int_equal(sim_random_below(&random, 1), 0);
	assert_false(sim_random_chance(&random, 0));
	assert_true(sim_random_chance(&random, SIM_PPM));
}

static void generators_of_one_seed_differ(void **state)
{
	struct sim_random first, second, again;
	uint8_t bytes[2][13];

	(void)state;
	sim_random_seed(&first, 1, 1);
	sim_random_seed(&second, 1, 2);
	sim_random_seed(&again, 1, 1);
	assert_true(sim_random_next(&first) != sim_random_next(&second));
	(void)sim_random_next(&again);
	sim_random_bytes(&first, bytes[0], sizeof(bytes[0]));
	sim_random_bytes(&again, bytes[1], sizeof(bytes[1]));
	assert_memory_equal(bytes[0], bytes[1], sizeof(bytes[0]));
}

static void blocks_are_given_again_and_do_not_overlap(void **state)
{
	struct sim *sim = sim_new(1, NULL, NULL);
	uint8_t *blocks[100];
	size_t sizes[100];
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < 100; i++) {
			sizes[i] = 1 + (size_t)test_pick(&random, 200000);
			blocks[i] = (uint8_t *)sim_take(sim, sizes[i]);
			memset(blocks[i], (int)i, sizes[i]);
		}
		for (size_t i = 0; i < 100; i++) {
			assert_int_equal(blocks[i][0], i);
			assert_int_equal(blocks[i][sizes[i] - 1], i);
			sim_give(sim, blocks[i], sizes[i]);
		}
	}
	sim_give(sim, NULL, 1);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_leave_in_the_order_of_their_times),
		cmocka_unit_test(draws_are_in_range_and_have_their_mean),
		cmocka_unit_test(generators_of_one_seed_differ),
		cmocka_unit_test(blocks_are_given_again_and_do_not_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

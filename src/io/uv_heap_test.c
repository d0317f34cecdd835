/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_heap_test.c - timers come out of the heap in order, whatever was put in and taken out before.
 */
#include "io/uv_heap.h"
#include "support/unit.h"

#include <stdlib.h>

enum { TIMERS = 2000 };

static struct io_request *take_first(struct real_heap *heap)
{
	struct io_request *first = heap->first;

	if (first)
		real_heap_remove(heap, first);
	return first;
}

static void timers_come_out_by_time(void **state)
{
	struct io_request *timers = calloc(TIMERS, sizeof(*timers));
	struct real_heap heap = {0};
	uint64_t seed = 3, last = 0;

	(void)state;
	assert_non_null(timers);
	assert_null(take_first(&heap));
	for (size_t i = 0; i < TIMERS; i++) {
		timers[i].u.run.at_ns = test_random(&seed);
		real_heap_add(&heap, &timers[i]);
	}
	for (size_t i = 0; i < TIMERS; i++) {
		struct io_request *first = take_first(&heap);

		assert_non_null(first);
		assert_true(first->u.run.at_ns >= last);
		last = first->u.run.at_ns;
	}
	assert_null(take_first(&heap));
	free(timers);
}

static void timers_of_one_moment_come_out_as_added(void **state)
{
	struct io_request timers[100] = {{0}};
	struct real_heap heap = {0};

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		timers[i].u.run.at_ns = i % 2;
		real_heap_add(&heap, &timers[i]);
	}
	for (size_t i = 0; i < 50; i++)
		assert_ptr_equal(take_first(&heap), &timers[2 * i]);
	for (size_t i = 0; i < 50; i++)
		assert_ptr_equal(take_first(&heap), &timers[2 * i + 1]);
}

/* Against a table that is searched from end to end. */
static void adding_and_removing_at_random_keeps_the_order(void **state)
{
	struct io_request *timers = calloc(TIMERS, sizeof(*timers));
	bool *in = calloc(TIMERS, sizeof(*in));
	struct real_heap heap = {0};

	(void)state;
	assert_true(timers && in);
	for (uint64_t seed = 1; seed <= 20; seed++) {
		uint64_t random = seed;

		for (int step = 0; step < 2000; step++) {
			size_t i = (size_t)test_pick(&random, 64);
			const struct io_request *least = NULL;

			if (in[i]) {
				real_heap_remove(&heap, &timers[i]);
			} else {
				timers[i].u.run.at_ns = test_pick(&random, 100);
				real_heap_add(&heap, &timers[i]);
			}
			in[i] = !in[i];
			for (size_t j = 0; j < 64; j++) {
				if (in[j] && (!least || timers[j].u.run.at_ns < least->u.run.at_ns))
					least = &timers[j];
			}
			assert_int_equal(heap.first != NULL, least != NULL);
			if (least)
				assert_int_equal(heap.first->u.run.at_ns, least->u.run.at_ns);
		}
		while (heap.first)
			in[take_first(&heap) - timers] = false;
	}
	free(in);
	free(timers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_come_out_by_time),
		cmocka_unit_test(timers_of_one_moment_come_out_as_added),
		cmocka_unit_test(adding_and_removing_at_random_keeps_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

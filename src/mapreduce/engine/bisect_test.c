/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bisect_test.c - a block of records of random sizes in which one, none or two kill: the search
 * ends within the promised number of probes, and with the record that kills.
 */
#include "bisect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { RECORDS_MAX = 400, PROBES_MAX = 70 };

struct world {
	uint64_t starts[RECORDS_MAX + 1]; /* of the records; one more is their end */
	uint32_t records;
	uint64_t random;
	bool exact; /* the worker names a record that is alone in its block */
};

static uint64_t next_random(struct world *world)
{
	world->random = world->random * 6364136223846793005u + 1442695040888963407u;
	return world->random >> 33;
}

static void make_records(struct world *world, uint64_t seed)
{
	world->random = seed;
	world->records = 1 + (uint32_t)(next_random(world) % RECORDS_MAX);
	world->starts[0] = next_random(world) % 1000;
	for (uint32_t i = 0; i < world->records; i++)
		world->starts[i + 1] = world->starts[i] + 1 + next_random(world) % 60;
	world->exact = next_random(world) % 2;
}

static struct mr_failure whole_block(const struct world *world)
{
	return (struct mr_failure){
		.cause = MR_CAUSE_SIGNAL,
		.where = MR_IN_BLOCK,
		.position = {3, world->starts[0]},
		.block_size = world->starts[world->records] - world->starts[0],
	};
}

/* Runs the probe as a worker would. True: it died, and *failure says how. */
static bool probe_dies(const struct world *world, const struct mr_bisect *bisect, uint32_t killer,
		       struct mr_failure *failure)
{
	uint32_t first = 0, end;

	while (first < world->records && world->starts[first] < bisect->from)
		first++;
	end = first;
	while (end < world->records && world->starts[end] < bisect->middle)
		end++;
	if (killer < first || killer >= end)
		return false;
	*failure = (struct mr_failure){
		.where = end - first == 1 && world->exact ? MR_IN_RECORD : MR_IN_BLOCK,
		.position = {3, world->starts[first]},
		.block_size = world->starts[end] - world->starts[first],
	};
	return true;
}

static enum mr_bisect_state search(const struct world *world, uint32_t killer,
				   struct mr_bisect *bisect)
{
	struct mr_failure failure = whole_block(world);
	enum mr_bisect_state state = MR_BISECT_ON;
	int probes = 0;

	mr_bisect_start(bisect, &failure);
	while (state == MR_BISECT_ON) {
		assert_true(++probes < PROBES_MAX);
		if (probe_dies(world, bisect, killer, &failure))
			state = mr_bisect_died(bisect, &failure);
		else
			state = mr_bisect_lived(bisect);
	}
	return state;
}

static void test_finds_the_record(void **unused)
{
	struct world world;
	struct mr_bisect bisect;

	(void)unused;
	for (uint64_t seed = 0; seed < 2000; seed++) {
		uint32_t killer;

		make_records(&world, seed);
		killer = (uint32_t)(next_random(&world) % world.records);
		assert_int_equal(search(&world, killer, &bisect), MR_BISECT_FOUND);
		assert_int_equal(bisect.file, 3);
		assert_int_equal(bisect.from, world.starts[killer]);
	}
}

static void test_gives_up_when_no_record_kills(void **unused)
{
	struct world world;
	struct mr_bisect bisect;

	(void)unused;
	for (uint64_t seed = 0; seed < 500; seed++) {
		make_records(&world, seed);
		assert_int_equal(search(&world, UINT32_MAX, &bisect), MR_BISECT_LOST);
	}
}

static void test_a_big_block_takes_few_probes(void **unused)
{
	struct mr_failure failure = {.where = MR_IN_BLOCK, .block_size = 64 << 20};
	struct mr_bisect bisect;
	int probes = 0;
	enum mr_bisect_state state = MR_BISECT_ON;

	(void)unused;
	mr_bisect_start(&bisect, &failure);
	/* The worst: every probe lives, and the last byte is tried once more. */
	for (; state == MR_BISECT_ON; probes++)
		state = mr_bisect_lived(&bisect);
	assert_int_equal(state, MR_BISECT_LOST);
	assert_in_range(probes, 1, 28);
}

static void test_nonsense_from_a_shared_page(void **unused)
{
	const uint64_t values[] = {0, 1, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
	struct mr_bisect bisect;

	(void)unused;
	for (unsigned i = 0; i < 25; i++) {
		struct mr_failure failure = {.where = MR_IN_BLOCK,
					     .position = {0, values[i / 5]},
					     .block_size = values[i % 5]};
		int probes = 0;

		mr_bisect_start(&bisect, &failure);
		failure.block_size = values[i / 5];
		while (mr_bisect_died(&bisect, &failure) == MR_BISECT_ON)
			assert_true(++probes < PROBES_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_the_record),
		cmocka_unit_test(test_gives_up_when_no_record_kills),
		cmocka_unit_test(test_a_big_block_takes_few_probes),
		cmocka_unit_test(test_nonsense_from_a_shared_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

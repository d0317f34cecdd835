/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft_world_scenario.c - the core in a world where everything goes wrong, seed by seed. More seeds
 * and planted mistakes: the workload raft.
 */
#include "sim/raft_world.h"

#include "support/unit.h"

enum { SEEDS = 300, STEPS = 4000 };

static void nothing_that_was_committed_is_ever_different(void **state)
{
	struct raft_world_result sum = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct raft_world_result result;

		raft_world_run(seed, STEPS, NULL, &result);
		if (result.wrong[0])
			fail_msg("seed %u: %s", (unsigned)seed, result.wrong);
		sum.committed += result.committed;
		sum.elections += result.elections;
		sum.reads += result.reads;
		sum.snapshots += result.snapshots;
		sum.crashes += result.crashes;
	}
	print_message("%d seeds: %u entries committed, %u elections, %u reads, %u snapshots, "
		      "%u crashes\n", SEEDS, (unsigned)sum.committed, (unsigned)sum.elections,
		      (unsigned)sum.reads, (unsigned)sum.snapshots, (unsigned)sum.crashes);
	assert_true(sum.committed > 10 * SEEDS && sum.elections > 2 * SEEDS);
	assert_true(sum.reads > SEEDS && sum.snapshots > SEEDS);
}

static void the_same_seed_gives_the_same_run(void **state)
{
	struct raft_world_result one, other;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		raft_world_run(seed, STEPS, NULL, &one);
		raft_world_run(seed, STEPS, NULL, &other);
		assert_true(one.hash == other.hash);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_that_was_committed_is_ever_different),
		cmocka_unit_test(the_same_seed_gives_the_same_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

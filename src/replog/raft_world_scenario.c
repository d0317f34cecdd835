/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft_world_scenario.c - the core in a world where everything goes wrong, seed by seed; and
 * mistakes planted in it, each of which such a world finds.
 *
 *     raft_world_scenario [FIRST LAST [BUG]]
 */
#include "raft_world_fixture.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 300, STEPS = 4000 };

static void nothing_that_was_committed_is_ever_different(void **state)
{
	struct world_result sum = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world_result result;

		world_run(seed, STEPS, NULL, &result);
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
	struct world_result one, other;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		world_run(seed, STEPS, NULL, &one);
		world_run(seed, STEPS, NULL, &other);
		assert_true(one.hash == other.hash);
	}
}

/* The seeds are searched anew (FIRST LAST BUG) when the world draws differently. */
static void each_planted_mistake_is_found_on_its_seed(void **state)
{
	static const struct {
		const char *bug;
		uint64_t seed;
	} planted[] = {
		{"raft.commit-by-counting", 3405}, {"raft.vote-not-saved", 46},
		{"raft.answer-not-saved", 5},      {"raft.longer-log-wins", 162},
		{"raft.no-first-entry", 2},        {"raft.read-without-round", 3082},
		{"raft.many-changes", 1019},
	};

	(void)state;
	for (size_t i = 0; i < sizeof planted / sizeof *planted; i++) {
		struct world_result result;

		world_run(planted[i].seed, STEPS, planted[i].bug, &result);
		if (result.wrong[0] == 0)
			fail_msg("%s is not found", planted[i].bug);
		print_message("%s: %s\n", planted[i].bug, result.wrong);
	}
}

static int run_seeds(uint64_t first, uint64_t last, const char *bug)
{
	int failed = 0;

	for (uint64_t seed = first; seed <= last; seed++) {
		struct world_result result;

		world_run(seed, STEPS, bug, &result);
		if (result.wrong[0])
			printf("seed %llu: %s\n", (unsigned long long)seed, result.wrong);
		failed += result.wrong[0] != 0;
	}
	printf("%d seeds failed\n", failed);
	return failed > 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_that_was_committed_is_ever_different),
		cmocka_unit_test(the_same_seed_gives_the_same_run),
		cmocka_unit_test(each_planted_mistake_is_found_on_its_seed),
	};

	if (argc >= 3)
		return run_seeds(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10),
				 argc > 3 ? argv[3] : NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * determinism_scenario.c - the same seed gives the same run: twice in a process, in memory that was
 * used before, and in another process whose addresses are not random (and others). A run is
 * everything at once (chaos_fixture.h), so this also shows that the simulator bears its faults.
 */
#include "sim/chaos_fixture.h"
#include "support/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEEDS = 12 };

static const uint64_t run_ns = 5 * SIM_SECOND;

static void the_same_seed_gives_the_same_run(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct chaos_result first, second;

		chaos_run(seed, run_ns, false, &first);
		chaos_run(seed, run_ns, true, &second);
		assert_int_equal(first.events, second.events);
		assert_int_equal(first.hash, second.hash);
		for (unsigned i = 0; i < SIM_COUNTS; i++)
			assert_int_equal(first.counts[i], second.counts[i]);
	}
}

static void different_seeds_give_different_runs(void **state)
{
	struct chaos_result results[SEEDS];

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		chaos_run(100 + seed, run_ns / 5, false, &results[seed]);
		for (uint64_t before = 0; before < seed; before++)
			assert_true(results[before].hash != results[seed].hash);
	}
}

static void everything_that_is_counted_happens_in_some_run(void **state)
{
	uint64_t counts[SIM_COUNTS] = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 3 * SEEDS; seed++) {
		struct chaos_result result;

		chaos_run(seed, run_ns, false, &result);
		for (unsigned i = 0; i < SIM_COUNTS; i++)
			counts[i] += result.counts[i];
	}
	for (unsigned i = 0; i < SIM_COUNTS; i++) {
		/* These nodes have no tasks: their ios have no turns. */
		if (i == SIM_COUNT_TURN || i == SIM_COUNT_TURN_LATE)
			continue;
		if (counts[i] == 0)
			print_message("never: %s\n", sim_count_text((enum sim_count)i));
		assert_true(counts[i] > 0);
	}
}

/* The hash that another process prints, run with or without random addresses. */
static uint64_t hash_elsewhere(uint64_t seed, bool random_addresses)
{
	char text[32] = "", *end;
	int ends[2];
	pid_t child;
	int status;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		snprintf(text, sizeof(text), "%" PRIu64, seed);
		if (!random_addresses && personality(ADDR_NO_RANDOMIZE) < 0)
			_exit(126); /* nothing would be shown by addresses that are random */
		(void)dup2(ends[1], STDOUT_FILENO);
		execl("/proc/self/exe", "determinism", text, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	return strtoull(text, &end, 16);
}

static void the_same_seed_gives_the_same_run_whatever_the_addresses(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct chaos_result here;

		chaos_run(seed, run_ns, false, &here);
		assert_int_equal(hash_elsewhere(seed, false), here.hash);
		assert_int_equal(hash_elsewhere(seed, true), here.hash);
	}
}

/* As the other process: prints the hash of one seed. */
static int print_hash(const char *seed)
{
	struct chaos_result result;
	char *end;

	chaos_run(strtoull(seed, &end, 10), run_ns, false, &result);
	printf("%" PRIx64 "\n", result.hash);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_gives_the_same_run),
		cmocka_unit_test(different_seeds_give_different_runs),
		cmocka_unit_test(everything_that_is_counted_happens_in_some_run),
		cmocka_unit_test(the_same_seed_gives_the_same_run_whatever_the_addresses),
	};

	if (argc > 1)
		return print_hash(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

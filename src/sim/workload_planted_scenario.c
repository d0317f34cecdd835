/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_planted_scenario.c - every planted bug of every workload is found on the seed that
 * $GW_TEST_SEEDS/sim-planted.txt records for it, or, when changes have moved it, on one of the
 * first few; and the same seed without the bug is right.
 *
 *     workload_planted_scenario [--find A..B [BUG]]    prints such a list: the first seed of each
 */
#include "seeds_fixture.h"
#include "sim/seeds.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MOVED_SEEDS = 200 };

struct tests {
	uint64_t number, failed;
};

static void say(struct tests *tests, bool right, const struct sim_bug *bug, const char *what)
{
	tests->failed += !right;
	printf("%s %" PRIu64 " - %s: %s: %s\n", right ? "ok" : "not ok", ++tests->number,
	       bug->name, bug->about, what);
	fflush(stdout);
}

/* The seed that is recorded for the bug; 0: none. */
static uint64_t recorded(const struct sim_workload *workload, const struct sim_bug *bug)
{
	FILE *file = seeds_open("sim-planted.txt");
	struct seeds_line line;
	uint64_t seed = 0;

	if (!file)
		return 0;
	while (seed == 0 && seeds_next(file, &line)) {
		if (line.words == 3 && strcmp(line.word[0], workload->name) == 0 &&
		    strcmp(line.word[1], bug->name) == 0)
			seed = strtoull(line.word[2], NULL, 10);
	}
	fclose(file);
	return seed;
}

/* Whether the bug is found on one of the seeds from first on; *found is the first such. */
static bool finds(const struct sim_workload *workload, const struct sim_bug *bug, uint64_t first,
		  uint64_t count, struct sim_result *found)
{
	for (uint64_t seed = first; seed < first + count; seed++) {
		*found = seeds_run_one(workload, seed, bug->name, 0);
		if (found->error.code)
			return true;
	}
	return false;
}

static void test_bug(struct tests *tests, const struct sim_workload *workload,
		     const struct sim_bug *bug)
{
	uint64_t seed = recorded(workload, bug);
	struct sim_result result;
	bool there;

	if (seed == 0) {
		say(tests, false, bug, "no seed is recorded");
		return;
	}
	there = finds(workload, bug, seed, 1, &result);
	/* Whatever draws or waits moves what a seed means; that is no fault, if others find it. */
	if (!there && !finds(workload, bug, 1, MOVED_SEEDS, &result)) {
		say(tests, false, bug, "not found");
		return;
	}
	printf("# seed %" PRIu64 "%s: %s\n", result.seed,
	       there ? "" : ", no longer the recorded one", result.error.text);
	result = seeds_run_one(workload, result.seed, NULL, 0);
	say(tests, result.error.code == 0, bug,
	    result.error.code == 0 ? "found" : "the seed fails without it, too");
}

/* ---- Finding seeds -------------------------------------------------------------------------- */

/* The first seed that fails; begins with the jobs. */
struct search {
	struct sim_jobs jobs;
	struct sim_result found;
};

static bool until_found(struct sim_jobs *jobs, const struct sim_result *result)
{
	if (result->error.code == 0)
		return true;
	((struct search *)jobs)->found = *result;
	return false;
}

static bool find_seed(const struct sim_workload *workload, const struct sim_bug *bug,
		      const uint64_t *seeds, size_t count)
{
	struct search search = {.jobs = {.workload = workload,
					 .seeds = seeds,
					 .count = count,
					 .jobs = 2,
					 .bug = bug->name,
					 .result = until_found}};
	struct gw_error error = {0};

	if (sim_jobs_run(&search.jobs, &error) < 0)
		printf("# %s\n", error.text);
	if (search.found.error.code)
		printf("%s %s %" PRIu64 " # %s: %s\n", workload->name, bug->name,
		       search.found.seed, bug->about, search.found.error.text);
	else
		printf("# %s %s was not found in %zu seeds\n", workload->name, bug->name, count);
	fflush(stdout);
	return search.found.error.code != 0;
}

static int find_all(const char *range, const char *only)
{
	struct gw_error error = {0};
	uint64_t *seeds = NULL;
	size_t count;
	bool all = true;

	if (sim_seeds_parse(range, &seeds, &count, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		return 2;
	}
	for (const struct sim_workload *const *at = sim_workloads; *at; at++) {
		for (const struct sim_bug *bug = (*at)->bugs; bug->name; bug++) {
			if (!only || strcmp(only, bug->name) == 0)
				all = find_seed(*at, bug, seeds, count) && all;
		}
	}
	free(seeds);
	return all ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct tests tests = {0};

	if (argc >= 3 && strcmp(argv[1], "--find") == 0)
		return find_all(argv[2], argc > 3 ? argv[3] : NULL);
	if (argc != 1) {
		fprintf(stderr, "usage: %s [--find A..B [BUG]]\n", argv[0]);
		return 2;
	}
	for (const struct sim_workload *const *at = sim_workloads; *at; at++) {
		for (const struct sim_bug *bug = (*at)->bugs; bug->name; bug++)
			test_bug(&tests, *at, bug);
	}
	printf("1..%" PRIu64 "\n", tests.number);
	return tests.failed > 0;
}

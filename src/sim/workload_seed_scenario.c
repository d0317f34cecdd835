/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_seed_scenario.c - seeds of every workload: those of $GW_TEST_SEEDS/sim.txt, which once
 * failed, and 100 from $GW_SEED_BASE on (25 under the address sanitizer). Some are run twice, and
 * some once more by a process whose addresses are not random: the hash of all events must be the
 * same. Prints TAP: a line for each seed that fails, with the command that repeats it, and one for
 * the rest.
 *
 *     workload_seed_scenario [--hash WORKLOAD SEED]      prints the hash of one seed
 */
#include "seeds_fixture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#define IS_SANITIZED __has_feature(address_sanitizer)
#else
#define IS_SANITIZED 0
#endif

enum {
	SEEDS = IS_SANITIZED ? 25 : 100, /* twenty times as slow */
	TWICE_EVERY = 8,
	RECORDED_MAX = 1000,
	JOBS = 2, /* the processors that the check's minutes are counted for */
	FIXED_SEEDS = 3, /* of a workload, run with addresses that are not random */
};

/* All of the program; begins with the jobs. */
struct tests {
	struct sim_jobs jobs;
	uint64_t number, failed;
	uint64_t events, simulated_ns;
	uint64_t hashes[FIXED_SEEDS]; /* of the first ones */
	uint64_t at;
};

static void say_failed(struct tests *tests, const struct sim_result *result)
{
	tests->failed++;
	printf("not ok %" PRIu64 " - %s seed %" PRIu64 ": %s; again: gw sim --workload %s --seeds %"
	       PRIu64 " --verbose\n",
	       ++tests->number, tests->jobs.workload->name, result->seed, result->error.text,
	       tests->jobs.workload->name, result->seed);
	fflush(stdout);
}

static bool note(struct sim_jobs *jobs, const struct sim_result *result)
{
	struct tests *tests = (struct tests *)jobs;

	tests->events += result->events;
	tests->simulated_ns += result->simulated_ns;
	if (tests->at < FIXED_SEEDS)
		tests->hashes[tests->at] = result->hash;
	tests->at++;
	if (result->error.code)
		say_failed(tests, result);
	return true;
}

static void run(struct tests *tests, const struct sim_workload *workload, const uint64_t *seeds,
		size_t count, const char *what)
{
	struct gw_error error = {0};

	tests->jobs.workload = workload;
	tests->jobs.seeds = seeds;
	tests->jobs.count = count;
	tests->events = tests->simulated_ns = tests->at = 0;
	if (sim_jobs_run(&tests->jobs, &error) < 0) {
		tests->failed++;
		printf("not ok %" PRIu64 " - %s: %s\n", ++tests->number, workload->name,
		       error.text);
	}
	printf("ok %" PRIu64 " - %s: %zu %s run\n", ++tests->number, workload->name, count, what);
	printf("# %.0f simulated seconds, %" PRIu64 " events\n",
	       (double)tests->simulated_ns / 1e9, tests->events);
	fflush(stdout);
}

static void run_line(struct tests *tests, const struct seeds_line *line)
{
	const struct sim_workload *workload = sim_workload_find(line->word[0]);
	uint64_t seed = line->words > 1 ? strtoull(line->word[1], NULL, 10) : 0;

	if (workload) {
		run(tests, workload, &seed, 1, "recorded seed was");
		return;
	}
	tests->failed++;
	printf("not ok %" PRIu64 " - %s is no workload\n", ++tests->number, line->word[0]);
}

static void run_recorded(struct tests *tests)
{
	FILE *file = seeds_open("sim.txt");
	struct seeds_line lines[RECORDED_MAX];
	size_t count = 0;

	if (!file) {
		printf("# no recorded seeds: GW_TEST_SEEDS is not the folder of them\n");
		return;
	}
	/* All lines first: a process of seeds that ends moves the place in a file that is open. */
	while (count < RECORDED_MAX && seeds_next(file, &lines[count]))
		count++;
	fclose(file);
	for (size_t i = 0; i < count; i++)
		run_line(tests, &lines[i]);
}

/* ---- Addresses that are not random ---------------------------------------------------------- */

static uint64_t hash_elsewhere(const char *program, const char *workload, uint64_t seed)
{
	char number[24], line[64] = "";
	int ends[2];
	FILE *file;
	pid_t child;

	snprintf(number, sizeof(number), "%" PRIu64, seed);
	if (pipe(ends) < 0)
		return 0;
	child = fork();
	if (child == 0) {
		if (personality(ADDR_NO_RANDOMIZE) < 0)
			_exit(1); /* nothing would be shown by addresses that are random */
		dup2(ends[1], STDOUT_FILENO);
		execl(program, program, "--hash", workload, number, (char *)NULL);
		_exit(1);
	}
	close(ends[1]);
	file = fdopen(ends[0], "r");
	if (!file || !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	waitpid(child, NULL, 0);
	return strtoull(line, NULL, 16);
}

static void compare_elsewhere(struct tests *tests, const char *program, const uint64_t *seeds)
{
	const char *workload = tests->jobs.workload->name;
	bool same = true;

	for (size_t i = 0; i < FIXED_SEEDS; i++) {
		uint64_t hash = hash_elsewhere(program, workload, seeds[i]);

		same = same && hash == tests->hashes[i];
		if (hash != tests->hashes[i])
			printf("# seed %" PRIu64 ": %016" PRIx64 " here, %016" PRIx64 " there\n",
			       seeds[i], tests->hashes[i], hash);
	}
	tests->failed += !same;
	printf("%s %" PRIu64 " - %s has the same hashes where addresses are not random\n",
	       same ? "ok" : "not ok", ++tests->number, workload);
}

static int print_hash(const char *workload, const char *seed)
{
	struct sim_run_options options = {.workload = sim_workload_find(workload),
					  .seed = strtoull(seed, NULL, 10)};
	struct sim_result result;

	if (!options.workload)
		return 2;
	(void)sim_run_seed(&options, &result);
	printf("%016" PRIx64 "\n", result.hash);
	return 0;
}

int main(int argc, char **argv)
{
	const char *base = getenv("GW_SEED_BASE");
	struct tests tests = {
		.jobs = {.jobs = JOBS, .twice_every = TWICE_EVERY, .result = note},
	};
	uint64_t seeds[SEEDS];

	if (argc == 4 && strcmp(argv[1], "--hash") == 0)
		return print_hash(argv[2], argv[3]);
	for (size_t i = 0; i < SEEDS; i++)
		seeds[i] = (base && *base ? strtoull(base, NULL, 10) : 1) + i;
	run_recorded(&tests);
	for (const struct sim_workload *const *at = sim_workloads; *at; at++) {
		run(&tests, *at, seeds, SEEDS, "new seeds were");
		compare_elsewhere(&tests, "/proc/self/exe", seeds);
	}
	printf("1..%" PRIu64 "\n", tests.number);
	return tests.failed > 0;
}

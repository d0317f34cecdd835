/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_seed_scenario.c - many whole jobs, each drawn from a number (seed_fixture.h), each compared
 * with a reference. Without arguments every seed of $GW_TEST_SEEDS/mapreduce.txt, which once
 * failed, and 100 from $GW_SEED_BASE on.
 *
 *     job_seed_scenario [--seeds A..B] [--verbose]
 *
 * The seeds run in a process of their own, so one that crashes or hangs is a failure like any
 * other. Prints TAP: a line for each seed that fails, with the command that repeats it, and one for
 * the rest.
 */
#include "seed_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SEEDS = 100,
	TWICE_EVERY = 8,    /* of so many seeds one is run twice: the same must come out */
	SEED_SECONDS = 120, /* a seed that takes longer hangs */
};

/* Shared with the process that runs the seeds. */
struct progress {
	uint64_t at; /* of the list: the one that is running */
	uint64_t tests, failed;
	uint64_t attempts, failures, executed_twice;
};

struct options {
	const char *program;
	uint64_t first, last;
	bool only; /* these, not the recorded ones */
	bool verbose;
};

struct list {
	uint64_t *seeds;
	size_t count, capacity;
};

static void list_add(struct list *list, uint64_t seed)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity * 2 + 128;
		list->seeds = realloc(list->seeds, list->capacity * sizeof *list->seeds);
		if (!list->seeds)
			exit(1);
	}
	list->seeds[list->count++] = seed;
}

/* ---- One seed -------------------------------------------------------------------------------- */

static void say_failed(const struct options *options, struct progress *progress, uint64_t seed,
		       const char *what)
{
	progress->failed++;
	printf("not ok %" PRIu64 " - seed %" PRIu64 ": ", ++progress->tests, seed);
	for (; *what; what++)
		putchar(*what >= 32 && *what < 127 ? *what : '.');
	printf("; again: %s --seeds %" PRIu64 "..%" PRIu64 " --verbose\n", options->program, seed,
	       seed);
	fflush(stdout);
}

static void describe(const struct seed_draw *draw)
{
	char text[1024];

	seed_describe(draw, text, sizeof text);
	printf("# seed %" PRIu64 ": %s\n", draw->seed, text);
	fflush(stdout);
}

static bool run_seed(const struct options *options, struct progress *progress, uint64_t seed)
{
	struct seed_draw draw;
	struct seed_run run, again;

	seed_draw(&draw, seed);
	if (options->verbose)
		describe(&draw);
	seed_run(&run, &draw);
	if (!run.what[0] && (options->verbose || seed % TWICE_EVERY == 0)) {
		seed_run(&again, &draw);
		if (again.hash != run.hash)
			seed_complain(&run, "run twice it makes %016" PRIx64 " and %016" PRIx64,
				      run.hash, again.hash);
	}
	if (options->verbose)
		printf("# %u attempts, %u failed, %u executed twice; outputs and counters hash to "
		       "%016" PRIx64 "\n",
		       run.attempts, run.failures, run.executed_twice, run.hash);
	progress->attempts += run.attempts;
	progress->failures += run.failures;
	progress->executed_twice += run.executed_twice;
	if (run.what[0])
		say_failed(options, progress, seed, run.what);
	return !run.what[0];
}

static struct progress *make_progress(void)
{
	void *memory = mmap(NULL, sizeof(struct progress), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		exit(1);
	return memory;
}

static void run_list(const struct options *options, struct progress *progress,
		     const struct list *list)
{
	progress->at = 0;
	while (progress->at < list->count) {
		char what[64];
		int status;
		pid_t child;

		fflush(stdout);
		child = fork();
		for (; child == 0 && progress->at < list->count; progress->at++) {
			alarm(SEED_SECONDS);
			run_seed(options, progress, list->seeds[progress->at]);
		}
		if (child == 0)
			exit(0); /* the sanitizer looks for leaks on the way */
		if (child < 0 || waitpid(child, &status, 0) != child)
			exit(1);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			continue;
		fixture_clean_up_after(child);
		snprintf(what, sizeof what, "ended by %s %d",
			 WIFSIGNALED(status) ? "signal" : "status",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		if (progress->at == list->count)
			progress->at--;
		say_failed(options, progress, list->seeds[progress->at], what);
		progress->at++;
	}
}

static void say_list(struct progress *progress, const struct list *list, const char *what)
{
	printf("ok %" PRIu64 " - %zu %s were run\n", ++progress->tests, list->count, what);
	printf("# %s: %zu seeds, %" PRIu64 " attempts, of which %" PRIu64 " failed as planned and %"
	       PRIu64 " were executed twice; %" PRIu64 " seeds failed\n",
	       what, list->count, progress->attempts, progress->failures, progress->executed_twice,
	       progress->failed);
	progress->attempts = progress->failures = progress->executed_twice = 0;
}

/* ---- Command line --------------------------------------------------------------------------- */

static void run_recorded(const struct options *options, struct progress *progress)
{
	FILE *file = seed_open_list("mapreduce.txt");
	struct list list = {0};
	char line[256];

	if (!file) {
		printf("# no recorded seeds: GW_TEST_SEEDS is not the folder of them\n");
		return;
	}
	while (seed_next_line(file, line, sizeof line))
		list_add(&list, strtoull(line, NULL, 10));
	fclose(file);
	run_list(options, progress, &list);
	say_list(progress, &list, "recorded seeds");
	free(list.seeds);
}

static void run_new(const struct options *options, struct progress *progress)
{
	struct list list = {0};

	for (uint64_t seed = options->first; seed - 1 != options->last; seed++)
		list_add(&list, seed);
	run_list(options, progress, &list);
	say_list(progress, &list, "new seeds");
	free(list.seeds);
}

static bool read_options(struct options *options, int argc, char **argv)
{
	const char *base = getenv("GW_SEED_BASE");

	*options = (struct options){.program = argv[0]};
	options->first = base && *base ? strtoull(base, NULL, 10) : 1;
	options->last = options->first + SEEDS - 1;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--verbose") == 0) {
			options->verbose = true;
		} else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc &&
			   seed_read_range(argv[i + 1], &options->first, &options->last)) {
			options->only = true;
			i++;
		} else {
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	struct progress *progress = make_progress();
	struct options options;

	if (!read_options(&options, argc, argv)) {
		fprintf(stderr, "usage: %s [--seeds A..B] [--verbose]\n", argv[0]);
		return 2;
	}
	if (!options.only)
		run_recorded(&options, progress);
	run_new(&options, progress);
	printf("1..%" PRIu64 "\n", progress->tests);
	return progress->failed > 0;
}

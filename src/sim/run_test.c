/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_test.c - the runner: what it makes of a run that is right, of one that is wrong at each of
 * its stages, and of processes that die on the way.
 */
#include "run_fixture.h"
#include "sim/jobs.h"

#include "support/unit.h"

#include <stdlib.h>
#include <time.h>

enum { LINES_MAX = 200 };

/* Seeds mean to this workload what is to go wrong. */
enum wrong {
	WRONG_SETUP = 1000,
	WRONG_RUNNING,
	WRONG_NEVER_DONE,
	WRONG_END,
	WRONG_INSIDE,   /* sim_run_fail from inside a node */
	WRONG_CRASH,
	WRONG_CHANCE,   /* not the same twice */
};

/* What no seed decides. */
static int64_t moment_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000 + now.tv_nsec;
}

static int set_up(struct sim_run *run, struct gw_error *error)
{
	if (run->seed == WRONG_SETUP)
		return gw_fail(error, GW_E_NO_SPACE, "cannot set up");
	if (run->seed == WRONG_CRASH)
		abort();
	if (run->seed == WRONG_CHANCE)
		sim_note(run->sim, NULL, "chance", moment_ns());
	return small_set_up(run, &(struct sim_group){.down_max = SMALL_NODES,
						     .bears = SIM_FAULTS_PROCESS},
			    error);
}

static int check_running(struct sim_run *run, struct gw_error *error)
{
	const struct small *small = run->state;

	if (small->wakes > 20 && run->seed == WRONG_INSIDE)
		sim_run_fail(run, "said inside, %d", 1);
	if (small->wakes > 20 && run->seed == WRONG_RUNNING)
		return gw_fail(error, GW_E_CORRUPT, "wrong while it runs");
	return 0;
}

static bool converged(struct sim_run *run)
{
	return run->seed != WRONG_NEVER_DONE && small_down(run) == 0;
}

static int check_end(struct sim_run *run, struct gw_error *error)
{
	assert_true(run->healed);
	return run->seed == WRONG_END ? gw_fail(error, GW_E_CORRUPT, "wrong at the end") : 0;
}

static const struct sim_bug bugs[] = {{"small.bug", "nothing"}, {0}};

static const struct sim_workload small_workload = {
	.name = "small",
	.about = "wakes up now and then",
	.setup = set_up,
	.check_running = check_running,
	.converged = converged,
	.check_end = check_end,
	.done = small_done,
	.bugs = bugs,
};

/* What a run tells. */
struct told {
	size_t count;
	char last[SIM_TRACE_LINE_MAX];
};

static void hear(void *context, const char *line)
{
	struct told *told = context;

	told->count++;
	(void)strncpy(told->last, line, sizeof(told->last) - 1);
}

static struct sim_result run(uint64_t seed, size_t tell_lines, struct told *told)
{
	struct sim_run_options options = {.workload = &small_workload, .seed = seed,
					  .tell_lines = tell_lines, .tell = hear,
					  .context = told};
	struct sim_result result;
	int code;

	*told = (struct told){0};
	code = sim_run_seed(&options, &result);
	assert_int_equal(code, result.error.code);
	assert_int_equal(result.seed, seed);
	return result;
}

static void a_right_run_tells_nothing_and_has_a_hash(void **state)
{
	struct told told;
	struct sim_result first = run(1, 0, &told), again = run(1, 0, &told),
			  other = run(2, 0, &told);

	(void)state;
	assert_int_equal(first.error.code, 0);
	assert_int_equal(told.count, 0);
	assert_true(first.hash == again.hash);
	assert_true(first.hash != other.hash);
	assert_true(first.events > 100);
	assert_true(first.simulated_ns > SIM_SECOND);
}

static void the_hash_is_the_same_however_much_is_told(void **state)
{
	struct told told;
	struct sim_result quiet = run(7, 0, &told), verbose = run(7, 5000, &told);

	(void)state;
	assert_true(told.count > 100);
	assert_true(quiet.hash == verbose.hash);
}

static void whatever_is_found_wrong_fails_the_run(void **state)
{
	static const struct {
		uint64_t seed;
		int code;
		const char *text;
	} wrong[] = {
		{WRONG_SETUP, GW_E_NO_SPACE, "cannot set up"},
		{WRONG_RUNNING, GW_E_CORRUPT, "wrong while it runs"},
		{WRONG_NEVER_DONE, GW_E_CORRUPT, "not done 600 s after all faults ended"},
		{WRONG_END, GW_E_CORRUPT, "wrong at the end"},
		{WRONG_INSIDE, GW_E_CORRUPT, "said inside, 1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct told told;
		struct sim_result result = run(wrong[i].seed, 0, &told);

		assert_int_equal(result.error.code, wrong[i].code);
		assert_string_equal(result.error.text, wrong[i].text);
		if (wrong[i].seed != WRONG_SETUP)
			assert_in_range(told.count, 10, SIM_TAIL_LINES);
	}
}

/* ---- In several processes ------------------------------------------------------------------- */

struct heard {
	struct sim_jobs jobs; /* first */
	struct sim_result results[LINES_MAX];
	size_t count, stop_at;
	size_t lines;
};

static void hear_line(struct sim_jobs *jobs, const char *line)
{
	(void)line;
	((struct heard *)jobs)->lines++;
}

static bool hear_result(struct sim_jobs *jobs, const struct sim_result *result)
{
	struct heard *heard = (struct heard *)jobs;

	assert_true(heard->count < LINES_MAX);
	heard->results[heard->count++] = *result;
	return heard->count != heard->stop_at;
}

static struct heard *run_jobs(const uint64_t *seeds, size_t count, uint32_t jobs,
			      uint32_t twice_every, size_t stop_at)
{
	struct heard *heard = calloc(1, sizeof(*heard));
	struct gw_error error = {0};

	assert_non_null(heard);
	heard->jobs = (struct sim_jobs){.workload = &small_workload, .seeds = seeds,
					.count = count, .jobs = jobs,
					.twice_every = twice_every, .tell = hear_line,
					.result = hear_result};
	heard->stop_at = stop_at;
	if (sim_jobs_run(&heard->jobs, &error) < 0)
		fail_msg("%s", error.text);
	return heard;
}

static void results_come_in_the_order_of_the_seeds(void **state)
{
	uint64_t seeds[20];

	(void)state;
	for (size_t i = 0; i < 20; i++)
		seeds[i] = 100 - i;
	for (uint32_t jobs = 0; jobs <= 3; jobs++) {
		struct heard *heard = run_jobs(seeds, 20, jobs, 0, 0);

		assert_int_equal(heard->count, 20);
		for (size_t i = 0; i < 20; i++) {
			struct told told;

			assert_int_equal(heard->results[i].seed, seeds[i]);
			assert_int_equal(heard->results[i].error.code, 0);
			if (i % 10 == 0)
				assert_true(heard->results[i].hash == run(seeds[i], 0, &told).hash);
		}
		free(heard);
	}
}

static void a_crash_is_a_failure_of_its_seed_alone(void **state)
{
	const uint64_t seeds[] = {1, WRONG_CRASH, 2, WRONG_CRASH, WRONG_END, 3};

	(void)state;
	for (uint32_t jobs = 1; jobs <= 2; jobs++) {
		struct heard *heard = run_jobs(seeds, 6, jobs, 0, 0);

		assert_int_equal(heard->count, 6);
		for (size_t i = 0; i < 6; i++)
			assert_int_equal(heard->results[i].error.code,
					 seeds[i] == WRONG_CRASH ? GW_E_CRASHED
					 : seeds[i] == WRONG_END ? GW_E_CORRUPT
								 : 0);
		assert_string_equal(heard->results[1].error.text,
				    "the process ended by signal 6");
		assert_in_range(heard->lines, 10, SIM_TAIL_LINES);
		free(heard);
	}
}

static void a_run_that_is_not_the_same_twice_fails(void **state)
{
	const uint64_t seeds[] = {1, WRONG_CHANCE};
	struct heard *heard = run_jobs(seeds, 2, 1, 1, 0);

	(void)state;
	assert_int_equal(heard->results[0].error.code, 0);
	assert_int_equal(heard->results[1].error.code, GW_E_CORRUPT);
	assert_memory_equal(heard->results[1].error.text, "run twice it has the hashes ", 28);
	free(heard);
}

static void the_caller_can_stop_at_any_seed(void **state)
{
	const uint64_t seeds[] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct heard *heard = run_jobs(seeds, 8, 2, 0, 3);

	(void)state;
	assert_int_equal(heard->count, 3);
	free(heard);
}

/* ---- The table of workloads ----------------------------------------------------------------- */

static void every_workload_and_its_bugs_can_be_named(void **state)
{
	(void)state;
	for (const struct sim_workload *const *at = sim_workloads; *at; at++) {
		assert_ptr_equal(sim_workload_find((*at)->name), *at);
		assert_non_null((*at)->about);
		for (const struct sim_bug *bug = (*at)->bugs; bug->name; bug++) {
			assert_true(sim_workload_has_bug(*at, bug->name));
			assert_non_null(bug->about);
			assert_true(strlen(bug->name) < SIM_SWITCH_NAME_MAX);
		}
	}
	assert_null(sim_workload_find("no such thing"));
	assert_false(sim_workload_has_bug(&small_workload, "no such bug"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_right_run_tells_nothing_and_has_a_hash),
		cmocka_unit_test(the_hash_is_the_same_however_much_is_told),
		cmocka_unit_test(whatever_is_found_wrong_fails_the_run),
		cmocka_unit_test(results_come_in_the_order_of_the_seeds),
		cmocka_unit_test(a_crash_is_a_failure_of_its_seed_alone),
		cmocka_unit_test(a_run_that_is_not_the_same_twice_fails),
		cmocka_unit_test(the_caller_can_stop_at_any_seed),
		cmocka_unit_test(every_workload_and_its_bugs_can_be_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

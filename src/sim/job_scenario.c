/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_scenario.c - a MapReduce job on a simulated disk that fails: the engine runs in a task, over
 * mr_store on struct io (store_io.h). Output is whole or not there, wherever the disk fails and
 * the power goes.
 */
#include "mapreduce/engine/host.h"
#include "mapreduce/engine/store_io.h"
#include "sim/sim.h"
#include "task/loop.h"

#include "support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES = 3000, WORDS = 40, STACK_BYTES = 1 << 20, EXPECTED_MAX = 4096 };

/* What a node does in one life. */
struct plan {
	bool writes_input;
	bool runs_job;
	bool is_over;
	int result;
	struct gw_error error;
};

struct world {
	struct sim *sim;
	struct sim_node *node;
	struct plan plan;
};

/* ---- The job ------------------------------------------------------------------------------ */

static int map(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)key;
	gw_mr_emit_i64(task, line, 1);
	return 0;
}

static const struct gw_mr_job count_lines = {
	.name = "count", .map = map, .combine_with = GW_MR_SUM,
};

static unsigned word_of(unsigned line)
{
	return line * line % WORDS;
}

/* The part that the job has to make. */
static void expect(char text[EXPECTED_MAX])
{
	unsigned counts[WORDS] = {0};
	size_t used = 0;

	for (unsigned i = 0; i < LINES; i++)
		counts[word_of(i)]++;
	for (unsigned i = 0; i < WORDS; i++) {
		if (counts[i])
			used += (size_t)snprintf(text + used, EXPECTED_MAX - used,
						 "word-%02u\t%u\n", i, counts[i]);
	}
	assert_true(used < EXPECTED_MAX);
}

static int write_input(struct mr_store *store, struct gw_error *error)
{
	struct mr_file *file;
	char line[32];
	int result = store->operations->create_temp(store, "in.tmp", &file, error);

	for (unsigned i = 0; result == 0 && i < LINES; i++) {
		int size = snprintf(line, sizeof line, "word-%02u\n", word_of(i));

		result = store->operations->append(file, line, (size_t)size, NULL, error);
	}
	mr_file_close(file);
	return result < 0 ? result : store->operations->commit(store, "in.tmp", "in", error);
}

static int run_over(struct mr_store *store, struct mr_config *config, struct gw_error *error)
{
	char output[] = "out", home[] = ".out";
	struct mr_staging staging = {output, home, home, 0, -1}; /* nobody else is here to lock */
	struct mr_host_setup setup = {.config = config, .store = store,
				      .worker = &mr_worker_real, .staging = &staging};
	struct mr_result result = {0};
	struct mr_plan plan = {0};
	int code = mr_plan_init(&plan, config, store, error);

	setup.plan = &plan;
	if (code == 0)
		code = mr_host_run(&setup, &result, error);
	mr_result_done(&result);
	mr_plan_done(&plan);
	return code;
}

static int run_job(struct mr_store *store, struct gw_error *error)
{
	const char *inputs[] = {"in"};
	struct gw_mr_options options;
	struct mr_config config;
	int code;

	gw_mr_options_init(&options);
	options.inputs = inputs;
	options.input_count = 1;
	options.output = "out";
	options.in_process = true;
	options.jobs = 1;
	options.memory = 32 << 20;
	code = mr_config_init(&config, &count_lines, &options, error);
	config.staging = ".out";
	if (code == 0)
		code = store->operations->remove(store, ".out", error);
	if (code == 0)
		code = store->operations->make_directory(store, ".out", error);
	if (code == 0)
		code = store->operations->make_directory(store, ".out/out", error);
	if (code == 0)
		code = run_over(store, &config, error);
	return code;
}

/* ---- The node ----------------------------------------------------------------------------- */

static int live(void *argument)
{
	struct plan *plan = argument;
	struct mr_store store;

	mr_store_io_init(&store);
	plan->result = 0;
	if (plan->writes_input)
		plan->result = write_input(&store, &plan->error);
	if (plan->result == 0 && plan->runs_job)
		plan->result = run_job(&store, &plan->error);
	plan->is_over = true;
	return 0;
}

static void *boot(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {.stack_bytes = STACK_BYTES, .pick = true};
	struct gw_loop *loop;

	(void)node;
	assert_int_equal(task_loop_new(io, &options, &loop, NULL), 0);
	assert_int_equal(task_loop_spawn(loop, live, argument, NULL), 0);
	return loop;
}

static void halt(void *life)
{
	task_loop_free(life);
}

static bool is_over(void *context)
{
	return ((struct world *)context)->plan.is_over;
}

/* A life of the node up to the end of its plan. */
static int run_life(struct world *world, bool writes_input, bool runs_job)
{
	world->plan = (struct plan){.writes_input = writes_input, .runs_job = runs_job};
	sim_node_start(world->node);
	assert_true(sim_run_when(world->sim, is_over, world, SIM_FOREVER));
	return world->plan.result;
}

static struct world *world_new(uint64_t seed)
{
	struct world *world = calloc(1, sizeof *world);
	struct sim_program program = {boot, halt, NULL};

	assert_non_null(world);
	world->sim = sim_new(seed, NULL, NULL);
	assert_non_null(world->sim);
	program.argument = &world->plan;
	world->node = sim_node_add(world->sim, "worker", &program);
	assert_int_equal(run_life(world, true, false), 0);
	sim_node_kill(world->node);
	return world;
}

static void world_free(struct world *world)
{
	sim_free(world->sim);
	free(world);
}

/* Whether the output is there; if anything of it is, then all of it and right. */
static bool output_is_whole(struct world *world)
{
	char expected[EXPECTED_MAX], got[EXPECTED_MAX];
	int64_t part = sim_disk_peek(world->node, "out/part-00000-of-00001", 0, got, sizeof got);
	int64_t success = sim_disk_peek(world->node, "out/_SUCCESS", 0, expected, 1);

	if (part < 0 && success < 0)
		return false;
	expect(expected);
	assert_int_equal(success, 0);
	assert_int_equal(part, strlen(expected));
	assert_memory_equal(got, expected, strlen(expected));
	return true;
}

/* ---- Scenarios ---------------------------------------------------------------------------- */

static void a_job_over_struct_io_gives_what_it_should(void **state)
{
	struct world *world = world_new(1);

	(void)state;
	if (run_life(world, false, true) != 0)
		fail_msg("%s", world->plan.error.text);
	assert_true(output_is_whole(world));
	world_free(world);
}

static void what_was_committed_survives_power_loss(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *world = world_new(seed);

		sim_disk(world->node)->keep_ppm = 0;
		assert_int_equal(run_life(world, false, true), 0);
		sim_node_power_loss(world->node);
		assert_true(output_is_whole(world));
		world_free(world);
	}
}

/* The disk fails for good at its n-th operation, then the power goes. True: it came that far. */
static bool fail_at(uint64_t n)
{
	struct world *world = world_new(n);
	bool failed;

	sim_disk_fail_at(world->node, UINT32_MAX, n, 0, n % 2 ? EIO : ENOSPC);
	failed = run_life(world, false, true) != 0;
	if (failed)
		assert_true(world->plan.error.text[0] != 0);
	sim_disk_fail_at(world->node, 0, 0, 0, 0);
	sim_disk(world->node)->tear_ppm = SIM_PPM / 4;
	sim_node_power_loss(world->node);
	if (!output_is_whole(world)) {
		assert_true(failed);
		assert_int_equal(run_life(world, false, true), 0);
		assert_true(output_is_whole(world));
	}
	world_free(world);
	return failed;
}

static void wherever_the_disk_fails_output_is_whole_or_absent_and_a_second_run_works(void **state)
{
	uint64_t n = 1;

	(void)state;
	while (fail_at(n))
		n++;
	print_message("# the disk failed at %u places\n", (unsigned)n - 1);
	assert_true(n > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_over_struct_io_gives_what_it_should),
		cmocka_unit_test(what_was_committed_survives_power_loss),
		cmocka_unit_test(
			wherever_the_disk_fails_output_is_whole_or_absent_and_a_second_run_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board_test.c - what all attempts of a job see: which buckets make a unit, where its output goes
 * and when that is known, whatever the order in which units are done; and its limits.
 */
#include "board.h"

#include "base/little_endian.h"
#include "memory_space_test.h"
#include "run.h"

#include "support/unit.h"

#include <stdio.h>
#include <sys/mman.h>

enum { UNITS_MAX = 64, RUNS_MAX = 8, OUTPUTS_MAX = 256, SPLITTER_BYTES = 64 };

/* A board with small arrays. */
struct bench {
	struct mr_config config;
	struct mr_plan plan;
	struct mr_board board;
	struct memory_space memory;
	struct mr_run runs[RUNS_MAX];
	struct mr_unit units[UNITS_MAX];
	struct mr_region outputs[OUTPUTS_MAX];
	uint8_t splitters[SPLITTER_BYTES + 16];
};

static void bench_init(struct bench *bench, uint32_t parts, uint32_t ranges)
{
	memset(bench, 0, sizeof *bench);
	bench->config = (struct mr_config){.parts = parts, .slots = 1};
	memory_space_init(&bench->memory, 0);
	bench->board = (struct mr_board){
		.ranges = ranges, .run_capacity = RUNS_MAX, .unit_capacity = UNITS_MAX,
		.output_capacity = OUTPUTS_MAX, .splitter_capacity = SPLITTER_BYTES,
		.runs = bench->runs, .units = bench->units, .outputs = bench->outputs,
		.splitters = bench->splitters,
	};
}

static void bench_done(struct bench *bench)
{
	memory_space_done(&bench->memory);
}

/* Adds a run whose index says that bucket i has bytes[i] of pairs and makes outputs[i]. All runs
 * of a test are the same. */
static void add_run(struct bench *bench, uint32_t task, uint32_t sequence, const uint32_t *bytes,
		    const uint64_t *outputs)
{
	uint32_t count = bench->config.parts * bench->board.ranges;
	size_t size = MR_RUN_HEADER + (size_t)count * MR_RUN_INDEX;
	struct mr_run made = {task, sequence, MR_SPILL_PLAIN, {.size = size}};
	uint8_t *run = realloc(bench->memory.shared, size);

	assert_non_null(run);
	bench->memory.shared = run;
	memset(run, 0, size);
	memcpy(run, "GWRN\1", 5);
	base_store32(run + 8, count);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *entry = run + MR_RUN_HEADER + (size_t)i * MR_RUN_INDEX;

		base_store64(entry + 8, outputs ? outputs[i] : 0);
		base_store32(entry + 20, bytes[i]);
	}
	assert_int_equal(mr_board_add_run(&bench->board, &made, NULL), 0);
}

static void plan_reduces(struct bench *bench)
{
	assert_int_equal(mr_board_plan_reduces(&bench->board, &bench->config, &bench->memory.space,
					       NULL), 0);
}

/* ---- Layout ---------------------------------------------------------------------------------- */

static void arrays_are_in_the_memory_one_behind_the_other(void **state)
{
	struct mr_config config = {.parts = 5};
	struct mr_plan plan = {.split_count = 3};
	size_t size = mr_board_size(&config, &plan);
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct mr_board *board;

	(void)state;
	assert_ptr_not_equal(memory, MAP_FAILED);
	board = mr_board_init(memory, &config, &plan);
	assert_ptr_equal(board, memory);
	assert_int_equal(board->ranges, 1);
	assert_true((uint8_t *)board->runs >= memory + sizeof *board);
	assert_true((uint8_t *)board->units >= (uint8_t *)(board->runs + board->run_capacity));
	assert_true((uint8_t *)board->outputs >= (uint8_t *)(board->units + board->unit_capacity));
	assert_true(board->splitters >= (uint8_t *)(board->outputs + board->output_capacity));
	assert_true(board->splitters + board->splitter_capacity <= memory + size);
	assert_int_equal(board->unit_capacity, MR_BUCKETS_MAX);
	munmap(memory, size);
	config = (struct mr_config){.parts = 1, .job.map_only = true};
	plan.split_count = MR_BUCKETS_MAX + 1;
	assert_true(mr_board_size(&config, &plan) > size);
}

static void a_sample_comes_first_where_it_pays(void **state)
{
	static const struct gw_mr_reader reader;
	struct mr_config config = {.parts = 2};
	struct mr_plan plan = {.split_count = 1, .bytes = MR_RANGE_BYTES};

	(void)state;
	assert_false(mr_board_wants_sample(&config, &plan));
	plan.bytes++;
	assert_true(mr_board_wants_sample(&config, &plan));
	config.job.map_only = true;
	assert_false(mr_board_wants_sample(&config, &plan));
	config.job = (struct gw_mr_job){.partition_by = GW_MR_BY_RANGE};
	plan.bytes = 1;
	assert_true(mr_board_wants_sample(&config, &plan));
	config.parts = 1;
	assert_false(mr_board_wants_sample(&config, &plan));
	config.job.reader = &reader;
	assert_true(mr_board_wants_sample(&config, &plan));
	plan.split_count = 0;
	assert_false(mr_board_wants_sample(&config, &plan));
}

/* ---- Ranges ---------------------------------------------------------------------------------- */

static void splitters_have_a_limit(void **state)
{
	static const char long_key[SPLITTER_BYTES];
	struct gw_error error = {0};
	struct bench bench;

	(void)state;
	/* However much of the space is used up, nothing is written behind it. */
	for (uint32_t first = 0; first <= SPLITTER_BYTES - 4; first++) {
		for (uint32_t second = 0; second < 8; second++) {
			struct gw_bytes keys[2] = {{long_key, first}, {long_key, second}};
			bool fits = 8 + first + second <= SPLITTER_BYTES;
			int failed;

			bench_init(&bench, 1, 1);
			failed = mr_board_set_ranges(&bench.board, 3, keys, 2, &error);
			assert_int_equal(failed, fits ? 0 : GW_E_TOO_LARGE);
			assert_int_equal(bench.board.splitter_count, fits ? 2 : 0);
			assert_int_equal(bench.board.ranges, fits ? 3 : 1);
			for (size_t i = SPLITTER_BYTES; i < sizeof bench.splitters; i++)
				assert_int_equal(bench.splitters[i], 0);
		}
	}
	assert_string_equal(error.text, "the keys of 2 ranges take over 64 bytes");
}

static void ranges_can_be_taken_back(void **state)
{
	struct gw_bytes key = {"m", 1};
	struct bench bench;

	(void)state;
	bench_init(&bench, 1, 1);
	assert_int_equal(mr_board_set_ranges(&bench.board, 2, &key, 1, NULL), 0);
	assert_int_equal(bench.board.splitter_bytes, 5);
	mr_board_reset_ranges(&bench.board);
	assert_int_equal(bench.board.ranges, 1);
	assert_int_equal(bench.board.splitter_count, 0);
	assert_int_equal(bench.board.splitter_bytes, 0);
	assert_int_equal(mr_board_set_ranges(&bench.board, 4, NULL, 0, NULL), 0);
	assert_int_equal(bench.board.ranges, 4);
}

/* ---- Units ----------------------------------------------------------------------------------- */

static void runs_are_in_the_order_of_the_input(void **state)
{
	static const uint32_t order[RUNS_MAX][2] = {{3, 1}, {0, 2}, {3, 0}, {1, 0},
						    {0, 0}, {3, 2}, {0, 1}, {2, 0}};
	static const uint32_t bytes[1] = {10};
	struct bench bench;

	(void)state;
	bench_init(&bench, 1, 1);
	for (size_t i = 0; i < RUNS_MAX; i++)
		add_run(&bench, order[i][0], order[i][1], bytes, NULL);
	plan_reduces(&bench);
	for (size_t i = 1; i < RUNS_MAX; i++) {
		const struct mr_run *a = &bench.runs[i - 1], *b = &bench.runs[i];

		assert_true(a->task < b->task ||
			    (a->task == b->task && a->sequence < b->sequence));
	}
	assert_int_equal(bench.units[0].bytes_in, 10 * RUNS_MAX);
	bench_done(&bench);
}

/* All buckets, each in one unit, units in order; no unit reaches over the end of a part. */
static void check_cover(const struct bench *bench)
{
	const struct mr_board *board = &bench->board;
	uint32_t next = 0;

	for (uint32_t i = 0; i < board->unit_count; i++) {
		const struct mr_unit *unit = &board->units[i];
		uint32_t last = unit->first_bucket + unit->bucket_count - 1;

		assert_int_equal(unit->first_bucket, next);
		assert_true(unit->bucket_count > 0);
		assert_int_equal(unit->first_bucket / board->ranges, unit->part);
		assert_int_equal(last / board->ranges, unit->part);
		next = last + 1;
	}
	assert_int_equal(next, bench->config.parts * board->ranges);
}

static void neighbours_are_one_unit_until_it_is_worth_it(void **state)
{
	static const uint32_t counts[] = {3, 3, 2, 3, 3, 2};
	uint32_t bytes[16];
	struct bench bench;

	(void)state;
	for (size_t i = 0; i < 16; i++)
		bytes[i] = 100;
	bench_init(&bench, 2, 8);
	add_run(&bench, 0, 0, bytes, NULL);
	bench.board.map_bytes_out = 16 * 300;
	plan_reduces(&bench);
	check_cover(&bench);
	assert_int_equal(bench.board.unit_count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(bench.units[i].bucket_count, counts[i]);
		assert_int_equal(bench.units[i].bytes_in, 100 * counts[i]);
	}
	bench_done(&bench);
}

static void whole_parts_are_one_unit_each(void **state)
{
	uint32_t bytes[24] = {0};
	struct bench bench;

	(void)state;
	for (size_t i = 0; i < 24; i++)
		bytes[i] = 100;
	bench_init(&bench, 3, 8);
	bench.config.job.whole_parts = true;
	add_run(&bench, 0, 0, bytes, NULL);
	plan_reduces(&bench);
	check_cover(&bench);
	assert_int_equal(bench.board.unit_count, 3);
	bench_done(&bench);
}

/* An attempt for each of thousands of empty ranges would be work for nothing. */
static void empty_parts_are_one_unit_each(void **state)
{
	uint32_t bytes[24] = {0};
	struct bench bench;

	(void)state;
	bench_init(&bench, 3, 8);
	plan_reduces(&bench);
	check_cover(&bench);
	assert_int_equal(bench.board.unit_count, 3);
	/* And between pairs the empty ones cost none. */
	bytes[4] = bytes[12] = 1;
	add_run(&bench, 0, 0, bytes, NULL);
	plan_reduces(&bench);
	check_cover(&bench);
	assert_true(bench.board.unit_count <= 5);
	bench_done(&bench);
}

/* ---- Places known beforehand -------------------------------------------------------------- */

static void exact_sizes_give_exact_places(void **state)
{
	static const uint32_t bytes[6] = {10, 20, 30, 40, 50, 60};
	static const uint64_t outputs[6] = {1, 2, 3, 4, 5, 6};
	static const uint64_t places[6] = {0, 2, 6, 0, 8, 18};
	struct bench bench;

	(void)state;
	bench_init(&bench, 2, 3);
	add_run(&bench, 0, 0, bytes, outputs);
	add_run(&bench, 1, 0, bytes, outputs);
	bench.board.map_bytes_out = 16;
	plan_reduces(&bench);
	assert_int_equal(bench.board.unit_count, 6);
	for (uint32_t i = 0; i < 6; i++) {
		assert_true(bench.units[i].exact && bench.units[i].placed);
		assert_int_equal(bench.units[i].offset, places[i]);
		assert_int_equal(bench.units[i].bytes, 2 * outputs[i]);
	}
	/* The attempt writes it itself: there is nothing to place. */
	for (uint32_t i = 0; i < 6; i++) {
		uint32_t unit;

		mr_board_unit_done(&bench.board, 5 - i);
		assert_true(bench.units[5 - i].written);
		assert_false(mr_board_next_place(&bench.board, &unit));
	}
	bench_done(&bench);
}

static void behind_an_unknown_size_nothing_is_exact(void **state)
{
	static const uint32_t bytes[8] = {1, 1, 1, 1, 1, 1, 1, 1};
	static const uint64_t outputs[8] = {5, MR_OUTPUT_UNKNOWN, 7, 8, MR_OUTPUT_UNKNOWN, 6, 7, 8};
	struct bench bench;

	(void)state;
	bench_init(&bench, 2, 4);
	add_run(&bench, 0, 0, bytes, outputs);
	bench.board.map_bytes_out = 16;
	plan_reduces(&bench);
	assert_int_equal(bench.board.unit_count, 8);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(bench.units[i].exact, i == 0);
		assert_int_equal(bench.units[i].placed, i == 0 || i == 1 || i == 4);
		assert_int_equal(bench.units[i].bytes, i == 0 ? 5 : 0);
	}
	assert_int_equal(bench.units[1].offset, 5);
	bench_done(&bench);
}

/* A reduce function, a format, a finish: any may write what no size tells. */
static void only_an_identity_job_is_exact(void **state)
{
	static const uint32_t bytes[1] = {1};
	static const uint64_t outputs[1] = {1};
	const struct gw_mr_job jobs[] = {
		{.reduce = (int (*)(struct gw_mr_task *, struct gw_bytes, struct gw_mr_values *))1},
		{.format = (int (*)(struct gw_mr_task *, struct gw_bytes, struct gw_bytes))1},
		{.finish = (int (*)(struct gw_mr_task *, void *))1},
		{.combine_with = GW_MR_SET_UNION},
	};

	(void)state;
	for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
		struct bench bench;

		bench_init(&bench, 1, 1);
		bench.config.job = jobs[i];
		add_run(&bench, 0, 0, bytes, outputs);
		plan_reduces(&bench);
		assert_false(bench.units[0].exact);
		assert_true(bench.units[0].placed);
		bench_done(&bench);
	}
}

/* ---- Places in whatever order units are done ---------------------------------------------- */

enum { WAITING = 6 };

struct placing {
	struct bench bench;
	uint64_t sizes[WAITING];
	uint32_t regions[WAITING];
	bool done[WAITING], placed[WAITING];
};

static void finish_unit(struct placing *placing, uint32_t unit)
{
	uint64_t left = placing->sizes[unit];

	for (uint32_t i = 0; i < placing->regions[unit]; i++) {
		struct mr_region region = {.size = i + 1 < placing->regions[unit] ? left / 2
										  : left};

		left -= region.size;
		assert_int_equal(mr_board_add_output(&placing->bench.board, unit, &region, NULL),
				 0);
	}
	mr_board_unit_done(&placing->bench.board, unit);
	placing->done[unit] = true;
}

/* Whether all units before this one in its part are done, and where it then begins. */
static bool place_of(const struct placing *placing, uint32_t unit, uint64_t *offset)
{
	*offset = 0;
	for (uint32_t i = unit < WAITING / 2 ? 0 : WAITING / 2; i < unit; i++) {
		if (!placing->done[i])
			return false;
		*offset += placing->sizes[i];
	}
	return true;
}

/* Everything that can be placed is, once, and at its place. */
static void check_places(struct placing *placing)
{
	uint64_t offset;
	uint32_t unit;

	while (mr_board_next_place(&placing->bench.board, &unit)) {
		assert_true(placing->done[unit] && !placing->placed[unit]);
		assert_true(place_of(placing, unit, &offset));
		assert_int_equal(placing->bench.units[unit].offset, offset);
		placing->placed[unit] = true;
	}
	for (unit = 0; unit < WAITING; unit++) {
		bool due = placing->done[unit] && placing->regions[unit] > 0 &&
			   place_of(placing, unit, &offset);

		assert_int_equal(placing->placed[unit], due);
	}
}

static void units_are_placed_in_order_of_keys(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct placing placing = {.done = {false}};
		uint32_t order[WAITING];

		bench_init(&placing.bench, 2, WAITING / 2);
		placing.bench.config.job.map_only = true;
		placing.bench.plan.splits = (struct mr_split[WAITING]){{0}};
		placing.bench.plan.split_count = WAITING;
		assert_int_equal(mr_board_plan_map_only(&placing.bench.board, &placing.bench.config,
							&placing.bench.plan, NULL), 0);
		for (uint32_t i = 0; i < WAITING; i++) {
			uint32_t at = (uint32_t)test_pick(&random, i + 1);

			placing.regions[i] = (uint32_t)test_pick(&random, 4);
			placing.sizes[i] = placing.regions[i] ? test_pick(&random, 100) : 0;
			order[i] = order[at];
			order[at] = i;
		}
		for (uint32_t i = 0; i < WAITING; i++) {
			finish_unit(&placing, order[i]);
			if (test_pick(&random, 3))
				check_places(&placing);
		}
		check_places(&placing);
		bench_done(&placing.bench);
	}
}

static void a_map_only_job_has_a_unit_for_each_split(void **state)
{
	struct mr_split splits[3] = {{0, 1, 10}, {1, 1, 20}, {2, 1, 30}};
	struct gw_error error = {0};
	struct bench bench;

	(void)state;
	bench_init(&bench, 1, 1);
	bench.config.job.map_only = true;
	bench.plan = (struct mr_plan){.splits = splits, .split_count = 3};
	assert_int_equal(mr_board_plan_map_only(&bench.board, &bench.config, &bench.plan, NULL), 0);
	assert_int_equal(bench.board.unit_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(bench.units[i].bytes_in, splits[i].bytes);
		assert_int_equal(bench.units[i].part, 0);
		assert_int_equal(bench.units[i].placed, i == 0);
		assert_false(bench.units[i].exact);
	}
	bench.plan.split_count = UNITS_MAX + 1;
	assert_int_equal(mr_board_plan_map_only(&bench.board, &bench.config, &bench.plan, &error),
			 GW_E_TOO_LARGE);
	assert_string_equal(error.text, "65 splits, of which a job has at most 64");
}

/* ---- Limits and failures ------------------------------------------------------------------ */

static void runs_and_outputs_have_a_limit(void **state)
{
	struct gw_error error = {0};
	struct mr_region region = {.size = 1};
	struct mr_run run = {0};
	struct bench bench;

	(void)state;
	bench_init(&bench, 1, 1);
	for (uint32_t i = 0; i < RUNS_MAX; i++)
		assert_int_equal(mr_board_add_run(&bench.board, &run, NULL), 0);
	assert_int_equal(mr_board_add_run(&bench.board, &run, &error), GW_E_TOO_LARGE);
	assert_string_equal(error.text, "over 8 runs of map output: more --memory makes fewer");
	bench.board.unit_count = 1;
	for (uint32_t i = 0; i < OUTPUTS_MAX; i++)
		assert_int_equal(mr_board_add_output(&bench.board, 0, &region, NULL), 0);
	assert_int_equal(mr_board_add_output(&bench.board, 0, &region, &error), GW_E_TOO_LARGE);
	assert_string_equal(error.text, "over 256 pieces of output");
}

static void a_run_that_cannot_be_read_is_named(void **state)
{
	static const uint32_t bytes[2] = {1, 1};
	struct gw_error error = {0};
	struct bench bench;

	(void)state;
	bench_init(&bench, 2, 1);
	add_run(&bench, 4, 2, bytes, NULL);
	bench.memory.shared[0] ^= 1;
	assert_int_equal(mr_board_plan_reduces(&bench.board, &bench.config, &bench.memory.space,
					       &error), GW_E_CORRUPT);
	assert_string_equal(error.text, "spilled run 2 of map task 4: no run begins here");
	bench_done(&bench);
}

static int plan_once(void *context)
{
	struct bench *bench = context;
	struct gw_error error = {0};
	int failed = mr_board_plan_reduces(&bench->board, &bench->config, &bench->memory.space,
					   &error);

	if (failed)
		assert_string_equal(error.text, "no memory to plan 6 buckets");
	return failed;
}

static void memory_that_is_short_is_said(void **state)
{
	static const uint32_t bytes[6] = {1, 1, 1, 1, 1, 1};
	struct bench bench;

	(void)state;
	bench_init(&bench, 2, 3);
	add_run(&bench, 0, 0, bytes, NULL);
	assert_int_equal(test_each_allocation_fails(plan_once, &bench), 2);
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrays_are_in_the_memory_one_behind_the_other),
		cmocka_unit_test(a_sample_comes_first_where_it_pays),
		cmocka_unit_test(splitters_have_a_limit),
		cmocka_unit_test(ranges_can_be_taken_back),
		cmocka_unit_test(runs_are_in_the_order_of_the_input),
		cmocka_unit_test(neighbours_are_one_unit_until_it_is_worth_it),
		cmocka_unit_test(whole_parts_are_one_unit_each),
		cmocka_unit_test(empty_parts_are_one_unit_each),
		cmocka_unit_test(exact_sizes_give_exact_places),
		cmocka_unit_test(behind_an_unknown_size_nothing_is_exact),
		cmocka_unit_test(only_an_identity_job_is_exact),
		cmocka_unit_test(units_are_placed_in_order_of_keys),
		cmocka_unit_test(a_map_only_job_has_a_unit_for_each_split),
		cmocka_unit_test(runs_and_outputs_have_a_limit),
		cmocka_unit_test(a_run_that_cannot_be_read_is_named),
		cmocka_unit_test(memory_that_is_short_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

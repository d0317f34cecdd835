/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <setjmp.h>

#include <cmocka.h>

#define MIB (1ull << 20)

static int map(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	(void)task;
	(void)key;
	(void)value;
	return 0;
}

static int map_block(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	(void)task;
	(void)block;
	return 0;
}

static int reduce(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	(void)task;
	(void)key;
	(void)values;
	return 0;
}

static uint32_t partition(const struct gw_mr_task *task, struct gw_bytes key, uint32_t parts)
{
	(void)task;
	(void)key;
	(void)parts;
	return 0;
}

static int compare(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b)
{
	(void)task;
	return gw_bytes_compare(a, b);
}

static uint32_t reader_count(void *context)
{
	(void)context;
	return 1;
}

static int reader_open(void *context, uint32_t split, void **state, struct gw_error *error)
{
	(void)context;
	(void)split;
	(void)state;
	(void)error;
	return 0;
}

static int reader_next(void *state, struct gw_bytes *key, struct gw_bytes *value,
		       struct gw_error *error)
{
	(void)state;
	(void)key;
	(void)value;
	(void)error;
	return 0;
}

static void reader_close(void *state)
{
	(void)state;
}

static const struct gw_mr_reader reader = {reader_count, reader_open, reader_next, reader_close};
static const char *const inputs[] = {"a", "b"};

static const struct mr_machine machine = {.cores = 8, .memory = 16ull << 30};

/* A job and options that are right; a test changes one thing. */
static struct gw_mr_job good_job(void)
{
	return (struct gw_mr_job){.name = "j", .map = map, .reduce = reduce};
}

static struct gw_mr_options good_options(void)
{
	return (struct gw_mr_options){
		.inputs = inputs, .input_count = 2, .output = "out", .only_map = -1,
		.only_reduce = -1};
}

static void expect_good(const struct gw_mr_job *job, const struct gw_mr_options *options,
			struct mr_config *config)
{
	struct gw_error error = {0};
	int result = mr_config_init_for(config, job, options, &machine, &error);

	if (result < 0)
		fail_msg("%s", error.text);
}

static void expect_usage(const struct gw_mr_job *job, const struct gw_mr_options *options,
			 const char *text)
{
	struct gw_error error = {0};
	struct mr_config config;

	assert_int_equal(mr_config_init_for(&config, job, options, &machine, &error), GW_E_USAGE);
	if (!strstr(error.text, text))
		fail_msg("\"%s\" does not say \"%s\"", error.text, text);
}

static void bad_job(struct gw_mr_job job, const char *text)
{
	struct gw_mr_options options = good_options();

	expect_usage(&job, &options, text);
}

static void bad_options(struct gw_mr_options options, const char *text)
{
	struct gw_mr_job job = good_job();

	expect_usage(&job, &options, text);
}

/* Calls bad with the good thing after a change to it. */
#define BAD_JOB(change, text)                   \
	do {                                    \
		struct gw_mr_job job = good_job(); \
		change;                         \
		bad_job(job, text);             \
	} while (0)

#define BAD_OPTIONS(change, text)                           \
	do {                                                \
		struct gw_mr_options options = good_options(); \
		change;                                     \
		bad_options(options, text);                 \
	} while (0)

static void defaults(void **state)
{
	struct gw_mr_options options = good_options();
	struct gw_mr_job job = good_job();
	struct mr_config config;

	(void)state;
	job.name = NULL;
	expect_good(&job, &options, &config);
	assert_string_equal(config.job.name, "job");
	assert_int_equal(config.slots, 8);
	assert_int_equal(config.options.jobs, 8);
	assert_int_equal(config.parts, 1);
	assert_int_equal(config.options.parts, 1);
	assert_int_equal(config.options.attempts, 4);
	assert_int_equal(config.options.memory, 4096 * MIB);
	assert_int_equal(config.options.split_size, 64 * MIB);
	assert_int_equal(config.codec, MR_SPILL_LZ4);
	assert_string_equal(config.options.compress_spill, "lz4");
	assert_ptr_equal(config.options.inputs, inputs);
	assert_null(config.staging);
}

static void defaults_of_formats(void **state)
{
	struct gw_mr_options options = good_options();
	struct gw_mr_job job = good_job();
	struct mr_config config;

	(void)state;
	expect_good(&job, &options, &config);
	assert_false(mr_config_quoted(&config));
	job.input = GW_MR_COLUMNS;
	job.combine_with = GW_MR_TOP_K;
	job.compare_values = compare;
	expect_good(&job, &options, &config);
	assert_int_equal(config.job.separator, ',');
	assert_true(mr_config_quoted(&config));
	assert_int_equal(config.job.top_k, 10);
	assert_true(config.job.sort_values);
	job.separator = '\t';
	job.top_k = 3;
	expect_good(&job, &options, &config);
	assert_int_equal(config.job.separator, '\t');
	assert_false(mr_config_quoted(&config));
	assert_int_equal(config.job.top_k, 3);
}

static void what_is_given_is_kept(void **state)
{
	struct gw_mr_options options = good_options();
	struct gw_mr_job job = good_job();
	struct mr_config config;

	(void)state;
	options.jobs = 3;
	options.parts = 7;
	options.attempts = 1;
	options.memory = 100 * MIB;
	options.split_size = 12345;
	options.compress_spill = "zstd";
	options.only_reduce = 6;
	expect_good(&job, &options, &config);
	assert_int_equal(config.slots, 3);
	assert_int_equal(config.parts, 7);
	assert_int_equal(config.options.attempts, 1);
	assert_int_equal(config.options.memory, 100 * MIB);
	assert_int_equal(config.options.split_size, 12345);
	assert_int_equal(config.codec, MR_SPILL_ZSTD);
	options.compress_spill = "none";
	expect_good(&job, &options, &config);
	assert_int_equal(config.codec, MR_SPILL_PLAIN);
}

static void this_machine(void **state)
{
	struct gw_mr_options options = good_options();
	struct gw_mr_job job = good_job();
	struct mr_config config;

	(void)state;
	assert_int_equal(mr_config_init(&config, &job, &options, NULL), 0);
	assert_true(config.slots >= 1 && config.slots <= MR_SLOTS_MAX);
}

static void memory_is_divided(void **state)
{
	static const uint64_t sizes[] = {32, 33, 40, 64, 100, 256, 1000, 4096, 65536, 1 << 20};
	struct gw_mr_options options = good_options();
	struct gw_mr_job job = good_job();
	struct mr_config config;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		for (options.jobs = 1; options.jobs <= MR_SLOTS_MAX; options.jobs++) {
			options.memory = sizes[i] * MIB;
			expect_good(&job, &options, &config);
			assert_true(config.slots >= 1 && config.slots <= options.jobs);
			assert_true(config.slot_memory >= 4 * MIB);
			assert_true(config.slot_memory <= 256 * MIB);
			assert_true(config.pool_memory >= config.slot_memory * config.slots);
			/* Processes, slots and pool are all there is. */
			assert_int_equal(options.memory, config.pool_memory +
				config.slot_memory * config.slots + 4 * MIB * (config.slots + 1));
		}
	}
}

static void slots_are_fewer_when_memory_is_short(void **state)
{
	struct gw_mr_options options = good_options();
	struct gw_mr_job job = good_job();
	struct mr_config config;

	(void)state;
	options.jobs = 16;
	options.memory = 32 * MIB;
	expect_good(&job, &options, &config);
	assert_int_equal(config.slots, 2);
	options.memory = 64 * MIB;
	expect_good(&job, &options, &config);
	assert_int_equal(config.slots, 5);
	options.memory = 256 * MIB;
	expect_good(&job, &options, &config);
	assert_int_equal(config.slots, 16);
}

static void small_and_large_machines(void **state)
{
	const struct mr_machine tiny = {1, 20 * MIB}, huge = {1000, 4096ull << 30};
	struct gw_mr_options options = good_options();
	struct gw_mr_job job = good_job();
	struct mr_config config;

	(void)state;
	assert_int_equal(mr_config_init_for(&config, &job, &options, &tiny, NULL), 0);
	assert_int_equal(config.options.memory, 32 * MIB);
	assert_int_equal(mr_config_init_for(&config, &job, &options, &huge, NULL), 0);
	assert_int_equal(config.slots, MR_SLOTS_MAX);
	assert_int_equal(config.slot_memory, 256 * MIB);
}

static void bad_maps(void **state)
{
	(void)state;
	BAD_JOB(job.map = NULL, "exactly one of map and map_block");
	BAD_JOB(job.map_block = map_block, "exactly one of map and map_block");
	BAD_JOB(job.empty_files = true, "empty files have no records");
	BAD_JOB((job.map = NULL, job.map_block = map_block, job.reader = &reader), "reader");
	BAD_JOB((job.map = NULL, job.map_block = map_block, job.input = GW_MR_FRAMED), "framed");
	BAD_JOB((job.map = NULL, job.map_block = map_block, job.input = GW_MR_COLUMNS), "quotes");
}

static void good_block_maps(void **state)
{
	struct gw_mr_options options = good_options();
	struct gw_mr_job job = good_job();
	struct mr_config config;

	(void)state;
	job.map = NULL;
	job.map_block = map_block;
	expect_good(&job, &options, &config);
	job.input = GW_MR_FILES;
	expect_good(&job, &options, &config);
	job.input = GW_MR_COLUMNS;
	job.separator = '\t';
	expect_good(&job, &options, &config);
	job.input = GW_MR_FIXED;
	job.record_size = job.key_size = 10;
	expect_good(&job, &options, &config);
}

static void bad_inputs(void **state)
{
	struct gw_mr_reader half = reader;

	(void)state;
	half.close = NULL;
	BAD_JOB(job.input = (enum gw_mr_input)9, "input format 9");
	BAD_JOB(job.reader = &half, "lacks one of");
	BAD_JOB(job.input = GW_MR_FIXED, "record_size is 0");
	BAD_JOB((job.input = GW_MR_FIXED, job.record_size = 1ull << 31), "record_size");
	BAD_JOB((job.input = GW_MR_FIXED, job.record_size = 4, job.key_size = 5), "key_size 5");
	BAD_JOB((job.input = GW_MR_COLUMNS, job.separator = '\n'), "cannot separate");
	BAD_JOB((job.input = GW_MR_COLUMNS, job.separator = '"'), "cannot separate");
}

static void bad_merging(void **state)
{
	(void)state;
	BAD_JOB(job.combine_with = (enum gw_mr_combiner)99, "combiner 99");
	BAD_JOB((job.combine_with = GW_MR_SUM, job.combine = reduce), "both combine");
	BAD_JOB(job.partition_by = (enum gw_mr_partition)9, "partition 9");
	BAD_JOB(job.output = (enum gw_mr_output)9, "output format 9");
}

static void bad_map_only(void **state)
{
	struct gw_mr_job map_only = {.name = "j", .map = map, .map_only = true};
	struct gw_mr_options options = good_options();
	struct mr_config config;

	(void)state;
	expect_good(&map_only, &options, &config);
	assert_int_equal(config.options.split_size, 64 * MIB);
	map_only.map = NULL;
	map_only.map_block = map_block;
	expect_good(&map_only, &options, &config);
	assert_int_equal(config.options.split_size, 256 * MIB);
	BAD_JOB(job.map_only = true, "map_only and has reduce");
	BAD_JOB((job = map_only, job.combine = reduce), "a combiner");
	BAD_JOB((job = map_only, job.combine_with = GW_MR_SUM), "a combiner");
	BAD_JOB((job = map_only, job.partition = partition), "partition");
	BAD_JOB((job = map_only, job.sort_values = true), "an order");
	BAD_JOB((job = map_only, job.compare = compare), "an order");
	options.parts = 2;
	expect_usage(&map_only, &options, "--parts 2");
	options.parts = 0;
	options.only_reduce = 0;
	expect_usage(&map_only, &options, "--only-reduce 0");
}

static void bad_paths(void **state)
{
	static const char *const nameless[] = {"a", ""};

	(void)state;
	BAD_OPTIONS(options.input_count = 0, "no input");
	BAD_OPTIONS(options.inputs = nameless, "empty name");
	BAD_OPTIONS(options.output = NULL, "output directory");
	BAD_OPTIONS(options.output = "", "output directory");
}

static void a_reader_takes_no_files(void **state)
{
	struct gw_mr_job job = good_job();
	struct gw_mr_options options = good_options();
	struct mr_config config;

	(void)state;
	job.reader = &reader;
	expect_usage(&job, &options, "reads no files");
	options.input_count = 0;
	expect_good(&job, &options, &config);
}

static void bad_numbers(void **state)
{
	(void)state;
	BAD_OPTIONS(options.jobs = -1, "--jobs -1");
	BAD_OPTIONS(options.jobs = MR_SLOTS_MAX + 1, "--jobs 257");
	BAD_OPTIONS(options.parts = -5, "--parts -5");
	BAD_OPTIONS(options.parts = MR_PARTS_MAX + 1, "--parts 10001");
	BAD_OPTIONS(options.attempts = -1, "--attempts -1");
	BAD_OPTIONS(options.attempts = MR_ATTEMPTS_MAX + 1, "--attempts 101");
	BAD_OPTIONS(options.memory = 32 * MIB - 1, "at least 32M");
	BAD_OPTIONS(options.compress_spill = "gzip", "--compress-spill gzip");
	BAD_OPTIONS(options.only_map = -2, "--only-map -2");
	BAD_OPTIONS(options.only_reduce = -2, "--only-reduce -2");
	BAD_OPTIONS(options.only_reduce = 1, "there are 1 parts");
	BAD_OPTIONS((options.only_map = 0, options.only_reduce = 0), "exclude each other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(defaults_of_formats),
		cmocka_unit_test(what_is_given_is_kept),
		cmocka_unit_test(this_machine),
		cmocka_unit_test(memory_is_divided),
		cmocka_unit_test(slots_are_fewer_when_memory_is_short),
		cmocka_unit_test(small_and_large_machines),
		cmocka_unit_test(bad_maps),
		cmocka_unit_test(good_block_maps),
		cmocka_unit_test(bad_inputs),
		cmocka_unit_test(bad_merging),
		cmocka_unit_test(bad_map_only),
		cmocka_unit_test(bad_paths),
		cmocka_unit_test(a_reader_takes_no_files),
		cmocka_unit_test(bad_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

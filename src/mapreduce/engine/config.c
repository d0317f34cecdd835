/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - checks a job and its options against each other and fills in the defaults, so that
 * nothing behind this door has to ask again. A function of the job, the options and the machine: a
 * task's number means the same in every run with the same three (`--only-map 17` relies on it).
 */
#include "config.h"

#include <assert.h>
#include <inttypes.h>

enum {
	DEFAULT_TOP_K = 10,
	DEFAULT_ATTEMPTS = 4,
};

#define MIB (1024 * 1024ull)
#define DEFAULT_SPLIT_SIZE (64 * MIB)
/* A block map without a reduce keeps little of a split, and every split costs messages. */
#define DEFAULT_BLOCK_SPLIT_SIZE (256 * MIB)
#define MEMORY_MIN (32 * MIB)

/*
 * How --memory is divided.
 *
 *     memory = processes * MEMORY_PER_PROCESS   what a process costs before it does anything
 *            + slots * slot_memory              private: tables, buffers, sorting
 *            + pool_memory                      shared: what finished attempts left behind
 *
 * slot_memory is a SLOT_SHARE-th of an even share, since what a slot makes moves to the pool; but
 * never less than SLOT_MEMORY_MIN, below which every job spills all the time, nor more than
 * SLOT_MEMORY_MAX, above which tables no longer gain from size. The pool gets at least half of what
 * is divided: slots that this would not leave room for are not started.
 */
#define MEMORY_PER_PROCESS (4 * MIB)
#define SLOT_MEMORY_MIN (4 * MIB)
#define SLOT_MEMORY_MAX (256 * MIB)
#define SLOT_SHARE 4

static void divide_memory(struct mr_config *config)
{
	uint64_t memory = config->options.memory;
	uint64_t slots_max = (memory - MEMORY_PER_PROCESS) /
			     (MEMORY_PER_PROCESS + 2 * SLOT_MEMORY_MIN);
	uint64_t divided, slot;

	assert(memory >= MEMORY_MIN && slots_max > 0);
	if (config->slots > slots_max)
		config->slots = (uint32_t)slots_max;
	divided = memory - MEMORY_PER_PROCESS * (config->slots + 1);
	slot = divided / config->slots / SLOT_SHARE;
	if (slot < SLOT_MEMORY_MIN)
		slot = SLOT_MEMORY_MIN;
	if (slot > SLOT_MEMORY_MAX)
		slot = SLOT_MEMORY_MAX;
	config->slot_memory = slot;
	config->pool_memory = divided - slot * config->slots;
	assert(config->slots > 0 && config->slots <= MR_SLOTS_MAX);
	assert(config->pool_memory >= divided / 2);
}

static int check_map(const struct gw_mr_job *job, struct gw_error *error)
{
	if (!job->map == !job->map_block)
		return gw_fail(error, GW_E_USAGE, "job %s: needs exactly one of map and map_block",
			       job->name);
	if (!job->map_block && job->empty_files)
		return gw_fail(error, GW_E_USAGE,
			       "job %s: empty files have no records, so it needs "
			       "map_block, not map",
			       job->name);
	if (!job->map_block)
		return 0;
	if (job->reader)
		return gw_fail(error, GW_E_USAGE,
			       "job %s: a reader gives records, so it needs map, "
			       "not map_block",
			       job->name);
	if (job->input == GW_MR_FRAMED)
		return gw_fail(error, GW_E_USAGE,
			       "job %s: framed input has pairs, so it needs map, "
			       "not map_block",
			       job->name);
	if (job->input == GW_MR_COLUMNS && job->separator == ',')
		return gw_fail(error, GW_E_USAGE,
			       "job %s: CSV may have newlines inside quotes, so it "
			       "needs map, not map_block",
			       job->name);
	return 0;
}

static int check_input(const struct gw_mr_job *job, struct gw_error *error)
{
	if ((unsigned)job->input > GW_MR_FRAMED)
		return gw_fail(error, GW_E_USAGE, "job %s: unknown input format %u", job->name,
			       (unsigned)job->input);
	if (job->reader && (!job->reader->split_count || !job->reader->open || !job->reader->next ||
			    !job->reader->close))
		return gw_fail(error, GW_E_USAGE,
			       "job %s: its reader lacks one of split_count, open, "
			       "next and close",
			       job->name);
	if (job->input == GW_MR_FIXED && (job->record_size == 0 || job->record_size > MR_KEY_MAX))
		return gw_fail(error, GW_E_USAGE, "job %s: record_size is %" PRIu64
			       ", must be 1 to %d", job->name, job->record_size, MR_KEY_MAX);
	if (job->input == GW_MR_FIXED && job->key_size > job->record_size)
		return gw_fail(error, GW_E_USAGE, "job %s: key_size %" PRIu64
			       " is more than record_size %" PRIu64, job->name, job->key_size,
			       job->record_size);
	if (job->input == GW_MR_COLUMNS &&
	    (job->separator == '\n' || job->separator == '\r' || job->separator == '"'))
		return gw_fail(error, GW_E_USAGE,
			       "job %s: a newline or a quote cannot separate columns", job->name);
	return 0;
}

static int check_merging(const struct gw_mr_job *job, struct gw_error *error)
{
	if ((unsigned)job->combine_with > GW_MR_TOP_K)
		return gw_fail(error, GW_E_USAGE, "job %s: unknown combiner %u", job->name,
			       (unsigned)job->combine_with);
	if (job->combine_with && job->combine)
		return gw_fail(error, GW_E_USAGE, "job %s: has both combine and combine_with",
			       job->name);
	if ((unsigned)job->partition_by > GW_MR_BY_RANGE)
		return gw_fail(error, GW_E_USAGE, "job %s: unknown way to partition %u", job->name,
			       (unsigned)job->partition_by);
	if ((unsigned)job->output > GW_MR_OUT_FIXED)
		return gw_fail(error, GW_E_USAGE, "job %s: unknown output format %u", job->name,
			       (unsigned)job->output);
	return 0;
}

/* What a job without a reduce phase has no use for is a mistake of its author. */
static int check_map_only(const struct gw_mr_job *job, struct gw_error *error)
{
	const char *what = NULL;

	if (!job->map_only)
		return 0;
	if (job->reduce)
		what = "reduce";
	else if (job->combine || job->combine_with)
		what = "a combiner";
	else if (job->partition)
		what = "partition";
	else if (job->compare || job->compare_values || job->sort_values)
		what = "an order of keys or values";
	if (what)
		return gw_fail(error, GW_E_USAGE, "job %s: is map_only and has %s", job->name,
			       what);
	return 0;
}

static int check_job(struct gw_mr_job *job, struct gw_error *error)
{
	int result;

	if (!job->name || !job->name[0])
		job->name = "job";
	if (job->combine_with == GW_MR_TOP_K && job->top_k == 0)
		job->top_k = DEFAULT_TOP_K;
	if (job->input == GW_MR_COLUMNS && job->separator == 0)
		job->separator = ',';
	if (job->compare_values)
		job->sort_values = true;
	result = check_map(job, error);
	if (result == 0)
		result = check_input(job, error);
	if (result == 0)
		result = check_merging(job, error);
	if (result == 0)
		result = check_map_only(job, error);
	return result;
}

static int check_paths(const struct mr_config *config, struct gw_error *error)
{
	const struct gw_mr_options *options = &config->options;

	if (config->job.reader && options->input_count)
		return gw_fail(error, GW_E_USAGE, "%s: job %s reads no files", options->inputs[0],
			       config->job.name);
	if (!config->job.reader && options->input_count == 0)
		return gw_fail(error, GW_E_USAGE, "no input: name files or directories to read");
	for (size_t i = 0; i < options->input_count; i++) {
		if (!options->inputs[i] || !options->inputs[i][0])
			return gw_fail(error, GW_E_USAGE, "an input has an empty name");
	}
	if (!options->output || !options->output[0])
		return gw_fail(error, GW_E_USAGE, "no output directory is named");
	return 0;
}

static int fill_count(int64_t *count, int64_t standard, int64_t max, const char *name,
		      struct gw_error *error)
{
	assert(standard >= 1 && standard <= max);
	if (*count == 0)
		*count = standard;
	if (*count < 1 || *count > max)
		return gw_fail(error, GW_E_USAGE, "--%s %" PRId64 ": must be 1 to %" PRId64, name,
			       *count, max);
	return 0;
}

static int fill_counts(struct mr_config *config, const struct mr_machine *machine,
		       struct gw_error *error)
{
	struct gw_mr_options *options = &config->options;
	int64_t cores = machine->cores < MR_SLOTS_MAX ? machine->cores : MR_SLOTS_MAX;
	int result = fill_count(&options->jobs, cores, MR_SLOTS_MAX, "jobs", error);

	if (result == 0)
		result = fill_count(&options->parts, 1, MR_PARTS_MAX, "parts", error);
	if (result == 0)
		result = fill_count(&options->attempts, DEFAULT_ATTEMPTS, MR_ATTEMPTS_MAX,
				    "attempts", error);
	if (result < 0)
		return result;
	if (config->job.map_only && options->parts > 1)
		return gw_fail(error, GW_E_USAGE,
			       "--parts %" PRId64 ": job %s is map_only and writes "
			       "one part",
			       options->parts, config->job.name);
	assert(options->parts <= MR_PARTS_MAX && options->attempts <= MR_ATTEMPTS_MAX);
	config->slots = (uint32_t)options->jobs;
	config->parts = (uint32_t)options->parts;
	return 0;
}

static int fill_sizes(struct mr_config *config, const struct mr_machine *machine,
		      struct gw_error *error)
{
	struct gw_mr_options *options = &config->options;

	if (options->memory == 0) {
		options->memory = machine->memory / 4;
		if (options->memory < MEMORY_MIN)
			options->memory = MEMORY_MIN;
	}
	if (options->memory < MEMORY_MIN)
		return gw_fail(error, GW_E_USAGE, "--memory %" PRIu64 ": must be at least %lluM",
			       options->memory, MEMORY_MIN / MIB);
	if (options->split_size == 0)
		options->split_size = config->job.map_only && config->job.map_block
					      ? DEFAULT_BLOCK_SPLIT_SIZE
					      : DEFAULT_SPLIT_SIZE;
	divide_memory(config);
	return 0;
}

static int fill_codec(struct mr_config *config, struct gw_error *error)
{
	static const struct {
		const char *name;
		enum mr_spill_codec codec;
	} codecs[] = {{"lz4", MR_SPILL_LZ4}, {"zstd", MR_SPILL_ZSTD}, {"none", MR_SPILL_PLAIN}};

	if (!config->options.compress_spill)
		config->options.compress_spill = codecs[0].name;
	for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
		if (strcmp(config->options.compress_spill, codecs[i].name) == 0) {
			config->codec = codecs[i].codec;
			return 0;
		}
	}
	return gw_fail(error, GW_E_USAGE, "--compress-spill %s: must be lz4, zstd or none",
		       config->options.compress_spill);
}

static int check_only(const struct mr_config *config, struct gw_error *error)
{
	int64_t map = config->options.only_map, reduce = config->options.only_reduce;

	if (map < -1)
		return gw_fail(error, GW_E_USAGE,
			       "--only-map %" PRId64 ": tasks are counted from 0", map);
	if (reduce < -1)
		return gw_fail(error, GW_E_USAGE,
			       "--only-reduce %" PRId64 ": parts are counted from 0", reduce);
	if (map >= 0 && reduce >= 0)
		return gw_fail(error, GW_E_USAGE,
			       "--only-map and --only-reduce exclude each other");
	if (reduce >= 0 && config->job.map_only)
		return gw_fail(error, GW_E_USAGE, "--only-reduce %" PRId64 ": job %s is map_only",
			       reduce, config->job.name);
	if (reduce >= (int64_t)config->parts)
		return gw_fail(error, GW_E_USAGE, "--only-reduce %" PRId64 ": there are %" PRIu32
			       " parts, counted from 0", reduce, config->parts);
	return 0;
}

int mr_config_init_for(struct mr_config *config, const struct gw_mr_job *job,
		       const struct gw_mr_options *options, const struct mr_machine *machine,
		       struct gw_error *error)
{
	int result;

	assert(machine->cores > 0 && machine->memory > 0);
	*config = (struct mr_config){.job = *job, .options = *options};
	result = check_job(&config->job, error);
	if (result == 0)
		result = check_paths(config, error);
	if (result == 0)
		result = fill_counts(config, machine, error);
	if (result == 0)
		result = fill_sizes(config, machine, error);
	if (result == 0)
		result = fill_codec(config, error);
	if (result == 0)
		result = check_only(config, error);
	return result;
}

int mr_config_init(struct mr_config *config, const struct gw_mr_job *job,
		   const struct gw_mr_options *options, struct gw_error *error)
{
	struct mr_machine machine;

	mr_machine_read(&machine, "");
	return mr_config_init_for(config, job, options, &machine, error);
}

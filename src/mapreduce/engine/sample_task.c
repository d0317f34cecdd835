/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample_task.c - learns how keys are spread before the first map task: the map function runs on
 * small slices of the input, evenly spaced, and the keys it emits, each once, give the splitters
 * that cut every part into ranges of about MR_RANGE_BYTES. What it emits, counts and writes is
 * thrown away.
 */
#include "sort.h"
#include "task.h"

#include <assert.h>
#include <stdlib.h>

enum {
	SAMPLE_SLICE_BYTES = 32 << 10,
	SAMPLE_SLICES_MIN = 32,
	SAMPLE_SLICES_MAX = 256,
};

#define SAMPLE_SHARE 512 /* of the input is sampled */

/* ---- The slices --------------------------------------------------------------------------- */

static uint32_t slice_count(uint64_t bytes)
{
	uint64_t count = bytes / SAMPLE_SHARE / SAMPLE_SLICE_BYTES;

	if (count < SAMPLE_SLICES_MIN)
		return SAMPLE_SLICES_MIN;
	return count < SAMPLE_SLICES_MAX ? (uint32_t)count : SAMPLE_SLICES_MAX;
}

/* Whether the piece can be read from its front only, to its end. */
static bool is_whole(const struct mr_config *config, const struct mr_plan *plan,
		     const struct mr_piece *piece)
{
	return plan->files[piece->file].compression != MR_PLAIN || config->job.whole_files ||
	       config->job.input == GW_MR_FILES || mr_config_quoted(config);
}

/* The slice of the piece that begins `into` bytes behind its start; a record begins in it. */
static struct mr_piece slice_of(const struct mr_config *config, const struct mr_piece *piece,
				uint64_t into)
{
	struct mr_piece slice = {piece->file, piece->offset + into, piece->size - into};
	uint64_t most = SAMPLE_SLICE_BYTES;

	assert(into < piece->size);
	if (config->job.input == GW_MR_FIXED && config->job.record_size > most)
		most = config->job.record_size;
	if (slice.size > most)
		slice.size = most;
	return slice;
}

/* A plan of one split: slices at even distances through all pieces. */
static int plan_slices(struct mr_plan *slices, const struct gw_mr_task *task,
		       struct gw_error *error)
{
	const struct mr_plan *plan = task->setup.plan;
	uint32_t count = slice_count(plan->bytes);
	uint64_t step = plan->bytes / count + 1, passed = 0, next = 0;

	*slices = (struct mr_plan){.files = plan->files, .file_count = plan->file_count};
	slices->pieces = malloc(count * sizeof *slices->pieces);
	slices->splits = calloc(1, sizeof *slices->splits);
	if (!slices->pieces || !slices->splits) {
		free(slices->pieces);
		free(slices->splits);
		gw_fail(error, GW_E_NO_MEMORY, "no memory for the sample");
		return GW_E_NO_MEMORY;
	}
	slices->split_count = 1;
	for (uint32_t i = 0; i < plan->piece_count && slices->piece_count < count; i++) {
		const struct mr_piece *piece = &plan->pieces[i];
		bool whole = is_whole(task->config, plan, piece);

		/* A big piece gives several slices, but what is taken whole is taken once. */
		while (next < passed + piece->size && slices->piece_count < count) {
			struct mr_piece *slice = &slices->pieces[slices->piece_count++];

			*slice = whole ? *piece : slice_of(task->config, piece, next - passed);
			slices->bytes += slice->size;
			do {
				next += step;
			} while (whole && next < passed + piece->size);
		}
		passed += piece->size;
	}
	assert(slices->piece_count <= count);
	slices->splits[0] = (struct mr_split){0, slices->piece_count, slices->bytes};
	return 0;
}

/* ---- The keys ----------------------------------------------------------------------------- */

static struct gw_bytes slot_key(const void *item)
{
	return mr_slot_key(item);
}

static struct gw_bytes pair_key(const void *item)
{
	const struct mr_pair *pair = item;

	return (struct gw_bytes){pair->key, pair->key_size};
}

struct sample {
	struct mr_sort_entry *entries; /* a key each, in order */
	size_t count;
	uint64_t bytes; /* that they would take in a run */
	mr_sort_key *key;
};

static int compare_keys(void *context, const void *a, const void *b)
{
	const struct gw_mr_task *task = context;

	return task->config->job.compare(task, slot_key(a), slot_key(b));
}

static int compare_pair_keys(void *context, const void *a, const void *b)
{
	const struct gw_mr_task *task = context;

	return task->config->job.compare(task, pair_key(a), pair_key(b));
}

static void sample_sort(struct sample *sample, struct mr_sort_entry *scratch,
			struct gw_mr_task *task)
{
	if (!task->config->job.compare) {
		mr_sort(sample->entries, scratch, sample->count, 0, sample->key);
		return;
	}
	mr_sort_by(sample->entries, scratch, sample->count,
		   sample->key == slot_key ? compare_keys : compare_pair_keys, task);
}

static void sample_add(struct sample *sample, const void *item, uint64_t bytes)
{
	struct mr_sort_entry *entry = &sample->entries[sample->count++];

	entry->item = item;
	entry->prefix = mr_key_prefix(sample->key(item), 0);
	sample->bytes += bytes;
}

static void sample_collect(struct sample *sample, struct gw_mr_task *task)
{
	size_t count = task->pairs.count;

	if (task->sink == MR_SINK_TABLE) {
		const struct mr_slot *slots = mr_table_take(&task->table, &count);

		sample->key = slot_key;
		for (size_t i = 0; i < count; i++)
			sample_add(sample, &slots[i], mr_slot_key(&slots[i]).size + 2);
		return;
	}
	sample->key = pair_key;
	for (size_t i = 0; i < count; i++)
		sample_add(sample, &task->pairs.pairs[i],
			   mr_pair_size(&task->pairs.pairs[i], false));
}

/* ---- The ranges --------------------------------------------------------------------------- */

/* How many ranges a part is cut into, by what the maps will leave, judged from the sample. */
static uint32_t range_count(const struct gw_mr_task *task, uint64_t sample_bytes,
			    uint64_t read_bytes)
{
	const struct mr_config *config = task->config;
	const struct mr_plan *plan = task->setup.plan;
	double share = config->job.reader ? 1.0 / plan->split_count
					  : (double)read_bytes / (double)(plan->bytes + 1);
	double all = (double)sample_bytes / (share > 0 ? share : 1);
	uint64_t bytes = MR_RANGE_BYTES;
	uint64_t most = MR_BUCKETS_MAX / config->parts;
	double count;

	/* A range has to fit the slot's memory: pairs are sorted there. If the runs are to be
	 * spilled, a range is as large as that allows, for it is gathered from all of them, a
	 * read each. */
	if (all > (double)config->pool_memory)
		bytes = config->slot_memory / 3;
	else if (bytes > config->slot_memory / 8)
		bytes = config->slot_memory / 8;
	assert(bytes > 0 && config->parts > 0);
	count = all / (double)bytes / config->parts + 1;
	if (most < 1)
		most = 1;
	return count < (double)most ? (uint32_t)count : (uint32_t)most;
}

static int set_ranges(struct gw_mr_task *task, const struct sample *sample, uint32_t ranges,
		      struct gw_error *error)
{
	const struct gw_mr_job *job = &task->config->job;
	bool global = job->partition_by == GW_MR_BY_RANGE && !job->partition;
	uint32_t wanted = (global ? ranges * task->config->parts : ranges) - 1;
	struct gw_bytes *splitters = malloc((wanted + 1) * sizeof *splitters);
	uint32_t count = 0;
	int failed;

	if (!splitters)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %u ranges", ranges);
	for (uint32_t i = 1; i <= wanted && sample->count > 0; i++) {
		size_t at = (size_t)((double)sample->count * i / (wanted + 1));
		struct gw_bytes key = sample->key(sample->entries[at].item);

		assert(at < sample->count && count < wanted);
		if (global || count == 0 || mr_compare_bytes(splitters[count - 1], key) != 0)
			splitters[count++] = key;
	}
	failed = mr_board_set_ranges(task->setup.board, ranges, splitters, count, error);
	free(splitters);
	return failed;
}

int mr_sample_take(struct gw_mr_task *task, struct gw_error *error)
{
	uint64_t read = atomic_load_explicit(&task->setup.live->bytes_in, memory_order_relaxed);
	size_t most = task->sink == MR_SINK_TABLE ? task->table.used : task->pairs.count;
	struct sample sample = {0};
	struct mr_sort_entry *scratch = malloc((most + 1) * sizeof *scratch);
	int failed;

	sample.entries = malloc((most + 1) * sizeof *sample.entries);
	if (!scratch || !sample.entries) {
		failed = gw_fail(error, GW_E_NO_MEMORY, "no memory for a sample of %zu keys", most);
	} else {
		sample_collect(&sample, task);
		assert(sample.count == most);
		sample_sort(&sample, scratch, task);
		failed = set_ranges(task, &sample, range_count(task, sample.bytes, read), error);
	}
	free(scratch);
	free(sample.entries);
	return failed;
}

int mr_sample_attempt(struct gw_mr_task *task, struct gw_error *error)
{
	struct mr_plan slices = {0};
	int failed = mr_emit_begin(task, error);

	assert(task->attempt->kind == MR_SAMPLE);
	task->probing = true;
	if (!failed)
		failed = mr_task_start(task, error);
	if (failed)
		return failed;
	if (task->config->job.reader)
		return mr_map_split(task, task->setup.plan, 0, error);
	failed = plan_slices(&slices, task, error);
	if (failed)
		return failed;
	failed = mr_map_split(task, &slices, 0, error);
	free(slices.pieces);
	free(slices.splits);
	return failed;
}

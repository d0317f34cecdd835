/* SPDX-License-Identifier: Apache-2.0 */
/* board.c - see board.h. */
#include "board.h"

#include "run.h"
#include "task.h"

#include <assert.h>
#include <stdlib.h>

/* How much a board may hold. The arrays are virtual memory: what is not used costs nothing. */
enum {
	BOARD_RUNS_MAX = 1 << 20,
	BOARD_OUTPUTS_MAX = 1 << 20,
	BOARD_SPLITTER_BYTES = 64 << 20,
	BOARD_ALIGNMENT = 64,
};

#define UNIT_BYTES (UINT64_C(4) << 20) /* of pairs: more need not share an attempt */
#define UNITS_A_SLOT 16                /* so that slots end at about the same time */

static size_t aligned(size_t size)
{
	return (size + BOARD_ALIGNMENT - 1) / BOARD_ALIGNMENT * BOARD_ALIGNMENT;
}

static uint32_t unit_capacity(const struct mr_config *config, const struct mr_plan *plan)
{
	uint32_t buckets = config->parts > MR_BUCKETS_MAX ? config->parts : MR_BUCKETS_MAX;

	if (config->job.map_only && plan->split_count > buckets)
		return plan->split_count;
	return buckets;
}

size_t mr_board_size(const struct mr_config *config, const struct mr_plan *plan)
{
	return aligned(sizeof(struct mr_board)) +
	       aligned(BOARD_RUNS_MAX * sizeof(struct mr_run)) +
	       aligned(unit_capacity(config, plan) * sizeof(struct mr_unit)) +
	       aligned(BOARD_OUTPUTS_MAX * sizeof(struct mr_region)) + BOARD_SPLITTER_BYTES;
}

struct mr_board *mr_board_init(void *memory, const struct mr_config *config,
			       const struct mr_plan *plan)
{
	struct mr_board *board = memory;
	uint8_t *at = (uint8_t *)memory + aligned(sizeof *board);

	board->ranges = 1;
	board->run_capacity = BOARD_RUNS_MAX;
	board->unit_capacity = unit_capacity(config, plan);
	board->output_capacity = BOARD_OUTPUTS_MAX;
	board->splitter_capacity = BOARD_SPLITTER_BYTES;
	board->runs = (struct mr_run *)(void *)at;
	at += aligned(BOARD_RUNS_MAX * sizeof *board->runs);
	board->units = (struct mr_unit *)(void *)at;
	at += aligned(board->unit_capacity * sizeof *board->units);
	board->outputs = (struct mr_region *)(void *)at;
	at += aligned(BOARD_OUTPUTS_MAX * sizeof *board->outputs);
	board->splitters = at;
	assert(at + BOARD_SPLITTER_BYTES == (uint8_t *)memory + mr_board_size(config, plan));
	return board;
}

/* ---- Ranges ------------------------------------------------------------------------------- */

bool mr_board_wants_sample(const struct mr_config *config, const struct mr_plan *plan)
{
	bool total_order = config->job.partition_by == GW_MR_BY_RANGE && config->parts > 1;

	if (config->job.map_only || plan->split_count == 0)
		return false;
	return total_order || config->job.reader || plan->bytes > MR_RANGE_BYTES;
}

void mr_board_reset_ranges(struct mr_board *board)
{
	board->ranges = 1;
	board->splitter_count = 0;
	board->splitter_bytes = 0;
}

int mr_board_set_ranges(struct mr_board *board, uint32_t ranges, const struct gw_bytes *splitters,
			uint32_t count, struct gw_error *error)
{
	uint32_t used = 0;

	assert(ranges > 0 && ranges <= MR_BUCKETS_MAX && count <= UINT16_MAX);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t size = (uint32_t)splitters[i].size;
		uint32_t left = board->splitter_capacity - used;

		assert(used <= board->splitter_capacity);
		if (left < sizeof size || splitters[i].size > left - sizeof size)
			return gw_fail(error, GW_E_TOO_LARGE,
				       "the keys of %u ranges take over %u bytes", count,
				       board->splitter_capacity);
		memcpy(board->splitters + used, &size, sizeof size);
		memcpy(board->splitters + used + sizeof size, splitters[i].data, size);
		used += (uint32_t)sizeof size + size;
	}
	board->splitter_bytes = used;
	board->splitter_count = count;
	board->ranges = ranges;
	return 0;
}

/* ---- Runs to units ------------------------------------------------------------------------ */

int mr_board_add_run(struct mr_board *board, const struct mr_run *run, struct gw_error *error)
{
	if (board->run_count == board->run_capacity)
		return gw_fail(error, GW_E_TOO_LARGE,
			       "over %u runs of map output: more --memory makes fewer",
			       board->run_capacity);
	board->runs[board->run_count++] = *run;
	board->map_bytes_out += run->region.size;
	return 0;
}

static int compare_runs(const void *a, const void *b)
{
	const struct mr_run *x = a, *y = b;

	if (x->task != y->task)
		return x->task < y->task ? -1 : 1;
	return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

/* Adds up the buckets of all runs. */
static int sum_buckets(struct mr_board *board, uint32_t count, struct mr_space *space,
		       struct mr_unit *sums, struct mr_bucket *buckets, struct gw_error *error)
{
	for (uint32_t i = 0; i < board->run_count; i++) {
		int failed = mr_run_check(space, &board->runs[i], count, buckets, error);

		if (failed)
			return failed;
		for (uint32_t b = 0; b < count; b++) {
			sums[b].bytes_in += buckets[b].bytes;
			if (buckets[b].output == MR_OUTPUT_UNKNOWN)
				sums[b].exact = false;
			else
				sums[b].bytes += buckets[b].output;
		}
	}
	return 0;
}

/* Neighbouring buckets of a part become one unit until it is worth an attempt. */
static void group_buckets(struct mr_board *board, const struct mr_config *config,
			  const struct mr_unit *sums, uint64_t bytes_wanted)
{
	struct mr_unit *unit = NULL;

	board->unit_count = 0;
	for (uint32_t b = 0; b < config->parts * board->ranges; b++) {
		uint32_t part = b / board->ranges;

		if (unit && unit->part == part &&
		    (config->job.whole_parts || unit->bytes_in < bytes_wanted)) {
			unit->bucket_count++;
			unit->bytes_in += sums[b].bytes_in;
			unit->bytes += sums[b].bytes;
			unit->exact = unit->exact && sums[b].exact;
			continue;
		}
		assert(part < config->parts && board->unit_count < board->unit_capacity);
		unit = &board->units[board->unit_count++];
		*unit = sums[b];
		unit->part = part;
		unit->first_bucket = b;
		unit->bucket_count = 1;
	}
}

/* When all sizes are known so are all places; otherwise only the first unit's of each part. */
static void place_units(struct mr_board *board)
{
	uint64_t offset = 0;
	bool known = true;

	for (uint32_t i = 0; i < board->unit_count; i++) {
		struct mr_unit *unit = &board->units[i];

		if (i == 0 || unit->part != board->units[i - 1].part) {
			offset = 0;
			known = true;
		}
		unit->exact = unit->exact && known;
		unit->placed = known;
		unit->offset = offset;
		known = unit->exact;
		offset += unit->bytes;
		if (!unit->exact)
			unit->bytes = 0;
	}
}

int mr_board_plan_reduces(struct mr_board *board, const struct mr_config *config,
			  struct mr_space *space, struct gw_error *error)
{
	uint32_t count = config->parts * board->ranges;
	struct mr_unit *sums = calloc(count, sizeof *sums);
	struct mr_bucket *buckets = malloc(count * sizeof *buckets);
	uint64_t wanted = board->map_bytes_out / (UNITS_A_SLOT * (uint64_t)config->slots);
	bool exact = mr_job_exact(&config->job);
	int failed = GW_E_NO_MEMORY;

	assert(count > 0 && config->slots > 0 && board->output_count == 0);
	qsort(board->runs, board->run_count, sizeof *board->runs, compare_runs);
	if (sums && buckets) {
		for (uint32_t b = 0; b < count; b++)
			sums[b].exact = exact;
		failed = sum_buckets(board, count, space, sums, buckets, error);
	} else {
		gw_fail(error, GW_E_NO_MEMORY, "no memory to plan %u buckets", count);
	}
	if (!failed) {
		if (wanted > UNIT_BYTES)
			wanted = UNIT_BYTES;
		/* At least something: empty buckets are no work of their own. */
		group_buckets(board, config, sums, wanted > 0 ? wanted : 1);
		place_units(board);
	}
	free(sums);
	free(buckets);
	return failed;
}

int mr_board_plan_map_only(struct mr_board *board, const struct mr_config *config,
			   const struct mr_plan *plan, struct gw_error *error)
{
	assert(config->job.map_only && board->output_count == 0);
	if (plan->split_count > board->unit_capacity)
		return gw_fail(error, GW_E_TOO_LARGE, "%u splits, of which a job has at most %u",
			       plan->split_count, board->unit_capacity);
	board->unit_count = plan->split_count;
	for (uint32_t i = 0; i < plan->split_count; i++) {
		board->units[i] = (struct mr_unit){.bytes_in = plan->splits[i].bytes};
		board->units[i].part = (uint32_t)((uint64_t)i * config->parts / plan->split_count);
	}
	place_units(board);
	return 0;
}

/* ---- Output ------------------------------------------------------------------------------- */

int mr_board_add_output(struct mr_board *board, uint32_t unit, const struct mr_region *region,
			struct gw_error *error)
{
	struct mr_unit *of = &board->units[unit];

	assert(unit < board->unit_count && !of->done);
	if (board->output_count == board->output_capacity)
		return gw_fail(error, GW_E_TOO_LARGE, "over %u pieces of output",
			       board->output_capacity);
	if (of->output_count == 0)
		of->first_output = board->output_count;
	assert(of->first_output + of->output_count == board->output_count);
	board->outputs[board->output_count++] = *region;
	of->output_count++;
	of->bytes += region->size;
	return 0;
}

void mr_board_unit_done(struct mr_board *board, uint32_t unit)
{
	struct mr_unit *of = &board->units[unit];

	assert(unit < board->unit_count && !of->done);
	of->done = true;
	of->written = of->exact || of->output_count == 0;
	/* Its size is known now: so is the place of the next one, as far as sizes are known. */
	for (; of->placed && (of->done || of->exact); unit++) {
		struct mr_unit *next = of + 1;

		if (unit + 1 == board->unit_count || next->part != of->part)
			break;
		assert(!next->placed || next->offset == of->offset + of->bytes);
		next->offset = of->offset + of->bytes;
		next->placed = true;
		of = next;
	}
}

bool mr_board_next_place(struct mr_board *board, uint32_t *unit)
{
	assert(board->place_at <= board->unit_count);
	for (uint32_t i = board->place_at; i < board->unit_count; i++) {
		struct mr_unit *of = &board->units[i];

		if (of->done && of->placed && !of->written) {
			of->written = true;
			*unit = i;
			return true;
		}
		/* Everything before the first unit that is not finished needs no second look. */
		if (i == board->place_at && of->written)
			board->place_at++;
	}
	return false;
}

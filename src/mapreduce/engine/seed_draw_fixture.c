/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seed_draw_fixture.c - from one number to a job: each choice is drawn, then what makes no sense
 * together is put right. Half of all draws are small, so that borders and empty things are met
 * often.
 */
#include "seed_fixture.h"

#include "support/unit.h"

#include <assert.h>
#include <stdio.h>

static bool chance(uint64_t *random, unsigned percent)
{
	return test_pick(random, 100) < percent;
}

/* 0..below-1, small numbers far more often. */
static uint64_t pick_size(uint64_t *random, unsigned bits)
{
	unsigned of = (unsigned)test_pick(random, bits + 1);

	return test_random(random) & ((UINT64_C(1) << of) - 1);
}

/* ---- The input ------------------------------------------------------------------------------- */

static void draw_input(struct seed_draw *draw, uint64_t *random)
{
	static const enum seed_input inputs[] = {SEED_LINES, SEED_LINES, SEED_LINES, SEED_FIXED,
						 SEED_TABS, SEED_CSV, SEED_FRAMED, SEED_WHOLE,
						 SEED_READER};
	static const enum mr_compression packs[] = {MR_ZSTD, MR_LZ4, MR_GZIP};

	draw->input = inputs[test_pick(random, sizeof inputs / sizeof *inputs)];
	draw->text = (enum seed_text)test_pick(random, SEED_TEXTS);
	draw->files = chance(random, 60) ? 1 : 1 + (uint32_t)test_pick(random, SEED_FILES_MAX);
	for (uint32_t i = 0; i < draw->files; i++) {
		draw->sizes[i] = (uint32_t)(chance(random, 60) ? pick_size(random, 17)
							      : test_pick(random, 96 << 10));
		if (chance(random, 8))
			draw->sizes[i] = (150 << 10) + (uint32_t)test_pick(random, 150 << 10);
		if (chance(random, 15))
			draw->packed[i] = packs[test_pick(random, 3)];
	}
	draw->newline_at_end = chance(random, 70);
	draw->record_size = 1 + (uint32_t)test_pick(random, chance(random, 50) ? 12 : 100);
	draw->key_size = (uint32_t)test_pick(random, draw->record_size + 1);
	draw->key_column = (uint32_t)test_pick(random, 4);
	draw->reader_splits = (uint32_t)test_pick(random, 9);
	draw->skip_every = chance(random, 10) ? 3 + (uint32_t)test_pick(random, 40) : 0;
}

/* Half of the time splits that are as big as the files, so that blocks are mapped, not copied. */
static void draw_splits(struct seed_draw *draw, uint64_t *random)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < draw->files; i++)
		bytes += draw->sizes[i];
	draw->split_size = bytes / (1 + test_pick(random, chance(random, 50) ? 3 : 25)) + 1;
	if (bytes < 200 && chance(random, 50))
		draw->split_size = 1 + test_pick(random, 8);
}

/* ---- The job --------------------------------------------------------------------------------- */

static void draw_map(struct seed_draw *draw, uint64_t *random)
{
	draw->map = SEED_RECORDS;
	if (draw->input == SEED_LINES || draw->input == SEED_TABS || draw->input == SEED_WHOLE)
		draw->map = (enum seed_map)test_pick(random, 3);
	else if (draw->input == SEED_FIXED && chance(random, 30))
		draw->map = SEED_BLOCKS;
	draw->emit = (enum seed_emit)test_pick(random, SEED_EMIT_MADE + 1);
	draw->value = chance(random, 20) ? SEED_MIXED
					 : (enum seed_value)test_pick(random, SEED_MIXED + 1);
	draw->map_only = draw->map != SEED_TOKENS && chance(random, 8);
}

static void draw_merging(struct seed_draw *draw, uint64_t *random)
{
	draw->reduce = chance(random, 25) ? SEED_NO_REDUCE
					  : (enum seed_reduce)test_pick(random, SEED_ENDS + 1);
	draw->top_k = (uint32_t)test_pick(random, 5);
	if (chance(random, 50))
		draw->combine_with = (enum gw_mr_combiner)test_pick(random, GW_MR_TOP_K + 1);
	else
		draw->combine = draw->reduce != SEED_NO_REDUCE && chance(random, 60);
	if (draw->combine_with >= GW_MR_SUM && draw->combine_with <= GW_MR_COUNT)
		draw->value = SEED_NUMBER;
	if (draw->reduce == SEED_SUM || draw->map == SEED_TOKENS)
		draw->value = SEED_NUMBER;
	/* These keep values in memory of their own. */
	if (draw->reduce == SEED_ENDS && (draw->value == SEED_REST || draw->value == SEED_MIXED))
		draw->value = SEED_COPY;
	if (draw->combine_with >= GW_MR_SUM && draw->combine_with <= GW_MR_COUNT &&
	    chance(random, 50))
		draw->reduce = SEED_NO_REDUCE;
}

static void draw_order(struct seed_draw *draw, uint64_t *random)
{
	static const enum seed_compare compares[] = {SEED_BYTES, SEED_BYTES, SEED_BYTES, SEED_BYTES,
						     SEED_BACKWARDS, SEED_CASELESS};
	static const enum gw_mr_partition ways[] = {GW_MR_BY_HASH, GW_MR_BY_HASH, GW_MR_BY_PREFIX,
						    GW_MR_BY_HOST, GW_MR_BY_RANGE, GW_MR_BY_RANGE};

	draw->compare = compares[test_pick(random, 6)];
	if (chance(random, 35))
		draw->values = (enum seed_values_order)(1 + test_pick(random, 3));
	draw->parts = chance(random, 40) ? 1 : 1 + (uint32_t)test_pick(random, SEED_PARTS_MAX);
	draw->partition_by = ways[test_pick(random, 6)];
	draw->partition_separator = (uint8_t) "-w1"[test_pick(random, 3)];
	draw->user_partition = chance(random, 20);
	draw->whole_parts = chance(random, 25);
	/* Keys that compare equal have to be of one part. */
	if (draw->compare == SEED_CASELESS && draw->partition_by != GW_MR_BY_RANGE)
		draw->user_partition = true;
	/* Which key a sum is found under depends on how often it was made. */
	if (draw->compare == SEED_CASELESS && draw->combine && draw->reduce == SEED_SUM)
		draw->values = SEED_AS_EMITTED;
}

static void draw_output(struct seed_draw *draw, uint64_t *random)
{
	static const enum gw_mr_output outputs[] = {GW_MR_OUT_TEXT, GW_MR_OUT_TEXT,
						    GW_MR_OUT_FRAMED, GW_MR_OUT_FIXED};

	draw->output = outputs[test_pick(random, 4)];
	draw->format = chance(random, 10);
	/* What is written as it is has no place between frames. */
	if (draw->format || draw->reduce == SEED_JOIN)
		draw->output = chance(random, 70) ? GW_MR_OUT_TEXT : GW_MR_OUT_FIXED;
	/* A pair more from each map task and part: only where its place does not matter. */
	draw->finish = draw->whole_parts && draw->value == SEED_NUMBER && !draw->map_only &&
		       draw->combine_with != GW_MR_TOP_K && draw->reduce != SEED_JOIN &&
		       draw->compare != SEED_CASELESS && chance(random, 60);
}

/* A job that only maps has no use for the rest. */
static void only_map(struct seed_draw *draw)
{
	draw->reduce = SEED_NO_REDUCE;
	draw->combine = draw->user_partition = draw->finish = false;
	draw->combine_with = GW_MR_NO_COMBINER;
	draw->compare = SEED_BYTES;
	draw->values = SEED_AS_EMITTED;
	draw->parts = 1;
}

/* ---- Memory and faults ----------------------------------------------------------------------- */

static void draw_memory(struct seed_draw *draw, uint64_t *random)
{
	draw->slot_memory = ((24 << 10) << test_pick(random, 6)) + test_pick(random, 8 << 10);
	draw->shared_max = UINT64_MAX;
	if (chance(random, 35))
		draw->shared_max = 0;
	else if (chance(random, 50))
		draw->shared_max = pick_size(random, 19);
	if (chance(random, 50) && draw->shared_max != UINT64_MAX)
		draw->pool_memory = draw->shared_max + 1;
	draw->codec = (enum mr_spill_codec)test_pick(random, MR_SPILL_ZSTD + 1);
	draw->slots = 1 + (uint32_t)test_pick(random, 4);
}

static void draw_faults(struct seed_draw *draw, uint64_t *random)
{
	draw->sample = chance(random, 60);
	draw->fault_percent = chance(random, 50) ? 0 : (uint32_t)test_pick(random, 60);
	draw->twice_percent = chance(random, 60) ? 0 : (uint32_t)test_pick(random, 60);
	draw->shuffle = chance(random, 80);
	draw->workers = 1 + (uint32_t)test_pick(random, SEED_WORKERS_MAX);
}

void seed_draw(struct seed_draw *draw, uint64_t seed)
{
	uint64_t random = seed;

	*draw = (struct seed_draw){.seed = seed};
	draw_input(draw, &random);
	draw_splits(draw, &random);
	draw_map(draw, &random);
	draw_merging(draw, &random);
	draw_order(draw, &random);
	if (draw->map_only)
		only_map(draw);
	draw_output(draw, &random);
	draw_memory(draw, &random);
	draw_faults(draw, &random);
	assert(draw->parts >= 1 && draw->parts <= SEED_PARTS_MAX);
}

/* ---- For people ------------------------------------------------------------------------------ */

static const char *const input_names[] = {"lines",  "fixed", "tabs",  "csv",
					  "framed", "files", "reader"};
static const char *const map_names[] = {"records", "blocks", "tokens"};
static const char *const emit_names[] = {"record", "value", "first", "words", "made"};
static const char *const value_names[] = {"number", "nothing", "rest", "copy", "mixed"};
static const char *const reduce_names[] = {"none", "sum", "join", "each", "first", "count", "ends"};
static const char *const combiner_names[] = {"none", "SUM", "MIN", "MAX", "COUNT", "SET_UNION",
					     "TOP_K"};
static const char *const compare_names[] = {"bytes", "backwards", "caseless"};
static const char *const order_names[] = {"emitted", "bytes", "backwards", "size"};
static const char *const partition_names[] = {"hash", "prefix", "host", "range"};
static const char *const output_names[] = {"text", "framed", "fixed"};
static const char *const text_names[] = {"few-keys", "many-keys", "one-key", "long-keys",
					 "common-prefix", "zeros", "long-lines", "empty-lines",
					 "binary"};
static const char *const codec_names[] = {"plain", "lz4", "zstd"};

void seed_describe(const struct seed_draw *draw, char *text, size_t size)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < draw->files; i++)
		bytes += draw->sizes[i];
	snprintf(text, size,
		 "input %s %s %u files %llu bytes split %llu, map %s emit %s value %s%s, reduce %s "
		 "combine %s%s, compare %s values %s, parts %u by %s%s, output %s%s%s%s, slot %llu "
		 "shared %llu pool %llu %s, sample %d faults %u%% twice %u%% skips %u",
		 input_names[draw->input], text_names[draw->text], draw->files,
		 (unsigned long long)bytes, (unsigned long long)draw->split_size,
		 map_names[draw->map], emit_names[draw->emit], value_names[draw->value],
		 draw->map_only ? " only" : "", reduce_names[draw->reduce],
		 combiner_names[draw->combine_with], draw->combine ? "+user" : "",
		 compare_names[draw->compare], order_names[draw->values], draw->parts,
		 partition_names[draw->partition_by], draw->user_partition ? "+user" : "",
		 output_names[draw->output], draw->format ? "+format" : "",
		 draw->whole_parts ? " whole" : "", draw->finish ? " finish" : "",
		 (unsigned long long)draw->slot_memory, (unsigned long long)draw->shared_max,
		 (unsigned long long)draw->pool_memory, codec_names[draw->codec], draw->sample,
		 draw->fault_percent, draw->twice_percent, draw->skip_every);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_test.c - runs: what is written reads back in every codec, the bytes of version 1 read for
 * ever, and whatever is damaged is refused by name.
 */
#include "run.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "memory_space_test.h"

#include "support/unit.h"

#include <stdio.h>

enum { BUCKETS = 3, MANY = 60, PAIRS = MANY + 3, TASK = 7, SEQUENCE = 3 };

static const enum mr_spill_codec codecs[] = {MR_SPILL_PLAIN, MR_SPILL_LZ4, MR_SPILL_ZSTD};

/* ---- Pairs to write ------------------------------------------------------------------------- */

struct sample {
	char keys[PAIRS][32];
	char values[PAIRS][64];
	struct mr_pair pairs[PAIRS];
};

/* Many pairs in bucket 0, none in bucket 1, a few short ones in bucket 2. */
static void make_sample(struct sample *sample)
{
	*sample = (struct sample){0};
	for (uint32_t i = 0; i < PAIRS; i++) {
		struct mr_pair *pair = &sample->pairs[i];

		if (i < MANY) {
			snprintf(sample->keys[i], sizeof sample->keys[i], "0-key-%u", i);
			snprintf(sample->values[i], sizeof sample->values[i],
				 "value %u of many, many, many", i);
		} else {
			memset(sample->keys[i], '2', i - MANY + 1);
		}
		*pair = (struct mr_pair){.key = sample->keys[i], .value = sample->values[i]};
		pair->key_size = (uint32_t)strlen(pair->key);
		pair->value_size = (uint32_t)strlen(pair->value) & INT32_MAX;
	}
	/* The last one is a number. */
	base_store64((uint8_t *)sample->values[PAIRS - 1], (uint64_t)-5);
	sample->pairs[PAIRS - 1].value_size = 8;
	sample->pairs[PAIRS - 1].number = 1;
}

/* The same keys with numbers. */
static void make_slots(const struct sample *sample, struct mr_slot *slots)
{
	for (uint32_t i = 0; i < PAIRS; i++) {
		const struct mr_pair *pair = &sample->pairs[i];

		slots[i] = (struct mr_slot){.value = (int64_t)i * i * (i % 2 ? 1 : -1),
					    .size_plus_1 = pair->key_size + 1};
		memcpy(slots[i].word, pair->key, pair->key_size);
	}
}

/* ---- A writer ------------------------------------------------------------------------------- */

struct bench {
	struct mr_config config;
	struct mr_ranges ranges;
	struct mr_counters counters;
	struct memory_space memory;
	struct mr_run_writer writer;
	struct sample sample;
};

static uint32_t first_digit(const struct gw_mr_task *task, struct gw_bytes key, uint32_t parts)
{
	(void)task;
	assert_int_equal(parts, BUCKETS);
	return *(const uint8_t *)key.data - (uint32_t)'0';
}

static void bench_init(struct bench *bench, enum mr_spill_codec codec, bool numbers, bool spilled)
{
	*bench = (struct bench){.config = {.parts = BUCKETS, .codec = codec}};
	bench->config.job.partition = first_digit;
	bench->ranges = (struct mr_ranges){.config = &bench->config, .parts = BUCKETS, .ranges = 1,
					   .buckets = BUCKETS};
	memory_space_init(&bench->memory, spilled ? 0 : UINT64_MAX);
	bench->writer = (struct mr_run_writer){
		.config = &bench->config, .space = &bench->memory.space, .ranges = &bench->ranges,
		.counters = &bench->counters, .numbers = numbers, .number = TASK,
		.sequence = SEQUENCE,
	};
	make_sample(&bench->sample);
}

static void bench_done(struct bench *bench)
{
	mr_run_writer_done(&bench->writer);
	memory_space_done(&bench->memory);
}

static int bench_write(struct bench *bench, struct gw_error *error)
{
	struct mr_slot slots[PAIRS];

	if (!bench->writer.numbers)
		return mr_run_write_pairs(&bench->writer, bench->sample.pairs, PAIRS, error);
	make_slots(&bench->sample, slots);
	return mr_run_write_slots(&bench->writer, slots, PAIRS, error);
}

/* A bench with a run. */
static void bench_written(struct bench *bench, enum mr_spill_codec codec, bool numbers,
			  bool spilled)
{
	bench_init(bench, codec, numbers, spilled);
	assert_int_equal(bench_write(bench, NULL), 0);
	assert_int_equal(bench->memory.runs, 1);
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* Reads everything of a run: 0, or the first failure. */
static int read_run(struct mr_space *space, const struct mr_run *run, struct mr_bucket *buckets,
		    uint8_t *bytes[BUCKETS], struct gw_error *error)
{
	int failed = mr_run_check(space, run, BUCKETS, buckets, error);

	for (uint32_t i = 0; i < BUCKETS && !failed; i++) {
		struct mr_bucket alone;
		uint8_t *packed = malloc(buckets[i].stored + 1);
		const uint8_t *data = NULL;

		bytes[i] = malloc(buckets[i].bytes + 1);
		assert_non_null(packed);
		assert_non_null(bytes[i]);
		failed = mr_run_read_index(space, run, i, 1, &alone, error);
		if (!failed)
			assert_memory_equal(&alone, &buckets[i], sizeof alone);
		if (!failed)
			failed = mr_run_read_bucket(space, run, &buckets[i], bytes[i], packed,
						    &data, error);
		if (!failed && data != bytes[i])
			memcpy(bytes[i], data, buckets[i].bytes);
		free(packed);
	}
	return failed;
}

static void free_buckets(uint8_t *bytes[BUCKETS])
{
	for (uint32_t i = 0; i < BUCKETS; i++)
		free(bytes[i]);
}

static const uint8_t *expect_pair(const uint8_t *at, const struct mr_pair *expected)
{
	struct mr_pair pair;

	at = mr_get_pair(at, &pair);
	assert_int_equal(pair.key_size, expected->key_size);
	assert_memory_equal(pair.key, expected->key, pair.key_size);
	assert_int_equal(pair.value_size, expected->value_size);
	assert_memory_equal(pair.value, expected->value, pair.value_size);
	assert_int_equal(pair.number, expected->number);
	return at;
}

static const uint8_t *expect_number(const uint8_t *at, const struct mr_slot *expected)
{
	struct gw_bytes key;
	int64_t number;

	at = mr_get_number_pair(at, &key, &number);
	assert_int_equal(gw_bytes_compare(key, mr_slot_key(expected)), 0);
	assert_int_equal(number, expected->value);
	return at;
}

/* All of the sample is in the run, each bucket in the order of emission. */
static void expect_sample(struct mr_space *space, const struct mr_run *run, bool numbers)
{
	static const uint32_t counts[BUCKETS] = {MANY, 0, PAIRS - MANY};
	struct mr_bucket buckets[BUCKETS];
	struct mr_slot slots[PAIRS];
	uint8_t *bytes[BUCKETS] = {NULL};
	struct sample sample;
	uint32_t next = 0;

	make_sample(&sample);
	make_slots(&sample, slots);
	assert_int_equal(read_run(space, run, buckets, bytes, NULL), 0);
	for (uint32_t i = 0; i < BUCKETS; i++) {
		const uint8_t *at = bytes[i];

		assert_int_equal(buckets[i].pairs, counts[i]);
		for (uint32_t k = 0; k < counts[i]; k++, next++)
			at = numbers ? expect_number(at, &slots[next])
				     : expect_pair(at, &sample.pairs[next]);
		assert_ptr_equal(at, bytes[i] + buckets[i].bytes);
	}
	free_buckets(bytes);
}

static void runs_read_back(void **state)
{
	(void)state;
	for (int variant = 0; variant < 12; variant++) {
		bool numbers = variant & 1, spilled = variant & 2;
		struct bench bench;

		bench_written(&bench, codecs[variant / 4], numbers, spilled);
		assert_int_equal(bench.memory.run.task, TASK);
		assert_int_equal(bench.memory.run.sequence, SEQUENCE);
		assert_int_equal(bench.writer.sequence, SEQUENCE + 1);
		assert_int_equal(bench.memory.run.codec, spilled ? codecs[variant / 4]
								 : MR_SPILL_PLAIN);
		assert_int_equal(bench.memory.run.region.spilled, spilled);
		expect_sample(&bench.memory.space, &bench.memory.run, numbers);
		bench_done(&bench);
	}
}

static void no_pairs_make_no_run(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, MR_SPILL_LZ4, false, true);
	assert_int_equal(mr_run_write_pairs(&bench.writer, NULL, 0, NULL), 0);
	assert_int_equal(mr_run_write_slots(&bench.writer, NULL, 0, NULL), 0);
	assert_int_equal(bench.memory.calls, 0);
	assert_int_equal(bench.writer.sequence, SEQUENCE);
	bench_done(&bench);
}

static void bytes_are_counted(void **state)
{
	(void)state;
	for (int spilled = 0; spilled < 2; spilled++) {
		struct bench bench;
		const int64_t *counters = bench.counters.automatic;
		int64_t size;

		bench_written(&bench, MR_SPILL_ZSTD, false, spilled);
		size = (int64_t)bench.memory.run.region.size;
		assert_int_equal(counters[MR_COUNT_SHUFFLE_BYTES], size);
		assert_int_equal(counters[MR_COUNT_SPILLED_BYTES], spilled ? size : 0);
		bench_done(&bench);
	}
}

/* A size that only the reduce attempt can tell is said to be unknown, for that bucket alone. */
static void sizes_of_output_are_told_beforehand(void **state)
{
	struct mr_bucket buckets[BUCKETS];
	struct bench bench;
	uint64_t text = 0;

	(void)state;
	bench_init(&bench, MR_SPILL_PLAIN, false, true);
	bench.writer.exact = true;
	assert_int_equal(bench_write(&bench, NULL), 0);
	assert_int_equal(
		mr_run_check(&bench.memory.space, &bench.memory.run, BUCKETS, buckets, NULL), 0);
	for (uint32_t i = 0; i < MANY; i++)
		text += bench.sample.pairs[i].key_size + bench.sample.pairs[i].value_size + 2u;
	assert_int_equal(buckets[0].output, text);
	assert_int_equal(buckets[1].output, 0);
	assert_true(buckets[2].output == MR_OUTPUT_UNKNOWN); /* a number in decimal */
	bench_done(&bench);
}

/* ---- Version 1 ------------------------------------------------------------------------------ */

/* The runs in test/corpus/run/v1.bin, one behind the other as in a spill file. */
static const struct {
	enum mr_spill_codec codec;
	bool numbers;
	uint64_t offset, size;
} golden[] = {
	{MR_SPILL_PLAIN, false, 0, 2392},
	{MR_SPILL_LZ4, false, 2392, 723},
	{MR_SPILL_ZSTD, false, 3115, 349},
	{MR_SPILL_LZ4, true, 3464, 486},
};

enum { GOLDEN_SIZE = 3950 };

static void read_golden(struct memory_space *memory)
{
	/* Beside this file, whichever directory the test runs in. */
	static const char here[] = __FILE__;
	size_t directory = strlen(here) - strlen("src/mapreduce/engine/run_test.c");
	char path[4096];
	FILE *file;

	snprintf(path, sizeof path, "%.*stest/corpus/run/v1.bin", (int)directory, here);
	file = fopen(path, "rbe");
	if (!file)
		fail_msg("%s cannot be read", path);
	memory_space_init(memory, 0);
	memory->spilled = malloc(GOLDEN_SIZE + 1);
	assert_non_null(memory->spilled);
	memory->spilled_size = fread(memory->spilled, 1, GOLDEN_SIZE + 1, file);
	fclose(file);
	assert_int_equal(memory->spilled_size, GOLDEN_SIZE);
}

static void version_1_reads_for_ever(void **state)
{
	struct memory_space memory;

	(void)state;
	read_golden(&memory);
	for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
		struct mr_run run = {TASK, SEQUENCE, golden[i].codec,
				     {.spilled = 1, .offset = golden[i].offset,
				      .size = golden[i].size}};

		expect_sample(&memory.space, &run, golden[i].numbers);
	}
	memory_space_done(&memory);
}

/* How lz4 and zstd pack is theirs to change; what they pack is not. */
static void version_1_is_what_is_written(void **state)
{
	struct memory_space memory;
	struct bench bench;

	(void)state;
	read_golden(&memory);
	bench_written(&bench, MR_SPILL_PLAIN, false, true);
	assert_int_equal(bench.memory.spilled_size, golden[0].size);
	assert_memory_equal(bench.memory.spilled, memory.spilled, golden[0].size);
	bench_done(&bench);
	memory_space_done(&memory);
}

/* ---- Damage --------------------------------------------------------------------------------- */

/* Puts the checksums right again, so that what lies behind them is looked at. */
static void mend(struct bench *bench, bool buckets_too)
{
	uint8_t *run = bench->memory.spilled;

	for (uint32_t i = 0; i < BUCKETS && buckets_too; i++) {
		uint8_t *entry = run + MR_RUN_HEADER + i * MR_RUN_INDEX;

		base_store32(entry + 28, base_crc32c(0, run + base_load64(entry),
						     base_load32(entry + 16)));
	}
	base_store32(run + 12, base_crc32c(0, run + MR_RUN_HEADER, BUCKETS * MR_RUN_INDEX));
}

static void expect_refused(struct bench *bench, int code, const char *what)
{
	struct mr_bucket buckets[BUCKETS];
	uint8_t *bytes[BUCKETS] = {NULL};
	struct gw_error error = {0};
	char text[200];

	snprintf(text, sizeof text, "spilled run %d of map task %d: %s", SEQUENCE, TASK, what);
	assert_int_equal(read_run(&bench->memory.space, &bench->memory.run, buckets, bytes, &error),
			 code);
	assert_string_equal(error.text, text);
	free_buckets(bytes);
}

static void a_damaged_head_is_refused(void **state)
{
	static const struct {
		size_t at;
		int code;
		const char *what;
	} cases[] = {
		{0, GW_E_CORRUPT, "no run begins here"},
		{3, GW_E_CORRUPT, "no run begins here"},
		{4, GW_E_VERSION, "version 9, not 1"},
		{5, GW_E_CORRUPT, "it is packed in another way"},
		{8, GW_E_CORRUPT, "it has not the buckets of the job"},
		{12, GW_E_CORRUPT, "the checksum of its index is wrong"},
		{16 + 24, GW_E_CORRUPT, "the checksum of its index is wrong"},  /* pairs */
		{16 + 32 + 8, GW_E_CORRUPT, "the checksum of its index is wrong"}, /* output */
		{16 + 6, GW_E_CORRUPT, "its index leads outside"}, /* offset */
		{16 + 19, GW_E_CORRUPT, "its index leads outside"}, /* stored bytes */
	};

	(void)state;
	for (size_t codec = 0; codec < 3; codec++) {
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
			struct bench bench;

			bench_written(&bench, codecs[codec], false, true);
			bench.memory.spilled[cases[i].at] ^= 8;
			expect_refused(&bench, cases[i].code, cases[i].what);
			bench_done(&bench);
		}
	}
}

/* The checksum is right and the index leads outside all the same. */
static void an_index_that_leads_outside_is_refused(void **state)
{
	(void)state;
	for (size_t codec = 0; codec < 3; codec++) {
		struct bench bench;
		uint64_t end;
		uint8_t *entry;

		bench_written(&bench, codecs[codec], false, true);
		end = bench.memory.run.region.size;
		entry = bench.memory.spilled + MR_RUN_HEADER + 2 * MR_RUN_INDEX;
		base_store64(entry, end - base_load32(entry + 16) + 1);
		mend(&bench, false);
		expect_refused(&bench, GW_E_CORRUPT, "its index leads outside");
		base_store64(entry, UINT64_MAX);
		mend(&bench, false);
		expect_refused(&bench, GW_E_CORRUPT, "its index leads outside");
		base_store64(entry, end - base_load32(entry + 16));
		base_store32(entry + 20, base_load32(entry + 16) - 1); /* stored more than it has */
		mend(&bench, false);
		expect_refused(&bench, GW_E_CORRUPT, "its index leads outside");
		bench_done(&bench);
	}
}

static void a_damaged_bucket_is_refused(void **state)
{
	(void)state;
	for (size_t codec = 0; codec < 3; codec++) {
		struct bench bench;

		bench_written(&bench, codecs[codec], codec == 1, true);
		bench.memory.spilled[bench.memory.run.region.size - 1] ^= 1;
		expect_refused(&bench, GW_E_CORRUPT, "a bucket's checksum is wrong");
		bench_done(&bench);
	}
}

static void a_bucket_that_does_not_unpack_is_refused(void **state)
{
	(void)state;
	for (size_t codec = 1; codec < 3; codec++) {
		struct bench bench;
		uint8_t *entry;

		/* It unpacks to fewer bytes than the index says. */
		bench_written(&bench, codecs[codec], false, true);
		entry = bench.memory.spilled + MR_RUN_HEADER;
		base_store32(entry + 20, base_load32(entry + 20) + 1);
		mend(&bench, true);
		expect_refused(&bench, GW_E_CORRUPT, "a bucket does not unpack");
		/* To more. */
		base_store32(entry + 20, base_load32(entry + 20) - 2);
		mend(&bench, true);
		expect_refused(&bench, GW_E_CORRUPT, "a bucket does not unpack");
		base_store32(entry + 20, base_load32(entry + 20) + 1);
		/* It is nothing that was packed. */
		memset(bench.memory.spilled + base_load64(entry), 0xff, base_load32(entry + 16));
		mend(&bench, true);
		expect_refused(&bench, GW_E_CORRUPT, "a bucket does not unpack");
		bench_done(&bench);
	}
}

static void a_run_that_is_cut_off_is_refused(void **state)
{
	struct mr_bucket buckets[BUCKETS];
	struct bench bench;

	(void)state;
	bench_written(&bench, MR_SPILL_LZ4, false, true);
	for (uint64_t size = 0; size < bench.memory.run.region.size; size++) {
		uint8_t *bytes[BUCKETS] = {NULL};
		struct mr_run run = bench.memory.run;
		struct gw_error error = {0};
		int failed;

		run.region.size = size;
		failed = read_run(&bench.memory.space, &run, buckets, bytes, &error);
		assert_true(failed == GW_E_TRUNCATED || failed == GW_E_CORRUPT);
		assert_string_not_equal(error.text, "");
		free_buckets(bytes);
	}
	bench_done(&bench);
}

/* Bytes 6 and 7 say nothing that a reader needs. */
static void every_flipped_bit_is_seen(void **state)
{
	(void)state;
	for (size_t codec = 0; codec < 3; codec++) {
		struct bench bench;

		bench_written(&bench, codecs[codec], false, true);
		for (size_t bit = 0; bit < bench.memory.spilled_size * 8; bit++) {
			struct mr_bucket buckets[BUCKETS];
			uint8_t *bytes[BUCKETS] = {NULL};

			if (bit / 8 == 6 || bit / 8 == 7)
				continue;
			bench.memory.spilled[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_true(read_run(&bench.memory.space, &bench.memory.run, buckets, bytes,
					     NULL) < 0);
			bench.memory.spilled[bit / 8] ^= (uint8_t)(1 << bit % 8);
			free_buckets(bytes);
		}
		bench_done(&bench);
	}
}

/* ---- Failures ------------------------------------------------------------------------------- */

static int write_and_done(void *context)
{
	struct bench bench;
	struct gw_error error = {0};
	int failed;

	bench_init(&bench, *(enum mr_spill_codec *)context, false, true);
	bench.memory.fails_at = 2; /* the spill: the space's own memory is no part of this */
	failed = bench_write(&bench, &error);
	bench_done(&bench);
	if (failed == GW_E_NO_SPACE)
		return 0;
	assert_memory_equal(error.text, "no memory for ", 14);
	return failed;
}

static void memory_that_is_short_is_said(void **state)
{
	enum mr_spill_codec codec = MR_SPILL_LZ4;

	(void)state;
	assert_true(test_each_allocation_fails(write_and_done, &codec) >= 3);
}

static void what_the_space_says_is_passed_on(void **state)
{
	struct mr_bucket buckets[BUCKETS];
	uint8_t *bytes[BUCKETS] = {NULL};

	(void)state;
	for (int spilled = 0; spilled < 2; spilled++) {
		struct gw_error error = {0};
		struct bench bench;
		uint64_t at = 0;
		int failed;

		do {
			bench_init(&bench, MR_SPILL_LZ4, false, spilled);
			bench.memory.fails_at = ++at;
			failed = bench_write(&bench, &error);
			bench_done(&bench);
			assert_true(failed == 0 || failed == GW_E_NO_SPACE);
			assert_string_equal(error.text, "space: no space left");
		} while (failed);
		assert_int_equal(at, 4); /* allocate, write or spill, publish */
		bench_written(&bench, MR_SPILL_LZ4, false, spilled);
		for (at = 1, failed = -1; failed; at++) {
			bench.memory.calls = 0;
			bench.memory.fails_at = at;
			failed = read_run(&bench.memory.space, &bench.memory.run, buckets, bytes,
					  NULL);
			assert_true(failed == 0 || failed == GW_E_NO_SPACE);
			free_buckets(bytes);
			memset(bytes, 0, sizeof bytes);
		}
		bench_done(&bench);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_read_back),
		cmocka_unit_test(no_pairs_make_no_run),
		cmocka_unit_test(bytes_are_counted),
		cmocka_unit_test(sizes_of_output_are_told_beforehand),
		cmocka_unit_test(version_1_reads_for_ever),
		cmocka_unit_test(version_1_is_what_is_written),
		cmocka_unit_test(a_damaged_head_is_refused),
		cmocka_unit_test(an_index_that_leads_outside_is_refused),
		cmocka_unit_test(a_damaged_bucket_is_refused),
		cmocka_unit_test(a_bucket_that_does_not_unpack_is_refused),
		cmocka_unit_test(a_run_that_is_cut_off_is_refused),
		cmocka_unit_test(every_flipped_bit_is_seen),
		cmocka_unit_test(memory_that_is_short_is_said),
		cmocka_unit_test(what_the_space_says_is_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

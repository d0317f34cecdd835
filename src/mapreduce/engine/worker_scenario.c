/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_scenario.c - whole jobs through the task runner, in one process: every kind of combiner,
 * order and output, with plenty of memory, with none, and on a disk that fills up.
 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- Texts and what is expected of them --------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Lines of words w0 .. w<words - 1>; every 17th word is long. */
static char *make_text(size_t size, unsigned words, uint64_t seed)
{
	char *text = malloc(size + 64);
	size_t at = 0;

	assert_non_null(text);
	while (at < size) {
		unsigned word = (unsigned)(next_random(&seed) % words);

		at += (size_t)sprintf(text + at, "w%u%s%c", word,
				      word % 17 ? "" : "-with-a-very-long-tail",
				      next_random(&seed) % 8 ? ' ' : '\n');
	}
	text[at] = 0;
	return text;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* `word TAB count` lines in order, the obvious way. */
static char *count_words(const char *text)
{
	char *copy = strdup(text), *save = NULL, *out = malloc(strlen(text) * 4 + 64);
	char **words = malloc((strlen(text) + 1) * sizeof *words);
	size_t count = 0, at = 0;

	for (char *word = strtok_r(copy, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
		words[count++] = word;
	qsort(words, count, sizeof *words, compare_strings);
	out[0] = 0;
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i; end < count && strcmp(words[i], words[end]) == 0; end++)
			continue;
		at += (size_t)sprintf(out + at, "%s\t%zu\n", words[i], end - i);
	}
	free(copy);
	free(words);
	return out;
}

/* ---- Jobs --------------------------------------------------------------------------------- */

static int emit_words(struct gw_mr_task *task, struct gw_bytes line)
{
	const char *text = line.data;
	size_t begin = 0;

	for (size_t i = 0; i <= line.size; i++) {
		if (i < line.size && text[i] != ' ')
			continue;
		if (i > begin)
			gw_mr_emit_i64(task, (struct gw_bytes){text + begin, i - begin}, 1);
		begin = i + 1;
	}
	return 0;
}

static int map_words(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)key;
	return emit_words(task, line);
}

static int map_word_tokens(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	struct gw_token tokens[512];
	struct gw_splitter splitter;
	size_t position = 0;

	gw_splitter_init_space(&splitter);
	while (position < block->size) {
		size_t count =
			gw_split(&splitter, block->data, block->size, &position, tokens, 512);

		gw_mr_emit_tokens_i64(task, block->data, tokens, count, 1);
	}
	return 0;
}

static int reduce_sum(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	int64_t sum = 0, value;

	while (gw_mr_next_i64(values, &value))
		sum += value;
	gw_mr_emit_i64(task, key, sum);
	return 0;
}

/* key = up to the first space, value = the rest of the line */
static int map_first_word(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	const char *space = memchr(line.data, ' ', line.size);
	size_t size = space ? (size_t)(space - (const char *)line.data) : line.size;

	(void)key;
	if (space)
		gw_mr_emit(task, (struct gw_bytes){line.data, size},
			   (struct gw_bytes){space + 1, line.size - size - 1});
	return 0;
}

static int join_values(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	struct gw_bytes value;
	const char *separator = "=";

	gw_mr_write(task, key.data, key.size);
	while (gw_mr_next(values, &value)) {
		gw_mr_write(task, separator, 1);
		gw_mr_write(task, value.data, value.size);
		separator = ",";
	}
	gw_mr_write(task, "\n", 1);
	return 0;
}

/* ---- Running them ------------------------------------------------------------------------- */

static int setup(void **state)
{
	*state = fixture_new();
	return 0;
}

static int teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

static void run_ok(struct fixture *fixture, const struct gw_mr_job *job, const char *text)
{
	struct gw_error error = {0};
	const char *inputs[2] = {fixture_file(fixture, "in.txt", text, strlen(text)), NULL};
	int failed = fixture_run(fixture, job, inputs, &error);

	if (failed)
		print_error("%s\n", error.text);
	assert_int_equal(failed, 0);
}

static void check_part(struct fixture *fixture, const char *expected)
{
	size_t size;
	char *got = fixture_part(fixture, 0, &size);

	assert_string_equal(got, expected);
	assert_int_equal(size, strlen(expected));
	free(got);
}

static void check_job(struct fixture *fixture, const struct gw_mr_job *job, const char *text,
		      const char *expected)
{
	run_ok(fixture, job, text);
	check_part(fixture, expected);
}

enum amount { PLENTY, LITTLE, SPILL_PLAIN, SPILL_LZ4, SPILL_ZSTD, AMOUNTS };

/* The memory that a job has: with LITTLE and below, tables and buffers overflow all the time. */
static void set_memory(struct fixture *fixture, enum amount amount)
{
	static const char *const codecs[AMOUNTS] = {"lz4", "lz4", "none", "lz4", "zstd"};

	fixture->shared_max = amount < SPILL_PLAIN ? UINT64_MAX : 0;
	fixture->options.compress_spill = codecs[amount];
	fixture->options.memory = amount == PLENTY ? 256 << 20 : 32 << 20;
	fixture->slot_memory = amount == PLENTY ? 0 : 192 << 10;
}

static void check_everywhere(struct fixture *fixture, const struct gw_mr_job *job, const char *text,
			     const char *expected)
{
	for (int amount = 0; amount < AMOUNTS; amount++) {
		set_memory(fixture, amount);
		fixture->no_sample = false;
		check_job(fixture, job, text, expected);
		fixture->no_sample = true;
		check_job(fixture, job, text, expected);
	}
}

/* ---- Tests -------------------------------------------------------------------------------- */

static void counts_words_in_every_memory(void **state)
{
	static const struct gw_mr_job jobs[] = {
		{.map = map_words, .combine_with = GW_MR_SUM},
		{.map_block = map_word_tokens, .combine_with = GW_MR_COUNT},
		{.map = map_words, .reduce = reduce_sum},
		{.map = map_words, .reduce = reduce_sum, .combine = reduce_sum},
		{.map = map_words, .reduce = reduce_sum, .combine_with = GW_MR_SUM},
	};
	char *text = make_text(1 << 20, 20000, 1), *expected = count_words(text);

	for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
		check_everywhere(*state, &jobs[i], text, expected);
	free(text);
	free(expected);
}

static void one_key_has_all_values(void **state)
{
	static const struct gw_mr_job job = {.map = map_words, .reduce = reduce_sum};
	char *text = make_text(1 << 20, 1, 3), *expected = count_words(text);

	check_everywhere(*state, &job, text, expected);
	free(text);
	free(expected);
}

static void min_and_max(void **state)
{
	struct gw_mr_job job = {.map = map_words, .combine_with = GW_MR_MIN};

	check_job(*state, &job, "a b\na a\n", "a\t1\nb\t1\n");
	job.combine_with = GW_MR_MAX;
	check_job(*state, &job, "a b\na a\n", "a\t1\nb\t1\n");
}

static void identity_keeps_order_of_equal_keys(void **state)
{
	static const struct gw_mr_job job = {.map = map_first_word};

	check_everywhere(*state, &job, "b 2\na 9\nb 1\na 8\nb 3\n",
			 "a\t9\na\t8\nb\t2\nb\t1\nb\t3\n");
	check_job(*state, &job, "", "");
	check_job(*state, &job, "a 1", "a\t1\n");
}

/* What sort -s -k1,1 makes of the lines, for the test below. */
static char *sort_lines(const char *text)
{
	char *copy = strdup(text), *save = NULL, *out = malloc(strlen(text) + 2);
	char **lines = malloc((strlen(text) + 1) * sizeof *lines);
	size_t count = 0, at = 0;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		lines[count++] = line;
	qsort(lines, count, sizeof *lines, compare_strings);
	out[0] = 0;
	for (size_t i = 0; i < count; i++)
		at += (size_t)sprintf(out + at, "%s\n", lines[i]);
	free(copy);
	free(lines);
	return out;
}

static int map_line(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)key;
	gw_mr_emit(task, line, (struct gw_bytes){NULL, 0});
	return 0;
}

static void sorts_lines_in_every_memory(void **state)
{
	static const struct gw_mr_job job = {.map = map_line, .partition_by = GW_MR_BY_RANGE};
	struct fixture *fixture = *state;
	char *text = make_text(1 << 20, 40000, 9), *expected = sort_lines(text);
	char *together = malloc(strlen(expected) + 1);
	size_t at = 0;

	check_everywhere(fixture, &job, text, expected);
	fixture->no_sample = false;
	fixture->options.parts = 3;
	run_ok(fixture, &job, text);
	for (uint32_t part = 0; part < 3; part++) {
		size_t size;
		char *got = fixture_part(fixture, part, &size);

		assert_true(size > strlen(expected) / 6);
		memcpy(together + at, got, size + 1);
		at += size;
		free(got);
	}
	assert_string_equal(together, expected);
	free(together);
	free(text);
	free(expected);
}

static int compare_backwards(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b)
{
	(void)task;
	return gw_bytes_compare(b, a);
}

static void user_order_of_keys_and_values(void **state)
{
	struct gw_mr_job job = {.map = map_first_word, .reduce = join_values,
				.compare = compare_backwards};
	const char *text = "b 2\na 9\nb 1\na 8\nb 3\nab x\n";

	check_everywhere(*state, &job, text, "b=2,1,3\nab=x\na=9,8\n");
	job.sort_values = true;
	check_everywhere(*state, &job, text, "b=1,2,3\nab=x\na=8,9\n");
	job.compare_values = compare_backwards;
	job.compare = NULL;
	check_everywhere(*state, &job, text, "a=9,8\nab=x\nb=3,2,1\n");
}

static int compare_first_letter(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b)
{
	(void)task;
	return *(const char *)a.data - *(const char *)b.data;
}

static void keys_that_compare_equal_are_one_group(void **state)
{
	struct gw_mr_job job = {.map = map_first_word, .reduce = join_values,
				.compare = compare_first_letter};

	check_everywhere(*state, &job, "b1 2\na1 9\nb2 1\na2 8\n", "a1=9,8\nb1=2,1\n");
}

static void built_in_combiner_with_a_user_order(void **state)
{
	static const struct gw_mr_job job = {.map = map_words, .combine_with = GW_MR_SUM,
					     .compare = compare_backwards};

	check_everywhere(*state, &job, "a b\nb c b\n", "c\t1\nb\t3\na\t1\n");
}

static void sets_of_values(void **state)
{
	struct gw_mr_job job = {.map = map_first_word, .combine_with = GW_MR_SET_UNION};
	const char *text = "k b\nk a\nj z\nk b\nk a\nj z\nk c\n";

	check_everywhere(*state, &job, text, "j\tz\nk\ta\nk\tb\nk\tc\n");
	job.reduce = join_values;
	check_everywhere(*state, &job, text, "j=z\nk=a,b,c\n");
}

static void greatest_values(void **state)
{
	struct gw_mr_job job = {.map = map_first_word, .combine_with = GW_MR_TOP_K, .top_k = 2};
	const char *text = "k b\nk a\nj z\nk d\nk a\nk d\nk c\n";

	check_everywhere(*state, &job, text, "j\tz\nk\td\nk\td\n");
	job.reduce = join_values;
	check_everywhere(*state, &job, text, "j=z\nk=d,d\n");
}

static int write_line_with_a(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)key;
	if (memchr(line.data, 'a', line.size)) {
		gw_mr_write(task, line.data, line.size);
		gw_mr_write(task, "\n", 1);
	}
	return 0;
}

static void map_only_keeps_the_order_of_the_input(void **state)
{
	static const struct gw_mr_job job = {.map = write_line_with_a, .map_only = true};
	char *text = make_text(1 << 20, 1000, 5), *expected = malloc(strlen(text) + 2);
	char *copy = strdup(text), *save = NULL;
	size_t at = 0;

	expected[0] = 0;
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strchr(line, 'a'))
			at += (size_t)sprintf(expected + at, "%s\n", line);
	}
	for (int amount = 0; amount < AMOUNTS; amount++) {
		set_memory(*state, amount);
		check_job(*state, &job, text, expected);
	}
	free(text);
	free(expected);
	free(copy);
}

static void bad_records_are_left_out(void **state)
{
	static const struct gw_mr_job record_job = {.map = map_words, .combine_with = GW_MR_SUM};
	static const struct gw_mr_job block_job = {.map_block = map_word_tokens,
						   .combine_with = GW_MR_SUM};
	static const struct gw_mr_job *const jobs[] = {&record_job, &block_job};
	struct fixture *fixture = *state;

	fixture->attempt.skip_count = 2;
	fixture->attempt.skips[0] = (struct mr_position){0, 4};
	fixture->attempt.skips[1] = (struct mr_position){0, 16};
	for (size_t i = 0; i < 2; i++) {
		check_job(fixture, jobs[i], "a b\nbad bad\nc a\nbad", "a\t2\nb\t1\nc\t1\n");
		assert_int_equal(fixture->counters.automatic[MR_COUNT_SKIPPED_RECORDS], 2);
	}
}

static int map_block_size(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	char size[24];

	snprintf(size, sizeof size, "%zu bytes", block->size);
	gw_mr_emit_i64(task, gw_string(size), 1);
	return 0;
}

static void an_empty_file_is_one_record_to_a_job_that_wants_it(void **state)
{
	static const struct gw_mr_job unaware = {.map_block = map_block_size,
						 .combine_with = GW_MR_SUM};
	static const struct gw_mr_job job = {.map_block = map_block_size,
					     .combine_with = GW_MR_SUM, .empty_files = true};
	struct fixture *fixture = *state;

	check_job(fixture, &unaware, "", "");
	check_job(fixture, &job, "", "0 bytes\t1\n");
	check_job(fixture, &job, "x\n", "2 bytes\t1\n");
	fixture->attempt.skip_count = 1;
	check_job(fixture, &job, "", "");
	assert_int_equal(fixture->counters.automatic[MR_COUNT_SKIPPED_RECORDS], 1);
}

static void probes_map_a_part_and_publish_nothing(void **state)
{
	static const struct gw_mr_job job = {.map_block = map_word_tokens,
					     .combine_with = GW_MR_SUM};
	struct fixture *fixture = *state;
	const char *text = "one two\nthree\nfour\n";
	const char *inputs[2] = {fixture_file(fixture, "in.txt", text, strlen(text)), NULL};
	uint64_t mapped = 0;

	assert_int_equal(fixture_begin(fixture, &job, inputs, NULL), 0);
	fixture->attempt.probe = true;
	for (uint64_t from = 0; from < strlen(text); from++) {
		fixture->attempt.probe_from = from;
		fixture->attempt.probe_to = from + 1;
		assert_int_equal(fixture_attempt(fixture, MR_MAP, 0, NULL), 0);
		assert_int_equal(fixture->left.run_count, 0);
		mapped += (uint64_t)fixture->live.counters.automatic[MR_COUNT_MAP_PAIRS_OUT];
	}
	/* Each record begins in one of the ranges. */
	assert_int_equal(mapped, 4);
}

static void reduce_keys_can_be_skipped(void **state)
{
	static const struct gw_mr_job job = {.map = map_first_word, .reduce = join_values};
	struct fixture *fixture = *state;

	fixture->attempt.skip_count = 1;
	fixture->attempt.skips[0] = (struct mr_position){MR_IN_REDUCE, 1};
	check_job(fixture, &job, "a 1\nb 2\nc 3\n", "a=1\nc=3\n");
}

static void a_full_disk_is_an_error_at_every_write(void **state)
{
	static const struct gw_mr_job jobs[] = {
		{.map = map_words, .combine_with = GW_MR_SUM},
		{.map = map_words, .reduce = reduce_sum, .combine = reduce_sum},
	};
	struct fixture *fixture = *state;
	char *text = make_text(200 << 10, 10000, 77);
	const char *inputs[2] = {fixture_file(fixture, "in.txt", text, strlen(text)), NULL};

	set_memory(fixture, SPILL_LZ4);
	for (size_t i = 0; i < 2; i++) {
		int failed = -1;

		for (uint64_t at = 1; failed; at++) {
			struct gw_error error = {0};

			fixture->spill_calls = 0;
			fixture->spill_fails_at = at;
			failed = fixture_run(fixture, &jobs[i], inputs, &error);
			if (failed)
				assert_int_equal(failed, GW_E_NO_SPACE);
			if (failed)
				assert_string_equal(error.text, "spill: no space left");
			assert_true(at < 10000);
		}
	}
	free(text);
}

static int fail_on_b(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)key;
	if (line.size > 0 && *(const char *)line.data == 'b')
		return gw_mr_fail(task, "no %s", "b please");
	return 0;
}

static int return_17(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)task;
	(void)key;
	(void)line;
	return -17;
}

static int emit_bytes_to_sum(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)key;
	gw_mr_emit(task, line, line);
	return 0;
}

static void failures_of_user_code_are_told(void **state)
{
	static const struct {
		struct gw_mr_job job;
		const char *text;
	} cases[] = {
		{{.map = fail_on_b}, "no b please"},
		{{.map = return_17}, "map returned -17"},
		{{.map = emit_bytes_to_sum, .combine_with = GW_MR_SUM},
		 "emit of 1 bytes to a combiner of numbers: a value has 8 bytes"},
	};
	struct fixture *fixture = *state;
	const char *inputs[2] = {NULL, NULL};

	inputs[0] = fixture_file(fixture, "in.txt", "a\nb\n", 4);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct gw_error error = {0};

		assert_true(fixture_run(fixture, &cases[i].job, inputs, &error) < 0);
		assert_string_equal(error.text, cases[i].text);
		assert_true(atomic_load(&fixture->live.record) > 0);
	}
}

static int count_lines(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)key;
	gw_mr_count(task, "lines", 1);
	gw_mr_count(task, "bytes", (int64_t)line.size);
	gw_mr_status(task, "counting");
	return 0;
}

static void counters_leave_out_the_sample(void **state)
{
	static const struct gw_mr_job job = {.map = count_lines};
	struct fixture *fixture = *state;
	char *text = make_text(2 << 20, 5, 4);
	int64_t lines = 0;

	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	run_ok(fixture, &job, text);
	assert_string_equal(fixture->counters.user[0].name, "lines");
	assert_in_range(fixture->counters.user[0].value, lines, lines + 1);
	assert_string_equal(fixture->live.status, "");
	free(text);
}

/* What the progress line sees while blocks are mapped; their sum is what was there before. */
static int say_progress(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	const struct fixture *fixture = gw_mr_context(task);
	const _Atomic uint64_t *bytes = &fixture->live.bytes_in;
	const struct gw_token token = {(uint32_t)block->size / 2, 1};
	uint64_t before = atomic_load(bytes);

	gw_mr_progress(task, block->data + block->size / 4);
	assert_int_equal(atomic_load(bytes), before + block->size / 4);
	gw_mr_at(task, block->data + block->size / 3);
	assert_int_equal(atomic_load(bytes), before + block->size / 3);
	gw_mr_emit_tokens_i64(task, block->data, &token, 1, 1);
	assert_int_equal(atomic_load(bytes), before + block->size / 2);
	gw_mr_progress(task, block->data + block->size);
	assert_int_equal(atomic_load(bytes), before + block->size);
	gw_mr_progress(task, &token); /* not of the block */
	assert_int_equal(atomic_load(bytes), before + block->size);
	return 0;
}

static void progress_within_blocks_does_not_change_their_sum(void **state)
{
	struct fixture *fixture = *state;
	struct gw_mr_job job = {
		.map_block = say_progress, .combine_with = GW_MR_SUM, .context = fixture};
	char *text = make_text(5 << 20, 20, 5);

	fixture->options.split_size = 300 << 10;
	run_ok(fixture, &job, text);
	assert_int_equal(fixture->counters.automatic[MR_COUNT_MAP_BYTES_IN], strlen(text));
	free(text);
}

static int map_key_and_value(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	gw_mr_emit(task, key, value);
	return 0;
}

/* Its slices are cut from pieces that need not begin with a record. */
static void a_sample_stays_within_the_file(void **state)
{
	enum { SIZE = 1048700, RECORD = 100 };
	static const struct gw_mr_job job = {
		.map = map_key_and_value, .input = GW_MR_FIXED, .record_size = RECORD,
		.key_size = 10, .output = GW_MR_OUT_FIXED,
	};
	struct fixture *fixture = *state;
	char *records = malloc(SIZE), *got;
	const char *inputs[2] = {NULL, NULL};
	uint64_t seed = 3;
	size_t size;

	assert_non_null(records);
	for (size_t i = 0; i < SIZE; i++)
		records[i] = (char)('a' + next_random(&seed) % 26);
	inputs[0] = fixture_file(fixture, "in.bin", records, SIZE);
	assert_int_equal(fixture_run(fixture, &job, inputs, NULL), 0);
	assert_true(fixture->board->ranges > 1);
	got = fixture_part(fixture, 0, &size);
	assert_int_equal(size, SIZE);
	for (size_t i = RECORD; i < SIZE; i += RECORD)
		assert_true(memcmp(got + i - RECORD, got + i, 10) <= 0);
	free(records);
	free(got);
}

/* A key larger than the slot's memory is dealt with and then forgotten. */
static void one_long_key_costs_nothing_afterwards(void **state)
{
	static const struct gw_mr_job job = {.map = map_words, .combine_with = GW_MR_SUM};
	enum { LONG = 300 << 10, WORDS = 5000 };
	struct fixture *fixture = *state;
	char *text = malloc(LONG + WORDS * 32), *expected;
	size_t at = LONG;

	assert_non_null(text);
	memset(text, 'a', LONG);
	text[at++] = '\n';
	for (unsigned i = 0; i < WORDS; i++)
		at += (size_t)sprintf(text + at, "a-word-of-many-letters-%u\n", i);
	expected = count_words(text);
	set_memory(fixture, SPILL_LZ4);
	fixture->slot_memory = 400 << 10;
	check_job(fixture, &job, text, expected);
	assert_in_range(fixture->spill_calls, 1, 50);
	free(text);
	free(expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_words_in_every_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(one_key_has_all_values, setup, teardown),
		cmocka_unit_test_setup_teardown(min_and_max, setup, teardown),
		cmocka_unit_test_setup_teardown(identity_keeps_order_of_equal_keys, setup,
						teardown),
		cmocka_unit_test_setup_teardown(sorts_lines_in_every_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(user_order_of_keys_and_values, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_that_compare_equal_are_one_group, setup,
						teardown),
		cmocka_unit_test_setup_teardown(built_in_combiner_with_a_user_order, setup,
						teardown),
		cmocka_unit_test_setup_teardown(sets_of_values, setup, teardown),
		cmocka_unit_test_setup_teardown(greatest_values, setup, teardown),
		cmocka_unit_test_setup_teardown(map_only_keeps_the_order_of_the_input, setup,
						teardown),
		cmocka_unit_test_setup_teardown(bad_records_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(an_empty_file_is_one_record_to_a_job_that_wants_it,
						setup, teardown),
		cmocka_unit_test_setup_teardown(probes_map_a_part_and_publish_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(reduce_keys_can_be_skipped, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_is_an_error_at_every_write, setup,
						teardown),
		cmocka_unit_test_setup_teardown(failures_of_user_code_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(progress_within_blocks_does_not_change_their_sum,
						setup, teardown),
		cmocka_unit_test_setup_teardown(counters_leave_out_the_sample, setup, teardown),
		cmocka_unit_test_setup_teardown(a_sample_stays_within_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(one_long_key_costs_nothing_afterwards, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

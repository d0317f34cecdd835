/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_fixture.c - see worker_fixture.h.
 */
#include "worker_fixture.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Texts and what is expected of them --------------------------------------------------- */

char *worker_text(size_t size, unsigned words, uint64_t seed)
{
	char *text = malloc(size + 64);
	size_t at = 0;

	assert_non_null(text);
	while (at < size) {
		unsigned word = (unsigned)(test_random(&seed) % words);

		at += (size_t)sprintf(text + at, "w%u%s%c", word,
				      word % 17 ? "" : "-with-a-very-long-tail",
				      test_random(&seed) % 8 ? ' ' : '\n');
	}
	text[at] = 0;
	return text;
}

int worker_compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *worker_count_words(const char *text)
{
	char *copy = strdup(text), *save = NULL, *out = malloc(strlen(text) * 4 + 64);
	char **words = malloc((strlen(text) + 1) * sizeof *words);
	size_t count = 0, at = 0;

	for (char *word = strtok_r(copy, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
		words[count++] = word;
	qsort(words, count, sizeof *words, worker_compare_strings);
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

int worker_map_words(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	(void)key;
	return emit_words(task, line);
}

int worker_map_tokens(struct gw_mr_task *task, const struct gw_mr_block *block)
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

int worker_reduce_sum(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	int64_t sum = 0, value;

	while (gw_mr_next_i64(values, &value))
		sum += value;
	gw_mr_emit_i64(task, key, sum);
	return 0;
}

int worker_map_first_word(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	const char *space = memchr(line.data, ' ', line.size);
	size_t size = space ? (size_t)(space - (const char *)line.data) : line.size;

	(void)key;
	if (space)
		gw_mr_emit(task, (struct gw_bytes){line.data, size},
			   (struct gw_bytes){space + 1, line.size - size - 1});
	return 0;
}

int worker_join_values(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
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

int worker_compare_backwards(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b)
{
	(void)task;
	return gw_bytes_compare(b, a);
}

/* ---- Running them ------------------------------------------------------------------------- */

int worker_setup(void **state)
{
	*state = fixture_new();
	return 0;
}

int worker_teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

void worker_run(struct fixture *fixture, const struct gw_mr_job *job, const char *text)
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

void worker_check(struct fixture *fixture, const struct gw_mr_job *job, const char *text,
		  const char *expected)
{
	worker_run(fixture, job, text);
	check_part(fixture, expected);
}

void worker_set_memory(struct fixture *fixture, enum amount amount)
{
	static const char *const codecs[AMOUNTS] = {"lz4", "lz4", "none", "lz4", "zstd"};

	fixture->shared_max = amount < SPILL_PLAIN ? UINT64_MAX : 0;
	fixture->options.compress_spill = codecs[amount];
	fixture->options.memory = amount == PLENTY ? 256 << 20 : 32 << 20;
	fixture->slot_memory = amount == PLENTY ? 0 : 192 << 10;
}

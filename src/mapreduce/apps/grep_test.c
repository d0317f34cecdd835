/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grep_test.c - the whole of `gw mr grep` but the engine, against the grep of this machine. The
 * engine is a few lines here: files are cut into splits and these into blocks at random line
 * borders.
 */
#include "apps.h"
#include "grep.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- An engine
 * ----------------------------------------------------------------------------------- */

enum { PAIRS_MAX = 1000, KEY_MAX = 200 };

struct gw_mr_task {
	const struct gw_mr_job *job;
	void *state;
	const char *input_name;
	uint32_t number;
	FILE *output;
	size_t at_calls;
	char failure[GW_ERROR_TEXT_MAX];
	size_t pair_count;
	struct pair {
		char key[KEY_MAX];
		size_t key_size;
		int64_t value;
	} pairs[PAIRS_MAX];
};

struct gw_mr_values {
	const struct pair *pair, *end;
};

/* What the engine below is to do, and what it did: gw_mr_main takes no such arguments. */
static struct test {
	uint64_t seed;
	bool one_block;    /* a file is one block */
	size_t skip;       /* this line (from 1) of each file is left out, as a bad record */
	char *output;      /* of the last run, malloc'ed */
	size_t output_size;
	size_t at_calls;
	struct gw_error error;
} test;

static size_t random_below(size_t limit)
{
	return (size_t)test_pick(&test.seed, limit);
}

void *gw_mr_context(const struct gw_mr_task *task)
{
	return task->job->context;
}

void *gw_mr_state(const struct gw_mr_task *task)
{
	return task->state;
}

const char *gw_mr_input_name(const struct gw_mr_task *task)
{
	return task->input_name;
}

uint32_t gw_mr_task_number(const struct gw_mr_task *task)
{
	return task->number;
}

void gw_mr_at(struct gw_mr_task *task, const void *data)
{
	assert_non_null(data);
	task->at_calls++;
}

void gw_mr_progress(struct gw_mr_task *task, const void *data)
{
	(void)task;
	assert_non_null(data);
}

int gw_mr_fail(struct gw_mr_task *task, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(task->failure, sizeof task->failure, format, arguments);
	va_end(arguments);
	return GW_E_USER_CODE;
}

void gw_mr_write(struct gw_mr_task *task, const void *data, size_t size)
{
	assert_true(task->job->map_only || task->input_name[0] == 0);
	assert_int_equal(fwrite(data, 1, size, task->output), size);
}

void gw_mr_emit_i64(struct gw_mr_task *task, struct gw_bytes key, int64_t value)
{
	struct pair *pair = &task->pairs[task->pair_count++];

	assert_true(task->pair_count <= PAIRS_MAX && key.size <= KEY_MAX);
	memcpy(pair->key, key.data, key.size);
	pair->key_size = key.size;
	pair->value = value;
}

bool gw_mr_next_i64(struct gw_mr_values *values, int64_t *value)
{
	if (values->pair == values->end)
		return false;
	*value = values->pair++->value;
	return true;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *one = a, *other = b;

	return gw_bytes_compare((struct gw_bytes){one->key, one->key_size},
				(struct gw_bytes){other->key, other->key_size});
}

static int map_block(struct gw_mr_task *task, const char *data, size_t begin, size_t end)
{
	/* Exactly as long as it is said to be, so that a sanitizer sees what is read behind it. */
	char *copy = malloc(end - begin);
	struct gw_mr_block block = {copy, end - begin, task->input_name, begin};
	int failed;

	assert_non_null(copy);
	memcpy(copy, data + begin, end - begin);
	failed = task->job->map_block(task, &block);
	free(copy);
	return failed;
}

/* The end of the line that `at` is in. */
static size_t line_end(const char *data, size_t size, size_t at)
{
	const char *newline = at < size ? memchr(data + at, '\n', size - at) : NULL;

	return newline ? (size_t)(newline + 1 - data) : size;
}

/* Maps a file: splits of blocks, all cut at line borders. */
static int map_file(struct gw_mr_task *task, const char *data, size_t size)
{
	const struct gw_mr_job *job = task->job;
	size_t at = 0, skip_at = SIZE_MAX;
	int failed = 0;

	if (test.skip > 0) {
		skip_at = 0;
		for (size_t line = 1; line < test.skip; line++)
			skip_at = line_end(data, size, skip_at);
	}
	if (size == 0 && job->empty_files) {
		if (!task->state)
			failed = job->start(task, &task->state);
		return failed ? failed : map_block(task, data, 0, 0);
	}
	while (!failed && at < size) {
		size_t end = test.one_block ? size : line_end(data, size, at + random_below(size));

		if (at == skip_at) {
			at = line_end(data, size, at);
			continue;
		}
		end = at < skip_at && end > skip_at ? skip_at : end;
		if (!task->state)
			failed = job->start(task, &task->state);
		if (!failed)
			failed = map_block(task, data, at, end);
		if (!failed && !job->whole_files && random_below(3) == 0) {
			failed = job->finish(task, task->state);
			task->state = NULL;
			task->number++;
		}
		at = end;
	}
	return failed;
}

static char *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char *data;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	*size = (size_t)ftell(file);
	rewind(file);
	data = malloc(*size + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, *size, file), *size);
	fclose(file);
	return data;
}

static int reduce(struct gw_mr_task *task)
{
	const struct gw_mr_job *job = task->job;
	int failed = job->start(task, &task->state);

	qsort(task->pairs, task->pair_count, sizeof task->pairs[0], compare_pairs);
	for (size_t i = 0, end; !failed && i < task->pair_count; i = end) {
		struct gw_mr_values values;
		struct pair *pair = &task->pairs[i];

		end = i + 1;
		while (end < task->pair_count && compare_pairs(pair, &task->pairs[end]) == 0)
			end++;
		values = (struct gw_mr_values){pair, &task->pairs[end]};
		failed = job->reduce(task, (struct gw_bytes){pair->key, pair->key_size}, &values);
	}
	if (!failed) {
		failed = job->finish(task, task->state);
		task->state = NULL;
	}
	return failed;
}

static int run_job(struct gw_mr_task *task, char **operands, size_t count)
{
	int failed = 0;

	for (size_t i = 0; !failed && i + 1 < count; i++) {
		size_t size;
		char *data = read_file(operands[i], &size);

		task->input_name = operands[i];
		failed = map_file(task, data, size);
		free(data);
	}
	if (!failed && task->state) {
		failed = task->job->finish(task, task->state);
		task->state = NULL;
	}
	task->input_name = "";
	task->number = 0;
	if (!failed && !task->job->map_only)
		failed = reduce(task);
	return failed;
}

/* The job's own state after a failure; the engine has the process end. */
static void drop_state(struct grep_state *state)
{
	if (!state)
		return;
	mr_matcher_done(&state->matcher);
	free(state->prefix);
	free(state);
}

int gw_mr_main(int argc, char **argv, const struct gw_mr_job *job_asked)
{
	struct gw_mr_job job = *job_asked;
	struct gw_option_group groups[] = {{"", job.options, job.context}, {0}};
	struct gw_mr_task *task = calloc(1, sizeof *task);
	char **operands = NULL, **left;
	size_t count;
	int failed;

	assert_non_null(task);
	free(test.output);
	test.output = NULL;
	test.error = (struct gw_error){0};
	task->job = &job;
	task->output = open_memstream(&test.output, &test.output_size);
	failed = gw_options_parse(groups, GW_STYLE_GNU, argc, argv, &operands, &count, &test.error);
	left = operands;
	if (!failed)
		failed = job.prepare(&job, &left, &count, &test.error);
	if (!failed) {
		failed = run_job(task, left, count);
		if (failed)
			gw_fail(&test.error, failed, "%s", task->failure);
	}
	drop_state(task->state);
	test.at_calls = task->at_calls;
	fclose(task->output);
	free(task);
	free(operands);
	gw_options_done(groups);
	return -failed;
}

/* ---- The other grep
 * -------------------------------------------------------------------------------- */

/* Files of the current test: made in a directory of its own, which is also the working
 * directory. */
static char directory[] = "/tmp/grep-test-XXXXXX";

static void write_file(const char *path, const char *data, size_t size)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
}

/* Runs `gw mr grep WORDS OUTPUT_DIR` as far as it is here; words are separated by spaces. */
static int run_ours(const char *words)
{
	char copy[2000], name[] = "grep", *argv[50] = {name};
	int argc = 1;

	snprintf(copy, sizeof copy, "%s%sout", words, words[0] ? " " : "");
	if (!words[0])
		return mr_grep_main(1, argv);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	return mr_grep_main(argc, argv);
}

/* The same words for GNU grep give the same bytes. syntax: -P or -F. */
static void check(const char *syntax, const char *words)
{
	char command[4000], quoted[3000];
	size_t at = 0, size;
	char *expected;

	for (const char *word = words; *word; word++) {
		if (*word == '\'')
			fail_msg("a quote in %s", words);
		at += (size_t)snprintf(quoted + at, sizeof quoted - at,
				       *word == ' ' ? "' '" : "%c", *word);
	}
	snprintf(command, sizeof command, "LC_ALL=C grep -a %s '%s' > expected", syntax, quoted);
	assert_in_range(system(command), 0, 256); /* 1: no line matched */
	expected = read_file("expected", &size);
	if (strcmp(syntax, "-F") == 0) {
		snprintf(quoted, sizeof quoted, "-F %s", words);
		words = quoted;
	}
	assert_int_equal(run_ours(words), 0);
	if (size != test.output_size || memcmp(expected, test.output, size) != 0) {
		write_file("got", test.output, test.output_size);
		fail_msg("%s: %zu bytes for %zu; see %s", command, test.output_size, size,
			 directory);
	}
	free(expected);
}

/* ---- Texts
 * ------------------------------------------------------------------------------------------- */

/* Lines of words from a small vocabulary, of all bytes, or of few letters; some empty. */
static void make_text(const char *path, size_t size, bool newline_at_end)
{
	static const char *const vocabulary[] = {
		"the", "int", "foo", "Foo", "foobar", "barfoo", "a.b", "x", "return",
		"mutex_lock", "42",
	};
	char *text = malloc(size + 64);
	size_t at = 0;

	assert_non_null(text);
	while (at < size) {
		size_t kind = random_below(8), words = random_below(9);

		for (size_t i = 0; i < words && at < size; i++) {
			if (kind == 0)
				text[at++] = (char)random_below(256);
			else if (kind < 3)
				text[at++] = "abc "[random_below(4)];
			else
				at += (size_t)snprintf(text + at, 32, "%s%c",
						       vocabulary[random_below(11)],
						       " ,_\t"[random_below(4)]);
		}
		text[at++] = '\n';
	}
	if (!newline_at_end)
		text[at - 1] = 'x';
	write_file(path, text, at);
	free(text);
}

static int enter_directory(void **state)
{
	(void)state;
	test = (struct test){.seed = 20041206};
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	make_text("a", 20000, true);
	make_text("b", 5000, false);
	make_text("large", 1 << 20, true);
	write_file("lines", "\n\n\n", 3);
	write_file("one", "foo", 3);
	write_file("empty", "", 0);
	return 0;
}

static int leave_directory(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	for (size_t i = 0; i < 8; i++) {
		static const char *const names[] = {"a",   "b",        "large", "lines",
						    "one", "expected", "got",   "empty"};
		char path[100];

		snprintf(path, sizeof path, "%s/%s", directory, names[i]);
		unlink(path);
	}
	rmdir(directory);
	free(test.output);
	return 0;
}

/* ---- The tests
 * ---------------------------------------------------------------------------------------- */

static const char *const patterns[] = {
	"foo", "the", "x", "mutex_lock", "zzz", "foobar", "42", "a.b", "ab", "aa", "^foo", "foo$",
	"^$", "^", "f[o0]+bar", "(foo|the),", "foo|42", "foo|zzz|mutex", "fo*", "ab+c", "ab?c",
	"a{2}", "[a-c]{3,}",
	"\\bfoo\\b", "\\Bfoo", "(?i)FOO", "\\d+", "\\.", "a\\.b", "(.)\\1", "(?=foo)foobar", "x*",
	"[[:space:]]foo", "[]a]b", "\\tthe", "mutex.lock", "the|", "(a)b\\1", "foo.*foo", "\\x66oo",
	"a|b|c|int|the|x|42|foo|return|_", "\\Qa.b\\E", "(*LIMIT_MATCH=100000)foo", "\xe4",
	"[\x80-\xff]",
};

static void test_regular_expressions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		char words[200];

		snprintf(words, sizeof words, "-e %s a", patterns[i]);
		check("-P", words);
		snprintf(words, sizeof words, "-n -i %s b", patterns[i]);
		check("-P", words);
	}
}

static void test_words_lines_and_the_rest(void **state)
{
	static const char *const options[] = {"-w", "-x", "-v", "-iv", "-wn", "-xv",
					      "-wi", "-c", "-vc", "-nv", "-nH", "-xi"};

	(void)state;
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		const char *option = options[i % 12], *other = options[(i / 12 + i + 5) % 12];
		char words[200];

		/* GNU grep puts its own text before such a pattern, where it means nothing. */
		if (strchr("wx", option[1]) && patterns[i][0] == '(' && patterns[i][1] == '*')
			continue;
		snprintf(words, sizeof words, "%s %s -e %s a", option, other, patterns[i]);
		if (strcmp(patterns[i], "(*LIMIT_MATCH=100000)foo") != 0)
			check("-P", words);
	}
}

static void test_fixed_strings(void **state)
{
	static const char *const strings[] = {"foo", "a.b", "^", "$", "x", "foobar", "(",
					      "[", "\\", "*", "e", "_", ",", "a.b,"};
	static const char *const options[] = {"-w", "-x", "-v", "-i", "-n", "-c", "-H", "-nwi",
					      "-vn"};

	(void)state;
	for (size_t i = 0; i < 14 * 9; i++) {
		char words[200];

		snprintf(words, sizeof words, "%s -e %s b a", options[i % 9], strings[i / 9]);
		check("-F", words);
	}
	check("-F", "-e foo -e 42 -e a.b a");
	check("-F", "-w -e foo -e foobar -e the -e int a b");
	check("-F", "-e q1 -e q2 -e q3 -e q4 -e q5 -e q6 -e q7 -e q8 -e foo a");
	check("-F", "-x -e foo -e x -e one one lines b");
}

static void test_file_names_follow_the_rules_of_grep(void **state)
{
	(void)state;
	check("-F", "the a");
	check("-F", "the a b");
	check("-F", "the a b -h");
	check("-F", "the -H a");
	check("-F", "-n the one a b lines");
	check("-F", "-c the a");
	check("-F", "-c the -H a");
	check("-F", "-c foo one b a lines");
	check("-F", "-ch foo one b a lines");
	check("-F", "-c foo a a b b a");
	check("-F", "-vc foo one lines");
}

static void test_large_text(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		test.one_block = i == 0;
		check("-F", "mutex_lock large");
		check("-F", "-n mutex_lock large");
		check("-F", "-nv the large");
		check("-P", "-n foo.*bar large");
		check("-P", "-c a|b|c large");
		check("-F", "-vc the large");
		check("-P", "-vn ^$ large");
	}
	test.one_block = false;
}

static void test_empty_lines_and_no_newline_at_end(void **state)
{
	(void)state;
	check("-P", "-n ^ lines one");
	check("-P", "-c ^$ lines");
	check("-F", "-v x lines one");
	check("-F", "-n foo one");
	check("-F", "-vn foo one lines");
	check("-P", "-x -n .* one lines");
	check("-F", "x empty");
	check("-F", "-c x empty");
	check("-F", "-cH x empty");
	check("-F", "-c x empty one empty lines empty empty");
	check("-F", "-vc x one empty lines");
}

static void test_a_skipped_line_keeps_its_number(void **state)
{
	(void)state;
	write_file("one", "foo 1\nbad\nfoo 3\nfoo 4\n", 22);
	test.skip = 2;
	assert_int_equal(run_ours("-n foo one"), 0);
	assert_int_equal(test.output_size, 24);
	assert_memory_equal(test.output, "1:foo 1\n3:foo 3\n4:foo 4\n", 24);
	test.skip = 1;
	assert_int_equal(run_ours("-n foo one"), 0);
	assert_memory_equal(test.output, "3:foo 3\n4:foo 4\n", 16);
	test.skip = 0;
	write_file("one", "foo", 3);
}

static void test_literals_do_not_need_the_regular_expression(void **state)
{
	(void)state;
	assert_int_equal(run_ours("foo a"), 0);
	assert_int_equal(test.at_calls, 0);
	assert_int_equal(run_ours("-iw -e foo|42 a"), 0);
	assert_int_equal(run_ours("-F -e a.b -e ^foo$ a"), 0);
	assert_int_equal(test.at_calls, 0);
	assert_int_equal(run_ours("zzz.* a"), 0);
	assert_int_equal(test.at_calls, 0);
	assert_int_equal(run_ours("mutex.*k a"), 0);
	assert_true(test.at_calls > 0 && test.at_calls < 1000);
}

static void check_fails(const char *words, int code, const char *sentence)
{
	assert_int_equal(run_ours(words), -code);
	if (!strstr(test.error.text, sentence))
		fail_msg("%s: %s", words, test.error.text);
}

static void test_wrong_usage(void **state)
{
	(void)state;
	check_fails("-e a(b a", GW_E_USAGE,
		    "pattern 'a(b': missing closing parenthesis, at byte 3");
	check_fails("-e good -e a)(b a", GW_E_USAGE, "pattern 'a)(b'");
	check_fails("-w a)(b a", GW_E_USAGE, "unmatched closing parenthesis");
	check_fails("(*UTF)x a", GW_E_USAGE, "UTF");
	check_fails("", GW_E_USAGE, "a PATTERN is missing");
	check_fails("-hH foo a", GW_E_USAGE, "-H and -h exclude each other");
}

static void test_a_limit_of_pcre2_fails_the_record(void **state)
{
	char text[4000];

	(void)state;
	memset(text, 'a', sizeof text);
	write_file("one", text, sizeof text);
	check_fails("(a|aa)+(a|aa)+(a|aa)+[cd] one", GW_E_USER_CODE,
		    "gave up on a line of 4000 bytes: match limit exceeded");
	assert_true(test.at_calls > 0);
	write_file("one", "foo", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_regular_expressions),
		cmocka_unit_test(test_words_lines_and_the_rest),
		cmocka_unit_test(test_fixed_strings),
		cmocka_unit_test(test_file_names_follow_the_rules_of_grep),
		cmocka_unit_test(test_large_text),
		cmocka_unit_test(test_empty_lines_and_no_newline_at_end),
		cmocka_unit_test(test_a_skipped_line_keeps_its_number),
		cmocka_unit_test(test_literals_do_not_need_the_regular_expression),
		cmocka_unit_test(test_wrong_usage),
		cmocka_unit_test(test_a_limit_of_pcre2_fails_the_record),
	};

	return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}

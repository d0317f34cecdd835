/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_scenario.c - gw_mr_main and gw_mr_run as programs use them. The test program is the job too:
 * called with "job" as its first word it passes the rest on to gw_mr_main, as `gw mr JOB` does.
 */
#include "main.h"

#include "support/unit.h"

#include <groundwork/mapreduce.h>

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- The job ----------------------------------------------------------------------------------
 */

struct settings {
	bool junk;        /* an option whose letter the library has too */
	const char *fail; /* lines that begin so fail */
	const char *crash;
};

static const struct gw_option own_options[] = {
	{"junk", 'j', GW_OPTION_FLAG, offsetof(struct settings, junk), NULL, "nothing", NULL},
	{"fail", 0, GW_OPTION_STRING, offsetof(struct settings, fail), "TEXT", "lines to fail at",
	 NULL},
	{"crash", 0, GW_OPTION_STRING, offsetof(struct settings, crash), "TEXT",
	 "lines to crash at", NULL},
	{0},
};

static bool begins(struct gw_bytes line, const char *text)
{
	return text && line.size >= strlen(text) && memcmp(line.data, text, strlen(text)) == 0;
}

static int count_lines(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line)
{
	const struct settings *settings = gw_mr_context(task);

	(void)key;
	if (begins(line, settings->fail)) {
		fprintf(stderr, "about to fail\n");
		return gw_mr_fail(task, "this line is no good");
	}
	if (begins(line, settings->crash))
		abort();
	gw_mr_emit_i64(task, line, 1);
	gw_mr_count(task, "lines", 1);
	return 0;
}

static int check_operands(struct gw_mr_job *job, char ***operands, size_t *count,
			  struct gw_error *error)
{
	(void)job;
	if (*count > 0 && strcmp((*operands)[0], "bad") == 0)
		return gw_fail(error, GW_E_INVALID, "bad is bad");
	if (*count > 0 && strcmp((*operands)[0], "extra") == 0) {
		++*operands;
		--*count;
	}
	return 0;
}

static int job_main(int argc, char **argv)
{
	struct settings settings = {.junk = false};
	struct gw_mr_job job = {
		.name = "lines",
		.summary = "Counts equal lines.",
		.map = count_lines,
		.combine_with = GW_MR_SUM,
		.context = &settings,
		.options = own_options,
		.prepare = check_operands,
	};

	return gw_mr_main(argc, argv, &job);
}

/* ---- Running it -------------------------------------------------------------------------------
 */

enum { TEXT_MAX = 65536, WORDS_MAX = 20 };

struct shop {
	char directory[64];
	char input[96], output[96];
	char out[TEXT_MAX], err[TEXT_MAX]; /* of the last command */
};

static int setup(void **state)
{
	struct shop *shop = calloc(1, sizeof(*shop));

	assert_non_null(shop);
	snprintf(shop->directory, sizeof(shop->directory), "/tmp/gw-run-XXXXXX");
	assert_non_null(mkdtemp(shop->directory));
	snprintf(shop->input, sizeof(shop->input), "%s/in.txt", shop->directory);
	snprintf(shop->output, sizeof(shop->output), "%s/out", shop->directory);
	*state = shop;
	return 0;
}

static void run_words(char *const *words)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execvp(words[0], words);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int teardown(void **state)
{
	struct shop *shop = *state;
	char rm[] = "rm", rf[] = "-rf";
	char *words[] = {rm, rf, shop->directory, NULL};

	run_words(words);
	free(shop);
	return 0;
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void read_text(const char *path, char text[TEXT_MAX])
{
	FILE *file = fopen(path, "re");
	size_t size;

	assert_non_null(file);
	size = fread(text, 1, TEXT_MAX - 1, file);
	text[size] = 0;
	fclose(file);
}

static void redirect(const char *directory, const char *name, int to)
{
	char path[128];
	int file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(file, to);
	close(file);
}

/* Runs `job` with the words (ended by NULL); its exit status. */
static int run(struct shop *shop, const char *const *words)
{
	char job[] = "job", self[] = "/proc/self/exe", path[128];
	char *argv[WORDS_MAX + 3] = {self, job};
	int status, count = 2;
	pid_t pid;

	for (; *words; words++)
		argv[count++] = (char *)(uintptr_t)*words;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		redirect(shop->directory, "stdout", STDOUT_FILENO);
		redirect(shop->directory, "stderr", STDERR_FILENO);
		execv(self, argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	snprintf(path, sizeof(path), "%s/stdout", shop->directory);
	read_text(path, shop->out);
	snprintf(path, sizeof(path), "%s/stderr", shop->directory);
	read_text(path, shop->err);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#define RUN(shop, ...) run(shop, (const char *const[]){__VA_ARGS__, NULL})

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void check_part(struct shop *shop, const char *expected)
{
	char path[160], text[TEXT_MAX];

	snprintf(path, sizeof(path), "%s/part-00000-of-00001", shop->output);
	read_text(path, text);
	assert_string_equal(text, expected);
	snprintf(path, sizeof(path), "%s/_SUCCESS", shop->output);
	assert_true(exists(path));
}

/* ---- It works ---------------------------------------------------------------------------------
 */

static void test_a_job(void **state)
{
	struct shop *shop = *state;

	write_text(shop->input, "b\na\nb\n");
	assert_int_equal(RUN(shop, shop->input, shop->output), 0);
	check_part(shop, "a\t1\nb\t2\n");
	has(shop->err, "lines: done\n");
	has(shop->err, "counters lines 3\n");
	assert_string_equal(shop->out, "");
}

static void test_a_quiet_job(void **state)
{
	struct shop *shop = *state;

	write_text(shop->input, "a\n");
	assert_int_equal(RUN(shop, "-q", shop->input, shop->output), 0);
	check_part(shop, "a\t1\n");
	assert_string_equal(shop->err, "");
	assert_string_equal(shop->out, "");
}

static void test_in_process(void **state)
{
	struct shop *shop = *state;

	write_text(shop->input, "b\na\nb\n");
	assert_int_equal(RUN(shop, "--in-process", shop->input, shop->output), 0);
	check_part(shop, "a\t1\nb\t2\n");
}

static void test_an_operand_taken_by_the_job(void **state)
{
	struct shop *shop = *state;

	write_text(shop->input, "a\n");
	assert_int_equal(RUN(shop, "extra", shop->input, shop->output), 0);
	check_part(shop, "a\t1\n");
}

static void test_a_single_task_commits_nothing(void **state)
{
	struct shop *shop = *state;

	write_text(shop->input, "b\na\nb\n");
	assert_int_equal(RUN(shop, "--only-map", "0", shop->input, shop->output), 0);
	has(shop->err, "lines: map task 0\n");
	assert_int_equal(RUN(shop, "--only-reduce", "0", shop->input, shop->output), 0);
	has(shop->err, "lines: part 0\n");
	assert_false(exists(shop->output));
}

static void test_json(void **state)
{
	struct shop *shop = *state;
	json_t *root;

	write_text(shop->input, "b\na\nb\n");
	assert_int_equal(RUN(shop, "--json", "-q", shop->input, shop->output), 0);
	root = json_loads(shop->out, 0, NULL);
	assert_non_null(root);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "counters"),
							    "map_records_in")),
			 3);
	assert_true(json_integer_value(json_object_get(root, "memory_peak_bytes")) > 0);
	json_decref(root);
}

static void test_a_page(void **state)
{
	struct shop *shop = *state;
	char path[128], text[TEXT_MAX];

	write_text(shop->input, "b\na\nb\n");
	snprintf(path, sizeof(path), "%s/report.html", shop->directory);
	assert_int_equal(RUN(shop, "--report", path, shop->input, shop->output), 0);
	read_text(path, text);
	has(text, "<h1>lines</h1>");
	has(text, "</html>");
}

static void test_help(void **state)
{
	struct shop *shop = *state;

	assert_int_equal(RUN(shop, "--help"), 0);
	has(shop->out, "INPUT... OUTPUT_DIR\n\nCounts equal lines.\n");
	has(shop->out, "--crash");
	has(shop->out, "--skip-bad-records");
	has(shop->out, "-j, --junk"); /* the job's own letter wins */
	assert_null(strstr(shop->out, "-j, --jobs"));
	assert_string_equal(shop->err, "");
}

/* ---- What goes wrong --------------------------------------------------------------------------
 */

static void test_wrong_usage(void **state)
{
	struct shop *shop = *state;

	assert_int_equal(RUN(shop, "--nonsense"), -GW_E_USAGE);
	has(shop->err, "lines: ");
	has(shop->err, "nonsense");
	assert_int_equal(RUN(shop, "only-one"), -GW_E_USAGE);
	has(shop->err, "OUTPUT_DIR is missing");
	assert_int_equal(RUN(shop, "--jobs", "0x", "a", "b"), -GW_E_USAGE);
	assert_int_equal(RUN(shop, "bad", "b"), -GW_E_INVALID);
	has(shop->err, "lines: bad is bad\n");
	assert_int_equal(run(shop, (const char *const[]){NULL}), -GW_E_USAGE);
	has(shop->err, "INPUT is missing");
}

static void test_a_missing_input(void **state)
{
	struct shop *shop = *state;

	assert_int_equal(RUN(shop, shop->input, shop->output), -GW_E_NOT_FOUND);
	has(shop->err, shop->input);
	assert_false(exists(shop->output));
}

static void test_an_output_that_exists(void **state)
{
	struct shop *shop = *state;

	write_text(shop->input, "a\n");
	assert_int_equal(mkdir(shop->output, 0700), 0);
	assert_int_equal(RUN(shop, shop->input, shop->output), -GW_E_EXISTS);
	has(shop->err, shop->output);
	has(shop->err, "exists already");
}

/* The command that is printed is run by a shell, and finds the same failure. */
static void test_the_command_that_runs_one_task_again(void **state)
{
	struct shop *shop = *state;
	char again[4096], sh[] = "sh", c[] = "-c", *command;
	char *words[] = {sh, c, again, NULL};
	int status;
	pid_t pid;

	write_text(shop->input, "a\nb\nx it's\n");
	assert_int_equal(RUN(shop, "--fail", "x it's", "-q", shop->input, shop->output),
			 -GW_E_USER_CODE);
	has(shop->err, "lines: map task 0, attempt ");
	has(shop->err, "this line is no good");
	has(shop->err, "byte 4 (record 3 of the attempt)");
	has(shop->err, "    | about to fail\n");
	command = strstr(shop->err, "in one process:\n");
	assert_non_null(command);
	command = strchr(command, '\n') + 1;
	*strchr(command, '\n') = 0;
	has(command, "job --in-process --only-map 0 --fail 'x it'\\''s' -q");
	/* What was /proc/self/exe is this program. */
	snprintf(again, sizeof(again), "exec %s", strstr(command, "/proc"));
	assert_memory_equal(again, "exec /proc/self/exe", 19);
	assert_int_equal(RUN(shop, "--fail", "x it's", "--in-process", "--only-map", "0",
			     shop->input, shop->output),
			 -GW_E_USER_CODE);
	assert_null(strstr(shop->err, "in one process")); /* it is what was typed */
	pid = fork();
	if (pid == 0) {
		char self[1024], line[5120];
		ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

		self[size > 0 ? size : 0] = 0;
		snprintf(line, sizeof(line), "exec %s%s", self, again + 19);
		words[2] = line;
		redirect(shop->directory, "stderr", STDERR_FILENO);
		execvp(sh, words);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), -GW_E_USER_CODE);
	assert_false(exists(shop->output));
}

static void test_a_crash_is_told_at_once(void **state)
{
	struct shop *shop = *state;
	char where[160];

	write_text(shop->input, "a\nb\ncrash here\n");
	assert_int_equal(RUN(shop, "--crash", "crash", shop->input, shop->output), -GW_E_CRASHED);
	snprintf(where, sizeof(where), "  at %s, byte 4 (record 3 of the attempt)\n", shop->input);
	has(shop->err, "lines: map task 0, attempt 0: killed by SIGABRT");
	has(shop->err, where);
	has(shop->err, "bad record");
	assert_false(exists(shop->output));
}

static void test_bad_records_are_skipped(void **state)
{
	struct shop *shop = *state;
	char where[160];

	write_text(shop->input, "a\ncrash 1\nb\ncrash 2\na\n");
	assert_int_equal(
		RUN(shop, "--crash", "crash", "--skip-bad-records", shop->input, shop->output), 0);
	check_part(shop, "a\t2\nb\t1\n");
	has(shop->err, "skipped  2 bad records\n");
	snprintf(where, sizeof(where), "%s, byte 12\n", shop->input);
	has(shop->err, where);
}

/* ---- From a program ---------------------------------------------------------------------------
 */

static void test_run_from_a_program(void **state)
{
	struct shop *shop = *state;
	const char *inputs[] = {shop->input};
	struct settings settings = {.junk = false};
	struct gw_mr_job job = {
		.map = count_lines, .combine_with = GW_MR_SUM, .context = &settings};
	struct gw_mr_options options;
	struct gw_mr_report *report;
	struct gw_error error = {0};

	write_text(shop->input, "b\na\nb\n");
	gw_mr_options_init(&options);
	options.inputs = inputs;
	options.input_count = 1;
	options.output = shop->output;
	assert_int_equal(gw_mr_run(&job, &options, &report, &error), 0);
	assert_int_equal(gw_mr_report_counter(report, "lines"), 3);
	assert_int_equal(gw_mr_report_counter(report, "map_records_in"), 3);
	gw_mr_report_free(report);
	check_part(shop, "a\t1\nb\t2\n");
	assert_int_equal(gw_mr_run(&job, &options, &report, &error), GW_E_EXISTS);
	assert_null(report);
	assert_int_equal(gw_mr_run(&job, &options, NULL, NULL), GW_E_EXISTS);
	settings.fail = "a";
	options.output = "/tmp/gw-run-no-such-directory/out";
	assert_int_equal(gw_mr_run(&job, &options, &report, &error), GW_E_NOT_FOUND);
}

/* A caller without standard files: nothing of the job is ever written to as one of them. */
static void test_without_standard_files(void **state)
{
	struct shop *shop = *state;
	char self[] = "/proc/self/exe", job[] = "job";
	char *argv[] = {self, job, shop->input, shop->output, NULL};
	int status;
	pid_t pid;

	write_text(shop->input, "b\na\nb\n");
	pid = fork();
	if (pid == 0) {
		close(0);
		close(1);
		close(2);
		execv(self, argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	check_part(shop, "a\t1\nb\t2\n");
}

static void test_words_for_completion(void **state)
{
	char text[TEXT_MAX] = "";
	FILE *file = fmemopen(text, sizeof(text), "w");

	(void)state;
	mr_main_words(own_options, GW_STYLE_GNU, NULL, file);
	fclose(file);
	has(text, "--crash");
	has(text, "--jobs");
}

int main(int argc, char **argv)
{
#define SCENARIO(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		SCENARIO(test_a_job),
		SCENARIO(test_a_quiet_job),
		SCENARIO(test_in_process),
		SCENARIO(test_an_operand_taken_by_the_job),
		SCENARIO(test_a_single_task_commits_nothing),
		SCENARIO(test_json),
		SCENARIO(test_a_page),
		SCENARIO(test_help),
		SCENARIO(test_wrong_usage),
		SCENARIO(test_a_missing_input),
		SCENARIO(test_an_output_that_exists),
		SCENARIO(test_the_command_that_runs_one_task_again),
		SCENARIO(test_a_crash_is_told_at_once),
		SCENARIO(test_bad_records_are_skipped),
		SCENARIO(test_run_from_a_program),
		SCENARIO(test_without_standard_files),
		cmocka_unit_test(test_words_for_completion),
	};

	if (argc > 1 && strcmp(argv[1], "job") == 0)
		return job_main(argc - 1, argv + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

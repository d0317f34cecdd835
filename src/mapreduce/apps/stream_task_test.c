/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_task_test.c - the functions of a streaming job with real commands and a made-up engine:
 * the calls of the public API are those of this file, which write down what they were given.
 */
#include "stream_task.h"

#include "stream_combine.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* One attempt as the engine would run it. */
struct gw_mr_task {
	struct mr_stream *stream;
	void *state;
	bool sampling;
	char pairs[4000];   /* "key=value;" of each emit */
	char output[4000];  /* of gw_mr_write */
	char counters[500]; /* "name+amount;" */
	char status[200];
	char failure[GW_ERROR_TEXT_MAX];
	int failures;
	char directory[64];
};

struct gw_mr_values {
	const char *const *items; /* ended by NULL */
};

void *gw_mr_context(const struct gw_mr_task *task)
{
	return task->stream;
}

void *gw_mr_state(const struct gw_mr_task *task)
{
	return task->state;
}

uint32_t gw_mr_task_number(const struct gw_mr_task *task)
{
	(void)task;
	return 5;
}

uint32_t gw_mr_attempt_number(const struct gw_mr_task *task)
{
	(void)task;
	return 1;
}

bool gw_mr_sampling(const struct gw_mr_task *task)
{
	return task->sampling;
}

const char *gw_mr_directory(const struct gw_mr_task *task)
{
	return task->directory;
}

static void add(char *text, size_t size, struct gw_bytes bytes, const char *end)
{
	size_t used = strlen(text);

	assert_true(bytes.size + 2 < size - used);
	snprintf(text + used, size - used, "%.*s%s", (int)bytes.size, (const char *)bytes.data,
		 end);
}

void gw_mr_emit(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	add(task->pairs, sizeof(task->pairs), key, "=");
	add(task->pairs, sizeof(task->pairs), value, ";");
}

void gw_mr_write(struct gw_mr_task *task, const void *data, size_t size)
{
	add(task->output, sizeof(task->output), (struct gw_bytes){data, size}, "");
}

void gw_mr_count(struct gw_mr_task *task, const char *name, int64_t delta)
{
	size_t used = strlen(task->counters);

	snprintf(task->counters + used, sizeof(task->counters) - used, "%s+%d;", name, (int)delta);
}

void gw_mr_status(struct gw_mr_task *task, const char *text)
{
	snprintf(task->status, sizeof(task->status), "%s", text);
}

void gw_mr_progress(struct gw_mr_task *task, const void *data)
{
	(void)task;
	assert_non_null(data);
}

int gw_mr_fail(struct gw_mr_task *task, const char *format, ...)
{
	va_list arguments;

	task->failures++;
	va_start(arguments, format);
	vsnprintf(task->failure, sizeof(task->failure), format, arguments);
	va_end(arguments);
	return GW_E_USER_CODE;
}

bool gw_mr_next(struct gw_mr_values *values, struct gw_bytes *value)
{
	if (!*values->items)
		return false;
	*value = gw_string(*values->items++);
	return true;
}

/* ---- A job  ---- */

struct job {
	struct mr_stream stream;
	struct gw_mr_task task;
	struct mr_library_options library;
	struct mr_strings written, derived;
};

/* A streaming job of these options; words are separated by '|'. */
static void make(struct job *job, const char *options)
{
	char text[1000], *words[40], *rest = NULL;
	int count = 0;
	struct gw_error error = {0};

	memset(job, 0, sizeof(*job));
	snprintf(text, sizeof(text), "stream|-input|/|-output|/tmp/none|%s", options);
	for (char *word = strtok_r(text, "|", &rest); word; word = strtok_r(NULL, "|", &rest))
		words[count++] = word;
	assert_int_equal(mr_stream_options_parse(&job->stream.options, &job->library, count, words,
						 &job->written, &error),
			 0);
	assert_int_equal(mr_stream_settle(&job->stream, &job->library, &job->derived, &error), 0);
	assert_int_equal(mr_stream_ship(&job->stream, &error), 0);
	job->task.stream = &job->stream;
	snprintf(job->task.directory, sizeof(job->task.directory), "/tmp/gw-stream-task-XXXXXX");
	assert_non_null(mkdtemp(job->task.directory));
}

static void done(struct job *job)
{
	mr_stream_done(&job->stream);
	mr_strings_done(&job->written);
	mr_strings_done(&job->derived);
	assert_int_equal(rmdir(job->task.directory), 0); /* nothing is left in it */
}

static void start(struct job *job)
{
	assert_int_equal(mr_stream_start(&job->task, &job->task.state), 0);
}

static int finish(struct job *job)
{
	return mr_stream_finish(&job->task, job->task.state);
}

static int map(struct job *job, const char *file, const char *data)
{
	struct gw_mr_block block = {.data = data, .size = strlen(data), .file = file, .offset = 10};

	return mr_stream_map_block(&job->task, &block);
}

/* Maps one block from start to finish. */
static void map_all(struct job *job, const char *data)
{
	start(job);
	assert_int_equal(map(job, "in", data), 0);
	assert_int_equal(finish(job), 0);
	assert_int_equal(job->task.failures, 0);
}

static int reduce(struct job *job, const char *key, const char *first, const char *second)
{
	const char *items[] = {first, second, NULL};
	struct gw_mr_values values = {items};

	return mr_stream_reduce(&job->task, gw_string(key), &values);
}

/* ---- Map ---- */

static void a_mappers_lines_are_pairs(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-mapper|sed s/x/y/|-reducer|cat");
	map_all(&job, "a\t1\nx\nx\t\n\nlast\t2");
	assert_string_equal(job.task.pairs, "a=\t1;y=;y=\t;=;last=\t2;");
	done(&job);
}

static void separators_and_fields_are_obeyed(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-mapper|cat|-reducer|cat|-D|stream.map.output.field.separator=.|-D|"
		   "stream.num.map.output.key.fields=2");
	map_all(&job, "a.b.c.d\na.b\n");
	assert_string_equal(job.task.pairs, "a.b=c.d;a.b=;");
	done(&job);
	make(&job, "-mapper|cat|-reducer|cat|-io|keyonlytext");
	map_all(&job, "a\tb\n");
	assert_string_equal(job.task.pairs, "a\tb=;");
	done(&job);
}

static void without_a_mapper_the_input_is_cut(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-reducer|cat");
	map_all(&job, "a\t1\nb");
	assert_string_equal(job.task.pairs, "a=\t1;b=;");
	done(&job);
	/* Without a reducer too, the value ends with the newline, also the one that was missing. */
	make(&job, "-verbose");
	map_all(&job, "a\t1\nb\t\nc");
	assert_string_equal(job.task.pairs, "a=\t1\n;b=\t\n;c=\n;");
	done(&job);
}

static void map_only_output_is_written_as_it_is(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-mapper|tr a b|-reducer|NONE");
	map_all(&job, "a\ta\nxa");
	assert_string_equal(job.task.output, "b\tb\nxb\n"); /* the last line got its newline */
	assert_string_equal(job.task.pairs, "");
	done(&job);
	make(&job, "-reducer|NONE");
	map_all(&job, "a\nb");
	assert_string_equal(job.task.output, "a\nb\n");
	done(&job);
	make(&job, "-mapper|cat|-reducer|NONE|-D|mapred.textoutputformat.separator=,");
	map_all(&job, "a\tb\nc\n");
	assert_string_equal(job.task.output, "a,b\nc,\n");
	done(&job);
}

static void the_mapper_may_get_keys_too(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-mapper|cat|-reducer|NONE|-D|stream.map.input.ignoreKey=false");
	map_all(&job, "abc\nd\n");
	assert_string_equal(job.task.output, "10\tabc\n14\td\n");
	done(&job);
	make(&job, "-mapper|cat|-reducer|NONE|-inputformat|KeyValueTextInputFormat|-D|"
		   "key.value.separator.in.input.line=:");
	map_all(&job, "a:b:c\nd\n");
	assert_string_equal(job.task.output, "a\tb:c\nd\t\n");
	done(&job);
	make(&job, "-mapper|cat|-reducer|NONE|-inputformat|KeyValueTextInputFormat|-D|"
		   "stream.map.input.ignoreKey=true");
	map_all(&job, "a\tb\nc\n");
	assert_string_equal(job.task.output, "b\n\n");
	done(&job);
}

static void a_command_gets_one_block_or_several(void **state)
{
	static const char command[] =
		"-mapper|echo \"[$mapreduce_map_input_file]\"; cat|-reducer|NONE";
	char combined[200];
	struct job job;

	(void)state;
	make(&job, command);
	start(&job);
	assert_int_equal(map(&job, "one", "1\n"), 0);
	assert_int_equal(map(&job, "two", "2\n"), 0);
	assert_int_equal(map(&job, "a.gz", "3\n"), 0); /* a compressed file comes in pieces */
	assert_int_equal(map(&job, "a.gz", "4\n"), 0);
	assert_int_equal(map(&job, "b.gz", "5\n"), 0);
	assert_int_equal(finish(&job), 0);
	assert_string_equal(job.task.output, "[one]\n1\n[two]\n2\n[a.gz]\n3\n4\n[b.gz]\n5\n");
	done(&job);
	snprintf(combined, sizeof(combined), "%s|-inputformat|CombineTextInputFormat", command);
	make(&job, combined);
	start(&job);
	assert_int_equal(map(&job, "one", "1\n"), 0);
	assert_int_equal(map(&job, "two", "2"), 0);
	assert_int_equal(map(&job, "three", "3\n"), 0);
	assert_int_equal(finish(&job), 0);
	assert_string_equal(job.task.output, "[one]\n1\n2\n3\n");
	done(&job);
}

/* ---- Combiner  ---- */

static void a_combiner_reads_sorted_lines(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-mapper|cat|-reducer|cat|-combiner|uniq -c \\| sed 's/^ *//'");
	free(job.stream.combiner);
	job.stream.combiner = strdup("uniq -c | sed 's/^ *\\([0-9]*\\) \\(.*\\)/\\2\\t\\1/'");
	map_all(&job, "b\na\nb\nlonger key than eight\na\nb\n");
	assert_string_equal(job.task.pairs, "a=\t2;b=\t3;longer key than eight=\t1;");
	done(&job);
}

static void a_full_combiner_starts_again(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-mapper|cat|-reducer|cat|-combiner|sed 's/$/!/'");
	job.stream.combine_bytes = 40;
	/* Pairs of equal keys stay in order; one that is too large is not combined. */
	map_all(&job, "k\t2\nj\t1\nk\t1\nthis line is longer than a quarter of the room\nz\t1\n");
	assert_string_equal(job.task.pairs,
			    "j=\t1!;k=\t2!;this line is longer than a quarter of the room=;"
			    "k=\t1!;z=\t1!;");
	done(&job);
}

static void a_combiner_that_fails_is_named(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-mapper|cat|-reducer|cat|-combiner|cat; exit 9");
	start(&job);
	assert_int_equal(map(&job, "in", "a\n"), 0);
	assert_int_equal(finish(&job), GW_E_USER_CODE);
	assert_string_equal(job.task.failure, "combiner `cat; exit 9` ended with exit status 9");
	done(&job);
}

/* ---- Reduce  ---- */

static void a_reducer_reads_lines_and_writes_the_output(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-mapper|cat|-reducer|cat; printf 'no newline'");
	start(&job);
	assert_int_equal(reduce(&job, "a", "\t1", "\t2"), 0);
	assert_int_equal(reduce(&job, "b", "", NULL), 0);
	assert_int_equal(finish(&job), 0);
	assert_string_equal(job.task.output, "a\t1\na\t2\nb\nno newline");
	done(&job);
}

static void separators_of_the_reducer(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-mapper|cat|-reducer|cat|-D|stream.reduce.input.field.separator=:");
	start(&job);
	assert_int_equal(reduce(&job, "a", "1", ""), 0);
	assert_int_equal(finish(&job), 0);
	assert_string_equal(job.task.output, "a:1\na:\n");
	done(&job);
	make(&job, "-mapper|cat|-reducer|cat|-D|stream.reduce.output.field.separator=.|-D|"
		   "stream.num.reduce.output.key.fields=2");
	start(&job);
	assert_int_equal(reduce(&job, "a.b.c", "", NULL), 0);
	assert_int_equal(finish(&job), 0);
	assert_string_equal(job.task.output, "a.b\tc\n");
	done(&job);
	make(&job, "-mapper|cat|-reducer|cat|-io|keyonlytext");
	start(&job);
	assert_int_equal(reduce(&job, "a", "", ""), 0);
	assert_int_equal(finish(&job), 0);
	assert_string_equal(job.task.output, "a\na\n");
	done(&job);
}

static void a_reducer_that_fails_blames_no_key(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-mapper|cat|-reducer|exit 4");
	start(&job);
	for (int i = 0; i < 100; i++)
		assert_int_equal(reduce(&job, "key", "\tvalue", NULL), 0);
	assert_int_equal(job.task.failures, 0);
	assert_int_equal(finish(&job), GW_E_USER_CODE);
	assert_string_equal(job.task.failure, "reducer `exit 4` ended with exit status 4");
	done(&job);
}

static void without_keys_no_reducer_is_started(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-mapper|cat|-reducer|echo started");
	start(&job);
	assert_int_equal(finish(&job), 0);
	assert_string_equal(job.task.output, "");
	done(&job);
}

/* ---- Failures, messages  ---- */

static void check_failure(const char *mapper, const char *sentence)
{
	char options[300];
	struct job job;

	snprintf(options, sizeof(options), "-reducer|NONE|-mapper|%s", mapper);
	make(&job, options);
	start(&job);
	assert_int_equal(map(&job, "dir/in", "a\n"), GW_E_USER_CODE);
	assert_string_equal(job.task.failure, sentence);
	done(&job);
}

static void a_mapper_that_fails_is_named_with_its_input(void **state)
{
	(void)state;
	check_failure("exit 3",
		      "mapper `exit 3` ended with exit status 3; its input was dir/in from "
		      "byte 10 on");
	check_failure("kill -9 $$",
		      "mapper `kill -9 $$` ended with signal 9 (Killed); its input was "
		      "dir/in from byte 10 on");
	check_failure("exec nosuchprogram 2>&-",
		      "mapper `exec nosuchprogram 2>&-` ended with exit "
		      "status 127 (not found); its input was dir/in from byte 10 on");
}

static void an_exit_status_may_be_ignored(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-reducer|NONE|-mapper|cat; exit 3|-D|stream.non.zero.exit.is.failure=false");
	map_all(&job, "a\n");
	assert_string_equal(job.task.output, "a\n");
	done(&job);
}

static void a_command_that_stops_reading_is_fine(void **state)
{
	struct job job;
	char *large = malloc(3 << 20);

	(void)state;
	memset(large, '\n', (3 << 20) - 1);
	large[(3 << 20) - 1] = 0;
	memcpy(large, "first", 5);
	make(&job, "-reducer|NONE|-mapper|head -n 1");
	map_all(&job, large);
	assert_string_equal(job.task.output, "first\n");
	done(&job);
	free(large);
}

static void messages_are_counted_and_shown(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-reducer|NONE|-mapper|echo reporter:counter:G,lines,2 >&2; "
		   "echo reporter:status:half >&2; echo reporter:counter:G,lines,3 >&2; cat");
	map_all(&job, "a\n");
	assert_string_equal(job.task.counters, "G:lines+2;G:lines+3;");
	assert_string_equal(job.task.status, "half");
	done(&job);
	make(&job, "-reducer|NONE|-mapper|echo reporter:counter:a_group_of_many_letters,"
		   "and_a_name_that_goes_on_for_long,1 >&2");
	map_all(&job, "a\n");
	assert_string_equal(job.task.counters,
			    "a_group_of_many_letters:and_a_name_that_goes_on+1;");
	done(&job);
}

static void a_sample_is_quiet_and_never_fails(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-reducer|cat|-mapper|cat; echo reporter:counter:a,b,1 >&2");
	job.task.sampling = true;
	start(&job);
	assert_int_equal(map(&job, "one", "a\n"), 0);
	assert_int_equal(map(&job, "two", "b\n"), 0); /* the same command */
	assert_int_equal(finish(&job), 0);
	assert_string_equal(job.task.pairs, "a=;b=;");
	assert_string_equal(job.task.counters, "");
	done(&job);
	make(&job, "-reducer|cat|-mapper|exit 1");
	job.task.sampling = true;
	start(&job);
	assert_int_equal(map(&job, "one", "a\n"), 0);
	assert_int_equal(finish(&job), 0);
	assert_int_equal(job.task.failures, 0);
	done(&job);
}

static void what_an_attempt_leaves_is_ended_by_the_next(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-mapper|cat|-reducer|NONE|-inputformat|CombineTextInputFormat");
	start(&job);
	assert_int_equal(map(&job, "one", "lost\n"), 0);
	/* Without finish, as after a failure of the engine, which drops what was written so far. */
	job.task.output[0] = 0;
	start(&job);
	assert_int_equal(map(&job, "one", "kept\n"), 0);
	assert_int_equal(finish(&job), 0);
	assert_string_equal(job.task.output, "kept\n");
	done(&job);
}

static void a_script_looks_at_a_failure(void **state)
{
	struct job job;
	char options[500], seen[] = "/tmp/gw-stream-seen-XXXXXX", text[2000] = "";
	int descriptor = mkstemp(seen);

	(void)state;
	assert_true(descriptor >= 0);
	snprintf(options, sizeof(options),
		 "-reducer|NONE|-mapper|echo why >&2; exit 3|-mapdebug|"
		 "sh -c 'cat \"$2\" \"$3\" \"$4\" > %s' sh",
		 seen);
	make(&job, options);
	start(&job);
	assert_int_equal(map(&job, "in", "a\n"), GW_E_USER_CODE);
	assert_true(read(descriptor, text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "why\n"));
	assert_non_null(strstr(text, "ended with exit status 3"));
	assert_non_null(strstr(text, "<name>mapreduce.task.id</name>"));
	close(descriptor);
	unlink(seen);
	done(&job);
}

static void keys_that_the_options_find_equal_differ_by_bytes(void **state)
{
	struct job job;

	(void)state;
	make(&job, "-mapper|cat|-D|map.output.key.field.separator=.|-D|"
		   "mapreduce.job.output.key.comparator.class=KeyFieldBasedComparator|-D|"
		   "mapreduce.partition.keycomparator.options=-k2,2nr|-partitioner|"
		   "KeyFieldBasedPartitioner|-D|mapreduce.partition.keypartitioner.options=-k1,1");
	assert_true(mr_stream_compare(&job.task, gw_string("1.10.x"), gw_string("1.9.a")) < 0);
	assert_true(mr_stream_compare(&job.task, gw_string("1.9.x"), gw_string("1.9.a")) > 0);
	assert_int_equal(mr_stream_compare(&job.task, gw_string("1.9"), gw_string("1.9")), 0);
	assert_int_equal(mr_stream_partition(&job.task, gw_string("1.9"), 7),
			 mr_stream_partition(&job.task, gw_string("1.5"), 7));
	done(&job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mappers_lines_are_pairs),
		cmocka_unit_test(separators_and_fields_are_obeyed),
		cmocka_unit_test(without_a_mapper_the_input_is_cut),
		cmocka_unit_test(map_only_output_is_written_as_it_is),
		cmocka_unit_test(the_mapper_may_get_keys_too),
		cmocka_unit_test(a_command_gets_one_block_or_several),
		cmocka_unit_test(a_combiner_reads_sorted_lines),
		cmocka_unit_test(a_full_combiner_starts_again),
		cmocka_unit_test(a_combiner_that_fails_is_named),
		cmocka_unit_test(a_reducer_reads_lines_and_writes_the_output),
		cmocka_unit_test(separators_of_the_reducer),
		cmocka_unit_test(a_reducer_that_fails_blames_no_key),
		cmocka_unit_test(without_keys_no_reducer_is_started),
		cmocka_unit_test(a_mapper_that_fails_is_named_with_its_input),
		cmocka_unit_test(an_exit_status_may_be_ignored),
		cmocka_unit_test(a_command_that_stops_reading_is_fine),
		cmocka_unit_test(messages_are_counted_and_shown),
		cmocka_unit_test(a_sample_is_quiet_and_never_fails),
		cmocka_unit_test(what_an_attempt_leaves_is_ended_by_the_next),
		cmocka_unit_test(a_script_looks_at_a_failure),
		cmocka_unit_test(keys_that_the_options_find_equal_differ_by_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

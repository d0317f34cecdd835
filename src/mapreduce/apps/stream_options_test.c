/* SPDX-License-Identifier: Apache-2.0 */
/* stream_options_test.c - command lines as Hadoop's users write them: how they are rewritten, what
 * is taken from them, and what the job becomes. */
#include "stream.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 40 };

struct line {
	struct mr_stream stream;
	struct mr_library_options library;
	struct mr_strings written, derived;
	struct gw_error error;
	char text[4000];
	char *words[WORDS_MAX];
};

/* Parses words that are separated by blanks; "_" in a word stands for a blank. */
static int parse(struct line *line, const char *text)
{
	int count = 0;
	char *rest = NULL;

	memset(line, 0, sizeof(*line));
	snprintf(line->text, sizeof(line->text), "stream %s", text);
	for (char *word = strtok_r(line->text, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest)) {
		for (char *at = word; *at; at++)
			*at = *at == '_' ? ' ' : *at;
		line->words[count++] = word;
		assert_true(count < WORDS_MAX);
	}
	return mr_stream_options_parse(&line->stream.options, &line->library, count, line->words,
				       &line->written, &line->error);
}

static void done(struct line *line)
{
	mr_stream_done(&line->stream);
	mr_strings_done(&line->written);
	mr_strings_done(&line->derived);
}

/* Parses and settles a job with an input and an output besides the text. */
static int settle(struct line *line, const char *text)
{
	char all[3000];
	int result;

	snprintf(all, sizeof(all), "-input / -output /tmp/none %s", text);
	result = parse(line, all);
	if (!result)
		result = mr_stream_settle(&line->stream, &line->library, &line->derived,
					  &line->error);
	return result;
}

static void join(const struct mr_strings *strings, size_t first, char *text, size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (size_t i = first; i < strings->count; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i > first ? " " : "",
					 strings->items[i]);
}

static void check_rewritten(const char *text, const char *expected)
{
	struct line line;
	char joined[3000];

	assert_int_equal(parse(&line, text), 0);
	join(&line.written, 1, joined, sizeof(joined));
	assert_string_equal(joined, expected);
	assert_null(line.written.items[line.written.count]);
	done(&line);
}

static void one_dash_or_two_in_any_order(void **state)
{
	(void)state;
	check_rewritten("-input a b -mapper cat -output o",
			"--input a --input b --mapper cat --output o");
	check_rewritten("--input=a -D x=y -Dz=1 -mapper=cat",
			"--input=a -D x=y -D z=1 --mapper=cat");
	check_rewritten("-memory 64M -j4 -q -mapper -x", "--memory 64M -j4 -q --mapper -x");
	check_rewritten("-file a b -files c,d -lazyOutput x",
			"--file a --file b --files c,d --lazyOutput x");
	check_rewritten("-skip-bad-records --record-timeout 5s -only-map=3",
			"--skip-bad-records --only-map=3");
	check_rewritten("-jt local -jobconf a=b -j 3", "--jt local --jobconf a=b -j 3");
}

static void values_are_stored(void **state)
{
	struct line line;
	const struct mr_stream_options *options = &line.stream.options;

	(void)state;
	assert_int_equal(parse(&line,
			       "-input a b -input c -mapper tr_a_b -D k=v -jobconf l=w "
			       "-cmdenv A=b -verbose -skip-bad-records -memory 64M --temporary=/t "
			       "-record-timeout 7s -parts 3 -numReduceTasks 2 -help"),
			 0);
	assert_int_equal(options->inputs.count, 3);
	assert_string_equal(options->inputs.items[2], "c");
	assert_string_equal(options->mapper, "tr a b");
	assert_string_equal(options->properties.items[0], "k=v");
	assert_string_equal(options->job_properties.items[0], "l=w");
	assert_string_equal(options->reduces, "2");
	assert_true(options->verbose);
	assert_true(line.library.skip_bad_records);
	assert_true(line.library.help);
	assert_string_equal(line.library.memory, "64M");
	assert_string_equal(line.library.temporary, "/t");
	assert_string_equal(line.library.record_timeout, "7s");
	assert_string_equal(line.library.parts, "3");
	done(&line);
}

static void missing_values_are_named(void **state)
{
	static const char *const lines[] = {"-mapper", "-D", "-record-timeout", "-input"};
	struct line line;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse(&line, lines[i]), GW_E_USAGE);
		assert_non_null(strstr(line.error.text, lines[i]));
		assert_non_null(strstr(line.error.text, "needs a value"));
		done(&line);
	}
}

/* ---- What the job becomes  ---- */

static void by_default_lines_go_through_as_they_are(void **state)
{
	struct line line;
	const struct mr_stream *stream = &line.stream;

	(void)state;
	assert_int_equal(settle(&line, "-mapper cat -reducer uniq"), 0);
	assert_string_equal(stream->mapper, "cat");
	assert_string_equal(stream->reducer, "uniq");
	assert_null(stream->combiner);
	assert_true(stream->plain_lines);
	assert_true(stream->map_out.keep_separator);
	assert_int_equal(stream->map_out.key_fields, 1);
	assert_false(stream->format_output);
	assert_false(stream->newline_kept);
	assert_false(stream->map_only);
	assert_int_equal(stream->idle_ms_max, 600000);
	assert_true(stream->exit_is_failure);
	assert_string_equal(mr_properties_get(&stream->properties, "mapreduce.job.reduces"), "1");
	done(&line);
	assert_int_equal(settle(&line, ""), 0);
	assert_null(stream->mapper);
	assert_null(stream->reducer);
	assert_true(stream->newline_kept);
	done(&line);
}

static void separators_of_ones_own_are_hadoops(void **state)
{
	struct line line;
	const struct mr_stream *stream = &line.stream;

	(void)state;
	assert_int_equal(settle(&line,
				"-mapper cat -reducer cat -D stream.map.output.field.separator=. "
				"-D stream.num.map.output.key.fields=4"),
			 0);
	assert_false(stream->plain_lines);
	assert_false(stream->map_out.keep_separator);
	assert_int_equal(stream->map_out.key_fields, 4);
	assert_int_equal(stream->map_out.separator.bytes[0], '.');
	assert_int_equal(stream->reduce_in.bytes[0], '\t');
	/* A combiner's lines are KEY TAB VALUE, like those it reads. */
	assert_int_equal(stream->combine_out.separator.bytes[0], '\t');
	assert_int_equal(stream->combine_out.key_fields, 1);
	done(&line);
	assert_int_equal(settle(&line, "-mapper cat -reducer cat -io text"), 0);
	assert_false(stream->plain_lines);
	assert_true(stream->format_output && stream->tab_always);
	done(&line);
	assert_int_equal(settle(&line, "-mapper cat -reducer cat -io keyonlytext"), 0);
	assert_true(stream->map_out.whole && stream->key_only_in);
	done(&line);
	assert_int_equal(settle(&line, "-D mapred.textoutputformat.separator=,"), 0);
	assert_false(stream->newline_kept);
	assert_true(stream->tab_always);
	assert_int_equal(stream->text_out.bytes[0], ',');
	done(&line);
}

static void map_only_jobs(void **state)
{
	static const char *const lines[] = {
		"-mapper cat -reducer NONE",
		"-mapper cat -numReduceTasks 0 -reducer x -combiner y",
		"-mapper cat -D mapred.reduce.tasks=0",
		"-mapper cat -jobconf mapreduce.job.reduces=0",
	};
	struct line line;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(settle(&line, lines[i]), 0);
		assert_true(line.stream.map_only);
		assert_null(line.stream.combiner);
		assert_int_equal(line.derived.count, 0);
		done(&line);
	}
}

static void properties_become_options_of_the_library(void **state)
{
	struct line line;
	char joined[500];

	(void)state;
	assert_int_equal(settle(&line,
				"-mapper cat -numReduceTasks 3 -D mapreduce.map.maxattempts=2 "
				"-D mapred.min.split.size=1000 -D mapreduce.map.skip.maxrecords=1 "
				"-D stream.tmpdir=/scratch -D mapreduce.task.timeout=0"),
			 0);
	join(&line.derived, 0, joined, sizeof(joined));
	assert_string_equal(joined, "--parts 3 --skip-bad-records --attempts 2 --split-size 1000 "
				    "--temporary /scratch");
	assert_true(line.stream.one_by_one);
	assert_int_equal(line.stream.idle_ms_max, 0);
	done(&line);
	assert_int_equal(settle(&line, "-mapper cat -record-timeout 2s -memory 64M"), 0);
	assert_int_equal(line.stream.idle_ms_max, 2000);
	assert_int_equal(line.stream.line_size_max, 64 << 20);
	assert_int_equal(line.stream.combine_bytes, 4 << 20);
	done(&line);
}

static void classes_that_have_a_counterpart(void **state)
{
	struct line line;
	const struct mr_stream *stream = &line.stream;

	(void)state;
	assert_int_equal(settle(&line,
				"-mapper org.apache.hadoop.mapred.lib.IdentityMapper "
				"-reducer org.apache.hadoop.mapred.lib.IdentityReducer "
				"-inputformat org.apache.hadoop.mapred.KeyValueTextInputFormat "
				"-outputformat TextOutputFormat"),
			 0);
	assert_null(stream->mapper);
	assert_null(stream->reducer);
	assert_int_equal(stream->input, MR_STREAM_KEY_VALUE);
	assert_int_equal(stream->feed, MR_FEED_LINE); /* the same separator on both sides */
	done(&line);
	assert_int_equal(
		settle(&line, "-mapper cat -reducer Aggregate -combiner x "
			      "-partitioner org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner "
			      "-D map.output.key.field.separator=. "
			      "-D mapred.text.key.partitioner.options=-k1,2 "
			      "-D mapred.output.key.comparator.class="
			      "org.apache.hadoop.mapred.lib.KeyFieldBasedComparator "
			      "-D mapreduce.partition.keycomparator.options=-k2,2nr"),
		0);
	assert_true(stream->aggregate);
	assert_null(stream->combiner);
	assert_true(stream->spread_by_keys);
	assert_int_equal(stream->spread.count, 1);
	assert_int_equal(stream->spread.parts[0].last_field, 2);
	assert_int_equal(stream->spread.separator.bytes[0], '.');
	assert_true(stream->order.parts[0].numeric && stream->order.parts[0].reverse);
	done(&line);
	assert_int_equal(settle(&line, "-mapper cat -partitioner TotalOrderPartitioner "
				       "-inputformat CombineTextInputFormat "
				       "-D stream.map.input.ignoreKey=false"),
			 0);
	assert_true(stream->total_order);
	assert_int_equal(stream->input, MR_STREAM_COMBINED);
	assert_int_equal(stream->feed, MR_FEED_OFFSET);
	done(&line);
	assert_int_equal(settle(&line, "-mapper cat -partitioner KeyFieldBasedPartitioner "
				       "-D num.key.fields.for.partition=3"),
			 0);
	assert_int_equal(stream->spread.parts[0].last_field, 3);
	done(&line);
}

static void what_there_is_not_is_refused_by_name(void **state)
{
	static const struct refused {
		const char *line, *part;
		int code;
	} all[] = {
		{"-mapper org.apache.hadoop.mapred.lib.FieldSelectionMapReduce",
		 "-mapper org.apache.hadoop.mapred.lib.FieldSelectionMapReduce: there is no Java",
		 GW_E_UNSUPPORTED},
		{"-reducer com.acme.jobs.MyReducer", "com.acme.jobs.MyReducer", GW_E_UNSUPPORTED},
		{"-inputformat SequenceFileInputFormat", "SequenceFileInputFormat",
		 GW_E_UNSUPPORTED},
		{"-outputformat MyFormat", "MyFormat", GW_E_UNSUPPORTED},
		{"-partitioner com.acme.KeyFieldBasedPartitioner", "com.acme", GW_E_UNSUPPORTED},
		{"-inputreader Other,begin=a,end=b", "Other", GW_E_UNSUPPORTED},
		{"-inputreader StreamXmlRecord,begin=a", "begin=MARK and end=MARK", GW_E_USAGE},
		{"-inputreader StreamXmlRecord,begin=a,end=b,slowmatch=true", "slowmatch",
		 GW_E_UNSUPPORTED},
		{"-D mapreduce.job.output.key.comparator.class=X.Y.Z", "X.Y.Z", GW_E_UNSUPPORTED},
		{"-D mapred.output.compress=true", "mapreduce.output.fileoutputformat.compress",
		 GW_E_UNSUPPORTED},
		{"-io typedbytes", "-io typedbytes", GW_E_UNSUPPORTED},
		{"-libjars a.jar", "-libjars", GW_E_UNSUPPORTED},
		{"-fs hdfs://h:1", "-fs hdfs://h:1", GW_E_UNSUPPORTED},
		{"-jt h:1", "-jt h:1", GW_E_UNSUPPORTED},
		{"-numReduceTasks x", "mapreduce.job.reduces=x", GW_E_INVALID},
		{"-numReduceTasks -2", "below 0", GW_E_INVALID},
		{"-cmdenv A", "-cmdenv A", GW_E_USAGE},
		{"-D nothing", "nothing: a property is written", GW_E_USAGE},
		{"-conf /does/not/exist", "/does/not/exist", GW_E_NOT_FOUND},
		{"-D stream.non.zero.exit.is.failure=maybe", "neither true nor false",
		 GW_E_INVALID},
		{"-input hdfs://h/x", "hdfs://h/x", GW_E_UNSUPPORTED},
		{"-D mapreduce.partition.keycomparator.options=-kx -D "
		 "mapreduce.job.output.key.comparator.class=KeyFieldBasedComparator",
		 "-kx", GW_E_INVALID},
		{"-record-timeout x", "x", GW_E_INVALID},
	};
	struct line line;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int code = settle(&line, all[i].line);

		if (code != all[i].code || !strstr(line.error.text, all[i].part))
			fail_msg("'%s': %d, %s", all[i].line, code, line.error.text);
		done(&line);
	}
}

static void input_and_output_are_required(void **state)
{
	struct line line;

	(void)state;
	assert_int_equal(parse(&line, "-output o -mapper cat"), 0);
	assert_int_equal(mr_stream_settle(&line.stream, &line.library, &line.derived, &line.error),
			 GW_E_USAGE);
	assert_string_equal(line.error.text, "Required argument: -input <name>");
	done(&line);
	assert_int_equal(parse(&line, "-input i -mapper cat"), 0);
	assert_int_equal(mr_stream_settle(&line.stream, &line.library, &line.derived, &line.error),
			 GW_E_USAGE);
	assert_string_equal(line.error.text, "Required argument: -output");
	done(&line);
	assert_int_equal(parse(&line, "-input , -output o"), 0);
	assert_int_equal(
		mr_stream_settle(&line.stream, &line.library, &line.derived, &line.error),
		GW_E_USAGE);
	assert_string_equal(line.error.text, "-input: names nothing");
	done(&line);
}

static void records_between_marks(void **state)
{
	struct line line;

	(void)state;
	assert_int_equal(parse(&line, "-input /dev/null -output o -mapper cat -inputreader "
				      "StreamXmlRecord,begin=<page,end=</page>"),
			 0);
	assert_int_equal(mr_stream_settle(&line.stream, &line.library, &line.derived, &line.error),
			 0);
	assert_int_equal(line.stream.input, MR_STREAM_XML);
	assert_string_equal(line.stream.begin_mark, "<page");
	assert_string_equal(line.stream.end_mark, "</page>");
	assert_non_null(line.stream.reader);
	done(&line);
}

static void the_job_has_the_functions_it_needs(void **state)
{
	struct line line;
	struct gw_mr_job job;

	(void)state;
	assert_int_equal(settle(&line, "-mapper cat -reducer cat"), 0);
	mr_stream_job(&line.stream, &job);
	assert_true(job.map_block && !job.map && job.reduce && job.whole_parts && !job.combine);
	assert_true(job.start && job.finish && !job.compare && !job.partition && !job.map_only);
	done(&line);
	assert_int_equal(settle(&line, "-reducer aggregate"), 0);
	mr_stream_job(&line.stream, &job);
	assert_true(job.reduce && job.combine && job.sort_values && !job.whole_parts);
	done(&line);
	assert_int_equal(settle(&line, "-reducer NONE"), 0);
	mr_stream_job(&line.stream, &job);
	assert_true(job.map_only && !job.reduce && !job.format);
	done(&line);
	assert_int_equal(settle(&line, "-D stream.map.output.field.separator=,"), 0);
	mr_stream_job(&line.stream, &job);
	assert_true(!job.reduce && job.format);
	done(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_dash_or_two_in_any_order),
		cmocka_unit_test(values_are_stored),
		cmocka_unit_test(missing_values_are_named),
		cmocka_unit_test(by_default_lines_go_through_as_they_are),
		cmocka_unit_test(separators_of_ones_own_are_hadoops),
		cmocka_unit_test(map_only_jobs),
		cmocka_unit_test(properties_become_options_of_the_library),
		cmocka_unit_test(classes_that_have_a_counterpart),
		cmocka_unit_test(what_there_is_not_is_refused_by_name),
		cmocka_unit_test(input_and_output_are_required),
		cmocka_unit_test(records_between_marks),
		cmocka_unit_test(the_job_has_the_functions_it_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

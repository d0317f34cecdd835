/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - `gw mr stream`: Hadoop Streaming's command line on this machine. Everything but the
 * options is the job that gw_mr_main runs; the exit status is Hadoop's:
 *
 *     0 the job succeeded; 1 it failed, or the command line is wrong; 4 the output exists already;
 *     5 the input is missing or cannot be read; 130 and 143 interrupted
 */
#include "apps.h"
#include "stream.h"
#include "stream_process.h"

#include "mapreduce/api/main.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	STATUS_FAILED = 1,
	STATUS_OUTPUT_EXISTS = 4,
	STATUS_NO_INPUT = 5,
	STATUS_INTERRUPTED = 130,
};

/* gw_mr_main's exit status is the code of its error. */
static int hadoop_status(int status)
{
	assert(status >= 0);
	switch (-status) {
	case 0:
		return 0;
	case GW_E_EXISTS:
		return STATUS_OUTPUT_EXISTS;
	case GW_E_NOT_FOUND:
	case GW_E_DENIED:
		return STATUS_NO_INPUT;
	case GW_E_CANCELLED:
		return STATUS_INTERRUPTED;
	default:
		return status > 128 ? status : STATUS_FAILED;
	}
}

static int complain(const char *name, const struct gw_error *error)
{
	fprintf(stderr, "%s: %s\n", name, error->text);
	if (error->code == GW_E_USAGE || error->code == GW_E_UNSUPPORTED)
		fprintf(stderr, "Try -help for more information\n");
	return hadoop_status(-error->code);
}

static void print_tips(void)
{
	puts("Usage tips:\n"
	     "  Options may stand in any order and have one dash or two. Commands are run by sh "
	     "-c.\n"
	     "  In -input, patterns and lists (a,b) are understood, and it may be given several "
	     "times.\n"
	     "  A mapper's line is a key up to the first TAB, and a value. The reducer reads the "
	     "same\n"
	     "  lines, sorted by key. To cut elsewhere:\n"
	     "    -D stream.map.output.field.separator=. -D stream.num.map.output.key.fields=4\n"
	     "  To set the number of reduce tasks (output files) as, say 10:\n"
	     "    -numReduceTasks 10\n"
	     "  To skip the sort and the reduce step: -numReduceTasks 0, or -reducer NONE\n"
	     "  To sort by the second field, as numbers, greatest first:\n"
	     "    -D mapreduce.job.output.key.comparator.class=KeyFieldBasedComparator\n"
	     "    -D mapreduce.partition.keycomparator.options=-k2,2nr\n"
	     "  To send keys with the same first two fields to the same reducer:\n"
	     "    -partitioner KeyFieldBasedPartitioner\n"
	     "    -D mapreduce.partition.keypartitioner.options=-k1,2\n"
	     "  To treat a command that exits with a status other than 0 as one that succeeded:\n"
	     "    -D stream.non.zero.exit.is.failure=false\n"
	     "  To give a command longer than ten minutes without reading or writing:\n"
	     "    -D mapreduce.task.timeout=MILLISECONDS\n"
	     "  To count, and to say what goes on, a command writes to its standard error:\n"
	     "    reporter:counter:GROUP,NAME,AMOUNT\n"
	     "    reporter:status:TEXT\n"
	     "  Properties are in the environment of commands, dots as underscores:\n"
	     "    mapreduce_map_input_file, mapreduce_task_partition, mapreduce_job_name, ...\n");
}

static void print_properties(const struct mr_stream *stream)
{
	for (size_t i = 0; i < stream->properties.count; i++)
		printf("STREAM: %s=%s\n", stream->properties.items[i].name,
		       stream->properties.items[i].value);
}

/* The command line, three times. */
struct words {
	int argc;
	char **argv;
	struct mr_strings written; /* rewritten by mr_stream_options_parse */
	struct mr_strings all;     /* for gw_mr_main: with what follows from properties */
};

/* argv[0], the options that follow from properties, then what the user wrote, which goes before
 * them. */
static int join_words(struct words *words, const struct mr_strings *derived, struct gw_error *error)
{
	const struct mr_strings *written = &words->written;
	int result = mr_strings_add(&words->all, gw_string(written->items[0]), error);

	assert(written->count > 0);
	for (size_t i = 0; i < derived->count && !result; i++)
		result = mr_strings_add(&words->all, gw_string(derived->items[i]), error);
	for (size_t i = 1; i < written->count && !result; i++)
		result = mr_strings_add(&words->all, gw_string(written->items[i]), error);
	return result ? result : mr_strings_end(&words->all, error);
}

/* The operands of the job: the inputs, unless a reader has them, and the output. */
static int list_operands(struct mr_stream *stream, struct gw_error *error)
{
	int result = 0;

	assert(stream->output && stream->operands.count == 0);
	for (size_t i = 0; i < stream->inputs.count && !stream->reader && !result; i++)
		result = mr_strings_add(&stream->operands, gw_string(stream->inputs.items[i]),
					error);
	if (!result)
		result = mr_strings_add(&stream->operands, gw_string(stream->output), error);
	return result ? result : mr_strings_end(&stream->operands, error);
}

/* Goes on in the background: *gone in the process that does not. */
static int detach(const struct mr_stream *stream, bool *gone, struct gw_error *error)
{
	char *log;
	int64_t child;
	int result;

	if (asprintf(&log, "%s.log", stream->output) < 0)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a path");
	result = mr_process_detach(log, &child, error);
	*gone = !result && child > 0;
	if (*gone)
		fprintf(stderr,
			"Job is running in background, process %lld; its report goes to %s\n",
			(long long)child, log);
	free(log);
	return result;
}

static int run(struct mr_stream *stream, const struct words *words)
{
	struct gw_error error = {0};
	struct gw_mr_job job;
	int status;

	assert(words->all.count > 0 && !words->all.items[words->all.count]);
	mr_stream_job(stream, &job);
	mr_stream_options_clear(&stream->options);
	status = mr_main((int)words->all.count, words->all.items, &job, words->argc, words->argv);
	if (status == 0 && stream->lazy_output && mr_remove_empty_parts(stream->output, &error))
		return complain(words->argv[0], &error);
	return hadoop_status(status);
}

/* Everything that can be wrong before the job starts. */
static int prepare(struct mr_stream *stream, const struct mr_library_options *library,
		   struct words *words, struct gw_error *error)
{
	struct mr_strings derived = {0};
	int result = mr_stream_settle(stream, library, &derived, error);

	if (!result) {
		result = mr_stream_ship(stream, error);
		if (result) /* what is missing is not the input */
			error->code = GW_E_USAGE;
	}
	if (!result)
		result = list_operands(stream, error);
	if (!result)
		result = join_words(words, &derived, error);
	mr_strings_done(&derived);
	return result;
}

/* The job of a command line that is understood. */
static int start(struct mr_stream *stream, const struct mr_library_options *library,
		 struct words *words)
{
	struct gw_error error = {0};
	bool gone = false;
	int result = prepare(stream, library, words, &error);

	if (!result && stream->options.verbose && !library->json)
		print_properties(stream);
	if (!result && stream->options.background)
		result = detach(stream, &gone, &error);
	if (result)
		return complain(words->argv[0], &error);
	return gone ? 0 : run(stream, words);
}

/* -help and -info are gw_mr_main's: the options of the job and those of the library. */
static int help(struct mr_stream *stream, bool more, const char *name)
{
	char *words[] = {strdup(name), strdup("--help"), NULL};
	struct gw_mr_job job;
	int status = STATUS_FAILED;

	mr_stream_job(stream, &job);
	mr_stream_options_clear(&stream->options);
	if (words[0] && words[1])
		status = gw_mr_main(2, words, &job);
	if (more) {
		putchar('\n');
		print_tips();
	}
	free(words[0]);
	free(words[1]);
	return status;
}

int mr_stream_main(int argc, char **argv)
{
	struct words words = {.argc = argc, .argv = argv};
	struct mr_library_options library;
	struct mr_stream stream = {0};
	struct gw_error error = {0};
	int status, result = mr_stream_options_parse(&stream.options, &library, argc, argv,
						     &words.written, &error);

	assert(argc > 0 && argv[0]);
	if (result)
		status = complain(argv[0], &error);
	else if (library.help || stream.options.info)
		status = help(&stream, stream.options.info, argv[0]);
	else
		status = start(&stream, &library, &words);
	mr_stream_done(&stream);
	mr_strings_done(&words.written);
	mr_strings_done(&words.all);
	return status;
}

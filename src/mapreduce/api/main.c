/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - gw_mr_main: a job's command line. The tables here are all there is: parsing, --help and
 * completion come from them.
 */
#include "main.h"

#include "base/buffer.h"
#include "base/options.h"
#include "mapreduce/engine/host_look.h"
#include "run.h"
#include "talk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct values {
	struct gw_mr_options options;
	bool help;
};

#define AT(field) offsetof(struct values, options.field)

static const struct gw_option library[] = {
	{"jobs", 'j', GW_OPTION_INT, AT(jobs), "N",
	 "run N tasks at once; default: the cores that this process may use", NULL},
	{"parts", 'r', GW_OPTION_INT, AT(parts), "N", "write N output files; default 1", NULL},
	{"memory", 0, GW_OPTION_SIZE, AT(memory), "SIZE",
	 "keep within SIZE of memory, all processes together; default: a quarter of RAM", NULL},
	{"split-size", 0, GW_OPTION_SIZE, AT(split_size), "SIZE",
	 "bytes of input a map task; default 64M (grep 256M), less for small inputs", NULL},
	{"temporary", 0, GW_OPTION_STRING, AT(temporary), "DIR",
	 "put temporary files into DIR; default: beside OUTPUT_DIR", NULL},
	{"compress-spill", 0, GW_OPTION_STRING, AT(compress_spill), "CODEC",
	 "pack temporary files with lz4 (default), zstd or none", "lz4|zstd|none"},
	{"skip-bad-records", 0, GW_OPTION_FLAG, AT(skip_bad_records), NULL,
	 "leave out a record that fails twice, count and list it", NULL},
	{"record-timeout", 0, GW_OPTION_MS, AT(record_timeout_ms), "TIME",
	 "a record that takes longer is bad; default: no limit", NULL},
	{"attempts", 0, GW_OPTION_INT, AT(attempts), "N",
	 "try a task N times before the job fails; default 4", NULL},
	{"in-process", 0, GW_OPTION_FLAG, AT(in_process), NULL,
	 "run tasks one after the other in this process, for a debugger", NULL},
	{"only-map", 0, GW_OPTION_INT, AT(only_map), "N", "run map task N alone and commit nothing",
	 NULL},
	{"only-reduce", 0, GW_OPTION_INT, AT(only_reduce), "N",
	 "run the maps, then part N alone, and commit nothing", NULL},
	{"show-stderr", 0, GW_OPTION_FLAG, AT(show_stderr), NULL,
	 "pass on what tasks print, as it comes; default: shown with a failure", NULL},
	{"json", 0, GW_OPTION_FLAG, AT(json), NULL, "report as one JSON object on stdout", NULL},
	{"report", 0, GW_OPTION_STRING, AT(report_html), "FILE.html",
	 "write a report with the rates drawn over time", NULL},
	{"quiet", 'q', GW_OPTION_FLAG, AT(quiet), NULL, "no progress, no report; errors only",
	 NULL},
	{"help", 'h', GW_OPTION_FLAG, offsetof(struct values, help), NULL, "show this help", NULL},
	{0},
};

enum { LIBRARY_OPTIONS = sizeof(library) / sizeof(library[0]) };

/* The library's table without what the job has options of its own for. */
static void merge_tables(struct gw_option merged[LIBRARY_OPTIONS], const struct gw_option *own)
{
	size_t count = 0;

	for (const struct gw_option *one = library; one->name; one++) {
		bool named = false;

		merged[count] = *one;
		for (const struct gw_option *other = own; other && other->name; other++) {
			named = named || strcmp(other->name, one->name) == 0;
			if (other->letter == one->letter)
				merged[count].letter = 0;
		}
		if (!named)
			count++;
	}
	assert(count < LIBRARY_OPTIONS);
	merged[count] = (struct gw_option){0};
}

/* The groups of a job: its own options first. Returns how many there are. */
static unsigned make_groups(struct gw_option_group groups[3], const struct gw_mr_job *job,
			    const struct gw_option *merged, struct values *values)
{
	unsigned count = 0;

	if (job->options && job->options->name)
		groups[count++] =
			(struct gw_option_group){"Options of this job", job->options, job->context};
	groups[count++] = (struct gw_option_group){"Options of every job", merged, values};
	assert(count <= 2);
	groups[count] = (struct gw_option_group){0};
	return count;
}

void mr_main_words(const struct gw_option *own, enum gw_option_style style, const char *previous,
		   void *file)
{
	struct gw_mr_job job = {.options = own};
	struct gw_option merged[LIBRARY_OPTIONS];
	struct gw_option_group groups[3];

	merge_tables(merged, own);
	make_groups(groups, &job, merged, NULL);
	base_options_words(groups, style, previous, file);
}

/* A job may have an option for it (streaming does); then there are no operands. */
static bool names_output(const struct gw_option *own)
{
	for (; own && own->name; own++) {
		if (strcmp(own->name, "output") == 0)
			return true;
	}
	return false;
}

static void print_help(const char *name, const struct gw_mr_job *job,
		       const struct gw_option_group *groups)
{
	if (names_output(job->options))
		printf("Usage: %s OPTION...\n", name);
	else
		printf("Usage: %s [OPTION...] %sOUTPUT_DIR\n", name,
		       job->reader ? "" : "INPUT... ");
	if (job->summary)
		printf("\n%s\n", job->summary);
	printf("\n");
	gw_options_help(groups, stdout);
}

/* ---- Running ----------------------------------------------------------------------------------
 */

static int complain(const char *name, const struct gw_error *error)
{
	fprintf(stderr, "%s: %s\n", name, error->text);
	if (error->code == GW_E_USAGE)
		fprintf(stderr, "%s --help lists the options\n", name);
	return -error->code;
}

/* The words of the command line around which `--in-process --only-map N` goes. */
struct command_line {
	struct mr_command command;
	char **words; /* as the process was started, or NULL */
	char **before;
};

/*
 * argv may be only the end of what was typed (`gw mr sort` passes on what follows), and its first
 * word no program at all; so the words before argv[1] are taken from the process itself.
 */
static void find_command(struct command_line *line, int argc, char **argv)
{
	size_t count, behind = argc > 0 ? (size_t)argc - 1 : 0;

	*line = (struct command_line){0};
	line->words = mr_look_command(&count);
	if (!line->words || count <= behind)
		return;
	for (size_t i = 0; i < behind; i++) {
		if (strcmp(line->words[count - behind + i], argv[1 + i]) != 0)
			return;
	}
	line->before = calloc(count - behind + 1, sizeof(*line->before));
	if (!line->before)
		return;
	memcpy(line->before, line->words, (count - behind) * sizeof(*line->before));
	line->command = (struct mr_command){line->before, line->words + count - behind};
}

static void forget_command(struct command_line *line)
{
	free(line->before);
	free(line->words);
}

static int take_operands(const struct gw_mr_job *job, struct gw_mr_options *options,
			 char **operands, size_t count, struct gw_error *error)
{
	size_t least = job->reader ? 1 : 2;

	if (count < least)
		return gw_fail(error, GW_E_USAGE, "%s is missing: %s",
			       count == 0 && least == 2 ? "INPUT" : "OUTPUT_DIR",
			       job->reader ? "name a directory for the output"
					   : "name the inputs and a directory for the output");
	options->inputs = (const char *const *)operands;
	options->input_count = count - 1;
	options->output = operands[count - 1];
	return 0;
}

static int run_job(struct gw_mr_job *job, struct values *values, char **operands, size_t count,
		   struct mr_talk *talk, struct gw_error *error)
{
	const struct gw_mr_options *options = &values->options;
	int code = 0;

	if (options->in_process && (options->only_map >= 0 || options->only_reduce >= 0))
		talk->command = NULL; /* it is what was typed */
	if (job->prepare)
		code = job->prepare(job, &operands, &count, error);
	if (code == 0)
		code = take_operands(job, &values->options, operands, count, error);
	if (code == 0)
		code = mr_run(job, &values->options, talk, NULL, error);
	if (code < 0 && error->code == 0)
		return gw_fail(error, code, "%s", gw_code_text(code));
	return code;
}

static int parse_and_run(struct gw_mr_job *job, struct values *values,
			 const struct gw_option_group *groups, int argc, char **argv,
			 struct mr_talk *talk)
{
	struct gw_error error = {0};
	char **operands = NULL;
	size_t count = 0;
	int code = gw_options_parse(groups, GW_STYLE_GNU, argc, argv, &operands, &count, &error);

	if (code == 0 && values->help)
		print_help(talk->name, job, groups);
	else if (code == 0)
		code = run_job(job, values, operands, count, talk, &error);
	free(operands);
	if (code == 0)
		return 0;
	code = complain(talk->name, &error);
	/* As the shell sees a process that a signal ended. */
	return talk->signal ? 128 + talk->signal : code;
}

int gw_mr_main(int argc, char **argv, const struct gw_mr_job *job)
{
	return mr_main(argc, argv, job, argc, argv);
}

int mr_main(int argc, char **argv, const struct gw_mr_job *job, int typed_argc, char **typed)
{
	struct gw_mr_job own = *job;
	struct values values = {.help = false};
	struct gw_option merged[LIBRARY_OPTIONS];
	struct gw_option_group groups[3];
	struct command_line line;
	struct mr_talk talk = {.name = own.name ? own.name : "job", .talks = true};
	int status;

	assert(job && argv);
	if (argc > 0 && argv[0] && strchr(argv[0], ' '))
		talk.name = argv[0]; /* a subcommand of ours, not the path of a program */
	find_command(&line, typed_argc, typed);
	if (line.command.before)
		talk.command = &line.command;
	gw_mr_options_init(&values.options);
	merge_tables(merged, own.options);
	make_groups(groups, &own, merged, &values);
	status = parse_and_run(&own, &values, groups, argc, argv, &talk);
	gw_options_done(groups);
	forget_command(&line);
	return status;
}

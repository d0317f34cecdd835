/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mr.c - `gw mr JOB ...`: the table of jobs and of what can be done with their outputs.
 */
#include "cli/mr.h"

#include "base/options.h"
#include "mapreduce/api/main.h"
#include "mapreduce/apps/apps.h"

#include <groundwork/base.h>

struct job {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
	const struct gw_option *options; /* for completion: its own, or NULL */
	bool is_job;			 /* and those of every job */
};

/* Ends with an entry without name. */
static const struct job jobs[] = {
	{"wordcount", "Count how often each word occurs", mr_wordcount_main, mr_wordcount_options,
	 true},
	{"grep", "Find the lines that match a pattern", mr_grep_main, mr_grep_options, true},
	{"sort", "Sort lines or fixed-size records", mr_sort_main, mr_sort_options, true},
	{"urlcount", "Count requests for each URL in access logs", mr_urlcount_main, NULL, true},
	{"linkgraph", "Find which pages link to each page", mr_linkgraph_main, mr_linkgraph_options,
	 true},
	{"termvector", "Find the most frequent terms of each host", mr_termvector_main,
	 mr_termvector_options, true},
	{"invindex", "Find which files hold each word", mr_invindex_main, mr_invindex_options,
	 true},
	{"stream", "Run any commands as map and reduce (Hadoop Streaming)", mr_stream_main,
	 mr_stream_option_table, true},
	{"cat", "Print the output of a job", cli_mr_cat, cli_mr_cat_options, false},
	{"query", "Ask an inverted index for the files that hold all words", cli_mr_query,
	 cli_mr_query_options, false},
	{0},
};

static void print_help(FILE *file)
{
	fputs("Usage: gw mr JOB [OPTION...] INPUT... OUTPUT_DIR\n\n"
	      "Runs a MapReduce job over files on this machine, on all its cores. OUTPUT_DIR must\n"
	      "not exist; it appears when the job has succeeded.\n\n"
	      "Jobs:\n",
	      file);
	for (const struct job *job = jobs; job->name; job++)
		fprintf(file, "  %-12s %s\n", job->name, job->summary);
	fputs("\ngw mr JOB --help says more of each. Example:\n\n"
	      "  gw mr wordcount /usr/include /tmp/words && gw mr cat --top 10 /tmp/words\n",
	      file);
}

static const struct job *find(const char *name)
{
	for (const struct job *job = jobs; job->name; job++)
		if (strcmp(job->name, name) == 0)
			return job;
	return NULL;
}

int cli_mr(int argc, char **argv)
{
	char name[32];

	if (argc < 2) {
		print_help(stderr);
		return -GW_E_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return 0;
	}
	const struct job *job = find(argv[1]);

	if (!job) {
		fprintf(stderr, "gw mr: %s: no such job; gw mr --help lists them\n", argv[1]);
		return -GW_E_USAGE;
	}
	/* What usage lines and reports call the program. */
	snprintf(name, sizeof(name), "gw mr %s", job->name);
	argv[1] = name;
	return job->run(argc - 1, argv + 1);
}

void cli_mr_words(int argc, char **argv, FILE *file)
{
	if (argc < 2) {
		for (const struct job *job = jobs; job->name; job++)
			fprintf(file, "%s\n", job->name);
		fputs("--help\n", file);
		return;
	}
	const struct job *job = find(argv[1]);
	const char *previous = argc > 2 ? argv[argc - 1] : NULL;
	bool is_hadoop = job && job->options == mr_stream_option_table;
	enum gw_option_style style = is_hadoop ? GW_STYLE_HADOOP : GW_STYLE_GNU;

	if (job && job->is_job) {
		mr_main_words(job->options, style, previous, file);
	} else if (job && job->options) {
		const struct gw_option_group groups[] = {{NULL, job->options, NULL}, {0}};

		base_options_words(groups, style, previous, file);
	}
}

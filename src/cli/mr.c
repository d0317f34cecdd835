/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mr.c - `gw mr JOB ...`: the table of jobs and of what can be done with their outputs.
 */
#include "cli/mr.h"

#include "mapreduce/apps/apps.h"

#include <groundwork/base.h>

struct job {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

/* Ends with an entry without name. */
static const struct job jobs[] = {
	{"wordcount", "Count how often each word occurs", mr_wordcount_main},
	{"grep", "Find the lines that match a pattern", mr_grep_main},
	{"sort", "Sort lines or fixed-size records", mr_sort_main},
	{"urlcount", "Count requests for each URL in access logs", mr_urlcount_main},
	{"linkgraph", "Find which pages link to each page", mr_linkgraph_main},
	{"termvector", "Find the most frequent terms of each host", mr_termvector_main},
	{"invindex", "Find which files hold each word", mr_invindex_main},
	{"stream", "Run any commands as map and reduce (Hadoop Streaming)", mr_stream_main},
	{"cat", "Print the output of a job", cli_mr_cat},
	{"query", "Ask an inverted index for the files that hold all words", cli_mr_query},
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
	(void)argv;
	if (argc > 1)
		return;
	for (const struct job *job = jobs; job->name; job++)
		fprintf(file, "%s\n", job->name);
}

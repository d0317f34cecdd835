/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_options.h - Hadoop Streaming's command line. It is written in any order, with one dash or
 * two, and may hold the options of the library as well, so it is rewritten first:
 *
 *     -input a b -mapper cat -D x=y -memory 64M -numReduceTasks=2
 *  => --input a --input b --mapper cat -D x=y --memory 64M --numReduceTasks=2
 *
 * The rewritten command line is what gw_mr_main parses, with this table as the job's own; what it
 * prints to run a task again is a command line of the same kind.
 */
#ifndef MR_STREAM_OPTIONS_H
#define MR_STREAM_OPTIONS_H

#include "apps.h" /* mr_stream_option_table, for the options below */
#include "stream_files.h"

struct mr_stream_options {
	struct gw_option_list inputs, files, archives, properties, job_properties, variables,
		configurations, more_configurations, single_files, cache_files, cache_archives;
	const char *output, *mapper, *combiner, *reducer, *partitioner, *input_format,
		*output_format, *input_reader, *io, *map_debug, *reduce_debug, *reduces,
		*file_system, *old_file_system, *job_tracker, *jars;
	bool lazy_output, background, verbose, debug, info;
	struct mr_strings words; /* what the above points into */
};

/* What the library's options say that streaming has to know, too. */
struct mr_library_options {
	bool help, skip_bad_records, quiet, json;
	bool only; /* --only-map or --only-reduce */
	const char *temporary, *memory, *record_timeout, *parts;
};

/*
 * Rewrites argv[1..] and parses Hadoop's options. *rewritten is a list of words, argv[0] first,
 * whose last item is NULL and not counted. The strings of library point into argv. An option that
 * neither table has is left for gw_mr_main to complain about. --record-timeout is taken out
 * (streaming keeps that limit itself).
 */
int mr_stream_options_parse(struct mr_stream_options *options, struct mr_library_options *library,
			    int argc, char **argv, struct mr_strings *rewritten,
			    struct gw_error *error) GW_MUST_CHECK;

/* Frees the lists, as gw_mr_main wants to fill them itself; the strings stay. */
void mr_stream_options_clear(struct mr_stream_options *options);
void mr_stream_options_done(struct mr_stream_options *options);

#endif

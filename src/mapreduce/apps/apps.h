/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apps.h - the ready-made jobs behind `gw mr JOB`. Each is a main function of its own: argv[0] is
 * the name that usage and reports print ("gw mr sort"), the rest are the job's options and
 * operands; the result is the exit status. Its table of options is shown for completion.
 */
#ifndef MR_APPS_H
#define MR_APPS_H

#include <groundwork/base.h>

/* The paper's jobs and word count: JOB [options] INPUT... OUTPUT_DIR. */
int mr_wordcount_main(int argc, char **argv);
int mr_grep_main(int argc, char **argv); /* a pattern before the inputs */
int mr_sort_main(int argc, char **argv);
int mr_urlcount_main(int argc, char **argv);
int mr_linkgraph_main(int argc, char **argv);
int mr_termvector_main(int argc, char **argv);
int mr_invindex_main(int argc, char **argv);

extern const struct gw_option mr_wordcount_options[];
extern const struct gw_option mr_grep_options[];
extern const struct gw_option mr_sort_options[];
extern const struct gw_option mr_linkgraph_options[];
extern const struct gw_option mr_termvector_options[];
extern const struct gw_option mr_invindex_options[];

/* Any commands as map and reduce: Hadoop Streaming's options. */
int mr_stream_main(int argc, char **argv);
extern const struct gw_option mr_stream_option_table[];

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.h - what the command line needs of gw_mr_main's tables.
 */
#ifndef MR_API_MAIN_H
#define MR_API_MAIN_H

#include <groundwork/mapreduce.h>

/* base_options_words for the options of a job: its own and those of every job. file is a FILE. */
void mr_main_words(const struct gw_option *own, enum gw_option_style style, const char *previous,
		   void *file);

/* gw_mr_main for a command line that was rewritten: typed is what it was, of which the command
 * is made that runs one task again. */
int mr_main(int argc, char **argv, const struct gw_mr_job *job, int typed_argc,
	    char **typed) GW_MUST_CHECK;

#endif

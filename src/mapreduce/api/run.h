/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - gw_mr_run with what gw_mr_main has to say besides: the name and the command line for
 * reports, and whether to talk to the terminal.
 */
#ifndef MR_API_RUN_H
#define MR_API_RUN_H

#include <groundwork/mapreduce.h>

/* The command line of the program, for the command that runs one task again. */
struct mr_command {
	char *const *before; /* all words in front of the options, ended by NULL */
	char *const *behind; /* the options and operands, ended by NULL */
};

struct mr_talk {
	const char *name;                 /* in front of sentences */
	const struct mr_command *command; /* NULL: not known */
	bool talks;                       /* progress, failures and the report go to stderr */
	int signal;                       /* filled in: that ended the job, or 0 */
};

int mr_run(const struct gw_mr_job *job, const struct gw_mr_options *options, struct mr_talk *talk,
	   struct gw_mr_report **report, struct gw_error *error) GW_MUST_CHECK;

#endif

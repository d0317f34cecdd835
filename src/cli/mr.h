/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mr.h - the subcommands of `gw mr`. Jobs are those of mapreduce/apps/apps.h.
 */
#ifndef CLI_MR_H
#define CLI_MR_H

#include <groundwork/base.h>

#include <stdio.h>

/* `gw mr`: finds the job and runs it. */
int cli_mr(int argc, char **argv);
void cli_mr_words(int argc, char **argv, FILE *file);

/* `gw mr cat DIR` prints the output of a job, `gw mr query DIR WORD...` asks an index. */
int cli_mr_cat(int argc, char **argv);
int cli_mr_query(int argc, char **argv);

extern const struct gw_option cli_mr_cat_options[];
extern const struct gw_option cli_mr_query_options[];

#endif

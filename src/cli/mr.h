/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mr.h - the subcommands of `gw mr`. Jobs are those of mapreduce/apps/apps.h.
 */
#ifndef CLI_MR_H
#define CLI_MR_H

#include <stdio.h>

/* `gw mr`: finds the job and runs it. */
int cli_mr(int argc, char **argv);
void cli_mr_words(int argc, char **argv, FILE *file);

/* `gw mr cat DIR`: prints the output of a job; `gw mr query DIR WORD...`: asks an inverted index. */
int cli_mr_cat(int argc, char **argv);
int cli_mr_query(int argc, char **argv);

#endif

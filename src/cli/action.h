/* SPDX-License-Identifier: Apache-2.0 */
/*
 * action.h - subcommands as tables: what words, options and operands there are, and what is run.
 * Parsing, --help, wrong usage, errors, exit status and completion follow from a table.
 *
 *     gw chaos [OPTION...]                 one action: cli_action_run, cli_action_words
 *     gw cert ACTION [OPTION...] DIR       several: cli_actions_run, cli_actions_words
 */
#ifndef CLI_ACTION_H
#define CLI_ACTION_H

#include <groundwork/base.h>

#include <stdio.h>

struct cli_action {
	const char *name;     /* "issue" of `gw cert issue`; alone "gw chaos" */
	const char *operands; /* of the usage line, "DIR [NAME]"; "": none are taken */
	size_t operands_min, operands_max;
	const char *summary;  /* in the help of its fellows */
	const char *help;     /* paragraphs behind the usage line, each with its line ends */
	/* One of them is the flag "help". */
	const struct gw_option *options;
	/* Those that its fellows have as well; may be NULL. */
	const struct gw_option *shared;
	size_t values_bytes;  /* of the struct that options and shared fill in */
	const void *defaults; /* what it holds at first; NULL: zeros */
	/* 0 or negative; standard output is flushed behind it. */
	int (*run)(void *values, char **operands, size_t count, struct gw_error *error);
	/* Prints why it failed, on standard error; NULL: "gw cert issue: sentence". */
	void (*fail)(const void *values, const char *name, int code, const struct gw_error *error);
};

struct cli_actions {
	const char *name; /* "gw cert" */
	const char *help; /* paragraphs behind the usage line */
	const char *example;
	const struct cli_action *actions; /* ends with an entry without name */
};

/* For `fail`: "NAME: sentence", or a line of JSON with the code and its name. */
void cli_print_error(bool json, const char *name, int code, const struct gw_error *error);

/* argv[0] is the action's or the subcommand's own word. The exit status. */
int cli_action_run(const struct cli_action *action, int argc, char **argv);
int cli_actions_run(const struct cli_actions *actions, int argc, char **argv);

/* What may come next, as `words` of struct cli_command. */
void cli_action_words(const struct cli_action *action, int argc, char **argv, FILE *file);
void cli_actions_words(const struct cli_actions *actions, int argc, char **argv, FILE *file);

#endif

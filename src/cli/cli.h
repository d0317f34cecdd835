/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - the subcommands of `gw`. Each is one entry of the table in commands.c and one file of
 * this room, which parses, calls the library and prints; no logic lives here.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

struct cli_command {
	const char *name;
	const char *summary; /* one line of `gw --help` */
	/* argv[0] is the subcommand's own name. Returns the exit status. */
	int (*run)(int argc, char **argv);
	/* Completion: prints what may come after argv[0..argc), one word a line; argv[0] as
	 * above. The shell leaves out what does not begin like the word being typed. NULL: file
	 * names only. */
	void (*words)(int argc, char **argv, FILE *file);
};

/* Ends with an entry without name. */
extern const struct cli_command cli_commands[];

/* The entry called name, or NULL. */
const struct cli_command *cli_find(const char *name);

/* `gw completion bash`: the script for the shell. */
int cli_completion(int argc, char **argv);
void cli_completion_words(int argc, char **argv, FILE *file);

/* `gw completion words WORD...`, called by that script: what may come after `gw WORD...`. */
void cli_words(int argc, char **argv, FILE *file);

#endif

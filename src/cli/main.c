/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - the command `gw`: finds the subcommand and runs it. Kept apart from the rest of the room
 * so that tests can link with the rest.
 */
#include "cli/cli.h"

#include <groundwork/base.h>

static void print_help(FILE *file)
{
	fputs("Usage: gw COMMAND [ARGUMENT...]\n\n"
	      "Groundwork: the ground that distributed applications stand on.\n\n"
	      "Commands:\n",
	      file);
	for (const struct cli_command *command = cli_commands; command->name; command++)
		fprintf(file, "  %-12s %s\n", command->name, command->summary);
	fputs("\nOptions:\n"
	      "  --help       Print this help (gw COMMAND --help: that of a command)\n"
	      "  --version    Print the version\n",
	      file);
}

int main(int argc, char **argv)
{
	const struct cli_command *command;

	if (argc < 2) {
		print_help(stderr);
		return -GW_E_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("gw " GW_VERSION);
		return 0;
	}
	command = cli_find(argv[1]);
	if (!command) {
		fprintf(stderr, "gw: %s: no such command; gw --help lists them\n", argv[1]);
		return -GW_E_USAGE;
	}
	return command->run(argc - 1, argv + 1);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * completion.c - `gw completion`: completing words in a shell. The script that the shell reads is
 * short and never out of date: it asks `gw completion words` each time, which answers from the same
 * tables that parse the command line.
 */
#include "cli/cli.h"

#include <groundwork/base.h>

static const char bash_script[] =
	"# bash completion of gw\n"
	"_gw()\n"
	"{\n"
	"	local words current=${COMP_WORDS[COMP_CWORD]} count=$((COMP_CWORD - 1)) hidden=\n"
	"	# --option=value are three words here.\n"
	"	if [ \"$current\" = = ]; then\n"
	"		current=\n"
	"	elif [ \"${COMP_WORDS[count]}\" = = ]; then\n"
	"		count=$((count - 1))\n"
	"	fi\n"
	"	# Where no option is begun, files can be meant.\n"
	"	[[ $COMP_CWORD -gt 1 && $current != -* ]] && hidden='-*'\n"
	"	words=$(\"${COMP_WORDS[0]}\" completion words \"${COMP_WORDS[@]:1:count}\" "
	"2>/dev/null)\n"
	"	local IFS=$'\\n'\n"
	"	COMPREPLY=($(compgen -W \"$words\" -X \"$hidden\" -- \"$current\"))\n"
	"}\n"
	"complete -o default -F _gw gw\n";

void cli_words(int argc, char **argv, FILE *file)
{
	const struct cli_command *command;

	if (argc == 0) {
		for (command = cli_commands; command->name; command++)
			fprintf(file, "%s\n", command->name);
		fputs("--help\n--version\n", file);
		return;
	}
	command = cli_find(argv[0]);
	if (command && command->words)
		command->words(argc, argv, file);
}

void cli_completion_words(int argc, char **argv, FILE *file)
{
	(void)argv;
	if (argc == 1)
		fputs("bash\n", file);
}

int cli_completion(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "words") == 0) {
		cli_words(argc - 2, argv + 2, stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "bash") == 0) {
		fputs(bash_script, stdout);
		return 0;
	}
	fputs("Usage: gw completion bash\n\n"
	      "Prints the script; read it with: source <(gw completion bash)\n",
	      argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
	return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : -GW_E_USAGE;
}

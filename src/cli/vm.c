/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm.c - `gw vm`: the table of its actions.
 */
#include "cli/vm.h"

#include "cli/action.h"

static const struct cli_action actions[] = {
	{.name = "run",
	 .operands = "",
	 .summary = "Run a machine; the terminal is its console",
	 .help = "Runs until the guest switches off. Ctrl-A x ends it at once, as if the\n"
		 "plug were pulled; Ctrl-A Ctrl-A is Ctrl-A.\n\n",
	 .options = cli_vm_run_options,
	 .values_bytes = sizeof(struct cli_vm_run),
	 .defaults = &cli_vm_run_defaults,
	 .run = cli_vm_run},
	{.name = "replay",
	 .operands = "LOG",
	 .summary = "Make a recorded run again",
	 .help = "Makes the run again that gw vm run --record wrote to LOG; its console is on\n"
		 "standard output. Says where it is another run, and fails then.\n\n",
	 .options = cli_vm_replay_options,
	 .operands_min = 1,
	 .operands_max = 1,
	 .values_bytes = sizeof(struct cli_vm_replay),
	 .defaults = &cli_vm_replay_defaults,
	 .run = cli_vm_replay},
	{.name = "status",
	 .operands = "DIR",
	 .summary = "Tell how a machine that runs is",
	 .help = "Prints lines of a name and a value: state, instructions, ticks (100 ns of\n"
		 "the guest's time), exits, events, memory, log and lost (output), these in\n"
		 "bytes; or, a line a second, how fast it goes.\n\n",
	 .options = cli_vm_status_options,
	 .operands_min = 1,
	 .operands_max = 1,
	 .values_bytes = sizeof(struct cli_vm_control),
	 .run = cli_vm_status},
	{.name = "pause",
	 .operands = "DIR",
	 .summary = "Let a machine stand still",
	 .help = "Nothing of the guest is carried out until gw vm resume; its time stands\n"
		 "still.\n\n",
	 .options = cli_vm_control_options,
	 .operands_min = 1,
	 .operands_max = 1,
	 .values_bytes = sizeof(struct cli_vm_control),
	 .run = cli_vm_pause},
	{.name = "resume",
	 .operands = "DIR",
	 .summary = "Let it go on",
	 .help = "Lets a machine go on that gw vm pause stopped.\n\n",
	 .options = cli_vm_control_options,
	 .operands_min = 1,
	 .operands_max = 1,
	 .values_bytes = sizeof(struct cli_vm_control),
	 .run = cli_vm_resume},
	{.name = "snapshot",
	 .operands = "DIR FILE",
	 .summary = "Keep what a machine that is recorded is now",
	 .help = "Writes to a new file what the machine is, for gw vm replay --from.\n\n",
	 .options = cli_vm_control_options,
	 .operands_min = 2,
	 .operands_max = 2,
	 .values_bytes = sizeof(struct cli_vm_control),
	 .run = cli_vm_snapshot},
	{.name = "power",
	 .operands = "DIR off|reset",
	 .summary = "Switch a machine off, or on again",
	 .help = "At once, as if the plug were pulled.\n\n",
	 .options = cli_vm_control_options,
	 .operands_min = 2,
	 .operands_max = 2,
	 .values_bytes = sizeof(struct cli_vm_control),
	 .run = cli_vm_power},
	{.name = "image",
	 .operands = "make DIR",
	 .summary = "Make an image of Debian's own packages",
	 .help = "Makes in DIR a kernel, an initrd with a busybox, and a command line, of\n"
		 "Debian's packages for riscv64, from the mirror that apt is set up with.\n\n",
	 .options = cli_vm_image_options,
	 .operands_min = 2,
	 .operands_max = 2,
	 .values_bytes = sizeof(struct cli_vm_image),
	 .run = cli_vm_image},
	{0},
};

static const struct cli_actions vm_actions = {
	.name = "gw vm",
	.help = "A machine whose every step follows from its start and a log of what came in.\n\n",
	.example = "gw vm image make image --minimal",
	.actions = actions,
};

int cli_vm(int argc, char **argv)
{
	return cli_actions_run(&vm_actions, argc, argv);
}

void cli_vm_words(int argc, char **argv, FILE *file)
{
	cli_actions_words(&vm_actions, argc, argv, file);
}

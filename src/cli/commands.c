/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.c - the table of subcommands. A new one is one line here and one file of this room.
 */
#include "cli/cert.h"
#include "cli/chaos.h"
#include "cli/cli.h"
#include "cli/fs.h"
#include "cli/gfs.h"
#include "cli/kv.h"
#include "cli/mr.h"
#include "cli/rpc.h"
#include "cli/sim.h"
#include "cli/vm.h"

#include <groundwork/base.h>

const struct cli_command cli_commands[] = {
	{"mr", "Run a MapReduce job on this machine, or print what one made", cli_mr, cli_mr_words},
	{"cert", "Make the certificates of a cluster, or print what one says", cli_cert,
	 cli_cert_words},
	{"fs", "Files in the file system of a cluster", cli_fs, cli_fs_words},
	{"gfs", "Servers of the file system, or all of a cluster", cli_gfs, cli_gfs_words},
	{"kv", "Keys and values on a majority's disks: serve them, and ask for them", cli_kv,
	 cli_kv_words},
	{"rpc", "Ask servers what they offer, and call them", cli_rpc, cli_rpc_words},
	{"chaos", "Behave like a bad network between programs", cli_chaos, cli_chaos_words},
	{"sim", "Run simulated clusters under many seeds, with faults", cli_sim, cli_sim_words},
	{"vm", "Run a machine that is replayed from a log", cli_vm, cli_vm_words},
	{"completion", "Print the script that completes words in a shell", cli_completion,
	 cli_completion_words},
	{0},
};

const struct cli_command *cli_find(const char *name)
{
	for (const struct cli_command *command = cli_commands; command->name; command++) {
		if (strcmp(command->name, name) == 0)
			return command;
	}
	return NULL;
}

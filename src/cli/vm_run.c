/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_run.c - `gw vm run`: runs a machine with the terminal as its console.
 */
#include "cli/vm.h"

#include <groundwork/vm.h>

#include <unistd.h>

const struct gw_option cli_vm_run_options[] = {
	{"image", 0, GW_OPTION_STRING, offsetof(struct cli_vm_run, image), "DIR",
	 "Use what DIR has: kernel, initrd, disk, append", NULL},
	{"kernel", 0, GW_OPTION_STRING, offsetof(struct cli_vm_run, kernel), "FILE",
	 "A Linux Image, or an ELF file", NULL},
	{"initrd", 0, GW_OPTION_STRING, offsetof(struct cli_vm_run, initrd), "FILE",
	 "The kernel's first file system", NULL},
	{"append", 0, GW_OPTION_STRING, offsetof(struct cli_vm_run, append), "TEXT",
	 "The kernel's command line", NULL},
	{"memory", 'm', GW_OPTION_SIZE, offsetof(struct cli_vm_run, memory_bytes), "SIZE",
	 "Memory of the machine (512M)", NULL},
	{"disk", 0, GW_OPTION_STRING, offsetof(struct cli_vm_run, disk), "FILE",
	 "A raw disk, /dev/vda in the guest; it is written to", NULL},
	{"read-only", 0, GW_OPTION_FLAG, offsetof(struct cli_vm_run, read_only), NULL,
	 "The disk is not written to", NULL},
	{"net", 0, GW_OPTION_STRING, offsetof(struct cli_vm_run, network), "NET",
	 "user: connect to the outside; tap:NAME: a tap device (no network)", NULL},
	{"record", 0, GW_OPTION_STRING, offsetof(struct cli_vm_run, record), "LOG",
	 "Write a new log, for gw vm replay; the disk is then not written to", NULL},
	{"console", 0, GW_OPTION_STRING, offsetof(struct cli_vm_run, console), "PLACE",
	 "file:PATH or unix:PATH (standard input and output)", NULL},
	{"control", 0, GW_OPTION_STRING, offsetof(struct cli_vm_run, control), "DIR",
	 "Listen there to gw vm status, pause, resume, snapshot, power", NULL},
	{"firmware", 0, GW_OPTION_STRING, offsetof(struct cli_vm_run, firmware), "FILE",
	 "OpenSBI's fw_dynamic or fw_jump (the SBI is the machine's own)", NULL},
	{"bare", 0, GW_OPTION_FLAG, offsetof(struct cli_vm_run, bare), NULL,
	 "The kernel is a program in machine mode", NULL},
	{"restart", 0, GW_OPTION_FLAG, offsetof(struct cli_vm_run, restart), NULL,
	 "Start again when the guest wants it (yes); --no-restart: end", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cli_vm_run, help), NULL, "Print this help",
	 NULL},
	{0},
};

const struct cli_vm_run cli_vm_run_defaults = {.restart = true, .memory_bytes = GW_VM_MEMORY_BYTES};

int cli_vm_run(void *values, char **operands, size_t count, struct gw_error *error)
{
	const struct cli_vm_run *run = values;
	struct gw_vm_options options = {
		.image = run->image,
		.kernel = run->kernel,
		.initrd = run->initrd,
		.firmware = run->firmware,
		.disk = run->disk,
		.disk_read_only = run->read_only,
		.network = run->network,
		.append = run->append,
		.memory_bytes = run->memory_bytes,
		.bare = run->bare,
		.no_restart = !run->restart,
		.record = run->record,
		.console = run->console,
		.control = run->control,
		.console_in = STDIN_FILENO,
		.console_out = STDOUT_FILENO,
	};
	struct gw_vm_result result;
	int code;

	(void)operands, (void)count;
	if (!run->image && !run->kernel)
		return gw_fail(error, GW_E_USAGE, "--image or --kernel is wanted");
	code = gw_vm_run(&options, &result, error);
	if (code < 0)
		return code;
	switch (result.end) {
	case GW_VM_OFF:
	case GW_VM_RESET:
		return 0;
	case GW_VM_FAILED:
		return gw_fail(error, GW_E_FAILED, "the guest switched off because it failed");
	case GW_VM_ESCAPED:
		return gw_fail(error, GW_E_CANCELLED, "ended by Ctrl-A x");
	case GW_VM_SIGNALLED:
		return gw_fail(error, GW_E_CANCELLED, "ended by a signal");
	}
	return 0;
}

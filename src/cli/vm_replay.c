/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_replay.c - `gw vm replay`: makes a recorded run again.
 */
#include "cli/vm.h"
#include "vm/record/replayer.h"

#include <inttypes.h>

const struct gw_option cli_vm_replay_options[] = {
	{"until", 0, GW_OPTION_INT, offsetof(struct cli_vm_replay, until), "COUNT",
	 "Stop when so many instructions were carried out (the log's end)", NULL},
	{"kernel", 0, GW_OPTION_STRING, offsetof(struct cli_vm_replay, kernel), "FILE",
	 "Where the kernel is (where it was)", NULL},
	{"initrd", 0, GW_OPTION_STRING, offsetof(struct cli_vm_replay, initrd), "FILE",
	 "Where the initrd is (where it was)", NULL},
	{"firmware", 0, GW_OPTION_STRING, offsetof(struct cli_vm_replay, firmware), "FILE",
	 "Where the firmware is (where it was)", NULL},
	{"disk", 0, GW_OPTION_STRING, offsetof(struct cli_vm_replay, disk), "FILE",
	 "Where the disk is (where it was); it is not written to", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cli_vm_replay, help), NULL, "Print this help",
	 NULL},
	{0},
};

static void console(void *context, uint8_t byte)
{
	(void)context;
	putchar(byte);
}

static void print_end(const struct vm_replay *replay, enum vm_replay_state state)
{
	static const char *const words[] = {
		[VM_REPLAY_GOES_ON] = "stopped there; it goes on",
		[VM_REPLAY_ENDED] = "to its end",
		[VM_REPLAY_TORN] = "to where the log was cut",
	};

	fflush(stdout);
	fprintf(stderr,
		"gw vm replay: %" PRIu64 " instructions, %" PRIu64 " events, %" PRIu64
		" hashes equal; %s\n",
		vm_replay_count(replay), vm_replay_events(replay), vm_replay_hashes(replay),
		words[state]);
}

int cli_vm_replay(void *values, char **operands, size_t count, struct gw_error *error)
{
	const struct cli_vm_replay *wanted = values;
	const struct vm_replay_options options = {
		.files = {[VM_LOG_KERNEL] = wanted->kernel,
			  [VM_LOG_INITRD] = wanted->initrd,
			  [VM_LOG_FIRMWARE] = wanted->firmware,
			  [VM_LOG_DISK] = wanted->disk},
		.console = console,
	};
	uint64_t until = wanted->until ? (uint64_t)wanted->until : UINT64_MAX;
	struct vm_replay *replay;
	int code;

	(void)count;
	if (wanted->until < 0)
		return gw_fail(error, GW_E_USAGE, "--until %" PRId64 ": a count is wanted",
			       wanted->until);
	code = vm_replay_open(&replay, operands[0], &options, error);
	if (code < 0)
		return code;
	code = vm_replay_run(replay, until, error);
	if (code > 0)
		print_end(replay, (enum vm_replay_state)code);
	vm_replay_close(replay);
	return code < 0 ? code : 0;
}

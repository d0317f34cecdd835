/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_replay.c - `gw vm replay`: makes a recorded run again, for gdb if that is wanted.
 */
#include "cli/vm.h"
#include "vm/debug/server.h"
#include "vm/record/snapshot.h"

#include <inttypes.h>

const struct gw_option cli_vm_replay_options[] = {
	{"until", 0, GW_OPTION_INT, offsetof(struct cli_vm_replay, until), "COUNT",
	 "Stop when so many instructions were carried out (the log's end)", NULL},
	{"from", 0, GW_OPTION_STRING, offsetof(struct cli_vm_replay, from), "FILE",
	 "Begin at a snapshot of this recording (its start)", NULL},
	{"snapshot", 0, GW_OPTION_STRING, offsetof(struct cli_vm_replay, snapshot), "FILE",
	 "Write a snapshot where --until stops, to a new file", NULL},
	{"gdb", 0, GW_OPTION_INT, offsetof(struct cli_vm_replay, gdb), "PORT",
	 "Wait for gdb on this port of 127.0.0.1 (0: any), which goes forward and back", NULL},
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

enum { NO_GDB = -1 };

const struct cli_vm_replay cli_vm_replay_defaults = {.gdb = NO_GDB};

/* What the guest says, once, though it may be run over again. */
struct listener {
	struct vm_replay *replay;
	uint64_t heard; /* up to this count */
};

static void console(void *context, uint8_t byte)
{
	struct listener *listener = context;
	uint64_t count = vm_replay_count(listener->replay);

	if (count < listener->heard)
		return;
	listener->heard = count + 1;
	putchar(byte);
}

static void listening(void *context, uint16_t port)
{
	(void)context;
	fprintf(stderr, "gw vm replay: for gdb-multiarch: target remote 127.0.0.1:%u\n", port);
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

static int debug(struct vm_replay *replay, const struct cli_vm_replay *wanted,
		 struct gw_error *error)
{
	const struct vm_debug_options options = {
		.port = (uint16_t)wanted->gdb,
		.from = (uint64_t)wanted->until,
		.listening = listening,
	};

	return vm_debug_serve(replay, &options, error);
}

static int run(struct vm_replay *replay, const struct cli_vm_replay *wanted, struct gw_error *error)
{
	uint64_t until = wanted->until ? (uint64_t)wanted->until : UINT64_MAX;
	int code = vm_replay_run(replay, until, error);

	if (code < 0)
		return code;
	print_end(replay, (enum vm_replay_state)code);
	return wanted->snapshot ? vm_replay_snapshot(replay, wanted->snapshot, error) : 0;
}

int cli_vm_replay(void *values, char **operands, size_t count, struct gw_error *error)
{
	const struct cli_vm_replay *wanted = values;
	struct listener listener = {0};
	const struct vm_replay_options options = {
		.files = {[VM_LOG_KERNEL] = wanted->kernel,
			  [VM_LOG_INITRD] = wanted->initrd,
			  [VM_LOG_FIRMWARE] = wanted->firmware,
			  [VM_LOG_DISK] = wanted->disk},
		.console = console,
		.context = &listener,
	};
	int code;

	(void)count;
	if (wanted->until < 0)
		return gw_fail(error, GW_E_USAGE, "--until %" PRId64 ": a count is wanted",
			       wanted->until);
	if (wanted->snapshot && (!wanted->until || wanted->gdb != NO_GDB))
		return gw_fail(error, GW_E_USAGE, "--snapshot wants --until, and no --gdb");
	if (wanted->gdb < NO_GDB || wanted->gdb > UINT16_MAX)
		return gw_fail(error, GW_E_USAGE, "--gdb %" PRId64 ": a port is wanted",
			       wanted->gdb);
	code = vm_replay_open(&listener.replay, operands[0], &options, error);
	if (code < 0)
		return code;
	if (wanted->from)
		code = vm_replay_begin_at(listener.replay, wanted->from, error);
	if (code == 0)
		code = wanted->gdb == NO_GDB ? run(listener.replay, wanted, error)
					     : debug(listener.replay, wanted, error);
	vm_replay_close(listener.replay);
	return code < 0 ? code : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_replay.c - `gw vm replay`: makes a recorded run again, for gdb if that is wanted.
 */
#include "cli/vm.h"
#include "vm/debug/server.h"
#include "vm/record/snapshot.h"

#include <groundwork/vm.h>

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

static void console(void *context, uint8_t byte)
{
	(void)context;
	putchar(byte);
}

static int run(const struct gw_vm_replay_options *options, struct gw_error *error)
{
	static const char *const words[] = {
		[GW_VM_REPLAY_STOPPED] = "stopped there; it goes on",
		[GW_VM_REPLAY_ENDED] = "to its end",
		[GW_VM_REPLAY_TORN] = "to where the log was cut",
	};
	struct gw_vm_replay_result result = {0};
	int code = gw_vm_replay(options, &result, error);

	fflush(stdout);
	if (result.end)
		fprintf(stderr,
			"gw vm replay: %" PRIu64 " instructions, %" PRIu64 " events, %" PRIu64
			" hashes equal; %s\n",
			result.instructions, result.events, result.hashes, words[result.end]);
	return code;
}

/* ---- For gdb --------------------------------------------------------------------------------- */

/* What the guest says, once, though it may be run over again. */
struct listener {
	struct vm_replay *replay;
	uint64_t heard; /* up to this count */
};

static void hear(void *context, uint8_t byte)
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

static int debug(const struct gw_vm_replay_options *options, int64_t port, struct gw_error *error)
{
	struct listener listener = {0};
	const struct vm_replay_options inside = {
		.files = {[VM_LOG_KERNEL] = options->kernel,
			  [VM_LOG_INITRD] = options->initrd,
			  [VM_LOG_FIRMWARE] = options->firmware,
			  [VM_LOG_DISK] = options->disk},
		.console = hear,
		.context = &listener,
	};
	const struct vm_debug_options server = {
		.port = (uint16_t)port,
		.from = options->until,
		.listening = listening,
	};
	int code = vm_replay_open(&listener.replay, options->log, &inside, error);

	if (code < 0)
		return code;
	if (options->from)
		code = vm_replay_begin_at(listener.replay, options->from, error);
	if (code == 0)
		code = vm_debug_serve(listener.replay, &server, error);
	vm_replay_close(listener.replay);
	return code;
}

int cli_vm_replay(void *values, char **operands, size_t count, struct gw_error *error)
{
	const struct cli_vm_replay *wanted = values;
	const struct gw_vm_replay_options options = {
		.log = operands[0],
		.kernel = wanted->kernel,
		.initrd = wanted->initrd,
		.firmware = wanted->firmware,
		.disk = wanted->disk,
		.from = wanted->from,
		.until = (uint64_t)wanted->until,
		.snapshot = wanted->snapshot,
		.console = console,
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
	code = wanted->gdb == NO_GDB ? run(&options, error) :
				       debug(&options, wanted->gdb, error);
	return code < 0 ? code : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* replay_run.c - a recorded run is made again, as a program wants it. */
#include "vm/record/snapshot.h"

#include <groundwork/vm.h>

static int run(struct vm_replay *replay, const struct gw_vm_replay_options *options,
	       struct gw_vm_replay_result *result, struct gw_error *error)
{
	static const enum gw_vm_replay_end ends[] = {
		[VM_REPLAY_GOES_ON] = GW_VM_REPLAY_STOPPED,
		[VM_REPLAY_ENDED] = GW_VM_REPLAY_ENDED,
		[VM_REPLAY_TORN] = GW_VM_REPLAY_TORN,
	};
	int code = options->from ? vm_replay_begin_at(replay, options->from, error) : 0;

	if (code == 0)
		code = vm_replay_run(replay, options->until ? options->until : UINT64_MAX, error);
	if (code < 0)
		return code;
	*result = (struct gw_vm_replay_result){
		.end = ends[code],
		.instructions = vm_replay_count(replay),
		.events = vm_replay_events(replay),
		.hashes = vm_replay_hashes(replay),
	};
	return options->snapshot ? vm_replay_snapshot(replay, options->snapshot, error) : 0;
}

int gw_vm_replay(const struct gw_vm_replay_options *options, struct gw_vm_replay_result *result,
		 struct gw_error *error)
{
	const struct vm_replay_options inside = {
		.files = {[VM_LOG_KERNEL] = options->kernel,
			  [VM_LOG_INITRD] = options->initrd,
			  [VM_LOG_FIRMWARE] = options->firmware,
			  [VM_LOG_DISK] = options->disk},
		.console = options->console,
		.context = options->context,
	};
	struct vm_replay *replay;
	int code = vm_replay_open(&replay, options->log, &inside, error);

	if (code < 0)
		return code;
	code = run(replay, options, result, error);
	vm_replay_close(replay);
	return code;
}

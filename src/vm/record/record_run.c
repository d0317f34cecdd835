/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_run.c - a machine is run, with a log of it if that is wanted. The disk is then an overlay:
 * its file is not written.
 */
#include "vm/host/host.h"

#include "overlay.h"
#include "recorder.h"

#include "vm/host/system.h"

/* What is in the log survives this process after so long. */
#define FLUSH_NS UINT64_C(100000000)

struct run {
	const char *log;
	const char *disk; /* path; NULL: none */
	struct vm_recorder *recorder;
	struct vm_overlay *overlay; /* NULL: no disk */
	uint64_t flushed_ns;
};

static int open_disk(void *context, const char *path, bool read_only, struct vm_block **block,
		     struct gw_error *error)
{
	struct run *run = context;
	struct vm_overlay *overlay;
	int code = vm_overlay_open(&overlay, path, read_only, error);

	if (code < 0)
		return code;
	run->disk = path;
	run->overlay = overlay;
	*block = vm_overlay_block(overlay);
	return 0;
}

static int start(void *context, const struct vm_machine_setup *setup, struct gw_error *error)
{
	struct run *run = context;
	struct vm_recorder_options options = {.path = run->log, .disk = run->disk};

	run->flushed_ns = vm_system_now_ns();
	return vm_recorder_new(&run->recorder, &options, setup, error);
}

static uint64_t next(void *context)
{
	return vm_recorder_next(((struct run *)context)->recorder);
}

static int pause_run(void *context, struct vm_machine *machine, struct gw_error *error)
{
	struct run *run = context;
	uint64_t now_ns = vm_system_now_ns();
	int code = vm_recorder_pause(run->recorder, machine, error);

	if (code == 0 && now_ns - run->flushed_ns >= FLUSH_NS) {
		code = vm_recorder_flush(run->recorder, error);
		run->flushed_ns = now_ns;
	}
	return code;
}

static int event(void *context, const struct vm_event *event, struct gw_error *error)
{
	return vm_recorder_event(((struct run *)context)->recorder, event, error);
}

static int restart(void *context, struct vm_machine *machine, struct gw_error *error)
{
	return vm_recorder_restart(((struct run *)context)->recorder, machine, error);
}

/* How the machine stood when the run ended; ended from outside, it only stands. */
static enum vm_pause pause_of(enum gw_vm_end end)
{
	switch (end) {
	case GW_VM_OFF:
		return VM_PAUSE_OFF;
	case GW_VM_RESET:
		return VM_PAUSE_RESET;
	case GW_VM_FAILED:
		return VM_PAUSE_FAILED;
	default:
		return VM_PAUSE_COUNT;
	}
}

static int end(void *context, struct vm_machine *machine, enum gw_vm_end how,
	       struct gw_error *error)
{
	struct run *run = context;
	struct vm_recorder *recorder = run->recorder;

	run->recorder = NULL;
	return vm_recorder_end(recorder, machine, pause_of(how), error);
}

static int snapshot(void *context, struct vm_machine *machine, const char *path,
		    struct gw_error *error)
{
	struct run *run = context;

	return vm_recorder_snapshot(run->recorder, machine, run->overlay, path, error);
}

static uint64_t size(void *context)
{
	return vm_recorder_size(((struct run *)context)->recorder);
}

int gw_vm_run(const struct gw_vm_options *options, struct gw_vm_result *result,
	      struct gw_error *error)
{
	struct run run = {.log = options->record};
	const struct vm_host_watch watch = {&run,      open_disk, start,   next,
					    pause_run, event,     restart, end,
					    snapshot,  size};
	int code = vm_host_run(options, run.log ? &watch : NULL, result, error);

	vm_recorder_free(run.recorder);
	return code;
}

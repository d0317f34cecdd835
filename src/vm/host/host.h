/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.h - gives a machine what is outside of it: files, a clock, a terminal, a network; and
 * runs it until it is switched off.
 *
 * The machine's time follows the host's clock: whenever it lags it is moved ahead, and while the
 * guest waits the host sleeps until a timer is due or something comes. A lag of more than
 * VM_HOST_LAG_MS_MAX (a host that slept) is not made up for.
 *
 * Each thing that comes in is an event, entered when it is there; so what a run did is in its
 * events, which `watch` sees.
 */
#ifndef VM_HOST_HOST_H
#define VM_HOST_HOST_H

#include <groundwork/vm.h>

#include "vm/machine/machine.h"

enum {
	VM_HOST_LAG_MS_MAX = 1000,
	VM_HOST_LAG_MS_MIN = 4, /* while the guest runs, less is left as it is */
	VM_HOST_POLL_INSTRUCTIONS = 1000000, /* between two looks outside */
	/* The same while an answer of the disk is awaited. */
	VM_HOST_POLL_INSTRUCTIONS_SOON = 100000,
};

/* Who looks on; each may be NULL. A negative result ends the run with it. */
struct vm_host_watch {
	void *context;
	/* Opens the disk, instead of vm_disk_open; it is freed by its own free. */
	int (*disk)(void *context, const char *path, bool read_only, struct vm_block **block,
		    struct gw_error *error);
	/* The machine is about to be made so. */
	int (*start)(void *context, const struct vm_machine_setup *setup, struct gw_error *error);
	/* The count at which a pause is wanted; UINT64_MAX: none is. */
	uint64_t (*next)(void *context);
	/* The machine stands at a count, that one or another, before events come in. */
	int (*pause)(void *context, struct vm_machine *machine, struct gw_error *error);
	/* Every event before it comes in. */
	int (*event)(void *context, const struct vm_event *event, struct gw_error *error);
	/* The machine started again, by vm_machine_restart. */
	int (*restart)(void *context, struct vm_machine *machine, struct gw_error *error);
	/* The run is over, well; the machine is there for the last time. */
	int (*end)(void *context, struct vm_machine *machine, enum gw_vm_end how,
		   struct gw_error *error);
	/* Writes a snapshot to a new file; between two events. */
	int (*snapshot)(void *context, struct vm_machine *machine, const char *path,
			struct gw_error *error);
	/* How many bytes there are of it, in a log. */
	uint64_t (*size)(void *context);
};

/* gw_vm_run but for the log, which is for `watch` to write. It may be NULL. */
int vm_host_run(const struct gw_vm_options *options, const struct vm_host_watch *watch,
		struct gw_vm_result *result, struct gw_error *error) GW_MUST_CHECK;

#endif

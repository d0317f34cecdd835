/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - a replay is debugged by a gdb that comes to a port of this host.
 */
#ifndef VM_DEBUG_SERVER_H
#define VM_DEBUG_SERVER_H

#include "vm/record/replayer.h"

struct vm_debug_options {
	uint64_t from; /* the count at which gdb finds it; it can go back from there */
	uint16_t port; /* of 127.0.0.1; 0: any that is free */
	/* It is open; to be told to gdb's user. */
	void (*listening)(void *context, uint16_t port);
	void *context;
};

/* Waits for one gdb and serves it until it leaves. replay was just opened, or begins at a
 * snapshot. Fails for want of a port or of memory, and as vm_replay_run does on the way to
 * `from`. */
int vm_debug_serve(struct vm_replay *replay, const struct vm_debug_options *options,
		   struct gw_error *error) GW_MUST_CHECK;

#endif

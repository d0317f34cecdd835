/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscon.h - switches the machine off or resets it, laid out as SiFive's test device: one register
 * at 0, accessed in 4 or 2 bytes, whose low half is one of vm_syscon_wish; others do nothing. It
 * reads as 0.
 */
#ifndef VM_DEVICE_SYSCON_H
#define VM_DEVICE_SYSCON_H

#include "device.h"

enum { VM_SYSCON_BYTES = 0x1000 };

enum vm_syscon_wish {
	VM_SYSCON_FAIL = 0x3333, /* off, with a code in the upper half */
	VM_SYSCON_OFF = 0x5555,
	VM_SYSCON_RESET = 0x7777,
};

struct vm_syscon_setup {
	/* The guest wants it so, now; the caller ends the run (vm_cpu_stop) and does it then. */
	void (*wish)(void *context, enum vm_syscon_wish wish, unsigned code);
	void *context;
};

struct vm_syscon;

int vm_syscon_new(struct vm_syscon **syscon, const struct vm_syscon_setup *setup,
		  struct gw_error *error) GW_MUST_CHECK;
void vm_syscon_free(struct vm_syscon *syscon);
struct vm_device vm_syscon_device(struct vm_syscon *syscon);

#endif

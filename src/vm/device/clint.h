/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clint.h - the timer and the software interrupt of machine mode, laid out as SiFive's CLINT:
 * msip at 0, mtimecmp at 0x4000, mtime at 0xbff8.
 *
 * mtime is the machine's time, a function of the count; the guest cannot set it (a write does
 * nothing). mtimecmp is UINT64_MAX at the start. Registers of 8 bytes are accessed in 4, too.
 */
#ifndef VM_DEVICE_CLINT_H
#define VM_DEVICE_CLINT_H

#include "device.h"

enum { VM_CLINT_BYTES = 0x10000 };

struct vm_clint;

int vm_clint_new(struct vm_clint **clint, struct vm_cpu *cpu, struct gw_error *error)
	GW_MUST_CHECK;
void vm_clint_free(struct vm_clint *clint);
struct vm_device vm_clint_device(struct vm_clint *clint);

#endif

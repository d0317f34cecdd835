/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plic.h - the interrupts of devices, collected for the hart: the RISC-V platform-level interrupt
 * controller, version 1.0.0. Context 0 is the hart's machine mode, context 1 its supervisor mode.
 *
 * A source is a level. High, it makes itself pending once; again only after it was completed. It
 * stays pending when it falls. Of equal priorities the lowest source is claimed first. A claim is
 * not held back by the threshold. A completion of a source that the context has not enabled does
 * nothing. Registers are of 4 bytes.
 */
#ifndef VM_DEVICE_PLIC_H
#define VM_DEVICE_PLIC_H

#include "device.h"

enum {
	VM_PLIC_BYTES = 0x600000,
	VM_PLIC_SOURCES = 64, /* source 0 is none; riscv,ndev is one less */
	VM_PLIC_CONTEXTS = 2,
	VM_PLIC_PRIORITY_MAX = 7,
};

struct vm_plic;

int vm_plic_new(struct vm_plic **plic, struct vm_cpu *cpu, struct gw_error *error) GW_MUST_CHECK;
void vm_plic_free(struct vm_plic *plic);
struct vm_device vm_plic_device(struct vm_plic *plic);

/* The wire of a device to a source, 1 to VM_PLIC_SOURCES - 1. */
struct vm_wire vm_plic_wire(struct vm_plic *plic, unsigned source);

#endif

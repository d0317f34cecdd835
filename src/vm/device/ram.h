/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ram.h - the guest's memory as devices see it: an address of the guest's is believed only after
 * its whole range was found inside, and the hart is told of each write.
 */
#ifndef VM_DEVICE_RAM_H
#define VM_DEVICE_RAM_H

#include "vm/cpu/cpu.h"

/* The same three as in vm_cpu_setup, and that hart. Copied freely; owns nothing. */
struct vm_ram {
	uint8_t *bytes;
	uint64_t base;
	uint64_t size;
	struct vm_cpu *cpu;
};

/* The bytes at an address of the guest's; NULL: they are not all in RAM. size may be 0. */
uint8_t *vm_ram_at(const struct vm_ram *ram, uint64_t address, uint64_t size);

/* Writes where vm_ram_at was asked before: outside of RAM is our own mistake. */
void vm_ram_write(const struct vm_ram *ram, uint64_t address, const void *data, size_t size);

#endif

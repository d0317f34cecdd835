/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registers.h - the machine's registers as gdb numbers and names them: x0 to x31 and pc, f0 to f31,
 * the control registers, the mode; and the counts of instructions and ticks, which cannot be set.
 */
#ifndef VM_DEBUG_REGISTERS_H
#define VM_DEBUG_REGISTERS_H

#include "base/buffer.h"
#include "vm/cpu/cpu.h"

enum { VM_REGISTER_PC = 32, VM_REGISTERS_IN_G = 33 };

unsigned vm_register_count(void);
unsigned vm_register_bytes(unsigned number);
/* false: it cannot be had, or set. */
bool vm_register_get(const struct vm_cpu *cpu, unsigned number, uint64_t *value);
bool vm_register_set(struct vm_cpu *cpu, unsigned number, uint64_t value);
/* Appends gdb's description of them all, in XML. */
int vm_registers_describe(struct base_buffer *out, struct gw_error *error) GW_MUST_CHECK;

#endif

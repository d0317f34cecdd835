/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbi.h - the SBI inside the machine: what a kernel in supervisor mode asks by ecall when no
 * firmware runs below it. Version 1.0 of the specification; base, timer, inter-processor
 * interrupts, remote fences, hart states and system reset. The legacy calls, PMU and the debug
 * console are refused as not supported.
 */
#ifndef VM_MACHINE_SBI_H
#define VM_MACHINE_SBI_H

#include "vm/cpu/cpu.h"

/* What a call wants of the machine beside the answer in a0 and a1. */
enum vm_sbi_wish {
	VM_SBI_NOTHING,
	VM_SBI_TIMER, /* an interrupt when the time is *argument; none is pending now */
	VM_SBI_OFF,   /* *argument: 0, or 1 because the system failed */
	VM_SBI_RESET, /* the same */
};

/* Readies a hart for a kernel: exceptions and interrupts go to supervisor mode, which may see the
 * counters and all of memory, and which it is in. */
void vm_sbi_prepare(struct vm_cpu *cpu);

/* Answers the ecall that ended a run. */
enum vm_sbi_wish vm_sbi_call(struct vm_cpu *cpu, uint64_t *argument);

#endif

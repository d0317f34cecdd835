/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execute.h - instructions that the interpreter does not carry out itself. Each returns false
 * when it raised an exception; cpu->pc is the instruction's. Those that change what comes next
 * set attention.
 */
#ifndef VM_CPU_EXECUTE_H
#define VM_CPU_EXECUTE_H

#include "block.h"

/* What the last field of struct vm_op says. */
static inline enum vm_instruction vm_op_name(const struct vm_op *op)
{
	return (enum vm_instruction)(op->immediate & VM_OP_NAME_MASK);
}

/* trap.c */
bool vm_system(struct vm_cpu *cpu, const struct vm_op *op);
/* mret and sret; cpu->pc is then where to go on. */
bool vm_return(struct vm_cpu *cpu, const struct vm_op *op);
/* Takes the exception that was raised; cpu->pc is then the handler's. */
void vm_take_exception(struct vm_cpu *cpu);
/* Takes the interrupt that is due, if one is. */
void vm_take_interrupt(struct vm_cpu *cpu);
/* mip as the guest reads it. */
uint64_t vm_pending(const struct vm_cpu *cpu);

/* csr.c */
bool vm_csr(struct vm_cpu *cpu, const struct vm_op *op);

/* atomic.c */
bool vm_atomic(struct vm_cpu *cpu, const struct vm_op *op);

/* float.c: all of F and D but loads and stores */
bool vm_float(struct vm_cpu *cpu, const struct vm_op *op);

/* After fflags, frm or FS changed. */
static inline void vm_float_changed(struct vm_cpu *cpu)
{
	cpu->float_fast = (cpu->mstatus & VM_STATUS_FS) == VM_STATUS_FS && cpu->frm == 0 &&
			  cpu->fflags & 1;
}

static inline void vm_float_dirty(struct vm_cpu *cpu)
{
	cpu->mstatus |= VM_STATUS_FS;
	vm_float_changed(cpu);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trap.c - exceptions and interrupts are taken, handlers return: sections 3.1.6 to 3.3 of the
 * privileged specification.
 */
#include "execute.h"
#include "memory.h"

#include <assert.h>

#define CAUSE_INTERRUPT (UINT64_C(1) << 63)

uint64_t vm_pending(const struct vm_cpu *cpu)
{
	return cpu->mip | cpu->lines;
}

static uint64_t handler(uint64_t vector, uint64_t cause)
{
	uint64_t base = vector & ~UINT64_C(3);

	return vector & 1 && cause & CAUSE_INTERRUPT ? base + 4 * (cause & 0xff) : base;
}

static void trap_to_supervisor(struct vm_cpu *cpu, uint64_t cause, uint64_t value)
{
	uint64_t status = cpu->mstatus & ~(VM_STATUS_SPP | VM_STATUS_SPIE | VM_STATUS_SIE);

	if (cpu->mstatus & VM_STATUS_SIE)
		status |= VM_STATUS_SPIE;
	if (cpu->mode == VM_MODE_SUPERVISOR)
		status |= VM_STATUS_SPP;
	cpu->mstatus = status;
	cpu->scause = cause;
	cpu->sepc = cpu->pc;
	cpu->stval = value;
	cpu->mode = VM_MODE_SUPERVISOR;
	cpu->pc = handler(cpu->stvec, cause);
}

static void trap_to_machine(struct vm_cpu *cpu, uint64_t cause, uint64_t value)
{
	uint64_t status = cpu->mstatus & ~(VM_STATUS_MPP | VM_STATUS_MPIE | VM_STATUS_MIE);

	if (cpu->mstatus & VM_STATUS_MIE)
		status |= VM_STATUS_MPIE;
	cpu->mstatus = status | cpu->mode << VM_STATUS_MPP_SHIFT;
	cpu->mcause = cause;
	cpu->mepc = cpu->pc;
	cpu->mtval = value;
	cpu->mode = VM_MODE_MACHINE;
	cpu->pc = handler(cpu->mtvec, cause);
}

static void trap(struct vm_cpu *cpu, uint64_t cause, uint64_t value)
{
	uint64_t delegated = cause & CAUSE_INTERRUPT ? cpu->mideleg : cpu->medeleg;

	if (cpu->mode != VM_MODE_MACHINE && delegated >> (cause & 63) & 1)
		trap_to_supervisor(cpu, cause, value);
	else
		trap_to_machine(cpu, cause, value);
	vm_cpu_changed(cpu);
}

void vm_take_exception(struct vm_cpu *cpu)
{
	if (!(cpu->mcountinhibit & 4))
		cpu->instret--; /* it did not retire */
	trap(cpu, cpu->exception.cause, cpu->exception.value);
}

void vm_take_interrupt(struct vm_cpu *cpu)
{
	/* From the highest priority down. */
	static const uint8_t order[] = {11, 3, 7, 9, 1, 5};
	uint64_t due = vm_pending(cpu) & cpu->mie;
	uint64_t machine = due & ~cpu->mideleg, supervisor = due & cpu->mideleg;

	if (cpu->mode == VM_MODE_MACHINE && !(cpu->mstatus & VM_STATUS_MIE))
		machine = 0;
	if (cpu->mode == VM_MODE_MACHINE ||
	    (cpu->mode == VM_MODE_SUPERVISOR && !(cpu->mstatus & VM_STATUS_SIE)))
		supervisor = 0;
	due = machine ? machine : supervisor;
	if (!due)
		return;
	for (size_t at = 0; at < sizeof(order); at++) {
		if (due >> order[at] & 1) {
			trap(cpu, CAUSE_INTERRUPT | order[at], 0);
			return;
		}
	}
	assert(!"an interrupt that has a priority");
}

bool vm_raise(struct vm_cpu *cpu, uint64_t cause, uint64_t value)
{
	cpu->exception = (struct vm_exception){cause, value};
	return false;
}

bool vm_raise_illegal(struct vm_cpu *cpu)
{
	uint64_t first, second, bits;

	/* It was fetched a moment ago, so that it can be again. */
	if (!vm_fetch_page(cpu, cpu->pc, &first))
		return false;
	bits = vm_ram_load(cpu, first, 2);
	if (vm_length((uint32_t)bits) == 4) {
		if (!vm_fetch_page(cpu, cpu->pc + 2, &second))
			return false;
		bits |= vm_ram_load(cpu, second, 2) << 16;
	}
	return vm_raise(cpu, VM_CAUSE_ILLEGAL, bits);
}

/* ---- Instructions ---------------------------------------------------------------------------- */

static bool wait(struct vm_cpu *cpu)
{
	if (cpu->mode == VM_MODE_USER ||
	    (cpu->mode == VM_MODE_SUPERVISOR && cpu->mstatus & VM_STATUS_TW))
		return vm_raise_illegal(cpu);
	cpu->waiting = 1;
	cpu->attention = true;
	return true;
}

static bool call(struct vm_cpu *cpu)
{
	if (cpu->mode == VM_MODE_SUPERVISOR && cpu->setup.ecall_stops) {
		cpu->ecall_stopped = true;
		cpu->attention = true;
		return true;
	}
	return vm_raise(cpu, VM_CAUSE_ECALL + cpu->mode, 0);
}

bool vm_system(struct vm_cpu *cpu, const struct vm_op *op)
{
	switch (vm_op_name(op)) {
	case VM_ECALL:
		return call(cpu);
	case VM_EBREAK:
		return vm_raise(cpu, VM_CAUSE_BREAKPOINT, cpu->pc);
	case VM_WFI:
		return wait(cpu);
	case VM_SFENCE_VMA: /* translations are always true */
		if (cpu->mode == VM_MODE_USER ||
		    (cpu->mode == VM_MODE_SUPERVISOR && cpu->mstatus & VM_STATUS_TVM))
			return vm_raise_illegal(cpu);
		return true;
	default:
		return vm_raise_illegal(cpu);
	}
}

static void return_from_machine(struct vm_cpu *cpu)
{
	uint64_t mode = vm_status_mode(cpu);
	uint64_t status = cpu->mstatus & ~(VM_STATUS_MIE | VM_STATUS_MPP);

	if (cpu->mstatus & VM_STATUS_MPIE)
		status |= VM_STATUS_MIE;
	if (mode != VM_MODE_MACHINE)
		status &= ~VM_STATUS_MPRV;
	cpu->mstatus = status | VM_STATUS_MPIE;
	cpu->mode = mode;
	cpu->pc = cpu->mepc;
}

static void return_from_supervisor(struct vm_cpu *cpu)
{
	uint64_t mode = cpu->mstatus & VM_STATUS_SPP ? VM_MODE_SUPERVISOR : VM_MODE_USER;
	uint64_t status = cpu->mstatus & ~(VM_STATUS_SIE | VM_STATUS_SPP | VM_STATUS_MPRV);

	if (cpu->mstatus & VM_STATUS_SPIE)
		status |= VM_STATUS_SIE;
	cpu->mstatus = status | VM_STATUS_SPIE;
	cpu->mode = mode;
	cpu->pc = cpu->sepc;
}

bool vm_return(struct vm_cpu *cpu, const struct vm_op *op)
{
	if (vm_op_name(op) == VM_MRET) {
		if (cpu->mode != VM_MODE_MACHINE)
			return vm_raise_illegal(cpu);
		return_from_machine(cpu);
	} else {
		assert(vm_op_name(op) == VM_SRET);
		if (cpu->mode == VM_MODE_USER ||
		    (cpu->mode == VM_MODE_SUPERVISOR && cpu->mstatus & VM_STATUS_TSR))
			return vm_raise_illegal(cpu);
		return_from_supervisor(cpu);
	}
	vm_cpu_changed(cpu);
	return true;
}

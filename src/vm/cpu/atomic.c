/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atomic.c - the A extension. One hart: nothing comes between the load and the store of an amo,
 * and a reservation lasts until the next sc, whatever else is stored.
 */
#include "execute.h"
#include "memory.h"

static uint64_t smaller(int64_t a, int64_t b)
{
	return (uint64_t)(a < b ? a : b);
}

static uint64_t combine(enum vm_instruction name, uint64_t old, uint64_t operand)
{
	switch (name) {
	case VM_AMOADD_W:
	case VM_AMOADD_D:
		return old + operand;
	case VM_AMOXOR_W:
	case VM_AMOXOR_D:
		return old ^ operand;
	case VM_AMOAND_W:
	case VM_AMOAND_D:
		return old & operand;
	case VM_AMOOR_W:
	case VM_AMOOR_D:
		return old | operand;
	case VM_AMOMIN_W:
	case VM_AMOMIN_D:
		return smaller((int64_t)old, (int64_t)operand);
	case VM_AMOMAX_W:
	case VM_AMOMAX_D:
		return ~smaller(~(int64_t)old, ~(int64_t)operand);
	case VM_AMOMINU_W:
	case VM_AMOMINU_D:
		return old < operand ? old : operand;
	case VM_AMOMAXU_W:
	case VM_AMOMAXU_D:
		return old > operand ? old : operand;
	default: /* swap */
		return operand;
	}
}

/* Words are compared as 64 bits, extended by their sign, which keeps both orders. */
static uint64_t extend(uint64_t value, unsigned size)
{
	return size == 4 ? (uint64_t)(int64_t)(int32_t)value : value;
}

static bool store_conditional(struct vm_cpu *cpu, const struct vm_op *op, unsigned size)
{
	uint64_t offset, value = cpu->x[op->c];
	bool same;

	if (!vm_atomic_address(cpu, cpu->x[op->b], size, VM_ACCESS_WRITE, &offset))
		return false;
	same = cpu->reserved && cpu->reservation == cpu->setup.ram_base + offset;
	cpu->reserved = 0;
	if (same)
		vm_ram_store(cpu, offset, size, value);
	cpu->x[op->a] = !same;
	return true;
}

bool vm_atomic(struct vm_cpu *cpu, const struct vm_op *op)
{
	enum vm_instruction name = vm_op_name(op);
	unsigned size = name >= VM_LR_D ? 8 : 4;
	bool reserve = name == VM_LR_W || name == VM_LR_D;
	uint64_t offset, old;

	if (name == VM_SC_W || name == VM_SC_D)
		return store_conditional(cpu, op, size);
	if (!vm_atomic_address(cpu, cpu->x[op->b], size,
			       reserve ? VM_ACCESS_READ : VM_ACCESS_WRITE, &offset))
		return false;
	old = extend(vm_ram_load(cpu, offset, size), size);
	if (reserve) {
		cpu->reserved = 1;
		cpu->reservation = cpu->setup.ram_base + offset;
	} else {
		vm_ram_store(cpu, offset, size,
			     combine(name, old, extend(cpu->x[op->c], size)));
	}
	cpu->x[op->a] = old;
	return true;
}

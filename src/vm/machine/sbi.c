/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbi.c - one hart, numbered 0, and memory that is always coherent: so most of this is saying so.
 */
#include "sbi.h"

#include <assert.h>

enum { A0 = 10, A1, A2, A3, A6 = 16, A7 };

enum csr {
	CSR_SCOUNTEREN = 0x106,
	CSR_SIP = 0x144,
	CSR_MEDELEG = 0x302,
	CSR_MIDELEG = 0x303,
	CSR_MCOUNTEREN = 0x306,
	CSR_PMPCFG0 = 0x3a0,
	CSR_PMPADDR0 = 0x3b0,
	CSR_MVENDORID = 0xf11,
	CSR_MARCHID = 0xf12,
	CSR_MIMPID = 0xf13,
};

enum extension {
	EXTENSION_BASE = 0x10,
	EXTENSION_TIMER = 0x54494d45,
	EXTENSION_INTERRUPT = 0x735049,
	EXTENSION_FENCE = 0x52464e43,
	EXTENSION_HART = 0x48534d,
	EXTENSION_RESET = 0x53525354,
};

enum answer {
	ANSWER_SUCCESS = 0,
	ANSWER_FAILED = -1,
	ANSWER_NOT_SUPPORTED = -2,
	ANSWER_INVALID = -3,
	ANSWER_AVAILABLE = -6,
};

enum {
	SPECIFICATION = 1 << 24, /* 1.0 */
	IMPLEMENTATION = 0x67776d, /* none that is registered */
	IMPLEMENTATION_VERSION = 1,
	COUNTERS = 7, /* cycle, time, instret */
	PMP_ALL = 0x1f, /* naturally aligned, all rights */
};

struct call {
	struct vm_cpu *cpu;
	uint64_t extension, function;
	uint64_t arguments[4];
	uint64_t value; /* of a1 */
	enum vm_sbi_wish wish;
	uint64_t argument;
};

static void set(struct vm_cpu *cpu, enum csr number, uint64_t value)
{
	bool there = vm_cpu_set_csr(cpu, number, value);

	assert(there);
}

void vm_sbi_prepare(struct vm_cpu *cpu)
{
	set(cpu, CSR_MEDELEG, UINT64_MAX);
	set(cpu, CSR_MIDELEG, UINT64_MAX);
	set(cpu, CSR_MCOUNTEREN, COUNTERS);
	/* Linux leaves this to who was before it; programs read the time without a call. */
	set(cpu, CSR_SCOUNTEREN, COUNTERS);
	set(cpu, CSR_PMPADDR0, UINT64_MAX);
	set(cpu, CSR_PMPCFG0, PMP_ALL);
	vm_cpu_set_mode(cpu, VM_MODE_SUPERVISOR);
}

/* ---- Extensions ------------------------------------------------------------------------------ */

static bool is_there(uint64_t extension)
{
	return extension == EXTENSION_BASE || extension == EXTENSION_TIMER ||
	       extension == EXTENSION_INTERRUPT || extension == EXTENSION_FENCE ||
	       extension == EXTENSION_HART || extension == EXTENSION_RESET;
}

static enum answer base(struct call *call)
{
	static const enum csr numbers[] = {CSR_MVENDORID, CSR_MARCHID, CSR_MIMPID};

	switch (call->function) {
	case 0:
		call->value = SPECIFICATION;
		return ANSWER_SUCCESS;
	case 1:
		call->value = IMPLEMENTATION;
		return ANSWER_SUCCESS;
	case 2:
		call->value = IMPLEMENTATION_VERSION;
		return ANSWER_SUCCESS;
	case 3:
		call->value = is_there(call->arguments[0]);
		return ANSWER_SUCCESS;
	case 4:
	case 5:
	case 6:
		(void)vm_cpu_csr(call->cpu, numbers[call->function - 4], &call->value);
		return ANSWER_SUCCESS;
	default:
		return ANSWER_NOT_SUPPORTED;
	}
}

static enum answer timer(struct call *call)
{
	if (call->function != 0)
		return ANSWER_NOT_SUPPORTED;
	call->wish = VM_SBI_TIMER;
	call->argument = call->arguments[0];
	return ANSWER_SUCCESS;
}

/* Whether a mask from a base on (-1: all harts) names harts that are there, and whether ours. */
static bool harts(uint64_t mask, uint64_t first, bool *ours)
{
	*ours = first == UINT64_MAX || (first == 0 && mask & 1);
	return first == UINT64_MAX || mask == 0 || (first == 0 && mask == 1);
}

static enum answer interrupt(struct call *call)
{
	bool ours;

	if (call->function != 0)
		return ANSWER_NOT_SUPPORTED;
	if (!harts(call->arguments[0], call->arguments[1], &ours))
		return ANSWER_INVALID;
	if (ours)
		set(call->cpu, CSR_SIP, VM_LINE_SUPERVISOR_SOFTWARE);
	return ANSWER_SUCCESS;
}

/* fence.i and sfence.vma, of which ours needs nothing; the others are of the hypervisor. */
static enum answer fence(struct call *call)
{
	bool ours;

	if (call->function > 2)
		return ANSWER_NOT_SUPPORTED;
	return harts(call->arguments[0], call->arguments[1], &ours) ? ANSWER_SUCCESS :
								     ANSWER_INVALID;
}

static enum answer hart(struct call *call)
{
	switch (call->function) {
	case 0:
		return call->arguments[0] == 0 ? ANSWER_AVAILABLE : ANSWER_INVALID;
	case 1: /* nobody could start it again */
		return ANSWER_FAILED;
	case 2:
		call->value = 0; /* it runs */
		return call->arguments[0] == 0 ? ANSWER_SUCCESS : ANSWER_INVALID;
	default:
		return ANSWER_NOT_SUPPORTED;
	}
}

static enum answer reset(struct call *call)
{
	uint64_t type = call->arguments[0], reason = call->arguments[1];

	if (call->function != 0)
		return ANSWER_NOT_SUPPORTED;
	if (type > 2 || reason > 1)
		return ANSWER_INVALID;
	call->wish = type == 0 ? VM_SBI_OFF : VM_SBI_RESET;
	call->argument = reason;
	return ANSWER_SUCCESS;
}

static enum answer answer(struct call *call)
{
	switch (call->extension) {
	case EXTENSION_BASE:
		return base(call);
	case EXTENSION_TIMER:
		return timer(call);
	case EXTENSION_INTERRUPT:
		return interrupt(call);
	case EXTENSION_FENCE:
		return fence(call);
	case EXTENSION_HART:
		return hart(call);
	case EXTENSION_RESET:
		return reset(call);
	default:
		return ANSWER_NOT_SUPPORTED;
	}
}

enum vm_sbi_wish vm_sbi_call(struct vm_cpu *cpu, uint64_t *argument)
{
	struct call call = {
		.cpu = cpu,
		.extension = vm_cpu_x(cpu, A7),
		.function = vm_cpu_x(cpu, A6),
	};

	for (unsigned at = 0; at < 4; at++)
		call.arguments[at] = vm_cpu_x(cpu, A0 + at);
	vm_cpu_set_x(cpu, A0, (uint64_t)(int64_t)answer(&call));
	vm_cpu_set_x(cpu, A1, call.value);
	*argument = call.argument;
	return call.wish;
}

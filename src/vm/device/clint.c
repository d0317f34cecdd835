/* SPDX-License-Identifier: Apache-2.0 */
/* clint.c - the timer and the software interrupt of machine mode. */
#include "clint.h"

#include <assert.h>
#include <stdlib.h>

enum { MSIP = 0, MTIMECMP = 0x4000, MTIME = 0xbff8 };

struct vm_clint {
	struct vm_cpu *cpu;
	uint64_t compare;
	bool software;
};

static void tick(void *device)
{
	struct vm_clint *clint = device;

	vm_cpu_set_lines(clint->cpu, VM_LINE_MACHINE_TIMER,
			 vm_cpu_time(clint->cpu) >= clint->compare);
}

static void set_software(struct vm_clint *clint, bool on)
{
	clint->software = on;
	vm_cpu_set_lines(clint->cpu, VM_LINE_MACHINE_SOFTWARE, on);
}

static void reset(void *device)
{
	struct vm_clint *clint = device;

	clint->compare = UINT64_MAX;
	set_software(clint, false);
	tick(clint);
}

/* The register of 8 bytes at `begin` that an access is to, if it is: which of its bits. */
static bool within(uint64_t offset, unsigned size, uint64_t begin, unsigned *shift)
{
	if (size < 4 || offset < begin || offset - begin >= 8)
		return false;
	*shift = (unsigned)(offset - begin) * 8;
	return true;
}

static uint64_t part(uint64_t value, unsigned shift, unsigned size)
{
	assert(shift == 0 || (shift == 32 && size == 4));
	return size == 8 ? value : (uint32_t)(value >> shift);
}

static int read_register(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
	struct vm_clint *clint = device;
	unsigned shift;

	if (offset == MSIP && size == 4)
		*value = clint->software;
	else if (within(offset, size, MTIMECMP, &shift))
		*value = part(clint->compare, shift, size);
	else if (within(offset, size, MTIME, &shift))
		*value = part(vm_cpu_time(clint->cpu), shift, size);
	else
		return GW_E_INVALID;
	return 0;
}

static int write_register(void *device, uint64_t offset, unsigned size, uint64_t value)
{
	struct vm_clint *clint = device;
	unsigned shift;

	if (offset == MSIP && size == 4) {
		set_software(clint, value & 1);
	} else if (within(offset, size, MTIMECMP, &shift)) {
		if (size == 4)
			clint->compare &= ~(UINT64_C(0xffffffff) << shift);
		else
			clint->compare = 0;
		clint->compare |= value << shift;
		tick(clint);
		vm_cpu_stop(clint->cpu);
	} else if (!within(offset, size, MTIME, &shift)) {
		return GW_E_INVALID;
	}
	return 0;
}

/* The line falls only by a write, so there is nothing to do once it is high. */
static uint64_t next(const void *device)
{
	const struct vm_clint *clint = device;

	return vm_cpu_lines(clint->cpu) & VM_LINE_MACHINE_TIMER ? UINT64_MAX : clint->compare;
}

static void walk_fields(void *device, struct vm_fields *fields)
{
	struct vm_clint *clint = device;

	vm_field_u64(fields, &clint->compare);
	vm_field_bool(fields, &clint->software);
}

static const struct vm_device_kind kind = {
	.number = VM_DEVICE_CLINT,
	.size = VM_CLINT_BYTES,
	.read = read_register,
	.write = write_register,
	.reset = reset,
	.next = next,
	.tick = tick,
	.fields = walk_fields,
};

int vm_clint_new(struct vm_clint **out, struct vm_cpu *cpu, struct gw_error *error)
{
	struct vm_clint *clint = calloc(1, sizeof(*clint));

	if (!clint)
		return gw_fail(error, GW_E_NO_MEMORY, "a timer: out of memory");
	clint->cpu = cpu;
	reset(clint);
	*out = clint;
	return 0;
}

void vm_clint_free(struct vm_clint *clint)
{
	free(clint);
}

struct vm_device vm_clint_device(struct vm_clint *clint)
{
	return (struct vm_device){&kind, clint};
}

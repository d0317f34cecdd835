/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.c - the machine is run from one instant at which something happens to the next.
 *
 * Whatever is due at a count is done before a run or an event returns at it, so that it does not
 * matter who asks where the machine is.
 */
#include "machine_inside.h"

#include "vm/machine/sbi.h"

#include "base/crc32c.h"

#include <assert.h>

enum { HASH_BYTES = 1 << 20 };

/* ---- Running --------------------------------------------------------------------------------- */

uint64_t vm_machine_count(const struct vm_machine *machine)
{
	return vm_cpu_count(machine->cpu);
}

uint64_t vm_machine_time(const struct vm_machine *machine)
{
	return vm_cpu_time(machine->cpu);
}

/* When the SBI's timer goes off; when it has, it is a line that is high. */
static uint64_t sbi_due(const struct vm_machine *machine)
{
	if (vm_cpu_lines(machine->cpu) & VM_LINE_SUPERVISOR_TIMER)
		return UINT64_MAX;
	return machine->sbi_timer;
}

uint64_t vm_machine_due(const struct vm_machine *machine)
{
	uint64_t sbi = sbi_due(machine), devices = vm_devices_next(machine->devices);

	return sbi < devices ? sbi : devices;
}

void vm_machine_tick(struct vm_machine *machine)
{
	if (vm_machine_due(machine) > vm_cpu_time(machine->cpu))
		return;
	vm_devices_tick(machine->devices);
	if (sbi_due(machine) <= vm_cpu_time(machine->cpu))
		vm_cpu_set_lines(machine->cpu, VM_LINE_SUPERVISOR_TIMER, true);
	assert(vm_machine_due(machine) > vm_cpu_time(machine->cpu));
}

static void answer_call(struct vm_machine *machine)
{
	uint64_t argument;

	switch (vm_sbi_call(machine->cpu, &argument)) {
	case VM_SBI_NOTHING:
		return;
	case VM_SBI_TIMER:
		machine->sbi_timer = argument;
		vm_cpu_set_lines(machine->cpu, VM_LINE_SUPERVISOR_TIMER, false);
		return;
	case VM_SBI_OFF:
		machine->ended = argument ? VM_PAUSE_FAILED : VM_PAUSE_OFF;
		return;
	case VM_SBI_RESET:
		machine->ended = VM_PAUSE_RESET;
		return;
	}
	assert(!"a wish that is known");
}

enum vm_pause vm_machine_run(struct vm_machine *machine, uint64_t until)
{
	machine->asked = false;
	while (!machine->ended) {
		uint64_t next = vm_cpu_count_at(machine->cpu, vm_machine_due(machine));
		enum vm_stop why = vm_cpu_run(machine->cpu, next < until ? next : until);

		if (why == VM_STOP_ECALL)
			answer_call(machine);
		vm_machine_tick(machine);
		if (machine->ended)
			break;
		if (why == VM_STOP_HIT)
			return VM_PAUSE_HIT;
		if (machine->asked)
			return VM_PAUSE_ASKED;
		if (why == VM_STOP_WAIT)
			return VM_PAUSE_WAIT;
		if (vm_cpu_count(machine->cpu) >= until)
			return VM_PAUSE_COUNT;
	}
	return machine->ended;
}

/* ---- State ----------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

static uint64_t hash_ram(const struct vm_machine *machine, uint64_t hash)
{
	const struct vm_machine_setup *setup = &machine->setup;

	for (uint64_t at = 0; at < setup->ram_size; at += HASH_BYTES) {
		uint64_t left = setup->ram_size - at;

		hash = mix(hash, base_crc32c(0, setup->ram + at,
					     left < HASH_BYTES ? left : HASH_BYTES));
	}
	return hash;
}

uint64_t vm_machine_hash(const struct vm_machine *machine, bool with_ram)
{
	uint64_t hash = mix(vm_cpu_hash(machine->cpu), machine->sbi_timer);

	hash = mix(hash, machine->ended);
	hash = mix(hash, vm_devices_hash(machine->devices));
	return with_ram ? hash_ram(machine, hash) : hash;
}

struct vm_cpu *vm_machine_cpu(struct vm_machine *machine)
{
	return machine->cpu;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* rig_fixture.c - a hart, RAM, a bus and wires, for tests of devices. */
#include "rig_fixture.h"

#include <assert.h>
#include <stdlib.h>

void rig_start(struct rig *rig)
{
	struct vm_cpu_setup setup = {.ram_base = RIG_RAM, .ram_size = RIG_RAM_BYTES,
				     .blocks_max = 16};
	int status;

	*rig = (struct rig){.bytes = aligned_alloc(VM_PAGE_BYTES, RIG_RAM_BYTES)};
	assert(rig->bytes);
	memset(rig->bytes, 0, RIG_RAM_BYTES);
	status = vm_devices_new(&rig->devices, NULL);
	assert(status == 0);
	setup.ram = rig->bytes;
	setup.bus = &vm_devices_bus;
	setup.device = rig->devices;
	status = vm_cpu_new(&rig->cpu, &setup, NULL);
	assert(status == 0);
	rig->ram = (struct vm_ram){rig->bytes, RIG_RAM, RIG_RAM_BYTES, rig->cpu};
}

void rig_end(struct rig *rig)
{
	vm_devices_free(rig->devices);
	vm_cpu_free(rig->cpu);
	free(rig->bytes);
}

static void set(void *to, unsigned number, bool high)
{
	struct rig *rig = to;

	assert(number < RIG_WIRES);
	rig->high[number] = high;
}

struct vm_wire rig_wire(struct rig *rig, unsigned number)
{
	return (struct vm_wire){set, rig, number};
}

void rig_set_time(struct rig *rig, uint64_t time)
{
	vm_cpu_set_time_offset(rig->cpu, time);
	vm_devices_tick(rig->devices);
}

void rig_add(struct rig *rig, uint64_t base, struct vm_device device)
{
	int status = vm_devices_add(rig->devices, base, device, NULL);

	assert(status == 0);
}

uint64_t rig_read(struct rig *rig, uint64_t address, unsigned size)
{
	uint64_t value = 0;
	int status = vm_devices_bus.read(rig->devices, address, size, &value);

	assert(status == 0);
	assert(size == 8 || value >> 8 * size == 0);
	return value;
}

void rig_write(struct rig *rig, uint64_t address, unsigned size, uint64_t value)
{
	int status = vm_devices_bus.write(rig->devices, address, size, value);

	assert(status == 0);
}

bool rig_faults(struct rig *rig, uint64_t address, unsigned size)
{
	uint64_t value;
	int read = vm_devices_bus.read(rig->devices, address, size, &value);
	int written = vm_devices_bus.write(rig->devices, address, size, 0);

	assert((read < 0) == (written < 0));
	return read < 0;
}

void rig_round_trip(struct rig *rig)
{
	struct base_buffer before = {0}, after = {0};
	uint64_t hash = vm_devices_hash(rig->devices), lines = vm_cpu_lines(rig->cpu);
	int status = vm_devices_save(rig->devices, &before, NULL);
	bool high[RIG_WIRES];

	assert(status == 0);
	memcpy(high, rig->high, sizeof(high));
	vm_devices_reset(rig->devices);
	status = vm_devices_load(rig->devices, base_buffer_bytes(&before), NULL);
	assert(status == 0);
	status = vm_devices_save(rig->devices, &after, NULL);
	assert(status == 0);
	memcpy(rig->high, high, sizeof(high));
	vm_cpu_set_lines(rig->cpu, UINT64_MAX, false);
	vm_cpu_set_lines(rig->cpu, lines, true);
	assert(vm_devices_hash(rig->devices) == hash);
	assert(gw_bytes_compare(base_buffer_bytes(&before), base_buffer_bytes(&after)) == 0);
	base_buffer_done(&before);
	base_buffer_done(&after);
}

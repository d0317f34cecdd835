/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig_fixture.h - what devices are tested on: a hart that runs nothing, RAM, a bus, and wires whose
 * levels are remembered. Accesses go through the bus, as the hart's do.
 */
#ifndef VM_DEVICE_RIG_FIXTURE_H
#define VM_DEVICE_RIG_FIXTURE_H

#include "device.h"

#define RIG_RAM UINT64_C(0x80000000)

enum { RIG_RAM_BYTES = 64 * VM_PAGE_BYTES, RIG_WIRES = 16 };

struct rig {
	uint8_t *bytes;
	struct vm_cpu *cpu;
	struct vm_ram ram;
	struct vm_devices *devices;
	bool high[RIG_WIRES];
};

void rig_start(struct rig *rig);
void rig_end(struct rig *rig); /* the devices first */

struct vm_wire rig_wire(struct rig *rig, unsigned number);
void rig_set_time(struct rig *rig, uint64_t time); /* and ticks */
void rig_add(struct rig *rig, uint64_t base, struct vm_device device);

/* An access that succeeds. */
uint64_t rig_read(struct rig *rig, uint64_t address, unsigned size);
void rig_write(struct rig *rig, uint64_t address, unsigned size, uint64_t value);
/* Whether an access faults, both ways; tried with a value of 0. */
bool rig_faults(struct rig *rig, uint64_t address, unsigned size);

/* What is saved is loaded into the same devices after a reset, and is the same again. Lines and
 * wires are somebody else's state, and put back. */
void rig_round_trip(struct rig *rig);

#endif

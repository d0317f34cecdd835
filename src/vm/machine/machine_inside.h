/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_inside.h - what the files of the machine know of each other.
 */
#ifndef VM_MACHINE_MACHINE_INSIDE_H
#define VM_MACHINE_MACHINE_INSIDE_H

#include "vm/device/clint.h"
#include "vm/device/plic.h"
#include "vm/device/rtc.h"
#include "vm/device/syscon.h"
#include "vm/device/uart.h"
#include "vm/device/virtio_rng.h"
#include "vm/machine/machine.h"

struct vm_machine {
	struct vm_machine_setup setup;
	struct vm_cpu *cpu;
	struct vm_devices *devices;
	struct vm_clint *clint;
	struct vm_plic *plic;
	struct vm_uart *uart;
	struct vm_rtc *rtc;
	struct vm_syscon *syscon;
	struct vm_virtio_rng *rng;
	struct vm_virtio_block *block; /* NULL: there is none */
	struct vm_virtio_net *net;     /* the same */
	uint64_t sbi_timer;            /* UINT64_MAX: it is not set */
	enum vm_pause ended;           /* 0: it is on */
	bool asked;                    /* of the outside, since the run began */
};

/* Does what is due at this count. */
void vm_machine_tick(struct vm_machine *machine);

#endif

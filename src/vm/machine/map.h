/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - where everything is: the addresses and interrupt numbers that programs for QEMU's `virt`
 * know.
 */
#ifndef VM_MACHINE_MAP_H
#define VM_MACHINE_MAP_H

#include <stdint.h>

#define VM_MAP_POWER UINT64_C(0x100000)    /* syscon: power off, reset */
#define VM_MAP_RTC UINT64_C(0x101000)      /* goldfish RTC */
#define VM_MAP_CLINT UINT64_C(0x2000000)   /* software and timer interrupts of machine mode */
#define VM_MAP_PLIC UINT64_C(0xc000000)    /* external interrupts */
#define VM_MAP_CONSOLE UINT64_C(0x10000000) /* NS16550A */
#define VM_MAP_VIRTIO UINT64_C(0x10001000) /* virtio-mmio, the first; the others behind it */
#define VM_MAP_RAM UINT64_C(0x80000000)

enum {
	VM_MAP_POWER_BYTES = 0x1000,
	VM_MAP_RTC_BYTES = 0x1000,
	VM_MAP_CLINT_BYTES = 0x10000,
	VM_MAP_PLIC_BYTES = 0x600000,
	VM_MAP_CONSOLE_BYTES = 0x100,
	VM_MAP_VIRTIO_BYTES = 0x1000,
	VM_MAP_KERNEL_OFFSET = 0x200000, /* into RAM: the firmware is below */
};

/* Interrupts as the PLIC numbers them. */
enum {
	VM_INTERRUPT_VIRTIO = 1, /* of the first */
	VM_INTERRUPT_CONSOLE = 10,
	VM_INTERRUPT_RTC = 11,
	VM_INTERRUPTS = 31, /* the highest there is */
};

/* The virtio devices, in the order of their addresses. */
enum vm_virtio_place {
	VM_VIRTIO_ENTROPY,
	VM_VIRTIO_BLOCK,
	VM_VIRTIO_NETWORK,
	VM_VIRTIO_PLACES,
};

enum {
	VM_TICKS_PER_SECOND = 10000000,
	VM_INSTRUCTIONS_PER_TICK = 100, /* so a second of the guest is 10^9 instructions */
};

#endif

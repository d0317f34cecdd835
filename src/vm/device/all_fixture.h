/* SPDX-License-Identifier: Apache-2.0 */
/*
 * all_fixture.h - a rig with one of each device on it, and an outside that remembers what it was
 * asked; for fuzzers and tests of all of them together.
 */
#ifndef VM_DEVICE_ALL_FIXTURE_H
#define VM_DEVICE_ALL_FIXTURE_H

#include "clint.h"
#include "plic.h"
#include "rig_fixture.h"
#include "rtc.h"
#include "syscon.h"
#include "uart.h"
#include "virtio_block.h"
#include "virtio_net.h"
#include "virtio_rng.h"

#define ALL_SYSCON UINT64_C(0x100000)
#define ALL_RTC UINT64_C(0x101000)
#define ALL_CLINT UINT64_C(0x2000000)
#define ALL_PLIC UINT64_C(0xc000000)
#define ALL_UART UINT64_C(0x10000000)
#define ALL_VIRTIO UINT64_C(0x10001000) /* block, net, rng: a page each */

struct all_asked {
	uint64_t id;
	uint64_t bytes; /* of a read */
};

struct all {
	struct rig rig;
	struct vm_clint *clint;
	struct vm_plic *plic;
	struct vm_uart *uart;
	struct vm_rtc *rtc;
	struct vm_syscon *syscon;
	struct vm_virtio_block *block;
	struct vm_virtio_net *net;
	struct vm_virtio_rng *rng;
	struct all_asked asked[VM_BLOCK_REQUESTS_MAX];
	size_t count; /* of asked */
	uint64_t hash; /* of all that was said to the outside */
};

void all_start(struct all *all);
void all_end(struct all *all);
/* Answers the at-th of the requests to the disk; a read with bytes that follow from its id. */
void all_answer(struct all *all, size_t at, int status);

#endif

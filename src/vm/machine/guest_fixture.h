/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_fixture.h - small guests: programs put together instruction by instruction, in an Image
 * that the machine loads as it does a kernel.
 */
#ifndef VM_MACHINE_GUEST_FIXTURE_H
#define VM_MACHINE_GUEST_FIXTURE_H

#include "machine.h"

enum { GUEST_BYTES = 4096, GUEST_RAM_BYTES = 4 << 20, GUEST_SAID_MAX = 256 };

enum guest_register { ZERO, T0 = 5, T1, T2, S0 = 8, S1, A0, A1, A6 = 16, A7 };

#define GUEST_START (VM_MAP_RAM + VM_MAP_KERNEL_OFFSET)

struct guest {
	uint8_t image[GUEST_BYTES];
	size_t size; /* of the image so far */
	uint8_t *ram;
	struct vm_machine_setup setup;
	struct vm_machine *machine;
	/* What it said. */
	char said[GUEST_SAID_MAX];
	size_t said_size;
	size_t entropy_wanted;
	unsigned events;
};

/* An empty program; guest_run makes the machine when it has its instructions. */
void guest_begin(struct guest *guest);
void guest_end(struct guest *guest);
/* Makes the machine. */
void guest_start(struct guest *guest);

/* ---- Instructions; each returns its address ------------------------------------------------- */

uint64_t guest_word(struct guest *guest, uint32_t word);
/* Any number of 32 bits, zero-extended: four instructions. */
uint64_t guest_li(struct guest *guest, enum guest_register to, uint32_t value);
uint64_t guest_addi(struct guest *guest, enum guest_register to, enum guest_register from,
		    int immediate);
uint64_t guest_load_byte(struct guest *guest, enum guest_register to, enum guest_register at,
			 int offset);
uint64_t guest_store_byte(struct guest *guest, enum guest_register from, enum guest_register at,
			  int offset);
uint64_t guest_store_word(struct guest *guest, enum guest_register from, enum guest_register at,
			  int offset);
uint64_t guest_store(struct guest *guest, enum guest_register from, enum guest_register at,
		     int offset);
uint64_t guest_csr_write(struct guest *guest, unsigned csr, enum guest_register from);
uint64_t guest_csr_set(struct guest *guest, unsigned csr, enum guest_register from);
uint64_t guest_csr_read(struct guest *guest, enum guest_register to, unsigned csr);
uint64_t guest_jump(struct guest *guest, uint64_t to);
uint64_t guest_branch_zero(struct guest *guest, enum guest_register which, uint64_t to);
uint64_t guest_wfi(struct guest *guest);
/* a7, a6, and ecall. a0 and a1 are the caller's. */
uint64_t guest_call(struct guest *guest, uint32_t extension, uint32_t function);
/* The address of what comes next. */
uint64_t guest_here(const struct guest *guest);

#endif

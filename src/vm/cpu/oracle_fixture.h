/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle_fixture.h - a second hart, as simple as can be: it fetches, decodes with switches and
 * carries out one instruction after the other, keeps nothing, and computes with the host's
 * floating point. It shares no code with the one it judges but the header.
 */
#ifndef VM_CPU_ORACLE_FIXTURE_H
#define VM_CPU_ORACLE_FIXTURE_H

#include "cpu.h"

struct oracle {
	struct vm_cpu_setup setup;
	uint64_t x[32], f[32], pc, mode;
	uint64_t csr[4096]; /* as written; how they are read is in oracle_csr_fixture.c */
	uint64_t lines, count, time_offset;
	bool waiting, reserved;
	uint64_t reservation;
	/* The exception of the instruction that is being carried out. */
	bool trapped;
	uint64_t cause, value;
	uint32_t bits; /* of it */
};

/* As vm_cpu_new; ram is the oracle's alone. */
void oracle_start(struct oracle *oracle, const struct vm_cpu_setup *setup);
/* Takes an interrupt, then does one instruction. False: it waits, and did nothing. */
bool oracle_step(struct oracle *oracle);
/* What differs between the two, in words; NULL if nothing does. buffer is for the words. */
const char *oracle_compare(const struct oracle *oracle, const struct vm_cpu *cpu, char *buffer,
			   size_t size);
/* Gives the hart all that the oracle has, registers and CSRs; not RAM. */
void oracle_copy_to(const struct oracle *oracle, struct vm_cpu *cpu);

/* ---- Between its files ----------------------------------------------------------------------- */

enum oracle_access { ORACLE_READ = 1, ORACLE_WRITE = 2, ORACLE_FETCH = 4 };

bool oracle_trap(struct oracle *oracle, uint64_t cause, uint64_t value);
bool oracle_illegal(struct oracle *oracle);
/* oracle_memory_fixture.c */
bool oracle_fetch(struct oracle *oracle);
bool oracle_load(struct oracle *oracle, uint64_t address, unsigned size, uint64_t *value);
bool oracle_store(struct oracle *oracle, uint64_t address, unsigned size, uint64_t value);
/* Where in RAM an aligned atomic access goes. */
bool oracle_place(struct oracle *oracle, uint64_t address, unsigned size, enum oracle_access access,
		  uint64_t *offset);
/* oracle_csr_fixture.c */
bool oracle_csr_read(const struct oracle *oracle, unsigned number, uint64_t *value);
bool oracle_system(struct oracle *oracle, uint32_t bits);
void oracle_take(struct oracle *oracle, uint64_t cause, uint64_t value);
bool oracle_interrupt(struct oracle *oracle);
/* oracle_float_fixture.c */
bool oracle_float(struct oracle *oracle, uint32_t bits);
void oracle_float_dirty(struct oracle *oracle);

#endif

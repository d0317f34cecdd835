/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf_fixture.h - test programs: ELF files for RV64 with the symbols that riscv-tests and
 * riscv-arch-test use. A program ends by writing to tohost: 1 is success, else what failed times
 * two plus one.
 */
#ifndef VM_CPU_ELF_FIXTURE_H
#define VM_CPU_ELF_FIXTURE_H

#include <groundwork/base.h>

struct elf_program {
	uint64_t entry;
	uint64_t tohost;                      /* 0: there is none */
	uint64_t signature, signature_end;    /* the same */
};

/* Puts what a file says at its physical addresses into RAM. */
int elf_load(const char *path, uint8_t *ram, uint64_t ram_base, uint64_t ram_size,
	     struct elf_program *program, struct gw_error *error) GW_MUST_CHECK;

#endif

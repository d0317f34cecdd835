/* SPDX-License-Identifier: Apache-2.0 */
/*
 * riscv_run_fixture.c - runs one test program on a hart, for test/suites/riscv.py and by hand:
 *
 *     riscv-run PROGRAM [SIGNATURE_FILE]
 *
 * Prints "passed", "failed N" or "timeout", and the count of instructions; the signature, if a file
 * is named, as riscv-arch-test wants it: a line for each four bytes. Exit status 0: passed.
 */
#include "cpu.h"
#include "elf_fixture.h"

#include "base/little_endian.h"

#include <stdio.h>
#include <stdlib.h>

#define RAM_BASE UINT64_C(0x80000000)
#define RAM_BYTES (UINT64_C(64) << 20)
#define COUNT_MAX UINT64_C(200000000)
#define COUNT_BETWEEN_LOOKS UINT64_C(10000)

static int write_signature(const char *path, const uint8_t *ram, const struct elf_program *program)
{
	FILE *to = fopen(path, "w");

	if (!to) {
		fprintf(stderr, "%s: cannot be written\n", path);
		return 2;
	}
	for (uint64_t at = program->signature; at + 4 <= program->signature_end; at += 4)
		fprintf(to, "%08x\n", base_load32(ram + (at - RAM_BASE)));
	return fclose(to) ? 2 : 0;
}

/* Runs until tohost is written; its value, or 0. */
static uint64_t run(struct vm_cpu *cpu, uint8_t *ram, const struct elf_program *program)
{
	uint8_t *tohost = ram + (program->tohost - RAM_BASE);
	uint64_t said = 0;

	while (!said && vm_cpu_count(cpu) < COUNT_MAX) {
		if (vm_cpu_run(cpu, vm_cpu_count(cpu) + COUNT_BETWEEN_LOOKS) == VM_STOP_WAIT)
			break;
		said = base_load64(tohost);
	}
	return said;
}

int main(int argc, char **argv)
{
	uint8_t *ram = aligned_alloc(VM_PAGE_BYTES, RAM_BYTES);
	struct vm_cpu_setup setup = {.ram = ram, .ram_base = RAM_BASE, .ram_size = RAM_BYTES};
	struct gw_error error = {0};
	struct elf_program program;
	struct vm_cpu *cpu = NULL;
	uint64_t said;
	int status;

	if (argc < 2 || argc > 3 || !ram)
		return 2;
	memset(ram, 0, RAM_BYTES);
	if (elf_load(argv[1], ram, RAM_BASE, RAM_BYTES, &program, &error) < 0 ||
	    vm_cpu_new(&cpu, &setup, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		return 2;
	}
	if (program.tohost - RAM_BASE > RAM_BYTES - 8) {
		fprintf(stderr, "%s: no tohost\n", argv[1]);
		return 2;
	}
	vm_cpu_set_pc(cpu, program.entry);
	said = run(cpu, ram, &program);
	if (said == 1)
		printf("passed");
	else if (said)
		printf("failed %llu", (unsigned long long)said >> 1);
	else
		printf("timeout at %llx", (unsigned long long)vm_cpu_pc(cpu));
	printf(" after %llu\n", (unsigned long long)vm_cpu_count(cpu));
	status = said != 1;
	if (argc == 3 && program.signature)
		status |= write_signature(argv[2], ram, &program);
	vm_cpu_free(cpu);
	free(ram);
	return status;
}

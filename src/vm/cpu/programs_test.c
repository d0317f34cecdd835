/* SPDX-License-Identifier: Apache-2.0 */
/*
 * programs_test.c - the programs of programs/: each passes on the hart and on the oracle, both in
 * the same state at the end, and together they carry out every instruction and take every trap.
 */
#include "decode.h"
#include "elf_fixture.h"
#include "oracle_fixture.h"

#include "base/little_endian.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define RAM_BASE UINT64_C(0x80000000)
#define DEVICE UINT64_C(0x10000000)

enum { RAM_BYTES = 1 << 20, COUNT_MAX = 100000, COMPRESSED_MAX = 3 * 8 };

static const char *const names[] = {"integer", "memory", "float", "trap", "paging"};

enum { PROGRAMS = sizeof(names) / sizeof(names[0]) };

/* What the programs did, by the oracle's account. */
struct covered {
	bool instructions[VM_INSTRUCTIONS];
	bool compressed[COMPRESSED_MAX]; /* by quadrant and its three highest bits */
	bool exceptions[16], interrupts[16];
};

struct world {
	uint8_t *ram[2];
	struct vm_cpu *cpu;
	struct oracle oracle;
	struct elf_program program;
	struct covered *covered;
};

static int read_nothing(void *device, uint64_t address, unsigned size, uint64_t *value)
{
	(void)device, (void)address, (void)size;
	*value = 0;
	return GW_E_INVALID;
}

static int set_lines(void *device, uint64_t address, unsigned size, uint64_t value)
{
	struct world *world = device;

	(void)size;
	if (address != DEVICE)
		return GW_E_INVALID;
	vm_cpu_set_lines(world->cpu, UINT64_MAX, false);
	vm_cpu_set_lines(world->cpu, value, true);
	return 0;
}

static int set_lines_of_oracle(void *device, uint64_t address, unsigned size, uint64_t value)
{
	struct world *world = device;

	(void)size;
	if (address != DEVICE)
		return GW_E_INVALID;
	world->oracle.lines = value;
	return 0;
}

static const struct vm_bus buses[2] = {{read_nothing, set_lines},
				       {read_nothing, set_lines_of_oracle}};

static void start(struct world *world, const char *name, struct vm_cpu_setup setup)
{
	const char *folder = getenv("GW_VM_PROGRAMS");
	struct gw_error error = {0};
	char path[512];

	assert_non_null(folder);
	snprintf(path, sizeof(path), "%s/%s.elf", folder, name);
	setup.ram_base = RAM_BASE;
	setup.ram_size = RAM_BYTES;
	setup.device = world;
	for (int who = 0; who < 2; who++) {
		world->ram[who] = aligned_alloc(VM_PAGE_BYTES, RAM_BYTES);
		assert_non_null(world->ram[who]);
		memset(world->ram[who], 0, RAM_BYTES);
		if (elf_load(path, world->ram[who], RAM_BASE, RAM_BYTES, &world->program, &error))
			fail_msg("%s", error.text);
	}
	setup.ram = world->ram[1];
	setup.bus = &buses[1];
	oracle_start(&world->oracle, &setup);
	setup.ram = world->ram[0];
	setup.bus = &buses[0];
	assert_int_equal(vm_cpu_new(&world->cpu, &setup, NULL), 0);
	vm_cpu_set_pc(world->cpu, world->program.entry);
	world->oracle.pc = world->program.entry;
}

static void end(struct world *world)
{
	vm_cpu_free(world->cpu);
	free(world->ram[0]);
	free(world->ram[1]);
}

static uint64_t said(const struct world *world, int who)
{
	return base_load64(world->ram[who] + (world->program.tohost - RAM_BASE));
}

static void note(struct world *world)
{
	const struct oracle *oracle = &world->oracle;

	if (oracle->trapped)
		world->covered->exceptions[oracle->cause] = true;
	else if ((oracle->bits & 3) == 3)
		world->covered->instructions[vm_decode(oracle->bits).name] = true;
	else
		world->covered->compressed[(oracle->bits & 3) * 8 + (oracle->bits >> 13)] = true;
	for (unsigned csr = 0x142; csr <= 0x342; csr += 0x200)
		if (oracle->csr[csr] >> 63)
			world->covered->interrupts[oracle->csr[csr] & 15] = true;
}

static void run(const char *name, struct vm_cpu_setup setup, struct covered *covered)
{
	struct world world = {.covered = covered};
	const char *difference;
	char words[256];

	start(&world, name, setup);
	while (!said(&world, 1) && world.oracle.count < COUNT_MAX && oracle_step(&world.oracle))
		note(&world);
	if (said(&world, 1) != 1)
		fail_msg("%s: the oracle fails %llu, is at %llx", name,
			 (unsigned long long)said(&world, 1) >> 1,
			 (unsigned long long)world.oracle.pc);
	assert_int_equal(vm_cpu_run(world.cpu, world.oracle.count), VM_STOP_COUNT);
	if (said(&world, 0) != 1)
		fail_msg("%s: the hart fails %llu", name, (unsigned long long)said(&world, 0) >> 1);
	difference = oracle_compare(&world.oracle, world.cpu, words, sizeof(words));
	if (difference)
		fail_msg("%s: %s", name, difference);
	assert_memory_equal(world.ram[0], world.ram[1], RAM_BYTES);
	end(&world);
}

static void programs_pass_and_cover_all(void **state)
{
	static const char *const instruction_names[] = {
		"illegal",
#define NAME(name, match, mask, format, handler) #name,
		VM_INSTRUCTION_TABLE(NAME)
#undef NAME
	};
	static const uint8_t exceptions[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15};
	static const uint8_t interrupts[] = {1, 3, 5, 7, 9, 11};
	struct covered covered = {0};

	(void)state;
	for (int at = 0; at < PROGRAMS; at++)
		run(names[at], (struct vm_cpu_setup){.blocks_max = 1000}, &covered);
	for (int name = VM_ILLEGAL + 1; name < VM_INSTRUCTIONS; name++)
		if (!covered.instructions[name] && name != VM_ECALL && name != VM_EBREAK)
			fail_msg("no program has %s", instruction_names[name]);
	for (int at = 0; at < COMPRESSED_MAX; at++)
		if (!covered.compressed[at] && at != 4) /* that one is reserved */
			fail_msg("no program has the compressed instruction %d of quadrant %d",
				 at % 8, at / 8);
	for (size_t at = 0; at < sizeof(exceptions); at++)
		if (!covered.exceptions[exceptions[at]])
			fail_msg("no program takes exception %d", exceptions[at]);
	for (size_t at = 0; at < sizeof(interrupts); at++)
		if (!covered.interrupts[interrupts[at]])
			fail_msg("no program takes interrupt %d", interrupts[at]);
}

static void what_is_kept_makes_no_difference(void **state)
{
	struct covered covered = {0};

	(void)state;
	for (unsigned less = 1; less < 8; less++)
		for (int at = 0; at < PROGRAMS; at++)
			run(names[at],
			    (struct vm_cpu_setup){.block_instructions_max = less,
						  .translations_max = less,
						  .blocks_max = less},
			    &covered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_pass_and_cover_all),
		cmocka_unit_test(what_is_kept_makes_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

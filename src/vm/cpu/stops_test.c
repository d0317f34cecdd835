/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stops_test.c - runs that end where a debugger wants it: always there, nowhere else, and the guest
 * does not see it.
 */
#include "cpu.h"

#include "base/little_endian.h"
#include "support/unit.h"

#include <stdlib.h>

#define RAM_BASE UINT64_C(0x80000000)
/* The third instruction lies in two pages. */
#define START (RAM_BASE + VM_PAGE_BYTES - 10)
#define DATA (RAM_BASE + 2 * VM_PAGE_BYTES)

enum { RAM_BYTES = 4 * VM_PAGE_BYTES, STEPS = 64 };

/* A loop. x10 is DATA, x11 START. */
static const uint32_t code[] = {
	0x00128293, /* addi x5, x5, 1 */
	0x00553023, /* sd x5, 0(x10) */
	0x00138393, /* addi x7, x7, 1 */
	0x00053303, /* ld x6, 0(x10) */
	0x0055342f, /* amoadd.d x8, x5, (x10) */
	0x00551823, /* sh x5, 16(x10) */
	0x01154483, /* lbu x9, 17(x10) */
	0x00058067, /* jr x11 */
};

enum { INSTRUCTIONS = sizeof(code) / sizeof(*code) };

/* Which of them touch memory. */
enum { STORE = 1, LOAD = 3, AMO = 4, HALF = 5, BYTE = 6 };

struct world {
	uint8_t *ram;
	struct vm_cpu *cpu;
};

static void begin(struct world *world)
{
	struct vm_cpu_setup setup = {.ram_base = RAM_BASE, .ram_size = RAM_BYTES};

	world->ram = setup.ram = aligned_alloc(VM_PAGE_BYTES, RAM_BYTES);
	assert_non_null(setup.ram);
	memset(setup.ram, 0, RAM_BYTES);
	for (size_t at = 0; at < INSTRUCTIONS; at++)
		base_store32(setup.ram + (START - RAM_BASE) + 4 * at, code[at]);
	assert_int_equal(vm_cpu_new(&world->cpu, &setup, NULL), 0);
	vm_cpu_set_x(world->cpu, 10, DATA);
	vm_cpu_set_x(world->cpu, 11, START);
	vm_cpu_set_pc(world->cpu, START);
}

static void end(struct world *world)
{
	vm_cpu_free(world->cpu);
	free(world->ram);
}

static void set(struct world *world, const uint64_t *breaks, size_t break_count,
		const struct vm_watch *watches, size_t watch_count)
{
	assert_int_equal(vm_cpu_set_stops(world->cpu, breaks, break_count, watches, watch_count,
					  NULL),
			 0);
}

/* How a run without stops goes. */
static uint64_t trace(uint64_t pc[STEPS])
{
	struct world world;
	uint64_t hash;

	begin(&world);
	for (uint64_t count = 0; count < STEPS; count++) {
		pc[count] = vm_cpu_pc(world.cpu);
		assert_int_equal(vm_cpu_run(world.cpu, count + 1), VM_STOP_COUNT);
	}
	hash = vm_cpu_hash(world.cpu);
	end(&world);
	return hash;
}

static uint64_t address_of(unsigned instruction)
{
	return START + 4 * (uint64_t)instruction;
}

/* Runs to the end, and must be stopped before each instruction of `stops`, and before no other. */
static void assert_stops(struct world *world, uint32_t stops)
{
	uint64_t pc[STEPS], hash = trace(pc);

	for (uint64_t count = 0; count < STEPS; count++) {
		if (!(stops >> (pc[count] - START) / 4 & 1))
			continue;
		assert_int_equal(vm_cpu_run(world->cpu, STEPS), VM_STOP_HIT);
		assert_int_equal(vm_cpu_count(world->cpu), count);
		assert_int_equal(vm_cpu_pc(world->cpu), pc[count]);
	}
	assert_int_equal(vm_cpu_run(world->cpu, STEPS), VM_STOP_COUNT);
	assert_int_equal(vm_cpu_hash(world->cpu), hash);
}

static void a_break_stops_before_its_instruction(void **state)
{
	(void)state;
	for (uint32_t which = 1; which < 1 << INSTRUCTIONS; which++) {
		uint64_t breaks[INSTRUCTIONS];
		struct world world;
		size_t count = 0;

		for (unsigned at = 0; at < INSTRUCTIONS; at++)
			if (which >> at & 1)
				breaks[count++] = address_of(at);
		begin(&world);
		/* What is decoded already has them, too. */
		assert_int_equal(vm_cpu_run(world.cpu, INSTRUCTIONS), VM_STOP_COUNT);
		set(&world, breaks, count, NULL, 0);
		while (vm_cpu_count(world.cpu) < STEPS - INSTRUCTIONS)
			(void)!vm_cpu_run(world.cpu, STEPS - INSTRUCTIONS);
		end(&world);
		begin(&world);
		set(&world, breaks, count, NULL, 0);
		assert_stops(&world, which);
		end(&world);
	}
}

static void a_break_elsewhere_is_none(void **state)
{
	/* The same place in another page; the middle of an instruction. */
	const uint64_t breaks[] = {START + VM_PAGE_BYTES, START + 6};
	struct world world;

	(void)state;
	begin(&world);
	set(&world, breaks, 2, NULL, 0);
	assert_stops(&world, 0);
	end(&world);
}

static void a_watch_stops_before_the_access(void **state)
{
	static const struct {
		struct vm_watch watch;
		uint32_t stops;
	} cases[] = {
		{{DATA, 8, 2}, 1 << STORE | 1 << AMO},
		{{DATA, 8, 1}, 1 << LOAD},
		{{DATA + 7, 1, 3}, 1 << STORE | 1 << LOAD | 1 << AMO},
		{{DATA - 4, 4, 3}, 0},
		{{DATA - 4, 5, 2}, 1 << STORE | 1 << AMO},
		{{DATA + 17, 1, 3}, 1 << HALF | 1 << BYTE},
		{{DATA + 18, 100, 3}, 0},
		{{RAM_BASE, RAM_BYTES, 1}, 1 << LOAD | 1 << BYTE},
	};

	(void)state;
	for (size_t at = 0; at < sizeof(cases) / sizeof(*cases); at++) {
		struct world world;

		begin(&world);
		set(&world, NULL, 0, &cases[at].watch, 1);
		assert_stops(&world, cases[at].stops);
		end(&world);
	}
}

static void nothing_of_the_instruction_has_happened(void **state)
{
	const struct vm_watch watch = {DATA, 8, 2};
	struct world world;

	(void)state;
	begin(&world);
	set(&world, NULL, 0, &watch, 1);
	assert_int_equal(vm_cpu_run(world.cpu, STEPS), VM_STOP_HIT);
	assert_int_equal(vm_cpu_hit(world.cpu).kind, VM_HIT_WRITE);
	assert_int_equal(vm_cpu_hit(world.cpu).address, DATA);
	assert_int_equal(base_load64(world.ram + 2 * VM_PAGE_BYTES), 0);
	assert_int_equal(vm_cpu_run(world.cpu, STEPS), VM_STOP_HIT);
	assert_int_equal(base_load64(world.ram + 2 * VM_PAGE_BYTES), 1);
	assert_int_equal(vm_cpu_pc(world.cpu), address_of(AMO));
	assert_int_equal(vm_cpu_x(world.cpu, 8), 0);
	end(&world);
}

/* A state that was loaded has met no stop yet. */
static void a_stop_that_was_passed_is_met_again_after_loading(void **state)
{
	const uint64_t first = START;
	uint8_t saved[VM_CPU_STATE_BYTES];
	struct world world;

	(void)state;
	begin(&world);
	set(&world, &first, 1, NULL, 0);
	vm_cpu_save(world.cpu, saved);
	assert_int_equal(vm_cpu_run(world.cpu, STEPS), VM_STOP_HIT);
	assert_int_equal(vm_cpu_load(world.cpu, (struct gw_bytes){saved, sizeof(saved)}, NULL), 0);
	assert_int_equal(vm_cpu_run(world.cpu, STEPS), VM_STOP_HIT);
	assert_int_equal(vm_cpu_count(world.cpu), 0);
	assert_int_equal(vm_cpu_load(world.cpu, (struct gw_bytes){saved, sizeof(saved)}, NULL), 0);
	vm_cpu_pass_stop(world.cpu);
	assert_int_equal(vm_cpu_run(world.cpu, STEPS), VM_STOP_HIT);
	assert_int_equal(vm_cpu_count(world.cpu), INSTRUCTIONS);
	end(&world);
}

static void too_many_are_refused(void **state)
{
	uint64_t breaks[VM_STOPS_MAX + 1] = {0};
	struct world world;

	(void)state;
	begin(&world);
	assert_int_equal(vm_cpu_set_stops(world.cpu, breaks, VM_STOPS_MAX + 1, NULL, 0, NULL),
			 GW_E_TOO_LARGE);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_break_stops_before_its_instruction),
		cmocka_unit_test(a_break_elsewhere_is_none),
		cmocka_unit_test(a_watch_stops_before_the_access),
		cmocka_unit_test(nothing_of_the_instruction_has_happened),
		cmocka_unit_test(a_stop_that_was_passed_is_met_again_after_loading),
		cmocka_unit_test(too_many_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

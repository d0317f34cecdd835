/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbi_test.c - each call has the answer that the specification gives it, and the wish that the
 * machine carries out.
 */
#include "sbi.h"

#include "support/unit.h"

#include <stdlib.h>

enum { RAM_BYTES = 16 * VM_PAGE_BYTES, BASE = 0x10, HART = 0x48534d, FENCE = 0x52464e43 };
enum { TIMER = 0x54494d45, INTERRUPT = 0x735049, RESET = 0x53525354 };
enum { SUCCESS = 0, FAILED = -1, NOT_SUPPORTED = -2, INVALID = -3, AVAILABLE = -6 };

#define ALL UINT64_MAX

struct world {
	uint8_t *ram;
	struct vm_cpu *cpu;
	enum vm_sbi_wish wish;
	uint64_t argument;
};

static void begin(struct world *world)
{
	struct vm_cpu_setup setup = {.ram_base = 0x80000000, .ram_size = RAM_BYTES};

	*world = (struct world){.ram = aligned_alloc(VM_PAGE_BYTES, RAM_BYTES)};
	assert_non_null(world->ram);
	memset(world->ram, 0, RAM_BYTES);
	setup.ram = world->ram;
	setup.blocks_max = 16;
	assert_int_equal(vm_cpu_new(&world->cpu, &setup, NULL), 0);
	vm_sbi_prepare(world->cpu);
}

static void end(struct world *world)
{
	vm_cpu_free(world->cpu);
	free(world->ram);
}

/* a0 after a call. */
static int64_t call(struct world *world, uint64_t extension, uint64_t function, uint64_t first,
		    uint64_t second)
{
	vm_cpu_set_x(world->cpu, 17, extension);
	vm_cpu_set_x(world->cpu, 16, function);
	vm_cpu_set_x(world->cpu, 10, first);
	vm_cpu_set_x(world->cpu, 11, second);
	world->wish = vm_sbi_call(world->cpu, &world->argument);
	return (int64_t)vm_cpu_x(world->cpu, 10);
}

static uint64_t value(const struct world *world)
{
	return vm_cpu_x(world->cpu, 11);
}

static void a_kernel_begins_in_supervisor_mode_with_all_it_needs(void **state)
{
	struct world world;
	uint64_t counters = 0, of_programs = 0;

	(void)state;
	begin(&world);
	assert_int_equal(vm_cpu_mode(world.cpu), VM_MODE_SUPERVISOR);
	assert_true(vm_cpu_csr(world.cpu, 0x306, &counters));
	assert_true(vm_cpu_csr(world.cpu, 0x106, &of_programs));
	assert_int_equal(counters, 7);
	assert_int_equal(of_programs, 7);
	end(&world);
}

static void the_base_says_what_is_there(void **state)
{
	static const uint64_t there[] = {BASE, TIMER, INTERRUPT, FENCE, HART, RESET};
	static const uint64_t missing[] = {0, 1, 2, 8, 0x504d55, 0x4442434e, ALL};
	struct world world;

	(void)state;
	begin(&world);
	assert_int_equal(call(&world, BASE, 0, 0, 0), SUCCESS);
	assert_int_equal(value(&world), 1 << 24);
	for (size_t at = 0; at < sizeof(there) / sizeof(there[0]); at++) {
		assert_int_equal(call(&world, BASE, 3, there[at], 0), SUCCESS);
		assert_int_equal(value(&world), 1);
	}
	for (size_t at = 0; at < sizeof(missing) / sizeof(missing[0]); at++) {
		assert_int_equal(call(&world, BASE, 3, missing[at], 0), SUCCESS);
		assert_int_equal(value(&world), 0);
		assert_int_equal(call(&world, missing[at], 0, 0, 0), NOT_SUPPORTED);
		assert_int_equal(world.wish, VM_SBI_NOTHING);
	}
	for (uint64_t function = 4; function <= 6; function++) {
		assert_int_equal(call(&world, BASE, function, 0, 0), SUCCESS);
		assert_int_equal(value(&world), 0);
	}
	assert_int_equal(call(&world, BASE, 7, 0, 0), NOT_SUPPORTED);
	end(&world);
}

static void the_timer_is_a_wish(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	assert_int_equal(call(&world, TIMER, 0, 12345, 0), SUCCESS);
	assert_int_equal(world.wish, VM_SBI_TIMER);
	assert_int_equal(world.argument, 12345);
	assert_int_equal(call(&world, TIMER, 1, 12345, 0), NOT_SUPPORTED);
	assert_int_equal(world.wish, VM_SBI_NOTHING);
	end(&world);
}

static uint64_t pending(const struct world *world)
{
	uint64_t pending = 0;

	assert_true(vm_cpu_csr(world->cpu, 0x144, &pending));
	return pending;
}

static void an_interrupt_to_oneself_is_pending(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	assert_int_equal(call(&world, INTERRUPT, 0, 0, 0), SUCCESS); /* to nobody */
	assert_int_equal(pending(&world), 0);
	assert_int_equal(call(&world, INTERRUPT, 0, 2, 0), INVALID);
	assert_int_equal(call(&world, INTERRUPT, 0, 1, 1), INVALID);
	assert_int_equal(pending(&world), 0);
	vm_cpu_set_lines(world.cpu, VM_LINE_SUPERVISOR_TIMER, true);
	assert_int_equal(call(&world, INTERRUPT, 0, 1, 0), SUCCESS);
	assert_int_equal(pending(&world), 0x22);
	/* The guest ends it, and nothing else stays behind. */
	assert_true(vm_cpu_set_csr(world.cpu, 0x144, 0));
	vm_cpu_set_lines(world.cpu, VM_LINE_SUPERVISOR_TIMER, false);
	assert_int_equal(pending(&world), 0);
	assert_int_equal(call(&world, INTERRUPT, 0, 0, ALL), SUCCESS);
	assert_int_equal(pending(&world), 2);
	end(&world);
}

static void fences_are_there_for_harts_that_are(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	for (uint64_t function = 0; function <= 2; function++) {
		assert_int_equal(call(&world, FENCE, function, 1, 0), SUCCESS);
		assert_int_equal(call(&world, FENCE, function, 0, ALL), SUCCESS);
		assert_int_equal(call(&world, FENCE, function, 3, 0), INVALID);
	}
	assert_int_equal(call(&world, FENCE, 3, 1, 0), NOT_SUPPORTED);
	end(&world);
}

static void the_one_hart_runs(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	assert_int_equal(call(&world, HART, 0, 0, 0x80000000), AVAILABLE);
	assert_int_equal(call(&world, HART, 0, 1, 0x80000000), INVALID);
	assert_int_equal(call(&world, HART, 1, 0, 0), FAILED);
	assert_int_equal(call(&world, HART, 2, 0, 0), SUCCESS);
	assert_int_equal(value(&world), 0);
	assert_int_equal(call(&world, HART, 2, 1, 0), INVALID);
	assert_int_equal(call(&world, HART, 3, 0, 0), NOT_SUPPORTED);
	end(&world);
}

static void resets_are_wishes(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	assert_int_equal(call(&world, RESET, 0, 0, 0), SUCCESS);
	assert_int_equal(world.wish, VM_SBI_OFF);
	assert_int_equal(world.argument, 0);
	assert_int_equal(call(&world, RESET, 0, 0, 1), SUCCESS);
	assert_int_equal(world.wish, VM_SBI_OFF);
	assert_int_equal(world.argument, 1);
	for (uint64_t type = 1; type <= 2; type++) {
		assert_int_equal(call(&world, RESET, 0, type, 0), SUCCESS);
		assert_int_equal(world.wish, VM_SBI_RESET);
	}
	assert_int_equal(call(&world, RESET, 0, 3, 0), INVALID);
	assert_int_equal(world.wish, VM_SBI_NOTHING);
	assert_int_equal(call(&world, RESET, 0, 0, 2), INVALID);
	assert_int_equal(call(&world, RESET, 1, 0, 0), NOT_SUPPORTED);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_begins_in_supervisor_mode_with_all_it_needs),
		cmocka_unit_test(the_base_says_what_is_there),
		cmocka_unit_test(the_timer_is_a_wish),
		cmocka_unit_test(an_interrupt_to_oneself_is_pending),
		cmocka_unit_test(fences_are_there_for_harts_that_are),
		cmocka_unit_test(the_one_hart_runs),
		cmocka_unit_test(resets_are_wishes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* clint_test.c - the timer and the software interrupt of machine mode. */
#include "clint.h"
#include "rig_fixture.h"

#include "support/unit.h"

#define BASE UINT64_C(0x2000000)
#define COMPARE (BASE + 0x4000)
#define TIME (BASE + 0xbff8)

struct world {
	struct rig rig;
	struct vm_clint *clint;
};

static void start(struct world *world)
{
	rig_start(&world->rig);
	assert_int_equal(vm_clint_new(&world->clint, world->rig.cpu, NULL), 0);
	rig_add(&world->rig, BASE, vm_clint_device(world->clint));
}

static void end(struct world *world)
{
	vm_clint_free(world->clint);
	rig_end(&world->rig);
}

static bool line(const struct world *world, enum vm_line which)
{
	return vm_cpu_lines(world->rig.cpu) & which;
}

static void the_timer_rises_at_its_instant(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	assert_int_equal(rig_read(&world.rig, COMPARE, 8), UINT64_MAX);
	assert_int_equal(vm_devices_next(world.rig.devices), UINT64_MAX);
	rig_write(&world.rig, COMPARE, 8, 1000);
	assert_int_equal(vm_devices_next(world.rig.devices), 1000);
	rig_set_time(&world.rig, 999);
	assert_false(line(&world, VM_LINE_MACHINE_TIMER));
	rig_set_time(&world.rig, 1000);
	assert_true(line(&world, VM_LINE_MACHINE_TIMER));
	assert_int_equal(vm_devices_next(world.rig.devices), UINT64_MAX);
	rig_write(&world.rig, COMPARE, 8, 1001);
	assert_false(line(&world, VM_LINE_MACHINE_TIMER));
	rig_write(&world.rig, COMPARE, 8, 3); /* past: at once */
	assert_true(line(&world, VM_LINE_MACHINE_TIMER));
	end(&world);
}

static void registers_are_accessed_in_halves(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	rig_write(&world.rig, COMPARE, 4, 0x11223344);
	assert_int_equal(rig_read(&world.rig, COMPARE, 8), 0xffffffff11223344);
	rig_write(&world.rig, COMPARE + 4, 4, 0x55667788);
	assert_int_equal(rig_read(&world.rig, COMPARE, 8), 0x5566778811223344);
	assert_int_equal(rig_read(&world.rig, COMPARE + 4, 4), 0x55667788);
	rig_set_time(&world.rig, 0x0102030405060708);
	assert_int_equal(rig_read(&world.rig, TIME, 8), 0x0102030405060708);
	assert_int_equal(rig_read(&world.rig, TIME, 4), 0x05060708);
	assert_int_equal(rig_read(&world.rig, TIME + 4, 4), 0x01020304);
	end(&world);
}

static void the_guest_does_not_set_the_time(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	rig_set_time(&world.rig, 77);
	rig_write(&world.rig, TIME, 8, 5);
	rig_write(&world.rig, TIME + 4, 4, 5);
	assert_int_equal(rig_read(&world.rig, TIME, 8), 77);
	assert_int_equal(vm_cpu_time(world.rig.cpu), 77);
	end(&world);
}

static void the_software_interrupt_is_one_bit(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	rig_write(&world.rig, BASE, 4, 0xffffffff);
	assert_true(line(&world, VM_LINE_MACHINE_SOFTWARE));
	assert_int_equal(rig_read(&world.rig, BASE, 4), 1);
	rig_write(&world.rig, BASE, 4, 2);
	assert_false(line(&world, VM_LINE_MACHINE_SOFTWARE));
	end(&world);
}

static void other_accesses_fault(void **state)
{
	static const struct {
		uint64_t address;
		unsigned size;
	} wrong[] = {
		{BASE, 1}, {BASE, 2}, {BASE, 8}, {BASE + 4, 4}, {BASE + 1, 1}, {COMPARE, 2},
		{COMPARE, 1}, {COMPARE + 8, 8}, {COMPARE + 8, 4}, {TIME, 1}, {TIME - 8, 8},
		{TIME + 2, 4}, {BASE + VM_CLINT_BYTES, 4}, {BASE - 4, 4},
	};
	struct world world;

	(void)state;
	start(&world);
	for (size_t at = 0; at < sizeof(wrong) / sizeof(wrong[0]); at++)
		assert_true(rig_faults(&world.rig, wrong[at].address, wrong[at].size));
	end(&world);
}

static void the_state_is_saved_and_reset(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	rig_write(&world.rig, COMPARE, 8, 1234);
	rig_write(&world.rig, BASE, 4, 1);
	rig_round_trip(&world.rig);
	assert_int_equal(rig_read(&world.rig, COMPARE, 8), 1234);
	assert_int_equal(rig_read(&world.rig, BASE, 4), 1);
	vm_devices_reset(world.rig.devices);
	assert_int_equal(rig_read(&world.rig, COMPARE, 8), UINT64_MAX);
	assert_int_equal(vm_cpu_lines(world.rig.cpu), 0);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_timer_rises_at_its_instant),
		cmocka_unit_test(registers_are_accessed_in_halves),
		cmocka_unit_test(the_guest_does_not_set_the_time),
		cmocka_unit_test(the_software_interrupt_is_one_bit),
		cmocka_unit_test(other_accesses_fault),
		cmocka_unit_test(the_state_is_saved_and_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

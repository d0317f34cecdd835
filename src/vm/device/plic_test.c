/* SPDX-License-Identifier: Apache-2.0 */
/* plic_test.c - interrupts collected: priorities, thresholds, claims, completions. */
#include "plic.h"
#include "rig_fixture.h"

#include "support/unit.h"

#define BASE UINT64_C(0xc000000)

enum { MACHINE = 0, SUPERVISOR = 1 };

struct world {
	struct rig rig;
	struct vm_plic *plic;
};

static void start(struct world *world)
{
	rig_start(&world->rig);
	assert_int_equal(vm_plic_new(&world->plic, world->rig.cpu, NULL), 0);
	rig_add(&world->rig, BASE, vm_plic_device(world->plic));
}

static void end(struct world *world)
{
	vm_plic_free(world->plic);
	rig_end(&world->rig);
}

static void set(struct world *world, unsigned source, bool high)
{
	struct vm_wire wire = vm_plic_wire(world->plic, source);

	vm_wire_set(&wire, high);
}

static void set_priority(struct world *world, unsigned source, uint64_t priority)
{
	rig_write(&world->rig, BASE + 4 * source, 4, priority);
}

static uint64_t enable_of(unsigned context, unsigned source)
{
	return BASE + 0x2000 + 0x80 * context + source / 32 * 4;
}

static void enable(struct world *world, unsigned context, unsigned source)
{
	uint64_t address = enable_of(context, source);
	uint64_t word = rig_read(&world->rig, address, 4);

	rig_write(&world->rig, address, 4, word | UINT64_C(1) << source % 32);
}

static uint64_t threshold_of(unsigned context)
{
	return BASE + 0x200000 + 0x1000 * context;
}

static uint64_t claim(struct world *world, unsigned context)
{
	return rig_read(&world->rig, threshold_of(context) + 4, 4);
}

static void complete(struct world *world, unsigned context, uint64_t source)
{
	rig_write(&world->rig, threshold_of(context) + 4, 4, source);
}

static bool pending(struct world *world, unsigned source)
{
	return rig_read(&world->rig, BASE + 0x1000 + source / 32 * 4, 4) >> source % 32 & 1;
}

static bool line(const struct world *world, unsigned context)
{
	return vm_cpu_lines(world->rig.cpu) &
	       (context == MACHINE ? VM_LINE_MACHINE_EXTERNAL : VM_LINE_SUPERVISOR_EXTERNAL);
}

static void a_source_is_claimed_and_completed(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	set_priority(&world, 10, 1);
	enable(&world, SUPERVISOR, 10);
	assert_int_equal(claim(&world, SUPERVISOR), 0);
	set(&world, 10, true);
	assert_true(pending(&world, 10));
	assert_true(line(&world, SUPERVISOR));
	assert_false(line(&world, MACHINE));
	assert_int_equal(claim(&world, SUPERVISOR), 10);
	assert_false(pending(&world, 10));
	assert_false(line(&world, SUPERVISOR));
	set(&world, 10, false);
	complete(&world, SUPERVISOR, 10);
	assert_false(line(&world, SUPERVISOR));
	end(&world);
}

static void a_level_that_stays_is_pending_again(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	set_priority(&world, 3, 7);
	enable(&world, MACHINE, 3);
	set(&world, 3, true);
	assert_int_equal(claim(&world, MACHINE), 3);
	set(&world, 3, false);
	set(&world, 3, true);
	assert_false(pending(&world, 3)); /* the gateway waits for the completion */
	complete(&world, MACHINE, 3);
	assert_true(pending(&world, 3));
	assert_true(line(&world, MACHINE));
	set(&world, 3, false);
	assert_true(pending(&world, 3)); /* as it was latched */
	assert_int_equal(claim(&world, MACHINE), 3);
	end(&world);
}

static void the_highest_priority_is_first_then_the_lowest_number(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	for (unsigned source = 1; source < 5; source++) {
		set_priority(&world, source, source == 3 ? 5 : 2);
		enable(&world, SUPERVISOR, source);
		set(&world, source, true);
	}
	assert_int_equal(claim(&world, SUPERVISOR), 3);
	assert_int_equal(claim(&world, SUPERVISOR), 1);
	assert_int_equal(claim(&world, SUPERVISOR), 2);
	assert_int_equal(claim(&world, SUPERVISOR), 4);
	assert_int_equal(claim(&world, SUPERVISOR), 0);
	end(&world);
}

static void a_threshold_holds_the_line_not_the_claim(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	set_priority(&world, 33, 4);
	enable(&world, SUPERVISOR, 33);
	rig_write(&world.rig, threshold_of(SUPERVISOR), 4, 4);
	assert_int_equal(rig_read(&world.rig, threshold_of(SUPERVISOR), 4), 4);
	set(&world, 33, true);
	assert_false(line(&world, SUPERVISOR));
	rig_write(&world.rig, threshold_of(SUPERVISOR), 4, 3);
	assert_true(line(&world, SUPERVISOR));
	rig_write(&world.rig, threshold_of(SUPERVISOR), 4, 7);
	assert_false(line(&world, SUPERVISOR));
	assert_int_equal(claim(&world, SUPERVISOR), 33);
	end(&world);
}

static void priority_zero_never_interrupts(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	enable(&world, MACHINE, 9);
	set(&world, 9, true);
	assert_true(pending(&world, 9));
	assert_false(line(&world, MACHINE));
	assert_int_equal(claim(&world, MACHINE), 0);
	set_priority(&world, 9, 1);
	assert_true(line(&world, MACHINE));
	end(&world);
}

static void only_the_enabled_are_completed(void **state)
{
	struct world world;
	uint64_t address = enable_of(SUPERVISOR, 5);

	(void)state;
	start(&world);
	set_priority(&world, 5, 1);
	enable(&world, SUPERVISOR, 5);
	set(&world, 5, true);
	assert_int_equal(claim(&world, SUPERVISOR), 5);
	rig_write(&world.rig, address, 4, 0);
	complete(&world, SUPERVISOR, 5); /* as Linux must not */
	assert_false(pending(&world, 5));
	complete(&world, SUPERVISOR, 64);
	complete(&world, SUPERVISOR, 0xffffffff);
	complete(&world, MACHINE, 5);
	assert_false(pending(&world, 5));
	enable(&world, SUPERVISOR, 5);
	complete(&world, SUPERVISOR, 5);
	assert_true(pending(&world, 5));
	end(&world);
}

static void both_contexts_see_a_source_one_claims_it(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	set_priority(&world, 8, 1);
	enable(&world, MACHINE, 8);
	enable(&world, SUPERVISOR, 8);
	set(&world, 8, true);
	assert_true(line(&world, MACHINE));
	assert_true(line(&world, SUPERVISOR));
	assert_int_equal(claim(&world, MACHINE), 8);
	assert_false(line(&world, SUPERVISOR));
	assert_int_equal(claim(&world, SUPERVISOR), 0);
	end(&world);
}

static void registers_hold_what_there_is(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	set_priority(&world, 0, 7); /* no source */
	assert_int_equal(rig_read(&world.rig, BASE, 4), 0);
	set_priority(&world, 7, 0xff);
	assert_int_equal(rig_read(&world.rig, BASE + 28, 4), VM_PLIC_PRIORITY_MAX);
	rig_write(&world.rig, BASE + 4 * 500, 4, 1); /* specified, not there */
	assert_int_equal(rig_read(&world.rig, BASE + 4 * 500, 4), 0);
	rig_write(&world.rig, enable_of(MACHINE, 0), 4, 0xffffffff);
	assert_int_equal(rig_read(&world.rig, enable_of(MACHINE, 0), 4), 0xfffffffe);
	rig_write(&world.rig, enable_of(MACHINE, 32), 4, 0xffffffff);
	assert_int_equal(rig_read(&world.rig, enable_of(MACHINE, 32), 4), 0xffffffff);
	assert_int_equal(rig_read(&world.rig, enable_of(MACHINE, 0), 4), 0xfffffffe);
	rig_write(&world.rig, enable_of(MACHINE, 64), 4, 0xffffffff);
	assert_int_equal(rig_read(&world.rig, enable_of(MACHINE, 64), 4), 0);
	rig_write(&world.rig, BASE + 0x1000, 4, 0xffffffff); /* pending is read only */
	assert_int_equal(rig_read(&world.rig, BASE + 0x1000, 4), 0);
	assert_int_equal(rig_read(&world.rig, BASE + 0x107c, 4), 0);
	end(&world);
}

static void other_accesses_fault(void **state)
{
	static const struct {
		uint64_t offset;
		unsigned size;
	} wrong[] = {
		{4, 1}, {4, 2}, {8, 8}, {0x1080, 4}, {0x2100, 4}, {0x1ffffc, 4}, {0x200008, 4},
		{0x202000, 4}, {0x200004, 8}, {VM_PLIC_BYTES - 4, 4}, {VM_PLIC_BYTES, 4},
	};
	struct world world;

	(void)state;
	start(&world);
	for (size_t at = 0; at < sizeof(wrong) / sizeof(wrong[0]); at++)
		assert_true(rig_faults(&world.rig, BASE + wrong[at].offset, wrong[at].size));
	end(&world);
}

static void the_state_is_saved_and_reset(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	set_priority(&world, 10, 3);
	set_priority(&world, 40, 2);
	enable(&world, SUPERVISOR, 10);
	enable(&world, SUPERVISOR, 40);
	set(&world, 10, true);
	set(&world, 40, true);
	assert_int_equal(claim(&world, SUPERVISOR), 10);
	rig_round_trip(&world.rig);
	assert_true(pending(&world, 40));
	assert_false(pending(&world, 10));
	complete(&world, SUPERVISOR, 10);
	assert_true(pending(&world, 10));
	vm_devices_reset(world.rig.devices);
	assert_false(line(&world, SUPERVISOR));
	assert_true(pending(&world, 10)); /* its wire is still high */
	assert_int_equal(rig_read(&world.rig, BASE + 40, 4), 0);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_is_claimed_and_completed),
		cmocka_unit_test(a_level_that_stays_is_pending_again),
		cmocka_unit_test(the_highest_priority_is_first_then_the_lowest_number),
		cmocka_unit_test(a_threshold_holds_the_line_not_the_claim),
		cmocka_unit_test(priority_zero_never_interrupts),
		cmocka_unit_test(only_the_enabled_are_completed),
		cmocka_unit_test(both_contexts_see_a_source_one_claims_it),
		cmocka_unit_test(registers_hold_what_there_is),
		cmocka_unit_test(other_accesses_fault),
		cmocka_unit_test(the_state_is_saved_and_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

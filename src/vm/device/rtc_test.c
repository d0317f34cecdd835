/* SPDX-License-Identifier: Apache-2.0 */
/* rtc_test.c - the clock, driven as Linux's driver for goldfish clocks does. */
#include "rig_fixture.h"
#include "rtc.h"

#include "support/unit.h"

#define BASE UINT64_C(0x101000)
#define START_NS UINT64_C(1700000000123456789)

enum {
	TIME_LOW = 0x00,
	TIME_HIGH = 0x04,
	ALARM_LOW = 0x08,
	ALARM_HIGH = 0x0c,
	IRQ_ENABLED = 0x10,
	CLEAR_ALARM = 0x14,
	ALARM_STATUS = 0x18,
	CLEAR_INTERRUPT = 0x1c,
};

struct world {
	struct rig rig;
	struct vm_rtc *rtc;
};

static void start(struct world *world)
{
	struct vm_rtc_setup setup = {.start_ns = START_NS, .tick_ns = 100};

	rig_start(&world->rig);
	setup.wire = rig_wire(&world->rig, 0);
	setup.cpu = world->rig.cpu;
	assert_int_equal(vm_rtc_new(&world->rtc, &setup, NULL), 0);
	rig_add(&world->rig, BASE, vm_rtc_device(world->rtc));
}

static void end(struct world *world)
{
	vm_rtc_free(world->rtc);
	rig_end(&world->rig);
}

static uint64_t get(struct world *world, uint64_t offset)
{
	return rig_read(&world->rig, BASE + offset, 4);
}

static void put(struct world *world, uint64_t offset, uint64_t value)
{
	rig_write(&world->rig, BASE + offset, 4, value);
}

static uint64_t now(struct world *world)
{
	uint64_t low = get(world, TIME_LOW);

	return get(world, TIME_HIGH) << 32 | low;
}

static void set_alarm(struct world *world, uint64_t at)
{
	put(world, ALARM_HIGH, at >> 32);
	put(world, ALARM_LOW, at & 0xffffffff);
	put(world, IRQ_ENABLED, 1);
}

static void it_goes_with_the_machines_time(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	assert_int_equal(now(&world), START_NS);
	rig_set_time(&world.rig, 12345);
	assert_int_equal(now(&world), START_NS + 1234500);
	end(&world);
}

static void the_high_half_is_of_the_same_instant(void **state)
{
	struct world world;
	uint64_t to_wrap = (UINT64_C(0x100000000) - (uint32_t)START_NS) / 100, low;

	(void)state;
	start(&world);
	rig_set_time(&world.rig, to_wrap);
	low = get(&world, TIME_LOW);
	rig_set_time(&world.rig, to_wrap + 1);
	assert_int_equal(get(&world, TIME_HIGH) << 32 | low, START_NS + to_wrap * 100);
	end(&world);
}

static void the_guest_sets_it(void **state)
{
	struct world world;
	uint64_t wish = UINT64_C(946684800000000000);

	(void)state;
	start(&world);
	rig_set_time(&world.rig, 10);
	put(&world, TIME_HIGH, wish >> 32);
	assert_int_equal(now(&world), START_NS + 1000);
	put(&world, TIME_LOW, wish & 0xffffffff);
	assert_int_equal(now(&world), wish);
	rig_set_time(&world.rig, 20);
	assert_int_equal(now(&world), wish + 1000);
	end(&world);
}

static void an_alarm_rings_at_its_instant(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	assert_int_equal(vm_devices_next(world.rig.devices), UINT64_MAX);
	set_alarm(&world, START_NS + 1001);
	assert_int_equal(get(&world, ALARM_STATUS), 1);
	assert_int_equal(get(&world, ALARM_HIGH) << 32 | get(&world, ALARM_LOW), START_NS + 1001);
	assert_int_equal(vm_devices_next(world.rig.devices), 11);
	rig_set_time(&world.rig, 10);
	assert_false(world.rig.high[0]);
	rig_set_time(&world.rig, 11);
	assert_true(world.rig.high[0]);
	assert_int_equal(get(&world, ALARM_STATUS), 0);
	assert_int_equal(vm_devices_next(world.rig.devices), UINT64_MAX);
	put(&world, CLEAR_INTERRUPT, 1);
	assert_false(world.rig.high[0]);
	end(&world);
}

static void an_alarm_in_the_past_rings_at_once(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	rig_set_time(&world.rig, 50);
	set_alarm(&world, START_NS);
	assert_true(world.rig.high[0]);
	put(&world, IRQ_ENABLED, 0);
	assert_false(world.rig.high[0]);
	put(&world, IRQ_ENABLED, 1);
	assert_true(world.rig.high[0]);
	end(&world);
}

static void an_alarm_is_cleared(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	set_alarm(&world, START_NS + 1000);
	put(&world, CLEAR_ALARM, 1);
	assert_int_equal(get(&world, ALARM_STATUS), 0);
	assert_int_equal(vm_devices_next(world.rig.devices), UINT64_MAX);
	rig_set_time(&world.rig, 100);
	assert_false(world.rig.high[0]);
	end(&world);
}

static void a_clock_that_is_set_passes_its_alarm(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	set_alarm(&world, START_NS + (UINT64_C(1) << 40));
	put(&world, TIME_HIGH, 0xffffffff);
	put(&world, TIME_LOW, 0xfffffff0);
	assert_true(world.rig.high[0]);
	set_alarm(&world, UINT64_MAX); /* further than ticks can count is never */
	put(&world, TIME_HIGH, 0);
	put(&world, TIME_LOW, 0);
	assert_int_equal(vm_devices_next(world.rig.devices), (UINT64_MAX - 1) / 100 + 1);
	end(&world);
}

static void other_accesses_fault(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	assert_true(rig_faults(&world.rig, BASE, 1));
	assert_true(rig_faults(&world.rig, BASE, 8));
	assert_true(rig_faults(&world.rig, BASE + 0x20, 4));
	assert_int_equal(get(&world, CLEAR_ALARM), 0);
	assert_int_equal(get(&world, CLEAR_INTERRUPT), 0);
	assert_int_equal(get(&world, IRQ_ENABLED), 0);
	put(&world, ALARM_STATUS, 1);
	assert_int_equal(get(&world, ALARM_STATUS), 0);
	end(&world);
}

static void the_state_is_saved_and_reset(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	put(&world, TIME_HIGH, 1);
	put(&world, TIME_LOW, 2);
	set_alarm(&world, UINT64_C(1) << 33);
	rig_round_trip(&world.rig);
	assert_int_equal(now(&world), UINT64_C(1) << 32 | 2);
	assert_int_equal(get(&world, ALARM_STATUS), 1);
	vm_devices_reset(world.rig.devices);
	assert_int_equal(now(&world), START_NS);
	assert_int_equal(vm_devices_next(world.rig.devices), UINT64_MAX);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_goes_with_the_machines_time),
		cmocka_unit_test(the_high_half_is_of_the_same_instant),
		cmocka_unit_test(the_guest_sets_it),
		cmocka_unit_test(an_alarm_rings_at_its_instant),
		cmocka_unit_test(an_alarm_in_the_past_rings_at_once),
		cmocka_unit_test(an_alarm_is_cleared),
		cmocka_unit_test(a_clock_that_is_set_passes_its_alarm),
		cmocka_unit_test(other_accesses_fault),
		cmocka_unit_test(the_state_is_saved_and_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

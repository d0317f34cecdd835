/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switches_test.c - rare paths, planted bugs and probes, as code below the simulator sees them.
 */
#include "sim/switches.h"

#include <stdio.h>

#include "support/fake_io.h"
#include "support/unit.h"

static const struct sim_switch *named(const struct sim_switches *switches, const char *name)
{
	for (size_t i = 0; i < switches->count; i++) {
		if (strcmp(switches->items[i].literal, name) == 0)
			return &switches->items[i];
	}
	return NULL;
}

static void a_real_io_takes_none_of_them(void **state)
{
	struct fake fake;

	(void)state;
	fake_init(&fake);
	fake.io.rare = NULL; /* but in tests with a planted bug (support/planted.h) */
	assert_false(IO_RARE(&fake.io, "test.rare"));
	assert_false(IO_BUG(&fake.io, "test.bug"));
	IO_PROBE(&fake.io, "test.probe");
}

static void only_the_bug_that_was_asked_for_is_on(void **state)
{
	struct sim_switches switches;
	struct fake fake;

	(void)state;
	fake_init(&fake);
	sim_switches_init(&switches, 1, "test.bug");
	fake.io.rare = &switches.rare;
	assert_true(IO_BUG(&fake.io, "test.bug"));
	assert_false(IO_BUG(&fake.io, "test.other"));
	assert_true(IO_BUG(&fake.io, "test.bug"));
	assert_int_equal(named(&switches, "test.bug")->count, 2);
	assert_null(named(&switches, "test.other"));
	sim_switches_init(&switches, 1, NULL);
	assert_false(IO_BUG(&fake.io, "test.bug"));
}

static void a_rare_path_is_taken_now_and_then_in_some_seeds(void **state)
{
	unsigned seeds = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct sim_switches switches, again;
		struct fake fake, other;
		unsigned taken = 0;

		fake_init(&fake);
		fake_init(&other);
		sim_switches_init(&switches, seed, NULL);
		sim_switches_init(&again, seed, NULL);
		fake.io.rare = &switches.rare;
		other.io.rare = &again.rare;
		for (int i = 0; i < 200; i++) {
			bool now = IO_RARE(&fake.io, "test.rare");

			assert_int_equal(now, IO_RARE(&other.io, "test.rare"));
			taken += now;
		}
		assert_int_equal(named(&switches, "test.rare")->count, taken);
		assert_true(taken < 100);
		seeds += taken > 0;
	}
	assert_in_range(seeds, 50, 150);
}

static void a_probe_counts_how_often_it_was_reached(void **state)
{
	struct sim_switches switches;
	struct fake fake;

	(void)state;
	fake_init(&fake);
	sim_switches_init(&switches, 1, NULL);
	fake.io.rare = &switches.rare;
	for (int i = 0; i < 7; i++)
		IO_PROBE(&fake.io, "test.probe");
	assert_int_equal(named(&switches, "test.probe")->count, 7);
	assert_int_equal(named(&switches, "test.probe")->kind, SIM_SWITCH_PROBE);
}

static void more_names_than_fit_are_not_counted(void **state)
{
	char names[SIM_SWITCHES_MAX + 10][8];
	struct sim_switches switches;

	(void)state;
	sim_switches_init(&switches, 1, NULL);
	for (int i = 0; i < SIM_SWITCHES_MAX + 10; i++) {
		snprintf(names[i], sizeof(names[i]), "t.%d", i);
		switches.rare.probe(&switches.rare, names[i]);
	}
	assert_int_equal(switches.count, SIM_SWITCHES_MAX);
	assert_false(switches.rare.rare(&switches.rare, "one more"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_io_takes_none_of_them),
		cmocka_unit_test(only_the_bug_that_was_asked_for_is_on),
		cmocka_unit_test(a_rare_path_is_taken_now_and_then_in_some_seeds),
		cmocka_unit_test(a_probe_counts_how_often_it_was_reached),
		cmocka_unit_test(more_names_than_fit_are_not_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* uv_spin_test.c - when a loop looks before it sleeps. */
#include "io/uv_spin.h"

#include "support/unit.h"

enum { LIMIT_NS = 50000 };

/* So many waits, each as the spin wants it; how many began with a look. */
static unsigned wait_often(struct real_spin *spin, unsigned times, uint64_t ns, bool found)
{
	unsigned looks = 0;

	for (unsigned i = 0; i < times; i++) {
		bool looks_now = real_spin_wanted(spin);

		looks += looks_now;
		real_spin_waited(spin, looks_now && !found ? LIMIT_NS + ns : ns, looks_now, found);
	}
	return looks;
}

static void it_never_looks_when_it_is_not_to(void **state)
{
	struct real_spin spin = {0};

	(void)state;
	assert_int_equal(wait_often(&spin, 100, 0, true), 0);
}

static void it_looks_after_short_waits_only(void **state)
{
	struct real_spin spin = {.limit_ns = LIMIT_NS};

	(void)state;
	assert_int_equal(wait_often(&spin, 1000, REAL_SPIN_SLEPT * LIMIT_NS + 1, true), 0);
	assert_int_equal(wait_often(&spin, REAL_SPIN_AFTER_MIN, 1000, true), 0);
	assert_int_equal(wait_often(&spin, 1000, 1000, true), 1000);
	assert_int_equal(wait_often(&spin, 1, LIMIT_NS + 1, true), 1);
	assert_int_equal(wait_often(&spin, REAL_SPIN_AFTER_MIN, 1000, true), 0);
	assert_int_equal(wait_often(&spin, 1, 1000, true), 1);
}

static void looks_in_vain_become_rare(void **state)
{
	struct real_spin spin = {.limit_ns = LIMIT_NS};
	unsigned looks;

	(void)state;
	looks = wait_often(&spin, 10000, 1000, false);
	assert_in_range(looks, 5, 12);
	looks = wait_often(&spin, 100 * REAL_SPIN_AFTER_MAX, 1000, false);
	assert_in_range(looks, 90, 101);
	assert_int_equal(spin.after, REAL_SPIN_AFTER_MAX);
}

static void when_they_are_worth_it_again_it_trusts_them_again(void **state)
{
	struct real_spin spin = {.limit_ns = LIMIT_NS};

	(void)state;
	(void)wait_often(&spin, 10000, 1000, false);
	assert_true(spin.after > REAL_SPIN_AFTER_MIN);
	(void)wait_often(&spin, REAL_SPIN_AFTER_MAX + REAL_SPIN_TRUSTED, 1000, true);
	assert_int_equal(spin.after, 0);
	assert_int_equal(wait_often(&spin, 100, 1000, true), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_never_looks_when_it_is_not_to),
		cmocka_unit_test(it_looks_after_short_waits_only),
		cmocka_unit_test(looks_in_vain_become_rare),
		cmocka_unit_test(when_they_are_worth_it_again_it_trusts_them_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trouble_test.c - what is remembered of failures: when a record is bad, when a block is searched,
 * how the bad ones are listed.
 */
#include "trouble.h"

#include "support/unit.h"

static struct mr_failure at(enum mr_where where, uint64_t offset)
{
	return (struct mr_failure){.cause = MR_CAUSE_SIGNAL,
				   .code = 11,
				   .where = where,
				   .position = {1, offset},
				   .block_size = where == MR_IN_BLOCK ? 4 : 0};
}

static void test_the_second_time_at_one_record(void **state)
{
	struct mr_trouble trouble = {0};
	struct mr_failure here = at(MR_IN_RECORD, 10), there = at(MR_IN_RECORD, 20);
	struct mr_failure nowhere = at(MR_IN_ENGINE, 10);

	(void)state;
	assert_int_equal(mr_trouble_failed(&trouble, &here, false), MR_TROUBLE_COUNT);
	assert_int_equal(mr_trouble_failed(&trouble, &there, false), MR_TROUBLE_COUNT);
	assert_int_equal(mr_trouble_failed(&trouble, &nowhere, false), MR_TROUBLE_COUNT);
	assert_int_equal(mr_trouble_failed(&trouble, &nowhere, false), MR_TROUBLE_COUNT);
	assert_int_equal(mr_trouble_failed(&trouble, &here, false), MR_TROUBLE_BAD);
	assert_int_equal(trouble.failure.position.offset, 10);
}

static void test_a_record_is_no_block(void **state)
{
	struct mr_trouble trouble = {0};
	struct mr_failure record = at(MR_IN_RECORD, 10), block = at(MR_IN_BLOCK, 10);

	(void)state;
	assert_int_equal(mr_trouble_failed(&trouble, &record, false), MR_TROUBLE_COUNT);
	assert_int_equal(mr_trouble_failed(&trouble, &block, false), MR_TROUBLE_COUNT);
	assert_false(trouble.probing);
	assert_int_equal(mr_trouble_failed(&trouble, &block, false), MR_TROUBLE_AGAIN);
	assert_true(trouble.probing);
}

static void test_the_oldest_place_is_forgotten(void **state)
{
	struct mr_trouble trouble = {0};

	(void)state;
	for (uint64_t i = 0; i <= MR_SUSPECTS_MAX; i++) {
		struct mr_failure failure = at(MR_IN_RECORD, i);

		assert_int_equal(mr_trouble_failed(&trouble, &failure, false), MR_TROUBLE_COUNT);
	}
	for (uint64_t i = MR_SUSPECTS_MAX; i > 0; i--) {
		struct mr_failure failure = at(MR_IN_RECORD, i);

		assert_int_equal(mr_trouble_failed(&trouble, &failure, false), MR_TROUBLE_BAD);
	}
}

static void test_a_probe_killed_once_is_not_believed(void **state)
{
	struct mr_trouble trouble = {0};
	struct mr_failure block = at(MR_IN_BLOCK, 10), killed = at(MR_IN_BLOCK, 10);

	(void)state;
	killed.outside = true;
	assert_int_equal(mr_trouble_failed(&trouble, &block, false), MR_TROUBLE_COUNT);
	assert_int_equal(mr_trouble_failed(&trouble, &block, false), MR_TROUBLE_AGAIN);
	assert_int_equal(trouble.bisect.to, 14);
	assert_int_equal(mr_trouble_failed(&trouble, &killed, true), MR_TROUBLE_AGAIN);
	assert_int_equal(trouble.bisect.to, 14); /* as before */
	assert_int_equal(mr_trouble_failed(&trouble, &killed, true), MR_TROUBLE_AGAIN);
	assert_int_equal(trouble.bisect.to, 12); /* twice is enough */
}

static void test_a_search_that_finds_nothing(void **state)
{
	struct mr_trouble trouble = {0};
	struct mr_failure block = at(MR_IN_BLOCK, 10);
	enum mr_trouble_next next = MR_TROUBLE_AGAIN;

	(void)state;
	assert_int_equal(mr_trouble_failed(&trouble, &block, false), MR_TROUBLE_COUNT);
	assert_int_equal(mr_trouble_failed(&trouble, &block, false), MR_TROUBLE_AGAIN);
	for (int probes = 0; next == MR_TROUBLE_AGAIN; probes++) {
		assert_in_range(probes, 0, 4);
		next = mr_trouble_lived(&trouble);
	}
	assert_int_equal(next, MR_TROUBLE_COUNT);
	assert_false(trouble.probing);
}

static void test_skips_are_sorted_and_once(void **state)
{
	static const uint64_t offsets[] = {50, 10, 90, 70, 20};
	struct mr_trouble trouble = {0};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		trouble.failure = at(MR_IN_RECORD, offsets[i]);
		assert_true(mr_trouble_skip(&trouble));
		assert_false(mr_trouble_skip(&trouble));
	}
	assert_int_equal(trouble.skip_count, 5);
	for (unsigned i = 1; i < 5; i++)
		assert_true(trouble.skips[i - 1].offset < trouble.skips[i].offset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_second_time_at_one_record),
		cmocka_unit_test(test_a_record_is_no_block),
		cmocka_unit_test(test_the_oldest_place_is_forgotten),
		cmocka_unit_test(test_a_probe_killed_once_is_not_believed),
		cmocka_unit_test(test_a_search_that_finds_nothing),
		cmocka_unit_test(test_skips_are_sorted_and_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

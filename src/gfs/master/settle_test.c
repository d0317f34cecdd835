/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settle_test.c - what replicas that lost power have in common.
 */
#include "gfs/master/settle.h"

#include "support/unit.h"

enum { BLOCK = GFS_BLOCK_BYTES };

static void an_older_version_does_not_count(void **state)
{
	const struct gfs_settle_replica replicas[] = {
		{.version = 4, .length = 10},
		{.version = 5, .length = 7},
		{.version = 5, .length = 9}};

	(void)state;
	assert_int_equal(gfs_settle_newest(replicas, 3), 6);
	assert_int_equal(gfs_settle_length(replicas, 3, 6), 7);
	assert_int_equal(gfs_settle_newest(replicas, 1), 1);
}

static void what_is_alike_is_kept_to_the_end_of_the_shortest(void **state)
{
	const uint32_t crcs[] = {1, 2, 3};
	const struct gfs_settle_replica replicas[] = {
		{.length = 2 * BLOCK + 5, .synced = 0, .crcs = crcs, .crc_count = 3},
		{.length = 2 * BLOCK + 9, .synced = BLOCK, .crcs = crcs, .crc_count = 3}};

	(void)state;
	assert_int_equal(gfs_settle_common(replicas, 2, 3, 2 * BLOCK + 5), 2 * BLOCK + 5);
	assert_int_equal(gfs_settle_alike(replicas, 2, 3), 3);
}

static void a_block_that_differs_ends_what_was_not_synced(void **state)
{
	const uint32_t one[] = {1, 2, 3}, other[] = {1, 7, 3};
	struct gfs_settle_replica replicas[] = {
		{.length = 3 * BLOCK, .synced = 100, .crcs = one, .crc_count = 3},
		{.length = 3 * BLOCK, .synced = 90, .crcs = other, .crc_count = 3}};

	(void)state;
	assert_int_equal(gfs_settle_common(replicas, 2, 3, 3 * BLOCK), BLOCK);
	/* One alone differs from nobody. */
	assert_int_equal(gfs_settle_common(replicas, 2, 2, 3 * BLOCK), 3 * BLOCK);
	/* A sync that not all know of was never acknowledged. */
	replicas[0].synced = 3 * BLOCK;
	assert_int_equal(gfs_settle_common(replicas, 2, 3, 3 * BLOCK), BLOCK);
	replicas[1].synced = BLOCK + 50;
	assert_int_equal(gfs_settle_common(replicas, 2, 3, 3 * BLOCK), BLOCK + 50);
}

static void what_was_synced_is_kept_though_it_differs(void **state)
{
	const uint32_t one[] = {1, 2, 3}, other[] = {9, 2, 3};
	const struct gfs_settle_replica replicas[] = {
		{.length = 3 * BLOCK, .synced = 2 * BLOCK, .crcs = one, .crc_count = 3},
		{.length = 3 * BLOCK, .synced = 2 * BLOCK, .crcs = other, .crc_count = 3},
		{.length = 3 * BLOCK, .synced = 2 * BLOCK, .crcs = other, .crc_count = 3}};

	(void)state;
	assert_int_equal(gfs_settle_common(replicas, 3, 7, 3 * BLOCK), 3 * BLOCK);
	assert_int_equal(gfs_settle_alike(replicas, 3, 7), 6);
	assert_int_equal(gfs_settle_alike(replicas, 3, 5), 1);
}

static void who_synced_more_than_it_has_is_not_believed(void **state)
{
	const uint32_t one[] = {1, 2, 3}, other[] = {1, 7, 3};
	const struct gfs_settle_replica replicas[] = {
		{.length = 3 * BLOCK, .synced = 9 * BLOCK, .crcs = one, .crc_count = 3},
		{.length = 3 * BLOCK, .synced = 8 * BLOCK, .crcs = other, .crc_count = 3}};

	(void)state;
	assert_int_equal(gfs_settle_common(replicas, 2, 3, 3 * BLOCK), 3 * BLOCK);
}

static void an_empty_chunk_is_settled_too(void **state)
{
	const struct gfs_settle_replica replicas[] = {{.length = 0}, {.length = 5}};

	(void)state;
	assert_int_equal(gfs_settle_length(replicas, 2, 3), 0);
	assert_int_equal(gfs_settle_common(replicas, 2, 3, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_older_version_does_not_count),
		cmocka_unit_test(what_is_alike_is_kept_to_the_end_of_the_shortest),
		cmocka_unit_test(a_block_that_differs_ends_what_was_not_synced),
		cmocka_unit_test(what_was_synced_is_kept_though_it_differs),
		cmocka_unit_test(who_synced_more_than_it_has_is_not_believed),
		cmocka_unit_test(an_empty_chunk_is_settled_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

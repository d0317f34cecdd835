/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replicas_test.c - where replicas are, slot by slot.
 */
#include "gfs/master/replicas.h"

#include "support/unit.h"

static bool has(const struct gfs_replicas *replicas, uint32_t slot, uint16_t server)
{
	struct gfs_set set;

	gfs_replicas_of(replicas, slot, &set);
	for (uint32_t i = 0; i < set.count; i++)
		if (set.servers[i] == server)
			return true;
	return false;
}

static void a_replica_is_there_once_until_it_is_removed(void **state)
{
	struct gfs_replicas replicas = {0};
	struct gfs_set set;

	(void)state;
	gfs_replicas_of(&replicas, 70000, &set);
	assert_int_equal(set.count, 0);
	assert_false(gfs_replicas_remove(&replicas, 5, 3));
	assert_int_equal(gfs_replicas_add(&replicas, 70000, 3, NULL), 1);
	assert_int_equal(gfs_replicas_add(&replicas, 70000, 3, NULL), 0);
	assert_int_equal(gfs_replicas_add(&replicas, 0, GFS_SERVERS_MAX, NULL), 1);
	assert_int_equal(replicas.count, 2);
	assert_true(has(&replicas, 70000, 3));
	assert_false(has(&replicas, 69999, 3));
	assert_true(has(&replicas, 0, GFS_SERVERS_MAX));
	assert_true(gfs_replicas_remove(&replicas, 70000, 3));
	assert_false(gfs_replicas_remove(&replicas, 70000, 3));
	assert_int_equal(replicas.count, 1);
	gfs_replicas_done(&replicas);
}

static void a_slot_has_so_many_and_no_more(void **state)
{
	struct gfs_replicas replicas = {0};
	struct gfs_set set;

	(void)state;
	for (uint16_t server = 1; server <= GFS_GOAL_MAX; server++)
		assert_int_equal(gfs_replicas_add(&replicas, 9, server, NULL), 1);
	assert_int_equal(gfs_replicas_add(&replicas, 9, GFS_GOAL_MAX + 1, NULL), GW_E_TOO_LARGE);
	assert_int_equal(gfs_replicas_add(&replicas, 9, 4, NULL), 0);
	assert_true(gfs_replicas_remove(&replicas, 9, 4));
	assert_int_equal(gfs_replicas_add(&replicas, 9, GFS_GOAL_MAX + 1, NULL), 1);
	gfs_replicas_of(&replicas, 9, &set);
	assert_int_equal(set.count, GFS_GOAL_MAX);
	assert_false(has(&replicas, 9, 4));
	gfs_replicas_forget(&replicas, 9);
	gfs_replicas_of(&replicas, 9, &set);
	assert_int_equal(set.count, 0);
	assert_int_equal(replicas.count, 0);
	gfs_replicas_done(&replicas);
}

struct lost {
	uint32_t slots[8], count;
};

static void note(void *context, uint32_t slot)
{
	struct lost *lost = context;

	assert_true(lost->count < 8);
	lost->slots[lost->count++] = slot;
}

static void a_server_that_is_gone_is_taken_out_of_a_range(void **state)
{
	struct gfs_replicas replicas = {0};
	struct lost lost = {0};

	(void)state;
	for (uint32_t slot = 10; slot < 20; slot += 2) {
		assert_int_equal(gfs_replicas_add(&replicas, slot, 1, NULL), 1);
		assert_int_equal(gfs_replicas_add(&replicas, slot, 2, NULL), 1);
	}
	gfs_replicas_lose(&replicas, 1, 12, 16, note, &lost);
	assert_int_equal(lost.count, 2);
	assert_int_equal(lost.slots[0], 12);
	assert_int_equal(lost.slots[1], 14);
	assert_true(has(&replicas, 10, 1) && has(&replicas, 16, 1));
	assert_false(has(&replicas, 12, 1) || has(&replicas, 14, 1));
	assert_true(has(&replicas, 12, 2));
	assert_int_equal(replicas.count, 8);
	gfs_replicas_done(&replicas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replica_is_there_once_until_it_is_removed),
		cmocka_unit_test(a_slot_has_so_many_and_no_more),
		cmocka_unit_test(a_server_that_is_gone_is_taken_out_of_a_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_test.c - where replicas go, and which chunk is cloned first.
 */
#include "gfs/master/plan.h"

#include "support/unit.h"

#include <stdlib.h>

enum { SERVERS = 12, TIB_LOG2 = 40 };

/* Three racks of four, all alike. */
static void servers_make(struct gfs_plan_server servers[SERVERS])
{
	for (uint32_t i = 0; i < SERVERS; i++)
		servers[i] = (struct gfs_plan_server){.number = i + 1,
						      .rack = i / 4,
						      .bytes = (uint64_t)1 << TIB_LOG2,
						      .bytes_free = (uint64_t)1 << (TIB_LOG2 - 1),
						      .usable = true};
}

static uint32_t racks_of(const struct gfs_set *set)
{
	uint32_t racks = 0;

	for (uint32_t i = 0; i < set->count; i++)
		racks |= 1u << (set->servers[i] - 1) / 4;
	return (uint32_t)__builtin_popcount(racks);
}

static void replicas_are_spread_over_racks(void **state)
{
	struct gfs_plan_server servers[SERVERS];
	struct gfs_set set;

	(void)state;
	servers_make(servers);
	for (uint64_t draw = 0; draw < 100; draw++) {
		struct gfs_place_request request = {.count = 3, .draw = draw};

		assert_int_equal(gfs_plan_place(servers, SERVERS, &request, &set), 3);
		assert_int_equal(racks_of(&set), 3);
		request.count = 8;
		assert_int_equal(gfs_plan_place(servers, SERVERS, &request, &set), 8);
		assert_int_equal(racks_of(&set), 3);
	}
}

static void a_new_replica_goes_to_another_rack(void **state)
{
	struct gfs_plan_server servers[SERVERS];
	struct gfs_place_request request = {.count = 1,
					    .has = {.count = 2, .servers = {1, 5}}};
	struct gfs_set set;

	(void)state;
	servers_make(servers);
	for (request.draw = 0; request.draw < 50; request.draw++) {
		assert_int_equal(gfs_plan_place(servers, SERVERS, &request, &set), 1);
		assert_true(set.servers[0] >= 9);
	}
	/* With that rack gone, any that has none yet. */
	for (uint32_t i = 8; i < SERVERS; i++)
		servers[i].usable = false;
	assert_int_equal(gfs_plan_place(servers, SERVERS, &request, &set), 1);
	assert_true(set.servers[0] <= 8 && set.servers[0] != 1 && set.servers[0] != 5);
}

static void full_and_draining_servers_get_nothing(void **state)
{
	struct gfs_plan_server servers[SERVERS];
	struct gfs_place_request request = {.count = 8, .bytes_needed = 64 << 20};
	struct gfs_set set;

	(void)state;
	servers_make(servers);
	for (uint32_t i = 0; i < SERVERS; i++) {
		servers[i].usable = i != 3;
		if (i > 3)
			servers[i].bytes_free = servers[i].bytes / 100 * GFS_PLAN_FREE_PERCENT;
	}
	assert_int_equal(gfs_plan_place(servers, SERVERS, &request, &set), 3);
	for (uint32_t i = 0; i < set.count; i++)
		assert_true(set.servers[i] <= 3);
	assert_int_equal(gfs_plan_place(servers, 0, &request, &set), 0);
}

static void few_recent_creations_come_before_empty_disks(void **state)
{
	struct gfs_plan_server servers[SERVERS];
	struct gfs_place_request request = {.count = 1};
	struct gfs_set set;

	(void)state;
	servers_make(servers);
	for (uint32_t i = 0; i < SERVERS; i++)
		servers[i].recent = 5;
	servers[6].recent = 4;
	servers[6].bytes_free /= 2;
	servers[2].bytes_free = servers[2].bytes;
	assert_int_equal(gfs_plan_place(servers, SERVERS, &request, &set), 1);
	assert_int_equal(set.servers[0], 7);
	servers[6].recent = 5;
	for (uint32_t i = 0; i < SERVERS; i++)
		if (i != 2)
			servers[i].bytes_free /= 2;
	servers[2].bytes_free = servers[2].bytes / 2;
	assert_int_equal(gfs_plan_place(servers, SERVERS, &request, &set), 1);
	assert_int_equal(set.servers[0], 3);
}

static void a_new_empty_server_does_not_get_all(void **state)
{
	struct gfs_plan_server servers[SERVERS];
	struct gfs_set set;

	(void)state;
	servers_make(servers);
	servers[0].bytes_free = servers[0].bytes;
	for (uint64_t draw = 0; draw < 120; draw++) {
		struct gfs_place_request request = {.count = 3, .draw = draw};

		assert_int_equal(gfs_plan_place(servers, SERVERS, &request, &set), 3);
		for (uint32_t i = 0; i < 3; i++)
			servers[set.servers[i] - 1].recent++;
	}
	for (uint32_t i = 0; i < SERVERS; i++)
		assert_in_range(servers[i].recent, 25, 35);
}

static void the_spare_replica_is_of_the_fullest_rack(void **state)
{
	struct gfs_plan_server servers[SERVERS];
	const struct gfs_set has = {.count = 4, .servers = {1, 2, 5, 9}};

	(void)state;
	servers_make(servers);
	servers[1].bytes_free /= 2;
	servers[8].bytes_free = 0;
	assert_int_equal(gfs_plan_drop(servers, SERVERS, &has), 2);
	servers[4].usable = false;
	assert_int_equal(gfs_plan_drop(servers, SERVERS, &has), 5);
}

/* ---- Clones --------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return gfs_plan_compare(a, b);
}

static void every_single_replica_is_cloned_before_any_other(void **state)
{
	enum { NEEDS = 2000 };
	struct gfs_clone_need *needs = calloc(NEEDS, sizeof(*needs));
	uint64_t random = 5;
	size_t count = 0;
	bool others = false;

	(void)state;
	while (count < NEEDS) {
		struct gfs_clone_need need = {.handle = count + 1,
					      .replicas = (uint32_t)test_pick(&random, 5),
					      .goal = 1 + (uint32_t)test_pick(&random, 5),
					      .is_live = test_pick(&random, 2),
					      .blocks_client = test_pick(&random, 4) == 0};

		need.draining = (uint32_t)test_pick(&random, need.replicas + 1);
		if (gfs_plan_class(&need) == GFS_CLONE_NONE)
			assert_true(need.replicas == 0 ||
				    need.replicas - need.draining >= need.goal);
		else
			needs[count++] = need;
	}
	qsort(needs, NEEDS, sizeof(*needs), compare);
	for (size_t i = 0; i < NEEDS; i++) {
		bool is_last = needs[i].replicas == 1 && needs[i].goal > 1;

		assert_false(is_last && others);
		others = others || !is_last;
		if (i > 0 && gfs_plan_class(&needs[i]) == gfs_plan_class(&needs[i - 1]))
			assert_true(needs[i - 1].blocks_client >= needs[i].blocks_client);
		if (i > 0)
			assert_true(gfs_plan_class(&needs[i]) >= gfs_plan_class(&needs[i - 1]));
	}
	free(needs);
}

static void live_files_come_before_deleted_ones(void **state)
{
	const struct gfs_clone_need live = {.handle = 9, .replicas = 2, .goal = 3, .is_live = true};
	const struct gfs_clone_need deleted = {.handle = 1, .replicas = 2, .goal = 3,
					       .blocks_client = true};
	const struct gfs_clone_need lost = {.goal = 3, .is_live = true};
	const struct gfs_clone_need single = {.handle = 2, .replicas = 1, .goal = 1};

	(void)state;
	assert_true(gfs_plan_compare(&live, &deleted) < 0);
	assert_int_equal(gfs_plan_class(&lost), GFS_CLONE_NONE);
	assert_int_equal(gfs_plan_class(&single), GFS_CLONE_NONE);
}

static void clones_under_way_are_limited(void **state)
{
	const struct gfs_clone_limits limits = {.all = 10, .each = 4, .all_busy = 2,
						.each_busy = 1};
	struct gfs_clone_state now = {.under_way = 9};
	struct gfs_plan_server from = {.number = 1, .sends = 3}, to = {.number = 2, .receives = 3};

	(void)state;
	assert_true(gfs_plan_may_clone(&limits, &now, GFS_CLONE_SHORT_LIVE, &from, &to));
	now.is_busy = true;
	assert_false(gfs_plan_may_clone(&limits, &now, GFS_CLONE_SHORT_LIVE, &from, &to));
	assert_true(gfs_plan_may_clone(&limits, &now, GFS_CLONE_LAST, &from, &to));
	now.under_way = 1;
	assert_false(gfs_plan_may_clone(&limits, &now, GFS_CLONE_DRAIN, &from, &to));
	from.sends = to.receives = 0;
	assert_true(gfs_plan_may_clone(&limits, &now, GFS_CLONE_DRAIN, &from, &to));
	to.receives = 4;
	assert_false(gfs_plan_may_clone(&limits, &now, GFS_CLONE_LAST_LIVE, &from, &to));
	to.receives = 0;
	now.under_way = 10;
	assert_false(gfs_plan_may_clone(&limits, &now, GFS_CLONE_LAST_LIVE, &from, &to));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replicas_are_spread_over_racks),
		cmocka_unit_test(a_new_replica_goes_to_another_rack),
		cmocka_unit_test(full_and_draining_servers_get_nothing),
		cmocka_unit_test(few_recent_creations_come_before_empty_disks),
		cmocka_unit_test(a_new_empty_server_does_not_get_all),
		cmocka_unit_test(the_spare_replica_is_of_the_fullest_rack),
		cmocka_unit_test(every_single_replica_is_cloned_before_any_other),
		cmocka_unit_test(live_files_come_before_deleted_ones),
		cmocka_unit_test(clones_under_way_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

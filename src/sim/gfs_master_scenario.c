/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_master_scenario.c - sections 2.6 and 5.1 of the paper: masters that die, are paused, deposed
 * or lose power, what a new one honours and waits for, shadows, and safe mode.
 */
#include "sim/gfs_fixture.h"

#include <stdio.h>

/* ---- One that follows another ---------------------------------------------------------------- */

static void a_new_master_extends_the_lease_of_the_same_primary(void **state)
{
	struct gfs_world world;
	struct gfs_seen seen, then;
	int old;

	(void)state;
	gfs_world_new(&world, 3, 5, 12);
	gfs_write(&world, "/f", 0, 'x', 100);
	seen = gfs_see(&world, "/f", 0);
	old = gfs_leader(&world);
	sim_node_kill(world.masters[old].node);
	for (int i = 0; i < 12; i++) {
		gfs_write(&world, "/f", 0, (char)('a' + i), 100);
		gfs_pass_ms(&world, GFS_WORLD_LEASE_MS / 3);
	}
	assert_int_not_equal(gfs_leader(&world), old);
	then = gfs_see(&world, "/f", 0);
	assert_int_equal(then.version, seen.version);
	assert_int_equal(then.primary, seen.primary);
	gfs_expect(&world, 1, "/f", 0, 'a' + 11, 100);
	sim_node_start(world.masters[old].node);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

static void a_new_master_waits_a_lease_for_a_primary_it_has_not_heard(void **state)
{
	struct gfs_deed write = {.caller = 1, .path = "/f", .fill = 'y', .size = 100};
	struct gfs_watch watch = {.deed = &write};
	struct gfs_world world;
	struct gfs_seen seen;
	uint64_t elected_ns;
	int old;

	(void)state;
	gfs_world_new(&world, 3, 5, 13);
	gfs_write(&world, "/f", 0, 'x', 100);
	seen = gfs_see(&world, "/f", 0);
	old = gfs_leader(&world);
	/* It is there, and works for whoever reaches it: only the masters cannot. */
	gfs_cut_from_masters(&world, world.servers[seen.primary].node);
	sim_node_kill(world.masters[old].node);
	gfs_deed_start(&world, &write, gfs_ask_write);
	(void)gfs_leader_wait(&world, old);
	elected_ns = sim_now_ns(world.sim);
	watch.world = &world;
	watch.handle = seen.handle;
	gfs_wait_until(&world, gfs_is_over_watched, &watch);
	assert_int_equal(write.result, 0);
	assert_true(gfs_since_ms(&world, elected_ns) >= GFS_WORLD_LEASE_MS);
	assert_false(watch.were_two);
	gfs_expect(&world, 2, "/f", 0, 'y', 100);
	gfs_world_end(&world);
}

/* It was asleep, and does not know that there is another one. */
static void a_master_that_was_paused_harms_nothing_when_it_goes_on(void **state)
{
	struct gfs_deed write = {.caller = 1, .path = "/f", .size = 100};
	struct gfs_watch watch = {.deed = &write};
	struct gfs_world world;
	int old;

	(void)state;
	gfs_world_new(&world, 3, 4, 21);
	gfs_write(&world, "/f", 0, 'x', 100);
	watch.world = &world;
	watch.handle = gfs_see(&world, "/f", 0).handle;
	old = gfs_leader(&world);
	sim_node_pause(world.masters[old].node, SIM_PAUSE_PROCESS);
	for (int i = 0; i < 20; i++) {
		if (i == 12)
			sim_node_resume(world.masters[old].node);
		write.fill = (char)('a' + i);
		gfs_deed_start(&world, &write, gfs_ask_write);
		gfs_wait_until(&world, gfs_is_over_watched, &watch);
		assert_int_equal(write.result, 0);
		gfs_expect(&world, 2, "/f", 0, (char)('a' + i), 100);
		gfs_pass_ms(&world, GFS_WORLD_LEASE_MS / 4);
	}
	assert_false(watch.were_two);
	assert_int_not_equal(gfs_leader(&world), old);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

/* It does not know that it was deposed, and chunkservers and clients reach it, and no other. */
static void a_master_that_was_deposed_extends_no_lease_and_answers_nothing(void **state)
{
	struct gfs_deed stat = {.path = "/f", .timeout_ms = 3000};
	struct gfs_deed make = {.path = "/new", .timeout_ms = 3000};
	struct gfs_deed write = {.path = "/f", .fill = 'y', .size = 100, .timeout_ms = 5000};
	struct gfs_world world;
	struct gfs_seen seen;
	int old, which;

	(void)state;
	gfs_world_new(&world, 3, 3, 19);
	gfs_write(&world, "/f", 0, 'x', 100);
	seen = gfs_see(&world, "/f", 0);
	old = gfs_leader(&world);
	for (int i = 0; i < 3; i++) {
		if (i == old)
			continue;
		gfs_cut(world.masters[old].node, world.masters[i].node);
		gfs_cut(world.callers[0].node, world.masters[i].node);
		for (int s = 0; s < 3; s++)
			gfs_cut(world.servers[s].node, world.masters[i].node);
	}
	gfs_pass_ms(&world, 2 * GFS_WORLD_LEASE_MS);
	assert_true(gfs_deed_do(&world, &stat, gfs_ask_stat) < 0);
	assert_true(gfs_deed_do(&world, &make, gfs_ask_mkdir) < 0);
	assert_int_equal(gfs_primaries(&world, seen.handle, &which), 0);
	assert_true(gfs_deed_do(&world, &write, gfs_ask_write) < 0);
	sim_heal(world.sim);
	gfs_write(&world, "/f", 0, 'z', 100);
	gfs_expect(&world, 1, "/f", 0, 'z', 100);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

static void what_masters_acknowledged_survives_the_loss_of_power_of_all_of_them(void **state)
{
	struct gfs_deed make[10] = {{0}}, stat = {0};
	struct gfs_world world;
	char paths[10][8];

	(void)state;
	gfs_world_new(&world, 3, 3, 14);
	for (int i = 0; i < 10; i++) {
		(void)snprintf(paths[i], sizeof(paths[i]), "/d%d", i);
		make[i].path = paths[i];
		gfs_must(&world, &make[i], gfs_ask_mkdir);
		assert_true(i == 0 || make[i].at > make[i - 1].at);
	}
	gfs_write(&world, "/f", 0, 'x', 100);
	for (int i = 0; i < 3; i++)
		sim_node_power_loss(world.masters[i].node);
	gfs_pass_ms(&world, 100);
	for (int i = 0; i < 3; i++)
		sim_node_start(world.masters[i].node);
	for (int i = 0; i < 10; i++) {
		stat.path = paths[i];
		gfs_must(&world, &stat, gfs_ask_stat);
	}
	gfs_expect(&world, 1, "/f", 0, 'x', 100);
	gfs_write(&world, "/f", 0, 'y', 100);
	gfs_all_whole(&world);
	gfs_world_end(&world);
}

static void a_shadow_master_answers_reads_and_says_how_far_it_is_behind(void **state)
{
	struct gfs_deed old = {.caller = 2, .path = "/old", .weak = true};
	struct gfs_deed new = {.caller = 2, .path = "/new", .weak = true};
	struct gfs_deed now = {.path = "/old", .weak = true};
	struct gfs_deed strict = {.caller = 2, .path = "/old", .timeout_ms = 3000};
	struct gfs_deed make = {.path = "/new"};
	struct gfs_world world;
	int shadow;

	(void)state;
	gfs_world_new(&world, 3, 3, 15);
	gfs_must(&world, &(struct gfs_deed){.path = "/old"}, gfs_ask_mkdir);
	gfs_pass_ms(&world, 1000);
	shadow = (gfs_leader(&world) + 1) % 3;
	for (int i = 0; i < 3; i++) {
		if (i == shadow)
			continue;
		gfs_cut(world.masters[i].node, world.masters[shadow].node);
		gfs_cut(world.masters[i].node, world.callers[2].node);
	}
	gfs_must(&world, &make, gfs_ask_mkdir);
	gfs_pass_ms(&world, 30000);
	gfs_must(&world, &old, gfs_ask_stat);
	assert_int_equal(gfs_deed_do(&world, &new, gfs_ask_stat), GW_E_NOT_FOUND);
	assert_true(gfs_deed_do(&world, &strict, gfs_ask_stat) < 0);
	assert_int_not_equal(strict.result, GW_E_NOT_FOUND);
	/* The leader's time goes on while nothing happens, so the difference is the delay. */
	gfs_cut(world.masters[shadow].node, world.callers[0].node);
	gfs_must(&world, &now, gfs_ask_stat);
	assert_true(old.got < make.at);
	assert_true(now.wall_ms - old.wall_ms >= 20000 && now.wall_ms - old.wall_ms <= 45000);
	sim_heal(world.sim);
	gfs_pass_ms(&world, 10000);
	gfs_must(&world, &new, gfs_ask_stat);
	gfs_world_end(&world);
}

static void safe_mode_lasts_until_chunkservers_have_reported(void **state)
{
	struct gfs_deed write = {.path = "/f", .fill = 'y', .size = 100, .timeout_ms = 3000};
	struct gfs_world world;
	struct gfs_seen seen;

	(void)state;
	gfs_world_begin(&world, 1, 4, 16);
	world.safe_ms = 60000;
	gfs_world_start(&world);
	gfs_write(&world, "/f", 0, 'x', 100);
	gfs_all_whole(&world);
	seen = gfs_see(&world, "/f", 0);
	for (int i = 0; i < 4; i++)
		sim_node_kill(world.servers[i].node);
	sim_node_restart(world.masters[0].node, false, 100 * SIM_MS);
	(void)gfs_leader_wait(&world, GFS_NOBODY);
	gfs_pass_ms(&world, 10000);
	/* Nothing is taken for lost, nothing granted. */
	assert_true(gfs_status(&world).safe);
	assert_true(gfs_deed_do(&world, &write, gfs_ask_write) < 0);
	assert_int_equal(gfs_see(&world, "/f", 0).version, seen.version);
	gfs_start_servers(&world);
	gfs_pass_ms(&world, 10000);
	assert_false(gfs_status(&world).safe);
	gfs_write(&world, "/f", 0, 'y', 100);
	gfs_expect(&world, 1, "/f", 0, 'y', 100);
	gfs_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_master_extends_the_lease_of_the_same_primary),
		cmocka_unit_test(a_new_master_waits_a_lease_for_a_primary_it_has_not_heard),
		cmocka_unit_test(a_master_that_was_paused_harms_nothing_when_it_goes_on),
		cmocka_unit_test(
			a_master_that_was_deposed_extends_no_lease_and_answers_nothing),
		cmocka_unit_test(
			what_masters_acknowledged_survives_the_loss_of_power_of_all_of_them),
		cmocka_unit_test(a_shadow_master_answers_reads_and_says_how_far_it_is_behind),
		cmocka_unit_test(safe_mode_lasts_until_chunkservers_have_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

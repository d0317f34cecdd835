/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replog_cluster_scenario.c - three and five members of a replicated log in the simulator:
 * elections, failover, catching up, restarts, disks that fail, partitions.
 */
#include "sim/replog_fixture.h"

#include <errno.h>

static void three_members_elect_one_and_agree(void **state)
{
	struct keepers keepers;

	(void)state;
	keepers_begin(&keepers, 3, 1, NULL);
	keepers_start(&keepers, 3);
	put_many(&keepers, 20);
	all_equal(&keepers);
	for (int i = 0; i < 3; i++)
		assert_int_equal(keepers.items[i].machine.count, 20);
	/* Those who do not lead say who does. */
	for (int i = 0; i < 3; i++) {
		struct deed deed = {0};
		int leader = leader_of(&keepers);

		if (i == leader)
			continue;
		deed_start(&keepers, i, &deed, "not here");
		assert_int_equal(deed_wait(&keepers, &deed), GW_E_NOT_LEADER);
		assert_string_equal(replog_leader_address(keepers.items[i].log),
				    keepers.items[leader].address);
	}
	keepers_end(&keepers);
}

static void when_the_leader_dies_another_one_has_all(void **state)
{
	struct keepers keepers;
	int old, leader;

	(void)state;
	keepers_begin(&keepers, 3, 2, NULL);
	keepers_start(&keepers, 3);
	put_many(&keepers, 5);
	old = leader_of(&keepers);
	put_at(&keepers, old, "acknowledged");
	keeper_kill(&keepers, old);
	leader = leader_wait(&keepers, old);
	assert_int_equal(times_at(&keepers, leader, "acknowledged"), 1);
	put_at(&keepers, leader, "goes on");
	keeper_start(&keepers, old);
	all_equal(&keepers);
	assert_int_equal(times_at(&keepers, old, "goes on"), 1);
	keepers_end(&keepers);
}

static void five_members_bear_two_deaths(void **state)
{
	struct keepers keepers;
	int first, second;

	(void)state;
	keepers_begin(&keepers, 5, 3, NULL);
	keepers_start(&keepers, 5);
	put_many(&keepers, 5);
	first = leader_of(&keepers);
	keeper_kill(&keepers, first);
	second = leader_wait(&keepers, first);
	put_at(&keepers, second, "four are left");
	keeper_kill(&keepers, second);
	(void)leader_wait(&keepers, second);
	put_many(&keepers, 5);
	keeper_start(&keepers, first);
	keeper_start(&keepers, second);
	all_equal(&keepers);
	assert_int_equal(times_at(&keepers, first, "four are left"), 1);
	keepers_end(&keepers);
}

/* Proposals under way when the leader dies: each is there once or not at all, and those that were
 * answered are. */
static void what_is_in_flight_when_the_leader_dies(void **state)
{
	struct deed deeds[8] = {{0}};
	struct keepers keepers;
	int old, leader;

	(void)state;
	for (uint64_t seed = 10; seed < 20; seed++) {
		memset(deeds, 0, sizeof deeds);
		keepers_begin(&keepers, 3, seed, NULL);
		keepers_start(&keepers, 3);
		old = leader_of(&keepers);
		for (int i = 0; i < 8; i++) {
			char text[8] = {'d', (char)('0' + i), 0};

			deed_start(&keepers, old, &deeds[i], text);
			sim_run_for(keepers.sim, 100 * SIM_US);
		}
		keeper_kill(&keepers, old);
		leader = leader_wait(&keepers, old);
		keeper_start(&keepers, old);
		all_equal(&keepers);
		for (int i = 0; i < 8; i++) {
			int times = times_at(&keepers, leader_of(&keepers), deeds[i].text);

			assert_true(times <= 1);
			assert_true(times == 1 || !deeds[i].is_over || deeds[i].result < 0);
		}
		(void)leader;
		keepers_end(&keepers);
	}
}

static void who_was_away_catches_up_by_the_log(void **state)
{
	struct keepers keepers;
	int away;

	(void)state;
	keepers_begin(&keepers, 3, 4, NULL);
	keepers_start(&keepers, 3);
	away = (leader_of(&keepers) + 1) % 3;
	keeper_kill(&keepers, away);
	put_many(&keepers, 300);
	keeper_start(&keepers, away);
	all_equal(&keepers);
	assert_int_equal(keepers.items[away].machine.count, 300);
	assert_int_equal(keepers.items[away].machine.restores, 0);
	keepers_end(&keepers);
}

static int make_snapshot(void *argument)
{
	struct keeper *keeper = argument;

	return replog_snapshot(keeper->log, NULL);
}

/* The others keep what these options say. */
static void catches_up_by_a_snapshot(uint64_t seed, const struct replog_options *keeping)
{
	struct keepers keepers;
	int away, leader;

	keepers_begin(&keepers, 3, seed, NULL);
	for (int i = 0; i < 3; i++) {
		keepers.items[i].options.keep_entries = keeping->keep_entries;
		keepers.items[i].options.keep_bytes = keeping->keep_bytes;
	}
	keepers_start(&keepers, 3);
	away = (leader_of(&keepers) + 1) % 3;
	keeper_kill(&keepers, away);
	put_many(&keepers, 100);
	leader = leader_of(&keepers);
	assert_int_equal(visit_at(&keepers, leader, make_snapshot, &keepers.items[leader]), 0);
	put_many(&keepers, 10);
	keeper_start(&keepers, away);
	all_equal(&keepers);
	assert_int_equal(keepers.items[away].machine.count, 110);
	assert_int_equal(keepers.items[away].machine.restores, 1);
	/* And it is there after its restart. */
	keeper_kill(&keepers, away);
	keeper_start(&keepers, away);
	all_equal(&keepers);
	put_many(&keepers, 3);
	all_equal(&keepers);
	keepers_end(&keepers);
}

static void who_was_away_for_long_catches_up_by_a_snapshot(void **state)
{
	(void)state;
	catches_up_by_a_snapshot(5, &(struct replog_options){.keep_entries = 5});
}

static void who_is_behind_by_many_bytes_catches_up_by_a_snapshot(void **state)
{
	(void)state;
	catches_up_by_a_snapshot(7, &(struct replog_options){.keep_bytes = 500});
}

static bool is_open(void *context)
{
	return ((const struct keeper *)context)->log != NULL;
}

static bool is_troubled(void *context)
{
	const struct keeper *keeper = context;
	struct replog_state state = {0};

	if (keeper->log)
		replog_state(keeper->log, &state);
	return state.trouble.code != 0;
}

static void who_cannot_fetch_a_snapshot_says_why(void **state)
{
	struct gw_error trouble;
	struct keepers keepers;
	int away, leader;

	(void)state;
	keepers_begin(&keepers, 3, 6, NULL);
	for (int i = 0; i < 3; i++)
		keepers.items[i].options.keep_entries = 5;
	keepers_start(&keepers, 3);
	away = (leader_of(&keepers) + 1) % 3;
	keeper_kill(&keepers, away);
	put_many(&keepers, 100);
	leader = leader_of(&keepers);
	assert_int_equal(visit_at(&keepers, leader, make_snapshot, &keepers.items[leader]), 0);
	keeper_start(&keepers, away);
	wait_until(&keepers, is_open, &keepers.items[away]);
	sim_disk_fail_at(keepers.items[away].node, 1U << IO_OPERATION_RENAME, 1, 0, ENOSPC);
	wait_until(&keepers, is_troubled, &keepers.items[away]);
	trouble = state_of(&keepers, away).trouble;
	assert_int_equal(trouble.code, GW_E_NO_SPACE);
	assert_non_null(strstr(trouble.text, "snapshot cannot be fetched"));
	assert_int_equal(state_of(&keepers, leader).trouble.code, 0);
	assert_int_equal(state_of(&keepers, leader).troubles, 0);
	pass_ms(&keepers, 5000); /* it is tried again, which is nothing new */
	assert_int_equal(state_of(&keepers, away).trouble.code, GW_E_NO_SPACE);
	assert_int_equal(state_of(&keepers, away).troubles, 1);
	sim_disk_fail_at(keepers.items[away].node, 0, 0, 0, 0);
	all_equal(&keepers);
	assert_int_equal(state_of(&keepers, away).trouble.code, 0);
	assert_int_equal(state_of(&keepers, away).troubles, 1);
	assert_int_equal(keepers.items[away].failures, 0);
	keepers_end(&keepers);
}

struct told {
	struct keeper *keeper;
	struct gw_error error;
};

static int be_told(void *argument)
{
	struct told *told = argument;

	return replog_snapshot(told->keeper->log, &told->error);
}

static void who_cannot_make_a_snapshot_says_why(void **state)
{
	struct keepers keepers;
	struct told told = {.keeper = &keepers.items[0]};

	(void)state;
	keepers_begin(&keepers, 1, 7, NULL);
	keepers_start(&keepers, 1);
	put_many(&keepers, 10);
	sim_disk_fail_at(keepers.items[0].node, 1U << IO_OPERATION_RENAME, 1, 0, ENOSPC);
	assert_int_equal(visit_at(&keepers, 0, be_told, &told), GW_E_NO_SPACE);
	assert_string_equal(strrchr(told.error.text, ':'), ": No space left on device");
	assert_int_equal(state_of(&keepers, 0).trouble.code, GW_E_NO_SPACE);
	sim_disk_fail_at(keepers.items[0].node, 0, 0, 0, 0);
	assert_int_equal(visit_at(&keepers, 0, be_told, &told), 0);
	assert_int_equal(state_of(&keepers, 0).trouble.code, 0);
	keepers_end(&keepers);
}

static void all_lose_power_and_nothing_is_lost(void **state)
{
	struct keepers keepers;

	(void)state;
	for (uint64_t seed = 20; seed < 26; seed++) {
		keepers_begin(&keepers, 3, seed, NULL);
		keepers_start(&keepers, 3);
		put_many(&keepers, 30);
		put_at(&keepers, leader_of(&keepers), "the last");
		for (int i = 0; i < 3; i++)
			sim_node_power_loss(keepers.items[i].node);
		pass_ms(&keepers, 100);
		for (int i = 0; i < 3; i++)
			keeper_start(&keepers, i);
		(void)leader_wait(&keepers, NOBODY);
		all_equal(&keepers);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(keepers.items[i].machine.count, 31);
			assert_int_equal(keepers.items[i].failures, 0);
		}
		keepers_end(&keepers);
	}
}

static void a_leader_whose_disk_fails_steps_aside(void **state)
{
	struct keepers keepers;
	struct deed deed = {0};
	int old, leader;

	(void)state;
	keepers_begin(&keepers, 3, 6, NULL);
	keepers_start(&keepers, 3);
	put_many(&keepers, 5);
	old = leader_of(&keepers);
	sim_disk(keepers.items[old].node)->sync_error_ppm = SIM_PPM;
	deed_start(&keepers, old, &deed, "who knows");
	(void)deed_wait(&keepers, &deed);
	leader = leader_wait(&keepers, old);
	assert_int_equal(state_of(&keepers, old).role, REPLOG_FAILED);
	assert_int_equal(keepers.items[old].failures, 1);
	assert_int_equal(keepers.items[old].why.code, GW_E_IO);
	put_at(&keepers, leader, "without it");
	/* A program that ends is started anew. */
	keeper_kill(&keepers, old);
	sim_disk(keepers.items[old].node)->sync_error_ppm = 0;
	keeper_start(&keepers, old);
	all_equal(&keepers);
	assert_int_equal(times_at(&keepers, old, "without it"), 1);
	if (deed.result == 0)
		assert_int_equal(times_at(&keepers, old, "who knows"), 1);
	keepers_end(&keepers);
}

static void a_leader_that_is_cut_off_acknowledges_nothing(void **state)
{
	struct keepers keepers;
	struct deed deed = {.timeout_ms = 30000};
	int old, leader;

	(void)state;
	keepers_begin(&keepers, 3, 7, NULL);
	keepers_start(&keepers, 3);
	put_many(&keepers, 5);
	old = leader_of(&keepers);
	sim_isolate(keepers.items[old].node, true, true);
	deed_start(&keepers, old, &deed, "into the void");
	leader = leader_wait(&keepers, old);
	put_at(&keepers, leader, "by the others");
	assert_true(deed_wait(&keepers, &deed) < 0);
	assert_int_not_equal(state_of(&keepers, old).role, REPLOG_LEADER);
	sim_heal(keepers.sim);
	all_equal(&keepers);
	assert_int_equal(times_at(&keepers, old, "by the others"), 1);
	assert_int_equal(times_at(&keepers, old, "into the void"), 0);
	keepers_end(&keepers);
}

static void a_minority_does_nothing_and_disturbs_nobody(void **state)
{
	struct keepers keepers;
	uint64_t term;
	int leader, other;

	(void)state;
	keepers_begin(&keepers, 3, 8, NULL);
	keepers_start(&keepers, 3);
	put_many(&keepers, 5);
	leader = leader_of(&keepers);
	other = (leader + 1) % 3;
	term = state_of(&keepers, leader).term;
	sim_isolate(keepers.items[other].node, true, true);
	pass_ms(&keepers, 20000);
	assert_int_equal(leader_of(&keepers), leader);
	sim_heal(keepers.sim);
	put_many(&keepers, 5);
	all_equal(&keepers);
	/* Votes before votes: its return has deposed nobody. */
	assert_int_equal(leader_of(&keepers), leader);
	assert_int_equal(state_of(&keepers, leader).term, term);
	keepers_end(&keepers);
}

static int read_there(void *argument)
{
	struct keeper *keeper = argument;

	return replog_read_barrier(keeper->log, gw_after_ms(500), NULL, NULL);
}

static void a_read_needs_a_majority(void **state)
{
	struct keepers keepers;
	int old;

	(void)state;
	keepers_begin(&keepers, 3, 9, NULL);
	keepers_start(&keepers, 3);
	put_many(&keepers, 2);
	old = leader_of(&keepers);
	assert_int_equal(visit_at(&keepers, old, read_there, &keepers.items[old]), 0);
	sim_isolate(keepers.items[old].node, true, true);
	assert_true(visit_at(&keepers, old, read_there, &keepers.items[old]) < 0);
	keepers_end(&keepers);
}

static int stop_there(void *argument)
{
	struct keeper *keeper = argument;

	replog_stop(keeper->log, gw_after_ms(5000));
	return 0;
}

static void a_leader_that_stops_hands_over_at_once(void **state)
{
	struct keepers keepers;
	uint64_t before_ns;
	int old;

	(void)state;
	keepers_begin(&keepers, 3, 11, NULL);
	keepers_start(&keepers, 3);
	put_many(&keepers, 5);
	all_equal(&keepers);
	old = leader_of(&keepers);
	before_ns = sim_now_ns(keepers.sim);
	assert_int_equal(visit_at(&keepers, old, stop_there, &keepers.items[old]), 0);
	(void)leader_wait(&keepers, old);
	/* No timeout of an election has passed. */
	assert_true(sim_now_ns(keepers.sim) - before_ns < REPLOG_ELECTION_MS * SIM_MS / 2);
	keepers_end(&keepers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_members_elect_one_and_agree),
		cmocka_unit_test(when_the_leader_dies_another_one_has_all),
		cmocka_unit_test(five_members_bear_two_deaths),
		cmocka_unit_test(what_is_in_flight_when_the_leader_dies),
		cmocka_unit_test(who_was_away_catches_up_by_the_log),
		cmocka_unit_test(who_was_away_for_long_catches_up_by_a_snapshot),
		cmocka_unit_test(who_is_behind_by_many_bytes_catches_up_by_a_snapshot),
		cmocka_unit_test(who_cannot_fetch_a_snapshot_says_why),
		cmocka_unit_test(who_cannot_make_a_snapshot_says_why),
		cmocka_unit_test(all_lose_power_and_nothing_is_lost),
		cmocka_unit_test(a_leader_whose_disk_fails_steps_aside),
		cmocka_unit_test(a_leader_that_is_cut_off_acknowledges_nothing),
		cmocka_unit_test(a_minority_does_nothing_and_disturbs_nobody),
		cmocka_unit_test(a_read_needs_a_majority),
		cmocka_unit_test(a_leader_that_stops_hands_over_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

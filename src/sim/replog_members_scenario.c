/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replog_members_scenario.c - members of a replicated log that come, go, lose their disk and are
 * replaced, while the others go on.
 */
#include "sim/replog_fixture.h"

#include <stdio.h>

/* A change, made in a task of the leader. */
struct change {
	struct keeper *keeper;
	uint64_t id;
	const char *address; /* NULL: remove */
	uint64_t new_id;
	struct gw_error error;
};

static int do_remove(void *argument)
{
	struct change *change = argument;

	return replog_member_remove(change->keeper->log, change->id, gw_after_ms(60000),
				    &change->error);
}

static int do_replace(void *argument)
{
	struct change *change = argument;

	return replog_member_replace(change->keeper->log, change->id, change->address,
				     gw_after_ms(60000), &change->new_id, &change->error);
}

static int change_at_leader(struct keepers *keepers, gw_task_function *what, uint64_t id)
{
	struct change change = {.id = id};
	int leader = leader_wait(keepers, NOBODY);
	int result;

	change.keeper = &keepers->items[leader];
	result = visit_at(keepers, leader, what, &change);
	if (result < 0)
		print_message("%s\n", change.error.text);
	return result;
}

static size_t members_of(struct keepers *keepers, struct replog_member *members)
{
	return replog_members(keepers->items[leader_wait(keepers, NOBODY)].log, members);
}

static void who_joins_learns_and_then_votes(void **state)
{
	struct replog_member members[RAFT_MEMBERS_MAX];
	struct keepers keepers;

	(void)state;
	keepers_begin(&keepers, 4, 1, NULL);
	keeper_start(&keepers, 0);
	put_many(&keepers, 200);
	for (int i = 1; i < 4; i++)
		keeper_start(&keepers, i);
	voters_wait(&keepers, 4);
	all_equal(&keepers);
	assert_int_equal(keepers.items[3].machine.count, 200);
	assert_int_equal(members_of(&keepers, members), 4);
	for (size_t i = 1; i < 4; i++)
		assert_true(members[i].id > members[i - 1].id);
	keepers_end(&keepers);
}

struct newcomer {
	struct keepers *keepers;
	bool was_removed, was_behind;
};

static bool votes_now(void *context)
{
	struct newcomer *newcomer = context;
	struct replog_state state = state_of(newcomer->keepers, 2);

	newcomer->was_removed |= state.role == REPLOG_REMOVED;
	newcomer->was_behind |= state.last > 0 && state.last < 1500;
	return state.role == REPLOG_FOLLOWER;
}

/* Its log does not say yet that it is a member. */
static void who_is_far_behind_is_no_removed_member(void **state)
{
	struct keepers keepers;
	struct newcomer newcomer = {.keepers = &keepers};

	(void)state;
	keepers_begin(&keepers, 3, 11, NULL);
	keeper_start(&keepers, 0);
	keeper_start(&keepers, 1);
	voters_wait(&keepers, 2);
	put_many(&keepers, 1500); /* more than a message takes */
	keeper_start(&keepers, 2);
	wait_until(&keepers, votes_now, &newcomer);
	assert_false(newcomer.was_removed);
	assert_true(newcomer.was_behind);
	keepers_end(&keepers);
}

static void a_standby_learns_and_never_votes(void **state)
{
	struct keepers keepers;

	(void)state;
	keepers_begin(&keepers, 4, 2, NULL);
	keepers.items[3].options.standby = true;
	keepers_start(&keepers, 3);
	put_many(&keepers, 20);
	pass_ms(&keepers, 5000);
	all_equal(&keepers);
	assert_int_equal(state_of(&keepers, 3).role, REPLOG_LEARNER);
	assert_int_equal(keepers.items[3].machine.count, 20);
	keepers_end(&keepers);
}

static void who_comes_late_starts_from_a_snapshot(void **state)
{
	struct keepers keepers;

	(void)state;
	keepers_begin(&keepers, 3, 3, NULL);
	keepers.items[0].options.keep_entries = 1;
	keepers.items[0].options.snapshot_bytes = 4096;
	keeper_start(&keepers, 0);
	put_many(&keepers, 500);
	assert_true(state_of(&keepers, 0).snapshot > 100);
	keeper_start(&keepers, 1);
	keeper_start(&keepers, 2);
	voters_wait(&keepers, 3);
	all_equal(&keepers);
	assert_int_equal(keepers.items[1].machine.count, 500);
	assert_true(keepers.items[1].machine.restores > 0);
	keepers_end(&keepers);
}

static void a_wiped_member_does_not_come_back_as_what_it_was(void **state)
{
	struct replog_member members[RAFT_MEMBERS_MAX];
	struct keepers keepers;
	uint64_t old_id;
	int wiped;

	(void)state;
	keepers_begin(&keepers, 3, 4, NULL);
	keepers_start(&keepers, 3);
	put_many(&keepers, 10);
	wiped = leader_of(&keepers) == 1 ? 2 : 1;
	old_id = state_of(&keepers, wiped).member;
	keeper_wipe(&keepers, wiped);
	keeper_start(&keepers, wiped);
	pass_ms(&keepers, 10000);
	assert_int_equal(keepers.items[wiped].failures, 1);
	assert_int_equal(keepers.items[wiped].why.code, GW_E_EXISTS);
	assert_non_null(strstr(keepers.items[wiped].why.text, "has to be replaced"));
	/* It is replaced, and comes back as somebody else. */
	assert_int_equal(change_at_leader(&keepers, do_replace, old_id), 0);
	keeper_kill(&keepers, wiped);
	keeper_start(&keepers, wiped);
	voters_wait(&keepers, 3);
	all_equal(&keepers);
	assert_true(state_of(&keepers, wiped).member > old_id);
	assert_int_equal(keepers.items[wiped].machine.count, 10);
	assert_int_equal(members_of(&keepers, members), 3);
	keepers_end(&keepers);
}

/* An entry is on A and B, C is behind, B is wiped: C and B must not elect one of them. */
static void who_is_behind_and_who_was_wiped_do_not_elect(void **state)
{
	struct keepers keepers;
	int a, b, c;

	(void)state;
	keepers_begin(&keepers, 3, 5, NULL);
	keepers_start(&keepers, 3);
	put_many(&keepers, 3);
	a = leader_of(&keepers);
	b = (a + 1) % 3;
	c = (a + 2) % 3;
	all_equal(&keepers);
	keeper_kill(&keepers, c);
	put_at(&keepers, a, "on A and B");
	keeper_kill(&keepers, a);
	keepers.items[b].options.join = keepers.join; /* as all are told to be started */
	keeper_wipe(&keepers, b);
	keeper_start(&keepers, c);
	keeper_start(&keepers, b);
	pass_ms(&keepers, 60000);
	assert_int_equal(leader_of(&keepers), NOBODY);
	keeper_start(&keepers, a);
	assert_true(leader_wait(&keepers, NOBODY) == a);
	applied_wait(&keepers, c, 4);
	assert_int_equal(times_at(&keepers, c, "on A and B"), 1);
	keepers_end(&keepers);
}

static void a_member_is_removed(void **state)
{
	struct replog_member members[RAFT_MEMBERS_MAX];
	struct keepers keepers;
	int gone;

	(void)state;
	keepers_begin(&keepers, 4, 6, NULL);
	keepers_start(&keepers, 4);
	put_many(&keepers, 5);
	all_equal(&keepers);
	gone = (leader_of(&keepers) + 1) % 4;
	assert_int_equal(change_at_leader(&keepers, do_remove,
					  state_of(&keepers, gone).member), 0);
	pass_ms(&keepers, 1000);
	assert_int_equal(state_of(&keepers, gone).role, REPLOG_REMOVED);
	put_many(&keepers, 5);
	all_equal(&keepers);
	assert_int_equal(members_of(&keepers, members), 3);
	assert_int_equal(change_at_leader(&keepers, do_remove, 12345), GW_E_NOT_FOUND);
	keepers_end(&keepers);
}

static void a_leader_removes_itself_and_another_one_leads(void **state)
{
	struct replog_member members[RAFT_MEMBERS_MAX];
	struct keepers keepers;
	int old, leader;

	(void)state;
	keepers_begin(&keepers, 3, 7, NULL);
	keepers_start(&keepers, 3);
	put_many(&keepers, 5);
	old = leader_of(&keepers);
	assert_int_equal(change_at_leader(&keepers, do_remove, state_of(&keepers, old).member),
			 0);
	leader = leader_wait(&keepers, old);
	put_at(&keepers, leader, "without it");
	assert_int_equal(members_of(&keepers, members), 2);
	pass_ms(&keepers, 10000);
	assert_int_equal(leader_of(&keepers), leader);
	keepers_end(&keepers);
}

/* The first member alone, with so many entries, a hundred at a time. */
static void fill(struct keepers *keepers, int count)
{
	char text[40];

	(void)leader_wait(keepers, NOBODY);
	for (int i = 0; i < count; i += 100) {
		struct deed deeds[100] = {{0}};

		for (int j = 0; j < 100; j++) {
			snprintf(text, sizeof text, "a text that fills a line, or so %d", i + j);
			deed_start(keepers, 0, &deeds[j], text);
		}
		for (int j = 0; j < 100; j++)
			if (deed_wait(keepers, &deeds[j]) < 0)
				fail_msg("%d: %s", i + j, deeds[j].error.text);
		sim_run_for(keepers->sim, 1);
	}
}

/* Every life of the one that fetches ends before it has all. */
static void a_fetch_that_is_cut_short_goes_on(void **state)
{
	struct sim_options options = {0};
	struct keepers keepers;

	(void)state;
	keepers_begin(&keepers, 2, 8, &options);
	keepers.items[0].options.keep_entries = 1;
	keeper_start(&keepers, 0);
	fill(&keepers, 60000); /* some MiB, several pieces */
	keepers.items[0].options.snapshot_bytes = 1000; /* at its next start */
	keeper_kill(&keepers, 0);
	keeper_start(&keepers, 0);
	put_many(&keepers, 2);
	keeper_start(&keepers, 1);
	for (int i = 0; i < 20 && keepers.items[1].machine.restores == 0; i++) {
		pass_ms(&keepers, 400);
		keeper_kill(&keepers, 1);
		keeper_start(&keepers, 1);
	}
	voters_wait(&keepers, 2);
	all_equal(&keepers);
	assert_true(keepers.items[1].machine.restores > 0);
	keepers_end(&keepers);
}

/* One piece is longer under way than entries for a new snapshot take to come: the old one stays. */
static void a_fetch_over_a_slow_link_ends_while_entries_come(void **state)
{
	struct keepers keepers;
	int count = 0;

	(void)state;
	keepers_begin(&keepers, 2, 9, NULL);
	keepers.items[0].options.keep_entries = 1;
	keepers.items[0].options.snapshot_bytes = 4096;
	keeper_start(&keepers, 0);
	fill(&keepers, 70000); /* the state is more than a piece */
	sim_link(keepers.items[0].node, keepers.items[1].node)->bytes_per_s = 30000;
	keeper_start(&keepers, 1);
	for (; count < 600 && keepers.items[1].machine.restores == 0; count++) {
		put_at(&keepers, 0, "meanwhile");
		pass_ms(&keepers, 100);
	}
	assert_in_range(count, 100, 400);
	voters_wait(&keepers, 2);
	all_equal(&keepers);
	keepers_end(&keepers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_joins_learns_and_then_votes),
		cmocka_unit_test(who_is_far_behind_is_no_removed_member),
		cmocka_unit_test(a_standby_learns_and_never_votes),
		cmocka_unit_test(who_comes_late_starts_from_a_snapshot),
		cmocka_unit_test(a_wiped_member_does_not_come_back_as_what_it_was),
		cmocka_unit_test(who_is_behind_and_who_was_wiped_do_not_elect),
		cmocka_unit_test(a_member_is_removed),
		cmocka_unit_test(a_leader_removes_itself_and_another_one_leads),
		cmocka_unit_test(a_fetch_that_is_cut_short_goes_on),
		cmocka_unit_test(a_fetch_over_a_slow_link_ends_while_entries_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

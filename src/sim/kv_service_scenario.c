/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_service_scenario.c - whole clusters of the key/value service: elections, failover in the
 * middle of appends, copies of calls, snapshots, power loss, disks that are lost.
 */
#include "sim/kv_fixture.h"

#include <stdio.h>

static void three_members_answer_as_one(void **state)
{
	struct kv_world world;

	(void)state;
	kv_world_begin(&world, 3, 1);
	kv_world_start(&world);
	kv_put_pair(&world, "a", "one");
	kv_append_to(&world, "a", "two");
	kv_expect(&world, "a", "onetwo");
	kv_expect(&world, "b", NULL);
	kv_all_equal(&world);
	kv_world_end(&world);
}

static void one_member_alone_keeps_what_it_acknowledged(void **state)
{
	struct kv_world world;

	(void)state;
	for (uint64_t seed = 1; seed < 6; seed++) {
		kv_world_begin(&world, 1, seed);
		kv_world_start(&world);
		kv_put_many(&world, 30);
		kv_append_to(&world, "a", "before");
		kv_member_power_loss(&world, 0);
		kv_pass_ms(&world, 50);
		kv_member_start(&world, 0);
		kv_append_to(&world, "a", "after");
		kv_expect(&world, "a", "beforeafter");
		kv_expect(&world, "key29", "value");
		assert_int_equal(world.members[0].failures, 0);
		kv_world_end(&world);
	}
}

static void when_the_leader_dies_the_others_go_on(void **state)
{
	struct kv_world world;
	int old;

	(void)state;
	kv_world_begin(&world, 3, 2);
	kv_world_start(&world);
	kv_put_many(&world, 10);
	old = kv_leader(&world);
	kv_member_kill(&world, old);
	kv_append_to(&world, "key3", "more");
	kv_expect(&world, "key3", "valuemore");
	assert_int_not_equal(kv_leader(&world), old);
	kv_member_start(&world, old);
	kv_all_equal(&world);
	kv_world_end(&world);
}

static void five_members_bear_two_deaths(void **state)
{
	struct kv_world world;
	int first, second;

	(void)state;
	kv_world_begin(&world, 5, 3);
	kv_world_start(&world);
	kv_put_many(&world, 5);
	first = kv_leader(&world);
	kv_member_kill(&world, first);
	kv_append_to(&world, "a", "four");
	second = kv_leader(&world);
	kv_member_kill(&world, second);
	kv_append_to(&world, "a", "three");
	kv_expect(&world, "a", "fourthree");
	kv_member_start(&world, first);
	kv_member_start(&world, second);
	kv_all_equal(&world);
	kv_world_end(&world);
}

/* How often a text is in another. */
static int times(const char *in, const char *text)
{
	int count = 0;

	for (const char *at = in; (at = strstr(at, text)); at += strlen(text))
		count++;
	return count;
}

enum { APPENDS = 12 };

/* Appends by both callers are under way when something happens to the leader; then each that was
 * answered is there once, and no other more than once. */
static void append_through(struct kv_world *world,
			   void (*happens)(struct kv_world *world, int leader),
			   void (*after)(struct kv_world *world, int leader))
{
	struct kv_deed second = {.caller = 1, .key = "log", .value = "["};
	struct kv_deed deeds[APPENDS] = {{0}}, get = {.key = "log"};
	char texts[APPENDS][8];
	int leader = kv_leader(world);

	kv_append_to(world, "log", "[");
	assert_int_equal(kv_deed_do(world, &second, kv_do_append), 0);
	for (int i = 0; i < APPENDS; i++) {
		snprintf(texts[i], sizeof(texts[i]), "<%02d>", i);
		deeds[i].caller = i % KV_WORLD_CALLERS;
		deeds[i].key = "log";
		deeds[i].value = texts[i];
		kv_deed_start(world, &deeds[i], kv_do_append);
		sim_run_for(world->sim, sim_draw(world->sim, 400) * SIM_US);
		if (i == APPENDS / 2)
			happens(world, leader);
	}
	for (int i = 0; i < APPENDS; i++)
		(void)kv_deed_wait(&deeds[i]);
	after(world, leader);
	assert_int_equal(kv_deed_do(world, &get, kv_do_get), 0);
	for (int i = 0; i < APPENDS; i++) {
		assert_int_equal(deeds[i].result, 0);
		assert_int_equal(times(get.text, texts[i]), 1);
	}
	kv_all_equal(world);
}

static void start_again(struct kv_world *world, int leader)
{
	kv_member_start(world, leader);
}

static void nothing(struct kv_world *world, int leader)
{
	(void)world;
	(void)leader;
}

static void appends_in_flight_when_the_leader_dies_happen_once(void **state)
{
	struct kv_world world;

	(void)state;
	for (uint64_t seed = 10; seed < 20; seed++) {
		kv_world_begin(&world, 3, seed);
		kv_world_start(&world);
		append_through(&world, kv_member_kill, start_again);
		kv_world_end(&world);
	}
}

static void appends_in_flight_when_the_leader_loses_power_happen_once(void **state)
{
	struct kv_world world;

	(void)state;
	for (uint64_t seed = 20; seed < 30; seed++) {
		kv_world_begin(&world, 3, seed);
		kv_world_start(&world);
		append_through(&world, kv_member_power_loss, start_again);
		kv_world_end(&world);
	}
}

static void cut_off(struct kv_world *world, int which)
{
	sim_isolate(world->members[which].node, true, true);
}

static void heal(struct kv_world *world, int which)
{
	(void)which;
	sim_heal(world->sim);
}

static void appends_in_flight_when_the_leader_is_cut_off_happen_once(void **state)
{
	struct kv_world world;

	(void)state;
	for (uint64_t seed = 30; seed < 40; seed++) {
		kv_world_begin(&world, 3, seed);
		kv_world_start(&world);
		append_through(&world, cut_off, heal);
		kv_world_end(&world);
	}
}

/* Whoever leads hears nothing any more, and is heard: its answers leave, its entries too, and no
 * acknowledgement comes back. */
static void deafen(struct kv_world *world, int which)
{
	sim_isolate(world->members[which].node, false, true);
}

static void appends_to_a_leader_that_is_deaf_happen_once(void **state)
{
	struct kv_world world;

	(void)state;
	for (uint64_t seed = 40; seed < 50; seed++) {
		kv_world_begin(&world, 3, seed);
		kv_world_start(&world);
		append_through(&world, deafen, heal);
		kv_world_end(&world);
	}
}

/* Opens the links, and what was under way on them is lost. */
static void heal_without_answers(struct kv_world *world)
{
	for (int i = 0; i < KV_WORLD_CALLERS; i++)
		for (int j = 0; j < world->count; j++)
			(void)sim_reset_streams(world->members[j].node, world->callers[i].node);
	sim_heal(world->sim);
}

/* The answers are lost: the entries are in the log, and the callers ask another leader. */
static void answers_are_lost(struct kv_world *world, int leader)
{
	for (int i = 0; i < KV_WORLD_CALLERS; i++)
		sim_link(world->members[leader].node, world->callers[i].node)->blocked = true;
	kv_pass_ms(world, 20);
	kv_member_kill(world, leader);
	heal_without_answers(world);
}

static void a_copy_of_an_answered_call_has_no_effect_after_failover(void **state)
{
	struct kv_world world;

	(void)state;
	for (uint64_t seed = 50; seed < 60; seed++) {
		kv_world_begin(&world, 3, seed);
		kv_world_start(&world);
		append_through(&world, answers_are_lost, start_again);
		kv_world_end(&world);
	}
}

static void all_restart(struct kv_world *world, int leader)
{
	(void)leader;
	for (int i = 0; i < KV_WORLD_CALLERS; i++)
		for (int j = 0; j < world->count; j++)
			sim_link(world->members[j].node, world->callers[i].node)->blocked = true;
	kv_pass_ms(world, 20);
	for (int j = 0; j < world->count; j++)
		kv_member_power_loss(world, j);
	kv_pass_ms(world, 50);
	heal_without_answers(world);
	for (int j = 0; j < world->count; j++)
		kv_member_start(world, j);
}

static void a_copy_of_a_call_has_no_effect_after_all_lost_power(void **state)
{
	struct kv_world world;

	(void)state;
	for (uint64_t seed = 60; seed < 66; seed++) {
		kv_world_begin(&world, 3, seed);
		kv_world_start(&world);
		append_through(&world, all_restart, nothing);
		kv_world_end(&world);
	}
}

static void make_snapshots(struct kv_world *world, int leader)
{
	kv_member_snapshot(world, leader);
	answers_are_lost(world, leader);
}

/* It happens, and the caller does not hear of it. */
static void append_unheard(struct kv_world *world, struct kv_deed *lost)
{
	struct kv_deed get = {.caller = 1, .key = "log"};
	int leader = kv_leader(world);

	sim_link(world->members[leader].node, world->callers[0].node)->blocked = true;
	kv_deed_start(world, lost, kv_do_append);
	kv_pass_ms(world, 50);
	assert_false(lost->is_over);
	assert_int_equal(kv_deed_do(world, &get, kv_do_get), 0);
	assert_string_equal(get.text, "[x");
}

/* All members have the calls from a snapshot, not from entries. */
static void a_copy_of_a_call_has_no_effect_at_who_has_a_snapshot(void **state)
{
	struct kv_world world;

	(void)state;
	for (uint64_t seed = 70; seed < 76; seed++) {
		struct kv_deed lost = {.key = "log", .value = "x"};

		kv_world_begin(&world, 3, seed);
		kv_world_start(&world);
		kv_append_to(&world, "log", "[");
		append_unheard(&world, &lost);
		for (int i = 0; i < 3; i++)
			kv_member_snapshot(&world, i);
		for (int i = 0; i < 3; i++)
			kv_member_power_loss(&world, i);
		kv_pass_ms(&world, 20);
		heal_without_answers(&world);
		for (int i = 0; i < 3; i++)
			kv_member_start(&world, i);
		assert_int_equal(kv_deed_wait(&lost), 0);
		kv_expect(&world, "log", "[x");
		kv_all_equal(&world);
		kv_world_end(&world);
	}
}

static bool one_leads_and_is_not_ready(void *context)
{
	struct kv_world *world = context;

	for (int i = 0; i < world->count; i++) {
		struct replog_state state = kv_state_at(world, i);

		if (state.role == REPLOG_LEADER && !state.ready)
			return true;
	}
	return false;
}

/* The new leader has the entry of the call in its log and does not know yet that it is committed
 * when the copy comes: it proposes the call a second time. */
static void a_copy_that_comes_before_the_first_is_applied_has_no_effect(void **state)
{
	struct kv_world world;

	(void)state;
	for (uint64_t seed = 110; seed < 120; seed++) {
		struct kv_deed lost = {.key = "log", .value = "x"};
		int old;

		kv_world_begin(&world, 3, seed);
		kv_world_start(&world);
		kv_append_to(&world, "log", "[");
		/* The others get the entry, and nobody hears that they have it. */
		old = kv_leader(&world);
		for (int i = 0; i < 3; i++)
			sim_link(world.members[i].node, world.members[old].node)->blocked =
				i != old;
		kv_deed_start(&world, &lost, kv_do_append);
		kv_pass_ms(&world, 50);
		assert_false(lost.is_over);
		kv_member_kill(&world, old);
		heal_without_answers(&world);
		kv_wait_until(&world, one_leads_and_is_not_ready, &world);
		/* Nobody hears of its entries for a while, and it does not hear that. */
		sim_isolate(world.members[(old + 1) % 3].node, true, true);
		for (int i = 0; i < KV_WORLD_CALLERS; i++) {
			struct sim_node *caller = world.callers[i].node;

			sim_link(world.members[(old + 1) % 3].node, caller)->blocked = false;
			sim_link(caller, world.members[(old + 1) % 3].node)->blocked = false;
		}
		kv_pass_ms(&world, 600);
		sim_heal(world.sim);
		assert_int_equal(kv_deed_wait(&lost), 0);
		kv_expect(&world, "log", "[x");
		kv_world_end(&world);
	}
}

static void snapshots_while_writing_lose_nothing(void **state)
{
	struct kv_world world;

	(void)state;
	for (uint64_t seed = 80; seed < 86; seed++) {
		kv_world_begin(&world, 3, seed);
		for (int i = 0; i < 3; i++) {
			world.members[i].options.snapshot_bytes = 2000;
			world.members[i].options.keep_entries = 3;
		}
		kv_world_start(&world);
		kv_put_many(&world, 60);
		append_through(&world, make_snapshots, start_again);
		kv_put_many(&world, 60);
		kv_all_equal(&world);
		for (int i = 0; i < 3; i++) {
			kv_member_power_loss(&world, i);
			kv_pass_ms(&world, 10);
			kv_member_start(&world, i);
		}
		kv_expect(&world, "key59", "value");
		kv_all_equal(&world);
		kv_world_end(&world);
	}
}

static void who_was_away_for_long_gets_a_snapshot(void **state)
{
	struct kv_world world;
	int away;

	(void)state;
	kv_world_begin(&world, 3, 4);
	for (int i = 0; i < 3; i++)
		world.members[i].options.keep_entries = 2;
	kv_world_start(&world);
	away = (kv_leader(&world) + 1) % 3;
	kv_put_many(&world, 10);
	kv_member_kill(&world, away);
	kv_put_many(&world, 100);
	kv_member_snapshot(&world, kv_leader(&world));
	kv_put_pair(&world, "key5", "another");
	kv_member_start(&world, away);
	kv_all_equal(&world);
	assert_true(kv_state_at(&world, away).snapshot > 0);
	kv_world_end(&world);
}

/* An entry is on A and B and was acknowledged; C is behind, and B loses its disk. C and the empty
 * B must not make a cluster without that entry, whatever is started and however long it lasts. */
static void who_is_behind_and_who_lost_its_disk_elect_nobody(void **state)
{
	struct kv_world world;
	int a, b, c;

	(void)state;
	for (uint64_t seed = 90; seed < 95; seed++) {
		struct kv_deed get = {.key = "a", .timeout_ms = 20000};

		kv_world_begin(&world, 3, seed);
		kv_world_start(&world);
		kv_put_many(&world, 5);
		a = kv_leader(&world);
		b = (a + 1) % 3;
		c = (a + 2) % 3;
		kv_member_kill(&world, c);
		kv_put_pair(&world, "a", "acknowledged");
		kv_member_kill(&world, a);
		kv_member_wipe(&world, b);
		world.members[b].options.join = world.addresses;
		kv_member_start(&world, b);
		kv_member_start(&world, c);
		kv_pass_ms(&world, 30000);
		assert_int_equal(kv_leader(&world), KV_NOBODY);
		assert_true(kv_deed_do(&world, &get, kv_do_get) < 0);
		kv_member_start(&world, a);
		kv_expect(&world, "a", "acknowledged");
		kv_world_end(&world);
	}
}

static void who_lost_its_disk_is_replaced_and_catches_up(void **state)
{
	struct kv_deed replace = {0};
	struct kv_world world;
	uint64_t id;
	int lost;

	(void)state;
	kv_world_begin(&world, 3, 5);
	kv_world_start(&world);
	kv_put_many(&world, 20);
	lost = (kv_leader(&world) + 1) % 3;
	id = kv_state_at(&world, lost).member;
	kv_member_wipe(&world, lost);
	world.members[lost].options.join = world.addresses;
	replace.version = id;
	assert_int_equal(kv_deed_do(&world, &replace, kv_do_replace_member), 0);
	assert_true(replace.index != id);
	kv_member_start(&world, lost);
	kv_voters_wait(&world, 3);
	kv_put_many(&world, 5);
	kv_all_equal(&world);
	assert_true(kv_state_at(&world, lost).member > id);
	kv_world_end(&world);
}

static void a_member_is_removed_and_the_others_go_on(void **state)
{
	struct kv_deed remove = {0};
	struct kv_world world;
	int gone;

	(void)state;
	kv_world_begin(&world, 3, 6);
	kv_world_start(&world);
	kv_put_many(&world, 5);
	gone = (kv_leader(&world) + 1) % 3;
	remove.version = kv_state_at(&world, gone).member;
	assert_int_equal(kv_deed_do(&world, &remove, kv_do_remove_member), 0);
	kv_voters_wait(&world, 2);
	kv_member_kill(&world, gone);
	kv_put_many(&world, 5);
	kv_all_equal(&world);
	kv_world_end(&world);
}

static void a_leader_whose_disk_fails_steps_aside(void **state)
{
	struct kv_world world;
	int old;

	(void)state;
	kv_world_begin(&world, 3, 7);
	kv_world_start(&world);
	kv_append_to(&world, "a", "1");
	old = kv_leader(&world);
	sim_disk(world.members[old].node)->sync_error_ppm = SIM_PPM;
	kv_append_to(&world, "a", "2");
	kv_append_to(&world, "a", "3");
	kv_expect(&world, "a", "123");
	assert_int_equal(world.members[old].failures, 1);
	assert_int_not_equal(kv_leader(&world), old);
	kv_member_kill(&world, old);
	sim_disk(world.members[old].node)->sync_error_ppm = 0;
	kv_member_start(&world, old);
	kv_all_equal(&world);
	kv_world_end(&world);
}

static void of_two_who_swap_one_wins(void **state)
{
	struct kv_world world;

	(void)state;
	for (uint64_t seed = 100; seed < 106; seed++) {
		struct kv_deed one = {.key = "lock", .expected = "free", .value = "one"};
		struct kv_deed two = {.caller = 1, .key = "lock", .expected = "free",
				      .value = "two"};
		struct kv_deed free_it = {.caller = 1, .key = "lock", .value = "free"};
		int leader;

		kv_world_begin(&world, 3, seed);
		kv_world_start(&world);
		kv_put_pair(&world, "other", "x"); /* both callers are known then */
		assert_int_equal(kv_deed_do(&world, &free_it, kv_do_put), 0);
		leader = kv_leader(&world);
		kv_deed_start(&world, &one, kv_do_swap);
		kv_deed_start(&world, &two, kv_do_swap);
		sim_run_for(world.sim, sim_draw(world.sim, 3000) * SIM_US);
		kv_member_kill(&world, leader);
		assert_int_equal(kv_deed_wait(&one), 0);
		assert_int_equal(kv_deed_wait(&two), 0);
		assert_int_equal(one.swapped + two.swapped, 1);
		kv_expect(&world, "lock", one.swapped ? "one" : "two");
		kv_world_end(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_members_answer_as_one),
		cmocka_unit_test(one_member_alone_keeps_what_it_acknowledged),
		cmocka_unit_test(when_the_leader_dies_the_others_go_on),
		cmocka_unit_test(five_members_bear_two_deaths),
		cmocka_unit_test(appends_in_flight_when_the_leader_dies_happen_once),
		cmocka_unit_test(appends_in_flight_when_the_leader_loses_power_happen_once),
		cmocka_unit_test(appends_in_flight_when_the_leader_is_cut_off_happen_once),
		cmocka_unit_test(appends_to_a_leader_that_is_deaf_happen_once),
		cmocka_unit_test(a_copy_of_an_answered_call_has_no_effect_after_failover),
		cmocka_unit_test(a_copy_of_a_call_has_no_effect_after_all_lost_power),
		cmocka_unit_test(a_copy_of_a_call_has_no_effect_at_who_has_a_snapshot),
		cmocka_unit_test(a_copy_that_comes_before_the_first_is_applied_has_no_effect),
		cmocka_unit_test(snapshots_while_writing_lose_nothing),
		cmocka_unit_test(who_was_away_for_long_gets_a_snapshot),
		cmocka_unit_test(who_is_behind_and_who_lost_its_disk_elect_nobody),
		cmocka_unit_test(who_lost_its_disk_is_replaced_and_catches_up),
		cmocka_unit_test(a_member_is_removed_and_the_others_go_on),
		cmocka_unit_test(a_leader_whose_disk_fails_steps_aside),
		cmocka_unit_test(of_two_who_swap_one_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_time_scenario.c - clusters of the key/value service and time: reads that must not be old and
 * reads that may, keys that end whatever the clocks say, those who watch.
 */
#include "sim/kv_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "kv/kv.rpc.h"

/* ---- Reads ---------------------------------------------------------------------------------- */

static void a_leader_that_is_cut_off_answers_no_read(void **state)
{
	struct kv_deed get = {.caller = 1, .key = "a", .timeout_ms = 5000};
	struct kv_world world;
	int old;

	(void)state;
	for (uint64_t seed = 1; seed < 5; seed++) {
		kv_world_begin(&world, 3, seed);
		kv_world_start(&world);
		kv_put_pair(&world, "a", "old");
		old = kv_leader(&world);
		/* The second caller is on the side of the old leader. */
		sim_partition(world.sim, 1u << sim_node_index(world.members[old].node) |
						 1u << sim_node_index(world.callers[1].node));
		get = (struct kv_deed){
			.caller = 1, .key = "a", .at = old + 1, .timeout_ms = 5000};
		(void)kv_leader_wait(&world, old);
		kv_put_pair(&world, "a", "new");
		assert_true(kv_deed_do(&world, &get, kv_do_get) < 0);
		sim_heal(world.sim);
		kv_expect(&world, "a", "new");
		kv_world_end(&world);
	}
}

static void a_weak_read_is_old_and_says_so(void **state)
{
	struct kv_deed weak = {.key = "a", .weak = true}, put = {.key = "a", .value = "new"};
	struct kv_world world;
	int away;

	(void)state;
	kv_world_begin(&world, 3, 11);
	kv_world_start(&world);
	kv_put_pair(&world, "a", "old");
	kv_all_equal(&world);
	away = (kv_leader(&world) + 1) % 3;
	for (int i = 0; i < 3; i++) {
		sim_link(world.members[i].node, world.members[away].node)->blocked = i != away;
		sim_link(world.members[away].node, world.members[i].node)->blocked = i != away;
	}
	assert_int_equal(kv_deed_do(&world, &put, kv_do_put), 0);
	weak.at = away + 1;
	assert_int_equal(kv_deed_do(&world, &weak, kv_do_get), 0);
	assert_string_equal(weak.text, "old");
	assert_true(weak.index < put.index);
	/* Who brings the index of its write waits for it. */
	weak = (struct kv_deed){.key = "a", .weak = true, .at = away + 1, .timeout_ms = 2000,
				.min_index = put.index};
	assert_int_equal(kv_deed_do(&world, &weak, kv_do_get), GW_E_TIMEOUT);
	weak = (struct kv_deed){.key = "a", .weak = true, .at = away + 1, .min_index = put.index};
	kv_deed_start(&world, &weak, kv_do_get);
	kv_pass_ms(&world, 100);
	assert_false(weak.is_over);
	sim_heal(world.sim);
	assert_int_equal(kv_deed_wait(&weak), 0);
	assert_string_equal(weak.text, "new");
	assert_true(weak.index >= put.index);
	kv_world_end(&world);
}

/* ---- Keys that end -------------------------------------------------------------------------- */

static void put_for(struct kv_world *world, const char *key, uint64_t ttl_ms)
{
	struct kv_deed put = {.key = key, .value = "x", .ttl_ms = ttl_ms};

	assert_int_equal(kv_deed_do(world, &put, kv_do_put), 0);
}

static void a_key_ends_while_nothing_else_happens(void **state)
{
	struct kv_world world;

	(void)state;
	kv_world_begin(&world, 3, 21);
	kv_world_start(&world);
	put_for(&world, "long", 100000);
	put_for(&world, "short", 2000);
	kv_pass_ms(&world, 1000);
	kv_expect(&world, "short", "x");
	kv_pass_ms(&world, 2000);
	kv_expect(&world, "short", NULL);
	kv_expect(&world, "long", "x");
	kv_all_equal(&world);
	for (int i = 0; i < 3; i++)
		assert_int_equal(kv_server_keys(world.members[i].server), 1);
	kv_world_end(&world);
}

/* The next leader's clock is an hour late, or early: what has ended has ended, and what is there
 * goes at most early by what the clocks are apart. */
static void a_key_that_has_ended_never_comes_back(void **state)
{
	struct kv_world world;
	int old;

	(void)state;
	for (uint64_t seed = 31; seed < 35; seed++) {
		kv_world_begin(&world, 3, seed);
		kv_world_start(&world);
		put_for(&world, "a", 2000);
		put_for(&world, "b", 9000000);
		kv_pass_ms(&world, 3000);
		kv_expect(&world, "a", NULL);
		old = kv_leader(&world);
		for (int i = 0; i < 3; i++)
			if (i != old)
				sim_clock_jump(world.members[i].node, -3600 * (int64_t)SIM_SECOND);
		kv_member_kill(&world, old);
		kv_expect(&world, "a", NULL);
		kv_expect(&world, "b", "x");
		put_for(&world, "c", 1000);
		kv_member_start(&world, old);
		kv_all_equal(&world);
		kv_expect(&world, "a", NULL);
		for (int i = 0; i < 3; i++)
			sim_clock_jump(world.members[i].node, 7200 * (int64_t)SIM_SECOND);
		kv_pass_ms(&world, 5000);
		kv_expect(&world, "c", NULL);
		kv_all_equal(&world);
		kv_world_end(&world);
	}
}

static void time_to_live_survives_a_restart_of_all(void **state)
{
	struct kv_world world;

	(void)state;
	kv_world_begin(&world, 3, 41);
	kv_world_start(&world);
	put_for(&world, "a", 5000);
	put_for(&world, "b", 100000);
	for (int i = 0; i < 3; i++)
		kv_member_power_loss(&world, i);
	kv_pass_ms(&world, 6000);
	for (int i = 0; i < 3; i++)
		kv_member_start(&world, i);
	(void)kv_leader_wait(&world, KV_NOBODY);
	kv_pass_ms(&world, 1500);
	kv_expect(&world, "a", NULL);
	kv_expect(&world, "b", "x");
	kv_all_equal(&world);
	kv_world_end(&world);
}

/* ---- Those who watch ------------------------------------------------------------------------ */

/* Watches one member until it is told to stop, and writes down what it hears. */
struct watcher {
	struct kv_world *world;
	int at;              /* member, from 0 */
	uint64_t from_index;
	uint64_t stop_after; /* events; 0: until the stream ends */
	char heard[4096];    /* "key=value," and "key-," in order */
	uint64_t last_index, events;
	bool is_over, is_ordered;
	int result;
};

static void hear(struct watcher *watcher, const Kv__WatchItem *item)
{
	if (item->index < watcher->last_index ||
	    (item->n_events > 0 && item->index == watcher->last_index))
		watcher->is_ordered = false;
	watcher->last_index = item->index;
	for (size_t i = 0; i < item->n_events; i++) {
		const Kv__Event *event = item->events[i];
		size_t used = strlen(watcher->heard);

		snprintf(watcher->heard + used, sizeof(watcher->heard) - used, "%.*s%s%.*s,",
			 (int)event->key.len, (char *)event->key.data,
			 event->kind == KV__EVENT__KIND__PUT ? "=" :
			 event->kind == KV__EVENT__KIND__DELETE ? "-" : "!",
			 (int)event->value.len, event->value.data ? (char *)event->value.data : "");
		watcher->events++;
	}
}

static int watch(void *argument)
{
	const struct gw_rpc_client_options of_client = {.insecure = true};
	struct watcher *watcher = argument;
	struct gw_rpc_call_options options = {.deadline_ns = gw_after_ms(120000)};
	Kv__WatchRequest request = KV__WATCH_REQUEST__INIT;
	struct gw_rpc_client *client;
	struct gw_rpc_call *call;
	Kv__WatchItem *item;
	int code;

	watcher->is_ordered = true;
	request.from_index = watcher->from_index;
	code = gw_rpc_client_new(&client, watcher->world->members[watcher->at].address, &of_client,
				 NULL);
	assert_int_equal(code, 0);
	code = kv_watch_open(client, &request, &options, &call, NULL);
	while (code == 0 && (watcher->stop_after == 0 || watcher->events < watcher->stop_after)) {
		code = kv_watch_reply_receive(call, &item, NULL);
		if (code <= 0)
			break;
		hear(watcher, item);
		gw_rpc_reply_free(item);
		code = 0;
	}
	if (code == 0 && watcher->stop_after > 0)
		gw_rpc_abandon(call);
	else
		code = kv_watch_finish(call, NULL);
	gw_rpc_client_free(client);
	watcher->result = code;
	watcher->is_over = true;
	return 0;
}

static void watch_start(struct kv_world *world, struct watcher *watcher)
{
	watcher->world = world;
	assert_int_equal(task_loop_spawn(world->callers[1].loop, watch, watcher, NULL), 0);
	kv_pass_ms(world, 50);
}

static bool watch_is_over(void *context)
{
	return ((struct watcher *)context)->is_over;
}

static void who_watches_hears_every_change_once_in_order(void **state)
{
	struct watcher watchers[3] = {{.at = 0}, {.at = 1}, {.at = 2}};
	struct kv_deed remove = {.key = "b"}, put = {.key = "t", .value = "x", .ttl_ms = 500};
	struct kv_world world;

	(void)state;
	kv_world_begin(&world, 3, 51);
	kv_world_start(&world);
	for (int i = 0; i < 3; i++) {
		watchers[i].stop_after = 7;
		watch_start(&world, &watchers[i]);
	}
	kv_put_pair(&world, "a", "1");
	kv_put_pair(&world, "b", "1");
	kv_append_to(&world, "a", "2");
	assert_int_equal(kv_deed_do(&world, &remove, kv_do_delete), 0);
	assert_int_equal(kv_deed_do(&world, &put, kv_do_put), 0);
	kv_pass_ms(&world, 3000);
	kv_put_pair(&world, "c", "3");
	for (int i = 0; i < 3; i++) {
		kv_wait_until(&world, watch_is_over, &watchers[i]);
		assert_string_equal(watchers[i].heard, "a=1,b=1,a=12,b-,t=x,t!,c=3,");
		assert_true(watchers[i].is_ordered);
	}
	kv_world_end(&world);
}

static void who_watched_a_member_that_died_goes_on_at_another(void **state)
{
	struct watcher first = {0}, second = {.stop_after = 3};
	struct kv_world world;
	int leader;

	(void)state;
	kv_world_begin(&world, 3, 52);
	kv_world_start(&world);
	leader = kv_leader(&world);
	first.at = leader;
	watch_start(&world, &first);
	kv_put_pair(&world, "a", "1");
	kv_put_pair(&world, "a", "2");
	kv_pass_ms(&world, 50);
	kv_member_kill(&world, leader);
	kv_wait_until(&world, watch_is_over, &first);
	assert_string_equal(first.heard, "a=1,a=2,");
	kv_put_pair(&world, "a", "3");
	kv_put_pair(&world, "a", "4");
	kv_put_pair(&world, "a", "5");
	second.at = kv_leader(&world);
	second.from_index = first.last_index + 1;
	watch_start(&world, &second);
	kv_wait_until(&world, watch_is_over, &second);
	assert_string_equal(second.heard, "a=3,a=4,a=5,");
	kv_world_end(&world);
}

/* Who watched elsewhere before asks a member for entries that it does not have yet. */
static void who_comes_to_a_member_that_is_behind_hears_nothing_twice(void **state)
{
	struct kv_deed put[2] = {{.key = "a", .value = "2"}, {.key = "a", .value = "3"}};
	struct watcher watcher = {.stop_after = 1};
	struct kv_world world;

	(void)state;
	kv_world_begin(&world, 3, 54);
	kv_world_start(&world);
	kv_put_pair(&world, "a", "1");
	kv_all_equal(&world);
	watcher.at = (kv_leader(&world) + 1) % 3;
	for (int i = 0; i < 3; i++)
		sim_link(world.members[i].node, world.members[watcher.at].node)->blocked =
			i != watcher.at;
	for (int i = 0; i < 2; i++)
		assert_int_equal(kv_deed_do(&world, &put[i], kv_do_put), 0);
	watcher.from_index = put[1].index;
	watch_start(&world, &watcher);
	sim_heal(world.sim);
	kv_wait_until(&world, watch_is_over, &watcher);
	assert_string_equal(watcher.heard, "a=3,");
	kv_world_end(&world);
}

static void who_comes_too_late_is_told_so(void **state)
{
	struct watcher late = {.from_index = 3};
	struct kv_world world;
	char value[3000];

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	kv_world_begin(&world, 3, 53);
	for (int i = 0; i < 3; i++)
		world.members[i].options.history_bytes_max = 300 << 10;
	kv_world_start(&world);
	for (int i = 0; i < 300; i++)
		kv_put_pair(&world, "a", value);
	late.at = kv_leader(&world);
	watch_start(&world, &late);
	kv_wait_until(&world, watch_is_over, &late);
	assert_int_equal(late.result, GW_E_COMPACTED);
	assert_int_equal(late.events, 0);
	kv_world_end(&world);
}

/* ---- Disks that are full -------------------------------------------------------------------- */

static void a_full_disk_refuses_changes_and_answers_reads(void **state)
{
	struct kv_deed put = {.key = "b", .value = "x", .timeout_ms = 3000};
	struct kv_world world;

	(void)state;
	kv_world_begin(&world, 1, 61);
	kv_world_start(&world);
	kv_put_pair(&world, "a", "kept");
	sim_disk_fail_at(world.members[0].node, 1u << IO_OPERATION_PWRITEV, 1, 0, 28 /* ENOSPC */);
	assert_true(kv_deed_do(&world, &put, kv_do_put) < 0);
	sim_disk_fail_at(world.members[0].node, 0, 0, 0, 0);
	kv_member_kill(&world, 0);
	kv_member_start(&world, 0);
	kv_expect(&world, "a", "kept");
	kv_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leader_that_is_cut_off_answers_no_read),
		cmocka_unit_test(a_weak_read_is_old_and_says_so),
		cmocka_unit_test(a_key_ends_while_nothing_else_happens),
		cmocka_unit_test(a_key_that_has_ended_never_comes_back),
		cmocka_unit_test(time_to_live_survives_a_restart_of_all),
		cmocka_unit_test(who_watches_hears_every_change_once_in_order),
		cmocka_unit_test(who_watched_a_member_that_died_goes_on_at_another),
		cmocka_unit_test(who_comes_to_a_member_that_is_behind_hears_nothing_twice),
		cmocka_unit_test(who_comes_too_late_is_told_so),
		cmocka_unit_test(a_full_disk_refuses_changes_and_answers_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

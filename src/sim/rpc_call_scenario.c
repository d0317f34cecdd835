/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_call_scenario.c - calls on a cluster whose network and machines misbehave: who finds out,
 * when, and what is done about it.
 */
#include "sim/rpc_fixture.h"

#include <stdlib.h>

static void calls_are_answered_whatever_pieces_their_bytes_come_in(void **state)
{
	struct sim_options options = {.split_ppm = 900000, .segment_bytes = 7};
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 1, &options);
	cluster_start(&cluster);
	for (int i = 1; i <= 20; i++) {
		assert_int_equal(call(&cluster, C, KIND_ECHO, i), 0);
		assert_int_equal(call(&cluster, C, KIND_ADD, 1), i);
	}
	assert_true(sim_count(cluster.sim, SIM_COUNT_SPLIT) > 0);
	cluster_end(&cluster);
}

static void a_call_waits_for_a_server_that_comes_late(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ADD, .number = 3};

	(void)state;
	cluster_begin(&cluster, 2, NULL);
	cluster_start_one(&cluster, C);
	job_start(&cluster, C, &job);
	pass(&cluster, 20 * SIM_SECOND);
	assert_false(job.is_over);
	cluster_start_one(&cluster, A);
	assert_int_equal(job_wait(&cluster, &job), 3);
	cluster_end(&cluster);
}

static void a_server_that_is_down_is_not_asked_all_the_time(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ECHO};

	(void)state;
	cluster_begin(&cluster, 3, NULL);
	cluster_start_one(&cluster, C);
	job_start(&cluster, C, &job);
	assert_int_equal(job_wait(&cluster, &job), GW_E_UNREACHABLE);
	/* A minute, two addresses, two seconds between rounds in the end. */
	assert_in_range(sim_count(cluster.sim, SIM_COUNT_REFUSE), 40, 200);
	cluster_end(&cluster);
}

static void the_next_address_is_tried_when_one_is_down(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 4, NULL);
	cluster_start_one(&cluster, B);
	cluster_start_one(&cluster, C);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 1);
	assert_int_equal(cluster.machines[B].served.adds, 1);
	cluster_end(&cluster);
}

static void a_best_effort_call_is_sent_again_when_its_connection_breaks(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ECHO};

	(void)state;
	cluster_begin(&cluster, 5, NULL);
	cluster_start(&cluster);
	cluster.machines[A].served.hold = true;
	job_start(&cluster, C, &job);
	until(&cluster, &cluster.machines[A].served.echoes, 1);
	sim_reset_streams(node(&cluster, A), node(&cluster, C));
	until(&cluster, &cluster.machines[A].served.echoes, 2);
	cluster.machines[A].served.hold = false;
	assert_int_equal(job_wait(&cluster, &job), 0);
	/* Whose caller was lost was cancelled. */
	assert_int_equal(cluster.machines[A].served.cancelled, 1);
	cluster_end(&cluster);
}

static void a_best_effort_call_moves_on_to_a_server_that_lives(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ECHO};

	(void)state;
	cluster_begin(&cluster, 6, NULL);
	cluster_start(&cluster);
	cluster.machines[A].served.hold = true;
	job_start(&cluster, C, &job);
	until(&cluster, &cluster.machines[A].served.echoes, 1);
	sim_node_power_loss(node(&cluster, A));
	assert_int_equal(job_wait(&cluster, &job), 0);
	assert_int_equal(cluster.machines[B].served.echoes, 1);
	cluster_end(&cluster);
}

enum { CALLERS = 50 };

static void a_lost_server_wakes_all_its_callers(void **state)
{
	struct job jobs[CALLERS];
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 7, NULL);
	cluster_start(&cluster);
	cluster.machines[A].served.hold = true;
	for (int i = 0; i < CALLERS; i++) {
		jobs[i] = (struct job){.kind = i % 2 ? KIND_ECHO : KIND_ADD, .number = 1};
		job_start(&cluster, C, &jobs[i]);
	}
	until(&cluster, &cluster.machines[A].served.echoes, CALLERS / 2);
	until(&cluster, &cluster.machines[A].served.adds, CALLERS / 2);
	sim_node_kill(node(&cluster, A));
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(job_wait(&cluster, &jobs[i]), i % 2 ? 0 : GW_E_OUTCOME_UNKNOWN);
	assert_int_equal(cluster.machines[B].served.echoes, CALLERS / 2);
	assert_int_equal(cluster.machines[B].served.adds, 0);
	cluster_end(&cluster);
}

static void a_half_open_connection_is_found_by_its_silence(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ECHO};
	uint64_t began_ns;

	(void)state;
	cluster_begin(&cluster, 8, NULL);
	cluster.machines[C].client_options.keepalive_ms = 1000;
	cluster_start(&cluster);
	assert_int_equal(call(&cluster, C, KIND_ECHO, 1), 0);
	sim_hang_streams(node(&cluster, A), node(&cluster, C));
	began_ns = sim_now_ns(cluster.sim);
	job_start(&cluster, C, &job);
	assert_int_equal(job_wait(&cluster, &job), 0);
	assert_in_range(sim_now_ns(cluster.sim) - began_ns, SIM_SECOND, 5 * SIM_SECOND);
	cluster_end(&cluster);
}

static void an_idle_connection_stays(void **state)
{
	struct cluster cluster;
	uint64_t connections;

	(void)state;
	cluster_begin(&cluster, 9, NULL);
	cluster_start(&cluster);
	assert_int_equal(call(&cluster, C, KIND_ECHO, 1), 0);
	connections = sim_count(cluster.sim, SIM_COUNT_CONNECT);
	pass(&cluster, 600 * SIM_SECOND);
	assert_int_equal(call(&cluster, C, KIND_ECHO, 1), 0);
	assert_int_equal(sim_count(cluster.sim, SIM_COUNT_CONNECT), connections);
	cluster_end(&cluster);
}

static void a_call_that_is_given_up_cancels_its_handler_far_away(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ECHO, .timeout_ns = SIM_SECOND};
	struct served *served = &cluster.machines[A].served;

	(void)state;
	cluster_begin(&cluster, 10, NULL);
	cluster_start(&cluster);
	served->hold = true;
	job_start(&cluster, C, &job);
	assert_int_equal(job_wait(&cluster, &job), GW_E_TIMEOUT);
	until(&cluster, &served->ended, 1);
	cluster_end(&cluster);
}

static void a_server_whose_caller_vanished_ends_its_handler_at_the_deadline(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ECHO, .timeout_ns = 3 * SIM_SECOND};
	struct served *served = &cluster.machines[A].served;
	uint64_t began_ns;

	(void)state;
	cluster_begin(&cluster, 11, NULL);
	cluster_start(&cluster);
	served->hold = true;
	began_ns = sim_now_ns(cluster.sim);
	job_start(&cluster, C, &job);
	until(&cluster, &served->echoes, 1);
	sim_node_power_loss(node(&cluster, C));
	until(&cluster, &served->ended, 1);
	assert_in_range(sim_now_ns(cluster.sim) - began_ns, 2 * SIM_SECOND, 4 * SIM_SECOND);
	cluster_end(&cluster);
}

static void not_leader_sends_the_call_to_the_leader(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 12, NULL);
	cluster_start(&cluster);
	cluster.machines[A].served.redirect = "10.0.0.2:7000";
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 1);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 2);
	assert_int_equal(cluster.machines[A].served.adds, 0);
	assert_int_equal(cluster.machines[B].served.adds, 2);
	cluster_end(&cluster);
}

static void not_leader_without_an_address_asks_the_others(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 13, NULL);
	cluster_start(&cluster);
	cluster.machines[A].served.redirect = "";
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 1);
	assert_int_equal(cluster.machines[B].served.adds, 1);
	cluster_end(&cluster);
}

static void a_call_finds_the_leader_that_is_elected_late(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ADD, .number = 1};

	(void)state;
	cluster_begin(&cluster, 14, NULL);
	cluster_start(&cluster);
	cluster.machines[A].served.redirect = "";
	cluster.machines[B].served.redirect = "";
	job_start(&cluster, C, &job);
	pass(&cluster, 5 * SIM_SECOND);
	assert_false(job.is_over);
	cluster.machines[A].served.redirect = NULL;
	assert_int_equal(job_wait(&cluster, &job), 1);
	assert_int_equal(cluster.machines[A].served.adds, 1);
	cluster_end(&cluster);
}

/* As those do that have not noticed yet that their leader is gone. */
static void a_redirect_to_a_dead_address_is_not_the_end(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ADD, .number = 1};

	(void)state;
	cluster_begin(&cluster, 15, NULL);
	cluster_start(&cluster);
	cluster.machines[A].served.redirect = "10.0.0.3:7000";
	cluster.machines[B].served.redirect = "10.0.0.3:7000";
	job_start(&cluster, C, &job);
	pass(&cluster, 5 * SIM_SECOND);
	assert_false(job.is_over);
	cluster.machines[B].served.redirect = NULL;
	assert_int_equal(job_wait(&cluster, &job), 1);
	assert_int_equal(cluster.machines[B].served.adds, 1);
	cluster_end(&cluster);
}

static void a_leader_that_is_not_in_the_list_is_found_late(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ADD, .number = 1};

	(void)state;
	cluster_begin(&cluster, 15, NULL);
	cluster.machines[C].address = "10.0.0.1:7000";
	cluster_start(&cluster);
	cluster.machines[A].served.redirect = "10.0.0.3:7000";
	job_start(&cluster, C, &job);
	pass(&cluster, 5 * SIM_SECOND);
	assert_false(job.is_over);
	cluster.machines[A].served.redirect = "10.0.0.2:7000";
	assert_int_equal(job_wait(&cluster, &job), 1);
	assert_int_equal(cluster.machines[B].served.adds, 1);
	cluster_end(&cluster);
}

static void servers_that_point_at_each_other_are_asked_until_the_deadline(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ADD, .number = 1, .timeout_ns = 5 * SIM_SECOND};

	(void)state;
	cluster_begin(&cluster, 15, NULL);
	cluster_start(&cluster);
	cluster.machines[A].served.redirect = "10.0.0.2:7000";
	cluster.machines[B].served.redirect = "10.0.0.1:7000";
	job_start(&cluster, C, &job);
	assert_int_equal(job_wait(&cluster, &job), GW_E_TIMEOUT);
	assert_non_null(strstr(job.error.text, "no server leads"));
	cluster_end(&cluster);
}

static void a_paused_server_delays_its_answer_and_loses_none(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ADD, .number = 4};

	(void)state;
	cluster_begin(&cluster, 16, NULL);
	cluster_start(&cluster);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 1);
	sim_node_pause(node(&cluster, A), SIM_PAUSE_PROCESS);
	job_start(&cluster, C, &job);
	pass(&cluster, 3 * SIM_SECOND);
	assert_false(job.is_over);
	sim_node_resume(node(&cluster, A));
	assert_int_equal(job_wait(&cluster, &job), 5);
	cluster_end(&cluster);
}

static void one_way_silence_is_a_lost_connection(void **state)
{
	struct cluster cluster;
	struct job job = {.kind = KIND_ADD, .number = 4};

	(void)state;
	cluster_begin(&cluster, 17, NULL);
	cluster_start_one(&cluster, A);
	cluster_start_one(&cluster, C);
	assert_int_equal(call(&cluster, C, KIND_ADD, 1), 1);
	/* A hears C, and C does not hear A. */
	sim_link(node(&cluster, A), node(&cluster, C))->blocked = true;
	job_start(&cluster, C, &job);
	pass(&cluster, 30 * SIM_SECOND);
	assert_false(job.is_over);
	assert_int_equal(cluster.machines[A].served.adds, 2);
	sim_heal(cluster.sim);
	assert_int_equal(job_wait(&cluster, &job), 5);
	assert_int_equal(cluster.machines[A].served.adds, 2);
	cluster_end(&cluster);
}

/* ---- Streams and attachments ------------------------------------------------------------- */

static int count_until_it_ends(void *argument)
{
	struct machine *machine = argument;
	struct gw_rpc_call_options options = {.deadline_ns = gw_now_ns() + 3600 * SIM_SECOND};
	Fixture__Number number = FIXTURE__NUMBER__INIT, *item;
	struct gw_rpc_call *stream;
	int64_t next = 1;
	int result;

	number.number = INT64_MAX;
	result = fixture_count_open(machine->client, &number, &options, &stream, NULL);
	assert_int_equal(result, 0);
	while ((result = fixture_count_reply_receive(stream, &item, NULL)) > 0) {
		assert_int_equal(item->number, next++);
		gw_rpc_reply_free(item);
	}
	gw_rpc_abandon(stream);
	return result;
}

static void kill_a(void *context)
{
	sim_node_kill(node(context, A));
}

static void a_stream_ends_with_its_server(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 18, NULL);
	cluster_start(&cluster);
	sim_at(cluster.sim, sim_now_ns(cluster.sim) + SIM_SECOND, kill_a, &cluster);
	assert_int_equal(run_at(&cluster, C, count_until_it_ends, &cluster.machines[C]),
			 GW_E_CLOSED);
	cluster_end(&cluster);
}

enum { BULK = 700000 };

static int send_bulk(void *argument)
{
	struct machine *machine = argument;
	uint8_t *bytes = malloc(BULK), *back = calloc(1, BULK);
	struct gw_rpc_call_options options = {.attachment = {bytes, BULK},
					      .reply_attachment = back,
					      .reply_attachment_max = BULK,
					      .deadline_ns = gw_now_ns() + 600 * SIM_SECOND};
	int result;

	assert_non_null(bytes);
	assert_non_null(back);
	for (uint64_t i = 0; i < BULK; i++)
		bytes[i] = served_byte(i);
	result = served_echo(machine->client, "bulk", &options, NULL);
	if (result == 0)
		assert_memory_equal(bytes, back, BULK);
	free(bytes);
	free(back);
	return result;
}

static void an_attachment_passes_through_a_slow_drip(void **state)
{
	struct sim_options options = {.split_ppm = 300000};
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 19, &options);
	cluster_start(&cluster);
	cluster.machines[A].served.read_bytes = 10000;
	cluster.machines[A].served.give_back = true;
	sim_link(node(&cluster, C), node(&cluster, A))->bytes_per_s = 100000;
	assert_int_equal(run_at(&cluster, C, send_bulk, &cluster.machines[C]), 0);
	assert_int_equal(cluster.machines[A].served.echoes, 1);
	cluster_end(&cluster);
}

enum { LONG_BYTES = 2000000 };

static int send_long(void *argument)
{
	struct machine *machine = argument;
	struct gw_rpc_call_options options = {.deadline_ns = gw_after_ms(120000)};
	struct gw_error error = {0};
	char *text = malloc(LONG_BYTES + 1);
	int64_t result;

	assert_non_null(text);
	memset(text, 'x', LONG_BYTES);
	text[LONG_BYTES] = 0;
	result = served_echo(machine->client, text, &options, &error);
	free(text);
	return (int)result;
}

/* The caller hears nothing for twenty seconds, and its question stands behind what it sends. */
static void a_long_message_on_a_slow_link_is_no_silence(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 21, NULL);
	cluster.machines[C].client_options.keepalive_ms = 2000;
	cluster_start(&cluster);
	assert_int_equal(call(&cluster, C, KIND_ECHO, 1), 0);
	sim_link(node(&cluster, C), node(&cluster, A))->bytes_per_s = 25000;
	assert_int_equal(run_at(&cluster, C, send_long, &cluster.machines[C]), 0);
	assert_int_equal(cluster.machines[A].served.echoes, 2);
	cluster_end(&cluster);
}

static void reset_a_c(void *context)
{
	struct cluster *cluster = context;

	sim_reset_streams(node(cluster, A), node(cluster, C));
}

static void an_attachment_that_breaks_off_is_sent_again_whole(void **state)
{
	struct cluster cluster;

	(void)state;
	cluster_begin(&cluster, 20, NULL);
	cluster_start(&cluster);
	cluster.machines[A].served.read_bytes = 100000;
	cluster.machines[A].served.give_back = true;
	sim_link(node(&cluster, C), node(&cluster, A))->bytes_per_s = 300000;
	sim_at(cluster.sim, sim_now_ns(cluster.sim) + SIM_SECOND, reset_a_c, &cluster);
	assert_int_equal(run_at(&cluster, C, send_bulk, &cluster.machines[C]), 0);
	assert_int_equal(cluster.machines[A].served.echoes, 2);
	cluster_end(&cluster);
}

static void the_same_seed_gives_the_same_run(void **state)
{
	uint64_t hashes[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sim_options options = {0};
		struct cluster cluster;

		sim_options_vary(&options, 21);
		cluster_begin(&cluster, 21, &options);
		cluster_start(&cluster);
		cluster.machines[A].served.read_bytes = 100000;
		cluster.machines[A].served.give_back = true;
		for (int n = 1; n <= 10; n++) {
			assert_int_equal(call(&cluster, C, KIND_ADD, 1), n);
			sim_reset_streams(node(&cluster, A), node(&cluster, C));
		}
		assert_int_equal(run_at(&cluster, C, send_bulk, &cluster.machines[C]), 0);
		hashes[i] = sim_hash(cluster.sim);
		cluster_end(&cluster);
	}
	assert_int_equal(hashes[0], hashes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_answered_whatever_pieces_their_bytes_come_in),
		cmocka_unit_test(a_call_waits_for_a_server_that_comes_late),
		cmocka_unit_test(a_server_that_is_down_is_not_asked_all_the_time),
		cmocka_unit_test(the_next_address_is_tried_when_one_is_down),
		cmocka_unit_test(a_best_effort_call_is_sent_again_when_its_connection_breaks),
		cmocka_unit_test(a_best_effort_call_moves_on_to_a_server_that_lives),
		cmocka_unit_test(a_lost_server_wakes_all_its_callers),
		cmocka_unit_test(a_half_open_connection_is_found_by_its_silence),
		cmocka_unit_test(an_idle_connection_stays),
		cmocka_unit_test(a_call_that_is_given_up_cancels_its_handler_far_away),
		cmocka_unit_test(a_server_whose_caller_vanished_ends_its_handler_at_the_deadline),
		cmocka_unit_test(not_leader_sends_the_call_to_the_leader),
		cmocka_unit_test(not_leader_without_an_address_asks_the_others),
		cmocka_unit_test(a_call_finds_the_leader_that_is_elected_late),
		cmocka_unit_test(a_redirect_to_a_dead_address_is_not_the_end),
		cmocka_unit_test(a_leader_that_is_not_in_the_list_is_found_late),
		cmocka_unit_test(servers_that_point_at_each_other_are_asked_until_the_deadline),
		cmocka_unit_test(a_paused_server_delays_its_answer_and_loses_none),
		cmocka_unit_test(one_way_silence_is_a_lost_connection),
		cmocka_unit_test(a_stream_ends_with_its_server),
		cmocka_unit_test(an_attachment_passes_through_a_slow_drip),
		cmocka_unit_test(a_long_message_on_a_slow_link_is_no_silence),
		cmocka_unit_test(an_attachment_that_breaks_off_is_sent_again_whole),
		cmocka_unit_test(the_same_seed_gives_the_same_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network_scenario.c - streams and datagrams under each fault of the network: that it happens, and
 * what holds under it. A stream's bytes come in order and once, or it ends.
 */
#include "sim/world_fixture.h"

enum { BIG = 1 << 20 };

static void fill(uint8_t *bytes, size_t size)
{
	uint64_t state = 1;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)test_random(&state);
}

/* Nodes 0 and 1 with a connection between them, and what each end hears. */
struct talk {
	struct world world;
	struct pair pair;
	struct collector heard[2];
	char got[2][16];
};

static void talk_begin(struct talk *talk, const struct sim_options *options)
{
	*talk = (struct talk){.heard = {{.size = 0}}};
	world_start(&talk->world, 1, options);
	pair_make(&talk->pair, &talk->world, 0, 1);
}

static void hear(struct talk *talk, unsigned end)
{
	collector_start(&talk->heard[end], &talk->world, end, talk->pair.ends[end],
			talk->got[end], sizeof(talk->got[end]));
}

/* At node 0. */
static int say(struct talk *talk, const char *text)
{
	return stream_send(&talk->world, 0, talk->pair.ends[0], text, strlen(text));
}

static void bytes_arrive_in_order_and_once_however_they_are_split(void **state)
{
	struct world world;
	struct pair pair;
	struct collector collector = {0};
	struct op op;
	struct gw_bytes piece;
	uint8_t *sent = (uint8_t *)malloc(BIG), *got = (uint8_t *)malloc(BIG);

	(void)state;
	assert_true(sent && got);
	fill(sent, BIG);
	piece = (struct gw_bytes){sent, BIG};
	world_start(&world, 1, NULL);
	sim_link(world.nodes[0], world.nodes[1])->split_ppm = SIM_PPM / 2;
	sim_link(world.nodes[0], world.nodes[1])->loss_ppm = SIM_PPM / 10;
	pair_make(&pair, &world, 0, 1);
	op = op_of(&world);
	io_writev(world_io(&world, 0), &op.request, pair.ends[0], &piece, 1, op_done);
	collector_start(&collector, &world, 1, pair.ends[1], got, BIG);
	assert_true(collector_wait(&collector, BIG, 600 * SIM_SECOND));
	assert_memory_equal(got, sent, BIG);
	assert_int_equal(op_wait(&op), 0);
	assert_true(sim_count(world.sim, SIM_COUNT_SPLIT) > 3);
	assert_true(sim_count(world.sim, SIM_COUNT_RESEND) > 0);
	world_end(&world);
	free(sent);
	free(got);
}

static void a_frame_may_arrive_a_byte_at_a_time(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, NULL);
	sim_link(talk.world.nodes[0], talk.world.nodes[1])->drip_bytes = 1;
	sim_link(talk.world.nodes[0], talk.world.nodes[1])->bytes_per_s = 1;
	hear(&talk, 1);
	assert_int_equal(say(&talk, "slowly"), 0);
	assert_true(collector_wait(&talk.heard[1], 6, 60 * SIM_SECOND));
	assert_memory_equal(talk.got[1], "slowly", 6);
	assert_true(talk.heard[1].reads >= 2);
	assert_true(sim_now_ns(talk.world.sim) > SIM_SECOND);
	world_end(&talk.world);
}

static void a_writer_waits_when_the_other_side_does_not_read(void **state)
{
	struct sim_options options = {.stream_buffer_bytes = 1000};
	struct world world;
	struct pair pair;
	struct collector collector = {0};
	struct op op;
	uint8_t bytes[3000] = {0}, got[3000];
	struct gw_bytes piece = {bytes, sizeof(bytes)};

	(void)state;
	world_start(&world, 1, &options);
	pair_make(&pair, &world, 0, 1);
	op = op_of(&world);
	io_writev(world_io(&world, 0), &op.request, pair.ends[0], &piece, 1, op_done);
	assert_true(sim_run_idle(world.sim, 3600 * SIM_SECOND));
	assert_int_equal(op.calls, 0);
	assert_int_equal(sim_count(world.sim, SIM_COUNT_BLOCK), 1);
	collector_start(&collector, &world, 1, pair.ends[1], got, sizeof(got));
	assert_int_equal(op_wait(&op), 0);
	assert_true(collector_wait(&collector, sizeof(got), SIM_SECOND));
	world_end(&world);
}

static void the_end_comes_behind_all_bytes(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, NULL);
	assert_int_equal(say(&talk, "last words"), 0);
	io_stream_close(world_io(&talk.world, 0), talk.pair.ends[0]);
	sim_run_for(talk.world.sim, SIM_SECOND);
	hear(&talk, 1);
	assert_true(collector_wait(&talk.heard[1], 10, SIM_SECOND));
	sim_run_for(talk.world.sim, SIM_SECOND);
	assert_true(talk.heard[1].ended);
	assert_int_equal(talk.heard[1].last, 0);
	world_end(&talk.world);
}

static void a_reset_ends_both_ends(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, NULL);
	hear(&talk, 0);
	hear(&talk, 1);
	assert_int_equal(sim_reset_streams(talk.world.nodes[1], talk.world.nodes[0]), 1);
	sim_run_for(talk.world.sim, SIM_SECOND);
	assert_true(talk.heard[0].ended && talk.heard[1].ended);
	assert_int_equal(talk.heard[0].last, GW_E_CLOSED);
	assert_int_equal(talk.heard[1].last, GW_E_CLOSED);
	assert_int_equal(say(&talk, "x"), GW_E_CLOSED);
	world_end(&talk.world);
}

static void any_segment_may_be_the_one_that_is_reset(void **state)
{
	struct talk talk;
	int result = 0;

	(void)state;
	talk_begin(&talk, NULL);
	sim_link(talk.world.nodes[0], talk.world.nodes[1])->reset_ppm = SIM_PPM / 5;
	for (int i = 0; i < 100 && result == 0; i++) {
		result = say(&talk, "x");
		sim_run_for(talk.world.sim, SIM_MS);
	}
	assert_int_equal(result, GW_E_CLOSED);
	assert_int_equal(sim_count(talk.world.sim, SIM_COUNT_RESET), 1);
	world_end(&talk.world);
}

static void a_peer_that_closed_answers_bytes_with_a_reset(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, NULL);
	io_stream_close(world_io(&talk.world, 1), talk.pair.ends[1]);
	sim_run_for(talk.world.sim, SIM_SECOND);
	assert_int_equal(say(&talk, "x"), 0);
	sim_run_for(talk.world.sim, SIM_SECOND);
	hear(&talk, 0);
	sim_run_for(talk.world.sim, SIM_SECOND);
	assert_int_equal(talk.heard[0].last, GW_E_CLOSED);
	world_end(&talk.world);
}

static void a_killed_process_s_peers_see_the_end_at_once(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, NULL);
	hear(&talk, 0);
	sim_node_kill(talk.world.nodes[1]);
	sim_run_for(talk.world.sim, 10 * SIM_MS);
	assert_true(talk.heard[0].ended);
	world_end(&talk.world);
}

static void peers_of_a_machine_without_power_hear_nothing_until_it_is_back(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, NULL);
	hear(&talk, 0);
	sim_node_power_loss(talk.world.nodes[1]);
	assert_int_equal(say(&talk, "x"), 0);
	sim_run_for(talk.world.sim, 20 * SIM_SECOND);
	assert_false(talk.heard[0].ended);
	sim_node_start(talk.world.nodes[1]);
	sim_run_for(talk.world.sim, 20 * SIM_SECOND);
	assert_true(talk.heard[0].ended);
	assert_int_equal(talk.heard[0].last, GW_E_CLOSED);
	world_end(&talk.world);
}

static void a_half_open_stream_is_silent_at_both_ends(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, NULL);
	hear(&talk, 0);
	hear(&talk, 1);
	assert_int_equal(sim_hang_streams(talk.world.nodes[0], talk.world.nodes[1]), 1);
	assert_int_equal(say(&talk, "x"), 0);
	sim_run_for(talk.world.sim, 3600 * SIM_SECOND);
	/* Who sent learns by the timeout of its kernel, who only waits never does. */
	assert_int_equal(talk.heard[0].last, GW_E_TIMEOUT);
	assert_int_equal(talk.heard[1].reads, 0);
	world_end(&talk.world);
}

static void bytes_pass_a_partition_after_it_is_healed(void **state)
{
	struct talk talk;

	(void)state;
	talk_begin(&talk, NULL);
	hear(&talk, 1);
	sim_partition(talk.world.sim, 1);
	assert_int_equal(say(&talk, "x"), 0);
	assert_false(collector_wait(&talk.heard[1], 1, 30 * SIM_SECOND));
	sim_partition(talk.world.sim, 0);
	assert_true(collector_wait(&talk.heard[1], 1, 5 * SIM_SECOND));
	world_end(&talk.world);
}

static void a_long_partition_ends_the_sender_and_the_receiver_never_knows(void **state)
{
	struct sim_options options = {.send_timeout_ns = 10 * SIM_SECOND};
	struct talk talk;

	(void)state;
	talk_begin(&talk, &options);
	hear(&talk, 0);
	hear(&talk, 1);
	sim_isolate(talk.world.nodes[0], true, true);
	assert_int_equal(say(&talk, "x"), 0);
	sim_run_for(talk.world.sim, 11 * SIM_SECOND);
	assert_int_equal(talk.heard[0].last, GW_E_TIMEOUT);
	sim_heal(talk.world.sim);
	sim_run_for(talk.world.sim, 3600 * SIM_SECOND);
	assert_int_equal(talk.heard[1].reads, 0);
	assert_int_equal(sim_count(talk.world.sim, SIM_COUNT_SEND_TIMEOUT), 1);
	world_end(&talk.world);
}

static void in_an_asymmetric_partition_bytes_arrive_that_are_never_acknowledged(void **state)
{
	struct sim_options options = {.send_timeout_ns = 10 * SIM_SECOND};
	struct talk talk;

	(void)state;
	talk_begin(&talk, &options);
	hear(&talk, 0);
	hear(&talk, 1);
	sim_isolate(talk.world.nodes[0], false, true);
	assert_int_equal(say(&talk, "x"), 0);
	assert_true(collector_wait(&talk.heard[1], 1, SIM_SECOND));
	assert_false(talk.heard[0].ended);
	sim_run_for(talk.world.sim, 11 * SIM_SECOND);
	assert_int_equal(talk.heard[0].last, GW_E_TIMEOUT);
	world_end(&talk.world);
}

static void a_write_taken_back_in_its_middle_is_followed_by_nothing(void **state)
{
	struct sim_options options = {.stream_buffer_bytes = 1000};
	struct world world;
	struct pair pair;
	struct collector collector = {0};
	struct op first, second;
	uint8_t bytes[3000] = {0}, got[3000];
	struct gw_bytes piece = {bytes, sizeof(bytes)};

	(void)state;
	world_start(&world, 1, &options);
	pair_make(&pair, &world, 0, 1);
	first = op_of(&world);
	second = op_of(&world);
	io_writev(world_io(&world, 0), &first.request, pair.ends[0], &piece, 1, op_done);
	io_writev(world_io(&world, 0), &second.request, pair.ends[0], &piece, 1, op_done);
	sim_run_for(world.sim, SIM_SECOND);
	io_cancel(world_io(&world, 0), &first.request);
	assert_int_equal(op_wait(&first), GW_E_CANCELLED);
	assert_int_equal(op_wait(&second), GW_E_CLOSED);
	assert_int_equal(stream_send(&world, 0, pair.ends[0], "x", 1), GW_E_CLOSED);
	io_stream_close(world_io(&world, 0), pair.ends[0]);
	collector_start(&collector, &world, 1, pair.ends[1], got, sizeof(got));
	sim_run_for(world.sim, SIM_SECOND);
	assert_int_equal(collector.size, 1000);
	assert_int_equal(collector.last, 0);
	world_end(&world);
}

static void a_machine_that_sleeps_is_silent_and_a_paused_process_is_not(void **state)
{
	struct sim_options options = {.send_timeout_ns = 5 * SIM_SECOND};

	(void)state;
	for (int sleeps = 0; sleeps < 2; sleeps++) {
		struct talk talk;

		talk_begin(&talk, &options);
		hear(&talk, 0);
		hear(&talk, 1);
		sim_node_pause(talk.world.nodes[1],
			       sleeps ? SIM_PAUSE_MACHINE : SIM_PAUSE_PROCESS);
		assert_int_equal(say(&talk, "x"), 0);
		sim_run_for(talk.world.sim, 10 * SIM_SECOND);
		/* A paused process has a kernel that takes the bytes. */
		assert_int_equal(talk.heard[0].ended, sleeps);
		assert_int_equal(talk.heard[1].reads, 0);
		sim_node_resume(talk.world.nodes[1]);
		sim_run_for(talk.world.sim, 10 * SIM_SECOND);
		assert_int_equal(talk.heard[1].size, !sleeps);
		world_end(&talk.world);
	}
}

static int connect_result(struct world *world, unsigned from, const struct io_address *address,
			  struct op *op)
{
	struct io_stream *stream = NULL;

	*op = op_of(world);
	io_connect(world_io(world, from), &op->request, address, NULL, &stream, op_done);
	return op_wait(op);
}

static void connects_are_refused_time_out_or_find_no_host(void **state)
{
	struct world world;
	struct io_address address, nobody;
	struct io_listener *listener;
	struct op op;

	(void)state;
	world_start(&world, 1, NULL);
	sim_node_address(world.nodes[1], WORLD_PORT, &address);
	assert_int_equal(connect_result(&world, 0, &address, &op), GW_E_UNREACHABLE);
	assert_int_equal(sim_count(world.sim, SIM_COUNT_REFUSE), 1);
	assert_int_equal(io_listen(world_io(&world, 1), &address, &listener, NULL), 0);
	assert_int_equal(connect_result(&world, 0, &address, &op), 0);
	sim_link(world.nodes[0], world.nodes[1])->refuse_ppm = SIM_PPM;
	assert_int_equal(connect_result(&world, 0, &address, &op), GW_E_UNREACHABLE);
	sim_partition(world.sim, 1);
	assert_int_equal(connect_result(&world, 0, &address, &op), GW_E_TIMEOUT);
	assert_int_equal(sim_count(world.sim, SIM_COUNT_CONNECT_TIMEOUT), 1);
	nobody = address;
	nobody.ip[3] = 99;
	assert_int_equal(connect_result(&world, 0, &nobody, &op), GW_E_UNREACHABLE);
	sim_node_kill(world.nodes[2]);
	sim_node_address(world.nodes[2], WORLD_PORT, &address);
	assert_int_equal(connect_result(&world, 1, &address, &op), GW_E_UNREACHABLE);
	sim_node_power_loss(world.nodes[2]);
	assert_int_equal(connect_result(&world, 1, &address, &op), GW_E_TIMEOUT);
	world_end(&world);
}

static void a_full_backlog_makes_connects_wait(void **state)
{
	struct sim_options options = {.backlog = 1};
	struct world world;
	struct io_address address;
	struct io_listener *listener;
	struct io_stream *streams[2], *accepted;
	struct op first = {0}, second, accept;

	(void)state;
	world_start(&world, 1, &options);
	sim_node_address(world.nodes[1], WORLD_PORT, &address);
	assert_int_equal(io_listen(world_io(&world, 1), &address, &listener, NULL), 0);
	assert_int_equal(connect_result(&world, 0, &address, &first), 0);
	second = op_of(&world);
	io_connect(world_io(&world, 0), &second.request, &address, NULL, &streams[1], op_done);
	sim_run_for(world.sim, 10 * SIM_SECOND);
	assert_int_equal(second.calls, 0);
	accept = op_of(&world);
	io_accept(world_io(&world, 1), &accept.request, listener, &accepted, op_done);
	assert_int_equal(op_wait(&accept), 0);
	assert_int_equal(op_wait(&second), 0);
	world_end(&world);
}

static void an_unwanted_connection_is_reset_when_it_is_made(void **state)
{
	struct world world;
	struct io_address address;
	struct io_listener *listener;
	struct io_stream *stream = NULL, *accepted = NULL;
	struct op connect, accept;
	struct collector collector = {0};
	char got[4];

	(void)state;
	world_start(&world, 1, NULL);
	sim_node_address(world.nodes[1], WORLD_PORT, &address);
	assert_int_equal(io_listen(world_io(&world, 1), &address, &listener, NULL), 0);
	accept = op_of(&world);
	connect = op_of(&world);
	sim_isolate(world.nodes[0], false, true); /* the answer is lost */
	io_accept(world_io(&world, 1), &accept.request, listener, &accepted, op_done);
	io_connect(world_io(&world, 0), &connect.request, &address, NULL, &stream, op_done);
	assert_int_equal(op_wait(&accept), 0);
	io_cancel(world_io(&world, 0), &connect.request);
	assert_int_equal(op_wait(&connect), GW_E_CANCELLED);
	collector_start(&collector, &world, 1, accepted, got, sizeof(got));
	sim_heal(world.sim);
	sim_run_for(world.sim, 60 * SIM_SECOND);
	assert_int_equal(collector.last, GW_E_CLOSED);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_arrive_in_order_and_once_however_they_are_split),
		cmocka_unit_test(a_frame_may_arrive_a_byte_at_a_time),
		cmocka_unit_test(a_writer_waits_when_the_other_side_does_not_read),
		cmocka_unit_test(the_end_comes_behind_all_bytes),
		cmocka_unit_test(a_reset_ends_both_ends),
		cmocka_unit_test(any_segment_may_be_the_one_that_is_reset),
		cmocka_unit_test(a_peer_that_closed_answers_bytes_with_a_reset),
		cmocka_unit_test(a_killed_process_s_peers_see_the_end_at_once),
		cmocka_unit_test(peers_of_a_machine_without_power_hear_nothing_until_it_is_back),
		cmocka_unit_test(a_half_open_stream_is_silent_at_both_ends),
		cmocka_unit_test(bytes_pass_a_partition_after_it_is_healed),
		cmocka_unit_test(a_long_partition_ends_the_sender_and_the_receiver_never_knows),
		cmocka_unit_test(
			in_an_asymmetric_partition_bytes_arrive_that_are_never_acknowledged),
		cmocka_unit_test(a_write_taken_back_in_its_middle_is_followed_by_nothing),
		cmocka_unit_test(a_machine_that_sleeps_is_silent_and_a_paused_process_is_not),
		cmocka_unit_test(connects_are_refused_time_out_or_find_no_host),
		cmocka_unit_test(a_full_backlog_makes_connects_wait),
		cmocka_unit_test(an_unwanted_connection_is_reset_when_it_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

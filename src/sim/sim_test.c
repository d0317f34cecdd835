/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_test.c - runs, clocks and the lives of nodes.
 */
#include "sim/world_fixture.h"

/* ---- Time ---------------------------------------------------------------------------------- */

static void timer_at(struct world *world, unsigned node, struct op *op, uint64_t in_ns)
{
	struct io *io = world_io(world, node);

	*op = op_of(world);
	io_timer(io, &op->request, io_now_ns(io) + in_ns, op_done);
}

static void time_passes_only_from_event_to_event(void **state)
{
	struct world world;
	struct op op;

	(void)state;
	world_start(&world, 1, NULL);
	sim_run_until(world.sim, SIM_SECOND);
	timer_at(&world, 0, &op, 3600 * SIM_SECOND);
	assert_true(sim_step(world.sim));
	assert_int_equal(op.calls, 1);
	assert_int_equal(sim_now_ns(world.sim), 3601 * SIM_SECOND);
	assert_false(sim_step(world.sim));
	world_end(&world);
}

static void a_timer_is_never_early_whatever_the_drift(void **state)
{
	static const int32_t drifts[] = {0, 1, -1, 999999, -333333, 250000000, -250000000};

	(void)state;
	for (size_t i = 0; i < sizeof(drifts) / sizeof(drifts[0]); i++) {
		struct world world;
		struct io *io;

		world_start(&world, i, NULL);
		io = world_io(&world, 0);
		sim_clock_drift(world.nodes[0], drifts[i]);
		for (uint64_t in_ns = 1; in_ns < 100 * SIM_SECOND; in_ns = in_ns * 7 + 3) {
			struct op op;
			uint64_t at_ns = io_now_ns(io) + in_ns;

			timer_at(&world, 0, &op, in_ns);
			assert_int_equal(op_wait(&op), 0);
			assert_true(io_now_ns(io) >= at_ns);
			assert_true(io_now_ns(io) <= at_ns + 2);
		}
		world_end(&world);
	}
}

static void a_fast_clock_is_ahead_and_its_timers_come_sooner(void **state)
{
	struct world world;
	struct op fast, right;

	(void)state;
	world_start(&world, 1, NULL);
	timer_at(&world, 0, &fast, 11 * SIM_SECOND);
	timer_at(&world, 1, &right, 11 * SIM_SECOND);
	sim_clock_drift(world.nodes[0], 100000000); /* a tenth; a timer is set already */
	assert_int_equal(op_wait(&fast), 0);
	assert_int_equal(fast.at_ns, 10 * SIM_SECOND);
	assert_int_equal(op_wait(&right), 0);
	assert_int_equal(right.at_ns, 11 * SIM_SECOND);
	world_end(&world);
}

static void the_wall_clock_jumps_and_the_monotonic_one_does_not(void **state)
{
	struct world world;
	struct io *io;
	struct op op;
	int64_t wall_ns;
	uint64_t mono_ns;

	(void)state;
	world_start(&world, 1, NULL);
	io = world_io(&world, 0);
	wall_ns = io_wall_ns(io);
	mono_ns = io_now_ns(io);
	timer_at(&world, 0, &op, SIM_SECOND);
	sim_clock_jump(world.nodes[0], -(int64_t)(3600 * SIM_SECOND));
	assert_int_equal(io_wall_ns(io), wall_ns - (int64_t)(3600 * SIM_SECOND));
	assert_int_equal(io_now_ns(io), mono_ns);
	assert_int_equal(op_wait(&op), 0);
	assert_int_equal(op.at_ns, SIM_SECOND);
	assert_int_equal(sim_count(world.sim, SIM_COUNT_CLOCK_JUMP), 1);
	world_end(&world);
}

static void clocks_of_nodes_differ_by_what_the_options_say(void **state)
{
	struct sim_options options = {.wall_offset_ns_max = SIM_SECOND, .drift_ppb_max = 1000};
	struct world world;
	int64_t difference;

	(void)state;
	world_start(&world, 1, &options);
	difference = io_wall_ns(world_io(&world, 0)) - io_wall_ns(world_io(&world, 1));
	assert_true(difference != 0 && llabs(difference) <= 2 * (int64_t)SIM_SECOND);
	assert_true(io_now_ns(world_io(&world, 0)) != io_now_ns(world_io(&world, 1)));
	world_end(&world);
}

static void a_paused_process_gets_its_timers_late_and_sees_the_time_gone(void **state)
{
	struct world world;
	struct op op;
	uint64_t mono_ns;

	(void)state;
	world_start(&world, 1, NULL);
	timer_at(&world, 0, &op, SIM_SECOND);
	mono_ns = io_now_ns(world_io(&world, 0));
	sim_node_pause(world.nodes[0], SIM_PAUSE_PROCESS);
	sim_run_for(world.sim, 10 * SIM_SECOND);
	assert_int_equal(op.calls, 0);
	assert_int_equal(io_now_ns(world_io(&world, 0)), mono_ns + 10 * SIM_SECOND);
	sim_node_resume(world.nodes[0]);
	assert_int_equal(op_wait(&op), 0);
	assert_int_equal(op.at_ns, 10 * SIM_SECOND);
	world_end(&world);
}

static void while_a_machine_sleeps_its_monotonic_clock_stands_still(void **state)
{
	struct world world;
	struct op op;
	uint64_t mono_ns;
	int64_t wall_ns;

	(void)state;
	world_start(&world, 1, NULL);
	timer_at(&world, 0, &op, SIM_SECOND);
	mono_ns = io_now_ns(world_io(&world, 0));
	wall_ns = io_wall_ns(world_io(&world, 0));
	sim_node_pause(world.nodes[0], SIM_PAUSE_MACHINE);
	sim_run_for(world.sim, 10 * SIM_SECOND);
	assert_int_equal(io_now_ns(world_io(&world, 0)), mono_ns);
	sim_node_resume(world.nodes[0]);
	assert_int_equal(io_wall_ns(world_io(&world, 0)), wall_ns + (int64_t)(10 * SIM_SECOND));
	assert_int_equal(op_wait(&op), 0);
	assert_int_equal(op.at_ns, 11 * SIM_SECOND);
	world_end(&world);
}

/* ---- The run ------------------------------------------------------------------------------- */

static void count_call(void *context)
{
	++*(int *)context;
}

static void actions_happen_at_their_time_outside_all_nodes(void **state)
{
	struct world world;
	int calls = 0;

	(void)state;
	world_start(&world, 1, NULL);
	sim_at(world.sim, 2 * SIM_SECOND, count_call, &calls);
	sim_at(world.sim, 3 * SIM_SECOND, count_call, &calls);
	sim_run_until(world.sim, 2 * SIM_SECOND - 1);
	assert_int_equal(calls, 0);
	sim_run_until(world.sim, 2 * SIM_SECOND);
	assert_int_equal(calls, 1);
	assert_false(sim_run_idle(world.sim, 2 * SIM_SECOND + 1));
	assert_true(sim_run_idle(world.sim, SIM_FOREVER));
	assert_int_equal(calls, 2);
	sim_at(world.sim, 9 * SIM_SECOND, count_call, &calls); /* never comes */
	world_end(&world);
}

static void things_at_the_same_time_happen_in_an_order_that_the_seed_decides(void **state)
{
	unsigned swapped = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct world world;
		struct op ops[2];

		world_start(&world, seed, NULL);
		(void)sim_run_idle(world.sim, SIM_SECOND);
		timer_at(&world, 0, &ops[0], SIM_SECOND);
		timer_at(&world, 1, &ops[1], SIM_SECOND);
		assert_true(sim_step(world.sim));
		swapped += ops[1].calls;
		world_end(&world);
	}
	assert_in_range(swapped, 10, 30);
}

static void whoever_could_go_first_does_in_some_seed(void **state)
{
	unsigned chosen[5] = {0}, others = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct world world;
		uint32_t first, second;

		world_start(&world, seed, NULL);
		first = io_pick(world_io(&world, 0), 5);
		second = io_pick(world_io(&world, 0), 5);
		assert_true(first < 5 && second < 5);
		chosen[first]++;
		others += first != second;
		world_end(&world);
	}
	for (size_t i = 0; i < 5; i++)
		assert_in_range(chosen[i], 15, 80);
	assert_in_range(others, 120, 190);
}

static void posts_keep_their_order(void **state)
{
	struct world world;
	struct op ops[20];

	(void)state;
	world_start(&world, 1, NULL);
	for (size_t i = 0; i < 20; i++) {
		ops[i] = op_of(&world);
		io_post(world_io(&world, 0), &ops[i].request, op_done);
	}
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(ops[i].calls, 0);
	assert_int_equal(io_pending(world_io(&world, 0)), 20);
	assert_int_equal(op_wait(&ops[0]), 0);
	assert_int_equal(ops[19].calls, 1);
	assert_int_equal(io_pending(world_io(&world, 0)), 0);
	world_end(&world);
}

static void a_stopped_timer_never_comes(void **state)
{
	struct world world;
	struct op op;

	(void)state;
	world_start(&world, 1, NULL);
	timer_at(&world, 0, &op, SIM_SECOND);
	assert_true(io_timer_stop(world_io(&world, 0), &op.request));
	assert_false(io_timer_stop(world_io(&world, 0), &op.request));
	assert_true(sim_run_idle(world.sim, SIM_FOREVER));
	assert_int_equal(op.calls, 0);
	world_end(&world);
}

static int forty_two(void *context)
{
	*(bool *)context = true;
	return 42;
}

static void offloaded_work_runs_later_and_not_when_it_was_cancelled(void **state)
{
	struct world world;
	struct op op;
	bool ran = false;

	(void)state;
	world_start(&world, 1, NULL);
	op = op_of(&world);
	io_offload(world_io(&world, 0), &op.request, IO_POOL_CPU, forty_two, &ran, op_done);
	assert_false(ran);
	assert_int_equal(op_wait(&op), 42);
	assert_true(ran);
	ran = false;
	op = op_of(&world);
	io_offload(world_io(&world, 0), &op.request, IO_POOL_CPU, forty_two, &ran, op_done);
	io_cancel(world_io(&world, 0), &op.request);
	assert_int_equal(op_wait(&op), GW_E_CANCELLED);
	assert_false(ran);
	world_end(&world);
}

static void programs_and_descriptors_are_not_supported(void **state)
{
	const char *const arguments[] = {"true", NULL};
	struct io_spawn_options options = {.arguments = arguments};
	struct io_process *process;
	struct world world;
	struct op op;

	(void)state;
	world_start(&world, 1, NULL);
	op = op_of(&world);
	io_spawn(world_io(&world, 0), &op.request, &options, &process, op_done);
	assert_int_equal(op_wait(&op), GW_E_UNSUPPORTED);
	assert_string_equal(op.error.text, "cannot run true: not supported here");
	op = op_of(&world);
	io_poll_fd(world_io(&world, 0), &op.request, 0, IO_POLL_READ, op_done);
	assert_int_equal(op_wait(&op), GW_E_UNSUPPORTED);
	world_end(&world);
}

struct turner {
	struct io_turn turn; /* first */
	unsigned runs, more;
};

static bool turner_run(struct io_turn *turn)
{
	struct turner *turner = (struct turner *)turn;

	turner->runs++;
	return turner->more > 0 && turner->more--;
}

static void the_turn_runs_after_events_and_as_long_as_it_has_more(void **state)
{
	struct world world;
	struct turner turner = {.turn = {turner_run}, .more = 3};
	struct op op;

	(void)state;
	world_start(&world, 1, NULL);
	assert_true(sim_run_idle(world.sim, SIM_FOREVER));
	io_set_turn(world_io(&world, 0), &turner.turn);
	assert_int_equal(turner.runs, 0);
	assert_true(sim_run_idle(world.sim, SIM_FOREVER));
	assert_int_equal(turner.runs, 4);
	timer_at(&world, 0, &op, SIM_SECOND);
	assert_int_equal(op_wait(&op), 0);
	assert_int_equal(turner.runs, 5);
	io_set_turn(world_io(&world, 0), NULL);
	world_end(&world);
}

static void a_turn_may_come_after_several_events(void **state)
{
	struct sim_options options = {.batch_ppm = SIM_PPM, .turn_delay_ns = SIM_SECOND};
	struct world world;
	struct turner turner = {.turn = {turner_run}};
	struct op ops[8];

	(void)state;
	world_start(&world, 1, &options);
	io_set_turn(world_io(&world, 0), &turner.turn);
	assert_true(sim_run_idle(world.sim, SIM_FOREVER));
	turner.runs = 0;
	for (size_t i = 0; i < 8; i++)
		timer_at(&world, 0, &ops[i], i);
	assert_true(sim_run_idle(world.sim, SIM_FOREVER));
	assert_int_equal(turner.runs, 1);
	assert_true(sim_count(world.sim, SIM_COUNT_TURN_LATE) >= 1);
	world_end(&world);
}

static void wrong_options_are_refused(void **state)
{
	struct sim_options options = {.split_ppm = SIM_PPM + 1};
	struct gw_error error;

	(void)state;
	assert_null(sim_new(1, &options, &error));
	assert_int_equal(error.code, GW_E_INVALID);
	options = (struct sim_options){.drift_ppb_max = 1000000000};
	assert_null(sim_new(1, &options, &error));
	sim_free(NULL);
}

static void varied_options_are_legal_and_differ(void **state)
{
	struct sim_options first = {0}, options = {0};
	unsigned same = 0;

	(void)state;
	sim_options_vary(&first, 0);
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct world world;

		sim_options_vary(&options, seed);
		assert_true(options.connect_timeout_ns >= 2 * SIM_SECOND);
		assert_true(options.send_timeout_ns >= 2 * SIM_SECOND);
		assert_true(options.segment_bytes >= 64 && options.backlog >= 1);
		same += options.delay_min_ns == first.delay_min_ns;
		world_start(&world, seed, &options);
		file_make(&world, 0, "a", 1, 1000);
		world_end(&world);
	}
	assert_true(same < 3);
}

static void every_count_has_its_own_text(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SIM_COUNTS; i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(sim_count_text((enum sim_count)i),
						sim_count_text((enum sim_count)j));
}

static void the_trace_s_tail_tells_what_happened_last(void **state)
{
	struct sim_options options = {.trace_records = 4};
	char line[SIM_TRACE_LINE_MAX];
	struct world world;

	(void)state;
	world_start(&world, 1, &options);
	assert_int_equal(file_open_result(&world, 0, "none", IO_READ), GW_E_NOT_FOUND);
	assert_true(sim_trace_line(world.sim, 0, line));
	assert_non_null(strstr(line, "one        open: not found"));
	sim_note(world.sim, world.nodes[1], "acknowledged", 17);
	assert_true(sim_trace_line(world.sim, 0, line));
	assert_non_null(strstr(line, "two        acknowledged 17"));
	assert_true(sim_trace_line(world.sim, 3, line));
	assert_false(sim_trace_line(world.sim, 4, line));
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_passes_only_from_event_to_event),
		cmocka_unit_test(a_timer_is_never_early_whatever_the_drift),
		cmocka_unit_test(a_fast_clock_is_ahead_and_its_timers_come_sooner),
		cmocka_unit_test(the_wall_clock_jumps_and_the_monotonic_one_does_not),
		cmocka_unit_test(clocks_of_nodes_differ_by_what_the_options_say),
		cmocka_unit_test(a_paused_process_gets_its_timers_late_and_sees_the_time_gone),
		cmocka_unit_test(while_a_machine_sleeps_its_monotonic_clock_stands_still),
		cmocka_unit_test(actions_happen_at_their_time_outside_all_nodes),
		cmocka_unit_test(things_at_the_same_time_happen_in_an_order_that_the_seed_decides),
		cmocka_unit_test(whoever_could_go_first_does_in_some_seed),
		cmocka_unit_test(posts_keep_their_order),
		cmocka_unit_test(a_stopped_timer_never_comes),
		cmocka_unit_test(offloaded_work_runs_later_and_not_when_it_was_cancelled),
		cmocka_unit_test(programs_and_descriptors_are_not_supported),
		cmocka_unit_test(the_turn_runs_after_events_and_as_long_as_it_has_more),
		cmocka_unit_test(a_turn_may_come_after_several_events),
		cmocka_unit_test(wrong_options_are_refused),
		cmocka_unit_test(varied_options_are_legal_and_differ),
		cmocka_unit_test(every_count_has_its_own_text),
		cmocka_unit_test(the_trace_s_tail_tells_what_happened_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

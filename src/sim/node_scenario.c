/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_scenario.c - the lives of programs: boot, death by others and by their own code, restart,
 * pause, and what a dead io does.
 */
#include "sim/world_fixture.h"

enum { TICK_NS = 1000000, TICKS_PER_SECOND = 1000 };

/* A program that counts a tick a millisecond in a file, and can be told to kill itself. */
struct ticker {
	struct io_request timer; /* first */
	struct sim_node *node;
	struct io *io;
	struct io_request write;
	struct io_file *file;
	uint64_t ticks, kill_at, power_loss_at;
	struct gw_bytes piece;
	unsigned *starts, *stops;
	bool went_on;
};

/* Of one test: its argument for all lives. */
struct tickers {
	unsigned starts, stops;
	uint64_t kill_at, power_loss_at;
	struct ticker *last;
	bool went_on;
};

static void tick(struct io_request *request, int result)
{
	struct ticker *ticker = (struct ticker *)request;

	assert_int_equal(result, 0);
	ticker->ticks++;
	if (ticker->ticks == ticker->kill_at) {
		sim_node_kill(ticker->node);
		assert_false(sim_io_alive(ticker->io));
		ticker->went_on = true; /* and what follows has no effect */
	}
	if (ticker->ticks == ticker->power_loss_at)
		sim_node_power_loss(ticker->node);
	io_timer(ticker->io, &ticker->timer, io_now_ns(ticker->io) + TICK_NS, tick);
}

static void *ticker_start(struct sim_node *node, struct io *io, void *argument)
{
	struct tickers *tickers = (struct tickers *)argument;
	struct ticker *ticker = (struct ticker *)calloc(1, sizeof(*ticker));

	assert_non_null(ticker);
	assert_ptr_equal(sim_node_of(io), node);
	ticker->node = node;
	ticker->io = io;
	ticker->kill_at = tickers->kill_at;
	ticker->power_loss_at = tickers->power_loss_at;
	tickers->starts++;
	tickers->last = ticker;
	ticker->starts = &tickers->starts;
	ticker->stops = &tickers->stops;
	io_timer(io, &ticker->timer, io_now_ns(io) + TICK_NS, tick);
	return ticker;
}

static void ticker_stop(void *life)
{
	struct ticker *ticker = (struct ticker *)life;

	/* A stop function may call what closes things, and it does nothing. */
	assert_false(sim_io_alive(ticker->io));
	(void)io_timer_stop(ticker->io, &ticker->timer);
	++*ticker->stops;
	free(ticker);
}

static struct sim_node *ticker_add(struct world *world, struct tickers *tickers)
{
	struct sim_program program = {ticker_start, ticker_stop, tickers};

	world_start(world, 1, NULL);
	return sim_node_add(world->sim, "ticker", &program);
}

static void a_program_starts_at_boot_and_is_stopped_when_it_dies(void **state)
{
	struct tickers tickers = {0};
	struct world world;
	struct sim_node *node = ticker_add(&world, &tickers);

	(void)state;
	sim_run_for(world.sim, SIM_SECOND);
	assert_int_equal(tickers.starts, 0);
	assert_null(sim_node_io(node));
	sim_node_start(node);
	sim_node_start(node); /* it is up already */
	assert_int_equal(tickers.starts, 0);
	sim_run_for(world.sim, SIM_SECOND);
	assert_int_equal(tickers.starts, 1);
	assert_int_equal(tickers.last->ticks, TICKS_PER_SECOND);
	sim_node_kill(node);
	assert_int_equal(tickers.stops, 1);
	sim_node_kill(node);
	sim_run_for(world.sim, SIM_SECOND);
	assert_int_equal(tickers.stops, 1);
	assert_int_equal(sim_node_state(node), SIM_NODE_DOWN);
	world_end(&world);
}

static void a_life_that_never_ran_is_not_stopped(void **state)
{
	struct tickers tickers = {0};
	struct world world;
	struct sim_node *node = ticker_add(&world, &tickers);

	(void)state;
	sim_node_start(node);
	sim_node_kill(node);
	sim_run_for(world.sim, SIM_SECOND);
	assert_int_equal(tickers.starts, 0);
	assert_int_equal(tickers.stops, 0);
	world_end(&world);
}

static void code_that_kills_its_own_node_goes_on_without_effect(void **state)
{
	struct tickers tickers = {.kill_at = 5};
	struct world world;
	struct sim_node *node = ticker_add(&world, &tickers);

	(void)state;
	sim_node_start(node);
	sim_run_for(world.sim, SIM_SECOND);
	assert_int_equal(sim_node_state(node), SIM_NODE_DOWN);
	assert_int_equal(tickers.stops, 1);
	assert_int_equal(sim_count(world.sim, SIM_COUNT_TIMER), 5);
	world_end(&world);
}

static void a_restarted_node_has_a_new_io_and_the_boot_id_of_its_machine(void **state)
{
	struct tickers tickers = {0};
	struct world world;
	struct sim_node *node = ticker_add(&world, &tickers);
	struct io *first;
	uint8_t ids[3][16];
	uint64_t mono_ns;

	(void)state;
	sim_node_start(node);
	sim_run_for(world.sim, SIM_SECOND);
	first = sim_node_io(node);
	io_boot_id(first, ids[0]);
	mono_ns = io_now_ns(first);
	sim_node_restart(node, false, 5 * SIM_SECOND);
	assert_null(sim_node_io(node));
	sim_run_for(world.sim, 6 * SIM_SECOND);
	assert_int_equal(tickers.starts, 2);
	assert_ptr_not_equal(sim_node_io(node), first);
	assert_int_equal(sim_node_lives(node), 2);
	io_boot_id(sim_node_io(node), ids[1]);
	assert_memory_equal(ids[0], ids[1], 16);
	assert_int_equal(io_now_ns(sim_node_io(node)), mono_ns + 6 * SIM_SECOND);
	assert_int_equal(io_now_ns(first), mono_ns); /* the dead one's clock stands still */
	sim_node_restart(node, true, 0);
	io_boot_id(sim_node_io(node), ids[2]);
	assert_memory_not_equal(ids[1], ids[2], 16);
	world_end(&world);
}

static void a_node_may_die_at_each_operation_of_its_program(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 4; n++) {
		struct world world;
		struct op op;
		struct io_file *file = NULL;

		world_start(&world, n, NULL);
		sim_node_die_at(world.nodes[0], n, true);
		op = op_of(&world);
		io_open(world_io(&world, 0), &op.request, "a", IO_WRITE | IO_CREATE, 0600, &file,
			op_done);
		(void)sim_run_idle(world.sim, SIM_FOREVER);
		if (op.calls > 0) {
			op = op_of(&world);
			io_sync(world_io(&world, 0), &op.request, file, op_done);
			(void)sim_run_idle(world.sim, SIM_FOREVER);
		}
		assert_int_equal(sim_node_state(world.nodes[0]),
				 n <= 2 ? SIM_NODE_OFF : SIM_NODE_RUNNING);
		assert_int_equal(op.calls, n > 2);
		world_end(&world);
	}
}

static void a_sleeping_node_takes_its_events_in_order_when_it_wakes(void **state)
{
	struct tickers tickers = {0};
	struct world world;
	struct sim_node *node = ticker_add(&world, &tickers);

	(void)state;
	sim_node_start(node);
	sim_run_for(world.sim, SIM_SECOND);
	sim_node_pause(node, SIM_PAUSE_PROCESS);
	sim_node_pause(node, SIM_PAUSE_PROCESS);
	sim_run_for(world.sim, 100 * SIM_SECOND);
	assert_int_equal(tickers.last->ticks, TICKS_PER_SECOND);
	sim_node_resume(node);
	sim_run_for(world.sim, SIM_SECOND);
	assert_in_range(tickers.last->ticks, 2 * TICKS_PER_SECOND, 2 * TICKS_PER_SECOND + 1);
	sim_node_pause(node, SIM_PAUSE_MACHINE);
	sim_node_kill(node);
	assert_int_equal(tickers.stops, 1);
	world_end(&world);
}

/* ---- Unwinding ----------------------------------------------------------------------------- */

/* A program with a request of each kind that can wait, each of them memory of its own. */
enum { WAITS = 4 };

struct waiter {
	struct io_request request; /* first */
	unsigned *ended;
};

struct waiting {
	struct io *io;
	struct io_listener *listener;
	struct io_datagrams *datagrams;
	struct io_stream *stream;
	struct io_address from;
	char buffer[4];
	unsigned *ended, *unwound;
};

static void waiter_done(struct io_request *request, int result)
{
	struct waiter *waiter = (struct waiter *)request;

	assert_int_equal(result, GW_E_CANCELLED);
	++*waiter->ended;
	free(waiter);
}

static struct io_request *waiter_new(struct waiting *waiting)
{
	struct waiter *waiter = (struct waiter *)calloc(1, sizeof(*waiter));

	assert_non_null(waiter);
	waiter->ended = waiting->ended;
	return &waiter->request;
}

static void *waiting_start(struct sim_node *node, struct io *io, void *argument)
{
	struct waiting *waiting = (struct waiting *)argument;
	struct io_address address;

	sim_node_address(node, WORLD_PORT, &address);
	waiting->io = io;
	assert_int_equal(io_listen(io, &address, &waiting->listener, NULL), 0);
	assert_int_equal(io_datagrams_open(io, &address, &waiting->datagrams, NULL), 0);
	io_accept(io, waiter_new(waiting), waiting->listener, &waiting->stream, waiter_done);
	io_receive(io, waiter_new(waiting), waiting->datagrams,
		   (struct io_buffer){waiting->buffer, 4}, &waiting->from, waiter_done);
	io_timer(io, waiter_new(waiting), SIM_FOREVER, waiter_done);
	io_post(io, waiter_new(waiting), waiter_done);
	sim_node_kill(node);
	return waiting;
}

static void waiting_stop(void *life)
{
	struct waiting *waiting = (struct waiting *)life;

	assert_int_equal(*waiting->ended, 0);
	io_timer(waiting->io, waiter_new(waiting), 0, waiter_done); /* by the dead */
	assert_true(sim_io_unwind(waiting->io));
	++*waiting->unwound;
}

static void a_stop_function_may_unwind_what_was_under_way(void **state)
{
	unsigned ended = 0, unwound = 0;
	struct waiting waiting = {.ended = &ended, .unwound = &unwound};
	struct sim_program program = {waiting_start, waiting_stop, &waiting};
	struct world world;

	(void)state;
	world_start(&world, 1, NULL);
	sim_node_start(sim_node_add(world.sim, "waits", &program));
	sim_run_for(world.sim, SIM_SECOND);
	assert_int_equal(unwound, 1);
	assert_int_equal(ended, WAITS + 1);
	world_end(&world);
}

static void a_dead_io_makes_nothing(void **state)
{
	struct world world;
	struct io_address address;
	struct io_listener *listener;
	struct io_datagrams *datagrams;
	struct gw_error error;
	uint8_t bytes[4] = {1, 2, 3, 4};
	struct io *io;

	(void)state;
	world_start(&world, 1, NULL);
	io = world_io(&world, 0);
	sim_node_address(world.nodes[0], WORLD_PORT, &address);
	sim_node_kill(world.nodes[0]);
	assert_int_equal(io_listen(io, &address, &listener, &error), GW_E_CANCELLED);
	assert_string_equal(error.text, "one has died");
	assert_int_equal(io_datagrams_open(io, &address, &datagrams, &error), GW_E_CANCELLED);
	io_random(io, bytes, sizeof(bytes));
	assert_int_equal(bytes[0] | bytes[3], 0);
	assert_int_equal(io_pick(io, 9), 0);
	assert_int_equal(io_pending(io), 0);
	assert_false(sim_step(world.sim) && sim_io_alive(io));
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_starts_at_boot_and_is_stopped_when_it_dies),
		cmocka_unit_test(a_life_that_never_ran_is_not_stopped),
		cmocka_unit_test(code_that_kills_its_own_node_goes_on_without_effect),
		cmocka_unit_test(a_restarted_node_has_a_new_io_and_the_boot_id_of_its_machine),
		cmocka_unit_test(a_node_may_die_at_each_operation_of_its_program),
		cmocka_unit_test(a_sleeping_node_takes_its_events_in_order_when_it_wakes),
		cmocka_unit_test(a_stop_function_may_unwind_what_was_under_way),
		cmocka_unit_test(a_dead_io_makes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

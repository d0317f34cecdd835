/* SPDX-License-Identifier: Apache-2.0 */
/* chaos_test.c - the proxy between an echo server and a client, on sockets of this machine. */
#include "rpc/chaos.h"

#include "io/uv.h"
#include "task/await.h"
#include "task/loop.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ECHO_BYTES = 64 << 10, TEST_MS = 20000 };

struct world {
	struct io *io;
	struct gw_loop *loop;
	struct io_listener *listener;
	struct rpc_chaos *chaos;
	struct rpc_chaos_options options;
	struct io_address address; /* of the proxy */
	void (*client)(struct world *world);
	int echoes, ended; /* connections to the server, and those of them that it saw end */
};

/* ---- Streams with waiting reads ----------------------------------------------------------- */

struct end {
	struct io_reader reader; /* first */
	struct io_stream *stream;
	uint8_t bytes[ECHO_BYTES];
	size_t wanted, got;
	int result; /* 1: not over yet */
	struct task_wait *wait;
};

static struct io_buffer end_buffer(struct io_reader *reader)
{
	struct end *end = (struct end *)reader;

	return (struct io_buffer){end->bytes + end->got, end->wanted - end->got};
}

static void end_read(struct io_reader *reader, int result)
{
	struct end *end = (struct end *)reader;
	struct task_wait *wait = end->wait;

	if (result > 0)
		end->got += (size_t)result;
	else
		end->result = result;
	end->wait = NULL;
	if (wait && task_claim(wait))
		task_wake(wait, 0);
}

/* Reads until there are `size` bytes, or it is over, or ms have passed: how many there are. */
static size_t read_ms(struct world *world, struct end *end, size_t size, uint64_t ms)
{
	uint64_t deadline_ns = gw_after_ms(ms);
	struct task_wait wait;

	end->wanted = size;
	end->got = 0;
	end->result = 1;
	end->reader.buffer = end_buffer;
	end->reader.read = end_read;
	io_read_start(world->io, end->stream, &end->reader);
	while (end->got < size && end->result == 1) {
		task_wait_init(&wait, "for bytes", end, NULL, false);
		end->wait = &wait;
		if (task_wait(&wait, deadline_ns) < 0)
			break;
	}
	end->wait = NULL;
	io_read_stop(world->io, end->stream);
	return end->got;
}

static int write_all(struct world *world, struct end *end, const void *data, size_t size)
{
	struct task_request write = {0};
	struct gw_bytes piece = {data, size};

	io_writev(world->io, &write.request, end->stream, &piece, 1, task_request_done);
	return task_await(&write, gw_after_ms(TEST_MS));
}

static int shut(struct world *world, struct end *end)
{
	struct task_request request = {0};

	io_shutdown(world->io, &request.request, end->stream, task_request_done);
	return task_await(&request, gw_after_ms(TEST_MS));
}

static struct end *connect_end(struct world *world)
{
	struct task_request connect = {0};
	struct end *end = calloc(1, sizeof(*end));

	io_connect(world->io, &connect.request, &world->address, "the proxy", &end->stream,
		   task_request_done);
	assert_int_equal(task_await(&connect, gw_after_ms(TEST_MS)), 0);
	return end;
}

static void close_end(struct world *world, struct end *end)
{
	if (end->stream)
		io_stream_close(world->io, end->stream);
	free(end);
}

/* ---- The echo server ---------------------------------------------------------------------- */

struct echo {
	struct world *world;
	struct end end;
};

static int run_echo(void *argument)
{
	struct echo *echo = argument;
	struct end *end = &echo->end;
	size_t got;
	int result = 0;

	echo->world->echoes++;
	while (result == 0 && (got = read_ms(echo->world, end, 1, GW_FOREVER / 2000000)) == 1)
		result = write_all(echo->world, end, end->bytes, got);
	if (end->result <= 0)
		echo->world->ended++;
	io_stream_close(echo->world->io, end->stream);
	free(echo);
	return 0;
}

static int run_server(void *argument)
{
	struct world *world = argument;
	int result = 0;

	while (result == 0) {
		struct task_request accept = {0};
		struct io_stream *stream;

		io_accept(world->io, &accept.request, world->listener, &stream,
			  task_request_done);
		result = task_await(&accept, GW_FOREVER);
		if (result == 0) {
			struct echo *echo = calloc(1, sizeof(*echo));

			echo->world = world;
			echo->end.stream = stream;
			assert_int_equal(gw_spawn(NULL, run_echo, echo, NULL), 0);
		}
	}
	return 0;
}

static int run_client(void *argument)
{
	struct world *world = argument;

	world->client(world);
	rpc_chaos_stop(world->chaos, NULL, NULL);
	if (world->listener)
		io_listener_close(world->io, world->listener);
	task_loop_cancel(world->loop);
	return 0;
}

static void run_at(struct world *world, const struct io_address *server,
		   const struct io_address *proxy)
{
	struct gw_error error = {0};
	struct io_address to;

	assert_int_equal(io_uv_new(&world->io, NULL, &error), 0);
	assert_int_equal(task_loop_new(world->io, NULL, &world->loop, &error), 0);
	assert_int_equal(io_listen(world->io, server, &world->listener, &error), 0);
	io_listener_address(world->io, world->listener, &to);
	assert_int_equal(rpc_chaos_new(&world->chaos, world->io, proxy, &to, &world->options,
				       &error),
			 0);
	rpc_chaos_address(world->chaos, &world->address);
	assert_int_equal(task_loop_spawn(world->loop, run_server, world, NULL), 0);
	assert_int_equal(task_loop_spawn(world->loop, run_client, world, NULL), 0);
	io_uv_run(world->io);
	assert_int_equal(task_loop_tasks(world->loop), 0);
	assert_int_equal(io_pending(world->io), 0);
	task_loop_free(world->loop);
	io_uv_free(world->io);
}

static void run(struct world *world)
{
	struct io_address any = {.family = IO_FAMILY_IP4, .ip = {127, 0, 0, 1}};

	run_at(world, &any, &any);
}

/* ---- Tests -------------------------------------------------------------------------------- */

/* Sends many bytes while reading them back, and compares. */
static void echo_much(struct world *world)
{
	struct end *end = connect_end(world);
	uint8_t bytes[997];

	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(i * 31 + (size_t)round);
		assert_int_equal(write_all(world, end, bytes, sizeof(bytes)), 0);
		assert_int_equal(read_ms(world, end, sizeof(bytes), TEST_MS), sizeof(bytes));
		assert_memory_equal(end->bytes, bytes, sizeof(bytes));
	}
	/* The end travels there, and the echo's back. */
	assert_int_equal(shut(world, end), 0);
	assert_int_equal(read_ms(world, end, 1, TEST_MS), 0);
	assert_int_equal(end->result, 0);
	close_end(world, end);
}

static void without_options_bytes_pass_as_they_are(void **state)
{
	struct world world = {.client = echo_much, .options = {.seed = 1}};

	(void)state;
	run(&world);
	assert_int_equal(world.ended, 1);
}

static void cut_and_late_pieces_keep_their_order(void **state)
{
	struct world world = {.client = echo_much,
			      .options = {.seed = 1, .jitter_ms = 1, .split = true}};

	(void)state;
	run(&world);
}

static void unix_sockets_work_as_well(void **state)
{
	struct io_address server = {.family = IO_FAMILY_UNIX}, proxy = server;
	struct world world = {.client = echo_much, .options = {.seed = 1}};
	char place[] = "/tmp/gw-chaos-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(place));
	(void)snprintf(server.path, sizeof(server.path), "%s/server", place);
	(void)snprintf(proxy.path, sizeof(proxy.path), "%s/proxy", place);
	run_at(&world, &server, &proxy);
	assert_int_equal(rmdir(place), 0); /* both sockets are gone */
}

static void echo_once(struct world *world)
{
	struct end *end = connect_end(world);
	uint64_t before = gw_now_ns();

	assert_int_equal(write_all(world, end, "x", 1), 0);
	assert_int_equal(read_ms(world, end, 1, TEST_MS), 1);
	assert_true(gw_now_ns() - before >= 2 * world->options.delay_ms * 1000000);
	close_end(world, end);
}

static void a_delay_holds_each_way(void **state)
{
	struct world world = {.client = echo_once, .options = {.seed = 1, .delay_ms = 10}};

	(void)state;
	run(&world);
}

static void trickle(struct world *world)
{
	struct end *end = connect_end(world);
	uint8_t bytes[1000] = {0};
	uint64_t before = gw_now_ns();

	assert_int_equal(write_all(world, end, bytes, sizeof(bytes)), 0);
	assert_int_equal(read_ms(world, end, sizeof(bytes), TEST_MS), sizeof(bytes));
	assert_true(gw_now_ns() - before >= 1000000000 / world->options.bytes_per_s * 900);
	close_end(world, end);
}

static void a_rate_holds_each_way(void **state)
{
	struct world world = {.client = trickle, .options = {.seed = 1, .bytes_per_s = 20000}};

	(void)state;
	run(&world);
}

/* ---- Faults ------------------------------------------------------------------------------- */

static void expect_reset(struct world *world)
{
	struct end *end = connect_end(world);

	(void)write_all(world, end, "x", 1);
	/* Of a reset the kernel tells the first who asks: here, or the write. */
	assert_int_equal(read_ms(world, end, 1, TEST_MS), 0);
	assert_true(end->result <= 0);
	close_end(world, end);
}

static void a_piece_that_resets_ends_both_sides(void **state)
{
	struct world world = {.client = expect_reset,
			      .options = {.seed = 1, .reset_ppm = RPC_CHAOS_PPM}};

	(void)state;
	run(&world);
}

static void a_refused_connection_is_reset(void **state)
{
	struct world world = {.client = expect_reset,
			      .options = {.seed = 1, .refuse_ppm = RPC_CHAOS_PPM}};

	(void)state;
	run(&world);
	assert_int_equal(world.echoes, 0);
}

static void expect_silence(struct world *world)
{
	struct end *end = connect_end(world);

	for (int i = 0; i < 3; i++) {
		assert_int_equal(write_all(world, end, "x", 1), 0);
		assert_int_equal(read_ms(world, end, 1, 20), 0);
		assert_int_equal(end->result, 1); /* open, and silent */
	}
	/* Healed, new connections are fine; the old one stays silent. */
	world->options.drop_ppm = 0;
	rpc_chaos_set(world->chaos, &world->options);
	assert_int_equal(write_all(world, end, "x", 1), 0);
	assert_int_equal(read_ms(world, end, 1, 20), 0);
	echo_once(world);
	assert_int_equal(rpc_chaos_counts(world->chaos).drops, 1);
	close_end(world, end);
}

static void what_is_dropped_takes_all_behind_it_along(void **state)
{
	struct world world = {.client = expect_silence,
			      .options = {.seed = 1, .drop_ppm = RPC_CHAOS_PPM}};

	(void)state;
	run(&world);
}

static void leave_half_open(struct world *world)
{
	struct end *end = connect_end(world);

	assert_int_equal(write_all(world, end, "x", 1), 0);
	assert_int_equal(read_ms(world, end, 1, TEST_MS), 1);
	assert_int_equal(world->echoes, 1);
	io_stream_reset(world->io, end->stream);
	end->stream = NULL;
	close_end(world, end);
	assert_int_equal(gw_sleep_ms(20), 0);
	assert_int_equal(world->ended, 0); /* the server knows nothing of it */
	assert_int_equal(rpc_chaos_counts(world->chaos).half_open, 1);
}

static void sides_of_a_half_open_connection_do_not_learn_of_its_end(void **state)
{
	struct world world = {.client = leave_half_open,
			      .options = {.seed = 1, .half_open_ppm = RPC_CHAOS_PPM}};

	(void)state;
	run(&world);
}

static void reset_all(struct world *world)
{
	struct end *ends[10];

	for (size_t i = 0; i < 10; i++) {
		ends[i] = connect_end(world);
		assert_int_equal(write_all(world, ends[i], "x", 1), 0);
		assert_int_equal(read_ms(world, ends[i], 1, TEST_MS), 1);
	}
	rpc_chaos_reset_all(world->chaos);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(read_ms(world, ends[i], 1, TEST_MS), 0);
		assert_int_equal(ends[i]->result, GW_E_CLOSED);
		close_end(world, ends[i]);
	}
	echo_once(world);
}

static void all_connections_can_be_reset_at_once(void **state)
{
	struct world world = {.client = reset_all, .options = {.seed = 1}};

	(void)state;
	run(&world);
}

static void expect_nobody(struct world *world)
{
	io_listener_close(world->io, world->listener);
	expect_reset(world);
	assert_int_equal(rpc_chaos_counts(world->chaos).unreachable, 1);
	world->listener = NULL;
}

static void without_a_server_connections_are_reset(void **state)
{
	struct io_address any = {.family = IO_FAMILY_IP4, .ip = {127, 0, 0, 1}};
	struct world world = {.client = expect_nobody, .options = {.seed = 1}};

	(void)state;
	run_at(&world, &any, &any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_options_bytes_pass_as_they_are),
		cmocka_unit_test(cut_and_late_pieces_keep_their_order),
		cmocka_unit_test(unix_sockets_work_as_well),
		cmocka_unit_test(a_delay_holds_each_way),
		cmocka_unit_test(a_rate_holds_each_way),
		cmocka_unit_test(a_piece_that_resets_ends_both_sides),
		cmocka_unit_test(a_refused_connection_is_reset),
		cmocka_unit_test(what_is_dropped_takes_all_behind_it_along),
		cmocka_unit_test(sides_of_a_half_open_connection_do_not_learn_of_its_end),
		cmocka_unit_test(all_connections_can_be_reset_at_once),
		cmocka_unit_test(without_a_server_connections_are_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tls_stream_test.c - bytes by TLS: all of them and in order, and every way in which they end. */
#include "rpc/tls_fixture.h"
#include "task/await.h"

#include "support/unit.h"

#include <stdlib.h>
#include <time.h>

enum { BIG_BYTES = 3 << 20 };

/* What the two sides of some pairs have agreed on. */
enum stage { STAGE_START, STAGE_FULL, STAGE_OVER };

struct world {
	struct tls_cluster cluster;
	struct gw_rpc_tls *server, *user;
	uint8_t *sent, *got; /* BIG_BYTES */
	uint64_t seed;
	enum stage stage;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	tls_cluster_make(&world->cluster, time(NULL));
	world->server = tls_cluster_server(&world->cluster);
	world->user = tls_cluster_user(&world->cluster);
	world->sent = malloc(BIG_BYTES);
	world->got = malloc(BIG_BYTES);
	for (size_t i = 0; i < BIG_BYTES; i += 8) {
		uint64_t number = test_random(&world->seed);

		memcpy(world->sent + i, &number, 8);
	}
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	gw_rpc_tls_free(world->server);
	gw_rpc_tls_free(world->user);
	tls_cluster_done(&world->cluster);
	free(world->sent);
	free(world->got);
	free(world);
	return 0;
}

static struct tls_pair pair_of(struct world *world)
{
	return (struct tls_pair){.server_tls = world->server, .client_tls = world->user,
				 .data = world};
}

static void good_pair(struct tls_pair *pair)
{
	tls_pair_run(pair);
	assert_int_equal(pair->server_result, 0);
	assert_int_equal(pair->client_result, 0);
}

/* ---- All bytes, in order ------------------------------------------------------------------ */

static void send_all(struct tls_pair *pair, struct tls_end *end)
{
	struct world *world = pair->data;

	for (size_t at = 0, size; at < BIG_BYTES; at += size) {
		size = 1 + test_pick(&world->seed, 1 << test_pick(&world->seed, 21));
		size = size < BIG_BYTES - at ? size : BIG_BYTES - at;
		assert_int_equal(tls_end_write(end, world->sent + at, size), 0);
	}
}

static void receive_all(struct tls_pair *pair, struct tls_end *end)
{
	struct world *world = pair->data;
	uint8_t byte;

	for (size_t at = 0, size; at < BIG_BYTES; at += size) {
		size = 1 + test_pick(&world->seed, 1 << test_pick(&world->seed, 21));
		size = size < BIG_BYTES - at ? size : BIG_BYTES - at;
		assert_int_equal(tls_end_read(end, world->got + at, size), size);
	}
	/* The other side closes: a clean end. */
	assert_int_equal(tls_end_read(end, &byte, 1), 0);
	assert_int_equal(end->result, 0);
}

static void big_transfers_arrive_whole_to_the_server(void **state)
{
	struct tls_pair pair = pair_of(*state);
	struct world *world = *state;

	pair.client = send_all;
	pair.server = receive_all;
	memset(world->got, 0, BIG_BYTES);
	good_pair(&pair);
	assert_memory_equal(world->sent, world->got, BIG_BYTES);
}

static void big_transfers_arrive_whole_to_the_client(void **state)
{
	struct tls_pair pair = pair_of(*state);
	struct world *world = *state;

	pair.server = send_all;
	pair.client = receive_all;
	memset(world->got, 0, BIG_BYTES);
	good_pair(&pair);
	assert_memory_equal(world->sent, world->got, BIG_BYTES);
}

enum { WRITES = 64, PIECES = 40 };

struct many {
	struct io_request requests[WRITES];
	struct gw_bytes pieces[WRITES][PIECES];
	struct tls_event event;
	int next, results[WRITES];
};

static void many_done(struct io_request *request, int result)
{
	struct many *many = request->data;

	assert_ptr_equal(request, &many->requests[many->next]); /* in order */
	many->results[many->next++] = result;
	if (many->next == WRITES)
		tls_event_set(&many->event);
}

/* WRITES writes at once, of PIECES pieces with 0 to 99 bytes; returns the sum. */
static size_t start_many(struct world *world, struct many *many, struct tls_end *end)
{
	size_t sum = 0;

	for (int i = 0; i < WRITES; i++) {
		for (int j = 0; j < PIECES; j++) {
			size_t size = j ? test_pick(&world->seed, 100) : 1;

			many->pieces[i][j] = (struct gw_bytes){world->sent + sum, size};
			sum += size;
		}
		many->requests[i].data = many;
		end->transport->operations->writev(end->transport, &many->requests[i],
						   many->pieces[i], PIECES, many_done);
	}
	assert_int_equal(many->next, 0);
	return sum;
}

static void send_many(struct tls_pair *pair, struct tls_end *end)
{
	struct many *many = calloc(1, sizeof(*many));
	uint64_t sum = start_many(pair->data, many, end);

	assert_int_equal(tls_event_wait(&many->event), 0);
	for (int i = 0; i < WRITES; i++)
		assert_int_equal(many->results[i], 0);
	assert_int_equal(tls_end_write(end, &sum, sizeof(sum)), 0);
	free(many);
}

static void receive_many(struct tls_pair *pair, struct tls_end *end)
{
	struct world *world = pair->data;
	size_t size = 0, sum;
	uint64_t said;

	while (tls_end_read(end, world->got + size, 1) == 1)
		size++;
	assert_true(size > sizeof(said));
	sum = size - sizeof(said);
	memcpy(&said, world->got + sum, sizeof(said));
	assert_int_equal(said, sum);
	assert_memory_equal(world->sent, world->got, sum);
}

static void writes_of_many_pieces_keep_their_order(void **state)
{
	struct tls_pair pair = pair_of(*state);

	pair.client = send_many;
	pair.server = receive_many;
	good_pair(&pair);
}

/* ---- Ends --------------------------------------------------------------------------------- */

static void read_to_the_end(struct tls_pair *pair, struct tls_end *end)
{
	uint8_t bytes[16];

	(void)pair;
	assert_int_equal(tls_end_read(end, bytes, 5), 5);
	assert_memory_equal(bytes, "hello", 5);
	(void)tls_end_read(end, bytes, 1);
}

static void expect_truncated(struct tls_pair *pair, struct tls_end *end)
{
	read_to_the_end(pair, end);
	assert_int_equal(end->result, GW_E_TRUNCATED);
}

static void say_hello_and_vanish(struct tls_pair *pair, struct tls_end *end)
{
	struct rpc_tls *tls = (struct rpc_tls *)end->transport;
	struct task_request shut = {0};

	assert_int_equal(tls_end_write(end, "hello", 5), 0);
	/* The end of the TCP stream without that of TLS: anybody on the way could have made it. */
	io_shutdown(pair->io, &shut.request, tls->stream, task_request_done);
	assert_int_equal(task_await(&shut, GW_FOREVER), 0);
	tls_end_close(end, true);
}

static void an_end_without_close_notify_is_truncation(void **state)
{
	struct tls_pair pair = pair_of(*state);

	pair.client = say_hello_and_vanish;
	pair.server = expect_truncated;
	good_pair(&pair);
}

static void expect_reset(struct tls_pair *pair, struct tls_end *end)
{
	uint8_t byte;

	(void)pair;
	assert_int_equal(tls_end_read(end, &byte, 1), GW_E_CLOSED);
}

static void reset_at_once(struct tls_pair *pair, struct tls_end *end)
{
	(void)pair;
	tls_end_close(end, true);
}

static void a_reset_is_closed(void **state)
{
	struct tls_pair pair = pair_of(*state);

	pair.server = reset_at_once;
	pair.client = expect_reset;
	good_pair(&pair);
}

static void hello_and_garbage(struct tls_pair *pair, struct tls_end *end)
{
	static const char record[64] = "\x17\x03\x03\x00\x20 not what the key makes";
	struct rpc_tls *tls = (struct rpc_tls *)end->transport;
	struct gw_bytes piece = {record, sizeof(record)};
	struct task_request write = {0};
	uint8_t byte;

	assert_int_equal(tls_end_write(end, "hello", 5), 0);
	io_writev(pair->io, &write.request, tls->stream, &piece, 1, task_request_done);
	assert_int_equal(task_await(&write, GW_FOREVER), 0);
	assert_true(tls_end_read(end, &byte, 1) < 0);
}

static void expect_corrupt(struct tls_pair *pair, struct tls_end *end)
{
	read_to_the_end(pair, end);
	assert_int_equal(end->result, GW_E_CORRUPT);
	/* What is written now fails in the same way. */
	assert_int_equal(tls_end_write(end, "x", 1), GW_E_CORRUPT);
}

static void a_record_that_was_changed_is_corrupt(void **state)
{
	struct tls_pair pair = pair_of(*state);

	pair.client = hello_and_garbage;
	pair.server = expect_corrupt;
	good_pair(&pair);
}

static void close_with_writes_under_way(struct tls_pair *pair, struct tls_end *end)
{
	struct world *world = pair->data;
	struct many *many = calloc(1, sizeof(*many));

	(void)start_many(world, many, end);
	tls_end_close(end, false);
	assert_int_equal(many->next, 0);
	assert_int_equal(tls_event_wait(&many->event), 0);
	for (int i = 0; i < WRITES; i++)
		assert_int_equal(many->results[i], GW_E_CANCELLED);
	free(many);
}

static void a_close_cancels_what_is_under_way(void **state)
{
	struct tls_pair pair = pair_of(*state);

	pair.client = close_with_writes_under_way;
	/* Even the client's last word of the handshake may be cut off. */
	tls_pair_run(&pair);
	assert_int_equal(pair.client_result, 0);
}

/* ---- Peers that do not play along --------------------------------------------------------- */

static void wait_for_stage(struct tls_pair *pair, enum stage stage)
{
	struct world *world = pair->data;

	while (world->stage < stage)
		assert_int_equal(gw_yield(), 0);
}

/* Starts so many writes that the kernel takes no more, as the other side does not read. */
static struct many *fill_up(struct tls_pair *pair, struct tls_end *end)
{
	struct rpc_tls *tls = (struct rpc_tls *)end->transport;
	struct world *world = pair->data;
	struct many *many = calloc(1, sizeof(*many));

	for (int i = 0; i < WRITES; i++) {
		many->pieces[i][0] = (struct gw_bytes){world->sent, BIG_BYTES};
		many->requests[i].data = many;
		end->transport->operations->writev(end->transport, &many->requests[i],
						   many->pieces[i], 1, many_done);
	}
	for (int i = 0; i < 1000; i++) {
		assert_true(tls->bytes_under_way < RPC_TLS_AHEAD_BYTES + 2 * RPC_TLS_RECORD_BYTES);
		assert_int_equal(gw_yield(), 0);
	}
	assert_in_range(many->next, 0, WRITES - 1);
	world->stage = STAGE_FULL;
	return many;
}

/* All that is under way ends, and the other side may go. */
static void give_up(struct tls_pair *pair, struct tls_end *end, struct many *many)
{
	struct world *world = pair->data;

	tls_end_close(end, true);
	assert_int_equal(tls_event_wait(&many->event), 0);
	world->stage = STAGE_OVER;
	free(many);
}

static void write_much(struct tls_pair *pair, struct tls_end *end)
{
	give_up(pair, end, fill_up(pair, end));
}

static void read_nothing(struct tls_pair *pair, struct tls_end *end)
{
	(void)end;
	wait_for_stage(pair, STAGE_OVER);
}

static void a_peer_that_does_not_read_costs_bounded_memory(void **state)
{
	struct tls_pair pair = pair_of(*state);
	struct world *world = *state;

	world->stage = STAGE_START;
	pair.server = write_much;
	pair.client = read_nothing;
	good_pair(&pair);
}

/* Asks for new keys again and again, and never reads the answers. */
static void ask_for_keys(struct tls_pair *pair, struct tls_end *end)
{
	struct rpc_tls *tls = (struct rpc_tls *)end->transport;
	struct world *world = pair->data;
	int result = 0;

	wait_for_stage(pair, STAGE_FULL);
	for (size_t i = 0; i < 100000 && result == 0 && world->stage < STAGE_OVER; i++) {
		assert_int_equal(SSL_key_update(tls->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		result = tls_end_write(end, "x", 1);
	}
	assert_true(result == 0 || result == GW_E_CLOSED);
	wait_for_stage(pair, STAGE_OVER);
}

static void expect_overloaded(struct tls_pair *pair, struct tls_end *end)
{
	struct rpc_tls *tls = (struct rpc_tls *)end->transport;
	struct many *many = fill_up(pair, end);
	uint8_t byte;

	while (tls_end_read(end, &byte, 1) == 1)
		assert_true(tls->bytes_under_way <
			    RPC_TLS_AHEAD_BYTES + 2 * RPC_TLS_ECHO_BYTES_MAX);
	assert_int_equal(end->result, GW_E_OVERLOADED);
	give_up(pair, end, many);
}

static void a_flood_of_key_updates_ends_the_connection(void **state)
{
	struct tls_pair pair = pair_of(*state);
	struct world *world = *state;

	world->stage = STAGE_START;
	pair.client = ask_for_keys;
	pair.server = expect_overloaded;
	good_pair(&pair);
}

static void try_to_renegotiate(struct tls_pair *pair, struct tls_end *end)
{
	struct rpc_tls *tls = (struct rpc_tls *)end->transport;

	(void)pair;
	assert_int_equal(SSL_renegotiate(tls->ssl), 0);
	assert_int_equal(SSL_renegotiate_abbreviated(tls->ssl), 0);
	assert_int_equal(tls_end_write(end, "hello", 5), 0);
}

static void connections_are_not_renegotiated(void **state)
{
	struct tls_pair pair = pair_of(*state);

	pair.client = try_to_renegotiate;
	pair.server = read_to_the_end;
	good_pair(&pair);
}

/* ---- Memory ------------------------------------------------------------------------------- */

static void fail_a_write(struct tls_pair *pair, struct tls_end *end)
{
	(void)pair;
	test_fail_allocation(1);
	assert_int_equal(tls_end_write(end, "x", 1), GW_E_NO_MEMORY);
	assert_true(test_allocation_failed());
}

static void a_write_without_memory_fails_later_not_at_once(void **state)
{
	struct tls_pair pair = pair_of(*state);

	pair.client = fail_a_write;
	good_pair(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(big_transfers_arrive_whole_to_the_server),
		cmocka_unit_test(big_transfers_arrive_whole_to_the_client),
		cmocka_unit_test(writes_of_many_pieces_keep_their_order),
		cmocka_unit_test(an_end_without_close_notify_is_truncation),
		cmocka_unit_test(a_reset_is_closed),
		cmocka_unit_test(a_record_that_was_changed_is_corrupt),
		cmocka_unit_test(a_close_cancels_what_is_under_way),
		cmocka_unit_test(a_peer_that_does_not_read_costs_bounded_memory),
		cmocka_unit_test(a_flood_of_key_updates_ends_the_connection),
		cmocka_unit_test(connections_are_not_renegotiated),
		cmocka_unit_test(a_write_without_memory_fails_later_not_at_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

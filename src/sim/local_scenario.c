/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local_scenario.c - datagrams and their faults, UNIX sockets within a node, addresses and names.
 */
#include "sim/world_fixture.h"

enum { SENT = 400 };

/* ---- Datagrams ----------------------------------------------------------------------------- */

struct receiver {
	struct io_request request; /* first */
	struct io *io;
	struct io_datagrams *socket;
	struct io_address from;
	char buffer[16];
	unsigned count, seen[SENT], out_of_order;
	int last;
};

static void received(struct io_request *request, int result)
{
	struct receiver *receiver = (struct receiver *)request;
	int number;

	assert_int_equal(result, sizeof(number));
	memcpy(&number, receiver->buffer, sizeof(number));
	receiver->count++;
	receiver->seen[number]++;
	receiver->out_of_order += number < receiver->last;
	receiver->last = number;
	io_receive(receiver->io, &receiver->request, receiver->socket,
		   (struct io_buffer){receiver->buffer, sizeof(receiver->buffer)},
		   &receiver->from, received);
}

/* Sends numbered datagrams from node 0 to node 1, a millisecond apart. */
static void send_many(struct world *world, struct receiver *receiver)
{
	struct io_address address, to;
	struct io_datagrams *socket;

	sim_node_address(world->nodes[0], 0, &address);
	assert_int_equal(io_datagrams_open(world_io(world, 0), &address, &socket, NULL), 0);
	sim_node_address(world->nodes[1], WORLD_PORT, &to);
	receiver->io = world_io(world, 1);
	assert_int_equal(io_datagrams_open(receiver->io, &to, &receiver->socket, NULL), 0);
	io_receive(receiver->io, &receiver->request, receiver->socket,
		   (struct io_buffer){receiver->buffer, sizeof(receiver->buffer)},
		   &receiver->from, received);
	for (int i = 0; i < SENT; i++) {
		struct op op = op_of(world);
		struct gw_bytes piece = {&i, sizeof(i)};

		io_send(world_io(world, 0), &op.request, socket, &to, &piece, 1, op_done);
		assert_int_equal(op_wait(&op), 0);
		sim_run_for(world->sim, SIM_MS);
	}
	sim_run_for(world->sim, 60 * SIM_SECOND);
	io_datagrams_address(world_io(world, 0), socket, &address);
	assert_true(io_address_equal(&receiver->from, &address));
}

static void datagrams_arrive_once_and_in_order_on_a_tame_link(void **state)
{
	struct receiver receiver = {0};
	struct world world;

	(void)state;
	world_start(&world, 1, NULL);
	send_many(&world, &receiver);
	assert_int_equal(receiver.count, SENT);
	assert_int_equal(receiver.out_of_order, 0);
	world_end(&world);
}

static void datagrams_are_lost_doubled_and_late(void **state)
{
	struct receiver receiver = {0};
	struct world world;
	struct sim_link *link;
	unsigned lost = 0, doubled = 0;

	(void)state;
	world_start(&world, 1, NULL);
	link = sim_link(world.nodes[0], world.nodes[1]);
	link->loss_ppm = SIM_PPM / 10;
	link->double_ppm = SIM_PPM / 10;
	link->late_ppm = SIM_PPM / 10;
	link->late_ns = SIM_SECOND;
	send_many(&world, &receiver);
	for (int i = 0; i < SENT; i++) {
		lost += receiver.seen[i] == 0;
		doubled += receiver.seen[i] == 2;
		assert_true(receiver.seen[i] <= 2);
	}
	assert_in_range(lost, 10, 100);
	assert_in_range(doubled, 10, 100);
	assert_true(receiver.out_of_order > 10);
	assert_true(sim_count(world.sim, SIM_COUNT_DATAGRAM_LATE) > 10);
	world_end(&world);
}

static void a_datagram_that_is_too_long_is_told(void **state)
{
	struct world world;
	struct io_address to, from;
	struct io_datagrams *socket;
	struct op send, receive;
	char big[IO_DATAGRAM_BYTES_MAX + 1] = {0}, buffer[4];
	struct gw_bytes piece = {big, sizeof(big)};

	(void)state;
	world_start(&world, 1, NULL);
	sim_node_address(world.nodes[0], WORLD_PORT, &to);
	assert_int_equal(io_datagrams_open(world_io(&world, 0), &to, &socket, NULL), 0);
	send = op_of(&world);
	io_send(world_io(&world, 0), &send.request, socket, &to, &piece, 1, op_done);
	assert_int_equal(op_wait(&send), GW_E_TOO_LARGE);
	piece.size = 5;
	send = op_of(&world);
	io_send(world_io(&world, 0), &send.request, socket, &to, &piece, 1, op_done);
	assert_int_equal(op_wait(&send), 0);
	receive = op_of(&world);
	io_receive(world_io(&world, 0), &receive.request, socket, (struct io_buffer){buffer, 4},
		   &from, op_done);
	assert_int_equal(op_wait(&receive), GW_E_TOO_LARGE);
	world_end(&world);
}

static void a_socket_that_nobody_reads_drops_datagrams(void **state)
{
	struct sim_options options = {.datagram_buffer_bytes = 100};
	struct world world;
	struct io_address to;
	struct io_datagrams *socket;

	(void)state;
	world_start(&world, 1, &options);
	sim_node_address(world.nodes[0], WORLD_PORT, &to);
	assert_int_equal(io_datagrams_open(world_io(&world, 0), &to, &socket, NULL), 0);
	for (int i = 0; i < 5; i++) {
		struct op op = op_of(&world);
		struct gw_bytes piece = {"0123456789012345678901234567890123456789", 40};

		io_send(world_io(&world, 0), &op.request, socket, &to, &piece, 1, op_done);
		assert_int_equal(op_wait(&op), 0);
		sim_run_for(world.sim, SIM_SECOND);
	}
	assert_int_equal(sim_count(world.sim, SIM_COUNT_DATAGRAM), 2);
	assert_int_equal(sim_count(world.sim, SIM_COUNT_DATAGRAM_LOST), 3);
	world_end(&world);
}

/* ---- UNIX sockets -------------------------------------------------------------------------- */

static struct io_address unix_address(const char *path)
{
	struct io_address address = {.family = IO_FAMILY_UNIX};

	memcpy(address.path, path, strlen(path) + 1);
	return address;
}

static void a_unix_socket_is_a_name_on_its_node_s_disk(void **state)
{
	struct io_address address = unix_address("run/socket");
	struct world world;
	struct op connect, accept;
	struct io_stream *streams[2];
	struct io_listener *listener;
	struct io_peer peer;
	struct gw_error error;

	(void)state;
	world_start(&world, 1, NULL);
	assert_int_equal(io_listen(world_io(&world, 0), &address, &listener, &error),
			 GW_E_NOT_FOUND);
	assert_int_equal(path_mkdir(&world, 0, "run"), 0);
	assert_int_equal(io_listen(world_io(&world, 0), &address, &listener, &error), 0);
	accept = op_of(&world);
	connect = op_of(&world);
	io_accept(world_io(&world, 0), &accept.request, listener, &streams[1], op_done);
	io_connect(world_io(&world, 0), &connect.request, &address, NULL, &streams[0], op_done);
	assert_int_equal(op_wait(&connect), 0);
	assert_int_equal(op_wait(&accept), 0);
	io_peer(world_io(&world, 0), streams[1], &peer);
	assert_true(peer.has_ids);
	/* It is nobody else's. */
	connect = op_of(&world);
	io_connect(world_io(&world, 1), &connect.request, &address, NULL, &streams[0], op_done);
	assert_int_equal(op_wait(&connect), GW_E_NOT_FOUND);
	io_listener_close(world_io(&world, 0), listener);
	assert_int_equal(path_unlink(&world, 0, "run/socket"), GW_E_NOT_FOUND);
	world_end(&world);
}

static void the_name_of_a_killed_listener_stays_and_refuses(void **state)
{
	struct io_address address = unix_address("socket");
	struct world world;
	struct op connect;
	struct io_stream *stream;
	struct io_listener *listener;

	(void)state;
	world_start(&world, 1, NULL);
	assert_int_equal(io_listen(world_io(&world, 0), &address, &listener, NULL), 0);
	sim_node_kill(world.nodes[0]);
	sim_node_start(world.nodes[0]);
	connect = op_of(&world);
	io_connect(world_io(&world, 0), &connect.request, &address, NULL, &stream, op_done);
	assert_int_equal(op_wait(&connect), GW_E_UNREACHABLE);
	assert_true(io_listen(world_io(&world, 0), &address, &listener, NULL) < 0);
	assert_int_equal(path_unlink(&world, 0, "socket"), 0);
	assert_int_equal(io_listen(world_io(&world, 0), &address, &listener, NULL), 0);
	world_end(&world);
}

static void datagrams_pass_between_unix_sockets(void **state)
{
	struct io_address here = unix_address("here"), there = unix_address("there"), from;
	struct world world;
	struct io_datagrams *sockets[2];
	struct op send, receive;
	struct gw_bytes piece = {"x", 1};
	char buffer[4];

	(void)state;
	world_start(&world, 1, NULL);
	assert_int_equal(io_datagrams_open(world_io(&world, 0), &here, &sockets[0], NULL), 0);
	send = op_of(&world);
	io_send(world_io(&world, 0), &send.request, sockets[0], &there, &piece, 1, op_done);
	assert_int_equal(op_wait(&send), GW_E_NOT_FOUND);
	assert_int_equal(io_datagrams_open(world_io(&world, 0), &there, &sockets[1], NULL), 0);
	receive = op_of(&world);
	io_receive(world_io(&world, 0), &receive.request, sockets[1],
		   (struct io_buffer){buffer, 4}, &from, op_done);
	send = op_of(&world);
	io_send(world_io(&world, 0), &send.request, sockets[0], &there, &piece, 1, op_done);
	assert_int_equal(op_wait(&receive), 1);
	assert_true(io_address_equal(&from, &here));
	io_datagrams_close(world_io(&world, 0), sockets[1]);
	assert_int_equal(path_unlink(&world, 0, "there"), GW_E_NOT_FOUND);
	world_end(&world);
}

/* ---- Addresses ----------------------------------------------------------------------------- */

static int resolve(struct world *world, const char *host, const char *port,
		   struct io_addresses *addresses)
{
	struct op op = op_of(world);

	io_resolve(world_io(world, 0), &op.request, host, port, addresses, op_done);
	return op_wait(&op);
}

static void names_of_nodes_and_numbers_are_resolved(void **state)
{
	struct world world;
	struct io_addresses addresses;
	struct io_address address;

	(void)state;
	world_start(&world, 1, NULL);
	sim_node_address(world.nodes[1], 80, &address);
	assert_int_equal(resolve(&world, "two", "80", &addresses), 0);
	assert_true(io_address_equal(&addresses.items[0], &address));
	assert_int_equal(resolve(&world, "10.0.0.2", "80", &addresses), 0);
	assert_true(io_address_equal(&addresses.items[0], &address));
	assert_int_equal(resolve(&world, "::1", "80", &addresses), 0);
	assert_int_equal(addresses.items[0].family, IO_FAMILY_IP6);
	assert_int_equal(resolve(&world, "localhost", "80", &addresses), 0);
	assert_int_equal(resolve(&world, "nobody", "80", &addresses), GW_E_NOT_FOUND);
	assert_int_equal(resolve(&world, "two", "65536", &addresses), GW_E_NOT_FOUND);
	assert_int_equal(resolve(&world, "two", "http", &addresses), GW_E_NOT_FOUND);
	world_end(&world);
}

static void a_port_has_one_listener_and_a_loopback_one_hears_only_its_node(void **state)
{
	struct io_address loopback = {.family = IO_FAMILY_IP4, .ip = {127, 0, 0, 1}}, address;
	struct world world;
	struct io_listener *listener, *second;
	struct io_stream *stream;
	struct gw_error error;
	struct op op;

	(void)state;
	world_start(&world, 1, NULL);
	assert_int_equal(io_listen(world_io(&world, 1), &loopback, &listener, &error), 0);
	io_listener_address(world_io(&world, 1), listener, &loopback);
	assert_true(loopback.port > 0);
	assert_true(io_listen(world_io(&world, 1), &loopback, &second, &error) < 0);
	sim_node_address(world.nodes[1], loopback.port, &address);
	op = op_of(&world);
	io_connect(world_io(&world, 0), &op.request, &address, NULL, &stream, op_done);
	assert_int_equal(op_wait(&op), GW_E_UNREACHABLE);
	op = op_of(&world);
	io_connect(world_io(&world, 1), &op.request, &loopback, NULL, &stream, op_done);
	assert_int_equal(op_wait(&op), 0);
	sim_node_address(world.nodes[2], WORLD_PORT, &address);
	assert_true(io_listen(world_io(&world, 1), &address, &second, &error) < 0);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_arrive_once_and_in_order_on_a_tame_link),
		cmocka_unit_test(datagrams_are_lost_doubled_and_late),
		cmocka_unit_test(a_datagram_that_is_too_long_is_told),
		cmocka_unit_test(a_socket_that_nobody_reads_drops_datagrams),
		cmocka_unit_test(a_unix_socket_is_a_name_on_its_node_s_disk),
		cmocka_unit_test(the_name_of_a_killed_listener_stays_and_refuses),
		cmocka_unit_test(datagrams_pass_between_unix_sockets),
		cmocka_unit_test(names_of_nodes_and_numbers_are_resolved),
		cmocka_unit_test(a_port_has_one_listener_and_a_loopback_one_hears_only_its_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
